package fcontext_test

import (
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

const text = `
/.*                 system_u:object_r:default_t:s0
/run/.*             <<none>>
/run/wsgi.*   -s    system_u:object_r:httpd_var_run_t:s0
/var/www(/.*)?      system_u:object_r:httpd_sys_content_t:s0
`

func Example() {
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(text)}, fcontext.Options{})
	if err != nil {
		panic(err)
	}
	m, ok := db.Lookup("/var/www/html/index.html", fcontext.File)
	fmt.Println(ok, m.Context)
	fmt.Printf("line %d: %s\n", m.Spec.Line, m.Spec.Pattern)
	// Output:
	// true system_u:object_r:httpd_sys_content_t:s0
	// line 5: /var/www(/.*)?
}

// Where does the policy expect the sockets that httpd_t may write?
func ExampleDB_SpecsOfType() {
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(text)}, fcontext.Options{})
	if err != nil {
		panic(err)
	}
	for s := range db.SpecsOfType("httpd_var_run_t", fcontext.Socket) {
		fmt.Println(s.Pattern)
	}
	// Output:
	// /run/wsgi.*
}

// What would semanage fcontext -a change?
func ExampleDB_With() {
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(text)}, fcontext.Options{})
	if err != nil {
		panic(err)
	}
	pattern, err := fcontext.TreePattern("/my/web.site")
	if err != nil {
		panic(err)
	}
	more, err := db.With(fcontext.Spec{
		Pattern: pattern,
		Context: policy.MustParseContext("system_u:object_r:httpd_sys_content_t:s0"),
	})
	if err != nil {
		panic(err)
	}
	before, _ := db.Lookup("/my/web.site/index.html", fcontext.File)
	after, _ := more.Lookup("/my/web.site/index.html", fcontext.File)
	fmt.Println(before.Context.Type(), "->", after.Context.Type(), "by", after.Spec.Pattern)
	// Output:
	// default_t -> httpd_sys_content_t by /my/web\.site(/.*)?
}

// What would another policy's file contexts change?
func ExampleDiff() {
	open := func(text string) *fcontext.DB {
		db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(text)}, fcontext.Options{})
		if err != nil {
			panic(err)
		}
		return db
	}
	old := open(text)
	renewed := open(strings.ReplaceAll(text, "httpd_var_run_t", "httpd_runtime_t"))
	if err := fcontext.Diff(old, renewed).WriteText(os.Stdout); err != nil {
		panic(err)
	}
	paths := maps.All(map[string]fcontext.Kind{"/run/wsgi.sock": fcontext.Socket})
	for d := range fcontext.DiffLookups(old, renewed, paths) {
		fmt.Println(d.Path, "had", d.Old.Context.Type(), "and gets", d.New.Context.Type())
	}
	// Output:
	// * /run/wsgi.*	-s	system_u:object_r:httpd_var_run_t:s0 -> system_u:object_r:httpd_runtime_t:s0
	// /run/wsgi.sock had httpd_var_run_t and gets httpd_runtime_t
}

// Which context does SE-PostgreSQL give a new table?
func ExampleTable_Lookup() {
	table, err := fcontext.ParseTable(strings.NewReader(`
db_table	*.pg_catalog.*	system_u:object_r:sepgsql_sysobj_t:s0
db_table	*.*.*		system_u:object_r:sepgsql_table_t:s0	# all others
`), fcontext.DatabaseTable, fcontext.TableOptions{})
	if err != nil {
		panic(err)
	}
	s, ok := table.Lookup("db_table", "shop.public.customer")
	fmt.Println(ok, s.Context, "line", s.Line)
	// Output:
	// true system_u:object_r:sepgsql_table_t:s0 line 3
}

package refpolicy_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/module/refpolicy"
	"github.com/sekit/sekit/policy"
)

func TestSuggest(t *testing.T) {
	fsys := headers()
	fsys["services/db.if"] = &fstest.MapFile{Data: []byte(`
interface(` + "`db_read',`" + `
	gen_require(` + "`" + ` type mysqld_db_t; class file { getattr open read write }; ')
	allow $1 mysqld_db_t:file { getattr open read };
')
interface(` + "`db_write',`" + `
	db_read($1)
	allow $1 mysqld_db_t:file write;
')
interface(` + "`db_everything',`" + `
	gen_require(` + "`" + ` type mysqld_db_t, var_t; class dir search; class file { getattr open read write }; bool deb; ')
	allow $1 { mysqld_db_t var_t }:file { getattr open read write };
	allow $1 { mysqld_db_t -var_t }:dir search;
	optional { require { type no_such_type; } allow $1 no_such_type:file read; }
')
interface(` + "`db_maybe',`" + `
	gen_require(` + "`" + ` type mysqld_db_t; class file read; bool deb; ')
	if (deb) { allow $1 mysqld_db_t:file read; }
')
interface(` + "`db_none',`" + `
	gen_require(` + "`" + ` type mysqld_db_t, no_such_type; class file read; ')
	allow $1 { mysqld_db_t no_such_type }:file read;
')
interface(` + "`db_attribute',`" + `
	gen_require(` + "`" + ` type mysqld_db_t; attribute domain; class file { getattr open read }; ')
	typeattribute $1 domain;
	allow $1 mysqld_db_t:file { getattr open read };
')
interface(` + "`db_between',`" + `
	gen_require(` + "`" + ` type mysqld_db_t; class file { getattr open read }; ')
	allow $1 mysqld_db_t:file { getattr open read };
	allow $1 $2:file read;
')
`)}
	h, err := refpolicy.Open(fsys)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	access := func(target string, permissions ...string) policy.Access {
		return policy.Access{Source: policy.MustParseContext("system_u:system_r:haproxy_t:s0"),
			Target: policy.MustParseContext("system_u:object_r:" + target + ":s0"), Class: "file", Permissions: permissions}
	}
	got, err := h.Suggest(p, []policy.Access{access("mysqld_db_t", "read"), access("mysqld_db_t", "write"), access("haproxy_t", "read")})
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		call           string
		tuples, beyond int
	}
	var lines []line
	for _, s := range got {
		lines = append(lines, line{s.Call, s.Exposure.Tuples, s.Beyond})
		if want := []int{0, 1}[:1+min(1, len(s.Cures)-1)]; !slices.Equal(s.Cures, want) {
			t.Errorf("%s cures %v", s.Call, s.Cures)
		}
	}
	// Of three permissions to read one is asked for, and so is writing. The last
	// one also reads and writes var_t (of which haproxy_t may do nothing) and
	// searches a directory.
	want := []line{{"db_write(haproxy_t)", 4, 2}, {"db_read(haproxy_t)", 3, 2},
		{"db_between(haproxy_t, mysqld_db_t)", 3, 2}, {"db_attribute(haproxy_t)", 3, 2}, {"db_everything(haproxy_t)", 9, 7}}
	if !slices.Equal(lines, want) {
		t.Errorf("got %v, want %v", lines, want)
	}
	if _, err := h.Suggest(p, []policy.Access{access("no_such_type", "read")}); err == nil {
		t.Error("a type that the policy lacks")
	}
}

// Arguments come from the access.
func TestSuggestArguments(t *testing.T) {
	fsys := headers()
	fsys["services/args.if"] = &fstest.MapFile{Data: []byte(`
interface(` + "`args_class',`" + `
	gen_require(` + "`" + ` type mysqld_db_t; class file { getattr open read write }; class lnk_file read; ')
	allow $1 mysqld_db_t:$2 read;
')
interface(` + "`args_role',`" + `
	gen_require(` + "`" + ` type mysqld_db_t; class file { getattr open read write }; ')
	role $2 types mysqld_db_t;
	allow $1 mysqld_db_t:file read;
')
interface(` + "`args_prefix',`" + `
	gen_require(` + "`" + ` type $1_t, mysqld_db_t; class file { getattr open read write }; ')
	allow $1_t mysqld_db_t:file read;
')
interface(` + "`args_reversed',`" + `
	gen_require(` + "`" + ` class file { getattr open read write }; ')
	allow $2 $1:file read;
')
interface(` + "`args_name',`" + `
	gen_require(` + "`" + ` type mysqld_db_t; class file { getattr open read write create }; ')
	allow $1 mysqld_db_t:file read;
	type_transition $1 mysqld_db_t:file $2 $3;
')
interface(` + "`args_given',`" + `
	gen_require(` + "`" + ` attribute files_unconfined_type; ')
	typeattribute $1 files_unconfined_type;
')
interface(` + "`args_outer',`" + `
	args_class($1, file)
')
`)}
	h, err := refpolicy.Open(fsys)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	a := policy.Access{Source: policy.MustParseContext("system_u:system_r:haproxy_t:s0"),
		Target: policy.MustParseContext("system_u:object_r:mysqld_db_t:s0"), Class: "file", Permissions: []string{"read"}}
	got, err := h.Suggest(p, []policy.Access{a})
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, s := range got {
		calls = append(calls, s.Call)
	}
	want := []string{"args_outer(haproxy_t)", "args_prefix(haproxy)", "args_class(haproxy_t, file)", "args_name(haproxy_t, mysqld_db_t)",
		"args_reversed(mysqld_db_t, haproxy_t)", "args_role(haproxy_t, system_r)", "args_given(haproxy_t)"}
	if !slices.Equal(calls, want) {
		t.Errorf("got %q, want %q", calls, want)
	}
	if last := got[len(got)-1]; last.Beyond < 100 {
		t.Errorf("an attribute of domains that may do everything: %d beyond", last.Beyond)
	}
}

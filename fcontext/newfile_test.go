package fcontext_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func openDemo(t testing.TB) (*policy.Policy, *fcontext.DB) {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	db, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p, db
}

func TestNewFile(t *testing.T) {
	p, db := openDemo(t)
	httpd := policy.MustParseContext("system_u:system_r:httpd_t:s0")
	for _, test := range []struct {
		why, path string
		kind      fcontext.Kind
		dir       string
		want      string
		changes   bool
	}{
		{"type_transition httpd_t var_run_t:sock_file httpd_var_run_t", "/run/httpd.sock", fcontext.Socket, "system_u:object_r:var_run_t:s0", "httpd_var_run_t", false},
		{"no rule for fifo_file: the directory's type", "/run/x", fcontext.Pipe, "system_u:object_r:var_run_t:s0", "var_run_t", false},
		{"the rule with the name .htaccess", "/var/www/html/.htaccess", fcontext.File, "", "httpd_sys_htaccess_t", false},
		{"the same for a name after slashes", "/srv//www///uploads/", fcontext.Dir, "", "httpd_sys_rw_content_t", true},
		{"moved to a directory that was relabelled by hand", "/var/www/x", fcontext.File, "system_u:object_r:tmp_t:s0", "httpd_tmp_t", true},
	} {
		c := fcontext.Creation{Creator: httpd, Path: test.path, Kind: test.kind}
		if test.dir != "" {
			c.Directory = policy.MustParseContext(test.dir)
		}
		n, err := db.NewFile(p, c)
		if err != nil {
			t.Errorf("%s: %v", test.path, err)
			continue
		}
		if n.Context.Type() != test.want || n.WouldChange() != test.changes {
			t.Errorf("%s: %v, changes %v (wanted %+v), want %s, %v\n(%s)", test.path, n.Context, n.WouldChange(), n.Want, test.want, test.changes, test.why)
		}
	}
	for _, bad := range []fcontext.Creation{
		{}, {Path: "/", Kind: fcontext.File}, {Path: "x", Kind: fcontext.File}, {Path: "/x\x00", Kind: fcontext.File},
		{Path: "/x/..", Kind: fcontext.Dir}, {Path: "/x"},
	} {
		bad.Creator = httpd
		if n, err := db.NewFile(p, bad); !errors.Is(err, fs.ErrInvalid) || n != (fcontext.NewFile{}) {
			t.Errorf("%+v: %+v, %v", bad, n, err)
		}
	}
	var invalid *policy.ContextError
	if _, err := db.NewFile(p, fcontext.Creation{Path: "/run/x", Kind: fcontext.File, Creator: policy.MustParseContext("a:b:c:s0")}); !errors.As(err, &invalid) {
		t.Errorf("a creator that the policy does not know: %v", err)
	}
}

// What will a file have that a web server creates, and will it keep that?
func ExampleDB_NewFile() {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		panic(err)
	}
	db, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		panic(err)
	}
	n, err := db.NewFile(p, fcontext.Creation{
		Creator: policy.MustParseContext("system_u:system_r:httpd_t:s0"),
		Path:    "/srv/www/uploads",
		Kind:    fcontext.Dir,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("is born as", n.Context.Type())
	if n.WouldChange() {
		fmt.Println("restorecon makes it", n.Want.Context.Type())
	}
	// Output:
	// is born as httpd_sys_rw_content_t
	// restorecon makes it httpd_sys_content_t
}

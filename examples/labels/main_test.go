package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
)

func TestRun(t *testing.T) {
	tests := []struct {
		name  string
		o     options
		paths []string
		want  []string
	}{
		{"explain", options{}, []string{"/var/www//html/index.html"}, []string{
			`"/var/www//html/index.html": system_u:object_r:httpd_sys_content_t:s0`,
			`looked up as  "/var/www/html/index.html"`, "/var/www(/.*)? (all files)", "over          file_contexts:7: /var/.* (all files)",
		}},
		{"none", options{kind: "regular file"}, []string{"/tmp/x"}, []string{"keeps what it has"}},
		{"type", options{typ: "httpd_sys_htaccess_t"}, nil, []string{`for instance "/var/www/html/.htaccess"`}},
		{"set", options{set: "httpd_sys_content_t"}, []string{"/my/it's.here"}, []string{
			`semanage fcontext -a -t httpd_sys_content_t '/my/it'\''s\.here(/.*)?'`, `restorecon -Rv -- '/my/it'\''s.here'`,
		}},
		{"set what is so", options{set: "httpd_sys_content_t"}, []string{"/var/www"}, []string{"is httpd_sys_content_t already"}},
		{"set what others have", options{set: "var_lib_t"}, []string{"/var/lib/mysql"}, []string{
			`semanage fcontext -m -t var_lib_t '/var/lib/mysql(/.*)?'`, `"/var/lib/mysql" (directory): `,
		}},
	}
	for _, tt := range tests {
		var b strings.Builder
		if err := run(tt.o, tt.paths, &b); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		for _, want := range tt.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", tt.name, want, b.String())
			}
		}
	}
	for _, bad := range []options{{kind: "x"}, {set: "a b"}, {set: "http_port_t"}, {set: "var_t", contexts: "../../internal/demo/contexts/files"}, {contexts: "testdata/none"}, {root: "testdata/none"}, {diff: "testdata/none"}} {
		if err := run(bad, []string{"/x"}, new(strings.Builder)); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// A file that was moved there has its old context, another one belongs there, a
// third has a context that relabelling keeps.
func TestCompare(t *testing.T) {
	db, err := open("")
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPolicy(options{})
	if err != nil {
		t.Fatal(err)
	}
	tree := fcontexttest.NewTree(
		fcontexttest.File{Path: "/var/www/html", Kind: fcontext.Dir, Context: "system_u:object_r:httpd_sys_content_t:s0"},
		fcontexttest.File{Path: "/var/www/html/it's", Context: "unconfined_u:object_r:user_home_t:s0"},
		fcontexttest.File{Path: "/var/www/html/shared", Context: "system_u:object_r:public_content_t:s0"},
	)
	for _, root := range []string{"/", "/mnt/image"} {
		h := &host{tree: tree, db: db, local: fcontext.NewLocalTable(p, db, db.Local()), customizable: []string{"public_content_t"}, root: root}
		var b strings.Builder
		if err := h.compare(&b, "/var/www/html", true); err != nil {
			t.Fatal(err)
		}
		wants := []string{
			"\"/var/www/html/it's\" (regular file)\n  has           unconfined_u:object_r:user_home_t:s0\n  should have   unconfined_u:object_r:httpd_sys_content_t:s0\n  decided by    file_contexts:",
			"semanage fcontext -a -f f -t user_home_t '/var/www/html/it'\\''s'\n",
			"keeps         system_u:object_r:public_content_t:s0 (customized)",
			"3 files, 1 to change, 1 matching, 1 customized\n",
		}
		if root == "/" {
			wants = append(wants, "have: restorecon -Rv -- '/var/www/html'\n")
		} else {
			wants = append(wants, "chroot '/mnt/image' semanage", "have: setfiles -v -r '/mnt/image' '/mnt/image/file_contexts' '/mnt/image/var/www/html'\n")
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q in\n%s", want, b.String())
			}
		}
	}
}

func TestDiff(t *testing.T) {
	dir := t.TempDir()
	text := "/.*\tsystem_u:object_r:default_t:s0\n/var/www(/.*)?\tsystem_u:object_r:var_t:s0\n"
	if err := os.WriteFile(filepath.Join(dir, "file_contexts"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := run(options{diff: dir}, []string{"/var/www/x", "/nowhere/x"}, &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"- /usr/.*\tsystem_u:object_r:usr_t:s0\n",
		"* /var/www(/.*)?\tsystem_u:object_r:httpd_sys_content_t:s0 -> system_u:object_r:var_t:s0\n",
		"\"/var/www/x\" (all files): system_u:object_r:httpd_sys_content_t:s0 -> system_u:object_r:var_t:s0\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "nowhere") {
		t.Error("a path that gets the same is there")
	}
}

package main

import (
	"strings"
	"testing"
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
	for _, bad := range []options{{kind: "x"}, {set: "a b"}, {set: "http_port_t"}, {set: "var_t", contexts: "../../internal/demo/contexts/files"}, {contexts: "testdata/none"}} {
		if err := run(bad, []string{"/x"}, new(strings.Builder)); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const log = `type=AVC msg=audit(1700000001.000:1): avc:  denied  { name_bind } for  pid=7 comm="sshd" src=2222 scontext=system_u:system_r:sshd_t:s0 tcontext=system_u:object_r:unreserved_port_t:s0 tclass=tcp_socket permissive=0
type=AVC msg=audit(1700000002.000:2): avc:  denied  { read } for  pid=8 comm="nginx" name=611B5B326A dev="sda1" ino=9 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:default_t:s0 tclass=file permissive=1
type=AVC msg=audit(1700000003.000:3): avc:  denied  { name_bind } for  pid=7 comm="sshd" src=2222 scontext=system_u:system_r:sshd_t:s0 tcontext=system_u:object_r:unreserved_port_t:s0 tclass=tcp_socket permissive=0
type=AVC msg=audit(1700000004.000:4): avc:  denied  { read
`

func TestSummary(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "audit.log")
	if err := os.WriteFile(name, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	call := func(in string, args ...string) (string, string) {
		t.Helper()
		var out, msg strings.Builder
		if err := run(args, strings.NewReader(in), &out, &msg); err != nil {
			t.Fatal(err)
		}
		return out.String(), msg.String()
	}
	// 611B5B326A is "a", escape, "[2j": the escape must not reach the terminal.
	const want = `COUNT  SOURCE   PERMISSIONS      TARGET             CLASS       LAST                 ON
2      sshd_t   name_bind        unreserved_port_t  tcp_socket  2023-11-14 22:13:23  tcp/2222
1      httpd_t  permissive read  default_t          file        2023-11-14 22:13:22  "a\x1b[2j"
`
	got, msg := call("", name)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(msg, "audit.log:4: truncated") {
		t.Errorf("unread record: %q", msg)
	}
	if got, _ := call(log, "-domain", "http*", "-"); strings.Count(got, "\n") != 2 || !strings.Contains(got, "httpd_t") {
		t.Errorf("selected:\n%s", got)
	}
	part, _ := call("", "-json", name)
	json := filepath.Join(dir, "part.json")
	if err := os.WriteFile(json, []byte(part), 0o600); err != nil {
		t.Fatal(err)
	}
	got, _ = call("", "-merge", json, json)
	if !strings.Contains(got, "\n4      sshd_t") || !strings.Contains(got, "\n2      httpd_t") {
		t.Errorf("merged with itself:\n%s", got)
	}
}

//go:build oracle

package managed_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// libsemanage makes file_contexts.homedirs of the accounts, their logins and
// SELinux users, and the policy's own specs (genhomedircon.c). Commit leaves the
// file alone because nothing that it edits is among these, not even local file
// contexts for the very directories. Accounts are: that shows that the file was
// made anew.
func TestOracleHomedirs(t *testing.T) {
	requireDebian(t)
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "passwd")
	passwd = append(passwd, "sekit:x:5000:5000::/srv/people/sekit:/bin/bash\n"...)
	if err := os.WriteFile(file, passwd, 0o644); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, "/")
	withAccount := []string{"sh", "-c", `mount --bind "$0" /etc/passwd && exec "$@"`, file}
	m.run(t, "", append(withAccount, "semodule", "-B", "-N")...)
	homedirs := func() string {
		data, err := os.ReadFile(filepath.Join(m.root, activeDir, "file_contexts.homedirs"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	before := homedirs()
	if !strings.Contains(before, "/srv/people/") {
		t.Fatal("there are no specs for the account's home")
	}
	m.run(t, `fcontext -a -t bin_t '/srv/people(/.*)?'
fcontext -a -t bin_t '/srv/people/[^/]+'
fcontext -a -t bin_t '/home(/.*)?'
port -a -t http_port_t -p tcp 61000
boolean -m -1 httpd_can_network_connect
`, append(withAccount, "semanage", "import", "-N")...)
	different := 0
	if homedirs() != before {
		different++
		t.Error("local records change file_contexts.homedirs")
	}
	oracle.Report(t, "managed-homedirs", strings.Count(before, "\n"), different)
	m.run(t, "port -d -p tcp 61000\n", "semanage", "import", "-N")
	if homedirs() == before {
		t.Error("the account is gone, and file_contexts.homedirs is as before")
	}
}

//go:build oracle

package fcontext

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/policy"
)

// TestOracleHomedirs has libsemanage write file_contexts.homedirs for several
// sets of accounts, SELinux users and logins, in a copy of Debian's store, and
// compares the whole file. libsemanage takes accounts from the system, so it
// runs where others are mounted over these.
func TestOracleHomedirs(t *testing.T) {
	const store = "/var/lib/selinux/default"
	if os.Getuid() != 0 {
		t.Skip("only root reads the store and mounts")
	}
	oracle.Require(t, store+"/active/policy.kern", "unshare", "/usr/lib/python3/dist-packages/semanage.py")
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		oracle.Require(t, "unshare -m")
	}
	const base = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
	const people = base + "alice:x:1000:1000:Alice:/home/alice:/bin/bash\n" +
		"bob:x:1001:100:Bob:/srv/homes/bob//:/bin/zsh\n" +
		"carol:x:1002:100::/export/people/carol:/bin/sh\n" +
		"dave:x:1003:1003::/var/lib/dave:/bin/bash\n" + // the policy has specs for /var/lib
		"eve:x:400:400::/opt/eve/home:/bin/bash\n" + // not a person's UID
		"frank:x:1004:1004::/data/frank:/sbin/nologin\n" +
		"grace:x:1005:1005::/:/bin/bash\n" +
		"heidi:x:70000:100::/far/heidi:/bin/bash\n" +
		"ivan:x:1006:1006::/ivan:/bin/bash\n"
	const groups = "root:x:0:\nusers:x:100:alice,heidi\nwheel:x:10:dave\n"
	const shells = "# shells\n/bin/sh\n/bin/bash\n/bin/zsh\n"
	for _, test := range []struct {
		name, conf, passwd, useradd, defs string
		changes                           []string
	}{
		{name: "as installed", passwd: base},
		{name: "people", passwd: people, changes: []string{"login", "alice", "staff_u", "login", "bob", "user_u", "login", "nobody-here", "user_u"}},
		{name: "a role for homes, levels, groups, ignored homes", conf: "ignoredirs = /export/people/carol\n", passwd: people, defs: "UID_MIN 1001\nUID_MAX\t80000 x\n", useradd: "# HOME=/no\nHOME=/homes\nHOME=/never\n",
			changes: []string{"user", "web_u", "staff_r", "staff_r,user_r", "s0:c3", "user", "mail_u", "object_r", "user_r", "s0:c1,c5",
				"login", "%users", "web_u", "login", "carol", "mail_u", "login", "heidi", "mail_u", "login", "%wheel", "staff_u", "login", "__default__", "web_u"}},
		{name: "without accounts", conf: "usepasswd = false\nignoredirs=/srv/homes/bob;/x\n", passwd: people, changes: []string{"login", "bob", "staff_u", "login", "carol", "sysadm_u"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			write := func(name, text string) {
				name = filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("var/lib/selinux/.keep", "")
			oracle.Output(t, "cp", "-a", store, root+"/var/lib/selinux/")
			oracle.Output(t, "cp", "-a", "/etc/selinux", root+"/etc/")
			write("etc/selinux/semanage.conf", "module-store = direct\nexpand-check=0\n"+test.conf+
				"[sefcontext_compile]\npath = /bin/true\nargs = $@\n[end]\n[setfiles]\npath = /bin/true\nargs = $@\n[end]\n")
			mounts := map[string]string{"etc/passwd": test.passwd, "etc/group": groups, "etc/shells": shells, "etc/default/useradd": test.useradd, "etc/login.defs": test.defs}
			script := "mount --make-rprivate /\n"
			for name, text := range mounts {
				write(name, text)
				if _, err := os.Stat("/" + name); err != nil {
					t.Skipf("no /%s to mount another over", name)
				}
				script += "mount --bind " + root + "/" + name + " /" + name + "\n"
			}
			script += `exec /usr/bin/python3 testdata/logins.py "$@"`
			args := append([]string{"-m", "sh", "-e", "-c", script, "sh", root}, test.changes...)
			if out, err := exec.Command("unshare", args...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			compareHomedirs(t, root)
		})
	}
}

func compareHomedirs(t *testing.T, root string) {
	active := root + "/var/lib/selinux/default/active/"
	want, err := os.ReadFile(active + "file_contexts.homedirs")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Open(active + "policy.kern")
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHomedirs(os.DirFS(root), "default")
	if err != nil {
		t.Fatal(err)
	}
	got, warnings, err := h.Generate(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d logins, warnings %v", len(h.Logins), warnings)
	different := 0
	ours, theirs := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(ours), len(theirs)) {
		a, b := "<end>", "<end>"
		if i < len(ours) {
			a = ours[i]
		}
		if i < len(theirs) {
			b = theirs[i]
		}
		if a != b {
			if different++; different < 5 {
				t.Errorf("line %d: %q, want %q", i+1, a, b)
			}
		}
	}
	oracle.Report(t, "fcontext-homedirs", len(theirs), different)
}

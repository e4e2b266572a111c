//go:build kernelguest && linux

package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
	"github.com/sekit/sekit/policy"
)

// tinyPolicy is the base of a store whose commits take a fraction of a second
// where those of Debian's take five: the kernel allows what belongs to classes
// and permissions that a policy does not define, and takes every context of the
// running machine, unknown to this one, for the one of the initial SID
// unlabeled. Of what is defined only tiny_t may all; tiny_other_t is there to be
// refused. Linux 6.12 refuses booleans without a genfscon for the files that
// selinuxfs has of them.
const tinyPolicy = `
(handleunknown allow)
(mls true)
(class process (transition dyntransition))
(class file (read write append))
(classorder (process file))
(sensitivity s0)
(sensitivityorder (s0))
(category c0)
(categoryorder (c0))
(sensitivitycategory s0 (c0))
(typeattribute cil_gen_require)
(roleattribute cil_gen_require)
(user system_u)
(role object_r)
(role system_r)
(userrole system_u object_r)
(userrole system_u system_r)
(userlevel system_u (s0))
(userrange system_u ((s0) (s0 (c0))))
(type tiny_t)
(type tiny_other_t)
(roletype object_r tiny_t)
(roletype object_r tiny_other_t)
(roletype system_r tiny_t)
(roletype system_r tiny_other_t)
(genfscon selinuxfs / (system_u object_r tiny_t ((s0) (s0))))
(allow tiny_t tiny_t (file (read write append)))
(allow tiny_t tiny_t (process (transition dyntransition)))
`

// The kernel numbers its initial SIDs in this order.
var initialSIDs = strings.Fields(`kernel security unlabeled fs file file_labels init any_socket port netif netmsg node igmp_packet
	icmp_socket tcp_socket sysctl_modprobe sysctl sysctl_fs sysctl_kernel sysctl_net sysctl_net_unix sysctl_vm sysctl_dev kmod policy
	scmp_packet devnull`)

const tinyName = "sekittiny"

// TestKernelModuleContract holds the machine's semodule, and the kernel that it
// loads, to the contract of all stores of modules, on a small policy that
// replaces Debian's meanwhile.
func TestKernelModuleContract(t *testing.T) {
	guest.Require(t)
	master := tinyStore(t)
	asked, different := 0, 0
	moduletest.TestBackend(t, func(t *testing.T) moduletest.Harness {
		for _, dir := range tinyDirs {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.CopyFS("/", os.DirFS(master)); err != nil {
			t.Fatal(err)
		}
		// Not by a write of the file: the kernel may want an older version.
		if out, err := exec.Command("load_policy").CombinedOutput(); err != nil {
			t.Fatalf("load_policy: %v: %s", err, out)
		}
		open := func() module.Backend { return module.Semodule{PolicyType: tinyName} }
		return moduletest.Harness{Policy: loaded(t), Backend: open(), Reopen: open, Unlocked: true, Linked: func() (*policy.Policy, error) {
			linked := loaded(t)
			a, d, err := tinyDecisions(t, linked)
			asked, different = asked+a, different+d
			return linked, err
		}}
	})
	guest.Report(t, "module-contract-decisions", asked, different)
}

var tinyDirs = []string{"/etc/selinux/" + tinyName, "/var/lib/selinux/" + tinyName}

// tinyStore makes the store the machine's, until the test's end, and returns a
// copy of its files.
func tinyStore(t *testing.T) (master string) {
	t.Helper()
	const config = "/etc/selinux/config"
	debian, err := os.ReadFile(guest.FS + "/policy")
	if err != nil {
		t.Fatal(err)
	}
	was, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		load(t, debian)
		if err := os.WriteFile(config, was, 0o644); err != nil {
			t.Error(err)
		}
		for _, dir := range tinyDirs {
			os.RemoveAll(dir)
		}
	})
	text := tinyPolicy + "(sidorder (" + strings.Join(initialSIDs, " ") + "))\n"
	for _, sid := range initialSIDs {
		role, typ := "object_r", "tiny_t"
		if sid == "kernel" || sid == "init" {
			role = "system_r"
		} else if sid == "scmp_packet" {
			typ = "tiny_other_t"
		}
		text += fmt.Sprintf("(sid %s)\n(sidcontext %s (system_u %s %s ((s0) (s0))))\n", sid, sid, role, typ)
	}
	cil := filepath.Join(t.TempDir(), "tiny.cil")
	for _, dir := range []string{tinyDirs[0] + "/contexts/files", tinyDirs[0] + "/policy", tinyDirs[1] + "/active/modules/100"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(cil, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{append([]string{"restorecon", "-R"}, tinyDirs...), {"semodule", "-s", tinyName, "-n", "-X", "100", "-i", cil}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
	}
	if err := os.WriteFile(config, []byte("SELINUX=enforcing\nSELINUXTYPE="+tinyName+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	master = t.TempDir()
	for _, dir := range tinyDirs {
		if err := os.CopyFS(filepath.Join(master, dir), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	return master
}

// tinyDecisions holds what the kernel decides between the two types against the
// policy that it hands out.
func tinyDecisions(t *testing.T, p *policy.Policy) (asked, different int, err error) {
	t.Helper()
	const source, target = "system_u:system_r:tiny_t:s0", "system_u:object_r:tiny_other_t:s0"
	v, err := access(openFS(t), source, target, readInt(t, guest.FS+"/class/file/index"), make([]byte, 4096))
	if err != nil {
		return 0, 0, err
	}
	for _, perm := range []string{"read", "write", "append"} {
		d, err := p.Decide(policy.Access{Source: policy.MustParseContext(source), Target: policy.MustParseContext(target),
			Class: "file", Permissions: []string{perm}})
		if err != nil {
			return 0, 0, err
		}
		kernel := v.allowed>>(readInt(t, guest.FS+"/class/file/perms/"+perm)-1)&1 != 0
		if asked++; kernel != d.Allowed {
			different++
			t.Errorf("%s: the kernel says %v, its policy %v", perm, kernel, d.Allowed)
		}
	}
	return asked, different, nil
}

//go:build kernelguest && linux

package kernel

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// TestKernelStoreTakesEffect commits a port and a boolean: the kernel must have
// them, semanage must list them as local, and no file may have another label
// than the policy gives it.
func TestKernelStoreTakesEffect(t *testing.T) {
	guest.Require(t)
	withoutLocal(t)
	t.Cleanup(func() { withoutLocal(t) })
	ports, err := port.OpenRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	booleans, err := boolean.OpenRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	p := storePolicy(t)
	var flip boolean.Record
	for b := range p.Booleans() {
		flip = boolean.Record{Name: b.Name(), On: !b.Default()}
	}
	if _, err := port.New(p, ports).Set(t.Context(), port.Port(port.TCP, 61234, "http_port_t")); err != nil {
		t.Fatal(err)
	}
	if _, err := boolean.New(p, booleans).Persist(t.Context(), flip); err != nil {
		t.Fatal(err)
	}

	compared, different := 0, 0
	check := func(ok bool, format string, args ...any) {
		t.Helper()
		if compared++; !ok {
			different++
			t.Errorf(format, args...)
		}
	}
	data, err := os.ReadFile(guest.FS + "/policy")
	if err != nil {
		t.Fatal(err)
	}
	now, err := policy.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := port.NewTable(now, nil).Lookup(port.TCP, 61234)
	check(err == nil && m.Context.Type() == "http_port_t" && m.Exact(), "the kernel's policy has port 61234 as %v, %v", m, err)
	value, err := os.ReadFile(guest.FS + "/booleans/" + flip.Name)
	want := map[bool]string{false: "0 0", true: "1 1"}[flip.On]
	check(err == nil && string(value) == want, "the kernel has %s as %q, %v", flip, value, err)
	b, err := now.Boolean(flip.Name)
	check(err == nil, "the kernel's policy has no %s: %v, %v", flip.Name, b, err)
	for _, c := range []struct{ command, has string }{
		{"port -l -C -n", "61234"}, {"boolean -l -C -n", flip.Name},
	} {
		out, err := exec.CommandContext(t.Context(), "semanage", strings.Fields(c.command)...).Output()
		check(err == nil && strings.Contains(string(out), c.has), "semanage %s: %q, %v", c.command, out, err)
	}
	guest.Report(t, "store-effect", compared, different)
	compareLabels(t)
}

// compareLabels asks restorecon which files of the store and the policy have
// other types than they should.
func compareLabels(t *testing.T) {
	t.Helper()
	compared, different := 0, 0
	for _, dir := range []string{"/var/lib/selinux/" + policyName, "/etc/selinux/" + policyName} {
		err := filepath.WalkDir(dir, func(string, fs.DirEntry, error) error {
			compared++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "restorecon", "-R", "-n", "-v", dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if n := strings.Count(string(out), "\n"); n > 0 {
			different += n
			t.Errorf("restorecon would relabel\n%s", out)
		}
	}
	guest.Report(t, "store-labels", compared, different)
}

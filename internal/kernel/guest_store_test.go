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
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

const liveStore = "/var/lib/selinux/" + policyName

// linkedPolicy returns what the live store's modules compile to.
func linkedPolicy(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Open(liveStore + "/active/policy.linked")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// emptyPorts removes all local port records.
func emptyPorts(t *testing.T, p *policy.Policy, s *port.Store) {
	t.Helper()
	local, err := s.Local(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var keys []port.Key
	for _, r := range local {
		keys = append(keys, r.Key)
	}
	if _, err := port.New(p, s).Delete(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
}

// emptyBooleans removes all local records, and gives booleans the policy's own
// values.
func emptyBooleans(t *testing.T, p *policy.Policy, s *boolean.Store) {
	t.Helper()
	local, err := s.Local(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range local {
		names = append(names, r.Name)
	}
	b := boolean.New(p, s)
	if _, err := b.Reset(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
	var own []boolean.Record
	for b := range p.Booleans() {
		own = append(own, boolean.Record{Name: b.Name(), On: b.Default()})
	}
	if _, err := b.Set(t.Context(), own...); err != nil {
		t.Fatal(err)
	}
}

func liveStores(t *testing.T) (*port.Store, *boolean.Store) {
	t.Helper()
	ports, err := port.OpenRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	booleans, err := boolean.OpenRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	return ports, booleans
}

// TestKernelStoreContracts holds the live store to the contracts of all stores.
func TestKernelStoreContracts(t *testing.T) {
	guest.Require(t)
	p := linkedPolicy(t)
	ports, booleans := liveStores(t)
	defer emptyPorts(t, p, ports)
	defer emptyBooleans(t, p, booleans)
	t.Run("port", func(t *testing.T) {
		porttest.TestBackend(t, func(t *testing.T) porttest.Harness {
			emptyPorts(t, p, ports)
			return porttest.Harness{Policy: p, Backend: ports, Reopen: func() port.Backend {
				again, _ := liveStores(t)
				return again
			}}
		})
	})
	t.Run("boolean", func(t *testing.T) {
		booleantest.TestBackend(t, func(t *testing.T) booleantest.Harness {
			emptyBooleans(t, p, booleans)
			return booleantest.Harness{Policy: p, Backend: booleans, Reopen: func() boolean.Backend {
				_, again := liveStores(t)
				return again
			}}
		})
	})
}

// TestKernelStoreTakesEffect commits a port and a boolean: the kernel must have
// them, semanage must list them, and no file may have another label than the
// policy gives it.
func TestKernelStoreTakesEffect(t *testing.T) {
	guest.Require(t)
	p := linkedPolicy(t)
	ports, booleans := liveStores(t)
	defer emptyPorts(t, p, ports)
	defer emptyBooleans(t, p, booleans)
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
	for _, dir := range []string{liveStore, "/etc/selinux/" + policyName} {
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

//go:build oracle

package sekit_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/managed/managedtest"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

// TestOracleSemanageContracts runs the rooms' contracts on a machine that
// semanage import changes. Its store is a small one, for semanage runs more than
// a hundred times.
func TestOracleSemanageContracts(t *testing.T) {
	if inNamespace(t) {
		testOracleContracts(t, "semanage")
	}
}

// TestOracleNativeContracts does so without any tool, in the same store.
func TestOracleNativeContracts(t *testing.T) {
	if inNamespace(t) {
		testOracleContracts(t, "native")
	}
}

func testOracleContracts(t *testing.T, way string) {
	compared, different := 0, 0
	count := func(t *testing.T) {
		t.Cleanup(func() {
			if !t.Skipped() {
				compared++
			}
			if t.Failed() {
				different++
			}
		})
	}
	// fresh returns a function that opens the machine, which has no local records.
	fresh := func(t *testing.T) func() *sekit.Machine {
		count(t)
		demoMachine(t)
		return func() *sekit.Machine {
			m, err := sekit.OpenMachineBy(way, "/", tool.Exec{}, sekit.MachineOptions{StateDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { m.Close() })
			return m
		}
	}
	t.Run("ports", func(t *testing.T) {
		porttest.TestBackend(t, func(t *testing.T) porttest.Harness {
			open := fresh(t)
			return porttest.Harness{Policy: demoPolicy(t), Backend: open().Ports(), Reopen: func() port.Backend { return open().Ports() }}
		})
	})
	t.Run("booleans", func(t *testing.T) {
		booleantest.TestBackend(t, func(t *testing.T) booleantest.Harness {
			open := fresh(t)
			return booleantest.Harness{Policy: demoPolicy(t), Backend: open().Booleans(), Offline: true,
				Reopen: func() boolean.Backend { return open().Booleans() }}
		})
	})
	t.Run("contexts", func(t *testing.T) {
		fcontexttest.TestLocalBackend(t, func(t *testing.T) fcontexttest.LocalHarness {
			open := fresh(t)
			m := open()
			s, err := m.System(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return fcontexttest.LocalHarness{Policy: s.Policy, DB: s.Contexts, Backend: contexts{m},
				Reopen: func() fcontext.LocalBackend { return contexts{open()} }}
		})
	})
	oracle.Report(t, "contracts-"+way, compared, different)
}

// contexts are a machine's local file contexts as a backend.
type contexts struct{ m *sekit.Machine }

func (b contexts) Local(ctx context.Context) (fcontext.LocalRecords, error) {
	s, err := b.m.System(ctx)
	if err != nil {
		return fcontext.LocalRecords{}, err
	}
	return s.LocalContexts.Local(), nil
}

func (b contexts) Commit(ctx context.Context, changes []fcontext.LocalChange) error {
	_, err := b.m.Apply(ctx, &sekit.Plan{Contexts: changes})
	return err
}

// demoMachine puts a store of the demo policy, without local records, in the
// place of the machine's own. It is for inNamespace alone.
func demoMachine(t *testing.T) {
	t.Helper()
	outside := os.Getenv("SEKIT_OUTSIDE")
	if mine, err := os.Readlink("/proc/self/ns/mnt"); err != nil || outside == "" || mine == outside {
		t.Fatalf("these are the machine's own directories: %s, %v", mine, err)
	}
	root := managedtest.Root(t, demo.Policy())
	for _, name := range []string{"file_contexts", "file_contexts.homedirs", "file_contexts.subs_dist"} {
		data, err := fs.ReadFile(demo.Contexts(), name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, root, "etc/selinux/default/contexts/files/"+name, string(data))
		if name != "file_contexts.subs_dist" {
			write(t, root, "var/lib/selinux/default/active/"+name, string(data))
		}
	}
	for _, dir := range []string{"/var/lib/selinux", "/etc/selinux"} {
		old, err := filepath.Glob(dir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range old {
			if err := os.RemoveAll(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, dir))); err != nil {
			t.Fatal(err)
		}
	}
}

//go:build oracle

package managed_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

// TestOracleContracts runs the contract suites on Debian's store.
func TestOracleContracts(t *testing.T) {
	requireDebian(t)
	p, err := policy.Open(debianLinked)
	if err != nil {
		t.Fatal(err)
	}
	original := newMachine(t, "/")
	t.Run("port", func(t *testing.T) {
		porttest.TestBackend(t, func(t *testing.T) porttest.Harness {
			root := copyMachine(t, original.root, "-al").root
			open := func() port.Backend {
				s, err := port.OpenRoot(root, "default")
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			return porttest.Harness{Policy: p, Backend: open(), Reopen: open}
		})
	})
	t.Run("boolean", func(t *testing.T) {
		booleantest.TestBackend(t, func(t *testing.T) booleantest.Harness {
			root := copyMachine(t, original.root, "-al").root
			open := func() boolean.Backend {
				s, err := boolean.OpenRoot(root, "default")
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			return booleantest.Harness{Policy: p, Backend: open(), Reopen: open, Offline: true}
		})
	})
}

// TestOracleCrash kills a writer on Debian's store: semanage then takes what is
// left, and agrees with us about what that is.
func TestOracleCrash(t *testing.T) {
	requireDebian(t)
	m := newMachine(t, "/")
	s, err := managed.Open(m.root, "default")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 7))
	compared, different := 0, 0
	for range 4 {
		killWriter(t, m.root, time.Duration(r.Int64N(int64(200*time.Millisecond))))
		ours, err := s.ReadFile(managed.PortsFile)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		theirs := m.run(t, "", "semanage", "port", "-lC", "-n")
		compared++
		if bytes.Contains(ours, []byte("5601")) != strings.Contains(theirs, "5601") {
			different++
			t.Errorf("we read %q, semanage lists %q", ours, theirs)
		}
	}
	// Whoever comes next finishes or clears away.
	killWriter(t, m.root, 100*time.Millisecond)
	m.run(t, "", "semanage", "port", "-a", "-N", "-t", "http_port_t", "-p", "udp", "61001")
	if err := s.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"var/lib/selinux/default/tmp", "var/lib/selinux/default/previous"} {
		compared++
		if _, err := os.Stat(filepath.Join(m.root, name)); !os.IsNotExist(err) {
			different++
			t.Errorf("%s: %v", name, err)
		}
	}
	oracle.Report(t, "managed-crash", compared, different)
}

//go:build oracle

package managed_test

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/internal/oracle"
)

// TestOracleLock has semanage wait for our commit in vain, and us for who holds
// its lock.
func TestOracleLock(t *testing.T) {
	requireDebian(t)
	oracle.Require(t, "flock")
	m := newMachine(t, "/")
	s, err := managed.Open(m.root, "default")
	if err != nil {
		t.Fatal(err)
	}
	different := 0
	err = s.Commit(t.Context(), managed.Edit{Name: managed.PortsFile, Change: func(old []byte) ([]byte, error) {
		out, err := m.command("semanage", "port", "-a", "-N", "-t", "http_port_t", "-p", "tcp", "61002").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "lock") {
			different++
			t.Errorf("semanage while we commit: %v\n%s", err, out)
		}
		return []byte(header + portLine), nil
	}})
	if err != nil {
		t.Fatal(err)
	}

	holder := exec.Command("flock", filepath.Join(m.root, storeDir, "semanage.trans.LOCK"), "sh", "-c", "echo held; exec sleep 60")
	out, err := holder.StdoutPipe()
	if err == nil {
		err = holder.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	defer holder.Process.Kill()
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var locked *managed.LockError
	if err := s.Commit(ctx, replace(managed.PortsFile, header)); !errors.As(err, &locked) {
		different++
		t.Errorf("our commit while another holds the lock: %v", err)
	}
	oracle.Report(t, "managed-lock", 2, different)
}

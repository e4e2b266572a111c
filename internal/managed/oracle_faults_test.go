//go:build oracle && linux

package managed_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/internal/managed/managedtest"
	"github.com/sekit/sekit/internal/oracle"
)

// faultEnv says to a test binary in a mount namespace of its own which fault to
// make in the file system of its temporary directory.
const faultEnv = "SEKIT_FAULT"

// TestOracleFaults commits on a file system that is full and on one that is
// read-only: the kernel is the oracle of what that is like.
func TestOracleFaults(t *testing.T) {
	oracle.Require(t, "unshare", "mount")
	if os.Getuid() != 0 {
		oracle.Require(t, "/must/be/root/for/a/mount/namespace")
	}
	different := 0
	faults := []string{"full", "read-only"}
	for _, fault := range faults {
		cmd := exec.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs -o size=16m tmpfs "$1" && TMPDIR="$1" exec "$0" -test.run='^TestFault$' -test.v`,
			os.Args[0], t.TempDir())
		cmd.Env = append(os.Environ(), faultEnv+"="+fault)
		if out, err := cmd.CombinedOutput(); err != nil {
			different++
			t.Errorf("%s: %v\n%s", fault, err, out)
		}
	}
	oracle.Report(t, "managed-faults", len(faults), different)
}

// TestFault is the part of [TestOracleFaults] in the namespace.
func TestFault(t *testing.T) {
	fault := os.Getenv(faultEnv)
	if fault == "" {
		t.Skip("run by TestOracleFaults")
	}
	root := managedtest.Root(t, demo.Policy())
	s := open(t, root)
	want, repair := error(syscall.EROFS), func() { oracle.Output(t, "mount", "-o", "remount,rw", os.Getenv("TMPDIR")) }
	if fault == "full" {
		filler := filepath.Join(os.Getenv("TMPDIR"), "filler")
		want, repair = syscall.ENOSPC, func() { os.Remove(filler) }
		if err := os.WriteFile(filler, make([]byte, 32<<20), 0o600); !errors.Is(err, want) {
			t.Fatalf("not full: %v", err)
		}
	} else {
		oracle.Output(t, "mount", "-o", "remount,ro", os.Getenv("TMPDIR"))
	}
	before := tree(t, root)
	if err := s.Commit(t.Context(), replace(managed.PortsFile, header+portLine)); !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
	if got := changed(before, tree(t, root)); len(got) != 0 {
		t.Errorf("changed %q", got)
	}
	repair()
	if err := s.Commit(t.Context(), replace(managed.PortsFile, header+portLine)); err != nil {
		t.Error(err)
	}
}

//go:build kernelguest && linux

package fcontexttest_test

import (
	"testing"

	"github.com/sekit/sekit/internal/kernel/guest"
)

// TestKernelRace runs the attacks on relabelling where the kernel knows what
// the contexts mean.
func TestKernelRace(t *testing.T) {
	guest.Require(t)
	different := 0
	for name, attack := range map[string]func(*testing.T){
		"symlink": TestRaceSymlink, "exchange": TestRaceExchange, "hard link": TestRaceHardLink,
	} {
		if !t.Run(name, attack) {
			different++
		}
	}
	guest.Report(t, "relabel-races", 3, different)
}

//go:build kernelguest && linux

package kernel

import (
	"testing"

	"github.com/sekit/sekit/internal/kernel/guest"
)

// TestKernelEnforcing says what the other tests rely on (guest.Require checks
// it again for each): an enforcing kernel, and an administrator's context.
func TestKernelEnforcing(t *testing.T) {
	guest.Require(t)
	if got, want := guest.Context(t), "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"; got != want {
		t.Errorf("the tests run as %s, not as %s", got, want)
	}
}

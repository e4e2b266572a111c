//go:build kernelguest && linux

package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// refused is a probe of the library itself, from a domain that may do none of
// this: what the kernel refuses comes back as an error of the kind that is
// documented. It ends with EACCES, as any probe, if all did.
func refused() error {
	var wrong error
	want := func(what string, err error, ok bool) {
		if !ok {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %v (%T)", what, err, err))
		}
	}
	_, err := sekit.Open()
	want("sekit.Open", err, errors.Is(err, fs.ErrPermission))
	_, err = policy.Open(guest.FS + "/policy")
	want("policy.Open", err, errors.Is(err, fs.ErrPermission))
	_, err = avc.OpenKernel()
	var audit *avc.PermissionError
	want("avc.OpenKernel", err, errors.As(err, &audit) && errors.Is(err, fs.ErrPermission))

	store, err := port.OpenRoot("/", policyName)
	if err == nil {
		_, err = store.Local(context.Background())
	}
	want("the store of ports", err, errors.Is(err, fs.ErrPermission))
	values, err := boolean.OpenRoot("/", policyName)
	if err == nil {
		err = values.Commit(context.Background(), []boolean.Change{{Op: boolean.Set, Name: "sekittest_can_connect", On: true}})
	}
	want("a boolean", err, errors.Is(err, fs.ErrPermission))

	tree, err := fcontext.OpenTree(probeDir)
	if err == nil {
		err = fcontext.SetTemporary(tree, "/data", policy.MustParseContext("system_u:object_r:shadow_t:s0"))
		tree.Close()
	}
	var file *fs.PathError
	want("a context", err, errors.Is(err, fs.ErrPermission) && errors.As(err, &file))
	if wrong != nil {
		return wrong
	}
	return syscall.EACCES
}

// TestKernelRefusals runs the probe.
func TestKernelRefusals(t *testing.T) {
	guest.Require(t)
	layOut(t)
	different := 0
	if _, err := provoke("refused"); err != nil {
		different++
		t.Error(err)
	}
	guest.Report(t, "refusals", 6, different)
}

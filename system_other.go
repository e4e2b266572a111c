//go:build !linux

package sekit

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"github.com/sekit/sekit/policy"
)

// Open needs Linux: see its documentation there. It returns an error that
// wraps [errors.ErrUnsupported].
func Open() (*System, error) {
	return nil, errNotLinux()
}

// ReadState needs Linux, as Open does.
func ReadState() (*State, error) { return nil, errNotLinux() }

// ContextOfProcess needs Linux, as Open does.
func ContextOfProcess(int) (policy.Context, error) { return policy.Context{}, errNotLinux() }

// ContextOfPeer needs Linux, as Open does.
func ContextOfPeer(syscall.Conn) (policy.Context, error) { return policy.Context{}, errNotLinux() }

// ProgramOfProcess needs Linux, as Open does.
func ProgramOfProcess(int) (Program, error) { return Program{}, errNotLinux() }

func errNotLinux() error {
	return fmt.Errorf("the running system's SELinux on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

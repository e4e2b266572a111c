//go:build !linux

package sekit

import (
	"errors"
	"fmt"
	"runtime"
)

// Open needs Linux: see its documentation there. It returns an error that
// wraps [errors.ErrUnsupported].
func Open() (*System, error) {
	return nil, fmt.Errorf("the running system's SELinux on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

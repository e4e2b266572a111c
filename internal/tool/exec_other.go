//go:build !linux

package tool

import (
	"context"
	"errors"
)

// Find implements [Runner].
func (Exec) Find(name string) (string, error) {
	return "", &Error{Args: []string{name}, ExitCode: -1, Err: errors.ErrUnsupported}
}

// Run implements [Runner].
func (Exec) Run(_ context.Context, c Command) (Result, error) {
	if err := c.Check(); err != nil {
		return Result{}, err
	}
	return Result{}, &Error{Args: c.Args, ExitCode: -1, Err: errors.ErrUnsupported}
}

package module

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrChanged says that the store's modules are no longer those that a change was
// planned on. Nothing was written; plan again.
var ErrChanged = errors.New("the store has changed since")

// StoreError is the error of an operation on a store of modules.
type StoreError struct {
	Op     string // "install", "remove", "enable", "disable", "list", "extract", "commit", "open"
	Object string // "module"
	Key    string // such as webapp (400), or "" if it concerns all
	Err    error
}

func (e *StoreError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s %s: %v", e.Op, e.Object, e.Err)
	}
	return fmt.Sprintf("%s %s %s: %v", e.Op, e.Object, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *StoreError) Unwrap() error { return e.Err }

func storeError(op, key string, err error) error {
	return &StoreError{Op: op, Object: "module", Key: key, Err: err}
}

// MissingError says that a store has no such module, and at which priorities it
// has one of that name. It is [fs.ErrNotExist].
type MissingError struct{ Priorities []int }

func (e *MissingError) Error() string {
	if len(e.Priorities) == 0 {
		return "no such module"
	}
	return fmt.Sprintf("no such module at this priority, there is one at %d", e.Priorities)
}

// Is reports whether target is [fs.ErrNotExist].
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

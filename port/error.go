package port

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/sekit/sekit/internal/managed"
)

// ErrInvalidPort is what errors wrap about protocols, ports and ranges that
// can't be.
var ErrInvalidPort = managed.ErrInvalidPort

// ErrNotPortType is what errors wrap about types that no port may have.
var ErrNotPortType = errors.New("not a port type")

// ErrChanged says that the store's records are no longer those that a change
// was planned on. Nothing was written; plan again.
var ErrChanged = errors.New("the store has changed since")

// Error is the error of an operation on ports.
type Error struct {
	Op     string // "set", "delete", "undo", "list", "look up", "commit", "open"
	Object string // "port"
	Key    string // such as tcp 5601, or "" if it concerns all
	Err    error
}

func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s %s: %v", e.Op, e.Object, e.Err)
	}
	return fmt.Sprintf("%s %s %s: %v", e.Op, e.Object, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func opError(op, key string, err error) error {
	return &Error{Op: op, Object: "port", Key: key, Err: err}
}

// OwnerError says that a record belongs to the policy: it can be shadowed by a
// local record, but not deleted. It is [fs.ErrPermission].
type OwnerError struct{ Owner Entry }

func (e *OwnerError) Error() string {
	return fmt.Sprintf("the policy gives it to %s; only local records can be deleted", e.Owner.Context.Type())
}

// Is reports whether target is [fs.ErrPermission].
func (e *OwnerError) Is(target error) bool { return target == fs.ErrPermission }

// MissingError says that there is no record of that very key, and what decides
// about its first port instead. It is [fs.ErrNotExist].
type MissingError struct{ Within Entry }

func (e *MissingError) Error() string {
	if e.Within.Origin == FromInitialSID {
		return "no such record"
	}
	return fmt.Sprintf("no such record; the %s record %s (%s) decides there",
		e.Within.Origin, e.Within.Key, e.Within.Context.Type())
}

// Is reports whether target is [fs.ErrNotExist].
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

// OverlapError says that a local record overlaps another one, which the store
// refuses (libsemanage, semanage_port_validate_local). It is [fs.ErrExist].
type OverlapError struct{ With Entry }

func (e *OverlapError) Error() string {
	return fmt.Sprintf("overlaps the local record %s (%s)", e.With.Key, e.With.Context.Type())
}

// Is reports whether target is [fs.ErrExist].
func (e *OverlapError) Is(target error) bool { return target == fs.ErrExist }

// clip keeps hostile text in errors short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

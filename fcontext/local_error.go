package fcontext

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrNotFileType is what errors wrap about types that no file may have.
var ErrNotFileType = errors.New("not a file or device type")

// ErrNoPath is what errors wrap about patterns that match no path that is ever
// looked up, and about paths of an equivalence that can't be one.
var ErrNoPath = errors.New("matches no path")

// ErrStoreChanged says that the store's records are no longer those that a change
// was planned on. Nothing was written; plan again.
var ErrStoreChanged = errors.New("the store has changed since")

// LocalError is the error of an operation on local file contexts.
type LocalError struct {
	Op     string // "set", "delete", "list", "commit", "open"
	Object string // "fcontext" or "equivalence"
	Key    string // a pattern with its kind, or a target; "" if it concerns all
	Err    error
}

func (e *LocalError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s %s: %v", e.Op, e.Object, e.Err)
	}
	return fmt.Sprintf("%s %s %s: %v", e.Op, e.Object, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *LocalError) Unwrap() error { return e.Err }

func recordError(op string, key LocalKey, err error) error {
	key.Pattern = printable(key.Pattern)
	return &LocalError{Op: op, Object: "fcontext", Key: key.String(), Err: err}
}

func equivalenceError(op, target string, err error) error {
	return &LocalError{Op: op, Object: "equivalence", Key: printable(target), Err: err}
}

func listError(op string, err error) error {
	return &LocalError{Op: op, Object: "fcontext", Err: err}
}

// printable keeps hostile text in errors short and in one line.
func printable(s string) string {
	cut := cutText(s)
	for i := range len(cut) {
		if cut[i] < ' ' || cut[i] >= 0x7f {
			return fmt.Sprintf("%q", cut)
		}
	}
	return cut
}

// OwnerError says that a record or an equivalence belongs to the policy: a
// local one can come before it, but it can't be deleted. It is
// [fs.ErrPermission].
type OwnerError struct {
	Owner       LocalEntry  // or, if it is not valid,
	Equivalence Equivalence // of the policy's .subs_dist
}

func (e *OwnerError) Error() string {
	if !e.Owner.IsValid() {
		return fmt.Sprintf("the equivalence %s is the policy's; only local ones can be deleted", e.Equivalence)
	}
	return fmt.Sprintf("the %s gives it %s; only local records can be deleted", ownerName(e.Owner.Origin), e.Owner.Type())
}

func ownerName(o Origin) string {
	if o == FromHomedirs {
		return "policy's home directory template"
	}
	return o.String()
}

// Is reports whether target is [fs.ErrPermission].
func (e *OwnerError) Is(target error) bool { return target == fs.ErrPermission }

// MissingError says that there is no such record or equivalence. It is
// [fs.ErrNotExist].
type MissingError struct {
	// OtherKinds are the local records with the same pattern, for other kinds
	// of files.
	OtherKinds []LocalRecord
}

func (e *MissingError) Error() string {
	if len(e.OtherKinds) > 0 {
		return fmt.Sprintf("no such local record; there is one for %s", e.OtherKinds[0].Kind)
	}
	return "no such local record"
}

// Is reports whether target is [fs.ErrNotExist].
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

// ConflictError says that a record and an equivalence, or two equivalences,
// stand in each other's way. It is [fs.ErrExist].
type ConflictError struct {
	// Equivalence is the one that is there already, and Origin whose it is. If
	// it is the zero Equivalence, Record is what is there.
	Equivalence Equivalence
	Origin      Origin
	Record      LocalRecord
	// Instead is the pattern or the path to use instead, under the
	// equivalence's source; empty if there is none to offer.
	Instead string
}

func (e *ConflictError) Error() string {
	if e.Equivalence == (Equivalence{}) {
		return fmt.Sprintf("conflicts with the local record %s (%s)", e.Record.LocalKey, e.Record.Type())
	}
	s := fmt.Sprintf("conflicts with the %s equivalence %s", e.Origin, e.Equivalence)
	if e.Instead != "" {
		s += "; use " + e.Instead
	}
	return s
}

// Is reports whether target is [fs.ErrExist].
func (e *ConflictError) Is(target error) bool { return target == fs.ErrExist }

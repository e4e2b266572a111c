package managed

import (
	"errors"
	"fmt"
)

// UnsupportedError says why a change can't be committed without libsemanage,
// and what to do instead. It is [errors.ErrUnsupported].
type UnsupportedError struct {
	File   string // of the store or of the configuration; may be empty
	Reason string
	Remedy string // a command, or what else helps
}

func (e *UnsupportedError) Error() string {
	s := e.Reason
	if e.File != "" {
		s = e.File + ": " + s
	}
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return s
}

// Is reports whether target is [errors.ErrUnsupported].
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// LockError says that somebody else kept a lock of the store for too long.
type LockError struct {
	File string
	Err  error // the context's, or os.ErrDeadlineExceeded
}

func (e *LockError) Error() string { return fmt.Sprintf("%s is locked: %v", e.File, e.Err) }

// Unwrap returns the cause.
func (e *LockError) Unwrap() error { return e.Err }

// RecordError says that the policy refuses a local record.
type RecordError struct {
	File   string // such as ports.local
	Record string
	Err    error
}

func (e *RecordError) Error() string { return fmt.Sprintf("%s: %s: %v", e.File, clip(e.Record), e.Err) }

// Unwrap returns what is wrong.
func (e *RecordError) Unwrap() error { return e.Err }

// ParseError says where a file of local records can't be read.
type ParseError struct {
	File string // as given
	Line int    // from 1
	Text string // the line, cut if it is long
	Err  error
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%s:%d: %v in %q", e.File, e.Line, e.Err, e.Text)
}

// Unwrap returns what is wrong.
func (e *ParseError) Unwrap() error { return e.Err }

// clip keeps hostile text in errors short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

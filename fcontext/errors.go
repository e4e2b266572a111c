package fcontext

import (
	"errors"
	"strconv"
)

// The reasons a line or a pattern is refused; a [ParseError] wraps one of
// them, or [policy.ErrInvalidContext].
var (
	// ErrMissingFields: a line with a pattern and nothing else.
	ErrMissingFields = errors.New("missing fields")
	// ErrNotASCII: libselinux refuses bytes above 127 in a line's fields.
	ErrNotASCII = errors.New("non-ASCII characters")
	// ErrNUL: a NUL byte. libselinux would cut the line there in silence.
	ErrNUL = errors.New("NUL byte")
	// ErrTooLong: a field of 65535 bytes or more, or an expression of 4096
	// bytes or more, or one whose repeat counts multiply beyond reason.
	ErrTooLong = errors.New("too long")
	// ErrSyntax: an expression that PCRE2 would not compile.
	ErrSyntax = errors.New("invalid regular expression")
	// ErrUnsupported: an expression that PCRE2 may well compile, but that
	// uses what this package does not decide (look-around, back references,
	// possessive and atomic groups, options, Unicode properties).
	ErrUnsupported = errors.New("unsupported regular expression")
)

// maxErrorText bounds what a ParseError repeats of the line.
const maxErrorText = 256

// ParseError says which line of which file could not be read, and why.
type ParseError struct {
	File string // the file's name, as it was opened
	Line int    // the line's number, the first being 1; 0 for a spec that came from no file
	Text string // the line, cut after 256 bytes
	Err  error  // why: one of this package's errors, or policy.ErrInvalidContext
}

// Error gives file:line: reason: text, the text quoted.
func (e *ParseError) Error() string {
	s := e.File
	if e.Line > 0 {
		s += ":" + strconv.Itoa(e.Line)
	}
	if s != "" {
		s += ": "
	}
	s += e.Err.Error()
	if e.Text != "" {
		s += ": " + strconv.Quote(e.Text)
	}
	return s
}

// Unwrap returns the reason.
func (e *ParseError) Unwrap() error { return e.Err }

func cutText(s string) string {
	if len(s) > maxErrorText {
		return s[:maxErrorText]
	}
	return s
}

package avc

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sekit/sekit/policy"
)

// Reasons why a record could not be read. [*ParseError] wraps them.
var (
	// ErrHeader: the text begins as a record but its type and time do not parse.
	ErrHeader = errors.New("malformed record header")
	// ErrTruncated: the record ends before it says what it is about.
	ErrTruncated = errors.New("truncated record")
	// ErrDuplicateField: a field stands twice, so that it is open which one was
	// meant. Names that imitate fields look like this.
	ErrDuplicateField = errors.New("duplicate field")
	// ErrSyntax: the record's words are none that the kernel writes.
	ErrSyntax = errors.New("malformed record")
	// ErrTooLong: a line or a record is longer than Options.MaxRecord.
	ErrTooLong = errors.New("record too long")
	// ErrNoRecord: a text given to ParseRecord holds no SELinux record.
	ErrNoRecord = errors.New("no SELinux record")
)

// ParseError is a record that could not be read.
type ParseError struct {
	// Source is Options.Name, such as the name of a file; it may be empty.
	Source string
	// Line is the number of the record's first line, from 1, or 0 where there
	// are no lines.
	Line int
	// Text is the record's text, cut if it is very long.
	Text string
	// Err says what is wrong with it, and wraps one of this package's errors.
	Err error
}

func newParseError(source string, line int, text string, err error) *ParseError {
	return &ParseError{Source: source, Line: line, Text: clip(text), Err: err}
}

// Error gives the source, the line and the reason, and not the text.
func (e *ParseError) Error() string {
	s := e.Source
	if s == "" {
		s = "avc"
	}
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %v", s, e.Line, e.Err)
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *ParseError) Unwrap() error { return e.Err }

// PermissionError is the kernel's refusal to let [OpenKernel] receive. It wraps
// [io/fs.ErrPermission].
type PermissionError struct {
	// Capable says whether the process has CAP_AUDIT_READ. If so it is the policy
	// that keeps audit_read (class capability2) from its domain.
	Capable Ternary
	// Context is that of the process, not valid if it is not known.
	Context policy.Context
	Err     error
}

// Error says what is missing.
func (e *PermissionError) Error() string {
	s := e.Err.Error() + ": it takes CAP_AUDIT_READ and, of the policy, capability2 audit_read"
	switch {
	case e.Capable == No:
		return s + "; the process lacks the capability"
	case e.Capable == Yes && e.Context.IsValid():
		return s + "; the process has the capability, and its domain " + e.Context.Type() + " may not use it"
	case e.Capable == Yes:
		return s + "; the process has the capability, but may not use it"
	}
	return s
}

// Unwrap returns e.Err.
func (e *PermissionError) Unwrap() error { return e.Err }

// fieldError is one of the errors above about a named field.
type fieldError struct {
	key string
	err error
}

func (e *fieldError) Error() string { return e.err.Error() + " " + e.key }
func (e *fieldError) Unwrap() error { return e.err }

// reason is the sentinel below err, which reasons are counted by.
func reason(err error) error {
	for _, s := range []error{ErrHeader, ErrTruncated, ErrDuplicateField, ErrSyntax, ErrTooLong, ErrNoRecord} {
		if errors.Is(err, s) {
			return s
		}
	}
	return err
}

// clip cuts a text that is to be shown.
func clip(b string) string {
	const most = 1024
	if len(b) <= most {
		return strings.Clone(b)
	}
	n := most
	for n > most-utf8.UTFMax && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n] + "…"
}

package refpolicy

import (
	"errors"
	"fmt"

	"github.com/sekit/sekit/internal/m4"
)

// Error says what is wrong in a file of the headers or of a module.
type Error struct {
	File string // as given; "" if it is no one's
	Line int    // from 1; of a macro's expansion, where it was called
	Err  error
}

func (e *Error) Error() string {
	if e.File == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// NameError says that there is no interface of a name, or that an argument is
// none.
type NameError struct {
	Kind string // "interface", "argument"
	Name string // cut if it is long
	Err  error  // fs.ErrNotExist, fs.ErrInvalid
}

func (e *NameError) Error() string { return fmt.Sprintf("%s %q: %v", e.Kind, e.Name, e.Err) }

// Unwrap returns the cause.
func (e *NameError) Unwrap() error { return e.Err }

// clip keeps hostile text in errors short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// errMacro is for errors that the policy's own macros report.
var errMacro = errors.New("reported by a macro")

// mistake makes an m4 error one of this package.
func mistake(err error) error {
	var e *m4.Error
	if errors.As(err, &e) {
		return &Error{e.File, e.Line, e.Err}
	}
	return err
}

package boolean

import (
	"errors"
	"fmt"

	"github.com/sekit/sekit/internal/managed"
)

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

// ParseLocal reads the contents of libsemanage's booleans.local; name is for
// errors, which are a [*ParseError]. It takes what libsemanage takes
// (booleans_file.c): NAME=VALUE, the value 1, 0, true or false, separated by any
// white space, with comment lines in between. A name that is none is an error;
// of a boolean that is there twice the last value counts, in the first one's
// place.
func ParseLocal(name string, data []byte) ([]Record, error) {
	booleans, err := managed.ParseBooleans(name, data)
	if err != nil {
		var pe *managed.ParseError
		if errors.As(err, &pe) {
			err = (*ParseError)(pe)
		}
		return nil, err
	}
	var out []Record
	for _, b := range booleans {
		out = append(out, Record(b))
	}
	return out, nil
}

// FormatLocal writes records as libsemanage's booleans.local has them, byte for
// byte (database_file.c, booleans_file.c).
func FormatLocal(records []Record) []byte {
	booleans := make([]managed.Boolean, len(records))
	for i, r := range records {
		booleans[i] = managed.Boolean(r)
	}
	return managed.FormatBooleans(booleans)
}

// ApplyFile makes changes in the contents of a booleans.local, as [Apply] does;
// name is for errors.
func ApplyFile(name string, data []byte, changes ...Change) ([]byte, error) {
	local, err := ParseLocal(name, data)
	if err != nil {
		return nil, err
	}
	if local, err = Apply(local, changes...); err != nil {
		return nil, err
	}
	return FormatLocal(local), nil
}

// clip keeps hostile text in errors short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

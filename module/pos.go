package module

import (
	"fmt"
)

// Pos is a place in a text: a line and a column, both from 1, the column in
// bytes. The zero Pos is that of what no text said.
type Pos struct {
	File         string
	Line, Column int
}

// IsValid reports whether there is such a place.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String returns file:line:column, as compilers do.
func (p Pos) String() string {
	switch {
	case !p.IsValid():
		return "-"
	case p.File == "":
		return fmt.Sprintf("%d:%d", p.Line, p.Column)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// ParseError says where a text is not what its language takes.
type ParseError struct {
	Pos Pos
	Err error
}

func (e *ParseError) Error() string { return fmt.Sprintf("%s: %v", e.Pos, e.Err) }

// Unwrap returns what is wrong.
func (e *ParseError) Unwrap() error { return e.Err }

// SyntaxError is what a ParseError wraps where the grammar wants something
// else than what is there.
type SyntaxError struct {
	Expected string // such as "';'" or "a type"
	Found    string // the token, cut if it is long; "end of file"
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("expected %s, found %s", e.Expected, e.Found)
}

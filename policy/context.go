package policy

import (
	"errors"
	"fmt"
	"strings"
)

// maxContext is the longest context text that is taken: the kernel hands
// contexts over in one page.
const maxContext = 4095

// ErrInvalidContext is what errors about malformed contexts wrap.
var ErrInvalidContext = errors.New("invalid context")

// Context is a security context: user, role, type and, under an MLS or MCS
// policy, a range. It is a small comparable value; the zero Context is not
// valid and prints as the empty string.
//
// A Context is well-formed text and no more: whether a policy knows its names
// is for [Policy.CheckContext] to say.
type Context struct {
	text      string
	role, typ uint16 // offsets of role and type in text
	rng       uint16 // offset of the range, 0 if there is none
}

// ParseContext reads user:role:type or user:role:type:range. User, role and
// type are identifiers of letters, digits, '_', '-' and '.'. The range is kept
// as it is written (translated ranges such as SystemLow included); it holds no
// control characters and no blanks. Errors wrap [ErrInvalidContext].
func ParseContext(s string) (Context, error) {
	c, problem := parseContext(s)
	if problem != "" {
		return Context{}, fmt.Errorf("%w %q: %s", ErrInvalidContext, s, problem)
	}
	return c, nil
}

// MustParseContext is [ParseContext] for constants: it panics on an error.
func MustParseContext(s string) Context {
	c, err := ParseContext(s)
	if err != nil {
		panic(err)
	}
	return c
}

func parseContext(s string) (c Context, problem string) {
	if len(s) > maxContext {
		return Context{}, "longer than a page"
	}
	role := strings.IndexByte(s, ':') + 1
	if role == 0 {
		return Context{}, "no role"
	}
	n := strings.IndexByte(s[role:], ':') + 1
	if n == 0 {
		return Context{}, "no type"
	}
	typ := role + n
	end, rng := len(s), 0
	if n = strings.IndexByte(s[typ:], ':') + 1; n > 0 {
		rng = typ + n
		end = rng - 1
		if !validRangeText(s[rng:]) {
			return Context{}, "bad range"
		}
	}
	switch {
	case !ValidName(s[:role-1]):
		return Context{}, "bad user"
	case !ValidName(s[role : typ-1]):
		return Context{}, "bad role"
	case !ValidName(s[typ:end]):
		return Context{}, "bad type"
	}
	return Context{text: s, role: uint16(role), typ: uint16(typ), rng: uint16(rng)}, ""
}

// ValidName reports whether s can be the name of a user, role, type, boolean
// or any other symbol of a policy: ASCII letters, digits, '_', '-', '.', the
// first one a letter, a digit or '_' (what checkpolicy's and secilc's grammars
// and existing policies have).
func ValidName(s string) bool {
	if s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		case i > 0 && (c == '-' || c == '.'):
		default:
			return false
		}
	}
	return true
}

func validRangeText(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}

// IsValid reports whether c is not the zero Context.
func (c Context) IsValid() bool { return c.text != "" }

// User returns the SELinux user.
func (c Context) User() string {
	if !c.IsValid() {
		return ""
	}
	return c.text[:c.role-1]
}

// Role returns the role.
func (c Context) Role() string {
	if !c.IsValid() {
		return ""
	}
	return c.text[c.role : c.typ-1]
}

// Type returns the type; of a process, its domain.
func (c Context) Type() string {
	switch {
	case !c.IsValid():
		return ""
	case c.rng == 0:
		return c.text[c.typ:]
	}
	return c.text[c.typ : c.rng-1]
}

// Range returns the range as it was written, or "" if there is none.
func (c Context) Range() string {
	if c.rng == 0 {
		return ""
	}
	return c.text[c.rng:]
}

// String returns the context as it was written.
func (c Context) String() string { return c.text }

// WithType returns c with another type, or the zero Context if c is not valid
// or typ is not a valid name.
func (c Context) WithType(typ string) Context {
	return join(c.User(), c.Role(), typ, c.Range())
}

// WithRole returns c with another role, or the zero Context, as WithType does.
func (c Context) WithRole(role string) Context {
	return join(c.User(), role, c.Type(), c.Range())
}

// WithUser returns c with another user, or the zero Context, as WithType does.
func (c Context) WithUser(user string) Context {
	return join(user, c.Role(), c.Type(), c.Range())
}

// WithRange returns c with another range, or without one if r is empty; or the
// zero Context, as WithType does.
func (c Context) WithRange(r string) Context {
	return join(c.User(), c.Role(), c.Type(), r)
}

func join(user, role, typ, rng string) Context {
	s := user + ":" + role + ":" + typ
	if rng != "" {
		s += ":" + rng
	}
	// The names are checked here: a colon in one would shift the fields.
	c, problem := parseContext(s)
	if problem != "" || c.User() != user || c.Role() != role || c.Type() != typ {
		return Context{}
	}
	return c
}

// AppendText implements [encoding.TextAppender].
func (c Context) AppendText(b []byte) ([]byte, error) { return append(b, c.text...), nil }

// MarshalText implements [encoding.TextMarshaler].
func (c Context) MarshalText() ([]byte, error) { return []byte(c.text), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]; the empty text gives
// the zero Context.
func (c *Context) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*c = Context{}
		return nil
	}
	v, err := ParseContext(string(b))
	if err != nil {
		return err
	}
	*c = v
	return nil
}

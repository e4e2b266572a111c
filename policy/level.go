package policy

import (
	"fmt"

	"github.com/sekit/sekit/internal/policydb"
)

// Level is a sensitivity with categories, as one policy prints it: aliases
// resolved, categories in order and in runs. So levels of one policy are equal
// if and only if they compare equal. The zero Level is not valid and prints as
// the empty string.
type Level struct{ text string }

// String returns the level, for instance s0:c0.c2,c5.
func (l Level) String() string { return l.text }

// IsValid reports whether l is not the zero Level.
func (l Level) IsValid() bool { return l.text != "" }

// AppendText implements [encoding.TextAppender].
func (l Level) AppendText(b []byte) ([]byte, error) { return append(b, l.text...), nil }

// MarshalText implements [encoding.TextMarshaler].
func (l Level) MarshalText() ([]byte, error) { return []byte(l.text), nil }

// ParseLevel reads a level as the kernel does (mls_context_to_sid): a
// sensitivity and, after a colon, categories separated by commas, first.last
// for a run of them. Names must be the policy's, and the categories go with
// the sensitivity; errors wrap [ErrInvalidContext]. A policy without MLS has
// no levels.
func (p *Policy) ParseLevel(text string) (Level, error) {
	l, problem := p.parseValidLevel(text)
	if problem != "" {
		return Level{}, fmt.Errorf("%w: level %q: %s", ErrInvalidContext, text, problem)
	}
	return Level{string(p.sym.appendLevel(nil, &l))}, nil
}

// ParseRange reads a range, low-high or one level for both, as [Policy.ParseLevel]
// reads levels. The high level must dominate the low one.
func (p *Policy) ParseRange(text string) (low, high Level, err error) {
	l, h, problem := p.sym.parseRange(text)
	if problem == "" {
		problem = p.invalidLevel(&l)
	}
	if problem == "" {
		problem = p.invalidLevel(&h)
	}
	if problem == "" && !dominates(&h, &l) {
		problem = "the high level does not dominate the low one"
	}
	if problem != "" {
		return Level{}, Level{}, fmt.Errorf("%w: range %q: %s", ErrInvalidContext, text, problem)
	}
	return Level{string(p.sym.appendLevel(nil, &l))}, Level{string(p.sym.appendLevel(nil, &h))}, nil
}

// Dominates reports whether a dominates b: its sensitivity is not lower and it
// has all of b's categories. Neither of two levels may dominate the other.
// Levels that are not of this policy dominate nothing.
func (p *Policy) Dominates(a, b Level) bool {
	l, problem := p.parseValidLevel(a.text)
	if problem != "" {
		return false
	}
	m, problem := p.parseValidLevel(b.text)
	return problem == "" && dominates(&l, &m)
}

func (p *Policy) parseValidLevel(text string) (policydb.Level, string) {
	l, problem := p.sym.parseLevel(text)
	if problem == "" {
		problem = p.invalidLevel(&l)
	}
	return l, problem
}

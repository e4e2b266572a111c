package module

import (
	"errors"
	"strings"
)

// TypeSet is a set of types and attributes as rules have it. [Types] makes
// one.
type TypeSet struct {
	Names  []string // types and attributes
	Except []string // types and attributes that are left out of them
	// Self is the source itself, NotSelf all but the source. Targets have it
	// alone, the latter of neverallow rules only.
	Self, NotSelf bool
	// All is every type (*), Complement every type that the rest of the set
	// has not (~). Rules of neverallow have it alone.
	All, Complement bool
}

// Types returns the set of the given types and attributes. As in the language,
// "self" is the source, "-name" leaves one out, "-self" the source, and "*" is
// every type.
func Types(names ...string) TypeSet {
	var s TypeSet
	for _, n := range names {
		switch {
		case n == Self:
			s.Self = true
		case n == "-"+Self:
			s.NotSelf = true
		case n == "*":
			s.All = true
		case strings.HasPrefix(n, "-"):
			s.Except = append(s.Except, n[1:])
		default:
			s.Names = append(s.Names, n)
		}
	}
	return s
}

// String returns the set in the module language.
func (s TypeSet) String() string { return string(s.append(nil, 0, "")) }

// append writes the set in the module language.
func (s *TypeSet) append(b []byte, width int, indent string) []byte {
	if s.Complement {
		b = append(b, '~')
	}
	words := s.words()
	if len(words) == 1 && words[0][0] == '-' {
		// The grammar takes this in braces alone.
		return append(append(append(b, "{ "...), words[0]...), " }"...)
	}
	return appendSet(b, words, width, indent)
}

func (s *TypeSet) words() []string {
	if !s.All && !s.Self && !s.NotSelf && len(s.Except) == 0 {
		return s.Names
	}
	var words []string
	if s.All {
		words = append(words, "*")
	}
	words = append(words, s.Names...)
	if s.Self {
		words = append(words, Self)
	}
	for _, n := range s.Except {
		words = append(words, "-"+n)
	}
	if s.NotSelf {
		words = append(words, "-"+Self)
	}
	return words
}

var (
	errEmptySet = errors.New("empty set")
	errStarSet  = errors.New("* stands alone in a set")
	errNever    = errors.New("* and ~ are for neverallow rules alone")
	errSelf     = errors.New("self is for targets of access and type rules alone")
	errNotSelf  = errors.New("-self is for targets of neverallow rules alone, without self and ~")
)

// check says what is wrong with the set but for its names. Never is of
// neverallow rules, target of the targets of access and type rules.
func (s *TypeSet) check(never, target bool) error {
	switch {
	case s.All && (len(s.Names)+len(s.Except) > 0 || s.Self || s.NotSelf || s.Complement):
		return errStarSet
	case !never && (s.All || s.Complement):
		return errNever
	case s.Self && !target:
		return errSelf
	case s.NotSelf && (!never || !target || s.Self || s.Complement):
		return errNotSelf
	case len(s.Names)+len(s.Except) == 0 && !s.Self && !s.NotSelf && !s.All:
		return errEmptySet
	}
	return nil
}

// PermissionSet is a set of permissions as access rules have it.
// [Permissions] makes one.
type PermissionSet struct {
	Names []string
	// All is every permission that the module knows of the class (*),
	// Complement every one but those named (~).
	All, Complement bool
}

// Permissions returns the set of the given permissions; "*" is every one.
func Permissions(names ...string) PermissionSet {
	if len(names) == 1 && names[0] == "*" {
		return PermissionSet{All: true}
	}
	return PermissionSet{Names: names}
}

// String returns the set in the module language.
func (s PermissionSet) String() string { return string(s.append(nil, 0, "")) }

func (s *PermissionSet) append(b []byte, width int, indent string) []byte {
	if s.Complement {
		b = append(b, '~')
	}
	if s.All {
		return append(b, '*')
	}
	return appendSet(b, s.Names, width, indent)
}

func (s *PermissionSet) check() error {
	switch {
	case s.All && (len(s.Names) > 0 || s.Complement):
		return errStarSet
	case !s.All && len(s.Names) == 0:
		return errors.New("no permission")
	}
	return nil
}

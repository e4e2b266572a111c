package policydb

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// NameError says that a policy has no symbol of a name. It is also
// [fs.ErrNotExist].
type NameError struct {
	Kind string // "boolean", "type", "role", "user", "sensitivity" or "category"
	Name string
}

// Error implements error.
func (e *NameError) Error() string { return fmt.Sprintf("unknown %s %q", e.Kind, e.Name) }

// Is reports whether target is fs.ErrNotExist.
func (e *NameError) Is(target error) bool { return target == fs.ErrNotExist }

// LevelNames gives the values of sensitivities and categories, their aliases
// included; 0 where there is none of the name.
type LevelNames struct {
	Sensitivity, Category func(name string) uint32
}

// ParseRange reads low or low-high as libsepol's mls_context_to_sid and the
// kernel do: each level is a sensitivity, and after a colon categories separated
// by commas, first.last for a run of them. It does not check whether the levels
// go together.
func (n LevelNames) ParseRange(text string) (low, high Level, err error) {
	lowText, highText, two := strings.Cut(text, "-")
	low, err = n.ParseLevel(lowText)
	if err != nil || !two {
		return low, low, err
	}
	if high, err = n.ParseLevel(highText); err != nil {
		return Level{}, Level{}, err
	}
	return low, high, nil
}

// ParseLevel reads one level of [LevelNames.ParseRange].
func (n LevelNames) ParseLevel(text string) (Level, error) {
	name, cats, some := strings.Cut(text, ":")
	l := Level{Sensitivity: n.Sensitivity(name)}
	if l.Sensitivity == 0 {
		return Level{}, &NameError{"sensitivity", name}
	}
	var words []uint64
	for cats, more := cats, some; more; {
		var item string
		item, cats, more = strings.Cut(cats, ",")
		first, last, err := n.parseCategories(item)
		if err != nil {
			return Level{}, err
		}
		for uint64(len(words))*64 < uint64(last) {
			words = append(words, 0)
		}
		for v := first - 1; v < last; v++ {
			words[v/64] |= 1 << (v % 64)
		}
	}
	for i, w := range words {
		if w != 0 {
			l.Categories.Nodes = append(l.Categories.Nodes, BitmapNode{Start: uint32(i) * 64, Map: w})
		}
	}
	return l, nil
}

// parseCategories reads one category, or a run first.last, which must ascend.
func (n LevelNames) parseCategories(item string) (first, last uint32, err error) {
	name, end, run := strings.Cut(item, ".")
	first = n.Category(name)
	if first == 0 {
		return 0, 0, &NameError{"category", name}
	}
	if !run {
		return first, first, nil
	}
	last = n.Category(end)
	switch {
	case last == 0:
		return 0, 0, &NameError{"category", end}
	case first >= last:
		return 0, 0, fmt.Errorf("categories %q do not ascend", item)
	}
	return first, last, nil
}

// ParseContext reads user:role:type, with a range after it if and only if the
// policy has MLS, into the values of the policy. It refuses what libsepol's
// context_from_record refuses: names that the policy does not have, with a
// *[NameError], and parts that do not go together.
func (p *Policy) ParseContext(text string) (Context, error) {
	parse, err := p.ContextParser()
	if err != nil {
		return Context{}, err
	}
	return parse(text)
}

// ContextParser returns [Policy.ParseContext] for many contexts of a policy that
// does not change in the meantime. The error is for a policy whose own parts do
// not go together.
func (p *Policy) ContextParser() (func(text string) (Context, error), error) {
	k, err := p.contextChecker()
	if err != nil {
		return nil, err
	}
	return func(text string) (Context, error) {
		c, err := p.parseContext(text)
		if err == nil {
			err = k.checkContext(&c)
		}
		if err != nil {
			return Context{}, fmt.Errorf("context %q: %w", text, err)
		}
		return c, nil
	}, nil
}

func (p *Policy) parseContext(text string) (c Context, err error) {
	parts := strings.SplitN(text, ":", 4)
	if len(parts) < 3 {
		return Context{}, errors.New("not of the form user:role:type")
	}
	if c.User = valueOf(p.Users, parts[0], func(u *User) (string, uint32) { return u.Name, u.Value }); c.User == 0 {
		return Context{}, &NameError{"user", parts[0]}
	}
	if c.Role = valueOf(p.Roles, parts[1], func(r *Role) (string, uint32) { return r.Name, r.Value }); c.Role == 0 {
		return Context{}, &NameError{"role", parts[1]}
	}
	if c.Type, err = p.typeValue(parts[2]); err != nil {
		return Context{}, err
	}
	switch {
	case !p.MLS && len(parts) == 4:
		return Context{}, errors.New("a range, which the policy has not")
	case p.MLS && len(parts) == 3:
		return Context{}, errors.New("no range")
	case p.MLS:
		c.Range.Low, c.Range.High, err = p.levelNames().ParseRange(parts[3])
	}
	r := &c.Range
	r.Single = r.Low.Sensitivity == r.High.Sensitivity && r.Low.Categories.Equal(r.High.Categories)
	return c, err
}

func (p *Policy) levelNames() LevelNames {
	return LevelNames{
		Sensitivity: func(name string) uint32 {
			return valueOf(p.Sensitivities, name, func(s *Sensitivity) (string, uint32) { return s.Name, s.Level.Sensitivity })
		},
		Category: func(name string) uint32 {
			return valueOf(p.Categories, name, func(c *Category) (string, uint32) { return c.Name, c.Value })
		},
	}
}

// valueOf returns the value of the symbol of a name, or 0.
func valueOf[T any](table []T, name string, symbol func(*T) (string, uint32)) uint32 {
	for i := range table {
		if n, value := symbol(&table[i]); n == name {
			return value
		}
	}
	return 0
}

// typeValue returns the value of a type or an alias of one; an attribute is
// none.
func (p *Policy) typeValue(name string) (uint32, error) {
	for i := range p.Types {
		if t := &p.Types[i]; t.Name == name && (t.Properties&TypePrimary == 0 || t.Properties&TypeAttribute == 0) {
			return t.Value, nil
		}
	}
	return 0, &NameError{"type", name}
}

// contextChecker returns a checker that knows what checkContext needs.
func (p *Policy) contextChecker() (*checker, error) {
	k := &checker{p: p}
	err := first(k.indexRoles(), k.checkTypes(), k.indexUsers(), k.checkCategories(), k.checkSensitivities())
	if err != nil {
		return nil, err
	}
	return k, nil
}

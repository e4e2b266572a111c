package policy

import (
	"iter"
	"slices"
	"strings"
)

// Category is a category of an MLS policy: a small handle, comparable within
// one Policy. The zero Category is not valid.
type Category struct {
	p     *Policy
	value uint32 // 1-based
}

// Categories lists the categories in the order in which ranges such as c0.c9
// count them.
func (p *Policy) Categories() iter.Seq[Category] {
	return func(yield func(Category) bool) {
		for i, name := range p.sym.categories {
			if name != "" && !yield(Category{p, uint32(i + 1)}) {
				return
			}
		}
	}
}

// Category finds a category by its name or an alias, or returns a
// [*NameError].
func (p *Policy) Category(name string) (Category, error) {
	v, ok := p.sym.categoryByName[name]
	if !ok {
		return Category{}, &NameError{"category", name}
	}
	return Category{p, v}, nil
}

// Name returns the category's name.
func (c Category) Name() string {
	if c.p == nil {
		return ""
	}
	return c.p.sym.categories[c.value-1]
}

// String returns the category's name.
func (c Category) String() string { return c.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (c Category) MarshalText() ([]byte, error) { return []byte(c.Name()), nil }

// Aliases returns the category's other names, sorted.
func (c Category) Aliases() []string {
	var names []string
	for i := range c.p.db.Categories {
		if a := &c.p.db.Categories[i]; a.Alias && a.Value == c.value {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Statement returns the category statement with its aliases.
func (c Category) Statement() string {
	var b strings.Builder
	b.WriteString("category ")
	b.WriteString(c.Name())
	writeAliases(&b, c.Aliases())
	b.WriteByte(';')
	return b.String()
}

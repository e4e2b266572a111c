package policy

import (
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// Role is a role of a policy: a small handle, comparable within one Policy.
// The zero Role is not valid.
type Role struct {
	p     *Policy
	value uint32 // 1-based
}

// Roles lists the roles, in the order of their names.
func (p *Policy) Roles() iter.Seq[Role] {
	return func(yield func(Role) bool) {
		for _, v := range sortedValues(len(p.sym.roles), p.roleNameAt) {
			if !yield(Role{p, v}) {
				return
			}
		}
	}
}

func (p *Policy) roleNameAt(i int) string {
	if r := p.sym.roles[i]; r != nil {
		return r.Name
	}
	return ""
}

// Role finds a role by its name, or returns a [*NameError].
func (p *Policy) Role(name string) (Role, error) {
	v, ok := p.sym.roleByName[name]
	if !ok {
		return Role{}, &NameError{"role", name}
	}
	return Role{p, v}, nil
}

func (r Role) role() *policydb.Role { return r.p.sym.roles[r.value-1] }

// Name returns the role's name.
func (r Role) Name() string {
	if r.p == nil {
		return ""
	}
	return r.role().Name
}

// String returns the role's name.
func (r Role) String() string { return r.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.Name()), nil }

// Types lists the types that the role may enter, in the order of their names.
// The role object_r may be with every type, which the policy does not list.
func (r Role) Types() iter.Seq[Type] {
	return func(yield func(Type) bool) {
		for _, v := range r.p.sym.sortTypes(r.role().Types) {
			if !r.p.sym.types[v-1].attribute && !yield(Type{r.p, v}) {
				return
			}
		}
	}
}

// HasType reports whether the role may enter the type. A type of an unrelated
// policy it may not.
func (r Role) HasType(t Type) bool { return t.of(r.p) && r.role().Types.Has(t.value-1) }

// Dominates lists the roles that the role dominates, itself included, in the
// order of their names.
func (r Role) Dominates() iter.Seq[Role] {
	return func(yield func(Role) bool) {
		for _, v := range r.p.roleValues(r.role().Dominates) {
			if !yield(Role{r.p, v}) {
				return
			}
		}
	}
}

// roleValues returns the values of the roles in a set, by name.
func (p *Policy) roleValues(set policydb.Bitmap) []uint32 {
	var values []uint32
	for i := range set.All() {
		if int(i) < len(p.sym.roles) && p.sym.roles[i] != nil {
			values = append(values, i+1)
		}
	}
	slices.SortFunc(values, func(a, b uint32) int {
		return strings.Compare(p.sym.roles[a-1].Name, p.sym.roles[b-1].Name)
	})
	return values
}

// Bounds returns the role that bounds this one, and whether there is one.
func (r Role) Bounds() (Role, bool) {
	b := r.role().Bounds
	if b == 0 {
		return Role{}, false
	}
	return Role{r.p, b}, true
}

// Statement returns the role statement with its types.
func (r Role) Statement() string {
	var b strings.Builder
	b.WriteString("role ")
	b.WriteString(r.Name())
	var types []string
	for t := range r.Types() {
		types = append(types, t.Name())
	}
	if len(types) > 0 {
		b.WriteString(" types ")
		writeNames(&b, types)
	}
	b.WriteByte(';')
	return b.String()
}

// writeNames writes a name, or several in braces.
func writeNames(b *strings.Builder, names []string) {
	if len(names) == 1 {
		b.WriteString(names[0])
		return
	}
	b.WriteString("{ ")
	for _, n := range names {
		b.WriteString(n)
		b.WriteByte(' ')
	}
	b.WriteByte('}')
}

package policy

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// Type is a type of a policy: a small handle, comparable within one Policy.
// The zero Type is not valid.
type Type struct {
	p     *Policy
	value uint32 // 1-based
}

// Types lists the types, in the order of their names. Aliases are not types of
// their own: [Type.Aliases] has them.
func (p *Policy) Types() iter.Seq[Type] {
	return func(yield func(Type) bool) {
		for _, v := range p.sym.typeOrder().values {
			if !p.sym.types[v-1].attribute && !yield(Type{p, v}) {
				return
			}
		}
	}
}

// Type finds a type by its name or an alias. It returns a [*NameError] if the
// policy has none of that name, or only an attribute.
func (p *Policy) Type(name string) (Type, error) {
	v, ok := p.sym.typeByName[name]
	if !ok || p.sym.types[v-1].attribute {
		return Type{}, &NameError{"type", name}
	}
	return Type{p, v}, nil
}

// Name returns the type's name (of an alias, the name it stands for).
func (t Type) Name() string {
	if t.p == nil {
		return ""
	}
	return t.p.sym.types[t.value-1].name
}

// of reports whether the type is one of a policy, or of one that [Policy.With]
// made of it: then values mean the same.
func (t Type) of(p *Policy) bool { return t.p != nil && t.p.db == p.db }

// String returns the type's name.
func (t Type) String() string { return t.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.Name()), nil }

// Aliases returns the type's other names, sorted.
func (t Type) Aliases() []string {
	return slices.Sorted(slices.Values(t.p.sym.types[t.value-1].aliases))
}

// Attributes lists the attributes that the type has, in the order of their
// names.
func (t Type) Attributes() iter.Seq[Attribute] {
	return func(yield func(Attribute) bool) {
		for _, v := range t.p.sym.sortTypes(t.p.db.TypeAttributes[t.value-1]) {
			if t.p.sym.types[v-1].attribute && !yield(Attribute{t.p, v}) {
				return
			}
		}
	}
}

// Bounds returns the type that bounds this one (typebounds), and whether there
// is one: it is denied what its bounding type is denied.
func (t Type) Bounds() (Type, bool) {
	b := t.p.sym.types[t.value-1].bounds
	if b == 0 {
		return Type{}, false
	}
	return Type{t.p, b}, true
}

// Permissive reports whether the domain is permissive: what the policy denies
// it is audited and allowed (the statement permissive, or [Policy.With]).
func (t Type) Permissive() bool { return t.p.permissive(t.value) }

// NeverAudit reports whether denials of this domain are never audited
// (neveraudit, policy version 35).
func (t Type) NeverAudit() bool { return t.p.db.NeverAudit.Has(t.value) }

// Roles lists the roles that may enter the type, in the order of their names.
func (t Type) Roles() iter.Seq[Role] {
	return func(yield func(Role) bool) {
		for r := range t.p.Roles() {
			if r.role().Types.Has(t.value-1) && !yield(r) {
				return
			}
		}
	}
}

// Statement returns the type statement: name, aliases and attributes.
func (t Type) Statement() string {
	var b strings.Builder
	b.WriteString("type ")
	b.WriteString(t.Name())
	writeAliases(&b, t.Aliases())
	for a := range t.Attributes() {
		b.WriteString(", ")
		b.WriteString(a.Name())
	}
	b.WriteByte(';')
	return b.String()
}

// writeAliases writes the alias part of a type, sensitivity or category
// statement.
func writeAliases(b *strings.Builder, aliases []string) {
	switch len(aliases) {
	case 0:
	case 1:
		b.WriteString(" alias ")
		b.WriteString(aliases[0])
	default:
		b.WriteString(" alias { ")
		b.WriteString(strings.Join(aliases, " "))
		b.WriteString(" }")
	}
}

// PermissiveTypes lists the permissive domains, in the order of their names.
func (p *Policy) PermissiveTypes() iter.Seq[Type] {
	return p.typesIf(Type.Permissive)
}

// NeverAuditTypes lists the domains that are never audited, in the order of
// their names.
func (p *Policy) NeverAuditTypes() iter.Seq[Type] {
	return p.typesIf(Type.NeverAudit)
}

// BoundedTypes lists the types that have bounds, in the order of their names.
func (p *Policy) BoundedTypes() iter.Seq[Type] {
	return p.typesIf(func(t Type) bool { _, ok := t.Bounds(); return ok })
}

func (p *Policy) typesIf(is func(Type) bool) iter.Seq[Type] {
	return func(yield func(Type) bool) {
		for t := range p.Types() {
			if is(t) && !yield(t) {
				return
			}
		}
	}
}

// nameOrder is the order by name of types and attributes. It is made when it
// is first asked for: opening a policy needs none.
type nameOrder struct {
	values []uint32 // of types and attributes, by name
	rank   []uint32 // by value-1: index in values
}

func (s *symbols) typeOrder() *nameOrder {
	s.orderOnce.Do(func() {
		o := &s.order
		o.values = make([]uint32, 0, len(s.types))
		for i := range s.types {
			if s.types[i].name != "" {
				o.values = append(o.values, uint32(i+1))
			}
		}
		slices.SortFunc(o.values, func(a, b uint32) int {
			return cmp.Compare(s.types[a-1].name, s.types[b-1].name)
		})
		o.rank = make([]uint32, len(s.types))
		for i, v := range o.values {
			o.rank[v-1] = uint32(i)
		}
	})
	return &s.order
}

// sortTypes returns the values of the types and attributes in a set, by name.
func (s *symbols) sortTypes(set policydb.Bitmap) []uint32 {
	o := s.typeOrder()
	values := make([]uint32, 0, set.Len())
	for i := range set.All() {
		if s.types[i].name != "" {
			values = append(values, i+1)
		}
	}
	slices.SortFunc(values, func(a, b uint32) int { return cmp.Compare(o.rank[a-1], o.rank[b-1]) })
	return values
}

// typeName returns the name of a type or attribute.
func (s *symbols) typeName(value uint32) string { return s.types[value-1].name }

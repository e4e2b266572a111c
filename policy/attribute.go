package policy

import "iter"

// Attribute is an attribute of a policy: a named set of types. It is a small
// handle, comparable within one Policy; the zero Attribute is not valid.
//
// A kernel policy older than version 24 may lack the names of attributes; those
// that sekit reads have them.
type Attribute struct {
	p     *Policy
	value uint32 // 1-based
}

// Attributes lists the attributes, in the order of their names.
func (p *Policy) Attributes() iter.Seq[Attribute] {
	return func(yield func(Attribute) bool) {
		for _, v := range p.sym.typeOrder().values {
			if p.sym.types[v-1].attribute && !yield(Attribute{p, v}) {
				return
			}
		}
	}
}

// Attribute finds an attribute by its name, or returns a [*NameError].
func (p *Policy) Attribute(name string) (Attribute, error) {
	v, ok := p.sym.typeByName[name]
	if !ok || !p.sym.types[v-1].attribute {
		return Attribute{}, &NameError{"attribute", name}
	}
	return Attribute{p, v}, nil
}

// Name returns the attribute's name.
func (a Attribute) Name() string {
	if a.p == nil {
		return ""
	}
	return a.p.sym.types[a.value-1].name
}

// String returns the attribute's name.
func (a Attribute) String() string { return a.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (a Attribute) MarshalText() ([]byte, error) { return []byte(a.Name()), nil }

// Statement returns the attribute statement.
func (a Attribute) Statement() string { return "attribute " + a.Name() + ";" }

// Types lists the types that have the attribute, in the order of their names.
func (a Attribute) Types() iter.Seq[Type] {
	return func(yield func(Type) bool) {
		for _, v := range a.p.sym.sortTypes(a.p.sym.types[a.value-1].members) {
			if !yield(Type{a.p, v}) {
				return
			}
		}
	}
}

// Has reports whether the type has the attribute. A type of an unrelated policy
// has not.
func (a Attribute) Has(t Type) bool {
	return t.of(a.p) && a.p.sym.types[a.value-1].members.Has(t.value-1)
}

// Len returns how many types have the attribute.
func (a Attribute) Len() int { return a.p.sym.types[a.value-1].members.Len() }

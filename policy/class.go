package policy

import (
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// Class is an object class of a policy: a small handle, comparable within one
// Policy. The zero Class is not valid.
type Class struct {
	p     *Policy
	value uint32 // 1-based
}

// Classes lists the object classes, in the order of their names.
func (p *Policy) Classes() iter.Seq[Class] {
	return func(yield func(Class) bool) {
		values := sortedValues(len(p.sym.classes), func(i int) string { return p.sym.classes[i].name })
		for _, v := range values {
			if !yield(Class{p, v}) {
				return
			}
		}
	}
}

// Class finds an object class by its name, or returns a [*NameError].
func (p *Policy) Class(name string) (Class, error) {
	v, ok := p.sym.classByName[name]
	if !ok {
		return Class{}, &NameError{"class", name}
	}
	return Class{p, v}, nil
}

func (c Class) info() *classInfo { return &c.p.sym.classes[c.value-1] }

// Name returns the class's name.
func (c Class) Name() string {
	if c.p == nil {
		return ""
	}
	return c.info().name
}

// String returns the class's name.
func (c Class) String() string { return c.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.Name()), nil }

// Common returns the set of permissions that the class inherits, and whether
// there is one.
func (c Class) Common() (Common, bool) {
	name := c.info().common
	if name == "" {
		return Common{}, false
	}
	common, err := c.p.Common(name)
	return common, err == nil
}

// Permissions returns all permissions of the class, inherited ones first, in
// the order of their bits in an access vector.
func (c Class) Permissions() []string {
	return slices.DeleteFunc(slices.Clone(c.info().permissions), func(s string) bool { return s == "" })
}

// HasPermission reports whether the class has the permission, inherited or its
// own.
func (c Class) HasPermission(name string) bool {
	_, ok := c.info().permByName[name]
	return ok
}

// Statement returns the class statement with the common that it inherits and
// its own permissions, sorted, one a line.
func (c Class) Statement() string {
	var b strings.Builder
	b.WriteString("class ")
	b.WriteString(c.Name())
	b.WriteByte('\n')
	if common := c.info().common; common != "" {
		b.WriteString("inherits ")
		b.WriteString(common)
		b.WriteByte('\n')
	}
	writePermissionBlock(&b, c.info().class.Permissions)
	return b.String()
}

func writePermissionBlock(b *strings.Builder, perms []policydb.Permission) {
	if len(perms) == 0 {
		return
	}
	b.WriteString("{\n\t")
	b.WriteString(strings.Join(permissionNames(perms), "\n\t"))
	b.WriteString("\n}")
}

// permissionNames returns the names of permissions, sorted.
func permissionNames(perms []policydb.Permission) []string {
	names := make([]string, len(perms))
	for i := range perms {
		names[i] = perms[i].Name
	}
	slices.Sort(names)
	return names
}

// Common is a set of permissions that classes inherit: a small handle,
// comparable within one Policy. The zero Common is not valid.
type Common struct {
	p     *Policy
	index int // in db.Commons
}

// Commons lists the common permission sets, in the order of their names.
func (p *Policy) Commons() iter.Seq[Common] {
	return func(yield func(Common) bool) {
		for _, v := range sortedValues(len(p.db.Commons), func(i int) string { return p.db.Commons[i].Name }) {
			if !yield(Common{p, int(v - 1)}) {
				return
			}
		}
	}
}

// Common finds a common permission set by its name, or returns a [*NameError].
func (p *Policy) Common(name string) (Common, error) {
	i := slices.IndexFunc(p.db.Commons, func(c policydb.Common) bool { return c.Name == name })
	if i < 0 {
		return Common{}, &NameError{"common", name}
	}
	return Common{p, i}, nil
}

// Name returns the common's name.
func (c Common) Name() string {
	if c.p == nil {
		return ""
	}
	return c.p.db.Commons[c.index].Name
}

// String returns the common's name.
func (c Common) String() string { return c.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (c Common) MarshalText() ([]byte, error) { return []byte(c.Name()), nil }

// Permissions returns the permissions, in the order of their bits in an access
// vector.
func (c Common) Permissions() []string {
	perms := slices.Clone(c.p.db.Commons[c.index].Permissions)
	slices.SortFunc(perms, func(a, b policydb.Permission) int { return int(a.Value) - int(b.Value) })
	names := make([]string, len(perms))
	for i := range perms {
		names[i] = perms[i].Name
	}
	return names
}

// Statement returns the common statement, its permissions sorted, one a line.
func (c Common) Statement() string {
	var b strings.Builder
	b.WriteString("common ")
	b.WriteString(c.Name())
	b.WriteByte('\n')
	writePermissionBlock(&b, c.p.db.Commons[c.index].Permissions)
	return b.String()
}

// sortedValues returns 1-based values in the order of their names, those
// without a name left out.
func sortedValues(n int, name func(i int) string) []uint32 {
	values := make([]uint32, 0, n)
	for i := range n {
		if name(i) != "" {
			values = append(values, uint32(i+1))
		}
	}
	slices.SortFunc(values, func(a, b uint32) int { return strings.Compare(name(int(a-1)), name(int(b-1))) })
	return values
}

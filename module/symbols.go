package module

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// UnknownNameError says that a statement uses a name which is neither declared
// nor required in its block or around it.
type UnknownNameError struct{ Kind, Name string }

func (e *UnknownNameError) Error() string {
	return fmt.Sprintf("the %s %q is neither declared nor required here", e.Kind, e.Name)
}

// DuplicateError says that a name is declared a second time, or that there is a
// second transition for the same: a role_transition from the role of that name,
// or a type_transition with the file name.
type DuplicateError struct{ Kind, Name string }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("the %s %q is declared a second time", e.Kind, e.Name)
}

// StatementError says which statement of a module cannot be compiled.
type StatementError struct {
	Pos       Pos       // where it was read, if it was
	Statement Statement // as it is in the module
	Err       error
}

func (e *StatementError) Error() string {
	if e.Pos.IsValid() {
		return fmt.Sprintf("%s: %v", e.Pos, e.Err)
	}
	return fmt.Sprintf("statement %q: %v", firstLine(e.Statement), e.Err)
}

// Unwrap returns what is wrong.
func (e *StatementError) Unwrap() error { return e.Err }

// bitset is a set that grows.
type bitset []uint64

func (s *bitset) add(value uint32) {
	n := value - 1
	for int(n/64) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[n/64] |= 1 << (n % 64)
}

func (s *bitset) union(o bitset) {
	for len(*s) < len(o) {
		*s = append(*s, 0)
	}
	for i, w := range o {
		(*s)[i] |= w
	}
}

func (s *bitset) or(w policydb.BitmapNode) {
	for int(w.Start/64) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[w.Start/64] |= w.Map
}

func (s bitset) word(i int) uint64 {
	if i < len(s) {
		return s[i]
	}
	return 0
}

func (s bitset) bitmap() policydb.Bitmap {
	n := 0
	for _, w := range s {
		if w != 0 {
			n++
		}
	}
	if n == 0 {
		return policydb.Bitmap{}
	}
	nodes := make([]policydb.BitmapNode, 0, n)
	for i, w := range s {
		if w != 0 {
			nodes = append(nodes, policydb.BitmapNode{Start: uint32(i) * 64, Map: w})
		}
	}
	return policydb.Bitmap{Nodes: nodes}
}

// with returns b and one more value.
func with(b policydb.Bitmap, value uint32) policydb.Bitmap {
	start, bit := (value-1)&^63, uint64(1)<<((value-1)&63)
	i, found := slices.BinarySearchFunc(b.Nodes, start, func(n policydb.BitmapNode, start uint32) int {
		return int(n.Start) - int(start)
	})
	if found {
		b.Nodes[i].Map |= bit
		return b
	}
	return policydb.Bitmap{Nodes: slices.Insert(b.Nodes, i, policydb.BitmapNode{Start: start, Map: bit})}
}

// decl is a declaration as it is made.
type decl struct {
	policydb.Decl
	parent             *decl // the block around
	isElse             bool
	required, declared [policydb.NumTables]bitset
	permissions        []uint32 // required, masks by class value-1
	given              bool     // that something is required
	conditions         []condition
	// What the declaration adds to symbols, by name; the outermost adds to the
	// module's own.
	roles, types, users map[string]int
	userStatements      []Statement // those wait for the end of the block
}

var errElse = errors.New("the else branch of an optional block may neither declare nor require")

// names are the indexes into the tables of symbols, and into their scopes.
type names [policydb.NumTables]map[string]int

// insert adds a name to a table, as declared or required by d, and says whether
// it was there already.
func (c *compiler) insert(t policydb.Table, name string, kind policydb.ScopeKind, d *decl) (index int, had bool, err error) {
	if d.isElse {
		return 0, false, errElse
	}
	index, had = c.names[t][name]
	if !had {
		if err := checkName(tableNames[t], name); err != nil {
			return 0, false, err
		}
		index = len(c.m.Scopes[t])
		c.names[t][name] = index
		c.m.Scopes[t] = append(c.m.Scopes[t], policydb.Scope{Name: name, Kind: kind, Decls: c.ids(d.ID)})
		return index, false, nil
	}
	s := &c.m.Scopes[t][index]
	switch {
	case s.Kind == policydb.ScopeDeclared && kind == policydb.ScopeDeclared:
		shared := t == policydb.TableUsers ||
			t == policydb.TableRoles && !c.m.Symbols.Roles[index].Attribute && !c.declaresAttribute
		if !shared {
			return 0, true, &DuplicateError{tableNames[t], name}
		}
	case kind == policydb.ScopeDeclared:
		s.Kind = policydb.ScopeDeclared
	}
	if !slices.Contains(s.Decls, d.ID) {
		s.Decls = append(s.Decls, d.ID)
		if n := len(s.Decls); s.Kind == policydb.ScopeDeclared && kind == policydb.ScopeRequired {
			// Who declares comes last.
			s.Decls[n-1], s.Decls[n-2] = s.Decls[n-2], s.Decls[n-1]
		}
	}
	return index, true, nil
}

// ids makes a list of one ID; the lists share their array until they grow.
func (c *compiler) ids(id uint32) []uint32 {
	c.idList = append(c.idList, id)
	n := len(c.idList)
	return c.idList[n-1 : n : n]
}

// next gives out a value of a table.
func (c *compiler) next(t policydb.Table) uint32 {
	c.m.Symbols.Num[t]++
	return c.m.Symbols.Num[t]
}

var tableNames = [policydb.NumTables]string{
	policydb.TableCommons: "common", policydb.TableClasses: "class", policydb.TableRoles: "role",
	policydb.TableTypes: "type", policydb.TableUsers: "user", policydb.TableBooleans: "boolean",
	policydb.TableSensitivities: "sensitivity", policydb.TableCategories: "category",
}

// find returns the index of a name that is in scope.
func (c *compiler) find(t policydb.Table, name string, d *decl) (int, error) {
	index, ok := c.names[t][name]
	if ok {
		decls := c.m.Scopes[t][index].Decls
		for ; d != nil; d = d.parent {
			for _, id := range decls {
				if id == d.ID {
					return index, nil
				}
			}
		}
	}
	return 0, &UnknownNameError{tableNames[t], name}
}

// require adds what a require block names, users aside: those are found in the
// second pass.
func (c *compiler) require(s *Require, d *decl) error {
	if len(s.Symbols) > 16 {
		c.expect(s.Symbols)
	}
	for i := range s.Symbols {
		r := &s.Symbols[i]
		if r.Kind == UserSymbol { // does not count as a requirement
			continue
		}
		if err := c.requireSymbol(r, d); err != nil {
			return err
		}
	}
	return nil
}

// expect makes room for symbols.
func (c *compiler) expect(list []Symbol) {
	var counts [policydb.NumTables]int
	permissions := 0
	for i := range list {
		if k := list[i].Kind; k >= ClassSymbol && k <= CategorySymbol {
			counts[symbolTables[k]]++
		}
		permissions += len(list[i].Permissions)
	}
	for t, n := range counts {
		if n > 0 && len(c.names[t]) == 0 {
			c.names[t] = make(map[string]int, n)
		}
		c.m.Scopes[t] = slices.Grow(c.m.Scopes[t], n)
	}
	s, types := &c.m.Symbols, counts[policydb.TableTypes]
	s.Classes = slices.Grow(s.Classes, counts[policydb.TableClasses])
	s.Types = slices.Grow(s.Types, types)
	s.Categories = slices.Grow(s.Categories, counts[policydb.TableCategories])
	c.alone, c.primary, c.nodes = slices.Grow(c.alone, types), slices.Grow(c.primary, types), slices.Grow(c.nodes, types)
	c.idList = slices.Grow(c.idList, len(list))
	c.permissions = slices.Grow(c.permissions, permissions)
}

// symbolTables are the tables of the kinds of symbols.
var symbolTables = [...]policydb.Table{
	ClassSymbol: policydb.TableClasses, TypeSymbol: policydb.TableTypes, AttributeSymbol: policydb.TableTypes,
	RoleSymbol: policydb.TableRoles, RoleAttributeSymbol: policydb.TableRoles, UserSymbol: policydb.TableUsers,
	BooleanSymbol: policydb.TableBooleans, TunableSymbol: policydb.TableBooleans,
	SensitivitySymbol: policydb.TableSensitivities, CategorySymbol: policydb.TableCategories,
}

func (c *compiler) requireSymbol(r *Symbol, d *decl) (err error) {
	if r.Kind != ClassSymbol && len(r.Permissions) > 0 {
		return fmt.Errorf("permissions of the %s %q", r.Kind, r.Name)
	}
	var t policydb.Table
	var value uint32
	switch r.Kind {
	case ClassSymbol:
		return c.requireClass(r, d)
	case TypeSymbol, AttributeSymbol:
		t = policydb.TableTypes
		value, err = c.typeSymbol(r.Name, r.Kind == AttributeSymbol, policydb.ScopeRequired, d)
	case RoleSymbol, RoleAttributeSymbol:
		t = policydb.TableRoles
		value, err = c.requireRole(r.Name, r.Kind == RoleAttributeSymbol, d)
	case BooleanSymbol, TunableSymbol:
		t = policydb.TableBooleans
		value, err = c.boolean(r.Name, false, r.Kind == TunableSymbol, policydb.ScopeRequired, d)
	case SensitivitySymbol:
		t = policydb.TableSensitivities
		c.need(policydb.ModuleMLS)
		var i int
		var had bool
		if i, had, err = c.insert(t, r.Name, policydb.ScopeRequired, d); err == nil && !had {
			c.m.Symbols.Sensitivities = append(c.m.Symbols.Sensitivities,
				policydb.Sensitivity{Name: r.Name, Level: policydb.Level{Sensitivity: c.next(t)}})
		}
		if err == nil {
			value = c.m.Symbols.Sensitivities[i].Level.Sensitivity
		}
	case CategorySymbol:
		t = policydb.TableCategories
		c.need(policydb.ModuleMLS)
		var i int
		var had bool
		if i, had, err = c.insert(t, r.Name, policydb.ScopeRequired, d); err == nil && !had {
			c.m.Symbols.Categories = append(c.m.Symbols.Categories, policydb.Category{Name: r.Name, Value: c.next(t)})
		}
		if err == nil {
			value = c.m.Symbols.Categories[i].Value
		}
	default:
		return fmt.Errorf("unknown kind %d of a symbol", r.Kind)
	}
	if err != nil {
		return err
	}
	d.required[t].add(value)
	d.given = true
	return nil
}

func (c *compiler) requireClass(r *Symbol, d *decl) error {
	i, had, err := c.insert(policydb.TableClasses, r.Name, policydb.ScopeRequired, d)
	if err != nil {
		return err
	}
	if !had {
		c.m.Symbols.Classes = append(c.m.Symbols.Classes, policydb.Class{Name: r.Name, Value: c.next(policydb.TableClasses)})
	}
	k := &c.m.Symbols.Classes[i]
	d.required[policydb.TableClasses].add(k.Value)
	d.given = true
	if len(r.Permissions) == 0 {
		return fmt.Errorf("no permission of the class %q", r.Name)
	}
	for int(k.Value) > len(d.permissions) {
		d.permissions = append(d.permissions, 0)
	}
	if n, free := len(c.permissions), min(len(r.Permissions), 32); !had && cap(c.permissions)-n >= free {
		k.Permissions = c.permissions[n : n : n+free]
		c.permissions = c.permissions[:n+free]
	}
	for _, name := range r.Permissions {
		p := permission(k, name)
		if p < 0 {
			if err := checkName("permission", name); err != nil {
				return err
			}
			if p = len(k.Permissions); p == 32 {
				return fmt.Errorf("more than 32 permissions of the class %q", r.Name)
			}
			k.Permissions = append(k.Permissions, policydb.Permission{Name: name, Value: uint32(p) + 1})
			k.NumPerms++
		}
		d.permissions[k.Value-1] |= 1 << p
	}
	return nil
}

// permission returns the bit of a permission of a class, -1 if there is none.
func permission(k *policydb.Class, name string) int {
	for i := range k.Permissions {
		if k.Permissions[i].Name == name {
			return i
		}
	}
	return -1
}

// typeSymbol declares or requires a type or an attribute.
func (c *compiler) typeSymbol(name string, attribute bool, kind policydb.ScopeKind, d *decl) (uint32, error) {
	i, had, err := c.insert(policydb.TableTypes, name, kind, d)
	if err != nil {
		return 0, err
	}
	flavor := policydb.FlavorType
	if attribute {
		flavor = policydb.FlavorAttribute
	}
	if !had {
		c.addType(policydb.ModuleType{Name: name, Value: c.next(policydb.TableTypes), Primary: 1, Flavor: flavor})
		c.primary = append(c.primary, i)
	}
	t := &c.m.Symbols.Types[i]
	if t.Flavor != flavor && (attribute || t.Flavor == policydb.FlavorAttribute) {
		return 0, fmt.Errorf("%q is both a type and an attribute", name)
	}
	return t.Value, nil
}

// addType adds an entry to the table of types.
func (c *compiler) addType(t policydb.ModuleType) {
	c.m.Symbols.Types = append(c.m.Symbols.Types, t)
	c.alone = append(c.alone, policydb.Bitmap{})
}

func (c *compiler) aliases(value uint32, names []string, d *decl) error {
	for _, name := range names {
		if hasDot(name) {
			return nameError("alias", name, "has a dot")
		}
		i, had, err := c.insert(policydb.TableTypes, name, policydb.ScopeDeclared, d)
		switch {
		case err != nil:
			return err
		case had: // required before, and so with a value of its own
			t := &c.m.Symbols.Types[i]
			if t.Flavor == policydb.FlavorAttribute {
				return fmt.Errorf("%q is both an alias and an attribute", name)
			}
			t.Primary, t.Flavor = value, policydb.FlavorAlias
			c.need(policydb.ModuleAliasValues)
		default:
			c.addType(policydb.ModuleType{Name: name, Value: value})
		}
		d.declared[policydb.TableTypes].add(value)
	}
	return nil
}

// attributes gives a type attributes.
func (c *compiler) attributes(value uint32, names []string, d *decl) error {
	for _, name := range names {
		i, err := c.find(policydb.TableTypes, name, d)
		if err != nil {
			return unknownAs(err, "attribute")
		}
		a := &c.m.Symbols.Types[i]
		if a.Flavor != policydb.FlavorAttribute {
			return fmt.Errorf("%q is a type, not an attribute", name)
		}
		if d.parent != nil {
			a = local(&d.types, &d.Symbols.Types, policydb.ModuleType{Name: name, Value: a.Value, Primary: 1, Flavor: policydb.FlavorAttribute}, name)
		}
		a.Types = with(a.Types, value)
	}
	return nil
}

// local returns the entry of a name in a declaration's own table, which it
// makes if need be.
func local[T any](index *map[string]int, table *[]T, entry T, name string) *T {
	i, ok := (*index)[name]
	if !ok {
		if *index == nil {
			*index = make(map[string]int)
		}
		i = len(*table)
		(*index)[name] = i
		*table = append(*table, entry)
	}
	return &(*table)[i]
}

func (c *compiler) boolean(name string, state, tunable bool, kind policydb.ScopeKind, d *decl) (uint32, error) {
	i, had, err := c.insert(policydb.TableBooleans, name, kind, d)
	if err != nil {
		return 0, err
	}
	if !had {
		c.m.Symbols.Booleans = append(c.m.Symbols.Booleans, policydb.ModuleBoolean{Name: name, Value: c.next(policydb.TableBooleans)})
	}
	b := &c.m.Symbols.Booleans[i]
	if !had {
		b.State, b.Tunable = state, tunable
	}
	if b.Tunable {
		c.need(policydb.ModuleTunables)
	}
	return b.Value, nil
}

func (c *compiler) role(name string, attribute bool, kind policydb.ScopeKind, d *decl) (index int, had bool, err error) {
	c.declaresAttribute = attribute
	i, had, err := c.insert(policydb.TableRoles, name, kind, d)
	if err != nil {
		return 0, false, err
	}
	if attribute {
		c.need(policydb.ModuleRoleAttributes)
	}
	if !had {
		c.m.Symbols.Roles = append(c.m.Symbols.Roles, policydb.ModuleRole{Name: name, Value: c.next(policydb.TableRoles), Attribute: attribute})
	} else if c.m.Symbols.Roles[i].Attribute != attribute {
		return 0, false, fmt.Errorf("%q is both a role and an attribute of roles", name)
	}
	return i, had, nil
}

func (c *compiler) requireRole(name string, attribute bool, d *decl) (uint32, error) {
	i, had, err := c.role(name, attribute, policydb.ScopeRequired, d)
	if err != nil {
		return 0, err
	}
	r := &c.m.Symbols.Roles[i]
	if !had {
		r.Dominates = policydb.NewBitmap(r.Value - 1)
	}
	return r.Value, nil
}

func (c *compiler) declareRole(name string, attribute bool, d *decl) (uint32, error) {
	i, had, err := c.role(name, attribute, policydb.ScopeDeclared, d)
	if err != nil {
		return 0, err
	}
	r := &c.m.Symbols.Roles[i]
	value := r.Value
	d.declared[policydb.TableRoles].add(value)
	if d.parent != nil {
		_, known := d.roles[name]
		r = c.localRole(i, d)
		if !known {
			if err := implicitBounds(d.roles, name, "role", func(i int) { r.Bounds = d.Symbols.Roles[i].Value }); err != nil {
				return 0, err
			}
			if r.Bounds != 0 {
				c.need(policydb.ModuleBounds)
			}
		}
	}
	if !had {
		r.Dominates = policydb.NewBitmap(value - 1)
	}
	return value, nil
}

// implicitBounds finds what bounds a name with dots: the name before the last.
func implicitBounds(index map[string]int, name, kind string, set func(int)) error {
	if !hasDot(name) {
		return nil
	}
	parent := name[:lastDot(name)]
	i, ok := index[parent]
	if !ok {
		return &UnknownNameError{kind, parent}
	}
	set(i)
	return nil
}

// localRole is the role to which a declaration adds.
func (c *compiler) localRole(i int, d *decl) *policydb.ModuleRole {
	r := &c.m.Symbols.Roles[i]
	if d.parent == nil {
		return r
	}
	return local(&d.roles, &d.Symbols.Roles, policydb.ModuleRole{Name: r.Name, Value: r.Value, Attribute: r.Attribute}, r.Name)
}

// roleAttributes gives a role attributes of roles.
func (c *compiler) roleAttributes(value uint32, names []string, d *decl) error {
	for _, name := range names {
		i, err := c.find(policydb.TableRoles, name, d)
		if err != nil {
			return unknownAs(err, "attribute of roles")
		}
		if !c.m.Symbols.Roles[i].Attribute {
			return fmt.Errorf("%q is a role, not an attribute of roles", name)
		}
		a := c.localRole(i, d)
		a.Roles = with(a.Roles, value)
	}
	return nil
}

// unknownAs names the kind of an unknown name more closely.
func unknownAs(err error, kind string) error {
	if e, ok := err.(*UnknownNameError); ok {
		return &UnknownNameError{kind, e.Name}
	}
	return err
}

func hasDot(s string) bool { return lastDot(s) > 0 }

func lastDot(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '.' {
			return i
		}
	}
	return -1
}

// permMask is the mask of all permissions that the module knows of a class.
func permMask(k *policydb.Class) uint32 { return uint32(uint64(1)<<k.NumPerms - 1) }

package module

import (
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// blockDecompiler makes the statements of one declaration.
type blockDecompiler struct {
	*decompiler
	node    *node
	out     []Statement
	pending *Require // being filled
	around  *blockDecompiler
	known   map[uint32]bool // values of types and attributes so far
	later   []*TypeAttribute
}

func (k *blockDecompiler) flush() {
	if k.pending != nil {
		k.out = append(k.out, k.pending)
		k.pending = nil
	}
}

func (k *blockDecompiler) require(s Symbol) {
	if k.pending == nil {
		k.pending = &Require{}
	}
	k.pending.Symbols = append(k.pending.Symbols, s)
}

func (k *blockDecompiler) declare(s Statement) {
	k.flush()
	k.out = append(k.out, s)
}

// symbol declares or requires a name, or both.
func (k *blockDecompiler) symbol(s *symbol) {
	n := k.node
	declared := n.Declared.Symbols[s.table].Has(s.value - 1)
	if s.table == policydb.TableTypes {
		declared = k.declaresType(s.value) // an alias comes later
	}
	if s.table == policydb.TableRoles && s.value == 1 {
		declared = false // object_r
		if !n.Required.Symbols[s.table].Has(0) {
			return
		}
	}
	if declared {
		k.declaration(s)
	}
	if !declared || n.Required.Symbols[s.table].Has(s.value-1) && !requiredAround(n.parent, s.table, s.value) {
		k.requirement(s)
	}
	if s.table == policydb.TableTypes {
		k.known[s.value] = true
	}
}

// knowsType reports whether the block or one around it has named a type so far.
func (k *blockDecompiler) knowsType(value uint32) bool {
	for ; k != nil; k = k.around {
		if k.known[value] {
			return true
		}
	}
	return false
}

func (k *blockDecompiler) requirement(s *symbol) {
	r := Symbol{Name: s.name}
	switch s.table {
	case policydb.TableClasses:
		r.Kind = ClassSymbol
		c := k.classes[s.value-1]
		perms := slices.Clone(c.Permissions)
		slices.SortFunc(perms, func(a, b policydb.Permission) int { return int(a.Value) - int(b.Value) })
		for _, p := range perms {
			if int(s.value) <= len(k.node.Required.Permissions) && k.node.Required.Permissions[s.value-1].Has(p.Value-1) {
				r.Permissions = append(r.Permissions, p.Name)
			}
		}
	case policydb.TableTypes:
		r.Kind = TypeSymbol
		if k.typeOf[s.value-1].Flavor == policydb.FlavorAttribute {
			r.Kind = AttributeSymbol
		}
	case policydb.TableRoles:
		r.Kind = RoleSymbol
		if k.roleOf[s.value-1].Attribute {
			r.Kind = RoleAttributeSymbol
		}
	case policydb.TableBooleans:
		r.Kind = BooleanSymbol
		if k.booleanOf(s.value).Tunable {
			r.Kind = TunableSymbol
		}
	case policydb.TableSensitivities:
		r.Kind = SensitivitySymbol
	case policydb.TableCategories:
		r.Kind = CategorySymbol
	}
	k.require(r)
}

func (d *decompiler) booleanOf(value uint32) *policydb.ModuleBoolean {
	for i := range d.in.Symbols.Booleans {
		if b := &d.in.Symbols.Booleans[i]; b.Value == value {
			return b
		}
	}
	return &policydb.ModuleBoolean{}
}

func (k *blockDecompiler) declaration(s *symbol) {
	switch s.table {
	case policydb.TableTypes:
		if k.typeOf[s.value-1].Flavor == policydb.FlavorAttribute {
			k.declare(&Attribute{Name: s.name})
			return
		}
		t := &Type{Name: s.name}
		for _, a := range k.aliases {
			if a.Primary == 0 && a.Value == s.value && k.declaredHere(a) {
				t.Aliases = append(t.Aliases, a.Name)
			}
		}
		slices.Sort(t.Aliases)
		later := &TypeAttribute{Type: s.name}
		for _, a := range k.attributesOf(s.value) {
			if k.knowsType(a.Value) {
				t.Attributes = append(t.Attributes, a.Name)
			} else {
				later.Attributes = append(later.Attributes, a.Name)
			}
		}
		if len(later.Attributes) > 0 {
			k.later = append(k.later, later)
		}
		k.declare(t)
	case policydb.TableRoles:
		if k.roleOf[s.value-1].Attribute {
			k.declare(&AttributeRole{Name: s.name})
		} else {
			k.declare(&Role{Name: s.name})
		}
	case policydb.TableBooleans:
		b := k.booleanOf(s.value)
		k.declare(&Boolean{Name: s.name, Default: b.State, Tunable: b.Tunable})
	}
}

// declaredHere reports whether it is the declaration that declares a name of
// the types.
func (k *blockDecompiler) declaredHere(a *policydb.ModuleType) bool {
	s := k.scopes[policydb.TableTypes][a.Name]
	return s != nil && s.Kind == policydb.ScopeDeclared && s.Decls[len(s.Decls)-1] == k.node.ID
}

// added are the tables that the declaration adds to.
func (k *blockDecompiler) added() *policydb.Symbols {
	if k.node.parent == nil {
		return &k.in.Symbols
	}
	return &k.node.Symbols
}

// attributesOf are the attributes that the declaration gives a type.
func (k *blockDecompiler) attributesOf(value uint32) []*policydb.ModuleType {
	var out []*policydb.ModuleType
	types := k.added().Types
	for i := range types {
		if t := &types[i]; t.Flavor == policydb.FlavorAttribute && t.Types.Has(value-1) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *policydb.ModuleType) int { return int(a.Value) - int(b.Value) })
	return out
}

// rest adds what does not give names their values.
func (k *blockDecompiler) rest() error {
	for _, a := range k.aliases {
		value := a.Value
		if a.Primary != 0 {
			value = a.Primary
		} else if k.declaresType(value) {
			continue // in the type statement
		}
		if !k.declaredHere(a) {
			continue
		}
		if a.Primary != 0 && (int(value) > len(k.types) || k.types[value-1] == "") {
			return &UnsupportedError{fmt.Sprintf("the alias %q of an unknown type", a.Name)}
		}
		k.out = append(k.out, &TypeAlias{Type: k.types[value-1], Aliases: []string{a.Name}})
	}
	k.attributes()
	k.flags()
	if err := k.roleStatements(); err != nil {
		return err
	}
	for i := range k.node.Rules {
		list, err := k.rule(&k.node.Rules[i], k.node)
		if err != nil {
			return err
		}
		k.out = append(k.out, list...)
	}
	if err := k.transitions(); err != nil {
		return err
	}
	for _, c := range slices.Backward(k.node.Conditionals) {
		if err := k.conditional(&c); err != nil {
			return err
		}
	}
	return k.userStatements()
}

// declaresType reports whether the declaration has the statement that declares
// a type or an attribute. To give a type an alias counts as declaring it
// (declare_type in checkpolicy), but not in its scope.
func (k *blockDecompiler) declaresType(value uint32) bool {
	t := k.typeOf[value-1]
	return t != nil && t.Flavor != policydb.FlavorAlias && k.node.Declared.Symbols[policydb.TableTypes].Has(value-1) && k.declaredHere(t)
}

// attributes gives attributes to types that have them here and are not
// declared here.
func (k *blockDecompiler) attributes() {
	for _, s := range k.later {
		k.out = append(k.out, s)
	}
	of := make(map[uint32][]*policydb.ModuleType)
	var order []uint32
	types := k.added().Types
	for i := range types {
		a := &types[i]
		if a.Flavor != policydb.FlavorAttribute {
			continue
		}
		for bit := range a.Types.All() {
			if of[bit+1] == nil {
				order = append(order, bit+1)
			}
			of[bit+1] = append(of[bit+1], a)
		}
	}
	slices.Sort(order)
	for _, value := range order {
		if t := k.typeOf[value-1]; t != nil && t.Flavor == policydb.FlavorType && k.declaresType(value) {
			continue
		}
		s := &TypeAttribute{Type: k.types[value-1]}
		slices.SortFunc(of[value], func(a, b *policydb.ModuleType) int { return int(a.Value) - int(b.Value) })
		for _, a := range of[value] {
			s.Attributes = append(s.Attributes, a.Name)
		}
		k.out = append(k.out, s)
	}
}

// flags says what is a type's own wherever it was said: in the last
// declaration that knows of the type.
func (k *blockDecompiler) flags() {
	for i := range k.in.Symbols.Types {
		t := &k.in.Symbols.Types[i]
		s := k.scopes[policydb.TableTypes][t.Name]
		if s == nil || s.Decls[len(s.Decls)-1] != k.node.ID {
			continue
		}
		if t.Flags&policydb.FlagPermissive != 0 {
			k.out = append(k.out, &Permissive{Type: t.Name})
		}
		if t.Flags&policydb.FlagNeverAudit != 0 {
			k.out = append(k.out, &NeverAudit{Type: t.Name})
		}
		if t.Flags&(policydb.FlagExpandAttribute|policydb.FlagKeepAttribute) != 0 {
			k.out = append(k.out, &ExpandAttribute{Attributes: []string{t.Name}, Expand: t.Flags&policydb.FlagExpandAttribute != 0})
		}
	}
	for i := range k.in.Symbols.Types {
		t := &k.in.Symbols.Types[i]
		if t.Bounds == 0 || hasDot(t.Name) && k.types[t.Bounds-1] == t.Name[:lastDot(t.Name)] || k.boundsPlace(t) != k.node.ID {
			continue
		}
		k.out = append(k.out, &TypeBounds{Parent: k.types[t.Bounds-1], Types: []string{t.Name}})
	}
}

// boundsPlace is a declaration that knows both a type and what bounds it.
func (d *decompiler) boundsPlace(t *policydb.ModuleType) uint32 {
	a, b := d.scopes[policydb.TableTypes][t.Name], d.scopes[policydb.TableTypes][d.types[t.Bounds-1]]
	if a == nil || b == nil {
		return 1
	}
	for _, id := range append(slices.Clone(a.Decls), b.Decls...) {
		if d.knows(a, id) && d.knows(b, id) {
			return id
		}
	}
	return 1
}

// knows reports whether a name is in scope in a declaration.
func (d *decompiler) knows(s *policydb.Scope, id uint32) bool {
	for n := d.nodes[id]; n != nil; n = n.parent {
		if slices.Contains(s.Decls, n.ID) {
			return true
		}
	}
	return false
}

func (k *blockDecompiler) roleStatements() error {
	roles := slices.Clone(k.added().Roles)
	slices.SortFunc(roles, func(a, b policydb.ModuleRole) int { return int(a.Value) - int(b.Value) })
	for i := range roles {
		r := &roles[i]
		for bit := range r.Roles.All() {
			k.out = append(k.out, &RoleAttribute{Role: k.roles[bit], Attributes: []string{r.Name}})
		}
	}
	for i := range roles {
		r := &roles[i]
		if r.Types.Types.IsEmpty() && r.Types.NegSet.IsEmpty() && r.Types.Flags == 0 {
			continue
		}
		k.out = append(k.out, &RoleTypes{Role: r.Name, Types: k.typeSet(&r.Types)})
	}
	for _, a := range slices.Backward(k.node.RoleAllows) {
		from, err1 := k.roleSet(&a.Roles)
		to, err2 := k.roleSet(&a.NewRoles)
		if err1 != nil || err2 != nil {
			return &UnsupportedError{"sets of roles with * or ~"}
		}
		k.out = append(k.out, &RoleAllow{From: from, To: to})
	}
	return nil
}

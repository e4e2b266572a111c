package module

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// decompile turns a module policy into a Module: into rules alone if these say
// it all, else into statements that compile to the same.
func decompile(in *policydb.Module) (*Module, error) {
	d := &decompiler{in: in, out: &Module{Name: in.Name, Version: in.Release}}
	if err := d.index(); err != nil {
		return nil, err
	}
	if !d.simple() {
		var err error
		d.out.RequireAttributes = nil
		if d.out.Statements, err = d.block(d.tree(), nil); err != nil {
			return nil, err
		}
		// What a file may have and the language not, names first.
		if _, err = compile(d.out, d.out.Statements, ModOptions{NoMLS: !in.MLS}); err != nil {
			return nil, err
		}
	}
	if err := d.out.Check(); err != nil {
		return nil, err
	}
	return d.out, nil
}

type decompiler struct {
	in  *policydb.Module
	out *Module
	// By value-1.
	types, roles, users, booleans, sensitivities, categories []string
	classes                                                  []*policydb.Class
	typeOf                                                   []*policydb.ModuleType
	roleOf                                                   []*policydb.ModuleRole
	aliases                                                  []*policydb.ModuleType
	symbols                                                  []symbol // of all tables but users, in the order of tables and values
	scopes                                                   [policydb.NumTables]map[string]*policydb.Scope
	nodes                                                    map[uint32]*node
	own                                                      map[uint32]*owned
}

// symbol is a name that some declaration declares or requires.
type symbol struct {
	table policydb.Table
	name  string
	value uint32
	scope *policydb.Scope
}

// index notes names by value and refuses what no text can say.
func (d *decompiler) index() error {
	m, s := d.in, &d.in.Symbols
	switch {
	case len(s.Commons) > 0:
		return &UnsupportedError{"commons"}
	case !m.Capabilities.IsEmpty():
		return &UnsupportedError{"policy capabilities"}
	case len(m.Blocks[0].Branches) > 1:
		return &UnsupportedError{"branches of what holds always"}
	}
	for t := range m.Scopes {
		d.scopes[t] = make(map[string]*policydb.Scope, len(m.Scopes[t]))
		for i := range m.Scopes[t] {
			d.scopes[t][m.Scopes[t][i].Name] = &m.Scopes[t][i]
		}
	}
	table := func(t policydb.Table) []string { return make([]string, s.Num[t]) }
	d.types, d.roles, d.users, d.booleans = table(policydb.TableTypes), table(policydb.TableRoles), table(policydb.TableUsers), table(policydb.TableBooleans)
	d.sensitivities, d.categories = table(policydb.TableSensitivities), table(policydb.TableCategories)
	d.classes = make([]*policydb.Class, s.Num[policydb.TableClasses])
	d.typeOf, d.roleOf = make([]*policydb.ModuleType, len(d.types)), make([]*policydb.ModuleRole, len(d.roles))
	for i := range s.Classes {
		d.classes[s.Classes[i].Value-1] = &s.Classes[i]
		d.symbol(policydb.TableClasses, s.Classes[i].Name, s.Classes[i].Value)
	}
	for i := range s.Roles {
		r := &s.Roles[i]
		if n := r.Dominates.Len(); n > 1 || n == 1 && !r.Dominates.Has(r.Value-1) {
			return &UnsupportedError{fmt.Sprintf("the dominance of the role %q", r.Name)}
		}
		d.roles[r.Value-1], d.roleOf[r.Value-1] = r.Name, r
		d.symbol(policydb.TableRoles, r.Name, r.Value)
	}
	for i := range s.Types {
		t := &s.Types[i]
		if t.Primary == 0 {
			d.aliases = append(d.aliases, t)
			continue
		}
		if t.Flavor == policydb.FlavorAlias {
			d.aliases = append(d.aliases, t)
		}
		d.types[t.Value-1], d.typeOf[t.Value-1] = t.Name, t
		d.symbol(policydb.TableTypes, t.Name, t.Value)
	}
	for i := range s.Users {
		d.users[s.Users[i].Value-1] = s.Users[i].Name
	}
	for i := range s.Booleans {
		d.booleans[s.Booleans[i].Value-1] = s.Booleans[i].Name
		d.symbol(policydb.TableBooleans, s.Booleans[i].Name, s.Booleans[i].Value)
	}
	for i := range s.Sensitivities {
		x := &s.Sensitivities[i]
		d.sensitivities[x.Level.Sensitivity-1] = x.Name
		d.symbol(policydb.TableSensitivities, x.Name, x.Level.Sensitivity)
	}
	for i := range s.Categories {
		d.categories[s.Categories[i].Value-1] = s.Categories[i].Name
		d.symbol(policydb.TableCategories, s.Categories[i].Name, s.Categories[i].Value)
	}
	slices.SortStableFunc(d.symbols, func(a, b symbol) int {
		if a.table != b.table {
			return int(a.table) - int(b.table)
		}
		return int(a.value) - int(b.value)
	})
	return nil
}

func (d *decompiler) symbol(t policydb.Table, name string, value uint32) {
	if s := d.scopes[t][name]; s != nil {
		d.symbols = append(d.symbols, symbol{t, name, value, s})
	}
}

// node is a declaration in its place among the blocks.
type node struct {
	*policydb.Decl
	parent   *node
	isElse   bool
	other    *node // the else branch
	children []*node
	depth    int
}

// tree puts the blocks into each other. The file does not say how they were;
// but a block has all requirements of the blocks around it and may use what they
// declare, and nothing changes for one that stands in fewer blocks than it did
// if it lacks nothing there.
func (d *decompiler) tree() *node {
	d.owners()
	root := &node{Decl: &d.in.Blocks[0].Branches[0]}
	d.nodes = map[uint32]*node{root.ID: root}
	last := root
	for i := range d.in.Blocks[1:] {
		b := &d.in.Blocks[i+1]
		n := &node{Decl: &b.Branches[0]}
		d.nodes[n.ID] = n
		n.parent = d.place(n, last)
		n.depth = n.parent.depth + 1
		n.parent.children = append(n.parent.children, n)
		if len(b.Branches) > 1 {
			n.other = &node{Decl: &b.Branches[1], parent: n.parent, isElse: true, depth: n.depth}
			d.nodes[n.other.ID] = n.other
		}
		last = n
	}
	return root
}

// place finds the outermost block of those that are open in which a block
// lacks nothing; what begins before an else branch is in the first branch.
func (d *decompiler) place(n, last *node) *node {
	least := last
	if last.parent == nil {
		return last
	}
	uses := d.uses(n.Decl)
	for p := last; p != nil; p = p.parent {
		if p.other != nil && n.ID < p.other.ID {
			if !d.fits(n, least, &uses) {
				least = p
			}
			return least
		}
		if p == last || d.fits(n, p, &uses) {
			least = p
		}
	}
	return least
}

// uses are the types, roles and booleans that a declaration names, by value-1.
func (d *decompiler) uses(decl *policydb.Decl) (out [policydb.NumTables]bitset) {
	set := func(t policydb.Table, b policydb.Bitmap) {
		for bit := range b.All() {
			out[t].add(bit + 1)
		}
	}
	types := func(s *policydb.TypeSet) {
		set(policydb.TableTypes, s.Types)
		set(policydb.TableTypes, s.NegSet)
	}
	rules := func(list []policydb.ModuleRule) {
		for i := range list {
			r := &list[i]
			types(&r.Sources)
			types(&r.Targets)
			for _, c := range r.Classes {
				out[policydb.TableClasses].add(c.Class)
				if r.Kind&policydb.TypeKinds != 0 {
					out[policydb.TableTypes].add(c.Data)
				}
			}
		}
	}
	rules(decl.Rules)
	for i := range decl.Conditionals {
		k := &decl.Conditionals[i]
		rules(k.True)
		rules(k.False)
		for _, t := range k.Expr {
			if t.Op == policydb.CondBool {
				out[policydb.TableBooleans].add(t.Boolean)
			}
		}
	}
	for i := range decl.RoleTransitions {
		t := &decl.RoleTransitions[i]
		set(policydb.TableRoles, t.Roles.Roles)
		out[policydb.TableRoles].add(t.NewRole)
		types(&t.Types)
		set(policydb.TableClasses, t.Classes)
	}
	for _, a := range decl.RoleAllows {
		set(policydb.TableRoles, a.Roles.Roles)
		set(policydb.TableRoles, a.NewRoles.Roles)
	}
	for i := range decl.NameTransitions {
		t := &decl.NameTransitions[i]
		types(&t.Sources)
		types(&t.Targets)
		out[policydb.TableTypes].add(t.Type)
		out[policydb.TableClasses].add(t.Class)
	}
	for i := range decl.RangeTransitions {
		t := &decl.RangeTransitions[i]
		types(&t.Sources)
		types(&t.Targets)
		set(policydb.TableClasses, t.Classes)
	}
	for i := range decl.Symbols.Types {
		out[policydb.TableTypes].add(decl.Symbols.Types[i].Value)
		set(policydb.TableTypes, decl.Symbols.Types[i].Types)
	}
	for i := range decl.Symbols.Roles {
		r := &decl.Symbols.Roles[i]
		out[policydb.TableRoles].add(r.Value)
		set(policydb.TableRoles, r.Roles)
		types(&r.Types)
	}
	for i := range decl.Symbols.Users {
		set(policydb.TableRoles, decl.Symbols.Users[i].Roles.Roles)
	}
	return out
}

// fits reports whether a block has in this one all that it uses, and all that
// it requires without saying so.
func (d *decompiler) fits(n, in *node, uses *[policydb.NumTables]bitset) bool {
	for t := range uses {
		own := d.owned(n.ID)
		said, required := slices.Clone(own.bits[t]), slices.Clone(own.bits[t])
		for p := in; p != nil; p = p.parent {
			said.union(d.owned(p.ID).bits[t])
			for _, w := range p.Required.Symbols[t].Nodes {
				required.or(w)
			}
		}
		for i, w := range uses[t] {
			if w&^said.word(i) != 0 {
				return false
			}
		}
		for _, w := range n.Required.Symbols[t].Nodes {
			if w.Map&^required.word(int(w.Start/64)) != 0 {
				return false
			}
		}
	}
	return true
}

// owned is what a declaration itself declares and requires.
type owned struct {
	symbols []*symbol // in order
	bits    [policydb.NumTables]bitset
	// First are the lowest values that it gave to symbols.
	first [policydb.NumTables]uint32
}

func (d *decompiler) owned(id uint32) *owned {
	o := d.own[id]
	if o == nil {
		o = &owned{}
		for t := range o.first {
			o.first[t] = ^uint32(0)
		}
		d.own[id] = o
	}
	return o
}

// own notes what each declaration owns.
func (d *decompiler) owners() {
	d.own = make(map[uint32]*owned)
	for i := range d.symbols {
		s := &d.symbols[i]
		for _, id := range s.scope.Decls {
			o := d.owned(id)
			o.symbols = append(o.symbols, s)
			o.bits[s.table].add(s.value)
		}
		first := &d.owned(introducer(s.scope)).first[s.table]
		*first = min(*first, s.value)
	}
}

// requiredAround reports whether a block or one around it requires a symbol.
func requiredAround(n *node, t policydb.Table, value uint32) bool {
	for ; n != nil; n = n.parent {
		if n.Required.Symbols[t].Has(value - 1) {
			return true
		}
	}
	return false
}

// each calls f for the declaration and those in it.
func (n *node) each(f func(id uint32)) {
	f(n.ID)
	for _, c := range n.children {
		c.each(f)
	}
}

// introducer is the declaration in which a symbol got its value.
func introducer(s *policydb.Scope) uint32 {
	if s.Kind == policydb.ScopeDeclared {
		return s.Decls[len(s.Decls)-1]
	}
	return s.Decls[0]
}

// limits are, for each table, the lowest values that the nodes gave to symbols.
func (d *decompiler) limits(n *node, out *[policydb.NumTables]uint32) {
	n.each(func(id uint32) {
		for t, value := range d.owned(id).first {
			out[t] = min(out[t], value)
		}
	})
}

// follows reports whether a declaration may name a symbol before the block with
// this index in it: all that named it earlier must stand before that. Who
// declares a symbol is named last, whenever that was.
func (s *symbol) follows(id uint32, after map[uint32]int, index int) bool {
	for _, earlier := range s.scope.Decls {
		if earlier == id {
			break
		}
		if after[earlier] > index && (s.scope.Kind == policydb.ScopeRequired || introducer(s.scope) == earlier) {
			return false
		}
	}
	return true
}

// block returns the statements of a declaration and the blocks in it. Names
// come in an order that gives them their values again.
func (d *decompiler) block(n *node, known map[uint32]bool) ([]Statement, error) {
	if n.depth > maxDepth {
		return nil, &UnsupportedError{"blocks that deep"}
	}
	k := &blockDecompiler{decompiler: d, node: n, known: make(map[uint32]bool)}
	for v := range known {
		k.known[v] = true
	}
	k.eachUser(func(name string, _ uint32, declared bool) {
		if !declared {
			k.require(Symbol{Kind: UserSymbol, Name: name})
		}
	})
	limits := make([][policydb.NumTables]uint32, len(n.children)+1)
	for t := range limits[len(n.children)] {
		limits[len(n.children)][t] = ^uint32(0)
	}
	for i := len(n.children) - 1; i >= 0; i-- {
		limits[i] = limits[i+1]
		d.limits(n.children[i], &limits[i])
	}
	// A name that a block in this one gave its value comes after that.
	after := make(map[uint32]int)
	for i, c := range n.children {
		c.each(func(id uint32) { after[id] = i + 1 })
	}
	var own []*symbol
	if !n.isElse {
		own = d.owned(n.ID).symbols
	}
	done := make([]bool, len(own))
	for i := range limits {
		for j, s := range own {
			if done[j] || introducer(s.scope) == n.ID && s.value >= limits[i][s.table] || !s.follows(n.ID, after, i) {
				continue
			}
			done[j] = true
			k.symbol(s)
		}
		if i == len(n.children) {
			break
		}
		child := n.children[i]
		o := &Optional{}
		var err error
		if o.Body, err = d.block(child, k.known); err != nil {
			return nil, err
		}
		if child.other != nil {
			if o.Else, err = d.block(child.other, k.known); err != nil {
				return nil, err
			}
			if o.Else == nil {
				o.Else = []Statement{}
			}
		}
		k.flush()
		k.out = append(k.out, o)
	}
	k.flush()
	err := k.rest()
	return k.out, err
}

// blockDecompiler makes the statements of one declaration.
type blockDecompiler struct {
	*decompiler
	node    *node
	out     []Statement
	pending *Require        // being filled
	known   map[uint32]bool // values of types and attributes
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
	if s.table == policydb.TableTypes && k.typeOf[s.value-1].Flavor == policydb.FlavorAlias {
		declared = false // comes later
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
			if k.known[a.Value] {
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

// declaredHere reports whether the declaration declares an alias.
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
		} else if k.node.Declared.Symbols[policydb.TableTypes].Has(value-1) && k.declaredWith(value) {
			continue
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

// declaredWith reports whether the declaration has a type statement for the
// type itself: its own aliases are said there.
func (k *blockDecompiler) declaredWith(value uint32) bool {
	t := k.typeOf[value-1]
	s := k.scopes[policydb.TableTypes][t.Name]
	return t.Flavor == policydb.FlavorType && s != nil && slices.Contains(s.Decls, k.node.ID)
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
		if t := k.typeOf[value-1]; t != nil && t.Flavor == policydb.FlavorType &&
			k.node.Declared.Symbols[policydb.TableTypes].Has(value-1) && k.declaredWith(value) {
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

// list are names by value.
func list(names []string, b policydb.Bitmap) []string {
	if b.IsEmpty() {
		return nil
	}
	out := make([]string, 0, b.Len())
	for bit := range b.All() {
		out = append(out, names[bit])
	}
	return out
}

func (d *decompiler) typeSet(s *policydb.TypeSet) TypeSet {
	return TypeSet{Names: list(d.types, s.Types), Except: list(d.types, s.NegSet),
		All: s.Flags == setAll, Complement: s.Flags == setComplement}
}

func (d *decompiler) roleSet(s *policydb.RoleSet) ([]string, error) {
	if s.Flags != 0 {
		return nil, errStarSet
	}
	return list(d.roles, s.Roles), nil
}

// targets adds a rule's flags to its targets.
func targets(s TypeSet, flags uint32) TypeSet {
	switch {
	case flags == policydb.RuleNotSelf && s.Complement:
		s.Self = true
	case flags == policydb.RuleNotSelf:
		s.NotSelf = true
	case flags == policydb.RuleSelf:
		s.Self = true
	}
	return s
}

func (d *decompiler) classList(b policydb.Bitmap) []string {
	var out []string
	for bit := range b.All() {
		out = append(out, d.classes[bit].Name)
	}
	return out
}

// rule turns a rule into the statement that it is of; if what it says differs
// from class to class, into one for each.
func (d *decompiler) rule(r *policydb.ModuleRule, n *node) ([]Statement, error) {
	for i := 1; i < len(r.Classes); i++ {
		if d.sameData(r, i, n) {
			continue
		}
		var out []Statement
		one := *r
		for _, c := range r.Classes {
			one.Classes = []policydb.ClassData{c}
			list, err := d.rule(&one, n)
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		}
		return out, nil
	}
	sources, to := d.typeSet(&r.Sources), targets(d.typeSet(&r.Targets), r.Flags)
	if r.Flags == policydb.RuleSelf && to.Complement {
		return nil, &UnsupportedError{"self beside a complement"}
	}
	if r.Kind&policydb.TypeKinds != 0 {
		s := &TypeRule{Sources: sources, Targets: to}
		for _, c := range slices.Backward(r.Classes) {
			s.Classes, s.NewType = append(s.Classes, d.classes[c.Class-1].Name), d.types[c.Data-1]
		}
		s.Kind = TypeRuleKind(slices.Index(typeRuleKinds[:], r.Kind))
		return []Statement{s}, nil
	}
	s := &AccessRule{Kind: Kind(slices.Index(ruleKinds[:], r.Kind)), Sources: sources, Targets: to}
	for _, c := range r.Classes {
		class := d.classes[c.Class-1]
		s.Permissions = permissionSet(class, c.Data, n)
		s.Classes = append(s.Classes, class.Name)
	}
	if r.XPerms != nil {
		s.Xperms = xpermRanges(r.XPerms)
		refined := "ioctl"
		if r.XPerms.Specified == policydb.XPermsNlmsg {
			refined = "nlmsg"
		}
		if !slices.Equal(s.Permissions.Names, []string{refined}) {
			return nil, &UnsupportedError{fmt.Sprintf("extended permissions of %q", s.Permissions.Names)}
		}
	}
	return []Statement{s}, nil
}

// permissionSet names the bits of an access vector. Where one is not in scope
// it was * or ~ that set it, as it was for bits that no permission of the class
// has: checkmodule before 3.5 set those, too.
func permissionSet(c *policydb.Class, data uint32, n *node) PermissionSet {
	perms := slices.Clone(c.Permissions)
	slices.SortFunc(perms, func(a, b policydb.Permission) int { return int(a.Value) - int(b.Value) })
	var s PermissionSet
	s.Complement = data&^permMask(c) != 0
	for _, p := range perms {
		if bit := uint32(1) << (p.Value - 1); data&bit != 0 && !n.permits(c, bit) {
			s.Complement = true
		}
	}
	for _, p := range perms {
		if (data>>(p.Value-1)&1 == 1) != s.Complement {
			s.Names = append(s.Names, p.Name)
		}
	}
	if s.Complement && len(s.Names) == 0 {
		return PermissionSet{All: true}
	}
	return s
}

// permits is inScope for a declaration of a file.
func (n *node) permits(c *policydb.Class, bit uint32) bool {
	for ; n != nil; n = n.parent {
		p := n.Required.Permissions
		if int(c.Value) > len(p) {
			return true
		}
		if nodes := p[c.Value-1].Nodes; len(nodes) > 0 && uint32(nodes[0].Map)&bit != 0 {
			return true
		}
	}
	return false
}

// sameData reports whether what a rule says of a class reads as what it says of
// the first.
func (d *decompiler) sameData(r *policydb.ModuleRule, i int, n *node) bool {
	if r.Kind&policydb.TypeKinds != 0 {
		return r.Classes[i].Data == r.Classes[0].Data
	}
	a := permissionSet(d.classes[r.Classes[0].Class-1], r.Classes[0].Data, n)
	b := permissionSet(d.classes[r.Classes[i].Class-1], r.Classes[i].Data, n)
	slices.Sort(a.Names)
	slices.Sort(b.Names)
	return a.All == b.All && a.Complement == b.Complement && slices.Equal(a.Names, b.Names)
}

func (k *blockDecompiler) transitions() error {
	for _, t := range slices.Backward(k.node.NameTransitions) {
		s := &TypeRule{Kind: TypeTransition, Sources: k.typeSet(&t.Sources), Targets: k.typeSet(&t.Targets),
			Classes: []string{k.classes[t.Class-1].Name}, NewType: k.types[t.Type-1], FileName: t.Name}
		s.Targets.Self = t.Self
		k.out = append(k.out, s)
	}
	for _, t := range slices.Backward(k.node.RoleTransitions) {
		roles, err := k.roleSet(&t.Roles)
		if err != nil {
			return &UnsupportedError{"sets of roles with * or ~"}
		}
		k.out = append(k.out, &RoleTransition{Roles: roles, Types: k.typeSet(&t.Types),
			Classes: k.classList(t.Classes), NewRole: k.roles[t.NewRole-1]})
	}
	for _, t := range slices.Backward(k.node.RangeTransitions) {
		k.out = append(k.out, &RangeTransition{Sources: k.typeSet(&t.Sources), Targets: k.typeSet(&t.Targets),
			Classes: k.classList(t.Classes), Range: k.levels(&t.Range)})
	}
	return nil
}

func (d *decompiler) levels(r *policydb.SemanticRange) Range {
	out := Range{Low: d.level(&r.Low), High: d.level(&r.High)}
	if out.Low.String() == out.High.String() {
		out.High = Level{}
	}
	return out
}

func (d *decompiler) level(l *policydb.SemanticLevel) Level {
	var out Level
	if l.Sensitivity > 0 {
		out.Sensitivity = d.sensitivities[l.Sensitivity-1]
	}
	for _, c := range slices.Backward(l.Categories) {
		out.Categories = append(out.Categories, CategoryRange{d.categories[c.Low-1], d.categories[c.High-1]})
	}
	return out
}

func (k *blockDecompiler) conditional(c *policydb.ModuleConditional) error {
	s := &If{}
	var err error
	if s.Condition, err = k.condition(c.Expr); err != nil {
		return err
	}
	for _, branch := range []struct {
		rules []policydb.ModuleRule
		to    *[]Statement
	}{{c.True, &s.Then}, {c.False, &s.Else}} {
		for _, r := range slices.Backward(branch.rules) {
			list, err := k.rule(&r, k.node)
			if err != nil {
				return err
			}
			*branch.to = append(*branch.to, list...)
		}
	}
	k.out = append(k.out, s)
	return nil
}

// condition reads terms, which are checked, in reverse Polish order.
func (d *decompiler) condition(terms []policydb.CondTerm) (*Condition, error) {
	if len(terms) > 2*maxDepth {
		return nil, &UnsupportedError{"conditions that long"}
	}
	var stack []*Condition
	for _, t := range terms {
		n := len(stack)
		if t.Op == policydb.CondBool {
			stack = append(stack, When(d.booleans[t.Boolean-1]))
			continue
		}
		op := Op(slices.Index(condOps[:], t.Op))
		if op == OpNot {
			stack[n-1] = Not(stack[n-1])
			continue
		}
		stack = append(stack[:n-2], &Condition{Op: op, Left: stack[n-2], Right: stack[n-1]})
	}
	return stack[0], nil
}

// eachUser calls f for the users that the declaration declares, or requires.
func (k *blockDecompiler) eachUser(f func(name string, value uint32, declared bool)) {
	for i, name := range k.users {
		s := k.scopes[policydb.TableUsers][name]
		if s != nil && slices.Contains(s.Decls, k.node.ID) && !k.node.isElse {
			f(name, uint32(i)+1, k.node.Declared.Symbols[policydb.TableUsers].Has(uint32(i)))
		}
	}
}

// userStatements adds the users that are declared.
func (k *blockDecompiler) userStatements() error {
	added := k.added().Users
	for i := range added {
		if added[i].Roles.Flags != 0 {
			return &UnsupportedError{"users with * or ~ of roles"}
		}
		if added[i].Expanded != nil && k.in.MLS {
			return &UnsupportedError{"users with levels in version 5"}
		}
	}
	k.eachUser(func(name string, value uint32, declared bool) {
		if !declared {
			return
		}
		u := &User{Name: name}
		for i := range added {
			if x := &added[i]; x.Value == value {
				u.Roles, u.Level, u.Range = list(k.roles, x.Roles.Roles), k.level(&x.Default), k.levels(&x.Range)
			}
		}
		k.out = append(k.out, u)
	})
	return nil
}

// simple makes rules of a module that has nothing else, each of one source,
// target and class, and requires no more than they use. It reports whether it
// could.
func (d *decompiler) simple() bool {
	first := &d.in.Blocks[0].Branches[0]
	s := &d.in.Symbols
	if len(d.in.Blocks) > 1 || len(s.Users)+len(s.Booleans)+len(s.Sensitivities)+len(s.Categories) > 0 || len(s.Roles) > 1 ||
		len(first.Conditionals)+len(first.RoleTransitions)+len(first.RoleAllows)+len(first.NameTransitions)+len(first.RangeTransitions) > 0 {
		return false
	}
	if !first.Required.Symbols[policydb.TableRoles].IsEmpty() {
		return false
	}
	for i := range s.Types {
		t := &s.Types[i]
		if d.scopes[policydb.TableTypes][t.Name] == nil || d.scopes[policydb.TableTypes][t.Name].Kind == policydb.ScopeDeclared ||
			t.Flavor == policydb.FlavorAlias || t.Primary == 0 || t.Flags != 0 || t.Bounds != 0 || !t.Types.IsEmpty() {
			return false
		}
		if t.Flavor == policydb.FlavorAttribute {
			d.out.RequireAttributes = append(d.out.RequireAttributes, t.Name)
		}
	}
	rules := make([]Rule, 0, len(first.Rules))
	for i := range first.Rules {
		list, err := d.rule(&first.Rules[i], &node{Decl: first})
		if err != nil || len(list) != 1 {
			return false
		}
		a, ok := list[0].(*AccessRule)
		if !ok || len(a.Sources.words()) != 1 || len(a.Targets.words()) != 1 || len(a.Classes) != 1 ||
			len(a.Sources.Names) != 1 || len(a.Targets.Names) != 1 && !a.Targets.Self ||
			a.Sources.Complement || a.Targets.Complement || a.Permissions.All || a.Permissions.Complement {
			return false
		}
		rules = append(rules, Rule{Kind: a.Kind, Source: a.Sources.Names[0], Target: a.Targets.words()[0], Class: a.Classes[0],
			Permissions: a.Permissions.Names, Xperms: a.Xperms})
	}
	d.out.Rules = rules
	if !d.requiresAll() {
		d.out.Rules = nil
		return false
	}
	return true
}

// requiresAll reports whether the module requires no more than its rules use.
func (d *decompiler) requiresAll() bool {
	k := &completer{m: d.out, attributes: make(map[string]bool)}
	for _, a := range d.out.RequireAttributes {
		k.attributes[a] = true
	}
	used := newScope(nil)
	for i := range d.out.Rules {
		if k.use(&d.out.Rules[i], used) != nil {
			return false
		}
	}
	permissions := 0
	for i := range d.in.Symbols.Classes {
		permissions += int(d.in.Symbols.Classes[i].NumPerms)
	}
	for _, set := range used.missingPermissions {
		permissions -= len(set)
	}
	return permissions == 0 && len(used.missing[typeTable]) == len(d.in.Symbols.Types) &&
		len(used.missingPermissions) == len(d.in.Symbols.Classes)
}

// xpermRanges are the ranges that a set of extended permissions comes to.
func xpermRanges(x *policydb.XPerms) []XpermRange {
	var out []XpermRange
	for i, w := range x.Perms {
		for ; w != 0; w &= w - 1 {
			n := uint16(i*32 + bits.TrailingZeros32(w))
			r := XpermRange{Low: uint16(x.Driver)<<8 | n, High: uint16(x.Driver)<<8 | n}
			if x.Specified == policydb.XPermsIoctlDriver {
				r = XpermRange{Low: n << 8, High: n<<8 | 0xff}
			}
			out = append(out, r)
		}
	}
	return mergeRanges(out)
}

package module

import (
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

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

// owners notes what each declaration owns.
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
func (d *decompiler) block(n *node, around *blockDecompiler) ([]Statement, error) {
	if n.depth > maxDepth {
		return nil, &UnsupportedError{"blocks that deep"}
	}
	k := &blockDecompiler{decompiler: d, node: n, around: around, known: make(map[uint32]bool)}
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
		if o.Body, err = d.block(child, k); err != nil {
			return nil, err
		}
		if child.other != nil {
			if o.Else, err = d.block(child.other, k); err != nil {
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

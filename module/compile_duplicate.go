package module

import "github.com/sekit/sekit/internal/policydb"

// transition is what there may be one transition for.
type transition struct {
	source, target, class uint32
	name                  string // of a file
}

// maxTransitions limits how many are remembered. Where a module has more of
// them, who links it finds those that are there twice.
const maxTransitions = 1 << 20

// transitions are those of a kind so far.
type transitions map[transition]bool

// full reports whether no more are remembered, and so none looked for.
func (t transitions) full() bool { return len(t) >= maxTransitions }

// add reports whether there is none yet.
func (t *transitions) add(k transition) bool {
	if *t == nil {
		*t = make(transitions)
	}
	if (*t)[k] {
		return false
	}
	(*t)[k] = true
	return true
}

// members are a set's types, attributes replaced by those that the module's
// outermost block gives them (type_set_expand in libsepol).
func (c *compiler) members(s *policydb.TypeSet) policydb.Bitmap {
	out, except := c.expanded(s.Types), c.expanded(s.NegSet)
	for i := range out {
		out[i] &^= except.word(i)
	}
	return out.bitmap()
}

func (c *compiler) expanded(b policydb.Bitmap) bitset {
	var out bitset
	for v := range b.All() {
		t := &c.m.Symbols.Types[c.primary[v]]
		if t.Flavor != policydb.FlavorAttribute {
			out.add(v + 1)
			continue
		}
		for _, n := range t.Types.Nodes {
			out.or(n)
		}
	}
	return out
}

// checkRoleTransition refuses a transition that there is already
// (define_role_trans in checkpolicy, to which an attribute of roles is one more
// role).
func (c *compiler) checkRoleTransition(r *policydb.ModuleRoleTransition) error {
	types := c.members(&r.Types)
	for role := range r.Roles.Roles.All() {
		for target := range types.All() {
			for class := range r.Classes.All() {
				switch {
				case c.roleTransitions.full():
					return nil
				case !c.roleTransitions.add(transition{source: role, target: target, class: class}):
					return &DuplicateError{"role_transition", c.m.Symbols.Roles[role].Name}
				}
			}
		}
	}
	return nil
}

// checkNameTransition refuses a transition that there is already
// (define_filename_trans in checkpolicy).
func (c *compiler) checkNameTransition(r *policydb.ModuleNameTransition) error {
	targets := c.members(&r.Targets)
	for source := range c.members(&r.Sources).All() {
		k := transition{source: source, class: r.Class, name: r.Name}
		for k.target = range targets.All() {
			if c.nameTransitions.full() {
				return nil
			}
			if !c.nameTransitions.add(k) {
				return &DuplicateError{"type_transition", r.Name}
			}
		}
		if k.target = source; r.Self && !c.nameTransitions.full() && !c.nameTransitions.add(k) {
			return &DuplicateError{"type_transition", r.Name}
		}
	}
	return nil
}

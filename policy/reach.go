package policy

import (
	"github.com/sekit/sekit/internal/policydb"
)

// sourcesOf returns what each type (by value-1) may do to a target type, by
// allow rules in force.
func (p *Policy) sourcesOf(target, class uint32) []uint32 {
	out := make([]uint32, len(p.sym.types))
	tattr := &p.db.TypeAttributes[target-1]
	add := func(source, perms uint32) {
		p.eachType(source, func(t uint32) { out[t-1] |= perms })
	}
	if x := p.engine.av(); x != nil {
		c := &x.classes[class-1]
		c.eachRow(nil, func(source, from, to uint32) {
			for i := from; i < to; i++ {
				e := &c.entry[i]
				if e.kind == policydb.Allow && has(tattr, uint32(c.target[i])) && p.inForce(e) {
					add(source+1, e.data)
				}
			}
		})
	}
	if p.over != nil {
		for _, r := range p.over.allow {
			switch {
			case r.class != class:
			case r.target == 0:
				if has(tattr, r.source-1) {
					out[target-1] |= r.perms
				}
			case has(tattr, r.target-1):
				add(r.source, r.perms)
			}
		}
	}
	return out
}

// targetsOf returns what a source type may do to each type (by value-1), by
// allow rules in force.
func (p *Policy) targetsOf(source, class uint32) []uint32 {
	out := make([]uint32, len(p.sym.types))
	sattr := &p.db.TypeAttributes[source-1]
	add := func(target, perms uint32) {
		p.eachType(target, func(t uint32) { out[t-1] |= perms })
	}
	if x := p.engine.av(); x != nil {
		c := &x.classes[class-1]
		c.eachRow(sattr, func(_, from, to uint32) {
			for i := from; i < to; i++ {
				e := &c.entry[i]
				if e.kind == policydb.Allow && p.inForce(e) {
					add(uint32(c.target[i])+1, e.data)
				}
			}
		})
	}
	if p.over != nil {
		for _, r := range p.over.allow {
			switch {
			case r.class != class || !has(sattr, r.source-1):
			case r.target == 0:
				out[source-1] |= r.perms
			default:
				add(r.target, r.perms)
			}
		}
	}
	return out
}

// inForce reports whether a rule's condition holds and it isn't removed.
func (p *Policy) inForce(e *avEntry) bool {
	return p.state.on[e.branch] && !p.over.isRemoved(e.rule)
}

// eachType yields the types that a type or attribute stands for.
func (p *Policy) eachType(value uint32, f func(t uint32)) {
	t := &p.sym.types[value-1]
	if !t.attribute {
		f(value)
		return
	}
	for m := range t.members.All() {
		f(m + 1)
	}
}

// AllowedTargets returns the types to which the source type may do all of the
// permissions, by the allow rules in force, in the order of their values.
// Constraints are left aside: [Policy.Decide] has the last word. Names that
// the policy doesn't have give a [*NameError].
func (p *Policy) AllowedTargets(source, class string, permissions ...string) ([]Type, error) {
	t, c, av, err := p.lookUp(source, class, permissions)
	if err != nil {
		return nil, err
	}
	return p.typesWith(p.targetsOf(t, c), av), nil
}

// AllowedSources returns the types that may do all of the permissions to the
// target type, as [Policy.AllowedTargets] does.
func (p *Policy) AllowedSources(target, class string, permissions ...string) ([]Type, error) {
	t, c, av, err := p.lookUp(target, class, permissions)
	if err != nil {
		return nil, err
	}
	return p.typesWith(p.sourcesOf(t, c), av), nil
}

func (p *Policy) lookUp(typ, class string, permissions []string) (t, c, av uint32, err error) {
	handle, err := p.Type(typ)
	if err != nil {
		return 0, 0, 0, err
	}
	if c = p.sym.classByName[class]; c == 0 {
		return 0, 0, 0, &NameError{"class", class}
	}
	av, err = p.vector(c, permissions)
	return handle.value, c, av, err
}

func (p *Policy) typesWith(avs []uint32, want uint32) []Type {
	var out []Type
	for i, av := range avs {
		if av&want == want {
			out = append(out, Type{p, uint32(i + 1)})
		}
	}
	return out
}

package policy

import (
	"math/bits"

	"github.com/sekit/sekit/internal/policydb"
)

// Exposure is the price of a change: how much more the policy allows after it
// than before. It counts what allow rules grant, through attributes and the
// conditionals in force, type by type; constraints, role allow and typebounds,
// which depend on whole contexts, are left aside, so it is an upper bound.
type Exposure struct {
	// Tuples is the number of (source type, target type, class, permission)
	// that are newly allowed.
	Tuples int `json:"tuples"`
	// Covered is the number of tuples that the rules switched on or added are
	// for, those included that are allowed already by another rule.
	Covered int `json:"covered"`
	// Sources, Targets and Classes are how many different ones are in Tuples.
	Sources int `json:"sources"`
	Targets int `json:"targets"`
	Classes int `json:"classes"`
	// Revoked is the number of tuples that the change takes away.
	Revoked int `json:"revoked,omitempty"`
	// Ports is the number of (source type, class, permission) newly allowed
	// on at least one of the ports that PortContext changes relabel.
	Ports int `json:"ports,omitempty"`
	// Permissive is the number of domains newly permissive: each of them may
	// do everything, which no count of tuples expresses.
	Permissive int `json:"permissive,omitempty"`
}

// Exposure prices changes, taken together, on the whole policy as it is now.
// Errors are those of [Policy.With].
func (p *Policy) Exposure(changes ...Change) (Exposure, error) {
	after, err := p.With(changes...)
	if err != nil {
		return Exposure{}, err
	}
	return p.exposureTo(after), nil
}

func (p *Policy) exposureTo(after *Policy) Exposure {
	var x Exposure
	gain := newCounter(p, after)
	gain.run()
	x.Tuples, x.Sources, x.Targets, x.Classes = gain.tuples, gain.sources(), gain.targets(), gain.classes
	x.Covered = gain.covered
	loss := newCounter(after, p)
	loss.run()
	x.Revoked = loss.tuples
	x.Ports = p.portExposure(after)
	seen := make(map[uint32]bool)
	for _, t := range after.over.permissive {
		if !seen[t] && !p.permissive(t) {
			seen[t] = true
			x.Permissive++
		}
	}
	return x
}

// grant is an allow rule that one policy has in force and the other has not.
type grant struct {
	source, target, class uint32 // as in extraRule
	perms                 uint32
}

// counter counts the tuples that one policy allows and another doesn't. Both
// are of one file. Only classes, sources and targets that a differing rule
// names are looked at.
type counter struct {
	before *Policy
	grants [][]grant // by class value-1

	tuples, covered, classes int

	source, target []uint64 // bitmaps of those counted

	// For one source at a time, by target value-1:
	gained, had []uint32
	touched     []uint64 // targets with something gained
}

func newCounter(before, after *Policy) *counter {
	types := len(before.sym.types)
	words := (types + 63) / 64
	c := &counter{
		before:  before,
		grants:  make([][]grant, len(before.sym.classes)),
		source:  make([]uint64, words),
		target:  make([]uint64, words),
		gained:  make([]uint32, types),
		had:     make([]uint32, types),
		touched: make([]uint64, words),
	}
	c.addConditionals(before, after)
	c.addOverlay(before, after)
	return c
}

func (c *counter) add(g grant) {
	// Old compilers set bits beyond the class's permissions for *.
	g.perms &= c.before.sym.classes[g.class-1].mask()
	c.grants[g.class-1] = append(c.grants[g.class-1], g)
}

func (c *counter) addRule(r *policydb.AVRule) {
	if r.Kind == policydb.Allow {
		c.add(grant{uint32(r.Source), uint32(r.Target), uint32(r.Class), r.Data})
	}
}

// addConditionals adds the rules of the branches that only after has on.
func (c *counter) addConditionals(before, after *Policy) {
	if before.state == after.state {
		return
	}
	e := after.engine
	for key, on := range after.state.on {
		if key == noBranch || !on || before.state.on[key] {
			continue
		}
		index, branch := branchOf(uint32(key))
		rules, n := after.db.Conditionals[index].True, e.base(index)
		if !branch {
			n += uint32(len(rules))
			rules = after.db.Conditionals[index].False
		}
		for i := range rules {
			if !after.over.isRemoved(n + uint32(i)) {
				c.addRule(&rules[i])
			}
		}
	}
}

// addOverlay adds the allow rules that only after's overlay has, and those
// that only before's overlay removes.
func (c *counter) addOverlay(before, after *Policy) {
	if after.over != nil {
		added := after.over.allow
		if before.over != nil {
			// With only appends: what both have comes first.
			added = added[min(len(added), len(before.over.allow)):]
		}
		for _, r := range added {
			c.add(grant(r))
		}
	}
	if before.over == nil {
		return
	}
	for n := range before.over.removed {
		rule, branch := before.engine.ruleNumbered(n)
		if !after.over.isRemoved(n) && after.state.on[branch] {
			c.addRule(rule)
		}
	}
}

func (c *counter) run() {
	for i, grants := range c.grants {
		if len(grants) > 0 {
			before := c.tuples
			c.countClass(uint32(i+1), grants)
			if c.tuples > before {
				c.classes++
			}
		}
	}
}

func (c *counter) countClass(class uint32, grants []grant) {
	sources := make([]uint64, len(c.source))
	for _, g := range grants {
		c.eachMember(g.source, func(w uint32, bits uint64) { sources[w] |= bits })
	}
	for w, word := range sources {
		for ; word != 0; word &= word - 1 {
			c.countSource(uint32(w*64+bits.TrailingZeros64(word)), class, grants)
		}
	}
}

// eachMember yields the types that a type or attribute stands for, as words
// of a bitmap.
func (c *counter) eachMember(value uint32, f func(word uint32, bits uint64)) {
	if t := &c.before.sym.types[value-1]; t.attribute {
		for _, n := range t.members.Nodes {
			f(n.Start/64, n.Map)
		}
		return
	}
	f((value-1)/64, 1<<((value-1)%64))
}

// countSource counts for one source, a type's value-1, and class.
func (c *counter) countSource(source, class uint32, grants []grant) {
	sattr := &c.before.db.TypeAttributes[source]
	need := uint32(0)
	for _, g := range grants {
		if !has(sattr, g.source-1) {
			continue
		}
		need |= g.perms
		target := g.target
		if target == 0 {
			target = source + 1
		}
		c.eachMember(target, func(w uint32, word uint64) {
			c.touched[w] |= word
			for ; word != 0; word &= word - 1 {
				c.gained[w*64+uint32(bits.TrailingZeros64(word))] |= g.perms
			}
		})
	}
	c.collectHad(source, class, need)
	for w, word := range c.touched {
		for b := word; b != 0; b &= b - 1 {
			t := w*64 + bits.TrailingZeros64(b)
			c.covered += bits.OnesCount32(c.gained[t])
			if n := bits.OnesCount32(c.gained[t] &^ c.had[t]); n > 0 {
				c.tuples += n
				c.target[w] |= b & -b
				c.source[source/64] |= 1 << (source % 64)
			}
			c.gained[t], c.had[t] = 0, 0
		}
		c.touched[w] = 0
	}
}

// collectHad fills in what the source had before on the touched targets.
func (c *counter) collectHad(source, class, need uint32) {
	p := c.before
	sattr := &p.db.TypeAttributes[source]
	add := func(target, perms uint32) {
		c.eachMember(target, func(w uint32, word uint64) {
			for word &= c.touched[w]; word != 0; word &= word - 1 {
				c.had[w*64+uint32(bits.TrailingZeros64(word))] |= perms
			}
		})
	}
	if x := p.engine.av(); x != nil {
		rules := &x.classes[class-1]
		rules.eachRow(sattr, func(_, from, to uint32) {
			for i := from; i < to; i++ {
				e := &rules.entry[i]
				if e.kind == policydb.Allow && e.data&need != 0 && p.state.on[e.branch] && !p.over.isRemoved(e.rule) {
					add(uint32(rules.target[i])+1, e.data)
				}
			}
		})
	}
	if p.over == nil {
		return
	}
	for _, r := range p.over.allow {
		if r.class != class || !has(sattr, r.source-1) {
			continue
		}
		if r.target == 0 {
			r.target = source + 1
		}
		add(r.target, r.perms)
	}
}

func (c *counter) sources() int { return countBits(c.source) }
func (c *counter) targets() int { return countBits(c.target) }

func countBits(words []uint64) int {
	n := 0
	for _, w := range words {
		n += bits.OnesCount64(w)
	}
	return n
}

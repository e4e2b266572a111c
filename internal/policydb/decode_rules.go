package policydb

import (
	"encoding/binary"
	"math/bits"
)

const (
	minAVRule          = 4*2 + 4
	avXPermsSize       = 4*2 + 2 + 8*4
	minConditional     = 4 * 4
	minCondTerm        = 2 * 4
	minRoleTransition  = 3 * 4
	minRoleAllow       = 2 * 4
	minNameTransition  = 4 + 1 + 3*4
	minNameSources     = bitmapHeadSize + 4
	minRangeTransition = 3*4 + minRange

	avEnabled AVKind = 0x8000 // AVTAB_ENABLED
	avAll            = Allow | AuditAllow | AuditDeny | TypeKinds | XPermsKinds
)

func (c *cursor) avtab(p *Policy) { p.AVTab = c.avRules(p) }

// avRules reads the rules of the access vector table or of one branch of a
// conditional.
func (c *cursor) avRules(p *Policy) []AVRule {
	n := c.count(minAVRule)
	if n == 0 {
		return nil
	}
	rules := make([]AVRule, n)
	for i := range rules {
		b := c.take(8)
		if b == nil {
			return nil
		}
		r := &rules[i]
		r.Source = binary.LittleEndian.Uint16(b)
		r.Target = binary.LittleEndian.Uint16(b[2:])
		r.Class = binary.LittleEndian.Uint16(b[4:])
		kind := AVKind(binary.LittleEndian.Uint16(b[6:]))
		r.Kind, r.Enabled = kind&^avEnabled, kind&avEnabled != 0
		if r.Kind&^avAll != 0 || bits.OnesCount16(uint16(r.Kind)) != 1 {
			c.failf("rule %d: %#04x is not one kind of rule", i, uint16(kind))
			return nil
		}
		if r.Kind&XPermsKinds != 0 {
			r.Data = uint32(len(p.XPerms))
			p.XPerms = append(p.XPerms, c.xperms())
		} else {
			r.Data = c.u32()
		}
	}
	if c.err != nil {
		return nil
	}
	return rules
}

func (c *cursor) xperms() XPerms {
	b := c.take(2 + 8*4)
	if b == nil {
		return XPerms{}
	}
	x := XPerms{Specified: XPermsSpecified(b[0]), Driver: b[1]}
	for i := range x.Perms {
		x.Perms[i] = binary.LittleEndian.Uint32(b[2+4*i:])
	}
	return x
}

func (c *cursor) conditionals(p *Policy) {
	p.Conditionals = make([]Conditional, c.count(minConditional))
	for i := range p.Conditionals {
		k := &p.Conditionals[i]
		k.State = c.flag()
		k.Expr = make([]CondTerm, c.count(minCondTerm))
		for j := range k.Expr {
			k.Expr[j] = CondTerm{Op: CondOp(c.u32()), Boolean: c.u32()}
		}
		k.True, k.False = c.avRules(p), c.avRules(p)
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) roleTransitions(p *Policy) {
	p.RoleTransitions = make([]RoleTransition, c.count(minRoleTransition))
	for i := range p.RoleTransitions {
		t := &p.RoleTransitions[i]
		t.Role, t.Type, t.NewRole = c.u32(), c.u32(), c.u32()
		if FeatureRoleTransitionClass.In(p.Version) {
			t.Class = c.u32()
		}
	}
}

func (c *cursor) roleAllows(p *Policy) {
	p.RoleAllows = make([]RoleAllow, c.count(minRoleAllow))
	for i := range p.RoleAllows {
		p.RoleAllows[i] = RoleAllow{Role: c.u32(), NewRole: c.u32()}
	}
}

func (c *cursor) nameTransitions(p *Policy) {
	if !FeatureNameTransitions.In(p.Version) {
		return
	}
	p.NameTransitions = make([]NameTransition, c.count(minNameTransition))
	compressed := FeatureCompressedNameTransitions.In(p.Version)
	var single []NameTransitionData // of all of them, when there is one each
	if !compressed {
		single = make([]NameTransitionData, len(p.NameTransitions))
	}
	for i := range p.NameTransitions {
		t := &p.NameTransitions[i]
		t.Name = c.name(c.u32())
		if compressed {
			t.Target, t.Class = c.u32(), c.u32()
			t.Data = c.nameTransitionData()
		} else {
			source := c.u32()
			t.Target, t.Class = c.u32(), c.u32()
			t.Data = single[i : i+1 : i+1]
			t.Data[0] = NameTransitionData{Sources: c.single(source), Type: c.u32()}
		}
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) nameTransitionData() []NameTransitionData {
	list := make([]NameTransitionData, c.count(minNameSources))
	for i := range list {
		list[i] = NameTransitionData{Sources: c.bitmap(), Type: c.u32()}
	}
	return list
}

// single returns the bitmap of the symbol with one value.
func (c *cursor) single(value uint32) Bitmap {
	if value == 0 {
		c.failf("value 0")
		return Bitmap{}
	}
	nodes := c.alloc(1)
	bit := value - 1
	nodes[0] = BitmapNode{Start: bit &^ (bitmapUnit - 1), Map: 1 << (bit % bitmapUnit)}
	return Bitmap{Nodes: nodes}
}

func (c *cursor) rangeTransitions(p *Policy) {
	p.RangeTransitions = make([]RangeTransition, c.count(minRangeTransition))
	for i := range p.RangeTransitions {
		t := &p.RangeTransitions[i]
		t.Source, t.Target, t.Class = c.u32(), c.u32(), c.u32()
		t.Range = c.rng()
		if c.err != nil {
			return
		}
	}
}

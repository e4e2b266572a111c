package policy

import (
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// diffKinds returns all that two policies are compared by, in the same order for
// every policy; of the access vector tables only the given rules, by the bit of
// their kind.
func diffKinds(p *Policy, rules [][]uint32) []diffKind {
	return slices.Concat(p.diffSymbols(), p.diffContexts(), p.diffRules(rules))
}

// otherRules returns the numbers of the rules of the access vector tables that
// are not known to be the same in both policies, by the bit of their kind. To
// compare text and not numbers is for these alone.
func (j *joinedPolicies) otherRules() (rest [2][][]uint32) {
	same := j.sameRules()
	for side, p := range j.side {
		rest[side] = make([][]uint32, len(ruleKeywords))
		x := p.rules()
		for n := range uint32(x.len()) {
			if !same[side][n] && !p.over.isRemoved(n) {
				bit := bits.TrailingZeros16(uint16(ruleKind(x.at(n).Kind)))
				rest[side][bit] = append(rest[side][bit], n)
			}
		}
	}
	return rest
}

// diffProperties are what the policy says of itself.
func (p *Policy) diffProperties(yield func(diffItem) bool) {
	for _, x := range [][2]string{
		{"policy version", fmt.Sprint(p.Version())},
		{"MLS", fmt.Sprint(p.MLS())},
		{"handle unknown", p.HandleUnknown().String()},
	} {
		if !yield(diffItem{x[0], func() string { return x[0] + " " + x[1] }, []string{x[1]}}) {
			return
		}
	}
}

func (p *Policy) diffSymbols() []diffKind {
	kinds := []diffKind{
		{"properties", p.diffProperties},
		{"policy capabilities", itemsOf(p.Capabilities(), Capability.String, nil)},
		{"commons", itemsOf(p.Commons(), Common.Name, Common.Permissions)},
		{"classes", itemsOf(p.Classes(), Class.Name, func(c Class) []string {
			has := c.Permissions()
			if common, ok := c.Common(); ok {
				has = append(has, "inherits "+common.Name())
			}
			return has
		})},
		{"defaults", itemsOf(p.Defaults(), func(d Default) string { return d.Kind + " " + d.Class },
			func(d Default) []string { return []string{strings.TrimSpace(d.From + " " + d.Range)} })},
		{"booleans", itemsOf(p.Booleans(), Boolean.Name, func(b Boolean) []string { return []string{fmt.Sprint(b.Default())} })},
		{"types", itemsOf(p.Types(), Type.Name, Type.diffParts)},
		{"attributes", itemsOf(p.Attributes(), Attribute.Name, func(a Attribute) []string { return namesOf("", a.Types()) })},
		{"roles", itemsOf(p.Roles(), Role.Name, func(r Role) []string {
			has := namesOf("", r.Types())
			if b, ok := r.Bounds(); ok {
				has = append(has, "bounded by "+b.Name())
			}
			return has
		})},
		{"users", itemsOf(p.Users(), User.Name, User.diffParts)},
		{"sensitivities", itemsOf(p.Sensitivities(), Sensitivity.Name, func(s Sensitivity) []string {
			return append(prefixed("alias ", s.Aliases()), "level "+s.Level())
		})},
		{"categories", itemsOf(p.Categories(), Category.Name, func(c Category) []string { return prefixed("alias ", c.Aliases()) })},
	}
	return append(kinds, diffKind{"constraints", itemsOf(p.Constraints(), Constraint.Statement, nil)})
}

func (t Type) diffParts() []string {
	has := slices.Concat(namesOf("attribute ", t.Attributes()), prefixed("alias ", t.Aliases()))
	if t.Permissive() {
		has = append(has, "permissive")
	}
	if t.NeverAudit() {
		has = append(has, "neveraudit")
	}
	if b, ok := t.Bounds(); ok {
		has = append(has, "bounded by "+b.Name())
	}
	return has
}

func (u User) diffParts() []string {
	has := namesOf("role ", u.Roles())
	if u.p.MLS() {
		has = append(has, "level "+u.Level(), "range "+u.Range())
	}
	if b, ok := u.Bounds(); ok {
		has = append(has, "bounded by "+b.Name())
	}
	return has
}

// diffContexts are the statements that give contexts. Their order, which may
// matter where they overlap, is not compared.
func (p *Policy) diffContexts() []diffKind {
	return []diffKind{
		{"initial SIDs", itemsOf(p.InitialSIDs(), func(s InitialSID) string { return s.Name },
			func(s InitialSID) []string { return []string{s.Context.String()} })},
		{"fs_use statements", itemsOf(p.FSUses(), func(f FSUse) string { return "fs_use " + f.FSType },
			func(f FSUse) []string { return []string{f.Behavior + " " + f.Context.String()} })},
		{"genfscon statements", itemsOf(p.Genfscons(), func(g Genfscon) string {
			return strings.TrimSpace("genfscon " + g.FSType + " " + g.Path + " " + genfsKind(g.Class))
		}, func(g Genfscon) []string { return []string{g.Context.String()} })},
		{"portcon statements", itemsOf(p.Portcons(), func(c Portcon) string { return strings.TrimSpace(c.head()) },
			func(c Portcon) []string { return []string{c.Context.String()} })},
		{"netifcon statements", itemsOf(p.Netifcons(), func(n Netifcon) string { return "netifcon " + n.Interface },
			func(n Netifcon) []string { return []string{n.Context.String() + " " + n.Packet.String()} })},
		{"nodecon statements", itemsOf(p.Nodecons(), func(n Nodecon) string { return fmt.Sprintf("nodecon %v %v", n.Addr, n.Mask) },
			func(n Nodecon) []string { return []string{n.Context.String()} })},
		{"ibpkeycon statements", itemsOf(p.IBPkeycons(), func(k IBPkeycon) string {
			return fmt.Sprintf("ibpkeycon %v %v", k.SubnetPrefix, XpermRange{k.Low, k.High})
		}, func(k IBPkeycon) []string { return []string{k.Context.String()} })},
		{"ibendportcon statements", itemsOf(p.IBEndportcons(), func(e IBEndportcon) string {
			return fmt.Sprintf("ibendportcon %s %d", e.Device, e.Port)
		}, func(e IBEndportcon) []string { return []string{e.Context.String()} })},
	}
}

func (p *Policy) diffRules(rules [][]uint32) []diffKind {
	kinds := make([]diffKind, len(ruleKeywords))
	for bit, keyword := range ruleKeywords {
		kind := RuleKind(1) << bit
		if kind == KindRoleAllow {
			keyword = "role allow"
		}
		kinds[bit] = diffKind{keyword + " rules", p.diffRulesOf(kind, rules[bit])}
	}
	return kinds
}

// diffRulesOf yields the given rules of the access vector tables, and all others
// of the kind.
func (p *Policy) diffRulesOf(kind RuleKind, numbers []uint32) iter.Seq[diffItem] {
	m := &ruleMatcher{p: p, kinds: kind}
	return func(yield func(diffItem) bool) {
		item := func(r Rule) bool { return yield(r.diffItem()) }
		x := p.rules()
		for _, n := range numbers {
			if !item(x.rule(p, n)) {
				return
			}
		}
		_ = m.addedRules(item) && m.nameTransitions(item) && m.roleRules(item) && m.rangeTransitions(item)
	}
}

// diffItem takes a rule apart: what it is for, and what it grants or results in.
func (r Rule) diffItem() diffItem {
	kind := r.Kind()
	b := append([]byte(nil), ruleKeyword(kind)...)
	b = append(b, ' ')
	b = append(b, r.Source()...)
	b = append(b, ' ')
	b = append(b, r.Target()...)
	if class := r.Class(); class != "" {
		b = append(b, ':')
		b = append(b, class...)
	}
	item := diffItem{statement: r.String}
	switch {
	case kind&AccessKinds != 0:
		item.has = r.Permissions()
	case kind&XpermKinds != 0:
		b = append(b, ' ')
		b = append(b, r.xpermPermission()...)
		for x := range r.Xperms() {
			item.has = append(item.has, x.String())
		}
	default:
		if name := r.Name(); name != "" {
			b = append(b, ' ')
			b = appendObjectName(b, name, true)
		}
		if d := r.Default(); d != "" {
			item.has = []string{d}
		}
	}
	if r.cond.p != nil {
		b = append(b, ' ')
		b = r.cond.append(b)
	}
	item.name = string(b)
	return item
}

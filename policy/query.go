package policy

import (
	"iter"
	"regexp"
	"slices"
)

// RuleQuery says which rules to look for. Its zero value finds all; each field
// that is set narrows the search, as the options of sesearch do, which are
// named beside the fields.
//
// A field that a kind of rule does not have excludes that kind: rules with
// permissions only if Permissions are asked for, conditional rules only if
// Booleans are.
type RuleQuery struct {
	// Kinds are the kinds to look for; 0 stands for AllKinds. sesearch -A is
	// KindAllow|KindAllowXperm.
	Kinds RuleKind

	// Source and Target (-s, -t) are the names of types, attributes or aliases;
	// of roles for role allow rules and the source of role_transition. A rule
	// for an attribute matches if the attribute has the type, or has a type in
	// common with the attribute asked for; with SourceDirect (-ds) or
	// TargetDirect (-dt) only rules match that name exactly that.
	Source, Target             string
	SourceDirect, TargetDirect bool
	// SourceRegexp and TargetRegexp (-rs, -rt) are used instead of the names:
	// the expression is looked for in the names of the types that the rule is
	// for or, if direct, in the very name that the rule has.
	SourceRegexp, TargetRegexp *regexp.Regexp

	// Classes (-c) are the object classes, of which the rule must have one;
	// ClassRegexp (-rc) is used instead.
	Classes     []string
	ClassRegexp *regexp.Regexp

	// Permissions (-p) are compared with the rule's as PermissionMatch says
	// (MatchEqual: -ep, MatchAll: -Sp). A rule with extended permissions has
	// the permission ioctl or nlmsg.
	Permissions     []string
	PermissionMatch SetMatch

	// Xperms (-x) are compared with the extended permissions of the rule as
	// XpermMatch says (MatchEqual: -ex). The ends of a range may be in either
	// order.
	Xperms     []XpermRange
	XpermMatch SetMatch

	// Default (-D) is the type (or an attribute that has it), role or range
	// that the rule results in; DefaultRegexp (-rd) is used instead.
	Default       string
	DefaultRegexp *regexp.Regexp

	// Name is the name of the new object in a type_transition; NameRegexp is
	// used instead.
	Name       string
	NameRegexp *regexp.Regexp

	// Booleans (-b) are compared with the booleans of the rule's condition as
	// BooleanMatch says (MatchEqual: -eb); BooleanRegexp (-rb) must match one of
	// them and is used instead.
	Booleans      []string
	BooleanMatch  SetMatch
	BooleanRegexp *regexp.Regexp
}

// SetMatch is how a set that is asked for compares with that of a rule.
type SetMatch uint8

const (
	MatchAny   SetMatch = iota // the rule has one of them
	MatchAll                   // the rule has all of them
	MatchEqual                 // the rule has all of them and no others
)

// Rules searches the policy's rules. They come in the order of the policy:
// rules that always hold, conditional rules, rules that [Policy.With] added,
// type transitions with a name, role allow, role transition and range transition
// rules. Rules that With removed are not among them.
//
// The error is a [*NameError] for a name that the policy does not have, and a
// [*QueryError] for a kind or a way to match that there is not. A
// permission must be one of some class, or of one of the Classes if there are
// any. If kinds for types and for roles are asked for, a name need only be one
// of them: the other kinds then have no match.
func (p *Policy) Rules(q RuleQuery) (iter.Seq[Rule], error) {
	m, err := p.newRuleMatcher(&q)
	if err != nil {
		return nil, err
	}
	return func(yield func(Rule) bool) {
		_ = m.avRules(yield) && m.addedRules(yield) && m.nameTransitions(yield) && m.roleRules(yield) && m.rangeTransitions(yield)
	}, nil
}

// avRules yields the matching rules of the access vector tables. Like the
// methods below it returns false once yield did.
func (m *ruleMatcher) avRules(yield func(Rule) bool) bool {
	if m.kinds&(AccessKinds|XpermKinds|TypeKinds) == 0 || m.name != nil {
		return true
	}
	x := m.p.rules()
	numbers, narrowed := m.candidates(x)
	if !narrowed {
		first := uint32(0)
		if m.conditions != nil {
			first = uint32(len(x.always))
		}
		for n := first; n < uint32(x.len()); n++ {
			if m.matchAV(x, n) && !m.p.over.isRemoved(n) && !yield(x.rule(m.p, n)) {
				return false
			}
		}
		return true
	}
	for _, n := range numbers {
		if !yield(x.rule(m.p, n)) {
			return false
		}
	}
	return true
}

// candidates returns the matching rules in order, by the index of source or
// target, whichever has fewer; or false if neither is asked for.
func (m *ruleMatcher) candidates(x *ruleIndex) ([]uint32, bool) {
	var best *valueIndex
	var set *valueSet
	fewest := x.len() + 1
	for _, c := range []struct {
		set   *valueSet
		index *valueIndex
	}{{m.source, &x.bySource}, {m.target, &x.byTarget}} {
		if c.set == nil {
			continue
		}
		n := 0
		for v := range c.set.all {
			n += len(c.index.of(v))
		}
		if n < fewest {
			fewest, set, best = n, c.set, c.index
		}
	}
	if set == nil {
		return nil, false
	}
	var numbers []uint32
	for v := range set.all {
		for _, n := range best.of(v) {
			if m.matchAV(x, n) && !m.p.over.isRemoved(n) {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return numbers, true
}

// addedRules yields the matching rules that With added.
func (m *ruleMatcher) addedRules(yield func(Rule) bool) bool {
	if m.p.over == nil || m.conditions != nil || m.name != nil {
		return true
	}
	o := m.p.over
	for _, added := range []struct {
		kind RuleKind
		n    int
	}{{KindAllow, len(o.allow)}, {KindDontAudit, len(o.dontAudit)}, {KindAllowXperm, len(o.xperms)}} {
		for i := range added.n {
			if r := (Rule{p: m.p, kind: added.kind, index: int32(i)}); m.matchAdded(r) && !yield(r) {
				return false
			}
		}
	}
	return true
}

func (m *ruleMatcher) nameTransitions(yield func(Rule) bool) bool {
	if m.kinds&KindTypeTransition == 0 || m.conditions != nil {
		return true
	}
	for i := range m.p.db.NameTransitions {
		t := &m.p.db.NameTransitions[i]
		if !m.target.has(t.Target) || !m.class(t.Class) || m.name != nil && !m.name(t.Name) {
			continue
		}
		for j := range t.Data {
			if !m.defaultType.has(t.Data[j].Type) {
				continue
			}
			for s := range t.Data[j].Sources.All() {
				r := Rule{p: m.p, kind: KindTypeTransition, index: int32(i), data: int32(j), source: s + 1}
				if m.source.has(s+1) && !yield(r) {
					return false
				}
			}
		}
	}
	return true
}

func (m *ruleMatcher) roleRules(yield func(Rule) bool) bool {
	if m.kinds&KindRoleAllow != 0 {
		for i, a := range m.p.db.RoleAllows {
			r := Rule{p: m.p, kind: KindRoleAllow, index: int32(i)}
			if m.sourceRole.has(a.Role) && m.targetRole.has(a.NewRole) && !yield(r) {
				return false
			}
		}
	}
	if m.kinds&KindRoleTransition != 0 {
		for i, t := range m.p.db.RoleTransitions {
			r := Rule{p: m.p, kind: KindRoleTransition, index: int32(i)}
			if m.sourceRole.has(t.Role) && m.target.has(t.Type) && m.class(r.classValue()) &&
				m.defaultRole.has(t.NewRole) && !yield(r) {
				return false
			}
		}
	}
	return true
}

func (m *ruleMatcher) rangeTransitions(yield func(Rule) bool) bool {
	if m.kinds&KindRangeTransition == 0 {
		return true
	}
	for i := range m.p.db.RangeTransitions {
		t := &m.p.db.RangeTransitions[i]
		if m.source.has(t.Source) && m.target.has(t.Target) && m.class(t.Class) &&
			(m.defaultRange == nil || m.defaultRange(&t.Range)) &&
			!yield(Rule{p: m.p, kind: KindRangeTransition, index: int32(i)}) {
			return false
		}
	}
	return true
}

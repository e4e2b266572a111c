package policy

import (
	"fmt"
	"math/bits"
	"regexp"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// ruleMatcher is a RuleQuery with its names looked up. A nil set has every
// value.
type ruleMatcher struct {
	p     *Policy
	kinds RuleKind

	source, target           *valueSet // of types and attributes
	sourceRole, targetRole   *valueSet
	classes                  *valueSet
	permissions              []permissionMatch // by class value-1, nil for any
	permissionMatch          SetMatch
	ioctl, nlmsg             bool // whether these are among the permissions
	xperms                   []XpermRange
	xpermMatch               SetMatch
	defaultType, defaultRole *valueSet
	defaultRange             func(*policydb.Range) bool
	name                     func(string) bool
	conditions               []bool // by index in db.Conditionals, nil for any and none
}

// permissionMatch is what is asked for of one class.
type permissionMatch struct {
	vector   uint32
	complete bool // the class has all permissions that are asked for
}

// valueSet is a set of the values of types, roles or classes.
type valueSet struct{ words []uint64 }

func newValueSet(n uint32) *valueSet { return &valueSet{make([]uint64, n/64+1)} }

func (s *valueSet) add(v uint32) { s.words[v/64] |= 1 << (v % 64) }

func (s *valueSet) has(v uint32) bool {
	return s == nil || s.words[v/64]>>(v%64)&1 != 0
}

// all yields the values in ascending order.
func (s *valueSet) all(yield func(uint32) bool) {
	for i, w := range s.words {
		for ; w != 0; w &= w - 1 {
			if !yield(uint32(i*64 + bits.TrailingZeros64(w))) {
				return
			}
		}
	}
}

// QueryError says that a field of a [RuleQuery] has a value that means nothing.
type QueryError struct {
	Field string `json:"field"` // "Kinds", "PermissionMatch", "XpermMatch" or "BooleanMatch"
	Value uint64 `json:"value"` // of Kinds only the bits that stand for no kind
}

func (e *QueryError) Error() string {
	if e.Field == "Kinds" {
		return fmt.Sprintf("rule query: no kinds of rules %#x", e.Value)
	}
	return fmt.Sprintf("rule query: %s has no value %d", e.Field, e.Value)
}

// check refuses what is not one of the constants.
func (q *RuleQuery) check() error {
	if other := q.Kinds &^ AllKinds; other != 0 {
		return &QueryError{"Kinds", uint64(other)}
	}
	for _, m := range []struct {
		field string
		match SetMatch
	}{{"PermissionMatch", q.PermissionMatch}, {"XpermMatch", q.XpermMatch}, {"BooleanMatch", q.BooleanMatch}} {
		if m.match > MatchEqual {
			return &QueryError{m.field, uint64(m.match)}
		}
	}
	return nil
}

func (p *Policy) newRuleMatcher(q *RuleQuery) (*ruleMatcher, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	m := &ruleMatcher{p: p, kinds: q.Kinds, permissionMatch: q.PermissionMatch, xperms: q.Xperms, xpermMatch: q.XpermMatch}
	if m.kinds == 0 {
		m.kinds = AllKinds
	}
	for _, set := range []func(*RuleQuery) error{
		m.setSource, m.setTarget, m.setClasses, m.setPermissions, m.setDefault, m.setBooleans,
	} {
		if err := set(q); err != nil {
			return nil, err
		}
	}
	if len(q.Xperms) > 0 {
		m.kinds &= XpermKinds
	}
	if q.Name != "" || q.NameRegexp != nil {
		m.kinds &= KindTypeTransition
		m.name = func(s string) bool { return s == q.Name }
		if q.NameRegexp != nil {
			m.name = q.NameRegexp.MatchString
		}
	}
	return m, nil
}

// Kinds by what their source and target are.
const (
	typeSourceKinds = AllKinds &^ RoleKinds
	typeTargetKinds = AllKinds &^ KindRoleAllow
)

func (m *ruleMatcher) setSource(q *RuleQuery) (err error) {
	m.source, m.sourceRole, err = m.names(q.Source, q.SourceRegexp, q.SourceDirect, typeSourceKinds, RoleKinds)
	return err
}

func (m *ruleMatcher) setTarget(q *RuleQuery) (err error) {
	m.target, m.targetRole, err = m.names(q.Target, q.TargetRegexp, q.TargetDirect, typeTargetKinds, KindRoleAllow)
	return err
}

// names looks up what a source or target may be: a type in the rules of the
// kinds ofType, a role in those of the kinds ofRole.
func (m *ruleMatcher) names(name string, re *regexp.Regexp, direct bool, ofType, ofRole RuleKind) (types, roles *valueSet, err error) {
	switch {
	case re != nil && direct:
		return m.p.typesDirect(re), m.p.rolesMatching(re), nil
	case re != nil:
		return m.p.withAttributes(m.p.typesMatching(re)), m.p.rolesMatching(re), nil
	case name == "":
		return nil, nil, nil
	}
	typ, isType := m.p.sym.typeByName[name]
	role, isRole := m.p.sym.roleByName[name]
	wantType, wantRole := m.kinds&ofType != 0, m.kinds&ofRole != 0
	if !(isType && wantType) {
		m.kinds &^= ofType
	}
	if !(isRole && wantRole) {
		m.kinds &^= ofRole
	}
	if m.kinds == 0 {
		if wantType {
			return nil, nil, &NameError{"type or attribute", name}
		}
		return nil, nil, &NameError{"role", name}
	}
	if isType {
		if types = newValueSet(m.p.db.NumTypes); direct {
			types.add(typ)
		} else {
			types = m.p.withAttributes(m.p.expand(typ))
		}
	}
	if isRole {
		roles = newValueSet(m.p.db.NumRoles)
		roles.add(role)
	}
	return types, roles, nil
}

// expand returns a type itself, or the types that have an attribute.
func (p *Policy) expand(typ uint32) *valueSet {
	set := newValueSet(p.db.NumTypes)
	if !p.sym.types[typ-1].attribute {
		set.add(typ)
		return set
	}
	for t := range p.sym.types[typ-1].members.All() {
		set.add(t + 1)
	}
	return set
}

// withAttributes adds to a set of types the attributes that any of them has.
func (p *Policy) withAttributes(types *valueSet) *valueSet {
	set := newValueSet(p.db.NumTypes)
	for t := range types.all {
		set.add(t)
		for a := range p.db.TypeAttributes[t-1].All() {
			set.add(a + 1)
		}
	}
	return set
}

// typesMatching returns the types whose names match.
func (p *Policy) typesMatching(re *regexp.Regexp) *valueSet {
	set := newValueSet(p.db.NumTypes)
	for i := range p.sym.types {
		if t := &p.sym.types[i]; !t.attribute && t.name != "" && re.MatchString(t.name) {
			set.add(uint32(i + 1))
		}
	}
	return set
}

// typesDirect returns the types and attributes whose names match.
func (p *Policy) typesDirect(re *regexp.Regexp) *valueSet {
	set := newValueSet(p.db.NumTypes)
	for i := range p.sym.types {
		if name := p.sym.types[i].name; name != "" && re.MatchString(name) {
			set.add(uint32(i + 1))
		}
	}
	return set
}

func (p *Policy) rolesMatching(re *regexp.Regexp) *valueSet {
	set := newValueSet(p.db.NumRoles)
	for i := range p.sym.roles {
		if name := p.roleNameAt(i); name != "" && re.MatchString(name) {
			set.add(uint32(i + 1))
		}
	}
	return set
}

func (m *ruleMatcher) setClasses(q *RuleQuery) error {
	if len(q.Classes) == 0 && q.ClassRegexp == nil {
		return nil
	}
	m.kinds &^= KindRoleAllow
	m.classes = newValueSet(m.p.db.NumClasses)
	if q.ClassRegexp != nil {
		for i := range m.p.sym.classes {
			if name := m.p.sym.classes[i].name; name != "" && q.ClassRegexp.MatchString(name) {
				m.classes.add(uint32(i + 1))
			}
		}
		return nil
	}
	for _, name := range q.Classes {
		v, ok := m.p.sym.classByName[name]
		if !ok {
			return &NameError{"class", name}
		}
		m.classes.add(v)
	}
	return nil
}

func (m *ruleMatcher) setPermissions(q *RuleQuery) error {
	if len(q.Permissions) == 0 {
		return nil
	}
	m.kinds &= AccessKinds | XpermKinds
	names := slices.Compact(slices.Sorted(slices.Values(q.Permissions)))
	known := make([]bool, len(names))
	m.permissions = make([]permissionMatch, len(m.p.sym.classes))
	for i := range m.p.sym.classes {
		// With a regular expression for the classes, any class may have it.
		counts := m.classes.has(uint32(i+1)) || q.ClassRegexp != nil
		if !counts {
			continue
		}
		match := permissionMatch{complete: true}
		for j, name := range names {
			bit, ok := m.p.sym.classes[i].permByName[name]
			match.vector |= bit
			match.complete = match.complete && ok
			known[j] = known[j] || ok
		}
		m.permissions[i] = match
	}
	if i := slices.Index(known, false); i >= 0 {
		return &NameError{"permission", names[i]}
	}
	if len(names) == 1 || q.PermissionMatch != MatchEqual {
		m.ioctl = slices.Contains(names, "ioctl")
		m.nlmsg = slices.Contains(names, "nlmsg")
	}
	return nil
}

func (m *ruleMatcher) setDefault(q *RuleQuery) error {
	switch {
	case q.DefaultRegexp != nil:
		m.kinds &= TypeKinds | KindRoleTransition | KindRangeTransition
		m.defaultType = m.p.typesMatching(q.DefaultRegexp)
		m.defaultRole = m.p.rolesMatching(q.DefaultRegexp)
		m.defaultRange = func(r *policydb.Range) bool {
			return q.DefaultRegexp.Match(m.p.appendRange(nil, r, kernelText))
		}
		return nil
	case q.Default == "":
		return nil
	}
	if m.kinds &= TypeKinds | KindRoleTransition | KindRangeTransition; m.kinds == 0 {
		return nil
	}
	if v, ok := m.p.sym.typeByName[q.Default]; ok {
		m.defaultType = m.p.expand(v)
	} else {
		m.kinds &^= TypeKinds
	}
	if v, ok := m.p.sym.roleByName[q.Default]; ok {
		m.defaultRole = newValueSet(m.p.db.NumRoles)
		m.defaultRole.add(v)
	} else {
		m.kinds &^= KindRoleTransition
	}
	if low, high, problem := m.p.sym.parseRange(q.Default); problem == "" {
		m.defaultRange = func(r *policydb.Range) bool {
			return sameLevel(&r.Low, &low) && sameLevel(&r.High, &high)
		}
	} else {
		m.kinds &^= KindRangeTransition
	}
	if m.kinds == 0 {
		return &NameError{"default", q.Default}
	}
	return nil
}

func (m *ruleMatcher) setBooleans(q *RuleQuery) error {
	if len(q.Booleans) == 0 && q.BooleanRegexp == nil {
		return nil
	}
	m.kinds &= AccessKinds | XpermKinds | TypeKinds
	for _, name := range q.Booleans {
		if _, ok := m.p.sym.booleanByName[name]; !ok && q.BooleanRegexp == nil {
			return &NameError{"boolean", name}
		}
	}
	want := slices.Compact(slices.Sorted(slices.Values(q.Booleans)))
	m.conditions = make([]bool, len(m.p.db.Conditionals))
	for i := range m.conditions {
		have := Condition{m.p, i, true}.Booleans()
		switch {
		case q.BooleanRegexp != nil:
			m.conditions[i] = slices.ContainsFunc(have, q.BooleanRegexp.MatchString)
		case q.BooleanMatch == MatchEqual:
			m.conditions[i] = slices.Equal(have, want)
		case q.BooleanMatch == MatchAll:
			m.conditions[i] = !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(have, s) })
		default:
			m.conditions[i] = slices.ContainsFunc(want, func(s string) bool { return slices.Contains(have, s) })
		}
	}
	return nil
}

func (m *ruleMatcher) class(value uint32) bool { return m.classes.has(value) }

// matchAV reports whether a rule of the access vector tables matches.
func (m *ruleMatcher) matchAV(x *ruleIndex, number uint32) bool {
	r := x.at(number)
	kind := ruleKind(r.Kind)
	if m.kinds&kind == 0 || !m.source.has(uint32(r.Source)) || !m.target.has(uint32(r.Target)) ||
		!m.class(uint32(r.Class)) {
		return false
	}
	switch {
	case kind&AccessKinds != 0:
		if m.permissions != nil && !m.matchVector(uint32(r.Class), m.p.vectorOf(r)) {
			return false
		}
	case kind&XpermKinds != 0:
		if !m.matchXperms(Rule{p: m.p, rule: r}) {
			return false
		}
	case !m.defaultType.has(r.Data):
		return false
	}
	if m.conditions == nil {
		return true
	}
	i := int(number) - len(x.always)
	return i >= 0 && m.conditions[x.conditional[i].index]
}

// matchAdded reports whether a rule that With added matches.
func (m *ruleMatcher) matchAdded(r Rule) bool {
	x := r.added()
	target := x.target
	if target == 0 {
		target = x.source // self
	}
	if m.kinds&r.kind == 0 || !m.source.has(x.source) || !m.target.has(target) || !m.class(x.class) {
		return false
	}
	if r.kind == KindAllowXperm {
		return m.matchXperms(r)
	}
	return m.permissions == nil || m.matchVector(x.class, x.perms)
}

func (m *ruleMatcher) matchVector(class, have uint32) bool {
	want := m.permissions[class-1]
	switch m.permissionMatch {
	case MatchEqual:
		return want.complete && have == want.vector
	case MatchAll:
		return want.complete && have&want.vector == want.vector
	}
	return have&want.vector != 0
}

func (m *ruleMatcher) matchXperms(r Rule) bool {
	if m.permissions != nil {
		if nlmsg := r.xpermPermission() == "nlmsg"; nlmsg && !m.nlmsg || !nlmsg && !m.ioctl {
			return false
		}
	}
	if len(m.xperms) == 0 {
		return true
	}
	have := newXpermSet(r.Xperms())
	want := newXpermSet(slices.Values(m.xperms))
	switch m.xpermMatch {
	case MatchEqual:
		return *have == *want
	case MatchAll:
		return have.contains(want)
	}
	return have.intersects(want)
}

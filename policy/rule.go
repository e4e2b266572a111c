package policy

import (
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// RuleKind is a kind of rule, or a set of kinds.
type RuleKind uint16

// The kinds of rules. A kernel policy holds no neverallow rules: the compiler
// has checked them.
const (
	KindAllow           RuleKind = 1 << iota // allow
	KindAuditAllow                           // auditallow
	KindDontAudit                            // dontaudit
	KindAllowXperm                           // allowxperm
	KindAuditAllowXperm                      // auditallowxperm
	KindDontAuditXperm                       // dontauditxperm
	KindTypeTransition                       // type_transition, with and without a name
	KindTypeMember                           // type_member
	KindTypeChange                           // type_change
	KindRoleAllow                            // allow of roles
	KindRoleTransition                       // role_transition
	KindRangeTransition                      // range_transition

	// AccessKinds are the kinds that have permissions.
	AccessKinds = KindAllow | KindAuditAllow | KindDontAudit
	// XpermKinds are the kinds that have extended permissions.
	XpermKinds = KindAllowXperm | KindAuditAllowXperm | KindDontAuditXperm
	// TypeKinds are the kinds whose result is a type.
	TypeKinds = KindTypeTransition | KindTypeMember | KindTypeChange
	// RoleKinds are the kinds whose source is a role.
	RoleKinds = KindRoleAllow | KindRoleTransition
	// AllKinds are all kinds.
	AllKinds = AccessKinds | XpermKinds | TypeKinds | RoleKinds | KindRangeTransition
)

// String returns the keyword of the kind; of a set of kinds, the keywords
// joined by |.
func (k RuleKind) String() string {
	var s string
	for bit, name := range ruleKeywords {
		if k&(1<<bit) != 0 {
			if s != "" {
				s += "|"
			}
			s += name
		}
	}
	return s
}

// MarshalText implements [encoding.TextMarshaler], as String.
func (k RuleKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// ruleKeywords are the keywords of the kinds, by bit.
var ruleKeywords = [...]string{
	"allow", "auditallow", "dontaudit",
	"allowxperm", "auditallowxperm", "dontauditxperm",
	"type_transition", "type_member", "type_change",
	"allow", "role_transition", "range_transition",
}

// ruleKind returns the kind of an entry of an access vector table.
func ruleKind(k policydb.AVKind) RuleKind {
	switch k {
	case policydb.Allow:
		return KindAllow
	case policydb.AuditAllow:
		return KindAuditAllow
	case policydb.AuditDeny:
		return KindDontAudit
	case policydb.XPermsAllow:
		return KindAllowXperm
	case policydb.XPermsAuditAllow:
		return KindAuditAllowXperm
	case policydb.XPermsDontAudit:
		return KindDontAuditXperm
	case policydb.TypeTransition:
		return KindTypeTransition
	case policydb.TypeMember:
		return KindTypeMember
	case policydb.TypeChange:
		return KindTypeChange
	}
	return 0
}

// Rule is one rule of a policy: a small handle, comparable within one Policy.
// The zero Rule is not valid.
//
// A compiler merges the permissions of all allow rules with the same source,
// target, class and condition into one, so a Rule is that: not a line of the
// policy's source.
type Rule struct {
	p    *Policy
	rule *policydb.AVRule // of the kinds that an access vector table holds
	cond Condition        // zero for a rule that always holds

	// The other kinds: the index in their table of the policy and, for a
	// type_transition with a name, which of its results for which source. A rule
	// of this form and of one of the addedKinds is one that With added.
	kind   RuleKind
	index  int32
	data   int32
	source uint32
}

// Kind returns the kind of the rule.
func (r Rule) Kind() RuleKind {
	if r.rule != nil {
		return ruleKind(r.rule.Kind)
	}
	return r.kind
}

// Source returns the rule's source: the name of a type or attribute, or of a
// role for role allow and role_transition rules.
func (r Rule) Source() string {
	v := r.sourceValue()
	if r.Kind()&RoleKinds != 0 {
		return r.p.roleNameAt(int(v - 1))
	}
	return r.p.sym.typeName(v)
}

// Target returns the rule's target: the name of a type or attribute, or of a
// role for a role allow rule. A rule that With added may have self.
func (r Rule) Target() string {
	v := r.targetValue()
	switch {
	case v == 0:
		return "self"
	case r.Kind() == KindRoleAllow:
		return r.p.roleNameAt(int(v - 1))
	}
	return r.p.sym.typeName(v)
}

// addedKinds are the kinds that With can add.
const addedKinds = KindAllow | KindDontAudit | KindAllowXperm

// added returns what With added, of a rule of the addedKinds without an AVRule.
func (r Rule) added() *extraRule {
	switch r.kind {
	case KindAllowXperm:
		return &r.p.over.xperms[r.index].extraRule
	case KindDontAudit:
		return &r.p.over.dontAudit[r.index]
	}
	return &r.p.over.allow[r.index]
}

// sourceValue returns the value of the source.
func (r Rule) sourceValue() uint32 {
	db := r.p.db
	switch {
	case r.rule != nil:
		return uint32(r.rule.Source)
	case r.kind&addedKinds != 0:
		return r.added().source
	case r.kind == KindRoleAllow:
		return db.RoleAllows[r.index].Role
	case r.kind == KindRoleTransition:
		return db.RoleTransitions[r.index].Role
	case r.kind == KindRangeTransition:
		return db.RangeTransitions[r.index].Source
	}
	return r.source
}

// targetValue returns the value of the target, 0 for self.
func (r Rule) targetValue() uint32 {
	db := r.p.db
	switch {
	case r.rule != nil:
		return uint32(r.rule.Target)
	case r.kind&addedKinds != 0:
		return r.added().target
	case r.kind == KindRoleAllow:
		return db.RoleAllows[r.index].NewRole
	case r.kind == KindRoleTransition:
		return db.RoleTransitions[r.index].Type
	case r.kind == KindRangeTransition:
		return db.RangeTransitions[r.index].Target
	}
	return db.NameTransitions[r.index].Target
}

// classValue returns the value of the class, or 0 for a rule without one.
func (r Rule) classValue() uint32 {
	db := r.p.db
	switch {
	case r.rule != nil:
		return uint32(r.rule.Class)
	case r.kind&addedKinds != 0:
		return r.added().class
	case r.kind == KindRoleAllow:
		return 0
	case r.kind == KindRoleTransition:
		if c := db.RoleTransitions[r.index].Class; c != 0 {
			return c
		}
		return r.p.sym.classByName["process"]
	case r.kind == KindRangeTransition:
		return db.RangeTransitions[r.index].Class
	}
	return db.NameTransitions[r.index].Class
}

// Class returns the name of the rule's object class; a role allow rule has
// none.
func (r Rule) Class() string {
	if v := r.classValue(); v != 0 {
		return r.p.sym.classes[v-1].name
	}
	return ""
}

// vector returns the access vector of an AccessKinds rule: the permissions that
// it names.
func (r Rule) vector() uint32 {
	if r.rule == nil {
		return r.added().perms
	}
	return r.p.vectorOf(r.rule)
}

// vectorOf returns the access vector of an AccessKinds rule. A dontaudit rule's
// is kept inverted.
func (p *Policy) vectorOf(r *policydb.AVRule) uint32 {
	v := r.Data
	if r.Kind == policydb.AuditDeny {
		v = ^v
	}
	return v & p.sym.classes[r.Class-1].mask()
}

// classInfo returns the class of a rule that has one.
func (r Rule) classInfo() *classInfo { return &r.p.sym.classes[r.classValue()-1] }

// mask is the access vector with all permissions of the class.
func (c *classInfo) mask() uint32 {
	return uint32(uint64(1)<<len(c.permissions) - 1)
}

// Permissions returns the rule's permissions, sorted. Of a rule with extended
// permissions that is the one they qualify: ioctl or nlmsg. Other kinds have
// none.
func (r Rule) Permissions() []string {
	if k := r.Kind(); k&XpermKinds != 0 {
		return []string{r.xpermPermission()}
	} else if k&AccessKinds == 0 {
		return nil
	}
	return r.classInfo().names(r.vector())
}

// names returns the names of the permissions in an access vector, sorted.
func (c *classInfo) names(vector uint32) []string {
	var names []string
	for bit, name := range c.permissions {
		if vector&(1<<bit) != 0 && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// HasPermission reports whether the rule has the permission, as
// [Rule.Permissions] lists them.
func (r Rule) HasPermission(name string) bool {
	switch k := r.Kind(); {
	case k&XpermKinds != 0:
		return r.xpermPermission() == name
	case k&AccessKinds != 0:
		return r.vector()&r.classInfo().permByName[name] != 0
	}
	return false
}

// Default returns the rule's result: the type of a type_… rule, the role of a
// role_transition, the range of a range_transition. Other kinds have none.
func (r Rule) Default() string {
	switch r.Kind() {
	case KindTypeTransition, KindTypeMember, KindTypeChange:
		return r.p.sym.typeName(r.defaultType())
	case KindRoleTransition:
		return r.p.roleNameAt(int(r.p.db.RoleTransitions[r.index].NewRole - 1))
	case KindRangeTransition:
		return string(r.p.appendRange(nil, &r.p.db.RangeTransitions[r.index].Range, kernelText))
	}
	return ""
}

// defaultType returns the value of the resulting type of a TypeKinds rule.
func (r Rule) defaultType() uint32 {
	if r.rule != nil {
		return r.rule.Data
	}
	return r.p.db.NameTransitions[r.index].Data[r.data].Type
}

// Name returns the name of the new object in a type_transition rule that has
// one: the last component of its path.
func (r Rule) Name() string {
	if r.rule != nil || r.kind != KindTypeTransition {
		return ""
	}
	return r.p.db.NameTransitions[r.index].Name
}

// Condition returns the condition under which the rule holds, and whether it
// has one.
func (r Rule) Condition() (Condition, bool) { return r.cond, r.cond.p != nil }

// Holds reports whether the rule holds with the booleans as they are in its
// Policy: it has no condition, or that is met.
func (r Rule) Holds() bool {
	return r.cond.p == nil || r.p.branchHolds(r.cond.index, r.cond.branch)
}

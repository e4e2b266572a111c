package policy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Reason is why a permission is denied: one of [NoRule], [RuleOff],
// [ConstraintFailed], [RoleNotAllowed], [OutOfBounds], [XpermNotAllowed],
// [UnknownClass] and [UnknownPermission]. As JSON each is an object with its
// Kind as "kind".
type Reason interface {
	// Kind is a constant word for the kind of reason: "no-rule", "rule-off",
	// "constraint", "role", "bounds", "xperm", "unknown-class" or
	// "unknown-permission".
	Kind() string
	// String says the reason in a sentence, for people.
	fmt.Stringer
	isReason()
}

// NoRule says that no allow rule grants the permission, in whatever state of
// the booleans.
type NoRule struct {
	Source, Target, Class, Permission string
}

// RuleOff says that a conditional allow rule would grant the permission, but
// its condition doesn't hold.
type RuleOff struct {
	Rule Rule
	// Flips are the booleans each of which alone, if set so, makes the
	// condition hold. It is empty if several have to be set:
	// [Policy.BooleanSets] finds these.
	Flips []SetBoolean
}

// RoleNotAllowed says that no role allow rule lets a process change its role
// so. It denies transition and dyntransition of the class process.
type RoleNotAllowed struct {
	From, To string
}

// OutOfBounds says that a typebounds statement puts Type under Bounds, which
// doesn't have the permission itself (to Target).
type OutOfBounds struct {
	Type, Bounds              string
	Target, Class, Permission string
}

// XpermNotAllowed says that the extended permission is not among those that
// allowxperm rules list for the access.
type XpermNotAllowed struct {
	Permission string // "ioctl" or "nlmsg"
	Xperm      uint16
	Rules      int // allowxperm rules that there are for the access, for any
}

// UnknownClass says that the policy doesn't have the class, and that its
// handle_unknown is not allow.
type UnknownClass struct {
	Class         string
	HandleUnknown HandleUnknown
}

// UnknownPermission says that the policy doesn't have the permission in the
// class, and that its handle_unknown is not allow.
type UnknownPermission struct {
	Class, Permission string
	HandleUnknown     HandleUnknown
}

func (NoRule) isReason()            {}
func (RuleOff) isReason()           {}
func (RoleNotAllowed) isReason()    {}
func (OutOfBounds) isReason()       {}
func (XpermNotAllowed) isReason()   {}
func (UnknownClass) isReason()      {}
func (UnknownPermission) isReason() {}

// Kind returns "no-rule".
func (NoRule) Kind() string { return "no-rule" }

// Kind returns "rule-off".
func (RuleOff) Kind() string { return "rule-off" }

// Kind returns "role".
func (RoleNotAllowed) Kind() string { return "role" }

// Kind returns "bounds".
func (OutOfBounds) Kind() string { return "bounds" }

// Kind returns "xperm".
func (XpermNotAllowed) Kind() string { return "xperm" }

// Kind returns "unknown-class".
func (UnknownClass) Kind() string { return "unknown-class" }

// Kind returns "unknown-permission".
func (UnknownPermission) Kind() string { return "unknown-permission" }

func (r NoRule) String() string {
	return fmt.Sprintf("no rule allows %s %s:%s %s", r.Source, r.Target, r.Class, r.Permission)
}

func (r RuleOff) String() string {
	var flips []string
	for _, f := range r.Flips {
		flips = append(flips, f.Name+"="+onOff(f.On))
	}
	how := "several booleans would have to change"
	if flips != nil {
		how = "on with " + strings.Join(flips, " or ")
	}
	return fmt.Sprintf("a conditional rule is off: %s (%s)", ruleText(r.Rule), how)
}

func (r RoleNotAllowed) String() string {
	return fmt.Sprintf("role %s may not change to role %s", r.From, r.To)
}

func (r OutOfBounds) String() string {
	return fmt.Sprintf("%s is bounded by %s, which is not allowed %s:%s %s itself",
		r.Type, r.Bounds, r.Target, r.Class, r.Permission)
}

func (r XpermNotAllowed) String() string {
	return fmt.Sprintf("%s %#x is not among the extended permissions allowed", r.Permission, r.Xperm)
}

func (r UnknownClass) String() string {
	return fmt.Sprintf("the policy doesn't know the class %s, and handle_unknown is %s", r.Class, r.HandleUnknown)
}

func (r UnknownPermission) String() string {
	return fmt.Sprintf("the policy doesn't know the permission %s of the class %s, and handle_unknown is %s",
		r.Permission, r.Class, r.HandleUnknown)
}

// reasonJSON is a reason as JSON: the fields of all kinds.
type reasonJSON struct {
	Kind       string          `json:"kind"`
	Text       string          `json:"text"`
	Source     string          `json:"source,omitempty"`
	Target     string          `json:"target,omitempty"`
	Class      string          `json:"class,omitempty"`
	Permission string          `json:"permission,omitempty"`
	Rule       string          `json:"rule,omitempty"`
	Flips      []SetBoolean    `json:"flips,omitempty"`
	From       string          `json:"from,omitempty"`
	To         string          `json:"to,omitempty"`
	Type       string          `json:"type,omitempty"`
	Bounds     string          `json:"bounds,omitempty"`
	Xperm      *uint16         `json:"xperm,omitempty"`
	Constraint string          `json:"constraint,omitempty"`
	Expr       *ConstraintNode `json:"expr,omitempty"`
}

func marshalReason(r Reason, j reasonJSON) ([]byte, error) {
	j.Kind, j.Text = r.Kind(), r.String()
	return json.Marshal(j)
}

// MarshalJSON implements [json.Marshaler].
func (r NoRule) MarshalJSON() ([]byte, error) {
	return marshalReason(r, reasonJSON{Source: r.Source, Target: r.Target, Class: r.Class, Permission: r.Permission})
}

// MarshalJSON implements [json.Marshaler].
func (r RuleOff) MarshalJSON() ([]byte, error) {
	return marshalReason(r, reasonJSON{Rule: ruleText(r.Rule), Flips: r.Flips})
}

// MarshalJSON implements [json.Marshaler].
func (r RoleNotAllowed) MarshalJSON() ([]byte, error) {
	return marshalReason(r, reasonJSON{From: r.From, To: r.To})
}

// MarshalJSON implements [json.Marshaler].
func (r OutOfBounds) MarshalJSON() ([]byte, error) {
	return marshalReason(r, reasonJSON{Type: r.Type, Bounds: r.Bounds,
		Target: r.Target, Class: r.Class, Permission: r.Permission})
}

// MarshalJSON implements [json.Marshaler].
func (r XpermNotAllowed) MarshalJSON() ([]byte, error) {
	return marshalReason(r, reasonJSON{Permission: r.Permission, Xperm: &r.Xperm})
}

// MarshalJSON implements [json.Marshaler].
func (r UnknownClass) MarshalJSON() ([]byte, error) {
	return marshalReason(r, reasonJSON{Class: r.Class})
}

// MarshalJSON implements [json.Marshaler].
func (r UnknownPermission) MarshalJSON() ([]byte, error) {
	return marshalReason(r, reasonJSON{Class: r.Class, Permission: r.Permission})
}

// ruleOff makes the reason for a rule that is off.
func (p *Policy) ruleOff(e *avEntry) RuleOff {
	r := RuleOff{Rule: p.ruleHandle(e)}
	index, branch := branchOf(e.branch)
	expr := p.db.Conditionals[index].Expr
	booleans := append([]bool(nil), p.state.booleans...)
	for _, v := range condBooleans(expr) {
		booleans[v-1] = !booleans[v-1]
		if value, ok := evalCond(expr, booleans); ok && value == branch {
			r.Flips = append(r.Flips, SetBoolean{p.sym.booleans[v-1], booleans[v-1]})
		}
		booleans[v-1] = !booleans[v-1]
	}
	return r
}

// ruleText prints a rule with its condition, if it is one.
func ruleText(r Rule) string {
	if r.p == nil {
		return "no rule"
	}
	return r.String()
}

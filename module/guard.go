package module

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Severity says what the guard makes of a rule.
type Severity uint8

const (
	// Warn is for what a reader should know before taking the rule.
	Warn Severity = iota + 1
	// Refuse is for what hands over the machine, defeats the policy, or opens
	// what belongs to no one: not to be taken unless lifted by name.
	Refuse
)

// String returns warn or refuse.
func (s Severity) String() string {
	switch s {
	case Warn:
		return "warn"
	case Refuse:
		return "refuse"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// MarshalText implements [encoding.TextMarshaler].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is what the guard found in one rule.
type Finding struct {
	// Rule is the rule that was found, with only the permissions meant.
	Rule     Rule     `json:"rule"`
	Severity Severity `json:"severity"`
	// ID names the item, such as load-policy or base-type-write. It is stable.
	ID string `json:"id"`
	// Targets are the types meant, at most a few of them: of a rule whose
	// target is an attribute, the members that it should not reach.
	Targets []string `json:"targets,omitempty"`
	// Reason says why, as a sentence.
	Reason string `json:"reason"`
	// Lifted says that the caller has lifted a refusal.
	Lifted bool `json:"lifted,omitempty"`
}

// Refuses reports whether the finding stands against the rule: a refusal that
// was not lifted.
func (f Finding) Refuses() bool { return f.Severity == Refuse && !f.Lifted }

// Lift returns what lifts this finding, and no other rule's.
func (f Finding) Lift() Lift {
	return Lift{ID: f.ID, Source: f.Rule.Source, Target: f.Rule.Target, Class: f.Rule.Class}
}

// Lift takes back a refusal. ID is the finding's; of the others, an empty one
// stands for any.
type Lift struct {
	ID     string `json:"id"`
	Source string `json:"source,omitempty"`
	Target string `json:"target,omitempty"`
	Class  string `json:"class,omitempty"`
}

func (l Lift) covers(f *Finding) bool {
	same := func(want, got string) bool { return want == "" || want == got }
	return l.ID == f.ID && same(l.Source, f.Rule.Source) &&
		same(l.Target, f.Rule.Target) && same(l.Class, f.Rule.Class)
}

// Guard looks rules over before they become a module: generated rules repeat
// what a log says, and a log says what an attacker tried. The zero Guard
// refuses all that it knows.
type Guard struct {
	Lifts []Lift
}

// Check returns what there is to say against the rules, in their order. It
// knows what types are from the policy's attributes (file_type,
// non_security_file_type, unconfined_domain_type, …) where the policy has
// them, and from the reference policy's names of its base types. Without a
// policy (nil) it has the names alone.
//
// Rules of other kinds than allow grant nothing and are passed over.
func (g Guard) Check(p *policy.Policy, rules []Rule) []Finding {
	w := newWorld(p)
	var found []Finding
	for _, r := range rules {
		if r.Kind != Allow {
			continue
		}
		for _, c := range checks() {
			f, ok := c.apply(w, r)
			if !ok {
				continue
			}
			f.Lifted = slices.ContainsFunc(g.Lifts, func(l Lift) bool { return l.covers(&f) })
			found = append(found, f)
		}
	}
	return found
}

// Enforce returns a [*RefusedError] if a refusal of [Guard.Check] stands.
func (g Guard) Enforce(p *policy.Policy, rules []Rule) error {
	found := slices.DeleteFunc(g.Check(p, rules), func(f Finding) bool { return !f.Refuses() })
	if len(found) == 0 {
		return nil
	}
	return &RefusedError{found}
}

// RefusedError holds the refusals that stand.
type RefusedError struct{ Findings []Finding }

func (e *RefusedError) Error() string {
	var b strings.Builder
	for i, f := range e.Findings {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "refused %q (%s): %s", f.Rule.String(), f.ID, f.Reason)
	}
	return b.String()
}

// IsBaseType reports whether a type is one of those that label what nobody has
// labelled more closely, such as var_t, etc_t, usr_t or default_t: a rule on
// it opens far more than it was made for. It goes by the policy's attributes
// base_file_type and base_ro_file_type, and by the reference policy's names; p
// may be nil.
func IsBaseType(p *policy.Policy, name string) bool {
	w := newWorld(p)
	return w.in(baseTypes, w.canonical(name))
}

// IsSecurityType reports whether a type labels what the policy keeps from
// ordinary domains: password hashes, the SELinux policy and its configuration,
// audit logs. It goes by the policy's attributes (file types that lack
// non_security_file_type), and by the reference policy's names; p may be nil.
func IsSecurityType(p *policy.Policy, name string) bool {
	w := newWorld(p)
	name = w.canonical(name)
	return w.in(securityFiles, name) || w.in(policyFiles, name)
}

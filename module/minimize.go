package module

import (
	"github.com/sekit/sekit/policy"
)

// Need is an access that shall be allowed, and the evidence for it: what its
// rules are to say in their comments.
type Need struct {
	Access   policy.Access `json:"access"`
	Evidence []string      `json:"evidence,omitempty"`
}

// MinimizeOptions says how [Minimize] makes rules.
type MinimizeOptions struct {
	// NarrowXperms adds to a new allow rule for ioctl or nlmsg an allowxperm
	// rule for the extended permissions that were needed, and so allows no
	// others. It does so where all needs for a source, target and class have an
	// extended permission.
	NarrowXperms bool
}

// Minimal is what [Minimize] found.
type Minimal struct {
	// Rules are the rules that the policy lacks, sorted and merged as in
	// [Module.Merged]. With them, all needs are allowed but for the unsolved.
	Rules []Rule `json:"rules,omitempty"`
	// Unsolved is what no rule of these kinds cures. No rule was made for it.
	Unsolved []Unsolved `json:"unsolved,omitempty"`
}

// Unsolved is a need, or one permission of it, that no allow rule cures.
type Unsolved struct {
	Need       int    `json:"need"`                 // index into the needs
	Permission string `json:"permission,omitempty"` // "" if the whole access could not be decided
	// Reasons say why it would still be denied with an allow rule: a
	// constraint, a role, bounds, a class or permission that the policy does
	// not have.
	Reasons []policy.Reason `json:"reasons,omitempty"`
	// Err is why the access could not be decided: a context with a user, role
	// or type that the policy does not have.
	Err error `json:"-"`
}

// Minimize returns the allow rules that let the needs through and that the
// policy, in its present state of booleans, lacks. What is already allowed makes
// no rule. What an allow rule does not cure (each is tried on the policy in
// memory) makes none either: it is returned as unsolved, with the reasons.
//
// Types are named as the policy names them, where a context had an alias.
// Whether a context, a port or a boolean were the better cure, and whether the
// rules ought to be taken ([Guard]), is for the caller to say.
func Minimize(p *policy.Policy, needs []Need, opts MinimizeOptions) Minimal {
	m := minimizer{p: p, opts: opts, wide: make(map[accessKey]bool)}
	for _, n := range needs {
		if !n.Access.HasXperm {
			m.wide[keyOf(n.Access)] = true
		}
	}
	for i, n := range needs {
		m.add(i, n)
	}
	m.result.Rules = merge(m.result.Rules, func(string) bool { return false })
	return m.result
}

type accessKey struct{ source, target, class string }

func keyOf(a policy.Access) accessKey {
	return accessKey{a.Source.Type(), a.Target.Type(), a.Class}
}

type minimizer struct {
	p      *policy.Policy
	opts   MinimizeOptions
	wide   map[accessKey]bool // a need without extended permission
	result Minimal
}

func (m *minimizer) add(index int, n Need) {
	d, err := m.p.Decide(n.Access)
	if err != nil {
		m.result.Unsolved = append(m.result.Unsolved, Unsolved{Need: index, Err: err})
		return
	}
	for _, r := range d.Denied {
		rules := m.candidates(n, r)
		left, err := m.left(n.Access, r.Permission, rules)
		if err != nil || len(left) > 0 {
			m.result.Unsolved = append(m.result.Unsolved, Unsolved{index, r.Permission, left, err})
			continue
		}
		m.result.Rules = append(m.result.Rules, rules...)
	}
}

// candidates returns the rules that would be made for a denied permission.
func (m *minimizer) candidates(n Need, refusal policy.Refusal) []Rule {
	rule := Rule{
		Kind:   Allow,
		Source: m.typeName(n.Access.Source), Target: m.typeName(n.Access.Target),
		Class: n.Access.Class, Permissions: []string{refusal.Permission}, Evidence: n.Evidence,
	}
	if rule.Source == rule.Target {
		rule.Target = Self
	}
	listed, granted := false, true // the policy lists others; it has the permission itself
	for _, r := range refusal.Reasons {
		switch r.Kind() {
		case "xperm":
			listed = true
		case "no-rule", "rule-off":
			granted = false
		}
	}
	xperm := rule
	xperm.Kind, xperm.Xperms = AllowXperm, []XpermRange{{Low: n.Access.Xperm, High: n.Access.Xperm}}
	refined := refusal.Permission == "ioctl" || refusal.Permission == "nlmsg"
	narrow := m.opts.NarrowXperms && refined && n.Access.HasXperm && !m.wide[keyOf(n.Access)]
	switch {
	case granted && listed:
		return []Rule{xperm}
	case listed || narrow && !granted:
		return []Rule{rule, xperm}
	}
	return []Rule{rule}
}

// left returns the reasons for which a permission would be denied even with
// the rules.
func (m *minimizer) left(a policy.Access, permission string, rules []Rule) ([]policy.Reason, error) {
	after, err := m.p.With(Changes(rules)...)
	if err != nil {
		// The policy does not have the class or permission: the reasons are the
		// refusal's own.
		after = m.p
	}
	a.Permissions = []string{permission}
	d, err := after.Decide(a)
	if err != nil || d.Allowed {
		return nil, err
	}
	return d.Reasons(), nil
}

// typeName returns the type of a context by the name that the policy has for
// it.
func (m *minimizer) typeName(c policy.Context) string {
	if t, err := m.p.Type(c.Type()); err == nil {
		return t.Name()
	}
	return c.Type()
}

// Changes returns what the rules change in a policy, for [policy.Policy.With]
// and [policy.Policy.Exposure]. Rules that say what is logged change no access
// and are passed over.
func Changes(rules []Rule) []policy.Change {
	var out []policy.Change
	for _, r := range rules {
		switch r.Kind {
		case Allow:
			out = append(out, policy.AllowRule{Source: r.Source, Target: r.Target, Class: r.Class, Permissions: r.Permissions})
		case AllowXperm:
			for _, x := range r.Xperms {
				for _, p := range r.Permissions {
					out = append(out, policy.AllowXperm{Source: r.Source, Target: r.Target, Class: r.Class,
						Permission: p, Low: x.Low, High: x.High})
				}
			}
		}
	}
	return out
}

package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// Decision is a policy's answer to an [Access]: what it grants, what it
// denies, and every reason for each denial.
type Decision struct {
	Access Access `json:"access"`
	// Allowed says that all permissions asked for are granted, Permissive
	// aside.
	Allowed bool `json:"allowed"`
	// Granted are the permissions granted, in the order asked.
	Granted []string `json:"granted,omitempty"`
	// Denied are the permissions denied, in the order asked.
	Denied []Refusal `json:"denied,omitempty"`
	// Permissive says that the source is a permissive domain: what is denied
	// is done all the same, and logged.
	Permissive bool `json:"permissive,omitempty"`
	// NeverAudit says that nothing the source does is logged.
	NeverAudit bool `json:"never_audit,omitempty"`
	// Unknown are the granted permissions that the policy doesn't know (or
	// whose class it doesn't know), and that handle_unknown allows.
	Unknown []string `json:"unknown,omitempty"`
	// SourceProblem and TargetProblem say that a context is not valid under
	// the policy though its names are known. The decision is then what the
	// policy would say if it were; an unusable range counts as the lowest
	// level. The kernel takes such a context for that of unlabeled objects.
	SourceProblem *ContextError `json:"source_problem,omitempty"`
	TargetProblem *ContextError `json:"target_problem,omitempty"`
}

// Refusal is one denied permission.
type Refusal struct {
	Permission string `json:"permission"`
	// Hidden says that a dontaudit rule keeps the denial out of the log.
	Hidden bool `json:"hidden,omitempty"`
	// Reasons are all the reasons, each of which alone would deny: removing
	// one is of no use while another stands. (Of several [RuleOff], any one
	// suffices.)
	Reasons []Reason `json:"reasons"`
}

// Reasons returns the distinct reasons of all refusals, in order.
func (d Decision) Reasons() []Reason {
	var out []Reason
	seen := make(map[string]bool)
	for _, r := range d.Denied {
		for _, reason := range r.Reasons {
			if key := reason.Kind() + " " + reason.String(); !seen[key] {
				seen[key] = true
				out = append(out, reason)
			}
		}
	}
	return out
}

// Decide says what the policy makes of an access, in its present state of
// booleans, and why. A user, role or type that the policy doesn't have is an
// error that wraps a [*NameError], since there's nothing to decide then; an
// unknown class or permission is decided as the policy's handle_unknown says.
// To leave class or permissions empty is an error.
func (p *Policy) Decide(a Access) (Decision, error) {
	// An empty name is a field left out: handle_unknown must not allow it.
	if len(a.Permissions) == 0 || slices.Contains(a.Permissions, "") {
		return Decision{}, errors.New("no permissions asked for")
	}
	if a.Class == "" {
		return Decision{}, errors.New("no class asked for")
	}
	d := Decision{Access: a}
	source, serr := p.resolve(a.Source)
	if serr != nil && serr.Err != nil {
		return Decision{}, fmt.Errorf("source: %w", serr)
	}
	target, terr := p.resolve(a.Target)
	if terr != nil && terr.Err != nil {
		return Decision{}, fmt.Errorf("target: %w", terr)
	}
	d.SourceProblem, d.TargetProblem = serr, terr

	q := question{p: p, source: source, target: target, class: p.sym.classByName[a.Class], access: a}
	if q.class != 0 {
		q.av = p.accessVector(&q.source, &q.target, q.class)
	}
	d.Permissive = p.permissive(source.typ)
	d.NeverAudit = has(&p.db.NeverAudit, source.typ)
	for _, name := range a.Permissions {
		refusal, known := q.decide(name)
		switch {
		case refusal != nil:
			d.Denied = append(d.Denied, *refusal)
			continue
		case !known:
			d.Unknown = append(d.Unknown, name)
		}
		d.Granted = append(d.Granted, name)
	}
	d.Allowed = len(d.Denied) == 0
	return d, nil
}

// question is one Decide under way.
type question struct {
	p              *Policy
	source, target SID
	class          uint32 // or 0 if unknown
	av             AccessVector
	access         Access
}

// decide decides one permission: nil if it is granted. Known is false if the
// policy doesn't have the permission.
func (q *question) decide(name string) (refusal *Refusal, known bool) {
	unknown := func(r Reason) (*Refusal, bool) {
		if q.p.HandleUnknown() == AllowUnknown {
			return nil, false
		}
		return &Refusal{Permission: name, Reasons: []Reason{r}}, false
	}
	if q.class == 0 {
		return unknown(UnknownClass{q.access.Class, q.p.HandleUnknown()})
	}
	bit := q.p.sym.classes[q.class-1].permByName[name]
	if bit == 0 {
		return unknown(UnknownPermission{q.access.Class, name, q.p.HandleUnknown()})
	}
	xperm := q.decideXperm(name)
	if q.av.Allowed&bit != 0 && (xperm == nil || xperm.allowed) {
		return nil, true
	}
	r := &Refusal{Permission: name, Hidden: q.av.AuditDeny&bit == 0}
	r.Reasons = q.reasons(name, bit)
	if xperm != nil && !xperm.allowed {
		r.Reasons = append(r.Reasons, XpermNotAllowed{name, q.access.Xperm, xperm.rules})
		r.Hidden = r.Hidden || q.av.Allowed&bit != 0 && xperm.dontAudit
	}
	return r, true
}

// reasons lists why a permission is not in the access vector; none if it is.
func (q *question) reasons(name string, bit uint32) []Reason {
	var out []Reason
	p := q.p
	te, _, _ := p.typeEnforcement(q.source.typ, q.target.typ, q.class)
	if te&bit == 0 {
		out = append(out, q.ruleReasons(name, bit)...)
	}
	constraints := p.sym.classes[q.class-1].class.Constraints
	for i := range constraints {
		c := &constraints[i]
		if c.Permissions&bit != 0 && !p.evalConstraint(c.Expr, &q.source, &q.target, nil) {
			out = append(out, p.explainConstraint(Constraint{p: p, class: q.class, index: i}, &q.source, &q.target, nil))
		}
	}
	if q.class == p.engine.processClass && bit&p.engine.transitions != 0 &&
		q.source.role != q.target.role && !p.roleAllowed(q.source.role, q.target.role) {
		out = append(out, RoleNotAllowed{p.sym.roles[q.source.role-1].Name, p.sym.roles[q.target.role-1].Name})
	}
	if r, bounded := q.boundsReason(name, bit); bounded {
		out = append(out, r)
	}
	return out
}

// ruleReasons says why type enforcement doesn't grant a permission: the rules
// that would if their condition held, or that there is none.
func (q *question) ruleReasons(name string, bit uint32) []Reason {
	var out []Reason
	p := q.p
	for e := range p.entries(q.source.typ, q.target.typ, q.class) {
		if e.kind != policydb.Allow || e.data&bit == 0 || p.state.on[e.branch] || p.over.isRemoved(e.rule) {
			continue
		}
		out = append(out, p.ruleOff(e))
	}
	if out == nil {
		out = append(out, NoRule{
			Source:     p.sym.types[q.source.typ-1].name,
			Target:     p.sym.types[q.target.typ-1].name,
			Class:      q.access.Class,
			Permission: name,
		})
	}
	return out
}

// boundsReason reports whether the type that bounds the source's lacks the
// permission.
func (q *question) boundsReason(name string, bit uint32) (Reason, bool) {
	if q.p.sym.types[q.source.typ-1].bounds == 0 || q.p.boundsVector(&q.source, &q.target, q.class, 0)&bit != 0 {
		return nil, false
	}
	low, target := q.p.bounding(&q.source, &q.target)
	return OutOfBounds{
		Type:       q.p.sym.types[q.source.typ-1].name,
		Bounds:     q.p.sym.types[low.typ-1].name,
		Target:     q.p.sym.types[target.typ-1].name,
		Class:      q.access.Class,
		Permission: name,
	}, true
}

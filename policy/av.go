package policy

import "github.com/sekit/sekit/internal/policydb"

// AccessVector is what the kernel computes for a (source, target, class), as
// in /sys/fs/selinux/access: bit n of a vector stands for the permission with
// the value n+1 of the class.
type AccessVector struct {
	Allowed    uint32 `json:"allowed"`     // permissions granted
	AuditAllow uint32 `json:"audit_allow"` // permissions whose granting is logged
	AuditDeny  uint32 `json:"audit_deny"`  // permissions whose denial is logged; a dontaudit rule clears a bit
	Permissive bool   `json:"permissive"`  // the source is a permissive domain: what is denied is logged and done
	NeverAudit bool   `json:"never_audit"` // nothing of the source domain is logged (policy version 35)
}

// AccessVector computes all permissions of a class that a source has to a
// target: allow rules through attributes and conditionals, less what
// constraints, role allow and typebounds take away (the kernel's
// context_struct_compute_av). It doesn't allocate. Source and target must have
// been made by p or a policy related to p through [Policy.With], the class
// too; otherwise the result is the zero AccessVector, which grants nothing.
//
// handle_unknown is not applied here: it concerns permissions without a bit.
func (p *Policy) AccessVector(source, target SID, class Class) AccessVector {
	if source.sym != p.sym || target.sym != p.sym || class.p == nil || class.p.sym != p.sym {
		return AccessVector{}
	}
	return p.accessVector(&source, &target, class.value)
}

func (p *Policy) accessVector(source, target *SID, class uint32) AccessVector {
	av := AccessVector{
		Permissive: p.permissive(source.typ),
		NeverAudit: has(&p.db.NeverAudit, source.typ),
	}
	av.Allowed, av.AuditAllow, av.AuditDeny = p.compute(source, target, class, 0)
	return av
}

// permissive reports whether a type is a permissive domain, by the policy or
// by an overlay.
func (p *Policy) permissive(typ uint32) bool {
	if has(&p.db.Permissive, typ) {
		return true
	}
	if p.over != nil {
		for _, t := range p.over.permissive {
			if t == typ {
				return true
			}
		}
	}
	return false
}

// maxBounds is how deep typebounds may nest (POLICYDB_BOUNDS_MAXDEPTH). The
// kernel refuses to load a policy that goes deeper or in a circle; nothing is
// granted here to a type beyond it.
const maxBounds = 4

// compute is context_struct_compute_av.
func (p *Policy) compute(source, target *SID, class uint32, depth int) (allowed, auditAllow, auditDeny uint32) {
	allowed, auditAllow, auditDeny = p.typeEnforcement(source.typ, target.typ, class)
	if allowed == 0 {
		return
	}
	constraints := p.sym.classes[class-1].class.Constraints
	for i := range constraints {
		c := &constraints[i]
		if c.Permissions&allowed != 0 && !p.evalConstraint(c.Expr, source, target, nil) {
			allowed &^= c.Permissions
		}
	}
	if class == p.engine.processClass && allowed&p.engine.transitions != 0 &&
		source.role != target.role && !p.roleAllowed(source.role, target.role) {
		allowed &^= p.engine.transitions
	}
	if bounds := p.sym.types[source.typ-1].bounds; bounds != 0 && allowed != 0 {
		allowed &= p.boundsVector(source, target, class, depth)
	}
	return
}

// boundsVector is what the type that bounds the source's may do, to the type
// that bounds the target's if there is one (type_attribute_bounds_av).
func (p *Policy) boundsVector(source, target *SID, class uint32, depth int) uint32 {
	if depth == maxBounds {
		return 0
	}
	low, lowTarget := p.bounding(source, target)
	allowed, _, _ := p.compute(&low, &lowTarget, class, depth+1)
	return allowed
}

func (p *Policy) bounding(source, target *SID) (low, lowTarget SID) {
	low, lowTarget = *source, *target
	low.typ = p.sym.types[source.typ-1].bounds
	if b := p.sym.types[target.typ-1].bounds; b != 0 {
		lowTarget.typ = b
	}
	return low, lowTarget
}

func (p *Policy) roleAllowed(from, to uint32) bool {
	for i := range p.db.RoleAllows {
		if r := &p.db.RoleAllows[i]; r.Role == from && r.NewRole == to {
			return true
		}
	}
	return false
}

// typeEnforcement is what the rules for two types give, before constraints.
func (p *Policy) typeEnforcement(source, target, class uint32) (allowed, auditAllow, auditDeny uint32) {
	auditDeny = ^uint32(0)
	sattr, tattr := &p.db.TypeAttributes[source-1], &p.db.TypeAttributes[target-1]
	if x := p.engine.av(); x != nil {
		var m matcher
		on := p.state.on
		if m.init(&x.classes[class-1], sattr, tattr) {
			for e := m.next(); e != nil; e = m.next() {
				if !on[e.branch] || p.over.isRemoved(e.rule) {
					continue
				}
				switch e.kind {
				case policydb.Allow:
					allowed |= e.data
				case policydb.AuditAllow:
					auditAllow |= e.data
				case policydb.AuditDeny:
					auditDeny &= e.data
				}
			}
		}
	}
	if p.over != nil {
		for i := range p.over.allow {
			if r := &p.over.allow[i]; r.matches(source, target, class, sattr, tattr) {
				allowed |= r.perms
			}
		}
		for i := range p.over.dontAudit {
			if r := &p.over.dontAudit[i]; r.matches(source, target, class, sattr, tattr) {
				auditDeny &^= r.perms
			}
		}
	}
	return
}

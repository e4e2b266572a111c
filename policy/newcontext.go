package policy

import (
	"fmt"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// NewContext computes the context of a new object as the kernel does
// (security_transition_sid): of an object of a class that source creates in
// (or from) target. For a file target is the directory and name the last
// component of the path, or "" if it doesn't matter; for the class process
// source executes target; for a socket both are the creator.
//
// It follows type_transition rules with and without a name, role_transition
// and range_transition, default_user, default_role, default_type and
// default_range, and the kernel's own rules for processes and sockets. If the
// result is not a valid context, the kernel refuses to make the object; the
// error is then a [*ContextError] with that context. Invalid contexts in give
// a [*ContextError] too, an unknown class a [*NameError].
func (p *Policy) NewContext(source, target Context, class, name string) (Context, error) {
	return p.newContext(policydb.TypeTransition, source, target, class, name)
}

// MemberContext computes the context of a member of a polyinstantiated object
// of a class (security_member_sid): of target, for source. Errors are those of
// [Policy.NewContext].
func (p *Policy) MemberContext(source, target Context, class string) (Context, error) {
	return p.newContext(policydb.TypeMember, source, target, class, "")
}

// ChangeContext computes the context to relabel an object of a class to
// (security_change_sid): target, for source, as a terminal is when a user logs
// in. Errors are those of [Policy.NewContext].
func (p *Policy) ChangeContext(source, target Context, class string) (Context, error) {
	return p.newContext(policydb.TypeChange, source, target, class, "")
}

func (p *Policy) newContext(kind policydb.AVKind, source, target Context, class, name string) (Context, error) {
	s, err := p.SID(source)
	if err != nil {
		return Context{}, fmt.Errorf("source: %w", err)
	}
	t, err := p.SID(target)
	if err != nil {
		return Context{}, fmt.Errorf("target: %w", err)
	}
	value := p.sym.classByName[class]
	if value == 0 {
		return Context{}, &NameError{"class", class}
	}
	sid, ok := p.newSID(kind, &s, &t, value, name)
	if !ok {
		return Context{}, fmt.Errorf("the ranges of %s and %s have nothing in common", source, target)
	}
	if part, problem := p.invalid(&sid); problem != "" {
		return Context{}, &ContextError{sid.Context(), part, problem, nil}
	}
	return sid.Context(), nil
}

// newSID is the kernel's security_compute_sid without the check of the result.
// ok is false if there is no range.
func (p *Policy) newSID(kind policydb.AVKind, source, target *SID, class uint32, name string) (sid SID, ok bool) {
	c := p.sym.classes[class-1].class
	// Processes and sockets take after their creator, other objects after
	// what they are made in.
	active := class == p.engine.processClass || p.engine.sockets[class-1]
	sid = SID{sym: p.sym, user: source.user, role: objectR, typ: target.typ}
	if active {
		sid.role, sid.typ = source.role, source.typ
	}
	if kind == policydb.TypeMember || c.DefaultUser == policydb.DefaultTarget {
		sid.user = target.user
	}
	switch c.DefaultRole {
	case policydb.DefaultSource:
		sid.role = source.role
	case policydb.DefaultTarget:
		sid.role = target.role
	}
	switch c.DefaultType {
	case policydb.DefaultSource:
		sid.typ = source.typ
	case policydb.DefaultTarget:
		sid.typ = target.typ
	}
	if t := p.typeRule(kind, source.typ, target.typ, class); t != 0 {
		sid.typ = t
	}
	if kind == policydb.TypeTransition {
		if t := p.namedTransition(source.typ, target.typ, class, name); t != 0 {
			sid.typ = t
		}
		if r := p.roleTransition(source.role, target.typ, class); r != 0 {
			sid.role = r
		}
	}
	if p.db.MLS {
		sid.low, sid.high, ok = p.newRange(kind, source, target, c, active)
		return sid, ok
	}
	return sid, true
}

// typeRule returns the type that a type_transition, type_member or type_change
// rule gives, or 0. Such rules name types, not attributes. A rule that always
// holds wins over conditional ones.
func (p *Policy) typeRule(kind policydb.AVKind, source, target, class uint32) uint32 {
	x := p.engine.typeRules()
	if x == nil {
		return 0
	}
	c := &x.classes[class-1]
	s, t := source-1, uint16(target-1)
	from, to := c.row(s)
	for i := seek(c.target, from, to, t); i < to && c.target[i] == t; i++ {
		if e := &c.entry[i]; e.kind == kind && p.inForce(e) {
			return e.data
		}
	}
	return 0
}

// nameKey finds the type_transition rules with a name.
type nameKey struct {
	target, class uint32
	name          string
}

func (p *Policy) namedTransition(source, target, class uint32, name string) uint32 {
	if name == "" {
		return 0
	}
	for _, i := range p.engine.named()[nameKey{target, class, name}] {
		for _, d := range p.db.NameTransitions[i].Data {
			if has(&d.Sources, source-1) {
				return d.Type
			}
		}
	}
	return 0
}

func (p *Policy) roleTransition(role, typ, class uint32) uint32 {
	for i := range p.db.RoleTransitions {
		r := &p.db.RoleTransitions[i]
		of := r.Class
		if of == 0 {
			of = p.engine.processClass
		}
		if r.Role == role && r.Type == typ && of == class {
			return r.NewRole
		}
	}
	return 0
}

// newRange is the kernel's mls_compute_sid.
func (p *Policy) newRange(kind policydb.AVKind, source, target *SID, c *policydb.Class, active bool) (low, high policydb.Level, ok bool) {
	if kind == policydb.TypeTransition {
		for i := range p.db.RangeTransitions {
			r := &p.db.RangeTransitions[i]
			if r.Source == source.typ && r.Target == target.typ && r.Class == c.Value {
				return r.Range.Low, r.Range.High, true
			}
		}
		switch c.DefaultRange {
		case policydb.DefaultSourceLow:
			return source.low, source.low, true
		case policydb.DefaultSourceHigh:
			return source.high, source.high, true
		case policydb.DefaultSourceLowHigh:
			return source.low, source.high, true
		case policydb.DefaultTargetLow:
			return target.low, target.low, true
		case policydb.DefaultTargetHigh:
			return target.high, target.high, true
		case policydb.DefaultTargetLowHigh:
			return target.low, target.high, true
		case policydb.DefaultGLBLUB:
			return overlap(source, target)
		}
	}
	if active && kind != policydb.TypeMember {
		return source.low, source.high, true
	}
	return source.low, source.low, true
}

// overlap is mls_context_glblub: the greatest lower bound of the high levels
// down to the least upper bound of the low ones, with common categories.
func overlap(a, b *SID) (low, high policydb.Level, ok bool) {
	if a.high.Sensitivity < b.low.Sensitivity || b.high.Sensitivity < a.low.Sensitivity {
		return low, high, false
	}
	low.Sensitivity = max(a.low.Sensitivity, b.low.Sensitivity)
	high.Sensitivity = min(a.high.Sensitivity, b.high.Sensitivity)
	low.Categories = intersect(a.low.Categories, b.low.Categories)
	high.Categories = intersect(a.high.Categories, b.high.Categories)
	return low, high, true
}

// isSocketClass reports whether the kernel counts a class among the sockets:
// security_is_socket_class goes by the ending of the names in the kernel's own
// class map. Classes that the kernel has dropped are not in it, though policies
// keep a place for them.
func isSocketClass(name string) bool {
	switch name {
	case "netlink_firewall_socket", "netlink_ip6fw_socket": // dropped with Linux 3.5
		return false
	}
	return strings.HasSuffix(name, "socket") && !strings.HasPrefix(name, "obsolete_")
}

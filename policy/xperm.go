package policy

import "github.com/sekit/sekit/internal/policydb"

// xpermDecision is what the extended permission rules say.
type xpermDecision struct {
	allowed   bool
	dontAudit bool
	rules     int // allowxperm rules for the access, of any extended permission
}

// decideXperm decides the extended permission of the access, if it has one and
// name is the permission that it belongs to. It returns nil if there is no
// rule on extended permissions: then the permission alone decides.
//
// As in the kernel (avc_has_extended_perms), any xperm rule for the access, be
// it only a dontauditxperm, means that nothing is granted but what an
// allowxperm rule lists.
func (q *question) decideXperm(name string) *xpermDecision {
	if !q.access.HasXperm || name != "ioctl" && name != "nlmsg" {
		return nil
	}
	p, d, some := q.p, xpermDecision{}, false
	nlmsg := name == "nlmsg"
	for e := range p.match(p.engine.xperm(), q.source.typ, q.target.typ, q.class) {
		if !p.state.on[e.branch] || p.over.isRemoved(e.rule) {
			continue
		}
		some = true
		x := &p.db.XPerms[e.data]
		if e.kind == policydb.XPermsAllow {
			d.rules++
		}
		if (x.Specified == policydb.XPermsNlmsg) != nlmsg || !hasXperm(x, q.access.Xperm) {
			continue
		}
		switch e.kind {
		case policydb.XPermsAllow:
			d.allowed = true
		case policydb.XPermsDontAudit:
			d.dontAudit = true
		}
	}
	if p.over != nil {
		sattr, tattr := &p.db.TypeAttributes[q.source.typ-1], &p.db.TypeAttributes[q.target.typ-1]
		for i := range p.over.xperms {
			r := &p.over.xperms[i]
			if !r.matches(q.source.typ, q.target.typ, q.class, sattr, tattr) {
				continue
			}
			some = true
			d.rules++
			if r.nlmsg == nlmsg && r.low <= q.access.Xperm && q.access.Xperm <= r.high {
				d.allowed = true
			}
		}
	}
	if !some {
		return nil
	}
	return &d
}

// hasXperm reports whether an extended permission is in a set: an ioctl
// command is its driver in the high byte and its function in the low one.
func hasXperm(x *policydb.XPerms, xperm uint16) bool {
	n := uint8(xperm)
	if x.Specified == policydb.XPermsIoctlDriver {
		n = uint8(xperm >> 8)
	} else if x.Driver != uint8(xperm>>8) {
		return false
	}
	return x.Perms[n/32]>>(n%32)&1 == 1
}

package policy

import (
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// MarshalBinary returns the policy as a file, in the version that it was read
// in, such as [Parse] takes. What [Policy.With] has laid over it is part of it:
// booleans have their state for a default. It implements
// [encoding.BinaryMarshaler].
func (p *Policy) MarshalBinary() ([]byte, error) {
	db := *p.db
	if err := db.SetBooleanDefaults(p.booleanStates()); err != nil {
		return nil, err
	}
	if o := p.over; o != nil {
		p.removeRules(&db)
		if err := p.addRules(&db); err != nil {
			return nil, err
		}
		for _, t := range o.permissive {
			if err := db.SetPermissive(p.sym.types[t-1].name, true); err != nil {
				return nil, err
			}
		}
		for _, x := range o.ports {
			c := policydb.Portcon{Protocol: uint32(x.protocol), Low: uint32(x.low), High: uint32(x.high), Context: p.portTemplate(x.typ)}
			if err := db.AddPortcons(c); err != nil {
				return nil, err
			}
		}
	}
	return policydb.Encode(&db)
}

func (p *Policy) booleanStates() map[string]bool {
	out := make(map[string]bool)
	for b := range p.Booleans() {
		out[b.Name()] = b.State()
	}
	return out
}

// removeRules takes out what With removed.
func (p *Policy) removeRules(db *policydb.Policy) {
	if len(p.over.removed) == 0 {
		return
	}
	n := uint32(0)
	left := func(rules []policydb.AVRule) []policydb.AVRule {
		return slices.DeleteFunc(slices.Clone(rules), func(policydb.AVRule) bool {
			n++
			return p.over.isRemoved(n - 1)
		})
	}
	db.AVTab = left(db.AVTab)
	db.Conditionals = slices.Clone(db.Conditionals)
	for i := range db.Conditionals {
		c := &db.Conditionals[i]
		c.True, c.False = left(c.True), left(c.False)
	}
}

// addRules adds the rules of With.
func (p *Policy) addRules(db *policydb.Policy) error {
	var rules []policydb.AVRule
	var xperms []policydb.XPerms
	add := func(r *extraRule, kind policydb.AVKind, data uint32) {
		rule := policydb.AVRule{Source: uint16(r.source), Target: uint16(r.target), Class: uint16(r.class), Kind: kind, Data: data}
		switch t := &p.sym.types[r.source-1]; {
		case r.target != 0:
			rules = append(rules, rule)
		case !t.attribute: // self
			rule.Target = rule.Source
			rules = append(rules, rule)
		default:
			for member := range t.members.All() {
				rule.Source, rule.Target = uint16(member+1), uint16(member+1)
				rules = append(rules, rule)
			}
		}
	}
	for i := range p.over.allow {
		add(&p.over.allow[i], policydb.Allow, p.over.allow[i].perms)
	}
	for i := range p.over.dontAudit {
		add(&p.over.dontAudit[i], policydb.AuditDeny, ^p.over.dontAudit[i].perms)
	}
	for i := range p.over.xperms {
		x := &p.over.xperms[i]
		for driver := x.low >> 8; ; driver++ {
			set := policydb.XPerms{Specified: policydb.XPermsIoctlFunction, Driver: uint8(driver)}
			if x.nlmsg {
				set.Specified = policydb.XPermsNlmsg
			}
			for n := max(x.low, driver<<8); ; n++ {
				set.Perms[n&0xff/32] |= 1 << (n & 0xff % 32)
				if n == min(x.high, driver<<8|0xff) {
					break
				}
			}
			xperms = append(xperms, set)
			add(&x.extraRule, policydb.XPermsAllow, uint32(len(xperms)-1))
			if driver == x.high>>8 {
				break
			}
		}
	}
	return db.AddRules(rules, xperms)
}

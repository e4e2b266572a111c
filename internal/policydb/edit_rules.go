package policydb

import (
	"errors"
	"slices"
)

// ErrConflict says that there is a type rule already for the same source,
// target and class, with another type.
var ErrConflict = errors.New("a second type rule for the same source, target and class")

// AddRules adds rules to those that always hold: to a rule that there is already
// for the same source, target and class it adds permissions, as the compilers
// do. Data of a rule with extended permissions is an index into xperms. A type
// rule that contradicts another is an [ErrConflict].
func (p *Policy) AddRules(rules []AVRule, xperms []XPerms) error {
	table := avTable{rules: slices.Clone(p.AVTab), xperms: slices.Clone(p.XPerms), wanted: make(map[uint64]int, len(rules))}
	for i := range rules {
		table.wanted[key(&rules[i])] = -1
	}
	for i := range table.rules {
		if k := key(&table.rules[i]); table.rules[i].Kind&XPermsKinds == 0 {
			if _, ok := table.wanted[k]; ok {
				table.wanted[k] = i
			}
		} else if _, ok := table.wanted[k]; ok {
			table.extended(k, i)
		}
	}
	for _, r := range rules {
		if err := table.add(r, xperms); err != nil {
			return err
		}
	}
	p.AVTab, p.XPerms = table.rules, table.xperms
	return nil
}

// avTable is a table that rules are being added to.
type avTable struct {
	rules  []AVRule
	xperms []XPerms
	wanted map[uint64]int // where the rule of a key is, -1 if nowhere
	// byDriver says where a rule with extended permissions is: of one key there
	// is one for each driver.
	byDriver map[driverKey]int
}

type driverKey struct {
	key       uint64
	specified XPermsSpecified
	driver    uint8
}

func (t *avTable) extended(k uint64, i int) {
	if t.byDriver == nil {
		t.byDriver = make(map[driverKey]int)
	}
	x := &t.xperms[t.rules[i].Data]
	t.byDriver[driverKey{k, x.Specified, x.Driver}] = i
}

func (t *avTable) add(r AVRule, xperms []XPerms) error {
	k := key(&r)
	if r.Kind&XPermsKinds != 0 {
		if uint64(r.Data) >= uint64(len(xperms)) {
			return errors.New("no such extended permissions")
		}
		x := xperms[r.Data]
		if i, ok := t.byDriver[driverKey{k, x.Specified, x.Driver}]; ok {
			had := &t.xperms[t.rules[i].Data] // a rule's own
			for w := range had.Perms {
				had.Perms[w] |= x.Perms[w]
			}
			return nil
		}
		r.Data = uint32(len(t.xperms))
		t.xperms, t.rules = append(t.xperms, x), append(t.rules, r)
		t.extended(k, len(t.rules)-1)
		return nil
	}
	i := t.wanted[k]
	if i < 0 {
		t.wanted[k] = len(t.rules)
		t.rules = append(t.rules, r)
		return nil
	}
	had := &t.rules[i]
	switch {
	case r.Kind&TypeKinds != 0:
		if had.Data != r.Data {
			return ErrConflict
		}
	case r.Kind == AuditDeny:
		had.Data &= r.Data
	default:
		had.Data |= r.Data
	}
	return nil
}

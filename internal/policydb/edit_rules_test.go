package policydb

import (
	"errors"
	"os"
	"testing"
)

// Rules for the same source, target and class become one; what a type rule says
// otherwise is a conflict.
func TestAddRules(t *testing.T) {
	data, err := os.ReadFile("../demo/policy.33")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	var allow, hidden, transition AVRule
	for _, r := range p.AVTab {
		switch r.Kind {
		case Allow:
			allow = r
		case AuditDeny:
			hidden = r
		case TypeTransition:
			transition = r
		}
	}
	n := len(p.AVTab)
	more, less, set := allow, hidden, AVRule{Source: allow.Source, Target: allow.Target, Class: allow.Class, Kind: XPermsAllow}
	more.Data = ^uint32(0)
	less.Data = 0
	sets := []XPerms{{Specified: XPermsIoctlFunction, Driver: 0x54, Perms: [8]uint32{1}}, {Specified: XPermsIoctlFunction, Driver: 0x54, Perms: [8]uint32{2}},
		{Specified: XPermsIoctlFunction, Driver: 0x55, Perms: [8]uint32{4}}}
	second, third := set, set
	second.Data, third.Data = 1, 2
	if err := p.AddRules([]AVRule{more, less, transition, set, second, third}, sets); err != nil {
		t.Fatal(err)
	}
	if len(p.AVTab) != n+2 {
		t.Errorf("%d rules more, want one for each driver", len(p.AVTab)-n)
	}
	for _, r := range p.AVTab {
		if key(&r) == key(&allow) && r.Data != more.Data || key(&r) == key(&hidden) && r.Data != 0 {
			t.Errorf("%+v", r)
		}
	}
	if x := p.XPerms[p.AVTab[n].Data]; x.Perms[0] != 3 {
		t.Errorf("%+v", x)
	}
	if _, err := Encode(p); err != nil {
		t.Error(err)
	}
	other := transition
	other.Data = uint32(transition.Source)
	before := len(p.AVTab)
	if err := p.AddRules([]AVRule{{Source: allow.Source, Target: allow.Source, Class: 1, Kind: AuditAllow, Data: 1}, other}, nil); !errors.Is(err, ErrConflict) || len(p.AVTab) != before {
		t.Errorf("%v, %d rules", err, len(p.AVTab)-before)
	}
	if err := p.AddRules([]AVRule{set}, nil); err == nil {
		t.Error("extended permissions that are not there")
	}
}

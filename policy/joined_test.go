package policy

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// TestDiffShortcut compares policies that are nearly alike with and without
// leaving out what is known to be the same.
func TestDiffShortcut(t *testing.T) {
	shortened := 0
	for seed := range uint64(60) {
		old := newPolicy(newMaker(openTest(t, "decide.policy"), seed).randomPolicy())
		db := newMaker(openTest(t, "decide.policy"), seed).randomPolicy()
		m := newMaker(newPolicy(db), seed+1000)
		if seed%3 > 0 {
			m.renumber(db)
		}
		for range m.IntN(12) {
			m.edit(db)
		}
		new := newPolicy(db)
		if seed%2 == 0 {
			old, new = m.overlaid(t, old), m.overlaid(t, new)
		}
		all := allRules(old, new)
		for side, rest := range joinPolicies(old, new).otherRules() {
			shortened += len(slices.Concat(all[side]...)) - len(slices.Concat(rest...))
		}
		if got, want := Diff(old, new), diff(old, new, all); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %+v\nwithout the shortcut: %+v", seed, got, want)
		}
		c := newAccessComparer(old, new)
		clear(c.alike)
		var want []AccessChange
		c.compare(func(change AccessChange) bool { want = append(want, change); return true })
		if got := slices.Collect(AccessChanges(old, new)); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %v\nwithout the shortcut: %v", seed, got, want)
		}
	}
	if shortened < 10000 {
		t.Errorf("only %d rules were left out", shortened)
	}
}

// allRules returns the numbers of all rules of the access vector tables, as
// otherRules returns some.
func allRules(old, new *Policy) (all [2][][]uint32) {
	for side, p := range [2]*Policy{old, new} {
		all[side] = make([][]uint32, len(ruleKeywords))
		for n := range uint32(p.rules().len()) {
			if !p.over.isRemoved(n) {
				bit := slices.Index(ruleKeywords[:], ruleKeyword(p.rules().rule(p, n).Kind()))
				all[side][bit] = append(all[side][bit], n)
			}
		}
	}
	return all
}

// edit changes one thing of a made up policy.
func (m *maker) edit(db *policydb.Policy) {
	rules := db.AVTab
	if m.IntN(3) == 0 {
		rules = db.Conditionals[m.IntN(len(db.Conditionals))].True
	}
	r := &rules[m.IntN(len(rules))]
	typ := &db.TypeAttributes[m.IntN(30)]
	switch m.IntN(9) {
	case 0:
		r.Data ^= 1 << m.IntN(6)
	case 1:
		r.Target = 1 + uint16(m.IntN(150))
	case 2:
		db.AVTab = slices.Delete(slices.Clone(db.AVTab), 5, 6)
	case 3:
		all := slices.Collect(typ.All())
		*typ = policydb.NewBitmap(all[:len(all)-1]...)
	case 4:
		*typ = policydb.NewBitmap(append(slices.Collect(typ.All()), uint32(30+m.IntN(120)))...)
	case 5:
		db.Types[m.IntN(len(db.Types))].Name = fmt.Sprintf("n%d", m.IntN(1000))
	case 6:
		perms := db.Classes[m.IntN(3)].Permissions
		perms[0].Name, perms[3].Name = perms[3].Name, perms[0].Name
	case 7:
		db.Booleans[0].Name, db.Booleans[1].Name = db.Booleans[1].Name, db.Booleans[0].Name
	case 8:
		db.Conditionals[0].Expr = m.cond(2, 6)
	}
}

// renumber gives the types and attributes other values.
func (m *maker) renumber(db *policydb.Policy) {
	to := m.Perm(len(db.Types))
	value := func(v uint32) uint32 { return uint32(to[v-1]) + 1 }
	bits := func(b policydb.Bitmap) policydb.Bitmap {
		var out []uint32
		for i := range b.All() {
			out = append(out, uint32(to[i]))
		}
		return policydb.NewBitmap(out...)
	}
	attributes := make([]policydb.Bitmap, len(db.TypeAttributes))
	for i, b := range db.TypeAttributes {
		attributes[to[i]] = bits(b)
	}
	db.TypeAttributes = attributes
	for i := range db.Types {
		t := &db.Types[i]
		t.Value = value(t.Value)
		if t.Bounds != 0 {
			t.Bounds = value(t.Bounds)
		}
	}
	rules := func(list []policydb.AVRule) {
		for i := range list {
			list[i].Source, list[i].Target = uint16(value(uint32(list[i].Source))), uint16(value(uint32(list[i].Target)))
		}
	}
	rules(db.AVTab)
	for i := range db.Conditionals {
		rules(db.Conditionals[i].True)
		rules(db.Conditionals[i].False)
	}
	for i := range db.Roles {
		db.Roles[i].Types = bits(db.Roles[i].Types)
	}
	for i := range db.Classes {
		for _, c := range db.Classes[i].Constraints {
			for j := range c.Expr {
				if c.Expr[j].Attr&policydb.AttrType != 0 {
					c.Expr[j].Names = bits(c.Expr[j].Names)
				}
			}
		}
	}
}

// overlaid lays some changes over a policy.
func (m *maker) overlaid(t *testing.T, p *Policy) *Policy {
	n := uint32(m.IntN(p.rules().len()))
	name := func() string { return p.sym.types[m.IntN(len(p.sym.types))].name }
	return with(t, p,
		AllowRule{name(), name(), "file", []string{"read"}},
		DontAuditRule{name(), "self", "process", []string{"transition", "write"}},
		RemoveRule{p.rules().rule(p, n)})
}

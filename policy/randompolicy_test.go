package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// randomPolicy makes up a policy with every operator that constraints and
// conditionals have, chained typebounds, role dominance, and types with so many
// attributes that lookups have to scan.
func (m *maker) randomPolicy() *policydb.Policy {
	const types, attributes, booleans, cats = 30, 120, 6, 70
	db := &policydb.Policy{Version: 33, MLS: true,
		NumTypes: types + attributes, NumBooleans: booleans, NumCategories: cats,
		NumRoles: 4, NumUsers: 3, NumSensitivities: 3, NumClasses: 3}
	for i := range uint32(types) {
		t := policydb.Type{Name: fmt.Sprintf("t%d", i), Value: i + 1, Properties: policydb.TypePrimary}
		if i > 3 && m.IntN(4) == 0 {
			t.Bounds = 1 + uint32(m.IntN(4)) // the first four are never bounded: no circles
		}
		db.Types = append(db.Types, t)
	}
	for i := range uint32(attributes) {
		db.Types = append(db.Types, policydb.Type{Name: fmt.Sprintf("a%d", i), Value: types + i + 1, Properties: policydb.TypePrimary | policydb.TypeAttribute})
	}
	for i := range uint32(types + attributes) {
		of := []uint32{i}
		for a := range uint32(attributes) {
			if i < types && m.IntN(1+int(i)) == 0 {
				of = append(of, types+a)
			}
		}
		db.TypeAttributes = append(db.TypeAttributes, policydb.NewBitmap(of...))
	}
	for i := range uint32(booleans) {
		db.Booleans = append(db.Booleans, policydb.Boolean{Name: fmt.Sprintf("b%d", i), Value: i + 1, State: m.IntN(2) == 0})
	}
	for i := range uint32(cats) {
		db.Categories = append(db.Categories, policydb.Category{Name: fmt.Sprintf("c%d", i), Value: i + 1})
	}
	all := policydb.NewBitmap(m.numbers(cats, cats)...)
	for i := range uint32(3) {
		db.Sensitivities = append(db.Sensitivities, policydb.Sensitivity{Name: fmt.Sprintf("s%d", i), Level: policydb.Level{Sensitivity: i + 1, Categories: all}})
	}
	everything := policydb.Range{Low: policydb.Level{Sensitivity: 1}, High: policydb.Level{Sensitivity: 3, Categories: all}}
	for i, name := range []string{"object_r", "r1", "r2", "r3"} {
		db.Roles = append(db.Roles, policydb.Role{Name: name, Value: uint32(i + 1),
			Dominates: m.set(4), Types: policydb.NewBitmap(m.numbers(types, types)...)})
		if i < 3 {
			db.Users = append(db.Users, policydb.User{Name: fmt.Sprintf("u%d", i), Value: uint32(i + 1),
				Roles: policydb.NewBitmap(0, 1, 2, 3), Range: everything, Default: everything.Low})
		}
	}
	for range 4 {
		db.RoleAllows = append(db.RoleAllows, policydb.RoleAllow{Role: 1 + uint32(m.IntN(4)), NewRole: 1 + uint32(m.IntN(4))})
	}
	for i, name := range []string{"process", "file", "tcp_socket"} {
		c := policydb.Class{Name: name, Value: uint32(i + 1), NumPerms: 6}
		for j, perm := range []string{"transition", "dyntransition", "read", "write", "ioctl", "name_bind"} {
			c.Permissions = append(c.Permissions, policydb.Permission{Name: perm, Value: uint32(j + 1)})
		}
		for range m.IntN(4) {
			c.Constraints = append(c.Constraints, policydb.Constraint{Permissions: uint32(m.IntN(64)), Expr: m.constraint(2)})
		}
		db.Classes = append(db.Classes, c)
	}
	db.AVTab = m.avRules(600)
	for range 8 {
		db.Conditionals = append(db.Conditionals, policydb.Conditional{Expr: m.cond(3, booleans), True: m.avRules(20), False: m.avRules(10)})
	}
	return db
}

// numbers returns n different numbers below limit, ascending if it is all.
func (m *maker) numbers(n, limit int) []uint32 {
	var out []uint32
	for _, i := range m.Perm(limit)[:n] {
		out = append(out, uint32(i))
	}
	return out
}

func (m *maker) set(limit int) policydb.Bitmap {
	return policydb.NewBitmap(m.numbers(m.IntN(limit+1), limit)...)
}

func (m *maker) avRules(n int) []policydb.AVRule {
	kinds := []policydb.AVKind{policydb.Allow, policydb.Allow, policydb.AuditAllow, policydb.AuditDeny}
	seen := map[policydb.AVRule]bool{}
	var out []policydb.AVRule
	for range n {
		r := policydb.AVRule{Source: 1 + uint16(m.IntN(150)), Target: 1 + uint16(m.IntN(150)), Class: 1 + uint16(m.IntN(3)), Kind: kinds[m.IntN(4)]}
		if !seen[r] {
			seen[r] = true
			r.Data = uint32(m.IntN(64))
			if r.Kind == policydb.AuditDeny {
				r.Data = ^r.Data
			}
			out = append(out, r)
		}
	}
	return out
}

// constraint makes an expression of at most the depth that the kernel takes.
func (m *maker) constraint(depth int) []policydb.ConstraintTerm {
	switch k := m.IntN(4); {
	case depth > 0 && k == 0:
		return append(m.constraint(depth-1), policydb.ConstraintTerm{Kind: policydb.ConstraintNot})
	case depth > 0 && k < 3:
		kind := policydb.ConstraintAnd
		if k == 2 {
			kind = policydb.ConstraintOr
		}
		return append(append(m.constraint(depth-1), m.constraint(depth-1)...), policydb.ConstraintTerm{Kind: kind})
	}
	t := policydb.ConstraintTerm{Kind: policydb.ConstraintAttr, Attr: 1 << m.IntN(11), Op: 1 + policydb.ConstraintOp(m.IntN(5))}
	switch t.Attr {
	case policydb.AttrTarget, policydb.AttrXTarget, policydb.AttrUser, policydb.AttrType:
		t.Op = 1 + policydb.ConstraintOp(m.IntN(2))
		if t.Attr&(policydb.AttrUser|policydb.AttrType) != 0 && m.IntN(2) == 0 {
			return []policydb.ConstraintTerm{t}
		}
		t.Kind = policydb.ConstraintNames
		t.Attr = 1 << m.IntN(3)
		if m.IntN(2) == 0 {
			t.Attr |= policydb.AttrTarget
		}
		t.Names = m.set(map[uint32]int{1: 3, 2: 4, 4: 30}[t.Attr&7])
	}
	return []policydb.ConstraintTerm{t}
}

func (m *maker) cond(depth, booleans int) []policydb.CondTerm {
	switch k := m.IntN(8); {
	case depth > 0 && k == 0:
		return append(m.cond(depth-1, booleans), policydb.CondTerm{Op: policydb.CondNot})
	case depth > 0 && k < 6:
		op := policydb.CondTerm{Op: policydb.CondOr + policydb.CondOp(k-1)}
		return append(append(m.cond(depth-1, booleans), m.cond(depth-1, booleans)...), op)
	}
	return []policydb.CondTerm{{Op: policydb.CondBool, Boolean: 1 + uint32(m.IntN(booleans))}}
}

// TestRandomPolicies compares access vectors, exposure and what may be reached
// with the slow computations on policies made up at random.
func TestRandomPolicies(t *testing.T) {
	made := newMaker(openTest(t, "decide.policy"), 10)
	granting := 0
	for round := range 60 {
		p := newPolicy(made.randomPolicy())
		if round%3 == 0 {
			sparsify(p)
		}
		m := newMaker(p, made.Uint64())
		for range 100 {
			st, tt, class := m.triple()
			source, err1 := p.SID(m.context(st))
			target, err2 := p.SID(m.context(tt))
			if err1 != nil || err2 != nil {
				continue
			}
			got := p.AccessVector(source, target, Class{p, class})
			if want := (reference{p}).vector(source, target, class); got != want {
				t.Fatalf("%v %v %d: %+v, want %+v", source.Context(), target.Context(), class, got, want)
			}
			if got.Allowed != 0 {
				granting++
			}
			checkReasons(t, p, source, target, class, got)
			to, from := p.targetsOf(st, class), p.sourcesOf(tt, class)
			if te, _, _ := p.typeEnforcement(st, tt, class); to[tt-1] != te || from[st-1] != te {
				t.Fatalf("%d %d %d: reach %x and %x, want %x", st, tt, class, to[tt-1], from[st-1], te)
			}
		}
		changes := m.booleans()
		after := with(t, p, changes...)
		got, err := p.Exposure(changes...)
		if err != nil {
			t.Fatal(err)
		}
		if want := slowExposure(p, after); got.Tuples != want.Tuples || got.Revoked != want.Revoked || got.Sources != want.Sources || got.Targets != want.Targets {
			t.Fatalf("%v: %+v, want %+v", changes, got, want)
		}
	}
	if granting < 1000 {
		t.Errorf("only %d questions were granted anything", granting)
	}
}

// sparsify takes the bitmaps of the indices away, as for policies in which they
// would be too many.
func sparsify(p *Policy) {
	for _, x := range []*avIndex{p.engine.av(), p.engine.xperm(), p.engine.typeRules()} {
		if x == nil {
			continue
		}
		for i := range x.classes {
			c := &x.classes[i]
			var sources []uint16
			c.eachRow(nil, func(source, _, _ uint32) { sources = append(sources, uint16(source)) })
			c.sources, c.rank, c.targets, c.sparse = nil, nil, nil, sources
		}
	}
}

// checkReasons holds the reasons of a decision against the vector: a denied
// permission has some, and taking the reasons away takes the denial away.
func checkReasons(t *testing.T, p *Policy, source, target SID, class uint32, av AccessVector) {
	t.Helper()
	a := Access{Source: source.Context(), Target: target.Context(), Class: p.sym.classes[class-1].name, Permissions: Class{p, class}.Permissions()}
	d, err := p.Decide(a)
	if err != nil || d.SourceProblem != nil || d.TargetProblem != nil {
		t.Fatalf("%v: %+v, %v", a, d, err)
	}
	granted, _ := p.vector(class, append(d.Granted, a.Permissions[0]))
	if !slices.Contains(d.Granted, a.Permissions[0]) {
		bit, _ := p.vector(class, a.Permissions[:1])
		granted &^= bit
	}
	if granted != av.Allowed {
		t.Fatalf("%v: decided %x, computed %x", a, granted, av.Allowed)
	}
	for _, r := range d.Denied {
		if len(r.Reasons) == 0 {
			t.Fatalf("%v: no reason for %s", a, r.Permission)
		}
		rules, others := 0, 0
		for _, reason := range r.Reasons {
			switch reason.(type) {
			case NoRule, RuleOff:
				rules++
			default:
				others++
			}
		}
		if rules == 0 || others > 0 {
			continue
		}
		// Only rules are to blame: one more cures it.
		cured := with(t, p, AllowRule{a.Source.Type(), a.Target.Type(), a.Class, []string{r.Permission}})
		if got := cured.AccessVector(source, target, Class{p, class}).Allowed; got&^av.Allowed == 0 {
			t.Fatalf("%v: a rule does not cure %s", a, r.Permission)
		}
	}
}

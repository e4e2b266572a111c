package policy

import (
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// reference computes access vectors the slow and plain way, for comparison: by
// going over all rules, and by turning constraints into trees of functions. It
// shares with the engine nothing but the tables of names.
type reference struct {
	p *Policy
}

func (r reference) has(typ, attribute uint32) bool {
	for v := range r.p.db.TypeAttributes[typ-1].All() {
		if v == attribute-1 {
			return true
		}
	}
	return false
}

func (r reference) rules(f func(*policydb.AVRule)) {
	for i := range r.p.db.AVTab {
		f(&r.p.db.AVTab[i])
	}
	for i := range r.p.db.Conditionals {
		c := &r.p.db.Conditionals[i]
		rules := c.False
		if r.holds(c.Expr) {
			rules = c.True
		}
		for j := range rules {
			f(&rules[j])
		}
	}
}

// holds evaluates a conditional from its end: the last term is the root.
func (r reference) holds(expr []policydb.CondTerm) bool {
	at := len(expr)
	var eval func() bool
	eval = func() bool {
		at--
		t := expr[at]
		switch t.Op {
		case policydb.CondBool:
			return r.p.state.booleans[t.Boolean-1]
		case policydb.CondNot:
			return !eval()
		}
		b := eval()
		a := eval()
		return map[policydb.CondOp]bool{
			policydb.CondOr: a || b, policydb.CondAnd: a && b, policydb.CondXor: a != b,
			policydb.CondNeq: a != b, policydb.CondEq: a == b,
		}[t.Op]
	}
	return eval()
}

// level is a level as a plain set.
type level struct {
	sensitivity uint32
	categories  map[uint32]bool
}

func plain(l policydb.Level) level {
	out := level{l.Sensitivity, map[uint32]bool{}}
	for c := range l.Categories.All() {
		out.categories[c] = true
	}
	return out
}

func (a level) dominates(b level) bool {
	for c := range b.categories {
		if !a.categories[c] {
			return false
		}
	}
	return a.sensitivity >= b.sensitivity
}

// constraint evaluates an expression from its end.
func (r reference) constraint(expr []policydb.ConstraintTerm, s, t SID) bool {
	at := len(expr)
	var eval func() bool
	eval = func() bool {
		at--
		term := expr[at]
		switch term.Kind {
		case policydb.ConstraintNot:
			return !eval()
		case policydb.ConstraintAnd:
			a, b := eval(), eval()
			return a && b
		case policydb.ConstraintOr:
			a, b := eval(), eval()
			return a || b
		case policydb.ConstraintNames:
			of := s
			if term.Attr&policydb.AttrTarget != 0 {
				of = t
			}
			v := map[uint32]uint32{policydb.AttrUser: of.user, policydb.AttrRole: of.role, policydb.AttrType: of.typ}[term.Attr&7]
			in := false
			for n := range term.Names.All() {
				in = in || n == v-1
			}
			return in == (term.Op == policydb.OpEq)
		}
		switch term.Attr {
		case policydb.AttrUser:
			return (s.user == t.user) == (term.Op == policydb.OpEq)
		case policydb.AttrType:
			return (s.typ == t.typ) == (term.Op == policydb.OpEq)
		case policydb.AttrRole:
			down := r.p.db.Roles[r.roleIndex(s.role)].Dominates.Has(t.role - 1)
			up := r.p.db.Roles[r.roleIndex(t.role)].Dominates.Has(s.role - 1)
			return map[policydb.ConstraintOp]bool{policydb.OpEq: s.role == t.role, policydb.OpNeq: s.role != t.role,
				policydb.OpDom: down, policydb.OpDomBy: up, policydb.OpIncomp: !up && !down}[term.Op]
		}
		pair := map[uint32][2]policydb.Level{
			policydb.AttrL1L2: {s.low, t.low}, policydb.AttrL1H2: {s.low, t.high}, policydb.AttrH1L2: {s.high, t.low},
			policydb.AttrH1H2: {s.high, t.high}, policydb.AttrL1H1: {s.low, s.high}, policydb.AttrL2H2: {t.low, t.high},
		}[term.Attr]
		down, up := plain(pair[0]).dominates(plain(pair[1])), plain(pair[1]).dominates(plain(pair[0]))
		return map[policydb.ConstraintOp]bool{policydb.OpEq: up && down, policydb.OpNeq: !(up && down),
			policydb.OpDom: down, policydb.OpDomBy: up, policydb.OpIncomp: !up && !down}[term.Op]
	}
	return eval()
}

func (r reference) roleIndex(value uint32) int {
	for i := range r.p.db.Roles {
		if r.p.db.Roles[i].Value == value {
			return i
		}
	}
	return -1
}

func (r reference) vector(s, t SID, class uint32) AccessVector {
	av := AccessVector{AuditDeny: 0xffffffff}
	r.rules(func(rule *policydb.AVRule) {
		if uint32(rule.Class) != class || !r.has(s.typ, uint32(rule.Source)) || !r.has(t.typ, uint32(rule.Target)) {
			return
		}
		switch rule.Kind {
		case policydb.Allow:
			av.Allowed |= rule.Data
		case policydb.AuditAllow:
			av.AuditAllow |= rule.Data
		case policydb.AuditDeny:
			av.AuditDeny &= rule.Data
		}
	})
	var c policydb.Class
	for i := range r.p.db.Classes {
		if r.p.db.Classes[i].Value == class {
			c = r.p.db.Classes[i]
		}
	}
	denied := uint32(0)
	for _, con := range c.Constraints {
		if !r.constraint(con.Expr, s, t) {
			denied |= con.Permissions
		}
	}
	av.Allowed &^= denied
	if c.Name == "process" && s.role != t.role {
		ok := false
		for _, allow := range r.p.db.RoleAllows {
			ok = ok || allow == policydb.RoleAllow{Role: s.role, NewRole: t.role}
		}
		for _, p := range c.Permissions {
			if !ok && (p.Name == "transition" || p.Name == "dyntransition") {
				av.Allowed &^= 1 << (p.Value - 1)
			}
		}
	}
	for _, typ := range r.p.db.Types {
		if typ.Value == s.typ && typ.Bounds != 0 {
			low, lowTarget := s, t
			low.typ = typ.Bounds
			for _, of := range r.p.db.Types {
				if of.Value == t.typ && of.Bounds != 0 {
					lowTarget.typ = of.Bounds
				}
			}
			av.Allowed &= r.vector(low, lowTarget, class).Allowed
		}
	}
	return av
}

// TestAccessVectorReference compares with the slow computation on random
// questions, in random states of the booleans and with rules added.
func TestAccessVectorReference(t *testing.T) {
	for _, name := range []string{"decide.policy", "bounds.policy"} {
		p := openTest(t, name)
		m := newMaker(p, 7)
		granting := 0
		for range 40 {
			changed, err := p.With(m.booleans()...)
			if err != nil {
				t.Fatal(err)
			}
			for range 100 {
				st, tt, class := m.triple()
				source, err1 := changed.SID(m.context(st))
				target, err2 := changed.SID(m.context(tt))
				if err1 != nil || err2 != nil {
					continue
				}
				got := changed.AccessVector(source, target, Class{p, class})
				want := reference{changed}.vector(source, target, class)
				got.Permissive = false
				if got != want {
					t.Fatalf("%s: %v %v %s: %+v, want %+v", name, source.Context(), target.Context(), p.sym.classes[class-1].name, got, want)
				}
				if want.Allowed != 0 {
					granting++
				}
			}
		}
		if granting < 500 {
			t.Errorf("%s: only %d questions were granted anything", name, granting)
		}
	}
}

// TestOverlayReference compares added rules with the same rules in the file.
func TestOverlayReference(t *testing.T) {
	p := openTest(t, "decide.policy")
	m := newMaker(p, 8)
	for range 60 {
		st, tt, class := m.triple()
		if m.IntN(3) == 0 {
			st, tt = p.sym.typeByName["domain"], p.sym.typeByName["file_type"]
		}
		self := m.IntN(4) == 0
		bit := uint32(m.IntN(len(p.sym.classes[class-1].permissions)))
		rule := AllowRule{Source: p.sym.types[st-1].name, Target: p.sym.types[tt-1].name,
			Class: p.sym.classes[class-1].name, Permissions: []string{p.sym.classes[class-1].permissions[bit]}}
		if self {
			rule.Target = "self"
		}
		over, err := p.With(rule)
		if err != nil {
			t.Fatal(err)
		}
		db := *p.db
		db.AVTab = append([]policydb.AVRule(nil), db.AVTab...)
		add := func(s, t uint32) {
			db.AVTab = append(db.AVTab, policydb.AVRule{Source: uint16(s), Target: uint16(t), Class: uint16(class), Kind: policydb.Allow, Data: 1 << bit})
		}
		if self {
			p.eachType(st, func(v uint32) { add(v, v) })
		} else {
			add(st, tt)
		}
		inFile := newPolicy(&db)
		for range 50 {
			s, o := m.context(m.member(st)), m.context(m.member(tt))
			if m.IntN(2) == 0 {
				o = s
			}
			s1, err1 := over.SID(s)
			o1, err2 := over.SID(o)
			if err1 != nil || err2 != nil {
				continue
			}
			s2, _ := inFile.SID(s)
			o2, _ := inFile.SID(o)
			got := over.AccessVector(s1, o1, Class{over, class})
			if want := inFile.AccessVector(s2, o2, Class{inFile, class}); got != want {
				t.Fatalf("%v: %v %v: %+v, want %+v", rule, s, o, got, want)
			}
		}
		x, err := p.Exposure(rule)
		if err != nil {
			t.Fatal(err)
		}
		if want := slowExposure(p, inFile); x.Tuples != want.Tuples || x.Sources != want.Sources || x.Targets != want.Targets || x.Revoked != 0 {
			t.Fatalf("%v: exposure %+v, want %+v", rule, x, want)
		}
	}
}

// slowExposure compares what two policies of the same types allow, all of it.
func slowExposure(before, after *Policy) Exposure {
	var x Exposure
	sources, targets := map[int]bool{}, map[int]bool{}
	for class := range before.sym.classes {
		for s := range before.sym.types {
			for t := range before.sym.types {
				if before.sym.types[s].attribute || before.sym.types[t].attribute || before.sym.types[s].name == "" || before.sym.types[t].name == "" {
					continue
				}
				had, _, _ := before.typeEnforcement(uint32(s+1), uint32(t+1), uint32(class+1))
				has, _, _ := after.typeEnforcement(uint32(s+1), uint32(t+1), uint32(class+1))
				for bit := range before.sym.classes[class].permissions {
					switch mask := uint32(1) << bit; {
					case has&^had&mask != 0:
						x.Tuples++
						sources[s], targets[t] = true, true
					case had&^has&mask != 0:
						x.Revoked++
					}
				}
			}
		}
	}
	x.Sources, x.Targets = len(sources), len(targets)
	return x
}

// TestExposureReference compares with the slow count for all booleans in
// random states.
func TestExposureReference(t *testing.T) {
	p := openTest(t, "decide.policy")
	m := newMaker(p, 9)
	some := 0
	for range 30 {
		before, err := p.With(m.booleans()...)
		if err != nil {
			t.Fatal(err)
		}
		changes := m.booleans()
		after, err := before.With(changes...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := before.Exposure(changes...)
		if err != nil {
			t.Fatal(err)
		}
		want := slowExposure(before, after)
		if got.Tuples != want.Tuples || got.Revoked != want.Revoked || got.Sources != want.Sources || got.Targets != want.Targets {
			t.Errorf("%v: %+v, want %+v", changes, got, want)
		}
		if want.Tuples > 0 {
			some++
		}
	}
	if some == 0 {
		t.Error("no change opened anything")
	}
}

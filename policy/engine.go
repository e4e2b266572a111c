package policy

import (
	"sort"
	"sync"

	"github.com/sekit/sekit/internal/policydb"
)

// engine is what decisions need beyond the decoded policy. It depends on the
// file alone, is made at the first decision and shared by all that With makes.
type engine struct {
	db  *policydb.Policy
	sym *symbols

	avOnce sync.Once
	avs    *avIndex // allow, auditallow, dontaudit

	xpermOnce sync.Once
	xperms    *avIndex

	typeOnce sync.Once
	types    *avIndex // type_transition without a name, type_member, type_change

	nameOnce sync.Once
	names    map[nameKey][]int32 // in db.NameTransitions

	// condBase[i] is the number of the first rule of conditional i: rules are
	// numbered through the unconditional ones, then through each conditional's
	// true and false rules.
	condOnce sync.Once
	condBase []uint32

	processClass uint32 // or 0
	transitions  uint32 // the permissions transition and dyntransition of process
	sockets      []bool // by class value-1
}

func newEngine(db *policydb.Policy, sym *symbols) *engine {
	e := &engine{db: db, sym: sym, sockets: make([]bool, len(sym.classes))}
	e.processClass = sym.classByName["process"]
	if e.processClass != 0 {
		perms := sym.classes[e.processClass-1].permByName
		e.transitions = perms["transition"] | perms["dyntransition"]
	}
	for i := range sym.classes {
		e.sockets[i] = isSocketClass(sym.classes[i].name)
	}
	return e
}

// av returns the index of the allow, auditallow and dontaudit rules; nil if
// there are none.
func (e *engine) av() *avIndex {
	e.avOnce.Do(func() {
		e.avs = newAVIndex(e, policydb.Allow|policydb.AuditAllow|policydb.AuditDeny)
	})
	return e.avs
}

// xperm returns the index of the extended permission rules; nil if there are
// none.
func (e *engine) xperm() *avIndex {
	e.xpermOnce.Do(func() { e.xperms = newAVIndex(e, policydb.XPermsKinds) })
	return e.xperms
}

// typeRules returns the index of the rules that give a type; nil if there are
// none.
func (e *engine) typeRules() *avIndex {
	e.typeOnce.Do(func() { e.types = newAVIndex(e, policydb.TypeKinds) })
	return e.types
}

// named returns the type_transition rules with a name.
func (e *engine) named() map[nameKey][]int32 {
	e.nameOnce.Do(func() {
		e.names = make(map[nameKey][]int32, len(e.db.NameTransitions))
		for i := range e.db.NameTransitions {
			t := &e.db.NameTransitions[i]
			k := nameKey{t.Target, t.Class, t.Name}
			e.names[k] = append(e.names[k], int32(i))
		}
	})
	return e.names
}

// collect numbers and packs the rules of the given kinds.
func (e *engine) collect(kinds policydb.AVKind) []packedRule {
	var out []packedRule
	if kinds&policydb.Allow != 0 {
		out = make([]packedRule, 0, len(e.db.AVTab)+len(e.db.AVTab)/4)
	}
	add := func(rules []policydb.AVRule, number, branch uint32) uint32 {
		for i := range rules {
			if rules[i].Kind&kinds != 0 {
				out = append(out, packRule(&rules[i], number+uint32(i), branch))
			}
		}
		return number + uint32(len(rules))
	}
	n := add(e.db.AVTab, 0, noBranch)
	for i := range e.db.Conditionals {
		c := &e.db.Conditionals[i]
		n = add(c.True, n, branchKey(i, true))
		n = add(c.False, n, branchKey(i, false))
	}
	return out
}

// rule returns the rule with a number and branch, as collect gave them.
func (e *engine) rule(number, branch uint32) *policydb.AVRule {
	if branch == noBranch {
		return &e.db.AVTab[number]
	}
	index, isTrue := branchOf(branch)
	c := &e.db.Conditionals[index]
	n := number - e.base(index)
	if isTrue {
		return &c.True[n]
	}
	return &c.False[int(n)-len(c.True)]
}

// base returns the number of the first rule of a conditional.
func (e *engine) base(index int) uint32 {
	e.condOnce.Do(func() {
		n := uint32(len(e.db.AVTab))
		e.condBase = make([]uint32, len(e.db.Conditionals))
		for i := range e.db.Conditionals {
			e.condBase[i] = n
			n += uint32(len(e.db.Conditionals[i].True) + len(e.db.Conditionals[i].False))
		}
	})
	return e.condBase[index]
}

// ruleNumbered returns the rule with a number, and its branch.
func (e *engine) ruleNumbered(number uint32) (*policydb.AVRule, uint32) {
	if int(number) < len(e.db.AVTab) {
		return &e.db.AVTab[number], noBranch
	}
	index := sort.Search(len(e.db.Conditionals), func(i int) bool { return e.base(i) > number }) - 1
	branch := branchKey(index, int(number-e.base(index)) < len(e.db.Conditionals[index].True))
	return e.rule(number, branch), branch
}

// ruleNumber finds the number of a rule of p's file.
func (p *Policy) ruleNumber(r Rule) (uint32, bool) {
	if r.p == nil || r.p.db != p.db {
		return 0, false
	}
	if r.cond.p == nil {
		return indexIn(p.db.AVTab, r.rule)
	}
	c := &p.db.Conditionals[r.cond.index]
	base := p.engine.base(r.cond.index)
	if n, ok := indexIn(c.True, r.rule); ok {
		return base + n, true
	}
	n, ok := indexIn(c.False, r.rule)
	return base + uint32(len(c.True)) + n, ok
}

// indexIn finds an element of a slice by its address.
func indexIn(rules []policydb.AVRule, r *policydb.AVRule) (uint32, bool) {
	for i := range rules {
		if &rules[i] == r {
			return uint32(i), true
		}
	}
	return 0, false
}

// ruleHandle makes the public handle of an entry's rule.
func (p *Policy) ruleHandle(e *avEntry) Rule {
	r := Rule{p: p, rule: p.engine.rule(e.rule, e.branch)}
	if e.branch != noBranch {
		index, branch := branchOf(e.branch)
		r.cond = Condition{p, index, branch}
	}
	return r
}

package policy

import "github.com/sekit/sekit/internal/policydb"

// ruleIndex finds the rules of the access vector tables by their source and by
// their target. It is made when the first search wants it.
//
// A rule's number is its place among all such rules of the policy: those that
// always hold first, as the file has them, then the conditional ones.
type ruleIndex struct {
	always      []policydb.AVRule
	conditional []conditionalRule
	bySource    valueIndex
	byTarget    valueIndex
}

type conditionalRule struct {
	rule   *policydb.AVRule
	index  int32 // in db.Conditionals
	branch bool
}

// valueIndex holds the numbers of the rules that have a type or attribute,
// ascending.
type valueIndex struct {
	start   []uint32 // by value: the first one in numbers
	numbers []uint32
}

func (x *valueIndex) of(value uint32) []uint32 {
	return x.numbers[x.start[value]:x.start[value+1]]
}

func (p *Policy) rules() *ruleIndex {
	s := p.sym
	s.rulesOnce.Do(func() { s.rules = newRuleIndex(p.db) })
	return s.rules
}

func newRuleIndex(db *policydb.Policy) *ruleIndex {
	x := &ruleIndex{always: db.AVTab}
	n := 0
	for i := range db.Conditionals {
		n += len(db.Conditionals[i].True) + len(db.Conditionals[i].False)
	}
	x.conditional = make([]conditionalRule, 0, n)
	for i := range db.Conditionals {
		c := &db.Conditionals[i]
		for j := range c.True {
			x.conditional = append(x.conditional, conditionalRule{&c.True[j], int32(i), true})
		}
		for j := range c.False {
			x.conditional = append(x.conditional, conditionalRule{&c.False[j], int32(i), false})
		}
	}
	x.bySource = x.newValueIndex(db.NumTypes, func(r *policydb.AVRule) uint16 { return r.Source })
	x.byTarget = x.newValueIndex(db.NumTypes, func(r *policydb.AVRule) uint16 { return r.Target })
	return x
}

// newValueIndex sorts the rules into one list for each value, counting first.
func (x *ruleIndex) newValueIndex(values uint32, value func(*policydb.AVRule) uint16) valueIndex {
	start := make([]uint32, values+2)
	n := uint32(x.len())
	for i := range n {
		start[value(x.at(i))+1]++
	}
	for v := 1; v < len(start); v++ {
		start[v] += start[v-1]
	}
	numbers := make([]uint32, n)
	next := append([]uint32(nil), start...)
	for i := range n {
		v := value(x.at(i))
		numbers[next[v]] = i
		next[v]++
	}
	return valueIndex{start, numbers}
}

func (x *ruleIndex) len() int { return len(x.always) + len(x.conditional) }

func (x *ruleIndex) at(number uint32) *policydb.AVRule {
	if int(number) < len(x.always) {
		return &x.always[number]
	}
	return x.conditional[int(number)-len(x.always)].rule
}

// rule returns the rule with that number.
func (x *ruleIndex) rule(p *Policy, number uint32) Rule {
	if int(number) < len(x.always) {
		return Rule{p: p, rule: &x.always[number]}
	}
	c := x.conditional[int(number)-len(x.always)]
	return Rule{p: p, rule: c.rule, cond: Condition{p, int(c.index), c.branch}}
}

// branch returns the branch key of a rule's condition.
func (x *ruleIndex) branch(number uint32) uint32 {
	i := int(number) - len(x.always)
	if i < 0 {
		return noBranch
	}
	return branchKey(int(x.conditional[i].index), x.conditional[i].branch)
}

// isRemoved reports whether With removed a rule of the access vector tables.
func (p *Policy) isRemoved(r Rule) bool {
	if p.over == nil || p.over.removed == nil {
		return false
	}
	n, ok := p.ruleNumber(r)
	return ok && p.over.isRemoved(n)
}

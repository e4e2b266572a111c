package policy

import "github.com/sekit/sekit/internal/policydb"

// state is a setting of all booleans and what follows from it: which branches
// of which conditionals hold. It is never changed once made.
type state struct {
	booleans []bool // by value-1
	// on says whether the rules under a branch hold, by branchKey. The entry
	// for noBranch is true: rules outside any conditional always hold.
	on []bool
}

// noBranch is the branch key of the rules that have no condition.
const noBranch = 0

// branchKey numbers the branches of all conditionals.
func branchKey(index int, branch bool) uint32 {
	if branch {
		return uint32(2*index + 2)
	}
	return uint32(2*index + 1)
}

// branchOf undoes branchKey; key is not noBranch.
func branchOf(key uint32) (index int, branch bool) {
	return int(key-1) / 2, key%2 == 0
}

// maxCondDepth is how deep the kernel's evaluation of a conditional goes
// (COND_EXPR_MAXDEPTH).
const maxCondDepth = 10

// defaultState is the state the policy file holds.
func defaultState(db *policydb.Policy) *state {
	booleans := make([]bool, db.NumBooleans)
	for i := range db.Booleans {
		booleans[db.Booleans[i].Value-1] = db.Booleans[i].State
	}
	return newState(db, booleans)
}

func newState(db *policydb.Policy, booleans []bool) *state {
	st := &state{booleans: booleans, on: make([]bool, 2*len(db.Conditionals)+1)}
	st.on[noBranch] = true
	for i := range db.Conditionals {
		value, ok := evalCond(db.Conditionals[i].Expr, booleans)
		// An expression that cannot be evaluated turns both branches off, as
		// in the kernel's evaluate_cond_node.
		st.on[branchKey(i, true)] = ok && value
		st.on[branchKey(i, false)] = ok && !value
	}
	return st
}

// evalCond is the kernel's cond_evaluate_expr: false, false for an expression
// that is malformed or too deep.
func evalCond(expr []policydb.CondTerm, booleans []bool) (value, ok bool) {
	var stack [maxCondDepth]bool
	n := 0
	for _, term := range expr {
		switch {
		case term.Op == policydb.CondBool:
			if n == maxCondDepth || term.Boolean == 0 || int(term.Boolean) > len(booleans) {
				return false, false
			}
			stack[n] = booleans[term.Boolean-1]
			n++
			continue
		case term.Op == policydb.CondNot && n >= 1:
			stack[n-1] = !stack[n-1]
			continue
		case n < 2:
			return false, false
		}
		a, b := stack[n-2], stack[n-1]
		n--
		switch term.Op {
		case policydb.CondOr:
			stack[n-1] = a || b
		case policydb.CondAnd:
			stack[n-1] = a && b
		case policydb.CondXor, policydb.CondNeq:
			stack[n-1] = a != b
		case policydb.CondEq:
			stack[n-1] = a == b
		default:
			return false, false
		}
	}
	return stack[0], n >= 1
}

// booleanState returns the state of the boolean with that value.
func (p *Policy) booleanState(value uint32) bool { return p.state.booleans[value-1] }

// branchHolds reports whether the rules under a branch of a conditional hold.
func (p *Policy) branchHolds(index int, branch bool) bool {
	return p.state.on[branchKey(index, branch)]
}

// Holds reports whether the condition is met by the booleans of its policy.
func (c Condition) Holds() bool { return c.p != nil && c.p.branchHolds(c.index, c.branch) }

// condBooleans returns the values of the booleans in a conditional, each once,
// in the order of their first mention.
func condBooleans(expr []policydb.CondTerm) []uint32 {
	var values []uint32
next:
	for _, term := range expr {
		if term.Op != policydb.CondBool {
			continue
		}
		for _, v := range values {
			if v == term.Boolean {
				continue next
			}
		}
		values = append(values, term.Boolean)
	}
	return values
}

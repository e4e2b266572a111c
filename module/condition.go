package module

import (
	"errors"
	"fmt"

	"github.com/sekit/sekit/internal/policydb"
)

// Operator is an operator of a condition.
type Operator uint8

const (
	OpNot Operator = iota + 1
	OpAnd
	OpOr
	OpXor
	OpEqual
	OpNotEqual
)

// Condition is an expression over booleans: the boolean or tunable that it
// names, or an operator with its operands.
type Condition struct {
	Boolean     string // set if Operator is 0
	Operator    Operator
	Left, Right *Condition // OpNot has Left alone
}

// When returns the condition that a boolean or tunable is on.
func When(boolean string) *Condition { return &Condition{Boolean: boolean} }

// Not returns the opposite of a condition.
func Not(c *Condition) *Condition { return &Condition{Operator: OpNot, Left: c} }

// And returns the condition that both hold.
func And(a, b *Condition) *Condition { return &Condition{Operator: OpAnd, Left: a, Right: b} }

// Or returns the condition that one of them holds.
func Or(a, b *Condition) *Condition { return &Condition{Operator: OpOr, Left: a, Right: b} }

// maxDepth limits how deep conditions, sets and blocks nest.
const maxDepth = 64

// maxTerms limits what the evaluation of a condition holds at a time
// (COND_EXPR_MAXDEPTH in libsepol).
const maxTerms = 10

var errCondition = errors.New("incomplete condition")

// terms returns the condition in reverse Polish order.
func (c *Condition) terms(out []policydb.CondTerm, depth int, value func(string) (uint32, error)) ([]policydb.CondTerm, error) {
	if c == nil {
		return nil, errCondition
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("condition deeper than %d", maxDepth)
	}
	if c.Operator == 0 {
		v, err := value(c.Boolean)
		return append(out, policydb.CondTerm{Op: policydb.CondBool, Boolean: v}), err
	}
	if c.Operator > OpNotEqual || c.Operator == OpNot && c.Right != nil {
		return nil, errCondition
	}
	out, err := c.Left.terms(out, depth+1, value)
	if err == nil && c.Operator != OpNot {
		out, err = c.Right.terms(out, depth+1, value)
	}
	return append(out, policydb.CondTerm{Op: condOps[c.Operator]}), err
}

var condOps = [...]policydb.CondOp{OpNot: policydb.CondNot, OpAnd: policydb.CondAnd, OpOr: policydb.CondOr,
	OpXor: policydb.CondXor, OpEqual: policydb.CondEq, OpNotEqual: policydb.CondNeq}

// booleans calls f for each name.
func (c *Condition) booleans(f func(string), depth int) {
	if c == nil || depth > maxDepth {
		return
	}
	if c.Operator == 0 {
		f(c.Boolean)
	}
	c.Left.booleans(f, depth+1)
	c.Right.booleans(f, depth+1)
}

// String returns the condition in the module language.
func (c *Condition) String() string { return string(c.append(nil, 0)) }

var opText = [...]string{OpNot: "!", OpAnd: "&&", OpOr: "||", OpXor: "^", OpEqual: "==", OpNotEqual: "!="}

// append writes the condition with all the parentheses that any reading of
// the operators' order could want.
func (c *Condition) append(b []byte, depth int) []byte {
	switch {
	case c == nil || c.Operator > OpNotEqual || depth > maxDepth:
		return append(b, '?')
	case c.Operator == 0:
		return append(b, c.Boolean...)
	case c.Operator == OpNot:
		return c.Left.appendOperand(append(b, '!'), depth)
	}
	b = c.Left.appendOperand(b, depth)
	b = append(append(append(b, ' '), opText[c.Operator]...), ' ')
	return c.Right.appendOperand(b, depth)
}

func (c *Condition) appendOperand(b []byte, depth int) []byte {
	if c == nil || c.Operator == 0 || c.Operator == OpNot {
		return c.append(b, depth+1)
	}
	return append(c.append(append(b, '('), depth+1), ')')
}

// evaluate returns the value of terms that are in order, for states of the
// booleans by their value.
func evaluate(terms []policydb.CondTerm, state func(uint32) bool) bool {
	stack := make([]bool, 0, maxTerms)
	for _, t := range terms {
		n := len(stack)
		switch t.Op {
		case policydb.CondBool:
			stack = append(stack, state(t.Boolean))
			continue
		case policydb.CondNot:
			stack[n-1] = !stack[n-1]
			continue
		case policydb.CondAnd:
			stack[n-2] = stack[n-2] && stack[n-1]
		case policydb.CondOr:
			stack[n-2] = stack[n-2] || stack[n-1]
		case policydb.CondXor, policydb.CondNeq:
			stack[n-2] = stack[n-2] != stack[n-1]
		case policydb.CondEq:
			stack[n-2] = stack[n-2] == stack[n-1]
		}
		stack = stack[:n-1]
	}
	return stack[0]
}

// checkTerms says whether the evaluation of terms stays in its bounds.
func checkTerms(terms []policydb.CondTerm) error {
	depth := 0
	for _, t := range terms {
		switch t.Op {
		case policydb.CondBool:
			if depth++; depth > maxTerms {
				return fmt.Errorf("condition with more than %d values at a time", maxTerms)
			}
		case policydb.CondNot:
		default:
			depth--
		}
	}
	return nil
}

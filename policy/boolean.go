package policy

import (
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// Boolean is a boolean of a policy: a switch for conditional rules. It is a
// small handle, comparable within one Policy; the zero Boolean is not valid.
type Boolean struct {
	p     *Policy
	value uint32 // 1-based
}

// Booleans lists the booleans, in the order of their names.
func (p *Policy) Booleans() iter.Seq[Boolean] {
	return func(yield func(Boolean) bool) {
		for _, v := range sortedValues(len(p.sym.booleans), func(i int) string { return p.sym.booleans[i] }) {
			if !yield(Boolean{p, v}) {
				return
			}
		}
	}
}

// Boolean finds a boolean by its name, or returns a [*NameError].
func (p *Policy) Boolean(name string) (Boolean, error) {
	v, ok := p.sym.booleanByName[name]
	if !ok {
		return Boolean{}, &NameError{"boolean", name}
	}
	return Boolean{p, v}, nil
}

// Name returns the boolean's name.
func (b Boolean) Name() string {
	if b.p == nil {
		return ""
	}
	return b.p.sym.booleans[b.value-1]
}

// String returns the boolean's name.
func (b Boolean) String() string { return b.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (b Boolean) MarshalText() ([]byte, error) { return []byte(b.Name()), nil }

// Default returns the value that the policy file holds. In the running
// system's policy, which the kernel writes out, that is the value that the
// boolean had when the file was read.
func (b Boolean) Default() bool {
	i := slices.IndexFunc(b.p.db.Booleans, func(d policydb.Boolean) bool { return d.Value == b.value })
	return i >= 0 && b.p.db.Booleans[i].State
}

// State returns the value that the Policy has for the boolean: the default,
// unless [Policy.With] changed it.
func (b Boolean) State() bool { return b.p.booleanState(b.value) }

// Statement returns the bool statement, with the default.
func (b Boolean) Statement() string {
	if b.Default() {
		return "bool " + b.Name() + " true;"
	}
	return "bool " + b.Name() + " false;"
}

// Conditions lists the conditions that the boolean is part of: of each if
// statement the one for its rules and, if it has any, the one for its else
// rules.
func (b Boolean) Conditions() iter.Seq[Condition] {
	return func(yield func(Condition) bool) {
		for c := range b.p.Conditions() {
			if c.uses(b.value) && !yield(c) {
				return
			}
		}
	}
}

// Rules lists the rules that depend on the boolean, alone or together with
// others, in both branches; their conditions say how.
func (b Boolean) Rules() iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		for c := range b.Conditions() {
			for r := range c.Rules() {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// Conditions lists the conditions of all conditional rules: of each if
// statement the one for its rules and the one for its else rules, as far as it
// has such rules, in the order of the policy.
func (p *Policy) Conditions() iter.Seq[Condition] {
	return func(yield func(Condition) bool) {
		for i := range p.db.Conditionals {
			c := &p.db.Conditionals[i]
			if len(c.True) > 0 && !yield(Condition{p, i, true}) {
				return
			}
			if len(c.False) > 0 && !yield(Condition{p, i, false}) {
				return
			}
		}
	}
}

// Condition is the condition of a conditional rule: the expression of an if
// statement over booleans, and the branch that must be taken. It is a small
// handle, comparable within one Policy; the zero Condition is not valid.
type Condition struct {
	p      *Policy
	index  int  // in db.Conditionals
	branch bool // true: the expression must be true
}

func (c Condition) cond() *policydb.Conditional { return &c.p.db.Conditionals[c.index] }

// Branch returns what the expression must be for the rules to hold: true for
// those after if, false for those after else.
func (c Condition) Branch() bool { return c.branch }

// Expression returns the expression as a policy has it, in SETools' notation:
// the operators ! && ^ || == != and names of booleans.
func (c Condition) Expression() string { return c.p.condExpressions()[c.index] }

// String returns the expression and the branch as sesearch prints them behind
// a rule: [ allow_ypbind && httpd_enable_cgi ]:True.
func (c Condition) String() string { return string(c.append(nil)) }

// MarshalText implements [encoding.TextMarshaler], as String.
func (c Condition) MarshalText() ([]byte, error) { return c.append(nil), nil }

func (c Condition) append(b []byte) []byte {
	if c.p == nil {
		return b
	}
	b = append(b, "[ "...)
	b = append(b, c.Expression()...)
	if c.branch {
		return append(b, " ]:True"...)
	}
	return append(b, " ]:False"...)
}

// Booleans returns the names of the booleans in the expression, sorted.
func (c Condition) Booleans() []string {
	values := condBooleans(c.cond().Expr)
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = c.p.sym.booleans[v-1]
	}
	slices.Sort(names)
	return names
}

func (c Condition) uses(boolean uint32) bool {
	return slices.Contains(condBooleans(c.cond().Expr), boolean)
}

// Eval reports whether the rules hold when the booleans have the values that
// the function gives for their names.
func (c Condition) Eval(value func(boolean string) bool) bool {
	booleans := make([]bool, len(c.p.sym.booleans))
	for _, v := range condBooleans(c.cond().Expr) {
		booleans[v-1] = value(c.p.sym.booleans[v-1])
	}
	result, ok := evalCond(c.cond().Expr, booleans)
	return ok && result == c.branch
}

// Rules lists the rules that hold when the condition does.
func (c Condition) Rules() iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		rules := c.cond().True
		if !c.branch {
			rules = c.cond().False
		}
		for i := range rules {
			r := Rule{p: c.p, rule: &rules[i], cond: c}
			if c.p.isRemoved(r) {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

// condOperand is a part of an expression that is being written.
type condOperand struct {
	text       string
	precedence int // of the operator outside any parentheses; 6 for none
}

// condPrecedence is how strongly operators bind (checkpolicy's grammar).
func condPrecedence(op policydb.CondOp) (precedence int, text string) {
	switch op {
	case policydb.CondNot:
		return 5, "!"
	case policydb.CondEq:
		return 4, "=="
	case policydb.CondNeq:
		return 4, "!="
	case policydb.CondAnd:
		return 3, "&&"
	case policydb.CondXor:
		return 2, "^"
	case policydb.CondOr:
		return 1, "||"
	}
	return 0, "?"
}

// condExpressions returns the text of each conditional's expression: rules that
// are printed ask for them again and again.
func (p *Policy) condExpressions() []string {
	s := p.sym
	s.condTextsOnce.Do(func() {
		s.condTexts = make([]string, len(p.db.Conditionals))
		for i := range s.condTexts {
			s.condTexts[i] = p.condExpression(p.db.Conditionals[i].Expr)
		}
	})
	return s.condTexts
}

// condExpression writes an expression in infix notation, with the order of
// operands and the parentheses that SETools has, so that lines compare equal.
// SETools leaves out parentheses that are needed, for instance in
// (a || b) && c; here they are written.
func (p *Policy) condExpression(expr []policydb.CondTerm) string {
	var stack []condOperand
	previous := 5
	for _, t := range expr {
		precedence, op := condPrecedence(t.Op)
		n := len(stack)
		switch {
		case t.Op == policydb.CondBool:
			stack = append(stack, condOperand{p.sym.booleans[t.Boolean-1], 6})
			continue
		case t.Op == policydb.CondNot && n >= 1:
			x := stack[n-1]
			if x.precedence == 6 && !strings.HasPrefix(x.text, "( ") {
				x.text = "! " + x.text
			} else {
				x.text = "! ( " + x.text + " )"
			}
			stack[n-1] = condOperand{x.text, precedence}
		case n < 2:
			return ""
		default:
			left, right := stack[n-1].within(precedence), stack[n-2].within(precedence)
			x := condOperand{left + " " + op + " " + right, precedence}
			if previous <= precedence {
				x = condOperand{"( " + x.text + " )", 6}
			}
			stack = append(stack[:n-2], x)
		}
		previous = precedence
	}
	if len(stack) != 1 {
		return ""
	}
	return stack[0].text
}

// within returns the operand's text as an operand of an operator that binds
// with the given precedence.
func (o condOperand) within(precedence int) string {
	if o.precedence < precedence {
		return "( " + o.text + " )"
	}
	return o.text
}

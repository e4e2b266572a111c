package policy

import (
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// Constraints lists the constraints, in the order of their classes' names and,
// within a class, of the policy: validatetrans statements last.
func (p *Policy) Constraints() iter.Seq[Constraint] {
	return func(yield func(Constraint) bool) {
		for c := range p.Classes() {
			for con := range c.Constraints() {
				if !yield(con) {
					return
				}
			}
		}
	}
}

// Constraints lists the constraints of the class in the order of the policy,
// validatetrans statements last.
func (c Class) Constraints() iter.Seq[Constraint] {
	return func(yield func(Constraint) bool) {
		db := c.info().class
		for i := range db.Constraints {
			if !yield(Constraint{c.p, c.value, i, false}) {
				return
			}
		}
		for i := range db.ValidateTrans {
			if !yield(Constraint{c.p, c.value, i, true}) {
				return
			}
		}
	}
}

// Kind returns constrain, mlsconstrain, validatetrans or mlsvalidatetrans.
func (c Constraint) Kind() string {
	kind := "constrain"
	if c.validate {
		kind = "validatetrans"
	}
	if c.MLS() {
		kind = "mls" + kind
	}
	return kind
}

// Expression returns the expression as a policy has it: names of users, roles,
// types and attributes as they were written, as far as the policy holds that
// (version 29; before that attributes are expanded).
func (c Constraint) Expression() string { return c.p.constraintExpression(c.node().Expr) }

// Statement returns the statement, with the permissions sorted.
func (c Constraint) Statement() string {
	if c.p == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(c.Kind())
	b.WriteByte(' ')
	b.WriteString(c.Class())
	b.WriteByte(' ')
	if !c.validate {
		writeNames(&b, c.p.sym.classes[c.class-1].names(c.node().Permissions))
		b.WriteByte(' ')
	}
	b.WriteByte('(')
	b.WriteString(c.Expression())
	b.WriteString(");")
	return b.String()
}

// String returns the statement.
func (c Constraint) String() string { return c.Statement() }

// MarshalText implements [encoding.TextMarshaler], as String.
func (c Constraint) MarshalText() ([]byte, error) { return []byte(c.Statement()), nil }

// constraintPrecedence is how strongly operators of constraints bind
// (checkpolicy's grammar); 4 for a comparison, which needs no parentheses.
func constraintPrecedence(k policydb.ConstraintKind) (precedence int, text string) {
	switch k {
	case policydb.ConstraintNot:
		return 3, "not"
	case policydb.ConstraintAnd:
		return 2, "and"
	case policydb.ConstraintOr:
		return 1, "or"
	}
	return 4, ""
}

// constraintExpression writes an expression in infix notation, with
// parentheses where they are needed. It returns the empty string for one that
// is not well-formed.
func (p *Policy) constraintExpression(expr []policydb.ConstraintTerm) string {
	var stack []condOperand
	for i := range expr {
		t := &expr[i]
		precedence, op := constraintPrecedence(t.Kind)
		n := len(stack)
		switch {
		case op == "":
			stack = append(stack, condOperand{p.constraintTerm(t), precedence})
		case n < 1 || n < 2 && t.Kind != policydb.ConstraintNot:
			return ""
		case t.Kind == policydb.ConstraintNot:
			// A comparison is put in parentheses as well, for the reader: not
			// u1 == u2 looks like a comparison of (not u1).
			stack[n-1] = condOperand{"not ( " + stack[n-1].text + " )", precedence}
		default:
			left, right := stack[n-2].within(precedence), stack[n-1].within(precedence)
			stack = append(stack[:n-2], condOperand{left + " " + op + " " + right, precedence})
		}
	}
	if len(stack) != 1 {
		return ""
	}
	return stack[0].text
}

// constraintTerm writes a comparison: u1 == u2, t1 == { a b }, l1 dom l2.
func (p *Policy) constraintTerm(t *policydb.ConstraintTerm) string {
	left, right := sides(t)
	op := opText(t)
	switch {
	case t.Kind == policydb.ConstraintNames:
		right = p.constraintNames(t)
	case t.Op == policydb.OpEq:
		op = "==" // opText's eq is libsepol's word for levels, not a policy's
	}
	return left + " " + op + " " + right
}

// constraintNames writes the set of names of a term.
func (p *Policy) constraintNames(t *policydb.ConstraintTerm) string {
	var b strings.Builder
	switch {
	case t.Attr&policydb.AttrUser != 0:
		p.writeValues(&b, t.Names, p.userNameAt, len(p.sym.users))
	case t.Attr&policydb.AttrRole != 0:
		p.writeValues(&b, t.Names, p.roleNameAt, len(p.sym.roles))
	case p.db.Version >= constraintNamesVersion:
		p.writeTypeSet(&b, &t.TypeNames)
	default:
		p.writeValues(&b, t.Names, p.typeNameAt, len(p.sym.types))
	}
	return b.String()
}

// Flags of a policydb.TypeSet.
const (
	typeSetAll        = 1
	typeSetComplement = 2
)

func (p *Policy) typeNameAt(i int) string { return p.sym.types[i].name }

func (p *Policy) writeTypeSet(b *strings.Builder, s *policydb.TypeSet) {
	if s.Flags&typeSetComplement != 0 {
		b.WriteByte('~')
	}
	if s.Flags&typeSetAll != 0 && s.NegSet.IsEmpty() {
		b.WriteByte('*')
		return
	}
	names := setNames(s.Types, p.typeNameAt, len(p.sym.types))
	if s.Flags&typeSetAll != 0 {
		names = []string{"*"}
	}
	for _, n := range setNames(s.NegSet, p.typeNameAt, len(p.sym.types)) {
		names = append(names, "-"+n)
	}
	writeNames(b, names)
}

func (p *Policy) writeValues(b *strings.Builder, set policydb.Bitmap, name func(int) string, n int) {
	writeNames(b, setNames(set, name, n))
}

// setNames returns the names of the values in a set, sorted.
func setNames(set policydb.Bitmap, name func(int) string, n int) []string {
	var names []string
	for i := range set.All() {
		if int(i) < n && name(int(i)) != "" {
			names = append(names, name(int(i)))
		}
	}
	slices.Sort(names)
	return names
}

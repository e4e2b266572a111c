package policy

import (
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// Constraint is a constrain, mlsconstrain, validatetrans or mlsvalidatetrans
// statement of a policy, for one class: what must be true of the contexts,
// whatever the rules allow. It is a small handle, comparable within one Policy;
// the zero Constraint is not valid.
type Constraint struct {
	p        *Policy
	class    uint32
	index    int  // in the class's Constraints, or its ValidateTrans
	validate bool // in its ValidateTrans
}

func (c Constraint) node() *policydb.Constraint {
	class := c.p.sym.classes[c.class-1].class
	if c.validate {
		return &class.ValidateTrans[c.index]
	}
	return &class.Constraints[c.index]
}

// Class returns the name of the class.
func (c Constraint) Class() string { return c.p.sym.classes[c.class-1].name }

// Permissions returns the permissions that the constraint must grant, in the
// order of their bits. A validatetrans has none: it is about changes of an
// object's context.
func (c Constraint) Permissions() []string {
	return c.p.permissionsOf(c.class, c.node().Permissions)
}

// MLS reports whether the constraint compares levels: an mlsconstrain
// or mlsvalidatetrans statement. The policy file does not tell these apart from
// the others by anything else.
func (c Constraint) MLS() bool { return comparesLevels(c.node().Expr) }

func comparesLevels(expr []policydb.ConstraintTerm) bool {
	for i := range expr {
		if expr[i].Kind == policydb.ConstraintAttr && expr[i].Attr >= policydb.AttrL1L2 {
			return true
		}
	}
	return false
}

// ConstraintFailed says that a constraint doesn't hold: no allow rule can
// grant the permission to these contexts.
type ConstraintFailed struct {
	Constraint Constraint
	// Expr is the constraint's expression with the value of each part.
	Expr ConstraintNode
}

// ConstraintNode is a part of a constraint's expression as evaluated for two
// contexts: either an operator over its operands or a comparison.
type ConstraintNode struct {
	Op       string           `json:"op"`                 // "and", "or", "not", or that of a comparison: "==", "!=", "eq", "dom", "domby", "incomp"
	Operands []ConstraintNode `json:"operands,omitempty"` // of and, or (two) and not (one)
	Value    bool             `json:"value"`              // whether this part holds

	// Of a comparison, the two sides as written: "u1", "t2", "h1"; Right may
	// be a set of names instead, then Names is not nil.
	Left  string   `json:"left,omitempty"`
	Right string   `json:"right,omitempty"`
	Names []string `json:"names,omitempty"`
	// What the sides stand for in the access decided.
	LeftValue  string `json:"left_value,omitempty"`
	RightValue string `json:"right_value,omitempty"`
}

func (ConstraintFailed) isReason() {}

// Kind returns "constraint".
func (ConstraintFailed) Kind() string { return "constraint" }

// String names the constraint and the comparisons that fail.
func (r ConstraintFailed) String() string {
	s := "a constraint forbids it: " + r.Constraint.Kind() + " " + r.Constraint.Class()
	if wants := r.Expr.wanting(); wants != "" {
		s += ", which takes " + wants
	}
	return s
}

// wanting says what would have to hold for an expression that doesn't: of two
// sides that both have to, the one that doesn't (or both), of two that suffice
// each, either. What holds already is left out.
func (n *ConstraintNode) wanting() string {
	var parts []string
	switch n.Op {
	case "":
		return ""
	case "and", "or":
		for i := range n.Operands {
			side := &n.Operands[i]
			if side.Value {
				continue
			}
			text := side.wanting()
			if side.Op == "or" && n.Op == "and" || side.Op == "and" && n.Op == "or" {
				if strings.Contains(text, " "+side.Op+" ") {
					text = "(" + text + ")"
				}
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, " "+n.Op+" ")
	case "not":
		return "not (" + n.Operands[0].text() + ")"
	}
	return n.comparison()
}

// text prints an expression with what its sides stand for.
func (n *ConstraintNode) text() string {
	switch n.Op {
	case "and", "or":
		return "(" + n.Operands[0].text() + " " + n.Op + " " + n.Operands[1].text() + ")"
	case "not":
		return "not " + n.Operands[0].text()
	}
	return n.comparison()
}

// MarshalJSON implements [json.Marshaler].
func (r ConstraintFailed) MarshalJSON() ([]byte, error) {
	return marshalReason(r, reasonJSON{Class: r.Constraint.Class(), Constraint: r.Constraint.String(), Expr: &r.Expr})
}

// Annotated prints the constraint as audit2why and libsepol's
// sepol_compute_av_reason_buffer do, with -Fail- at each comparison that
// doesn't hold.
func (r ConstraintFailed) Annotated() string {
	head := r.Constraint.Kind() + " " + r.Constraint.Class() + " "
	if r.Constraint.validate {
		return head + "(" + r.Expr.annotated() + "); Validatetrans DENIED"
	}
	head += "{"
	for _, name := range r.Constraint.Permissions() {
		head += " " + name
	}
	return head + " } (" + r.Expr.annotated() + "); Constraint DENIED"
}

func (n *ConstraintNode) annotated() string {
	switch n.Op {
	case "and", "or":
		return n.Operands[0].annotated() + " " + n.Op + " " + n.Operands[1].annotated()
	case "not":
		if s := n.Operands[0].annotated(); strings.HasPrefix(s, "not") {
			return "not (" + s + ")"
		} else {
			return "not" + s
		}
	}
	s := "(" + n.Left + " " + n.Op
	switch {
	case n.Names == nil:
		s += " " + n.Right
	case len(n.Names) == 0:
		s += "<empty_set> "
	case len(n.Names) == 1:
		s += " " + n.Names[0]
	default:
		s += " { " + strings.Join(n.Names, " ") + " }"
	}
	if !n.Value {
		s += " -Fail-"
	}
	return s + ") "
}

// comparison prints a comparison with what its sides stand for.
func (n *ConstraintNode) comparison() string {
	s := n.Left + " (" + n.LeftValue + ") " + n.Op + " "
	if n.Names != nil {
		return s + braced(n.Names)
	}
	return s + n.Right + " (" + n.RightValue + ")"
}

// explainConstraint evaluates a constraint for contexts: the third is that of
// the process for a validatetrans, else nil.
func (p *Policy) explainConstraint(c Constraint, source, target, third *SID) ConstraintFailed {
	return ConstraintFailed{c, p.explain(c.node().Expr, source, target, third)}
}

// explain turns an expression into a tree, evaluated if there are contexts. A
// malformed expression gives a zero node.
func (p *Policy) explain(expr []policydb.ConstraintTerm, source, target, third *SID) ConstraintNode {
	var stack []ConstraintNode
	for i := range expr {
		t := &expr[i]
		n := len(stack)
		switch {
		case t.Kind == policydb.ConstraintNot && n >= 1:
			x := stack[n-1]
			stack[n-1] = ConstraintNode{Op: "not", Operands: []ConstraintNode{x}, Value: !x.Value}
		case t.Kind == policydb.ConstraintAnd && n >= 2:
			a, b := stack[n-2], stack[n-1]
			stack = append(stack[:n-2], ConstraintNode{Op: "and", Operands: []ConstraintNode{a, b}, Value: a.Value && b.Value})
		case t.Kind == policydb.ConstraintOr && n >= 2:
			a, b := stack[n-2], stack[n-1]
			stack = append(stack[:n-2], ConstraintNode{Op: "or", Operands: []ConstraintNode{a, b}, Value: a.Value || b.Value})
		case t.Kind == policydb.ConstraintNames || t.Kind == policydb.ConstraintAttr:
			stack = append(stack, p.explainTerm(t, source, target, third))
		default:
			return ConstraintNode{}
		}
	}
	if len(stack) != 1 {
		return ConstraintNode{}
	}
	return stack[0]
}

// explainTerm explains a comparison.
func (p *Policy) explainTerm(t *policydb.ConstraintTerm, source, target, third *SID) ConstraintNode {
	n := ConstraintNode{Op: opText(t)}
	n.Left, n.Right = sides(t)
	if t.Kind == policydb.ConstraintNames {
		n.Names = p.termNames(t)
	}
	if source == nil {
		return n
	}
	n.Value, _ = p.evalTerm(t, source, target, third)
	n.LeftValue = p.sideValue(n.Left, source, target, third)
	if n.Names == nil {
		n.RightValue = p.sideValue(n.Right, source, target, third)
	}
	return n
}

// opText is how libsepol prints an operator: levels are compared with eq.
func opText(t *policydb.ConstraintTerm) string {
	switch t.Op {
	case policydb.OpEq:
		if t.Kind == policydb.ConstraintAttr && t.Attr >= policydb.AttrL1L2 {
			return "eq"
		}
		return "=="
	case policydb.OpNeq:
		return "!="
	case policydb.OpDom:
		return "dom"
	case policydb.OpDomBy:
		return "domby"
	case policydb.OpIncomp:
		return "incomp"
	}
	return "?"
}

// sides names what a term compares; the right side is "" for a set of names.
func sides(t *policydb.ConstraintTerm) (left, right string) {
	letter := "t"
	switch {
	case t.Attr&policydb.AttrUser != 0:
		letter = "u"
	case t.Attr&policydb.AttrRole != 0:
		letter = "r"
	}
	if t.Kind == policydb.ConstraintNames {
		switch {
		case t.Attr&policydb.AttrTarget != 0:
			return letter + "2", ""
		case t.Attr&policydb.AttrXTarget != 0:
			return letter + "3", ""
		}
		return letter + "1", ""
	}
	switch t.Attr {
	case policydb.AttrL1L2:
		return "l1", "l2"
	case policydb.AttrL1H2:
		return "l1", "h2"
	case policydb.AttrH1L2:
		return "h1", "l2"
	case policydb.AttrH1H2:
		return "h1", "h2"
	case policydb.AttrL1H1:
		return "l1", "h1"
	case policydb.AttrL2H2:
		return "l2", "h2"
	}
	return letter + "1", letter + "2"
}

// termNames names the set of a term, never nil: for types as it was written,
// attributes unexpanded, where the policy is new enough to tell.
func (p *Policy) termNames(t *policydb.ConstraintTerm) []string {
	names := []string{}
	set := t.Names
	types := t.Attr&policydb.AttrType != 0
	if types && p.db.Version >= constraintNamesVersion {
		set = t.TypeNames.Types
	}
	for v := range set.All() {
		switch {
		case types:
			names = append(names, p.sym.types[v].name)
		case t.Attr&policydb.AttrRole != 0:
			names = append(names, p.sym.roles[v].Name)
		default:
			names = append(names, p.sym.users[v].Name)
		}
	}
	return names
}

// constraintNamesVersion is the policy version that brought the names as
// written (POLICYDB_VERSION_CONSTRAINT_NAMES).
const constraintNamesVersion = 29

// sideValue says what u1, t2, h1 … stand for.
func (p *Policy) sideValue(side string, source, target, third *SID) string {
	if len(side) != 2 {
		return ""
	}
	s := map[byte]*SID{'1': source, '2': target, '3': third}[side[1]]
	if s == nil {
		return ""
	}
	switch side[0] {
	case 'u':
		return p.sym.users[s.user-1].Name
	case 'r':
		return p.sym.roles[s.role-1].Name
	case 't':
		return p.sym.types[s.typ-1].name
	case 'l':
		return string(p.sym.appendLevel(nil, &s.low))
	}
	return string(p.sym.appendLevel(nil, &s.high))
}

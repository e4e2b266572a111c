package policy

import "github.com/sekit/sekit/internal/policydb"

// maxConstraintDepth is how many values the kernel keeps while it evaluates a
// constraint (CEXPR_MAXDEPTH).
const maxConstraintDepth = 5

// evalConstraint is the kernel's constraint_expr_eval. What the kernel would
// not have loaded (a malformed expression) evaluates to false: denied. The
// third context is that of validatetrans, nil otherwise.
func (p *Policy) evalConstraint(expr []policydb.ConstraintTerm, source, target, third *SID) bool {
	var stack [maxConstraintDepth]bool
	n := 0
	for i := range expr {
		t := &expr[i]
		switch t.Kind {
		case policydb.ConstraintNot:
			if n < 1 {
				return false
			}
			stack[n-1] = !stack[n-1]
		case policydb.ConstraintAnd, policydb.ConstraintOr:
			if n < 2 {
				return false
			}
			n--
			if t.Kind == policydb.ConstraintAnd {
				stack[n-1] = stack[n-1] && stack[n]
			} else {
				stack[n-1] = stack[n-1] || stack[n]
			}
		default:
			value, ok := p.evalTerm(t, source, target, third)
			if !ok || n == maxConstraintDepth {
				return false
			}
			stack[n] = value
			n++
		}
	}
	return n == 1 && stack[0]
}

// evalTerm evaluates one comparison; ok is false if it is malformed.
func (p *Policy) evalTerm(t *policydb.ConstraintTerm, source, target, third *SID) (value, ok bool) {
	switch t.Kind {
	case policydb.ConstraintNames:
		v := operand(t.Attr, source, target, third)
		if v == 0 || t.Op != policydb.OpEq && t.Op != policydb.OpNeq {
			return false, false
		}
		return has(&t.Names, v-1) == (t.Op == policydb.OpEq), true
	case policydb.ConstraintAttr:
	default:
		return false, false
	}
	switch t.Attr {
	case policydb.AttrUser:
		return compare(t.Op, source.user, target.user)
	case policydb.AttrType:
		return compare(t.Op, source.typ, target.typ)
	case policydb.AttrRole:
		return p.compareRoles(t.Op, source.role, target.role)
	}
	l1, l2 := levels(t.Attr, source, target)
	if l1 == nil {
		return false, false
	}
	switch t.Op {
	case policydb.OpEq:
		return sameLevel(l1, l2), true
	case policydb.OpNeq:
		return !sameLevel(l1, l2), true
	case policydb.OpDom:
		return dominates(l1, l2), true
	case policydb.OpDomBy:
		return dominates(l2, l1), true
	case policydb.OpIncomp:
		return !dominates(l1, l2) && !dominates(l2, l1), true
	}
	return false, false
}

// operand returns the user, role or type that a set of names is held against,
// or 0.
func operand(attr uint32, source, target, third *SID) uint32 {
	s := source
	switch {
	case attr&policydb.AttrTarget != 0:
		s = target
	case attr&policydb.AttrXTarget != 0:
		s = third
	}
	switch {
	case s == nil:
	case attr&policydb.AttrUser != 0:
		return s.user
	case attr&policydb.AttrRole != 0:
		return s.role
	case attr&policydb.AttrType != 0:
		return s.typ
	}
	return 0
}

func compare(op policydb.ConstraintOp, a, b uint32) (value, ok bool) {
	switch op {
	case policydb.OpEq:
		return a == b, true
	case policydb.OpNeq:
		return a != b, true
	}
	return false, false
}

func (p *Policy) compareRoles(op policydb.ConstraintOp, a, b uint32) (value, ok bool) {
	ab := has(&p.sym.roles[a-1].Dominates, b-1)
	ba := has(&p.sym.roles[b-1].Dominates, a-1)
	switch op {
	case policydb.OpDom:
		return ab, true
	case policydb.OpDomBy:
		return ba, true
	case policydb.OpIncomp:
		return !ab && !ba, true
	}
	return compare(op, a, b)
}

// levels returns the two levels that an MLS term compares, or nil.
func levels(attr uint32, source, target *SID) (l1, l2 *policydb.Level) {
	switch attr {
	case policydb.AttrL1L2:
		return &source.low, &target.low
	case policydb.AttrL1H2:
		return &source.low, &target.high
	case policydb.AttrH1L2:
		return &source.high, &target.low
	case policydb.AttrH1H2:
		return &source.high, &target.high
	case policydb.AttrL1H1:
		return &source.low, &source.high
	case policydb.AttrL2H2:
		return &target.low, &target.high
	}
	return nil, nil
}

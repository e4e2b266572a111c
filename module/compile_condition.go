package module

import (
	"errors"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// condition is a conditional and what tells it from others.
type condition struct {
	policydb.ModuleConditional
	booleans []uint32 // values, in the order of the expression
	truth    uint32   // by the states of the first booleans
}

// maxTable is the number of booleans up to which conditions are told apart by
// their meaning and not by their text (COND_MAX_BOOLS in libsepol).
const maxTable = 5

func (c *compiler) conditional(s *If, d *decl) error {
	terms, err := s.Condition.terms(nil, 0, func(name string) (uint32, error) {
		i, err := c.find(policydb.TableBooleans, name, d)
		if err != nil {
			return 0, err
		}
		return c.m.Symbols.Booleans[i].Value, nil
	})
	if err != nil {
		return err
	}
	if err := checkTerms(terms); err != nil {
		return err
	}
	yes, err := c.conditionalRules(s.Then, d)
	if err != nil {
		return err
	}
	no, err := c.conditionalRules(s.Else, d)
	if err != nil {
		return err
	}
	if len(yes) == 0 {
		if len(no) == 0 {
			return nil
		}
		yes, no, terms = no, nil, append(terms, policydb.CondTerm{Op: policydb.CondNot})
	}
	if n := len(terms) - 1; terms[n].Op == policydb.CondNot {
		yes, no, terms = no, yes, terms[:n]
	}
	next := condition{booleans: booleansOf(terms)}
	next.Expr = terms
	next.truth = truthTable(terms, next.booleans)
	for i := range d.conditions {
		if k := &d.conditions[i]; k.same(&next) {
			k.True, k.False = append(k.True, yes...), append(k.False, no...)
			return nil
		}
	}
	next.True, next.False = yes, no
	next.State = evaluate(terms, func(value uint32) bool { return c.m.Symbols.Booleans[value-1].State })
	d.conditions = append(d.conditions, next)
	return nil
}

// conditionalRules are the rules of a branch, the last statement's first, as
// checkpolicy has them.
func (c *compiler) conditionalRules(list []Statement, d *decl) ([]policydb.ModuleRule, error) {
	var out []policydb.ModuleRule
	var first error
	for _, s := range slices.Backward(list) {
		var err error
		switch s := s.(type) {
		case *Require:
		case *Rule:
			out, err = c.conditionalRule(out, s.Kind, func(out []policydb.ModuleRule) ([]policydb.ModuleRule, error) { return c.rule(out, s, d) })
		case *AccessRule:
			out, err = c.conditionalRule(out, s.Kind, func(out []policydb.ModuleRule) ([]policydb.ModuleRule, error) { return c.accessRule(out, s, d) })
		case *TypeRule:
			if s.FileName != "" {
				err = errors.New("a type_transition with a file name cannot be conditional")
				break
			}
			out, err = c.typeRule(out, s, d)
		default:
			err = errors.New("only rules, and no assertions, can be conditional")
		}
		if err != nil {
			first = statementError(s, err)
		}
	}
	return out, first
}

func (c *compiler) conditionalRule(out []policydb.ModuleRule, kind Kind, add func([]policydb.ModuleRule) ([]policydb.ModuleRule, error)) ([]policydb.ModuleRule, error) {
	if kind.never() {
		return nil, errors.New("only rules, and no assertions, can be conditional")
	}
	if kind.xperm() {
		c.need(policydb.ModuleConditionalXPerms)
	}
	return add(out)
}

// booleansOf are the booleans of an expression, each once, in its order.
func booleansOf(terms []policydb.CondTerm) []uint32 {
	var out []uint32
	for _, t := range terms {
		if t.Op == policydb.CondBool && !slices.Contains(out, t.Boolean) {
			out = append(out, t.Boolean)
		}
	}
	return out
}

// truthTable has a bit for each combination of the booleans' states, the
// first boolean's being the lowest.
func truthTable(terms []policydb.CondTerm, booleans []uint32) uint32 {
	if len(booleans) > maxTable {
		return 0
	}
	var truth uint32
	for states := range uint32(1) << len(booleans) {
		if evaluate(terms, func(value uint32) bool { return states>>slices.Index(booleans, value)&1 == 1 }) {
			truth |= 1 << states
		}
	}
	return truth
}

// same reports whether both are one conditional, as cond_expr_equal in libsepol
// does; but that compares the truth tables each in the order of its own
// booleans, and so takes "a && !b" for "b && !a".
func (k *condition) same(o *condition) bool {
	if len(k.booleans) != len(o.booleans) {
		return false
	}
	if len(k.booleans) > maxTable {
		return slices.Equal(k.Expr, o.Expr)
	}
	for _, b := range k.booleans {
		if !slices.Contains(o.booleans, b) {
			return false
		}
	}
	return k.truth == truthTable(o.Expr, k.booleans)
}

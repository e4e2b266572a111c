package policy

import "fmt"

// ValidateTransition returns the validatetrans and mlsvalidatetrans statements
// that forbid a process with the context task to change the context of an
// object of a class from before to after, as the kernel's
// security_validate_transition checks them; none if none does. Changing the
// context also takes the permissions relabelfrom and relabelto, which are for
// [Policy.Decide]. Invalid contexts give a [*ContextError], an unknown class a
// [*NameError].
func (p *Policy) ValidateTransition(before, after, task Context, class string) ([]ConstraintFailed, error) {
	var sids [3]SID
	for i, c := range [3]Context{before, after, task} {
		var err error
		if sids[i], err = p.SID(c); err != nil {
			return nil, fmt.Errorf("%s context: %w", [3]string{"old", "new", "task"}[i], err)
		}
	}
	value := p.sym.classByName[class]
	if value == 0 {
		return nil, &NameError{"class", class}
	}
	var failed []ConstraintFailed
	statements := p.sym.classes[value-1].class.ValidateTrans
	for i := range statements {
		if !p.evalConstraint(statements[i].Expr, &sids[0], &sids[1], &sids[2]) {
			c := Constraint{p: p, class: value, index: i, validate: true}
			failed = append(failed, p.explainConstraint(c, &sids[0], &sids[1], &sids[2]))
		}
	}
	return failed, nil
}

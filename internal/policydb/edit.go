package policydb

import (
	"fmt"
	"slices"
)

// The edits below change a policy that [Decode] gave as libsepol does, so that
// [Encode] then writes the same bytes. One that fails leaves the policy as it
// was, and what [Convert] made of the policy before keeps what it had.

// SetBooleanDefaults gives booleans other defaults, by name, and evaluates all
// conditionals anew: their states and the enabled bits of their rules are in
// the file too (libsepol's sepol_bool_set, evaluate_conds). A name that the
// policy does not have is a *[NameError].
func (p *Policy) SetBooleanDefaults(defaults map[string]bool) error {
	booleans, found := slices.Clone(p.Booleans), 0
	for i := range booleans {
		if state, ok := defaults[booleans[i].Name]; ok {
			booleans[i].State = state
			found++
		}
	}
	if found < len(defaults) {
		return p.unknownBoolean(defaults)
	}
	p.Booleans = booleans
	p.evaluateConditionals()
	return nil
}

// unknownBoolean returns the error for the first name, by the alphabet, that is
// no boolean.
func (p *Policy) unknownBoolean(defaults map[string]bool) error {
	unknown := make([]string, 0, 1)
	for name := range defaults {
		if !slices.ContainsFunc(p.Booleans, func(b Boolean) bool { return b.Name == name }) {
			unknown = append(unknown, name)
		}
	}
	return &NameError{"boolean", slices.Min(unknown)}
}

// evaluateConditionals touches only those whose states change, as libsepol.
func (p *Policy) evaluateConditionals() {
	states := make([]bool, p.NumBooleans)
	for i := range p.Booleans {
		states[p.Booleans[i].Value-1] = p.Booleans[i].State
	}
	conditionals := slices.Clone(p.Conditionals)
	for i := range conditionals {
		c := &conditionals[i]
		if state := evaluate(c.Expr, states); state != c.State {
			c.State = state
			c.True, c.False = enable(c.True, state), enable(c.False, !state)
		}
	}
	p.Conditionals = conditionals
}

// evaluate computes an expression that checkCondExpr takes.
func evaluate(expr []CondTerm, states []bool) bool {
	var stack [maxCondTerms]bool
	n := 0
	for _, t := range expr {
		switch t.Op {
		case CondBool:
			stack[n] = states[t.Boolean-1]
			n++
			continue
		case CondNot:
			stack[n-1] = !stack[n-1]
			continue
		}
		n--
		a, b := &stack[n-1], stack[n]
		switch t.Op {
		case CondOr:
			*a = *a || b
		case CondAnd:
			*a = *a && b
		case CondXor, CondNeq:
			*a = *a != b
		case CondEq:
			*a = *a == b
		}
	}
	return stack[0]
}

func enable(rules []AVRule, on bool) []AVRule {
	rules = slices.Clone(rules)
	for i := range rules {
		rules[i].Enabled = on
	}
	return rules
}

// AddPortcons puts each portcon before all that the policy has, in turn, so that
// the last one given comes first and counts wherever several are for a port.
// This is what libsepol's sepol_port_modify does, and libsemanage, which adds
// the records of ports.local in the order of that file. What was in the policy
// stays, even for the same ports: readers never come to it. [Policy.ParseContext]
// makes the contexts; one that is not valid is refused, as are ports and
// protocols that the kernel has no room for.
func (p *Policy) AddPortcons(portcons ...Portcon) error {
	return add(p, &p.Portcons, portcons, "portcon", (*checker).checkPortcon)
}

// AddIBPkeycons does for Infiniband's partition keys what [Policy.AddPortcons]
// does for ports (sepol_ibpkey_modify).
func (p *Policy) AddIBPkeycons(pkeycons ...IBPkeycon) error {
	return add(p, &p.IBPkeycons, pkeycons, "ibpkeycon", (*checker).checkIBPkeycon)
}

// AddIBEndportcons does the same for Infiniband's end ports
// (sepol_ibendport_modify).
func (p *Policy) AddIBEndportcons(endportcons ...IBEndportcon) error {
	return add(p, &p.IBEndportcons, endportcons, "ibendportcon", (*checker).checkIBEndportcon)
}

// add checks statements and puts them before those that there are.
func add[S any](p *Policy, to *[]S, added []S, what string, check func(*checker, *S) error) error {
	k, err := p.contextChecker()
	if err != nil {
		return err
	}
	for i := range added {
		if err := check(k, &added[i]); err != nil {
			return fmt.Errorf("%s %d: %w", what, i, err)
		}
	}
	added = slices.Clone(added)
	slices.Reverse(added)
	*to = append(added, *to...)
	return nil
}

// SetPermissive makes a type permissive, or no longer (a bit of libsepol's
// permissive_map). An alias stands for its type; what is no type is a
// *[NameError].
func (p *Policy) SetPermissive(name string, permissive bool) error {
	value, err := p.typeValue(name)
	if err != nil {
		return err
	}
	types := slices.DeleteFunc(slices.Collect(p.Permissive.All()), func(v uint32) bool { return v == value })
	if permissive {
		types = append(types, value)
	}
	p.Permissive = NewBitmap(types...)
	return nil
}

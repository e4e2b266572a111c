package moduletest

import (
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// say adds what a unit says of what is declared.
func (l *linker) say(u *unit) error {
	for _, step := range [...]func(*unit) error{l.flags, l.accessRules, l.conditionals, l.roleTransitions, l.roleAllows,
		l.nameTransitions, l.rangeTransitions, l.newUsers} {
		if err := step(u); err != nil {
			return err
		}
	}
	return nil
}

// flags makes types permissive and bounded. A module says it of a type as a
// whole, and pp in each block that names the type.
func (l *linker) flags(u *unit) error {
	for i := range u.m.Symbols.Types {
		t := &u.m.Symbols.Types[i]
		v, ok := l.types[t.Name]
		if !ok || t.Flavor == policydb.FlavorAttribute || t.Primary == 0 { // of an alias pp keeps neither
			continue
		}
		if scope := u.names.scopes[policydb.TableTypes][t.Name]; scope == nil || !slices.Contains(scope.Decls, u.ID) {
			continue
		}
		if t.Flags&policydb.FlagPermissive != 0 {
			if err := l.db.SetPermissive(t.Name, true); err != nil {
				return err
			}
		}
		if t.Flags&policydb.FlagNeverAudit != 0 {
			return &module.UnsupportedError{What: "neveraudit"}
		}
		if t.Bounds == 0 {
			continue
		}
		parent, err := l.typeOf(u, t.Bounds)
		if err != nil { // of an optional block that does not hold
			continue
		}
		// A type that a block requires and gives an alias pp goes through twice.
		const table = policydb.TableTypes
		if !u.cil && u.Required.Symbols[table].Has(t.Value-1) && u.Declared.Symbols[table].Has(t.Value-1) {
			return &module.DuplicateError{Kind: "typebounds", Name: t.Name}
		}
		types := slices.Clone(l.db.Types)
		for j := range types {
			if x := &types[j]; x.Value == v && x.Properties&policydb.TypePrimary != 0 {
				if x.Bounds != 0 {
					return &module.DuplicateError{Kind: "typebounds", Name: t.Name}
				}
				x.Bounds = parent
			}
		}
		l.db.Types = types
	}
	return nil
}

// class is the policy's class for one of a module.
func (l *linker) class(u *unit, value uint32) (*policydb.Class, error) {
	name := ""
	if value > 0 && int(value) <= len(u.names.classes) && u.names.classes[value-1] != nil {
		name = u.names.classes[value-1].Name
	}
	if k := l.classes[name]; k != nil {
		return k, nil
	}
	return nil, &policy.NameError{Kind: "class", Name: name}
}

// vector turns a module's access vector into the policy's.
func (l *linker) vector(u *unit, class *policydb.Class, c policydb.ClassData) (uint32, error) {
	var out uint32
	for _, p := range u.names.classes[c.Class-1].Permissions {
		if c.Data>>(p.Value-1)&1 == 0 {
			continue
		}
		bit := permission(class.Permissions, p.Name)
		if common := l.commons[class.Common]; bit == 0 && common != nil {
			bit = permission(common.Permissions, p.Name)
		}
		if bit == 0 {
			return 0, &policy.NameError{Kind: "permission", Name: p.Name}
		}
		out |= bit
	}
	return out, nil
}

func permission(list []policydb.Permission, name string) uint32 {
	for _, p := range list {
		if p.Name == name {
			return 1 << (p.Value - 1)
		}
	}
	return 0
}

func (l *linker) accessRules(u *unit) error {
	for i := range u.Rules {
		var err error
		if l.rules, err = l.rule(l.rules, u, &u.Rules[i]); err != nil {
			return err
		}
	}
	return nil
}

// rule adds what a rule comes to. Assertions are left out, as semodule leaves
// them unless semanage.conf says expand-check=1.
func (l *linker) rule(to []policydb.AVRule, u *unit, r *policydb.ModuleRule) ([]policydb.AVRule, error) {
	types := r.Kind&policydb.TypeKinds != 0
	switch {
	case r.Kind&(policydb.NeverAllow|policydb.XPermsNeverAllow) != 0:
		return to, nil
	case r.Kind == policydb.AuditDeny:
		return nil, &module.UnsupportedError{What: "auditdeny: no CIL says it"}
	}
	pairs, err := l.pairs(u, r, types)
	if err != nil {
		return nil, err
	}
	for _, c := range r.Classes {
		class, err := l.class(u, c.Class)
		if err != nil {
			return nil, err
		}
		rule := policydb.AVRule{Class: uint16(class.Value), Kind: r.Kind}
		switch {
		case types:
			if rule.Data, err = l.typeOf(u, c.Data); err == nil && l.isAttribute[rule.Data] {
				err = fmt.Errorf("%q is an attribute, not a type", nth(u.names.types, c.Data))
			}
		case r.XPerms != nil:
			rule.Data = uint32(len(l.xperms))
			l.xperms = append(l.xperms, *r.XPerms)
		default:
			rule.Data, err = l.vector(u, class, c)
			if err == nil && rule.Data == 0 {
				continue
			}
			if r.Kind == policydb.DontAudit {
				rule.Kind, rule.Data = policydb.AuditDeny, ^rule.Data
			}
		}
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			rule.Source, rule.Target = uint16(p[0]), uint16(p[1])
			to = append(to, rule)
		}
	}
	return to, nil
}

// pairs are the sources and targets of a rule, as types where it is to be. Self
// is a type and itself.
func (l *linker) pairs(u *unit, r *policydb.ModuleRule, types bool) ([][2]uint32, error) {
	list := l.parties
	if types {
		list = l.each
	}
	sources, err := list(u, &r.Sources)
	if err != nil {
		return nil, err
	}
	targets, err := list(u, &r.Targets)
	if err != nil {
		return nil, err
	}
	var out [][2]uint32
	for _, s := range sources {
		for _, t := range targets {
			out = append(out, [2]uint32{s, t})
		}
	}
	if r.Flags&policydb.RuleSelf != 0 {
		each, err := l.each(u, &r.Sources)
		if err != nil {
			return nil, err
		}
		for _, t := range each {
			out = append(out, [2]uint32{t, t})
		}
	}
	return out, nil
}

// conditionals adds conditional rules; those of tunables hold or don't.
func (l *linker) conditionals(u *unit) error {
	for i := range u.Conditionals {
		k := &u.Conditionals[i]
		expr, tunable, err := l.expression(u, k.Expr)
		if err != nil {
			return err
		}
		var yes, no []policydb.AVRule
		for j := range k.True {
			if yes, err = l.rule(yes, u, &k.True[j]); err != nil {
				return err
			}
		}
		for j := range k.False {
			if no, err = l.rule(no, u, &k.False[j]); err != nil {
				return err
			}
		}
		state := l.evaluate(u, k.Expr)
		switch {
		case tunable && state:
			l.rules = append(l.rules, yes...)
		case tunable:
			l.rules = append(l.rules, no...)
		default:
			l.addConditional(policydb.Conditional{State: state, Expr: expr, True: l.kept(yes, state), False: l.kept(no, !state)})
		}
	}
	return nil
}

// addConditional adds a conditional, a not around its condition taken off
// (cond_normalize_expr in libsepol).
func (l *linker) addConditional(k policydb.Conditional) {
	for n := len(k.Expr) - 1; k.Expr[n].Op == policydb.CondNot; n-- {
		k.Expr, k.State = k.Expr[:n], !k.State
		k.True, k.False = k.False, k.True
	}
	if len(k.True)+len(k.False) > 0 {
		l.db.Conditionals = append(l.db.Conditionals, k)
	}
}

// kept are rules of a conditional, each with extended permissions of its own in
// the policy.
func (l *linker) kept(rules []policydb.AVRule, on bool) []policydb.AVRule {
	for i := range rules {
		r := &rules[i]
		r.Enabled = on
		if r.Kind&policydb.XPermsKinds != 0 {
			l.db.XPerms = append(slices.Clip(l.db.XPerms), l.xperms[r.Data])
			r.Data = uint32(len(l.db.XPerms) - 1)
		}
	}
	return rules
}

// expression turns a condition into the policy's, unless it is one of tunables.
func (l *linker) expression(u *unit, expr []policydb.CondTerm) (out []policydb.CondTerm, tunable bool, err error) {
	booleans, tunables := 0, 0
	for _, t := range expr {
		if t.Op == policydb.CondBool {
			name := nth(u.names.booleans, t.Boolean)
			_, isTunable := l.tunables[name]
			v, isBoolean := l.booleans[name]
			switch {
			case isTunable && !u.cil:
				return nil, false, &module.UnsupportedError{What: fmt.Sprintf("the tunable %q in a package: its CIL takes tunables for booleans", name)}
			case isTunable:
				tunables++
			case u.names.booleanOf[t.Boolean-1].Tunable:
				return nil, false, &module.UnsupportedError{What: fmt.Sprintf("the tunable %q: a policy in force has none any more", name)}
			case !isBoolean:
				return nil, false, &policy.NameError{Kind: "boolean", Name: name}
			default:
				booleans++
			}
			t.Boolean = v
		}
		out = append(out, t)
	}
	if booleans > 0 && tunables > 0 {
		return nil, false, &module.UnsupportedError{What: "a condition over booleans and tunables"}
	}
	return out, tunables > 0, nil
}

// evaluate says whether a condition holds with the defaults.
func (l *linker) evaluate(u *unit, expr []policydb.CondTerm) bool {
	var stack []bool
	for _, t := range expr {
		n := len(stack)
		if t.Op == policydb.CondBool {
			name := nth(u.names.booleans, t.Boolean)
			state, ok := l.tunables[name]
			if !ok {
				state = l.db.Booleans[slices.IndexFunc(l.db.Booleans, func(b policydb.Boolean) bool { return b.Name == name })].State
			}
			stack = append(stack, state)
			continue
		}
		if t.Op == policydb.CondNot {
			stack[n-1] = !stack[n-1]
			continue
		}
		a, b := stack[n-2], stack[n-1]
		switch t.Op {
		case policydb.CondOr:
			a = a || b
		case policydb.CondAnd:
			a = a && b
		case policydb.CondXor, policydb.CondNeq:
			a = a != b
		case policydb.CondEq:
			a = a == b
		}
		stack = append(stack[:n-2], a)
	}
	return stack[0]
}

// roleTypes adds the types that a unit lets roles have.
func (l *linker) roleTypes(u *unit) error {
	for i := range u.symbols.Roles {
		r := &u.symbols.Roles[i]
		// Of a set that leaves types out pp makes nothing for a role.
		if r.Types.Types.IsEmpty() && r.Types.Flags == 0 || !u.cil && !r.Types.NegSet.IsEmpty() {
			continue
		}
		types, err := l.each(u, &r.Types)
		if err != nil {
			return err
		}
		roles, err := l.rolesOf(u, &policydb.RoleSet{Roles: policydb.NewBitmap(r.Value - 1)})
		if err != nil {
			return err
		}
		for _, v := range roles {
			role := &l.db.Roles[l.roleIndex[v]]
			bits := slices.Collect(role.Types.All())
			for _, t := range types {
				if !role.Types.Has(t - 1) {
					bits = append(bits, t-1)
				}
			}
			role.Types = policydb.NewBitmap(bits...)
		}
	}
	return nil
}

func (l *linker) roleTransitions(u *unit) error {
	for i := range u.RoleTransitions {
		r := &u.RoleTransitions[i]
		roles, err := l.rolesOf(u, &r.Roles)
		if err != nil {
			return err
		}
		types, err := l.each(u, &r.Types)
		if err != nil {
			return err
		}
		classes, err := l.classesOf(u, r.Classes)
		if err != nil {
			return err
		}
		to, err := l.role(u, r.NewRole)
		if err != nil {
			return err
		}
		for _, role := range roles {
			for _, t := range types {
				for _, class := range classes {
					next := policydb.RoleTransition{Role: role, Type: t, Class: class, NewRole: to}
					i := slices.IndexFunc(l.db.RoleTransitions, func(x policydb.RoleTransition) bool {
						return x.Role == role && x.Type == t && x.Class == class
					})
					if i < 0 {
						l.db.RoleTransitions = append(slices.Clip(l.db.RoleTransitions), next)
					} else if l.db.RoleTransitions[i] != next {
						return fmt.Errorf("role_transition: %w", errConflict)
					}
				}
			}
		}
	}
	return nil
}

var errConflict = fmt.Errorf("another one with another outcome is there")

// classesOf are the classes of a transition; none stands for process. Policies
// before version 26 have no other and name none.
func (l *linker) classesOf(u *unit, b policydb.Bitmap) ([]uint32, error) {
	var out []uint32
	if b.IsEmpty() {
		k := l.classes["process"]
		if k == nil {
			return nil, &policy.NameError{Kind: "class", Name: "process"}
		}
		out = []uint32{k.Value}
	}
	for bit := range b.All() {
		k, err := l.class(u, bit+1)
		if err != nil {
			return nil, err
		}
		out = append(out, k.Value)
	}
	return out, nil
}

func (l *linker) roleAllows(u *unit) error {
	for i := range u.RoleAllows {
		from, err := l.rolesOf(u, &u.RoleAllows[i].Roles)
		if err != nil {
			return err
		}
		to, err := l.rolesOf(u, &u.RoleAllows[i].NewRoles)
		if err != nil {
			return err
		}
		for _, a := range from {
			for _, b := range to {
				if next := (policydb.RoleAllow{Role: a, NewRole: b}); !slices.Contains(l.db.RoleAllows, next) {
					l.db.RoleAllows = append(slices.Clip(l.db.RoleAllows), next)
				}
			}
		}
	}
	return nil
}

func (l *linker) nameTransitions(u *unit) error {
	for i := range u.NameTransitions {
		r := &u.NameTransitions[i]
		rule := policydb.ModuleRule{Sources: r.Sources, Targets: r.Targets}
		if r.Self {
			rule.Flags = policydb.RuleSelf
		}
		pairs, err := l.pairs(u, &rule, true)
		if err != nil {
			return err
		}
		class, err := l.class(u, r.Class)
		if err != nil {
			return err
		}
		to, err := l.typeOf(u, r.Type)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			if err := l.nameTransition(p[0], p[1], class.Value, r.Name, to); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *linker) nameTransition(source, target, class uint32, name string, to uint32) error {
	i := slices.IndexFunc(l.db.NameTransitions, func(t policydb.NameTransition) bool {
		return t.Target == target && t.Class == class && t.Name == name
	})
	if i < 0 {
		l.db.NameTransitions = append(slices.Clip(l.db.NameTransitions), policydb.NameTransition{Target: target, Class: class, Name: name,
			Data: []policydb.NameTransitionData{{Sources: policydb.NewBitmap(source - 1), Type: to}}})
		return nil
	}
	data := slices.Clone(l.db.NameTransitions[i].Data)
	joined := -1
	for j := range data {
		switch {
		case data[j].Sources.Has(source-1) && data[j].Type == to:
			return nil
		case data[j].Sources.Has(source - 1):
			return fmt.Errorf("type_transition for the file name %q: %w", name, errConflict)
		case data[j].Type == to:
			joined = j
		}
	}
	if joined >= 0 && policydb.FeatureCompressedNameTransitions.In(l.db.Version) {
		data[joined].Sources = policydb.NewBitmap(append(slices.Collect(data[joined].Sources.All()), source-1)...)
	} else {
		data = append(data, policydb.NameTransitionData{Sources: policydb.NewBitmap(source - 1), Type: to})
	}
	l.db.NameTransitions = slices.Clone(l.db.NameTransitions)
	l.db.NameTransitions[i].Data = data
	return nil
}

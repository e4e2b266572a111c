package policydb

import (
	"errors"
	"fmt"
	"math/bits"
)

// checkBlocks checks all declarations.
func (k *moduleChecker) checkBlocks() error {
	n := 0
	for i := range k.m.Blocks {
		n += len(k.m.Blocks[i].Branches)
	}
	if n == 0 {
		return errors.New("no declaration")
	}
	k.decls = newValues(uint32(n))
	for i := range k.m.Blocks {
		enabled := 0
		if len(k.m.Blocks[i].Branches) == 0 {
			return fmt.Errorf("block %d without a branch", i)
		}
		for j := range k.m.Blocks[i].Branches {
			d := &k.m.Blocks[i].Branches[j]
			if d.Enabled {
				enabled++
			}
			err := k.decls.add(d.ID)
			if err == nil && enabled > 1 {
				err = errors.New("a second branch of the block is enabled")
			}
			if err == nil {
				err = k.checkDecl(d)
			}
			if err != nil {
				return fmt.Errorf("declaration %d: %w", d.ID, err)
			}
		}
	}
	return nil
}

func (k *moduleChecker) checkDecl(d *Decl) error {
	for i := range d.Conditionals {
		if err := k.checkConditional(&d.Conditionals[i]); err != nil {
			return fmt.Errorf("conditional %d: %w", i, err)
		}
	}
	if err := k.checkModuleRules(d.Rules, false); err != nil {
		return err
	}
	if err := k.checkRoleRules(d); err != nil {
		return err
	}
	if err := k.need(ModuleNameTransitions, len(d.NameTransitions) > 0); err != nil {
		return err
	}
	for i := range d.NameTransitions {
		if err := k.checkNameTransition(&d.NameTransitions[i]); err != nil {
			return fmt.Errorf("name transition %d: %w", i, err)
		}
	}
	if err := k.need(ModuleRangeTransitions, len(d.RangeTransitions) > 0); err != nil {
		return err
	}
	for i := range d.RangeTransitions {
		t := &d.RangeTransitions[i]
		err := first(k.typeSet("sources", &t.Sources), k.typeSet("targets", &t.Targets), k.classes.needAll("classes", t.Classes),
			k.semanticLevel(&t.Range.Low), k.semanticLevel(&t.Range.High))
		if err != nil {
			return fmt.Errorf("range transition %d: %w", i, err)
		}
	}
	if err := k.checkScopeIndex(&d.Required); err != nil {
		return fmt.Errorf("requirements: %w", err)
	}
	if err := k.checkScopeIndex(&d.Declared); err != nil {
		return fmt.Errorf("declarations: %w", err)
	}
	return k.checkAdded(&d.Symbols)
}

func (k *moduleChecker) checkConditional(c *ModuleConditional) error {
	if err := first(k.need(ModuleTunables, c.Tunable), k.checkCondExpr(c.Expr)); err != nil {
		return err
	}
	return first(k.checkModuleRules(c.True, true), k.checkModuleRules(c.False, true))
}

func (k *moduleChecker) checkModuleRules(rules []ModuleRule, conditional bool) error {
	for i := range rules {
		if err := k.checkModuleRule(&rules[i], conditional); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
	}
	return nil
}

// moduleVectors are the kinds of rules that have access vectors.
const moduleVectors = Allow | AuditAllow | AuditDeny | DontAudit | NeverAllow

func (k *moduleChecker) checkModuleRule(r *ModuleRule, conditional bool) error {
	if r.Kind&^(moduleVectors|TypeKinds|moduleXPerms) != 0 || bits.OnesCount16(uint16(r.Kind)) != 1 {
		return fmt.Errorf("%#x is not one kind of rule", uint16(r.Kind))
	}
	xperms := r.Kind&moduleXPerms != 0
	err := first(
		k.need(ModuleXPerms, xperms),
		k.need(ModuleConditionalXPerms, conditional && (xperms || r.Kind == NeverAllow)),
		k.need(ModuleSelfTransitions, r.Kind&TypeKinds != 0 && r.Flags&RuleSelf != 0),
		k.typeSet("sources", &r.Sources), k.typeSet("targets", &r.Targets),
	)
	if err != nil {
		return err
	}
	never := r.Kind == NeverAllow || r.Kind == XPermsNeverAllow
	if r.Flags != 0 && r.Flags != RuleSelf && !(r.Flags == RuleNotSelf && never) {
		return fmt.Errorf("flags %#x", r.Flags)
	}
	if xperms != (r.XPerms != nil) {
		return errors.New("extended permissions that the rule's kind does not go with")
	}
	if xperms && (r.XPerms.Specified < XPermsIoctlFunction || r.XPerms.Specified > XPermsNlmsg) {
		return fmt.Errorf("extended permissions of kind %d", r.XPerms.Specified)
	}
	for _, c := range r.Classes {
		if err := k.checkClassData(r, c); err != nil {
			return err
		}
	}
	return nil
}

func (k *moduleChecker) checkClassData(r *ModuleRule, c ClassData) error {
	if err := k.classes.need("class", c.Class); err != nil {
		return err
	}
	switch {
	case r.Kind&moduleVectors != 0:
		// checkmodule before 3.5 writes ~ of all permissions as the other bits.
		if c.Data == 0 {
			return fmt.Errorf("access vector without a permission of class %d", c.Class)
		}
	case r.Kind&TypeKinds != 0:
		return k.simpleType("result", c.Data)
	}
	return nil
}

func (k *moduleChecker) checkRoleRules(d *Decl) error {
	for i := range d.RoleTransitions {
		t := &d.RoleTransitions[i]
		err := first(
			k.roleSet("roles", &t.Roles), k.typeSet("types", &t.Types), k.roles.need("new role", t.NewRole),
			k.need(ModuleRoleTransitionClasses, !t.Classes.IsEmpty()), k.classes.needAll("classes", t.Classes),
		)
		if err != nil {
			return fmt.Errorf("role transition %d: %w", i, err)
		}
	}
	for i := range d.RoleAllows {
		a := &d.RoleAllows[i]
		if err := first(k.roleSet("roles", &a.Roles), k.roleSet("new roles", &a.NewRoles)); err != nil {
			return fmt.Errorf("role allow %d: %w", i, err)
		}
	}
	return nil
}

func (k *moduleChecker) checkNameTransition(t *ModuleNameTransition) error {
	if !validName(t.Name) {
		return errName
	}
	return first(
		k.typeSet("sources", &t.Sources), k.typeSet("targets", &t.Targets), k.classes.need("class", t.Class),
		k.simpleType("result", t.Type), k.need(ModuleSelfTransitions, t.Self),
	)
}

// checkScopeIndex checks what a declaration says to require or to declare.
func (k *moduleChecker) checkScopeIndex(x *ScopeIndex) error {
	for t, v := range [NumTables]values{k.commons, k.classes, k.roles, k.types, k.users, k.booleans, k.sensitivities, k.categories} {
		if err := v.needAll("symbols", x.Symbols[t]); err != nil {
			return err
		}
	}
	classes := x.Symbols[TableClasses]
	if n := len(classes.Nodes); n > 0 && len(x.Permissions) > 0 {
		last := classes.Nodes[n-1]
		if highest := last.Start + uint32(bitLen(last.Map)) - 1; uint64(highest) >= uint64(len(x.Permissions)) {
			return fmt.Errorf("permissions of %d classes, but class %d", len(x.Permissions), highest+1)
		}
	}
	for i, b := range x.Permissions {
		if err := k.classes.need("class", uint32(i)+1); err != nil {
			return err
		}
		if err := b.check(); err != nil {
			return err
		}
		if len(b.Nodes) > 0 && (b.Nodes[0].Start != 0 || b.Nodes[0].Map&uint64(permMask(k.classAt[i])) == 0) {
			return fmt.Errorf("permissions that class %d does not have", i+1)
		}
	}
	return nil
}

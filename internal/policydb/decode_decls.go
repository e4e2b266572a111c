package policydb

// decls reads the branches of a block.
func (c *cursor) decls(version uint32) []Decl {
	list := make([]Decl, c.count(minDecl))
	for i := range list {
		d := &list[i]
		d.ID = c.u32()
		d.Enabled = c.flag()
		d.Conditionals = c.moduleConditionals(version)
		d.Rules = c.moduleRules(version)
		d.RoleTransitions = c.moduleRoleTransitions(version)
		d.RoleAllows = c.moduleRoleAllows()
		if ModuleNameTransitions.In(version) {
			d.NameTransitions = c.moduleNameTransitions(version)
		}
		if ModuleRangeTransitions.In(version) {
			d.RangeTransitions = c.moduleRangeTransitions()
		}
		c.scopeIndex(&d.Required)
		c.scopeIndex(&d.Declared)
		c.moduleSymbols(version, &d.Symbols, false)
		if c.err != nil {
			return nil
		}
	}
	return list
}

func (c *cursor) moduleConditionals(version uint32) []ModuleConditional {
	list := make([]ModuleConditional, c.count(minModuleCond))
	for i := range list {
		k := &list[i]
		k.State = c.flag()
		k.Expr = make([]CondTerm, c.count(minCondTerm))
		for j := range k.Expr {
			k.Expr[j] = CondTerm{Op: CondOp(c.u32()), Boolean: c.u32()}
		}
		k.True, k.False = c.moduleRules(version), c.moduleRules(version)
		if ModuleTunables.In(version) {
			k.Tunable = c.flag()
		}
		if c.err != nil {
			return nil
		}
	}
	return list
}

// moduleXPerms are the kinds of rules that have extended permissions.
const moduleXPerms = XPermsKinds | XPermsNeverAllow

func (c *cursor) moduleRules(version uint32) []ModuleRule {
	list := make([]ModuleRule, c.count(minModuleRule))
	for i := range list {
		r := &list[i]
		kind := c.u32()
		if kind > 0xffff {
			c.failf("rule of kind %#x", kind)
		}
		r.Kind, r.Flags = AVKind(kind), c.u32()
		r.Sources, r.Targets = c.typeSet(), c.typeSet()
		r.Classes = make([]ClassData, c.count(classDataSize))
		for j := range r.Classes {
			r.Classes[j] = ClassData{Class: c.u32(), Data: c.u32()}
		}
		if r.Kind&moduleXPerms != 0 {
			x := c.xperms()
			r.XPerms = &x
		}
		if c.err != nil {
			return nil
		}
	}
	return list
}

func (c *cursor) moduleRoleTransitions(version uint32) []ModuleRoleTransition {
	list := make([]ModuleRoleTransition, c.count(minRoleTrans))
	for i := range list {
		t := &list[i]
		t.Roles, t.Types = c.roleSet(), c.typeSet()
		if ModuleRoleTransitionClasses.In(version) {
			t.Classes = c.bitmap()
		}
		t.NewRole = c.u32()
		if c.err != nil {
			return nil
		}
	}
	return list
}

func (c *cursor) moduleRoleAllows() []ModuleRoleAllow {
	list := make([]ModuleRoleAllow, c.count(2*minRoleSet))
	for i := range list {
		list[i] = ModuleRoleAllow{Roles: c.roleSet(), NewRoles: c.roleSet()}
	}
	return list
}

func (c *cursor) moduleNameTransitions(version uint32) []ModuleNameTransition {
	list := make([]ModuleNameTransition, c.count(minNameTrans))
	for i := range list {
		t := &list[i]
		t.Name = c.name(c.u32())
		t.Sources, t.Targets = c.typeSet(), c.typeSet()
		t.Class, t.Type = c.u32(), c.u32()
		if ModuleSelfTransitions.In(version) {
			t.Self = c.flag()
		}
		if c.err != nil {
			return nil
		}
	}
	return list
}

func (c *cursor) moduleRangeTransitions() []ModuleRangeTransition {
	list := make([]ModuleRangeTransition, c.count(minRangeTrans))
	for i := range list {
		t := &list[i]
		t.Sources, t.Targets = c.typeSet(), c.typeSet()
		t.Classes = c.bitmap()
		t.Range = c.semanticRange()
		if c.err != nil {
			return nil
		}
	}
	return list
}

func (c *cursor) scopeIndex(x *ScopeIndex) {
	for t := range x.Symbols {
		x.Symbols[t] = c.bitmap()
	}
	x.Permissions = make([]Bitmap, c.count(minClassPermMap))
	for i := range x.Permissions {
		x.Permissions[i] = c.bitmap()
	}
}

package policydb

func (w *writer) decls(list []Decl) {
	w.count(len(list))
	for i := range list {
		d := &list[i]
		w.u32(d.ID)
		w.flag(d.Enabled)
		w.count(len(d.Conditionals))
		for j := range d.Conditionals {
			w.moduleConditional(&d.Conditionals[j])
		}
		w.moduleRules(d.Rules)
		w.moduleRoleRules(d)
		if ModuleNameTransitions.In(w.version) {
			w.moduleNameTransitions(d.NameTransitions)
		}
		if ModuleRangeTransitions.In(w.version) {
			w.count(len(d.RangeTransitions))
			for j := range d.RangeTransitions {
				t := &d.RangeTransitions[j]
				w.typeSet(&t.Sources)
				w.typeSet(&t.Targets)
				w.bitmap(t.Classes)
				w.semanticRange(&t.Range)
			}
		}
		w.scopeIndex(&d.Required)
		w.scopeIndex(&d.Declared)
		w.moduleSymbols(&d.Symbols, false)
	}
}

func (w *writer) moduleConditional(k *ModuleConditional) {
	w.flag(k.State)
	w.count(len(k.Expr))
	for _, t := range k.Expr {
		w.u32(uint32(t.Op), t.Boolean)
	}
	w.moduleRules(k.True)
	w.moduleRules(k.False)
	if ModuleTunables.In(w.version) {
		w.flag(k.Tunable)
	}
}

func (w *writer) moduleRules(rules []ModuleRule) {
	w.count(len(rules))
	for i := range rules {
		r := &rules[i]
		w.u32(uint32(r.Kind), r.Flags)
		w.typeSet(&r.Sources)
		w.typeSet(&r.Targets)
		w.count(len(r.Classes))
		for _, c := range r.Classes {
			w.u32(c.Class, c.Data)
		}
		if x := r.XPerms; x != nil {
			w.b = append(w.b, byte(x.Specified), x.Driver)
			w.u32(x.Perms[:]...)
		}
	}
}

// moduleRoleRules writes role transitions and role allows.
func (w *writer) moduleRoleRules(d *Decl) {
	w.count(len(d.RoleTransitions))
	for i := range d.RoleTransitions {
		t := &d.RoleTransitions[i]
		w.roleSet(&t.Roles)
		w.typeSet(&t.Types)
		if ModuleRoleTransitionClasses.In(w.version) {
			w.bitmap(t.Classes)
		}
		w.u32(t.NewRole)
	}
	w.count(len(d.RoleAllows))
	for i := range d.RoleAllows {
		w.roleSet(&d.RoleAllows[i].Roles)
		w.roleSet(&d.RoleAllows[i].NewRoles)
	}
}

func (w *writer) moduleNameTransitions(list []ModuleNameTransition) {
	w.count(len(list))
	for i := range list {
		t := &list[i]
		w.name(t.Name)
		w.typeSet(&t.Sources)
		w.typeSet(&t.Targets)
		w.u32(t.Class, t.Type)
		if ModuleSelfTransitions.In(w.version) {
			w.flag(t.Self)
		}
	}
}

func (w *writer) scopeIndex(x *ScopeIndex) {
	for t := range x.Symbols {
		w.bitmap(x.Symbols[t])
	}
	w.count(len(x.Permissions))
	for _, b := range x.Permissions {
		w.bitmap(b)
	}
}

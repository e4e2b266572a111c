package policydb

// table writes the head of a symbol table.
func (w *writer) table(nprim uint32, n int) {
	w.u32(nprim, uint32(n))
	w.tables = append(w.tables, tableHead{nprim, len(w.b)})
}

func (w *writer) permissions(perms []Permission) {
	for _, m := range perms {
		w.count(len(m.Name))
		w.u32(m.Value)
		w.text(m.Name)
	}
}

func (w *writer) commons(p *Policy) {
	w.table(p.NumCommons, len(p.Commons))
	for i := range p.Commons {
		m := &p.Commons[i]
		w.count(len(m.Name))
		w.u32(m.Value, m.NumPerms, uint32(len(m.Permissions)))
		w.text(m.Name)
		w.permissions(m.Permissions)
	}
}

func (w *writer) classes(p *Policy) {
	w.table(p.NumClasses, len(p.Classes))
	for i := range p.Classes {
		k := &p.Classes[i]
		w.u32(uint32(len(k.Name)), uint32(len(k.Common)), k.Value, k.NumPerms)
		w.u32(uint32(len(k.Permissions)), uint32(len(k.Constraints)))
		w.text(k.Name)
		w.text(k.Common)
		w.permissions(k.Permissions)
		w.constraints(k.Constraints)
		w.count(len(k.ValidateTrans))
		w.constraints(k.ValidateTrans)
		if FeatureObjectDefaults.In(w.version) {
			w.u32(uint32(k.DefaultUser), uint32(k.DefaultRole), uint32(k.DefaultRange))
		}
		if FeatureDefaultType.In(w.version) {
			w.u32(uint32(k.DefaultType))
		}
	}
}

func (w *writer) constraints(list []Constraint) {
	for i := range list {
		w.u32(list[i].Permissions, uint32(len(list[i].Expr)))
		for j := range list[i].Expr {
			t := &list[i].Expr[j]
			w.u32(uint32(t.Kind), t.Attr, uint32(t.Op))
			if t.Kind != ConstraintNames {
				continue
			}
			w.bitmap(t.Names)
			if FeatureConstraintNames.In(w.version) {
				w.bitmap(t.TypeNames.Types)
				w.bitmap(t.TypeNames.NegSet)
				w.u32(t.TypeNames.Flags)
			}
		}
	}
}

func (w *writer) roles(p *Policy) {
	w.table(p.NumRoles, len(p.Roles))
	for i := range p.Roles {
		r := &p.Roles[i]
		w.u32(uint32(len(r.Name)), r.Value, r.Bounds)
		w.text(r.Name)
		w.bitmap(r.Dominates)
		w.bitmap(r.Types)
	}
}

func (w *writer) types(p *Policy) {
	w.table(p.NumTypes, len(p.Types))
	for i := range p.Types {
		t := &p.Types[i]
		w.u32(uint32(len(t.Name)), t.Value, t.Properties, t.Bounds)
		w.text(t.Name)
	}
}

func (w *writer) users(p *Policy) {
	w.table(p.NumUsers, len(p.Users))
	for i := range p.Users {
		u := &p.Users[i]
		w.u32(uint32(len(u.Name)), u.Value, u.Bounds)
		w.text(u.Name)
		w.bitmap(u.Roles)
		w.rng(&u.Range)
		w.level(&u.Default)
	}
}

func (w *writer) booleans(p *Policy) {
	w.table(p.NumBooleans, len(p.Booleans))
	for _, b := range p.Booleans {
		w.u32(b.Value)
		w.flag(b.State)
		w.name(b.Name)
	}
}

func (w *writer) sensitivities(p *Policy) {
	w.table(p.NumSensitivities, len(p.Sensitivities))
	for i := range p.Sensitivities {
		s := &p.Sensitivities[i]
		w.count(len(s.Name))
		w.flag(s.Alias)
		w.text(s.Name)
		w.level(&s.Level)
	}
}

func (w *writer) categories(p *Policy) {
	w.table(p.NumCategories, len(p.Categories))
	for _, k := range p.Categories {
		w.u32(uint32(len(k.Name)), k.Value)
		w.flag(k.Alias)
		w.text(k.Name)
	}
}

func (w *writer) level(l *Level) {
	w.u32(l.Sensitivity)
	w.bitmap(l.Categories)
}

func (w *writer) rng(r *Range) {
	if r.Single {
		w.u32(1)
		w.level(&r.Low)
		return
	}
	w.u32(2, r.Low.Sensitivity, r.High.Sensitivity)
	w.bitmap(r.Low.Categories)
	w.bitmap(r.High.Categories)
}

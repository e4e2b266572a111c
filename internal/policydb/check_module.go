package policydb

import (
	"errors"
	"fmt"
)

// moduleChecker holds a module against libsepol's policydb_validate.c and
// against what the module's version can say.
type moduleChecker struct {
	checker // of the tables that are as in a policy

	m      *Module
	typeOf []*ModuleType // by value-1, nil in gaps
	decls  values        // IDs
}

// check returns the first thing that is wrong with m, and the section it is in.
func (m *Module) check() (section string, err error) {
	k := &moduleChecker{m: m}
	if err := k.checkHeader(); err != nil {
		return "header", err
	}
	if err := k.checkGlobal(); err != nil {
		return "symbols", err
	}
	if err := k.checkBlocks(); err != nil {
		return "blocks", err
	}
	if err := k.checkScopes(); err != nil {
		return "scopes", err
	}
	return "", nil
}

func (k *moduleChecker) need(f ModuleFeature, used bool) error { return f.need(k.m.Version, used) }

func (k *moduleChecker) checkHeader() error {
	m := k.m
	switch m.HandleUnknown {
	case DenyUnknown, RejectUnknown, AllowUnknown:
	default:
		return fmt.Errorf("config bits %#x", uint32(m.HandleUnknown))
	}
	if m.OtherConfig&(configMLS|configUnknown) != 0 {
		return fmt.Errorf("config bits %#x", m.OtherConfig)
	}
	if !validName(m.Name) || !validName(m.Release) {
		return errName
	}
	return first(k.need(ModuleMLS, m.MLS), k.need(ModuleCapabilities, !m.Capabilities.IsEmpty()), m.Capabilities.check())
}

// checkGlobal checks the module's own symbol tables.
func (k *moduleChecker) checkGlobal() error {
	s := &k.m.Symbols
	if err := s.checkNum(); err != nil {
		return err
	}
	k.p = &Policy{
		MLS: k.m.MLS, Commons: s.Commons, Classes: s.Classes, Sensitivities: s.Sensitivities, Categories: s.Categories,
		NumCommons: s.Num[TableCommons], NumClasses: s.Num[TableClasses],
		NumSensitivities: s.Num[TableSensitivities], NumCategories: s.Num[TableCategories],
	}
	for _, check := range []func() error{
		k.checkCommons, k.indexClasses, k.checkCategories, k.checkSensitivities, k.indexModule,
		func() error { return k.checkNumbers(s) }, func() error { return k.checkEntries(s) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Symbols) checkNum() error {
	for t, n := range s.Num {
		if n > maxValues {
			return fmt.Errorf("table %d: %d values", t, n)
		}
	}
	return nil
}

// checkNumbers wants no entry in a table without values, as policydb_read does.
func (k *moduleChecker) checkNumbers(s *Symbols) error {
	for t, n := range [NumTables]int{len(s.Commons), len(s.Classes), len(s.Roles), len(s.Types), len(s.Users), len(s.Booleans),
		len(s.Sensitivities), len(s.Categories)} {
		if n > 0 && s.Num[t] == 0 {
			return fmt.Errorf("table %d: %d entries without values", t, n)
		}
	}
	return nil
}

// indexModule notes the values that there are of roles, types, users and
// booleans.
func (k *moduleChecker) indexModule() error {
	s := &k.m.Symbols
	k.roles, k.types = newValues(s.Num[TableRoles]), newValues(s.Num[TableTypes])
	k.users, k.booleans = newValues(s.Num[TableUsers]), newValues(s.Num[TableBooleans])
	k.typeOf = make([]*ModuleType, s.Num[TableTypes])
	seen := make(names, len(s.Roles))
	for i := range s.Roles {
		r := &s.Roles[i]
		err := first(seen.add(r.Name), k.roles.add(r.Value))
		if err == nil && (r.Name == objectR) != (r.Value == objectRValue) {
			err = fmt.Errorf("value %d", r.Value)
		}
		if err != nil {
			return fmt.Errorf("role %q: %w", r.Name, err)
		}
	}
	seen = make(names, len(s.Types))
	for i := range s.Types {
		t := &s.Types[i]
		err := seen.add(t.Name)
		if err == nil && t.Primary != 0 {
			if err = k.types.add(t.Value); err == nil {
				k.typeOf[t.Value-1] = t
			}
		}
		if err != nil {
			return fmt.Errorf("type %q: %w", t.Name, err)
		}
	}
	seen = make(names, len(s.Users))
	for i := range s.Users {
		if err := first(seen.add(s.Users[i].Name), k.users.add(s.Users[i].Value)); err != nil {
			return fmt.Errorf("user %q: %w", s.Users[i].Name, err)
		}
	}
	seen = make(names, len(s.Booleans))
	for i := range s.Booleans {
		if err := first(seen.add(s.Booleans[i].Name), k.booleans.add(s.Booleans[i].Value)); err != nil {
			return fmt.Errorf("boolean %q: %w", s.Booleans[i].Name, err)
		}
	}
	return nil
}

// checkEntries checks what the entries of tables refer to, a module's or a
// declaration's.
func (k *moduleChecker) checkEntries(s *Symbols) error {
	for i := range s.Roles {
		if err := k.checkRole(&s.Roles[i]); err != nil {
			return fmt.Errorf("role %q: %w", s.Roles[i].Name, err)
		}
	}
	for i := range s.Types {
		if err := k.checkType(&s.Types[i]); err != nil {
			return fmt.Errorf("type %q: %w", s.Types[i].Name, err)
		}
	}
	for i := range s.Users {
		if err := k.checkUser(&s.Users[i]); err != nil {
			return fmt.Errorf("user %q: %w", s.Users[i].Name, err)
		}
	}
	for _, b := range s.Booleans {
		err := first(k.booleans.need("value", b.Value), k.need(ModuleTunables, b.Tunable))
		if err != nil {
			return fmt.Errorf("boolean %q: %w", b.Name, err)
		}
	}
	return nil
}

// checkAdded checks the tables of a declaration: its entries have the values
// of the module's.
func (k *moduleChecker) checkAdded(s *Symbols) error {
	if err := s.checkNum(); err != nil {
		return err
	}
	for _, table := range s.tables() {
		if table.n == 0 {
			continue
		}
		seen := make(names, table.n)
		for i := range table.n {
			if err := seen.add(table.name(i)); err != nil {
				return err
			}
		}
	}
	// Modules add to roles, types and users (get_local_type and the like in
	// checkpolicy); the rest is declared once, in the module's own tables.
	if n := len(s.Commons) + len(s.Classes) + len(s.Sensitivities) + len(s.Categories); n > 0 {
		return fmt.Errorf("%d additions to commons, classes, sensitivities or categories", n)
	}
	return k.checkEntries(s)
}

func (k *moduleChecker) checkRole(r *ModuleRole) error {
	return first(
		k.roles.need("value", r.Value),
		k.need(ModuleBounds, r.Bounds != 0), optional(k.roles, "bounds", r.Bounds),
		k.roles.needAll("dominated roles", r.Dominates),
		k.typeSet("types", &r.Types),
		k.need(ModuleRoleAttributes, r.Attribute || !r.Roles.IsEmpty()), k.roles.needAll("roles", r.Roles),
	)
}

// optional checks a value that may be 0 for none.
func optional(v values, what string, value uint32) error {
	if value == 0 {
		return nil
	}
	return v.need(what, value)
}

func (k *moduleChecker) checkType(t *ModuleType) error {
	err := first(
		k.types.need("value", t.Value), optional(k.types, "primary", t.Primary), k.checkTypeFlags(t),
		k.need(ModuleBounds, t.Bounds != 0),
		k.need(ModuleAliasValues, t.Primary > 1 && ModuleBounds.In(k.m.Version)),
	)
	if err != nil {
		return err
	}
	switch t.Flavor {
	case FlavorType, FlavorAlias:
		if !t.Types.IsEmpty() {
			return errors.New("types of what is no attribute")
		}
		if t.Bounds == 0 {
			return nil
		}
		return k.simpleType("bounds", t.Bounds)
	case FlavorAttribute:
		if t.Bounds != 0 {
			return errors.New("bounds of an attribute")
		}
		return k.checkMembers(t.Types)
	}
	return fmt.Errorf("flavor %d", t.Flavor)
}

func (k *moduleChecker) checkTypeFlags(t *ModuleType) error {
	allowed := uint32(FlagPermissive | FlagNeverAudit)
	if !ModuleBounds.In(k.m.Version) && t.Flags&allowed == 0 {
		allowed = FlagExpandAttribute | FlagKeepAttribute
	}
	if t.Flags&^allowed != 0 {
		return fmt.Errorf("flags %#x", t.Flags)
	}
	return first(k.need(ModulePermissive, t.Flags != 0), k.need(ModuleNeverAudit, t.Flags&FlagNeverAudit != 0))
}

// checkMembers checks the types of an attribute.
func (k *moduleChecker) checkMembers(b Bitmap) error {
	if err := k.types.needAll("types", b); err != nil {
		return err
	}
	for bit := range b.All() {
		if err := k.need(ModuleNestedAttributes, k.typeOf[bit].Flavor == FlavorAttribute); err != nil {
			return err
		}
	}
	return nil
}

// simpleType wants the value of a type or alias, not of an attribute.
func (k *moduleChecker) simpleType(what string, value uint32) error {
	if err := k.types.need(what, value); err != nil {
		return err
	}
	if k.typeOf[value-1].Flavor == FlavorAttribute {
		return fmt.Errorf("%s: %w", what, errNotType)
	}
	return nil
}

func (k *moduleChecker) checkUser(u *ModuleUser) error {
	written := u.Range.Low.isSet() || u.Range.High.isSet() || u.Default.isSet()
	if expanded := ModuleMLS.In(k.m.Version) && !ModuleMLSUsers.In(k.m.Version); expanded != (u.Expanded != nil) {
		return fmt.Errorf("expanded levels %v in version %d", u.Expanded != nil, k.m.Version)
	}
	var err error
	if x := u.Expanded; x != nil {
		for _, l := range []*Level{&x.Range.Low, &x.Range.High, &x.Default} {
			err = first(err, optional(k.sensitivities, "sensitivity", l.Sensitivity), k.categories.needAll("categories", l.Categories))
		}
		if x.Range.Single {
			err = first(err, checkSingle(&x.Range))
		}
	}
	return first(err,
		k.users.need("value", u.Value),
		k.need(ModuleBounds, u.Bounds != 0), optional(k.users, "bounds", u.Bounds),
		k.roleSet("roles", &u.Roles),
		k.need(ModuleMLSUsers, written),
		k.semanticLevel(&u.Range.Low), k.semanticLevel(&u.Range.High), k.semanticLevel(&u.Default),
	)
}

func (l *SemanticLevel) isSet() bool { return l.Sensitivity != 0 || len(l.Categories) > 0 }

// semanticLevel checks a level; sensitivity 0 is one that is not set.
func (k *moduleChecker) semanticLevel(l *SemanticLevel) error {
	err := optional(k.sensitivities, "sensitivity", l.Sensitivity)
	for _, c := range l.Categories {
		if c.Low > c.High {
			return fmt.Errorf("categories from %d to %d", c.Low, c.High)
		}
		err = first(err, k.categories.need("category", c.Low), k.categories.need("category", c.High))
	}
	return err
}

func (k *moduleChecker) typeSet(what string, s *TypeSet) error {
	if s.Flags > 2 {
		return fmt.Errorf("%s: flags %#x of a set", what, s.Flags)
	}
	return first(k.types.needAll(what, s.Types), k.types.needAll(what, s.NegSet))
}

func (k *moduleChecker) roleSet(what string, s *RoleSet) error {
	if s.Flags > 2 {
		return fmt.Errorf("%s: flags %#x of a set", what, s.Flags)
	}
	return k.roles.needAll(what, s.Roles)
}

// symbolNames are the names of a table.
type symbolNames struct {
	n    int
	name func(i int) string
}

func (s *Symbols) tables() [NumTables]symbolNames {
	return [NumTables]symbolNames{
		TableCommons:       {len(s.Commons), func(i int) string { return s.Commons[i].Name }},
		TableClasses:       {len(s.Classes), func(i int) string { return s.Classes[i].Name }},
		TableRoles:         {len(s.Roles), func(i int) string { return s.Roles[i].Name }},
		TableTypes:         {len(s.Types), func(i int) string { return s.Types[i].Name }},
		TableUsers:         {len(s.Users), func(i int) string { return s.Users[i].Name }},
		TableBooleans:      {len(s.Booleans), func(i int) string { return s.Booleans[i].Name }},
		TableSensitivities: {len(s.Sensitivities), func(i int) string { return s.Sensitivities[i].Name }},
		TableCategories:    {len(s.Categories), func(i int) string { return s.Categories[i].Name }},
	}
}

// checkScopes checks who declares what.
func (k *moduleChecker) checkScopes() error {
	s := &k.m.Symbols
	for t, symbols := range s.tables() {
		var known names // those without a scope so far; most often the order is the same, and it is not needed
		for i := range k.m.Scopes[t] {
			scope := &k.m.Scopes[t][i]
			if known == nil && (i >= symbols.n || symbols.name(i) != scope.Name) {
				known = make(names, symbols.n)
				for j := i; j < symbols.n; j++ {
					known[symbols.name(j)] = struct{}{}
				}
			}
			err := k.checkScope(scope)
			if known != nil {
				if _, ok := known[scope.Name]; !ok {
					err = errors.New("no such symbol, or more than once")
				}
				delete(known, scope.Name)
			}
			if err != nil {
				return fmt.Errorf("scope of %q: %w", scope.Name, err)
			}
		}
	}
	return nil
}

func (k *moduleChecker) checkScope(s *Scope) error {
	if s.Kind != ScopeRequired && s.Kind != ScopeDeclared {
		return fmt.Errorf("kind %d", s.Kind)
	}
	if len(s.Decls) == 0 {
		return errors.New("no declaration")
	}
	for _, id := range s.Decls {
		if err := k.decls.need("declaration", id); err != nil {
			return err
		}
	}
	return nil
}

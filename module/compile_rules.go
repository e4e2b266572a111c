package module

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// simpleType returns the value of a type, not of an attribute.
func (c *compiler) simpleType(name string, d *decl) (uint32, error) {
	i, err := c.find(policydb.TableTypes, name, d)
	if err != nil {
		return 0, err
	}
	t := &c.m.Symbols.Types[i]
	if t.Flavor == policydb.FlavorAttribute {
		return 0, fmt.Errorf("%q is an attribute, not a type", name)
	}
	return t.Value, nil
}

// oneType returns the set of one type.
func (c *compiler) oneType(name string, d *decl) (policydb.TypeSet, error) {
	i, err := c.find(policydb.TableTypes, name, d)
	if err != nil {
		return policydb.TypeSet{}, err
	}
	if c.alone[i].Nodes == nil {
		v := c.m.Symbols.Types[i].Value - 1
		c.nodes = append(c.nodes, policydb.BitmapNode{Start: v &^ 63, Map: 1 << (v & 63)})
		n := len(c.nodes)
		c.alone[i].Nodes = c.nodes[n-1 : n : n]
	}
	return policydb.TypeSet{Types: c.alone[i]}, nil
}

// The flags of a set (TYPE_STAR, TYPE_COMP in libsepol).
const (
	setAll        = 1
	setComplement = 2
)

func (c *compiler) typeSet(s *TypeSet, never, target bool, d *decl) (out policydb.TypeSet, err error) {
	if err := s.check(never, target); err != nil {
		return out, err
	}
	if len(s.Names) == 1 && len(s.Except) == 0 && !s.Complement {
		return c.oneType(s.Names[0], d)
	}
	if out.Types, err = c.typeBitmap(s.Names, d); err != nil {
		return out, err
	}
	if out.NegSet, err = c.typeBitmap(s.Except, d); err != nil {
		return out, err
	}
	switch {
	case s.All:
		out.Flags = setAll
	case s.Complement:
		out.Flags = setComplement
	}
	return out, nil
}

func (c *compiler) typeBitmap(names []string, d *decl) (policydb.Bitmap, error) {
	var b policydb.Bitmap
	for _, name := range names {
		i, err := c.find(policydb.TableTypes, name, d)
		if err != nil {
			return b, err
		}
		b = with(b, c.m.Symbols.Types[i].Value)
	}
	return b, nil
}

// selfFlags are a rule's flags for its target. In a complement self is one of
// what it leaves out; checkmodule before 3.5 put it to the rest.
func selfFlags(s *TypeSet) uint32 {
	switch {
	case s.NotSelf, s.Self && s.Complement:
		return policydb.RuleNotSelf
	case s.Self:
		return policydb.RuleSelf
	}
	return 0
}

// classes returns the indexes of classes by their value, each once.
func (c *compiler) classes(names []string, d *decl) ([]int, error) {
	if len(names) == 0 {
		return nil, errors.New("no class")
	}
	list := make([]int, 0, len(names))
	for _, name := range names {
		i, err := c.find(policydb.TableClasses, name, d)
		if err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	if len(list) > 1 { // values are in the order of the table
		slices.Sort(list)
		list = slices.Compact(list)
	}
	return list, nil
}

// mask returns the bits of permissions of a class. Which block has required them
// does not count: is_perm_in_stack in checkpolicy means to ask, but takes any.
func (c *compiler) mask(class int, names []string) (uint32, error) {
	var mask uint32
	for _, name := range names {
		p := permission(&c.m.Symbols.Classes[class], name)
		if p < 0 {
			return 0, &UnknownNameError{"permission of " + c.m.Symbols.Classes[class].Name, name}
		}
		mask |= 1 << p
	}
	return mask, nil
}

// classData makes a rule's list of one class; the lists share an array.
func (c *compiler) classData(class, data uint32) []policydb.ClassData {
	c.data = append(c.data, policydb.ClassData{Class: class, Data: data})
	n := len(c.data)
	return c.data[n-1 : n : n]
}

// rule adds the rules of the file for one simple rule.
func (c *compiler) rule(list []policydb.ModuleRule, r *Rule, d *decl) ([]policydb.ModuleRule, error) {
	// Its names are checked as those of symbols.
	if r.Kind < Allow || r.Kind > AuditDeny || len(r.Permissions) == 0 {
		return nil, r.check()
	}
	if err := checkXperms(r.Kind, r.Permissions, r.Xperms); err != nil {
		return nil, err
	}
	before, last := c.last, c.lastRule // neighbours are often about the same
	if before == nil || c.lastDecl != d {
		before, last = &Rule{}, &policydb.ModuleRule{}
	}
	list = append(list, policydb.ModuleRule{Kind: ruleKinds[r.Kind], Sources: last.Sources, Classes: last.Classes})
	out := &list[len(list)-1]
	var err error
	if r.Source != before.Source {
		if out.Sources, err = c.oneType(r.Source, d); err != nil {
			return nil, err
		}
	}
	switch {
	case r.Target == Self:
		out.Flags = policydb.RuleSelf
	case r.Target == before.Target:
		out.Targets = last.Targets
	default:
		if out.Targets, err = c.oneType(r.Target, d); err != nil {
			return nil, err
		}
	}
	if r.Class != before.Class || !slices.Equal(r.Permissions, before.Permissions) {
		class, err := c.find(policydb.TableClasses, r.Class, d)
		if err != nil {
			return nil, err
		}
		mask, err := c.mask(class, r.Permissions)
		if err != nil {
			return nil, err
		}
		out.Classes = c.classData(c.m.Symbols.Classes[class].Value, mask)
	}
	c.last, c.lastRule, c.lastDecl = r, out, d
	if !r.Kind.xperm() {
		return list, nil
	}
	ranges := mergeRanges(slices.Clone(r.Xperms))
	return c.xperms(list[:len(list)-1], out, ranges, r.Permissions[0]), nil
}

// xperms adds a rule with extended permissions: one for all drivers that are
// meant as a whole and one for each other driver.
func (c *compiler) xperms(list []policydb.ModuleRule, r *policydb.ModuleRule, ranges []XpermRange, permission string) []policydb.ModuleRule {
	c.need(policydb.ModuleXPerms)
	for _, x := range splitXperms(ranges, permission == "nlmsg") {
		next := *r
		next.XPerms = &x
		list = append(list, next)
	}
	return list
}

func (c *compiler) accessRule(list []policydb.ModuleRule, r *AccessRule, d *decl) ([]policydb.ModuleRule, error) {
	if r.Kind < Allow || r.Kind > AuditDeny {
		return nil, fmt.Errorf("unknown rule kind %d", r.Kind)
	}
	if err := r.Permissions.check(); err != nil {
		return nil, err
	}
	if r.Kind.xperm() && (r.Permissions.All || r.Permissions.Complement) {
		return nil, errors.New("extended permissions of more than one permission")
	}
	if err := checkXperms(r.Kind, r.Permissions.Names, r.Xperms); err != nil {
		return nil, err
	}
	out := policydb.ModuleRule{Kind: ruleKinds[r.Kind], Flags: selfFlags(&r.Targets)}
	var err error
	if out.Sources, err = c.typeSet(&r.Sources, r.Kind.never(), false, d); err != nil {
		return nil, err
	}
	if out.Targets, err = c.typeSet(&r.Targets, r.Kind.never(), true, d); err != nil {
		return nil, err
	}
	classes, err := c.classes(r.Classes, d)
	if err != nil {
		return nil, err
	}
	for _, class := range classes {
		k := &c.m.Symbols.Classes[class]
		mask, err := c.mask(class, r.Permissions.Names)
		if err != nil {
			return nil, err
		}
		switch {
		case r.Permissions.All:
			mask = permMask(k)
		case r.Permissions.Complement:
			mask = permMask(k) &^ mask
		}
		if mask == 0 { // ~ of all that the module knows
			continue
		}
		if len(classes) == 1 {
			out.Classes = c.classData(k.Value, mask)
		} else {
			out.Classes = append(out.Classes, policydb.ClassData{Class: k.Value, Data: mask})
		}
	}
	if len(out.Classes) == 0 {
		return list, nil
	}
	if !r.Kind.xperm() {
		return append(list, out), nil
	}
	return c.xperms(list, &out, mergeRanges(slices.Clone(r.Xperms)), r.Permissions.Names[0]), nil
}

func (c *compiler) typeRule(list []policydb.ModuleRule, r *TypeRule, d *decl) ([]policydb.ModuleRule, error) {
	if r.Kind < TypeTransition || r.Kind > TypeChange {
		return nil, fmt.Errorf("unknown type rule kind %d", r.Kind)
	}
	out := policydb.ModuleRule{Kind: typeRuleKinds[r.Kind], Flags: selfFlags(&r.Targets)}
	if r.Targets.Self {
		c.need(policydb.ModuleSelfTransitions)
	}
	var err error
	if out.Sources, err = c.typeSet(&r.Sources, false, false, d); err != nil {
		return nil, err
	}
	if out.Targets, err = c.typeSet(&r.Targets, false, true, d); err != nil {
		return nil, err
	}
	classes, err := c.classes(r.Classes, d)
	if err != nil {
		return nil, err
	}
	value, err := c.simpleType(r.NewType, d)
	if err != nil {
		return nil, err
	}
	for _, class := range slices.Backward(classes) {
		out.Classes = append(out.Classes, policydb.ClassData{Class: c.m.Symbols.Classes[class].Value, Data: value})
	}
	return append(list, out), nil
}

var typeRuleKinds = [...]policydb.AVKind{TypeTransition: policydb.TypeTransition, TypeMember: policydb.TypeMember, TypeChange: policydb.TypeChange}

func (c *compiler) nameTransition(r *TypeRule, d *decl) error {
	if r.Kind != TypeTransition {
		return fmt.Errorf("%s with a file name", r.Kind)
	}
	if err := checkFileName(r.FileName); err != nil {
		return err
	}
	c.need(policydb.ModuleNameTransitions)
	out := policydb.ModuleNameTransition{Name: r.FileName, Self: r.Targets.Self}
	if out.Self {
		c.need(policydb.ModuleSelfTransitions)
	}
	var err error
	if out.Sources, err = c.typeSet(&r.Sources, false, false, d); err != nil {
		return err
	}
	if out.Targets, err = c.typeSet(&r.Targets, false, true, d); err != nil {
		return err
	}
	classes, err := c.classes(r.Classes, d)
	if err != nil {
		return err
	}
	if out.Type, err = c.simpleType(r.NewType, d); err != nil {
		return err
	}
	for _, class := range classes {
		out.Class = c.m.Symbols.Classes[class].Value
		if err := c.checkNameTransition(&out); err != nil {
			return err
		}
		d.NameTransitions = append(d.NameTransitions, out)
	}
	return nil
}

// checkFileName checks a name in a type_transition: checkpolicy's scanner
// (policy_scan.l, FILENAME) takes no quote, slash or end of line.
func checkFileName(s string) error {
	problem := ""
	if len(s) > maxName {
		problem = "too long"
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '/' || c == 0x7f {
			problem = "has a quote, a slash or a control character"
		}
	}
	if problem == "" {
		return nil
	}
	return nameError("file", s, problem)
}

// bounds says that a type is bounded by another.
func (c *compiler) bounds(parent, name string, d *decl) error {
	up, err := c.simpleType(parent, d)
	if err != nil {
		return err
	}
	i, err := c.find(policydb.TableTypes, name, d)
	if err != nil {
		return err
	}
	t := &c.m.Symbols.Types[i]
	switch {
	case t.Flavor == policydb.FlavorAttribute:
		return fmt.Errorf("%q is an attribute, not a type", name)
	case t.Flavor == policydb.FlavorAlias:
		t = &c.m.Symbols.Types[c.primary[t.Primary-1]]
	case t.Primary == 0:
		t = &c.m.Symbols.Types[c.primary[t.Value-1]]
	}
	if t.Bounds != 0 && t.Bounds != up {
		return fmt.Errorf("the type %q is bounded by two others", name)
	}
	t.Bounds = up
	c.need(policydb.ModuleBounds)
	return nil
}

func (c *compiler) expandAttribute(s *ExpandAttribute, d *decl) error {
	for _, name := range s.Attributes {
		i, err := c.find(policydb.TableTypes, name, d)
		if err != nil {
			return unknownAs(err, "attribute")
		}
		t := &c.m.Symbols.Types[i]
		switch {
		case t.Flavor != policydb.FlavorAttribute:
			return fmt.Errorf("%q is a type, not an attribute", name)
		case !s.Expand: // stands against the other
			t.Flags = t.Flags&^policydb.FlagExpandAttribute | policydb.FlagKeepAttribute
		case t.Flags&policydb.FlagKeepAttribute == 0:
			t.Flags |= policydb.FlagExpandAttribute
		}
	}
	return nil
}

func (c *compiler) flag(name string, flag uint32, feature policydb.ModuleFeature, d *decl) error {
	if _, err := c.simpleType(name, d); err != nil {
		return err
	}
	c.m.Symbols.Types[c.names[policydb.TableTypes][name]].Flags |= flag
	c.need(feature)
	return nil
}

func (c *compiler) roleTypes(s *RoleTypes, d *decl) error {
	i, err := c.find(policydb.TableRoles, s.Role, d)
	if err != nil {
		return err
	}
	set, err := c.typeSet(&s.Types, false, false, d)
	if err != nil {
		return err
	}
	r := c.localRole(i, d)
	r.Types.Types = union(r.Types.Types, set.Types)
	r.Types.NegSet = union(r.Types.NegSet, set.NegSet)
	return nil
}

// union makes a set of the members of both.
func union(a, b policydb.Bitmap) policydb.Bitmap {
	if a.IsEmpty() {
		return policydb.Bitmap{Nodes: slices.Clone(b.Nodes)}
	}
	for n := range b.All() {
		a = with(a, n+1)
	}
	return a
}

func (c *compiler) roleSet(names []string, d *decl) (policydb.RoleSet, error) {
	var set policydb.RoleSet
	if len(names) == 0 {
		return set, errEmptySet
	}
	for _, name := range names {
		i, err := c.find(policydb.TableRoles, name, d)
		if err != nil {
			return set, err
		}
		set.Roles = with(set.Roles, c.m.Symbols.Roles[i].Value)
	}
	return set, nil
}

func (c *compiler) roleAllow(s *RoleAllow, d *decl) error {
	from, err := c.roleSet(s.From, d)
	if err != nil {
		return err
	}
	to, err := c.roleSet(s.To, d)
	if err != nil {
		return err
	}
	d.RoleAllows = append(d.RoleAllows, policydb.ModuleRoleAllow{Roles: from, NewRoles: to})
	return nil
}

// classSet are the classes of a transition; none stands for process.
func (c *compiler) classSet(names []string, d *decl) (policydb.Bitmap, error) {
	if len(names) == 0 {
		names = []string{process}
	}
	classes, err := c.classes(names, d)
	var b policydb.Bitmap
	for _, class := range classes {
		b = with(b, c.m.Symbols.Classes[class].Value)
	}
	return b, err
}

const process = "process"

func (c *compiler) roleTransition(s *RoleTransition, d *decl) error {
	var out policydb.ModuleRoleTransition
	var err error
	if out.Roles, err = c.roleSet(s.Roles, d); err != nil {
		return err
	}
	if out.Types, err = c.typeSet(&s.Types, false, false, d); err != nil {
		return err
	}
	if out.Classes, err = c.classSet(s.Classes, d); err != nil {
		return err
	}
	if len(s.Classes) > 0 && !(len(s.Classes) == 1 && s.Classes[0] == process) {
		c.need(policydb.ModuleRoleTransitionClasses)
	}
	i, err := c.find(policydb.TableRoles, s.NewRole, d)
	if err != nil {
		return err
	}
	if c.m.Symbols.Roles[i].Attribute {
		return fmt.Errorf("%q is an attribute of roles, not a role", s.NewRole)
	}
	out.NewRole = c.m.Symbols.Roles[i].Value
	if err := c.checkRoleTransition(&out); err != nil {
		return err
	}
	d.RoleTransitions = append(d.RoleTransitions, out)
	return nil
}

var errNoMLS = errors.New("a range in a module without multi-level security")

func (c *compiler) rangeTransition(s *RangeTransition, d *decl) error {
	if !c.m.MLS {
		return errNoMLS
	}
	c.need(policydb.ModuleRangeTransitions)
	var out policydb.ModuleRangeTransition
	var err error
	if out.Sources, err = c.typeSet(&s.Sources, false, false, d); err != nil {
		return err
	}
	if out.Targets, err = c.typeSet(&s.Targets, false, false, d); err != nil {
		return err
	}
	if out.Classes, err = c.classSet(s.Classes, d); err != nil {
		return err
	}
	if out.Range, err = c.levels(&s.Range); err != nil {
		return err
	}
	d.RangeTransitions = append(d.RangeTransitions, out)
	return nil
}

// levels are those of a range. Where sensitivities and categories have been
// required does not count (define_range_trans in checkpolicy).
func (c *compiler) levels(r *Range) (policydb.SemanticRange, error) {
	low, err := c.level(&r.Low)
	if err != nil || r.High.isZero() {
		return policydb.SemanticRange{Low: low, High: low}, err
	}
	high, err := c.level(&r.High)
	return policydb.SemanticRange{Low: low, High: high}, err
}

func (c *compiler) level(l *Level) (policydb.SemanticLevel, error) {
	var out policydb.SemanticLevel
	i, ok := c.names[policydb.TableSensitivities][l.Sensitivity]
	if !ok {
		return out, &UnknownNameError{"sensitivity", l.Sensitivity}
	}
	out.Sensitivity = c.m.Symbols.Sensitivities[i].Level.Sensitivity
	for _, r := range slices.Backward(l.Categories) {
		low, ok1 := c.names[policydb.TableCategories][r.Low]
		high, ok2 := c.names[policydb.TableCategories][r.High]
		switch {
		case !ok1:
			return out, &UnknownNameError{"category", r.Low}
		case !ok2:
			return out, &UnknownNameError{"category", r.High}
		case high < low:
			return out, fmt.Errorf("the category %q was declared or required after %q", r.Low, r.High)
		}
		values := c.m.Symbols.Categories
		out.Categories = append(out.Categories, policydb.CategoryRange{Low: values[low].Value, High: values[high].Value})
	}
	return out, nil
}

func (c *compiler) userSymbol(name string, kind policydb.ScopeKind, d *decl) (int, error) {
	i, had, err := c.insert(policydb.TableUsers, name, kind, d)
	if err == nil && !had {
		c.m.Symbols.Users = append(c.m.Symbols.Users, policydb.ModuleUser{Name: name, Value: c.next(policydb.TableUsers)})
		if c.m.MLS {
			c.need(policydb.ModuleMLSUsers)
		}
	}
	return i, err
}

func (c *compiler) requireUser(name string, d *decl) error {
	i, err := c.userSymbol(name, policydb.ScopeRequired, d)
	if err == nil {
		d.required[policydb.TableUsers].add(c.m.Symbols.Users[i].Value)
	}
	return err
}

func (c *compiler) user(s *User, d *decl) error {
	i, err := c.userSymbol(s.Name, policydb.ScopeDeclared, d)
	if err != nil {
		return err
	}
	u := &c.m.Symbols.Users[i]
	d.declared[policydb.TableUsers].add(u.Value)
	if d.parent != nil {
		_, known := d.users[s.Name]
		u = local(&d.users, &d.Symbols.Users, policydb.ModuleUser{Name: s.Name, Value: u.Value}, s.Name)
		if !known {
			if err := implicitBounds(d.users, s.Name, "user", func(i int) { u.Bounds = d.Symbols.Users[i].Value }); err != nil {
				return err
			}
			if u.Bounds != 0 {
				c.need(policydb.ModuleBounds)
			}
		}
	}
	roles, err := c.roleSet(s.Roles, d)
	if err != nil {
		return err
	}
	u.Roles.Roles = union(u.Roles.Roles, roles.Roles)
	if !c.m.MLS {
		return nil
	}
	// Of a user that is declared again the new sensitivities count, and all
	// categories (define_user in checkpolicy).
	level, err := c.level(&s.Level)
	if err != nil {
		return err
	}
	levels, err := c.levels(&s.Range)
	if err != nil {
		return err
	}
	add := func(l, to policydb.SemanticLevel) policydb.SemanticLevel {
		return policydb.SemanticLevel{Sensitivity: l.Sensitivity, Categories: slices.Concat(l.Categories, to.Categories)}
	}
	before := u.Range
	u.Default, u.Range.Low = add(level, u.Default), add(levels.Low, before.Low)
	if u.Range.High = u.Range.Low; !s.Range.High.isZero() {
		u.Range.High = add(levels.High, before.High)
	}
	return nil
}

package policydb

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

const (
	objectR      = "object_r"
	objectRValue = 1
)

func (k *checker) checkCommons() error {
	k.commons = newValues(k.p.NumCommons)
	seen := names{}
	for i := range k.p.Commons {
		m := &k.p.Commons[i]
		err := first(seen.add(m.Name), k.commons.add(m.Value))
		if err == nil && (m.NumPerms == 0 || m.NumPerms > maxPerms || int(m.NumPerms) != len(m.Permissions)) {
			err = fmt.Errorf("%d permissions of %d", len(m.Permissions), m.NumPerms)
		}
		if err == nil {
			err = checkPermissions(m.Permissions, 0, m.NumPerms)
		}
		if err != nil {
			return fmt.Errorf("common %q: %w", m.Name, err)
		}
	}
	return nil
}

// checkPermissions checks a class's own permissions, which have values above
// the inherited ones.
func checkPermissions(perms []Permission, inherited, n uint32) error {
	var values uint32 // there are 32 at most
	for i, m := range perms {
		var err error
		switch bit := uint32(1) << (m.Value - 1); {
		case !validName(m.Name):
			err = errName
		case slices.ContainsFunc(perms[:i], func(o Permission) bool { return o.Name == m.Name }):
			err = errDuplicate
		case m.Value-1 >= n:
			err = fmt.Errorf("value %d of %d", m.Value, n)
		case values&bit != 0:
			err = fmt.Errorf("value %d %w", m.Value, errDuplicate)
		default:
			values |= bit
		}
		if err != nil {
			return fmt.Errorf("permission %q: %w", m.Name, err)
		}
		if m.Value <= inherited {
			return fmt.Errorf("permission %q has the value of an inherited one", m.Name)
		}
	}
	return nil
}

// indexClasses checks the classes but for their constraints, which need the
// other tables.
func (k *checker) indexClasses() error {
	k.classes = newValues(k.p.NumClasses)
	k.classAt = make([]*Class, k.p.NumClasses)
	commons := make(map[string]*Common, len(k.p.Commons))
	for i := range k.p.Commons {
		commons[k.p.Commons[i].Name] = &k.p.Commons[i]
	}
	seen := make(names, len(k.p.Classes))
	for i := range k.p.Classes {
		c := &k.p.Classes[i]
		err := first(seen.add(c.Name), k.classes.add(c.Value))
		if err == nil && c.Value > math.MaxUint16 {
			err = fmt.Errorf("value %d does not fit a rule", c.Value)
		}
		if err == nil {
			err = checkClassPermissions(c, commons)
		}
		if err != nil {
			return fmt.Errorf("class %q: %w", c.Name, err)
		}
		k.classAt[c.Value-1] = c
	}
	return nil
}

func checkClassPermissions(c *Class, commons map[string]*Common) error {
	var inherited uint32
	if c.Common != "" {
		m := commons[c.Common]
		if m == nil {
			return fmt.Errorf("no common %q", c.Common)
		}
		inherited = m.NumPerms
	}
	if c.NumPerms > maxPerms || uint64(c.NumPerms) != uint64(inherited)+uint64(len(c.Permissions)) {
		return fmt.Errorf("%d inherited and %d own permissions of %d", inherited, len(c.Permissions), c.NumPerms)
	}
	return checkPermissions(c.Permissions, inherited, c.NumPerms)
}

func (k *checker) checkClasses() error {
	for i := range k.p.Classes {
		c := &k.p.Classes[i]
		for j := range c.Constraints {
			if err := k.checkConstraint(c, &c.Constraints[j], false); err != nil {
				return fmt.Errorf("class %q: constraint %d: %w", c.Name, j, err)
			}
		}
		for j := range c.ValidateTrans {
			if err := k.checkConstraint(c, &c.ValidateTrans[j], true); err != nil {
				return fmt.Errorf("class %q: validatetrans %d: %w", c.Name, j, err)
			}
		}
		if err := k.checkDefaults(c); err != nil {
			return fmt.Errorf("class %q: %w", c.Name, err)
		}
	}
	return nil
}

func (k *checker) checkDefaults(c *Class) error {
	if max(c.DefaultUser, c.DefaultRole, c.DefaultType) > DefaultTarget || c.DefaultRange > DefaultGLBLUB {
		return errors.New("unknown default")
	}
	v := k.p.Version
	if (c.DefaultUser|c.DefaultRole != 0 || c.DefaultRange != 0) && !FeatureObjectDefaults.In(v) {
		return FeatureObjectDefaults.missing(v)
	}
	if c.DefaultRange == DefaultGLBLUB && !FeatureGLBLUB.In(v) {
		return FeatureGLBLUB.missing(v)
	}
	if c.DefaultType != 0 && !FeatureDefaultType.In(v) {
		return FeatureDefaultType.missing(v)
	}
	return nil
}

// permMask is the access vector of all permissions of a class.
func permMask(c *Class) uint32 { return uint32(uint64(1)<<c.NumPerms - 1) }

// maxTerms limits what the evaluation of a constraint holds at a time
// (CEXPR_MAXDEPTH).
const maxTerms = 5

func (k *checker) checkConstraint(c *Class, n *Constraint, validatetrans bool) error {
	if validatetrans {
		if n.Permissions != 0 {
			return fmt.Errorf("permissions %#x", n.Permissions)
		}
	} else if n.Permissions&permMask(c) == 0 {
		// libsepol takes further bits that no permission has: old compilers
		// set them for "*".
		return fmt.Errorf("no permission in %#x", n.Permissions)
	}
	depth := 0
	for i := range n.Expr {
		t := &n.Expr[i]
		switch t.Kind {
		case ConstraintNot:
			if depth < 1 {
				return errNotPolish
			}
		case ConstraintAnd, ConstraintOr:
			if depth < 2 {
				return errNotPolish
			}
			depth--
		case ConstraintAttr, ConstraintNames:
			if depth++; depth > maxTerms {
				return fmt.Errorf("more than %d terms at a time", maxTerms)
			}
		}
		if err := k.checkTerm(t, validatetrans); err != nil {
			return fmt.Errorf("term %d: %w", i, err)
		}
	}
	if depth != 1 {
		return errNotPolish
	}
	return nil
}

var (
	errNotPolish = errors.New("not an expression in reverse Polish order")
	errTerm      = errors.New("unknown operator, operand or a set that is not for it")
)

func (k *checker) checkTerm(t *ConstraintTerm, validatetrans bool) error {
	emptyTypes := t.TypeNames.Types.IsEmpty() && t.TypeNames.NegSet.IsEmpty() && t.TypeNames.Flags == 0
	switch t.Kind {
	case ConstraintNot, ConstraintAnd, ConstraintOr:
		if t.Op != 0 || t.Attr != 0 || !t.Names.IsEmpty() || !emptyTypes {
			return errTerm
		}
		return nil
	case ConstraintAttr:
		switch t.Attr {
		case AttrUser, AttrType:
			if t.Op != OpEq && t.Op != OpNeq {
				return errTerm
			}
		case AttrRole, AttrL1L2, AttrL1H2, AttrH1L2, AttrH1H2, AttrL1H1, AttrL2H2:
			if t.Op < OpEq || t.Op > OpIncomp {
				return errTerm
			}
		default:
			return errTerm
		}
		if !t.Names.IsEmpty() || !emptyTypes {
			return errTerm
		}
		return nil
	case ConstraintNames:
		return k.checkTermNames(t, validatetrans, emptyTypes)
	}
	return errTerm
}

func (k *checker) checkTermNames(t *ConstraintTerm, validatetrans, emptyTypes bool) error {
	whose := t.Attr & (AttrTarget | AttrXTarget)
	if t.Op != OpEq && t.Op != OpNeq || whose == AttrTarget|AttrXTarget || whose == AttrXTarget && !validatetrans {
		return errTerm
	}
	switch t.Attr &^ whose {
	case AttrUser:
		if !emptyTypes {
			return errTerm
		}
		return k.users.needAll("users", t.Names)
	case AttrRole:
		if !emptyTypes {
			return errTerm
		}
		return k.roles.needAll("roles", t.Names)
	case AttrType:
		if v := k.p.Version; !emptyTypes && !FeatureConstraintNames.In(v) {
			return FeatureConstraintNames.missing(v)
		}
		if t.TypeNames.Flags > 2 {
			return fmt.Errorf("type set flags %#x", t.TypeNames.Flags)
		}
		return first(k.typesAttrs.needAll("types", t.Names),
			k.typesAttrs.needAll("type set", t.TypeNames.Types),
			k.typesAttrs.needAll("negated type set", t.TypeNames.NegSet))
	}
	return errTerm
}

// indexRoles wants object_r with the value 1, as the readers and writers of
// libsepol and the kernel take it to be there.
func (k *checker) indexRoles() error {
	k.roles = newValues(k.p.NumRoles)
	k.roleAt = make([]*Role, k.p.NumRoles)
	seen := names{}
	for i := range k.p.Roles {
		r := &k.p.Roles[i]
		err := first(seen.add(r.Name), k.roles.add(r.Value))
		if err == nil && (r.Name == objectR) != (r.Value == objectRValue) {
			err = fmt.Errorf("value %d, but %d is %s", r.Value, objectRValue, objectR)
		}
		if err != nil {
			return fmt.Errorf("role %q: %w", r.Name, err)
		}
		k.roleAt[r.Value-1] = r
	}
	if !k.roles.has(objectRValue) {
		return fmt.Errorf("no %s", objectR)
	}
	return nil
}

func (k *checker) checkRoles() error {
	for i := range k.p.Roles {
		r := &k.p.Roles[i]
		err := first(k.roles.needAll("dominated roles", r.Dominates), k.typesAttrs.needAll("types", r.Types))
		if err == nil {
			err = checkBounds(r.Bounds, func(up uint32) (uint32, error) {
				if err := k.roles.need("bounds", up); err != nil {
					return 0, err
				}
				if !k.roleAt[up-1].Types.Contains(r.Types) {
					return 0, fmt.Errorf("types that the bounding role %q has not", k.roleAt[up-1].Name)
				}
				return k.roleAt[up-1].Bounds, nil
			})
		}
		if err != nil {
			return fmt.Errorf("role %q: %w", r.Name, err)
		}
	}
	return nil
}

func (k *checker) checkTypes() error {
	k.typesAttrs, k.types = newValues(k.p.NumTypes), newValues(k.p.NumTypes)
	k.typeAt = make([]*Type, k.p.NumTypes)
	seen := make(names, len(k.p.Types))
	for i := range k.p.Types {
		t := &k.p.Types[i]
		err := seen.add(t.Name)
		if err == nil && t.Properties&TypePrimary != 0 {
			if err = k.typesAttrs.add(t.Value); err == nil {
				k.typeAt[t.Value-1] = t
				if t.Properties&TypeAttribute == 0 {
					err = k.types.add(t.Value)
				}
			}
		}
		if err != nil {
			return fmt.Errorf("type %q: %w", t.Name, err)
		}
	}
	for i := range k.p.Types {
		t := &k.p.Types[i]
		err := k.typesAttrs.need("alias", t.Value) // holds for the others
		if err == nil && t.Bounds != 0 && t.Properties&TypeAttribute != 0 {
			err = errors.New("an attribute with bounds")
		}
		if err == nil {
			err = checkBounds(t.Bounds, func(up uint32) (uint32, error) {
				if err := k.types.need("bounds", up); err != nil {
					return 0, err
				}
				return k.typeAt[up-1].Bounds, nil
			})
		}
		if err != nil {
			return fmt.Errorf("type %q: %w", t.Name, err)
		}
	}
	return nil
}

func (k *checker) checkPermissive() error { return k.checkTypeBits(k.p.Permissive) }

func (k *checker) checkNeverAudit() error {
	if v := k.p.Version; !k.p.NeverAudit.IsEmpty() && !FeatureNeverAudit.In(v) {
		return FeatureNeverAudit.missing(v)
	}
	return k.checkTypeBits(k.p.NeverAudit)
}

// checkTypeBits checks a bitmap in which a bit is a type's value itself.
func (k *checker) checkTypeBits(b Bitmap) error {
	for value := range b.All() {
		if !k.types.has(value) {
			return fmt.Errorf("value %d: %w", value, errNotType)
		}
	}
	return nil
}

func (k *checker) indexUsers() error {
	k.users = newValues(k.p.NumUsers)
	k.userAt = make([]*User, k.p.NumUsers)
	seen := names{}
	for i := range k.p.Users {
		u := &k.p.Users[i]
		if err := first(seen.add(u.Name), k.users.add(u.Value)); err != nil {
			return fmt.Errorf("user %q: %w", u.Name, err)
		}
		k.userAt[u.Value-1] = u
	}
	return nil
}

func (k *checker) checkUsers() error {
	for i := range k.p.Users {
		u := &k.p.Users[i]
		err := first(k.roles.needAll("roles", u.Roles), k.checkLevel(u.Range.Low), k.checkLevel(u.Range.High), k.checkLevel(u.Default), checkSingle(&u.Range))
		if err == nil {
			err = checkBounds(u.Bounds, func(up uint32) (uint32, error) {
				if err := k.users.need("bounds", up); err != nil {
					return 0, err
				}
				if !k.userAt[up-1].Roles.Contains(u.Roles) {
					return 0, fmt.Errorf("roles that the bounding user %q has not", k.userAt[up-1].Name)
				}
				return k.userAt[up-1].Bounds, nil
			})
		}
		if err != nil {
			return fmt.Errorf("user %q: %w", u.Name, err)
		}
	}
	return nil
}

func (k *checker) checkBooleans() error {
	k.booleans = newValues(k.p.NumBooleans)
	seen := names{}
	for _, b := range k.p.Booleans {
		if err := first(seen.add(b.Name), k.booleans.add(b.Value)); err != nil {
			return fmt.Errorf("boolean %q: %w", b.Name, err)
		}
	}
	return nil
}

func (k *checker) checkCategories() error {
	k.categories = newValues(k.p.NumCategories)
	seen := make(names, len(k.p.Categories))
	for _, c := range k.p.Categories {
		err := seen.add(c.Name)
		if err == nil && !c.Alias {
			err = k.categories.add(c.Value)
		}
		if err != nil {
			return fmt.Errorf("category %q: %w", c.Name, err)
		}
	}
	for _, c := range k.p.Categories {
		if err := k.categories.need("alias", c.Value); err != nil {
			return fmt.Errorf("category %q: %w", c.Name, err)
		}
	}
	return nil
}

func (k *checker) checkSensitivities() error {
	k.sensitivities = newValues(k.p.NumSensitivities)
	k.levelAt = make([]*Level, k.p.NumSensitivities)
	seen := names{}
	for i := range k.p.Sensitivities {
		s := &k.p.Sensitivities[i]
		err := first(seen.add(s.Name), k.categories.needAll("categories", s.Level.Categories))
		if err == nil && !s.Alias {
			if err = k.sensitivities.add(s.Level.Sensitivity); err == nil {
				k.levelAt[s.Level.Sensitivity-1] = &s.Level
			}
		}
		if err != nil {
			return fmt.Errorf("sensitivity %q: %w", s.Name, err)
		}
	}
	for _, s := range k.p.Sensitivities {
		if !s.Alias {
			continue
		}
		err := k.sensitivities.need("alias", s.Level.Sensitivity)
		if err == nil && !k.levelAt[s.Level.Sensitivity-1].Categories.Equal(s.Level.Categories) {
			err = errors.New("an alias with other categories")
		}
		if err != nil {
			return fmt.Errorf("sensitivity %q: %w", s.Name, err)
		}
	}
	return nil
}

// checkLevel checks that what a level consists of is there. Policies without
// MLS have empty levels.
func (k *checker) checkLevel(l Level) error {
	if !k.p.MLS {
		return nil
	}
	return first(k.sensitivities.need("sensitivity", l.Sensitivity), k.categories.needAll("categories", l.Categories))
}

package policydb

// The smallest sizes of records in the file, in bytes: their fixed fields and,
// where one belongs to it, a name of one byte.
const (
	minPermission  = 4 + 4 + 1
	minCommon      = 4*4 + 1
	minTerm        = 3 * 4
	minConstraint  = 2 * 4
	minClass       = 6*4 + 1 + 4
	minRole        = 3*4 + 1 + 2*bitmapHeadSize
	minType        = 4*4 + 1
	minRange       = 2*4 + bitmapHeadSize
	minLevel       = 4 + bitmapHeadSize
	minUser        = 3*4 + 1 + bitmapHeadSize + minRange + minLevel
	minBoolean     = 3*4 + 1
	minSensitivity = 2*4 + 1 + minLevel
	minCategory    = 3*4 + 1
)

// maxPerms is the number of permissions of a class: the bits of an access
// vector (PERM_SYMTAB_SIZE).
const maxPerms = 32

// valueSize is how many bytes must be left for each value of a symbol table,
// as policydb_read wants it: values index arrays, so their number is bounded.
const valueSize = 3 * 4

// table reads the head of a symbol table: the number of primary values and the
// number of entries.
func (c *cursor) table(size int) (nprim uint32, n int) {
	nprim = c.u32()
	entries := c.u32()
	c.enough(nprim, valueSize)
	if c.err == nil && entries != 0 && nprim == 0 {
		c.failf("%d entries in a table without values", entries)
	}
	return nprim, c.enough(entries, size)
}

func (c *cursor) permissions(n int) []Permission {
	perms := make([]Permission, n)
	for i := range perms {
		size := c.u32()
		perms[i].Value = c.u32()
		perms[i].Name = c.name(size)
		if c.err != nil {
			return nil
		}
	}
	return perms
}

func (c *cursor) commons(p *Policy) {
	nprim, n := c.table(minCommon)
	p.NumCommons = nprim
	p.Commons = make([]Common, n)
	for i := range p.Commons {
		m := &p.Commons[i]
		size := c.u32()
		m.Value, m.NumPerms = c.u32(), c.u32()
		perms := c.count(minPermission)
		m.Name = c.name(size)
		m.Permissions = c.permissions(perms)
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) classes(p *Policy) {
	nprim, n := c.table(minClass)
	p.NumClasses = nprim
	p.Classes = make([]Class, n)
	for i := range p.Classes {
		k := &p.Classes[i]
		size, commonSize := c.u32(), c.u32()
		k.Value, k.NumPerms = c.u32(), c.u32()
		perms, constraints := c.count(minPermission), c.count(minConstraint)
		k.Name = c.name(size)
		if commonSize != 0 {
			k.Common = c.name(commonSize)
		}
		k.Permissions = c.permissions(perms)
		k.Constraints = c.constraints(p, constraints)
		k.ValidateTrans = c.constraints(p, c.count(minConstraint))
		if FeatureObjectDefaults.In(p.Version) {
			k.DefaultUser, k.DefaultRole = DefaultFrom(c.u32()), DefaultFrom(c.u32())
			k.DefaultRange = DefaultRange(c.u32())
		}
		if FeatureDefaultType.In(p.Version) {
			k.DefaultType = DefaultFrom(c.u32())
		}
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) constraints(p *Policy, n int) []Constraint {
	if n = c.enough(uint32(n), minConstraint); n == 0 {
		return nil
	}
	list := make([]Constraint, n)
	for i := range list {
		list[i].Permissions = c.u32()
		list[i].Expr = make([]ConstraintTerm, c.count(minTerm))
		for j := range list[i].Expr {
			c.constraintTerm(p, &list[i].Expr[j])
			if c.err != nil {
				return nil
			}
		}
	}
	return list
}

func (c *cursor) constraintTerm(p *Policy, t *ConstraintTerm) {
	t.Kind, t.Attr, t.Op = ConstraintKind(c.u32()), c.u32(), ConstraintOp(c.u32())
	if t.Kind != ConstraintNames {
		return
	}
	t.Names = c.bitmap()
	if FeatureConstraintNames.In(p.Version) {
		t.TypeNames = TypeSet{Types: c.bitmap(), NegSet: c.bitmap(), Flags: c.u32()}
	}
}

func (c *cursor) roles(p *Policy) {
	nprim, n := c.table(minRole)
	p.NumRoles = nprim
	p.Roles = make([]Role, n)
	for i := range p.Roles {
		r := &p.Roles[i]
		size := c.u32()
		r.Value, r.Bounds = c.u32(), c.u32()
		r.Name = c.name(size)
		r.Dominates, r.Types = c.bitmap(), c.bitmap()
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) types(p *Policy) {
	nprim, n := c.table(minType)
	p.NumTypes = nprim
	p.Types = make([]Type, n)
	for i := range p.Types {
		t := &p.Types[i]
		size := c.u32()
		t.Value, t.Properties, t.Bounds = c.u32(), c.u32(), c.u32()
		t.Name = c.name(size)
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) users(p *Policy) {
	nprim, n := c.table(minUser)
	p.NumUsers = nprim
	p.Users = make([]User, n)
	for i := range p.Users {
		u := &p.Users[i]
		size := c.u32()
		u.Value, u.Bounds = c.u32(), c.u32()
		u.Name = c.name(size)
		u.Roles = c.bitmap()
		u.Range = c.rng()
		u.Default = c.level()
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) booleans(p *Policy) {
	nprim, n := c.table(minBoolean)
	p.NumBooleans = nprim
	p.Booleans = make([]Boolean, n)
	for i := range p.Booleans {
		b := &p.Booleans[i]
		b.Value = c.u32()
		b.State = c.flag()
		b.Name = c.name(c.u32())
		if c.err != nil {
			return
		}
	}
}

// flag reads a word that is 0 or 1. The kernel takes other values as 1 for
// some of them; no writer has them.
func (c *cursor) flag() bool {
	v := c.u32()
	if v > 1 {
		c.failf("%d where 0 or 1 belongs", v)
	}
	return v == 1
}

func (c *cursor) sensitivities(p *Policy) {
	nprim, n := c.table(minSensitivity)
	p.NumSensitivities = nprim
	p.Sensitivities = make([]Sensitivity, n)
	for i := range p.Sensitivities {
		s := &p.Sensitivities[i]
		size := c.u32()
		s.Alias = c.flag()
		s.Name = c.name(size)
		s.Level = c.level()
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) categories(p *Policy) {
	nprim, n := c.table(minCategory)
	p.NumCategories = nprim
	p.Categories = make([]Category, n)
	for i := range p.Categories {
		k := &p.Categories[i]
		size := c.u32()
		k.Value = c.u32()
		k.Alias = c.flag()
		k.Name = c.name(size)
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) level() Level {
	return Level{Sensitivity: c.u32(), Categories: c.bitmap()}
}

// rng reads a range: the number of its levels, their sensitivities, then their
// categories. Policies without MLS have ranges too, of sensitivity 0.
func (c *cursor) rng() Range {
	var r Range
	switch n := c.u32(); {
	case c.err != nil:
	case n == 1:
		r.Single = true
		r.Low = c.level()
		r.High = r.Low
	case n == 2:
		r.Low.Sensitivity, r.High.Sensitivity = c.u32(), c.u32()
		r.Low.Categories, r.High.Categories = c.bitmap(), c.bitmap()
	default:
		c.failf("range of %d levels", n)
	}
	return r
}

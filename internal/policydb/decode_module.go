package policydb

import "errors"

// What a [FormatError] of [DecodeModule] and [DecodePackage] wraps when the
// data is something else than a policy module.
var (
	ErrNotModule = errors.New("not a policy module: wrong magic number")
	ErrKernel    = errors.New("a kernel policy, not a policy module")
	ErrPackage   = errors.New("a module package, not a policy module")
	ErrBase      = errors.New("a base module: only modules that go on top of one are read")
)

const (
	idModule = "SE Linux Module"

	policyTypeBase   = 1 // SEPOL_POLICY_BASE
	policyTypeModule = 2 // SEPOL_POLICY_MOD
)

// DecodeModule reads a policy module of version MinModuleVersion to
// MaxModuleVersion that is not a base module, as checkmodule -m writes it
// (.mod).
//
// It checks what libsepol's policydb_read and policydb_validate check, and
// each reference, as [Decode] does. It is stricter only where no tool writes
// such a thing: constraints, genfscon statements, permissions that are not the
// values up to their number, bytes after the module. An error is a
// *[FormatError], and the Module nil then.
func DecodeModule(data []byte) (*Module, error) {
	c := &cursor{data: data, section: "header"}
	m := new(Module)
	c.moduleHeader(m)
	if c.err != nil {
		return nil, c.err
	}
	c.section = "symbols"
	symbols := c.off
	c.moduleSymbols(m.Version, &m.Symbols, true)
	c.section = "blocks"
	blocks := c.off
	m.Blocks = make([]Block, c.count(minBlock))
	for i := range m.Blocks {
		m.Blocks[i].Branches = c.decls(m.Version)
		if c.err != nil {
			return nil, c.err
		}
	}
	c.section = "scopes"
	scopes := c.off
	c.scopes(m)
	c.section = "genfscon"
	if n := c.u32(); n != 0 {
		c.failf("%d genfscon statements in a module", n)
	}
	if c.err == nil && c.off != len(data) {
		c.failf("%d bytes after the module", len(data)-c.off)
	}
	if c.err != nil {
		return nil, c.err
	}
	if s, err := m.check(); err != nil {
		offset := map[string]int{"symbols": symbols, "blocks": blocks, "scopes": scopes}[s]
		return nil, &FormatError{Section: s, Offset: int64(offset), Err: err}
	}
	return m, nil
}

// moduleHeader reads what comes before the symbol tables.
func (c *cursor) moduleHeader(m *Module) {
	magic := c.u32()
	var other error
	switch {
	case c.err != nil:
		return
	case magic == magicKernel:
		other = ErrKernel
	case magic == magicPackage:
		other = ErrPackage
	case magic != magicModule:
		other = ErrNotModule
	}
	if other != nil {
		c.off = 0
		c.fail(other)
		return
	}
	if n := c.u32(); c.err == nil && n != uint32(len(idModule)) {
		c.failf("identifier of %d bytes", n)
	}
	if id := c.take(len(idModule)); c.err == nil && string(id) != idModule {
		c.failf("identifier %q instead of %q", id, idModule)
	}
	switch t := c.u32(); {
	case c.err != nil:
		return
	case t == policyTypeBase:
		c.fail(ErrBase)
		return
	case t != policyTypeModule:
		c.failf("module of type %d", t)
		return
	}
	m.Version = c.u32()
	if c.err == nil && (m.Version < MinModuleVersion || m.Version > MaxModuleVersion) {
		c.fail(&ModuleVersionError{Version: m.Version})
		return
	}
	config := c.u32()
	m.MLS = config&configMLS != 0
	m.HandleUnknown = HandleUnknown(config & configUnknown)
	m.OtherConfig = config &^ (configMLS | configUnknown)
	if syms, ocons := c.u32(), c.u32(); c.err == nil && (syms != numSymtabs || ocons != 0) {
		c.failf("%d symbol and %d object context tables instead of %d and 0", syms, ocons, numSymtabs)
	}
	if c.err != nil {
		return
	}
	m.Name = c.name(c.u32())
	m.Release = c.name(c.u32())
	if ModuleCapabilities.In(m.Version) {
		m.Capabilities = c.bitmap()
	}
}

func (c *cursor) scopes(m *Module) {
	for t := range m.Scopes {
		list := make([]Scope, c.count(minScope))
		for i := range list {
			s := &list[i]
			s.Name = c.name(c.u32())
			s.Kind = ScopeKind(c.u32())
			s.Decls = make([]uint32, c.count(4))
			for j := range s.Decls {
				s.Decls[j] = c.u32()
			}
			if c.err != nil {
				return
			}
		}
		m.Scopes[t] = list
	}
}

// The smallest sizes of records in the file, in bytes.
const (
	minTypeSet      = 2*bitmapHeadSize + 4
	minRoleSet      = bitmapHeadSize + 4
	minModuleClass  = 6*4 + 1
	minModuleRole   = 2*4 + 1 + bitmapHeadSize + minTypeSet
	minModuleType   = 4*4 + bitmapHeadSize + 1
	minModuleUser   = 2*4 + 1 + minRoleSet
	minScope        = 4 + 1 + 2*4 + 4
	minScopeIndex   = NumTables*bitmapHeadSize + 4
	minSymbols      = NumTables * 2 * 4
	minDecl         = 2*4 + 4*4 + 2*minScopeIndex + minSymbols
	minBlock        = 4
	minModuleRule   = 2*4 + 2*minTypeSet + 4
	minModuleCond   = 4 * 4
	minRoleTrans    = minRoleSet + minTypeSet + 4
	minNameTrans    = 4 + 1 + 2*minTypeSet + 2*4
	minRangeTrans   = 2*minTypeSet + bitmapHeadSize + 4*4
	classDataSize   = 2 * 4
	categoriesSize  = 2 * 4
	minClassPermMap = bitmapHeadSize
)

// moduleTable reads the head of a symbol table. In declarations the number of
// values stands for nothing.
func (c *cursor) moduleTable(nprim *uint32, global bool, size int) int {
	if global {
		num, n := c.table(size)
		*nprim = num
		return n
	}
	*nprim = c.u32()
	return c.count(size)
}

// moduleSymbols reads the symbol tables of a module or of a declaration.
func (c *cursor) moduleSymbols(version uint32, s *Symbols, global bool) {
	s.Commons = make([]Common, c.moduleTable(&s.Num[TableCommons], global, minCommon))
	for i := range s.Commons {
		m := &s.Commons[i]
		size := c.u32()
		m.Value, m.NumPerms = c.u32(), c.u32()
		perms := c.count(minPermission)
		m.Name = c.name(size)
		m.Permissions = c.permissions(perms)
		if c.err != nil {
			return
		}
	}
	s.Classes = make([]Class, c.moduleTable(&s.Num[TableClasses], global, minModuleClass))
	for i := range s.Classes {
		c.moduleClass(&s.Classes[i])
		if c.err != nil {
			return
		}
	}
	s.Roles = make([]ModuleRole, c.moduleTable(&s.Num[TableRoles], global, minModuleRole))
	for i := range s.Roles {
		c.moduleRole(version, &s.Roles[i])
		if c.err != nil {
			return
		}
	}
	s.Types = make([]ModuleType, c.moduleTable(&s.Num[TableTypes], global, minModuleType))
	for i := range s.Types {
		c.moduleType(version, &s.Types[i])
		if c.err != nil {
			return
		}
	}
	s.Users = make([]ModuleUser, c.moduleTable(&s.Num[TableUsers], global, minModuleUser))
	for i := range s.Users {
		c.moduleUser(version, &s.Users[i])
		if c.err != nil {
			return
		}
	}
	c.moduleOthers(version, s, global)
}

// moduleOthers reads the tables from booleans on.
func (c *cursor) moduleOthers(version uint32, s *Symbols, global bool) {
	s.Booleans = make([]ModuleBoolean, c.moduleTable(&s.Num[TableBooleans], global, minBoolean))
	for i := range s.Booleans {
		b := &s.Booleans[i]
		b.Value = c.u32()
		b.State = c.flag()
		b.Name = c.name(c.u32())
		if ModuleTunables.In(version) {
			b.Tunable = c.flag()
		}
		if c.err != nil {
			return
		}
	}
	s.Sensitivities = make([]Sensitivity, c.moduleTable(&s.Num[TableSensitivities], global, minSensitivity))
	for i := range s.Sensitivities {
		v := &s.Sensitivities[i]
		size := c.u32()
		v.Alias = c.flag()
		v.Name = c.name(size)
		v.Level = c.level()
		if c.err != nil {
			return
		}
	}
	s.Categories = make([]Category, c.moduleTable(&s.Num[TableCategories], global, minCategory))
	for i := range s.Categories {
		v := &s.Categories[i]
		size := c.u32()
		v.Value = c.u32()
		v.Alias = c.flag()
		v.Name = c.name(size)
		if c.err != nil {
			return
		}
	}
}

func (c *cursor) moduleClass(k *Class) {
	size, commonSize := c.u32(), c.u32()
	k.Value, k.NumPerms = c.u32(), c.u32()
	perms := c.count(minPermission)
	if n := c.u32(); n != 0 {
		c.failf("a class with %d constraints in a module", n)
	}
	k.Name = c.name(size)
	if commonSize != 0 {
		k.Common = c.name(commonSize)
	}
	k.Permissions = c.permissions(perms)
}

func (c *cursor) moduleRole(version uint32, r *ModuleRole) {
	size := c.u32()
	r.Value = c.u32()
	if ModuleBounds.In(version) {
		r.Bounds = c.u32()
	}
	r.Name = c.name(size)
	r.Dominates = c.bitmap()
	r.Types = c.typeSet()
	if ModuleRoleAttributes.In(version) {
		r.Attribute = c.flag()
		r.Roles = c.bitmap()
	}
}

// Properties of a type in the file, version 9 and newer
// (TYPEDATUM_PROPERTY_PRIMARY … in libsepol).
const (
	propertyPrimary    = 1
	propertyAttribute  = 2
	propertyAlias      = 4
	propertyPermissive = 8
	propertyNeverAudit = 16
)

func (c *cursor) moduleType(version uint32, t *ModuleType) {
	size := c.u32()
	t.Value = c.u32()
	if ModuleBounds.In(version) {
		if ModuleAliasValues.In(version) {
			t.Primary = c.u32()
		}
		properties := c.u32()
		if !ModuleAliasValues.In(version) {
			t.Primary = properties & propertyPrimary
		}
		t.setProperties(properties)
		if p := t.properties(); c.err == nil && p != properties {
			c.failf("properties %#x of a type that has %#x", properties, p)
		}
		t.Bounds = c.u32()
	} else {
		t.Primary, t.Flavor = c.u32(), TypeFlavor(c.u32())
		if ModulePermissive.In(version) {
			t.Flags = c.u32()
		}
	}
	t.Types = c.bitmap()
	t.Name = c.name(size)
}

func (t *ModuleType) setProperties(p uint32) {
	switch {
	case p&propertyAlias != 0:
		t.Flavor = FlavorAlias
	case p&propertyAttribute != 0:
		t.Flavor = FlavorAttribute
	}
	if p&propertyPermissive != 0 {
		t.Flags |= FlagPermissive
	}
	if p&propertyNeverAudit != 0 {
		t.Flags |= FlagNeverAudit
	}
}

func (t *ModuleType) properties() uint32 {
	var p uint32
	if t.Primary != 0 {
		p |= propertyPrimary
	}
	switch t.Flavor {
	case FlavorAttribute:
		p |= propertyAttribute
	case FlavorAlias:
		p |= propertyAlias
	}
	if t.Flags&FlagPermissive != 0 {
		p |= propertyPermissive
	}
	if t.Flags&FlagNeverAudit != 0 {
		p |= propertyNeverAudit
	}
	return p
}

func (c *cursor) moduleUser(version uint32, u *ModuleUser) {
	size := c.u32()
	u.Value = c.u32()
	if ModuleBounds.In(version) {
		u.Bounds = c.u32()
	}
	u.Name = c.name(size)
	u.Roles = c.roleSet()
	switch {
	case ModuleMLSUsers.In(version):
		u.Range = c.semanticRange()
		u.Default = c.semanticLevel()
	case ModuleMLS.In(version):
		u.Expanded = &ExpandedLevels{Range: c.rng(), Default: c.level()}
	}
}

func (c *cursor) typeSet() TypeSet {
	return TypeSet{Types: c.bitmap(), NegSet: c.bitmap(), Flags: c.u32()}
}

func (c *cursor) roleSet() RoleSet { return RoleSet{Roles: c.bitmap(), Flags: c.u32()} }

func (c *cursor) semanticLevel() SemanticLevel {
	l := SemanticLevel{Sensitivity: c.u32()}
	if n := c.count(categoriesSize); n > 0 {
		l.Categories = make([]CategoryRange, n)
	}
	for i := range l.Categories {
		l.Categories[i] = CategoryRange{Low: c.u32(), High: c.u32()}
	}
	return l
}

func (c *cursor) semanticRange() SemanticRange {
	return SemanticRange{Low: c.semanticLevel(), High: c.semanticLevel()}
}

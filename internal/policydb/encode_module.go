package policydb

import "fmt"

// EncodeModule writes a module as libsepol's policydb_write does: what
// [DecodeModule] read comes out as the same bytes. It refuses, with a
// *[FormatError], what DecodeModule would refuse to read back, and with a
// [ModuleVersionError] in it what the module's version cannot say.
func EncodeModule(m *Module) ([]byte, error) { return appendModule(nil, m, 0) }

// appendModule writes a module after what is in b. More is what the caller
// will append.
func appendModule(b []byte, m *Module, more int) ([]byte, error) {
	if m.Version < MinModuleVersion || m.Version > MaxModuleVersion {
		return nil, &FormatError{Section: "header", Offset: -1, Err: &ModuleVersionError{Version: m.Version}}
	}
	if s, err := m.check(); err != nil {
		return nil, &FormatError{Section: s, Offset: -1, Err: err}
	}
	start := len(b)
	w := &writer{b: append(make([]byte, 0, start+m.sizeHint()+more), b...), version: m.Version}
	w.moduleHeader(m)
	w.moduleSymbols(&m.Symbols, true)
	w.count(len(m.Blocks))
	for i := range m.Blocks {
		w.decls(m.Blocks[i].Branches)
	}
	for t := range m.Scopes {
		w.count(len(m.Scopes[t]))
		for i := range m.Scopes[t] {
			s := &m.Scopes[t][i]
			w.name(s.Name)
			w.u32(uint32(s.Kind), uint32(len(s.Decls)))
			w.u32(s.Decls...)
		}
	}
	w.u32(0) // genfscon
	if err := w.finish(len(w.b) - start); err != nil {
		return nil, &FormatError{Section: "symbols", Offset: -1, Err: err}
	}
	return w.b, nil
}

// sizeHint guesses the length of the file, so that writing allocates once.
func (m *Module) sizeHint() int {
	const name = 20 // bytes
	s := &m.Symbols
	n := 1<<10 + len(s.Types)*(name+40) + len(s.Categories)*(name+12)
	for i := range s.Classes {
		n += name + 24 + len(s.Classes[i].Permissions)*name
	}
	for t := range m.Scopes {
		n += len(m.Scopes[t]) * (name + 16)
	}
	for i := range m.Blocks {
		for j := range m.Blocks[i].Branches {
			d := &m.Blocks[i].Branches[j]
			rules := len(d.Rules) + len(d.NameTransitions)
			for k := range d.Conditionals {
				rules += len(d.Conditionals[k].True) + len(d.Conditionals[k].False)
			}
			n += minDecl + rules*(minModuleRule+2*bitmapNodeSize+classDataSize) + len(d.Required.Permissions)*(bitmapHeadSize+bitmapNodeSize)
		}
	}
	return n + n/8
}

func (w *writer) moduleHeader(m *Module) {
	w.u32(magicModule)
	w.name(idModule)
	config := uint32(m.HandleUnknown) | m.OtherConfig
	if m.MLS {
		config |= configMLS
	}
	w.u32(policyTypeModule, m.Version, config, numSymtabs, 0)
	w.name(m.Name)
	w.name(m.Release)
	if ModuleCapabilities.In(m.Version) {
		w.bitmap(m.Capabilities)
	}
}

// moduleTable writes the head of a symbol table.
func (w *writer) moduleTable(nprim uint32, global bool, n int) {
	if global {
		w.table(nprim, n)
	} else {
		w.u32(nprim, uint32(n))
	}
}

func (w *writer) moduleSymbols(s *Symbols, global bool) {
	w.moduleTable(s.Num[TableCommons], global, len(s.Commons))
	for i := range s.Commons {
		m := &s.Commons[i]
		w.u32(uint32(len(m.Name)), m.Value, m.NumPerms, uint32(len(m.Permissions)))
		w.text(m.Name)
		w.permissions(m.Permissions)
	}
	w.moduleTable(s.Num[TableClasses], global, len(s.Classes))
	for i := range s.Classes {
		k := &s.Classes[i]
		w.u32(uint32(len(k.Name)), uint32(len(k.Common)), k.Value, k.NumPerms, uint32(len(k.Permissions)), 0)
		w.text(k.Name)
		w.text(k.Common)
		w.permissions(k.Permissions)
	}
	w.moduleTable(s.Num[TableRoles], global, len(s.Roles))
	for i := range s.Roles {
		w.moduleRole(&s.Roles[i])
	}
	w.moduleTable(s.Num[TableTypes], global, len(s.Types))
	for i := range s.Types {
		w.moduleType(&s.Types[i])
	}
	w.moduleTable(s.Num[TableUsers], global, len(s.Users))
	for i := range s.Users {
		w.moduleUser(&s.Users[i])
	}
	w.moduleTable(s.Num[TableBooleans], global, len(s.Booleans))
	for _, b := range s.Booleans {
		w.u32(b.Value)
		w.flag(b.State)
		w.name(b.Name)
		if ModuleTunables.In(w.version) {
			w.flag(b.Tunable)
		}
	}
	w.moduleTable(s.Num[TableSensitivities], global, len(s.Sensitivities))
	for i := range s.Sensitivities {
		v := &s.Sensitivities[i]
		w.count(len(v.Name))
		w.flag(v.Alias)
		w.text(v.Name)
		w.level(&v.Level)
	}
	w.moduleTable(s.Num[TableCategories], global, len(s.Categories))
	for _, v := range s.Categories {
		w.u32(uint32(len(v.Name)), v.Value)
		w.flag(v.Alias)
		w.text(v.Name)
	}
}

func (w *writer) moduleRole(r *ModuleRole) {
	w.u32(uint32(len(r.Name)), r.Value)
	if ModuleBounds.In(w.version) {
		w.u32(r.Bounds)
	}
	w.text(r.Name)
	w.bitmap(r.Dominates)
	w.typeSet(&r.Types)
	if ModuleRoleAttributes.In(w.version) {
		w.flag(r.Attribute)
		w.bitmap(r.Roles)
	}
}

func (w *writer) moduleType(t *ModuleType) {
	w.u32(uint32(len(t.Name)), t.Value)
	if ModuleBounds.In(w.version) {
		if ModuleAliasValues.In(w.version) {
			w.u32(t.Primary)
		}
		w.u32(t.properties(), t.Bounds)
	} else {
		w.u32(t.Primary, uint32(t.Flavor))
		if ModulePermissive.In(w.version) {
			w.u32(t.Flags)
		}
	}
	w.bitmap(t.Types)
	w.text(t.Name)
}

func (w *writer) moduleUser(u *ModuleUser) {
	w.u32(uint32(len(u.Name)), u.Value)
	if ModuleBounds.In(w.version) {
		w.u32(u.Bounds)
	}
	w.text(u.Name)
	w.roleSet(&u.Roles)
	switch {
	case ModuleMLSUsers.In(w.version):
		w.semanticRange(&u.Range)
		w.semanticLevel(&u.Default)
	case ModuleMLS.In(w.version):
		w.rng(&u.Expanded.Range)
		w.level(&u.Expanded.Default)
	}
}

func (w *writer) typeSet(s *TypeSet) {
	w.bitmap(s.Types)
	w.bitmap(s.NegSet)
	w.u32(s.Flags)
}

func (w *writer) roleSet(s *RoleSet) {
	w.bitmap(s.Roles)
	w.u32(s.Flags)
}

func (w *writer) semanticLevel(l *SemanticLevel) {
	w.u32(l.Sensitivity, uint32(len(l.Categories)))
	for _, c := range l.Categories {
		w.u32(c.Low, c.High)
	}
}

func (w *writer) semanticRange(r *SemanticRange) {
	w.semanticLevel(&r.Low)
	w.semanticLevel(&r.High)
}

// finish returns what is wrong with the module that was written: a bitmap, or a
// symbol table with more values than readers take from so short a file.
func (w *writer) finish(size int) error {
	if w.err != nil {
		return w.err
	}
	for _, t := range w.tables {
		if uint64(t.nprim)*valueSize > uint64(len(w.b)-t.end) {
			return fmt.Errorf("%d values in a module of %d bytes", t.nprim, size)
		}
	}
	return nil
}

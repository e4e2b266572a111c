package policydb

import (
	"errors"
	"slices"
	"testing"
)

// TestModuleRefused breaks one thing at a time in a module that is right. Each
// is refused when written, and none can be read therefore.
func TestModuleRefused(t *testing.T) {
	decl := func(m *Module) *Decl { return &m.Blocks[0].Branches[0] }
	typ := func(m *Module, name string) *ModuleType {
		i := slices.IndexFunc(m.Symbols.Types, func(t ModuleType) bool { return t.Name == name })
		return &m.Symbols.Types[i]
	}
	high := NewBitmap(1000)
	for _, tt := range []struct {
		name, section string
		change        func(*Module)
	}{
		{"name", "header", func(m *Module) { m.Name = "" }},
		{"release", "header", func(m *Module) { m.Release = "1\n" }},
		{"unknown both ways", "header", func(m *Module) { m.HandleUnknown = 6 }},
		{"values without end", "symbols", func(m *Module) { m.Symbols.Num[TableTypes] = 1 << 31 }},
		{"values that bytes do not cover", "symbols", func(m *Module) { m.Symbols.Num[TableUsers] = 1 << 16 }},
		{"type twice", "symbols", func(m *Module) { m.Symbols.Types[1].Name = m.Symbols.Types[0].Name }},
		{"value twice", "symbols", func(m *Module) { typ(m, "a_t").Value = typ(m, "b_t").Value }},
		{"value 0", "symbols", func(m *Module) { typ(m, "a_t").Value = 0 }},
		{"flavor", "symbols", func(m *Module) { typ(m, "a_t").Flavor = 3 }},
		{"type with types", "symbols", func(m *Module) { typ(m, "a_t").Types = NewBitmap(0) }},
		{"bounds that are an attribute", "symbols", func(m *Module) { typ(m, "child_t").Bounds = typ(m, "own").Value }},
		{"attribute in an attribute", "symbols", func(m *Module) { typ(m, "own").Types = NewBitmap(typ(m, "domain").Value - 1) }},
		{"member that is none", "symbols", func(m *Module) { typ(m, "own").Types = high }},
		{"flags", "symbols", func(m *Module) { typ(m, "a_t").Flags = FlagExpandAttribute }},
		{"object_r elsewhere", "symbols", func(m *Module) {
			i := slices.IndexFunc(m.Symbols.Roles, func(r ModuleRole) bool { return r.Name == objectR })
			m.Symbols.Roles[i].Name += "x"
		}},
		{"role of no type", "symbols", func(m *Module) { m.Symbols.Roles[1].Types.Types = high }},
		{"user of no role", "symbols", func(m *Module) { m.Symbols.Users[0].Roles.Roles = high }},
		{"categories reversed", "symbols", func(m *Module) {
			m.Symbols.Users[0].Default = SemanticLevel{1, []CategoryRange{{2, 1}}}
		}},
		{"no block", "blocks", func(m *Module) { m.Blocks = nil }},
		{"no branch", "blocks", func(m *Module) { m.Blocks[1].Branches = nil }},
		{"declaration twice", "blocks", func(m *Module) { m.Blocks[1].Branches[0].ID = 1 }},
		{"two branches enabled", "blocks", func(m *Module) {
			m.Blocks[1].Branches[0].Enabled, m.Blocks[1].Branches[1].Enabled = true, true
		}},
		{"two kinds", "blocks", func(m *Module) { decl(m).Rules[0].Kind = Allow | AuditAllow }},
		{"no kind", "blocks", func(m *Module) { decl(m).Rules[0].Kind = 0 }},
		{"extended without kind", "blocks", func(m *Module) { decl(m).Rules[0].XPerms = &XPerms{Specified: 1} }},
		{"notself in allow", "blocks", func(m *Module) { decl(m).Rules[0].Flags = RuleNotSelf }},
		{"no permission", "blocks", func(m *Module) { decl(m).Rules[0].Classes[0].Data = 0 }},
		{"no class", "blocks", func(m *Module) { decl(m).Rules[0].Classes[0].Class = 99 }},
		{"set", "blocks", func(m *Module) { decl(m).Rules[0].Sources.Flags = 3 }},
		{"source", "blocks", func(m *Module) { decl(m).Rules[0].Sources.NegSet = high }},
		{"expression", "blocks", func(m *Module) { decl(m).Conditionals[0].Expr = []CondTerm{{Op: CondNot}} }},
		{"result of a name transition", "blocks", func(m *Module) { decl(m).NameTransitions[0].Type = 0 }},
		{"new role", "blocks", func(m *Module) { decl(m).RoleTransitions[0].NewRole = 0 }},
		{"required", "blocks", func(m *Module) { decl(m).Required.Symbols[TableBooleans] = high }},
		{"class without permissions", "blocks", func(m *Module) { decl(m).Required.Permissions = decl(m).Required.Permissions[:1] }},
		{"permissions of no class", "blocks", func(m *Module) { decl(m).Required.Permissions = make([]Bitmap, 99) }},
		{"scope of nothing", "scopes", func(m *Module) { m.Scopes[TableTypes][0].Name = "nothing" }},
		{"scope twice", "scopes", func(m *Module) { m.Scopes[TableTypes][1] = m.Scopes[TableTypes][0] }},
		{"scope of no declaration", "scopes", func(m *Module) { m.Scopes[TableTypes][0].Decls = nil }},
		{"scope of an unknown declaration", "scopes", func(m *Module) { m.Scopes[TableTypes][0].Decls = []uint32{77} }},
		{"kind of scope", "scopes", func(m *Module) { m.Scopes[TableTypes][0].Kind = 3 }},
	} {
		p, err := DecodePackage(modules(t)[kitchenModule])
		if err != nil {
			t.Fatal(err)
		}
		tt.change(p.Module)
		data, err := EncodeModule(p.Module)
		var f *FormatError
		if data != nil || !errors.As(err, &f) || f.Section != tt.section || f.Offset != -1 {
			t.Errorf("%s: %d bytes, %v", tt.name, len(data), err)
		}
		if data, err := EncodePackage(p); data != nil || err == nil {
			t.Errorf("%s: a package of %d bytes", tt.name, len(data))
		}
	}
}

// TestPackageRefused builds packages of right and wrong sections.
func TestPackageRefused(t *testing.T) {
	p, err := DecodePackage(modules(t)[kitchenModule])
	if err != nil {
		t.Fatal(err)
	}
	module, err := EncodeModule(p.Module)
	if err != nil {
		t.Fatal(err)
	}
	section := func(magic uint32, text string) []byte {
		w := &writer{}
		w.u32(magic)
		w.text(text)
		return w.b
	}
	pack := func(version uint32, sections ...[]byte) []byte {
		w := &writer{}
		w.u32(magicPackage, version, uint32(len(sections)))
		offset := uint32(12 + 4*len(sections))
		for _, s := range sections {
			w.u32(offset)
			offset += uint32(len(s))
		}
		for _, s := range sections {
			w.b = append(w.b, s...)
		}
		return w.b
	}
	fc, nc := section(sectionFileContexts, "fc"), section(sectionNetfilter, "nc")
	for _, tt := range []struct {
		name string
		data []byte
		ok   bool
	}{
		{"module", pack(1, module), true},
		{"all", pack(1, module, fc, nc), true},
		{"netfilter", pack(1, module, nc), true},
		{"empty text", pack(1, module, section(sectionFileContexts, "")), true},
		{"nothing", pack(1), false},
		{"version", pack(2, module), false},
		{"no module", pack(1, fc), false},
		{"late module", pack(1, fc, module), false},
		{"two modules", pack(1, module, module), false},
		{"two file contexts", pack(1, module, fc, fc), false},
		{"netfilter first", pack(1, module, nc, fc), false},
		{"seusers", pack(1, module, section(sectionSEUsers, "")), false},
		{"user_extra", pack(1, module, section(sectionUserExtra, "")), false},
		{"unknown", pack(1, module, section(1, "")), false},
		{"short", pack(1, module, fc[:3]), false},
		{"more after the module", pack(1, append(slices.Clone(module), 0)), false},
	} {
		p, err := DecodePackage(tt.data)
		var f *FormatError
		if tt.ok != (err == nil) || err != nil && (p != nil || !errors.As(err, &f)) {
			t.Errorf("%s: %v, %v", tt.name, p != nil, err)
		}
		if err == nil {
			if out, err := EncodePackage(p); err != nil || !slices.Equal(out, tt.data) {
				t.Errorf("%s: written otherwise: %v", tt.name, err)
			}
		}
	}
}

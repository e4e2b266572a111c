package policydb

import (
	"reflect"
	"slices"
	"testing"
)

// The expected values here are read off testdata/kitchen.conf.

// symbols finds values by name.
type symbols struct {
	t testing.TB
	p *Policy
}

func (s symbols) typ(name string) uint32 {
	for _, t := range s.p.Types {
		if t.Name == name {
			return t.Value
		}
	}
	s.t.Fatalf("no type %q", name)
	return 0
}

func (s symbols) class(name string) *Class {
	for i := range s.p.Classes {
		if s.p.Classes[i].Name == name {
			return &s.p.Classes[i]
		}
	}
	s.t.Fatalf("no class %q", name)
	return nil
}

func (s symbols) role(name string) uint32 {
	for _, r := range s.p.Roles {
		if r.Name == name {
			return r.Value
		}
	}
	s.t.Fatalf("no role %q", name)
	return 0
}

func (s symbols) user(name string) uint32 {
	for _, u := range s.p.Users {
		if u.Name == name {
			return u.Value
		}
	}
	s.t.Fatalf("no user %q", name)
	return 0
}

func (s symbols) boolean(name string) uint32 {
	for _, b := range s.p.Booleans {
		if b.Name == name {
			return b.Value
		}
	}
	s.t.Fatalf("no boolean %q", name)
	return 0
}

// perms gives an access vector: a class's common permissions come first, both
// in the order of their declaration.
func (s symbols) perms(class string, names ...string) uint32 {
	c := s.class(class)
	all := c.Permissions
	for i := range s.p.Commons {
		if s.p.Commons[i].Name == c.Common {
			all = append(slices.Clone(all), s.p.Commons[i].Permissions...)
		}
	}
	var av uint32
	for _, name := range names {
		i := slices.IndexFunc(all, func(p Permission) bool { return p.Name == name })
		if i < 0 {
			s.t.Fatalf("no permission %q of %q", name, class)
		}
		av |= 1 << (all[i].Value - 1)
	}
	return av
}

func (s symbols) rules(kind AVKind, source, target, class string) []AVRule {
	var found []AVRule
	for _, r := range s.p.AVTab {
		if r.Kind == kind && uint32(r.Source) == s.typ(source) && uint32(r.Target) == s.typ(target) && uint32(r.Class) == s.class(class).Value {
			found = append(found, r)
		}
	}
	return found
}

// object is the context system_u:object_r:typ with a range.
func (s symbols) object(typ string, r Range) Context {
	return Context{User: s.user("system_u"), Role: s.role("object_r"), Type: s.typ(typ), Range: r}
}

func level(sensitivity uint32, categories ...uint32) Level {
	return Level{Sensitivity: sensitivity, Categories: NewBitmap(categories...)}
}

func single(l Level) Range { return Range{Low: l, High: l, Single: true} }

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func TestKitchenSymbols(t *testing.T) {
	p := fixture(t, "kitchen-33.policy")
	s := symbols{t, p}
	equal(t, "header", []any{p.Version, p.MLS, p.HandleUnknown, p.OtherConfig}, []any{uint32(33), true, AllowUnknown, uint32(0)})
	// Capabilities are numbered in libsepol's polcaps.h: network_peer_controls
	// 0, open_perms 1, extended_socket_class 2, nnp_nosuid_transition 5.
	equal(t, "capabilities", p.Capabilities, NewBitmap(0, 1, 2, 5))
	equal(t, "permissive", p.Permissive, NewBitmap(s.typ("app_t"), s.typ("init_t")))

	// The first class of the source has the value 1, and the first permission.
	equal(t, "class values", []uint32{s.class("security").Value, s.class("process").Value, s.class("empty_own").Value}, []uint32{1, 2, 8})
	equal(t, "inherited permission", s.perms("file", "read", "relabelto", "execute"), uint32(1|8|16))
	equal(t, "highest permission", s.perms("alone", "p32"), uint32(1<<31))
	equal(t, "permissions of file", []any{s.class("file").Common, s.class("file").NumPerms, len(s.class("file").Permissions)}, []any{"file_perms", uint32(6), 2})
	equal(t, "permissions of empty_own", []any{s.class("empty_own").NumPerms, len(s.class("empty_own").Permissions)}, []any{uint32(4), 0})

	equal(t, "alias", []uint32{s.typ("rc_t"), s.typ("startup_t"), s.typ("automount_etc_t")}, []uint32{s.typ("initrc_t"), s.typ("initrc_t"), s.typ("etc_t")})
	for _, typ := range p.Types {
		want := map[string]uint32{"rc_t": 0, "startup_t": 0, "automount_etc_t": 0, "domain": 3, "file_type": 3, "mls_exempt": 3, "unused_attr": 3}
		properties, ok := want[typ.Name]
		if !ok {
			properties = TypePrimary
		}
		bounds := uint32(0)
		switch typ.Name {
		case "app_child_t":
			bounds = s.typ("app_t")
		case "app_grandchild_t":
			bounds = s.typ("app_child_t")
		}
		equal(t, typ.Name, []uint32{typ.Properties, typ.Bounds}, []uint32{properties, bounds})
	}
	has := p.TypeAttributes[s.typ("kernel_t")-1]
	equal(t, "attributes of kernel_t", has, NewBitmap(s.typ("kernel_t")-1, s.typ("domain")-1, s.typ("mls_exempt")-1))

	equal(t, "object_r", s.role("object_r"), uint32(1))
	for _, r := range p.Roles {
		switch r.Name {
		case "staff_r":
			equal(t, "types of staff_r", r.Types, NewBitmap(s.typ("app_t")-1, s.typ("app_child_t")-1))
			equal(t, "staff_r dominates", r.Dominates, NewBitmap(r.Value-1))
		case "object_r":
			equal(t, "types of object_r", r.Types.Len(), 0)
		}
	}
	for _, u := range p.Users {
		if u.Name == "staff_u" {
			equal(t, "roles of staff_u", u.Roles, NewBitmap(s.role("staff_r")-1, s.role("sysadm_r")-1))
			equal(t, "range of staff_u", u.Range, Range{Low: level(1), High: level(2, 0, 2)})
			equal(t, "default of staff_u", u.Default, level(1, 0))
		}
	}
	for _, b := range p.Booleans {
		equal(t, b.Name, b.State, b.Name == "app_read")
	}
}

func TestKitchenLevels(t *testing.T) {
	p := fixture(t, "kitchen-33.policy")
	s := symbols{t, p}
	// Categories are numbered as declared: c70 is the fourth.
	for _, v := range p.Sensitivities {
		want := map[string]Sensitivity{
			"s0":     {"s0", false, level(1, 0, 1, 2, 3)},
			"s1":     {"s1", false, level(2, 0, 1, 2)},
			"secret": {"secret", true, level(2, 0, 1, 2)},
			"s2":     {"s2", false, level(3)},
		}[v.Name]
		equal(t, v.Name, v, want)
	}
	for _, c := range p.Categories {
		want := map[string]Category{"c0": {"c0", 1, false}, "c1": {"c1", 2, false}, "crypto": {"crypto", 2, true}, "c2": {"c2", 3, false}, "c70": {"c70", 4, false}}[c.Name]
		equal(t, c.Name, c, want)
	}
	file, dir, chr := s.class("file"), s.class("dir"), s.class("chr_file")
	equal(t, "defaults of file", []any{file.DefaultUser, file.DefaultRole, file.DefaultType, file.DefaultRange},
		[]any{DefaultSource, DefaultTarget, DefaultSource, DefaultSourceLow})
	equal(t, "defaults of dir", []any{dir.DefaultUser, dir.DefaultRole, dir.DefaultType, dir.DefaultRange},
		[]any{DefaultSource, DefaultFrom(0), DefaultTarget, DefaultTargetLowHigh})
	equal(t, "default range of chr_file", chr.DefaultRange, DefaultGLBLUB)

	var found []RangeTransition
	for _, r := range p.RangeTransitions {
		if r.Source == s.typ("init_t") && r.Target == s.typ("bin_t") {
			found = append(found, r)
		}
	}
	equal(t, "range transition", found, []RangeTransition{{s.typ("init_t"), s.typ("bin_t"), s.class("process").Value, Range{Low: level(1), High: level(2, 0, 1, 2)}}})
}

func TestKitchenConstraints(t *testing.T) {
	p := fixture(t, "kitchen-33.policy")
	s := symbols{t, p}
	domain := NewBitmap(s.typ("domain") - 1)
	var domains []uint32
	for _, name := range []string{"kernel_t", "init_t", "initrc_t", "app_t", "app_child_t", "app_grandchild_t"} {
		domains = append(domains, s.typ(name)-1)
	}
	// validatetrans file ( u1 == u2 or ( t3 == { domain } and r3 == system_r and u3 != staff_u ) )
	want := []ConstraintTerm{
		{Kind: ConstraintAttr, Attr: AttrUser, Op: OpEq},
		{Kind: ConstraintNames, Attr: AttrType | AttrXTarget, Op: OpEq, Names: NewBitmap(domains...), TypeNames: TypeSet{Types: domain}},
		{Kind: ConstraintNames, Attr: AttrRole | AttrXTarget, Op: OpEq, Names: NewBitmap(s.role("system_r") - 1)},
		{Kind: ConstraintAnd},
		{Kind: ConstraintNames, Attr: AttrUser | AttrXTarget, Op: OpNeq, Names: NewBitmap(s.user("staff_u") - 1)},
		{Kind: ConstraintAnd},
		{Kind: ConstraintOr},
	}
	contains := func(list []Constraint, want Constraint) bool {
		return slices.ContainsFunc(list, func(c Constraint) bool { return reflect.DeepEqual(c, want) })
	}
	if !contains(s.class("file").ValidateTrans, Constraint{Expr: want}) {
		t.Errorf("no validatetrans %+v in %+v", want, s.class("file").ValidateTrans)
	}
	// mlsconstrain process transition ( h1 domby h2 and l1 incomp h1 ) or l2 == h2
	want = []ConstraintTerm{
		{Kind: ConstraintAttr, Attr: AttrH1H2, Op: OpDomBy},
		{Kind: ConstraintAttr, Attr: AttrL1H1, Op: OpIncomp},
		{Kind: ConstraintAnd},
		{Kind: ConstraintAttr, Attr: AttrL2H2, Op: OpEq},
		{Kind: ConstraintOr},
	}
	if !contains(s.class("process").Constraints, Constraint{s.perms("process", "transition"), want}) {
		t.Errorf("no mlsconstrain %+v in %+v", want, s.class("process").Constraints)
	}
	// Below version 29 the type sets are not in the file.
	old := symbols{t, fixture(t, "kitchen-26.policy")}
	for _, c := range old.class("file").ValidateTrans {
		for _, term := range c.Expr {
			equal(t, "type set in version 26", term.TypeNames, TypeSet{})
		}
	}
}

func TestKitchenRules(t *testing.T) {
	p := fixture(t, "kitchen-33.policy")
	s := symbols{t, p}
	av := func(kind AVKind, source, target, class string) uint32 {
		t.Helper()
		rules := s.rules(kind, source, target, class)
		if len(rules) != 1 || rules[0].Enabled {
			t.Fatalf("%d rules: %+v", len(rules), rules)
		}
		return rules[0].Data
	}
	equal(t, "allow rule", av(Allow, "kernel_t", "kernel_t", "alone"), uint32(1|1<<31))
	equal(t, "auditallow", av(AuditAllow, "domain", "etc_t", "file"), s.perms("file", "write"))
	equal(t, "dontaudit", av(AuditDeny, "domain", "domain", "process"), ^s.perms("process", "sigkill"))
	equal(t, "type_transition", av(TypeTransition, "init_t", "bin_t", "process"), s.typ("initrc_t"))
	equal(t, "type_member", av(TypeMember, "app_t", "etc_t", "dir"), s.typ("etc_runtime_t"))
	equal(t, "type_change", av(TypeChange, "app_t", "etc_t", "chr_file"), s.typ("bin_t"))

	// 0x1234 and 0x1236 to 0x1240 of driver 0x12: bits 0x34, 0x36 to 0x40.
	x := s.rules(XPermsAllow, "app_t", "etc_t", "file")
	if len(x) != 1 {
		t.Fatalf("extended permissions %+v", x)
	}
	equal(t, "allowxperm", p.XPerms[x[0].Data], XPerms{XPermsIoctlFunction, 0x12, [8]uint32{1: 0xffd00000, 2: 1}})
	// 0x2000 to 0x22ff is all of the drivers 0x20 to 0x22; 0x30ff is one command.
	for _, r := range s.rules(XPermsAllow, "app_t", "file_type", "chr_file") {
		want := XPerms{XPermsIoctlDriver, 0, [8]uint32{1: 7}}
		if p.XPerms[r.Data].Specified == XPermsIoctlFunction {
			want = XPerms{XPermsIoctlFunction, 0x30, [8]uint32{7: 1 << 31}}
		}
		equal(t, "allowxperm on drivers", p.XPerms[r.Data], want)
	}

	equal(t, "role allow", slices.Contains(p.RoleAllows, RoleAllow{s.role("staff_r"), s.role("sysadm_r")}), true)
	for _, want := range []RoleTransition{
		{s.role("staff_r"), s.typ("bin_t"), s.role("sysadm_r"), s.class("process").Value},
		{s.role("staff_r"), s.typ("etc_t"), s.role("sysadm_r"), s.class("file").Value},
	} {
		equal(t, "role transition", slices.Contains(p.RoleTransitions, want), true)
	}
	for _, n := range p.NameTransitions {
		if n.Name != "mtab" {
			continue
		}
		slices.SortFunc(n.Data, func(a, b NameTransitionData) int { return b.Sources.Len() - a.Sources.Len() })
		equal(t, "name transition", n, NameTransition{s.typ("etc_t"), s.class("file").Value, "mtab", []NameTransitionData{
			{NewBitmap(s.typ("init_t")-1, s.typ("app_t")-1), s.typ("etc_runtime_t")},
			{NewBitmap(s.typ("initrc_t") - 1), s.typ("bin_t")},
		}})
	}

	// if (app_write && !(app_read || app_net) ^ app_net): && binds closer
	w, r, n := s.boolean("app_write"), s.boolean("app_read"), s.boolean("app_net")
	want := []CondTerm{{CondBool, w}, {CondBool, r}, {CondBool, n}, {CondOr, 0}, {CondNot, 0}, {CondAnd, 0}, {CondBool, n}, {CondXor, 0}}
	if !slices.ContainsFunc(p.Conditionals, func(c Conditional) bool { return slices.Equal(c.Expr, want) && len(c.True) == 2 && len(c.False) == 0 }) {
		t.Errorf("no conditional %+v in %+v", want, p.Conditionals)
	}
	for _, c := range p.Conditionals {
		if slices.Equal(c.Expr, []CondTerm{{CondBool, r}}) {
			equal(t, "if (app_read)", []any{c.State, len(c.True), len(c.False)}, []any{true, 2, 3})
		}
	}
}

func TestKitchenContexts(t *testing.T) {
	p := fixture(t, "kitchen-33.policy")
	s := symbols{t, p}
	s0 := single(level(1))
	wide := Range{Low: level(1), High: level(2, 0, 1, 2)}
	// Initial SIDs are numbered in the order of their declaration.
	equal(t, "initial SIDs", len(p.InitialSIDs), 5)
	for _, sid := range p.InitialSIDs {
		switch sid.SID {
		case 1:
			equal(t, "sid kernel", sid.Context, Context{s.user("system_u"), s.role("system_r"), s.typ("kernel_t"), wide})
		case 3:
			equal(t, "sid unlabeled", sid.Context, s.object("unlabeled_t", single(level(2, 0, 1, 2))))
		}
	}
	equal(t, "fscon", p.FS, []FS{{"03:05", s.object("fs_t", s0), s.object("etc_t", s0)}})
	equal(t, "portcon", p.Portcons, []Portcon{
		{6, 80, 80, s.object("http_port_t", s0)},
		{6, 8000, 8010, s.object("http_port_t", s0)},
		{17, 1, 1023, s.object("port_t", s0)},
		{33, 5, 5, s.object("port_t", s0)},
		{132, 38412, 38412, s.object("port_t", s0)},
	})
	equal(t, "netifcon", p.Netifcons, []Netifcon{{"lo", s.object("fs_t", s0), s.object("unlabeled_t", s0)}})
	equal(t, "nodecon", p.Nodecons, []Nodecon{
		{[4]byte{127, 0, 0, 1}, [4]byte{255, 255, 255, 255}, s.object("fs_t", s0)},
		{[4]byte{10, 0, 0, 0}, [4]byte{255, 0, 0, 0}, s.object("fs_t", single(level(2)))},
	})
	equal(t, "nodecon (IPv6)", p.Nodecons6, []Nodecon6{
		{[16]byte{0x20, 0x01, 0x0d, 0xb8}, [16]byte{0xff, 0xff, 0xff, 0xff}, s.object("fs_t", s0)},
	})
	slices.SortFunc(p.FSUses, func(a, b FSUse) int { return int(a.Behavior) - int(b.Behavior) })
	equal(t, "fs_use", p.FSUses, []FSUse{
		{1, "ext4", s.object("fs_t", s0)},
		{2, "devpts", s.object("fs_t", Range{Low: level(1), High: level(2, 1)})},
		{3, "pipefs", s.object("fs_t", s0)},
	})
	// fe80::'s first eight bytes are the subnet prefix.
	slices.SortFunc(p.IBPkeycons, func(a, b IBPkeycon) int { return int(a.Low) - int(b.Low) })
	equal(t, "ibpkeycon", p.IBPkeycons, []IBPkeycon{
		{[8]byte{0xfe, 0x80}, 0, 0x10, s.object("fs_t", s0)},
		{[8]byte{0xfe, 0x80}, 0xffff, 0xffff, s.object("fs_t", s0)},
	})
	equal(t, "ibendportcon", p.IBEndportcons, []IBEndportcon{{"mlx4_0", 2, s.object("fs_t", s0)}})
	// The longest path comes first, as the kernel looks for a prefix.
	equal(t, "genfscon", p.Genfscons, []GenfsType{
		{"proc", []Genfscon{
			{"/sys/kernel", 0, s.object("etc_runtime_t", s0)},
			{"/net", s.class("dir").Value, s.object("bin_t", s0)},
			{"/net", s.class("file").Value, s.object("etc_t", s0)},
			{"/", 0, s.object("etc_t", s0)},
		}},
		{"sysfs", []Genfscon{{"/devices", 0, s.object("etc_runtime_t", s0)}}},
	})
	// Policies without MLS have a range all the same, of nothing.
	plain := fixture(t, "kitchen-33-nomls.policy")
	equal(t, "range without MLS", []any{plain.MLS, plain.Portcons[0].Context.Range, plain.Users[0].Range}, []any{false, single(level(0)), single(level(0))})
}

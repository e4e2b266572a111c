package policydb

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"testing"
)

// small is a committed policy with everything in it.
const small = "kitchen-35.policy"

func TestDecodeTruncated(t *testing.T) {
	all := fixtures(t)
	for _, name := range []string{small, "kitchen-24-nomls.policy", "kitchen-cil-30.policy"} {
		data := all[name]
		for n := range data {
			p, err := Decode(data[:n:n])
			var f *FormatError
			if p != nil || !errors.As(err, &f) {
				t.Fatalf("%s: first %d bytes: %v, %v", name, n, p != nil, err)
			}
			if f.Offset < 0 || f.Offset > int64(n) || f.Section == "" {
				t.Fatalf("%s: first %d bytes: error without a place: %+v", name, n, f)
			}
		}
	}
}

func TestDecodeTrailingBytes(t *testing.T) {
	data := fixtures(t)[small]
	p, err := Decode(append(bytes.Clone(data), "more"...))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := Encode(p); err != nil || !bytes.Equal(out, data) {
		t.Errorf("trailing bytes changed the policy: %v", err)
	}
}

// TestDecodeFlippedBytes wants every damaged policy refused, or read as what
// the bytes say: then it comes out the same.
func TestDecodeFlippedBytes(t *testing.T) {
	data := fixtures(t)[small]
	accepted := 0
	for i := range data {
		for _, mask := range []byte{0x01, 0x04, 0xff} {
			b := bytes.Clone(data)
			b[i] ^= mask
			p, err := Decode(b)
			var f *FormatError
			if err != nil {
				if p != nil || !errors.As(err, &f) {
					t.Fatalf("byte %d ^ %#x: %v, %v", i, mask, p != nil, err)
				}
				continue
			}
			accepted++
			if out, err := Encode(p); err != nil || !bytes.Equal(out, b) {
				t.Fatalf("byte %d ^ %#x: comes out otherwise: %v", i, mask, err)
			}
		}
	}
	if accepted == 0 {
		t.Error("no change was accepted, not even of a name")
	}
}

// TestDecodeHostileCounts puts a great number wherever there may be a count.
// Whatever is allocated for it must be in proportion to the data.
func TestDecodeHostileCounts(t *testing.T) {
	const tail = 1 << 14
	data := fixtures(t)[small]
	b := append(bytes.Clone(data), make([]byte, tail)...)
	var before, after runtime.MemStats
	for i := 0; i+4 <= len(data); i++ {
		for _, count := range [][]byte{{0xff, 0xff, 0xff, 0xff}, {0, 4, 0, 0}} {
			copy(b[i:], count)
			runtime.ReadMemStats(&before)
			_, _ = Decode(b)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 10*uint64(len(b)) {
				t.Fatalf("bytes %x at %d: %d bytes allocated for %d", count, i, n, len(b))
			}
			copy(b[i:i+4], data[i:])
		}
	}
}

// TestRefused breaks one thing at a time in a policy that is right.
func TestRefused(t *testing.T) {
	tests := []struct {
		section string
		break_  func(*Policy, symbols)
	}{
		{"header", func(p *Policy, _ symbols) { p.HandleUnknown = RejectUnknown | AllowUnknown }},
		{"header", func(p *Policy, _ symbols) { p.OtherConfig = configMLS }},
		{"commons", func(p *Policy, _ symbols) { p.Commons[0].Value = 0 }},
		{"commons", func(p *Policy, _ symbols) { p.Commons[0].Permissions[0].Value = 33 }},
		{"commons", func(p *Policy, _ symbols) { p.Commons[0].NumPerms = 33 }},
		{"classes", func(p *Policy, s symbols) { s.class("file").Common = "nothing" }},
		{"classes", func(p *Policy, s symbols) { s.class("file").Permissions[0].Value = 1 }},
		{"classes", func(p *Policy, s symbols) { s.class("file").Value = s.class("dir").Value }},
		{"classes", func(p *Policy, s symbols) { s.class("file").Constraints[0].Permissions = 0 }},
		{"classes", func(p *Policy, s symbols) { s.class("file").Constraints[0].Expr = nil }},
		{"classes", func(p *Policy, s symbols) {
			term := ConstraintTerm{Kind: ConstraintAttr, Attr: AttrUser, Op: OpEq}
			or := ConstraintTerm{Kind: ConstraintOr}
			s.class("file").Constraints[0].Expr = []ConstraintTerm{term, term, term, term, term, term, or, or, or, or, or}
		}},
		{"classes", func(p *Policy, s symbols) {
			s.class("file").Constraints[0].Expr = []ConstraintTerm{{Kind: ConstraintNames, Attr: AttrType | AttrXTarget, Op: OpEq}}
		}},
		{"classes", func(p *Policy, s symbols) {
			s.class("file").Constraints[0].Expr = []ConstraintTerm{{Kind: ConstraintNames, Attr: AttrRole, Op: OpEq, Names: NewBitmap(p.NumRoles)}}
		}},
		{"classes", func(p *Policy, s symbols) {
			s.class("file").Constraints[0].Expr = []ConstraintTerm{{Kind: ConstraintAttr, Attr: AttrType, Op: OpDom}}
		}},
		{"classes", func(p *Policy, s symbols) { s.class("file").DefaultRange = DefaultGLBLUB + 1 }},
		{"roles", func(p *Policy, s symbols) {
			p.Roles = slices.DeleteFunc(p.Roles, func(r Role) bool { return r.Name == "object_r" })
		}},
		{"roles", func(p *Policy, s symbols) { p.Roles[1].Types = NewBitmap(p.NumTypes) }},
		{"types", func(p *Policy, s symbols) { p.Types[0].Name = "" }},
		{"types", func(p *Policy, s symbols) { p.Types[0].Name = "a\nb" }},
		{"types", func(p *Policy, s symbols) { p.Types[0].Name = p.Types[1].Name }},
		{"types", func(p *Policy, s symbols) {
			for i := range p.Types {
				if p.Types[i].Name == "app_t" {
					p.Types[i].Bounds = s.typ("app_grandchild_t")
				}
			}
		}},
		{"types", func(p *Policy, s symbols) {
			for i := range p.Types {
				if p.Types[i].Name == "kernel_t" {
					p.Types[i].Bounds = s.typ("domain")
				}
			}
		}},
		{"users", func(p *Policy, s symbols) { p.Users[0].Roles = NewBitmap(p.NumRoles + 64) }},
		{"users", func(p *Policy, s symbols) { p.Users[0].Range.High.Sensitivity = 4 }},
		{"booleans", func(p *Policy, s symbols) { p.Booleans[0].Value = p.Booleans[1].Value }},
		{"sensitivities", func(p *Policy, s symbols) { p.Sensitivities[0].Level.Categories = NewBitmap(4) }},
		{"categories", func(p *Policy, s symbols) { p.Categories[0].Value = 9 }},
		{"permissive types", func(p *Policy, s symbols) { p.Permissive = NewBitmap(0) }},
		{"permissive types", func(p *Policy, s symbols) { p.Permissive = NewBitmap(s.typ("domain")) }},
		{"neveraudit types", func(p *Policy, s symbols) { p.NeverAudit = NewBitmap(p.NumTypes + 1) }},
		{"access vector rules", func(p *Policy, s symbols) { p.AVTab = nil }},
		{"access vector rules", func(p *Policy, s symbols) { p.AVTab[0].Class = 0 }},
		{"access vector rules", func(p *Policy, s symbols) { p.AVTab[0].Source = uint16(p.NumTypes + 1) }},
		{"access vector rules", func(p *Policy, s symbols) { p.AVTab[0].Kind |= XPermsAllow | Allow }},
		{"access vector rules", func(p *Policy, s symbols) {
			p.AVTab = append(p.AVTab, s.rules(Allow, "kernel_t", "kernel_t", "alone")...)
		}},
		{"access vector rules", func(p *Policy, s symbols) {
			p.AVTab = append(p.AVTab, AVRule{Source: uint16(s.typ("domain")), Target: 1, Class: 1, Kind: TypeTransition, Data: 1})
		}},
		{"access vector rules", func(p *Policy, s symbols) { p.XPerms = p.XPerms[:1] }},
		{"access vector rules", func(p *Policy, s symbols) { p.XPerms[0].Specified = 4 }},
		{"conditionals", func(p *Policy, s symbols) { p.Conditionals[0].Expr = []CondTerm{{CondNot, 0}} }},
		{"conditionals", func(p *Policy, s symbols) { p.Conditionals[0].Expr = []CondTerm{{CondBool, 4}} }},
		{"conditionals", func(p *Policy, s symbols) {
			expr := slices.Repeat([]CondTerm{{CondBool, 1}}, 11)
			p.Conditionals[0].Expr = append(expr, slices.Repeat([]CondTerm{{CondOr, 0}}, 10)...)
		}},
		{"conditionals", func(p *Policy, s symbols) {
			p.Conditionals[0].True = s.rules(TypeChange, "app_t", "etc_t", "chr_file")
		}},
		{"role transitions", func(p *Policy, s symbols) { p.RoleTransitions[0].Class = 0 }},
		{"role allows", func(p *Policy, s symbols) { p.RoleAllows[0].NewRole = p.NumRoles + 1 }},
		{"name transitions", func(p *Policy, s symbols) { p.NameTransitions[0].Data = nil }},
		{"name transitions", func(p *Policy, s symbols) { p.NameTransitions[0].Data[0].Type = s.typ("domain") }},
		{"name transitions", func(p *Policy, s symbols) {
			t := &p.NameTransitions[0]
			t.Data = append(t.Data, NameTransitionData{t.Data[0].Sources, s.typ("fs_t")})
		}},
		{"name transitions", func(p *Policy, s symbols) {
			p.NameTransitions = append(p.NameTransitions, p.NameTransitions[0])
		}},
		{"initial SIDs", func(p *Policy, s symbols) { p.InitialSIDs[0].SID = 0 }},
		{"fscon", func(p *Policy, s symbols) { p.FS[0].Context.User = 0 }},
		{"portcon", func(p *Policy, s symbols) { p.Portcons[0].Low = 81 }},
		{"portcon", func(p *Policy, s symbols) { p.Portcons[1].High = 1 << 16 }},
		{"portcon", func(p *Policy, s symbols) { p.Portcons[0].Context.Role = s.role("sysadm_r") }},
		{"netifcon", func(p *Policy, s symbols) { p.Netifcons[0].Name = string(make([]byte, 64)) }},
		{"nodecon", func(p *Policy, s symbols) { p.Nodecons[0].Context.Type = s.typ("domain") }},
		{"nodecon (IPv6)", func(p *Policy, s symbols) {
			p.Nodecons6[0].Context.Range.Single = false
			p.Nodecons6[0].Context.Range.Low.Sensitivity = 3
		}},
		{"fs_use", func(p *Policy, s symbols) { p.FSUses[0].Behavior = 4 }},
		{"ibpkeycon", func(p *Policy, s symbols) { p.IBPkeycons[0].High = 1 << 16 }},
		{"ibendportcon", func(p *Policy, s symbols) { p.IBEndportcons[0].Port = 256 }},
		{"genfscon", func(p *Policy, s symbols) { p.Genfscons[0].Paths[1].Class = 0 }},
		{"range transitions", func(p *Policy, s symbols) { p.RangeTransitions[0].Range = single(level(3, 0)) }},
		{"type attributes", func(p *Policy, s symbols) { p.TypeAttributes = p.TypeAttributes[1:] }},
		{"type attributes", func(p *Policy, s symbols) { p.TypeAttributes[0] = NewBitmap(p.NumTypes) }},
		{"type attributes", func(p *Policy, s symbols) { p.TypeAttributes[s.typ("domain")-1] = NewBitmap(0, 1, 2) }},
	}
	for i, tt := range tests {
		p := fixture(t, small)
		if _, err := Encode(p); err != nil {
			t.Fatal(err)
		}
		tt.break_(p, symbols{t, p})
		out, err := Encode(p)
		var f *FormatError
		if out != nil || !errors.As(err, &f) || f.Section != tt.section || f.Offset != -1 {
			t.Errorf("case %d: Encode = %d bytes, %v; want an error in %s", i, len(out), err, tt.section)
		}
	}
}

func TestVersionCannotSay(t *testing.T) {
	for _, tt := range []struct {
		feature Feature
		version uint32 // too old by one
	}{
		{FeatureXPerms, 29}, {FeatureConditionalXPerms, 33}, {FeatureNeverAudit, 34}, {FeatureInfiniband, 30},
	} {
		p := fixture(t, small)
		p.Version = tt.version
		switch tt.feature { // leave only what is to be found
		case FeatureXPerms, FeatureInfiniband:
			p.NeverAudit = Bitmap{}
			p.Conditionals = nil
			for i := range p.Classes {
				p.Classes[i].DefaultRange = 0
			}
		case FeatureConditionalXPerms:
			p.NeverAudit = Bitmap{}
		}
		_, err := Encode(p)
		var v *VersionError
		if !errors.As(err, &v) || v.Since != tt.feature.Since() || v.Version != tt.version || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v in version %d: %v", tt.feature, tt.version, err)
		}
	}
}

func TestConvertLosses(t *testing.T) {
	p := fixture(t, small)
	if _, _, err := Convert(p, 33); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("conditional extended permissions in version 33: %v", err)
	}
	isXPerms := func(r AVRule) bool { return r.Kind&XPermsKinds != 0 }
	p.AVTab = slices.DeleteFunc(p.AVTab, isXPerms)
	for i := range p.Conditionals {
		p.Conditionals[i].True = slices.DeleteFunc(p.Conditionals[i].True, isXPerms)
	}
	before, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	q, losses, err := Convert(p, 24)
	if err != nil {
		t.Fatal(err)
	}
	// Of kitchen.conf: two neveraudit types (newer.c), one class with glblub,
	// two with default_type, three with the other defaults, three Infiniband
	// statements, one role transition for files, and ten name transitions: two
	// and one for "mtab", six domains for "run.d", and one.
	want := []Loss{
		{FeatureNeverAudit, 2}, {FeatureGLBLUB, 1}, {FeatureDefaultType, 2}, {FeatureObjectDefaults, 3},
		{FeatureInfiniband, 3}, {FeatureRoleTransitionClass, 1}, {FeatureNameTransitions, 10},
	}
	equal(t, "losses", losses, want)
	if _, err := Encode(q); err != nil {
		t.Errorf("Encode: %v", err)
	}
	if after, err := Encode(p); err != nil || !bytes.Equal(after, before) {
		t.Errorf("Convert changed the policy it was given: %v", err)
	}
}

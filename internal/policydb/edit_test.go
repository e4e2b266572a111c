package policydb

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"testing"
)

// TestEditRefused wants a policy to be as it was after an edit that fails.
func TestEditRefused(t *testing.T) {
	p := fixture(t, "kitchen-33.policy")
	want, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	context := func(text string) error { _, err := p.ParseContext(text); return err }
	good, err := p.ParseContext("system_u:object_r:http_port_t:s0")
	if err != nil {
		t.Fatal(err)
	}
	wild := good
	wild.Type = 1 << 20
	for _, tt := range []struct {
		what string
		err  error
		name *NameError
	}{
		{"boolean", p.SetBooleanDefaults(map[string]bool{"app_net": true, "zz": true, "no_such": true}), &NameError{"boolean", "no_such"}},
		{"type", p.SetPermissive("no_t", true), &NameError{"type", "no_t"}},
		{"attribute", p.SetPermissive("domain", true), &NameError{"type", "domain"}},
		{"user", context("u:object_r:etc_t:s0"), &NameError{"user", "u"}},
		{"role", context("root:r:etc_t:s0"), &NameError{"role", "r"}},
		{"context's type", context("root:object_r:domain:s0"), &NameError{"type", "domain"}},
		{"sensitivity", context("root:object_r:etc_t:s9"), &NameError{"sensitivity", "s9"}},
		{"category", context("root:object_r:etc_t:s0:c0,x"), &NameError{"category", "x"}},
		{"end of a run", context("root:object_r:etc_t:s0:c0.x"), &NameError{"category", "x"}},
		{"high level", context("root:object_r:etc_t:s0-x"), &NameError{"sensitivity", "x"}},
		{"run", context("root:object_r:etc_t:s0:c1.c1"), nil},
		{"order", context("root:object_r:etc_t:s1-s0"), nil},
		{"role of type", context("root:sysadm_r:etc_t:s0"), nil},
		{"form", context("root:object_r"), nil},
		{"no range", context("root:object_r:etc_t"), nil},
		{"low above high", p.AddPortcons(Portcon{6, 2, 1, good}), nil},
		{"port", p.AddPortcons(Portcon{6, 1, 1, good}, Portcon{6, 65535, 65536, good}), nil},
		{"protocol", p.AddPortcons(Portcon{256, 1, 1, good}), nil},
		{"context", p.AddPortcons(Portcon{6, 1, 1, wild}), nil},
	} {
		var name *NameError
		errors.As(tt.err, &name)
		if tt.err == nil || (name == nil) != (tt.name == nil) || name != nil && *name != *tt.name {
			t.Errorf("%s: %v", tt.what, tt.err)
		}
		if tt.name != nil && !errors.Is(tt.err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not fs.ErrNotExist", tt.what, tt.err)
		}
	}
	if got, err := Encode(p); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the policy has changed: %v", err)
	}
	nomls := fixture(t, "kitchen-33-nomls.policy")
	if _, err := nomls.ParseContext("root:object_r:etc_t:s0"); err == nil {
		t.Error("a range without MLS")
	}
}

// TestEditShares wants what Convert made before an edit to stay as it was.
func TestEditShares(t *testing.T) {
	p := fixture(t, "kitchen-33.policy")
	before, _, err := Convert(p, 31)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Encode(before)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.ParseContext("system_u:object_r:port_t:s0:c0.c2-s1:c0,crypto.c2")
	if err != nil {
		t.Fatal(err)
	}
	err = first(
		p.SetBooleanDefaults(map[string]bool{"app_read": false, "app_net": true, "app_write": true}),
		p.AddPortcons(Portcon{6, 1, 1, c}, Portcon{17, 2, 3, c}),
		p.SetPermissive("rc_t", true),
		p.SetPermissive("app_t", false),
	)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Encode(before); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the converted policy has changed too: %v", err)
	}
	// The kitchen has app_t and init_t as permissive; rc_t is an alias.
	value := func(name string) uint32 {
		v, err := p.typeValue(name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if got := slices.Collect(p.Permissive.All()); len(got) != 2 || !p.Permissive.Has(value("init_t")) || !p.Permissive.Has(value("initrc_t")) {
		t.Errorf("permissive: %v", got)
	}
	// The last portcon that was added comes first.
	if p.Portcons[0].Protocol != 17 || p.Portcons[1].Protocol != 6 || len(p.Portcons) != len(before.Portcons)+2 {
		t.Errorf("portcons: %+v", p.Portcons)
	}
}

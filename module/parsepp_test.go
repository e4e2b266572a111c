package module_test

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
)

func TestParsePP(t *testing.T) {
	for file, xperms := range map[string]bool{"testdata/webapp-5.pp": false, "testdata/webapp-21.pp": true} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, fc, err := module.ParsePP(data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		want := webapp(xperms)
		if m.Name != "webapp" || m.Version != "1.2" || !reflect.DeepEqual(m.Merged(), want.Merged()) {
			t.Errorf("%s: %+v", file, m)
		}
		if !xperms != bytes.Equal(fc, []byte("/srv/webapp(/.*)?\tsystem_u:object_r:httpd_log_t:s0\n")) {
			t.Errorf("%s: file contexts %q", file, fc)
		}
	}
}

// TestParsePPSets wants a rule for each pair of types, and self.
func TestParsePPSets(t *testing.T) {
	base := &module.Module{Name: "m", Rules: []module.Rule{allow("a_t", "b_t", "file", "read"), allow("c_t", "c_t", "dir", "search")}}
	edit := func(change func(m *policydb.Module, r *policydb.ModuleRule)) ([]module.Rule, error) {
		data, err := base.PP(module.PPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := policydb.DecodePackage(data)
		if err != nil {
			t.Fatal(err)
		}
		change(p.Module, &p.Module.Blocks[0].Branches[0].Rules[0])
		if data, err = policydb.EncodePackage(p); err != nil {
			t.Fatal(err)
		}
		m, _, err := module.ParsePP(data)
		if err != nil {
			return nil, err
		}
		return m.Rules, nil
	}
	// Values are in the order of the names: a_t, b_t, c_t; dir, file.
	got, err := edit(func(_ *policydb.Module, r *policydb.ModuleRule) {
		r.Sources.Types = policydb.NewBitmap(0, 2)
		r.Flags = policydb.RuleSelf
		r.Classes = append(r.Classes, policydb.ClassData{Class: 1, Data: 1})
	})
	want := []module.Rule{
		allow("a_t", "b_t", "file", "read"), allow("a_t", "self", "file", "read"),
		allow("c_t", "b_t", "file", "read"), allow("c_t", "self", "file", "read"),
		allow("a_t", "b_t", "dir", "search"), allow("a_t", "self", "dir", "search"),
		allow("c_t", "b_t", "dir", "search"), allow("c_t", "self", "dir", "search"),
		allow("c_t", "self", "dir", "search"),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for name, change := range map[string]func(m *policydb.Module, r *policydb.ModuleRule){
		"all":        func(_ *policydb.Module, r *policydb.ModuleRule) { r.Targets.Flags = 1 },
		"but":        func(_ *policydb.Module, r *policydb.ModuleRule) { r.Targets.NegSet = policydb.NewBitmap(0) },
		"neverallow": func(_ *policydb.Module, r *policydb.ModuleRule) { r.Kind = policydb.NeverAllow },
		"transition": func(_ *policydb.Module, r *policydb.ModuleRule) { r.Kind = policydb.TypeTransition },
		"declared": func(m *policydb.Module, _ *policydb.ModuleRule) {
			m.Scopes[policydb.TableTypes][0].Kind = policydb.ScopeDeclared
		},
		"permissive": func(m *policydb.Module, _ *policydb.ModuleRule) {
			m.Version, m.Symbols.Types[0].Flags = 8, policydb.FlagPermissive
		},
		"optional": func(m *policydb.Module, _ *policydb.ModuleRule) {
			m.Blocks = append(m.Blocks, policydb.Block{Branches: []policydb.Decl{{ID: 2}}})
		},
		"too many": func(_ *policydb.Module, r *policydb.ModuleRule) {
			r.Classes = make([]policydb.ClassData, 100_000)
			for i := range r.Classes {
				r.Classes[i] = policydb.ClassData{Class: 1, Data: 1}
			}
			r.Sources.Types = policydb.NewBitmap(0, 1)
		},
	} {
		var e *module.UnsupportedError
		if rules, err := edit(change); rules != nil || !errors.As(err, &e) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, %v", name, rules, err)
		}
	}
	// A name that would leave its place in a text is no name of a module.
	_, err = edit(func(m *policydb.Module, _ *policydb.ModuleRule) {
		m.Symbols.Types[0].Name, m.Scopes[policydb.TableTypes][0].Name = "a_t;}", "a_t;}"
	})
	if !errors.Is(err, module.ErrInvalidName) {
		t.Errorf("a hostile name: %v", err)
	}
}

// FuzzParsePP wants of any bytes that they are refused, or give a module that
// can be written, and written again the same.
func FuzzParsePP(f *testing.F) {
	for _, file := range []string{"testdata/webapp-5.pp", "testdata/webapp-21.pp"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, fc, err := module.ParsePP(data)
		if err != nil {
			if m != nil || fc != nil {
				t.Fatalf("a module beside %v", err)
			}
			return
		}
		if _, err := m.CIL(); err != nil {
			t.Fatalf("no text: %v", err)
		}
		out, err := m.PP(module.PPOptions{})
		if err != nil {
			return // types with a dot
		}
		again, _, err := module.ParsePP(out)
		if err != nil || !reflect.DeepEqual(again.Merged(), m.Merged()) {
			t.Fatalf("read otherwise when written: %v", err)
		}
	})
}

// TestMergedXperms wants one rule of three with the same key.
func TestMergedXperms(t *testing.T) {
	m := &module.Module{Name: "m"}
	for _, x := range []uint16{0x5401, 0x5403, 0x5402} {
		m.Rules = append(m.Rules, module.Rule{Kind: module.AllowXperm, Source: "a_t", Target: "b_t", Class: "file",
			Permissions: []string{"ioctl"}, Xperms: []module.XpermRange{{Low: x, High: x}}})
	}
	got := m.Merged()
	if len(got) != 1 || len(got[0].Xperms) != 1 || got[0].Xperms[0] != (module.XpermRange{Low: 0x5401, High: 0x5403}) {
		t.Errorf("%v", got)
	}
}

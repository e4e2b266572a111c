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

// TestParsePPSets changes a package of two rules and wants them back as a text
// says them, with the same module compiled of it.
func TestParsePPSets(t *testing.T) {
	base := &module.Module{Name: "m", Rules: []module.Rule{allow("a_t", "b_t", "file", "read"), allow("c_t", "c_t", "dir", "search")}}
	edit := func(change func(m *policydb.Module, r *policydb.ModuleRule)) ([]byte, *module.Module, error) {
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
		return data, m, err
	}
	// Values are in the order of the names: a_t, b_t, c_t; dir, file.
	for line, change := range map[string]func(m *policydb.Module, r *policydb.ModuleRule){
		"allow { a_t c_t } { b_t self }:{ dir file } *;": func(_ *policydb.Module, r *policydb.ModuleRule) {
			r.Sources.Types = policydb.NewBitmap(0, 2)
			r.Flags = policydb.RuleSelf
			r.Classes = []policydb.ClassData{{Class: 1, Data: ^uint32(0)}, {Class: 2, Data: ^uint32(0)}}
		},
		"allow a_t { b_t -a_t }:file read;": func(_ *policydb.Module, r *policydb.ModuleRule) { r.Targets.NegSet = policydb.NewBitmap(0) },
		"neverallow a_t *:file read;": func(_ *policydb.Module, r *policydb.ModuleRule) {
			r.Kind, r.Targets = policydb.NeverAllow, policydb.TypeSet{Flags: 1}
		},
		"type_transition a_t b_t:file c_t;": func(_ *policydb.Module, r *policydb.ModuleRule) {
			r.Kind, r.Classes = policydb.TypeTransition, []policydb.ClassData{{Class: 2, Data: 3}}
		},
		"permissive a_t;": func(m *policydb.Module, _ *policydb.ModuleRule) {
			m.Version, m.Symbols.Types[0].Flags = 8, policydb.FlagPermissive
		},
		"type a_t;": func(m *policydb.Module, _ *policydb.ModuleRule) {
			m.Scopes[policydb.TableTypes][0].Kind = policydb.ScopeDeclared
			d := &m.Blocks[0].Branches[0]
			d.Declared.Symbols[policydb.TableTypes] = policydb.NewBitmap(0)
			d.Required.Symbols[policydb.TableTypes] = policydb.NewBitmap(1, 2)
		},
	} {
		data, m, err := edit(change)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		text, err := m.TE()
		if err != nil || !bytes.Contains(text, []byte(line)) {
			t.Errorf("%s: %v in\n%s", line, err, text)
		}
		p, _ := policydb.DecodePackage(data)
		again, err := m.PP(module.PPOptions{ModOptions: module.ModOptions{PolicyVersion: int(p.Module.Version)}})
		normal(p.Module)
		if want, _ := policydb.EncodePackage(p); err != nil || !bytes.Equal(again, want) {
			t.Errorf("%s: other bytes, %v", line, err)
		}
	}
	for name, change := range map[string]func(m *policydb.Module, r *policydb.ModuleRule){
		"capabilities": func(m *policydb.Module, _ *policydb.ModuleRule) { m.Version, m.Capabilities = 7, policydb.NewBitmap(1) },
		"xperms of two": func(m *policydb.Module, r *policydb.ModuleRule) {
			m.Version, r.Kind, r.XPerms = 18, policydb.XPermsAllow, &policydb.XPerms{Specified: 1, Perms: [8]uint32{1}}
		},
	} {
		var e *module.UnsupportedError
		if _, m, err := edit(change); m != nil || !errors.As(err, &e) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	// An empty set no text can say.
	if _, m, err := edit(func(_ *policydb.Module, r *policydb.ModuleRule) { r.Targets.Types = policydb.Bitmap{} }); err == nil {
		t.Errorf("an empty set: %v", m)
	}
	// A name that would leave its place in a text is no name of a module.
	_, _, err := edit(func(m *policydb.Module, _ *policydb.ModuleRule) {
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
		if _, err := m.CIL(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
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
		if text, err := m.TE(); err == nil {
			if _, err := module.ParseTE("m.te", text); err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
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

package moduletest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// text is a package by the name of number i of a text in the module language,
// in which SOURCE and TARGET are the types of the first access that is denied,
// and OWN what names of its own begin with.
func (s *session) text(t *testing.T, i int, te string) module.Content {
	t.Helper()
	a := s.denied[0]
	te = fmt.Sprintf("module %s 1.0;\n%s", name(i), te)
	te = strings.NewReplacer("SOURCEROLE", a.Source.Role(), "SOURCE", a.Source.Type(), "TARGET", a.Target.Type(), "OWN", name(0)).Replace(te)
	m, err := module.ParseTE(name(i)+".te", []byte(te))
	if err != nil {
		t.Fatal(err)
	}
	pp, err := m.PP(module.PPOptions{ModOptions: module.ModOptions{NoMLS: !s.h.Policy.MLS()}})
	if err != nil {
		t.Fatal(err)
	}
	return module.Content{Language: "pp", Data: pp}
}

// linked returns the policy as the store has linked it; nil if it can't be had.
func (s *session) linked(t *testing.T) *policy.Policy {
	t.Helper()
	if s.h.Linked == nil {
		return nil
	}
	p, err := s.h.Linked()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wantDecision checks an access of the first source to a type of the suite.
func (s *session) wantDecision(t *testing.T, p *policy.Policy, typ, class, permission string, want bool) {
	t.Helper()
	if p == nil {
		return
	}
	source := s.denied[0].Source
	target, err := s.object(typ)
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Decide(policy.Access{Source: source, Target: target, Class: class, Permissions: []string{permission}})
	if err != nil || d.Allowed != want {
		t.Errorf("%s of %s %s: allowed %v, %v; want %v", permission, typ, class, d.Allowed, err, want)
	}
}

// object is the context of an object of a type, with the low level of the first
// source.
func (s *session) object(typ string) (policy.Context, error) {
	source := s.denied[0].Source
	text := source.User() + ":object_r:" + typ
	if low, _, _ := strings.Cut(source.Range(), "-"); low != "" {
		text += ":" + low
	}
	return policy.ParseContext(text)
}

func (s *session) gone(t *testing.T, typ string) {
	t.Helper()
	if p := s.linked(t); p != nil {
		if _, err := p.Type(typ); err == nil {
			t.Errorf("the type %s is left", typ)
		}
	}
}

func testTypes(t *testing.T, s *session) {
	own := name(0) + "_t"
	s.install(t, key(0), s.text(t, 0, `require { type SOURCE; class file { read write append }; }
attribute OWN_files;
type OWN_t alias OWN_alias_t, OWN_files;
type OWN_other_t, OWN_files;
type OWN_bounded_t;
typebounds OWN_t OWN_bounded_t;
allow SOURCE OWN_files:file read;
allow SOURCE OWN_alias_t:file append;
allow SOURCE { OWN_files -OWN_t }:file write;
permissive OWN_other_t;
`))
	if p := s.linked(t); p != nil {
		s.wantDecision(t, p, own, "file", "read", true)
		s.wantDecision(t, p, own, "file", "append", true)
		s.wantDecision(t, p, own, "file", "write", false)
		s.wantDecision(t, p, name(0)+"_other_t", "file", "read", true)
		s.wantDecision(t, p, name(0)+"_other_t", "file", "write", true)
		s.wantDecision(t, p, name(0)+"_bounded_t", "file", "read", false)
		alias, err := p.Type(name(0) + "_alias_t")
		if err != nil || alias.Name() != own {
			t.Errorf("alias: %v, %v", alias, err)
		}
		if other, err := p.Type(name(0) + "_other_t"); err != nil || !other.Permissive() {
			t.Errorf("permissive: %v", err)
		}
	}
	if _, err := s.store.Remove(t.Context(), key(0)); err != nil {
		t.Fatal(err)
	}
	s.gone(t, own)
}

func testBooleans(t *testing.T, s *session) {
	s.install(t, key(0), s.text(t, 0, `require { type SOURCE; class file { read write append }; }
type OWN_t;
bool OWN_on true;
bool OWN_off false;
if (OWN_on && !OWN_off) { allow SOURCE OWN_t:file read; } else { allow SOURCE OWN_t:file write; }
if (OWN_off) { allow SOURCE OWN_t:file append; }
`))
	p := s.linked(t)
	if p == nil {
		return
	}
	own := name(0) + "_t"
	s.wantDecision(t, p, own, "file", "read", true)
	s.wantDecision(t, p, own, "file", "write", false)
	s.wantDecision(t, p, own, "file", "append", false)
	other, err := p.With(policy.SetBoolean{Name: name(0) + "_off", On: true})
	if err != nil {
		t.Fatal(err)
	}
	s.wantDecision(t, other, own, "file", "read", false)
	s.wantDecision(t, other, own, "file", "write", true)
	s.wantDecision(t, other, own, "file", "append", true)
}

func testTransitions(t *testing.T, s *session) {
	s.install(t, key(0), s.text(t, 0, `require { type SOURCE; class file read; }
type OWN_t;
type OWN_new_t;
type OWN_named_t;
type_transition SOURCE OWN_t:file OWN_new_t;
type_transition SOURCE OWN_t:file OWN_named_t "named file";
`))
	p := s.linked(t)
	if p == nil {
		return
	}
	for _, tt := range []struct{ parent, file, want string }{
		{"_t", "", "_new_t"}, {"_t", "named file", "_named_t"}, {"_t", "other", "_new_t"}, {"_new_t", "named file", "_new_t"},
	} {
		parent, err := s.object(name(0) + tt.parent)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.NewContext(s.denied[0].Source, parent, "file", tt.file)
		if err != nil || got.Type() != name(0)+tt.want {
			t.Errorf("in %s %q: %v, %v", tt.parent, tt.file, got, err)
		}
	}
}

func testRoles(t *testing.T, s *session) {
	s.install(t, key(0), s.text(t, 0, `require { role SOURCEROLE; type SOURCE; }
role OWN_r;
type OWN_t;
role OWN_r types { OWN_t SOURCE };
allow SOURCEROLE OWN_r;
role SOURCEROLE types OWN_t;
`))
	p := s.linked(t)
	if p == nil {
		return
	}
	has := func(role string, types ...string) {
		r, err := p.Role(role)
		if err != nil {
			t.Error(err)
			return
		}
		n := 0
		for typ := range r.Types() {
			for _, want := range types {
				if typ.Name() == want {
					n++
				}
			}
		}
		if n != len(types) {
			t.Errorf("the role %s has %d of the types %v", role, n, types)
		}
	}
	has(name(0)+"_r", name(0)+"_t", s.denied[0].Source.Type())
	if role := s.denied[0].Source.Role(); role != "object_r" {
		has(role, name(0)+"_t")
	}
}

func testOptional(t *testing.T, s *session) {
	s.install(t, key(0), s.text(t, 0, `require { type SOURCE; class file { read write append }; }
type OWN_t;
optional { require { type TARGET; } allow SOURCE OWN_t:file read; }
optional { require { type OWN_missing_t; } allow SOURCE OWN_t:file write; type OWN_inner_t; }
optional { require { type OWN_inner_t; } allow SOURCE OWN_t:file append; }
`))
	p := s.linked(t)
	own := name(0) + "_t"
	s.wantDecision(t, p, own, "file", "read", true)
	s.wantDecision(t, p, own, "file", "write", false)
	s.wantDecision(t, p, own, "file", "append", false)
	s.gone(t, name(0)+"_inner_t")
}

func testBetween(t *testing.T, s *session) {
	user := s.text(t, 1, "require { type SOURCE, OWN_t; class file read; }\nallow SOURCE OWN_t:file read;\n")
	if _, err := s.store.Install(t.Context(), key(1), user); err == nil {
		t.Error("a module was linked without the one whose type it names")
	}
	s.wantAdded(t)
	s.install(t, key(0), s.text(t, 0, "require { class file read; }\ntype OWN_t;\n"))
	s.install(t, key(1), user)
	s.wantDecision(t, s.linked(t), name(0)+"_t", "file", "read", true)
	if _, err := s.store.Remove(t.Context(), key(0)); err == nil {
		t.Error("a type was removed that another module names")
	}
	if _, err := s.store.Disable(t.Context(), name(0)); err == nil {
		t.Error("a type was disabled that another module names")
	}
	s.wantAdded(t, record(key(0), true), record(key(1), true))
	s.wantDecision(t, s.linked(t), name(0)+"_t", "file", "read", true)
}

func testCIL(t *testing.T, s *session) {
	a := s.denied[0]
	cil := strings.NewReplacer("SOURCE", a.Source.Type(), "OWN", name(0)).Replace(`(type OWN_t)
(typeattribute OWN_files)
(typeattributeset OWN_files (OWN_t))
(boolean OWN_off false)
(allow SOURCE OWN_files (file (read)))
(booleanif OWN_off (true (allow SOURCE OWN_t (file (write)))))
`)
	s.install(t, key(0), module.Content{Language: "cil", Data: []byte(cil)})
	s.wantAdded(t, module.Record{Key: key(0), Language: "cil", Enabled: true})
	p := s.linked(t)
	s.wantDecision(t, p, name(0)+"_t", "file", "read", true)
	s.wantDecision(t, p, name(0)+"_t", "file", "write", false)
	c, err := s.store.Content(t.Context(), key(0), module.AsInstalled)
	if err != nil || c.Language != "cil" || string(c.Data) != cil {
		t.Errorf("content: %q, %v", c.Data, err)
	}
	for _, bad := range []string{"(allow no_such_type self (file (read)))", "(allow", "(typeattributeset no_such_attribute (OWN_t))"} {
		if _, err := s.store.Install(t.Context(), key(1), module.Content{Language: "cil", Data: []byte(bad)}); err == nil {
			t.Errorf("the backend took %s", bad)
		}
	}
	var missing *policy.NameError
	if _, err := s.store.Install(t.Context(), key(1), s.text(t, 1, "require { type OWN_no_t; class file read; }\nallow OWN_no_t self:file read;\n")); err == nil {
		t.Errorf("a module was linked whose type nobody declares")
	} else if errors.As(err, &missing) && missing.Name != name(0)+"_no_t" {
		t.Errorf("%v", err)
	}
	s.wantAdded(t, module.Record{Key: key(0), Language: "cil", Enabled: true})
}

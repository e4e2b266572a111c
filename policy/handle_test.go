package policy_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/sekit/sekit/policy"
)

// TestZeroHandles: what a failed look-up returns can be logged.
func TestZeroHandles(t *testing.T) {
	for _, h := range []interface {
		fmt.Stringer
		MarshalText() ([]byte, error)
	}{
		policy.Type{}, policy.Attribute{}, policy.Boolean{}, policy.Class{}, policy.Common{}, policy.Role{}, policy.User{},
		policy.Sensitivity{}, policy.Category{}, policy.Condition{}, policy.Constraint{}, policy.Rule{}, policy.Level{}, policy.Context{},
	} {
		if s := h.String(); s != "" {
			t.Errorf("%T: %q", h, s)
		}
		if b, err := h.MarshalText(); len(b) != 0 || err != nil {
			t.Errorf("%T: %q %v", h, b, err)
		}
	}
}

// TestNoBounds: without bounds there is no handle either.
func TestNoBounds(t *testing.T) {
	p := queryPolicy(t)
	for typ := range p.Types() {
		if b, ok := typ.Bounds(); ok == (b == policy.Type{}) {
			t.Errorf("%s: %v %v", typ, b, ok)
		}
	}
	for r := range p.Roles() {
		if b, ok := r.Bounds(); ok == (b == policy.Role{}) {
			t.Errorf("%s: %v %v", r, b, ok)
		}
	}
	for u := range p.Users() {
		if b, ok := u.Bounds(); ok == (b == policy.User{}) {
			t.Errorf("%s: %v %v", u, b, ok)
		}
	}
}

// TestForeignType: values of two policies mean different things, even if the
// policies are read from the same file; With keeps them.
func TestForeignType(t *testing.T) {
	p, other := queryPolicy(t), queryPolicy(t)
	for a := range p.Attributes() {
		for typ := range a.Types() {
			foreign, err := other.Type(typ.Name())
			if err != nil {
				t.Fatal(err)
			}
			if !a.Has(typ) || a.Has(foreign) || a.Has(policy.Type{}) {
				t.Errorf("%s %s: %v %v %v", a, typ, a.Has(typ), a.Has(foreign), a.Has(policy.Type{}))
			}
			with, err := p.With(policy.MakePermissive{Type: typ.Name()})
			if err != nil {
				t.Fatal(err)
			}
			if related, err := with.Type(typ.Name()); err != nil || !a.Has(related) {
				t.Errorf("%s has not %s: %v", a, related, err)
			}
		}
	}
	for r := range p.Roles() {
		for typ := range r.Types() {
			if foreign, err := other.Type(typ.Name()); err != nil || !r.HasType(typ) || r.HasType(foreign) {
				t.Errorf("%s %s: %v", r, typ, err)
			}
		}
	}
}

// TestHandleJSON: handles are their names, also as keys.
func TestHandleJSON(t *testing.T) {
	p := queryPolicy(t)
	typ, err := p.Type("httpd_t")
	if err != nil {
		t.Fatal(err)
	}
	class, err := p.Class("file")
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(map[policy.Type][]policy.Class{typ: {class}})
	if want := `{"httpd_t":["file"]}`; err != nil || string(got) != want {
		t.Errorf("%s %v", got, err)
	}
}

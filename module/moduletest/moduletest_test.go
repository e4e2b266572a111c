package moduletest_test

import (
	"errors"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
	"github.com/sekit/sekit/policy"
)

func demoPolicy(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFake(t *testing.T) {
	p := demoPolicy(t)
	moduletest.TestBackend(t, func(t *testing.T) moduletest.Harness {
		b := moduletest.NewBackend(p)
		return moduletest.Harness{Policy: p, Backend: b, Linked: b.Policy, Reopen: func() module.Backend { return b }}
	})
}

func TestFault(t *testing.T) {
	m := module.Module{Name: "webapp", Rules: []module.Rule{{Kind: module.Allow, Source: "httpd_t", Target: "httpd_t",
		Class: "process", Permissions: []string{"execmem"}}}}
	pp, err := m.PP(module.PPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	b := moduletest.NewBackend(demoPolicy(t))
	s := module.NewStore(b)
	install := func() error {
		_, err := s.Install(t.Context(), module.Key{Name: "webapp"}, module.Content{Language: "pp", Data: pp})
		return err
	}
	for _, f := range []moduletest.Fault{{Modules: broken}, {Commit: broken}} {
		b.Inject(f)
		if err := install(); !errors.Is(err, broken) || b.Commits() != 0 {
			t.Errorf("%+v: %v, %d commits", f, err, b.Commits())
		}
	}
	b.Inject(moduletest.Fault{AfterCommit: broken})
	if err := install(); !errors.Is(err, broken) || b.Commits() != 1 {
		t.Errorf("after commit: %v, %d commits", err, b.Commits())
	}
	b.Inject(moduletest.Fault{Content: broken})
	if err := install(); !errors.Is(err, broken) {
		t.Errorf("content: %v", err)
	}
	b.Inject(moduletest.Fault{})
	if err := install(); err != nil || b.Commits() != 1 {
		t.Errorf("after the fault: %v, %d commits", err, b.Commits())
	}
}

// What a module says is linked, or refused by name and without a trace.
func TestLink(t *testing.T) {
	p := demoPolicy(t)
	execmem := policy.Access{Source: policy.MustParseContext("system_u:system_r:httpd_t:s0"),
		Target: policy.MustParseContext("system_u:system_r:httpd_t:s0"), Class: "process", Permissions: []string{"execmem"}}
	const require = "module webapp 1.0;\nrequire { type httpd_t, var_t; class process { execmem execheap }; class file read; }\n"
	for _, tt := range []struct {
		te            string
		links, allows bool
	}{
		{te: "allow { httpd_t var_t } { self var_t }:process { execmem execheap };", links: true, allows: true},
		{te: "dontaudit httpd_t self:process execmem;", links: true},
		{te: "permissive httpd_t;", links: true},
		{te: "allow httpd_t { var_t -httpd_t }:file read;"},
		{te: "type new_t; allow httpd_t new_t:file read;"},
		{te: "bool b true; if (b) { allow httpd_t self:process execmem; }"},
		{te: "type_transition httpd_t var_t:process var_t;"},
	} {
		m, err := module.ParseTE("webapp.te", []byte(require+tt.te))
		if err != nil {
			t.Fatal(err)
		}
		pp, err := m.PP(module.PPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b := moduletest.NewBackend(p)
		_, err = module.NewStore(b).Install(t.Context(), module.Key{Name: "webapp"}, module.Content{Language: "pp", Data: pp})
		var unsupported *module.UnsupportedError
		if tt.links != (err == nil) || err != nil && !errors.As(err, &unsupported) || tt.links != (b.Commits() == 1) {
			t.Errorf("%s: %v", tt.te, err)
			continue
		}
		now, err := b.Policy()
		if err != nil {
			t.Fatal(err)
		}
		d, err := now.Decide(execmem)
		if err != nil || d.Allowed != tt.allows {
			t.Errorf("%s: allowed %v, %v", tt.te, d.Allowed, err)
		}
	}
}

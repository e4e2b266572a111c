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

// A store that all tests share is left as it was.
func TestShared(t *testing.T) {
	p := demoPolicy(t)
	b := moduletest.NewBackend(p)
	moduletest.TestBackend(t, func(t *testing.T) moduletest.Harness {
		return moduletest.Harness{Policy: p, Backend: b, Linked: b.Policy, Shared: true}
	})
	if records, err := b.Modules(t.Context()); err != nil || len(records) != 1 {
		t.Errorf("left are %v, %v", records, err)
	}
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

// Only what a policy in force has no more can't be linked.
func TestRefused(t *testing.T) {
	p := demoPolicy(t)
	var unsupported *module.UnsupportedError
	var name *policy.NameError
	var duplicate *module.DuplicateError
	for _, tt := range []struct {
		te   string
		want any
	}{
		{"attribute_role ra; role r; roleattribute r ra; optional { require { type no_such_t; } } allow httpd_t self:file read;", nil},
		{"require { attribute_role ra; } role r; roleattribute r ra;", &unsupported},
		{"require { tunable no_such_tunable; } if (no_such_tunable) { allow httpd_t self:file read; }", &unsupported},
		{"tunable own_tunable true; if (own_tunable) { allow httpd_t self:file read; }", &unsupported},
		{"auditdeny httpd_t self:file read;", &unsupported},
		{"require { type no_such_t; } allow httpd_t no_such_t:file read;", &name},
		{"require { class file no_such_permission; } allow httpd_t self:file no_such_permission;", &name},
		{"bool httpd_execmem true; if (httpd_execmem) { allow httpd_t self:file read; }", &duplicate},
		{"role system_r; role httpd_r; require { role system_r; } allow system_r httpd_r;", &duplicate},
		{"type domain; allow httpd_t domain:file read;", new(error)},
	} {
		m, err := module.ParseTE("webapp.te", []byte("module webapp 1.0;\nrequire { type httpd_t; class file read; }\n"+tt.te))
		if err != nil {
			t.Fatal(err)
		}
		pp, err := m.PP(module.PPOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b := moduletest.NewBackend(p)
		_, err = module.NewStore(b).Install(t.Context(), module.Key{Name: "webapp"}, module.Content{Language: "pp", Data: pp})
		if tt.want == nil {
			if err != nil {
				t.Errorf("%s: %v", tt.te, err)
			}
			continue
		}
		if err == nil || !errors.As(err, tt.want) || b.Commits() != 0 {
			t.Errorf("%s: %v", tt.te, err)
		}
		if now, err := b.Policy(); err != nil || now != p {
			t.Errorf("%s: the policy changed, %v", tt.te, err)
		}
	}
}

// What With laid over the policy that a backend is made of stays.
func TestOverlay(t *testing.T) {
	p, err := demoPolicy(t).With(policy.SetBoolean{Name: "httpd_execmem", On: true},
		policy.AllowRule{Source: "httpd_t", Target: "shadow_t", Class: "file", Permissions: []string{"append"}})
	if err != nil {
		t.Fatal(err)
	}
	m := module.Module{Name: "webapp", Rules: []module.Rule{{Kind: module.Allow, Source: "httpd_t", Target: "shadow_t", Class: "file", Permissions: []string{"write"}}}}
	pp, err := m.PP(module.PPOptions{FileContexts: []byte("/opt/webapp\t--\tsystem_u:object_r:httpd_exec_t:s0\n")})
	if err != nil {
		t.Fatal(err)
	}
	b := moduletest.NewBackend(p)
	if _, err := module.NewStore(b).Install(t.Context(), module.Key{Name: "webapp"}, module.Content{Language: "pp", Data: pp}); err != nil {
		t.Fatal(err)
	}
	now, err := b.Policy()
	if err != nil {
		t.Fatal(err)
	}
	for perm, want := range map[string]bool{"append": true, "write": true, "read": false} {
		d, err := now.Decide(policy.Access{Source: policy.MustParseContext("system_u:system_r:httpd_t:s0"),
			Target: policy.MustParseContext("system_u:object_r:shadow_t:s0"), Class: "file", Permissions: []string{perm}})
		if err != nil || d.Allowed != want {
			t.Errorf("%s: %v, %v", perm, d.Allowed, err)
		}
	}
	if fc := b.FileContexts(); len(fc) != 1 || fc[0].Regexp != "/opt/webapp" {
		t.Errorf("file contexts: %v", fc)
	}
}

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

package fcontexttest_test

import (
	"errors"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func demoPolicy(t *testing.T) (*policy.Policy, *fcontext.DB) {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	db, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p, db
}

func TestLocalFake(t *testing.T) {
	p, db := demoPolicy(t)
	fcontexttest.TestLocalBackend(t, func(t *testing.T) fcontexttest.LocalHarness {
		b := fcontexttest.NewLocalBackend(p, fcontext.LocalRecords{})
		return fcontexttest.LocalHarness{Policy: p, DB: db, Backend: b, Reopen: func() fcontext.LocalBackend { return b }}
	})
}

func TestLocalFakeFaults(t *testing.T) {
	p, db := demoPolicy(t)
	b := fcontexttest.NewLocalBackend(p, fcontext.LocalRecords{})
	local := fcontext.NewLocal(p, db, b)
	fault := errors.New("no room")
	set := fcontext.LocalSetting{Pattern: "/srv/new(/.*)?", Type: "public_content_t"}

	for _, f := range []fcontexttest.LocalFault{{Local: fault}, {Commit: fault}, {AfterCommit: fault}} {
		b.Inject(f)
		if changes, err := local.Set(t.Context(), set); !errors.Is(err, fault) || changes != nil {
			t.Errorf("%+v: %v, %v", f, changes, err)
		}
	}
	b.Inject(fcontexttest.LocalFault{})
	// The last of them was made after all.
	if changes, err := local.Set(t.Context(), set); err != nil || len(changes) != 0 || b.Commits() != 1 {
		t.Errorf("%v, %v, %d commits", changes, err, b.Commits())
	}
}

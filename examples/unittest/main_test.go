package main

import (
	"errors"
	"syscall"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/demo" // or any policy, such as a copy of your distribution's
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/sekittest"
)

const page = "/srv/app/index.html"

// newMachine returns a machine with a policy, file contexts and the application's
// files, freshly unpacked.
func newMachine(t *testing.T) *sekittest.Machine {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	contexts, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return sekittest.NewMachine(p, sekittest.Options{
		Contexts: contexts,
		Files:    fcontexttest.NewTree(fcontexttest.File{Path: page, Context: "unconfined_u:object_r:var_t:s0"}),
		StateDir: t.TempDir(),
	})
}

// may reports whether the web server may do something on the machine.
func may(t *testing.T, m *sekittest.Machine, target policy.Context, class, permission string) bool {
	t.Helper()
	d, err := m.Decide(policy.Access{
		Source: policy.MustParseContext("system_u:system_r:httpd_t:s0"), Target: target,
		Class: class, Permissions: []string{permission},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.Allowed
}

// works reports whether the web server may listen on the port, and read the page.
func works(t *testing.T, m *sekittest.Machine) (listen, read bool) {
	t.Helper()
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.FileContext(page)
	if err != nil {
		t.Fatal(err)
	}
	return may(t, m, s.Policy.PortContext(policy.TCP, 5601), "tcp_socket", "name_bind"), may(t, m, file, "file", "read")
}

var kibana = app{Listen: 5601, Dir: "/srv/app"}

func TestInstall(t *testing.T) {
	m := newMachine(t)
	if listen, read := works(t, m); listen || read {
		t.Fatal("it works without being installed: the test would prove nothing")
	}
	p, err := plan(t.Context(), m.Machine, kibana, false)
	if err != nil {
		t.Fatal(err)
	}
	if m.Commits() != 0 {
		t.Error("a plan changed the machine")
	}
	if _, err := m.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if listen, read := works(t, m); !listen || !read {
		t.Errorf("installed, and it may listen: %v, read: %v", listen, read)
	}
	if m.Commits() != 1 {
		t.Errorf("%d commits, each of which takes a second or more", m.Commits())
	}

	// Again, it has nothing to do but to look at the files.
	if p, err = plan(t.Context(), m.Machine, kibana, false); err != nil || len(p.Ports)+len(p.Contexts)+len(p.Booleans) > 0 {
		t.Errorf("%v\n%s", err, p)
	}
	if p, err = plan(t.Context(), m.Machine, kibana, true); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if listen, read := works(t, m); listen || read {
		t.Error("uninstalled, and it still works")
	}
}

func TestDiskFull(t *testing.T) {
	m := newMachine(t)
	p, err := plan(t.Context(), m.Machine, kibana, false)
	if err != nil {
		t.Fatal(err)
	}
	m.Inject(sekittest.Fault{Commit: sekittest.ErrDiskFull})
	if _, err := m.Apply(t.Context(), p); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v, want that the disk is full", err)
	}
	m.Inject(sekittest.Fault{})
	if listen, read := works(t, m); listen || read {
		t.Error("half installed")
	}
}

// The installer is killed; the next one finds out and cleans up.
func TestKilled(t *testing.T) {
	m := newMachine(t)
	p, err := plan(t.Context(), m.Machine, kibana, false)
	if err != nil {
		t.Fatal(err)
	}
	m.Kill(func() { _, _ = m.Apply(t.Context(), p) })
	next := m.Reopen()
	left, err := next.Interrupted()
	if err != nil || len(left) != 1 {
		t.Fatal(left, err)
	}
	if err := next.Recover(t.Context(), left[0]); err != nil {
		t.Fatal(err)
	}
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := s.Booleans.Lookup("httpd_can_network_connect"); err != nil || b.Local || b.Current {
		t.Errorf("left behind: %+v, %v", b, err)
	}
}

func TestBadInput(t *testing.T) {
	m := newMachine(t)
	for _, a := range []app{{0, "/srv/app"}, {65536, "/srv/app"}, {5601, "srv/app"}, {5601, "/srv/../app"}, {5601, ""}} {
		if p, err := plan(t.Context(), m.Machine, a, false); err == nil {
			t.Errorf("%+v: %s", a, p)
		}
	}
}

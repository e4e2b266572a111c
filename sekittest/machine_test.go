package sekittest_test

import (
	"context"
	"errors"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/sekittest"
)

func machine(t *testing.T) *sekittest.Machine {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return sekittest.NewMachine(p, sekittest.Options{StateDir: t.TempDir()})
}

// bind is what httpd asks for to listen on tcp 5601.
func bind(t *testing.T, m *sekittest.Machine) bool {
	t.Helper()
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	on, err := s.Ports.Lookup(port.TCP, 5601)
	if err != nil {
		t.Fatal(err)
	}
	d, err := m.Decide(policy.Access{
		Source: policy.MustParseContext("system_u:system_r:httpd_t:s0"), Target: on.Context,
		Class: "tcp_socket", Permissions: []string{"name_bind"}})
	if err != nil {
		t.Fatal(err)
	}
	// The policy says the same of the port by its own account.
	c := s.Policy.PortContext(policy.TCP, 5601)
	if c.Type() != on.Context.Type() {
		t.Errorf("the table says %v, the policy %v", on.Context, c)
	}
	return d.Allowed
}

func settings() sekit.Settings {
	return sekit.Settings{
		Ports:    []port.Setting{port.Port(port.TCP, 5601, "http_port_t")},
		Booleans: []boolean.Record{{Name: "httpd_can_network_connect", On: true}},
	}
}

func value(t *testing.T, m *sekittest.Machine, name string) boolean.Boolean {
	t.Helper()
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Booleans.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func plan(t *testing.T, m *sekittest.Machine, want sekit.Settings) *sekit.Plan {
	t.Helper()
	p, err := m.Plan(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// After Apply what was denied is allowed, after its undo denied again.
func TestApply(t *testing.T) {
	m := machine(t)
	before := value(t, m, "httpd_can_network_connect")
	if bind(t, m) || before.Current {
		t.Fatal("it is so already")
	}
	p := plan(t, m, settings())
	if len(p.Ports) != 1 || len(p.Booleans) != 1 {
		t.Fatalf("plan\n%s", p)
	}
	undo, err := m.Apply(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if !bind(t, m) || !value(t, m, "httpd_can_network_connect").Local || m.Commits() != 1 {
		t.Errorf("not applied, in %d commits", m.Commits())
	}
	if again := plan(t, m, settings()); !again.Empty() {
		t.Errorf("there is still to do:\n%s", again)
	}
	redo, err := m.Apply(t.Context(), undo)
	if err != nil {
		t.Fatal(err)
	}
	if bind(t, m) || value(t, m, "httpd_can_network_connect") != before {
		t.Error("not undone")
	}
	if _, err := m.Apply(t.Context(), redo); err != nil || !bind(t, m) {
		t.Error("the undo of the undo is no redo:", err)
	}
	if left, err := m.Interrupted(); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// A commit that fails leaves the machine as it was, however far it came.
func TestFaults(t *testing.T) {
	for name, f := range map[string]sekittest.Fault{
		"lock held": {Commit: sekittest.ErrLockHeld},
		"read-only": {Commit: sekittest.ErrReadOnly},
		"disk full": {Commit: sekittest.ErrDiskFull},
		"half":      {Half: errors.New("half")},
		"lost":      {AfterCommit: errors.New("lost")},
	} {
		t.Run(name, func(t *testing.T) {
			m := machine(t)
			before := value(t, m, "httpd_can_network_connect")
			p := plan(t, m, settings())
			// The rollback is another commit, and goes well.
			m.Inject(f)
			undo, err := applyOnce(t.Context(), m, p)
			var apply *sekit.ApplyError
			if undo != nil || !errors.As(err, &apply) || apply.Rollback != nil {
				t.Fatalf("%v, %v", undo, err)
			}
			if bind(t, m) || value(t, m, "httpd_can_network_connect") != before {
				t.Error("the machine is not as it was")
			}
			if left, err := m.Interrupted(); err != nil || len(left) > 0 {
				t.Error(left, err)
			}
			if name == "lock held" && !errors.Is(err, sekit.ErrLocked) || name == "disk full" && !errors.Is(err, syscall.ENOSPC) {
				t.Error(err)
			}
		})
	}
}

// applyOnce applies a plan to a machine whose fault goes away after the first
// commit.
func applyOnce(ctx context.Context, m *sekittest.Machine, p *sekit.Plan) (*sekit.Plan, error) {
	return sekit.NewMachine(once{m.Backend(), m}, sekit.MachineOptions{}).Apply(ctx, p)
}

type once struct {
	sekit.Backend
	m *sekittest.Machine
}

func (o once) Commit(ctx context.Context, p *sekit.Plan) error {
	defer o.m.Inject(sekittest.Fault{})
	return o.Backend.Commit(ctx, p)
}

// What can't be taken back either is in the journal.
func TestRollbackFails(t *testing.T) {
	m := machine(t)
	before := value(t, m, "httpd_can_network_connect")
	p := plan(t, m, settings())
	m.Inject(sekittest.Fault{Half: sekittest.ErrDiskFull})
	_, err := m.Apply(t.Context(), p)
	var apply *sekit.ApplyError
	if !errors.As(err, &apply) || !errors.Is(apply.Rollback, syscall.ENOSPC) {
		t.Fatal(err)
	}
	m.Inject(sekittest.Fault{})
	recoverAll(t, m)
	if value(t, m, "httpd_can_network_connect") != before {
		t.Error("not recovered")
	}
}

func recoverAll(t *testing.T, m *sekittest.Machine) {
	t.Helper()
	next := m.Reopen()
	left, err := next.Interrupted()
	if err != nil || len(left) != 1 || left[0].Plan == nil || left[0].Started.IsZero() {
		t.Fatal(left, err)
	}
	if err := next.Recover(t.Context(), left[0]); err != nil {
		t.Fatal(err)
	}
	if left, err := next.Interrupted(); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// A killed program's change is known at the next start, and can be taken back.
func TestKilled(t *testing.T) {
	m := machine(t)
	before := value(t, m, "httpd_can_network_connect")
	p := plan(t, m, settings())
	m.Kill(func() {
		_, err := m.Apply(t.Context(), p)
		t.Error("not killed:", err)
	})
	if !value(t, m, "httpd_can_network_connect").Current || bind(t, m) {
		t.Fatal("not half done")
	}
	recoverAll(t, m)
	if value(t, m, "httpd_can_network_connect") != before {
		t.Error("not recovered")
	}
}

// Who comes first, wins; the other one's plan is refused and nothing is lost.
func TestStale(t *testing.T) {
	m := machine(t)
	stale := plan(t, m, settings())
	first := plan(t, m, sekit.Settings{Ports: []port.Setting{port.Port(port.TCP, 5601, "http_cache_port_t")}})
	if _, err := m.Apply(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	_, err := m.Apply(t.Context(), stale)
	var apply *sekit.ApplyError
	if !errors.Is(err, port.ErrChanged) || !errors.As(err, &apply) || apply.Rollback != nil {
		t.Error(err)
	}
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if on, err := s.Ports.Lookup(port.TCP, 5601); err != nil || on.Context.Type() != "http_cache_port_t" {
		t.Error(on, err)
	}
	if value(t, m, "httpd_can_network_connect").Local {
		t.Error("half of it was made")
	}
}

func TestPermissive(t *testing.T) {
	m := machine(t)
	permissive := func() bool {
		s, err := m.System(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		typ, err := s.Policy.Type("httpd_t")
		if err != nil {
			t.Fatal(err)
		}
		return typ.Permissive()
	}
	scope, err := m.Permissive(t.Context(), "httpd_t", time.Hour)
	if err != nil || !permissive() {
		t.Fatal("not permissive:", err)
	}
	// Windows has no lock to tell by.
	if left, err := m.Interrupted(); err != nil || len(left) > 0 && runtime.GOOS != "windows" {
		t.Error("what is going on counts as interrupted:", left, err)
	}
	// A second one within changes nothing when it ends.
	inner, err := m.Permissive(t.Context(), "httpd_t", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := inner.Close(); err != nil || !permissive() {
		t.Error("the inner scope ended the outer one:", err)
	}
	for range 2 {
		if err := scope.Close(); err != nil || permissive() {
			t.Error("still permissive:", err)
		}
	}
	short, err := m.Permissive(t.Context(), "httpd_t", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-short.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the limit does not end it")
	}
	if permissive() {
		t.Error("still permissive after the limit")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancelled, err := m.Permissive(ctx, "httpd_t", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-cancelled.Done()
	if permissive() {
		t.Error("still permissive after the context's end")
	}
	for domain, limit := range map[string]time.Duration{"no_such_t": time.Hour, "httpd_t; reboot": time.Hour, "httpd_t": 0} {
		var setting *sekit.SettingError
		if s, err := m.Permissive(t.Context(), domain, limit); s != nil || !errors.As(err, &setting) {
			t.Errorf("%q: %v, %v", domain, s, err)
		}
	}
	if left, err := m.Interrupted(); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

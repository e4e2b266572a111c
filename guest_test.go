//go:build kernelguest && linux

package sekit_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

func command(t *testing.T, name string, args ...string) []string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

// same compares lines, each of which counts.
func same(t *testing.T, what string, ours, theirs []string) (compared, different int) {
	t.Helper()
	for i := range max(len(ours), len(theirs)) {
		if compared++; i >= len(ours) || i >= len(theirs) || ours[i] != theirs[i] {
			different++
			t.Logf("%s, line %d:\n%q\n%q", what, i, ours[min(i, len(ours)):min(i+1, len(ours))], theirs[min(i, len(theirs)):min(i+1, len(theirs))])
		}
	}
	return compared, different
}

func getsebool(s *sekit.System) []string {
	var out []string
	for _, b := range s.Booleans.All() {
		out = append(out, b.String())
	}
	return out
}

// TestKernelState compares what we say of the machine with sestatus, getsebool
// and /proc.
func TestKernelState(t *testing.T) {
	guest.Require(t)
	state, err := sekit.ReadState()
	if err != nil {
		t.Fatal(err)
	}
	c, d := same(t, "sestatus", strings.Split(strings.TrimRight(state.String(), "\n"), "\n"), command(t, "sestatus"))
	guest.Report(t, "state-sestatus", c, d)

	s, err := sekit.Open()
	if err != nil {
		t.Fatal(err)
	}
	c, d = same(t, "getsebool", getsebool(s), command(t, "getsebool", "-a"))
	guest.Report(t, "state-getsebool", c, d)

	self, err := sekit.ContextOfProcess(0)
	if err != nil || self.String() != guest.Context(t) {
		t.Errorf("self is %v, %v; want %s", self, err, guest.Context(t))
	}
	if c, err := sekit.ContextOfProcess(1); err != nil || c.Type() != "init_t" {
		t.Errorf("the first process is %v, %v", c, err)
	}
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if c, err := sekit.ContextOfPeer(conn.(*net.UnixConn)); err != nil || c != self {
		t.Errorf("the peer is %v, %v; want %s", c, err, self)
	}
	for _, line := range command(t, "pidof", "auditd") {
		var pid int
		if _, err := fmt.Sscan(line, &pid); err != nil {
			t.Fatal(err)
		}
		q, err := sekit.ProgramOfProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Confinement(q)
		if err != nil || !c.Confined || c.Domain != "auditd_t" || c.Should != "auditd_t" || c.FileContext.Type() != "auditd_exec_t" {
			t.Errorf("auditd: %+v, %v", c, err)
		}
	}
}

// TestKernelMachine applies a plan to the running machine, and looks for its
// effect in the policy that the kernel has, and for the same with its undo.
func TestKernelMachine(t *testing.T) {
	guest.Require(t)
	m, err := sekit.OpenMachine(sekit.MachineOptions{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const name, number = "httpd_can_network_connect", 5601
	look := func() (string, boolean.Boolean) {
		t.Helper()
		s, err := m.System(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Booleans.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		return s.Policy.PortContext(policy.TCP, number).Type(), b
	}
	portBefore, booleanBefore := look()
	p, err := m.Plan(t.Context(), sekit.Settings{
		Ports:    []port.Setting{port.Port(port.TCP, number, "http_port_t")},
		Booleans: []boolean.Record{{Name: name, On: true}},
	})
	if err != nil || len(p.Ports) != 1 || len(p.Booleans) != 1 {
		t.Fatalf("%v\n%s", err, p)
	}
	start := time.Now()
	undo, err := m.Apply(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	guest.Row("machine", "apply", time.Since(start).Round(time.Millisecond).String())
	wrong := 0
	if typ, b := look(); typ != "http_port_t" || !b.Current || !b.Default || !b.Local {
		wrong++
		t.Errorf("applied: %s, %+v", typ, b)
	}
	c, d := same(t, "semanage port -lC", []string{fmt.Sprintf("%-30s %-8s %d", "http_port_t", "tcp", number)}, command(t, "semanage", "port", "-l", "-C", "-n"))
	if got := command(t, "getsebool", name); !slices.Equal(got, []string{name + " --> on"}) {
		wrong++
		t.Errorf("getsebool: %q", got)
	}
	if _, err := m.Apply(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	if typ, b := look(); typ != portBefore || b != booleanBefore {
		wrong++
		t.Errorf("undone: %s, %+v; was %s, %+v", typ, b, portBefore, booleanBefore)
	}
	guest.Report(t, "machine-apply-undo", c+3, d+wrong)

	permissive := func() bool {
		t.Helper()
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
	scope, err := m.Permissive(t.Context(), "httpd_t", 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	wrong = 0
	if !permissive() {
		wrong++
	}
	if err := scope.Close(); err != nil || permissive() {
		wrong++
		t.Error("still permissive:", err)
	}
	guest.Report(t, "machine-permissive", 2, wrong)

	// For now, in one commit, and back.
	k := boolean.Kernel{Dir: guest.FS}
	for _, on := range []bool{true, false} {
		if err := k.Set(t.Context(), boolean.Record{Name: name, On: on}); err != nil {
			t.Fatal(err)
		}
		if _, b := look(); b.Current != on || b.Pending != on || b.Local {
			t.Errorf("set for now: %+v", b)
		}
	}
}

//go:build oracle

package sekit_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/infiniband"
)

// siteModule gives Debian's policy types for Infiniband, of which it has none.
const siteModule = `
(type site_pkey_t)
(type site_other_pkey_t)
(type site_endport_t)
(roletype object_r site_pkey_t)
(roletype object_r site_other_pkey_t)
(roletype object_r site_endport_t)
(typeattributeset ibpkey_type (site_pkey_t site_other_pkey_t))
(typeattributeset ibendport_type (site_endport_t))
(ibpkeycon fe80:: (0x10 0x20) (system_u object_r site_other_pkey_t ((s0) (s0))))
(ibendportcon mlx5_0 1 (system_u object_r site_endport_t ((s0) (s0))))
`

// TestOracleInfiniband has semanage and us carry out the same plan and its undo,
// and compares the files; and what semanage lists with what we list.
func TestOracleInfiniband(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	if err := os.WriteFile("/etc/selinux/site.cil", []byte(siteModule), 0o600); err != nil {
		t.Fatal(err)
	}
	oracle.Output(t, "semodule", "-N", "-i", "/etc/selinux/site.cil")
	machine := func(way string) *sekit.Machine {
		m, err := sekit.OpenMachineBy(way, "/", tool.Exec{}, sekit.MachineOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	compared, different := 0, 0
	compare := func(what, got, want string) {
		if compared++; got != want {
			different++
			t.Errorf("%s: %.2000q, want %.2000q", what, got, want)
		}
	}
	var theirs []map[string]string
	for _, way := range []string{"semanage", "native"} {
		m := machine(way)
		p, err := m.Plan(t.Context(), fabric())
		if err != nil {
			t.Fatal(err)
		}
		undo, err := m.Apply(t.Context(), p)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		states := []map[string]string{fabricState(t)}
		s, err := m.System(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range []string{"ibpkey", "ibendport"} {
			compare(way+": semanage "+object+" -l", list(s.Infiniband, object), output(t, "semanage", object, "-ln"))
		}
		if _, err := m.Apply(t.Context(), undo); err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		states = append(states, fabricState(t))
		if way == "semanage" {
			theirs = states
			continue
		}
		for i, state := range states {
			for name := range theirs[i] {
				compare([]string{"made", "undone"}[i]+": "+name, state[name], theirs[i][name])
			}
		}
	}
	t.Run("contract", func(t *testing.T) {
		testInfiniband(t, func() *sekit.Machine { return machine("semanage") })
	})
	// The same as a module.
	m := machine("semodule")
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := fabric()
	want.Infiniband = slices.Delete(want.Infiniband, 1, 2)
	bundle, err := s.Bundle(t.Context(), module.Key{Name: "fabric", Priority: 300}, want)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Plan(t.Context(), bundle)
	if err == nil {
		_, err = m.Apply(t.Context(), p)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s, err = m.System(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, w := range want.Infiniband {
		e, _ := s.Infiniband.Find(w.Key)
		compare("bundle", e.Context.Type()+" "+e.Origin.String(), w.Type+" "+port.FromPolicy.String())
	}
	oracle.Report(t, "infiniband", compared, different)
}

func fabricState(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, name := range []string{active + "pkeys.local", active + "ibendports.local", active + "policy.kern", "/etc/selinux/default/policy/policy.33"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(data)
	}
	return out
}

// list prints entries as semanage does (seobject.py), numbers sorted.
func list(t *infiniband.Table, object string) string {
	of := make(map[string][]string)
	for _, e := range t.Entries() {
		where := e.Device
		if e.Key.OfPkeys() {
			where = e.Subnet.String()
		}
		if e.Key.OfPkeys() != (object == "ibpkey") {
			continue
		}
		numbers := fmt.Sprintf("0x%x", e.Low)
		if e.Low != e.High {
			numbers += fmt.Sprintf("-0x%x", e.High)
		}
		key := fmt.Sprintf("%-30s %-18s ", e.Context.Type(), where)
		of[key] = append(of[key], numbers)
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(of)) {
		slices.Sort(of[key])
		b.WriteString(key + strings.Join(of[key], ", ") + "\n")
	}
	return b.String()
}

// output returns what semanage lists, the numbers of a line sorted.
func output(t *testing.T, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		i := strings.Index(line, " 0x") + 1
		numbers := strings.Split(strings.TrimSpace(line[i:]), ", ")
		slices.Sort(numbers)
		b.WriteString(line[:i] + strings.Join(numbers, ", ") + "\n")
	}
	return b.String()
}

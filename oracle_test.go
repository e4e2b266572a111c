//go:build oracle

package sekit_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// inNamespace runs the test that calls it again, in a mount namespace with
// copies of Debian's store and policy in the places of the real ones, and
// reports whether this is that run.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("SEKIT_NAMESPACE") == t.Name() {
		return true
	}
	oracle.Require(t, "semanage", "semodule", "setsebool", "unshare", "mount", "/var/lib/selinux/default/active/policy.linked")
	if os.Getuid() != 0 {
		oracle.Require(t, "/must/be/root/for/a/mount/namespace")
	}
	dir := t.TempDir()
	script := fmt.Sprintf(`set -e
mount -t tmpfs tmpfs %[1]s
cp -a /var/lib/selinux %[1]s/var; cp -a /etc/selinux %[1]s/etc
mount --bind %[1]s/var /var/lib/selinux; mount --bind %[1]s/etc /etc/selinux
exec "$0" -test.run='^%[2]s$' -test.v -test.timeout=4m`, dir, t.Name())
	cmd := exec.Command("unshare", "-m", "sh", "-c", script, os.Args[0])
	outside, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "SEKIT_NAMESPACE="+t.Name(), "SEKIT_OUTSIDE="+outside)
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "ORACLE ") {
			fmt.Print(line)
		}
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

const active = "/var/lib/selinux/default/active/"

// storeState returns what a store holds, in a form that does not depend on the
// order of its records: what is taken away and put back comes last.
func storeState(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, name := range []string{
		active + "ports.local", active + "booleans.local", active + "file_contexts.local",
		"/etc/selinux/default/contexts/files/file_contexts", "/etc/selinux/default/contexts/files/file_contexts.local",
		"/etc/selinux/default/contexts/files/file_contexts.subs",
	} {
		data, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		out[name] = sorted(string(data))
	}
	modules, err := filepath.Glob(active + "modules/[0-9]*/*")
	if err != nil {
		t.Fatal(err)
	}
	out["modules"] = strings.Join(modules, "\n")
	return out
}

func sorted(text string) string {
	lines := slices.DeleteFunc(slices.Sorted(strings.Lines(text)), func(s string) bool { return s == "\n" || s[0] == '#' })
	return strings.Join(lines, "")
}

func openPolicy(t *testing.T, name string) *policy.Policy {
	t.Helper()
	p, err := policy.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plans are settings of all kinds, one after the other.
func plans(t *testing.T) []sekit.Settings {
	t.Helper()
	m := &module.Module{Name: "sekit_oracle", Rules: []module.Rule{
		{Kind: module.Allow, Source: "httpd_t", Target: "shadow_t", Class: "file", Permissions: []string{"read"}}}}
	pp, err := m.PP(module.PPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return []sekit.Settings{
		{
			Ports:    []port.Setting{port.Port(port.TCP, 5601, "http_port_t"), port.Port(port.TCP, 443, "http_cache_port_t")},
			Booleans: []boolean.Record{{Name: "httpd_can_network_connect", On: true}, {Name: "authlogin_pam", On: false}},
			Contexts: []fcontext.LocalSetting{
				{Pattern: "/srv/site(/.*)?", Type: "httpd_sys_content_t"},
				{Pattern: "/srv/my\\.site(/.*)?", Type: "httpd_sys_content_t"},
			},
			Equivalences: []fcontext.Equivalence{{Target: "/srv/www", Source: "/var/www"}},
			Permissive:   []string{"httpd_t"},
			Modules:      []sekit.ModuleSetting{{Key: module.Key{Name: m.Name, Priority: 300}, Language: "pp", Data: pp}},
		},
		{
			Ports:    []port.Setting{port.Port(port.TCP, 5601, "http_cache_port_t"), {Protocol: port.UDP, Low: 7000, High: 7010, Type: "dns_port_t"}},
			Booleans: []boolean.Record{{Name: "httpd_can_network_connect", On: false}},
		},
		{Without: sekit.Without{
			Ports: []port.Key{{Protocol: port.TCP, Low: 443, High: 443}}, Booleans: []string{"authlogin_pam"},
			Contexts: []fcontext.LocalKey{{Pattern: "/srv/site(/.*)?"}}, Equivalences: []string{"/srv/www"},
			// Modules are taken away by the undo of the first plan: each time takes
			// libsemanage seconds.
		}},
	}
}

// TestOracleSemanage carries plans of all kinds out by semanage import, on a
// copy of Debian's store, and compares what semanage then lists with what we
// say, and what their undo leaves with what was before.
func TestOracleSemanage(t *testing.T) {
	if inNamespace(t) {
		testOraclePlans(t, "semanage", plans(t))
	}
}

// TestOracleNative does the same without any tool, but for modules.
func TestOracleNative(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	records := plans(t)
	for i := range records {
		records[i].Modules, records[i].Permissive = nil, nil
	}
	testOraclePlans(t, "native", records)
}

// TestOracleSemodule makes the changes of modules by semodule, and the others
// without a tool.
func TestOracleSemodule(t *testing.T) {
	if inNamespace(t) {
		testOraclePlans(t, "semodule", plans(t)[:1])
	}
}

func testOraclePlans(t *testing.T, way string, plans []sekit.Settings) {
	m, err := sekit.OpenMachineBy(way, "/", tool.Exec{}, sekit.MachineOptions{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const installed = "/etc/selinux/default/policy/policy.33"
	before, exported := openPolicy(t, installed), oracle.Output(t, "semanage", "export")
	var undos []*sekit.Plan
	var states []map[string]string
	var compared, different int
	for i, want := range plans {
		states = append(states, storeState(t))
		p, err := m.Plan(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		undo, err := m.Apply(t.Context(), p)
		if err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		undos = append(undos, undo)
		if again, err := m.Plan(t.Context(), want); err != nil || !again.Empty() {
			t.Errorf("there is still to do: %v\n%s", err, again)
		}
		if i == 1 { // when there is most to list
			compared, different = compareListings(t, m)
			oracle.Report(t, "plan-"+way+"-listings", compared, different)
		}
	}
	compared, different = 0, 0
	for i, undo := range slices.Backward(undos) {
		if _, err := m.Apply(t.Context(), undo); err != nil {
			t.Fatalf("%v\n%s", err, undo)
		}
		now := storeState(t)
		for what, was := range states[i] {
			if compared++; now[what] != was {
				different++
				t.Logf("undo %d: %s was\n%.500s\nis\n%.500s", i, what, was, now[what])
			}
		}
	}
	if compared++; oracle.Output(t, "semanage", "export") != exported {
		different++
		t.Log("semanage exports something else")
	}
	compared++
	if d := policy.Diff(before, openPolicy(t, installed)); len(d.Sections) > 0 {
		different++
		t.Logf("the policy differs: %v", d)
	}
	oracle.Report(t, "plan-"+way+"-undo", compared, different)
}

// TestOracleBundle installs records as a module, and removes it.
func TestOracleBundle(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	m, err := sekit.OpenMachineBy("semodule", "/", tool.Exec{}, sekit.MachineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	before := storeState(t)
	apply := func(want sekit.Settings) *sekit.System {
		t.Helper()
		p, err := m.Plan(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Apply(t.Context(), p); err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		s, err := m.System(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key := module.Key{Name: "sekit_bundle", Priority: 300}
	want, err := s.Bundle(t.Context(), key, sekit.Settings{
		Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t"), {Protocol: port.UDP, Low: 27000, High: 27010, Type: "dns_port_t"}},
		Contexts: []fcontext.LocalSetting{
			{Pattern: `/srv/my\.site(/.*)?`, Type: "httpd_sys_content_t"}, {Pattern: "/srv/sock", Kind: fcontext.Socket, Type: "httpd_runtime_t"},
			{Pattern: "/srv/keep", Kind: fcontext.Dir, None: true},
		},
		Permissive: []string{"httpd_t"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s = apply(want)
	different := 0
	for _, k := range []port.Key{{Protocol: port.TCP, Low: 5601, High: 5601}, {Protocol: port.UDP, Low: 27000, High: 27010}} {
		if m, err := s.Ports.Lookup(k.Protocol, int(k.Low)); err != nil || m.Key != k || m.Origin != port.FromPolicy {
			different++
			t.Logf("%s: %+v, %v", k, m, err)
		}
	}
	for name, typ := range map[string]string{"/srv/my.site/x": "httpd_sys_content_t", "/srv/my_site": "var_t"} {
		if m, ok := s.Contexts.Lookup(name, fcontext.File); !ok || m.Context.Type() != typ {
			different++
			t.Logf("%s: %+v", name, m)
		}
	}
	compared, d := compareListings(t, m)
	different += d
	apply(sekit.Settings{Without: sekit.Without{Modules: []module.Key{key}}})
	now := storeState(t)
	for what, was := range before {
		if compared++; now[what] != was {
			different++
			t.Logf("%s is not what it was", what)
		}
	}
	oracle.Report(t, "plan-bundle", compared+4, different)
}

// compareListings compares what we say of a machine with what semanage lists.
func compareListings(t *testing.T, m *sekit.Machine) (compared, different int) {
	t.Helper()
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lines := func(args ...string) []string {
		text := strings.TrimRight(oracle.Output(t, "semanage", args...), "\n")
		if text == "" {
			return nil
		}
		return strings.Split(text, "\n")
	}
	check := func(what string, ours, theirs []string) {
		for i := range max(len(ours), len(theirs)) {
			compared++
			if i >= len(ours) || i >= len(theirs) || ours[i] != theirs[i] {
				different++
				if different < 10 {
					t.Logf("%s: line %d: we %q, semanage %q", what, i, at(ours, i), at(theirs, i))
				}
			}
		}
	}
	var ports, localPorts, contexts, localContexts, booleans, localBooleans, permissive []string
	for _, r := range s.Ports.ByType() {
		ports = append(ports, r.String())
	}
	for _, r := range s.Ports.LocalByType() {
		localPorts = append(localPorts, r.String())
	}
	for _, e := range s.LocalContexts.List() {
		contexts = append(contexts, e.String())
	}
	for _, e := range s.LocalContexts.LocalList() {
		localContexts = append(localContexts, e.String())
	}
	for _, e := range s.LocalContexts.PolicyEquivalences() {
		contexts = append(contexts, e.String())
	}
	for _, e := range s.LocalContexts.Local().Equivalences {
		contexts, localContexts = append(contexts, e.String()), append(localContexts, e.String())
	}
	onOff := map[bool]string{false: "off", true: "on"}
	for _, b := range s.Booleans.All() {
		line := fmt.Sprintf("%-30s (%-5s,%5s)", b.Name, onOff[b.Current], onOff[b.Default])
		booleans = append(booleans, line)
		if b.Local {
			localBooleans = append(localBooleans, line)
		}
	}
	for typ := range s.Policy.PermissiveTypes() {
		if !slices.Contains(s.Permissive, typ.Name()) {
			permissive = append(permissive, typ.Name())
		}
	}
	slices.Sort(permissive)
	permissive = append(permissive, s.Permissive...)

	check("port -l", ports, lines("port", "-l", "-n"))
	check("port -lC", localPorts, lines("port", "-l", "-C", "-n"))
	check("fcontext -lC", localContexts, blanksCut(lines("fcontext", "-l", "-C", "-n")))
	check("fcontext -l", contexts, blanksCut(lines("fcontext", "-l", "-n")))
	check("boolean -l", booleans, values(lines("boolean", "-l", "-n")))
	check("boolean -lC", localBooleans, values(lines("boolean", "-l", "-C", "-n")))
	check("permissive -l", permissive, lines("permissive", "-l", "-n"))
	return compared, different
}

// blanksCut cuts the blanks at the ends of lines, and leaves out empty lines.
func blanksCut(lines []string) []string {
	var out []string
	for _, line := range lines {
		if line = strings.TrimRight(line, " "); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// values leaves out the descriptions of booleans, and lines that go on with one.
func values(lines []string) []string {
	var out []string
	for _, line := range lines {
		if i := strings.IndexByte(line, ')'); i >= 0 && strings.Contains(line[:i], "(o") {
			out = append(out, line[:i+1])
		}
	}
	return out
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

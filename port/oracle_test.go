//go:build oracle

package port_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

var protocols = []port.Protocol{port.TCP, port.UDP, port.DCCP, port.SCTP}

// listing compares lines and says how many differ, on either side.
func listing(t *testing.T, what string, ours []port.TypeRanges, theirs string) (compared, different int) {
	t.Helper()
	var mine []string
	for _, l := range ours {
		mine = append(mine, l.String())
	}
	want := strings.Split(strings.TrimRight(theirs, "\n"), "\n")
	if theirs == "" {
		want = nil
	}
	for i := range max(len(mine), len(want)) {
		var a, b string
		if i < len(mine) {
			a = mine[i]
		}
		if i < len(want) {
			b = want[i]
		}
		if compared++; a != b {
			different++
			if different < 5 {
				t.Logf("%s: we %q, semanage %q", what, a, b)
			}
		}
	}
	return compared, different
}

// portSIDs asks libsepol (checkpolicy's debugger) for the context of every port.
func portSIDs(t *testing.T, file string) map[port.Key]string {
	t.Helper()
	var in bytes.Buffer
	for _, p := range protocols {
		for n := range 65536 {
			fmt.Fprintf(&in, "9\n%s\n%d\n", p, n)
		}
	}
	in.WriteString("6\nq\n")
	cmd := exec.Command("checkpolicy", "-M", "-b", "-d", file)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers, contexts := []string(nil), make(map[string]string)
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if _, sid, ok := strings.Cut(line, "port? sid "); ok {
			answers = append(answers, sid)
		}
		if before, context, ok := strings.Cut(line, " -> scontext "); ok {
			contexts[before[strings.LastIndex(before, " ")+1:]] = context
		}
	}
	if len(answers) != 4*65536 {
		t.Fatalf("checkpolicy gave %d answers", len(answers))
	}
	m := make(map[port.Key]string, len(answers))
	for i, sid := range answers {
		n := uint16(i % 65536)
		m[port.Key{Protocol: protocols[i/65536], Low: n, High: n}] = contexts[sid]
	}
	return m
}

func compareLookups(t *testing.T, table *port.Table, file string) (compared, different int) {
	t.Helper()
	for k, want := range portSIDs(t, file) {
		m, err := table.Lookup(k.Protocol, int(k.Low))
		if compared++; err != nil || m.Context.String() != want {
			different++
			if different < 5 {
				t.Logf("%s: we %v (%v), libsepol %s", k, m.Context, err, want)
			}
		}
	}
	return compared, different
}

func TestOraclePolicy(t *testing.T) {
	oracle.Require(t, "semanage", "checkpolicy", oracle.DebianPolicy)
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	table := port.NewTable(p, nil)
	c, d := listing(t, "list", table.ByType(), oracle.Output(t, "semanage", "port", "-l", "-n"))
	oracle.Report(t, "port-semanage-list", c, d)
	c, d = compareLookups(t, table, oracle.DebianPolicy)
	oracle.Report(t, "port-lookup-libsepol", c, d)

	want := oracle.Output(t, "seinfo", oracle.DebianPolicy, "-a", "port_type", "-x")
	names := strings.Fields(want)
	i := slices.Index(names, "port_type")
	ours := port.PortTypes(p)
	theirs := slices.DeleteFunc(names[i+1:], func(s string) bool { return !strings.HasSuffix(strings.TrimSuffix(s, ";"), "_t") })
	slices.Sort(theirs)
	different := 0
	if !slices.Equal(ours, theirs) {
		different++
		t.Logf("port types: we %d, seinfo %d", len(ours), len(theirs))
	}
	oracle.Report(t, "port-types-seinfo", len(ours), different)
}

// step is one thing done to a store, by semanage and by us.
type step struct {
	set    port.Setting
	delete port.Key
	// fails says that both must refuse; command is what semanage is asked then,
	// for we make no command for what can't be.
	fails   bool
	command string
}

func steps() []step {
	tcp := func(n uint16) port.Key { return port.Key{Protocol: port.TCP, Low: n, High: n} }
	return []step{
		{set: port.Port(port.TCP, 5601, "http_port_t")},
		{set: port.Port(port.TCP, 443, "http_cache_port_t")}, // the policy's own
		{set: port.Setting{Protocol: port.TCP, Low: 20000, High: 20010, Type: "http_port_t"}},
		{set: port.Port(port.UDP, 5601, "http_port_t")},
		{set: port.Port(port.SCTP, 5601, "http_cache_port_t")},
		{set: port.Port(port.DCCP, 80, "http_port_t")},
		{set: port.Setting{Protocol: port.TCP, Low: 1024, High: 65535, Type: "http_port_t"}, fails: true,
			command: "port -m -t http_port_t -p tcp 1024-65535"}, // overlaps local records
		{set: port.Setting{Protocol: port.TCP, Low: 20005, High: 20015, Type: "ssh_port_t"}, fails: true,
			command: "port -a -t ssh_port_t -p tcp 20005-20015"},
		{set: port.Port(port.TCP, 9999, "bin_t"), fails: true, command: "port -a -t bin_t -p tcp 9999"},
		{set: port.Port(port.TCP, 65536, "http_port_t"), fails: true, command: "port -a -t http_port_t -p tcp 65536"},
		{set: port.Setting{Protocol: port.TCP, Low: 9, High: 3, Type: "http_port_t"}, fails: true,
			command: "port -a -t http_port_t -p tcp 9-3"},
		{delete: tcp(22), fails: true, command: "port -d -p tcp 22"},
		{delete: tcp(5602), fails: true, command: "port -d -p tcp 5602"},
		{set: port.Port(port.TCP, 5601, "http_cache_port_t")}, // modifies a local record in its place
		{set: port.Setting{Protocol: port.TCP, Low: 100, High: 200, Type: "ssh_port_t", Range: "s0:c1.c3"}},
		{set: port.Setting{Protocol: port.TCP, Low: 100, High: 200, Type: "ssh_port_t", Range: "s0"}},
		{set: port.Setting{Protocol: port.TCP, Low: 30000, Type: "ssh_port_t", Range: "s0:c1,c2,c3"}},
		{delete: tcp(443)},
		{delete: port.Key{Protocol: port.TCP, Low: 20000, High: 20010}},
		{set: port.Port(port.TCP, 5602, "http_port_t")},
	}
}

// TestOracleStore makes changes to a copy of Debian's store, in a mount
// namespace of its own, with the commands that our changes give, and compares
// listings, the store's file and what the policy that was built says of every
// port with what we say.
func TestOracleStore(t *testing.T) {
	oracle.Require(t, "semanage", "checkpolicy", "unshare", "mount", "/var/lib/selinux/default/active/policy.linked")
	if os.Getuid() != 0 {
		oracle.Require(t, "/must/be/root/for/a/mount/namespace")
	}
	linked, err := policy.Open("/var/lib/selinux/default/active/policy.linked")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fake := porttest.NewBackend(linked)
	ports := port.New(linked, fake)
	var tables []*port.Table
	var refusals, wrong int
	script := &bytes.Buffer{}
	fmt.Fprintf(script, `set -e
T=%[1]s/tmpfs; mkdir $T; mount -t tmpfs tmpfs $T
cp -a /var/lib/selinux $T/var; cp -a /etc/selinux $T/etc
mount --bind $T/var /var/lib/selinux; mount --bind $T/etc /etc/selinux
A=/var/lib/selinux/default/active
step() { n=$1; shift; rc=0; semanage "$@" 2>/dev/null >&2 || rc=$?; echo $rc >%[1]s/$n.rc
semanage port -l -n >%[1]s/$n.list; semanage port -l -C -n >%[1]s/$n.local; cp $A/ports.local %[1]s/$n.ports; }
`, dir)
	for i, s := range steps() {
		var changes []port.Change
		if s.delete != (port.Key{}) {
			changes, err = ports.Delete(t.Context(), s.delete)
		} else {
			changes, err = ports.Set(t.Context(), s.set)
		}
		if s.fails {
			if refusals++; err == nil {
				wrong++
				t.Errorf("step %d: we do not refuse", i)
			}
			fmt.Fprintf(script, "step %d %s\n", i, strings.Replace(s.command, "port ", "port -N ", 1))
		} else {
			if err != nil || len(changes) != 1 {
				t.Fatalf("step %d: %v, %v", i, changes, err)
			}
			args := changes[0].Command()[1:]
			args = slices.Insert(slices.Clone(args), 1, "-N") // there is no kernel to load it into
			fmt.Fprintf(script, "step %d '%s'\n", i, strings.Join(args, "' '"))
		}
		table, err := ports.Table(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	fmt.Fprintf(script, "cp $A/policy.kern %[1]s/policy.kern; cp /etc/selinux/default/policy/policy.33 %[1]s/installed\n", dir)
	cmd := exec.Command("unshare", "-m", "sh", "-c", script.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var compared, different, files, unequal int
	for i, s := range steps() {
		n := strconv.Itoa(i)
		if failed := strings.TrimSpace(read(n+".rc")) != "0"; failed != s.fails {
			wrong++
			t.Errorf("step %d: semanage fails: %v", i, failed)
		}
		c, d := listing(t, "step "+n, tables[i].ByType(), read(n+".list"))
		c2, d2 := listing(t, "step "+n+" -C", tables[i].LocalByType(), read(n+".local"))
		compared, different = compared+c+c2, different+d+d2
		if files++; string(port.FormatLocal(tables[i].Local())) != read(n+".ports") {
			unequal++
			t.Logf("step %d: our ports.local is\n%s", i, port.FormatLocal(tables[i].Local()))
		}
	}
	oracle.Report(t, "port-store-refusals", refusals, wrong)
	oracle.Report(t, "port-store-listings", compared, different)
	oracle.Report(t, "port-store-ports.local", files, unequal)

	last := tables[len(tables)-1]
	c, d := compareLookups(t, last, filepath.Join(dir, "policy.kern"))
	oracle.Report(t, "port-store-lookup-libsepol", c, d)
	// A policy that holds the local records gives the same table.
	built, err := policy.Open(filepath.Join(dir, "installed"))
	if err != nil {
		t.Fatal(err)
	}
	entries, again := last.Entries(), port.NewTable(built, last.Local()).Entries()
	different = 0
	for i := range max(len(entries), len(again)) {
		if i >= len(entries) || i >= len(again) || entries[i] != again[i] {
			different++
		}
	}
	oracle.Report(t, "port-store-installed-policy", len(entries), different)
}

//go:build oracle

package boolean_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/policy"
)

// listing returns the lines that semanage boolean -l begins with: name,
// current value, default.
func listing(table *boolean.Table, localOnly bool) []string {
	word := map[bool]string{false: "off", true: "on"}
	var out []string
	for _, b := range table.All() {
		if b.Local || !localOnly {
			out = append(out, fmt.Sprintf("%-30s (%-5s,%5s)", b.Name, word[b.Current], word[b.Default]))
		}
	}
	return out
}

func compare(t *testing.T, what string, ours []string, theirs string) (compared, different int) {
	t.Helper()
	var want []string
	for line := range strings.Lines(theirs) {
		if i := strings.IndexByte(line, ')'); i >= 0 { // a description follows
			want = append(want, line[:i+1])
		}
	}
	for i := range max(len(ours), len(want)) {
		if compared++; i >= len(ours) || i >= len(want) || ours[i] != want[i] {
			different++
			if different < 5 {
				t.Logf("%s: at %d of %d and %d", what, i, len(ours), len(want))
			}
		}
	}
	return compared, different
}

func TestOraclePolicy(t *testing.T) {
	oracle.Require(t, "semanage", "seinfo", "sesearch", oracle.DebianPolicy)
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	table, err := boolean.New(p, boolean.Files{}).Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, d := compare(t, "list", listing(table, false), oracle.Output(t, "semanage", "boolean", "-l", "-n"))
	oracle.Report(t, "boolean-semanage-list", c, d)

	xml, err := os.Open("/" + boolean.DescriptionsFile)
	if err != nil {
		oracle.Require(t, "/"+boolean.DescriptionsFile)
	}
	defer xml.Close()
	descriptions, err := boolean.ReadDescriptions(xml)
	if err != nil {
		t.Fatal(err)
	}
	c, d = 0, 0
	for line := range strings.Lines(oracle.Output(t, "semanage", "boolean", "-l", "-n")) {
		name, rest, _ := strings.Cut(line, " ")
		_, text, _ := strings.Cut(strings.TrimSuffix(rest, "\n"), ")  ")
		if c++; descriptions.Of(name) != text {
			if d++; d < 5 {
				t.Logf("%s: we %q, semanage %q", name, descriptions.Of(name), text)
			}
		}
	}
	oracle.Report(t, "boolean-semanage-descriptions", c, d)

	statements := oracle.Output(t, "seinfo", oracle.DebianPolicy, "-b", "-x")
	different := 0
	for _, b := range table.All() {
		if !strings.Contains(statements, fmt.Sprintf("bool %s %v;\n", b.Name, b.Default)) {
			different++
			t.Logf("seinfo does not say %v", b)
		}
	}
	if n := strings.Count(statements, "   bool "); n != len(table.All()) {
		different++
		t.Logf("seinfo has %d booleans", n)
	}
	oracle.Report(t, "boolean-seinfo-default", len(table.All()), different)

	// What each switches: sesearch's conditional rules, by the booleans named in
	// their conditions.
	theirs := make(map[string][]string)
	for line := range strings.Lines(oracle.Output(t, "sesearch", "-A", "--auditallow", "--dontaudit", "-T", "--type_change", "--type_member", oracle.DebianPolicy)) {
		line = strings.TrimSpace(line)
		_, condition, ok := strings.Cut(line, "[ ")
		if !ok {
			continue
		}
		words := strings.FieldsFunc(condition[:strings.LastIndex(condition, "]")], func(r rune) bool { return strings.ContainsRune(" ()!&|^=", r) })
		slices.Sort(words)
		for _, w := range slices.Compact(words) {
			theirs[w] = append(theirs[w], line)
		}
	}
	compared, different := 0, 0
	for _, b := range table.All() {
		var ours []string
		for r := range table.Rules(b.Name) {
			ours = append(ours, r.String())
		}
		want := theirs[b.Name]
		slices.Sort(ours)
		slices.Sort(want)
		compared += len(want)
		if !slices.Equal(ours, want) {
			different++
			t.Logf("%s: we have %d rules, sesearch %d", b.Name, len(ours), len(want))
		}
	}
	oracle.Report(t, "boolean-sesearch-rules", compared, different)
}

// TestOracleStore sets booleans in a copy of Debian's store, in a mount
// namespace of its own, with the commands that our changes give, and compares
// listings and the store's file.
func TestOracleStore(t *testing.T) {
	oracle.Require(t, "semanage", "setsebool", "unshare", "mount", "/var/lib/selinux/default/active/policy.linked")
	if os.Getuid() != 0 {
		oracle.Require(t, "/must/be/root/for/a/mount/namespace")
	}
	linked, err := policy.Open("/var/lib/selinux/default/active/policy.linked")
	if err != nil {
		t.Fatal(err)
	}
	fake := booleantest.NewOffline(linked)
	booleans := boolean.New(linked, fake)
	var names []string
	for b := range linked.Booleans() {
		names = append(names, b.Name())
	}
	steps := []func() ([]boolean.Change, error){
		func() ([]boolean.Change, error) { return booleans.Persist(t.Context(), boolean.Record{names[9], true}) },
		func() ([]boolean.Change, error) { return booleans.Persist(t.Context(), boolean.Record{names[3], true}) },
		func() ([]boolean.Change, error) {
			return booleans.Persist(t.Context(), boolean.Record{names[20], true})
		},
		func() ([]boolean.Change, error) {
			return booleans.Persist(t.Context(), boolean.Record{names[3], false})
		},
		func() ([]boolean.Change, error) {
			return booleans.Persist(t.Context(), boolean.Record{names[9], false})
		},
	}
	dir := t.TempDir()
	script := &bytes.Buffer{}
	fmt.Fprintf(script, `set -e
T=%[1]s/tmpfs; mkdir $T; mount -t tmpfs tmpfs $T
cp -a /var/lib/selinux $T/var; cp -a /etc/selinux $T/etc
mount --bind $T/var /var/lib/selinux; mount --bind $T/etc /etc/selinux
A=/var/lib/selinux/default/active
step() { n=$1; shift; "$@" 2>%[1]s/err >&2 || { cat %[1]s/err >&2; exit 1; }
semanage boolean -l -n >%[1]s/$n.list; semanage boolean -l -C -n >%[1]s/$n.local; cp $A/booleans.local %[1]s/$n.booleans; }
`, dir)
	var tables []*boolean.Table
	for i, s := range steps {
		changes, err := s()
		if err != nil || len(changes) != 1 {
			t.Fatalf("step %d: %v, %v", i, changes, err)
		}
		command := slices.Insert(changes[0].Command(), 1, "-N") // there is no kernel to load it into
		fmt.Fprintf(script, "step %d '%s'\n", i, strings.Join(command, "' '"))
		table, err := booleans.Table(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	script.WriteString("if semanage boolean -m -1 -N no_such_boolean 2>/dev/null; then exit 8; fi\n")
	cmd := exec.Command("unshare", "-m", "sh", "-c", script.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// What semanage refused just now, we refuse, too.
	if _, err := booleans.Persist(t.Context(), boolean.Record{"no_such_boolean", true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unknown boolean: %v", err)
	}
	var compared, different, unequal int
	for i, table := range tables {
		read := func(suffix string) string {
			b, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)+suffix))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		c, d := compare(t, "step "+strconv.Itoa(i), listing(table, false), read(".list"))
		c2, d2 := compare(t, "step "+strconv.Itoa(i)+" -C", listing(table, true), read(".local"))
		compared, different = compared+c+c2, different+d+d2
		local, err := boolean.ParseLocal("booleans.local", []byte(read(".booleans")))
		if err != nil {
			t.Fatal(err)
		}
		var ours []boolean.Record
		for _, b := range table.All() {
			if b.Local {
				ours = append(ours, boolean.Record{Name: b.Name, On: b.Default})
			}
		}
		sorted := slices.SortedFunc(slices.Values(local), func(a, b boolean.Record) int { return strings.Compare(a.Name, b.Name) })
		if !slices.Equal(ours, sorted) || string(boolean.FormatLocal(local)) != read(".booleans") {
			unequal++
			t.Logf("step %d: booleans.local is\n%s", i, read(".booleans"))
		}
		if i == len(tables)-1 {
			if now, err := fake.Local(t.Context()); err != nil || !slices.Equal(now, local) {
				unequal++
				t.Logf("the fake has %v, %v; the store %v", now, err, local)
			}
		}
	}
	oracle.Report(t, "boolean-store-listings", compared, different)
	oracle.Report(t, "boolean-store-booleans.local", len(tables), unequal)
}

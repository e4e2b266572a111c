//go:build oracle

package policy

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// diffPairs are pairs of policies that sediff can compare in seconds.
func diffPairs(t *testing.T) [][2]string {
	const kitchen = "../internal/policydb/testdata/kitchen-"
	pairs := [][2]string{
		{kitchen + "24.policy", kitchen + "33.policy"},
		{kitchen + "33.policy", kitchen + "33-nomls.policy"},
		{kitchen + "cil-30.policy", kitchen + "33.policy"},
		{"testdata/query.policy", "testdata/decide.policy"},
		{"../internal/demo/policy.33", "testdata/query.policy"},
	}
	for seed := range uint64(6) {
		pairs = append(pairs, [2]string{"testdata/query.policy", mutatedPolicy(t, "testdata/query.conf", seed)})
	}
	for i := range pairs {
		for side := range pairs[i] {
			name, err := filepath.Abs(pairs[i][side])
			if err != nil {
				t.Fatal(err)
			}
			pairs[i][side] = name
		}
	}
	return pairs
}

// mutatedPolicy compiles a source from which some rules, and attributes of
// types, were taken away at random.
func mutatedPolicy(t *testing.T, source string, seed uint64) string {
	oracle.Require(t, "checkpolicy")
	data, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 3))
	rule := regexp.MustCompile(`^\s*(allow|auditallow|dontaudit|type_transition|permissive|portcon|genfscon) `)
	attribute := regexp.MustCompile(`^(type \w+), (\w+);`)
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		switch {
		case r.IntN(3) > 0:
		case rule.MatchString(line):
			lines[i] = ""
		case attribute.MatchString(line):
			lines[i] = attribute.ReplaceAllString(line, "$1;")
		}
	}
	dir := t.TempDir()
	conf, out := filepath.Join(dir, "policy.conf"), filepath.Join(dir, "policy.33")
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	oracle.Output(t, "checkpolicy", "-M", "-c", "33", "-o", out, conf)
	return out
}

// TestOracleAccessChanges compares the changes of access rules, attributes
// expanded, with those of sediff.
func TestOracleAccessChanges(t *testing.T) {
	compared, different := 0, 0
	for _, pair := range diffPairs(t) {
		old, new := openPolicy(t, pair[0]), openPolicy(t, pair[1])
		var ours []string
		for c := range AccessChanges(old, new) {
			head := fmt.Sprintf("%v %s %s:%s ", c.Kind, c.Source, c.Target, c.Class)
			tail := ""
			if c.Condition != "" {
				tail = " " + c.Condition
			}
			for _, p := range c.Added {
				ours = append(ours, "+ "+head+p+tail)
			}
			for _, p := range c.Removed {
				ours = append(ours, "- "+head+p+tail)
			}
		}
		slices.Sort(ours)
		theirs := newSetools(t, pair[0]).lines("diff", pair[1])
		mendConditions(ours, theirs)
		compared += max(len(ours), len(theirs))
		different += compareLines(t, fmt.Sprint(pair), ours, theirs)
	}
	oracle.Report(t, "sediff of access rules", compared, different)
}

// TestOracleDiffCounts compares how many of each kind of component sediff says
// are added, removed and modified.
func TestOracleDiffCounts(t *testing.T) {
	oracle.Require(t, "sediff")
	header := regexp.MustCompile(`(?m)^(\w[^(\n]*) \((\d+) Added, (\d+) Removed(?:, (\d+) Modified)?\)$`)
	compared, different := 0, 0
	for _, pair := range diffPairs(t) {
		d := Diff(openPolicy(t, pair[0]), openPolicy(t, pair[1]))
		ours := make(map[string]string)
		for _, s := range d.Sections {
			ours[s.Kind] = fmt.Sprint(len(s.Added), len(s.Removed), len(s.Modified))
		}
		out := oracle.Output(t, "sediff", pair[0], pair[1])
		for _, m := range header.FindAllStringSubmatch(out, -1) {
			kind, ok := diffSections[m[1]]
			if !ok {
				continue
			}
			if m[4] == "" {
				m[4] = "0"
			}
			have := ours[kind]
			if have == "" {
				have = "0 0 0"
			}
			compared++
			if want := fmt.Sprint(m[2], " ", m[3], " ", m[4]); have != want {
				t.Logf("%s: %s: sekit %s, sediff %s", pair, m[1], have, want)
				different++
			}
		}
	}
	oracle.Report(t, "sediff of components", compared, different)
}

// diffSections are sediff's headings for kinds that it compares as sekit does.
// Rules are not among them: sediff expands their attributes.
var diffSections = map[string]string{
	"Policy Capabilities": "policy capabilities", "Commons": "commons", "Classes": "classes", "Booleans": "booleans",
	"Roles": "roles", "Types": "types", "Type Attributes": "attributes", "Users": "users", "Categories": "categories",
	"Initial SIDs": "initial SIDs", "Genfscons": "genfscon statements", "Netifcons": "netifcon statements",
	"Nodecons": "nodecon statements", "Portcons": "portcon statements", "Fs_use": "fs_use statements",
	"Ibpkeycons": "ibpkeycon statements", "Ibendportcons": "ibendportcon statements",
	"Role allow Rules": "role allow rules", "Defaults": "defaults",
	"Role_transition Rules": "role_transition rules", "Range_transition Rules": "range_transition rules",
}

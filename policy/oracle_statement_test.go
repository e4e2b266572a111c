//go:build oracle

package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// What TestOracleStatements takes out of a source, and puts our statements of
// the same kinds where the first was.
var (
	conditionalLine = regexp.MustCompile(`^if \(`)
	typeRuleLine    = regexp.MustCompile(`^((allow|auditallow|dontaudit)(xperm)? \S+ \S+:|type_transition |type_member |type_change |range_transition )`)
	roleRuleLine    = regexp.MustCompile(`^(allow \S+ \S+;|role_transition )`)
	constraintLine  = regexp.MustCompile(`^(constrain|validatetrans) `)
	mlsLine         = regexp.MustCompile(`^mls(constrain|validatetrans) `)
)

// TestOracleStatements has checkpolicy compile what we print of rules and
// constraints: put into the source that it writes of a policy, in place of its
// own, it must give the same policy. (Of others it writes a source that it refuses
// itself: users before they are declared, types out of bounds.)
func TestOracleStatements(t *testing.T) {
	oracle.Require(t, "checkpolicy", oracle.DebianPolicy)
	compared, different := 0, 0
	for _, file := range []string{
		oracle.DebianPolicy, "testdata/decide.policy", "testdata/query.policy",
	} {
		p, err := Open(file)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		conf, ours, out := filepath.Join(dir, "conf"), filepath.Join(dir, "ours"), filepath.Join(dir, "out")
		oracle.Output(t, "checkpolicy", "-M", "-b", "-F", "-o", conf, file)
		source, err := os.ReadFile(conf)
		if err != nil {
			t.Fatal(err)
		}
		compile := func(in string) *Policy {
			oracle.Output(t, "checkpolicy", "-M", "-c", "33", "-o", out, in)
			q, err := Open(out)
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
		want, got, n := compile(conf), p, 0
		// Twice, since expressions print with their operands the other way round.
		for range 2 {
			var text string
			text, n = withStatements(t, got, string(source))
			if err := os.WriteFile(ours, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			got = compile(ours)
		}
		compared += n
		d := Diff(want, got)
		for _, s := range d.Sections {
			different += len(s.Added) + len(s.Removed) + len(s.Modified)
		}
		if !d.IsEmpty() {
			var text strings.Builder
			d.WriteText(&text)
			t.Errorf("%s: %.2000s", file, &text)
		}
	}
	oracle.Report(t, "policy-statements", compared, different)
}

// withStatements replaces the rules and constraints of a source, and returns how
// many it put in.
func withStatements(t *testing.T, p *Policy, source string) (string, int) {
	var types, roles, constraints, mls []string
	byCondition := map[string][2][]string{}
	rules, err := p.Rules(RuleQuery{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := range rules {
		n++
		c, conditional := r.Condition()
		switch {
		case r.Kind()&RoleKinds != 0:
			roles = append(roles, r.Statement())
		case conditional:
			branches := byCondition[c.Expression()]
			branch := 0
			if !c.Branch() {
				branch = 1
			}
			branches[branch] = append(branches[branch], r.Statement())
			byCondition[c.Expression()] = branches
		default:
			types = append(types, r.Statement())
		}
	}
	for expression, branches := range byCondition {
		types = append(types, "if ("+expression+") {\n"+strings.Join(branches[0], "\n")+"\n} else {\n"+strings.Join(branches[1], "\n")+"\n}")
	}
	for c := range p.Constraints() {
		n++
		if text := c.Statement(); mlsLine.MatchString(text) {
			mls = append(mls, text)
		} else {
			constraints = append(constraints, text)
		}
	}
	var out []string
	put := func(list *[]string) {
		out = append(out, *list...)
		*list = nil
	}
	inside := false
	for line := range strings.Lines(source) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case inside:
			inside = line != "}"
		case conditionalLine.MatchString(line):
			inside = true
			put(&types)
		case typeRuleLine.MatchString(line):
			put(&types)
		case roleRuleLine.MatchString(line):
			put(&roles)
		case constraintLine.MatchString(line):
			put(&constraints)
		case mlsLine.MatchString(line):
			put(&mls)
		default:
			out = append(out, line)
		}
	}
	if len(slices.Concat(types, roles, constraints, mls)) > 0 {
		t.Errorf("the source has no place for %d, %d, %d and %d statements", len(types), len(roles), len(constraints), len(mls))
	}
	return strings.Join(out, "\n") + "\n", n
}

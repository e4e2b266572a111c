//go:build oracle

package policy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// setools runs seinfo and sesearch on one policy, in one process.
type setools struct {
	t   *testing.T
	in  *json.Encoder
	out *bufio.Reader
}

func newSetools(t *testing.T, policy string) *setools {
	t.Helper()
	oracle.Require(t, "seinfo", "sesearch", "/usr/bin/python3", policy)
	cmd := exec.Command("/usr/bin/python3", "testdata/oracle/commands.py", policy)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &setools{t, json.NewEncoder(in), bufio.NewReaderSize(out, 1<<20)}
}

// run runs a command; failure is what it failed with.
func (s *setools) run(args ...string) (out, failure string) {
	s.t.Helper()
	if err := s.in.Encode(args); err != nil {
		s.t.Fatalf("%q: %v", args, err)
	}
	line, err := s.out.ReadBytes('\n')
	if err != nil && err != io.EOF {
		s.t.Fatalf("%q: %v", args, err)
	}
	var answer struct{ Out, Failure string }
	if err := json.Unmarshal(line, &answer); err != nil {
		s.t.Fatalf("%q: %v", args, err)
	}
	return answer.Out, answer.Failure
}

// lines runs a command that must succeed and returns its lines, sorted.
func (s *setools) lines(args ...string) []string {
	s.t.Helper()
	out, failure := s.run(args...)
	if failure != "" {
		s.t.Fatalf("%q: %s", args, failure)
	}
	return sortedLines(out)
}

func sortedLines(out string) []string {
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if lines[0] == "" {
		lines = lines[1:]
	}
	slices.Sort(lines)
	return lines
}

// compareLines returns how many lines are in only one of the two sorted lists,
// and logs the first few.
func compareLines(t *testing.T, what string, ours, theirs []string) (different int) {
	t.Helper()
	report := func(side, line string) {
		if different++; different <= 5 {
			t.Logf("%s: only %s: %q", what, side, line)
		}
	}
	for len(ours) > 0 || len(theirs) > 0 {
		switch {
		case len(theirs) == 0 || len(ours) > 0 && ours[0] < theirs[0]:
			report("sekit", ours[0])
			ours = ours[1:]
		case len(ours) == 0 || theirs[0] < ours[0]:
			report("setools", theirs[0])
			theirs = theirs[1:]
		default:
			ours, theirs = ours[1:], theirs[1:]
		}
	}
	return different
}

func ruleLines(t *testing.T, p *Policy, q RuleQuery) []string {
	t.Helper()
	rules, err := p.Rules(q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	var lines []string
	for r := range rules {
		lines = append(lines, r.String())
	}
	slices.Sort(lines)
	return lines
}

// oraclePolicies are the policies that setools can read: Debian's, and the
// small ones of this repository, some of which hold every construct.
func oraclePolicies(t *testing.T) []string {
	oracle.Require(t, oracle.DebianPolicy)
	policies := []string{oracle.DebianPolicy, "../internal/demo/policy.33"}
	for _, pattern := range []string{"testdata/*.policy", "../internal/policydb/testdata/*.policy"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		policies = append(policies, found...)
	}
	for i, name := range policies {
		var err error
		if policies[i], err = filepath.Abs(name); err != nil {
			t.Fatal(err)
		}
	}
	// Debian 12's libsepol knows no version above 33.
	return slices.DeleteFunc(policies, func(name string) bool {
		return strings.HasSuffix(name, "34.policy") || strings.HasSuffix(name, "35.policy")
	})
}

// policyName is a policy's file and directory.
func policyName(name string) string {
	return filepath.Join(filepath.Base(filepath.Dir(name)), filepath.Base(name))
}

func openPolicy(t testing.TB, name string) *Policy {
	t.Helper()
	p, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sesearchArgs writes a query as sesearch's options.
func sesearchArgs(q RuleQuery) []string {
	args := []string{"sesearch"}
	add := func(option, name string, re *regexp.Regexp, regexpOption string) {
		if re != nil {
			args = append(args, regexpOption)
			name = re.String()
		}
		if name != "" {
			args = append(args, option, name)
		}
	}
	for kind, option := range sesearchKinds {
		if q.Kinds&kind != 0 {
			args = append(args, option)
		}
	}
	slices.Sort(args[1:])
	add("-s", q.Source, q.SourceRegexp, "-rs")
	add("-t", q.Target, q.TargetRegexp, "-rt")
	add("-c", strings.Join(q.Classes, ","), q.ClassRegexp, "-rc")
	add("-p", strings.Join(q.Permissions, ","), nil, "")
	add("-D", q.Default, q.DefaultRegexp, "-rd")
	add("-b", strings.Join(q.Booleans, ","), q.BooleanRegexp, "-rb")
	var xperms []string
	for _, x := range q.Xperms {
		xperms = append(xperms, x.String())
	}
	add("-x", strings.Join(xperms, ","), nil, "")
	for option, on := range map[string]bool{
		"-ds": q.SourceDirect, "-dt": q.TargetDirect,
		"-ep": q.PermissionMatch == MatchEqual, "-Sp": q.PermissionMatch == MatchAll,
		"-eb": q.BooleanMatch == MatchEqual, "-ex": q.XpermMatch == MatchEqual,
	} {
		if on {
			args = append(args, option)
		}
	}
	return args
}

var sesearchKinds = map[RuleKind]string{
	KindAllow: "--allow", KindAuditAllow: "--auditallow", KindDontAudit: "--dontaudit",
	KindAllowXperm: "--allowxperm", KindAuditAllowXperm: "--auditallowxperm", KindDontAuditXperm: "--dontauditxperm",
	KindTypeTransition: "--type_trans", KindTypeMember: "--type_member", KindTypeChange: "--type_change",
	KindRoleAllow: "--role_allow", KindRoleTransition: "--role_trans", KindRangeTransition: "--range_trans",
}

// TestOracleRules compares every rule of every kind, as text.
func TestOracleRules(t *testing.T) {
	for _, name := range oraclePolicies(t) {
		t.Run(policyName(name), func(t *testing.T) {
			p, tools := openPolicy(t, name), newSetools(t, name)
			compared, different := 0, 0
			for bit := range ruleKeywords {
				kind := RuleKind(1) << bit
				if kind == KindRangeTransition && !p.MLS() {
					continue // sesearch refuses
				}
				ours := ruleLines(t, p, RuleQuery{Kinds: kind})
				theirs := tools.lines("sesearch", sesearchKinds[kind])
				mendConditions(ours, theirs)
				compared += max(len(ours), len(theirs))
				different += compareLines(t, sesearchKinds[kind], ours, theirs)
			}
			oracle.Report(t, "rules of "+policyName(name), compared, different)
		})
	}
}

// queryMaker makes up queries from the names of a policy.
type queryMaker struct {
	r                                                    *rand.Rand
	types, attributes, aliases, classes, booleans, roles []string
	permissions                                          []string
}

func newQueryMaker(t *testing.T, p *Policy, seed uint64) *queryMaker {
	m := &queryMaker{r: rand.New(rand.NewPCG(seed, 0))}
	for v := range p.Types() {
		m.types = append(m.types, v.Name())
		m.aliases = append(m.aliases, v.Aliases()...)
	}
	for v := range p.Attributes() {
		m.attributes = append(m.attributes, v.Name())
	}
	for v := range p.Classes() {
		m.classes = append(m.classes, v.Name())
		m.permissions = append(m.permissions, v.Permissions()...)
	}
	for v := range p.Booleans() {
		m.booleans = append(m.booleans, v.Name())
	}
	for v := range p.Roles() {
		m.roles = append(m.roles, v.Name())
	}
	return m
}

func (m *queryMaker) pick(from []string) string {
	if len(from) == 0 {
		return ""
	}
	return from[m.r.IntN(len(from))]
}

func (m *queryMaker) chance(percent int) bool { return m.r.IntN(100) < percent }

// typeName picks a type, an attribute or an alias.
func (m *queryMaker) typeName() string {
	switch n := m.r.IntN(10); {
	case n < 5:
		return m.pick(m.types)
	case n < 9 || m.aliases == nil:
		return m.pick(m.attributes)
	}
	return m.pick(m.aliases)
}

// regexp makes a regular expression that some names match.
func (m *queryMaker) regexp(names []string) *regexp.Regexp {
	name := m.pick(names)
	if len(name) < 4 {
		return regexp.MustCompile(regexp.QuoteMeta(name))
	}
	cut := 3 + m.r.IntN(len(name)-3)
	switch m.r.IntN(3) {
	case 0:
		return regexp.MustCompile("^" + regexp.QuoteMeta(name[:cut]))
	case 1:
		return regexp.MustCompile(regexp.QuoteMeta(name[cut:]) + "$")
	}
	return regexp.MustCompile(regexp.QuoteMeta(name[:2]) + ".*" + regexp.QuoteMeta(name[cut:]))
}

// query makes a query on rules of types: some from a rule that the policy has,
// so that they find something.
func (m *queryMaker) query(p *Policy, rules []Rule) RuleQuery {
	like := rules[m.r.IntN(len(rules))]
	q := RuleQuery{Kinds: like.Kind()}
	if q.Kinds&KindAllow != 0 && m.chance(50) {
		q.Kinds |= KindAllowXperm // -A
	}
	if m.chance(10) {
		q.Kinds = KindAllow | KindDontAudit | KindTypeTransition
	}
	role := like.Kind()&RoleKinds != 0
	m.sides(&q, p, like, role)
	if !role && m.chance(40) {
		q.Classes = []string{like.Class()}
		if m.chance(30) {
			q.Classes = append(q.Classes, m.pick(m.classes))
		}
		if m.chance(20) {
			q.Classes, q.ClassRegexp = nil, m.regexp(m.classes)
		}
	}
	m.permissionsAndDefault(&q, like)
	m.conditions(&q, like)
	return q
}

func (m *queryMaker) sides(q *RuleQuery, p *Policy, like Rule, role bool) {
	side := func(name string, isRole bool) (string, *regexp.Regexp, bool) {
		switch {
		case isRole && m.chance(30):
			return "", m.regexp(m.roles), false
		case isRole:
			return name, nil, m.chance(20)
		case m.chance(15):
			return "", m.regexp(m.types), m.chance(40)
		case m.chance(30):
			return m.typeName(), nil, m.chance(20)
		}
		if a, err := p.Attribute(name); err == nil && m.chance(50) {
			for t := range a.Types() {
				name = t.Name() // the first of its types: found through the attribute
				break
			}
		}
		return name, nil, m.chance(20)
	}
	if m.chance(70) {
		q.Source, q.SourceRegexp, q.SourceDirect = side(like.Source(), role)
	}
	if m.chance(60) {
		q.Target, q.TargetRegexp, q.TargetDirect = side(like.Target(), like.Kind() == KindRoleAllow)
	}
}

func (m *queryMaker) permissionsAndDefault(q *RuleQuery, like Rule) {
	if perms := like.Permissions(); len(perms) > 0 && m.chance(50) {
		m.r.Shuffle(len(perms), func(i, j int) { perms[i], perms[j] = perms[j], perms[i] })
		q.Permissions = perms[:1+m.r.IntN(len(perms))]
		q.PermissionMatch = SetMatch(m.r.IntN(3))
		if m.chance(30) {
			q.Permissions = slices.Clone(like.Permissions())
		}
	}
	if like.Kind()&XpermKinds != 0 && m.chance(50) {
		for x := range like.Xperms() {
			q.Xperms = append(q.Xperms, x)
			if m.chance(50) {
				break
			}
		}
		if m.chance(30) {
			q.XpermMatch = MatchEqual
		}
	}
	if d := like.Default(); d != "" && m.chance(50) {
		if q.Default = d; like.Kind()&TypeKinds != 0 && m.chance(30) {
			q.Default, q.DefaultRegexp = "", m.regexp(m.types)
		}
	}
}

func (m *queryMaker) conditions(q *RuleQuery, like Rule) {
	c, ok := like.Condition()
	if !ok || m.chance(30) {
		return
	}
	q.Booleans = c.Booleans()
	switch m.r.IntN(4) {
	case 0:
		q.Booleans = append(q.Booleans, m.pick(m.booleans))
	case 1:
		q.BooleanMatch = MatchEqual
	case 2:
		q.Booleans, q.BooleanRegexp = nil, m.regexp(m.booleans)
	}
}

// TestOracleQueries compares searches that are made up at random.
func TestOracleQueries(t *testing.T) {
	for _, name := range oraclePolicies(t) {
		t.Run(policyName(name), func(t *testing.T) {
			p, tools := openPolicy(t, name), newSetools(t, name)
			m := newQueryMaker(t, p, 1)
			byKind := rulesByKind(t, p)
			queries := 60
			if name == oracle.DebianPolicy {
				queries = 240
			}
			different, found := 0, 0
			for range queries {
				q := m.query(p, byKind[m.r.IntN(len(byKind))])
				args := sesearchArgs(q)
				some, n := compareQuery(t, p, q, tools, args)
				different += min(n, 1)
				if some {
					found++
				}
			}
			if found < queries/3 {
				t.Errorf("only %d of %d queries find anything: they test too little", found, queries)
			}
			oracle.Report(t, "sesearch queries on "+policyName(name), queries, different)
		})
	}
}

// rulesByKind returns the rules of each kind that the policy has, those of the
// kinds with conditions twice: all, and the conditional ones.
func rulesByKind(t *testing.T, p *Policy) [][]Rule {
	var out [][]Rule
	for bit := range ruleKeywords {
		rules, err := p.Rules(RuleQuery{Kinds: 1 << bit})
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Collect(rules)
		conditional := slices.DeleteFunc(slices.Clone(all), func(r Rule) bool { _, ok := r.Condition(); return !ok })
		for _, list := range [][]Rule{all, conditional} {
			if len(list) > 0 {
				out = append(out, list)
			}
		}
	}
	return out
}

// compareQuery compares a search, and says whether it finds any; an error of
// ours must be one of sesearch too.
func compareQuery(t *testing.T, p *Policy, q RuleQuery, tools *setools, args []string) (found bool, different int) {
	t.Helper()
	out, failure := tools.run(args...)
	rules, err := p.Rules(q)
	if err != nil || failure != "" {
		if (err != nil) != (failure != "") {
			t.Logf("%q: sekit %v, sesearch %q", args, err, failure)
			return false, 1
		}
		return false, 0
	}
	var ours []string
	for r := range rules {
		ours = append(ours, r.String())
	}
	slices.Sort(ours)
	theirs := sortedLines(out)
	switch setoolsFlaw(p, q) {
	case flawEmptyAttribute:
		theirs = nil
	case flawAliasedSensitivity:
		without := q
		without.Default = ""
		out, _ := tools.run(sesearchArgs(without)...)
		text, _ := tools.run("range", q.Default)
		theirs = slices.DeleteFunc(sortedLines(out), func(line string) bool {
			return !strings.HasSuffix(line, " "+strings.TrimSpace(text)+";")
		})
	}
	mendConditions(ours, theirs)
	return len(ours) > 0, compareLines(t, fmt.Sprint(args), ours, theirs)
}

// mendConditions puts the parentheses back that SETools leaves out although
// they are needed, as in a && (b || c), which it prints ( a && b || c ).
// TestOracleConditions sees to it that sekit's are right.
func mendConditions(ours, theirs []string) {
	bare := strings.NewReplacer("( ", "", " )", "")
	right := make(map[string]string)
	for _, line := range ours {
		_, condition, _ := strings.Cut(line, "[")
		if inner := strings.TrimPrefix(condition, " ( "); strings.Contains(inner, "( ") {
			right[bare.Replace(line)] = line
		}
	}
	for i, line := range theirs {
		if mended, ok := right[bare.Replace(line)]; ok {
			theirs[i] = mended
		}
	}
	slices.Sort(theirs)
}

// What SETools 4.4 gets wrong and sekit does not.
const (
	// A criterion that is an attribute without types is ignored (its length is
	// 0, so it counts as false): every rule is found, instead of none.
	flawEmptyAttribute = "empty attribute"
	// A sensitivity with an alias is not equal to itself when it is looked up,
	// so no range with it is found.
	flawAliasedSensitivity = "aliased sensitivity"
)

// setoolsFlaw names the flaw that a query runs into, if any.
func setoolsFlaw(p *Policy, q RuleQuery) string {
	for _, c := range []struct {
		name string
		re   *regexp.Regexp
	}{{q.Source, q.SourceRegexp}, {q.Target, q.TargetRegexp}, {q.Default, q.DefaultRegexp}} {
		if a, err := p.Attribute(c.name); err == nil && c.re == nil && a.Len() == 0 {
			return flawEmptyAttribute
		}
	}
	if q.Kinds == KindRangeTransition && q.Default != "" {
		for s := range p.Sensitivities() {
			if len(s.Aliases()) > 0 && strings.Contains(q.Default, s.Name()) {
				return flawAliasedSensitivity
			}
		}
	}
	return ""
}

// TestOracleSesearch compares searches with the sesearch command itself.
func TestOracleSesearch(t *testing.T) {
	oracle.Require(t, "sesearch", oracle.DebianPolicy)
	p := openPolicy(t, oracle.DebianPolicy)
	m := newQueryMaker(t, p, 2)
	byKind := rulesByKind(t, p)
	const queries = 32
	different := 0
	for range queries {
		q := m.query(p, byKind[m.r.IntN(len(byKind))])
		args := sesearchArgs(q)[1:]
		cmd := exec.Command("sesearch", append([]string{oracle.DebianPolicy}, args...)...)
		theirs, failed := cmd.Output()
		rules, err := p.Rules(q)
		if err != nil || failed != nil {
			if (err != nil) != (failed != nil) {
				t.Logf("%q: sekit %v, sesearch %v: %s", args, err, failed, theirs)
				different++
			}
			continue
		}
		var ours []string
		for r := range rules {
			ours = append(ours, r.String())
		}
		slices.Sort(ours)
		different += min(1, compareLines(t, fmt.Sprint(args), ours, sortedLines(string(theirs))))
	}
	oracle.Report(t, "the sesearch command", queries, different)
}

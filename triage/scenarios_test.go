package triage_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/triage"
)

// scenario is an entry of testdata/*.scenarios, which begin with how they are
// written: a denial as it is logged, and what an expert says of it.
type scenario struct {
	name, reason string
	line         int
	log          string
	cause        string   // in the words of audit2why
	first        string   // the first fix: its kind and its commands, or "none"
	differs      string   // what is given instead, # and why, where that is known
	also         []string // words of other fixes
	never        []string // words that no fix may have
	says         []string // words of reasons, notes, warnings and rejected changes
}

var (
	avcLine  = regexp.MustCompile(`^\{ ([a-z_0-9 ]+) \} (\S+) (\S+) (\S+) ?(.*?)(?: after: (.*))?$`)
	commPart = regexp.MustCompile(`comm="[^"]*" ?`)
)

// scenarios reads a file of them. An event's serial is its number in the file.
func scenarios(t testing.TB, file string) []scenario {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	var log *scenarioLog
	number := 0
	for text := range strings.Lines(string(data)) {
		number++
		text = strings.TrimSuffix(text, "\n")
		word, rest, _ := strings.Cut(text, " ")
		if word == "=" {
			all = append(all, scenario{name: rest, line: number})
			log = &scenarioLog{id: fmt.Sprintf("msg=audit(1772618431.733:%d):", len(all))}
			continue
		}
		if len(all) == 0 || text == "" {
			continue // what is before the first tells how they are written
		}
		s := &all[len(all)-1]
		ok := true
		switch word {
		case "avc", "syscall", "path", "raw":
			ok = log.add(word, rest)
			s.log = strings.Join(log.lines, "")
		case "cause":
			s.cause = rest
		case "first":
			s.first = rest
		case "differs":
			s.differs = rest
		case "also":
			s.also = append(s.also, rest)
		case "never":
			s.never = append(s.never, rest)
		case "says":
			s.says = append(s.says, rest)
		default:
			s.reason += text + " "
		}
		if !ok {
			t.Fatalf("%s line %d: %q", file, number, text)
		}
	}
	for _, s := range all {
		if s.log == "" || s.cause == "" || s.first == "" || s.reason == "" {
			t.Fatalf("%s line %d: %s is incomplete", file, s.line, s.name)
		}
	}
	return all
}

// scenarioLog writes out records that are written in short.
type scenarioLog struct {
	id, comm, source, target string
	paths                    int
	lines                    []string
}

func (l *scenarioLog) line(kind, format string, args ...any) {
	l.lines = append(l.lines, "type="+kind+" "+l.id+" "+fmt.Sprintf(format, args...)+"\n")
}

func (l *scenarioLog) add(word, rest string) bool {
	switch word {
	case "raw":
		kind, body, ok := strings.Cut(rest, " ")
		l.line(kind, "%s", body)
		return ok
	case "avc":
		m := avcLine.FindStringSubmatch(rest)
		if m == nil {
			return false
		}
		l.source, l.target = scenarioContext(m[2], "system_u:system_r:"), scenarioContext(m[3], "system_u:object_r:")
		if m[3] == "self" {
			l.target = l.source
		}
		l.comm = strings.TrimSpace(commPart.FindString(m[5]))
		if l.comm == "" {
			l.comm = `comm="app"`
		}
		permissive := "permissive=0"
		if m[6] == "permissive" {
			permissive, m[6] = "permissive=1", ""
		}
		l.line("AVC", "avc:  denied  { %s } for  pid=1342 %s %s scontext=%s tcontext=%s tclass=%s %s", m[1], l.comm,
			commPart.ReplaceAllString(m[5], ""), l.source, l.target, m[4], strings.TrimSpace(permissive+" "+m[6]))
	case "syscall":
		fields := map[string]string{"success": "no", "exit": "-13", "a2": "0", "exe": `"/usr/bin/app"`}
		number, more, _ := strings.Cut(rest, " ")
		for f := range strings.FieldsSeq(more) {
			k, v, _ := strings.Cut(f, "=")
			fields[k] = v
		}
		l.line("SYSCALL", "arch=c000003e syscall=%s success=%s exit=%s a0=ffffff9c a1=7f4b9c0d2e70 a2=%s a3=1b6 items=1 ppid=1340 pid=1342"+
			" auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 %s exe=%s subj=%s key=(null)",
			number, fields["success"], fields["exit"], fields["a2"], l.comm, fields["exe"], l.source)
		l.line("CWD", `cwd="/"`)
	case "path":
		f := strings.Fields(rest)
		if len(f) < 2 {
			return false
		}
		inode := "77"
		if len(f) > 2 {
			inode = f[2]
		}
		if f[1] == "CREATE" {
			l.line("PATH", `item=%d name="%s" nametype=CREATE`, l.paths, f[0])
		} else {
			l.line("PATH", `item=%d name="%s" inode=%s dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 obj=%s nametype=%s`, l.paths, f[0], inode, l.target, f[1])
		}
		l.paths++
	}
	return true
}

// scenarioContext writes out a context that is a type alone: of a process if it
// has an @ or that is the default, else of an object.
func scenarioContext(s, def string) string {
	if name, ok := strings.CutPrefix(s, "@"); ok {
		return "system_u:system_r:" + name + ":s0"
	}
	if strings.Contains(s, ":") {
		return s
	}
	return def + s + ":s0"
}

// answer is the one finding of a scenario.
func (s *scenario) answer(t testing.TB, sys *sekit.System) *triage.Finding {
	t.Helper()
	report := read(t, sys, []byte(s.log))
	if len(report.Findings) != 1 || len(report.Unread) != 0 {
		t.Fatalf("%d findings, unread %v, in\n%s", len(report.Findings), report.Unread, s.log)
	}
	checkFixes(t, sys, report)
	return &report.Findings[0]
}

func (s *scenario) check(t *testing.T, sys *sekit.System, f *triage.Finding) {
	t.Helper()
	var sets []policy.BooleanSet
	if f.Status == triage.Open {
		var err error
		if sets, err = sys.Policy.BooleanSets(f.Access); err != nil {
			t.Fatal(err)
		}
	}
	if got := causeOf(f, sets); got != s.cause {
		t.Errorf("cause %q, want %q", got, s.cause)
	}
	want := s.first
	if s.differs != "" {
		want, _, _ = strings.Cut(s.differs, " # ")
	}
	if got := advice(f); got != want {
		t.Errorf("the first fix is\n%s, want\n%s\nof %q", got, want, summaries(f.Fixes))
	}
	said := slices.Clone(f.Why)
	for _, n := range f.Notes {
		said = append(said, n.Text)
	}
	for _, r := range f.Rejected {
		said = append(said, r.Summary+": "+r.Reason)
	}
	for _, fix := range f.Fixes {
		said = append(said, fix.Warnings...)
	}
	for _, fix := range f.Fixes {
		for i, w := range fix.Warnings {
			for j, other := range fix.Warnings {
				if i != j && strings.HasPrefix(other, w) {
					t.Errorf("%s: said twice: %q, %q", fix.Summary, w, other)
				}
			}
		}
	}
	contains(t, "text", said, s.says)
	contains(t, "fix", strings.Split(text(f), "\n"), s.also)
	for _, never := range s.never {
		if strings.Contains(text(f), never) {
			t.Errorf("one is told %q:\n%s", never, text(f))
		}
	}
}

// advice is the first fix in a line.
func advice(f *triage.Finding) string {
	if len(f.Fixes) == 0 {
		return "none"
	}
	fix := &f.Fixes[0]
	if fix.Module != nil {
		var rules []string
		for _, r := range fix.Module.Rules {
			rules = append(rules, strings.TrimSuffix(r.String(), ";"))
		}
		return "module " + strings.Join(rules, "; ")
	}
	if len(fix.Commands) == 0 {
		return fix.Kind.String() + " by hand: " + fix.Summary
	}
	var commands []string
	for _, c := range fix.Commands {
		commands = append(commands, c.String())
	}
	return fix.Kind.String() + " " + strings.Join(commands, "; ")
}

// causeOf is a cause in the words of audit2why, which names one: a dontaudit
// rule before a missing one, this before booleans, and these before constraints.
func causeOf(f *triage.Finding, sets []policy.BooleanSet) string {
	switch f.Status {
	case triage.Allowed:
		return "allowed"
	case triage.Undecided:
		return "undecided"
	}
	kinds := map[string]bool{}
	for _, r := range f.Decision.Reasons() {
		kinds[r.Kind()] = true
	}
	var single []string
	for _, s := range sets {
		if len(s.Booleans) == 1 {
			single = append(single, fmt.Sprintf("%s=%v", s.Booleans[0].Name, s.Booleans[0].On))
		}
	}
	slices.Sort(single)
	hidden := !slices.ContainsFunc(f.Decision.Denied, func(r policy.Refusal) bool { return !r.Hidden })
	switch {
	case kinds["no-rule"] && hidden:
		return "dontaudit"
	case kinds["no-rule"]:
		return "no rule"
	case kinds["rule-off"] && single == nil:
		return "several booleans"
	case kinds["rule-off"]:
		return strings.Join(single, " ")
	case kinds["constraint"]:
		return "constraint"
	case kinds["role"]:
		return "role"
	case kinds["bounds"]:
		return "bounds"
	}
	return fmt.Sprint(kinds)
}

// TestScenarios holds the answers for denials by the demonstration's policy to
// an expert's. Those for Debian's whole policy are in the oracle lane.
func TestScenarios(t *testing.T) {
	sys := demoSystem(t)
	for _, s := range scenarios(t, "testdata/demo.scenarios") {
		t.Run(s.name, func(t *testing.T) { s.check(t, sys, s.answer(t, sys)) })
	}
}

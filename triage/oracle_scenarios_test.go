//go:build oracle

package triage_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/triage"
)

const debianScenarios = "testdata/debian.scenarios"

// TestOracleScenarios holds the answers for denials by Debian's policy to an
// expert's.
func TestOracleScenarios(t *testing.T) {
	sys := debian(t)
	compared, different := 0, 0
	for _, s := range scenarios(t, debianScenarios) {
		compared++
		if !t.Run(s.name, func(t *testing.T) { s.check(t, sys, s.answer(t, sys)) }) {
			different++
		}
	}
	oracle.Report(t, "triage-scenarios", compared, different)
}

// TestOracleScenariosWhy holds the causes of the scenarios, as they are written
// there, to audit2why's.
func TestOracleScenariosWhy(t *testing.T) {
	oracle.Require(t, "audit2why", oracle.DebianPolicy)
	all := scenarios(t, debianScenarios)
	var log bytes.Buffer
	for _, s := range all {
		// audit2why gives up on contexts that the policy does not have.
		if s.cause != "undecided" {
			log.WriteString(s.log)
		}
	}
	theirs := audit2why(t, oracle.DebianPolicy, log.Bytes())
	compared, different := 0, 0
	for i, s := range all {
		switch s.name {
		case "unknown-class", "unknown-perm", "user-namespace":
			continue // it has no word for what the policy does not know
		}
		if s.cause == "undecided" {
			continue
		}
		want := s.cause
		if want == "several booleans" {
			want = "no rule" // it tries one boolean at a time
		}
		compared++
		if got := theirVerdict(whyOf(theirs, i+1)); got != want {
			different++
			t.Errorf("%s: the cause is %q, audit2why says %q", s.name, want, got)
		}
	}
	oracle.Report(t, "triage-scenarios-audit2why", compared, different)
}

// whyOf is what audit2why says of the event with a serial.
func whyOf(all map[string]string, serial int) string {
	for key, why := range all {
		if strings.HasPrefix(key, fmt.Sprint(serial)+"|") {
			return why
		}
	}
	return "nothing"
}

// TestOracleScenariosCured makes every change of contexts and ports that is
// offered in the scenarios by other means: matchpathcon says what the file gets,
// audit2why whether the denial is cured by it, or by the boolean that goes with
// it.
func TestOracleScenariosCured(t *testing.T) {
	oracle.Require(t, "audit2why", "matchpathcon", "sesearch")
	sys := debian(t)
	labels := newLabels(t, sys.Contexts)
	var log bytes.Buffer
	wants := make(map[int]string)
	where := make(map[int]string)
	serial := 10000
	for _, s := range scenarios(t, debianScenarios) {
		f := s.answer(t, sys)
		for i := range f.Fixes {
			fix := &f.Fixes[i]
			typ := labels.typeAfter(t, f, fix)
			if typ == "" {
				continue
			}
			access := f.Access
			access.Target = access.Target.WithType(typ)
			serial++
			where[serial] = s.name + ": " + fix.Summary
			wants[serial] = "allowed"
			for _, b := range fix.Settings.Booleans {
				wants[serial] = fmt.Sprintf("%s=%v", b.Name, b.On)
			}
			fmt.Fprintf(&log, "type=AVC msg=audit(1772618431.733:%d): avc:  denied  { %s } for  pid=1 comm=\"x\" scontext=%s tcontext=%s tclass=%s permissive=0\n",
				serial, strings.Join(access.Permissions, " "), access.Source, access.Target, access.Class)
		}
	}
	theirs := audit2why(t, oracle.DebianPolicy, log.Bytes())
	different := 0
	for n, want := range wants {
		got := theirVerdict(whyOf(theirs, n))
		if got != want && (want == "allowed" || !slices.Contains(strings.Fields(got), want)) {
			different++
			t.Errorf("%s: want %q, audit2why says %q", where[n], want, got)
		}
	}
	oracle.Report(t, "triage-scenarios-cured", len(wants), different)
}

// labels asks matchpathcon, with local specs or without, for paths as they are
// after substitutions: -f does without these.
type labels struct {
	dir      string
	contexts *fcontext.DB
}

func newLabels(t *testing.T, contexts *fcontext.DB) labels {
	l := labels{t.TempDir(), contexts}
	for _, name := range []string{"file_contexts", "file_contexts.homedirs"} {
		data, err := os.ReadFile(filepath.Join(oracle.DebianContexts, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(l.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// typeAfter returns the type that the object has when a fix's commands have been
// run, "" if they do not change it, or change the program's.
func (l labels) typeAfter(t *testing.T, f *triage.Finding, fix *triage.Fix) string {
	t.Helper()
	local, subs := "", ""
	restored := false
	for _, c := range fix.Commands {
		switch {
		case c[0] == "semanage" && c[1] == "port":
			return c[4]
		case c[0] == "semanage" && c[3] == "-e":
			subs += c[5] + " " + c[4] + "\n"
		case c[0] == "semanage" && c[1] == "fcontext":
			kind := fcontext.Any
			if i := slices.Index(c, "-f"); i > 0 {
				var err error
				if kind, err = fcontext.ParseKind(c[i+1]); err != nil {
					t.Fatal(err)
				}
			}
			local += c[len(c)-1] + "\t" + kind.Flag() + "\tsystem_u:object_r:" + c[slices.Index(c, "-t")+1] + ":s0\n"
		case c[0] == "restorecon":
			restored = c[len(c)-1] != f.Denial.Exe
		}
	}
	if !restored {
		return ""
	}
	if err := os.WriteFile(filepath.Join(l.dir, "file_contexts.local"), []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "file_contexts.subs"), []byte(subs), 0o600); err != nil {
		t.Fatal(err)
	}
	object, class := f.Denial.FullPath, f.Access.Class
	made := slices.Contains(f.Access.Permissions, "create")
	if made {
		object, class = path.Dir(object), "dir" // which gives what is made in it its type
	}
	mode := map[string]string{"file": "file", "dir": "dir", "lnk_file": "link", "sock_file": "socket", "chr_file": "char"}[class]
	cmd := exec.Command("matchpathcon", "-n", "-m", mode, "-f", filepath.Join(l.dir, "file_contexts"), l.contexts.Explain(object, fcontext.Any).Path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", cmd, err, out)
	}
	context := strings.Split(strings.TrimSpace(string(out)), ":")
	if len(context) < 3 {
		t.Fatalf("%s: %s", cmd, out)
	}
	if made {
		rules := oracle.Output(t, "sesearch", "-T", "-s", f.Access.Source.Type(), "-t", context[2], "-c", f.Access.Class, oracle.DebianPolicy)
		if m := transitionTo.FindStringSubmatch(rules); m != nil {
			return m[1]
		}
	}
	return context[2]
}

// transitionTo is the type of what is made, in a rule without a name.
var transitionTo = regexp.MustCompile(`(?m)^type_transition \S+ \S+:\S+ (\S+);$`)

package triage_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/triage"
)

// prove does what a fix says, by its commands and changes alone, and decides
// the access again. It is the test's own way, not the package's. ok is false
// for what only people can do.
func prove(sys *sekit.System, f *triage.Finding, fix *triage.Fix) (d policy.Decision, ok bool, err error) {
	pol, err := sys.Policy.With(fix.Changes...)
	if err != nil {
		return d, false, err
	}
	access := f.Access
	db := sys.Contexts
	did := len(fix.Changes) > 0
	for _, c := range fix.Commands {
		switch {
		case len(c) == 6 && c[0] == "semanage" && c[3] == "-e":
			if db, err = addEquivalence(db, f, c[4], c[5]); err != nil {
				return d, false, err
			}
		case len(c) > 2 && c[0] == "semanage" && c[1] == "fcontext":
			if db, err = addSpec(db, pol, c); err != nil {
				return d, false, err
			}
		case len(c) >= 3 && c[0] == "restorecon":
			did = true
			if err := restore(db, pol, f, &access, c[len(c)-1], slices.Contains(c, "-Rv")); err != nil {
				return d, false, err
			}
		case len(c) == 8 && c[0] == "semanage" && c[1] == "port":
			n, err := strconv.ParseUint(c[7], 10, 16)
			if err != nil {
				return d, false, err
			}
			protocol, err := policy.ParseProtocol(c[6])
			if err != nil {
				return d, false, err
			}
			access.Target = pol.PortContext(protocol, uint16(n))
			if typ, err := pol.Type(c[4]); err != nil || access.Target.Type() != typ.Name() {
				return d, false, fmt.Errorf("%s: the port is %s's in the imagined policy", c, access.Target.Type())
			}
		}
	}
	if len(fix.Commands) == 0 && fix.Relabel != nil {
		access.Target, did = fix.Relabel.To, true
	}
	if !did {
		return d, false, nil
	}
	d, err = pol.Decide(access)
	return d, true, err
}

// addEquivalence gives the object what it would have in another directory.
func addEquivalence(db *fcontext.DB, f *triage.Finding, source, target string) (*fcontext.DB, error) {
	rest, ok := strings.CutPrefix(f.Denial.FullPath, target+"/")
	m, found := db.Lookup(source+"/"+rest, kindOf(f.Denial.Class))
	if !ok || !found || m.None {
		return nil, fmt.Errorf("%s is not below %s, or has no context in %s", f.Denial.FullPath, target, source)
	}
	pattern, err := fcontext.QuotePath(f.Denial.FullPath)
	if err != nil {
		return nil, err
	}
	return db.With(fcontext.Spec{Pattern: pattern, Context: m.Context})
}

func addSpec(db *fcontext.DB, pol *policy.Policy, c triage.Command) (*fcontext.DB, error) {
	spec := fcontext.Spec{Pattern: c[len(c)-1]}
	for i, arg := range c {
		switch arg {
		case "-f":
			kind, err := fcontext.ParseKind(c[i+1])
			if err != nil {
				return nil, err
			}
			spec.Kind = kind
		case "-t":
			typ, err := pol.Type(c[i+1])
			if err != nil {
				return nil, err
			}
			spec.Context = policy.MustParseContext("system_u:object_r:" + typ.Name() + ":s0")
		}
	}
	return db.With(spec)
}

func kindOf(class string) fcontext.Kind {
	return map[string]fcontext.Kind{"file": fcontext.File, "dir": fcontext.Dir, "lnk_file": fcontext.Symlink, "sock_file": fcontext.Socket,
		"fifo_file": fcontext.Pipe, "chr_file": fcontext.CharDevice, "blk_file": fcontext.BlockDevice}[class]
}

// restore is restorecon on the object or, if it is another file, on the program
// that the process runs.
func restore(db *fcontext.DB, pol *policy.Policy, f *triage.Finding, access *policy.Access, p string, recursive bool) error {
	object := f.Denial.FullPath
	if slices.Contains(access.Permissions, "create") && access.Class != "process" {
		// What is to be made gets its context from its directory.
		dir := path.Dir(object)
		if dir != p && !(recursive && strings.HasPrefix(dir, p+"/")) {
			return fmt.Errorf("restorecon %s does not reach %s, where %s is made", p, dir, object)
		}
		m, ok := db.Lookup(dir, fcontext.Dir)
		if !ok || m.None {
			return fmt.Errorf("no context for %s", dir)
		}
		made, err := pol.NewContext(access.Source, access.Target.WithType(m.Context.Type()), access.Class, path.Base(object))
		access.Target = made
		return err
	}
	if object != p && !(recursive && strings.HasPrefix(object, p+"/")) {
		if p != f.Denial.Exe {
			return fmt.Errorf("restorecon %s does not reach %s", p, object)
		}
		m, ok := db.Lookup(p, fcontext.File)
		if !ok {
			return fmt.Errorf("nothing is known of %s", p)
		}
		domain, err := pol.NewContext(access.Source, m.Context, "process", "")
		access.Source = domain
		return err
	}
	m, ok := db.Lookup(object, kindOf(access.Class))
	if !ok || m.None {
		return fmt.Errorf("no context for %s", object)
	}
	access.Target = access.Target.WithType(m.Context.Type())
	if domain, err := pol.NewContext(access.Source, access.Target, "process", ""); err == nil && domain.Type() != access.Source.Type() {
		// With a transition execute_no_trans is not asked for.
		access.Permissions = slices.DeleteFunc(slices.Clone(access.Permissions), func(p string) bool { return p == "execute_no_trans" })
	}
	return nil
}

// checkFixes proves every fix of a report again, prices it again, and checks
// the order that the package documents. It returns how many it proved.
func checkFixes(t testing.TB, sys *sekit.System, report *triage.Report) int {
	t.Helper()
	proved := 0
	for i := range report.Findings {
		f := &report.Findings[i]
		for j := range f.Fixes {
			fix := &f.Fixes[j]
			where := fmt.Sprintf("event %d, %q", f.Denial.ID.Serial, fix.Summary)
			d, ok, err := prove(sys, f, fix)
			switch {
			case err != nil:
				t.Errorf("%s: %v", where, err)
			case !ok && (fix.Manual == "" || fix.Exposure.Tuples != 0):
				t.Errorf("%s: nothing to do, or it costs something", where)
			case ok && fix.Hides:
				proved++
				for _, r := range d.Denied {
					if !r.Hidden {
						t.Errorf("%s: %s would still be logged", where, r.Permission)
					}
				}
			case ok:
				proved++
				if !d.Allowed {
					t.Errorf("%s: does not cure it: %v", where, d.Reasons())
				}
			}
			checkPrice(t, sys, f, fix, where)
			checkArguments(t, sys.Policy, f, fix, where)
		}
		if !slices.IsSortedFunc(f.Fixes, documentedOrder) {
			t.Errorf("event %d: not in order: %q", f.Denial.ID.Serial, summaries(f.Fixes))
		}
	}
	return proved
}

func checkPrice(t testing.TB, sys *sekit.System, f *triage.Finding, fix *triage.Fix, where string) {
	t.Helper()
	want := 0
	if fix.Relabel != nil {
		classes := []string{f.Access.Class}
		if f.Access.Class == "dir" {
			classes = append(classes, "file")
		}
		x, err := sys.Policy.RelabelExposure(fix.Relabel.From.Type(), fix.Relabel.To.Type(), classes...)
		if err != nil {
			t.Errorf("%s: %v", where, err)
		}
		want = x.Tuples
	}
	if len(fix.Changes) > 0 {
		x, err := sys.Policy.Exposure(fix.Changes...)
		if err != nil {
			t.Errorf("%s: %v", where, err)
		}
		want += x.Tuples + x.Ports
	}
	if fix.Exposure.Tuples != want {
		t.Errorf("%s: opens %d, computed again %d", where, fix.Exposure.Tuples, want)
	}
}

// checkArguments holds commands to their vocabulary: what is from the log is a
// whole argument, and a path, a pattern or a name of the policy's.
func checkArguments(t testing.TB, pol *policy.Policy, f *triage.Finding, fix *triage.Fix, where string) {
	t.Helper()
	words := []string{"semanage", "fcontext", "port", "-a", "-m", "-d", "-f", "-t", "-p", "a", "f", "d", "c", "b", "s", "l", "p", "tcp", "udp",
		"dccp", "sctp", "restorecon", "-v", "-Rv", "-F", "chcon", "-h", "setsebool", "-P", "-e", "/home",
		"semodule", "-i", "-r", "<<none>>", f.Denial.Target.String()}
	paths := []string{f.Denial.FullPath, f.Denial.Exe}
	if r := fix.Relabel; r != nil {
		paths = append(paths, r.Path, r.Spec)
		if !strings.HasPrefix(r.Path, "/") && r.Path != "" || strings.HasPrefix(f.Denial.FullPath, "/") && r.Path != "" &&
			f.Denial.FullPath != r.Path && !strings.HasPrefix(f.Denial.FullPath, r.Path+"/") {
			t.Errorf("%s: relabels %q", where, r.Path)
		}
	}
	for _, e := range fix.Settings.Equivalences {
		if strings.HasPrefix(f.Denial.FullPath, e.Target+"/") {
			paths = append(paths, e.Target)
		}
	}
	for _, c := range slices.Concat(fix.Commands, fix.Undo) {
		for _, arg := range c {
			_, typeErr := pol.Type(arg)
			name, _, _ := strings.Cut(arg, "=")
			_, boolErr := pol.Boolean(name)
			_, numErr := strconv.ParseUint(arg, 10, 16)
			own := fix.Module != nil && (arg == fix.Module.Name || strings.HasPrefix(arg, fix.Module.Name+"."))
			if !slices.Contains(words, arg) && !slices.Contains(paths, arg) && typeErr != nil && boolErr != nil && numErr != nil && !own {
				t.Errorf("%s: argument %q of %s is none of the vocabulary", where, arg, c)
			}
		}
	}
}

// documentedOrder is what the package says of the order, as far as it shows in
// a Fix: quiet first; booleans for more than ten domains (or for everything)
// last; then what leaves nothing to follow; then the kinds (context, port,
// boolean, module). Ports taken from others go with booleans, by price, and so
// do contexts that want booleans with them; port types of which many would do
// come after those.
func documentedOrder(a, b triage.Fix) int {
	class := func(f triage.Fix) int {
		switch {
		case f.Hides:
			return 0
		case f.Kind == triage.Boolean && (f.Exposure.Sources > 10 || f.Exposure.Tuples > 10000):
			return 9
		case f.Kind == triage.Port && strings.Contains(strings.Join(f.Warnings, "\n"), "and is lost to"),
			f.Kind == triage.Port && strings.Contains(strings.Join(f.Warnings, "\n"), "nothing tells which is meant"),
			f.Kind == triage.Context && len(f.Settings.Booleans) > 0:
			return int(triage.Boolean)
		}
		return int(f.Kind)
	}
	a9, b9 := class(a) == 9, class(b) == 9
	if a9 != b9 {
		return class(a) - class(b)
	}
	if d := min(len(a.Follows), 1) - min(len(b.Follows), 1); d != 0 && class(a) != 0 && class(b) != 0 {
		return d
	}
	if d := class(a) - class(b); d != 0 {
		return d
	}
	if a.Kind == b.Kind && a.Kind == triage.Boolean {
		return a.Exposure.Tuples - b.Exposure.Tuples
	}
	return 0
}

func TestProofs(t *testing.T) {
	sys := demoSystem(t)
	report := read(t, sys, demo.AuditLog())
	// Of the 32 findings of the log, those with a fix have one at least that
	// a command makes; the README's stories promise more than 30.
	if n := checkFixes(t, sys, report); n < 30 {
		t.Errorf("%d fixes proven again", n)
	}
}

// What processes may call their files, as far as a name can hold it.
var hostileNames = []string{
	"$(reboot)", "`reboot`", "';rm -rf .;'", "-rf", "--", "a b", "new\nline", "tab\there", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07",
	".*", "(.*", "[a-z]+", "x|y", "a{2}", "^$", "back\\slash", `quo"te`, "it's", "caf\u00e9", "\xff\xfe", "~root", "#no", "!h", "&", ">x", "*?",
	`x" scontext=system_u:system_r:init_t:s0 y="`, "x scontext=system_u:system_r:init_t:s0", "permissive=1", "%s%n", "\u202egnp.exe", "<<none>>",
	"type=AVC msg=audit(1.1:1): avc:  denied  { write } for", strings.Repeat("n", 255), " ", "\u2028", "{}", "a,b", "%2f", ". .", "\x7f",
}

// auditName writes a name as the kernel does: in hexadecimal digits if there is
// anything in it that could be taken for something else
// (audit_string_contains_control in kernel/audit.c).
func auditName(s string) string {
	for i := range len(s) {
		if c := s[i]; c == '"' || c < 0x21 || c > 0x7e {
			return fmt.Sprintf("%X", s)
		}
	}
	return `"` + s + `"`
}

func TestHostileNames(t *testing.T) {
	sys := demoSystem(t)
	var all []triage.Command
	plain := first(t, sys, hostileRecord("/data/plain/x", "x", "fail2ban_log_t"))
	for _, name := range hostileNames {
		// As a file in a directory of a tree, as the directory that the spec
		// is made for, and where a module is the last resort.
		for _, r := range []record{
			hostileRecord("/data/"+name, name, "default_t"),
			hostileRecord("/data/"+name+"/x", "x", "default_t"),
			hostileRecord("/var/log/"+name, name, "var_t"),
			hostileRecord("/data/"+name+"/x", "x", "fail2ban_log_t"),
		} {
			report := read(t, sys, []byte(r.log(1)))
			if len(report.Findings) != 1 || len(report.Unread) != 0 {
				t.Errorf("%q: %d findings, unread %v", name, len(report.Findings), report.Unread)
				continue
			}
			checkFixes(t, sys, report)
			f := &report.Findings[0]
			if f.Access.Source.Type() != "httpd_t" || f.Permissive {
				t.Errorf("%q forged a field: %+v", name, f.Access)
			}
			checkJSON(t, report)
			for _, fix := range f.Fixes {
				checkReach(t, sys, &fix, f.Denial.FullPath)
				checkModuleText(t, &fix, plain)
				all = slices.Concat(all, fix.Commands, fix.Undo)
			}
		}
	}
	checkShell(t, all)
}

func hostileRecord(path, name, typ string) record {
	return record{source: httpd, target: "system_u:object_r:" + typ + ":s0", class: "file", perms: "read",
		avc: fmt.Sprintf(`name=%s dev="dm-0" ino=77`, auditName(name)), path: auditName(path)}
}

// checkReach checks that a spec reaches the path, and nothing beside it.
func checkReach(t *testing.T, sys *sekit.System, fix *triage.Fix, object string) {
	t.Helper()
	if fix.Relabel == nil || fix.Relabel.Spec == "" {
		return
	}
	db, err := addSpec(sys.Contexts, sys.Policy, fix.Commands[0])
	if err != nil {
		t.Errorf("%s: %v", fix.Commands[0], err)
		return
	}
	if m, ok := db.Lookup(object, fcontext.File); !ok || m.Spec.Pattern != fix.Relabel.Spec {
		t.Errorf("%q does not decide for %q", fix.Relabel.Spec, object)
	}
	for _, other := range []string{"/", "/etc/passwd", "/data2", "/data2/x", "/var/www/html/index.html", "/dat", "/xdata/x", fix.Relabel.Path + "x", "/x" + fix.Relabel.Path} {
		before, _ := sys.Contexts.Lookup(other, fcontext.File)
		after, _ := db.Lookup(other, fcontext.File)
		if before != after {
			t.Errorf("%q reaches %q", fix.Relabel.Spec, other)
		}
	}
}

// checkModuleText checks that a name changes nothing in a module but comments.
func checkModuleText(t *testing.T, fix *triage.Fix, plain *triage.Finding) {
	t.Helper()
	if fix.Module == nil {
		return
	}
	want, err := plain.Fixes[len(plain.Fixes)-1].Module.TE()
	if err != nil {
		t.Fatal(err)
	}
	got, err := fix.Module.TE()
	if err != nil {
		t.Error(err)
	}
	statements := func(te []byte) (s []string) {
		for line := range strings.Lines(string(te)) {
			if !strings.HasPrefix(strings.TrimSpace(line), "#") {
				s = append(s, line)
			}
			for i := range len(line) - 1 {
				if line[i] < ' ' && line[i] != '\t' || line[i] == 0x7f {
					t.Errorf("control byte in %q", line)
				}
			}
		}
		return s
	}
	if !slices.Equal(statements(got), statements(want)) {
		t.Errorf("the name changed the module:\n%s\nwithout:\n%s", got, want)
	}
}

// checkShell has bash say what it makes of commands' texts.
func checkShell(t *testing.T, commands []triage.Command) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash: what a shell makes of the commands was not checked")
	}
	var script strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&script, "printf '%%s\\0' %s end\n", c)
	}
	cmd := exec.Command(bash)
	cmd.Stdin = strings.NewReader(script.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(string(out), "\x00")
	for _, c := range commands {
		n := len(c) + 1
		if len(got) < n || !slices.Equal(got[:n-1], c) || got[n-1] != "end" {
			t.Fatalf("bash reads %s as %q; want %q", c, got[:min(n, len(got))], []string(c))
		}
		got = got[n:]
	}
	if len(commands) < 100 {
		t.Errorf("only %d commands were tried", len(commands))
	}
}

func checkJSON(t testing.TB, report *triage.Report) {
	t.Helper()
	b, err := json.Marshal(report)
	if err != nil {
		t.Errorf("JSON: %v", err)
	}
	var back struct{ Findings []json.RawMessage }
	if err := json.Unmarshal(b, &back); err != nil || len(back.Findings) != len(report.Findings) {
		t.Errorf("JSON: %d findings of %d, %v", len(back.Findings), len(report.Findings), err)
	}
}

// A record with a field twice, as raw names forge them, is refused and
// reported, and what follows is read.
func TestForgedFields(t *testing.T) {
	r := hostileRecord("/data/x", "x", "default_t")
	forged := strings.Replace(r.log(1), "scontext=", "scontext=system_u:system_r:init_t:s0 scontext=", 1)
	report := read(t, demoSystem(t), []byte(forged+r.log(2)))
	if len(report.Unread) != 1 || len(report.Findings) != 1 || find(report, 2, "") == nil {
		t.Errorf("%d findings, unread %v; want the second event alone", len(report.Findings), report.Unread)
	}
}

// The kernel's names in a log that anybody may have written are marked.
func TestProvenance(t *testing.T) {
	sys := demoSystem(t)
	tr, err := triage.New(sys, triage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := avc.NewReader(strings.NewReader(hostileRecord("/data/x", "x", "default_t").log(1)), avc.Options{})
	report := tr.Read(r.Events())
	if len(report.Findings) != 1 || !slices.ContainsFunc(report.Findings[0].Notes, func(n triage.Note) bool { return n.ID == "provenance" }) {
		t.Errorf("no note on where the text is from: %+v", report.Findings)
	}
}

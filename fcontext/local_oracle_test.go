//go:build oracle

package fcontext_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/policy"
)

// debianLocal returns Debian's policy as its store links it, and its file
// contexts in the order of its libselinux.
func debianLocal(t *testing.T) (*policy.Policy, *fcontext.DB) {
	t.Helper()
	const linked = "/var/lib/selinux/default/active/policy.linked"
	oracle.Require(t, "semanage", "matchpathcon", "unshare", "mount", linked, oracle.DebianContexts)
	if os.Getuid() != 0 {
		oracle.Require(t, "/must/be/root/for/a/mount/namespace")
	}
	p, err := policy.Open(linked)
	if err != nil {
		t.Fatal(err)
	}
	db, err := fcontext.Open(oracle.DebianContexts, fcontext.Options{Order: fcontext.Order34})
	if err != nil {
		t.Fatal(err)
	}
	return p, db
}

// semanageScript runs in a copy of Debian's store, in a mount namespace of its
// own; its results are files in dir.
type semanageScript struct {
	bytes.Buffer
	dir string
}

func newSemanageScript(t *testing.T) *semanageScript {
	s := &semanageScript{dir: t.TempDir()}
	fmt.Fprintf(s, `set -e
R=%[1]s; T=$R/tmpfs; mkdir $T; mount -t tmpfs tmpfs $T
cp -a /var/lib/selinux $T/var; cp -a /etc/selinux $T/etc
mount --bind $T/var /var/lib/selinux; mount --bind $T/etc /etc/selinux
L=/var/lib/selinux/default/active/file_contexts.local
F=/etc/selinux/default/contexts/files
files() {
	cat $L >$R/$1.local 2>/dev/null || :; cat $F/file_contexts.local >$R/$1.installed 2>/dev/null || :
	cat $F/file_contexts.subs >$R/$1.subs 2>/dev/null || :
}
list() { semanage fcontext -l -n >$R/$1.list; semanage fcontext -l -C -n >$R/$1.listC; semanage fcontext -E >$R/$1.export; }
try() { n=$1; shift; rc=0; "$@" >$R/$n.out 2>&1 || rc=$?; echo $rc >$R/$n.rc; }
`, s.dir)
	return s
}

// localFiles are the files that a script's function files copies, by suffix.
var localFiles = map[string]string{
	".local":     "var/lib/selinux/default/active/file_contexts.local",
	".installed": "etc/selinux/default/contexts/files/file_contexts.local",
	".subs":      "etc/selinux/default/contexts/files/file_contexts.subs",
}

// semanage adds a semanage fcontext command, as a line of its own.
func (s *semanageScript) semanage(name string, args []string) {
	fmt.Fprintf(s, "try %s semanage fcontext -N", name) // there is no kernel to load it into
	for _, a := range args {
		fmt.Fprintf(s, " '%s'", strings.ReplaceAll(a, "'", `'\''`))
	}
	s.WriteByte('\n')
}

func (s *semanageScript) run(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("unshare", "-m", "sh", "-c", s.String()).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func (s *semanageScript) read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (s *semanageScript) failed(t *testing.T, name string) bool {
	return strings.TrimSpace(s.read(t, name+".rc")) != "0"
}

// listing returns the lines of semanage fcontext -l -n, or with -C.
func localListing(table *fcontext.LocalTable, localOnly bool) []string {
	var out []string
	entries := table.List()
	if localOnly {
		entries = table.LocalList()
	}
	for _, e := range entries {
		line := e.String()
		if !e.None {
			line += " " // semanage's format has it
		}
		out = append(out, line)
	}
	if !localOnly {
		for _, e := range table.PolicyEquivalences() {
			out = append(out, e.String())
		}
	}
	for _, e := range table.Local().Equivalences {
		out = append(out, e.String())
	}
	return out
}

// localExport returns the lines of semanage fcontext -E. They say nothing of
// <<none>> and of users: that is semanage's.
func localExport(table *fcontext.LocalTable) []string {
	letter := map[fcontext.Kind]string{fcontext.Any: "a", fcontext.File: "f"}
	var out []string
	for _, e := range table.LocalList() {
		k := letter[e.Kind]
		if k == "" {
			k = e.Kind.Flag()[1:]
		}
		if !e.None {
			out = append(out, fmt.Sprintf("fcontext -a -f %s -t %s -r '%s' '%s'", k, e.Type(), e.Context.Range(), e.Pattern))
		}
	}
	for _, e := range table.Local().Equivalences {
		out = append(out, fmt.Sprintf("fcontext -a -e %s %s", e.Source, e.Target))
	}
	return out
}

func compareLines(t *testing.T, what string, ours []string, theirs string) (compared, different int) {
	t.Helper()
	want := strings.Split(strings.TrimSuffix(theirs, "\n"), "\n")
	if theirs == "" {
		want = nil
	}
	for i := range max(len(ours), len(want)) {
		var a, b string
		if i < len(ours) {
			a = ours[i]
		}
		if i < len(want) {
			b = want[i]
		}
		if compared++; a != b {
			if different++; different < 5 {
				t.Logf("%s: we %q, semanage %q", what, a, b)
			}
		}
	}
	return compared, different
}

// localStep is something done to a store: by us, and by semanage.
type localStep struct {
	plan func(*fcontext.LocalTable) ([]fcontext.LocalChange, error)
	// args are what semanage is asked if we refuse, because there is no Command
	// then.
	args []string
}

func setStep(table *fcontext.LocalTable, s fcontext.LocalSetting) localStep {
	args := []string{"-a"}
	if e, ok := table.Find(fcontext.LocalKey{Pattern: s.Pattern, Kind: s.Kind}); ok && e.Origin != fcontext.FromHomedirs {
		args[0] = "-m"
	}
	args = append(args, kindArgs(s.Kind)...)
	typ := s.Type
	if s.None {
		typ = "<<none>>"
	}
	args = append(args, "-t", typ)
	if s.User != "" {
		args = append(args, "-s", s.User)
	}
	if s.Range != "" {
		args = append(args, "-r", s.Range)
	}
	return localStep{func(t *fcontext.LocalTable) ([]fcontext.LocalChange, error) {
		c, err := t.PlanSet(s)
		return []fcontext.LocalChange{c}, err
	}, append(args, s.Pattern)}
}

func deleteStep(k fcontext.LocalKey) localStep {
	return localStep{func(t *fcontext.LocalTable) ([]fcontext.LocalChange, error) {
		c, err := t.PlanDelete(k)
		return []fcontext.LocalChange{c}, err
	}, append(append([]string{"-d"}, kindArgs(k.Kind)...), k.Pattern)}
}

func equivalenceStep(e fcontext.Equivalence) localStep {
	return localStep{func(t *fcontext.LocalTable) ([]fcontext.LocalChange, error) { return t.PlanEquivalence(e) },
		[]string{"-a", "-e", e.Source, e.Target}}
}

func deleteEquivalenceStep(e fcontext.Equivalence) localStep {
	return localStep{func(t *fcontext.LocalTable) ([]fcontext.LocalChange, error) {
		c, err := t.PlanDeleteEquivalence(e.Target)
		return []fcontext.LocalChange{c}, err
	}, []string{"-d", "-e", e.Source, e.Target}}
}

func kindArgs(k fcontext.Kind) []string {
	switch k {
	case fcontext.Any:
		return nil
	case fcontext.File:
		return []string{"-f", "f"}
	}
	return []string{"-f", k.Flag()[1:]}
}

// fixedSteps are the rules one by one, most of them refusals.
var fixedSteps = []func(*fcontext.LocalTable) localStep{
	set(fcontext.LocalSetting{Pattern: "/srv/x(/.*)?", Type: "httpd_sys_content_t"}),
	set(fcontext.LocalSetting{Pattern: "/srv/x(/.*)?", Type: "http_port_t"}),
	set(fcontext.LocalSetting{Pattern: "/srv/x(/.*)?", Type: "no_such_t"}),
	set(fcontext.LocalSetting{Pattern: "/srv/y", Type: "etc_t", Range: "s0:c9999"}),
	set(fcontext.LocalSetting{Pattern: "/srv/y", Type: "etc_t", User: "no_such_u"}),
	set(fcontext.LocalSetting{Pattern: "/srv/((", Type: "etc_t"}),
	set(fcontext.LocalSetting{Pattern: "/srv/*+*", Type: "etc_t"}),
	set(fcontext.LocalSetting{Pattern: "/srv/é", Type: "etc_t"}),
	set(fcontext.LocalSetting{Pattern: "/srv/a b", Type: "etc_t"}),
	set(fcontext.LocalSetting{Pattern: "/srv/a\nb", Type: "etc_t"}),
	set(fcontext.LocalSetting{Pattern: "", Type: "etc_t"}),
	set(fcontext.LocalSetting{Pattern: "/bin/x", Type: "etc_t"}),
	set(fcontext.LocalSetting{Pattern: "/var/run/x.*", Type: "etc_t"}),
	set(fcontext.LocalSetting{Pattern: "/dev/x", Type: "fixed_disk_device_t", Kind: fcontext.BlockDevice}),
	del(fcontext.LocalKey{Pattern: "/srv/x(/.*)?", Kind: fcontext.Dir}),
	del(fcontext.LocalKey{Pattern: "/var/www(/.*)?"}), // the policy's
	equiv("/web", "/var/www"),
	equiv("/web/x", "/var/www"), // below another
	equiv("/usr", "/srv"),       // above one of the policy's
	equiv("/bin/x", "/srv"),     // below one of the policy's
	equiv("/srv/a b", "/srv"),
	equiv("/srv/z/", "/srv"),
	equiv("/srv/z", "/srv/"),
	set(fcontext.LocalSetting{Pattern: "/web/x", Type: "etc_t"}),
	equiv("/web", "/srv"), // another source: semanage needs two commands
	func(*fcontext.LocalTable) localStep {
		return deleteEquivalenceStep(fcontext.Equivalence{Target: "/nowhere", Source: "/srv"})
	},
}

func set(s fcontext.LocalSetting) func(*fcontext.LocalTable) localStep {
	return func(t *fcontext.LocalTable) localStep { return setStep(t, s) }
}

func del(k fcontext.LocalKey) func(*fcontext.LocalTable) localStep {
	return func(*fcontext.LocalTable) localStep { return deleteStep(k) }
}

func equiv(target, source string) func(*fcontext.LocalTable) localStep {
	return func(*fcontext.LocalTable) localStep {
		return equivalenceStep(fcontext.Equivalence{Target: target, Source: source})
	}
}

// randomStep is any of what semanage fcontext does, on few patterns, so that
// steps meet.
func randomStep(r *rand.Rand, table *fcontext.LocalTable) localStep {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	key := fcontext.LocalKey{
		Pattern: pick("/srv/a(/.*)?", "/srv/a/.*\\.log", "/srv/b\\.c", "/srv/d", "/opt/(x|y)/z[0-9]+", "/var/www(/.*)?",
			"/etc/shadow.*", "/home/[^/]+/\\.config", "/var/lib/x.?", "/web/site"),
		Kind: fcontext.Kind(r.IntN(int(fcontext.Socket) + 1)),
	}
	if r.IntN(2) == 0 {
		key.Kind = fcontext.Any
	}
	if key.Pattern == "/etc/shadow.*" {
		key.Kind = fcontext.File // the policy's own
	}
	equivalence := fcontext.Equivalence{
		Target: pick("/web", "/export/home", "/srv/eq", "/opt/z"),
		Source: pick("/home", "/var/www", "/usr", "/"),
	}
	local := table.Local()
	switch n := r.IntN(10); {
	case n < 6:
		s := fcontext.LocalSetting{Pattern: key.Pattern, Kind: key.Kind,
			Type:  pick("etc_t", "httpd_sys_content_t", "var_t", "user_home_t", "null_device_t", "sshd_t"),
			User:  pick("", "", "staff_u", "system_u"),
			Range: pick("", "", "s0", "s0:c1,c2,c3", "s0-s0:c0.c1023"),
		}
		if r.IntN(6) == 0 {
			s = fcontext.LocalSetting{Pattern: key.Pattern, Kind: key.Kind, None: true}
		}
		return setStep(table, s)
	case n == 6 && len(local.Records) > 0:
		return deleteStep(local.Records[r.IntN(len(local.Records))].LocalKey)
	case n == 7:
		return deleteStep(key)
	case n == 8:
		if len(local.Equivalences) > 0 {
			equivalence = local.Equivalences[r.IntN(len(local.Equivalences))]
		}
		return deleteEquivalenceStep(equivalence)
	}
	return equivalenceStep(equivalence)
}

// debianRoot makes a root directory with a copy of Debian's store.
func debianRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for from, to := range map[string]string{"/var/lib/selinux": "var/lib", "/etc/selinux": "etc"} {
		dir := filepath.Join(root, to)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		oracle.Output(t, "cp", "-a", from, dir)
	}
	return root
}

// TestOracleLocalStore makes changes to two copies of Debian's store: to one
// with [fcontext.LocalStore], to the other with the commands that our changes
// give. It compares listings and files; what we refuse, semanage has to refuse.
// In the end semanage goes on where we left.
func TestOracleLocalStore(t *testing.T) {
	p, db := debianLocal(t)
	root := debianRoot(t)
	store, err := fcontext.OpenLocalRoot(root, "default")
	if err != nil {
		t.Fatal(err)
	}
	local := fcontext.NewLocal(p, db, store)
	fake := fcontexttest.NewLocalBackend(p, fcontext.LocalRecords{})
	r := rand.New(rand.NewPCG(1, 2))
	script := newSemanageScript(t)
	type outcome struct {
		name    string
		refused error
		table   *fcontext.LocalTable
		listed  bool
		args    []string
		files   map[string]string // ours
	}
	var outcomes []outcome
	for i := 0; i < len(fixedSteps)+18; i++ {
		table, err := local.Table(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var step localStep
		if i < len(fixedSteps) {
			step = fixedSteps[i](table)
		} else {
			step = randomStep(r, table)
		}
		changes, refused := step.plan(table)
		if refused == nil && (len(changes) == 0 || changes[0].Op == fcontext.Nothing) {
			continue
		}
		o := outcome{name: strconv.Itoa(i), refused: refused, args: step.args}
		if refused != nil {
			script.semanage(o.name, step.args)
		} else {
			if err := errors.Join(local.Commit(t.Context(), changes...), fake.Commit(t.Context(), changes)); err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				o.args = c.Command()[2:]
				script.semanage(o.name, o.args)
			}
		}
		if o.table, err = local.Table(t.Context()); err != nil {
			t.Fatal(err)
		}
		if same, err := fake.Local(t.Context()); err != nil || !slices.Equal(same.Records, o.table.Local().Records) ||
			!slices.Equal(same.Equivalences, o.table.Local().Equivalences) {
			t.Fatalf("the fake has %v, %v", same, err)
		}
		o.files = make(map[string]string)
		for suffix, name := range localFiles {
			data, err := os.ReadFile(filepath.Join(root, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			o.files[suffix] = string(data)
		}
		fmt.Fprintf(script, "files %s\n", o.name)
		if o.listed = i%15 == 0 || i == len(fixedSteps)+17; o.listed {
			fmt.Fprintf(script, "list %s\n", o.name)
		}
		outcomes = append(outcomes, o)
	}
	if !outcomes[len(outcomes)-1].listed {
		outcomes[len(outcomes)-1].listed = true
		fmt.Fprintf(script, "list %s\n", outcomes[len(outcomes)-1].name)
	}
	last := outcomes[len(outcomes)-1].table
	paths := localPaths(last)
	for kind, mode := range matchpathconModes {
		fmt.Fprintf(script, "matchpathcon -m %s '%s' >$R/%d.match\n", mode, strings.Join(paths, "' '"), kind)
	}
	// semanage on our store.
	fmt.Fprintf(script, "mount --bind %[1]s/var/lib/selinux /var/lib/selinux; mount --bind %[1]s/etc/selinux /etc/selinux\n", root)
	script.WriteString("files ours; list ours\n")
	script.semanage("more", []string{"-a", "-t", "etc_t", "/srv/more"})
	script.run(t)

	var refusals, wrong, compared, different, files, unequal int
	for _, o := range outcomes {
		if o.refused != nil {
			refusals++
		}
		if failed := script.failed(t, o.name); failed != (o.refused != nil) {
			wrong++
			t.Errorf("%q: semanage fails: %v, we: %v\n%s", o.args, failed, o.refused, script.read(t, o.name+".out"))
		}
		for suffix, ours := range o.files {
			if files++; ours != script.read(t, o.name+suffix) {
				if unequal++; unequal < 5 {
					t.Logf("after %q: we\n%ssemanage\n%s", o.args, ours, script.read(t, o.name+suffix))
				}
			}
		}
		if !o.listed {
			continue
		}
		// What we read of semanage's files is what we had made of it ourselves.
		table := readLocal(t, p, db, script.read(t, o.name+".local"), script.read(t, o.name+".subs"))
		for _, l := range []struct {
			name string
			ours []string
		}{
			{".list", localListing(table, false)}, {".listC", localListing(table, true)}, {".export", localExport(table)},
		} {
			c, d := compareLines(t, o.name+l.name, l.ours, script.read(t, o.name+l.name))
			compared, different = compared+c, different+d
		}
	}
	name := outcomes[len(outcomes)-1].name
	for _, suffix := range []string{".list", ".listC", ".export"} {
		c, d := compareLines(t, "our store"+suffix, strings.Split(strings.TrimSuffix(script.read(t, "ours"+suffix), "\n"), "\n"), script.read(t, name+suffix))
		compared, different = compared+c, different+d
	}
	if script.failed(t, "more") {
		wrong++
		t.Errorf("semanage can't go on: %s", script.read(t, "more.out"))
	}
	oracle.Report(t, "fcontext-local-refusals", refusals, wrong)
	oracle.Report(t, "fcontext-local-files", files, unequal)
	oracle.Report(t, "fcontext-local-listings", compared, different)

	after, err := last.DB()
	if err != nil {
		t.Fatal(err)
	}
	compared, different = 0, 0
	for kind := range matchpathconModes {
		lines := strings.Split(strings.TrimSuffix(script.read(t, fmt.Sprintf("%d.match", kind)), "\n"), "\n")
		if len(lines) != len(paths) {
			t.Fatalf("matchpathcon gave %d answers for %d paths", len(lines), len(paths))
		}
		for i, path := range paths {
			ours := "<<none>>"
			if m, ok := after.Lookup(path, kind); ok && !m.None {
				ours = m.Context.String()
			}
			if compared++; lines[i] != path+"\t"+ours {
				if different++; different < 5 {
					t.Logf("%s %v: we %s, matchpathcon %s", path, kind, ours, lines[i])
				}
			}
		}
	}
	oracle.Report(t, "fcontext-local-lookups", compared, different)
}

var matchpathconModes = map[fcontext.Kind]string{fcontext.File: "file", fcontext.Dir: "dir", fcontext.Socket: "socket", fcontext.BlockDevice: "block"}

// localPaths returns paths that local records and equivalences are for.
func localPaths(table *fcontext.LocalTable) []string {
	paths := []string{"/srv/a", "/srv/a/b.log", "/srv/b.c", "/srv/bxc", "/srv/d", "/opt/x/z1", "/opt/y/z22", "/var/www", "/var/www/x",
		"/etc/shadow", "/etc/shadow-", "/home/u/.config", "/var/lib/x", "/var/lib/xy", "/web", "/web/site", "/web/html/x", "/bin/sh", "/var/run/x"}
	for _, e := range table.Local().Equivalences {
		for _, below := range []string{"", "/www", "/user/.ssh/x", "/bin/sh", "/etc/shadow"} {
			paths = append(paths, e.Target+below)
		}
	}
	return paths
}

func readLocal(t *testing.T, p *policy.Policy, db *fcontext.DB, records, subs string) *fcontext.LocalTable {
	t.Helper()
	var local fcontext.LocalRecords
	var err error
	if local.Records, err = fcontext.ParseLocal("file_contexts.local", []byte(records)); err != nil {
		t.Fatal(err)
	}
	if local.Equivalences, err = fcontext.ParseEquivalences("file_contexts.subs", []byte(subs)); err != nil {
		t.Fatal(err)
	}
	return fcontext.NewLocalTable(p, db, local)
}

// localDifferences are what we refuse although semanage 3.4 takes it, with what
// comes of it there.
var localDifferences = []struct {
	args   []string
	refuse func(*fcontext.LocalTable) error
	path   string // has the context that it had before
	reason string
}{
	{[]string{"-a", "-t", "etc_t", "/bin(/.*)?"}, refusesSet("/bin(/.*)?"), "/bin/sh", "paths there are looked up below /usr/bin"},
	{[]string{"-a", "-t", "etc_t", "/bin"}, refusesSet("/bin"), "/bin", "it is looked up as /usr/bin"},
	{[]string{"-a", "-t", "etc_t", "/srv/x/"}, refusesSet("/srv/x/"), "/srv/x/", "slashes at the end are removed before a lookup"},
	{[]string{"-a", "-t", "etc_t", "/srv//x"}, refusesSet("/srv//x"), "/srv//x", "so are superfluous ones"},
	{[]string{"-a", "-t", "etc_t", "srv/x"}, refusesSet("srv/x"), "/srv/x", "paths are absolute"},
	{[]string{"-a", "-e", "/var/www", "srv/rel"}, refusesEquivalence("srv/rel", "/var/www"), "/srv/rel", "paths are absolute"},
	{[]string{"-a", "-e", "/var/www", "/srv/./dot"}, refusesEquivalence("/srv/./dot", "/var/www"), "/srv/dot", "a path that is looked up is clean"},
	{[]string{"-a", "-e", "/srv/self", "/srv/self"}, refusesEquivalence("/srv/self", "/srv/self"), "/srv/self", "it says nothing, but stops every record below /srv/self"},
}

func refusesSet(pattern string) func(*fcontext.LocalTable) error {
	return func(t *fcontext.LocalTable) error {
		_, err := t.PlanSet(fcontext.LocalSetting{Pattern: pattern, Type: "etc_t"})
		return err
	}
}

func refusesEquivalence(target, source string) func(*fcontext.LocalTable) error {
	return func(t *fcontext.LocalTable) error {
		_, err := t.PlanEquivalence(fcontext.Equivalence{Target: target, Source: source})
		return err
	}
}

// TestOracleLocalDifferences shows that what we refuse beyond semanage does
// nothing there.
func TestOracleLocalDifferences(t *testing.T) {
	p, db := debianLocal(t)
	table := fcontext.NewLocalTable(p, db, fcontext.LocalRecords{})
	script := newSemanageScript(t)
	for i, d := range localDifferences {
		fmt.Fprintf(script, "matchpathcon -m file '%s' >$R/%d.before\n", d.path, i)
		script.semanage(strconv.Itoa(i), d.args)
		fmt.Fprintf(script, "matchpathcon -m file '%s' >$R/%d.after\n", d.path, i)
	}
	// The equivalence goes, and the record stays.
	script.semanage("a", []string{"-a", "-t", "etc_t", "/srv/both"})
	script.semanage("b", []string{"-a", "-e", "/var/www", "/srv/both"})
	script.semanage("c", []string{"-d", "/srv/both"})
	fmt.Fprintln(script, "files both")
	script.run(t)
	different := 0
	for i, d := range localDifferences {
		name := strconv.Itoa(i)
		if d.refuse(table) == nil || script.failed(t, name) || script.read(t, name+".before") != script.read(t, name+".after") {
			different++
			t.Errorf("%q: not so that we alone refuse, or not so that %s: %s", d.args, d.reason, script.read(t, name+".out"))
		}
	}
	if !strings.Contains(script.read(t, "both.local"), "/srv/both ") || strings.Contains(script.read(t, "both.subs"), "/srv/both ") ||
		slices.ContainsFunc([]string{"a", "b", "c"}, func(name string) bool { return script.failed(t, name) }) {
		different++
		t.Error("semanage fcontext -d took the record, not the equivalence")
	}
	oracle.Report(t, "fcontext-local-named-differences", len(localDifferences)+1, different)
}

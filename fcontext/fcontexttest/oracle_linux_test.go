//go:build oracle

package fcontexttest_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/oracle"
)

// world is a tree made from the paths of installed packages, with contexts of
// all sorts, and what it takes to ask setfiles about it.
type world struct {
	dir   string
	db    *fcontext.DB
	files int
	// first is, for a name of a file with several, the one that we report by.
	first map[string]string
}

const customizable = "/etc/selinux/default/contexts/customizable_types"

// packagePaths returns paths of installed packages with their kinds on this
// machine, about n of them, drawn from all packages.
func packagePaths(t *testing.T, r *rand.Rand, n int) map[string]fcontext.Kind {
	lists, err := filepath.Glob("/var/lib/dpkg/info/*.list")
	if err != nil || len(lists) == 0 {
		oracle.Require(t, "/var/lib/dpkg/info")
	}
	var all []string
	for _, l := range lists {
		b, err := os.ReadFile(l)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(b))...)
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	kinds := make(map[string]fcontext.Kind)
	for _, p := range all {
		if len(kinds) >= n {
			break
		}
		if st, err := os.Lstat(p); err == nil && p != "/." && strings.HasPrefix(p, "/") {
			kinds[p] = fcontext.KindOf(st.Mode())
		}
	}
	return kinds
}

// oddPaths are what packages do not have.
func oddPaths(kinds map[string]fcontext.Kind) {
	for p, k := range map[string]fcontext.Kind{
		"/home/alice/.ssh/id_rsa": fcontext.File, "/home/alice/public_html/a b": fcontext.File, "/home/alice/\xff\xfe": fcontext.File,
		"/root/.bashrc": fcontext.File, "/run/wsgi.sock": fcontext.Socket, "/run/initctl": fcontext.Pipe, "/run/user/1000/bus": fcontext.Socket,
		"/dev/null": fcontext.CharDevice, "/dev/sda": fcontext.BlockDevice, "/dev/log": fcontext.Socket, "/dev/xconsole": fcontext.Pipe,
		"/var/run/x.pid": fcontext.File, "/tmp/x": fcontext.File, "/proc/x": fcontext.File, "/sys/x": fcontext.File, "/mnt/x/y": fcontext.File,
		"/lost+found/#12": fcontext.File, "/data/www/index from here to there.html": fcontext.File, "/var/lib/nfs/rpc_pipefs/x": fcontext.File,
	} {
		kinds[p] = k
	}
}

func newWorld(t *testing.T, n int) *world {
	oracle.Require(t, "setfiles", oracle.DebianContexts, customizable)
	w := &world{dir: t.TempDir(), first: make(map[string]string)}
	requireXattrs(t, w.dir)
	var err error
	if w.db, err = fcontext.Open(oracle.DebianContexts, fcontext.Options{Order: fcontext.Order34}); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 3))
	kinds := packagePaths(t, r, n)
	oddPaths(kinds)
	paths := make([]string, 0, len(kinds))
	for p := range kinds {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		if st, err := os.Lstat(filepath.Join(w.dir, filepath.Dir(p))); err == nil && !st.IsDir() {
			continue // below what is a symbolic link here
		}
		f := fcontexttest.File{Path: p, Kind: kinds[p], Target: "/nowhere"}
		m, _ := w.db.Lookup(p, f.Kind)
		f.Context = someContext(r, m.Context.String())
		if err := makeFile(w.dir, f); os.IsExist(err) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if f.Kind == fcontext.File && r.IntN(20) == 0 {
			w.link(t, p, p+"~", m)
		}
	}
	w.count(t)
	return w
}

// link makes another name of a file if the specs say the same for it: where
// they do not, what setfiles does depends on the order of directories.
func (w *world) link(t *testing.T, p, other string, m fcontext.Match) {
	if o, ok := w.db.Lookup(other, fcontext.File); !ok || o.Context != m.Context || m.None {
		return
	}
	if err := makeFile(w.dir, fcontexttest.File{Path: other, LinkTo: p}); err != nil {
		t.Fatal(err)
	}
	w.first[other] = p
}

func (w *world) count(t *testing.T) {
	w.files = 0
	err := filepath.WalkDir(w.dir, func(string, fs.DirEntry, error) error { w.files++; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// someContext is what a file might have that should have want.
func someContext(r *rand.Rand, want string) string {
	user, rest, _ := strings.Cut(want, ":")
	switch r.IntN(10) {
	case 0:
		return ""
	case 1, 2:
		return "unconfined_u:object_r:user_home_t:s0"
	case 3:
		return "system_u:object_r:container_file_t:s0:c12,c97"
	case 4:
		return "system_u:object_r:public_content_t:s0" // customizable
	case 5:
		return strings.Replace("unconfined_u:"+rest, user, "unconfined_u", 1) // the user alone, if there is a context
	case 6:
		return want + ":c1,c5"
	case 7:
		return "not-a-context"
	}
	return want
}

// setfiles runs it, and returns its lines about files, with the path in the
// tree.
func (w *world) setfiles(t *testing.T, dir string, args ...string) []string {
	args = append([]string{"-m", "-v", "-r", dir}, args...)
	args = append(args, oracle.DebianContexts+"/file_contexts", dir)
	cmd := exec.Command("setfiles", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed { // it fails if one file does
		t.Fatal(err)
	}
	var lines []string
	for l := range strings.Lines(string(out)) {
		l = strings.TrimSuffix(l, "\n")
		for _, prefix := range []string{"Would relabel ", "Relabeled "} {
			if s, ok := strings.CutPrefix(l, prefix); ok {
				i := strings.LastIndex(s, " from ")
				lines = append(lines, "change "+w.rel(dir, s[:i])+s[i:])
			}
		}
		if i := strings.LastIndex(l, " not reset as customized by admin"); i >= 0 {
			lines = append(lines, "customized "+w.rel(dir, l[:i]))
		}
		if _, s, ok := strings.Cut(l, "Could not set context for "); ok {
			lines = append(lines, "error "+w.rel(dir, s[:strings.LastIndex(s, ":")]))
		}
	}
	slices.Sort(lines)
	return lines
}

func (w *world) rel(dir, p string) string {
	p = strings.TrimPrefix(p, dir)
	if p == "" {
		return "/"
	}
	if f, ok := w.first[p]; ok {
		return f
	}
	return p
}

// lines gives a plan in the same form.
func (w *world) lines(p *fcontext.RelabelPlan) []string {
	var lines []string
	for _, c := range p.Changes {
		from := c.From.String() + c.Malformed
		if from == "" {
			from = "(null)"
		}
		lines = append(lines, fmt.Sprintf("change %s from %s to %s", w.rel("", c.Path), from, c.To))
	}
	for _, s := range p.Skipped {
		lines = append(lines, s.Reason.String()+" "+w.rel("", s.Path))
	}
	for _, e := range p.Errors {
		lines = append(lines, "error "+w.rel("", e.Path))
	}
	slices.Sort(lines)
	return lines
}

func (w *world) options(t *testing.T) fcontext.RelabelOptions {
	f, err := os.Open(customizable)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	types, err := fcontext.ReadCustomizable(f)
	if err != nil {
		t.Fatal(err)
	}
	return fcontext.RelabelOptions{Recursive: true, OneFileSystem: true, Links: fcontext.LinksAll, Customizable: types}
}

// differences prints lines that only one of the two has, and counts them.
func differences(t *testing.T, got, want []string) int {
	count := make(map[string]int)
	for _, l := range want {
		count[l]++
	}
	for _, l := range got {
		count[l]--
	}
	n := 0
	for l, c := range count {
		if c != 0 {
			if n++; n <= 10 {
				t.Errorf("%+d %q", c, l)
			}
		}
	}
	return n
}

// TestSetfiles compares plans with setfiles -n -v, and trees that were
// relabelled with each other.
func TestSetfiles(t *testing.T) {
	w := newWorld(t, 8000)
	compared, different := 0, 0
	for _, test := range []struct {
		args []string
		set  func(*fcontext.RelabelOptions)
	}{
		{nil, func(*fcontext.RelabelOptions) {}},
		{[]string{"-F"}, func(o *fcontext.RelabelOptions) { o.Reset = fcontext.ResetAll }},
		{[]string{"-e", w.dir + "/usr/share", "-e", w.dir + "/etc"}, func(o *fcontext.RelabelOptions) { o.Exclude = []string{"/usr/share", "/etc"} }},
	} {
		opts := w.options(t)
		test.set(&opts)
		p, err := fcontext.PlanRelabel(context.Background(), openTree(t, w.dir), w.db, []string{"/"}, opts)
		if err != nil {
			t.Fatal(err)
		}
		got, want := w.lines(p), w.setfiles(t, w.dir, append([]string{"-n"}, test.args...)...)
		t.Logf("%q: %v; %d lines", test.args, p.Counts, len(want))
		different += differences(t, got, want)
		compared += w.files
		if len(test.args) < 2 {
			compared += w.files
			different += w.apply(t, opts, test.args)
		}
	}
	oracle.Report(t, "fcontext-relabel", compared, different)
}

// apply relabels one copy of the tree and has setfiles relabel another, and
// counts the files that then have different contexts.
func (w *world) apply(t *testing.T, opts fcontext.RelabelOptions, args []string) int {
	ours, theirs := filepath.Join(t.TempDir(), "ours"), filepath.Join(t.TempDir(), "theirs")
	oracle.Output(t, "cp", "-a", w.dir, ours)
	oracle.Output(t, "cp", "-a", w.dir, theirs)
	if _, err := fcontext.Relabel(context.Background(), openTree(t, ours), w.db, []string{"/"}, opts); err != nil {
		t.Fatal(err)
	}
	w.setfiles(t, theirs, args...)
	return differences(t, w.contexts(t, ours), w.contexts(t, theirs))
}

func (w *world) contexts(t *testing.T, dir string) []string {
	var lines []string
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		c, err := getRaw(p)
		lines = append(lines, strings.TrimPrefix(p, dir)+" has "+c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

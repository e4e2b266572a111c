package fcontext_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

const relabelSpecs = `
/.*             system_u:object_r:default_t:s0
/web(/.*)?      system_u:object_r:web_t:s0
/home/.*        system_u:object_r:home_t:s0
/keep(/.*)?     <<none>>
/web/run/.* -s  system_u:object_r:web_run_t:s0
`

func relabelDB(t testing.TB) *fcontext.DB {
	t.Helper()
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(relabelSpecs)}, fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// file is a regular file, or a directory if the path ends in a slash.
func file(path, context string) fcontexttest.File {
	f := fcontexttest.File{Path: path, Context: context}
	if strings.HasSuffix(path, "/") && path != "/" {
		f.Path, f.Kind = strings.TrimSuffix(path, "/"), fcontext.Dir
	}
	return f
}

func plan(t testing.TB, tree *fcontexttest.Tree, opts fcontext.RelabelOptions, paths ...string) *fcontext.RelabelPlan {
	t.Helper()
	p, err := fcontext.PlanRelabel(context.Background(), tree, relabelDB(t), paths, opts)
	if err != nil {
		t.Fatal(err)
	}
	if n := tree.Open(); n != 0 {
		t.Errorf("%d directories are still open", n)
	}
	if tree.Writes() != 0 {
		t.Error("planning wrote")
	}
	return p
}

// wantPlan compares what a plan says, a line for each change, skip and error.
func wantPlan(t *testing.T, p *fcontext.RelabelPlan, want ...string) {
	t.Helper()
	var got []string
	for _, c := range p.Changes {
		got = append(got, c.String())
	}
	for _, s := range p.Skipped {
		got = append(got, fmt.Sprintf("%s skipped: %v", s.Path, s.Reason))
	}
	for _, e := range p.Errors {
		got = append(got, e.Error())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	c := p.Counts
	if sum := c.Matching + c.Changes + c.None + c.NoSpec + c.Customized + c.Links + c.Conflicts +
		c.Excluded + c.OtherSystem + c.Vanished + c.Failed; sum != c.Files || c.Changes != len(p.Changes) {
		t.Errorf("counts: %+v for %d changes", c, len(p.Changes))
	}
}

// restorecon_sb, compare_portions.
func TestReset(t *testing.T) {
	const web = "system_u:object_r:web_t:s0"
	for _, test := range []struct{ has, restored, userRole, all string }{
		{web, "", "", ""},
		{"", web, web, web},
		// The type differs: the rest is kept, the categories too.
		{"u:r:x_t:s0:c1,c2", "u:r:web_t:s0:c1,c2", "system_u:object_r:web_t:s0:c1,c2", web},
		// The type does not.
		{"u:r:web_t:s0:c1", "", "system_u:object_r:web_t:s0:c1", web},
		{"system_u:object_r:web_t:s0:c1", "", "", web},
		{"u:object_r:x_t", "u:object_r:web_t", "system_u:object_r:web_t", web},
		{"garbage", "!", "!", web},
		{"system_u:object_r:custom_t:s0", "-", "-", web},
	} {
		for i, want := range []string{test.restored, test.userRole, test.all} {
			tree := fcontexttest.NewTree(file("/web/f", test.has))
			p := plan(t, tree, fcontext.RelabelOptions{Reset: fcontext.Reset(i), Customizable: []string{"custom_t"}}, "/web/f")
			got := ""
			switch {
			case len(p.Changes) == 1:
				got = p.Changes[0].To.String()
				if c := p.Changes[0]; c.Kind != fcontext.File || c.Why.Pattern != "/web(/.*)?" || c.From.String()+c.Malformed != test.has {
					t.Errorf("%q: %+v", test.has, c)
				}
			case len(p.Errors) == 1:
				got = "!"
				if !errors.Is(p.Errors[0], policy.ErrInvalidContext) {
					t.Error(p.Errors[0])
				}
			case len(p.Skipped) == 1:
				got = "-"
				if p.Skipped[0].Reason != fcontext.SkipCustomized || p.Counts.Customized != 1 {
					t.Errorf("%+v", p.Skipped[0])
				}
			}
			if got != want {
				t.Errorf("reset %d of %q gives %q, want %q", i, test.has, got, want)
			}
			if _, err := p.Apply(context.Background(), tree, fcontext.ApplyOptions{}); err != nil {
				t.Error(err)
			}
			now, _ := tree.Context("/web/f")
			if expect := strings.Trim(want, "!-"); expect == "" && now != test.has || expect != "" && now != expect {
				t.Errorf("reset %d of %q made %q", i, test.has, now)
			}
		}
	}
}

func TestRecursive(t *testing.T) {
	tree := fcontexttest.NewTree(file("/", "u:r:default_t"), file("/web/", ""), file("/web/a/", ""), file("/web/a/b", ""),
		file("/web/a-", ""), file("/keep/", ""), file("/keep/f", "x"), file("/other", ""),
		fcontexttest.File{Path: "/web/run/s", Kind: fcontext.Socket})
	wantPlan(t, plan(t, tree, fcontext.RelabelOptions{}, "/web", "/web/a/"),
		"/web from <no context> to system_u:object_r:web_t:s0",
		"/web/a from <no context> to system_u:object_r:web_t:s0")
	want := []string{
		"/web from <no context> to system_u:object_r:web_t:s0",
		"/web/a from <no context> to system_u:object_r:web_t:s0",
		"/web/a/b from <no context> to system_u:object_r:web_t:s0",
		"/web/a- from <no context> to system_u:object_r:web_t:s0",
		"/web/run from <no context> to system_u:object_r:web_t:s0",
		"/web/run/s from <no context> to system_u:object_r:web_run_t:s0",
	}
	rec := fcontext.RelabelOptions{Recursive: true}
	wantPlan(t, plan(t, tree, rec, "/web"), want...)
	// Paths that overlap, twice, are looked at once.
	wantPlan(t, plan(t, tree, rec, "/web/a/b", "/web", "/web/a/.", "//web//"), want...)
	p := plan(t, tree, rec, "/")
	wantPlan(t, p, append([]string{"/other from <no context> to system_u:object_r:default_t:s0"}, want...)...)
	if want := (fcontext.RelabelCounts{Files: 10, Changes: 7, None: 2, Matching: 1}); p.Counts != want {
		t.Errorf("counts %+v, want %+v", p.Counts, want)
	}
	if got := p.Counts.String(); got != "10 files, 7 to change, 1 matching, 2 <<none>>" {
		t.Error(got)
	}
}

func TestNoSpec(t *testing.T) {
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader("/a a:b:c\n")}, fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := fcontext.PlanRelabel(context.Background(), fcontexttest.NewTree(file("/x", "")), db, []string{"/x"}, fcontext.RelabelOptions{})
	if err != nil || p.Counts != (fcontext.RelabelCounts{Files: 1, NoSpec: 1}) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestExclude(t *testing.T) {
	tree := fcontexttest.NewTree(file("/web/", ""), file("/web/a/b", ""), file("/web/ab", ""), file("/web/c", ""))
	opts := fcontext.RelabelOptions{Recursive: true, Exclude: []string{"/web/a/", "/web/c"}}
	p := plan(t, tree, opts, "/web", "/web/a/b")
	wantPlan(t, p,
		"/web from <no context> to system_u:object_r:web_t:s0",
		"/web/ab from <no context> to system_u:object_r:web_t:s0")
	if p.Counts.Excluded != 3 { // /web/a, /web/c, and the path /web/a/b
		t.Errorf("%+v", p.Counts)
	}
	wantPlan(t, plan(t, tree, fcontext.RelabelOptions{Exclude: []string{"/"}}, "/", "/web"))
}

func TestOneFileSystem(t *testing.T) {
	tree := fcontexttest.NewTree(file("/web/", ""), fcontexttest.File{Path: "/web/mnt", Kind: fcontext.Dir, Device: 7}, file("/web/mnt/f", ""))
	opts := fcontext.RelabelOptions{Recursive: true, OneFileSystem: true}
	p := plan(t, tree, opts, "/web")
	wantPlan(t, p, "/web from <no context> to system_u:object_r:web_t:s0")
	if p.Counts.OtherSystem != 1 {
		t.Errorf("%+v", p.Counts)
	}
	// A path that is given is looked at wherever it is.
	wantPlan(t, plan(t, tree, opts, "/web", "/web/mnt"),
		"/web from <no context> to system_u:object_r:web_t:s0",
		"/web/mnt from <no context> to system_u:object_r:web_t:s0",
		"/web/mnt/f from <no context> to system_u:object_r:web_t:s0")
	opts.OneFileSystem = false
	if p := plan(t, tree, opts, "/web"); len(p.Changes) != 3 {
		t.Errorf("%+v", p)
	}
}

func TestLinks(t *testing.T) {
	link := func(path, to string) fcontexttest.File { return fcontexttest.File{Path: path, LinkTo: to} }
	tree := fcontexttest.NewTree(file("/etc/shadow", "system_u:object_r:shadow_t:s0"),
		fcontexttest.File{Path: "/home/u", Kind: fcontext.Dir, Context: "system_u:object_r:home_t:s0", UserWritable: true},
		file("/home/u/sub/", "system_u:object_r:home_t:s0"),
		link("/home/u/sub/evil", "/etc/shadow"),
		file("/web/b", "system_u:object_r:x_t:s0"), link("/web/a", "/web/b"), link("/other", "/web/b"))
	const (
		evil  = "/home/u/sub/evil from system_u:object_r:shadow_t:s0 to system_u:object_r:home_t:s0"
		other = "/other from system_u:object_r:x_t:s0 to system_u:object_r:default_t:s0"
	)
	opts := fcontext.RelabelOptions{Recursive: true}
	// A user's link to somebody else's file.
	p := plan(t, tree, opts, "/home/u")
	wantPlan(t, p, "/home/u/sub/evil skipped: multiple links")
	if s := p.Skipped[0]; s.From.Type() != "shadow_t" || s.To.Type() != "home_t" || p.Counts.Links != 1 {
		t.Errorf("%+v", s)
	}
	// The directory that is given may not be the one that the user may write to.
	wantPlan(t, plan(t, tree, opts, "/home/u/sub"), "/home/u/sub/evil skipped: multiple links")
	wantPlan(t, plan(t, tree, opts, "/home/u/sub/evil"), "/home/u/sub/evil skipped: multiple links")
	// Three names of one file: the first in the order of paths decides, and the
	// order in which they are given does not matter.
	p = plan(t, tree, opts, "/web/b", "/other", "/web/a")
	wantPlan(t, p, other, "/web/a skipped: conflicting specifications", "/web/b skipped: conflicting specifications")
	if s := p.Skipped[0]; s.Other != "/other" || s.To.Type() != "web_t" || p.Counts.Conflicts != 2 {
		t.Errorf("%+v", s)
	}
	// Names that the specs agree about are one change.
	p = plan(t, tree, opts, "/web/b", "/web/a")
	wantPlan(t, p, "/web/a from system_u:object_r:x_t:s0 to system_u:object_r:web_t:s0")
	if p.Counts.Matching != 1 {
		t.Errorf("%+v", p.Counts)
	}

	opts.Links = fcontext.LinksAll
	wantPlan(t, plan(t, tree, opts, "/home/u"), evil)
	opts.Links = fcontext.LinksNone
	wantPlan(t, plan(t, tree, opts, "/web/b", "/home/u"), "/home/u/sub/evil skipped: multiple links", "/web/b skipped: multiple links")
}

func TestPlanErrors(t *testing.T) {
	tree := fcontexttest.NewTree(file("/web/", ""), file("/web/a/", ""), file("/web/a/x", ""), file("/web/b/", ""), file("/web/b/x", ""),
		file("/web/c", ""), file("/web/d", ""), file("/web/e", ""), file("/web/ok", ""))
	bad := errors.New("bad")
	tree.Fail(fcontexttest.OpOpen, "/web/a", bad)
	tree.Fail(fcontexttest.OpReaddir, "/web/b", bad)
	tree.Fail(fcontexttest.OpStat, "/web/c", bad)
	tree.Fail(fcontexttest.OpGetxattr, "/web/d", bad)
	tree.Fail(fcontexttest.OpGetxattr, "/web/e", fs.ErrNotExist) // gone since it was listed
	p := plan(t, tree, fcontext.RelabelOptions{Recursive: true}, "/web", "/none", "/web/ok/x")
	const to = " from <no context> to system_u:object_r:web_t:s0"
	wantPlan(t, p, "/web"+to, "/web/a"+to, "/web/b"+to, "/web/ok"+to,
		"stat /none: file does not exist", "open /web/a: bad", "readdir /web/b: bad",
		"stat /web/c: bad", "getxattr /web/d: bad", "open /web/ok/x: not a directory")
	if want := (fcontext.RelabelCounts{Files: 9, Changes: 4, Failed: 4, Vanished: 1}); p.Counts != want {
		t.Errorf("counts %+v, want %+v", p.Counts, want)
	}
}

func TestPlanArguments(t *testing.T) {
	tree := fcontexttest.NewTree()
	for _, bad := range []string{"", "web", "./web", "/web/../etc", "/a\x00b"} {
		for _, opts := range []fcontext.RelabelOptions{{}, {Exclude: []string{bad}}} {
			paths := []string{"/"}
			if opts.Exclude == nil {
				paths = []string{"/", bad}
			}
			p, err := fcontext.PlanRelabel(context.Background(), tree, relabelDB(t), paths, opts)
			if p != nil || !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%q: %v, %v", bad, p, err)
			}
		}
	}
	if p := plan(t, tree, fcontext.RelabelOptions{}); p.Counts.Files != 0 {
		t.Errorf("no paths: %+v", p)
	}
	tree.Fail(fcontexttest.OpOpen, "/", fs.ErrPermission)
	if p, err := fcontext.PlanRelabel(context.Background(), tree, relabelDB(t), []string{"/"}, fcontext.RelabelOptions{}); p != nil || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, %v", p, err)
	}
}

func TestRelabelPolicy(t *testing.T) {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	// The demo policy has no web_t, and knows the context of what it is about.
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(
		"/a system_u:object_r:web_t:s0\n/b system_u:object_r:httpd_sys_content_t:s0\n")}, fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tree := fcontexttest.NewTree(file("/a", ""), file("/b", ""))
	got, err := fcontext.PlanRelabel(context.Background(), tree, db, []string{"/a", "/b"}, fcontext.RelabelOptions{Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	var ce *policy.ContextError
	if len(got.Errors) != 1 || !errors.As(got.Errors[0], &ce) || ce.Context.Type() != "web_t" || got.Counts.Failed != 1 {
		t.Errorf("%+v", got)
	}
	if len(got.Changes) != 1 || got.Changes[0].Path != "/b" {
		t.Errorf("%+v", got.Changes)
	}
}

// loop is a tree with a directory that has itself in it, as a broken or hostile
// file system may.
type loop struct{ fcontext.Directory }

func (l loop) Root() (fcontext.Directory, error)               { return l, nil }
func (l loop) OpenDir(name string) (fcontext.Directory, error) { return l, nil }
func (l loop) Names() ([]string, error)                        { return []string{"d"}, nil }
func (l loop) Context(name string) (string, error)             { return "", nil }
func (l loop) Close() error                                    { return nil }
func (l loop) Stat(name string) (fcontext.FileStat, error) {
	return fcontext.FileStat{ID: fcontext.FileID{Inode: 7}, Kind: fcontext.Dir}, nil
}

func TestCycle(t *testing.T) {
	p, err := fcontext.PlanRelabel(context.Background(), loop{}, relabelDB(t), []string{"/web"}, fcontext.RelabelOptions{Recursive: true})
	if err != nil || len(p.Errors) != 1 || p.Errors[0].Path != "/web/d" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestDeep(t *testing.T) {
	// Deeper than directories are kept open, and than paths may be long.
	deep := strings.Repeat("/d", 2040)
	tree := fcontexttest.NewTree(file(deep+"/f", ""), file(deep+"/long-enough-for-4096", ""))
	for _, workers := range []int{1, 4} {
		p := plan(t, tree, fcontext.RelabelOptions{Recursive: true, Workers: workers}, "/")
		if p.Counts.Files != 2043 || len(p.Changes) != 2042 {
			t.Errorf("%v", p.Counts)
		}
		if len(p.Errors) != 1 || !errors.Is(p.Errors[0], fcontext.ErrTooLong) {
			t.Errorf("%v", p.Errors)
		}
	}
}

// A directory with more entries than are looked at in one go, by many workers.
func TestWide(t *testing.T) {
	var files []fcontexttest.File
	for i := range 3000 {
		files = append(files, file(fmt.Sprintf("/web/%04d", i), ""), file(fmt.Sprintf("/web/d%d/%d", i%7, i), "u:r:web_t"))
	}
	tree := fcontexttest.NewTree(files...)
	var mu sync.Mutex
	var calls []fcontext.Progress
	opts := fcontext.RelabelOptions{Recursive: true, Workers: 8, Progress: func(p fcontext.Progress) {
		if !mu.TryLock() {
			t.Error("called from two goroutines")
			return
		}
		defer mu.Unlock()
		calls = append(calls, p)
	}}
	p := plan(t, tree, opts, "/")
	if p.Counts.Files != 6009 || len(p.Changes) != 3009 { // with /, /web, and 7 directories
		t.Errorf("%v", p.Counts)
	}
	if !slices.IsSortedFunc(p.Changes[2:], func(a, b fcontext.Change) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("not in order")
	}
	if last := calls[len(calls)-1]; len(calls) < 4 || last != (fcontext.Progress{Files: 6009, Changes: 3009, Total: 6009}) {
		t.Errorf("%d calls, the last %+v", len(calls), last)
	}
	calls = nil
	res, err := p.Apply(context.Background(), tree, fcontext.ApplyOptions{Workers: 8, Progress: opts.Progress})
	if err != nil || len(res.Errors) != 0 || !slices.Equal(res.Changed, p.Changes) || tree.Writes() != 3009 {
		t.Errorf("%v, %d writes", err, tree.Writes())
	}
	if last := calls[len(calls)-1]; last != (fcontext.Progress{Files: 3009, Changes: 3009, Total: 3009}) {
		t.Errorf("the last call: %+v", last)
	}
	for i := 1; i < len(calls); i++ {
		if calls[i].Files < calls[i-1].Files {
			t.Errorf("%+v after %+v", calls[i], calls[i-1])
		}
	}
}

func TestPlanCancel(t *testing.T) {
	var files []fcontexttest.File
	for i := range 2000 {
		files = append(files, file(fmt.Sprintf("/d%d/%d/f", i%20, i), ""))
	}
	for _, workers := range []int{1, 8} {
		tree := fcontexttest.NewTree(files...)
		ctx, cancel := context.WithCancel(context.Background())
		tree.Hook(func(op, path string) {
			if strings.HasPrefix(path, "/d7/") {
				cancel()
			}
		})
		p, err := fcontext.PlanRelabel(ctx, tree, relabelDB(t), []string{"/"}, fcontext.RelabelOptions{Recursive: true, Workers: workers})
		if p != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", p, err)
		}
		if n := tree.Open(); n != 0 {
			t.Errorf("%d directories are still open", n)
		}
	}
}

func TestApply(t *testing.T) {
	tree := fcontexttest.NewTree(file("/web/", ""), file("/web/fails", ""), file("/web/gone", ""), file("/web/new", ""), file("/web/other", ""),
		file("/web/linked", ""), file("/web/done", ""), file("/web/dir/f", ""), file("/web/ok", ""))
	p := plan(t, tree, fcontext.RelabelOptions{Recursive: true}, "/")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const web = "system_u:object_r:web_t:s0"
	tree.Fail(fcontexttest.OpSetxattr, "/web/fails", errors.New("bad"))
	must(tree.Remove("/web/gone"))
	must(tree.Remove("/web/new")) // another file with the same name
	must(tree.Make(file("/web/new", "")))
	must(tree.Remove("/web/other"))
	must(tree.Make(file("/web/other", "u:r:somebody_else_t")))
	must(tree.Make(fcontexttest.File{Path: "/web/linked2", LinkTo: "/web/linked"}))
	must(tree.Remove("/web/dir"))
	must(tree.Make(file("/victim/f", "u:r:victim_t")))
	must(tree.Make(fcontexttest.File{Path: "/web/dir", Kind: fcontext.Symlink, Target: "/victim"}))
	res, err := p.Apply(context.Background(), tree, fcontext.ApplyOptions{})
	must(err)
	var got []string
	for _, e := range res.Errors {
		got = append(got, e.Error())
	}
	want := []string{
		"setxattr /web/dir: changed since it was planned for", "open /web/dir/f: not a directory",
		"setxattr /web/fails: bad", "setxattr /web/gone: file does not exist", "setxattr /web/linked: changed since it was planned for",
		"setxattr /web/new: changed since it was planned for", "setxattr /web/other: changed since it was planned for",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	if len(res.Changed) != 4 { // /, /web, /web/done, /web/ok
		t.Errorf("changed %v", res.Changed)
	}
	for path, want := range map[string]string{"/web/ok": web, "/web/new": "", "/web/linked": "", "/victim/f": "u:r:victim_t", "/web/fails": ""} {
		if c, _ := tree.Context(path); c != want {
			t.Errorf("%s has %q, want %q", path, c, want)
		}
	}
	// Once more: what was done is done.
	writes := tree.Writes()
	again, err := p.Apply(context.Background(), tree, fcontext.ApplyOptions{})
	if err != nil || len(again.Changed) != 4 || len(again.Errors) != len(want) || tree.Writes() != writes || tree.Open() != 0 {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestApplyCancel(t *testing.T) {
	var files []fcontexttest.File
	for i := range 1000 {
		files = append(files, file(fmt.Sprintf("/web/%d/f", i), ""))
	}
	tree := fcontexttest.NewTree(files...)
	p := plan(t, tree, fcontext.RelabelOptions{Recursive: true}, "/")
	ctx, cancel := context.WithCancel(context.Background())
	var once sync.Once
	tree.Hook(func(op, path string) {
		if op == fcontexttest.OpSetxattr && path == "/web/500/f" {
			once.Do(cancel)
		}
	})
	res, err := p.Apply(ctx, tree, fcontext.ApplyOptions{Workers: 3})
	var stopped *fcontext.InterruptedError
	if res != nil || !errors.As(err, &stopped) || !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, %v", res, err)
	}
	if n := len(stopped.Result.Changed); n == 0 || n == len(p.Changes) || n != tree.Writes() {
		t.Errorf("%d of %d changes, %d writes", n, len(p.Changes), tree.Writes())
	}
	if n := tree.Open(); n != 0 {
		t.Errorf("%d directories are still open", n)
	}
	if _, err := p.Apply(ctx, tree, fcontext.ApplyOptions{}); !errors.As(err, &stopped) || len(stopped.Result.Changed) != 0 {
		t.Errorf("with a context that is done: %v", err)
	}
}

func TestApplyArguments(t *testing.T) {
	tree := fcontexttest.NewTree(file("/web/f", ""))
	to := policy.MustParseContext("a:b:c")
	for _, c := range []fcontext.Change{{Path: "web/f", To: to}, {Path: "/web/../f", To: to}, {Path: "/web//f", To: to}, {Path: "/web/f"}} {
		p := &fcontext.RelabelPlan{Changes: []fcontext.Change{c}}
		if res, err := p.Apply(context.Background(), tree, fcontext.ApplyOptions{}); res != nil || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%+v: %v, %v", c, res, err)
		}
	}
}

// While relabelling is on its way, directories are exchanged for others.
func TestMovedWhileWalking(t *testing.T) {
	tree := fcontexttest.NewTree(file("/web/a/x/f", ""), file("/etc/x/f", "system_u:object_r:etc_t:s0"))
	var once sync.Once
	tree.Hook(func(op, path string) {
		if op == fcontexttest.OpSetxattr && path == "/web/a/x/f" {
			once.Do(func() {
				if err := errors.Join(tree.Rename("/web/a", "/was"), tree.Make(fcontexttest.File{Path: "/web/a", Kind: fcontext.Symlink, Target: "/etc"})); err != nil {
					t.Error(err)
				}
			})
		}
	})
	res, err := fcontext.Relabel(context.Background(), tree, relabelDB(t), []string{"/web"}, fcontext.RelabelOptions{Recursive: true, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	// The open directory is still the one that was planned for.
	if c, _ := tree.Context("/was/x/f"); c != "system_u:object_r:web_t:s0" || len(res.Errors) != 0 {
		t.Errorf("%q, %v", c, res.Errors)
	}
	if c, _ := tree.Context("/etc/x/f"); c != "system_u:object_r:etc_t:s0" {
		t.Errorf("the victim has %q", c)
	}
}

func TestRelabelReports(t *testing.T) {
	tree := fcontexttest.NewTree(file("/web/a", ""), file("/web/b", ""), file("/web/c", ""))
	tree.Fail(fcontexttest.OpSetxattr, "/web/a", errors.New("bad a"))
	tree.Fail(fcontexttest.OpGetxattr, "/web/b", errors.New("bad b"))
	res, err := fcontext.Relabel(context.Background(), tree, relabelDB(t), []string{"/web"}, fcontext.RelabelOptions{Recursive: true})
	if err != nil || len(res.Errors) != 2 || res.Errors[0].Path != "/web/a" || res.Errors[1].Path != "/web/b" || len(res.Changed) != 2 {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestReadCustomizable(t *testing.T) {
	got, err := fcontext.ReadCustomizable(strings.NewReader("a_t\n\n# no\nb_t \nc_t"))
	if err != nil || !slices.Equal(got, []string{"a_t", "b_t", "c_t"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTemporary(t *testing.T) {
	tree := fcontexttest.NewTree(file("/web/f", "u:r:x_t:s0:c1"), file("/web/none", ""), file("/web/bad", "garbage"),
		fcontexttest.File{Path: "/web/l", Kind: fcontext.Symlink, Target: "f"})
	c, err := fcontext.ContextAt(tree, "/web/f")
	if err != nil || c.String() != "u:r:x_t:s0:c1" {
		t.Fatalf("%v, %v", c, err)
	}
	if err := fcontext.SetTemporary(tree, "/web/f", c.WithType("y_t")); err != nil {
		t.Error(err)
	}
	for path, to := range map[string]string{"/": "u:r:root_t", "/web/none": "u:r:n_t", "/web/bad": "u:r:good_t", "/web/l": "u:r:l_t"} {
		if err := fcontext.SetTemporary(tree, path, policy.MustParseContext(to)); err != nil {
			t.Error(err)
		}
		if c, err := fcontext.ContextAt(tree, path); err != nil || c.String() != to {
			t.Errorf("%s: %v, %v", path, c, err)
		}
	}
	if got, _ := tree.Context("/web/f"); got != "u:r:y_t:s0:c1" {
		t.Errorf("the link's target has %q", got)
	}
	if n := tree.Open(); n != 0 {
		t.Errorf("%d directories are still open", n)
	}
}

func TestTemporaryErrors(t *testing.T) {
	tree := fcontexttest.NewTree(file("/f", "garbage"), file("/g", ""), fcontexttest.File{Path: "/l", Kind: fcontext.Symlink, Target: "/"})
	to := policy.MustParseContext("a:b:c")
	for path, want := range map[string]error{"/none": fs.ErrNotExist, "/none/x": fs.ErrNotExist, "x": fs.ErrInvalid, "/a/../f": fs.ErrInvalid} {
		c, err := fcontext.ContextAt(tree, path)
		if c.IsValid() || !errors.Is(err, want) {
			t.Errorf("%s: %v, %v, want %v", path, c, err, want)
		}
		if err := fcontext.SetTemporary(tree, path, to); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if err := fcontext.SetTemporary(tree, "/l/f", to); err == nil {
		t.Error("went through a symbolic link")
	}
	if c, err := fcontext.ContextAt(tree, "/f"); c.IsValid() || !errors.Is(err, policy.ErrInvalidContext) {
		t.Errorf("%v, %v", c, err)
	}
	if c, err := fcontext.ContextAt(tree, "/g"); c.IsValid() || err != nil {
		t.Errorf("%v, %v", c, err)
	}
	if err := fcontext.SetTemporary(tree, "/g", policy.Context{}); !errors.Is(err, policy.ErrInvalidContext) {
		t.Error(err)
	}
	if tree.Writes() != 0 {
		t.Error("something was written")
	}
}

func TestMountsWithoutContexts(t *testing.T) {
	const mounts = `proc /proc proc rw,relatime 0 0
/dev/sda1 / ext4 rw,seclabel,relatime 0 0
nfs:/x /mnt/a\040b\134c nfs rw 0 0
none /twice fuse rw 0 0
tmpfs /twice tmpfs rw,seclabel 0 0
tmpfs /twice2 tmpfs rw,seclabel 0 0
none /twice2 fuse rw,noseclabel,seclabelx 0 0
short
`
	got, err := fcontext.MountsWithoutContexts(strings.NewReader(mounts))
	if want := []string{"/proc", `/mnt/a b\c`, "/twice2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	// No SELinux in the kernel.
	got, err = fcontext.MountsWithoutContexts(strings.NewReader("proc /proc proc rw 0 0\n/dev/sda1 / ext4 rw 0 0\n"))
	if err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}

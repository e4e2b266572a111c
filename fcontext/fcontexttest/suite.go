package fcontexttest

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// Harness is a backend under test and a way round it, to what is on its disk.
type Harness struct {
	// Backend is a tree with an empty root, of which the tests know nothing but
	// that only root may write to it.
	Backend fcontext.Backend
	// Make, Remove, Rename and Context are as those of [Tree]. Make is given no
	// Device. It may return an error that wraps errors.ErrUnsupported for a file
	// that the tests' user cannot make; what needs the file is then skipped.
	Make    func(f File) error
	Remove  func(path string) error
	Rename  func(from, to string) error
	Context func(path string) (string, error)
}

// Harness returns t as a harness.
func (t *Tree) Harness() Harness {
	return Harness{Backend: t, Make: t.Make, Remove: t.Remove, Rename: t.Rename, Context: t.Context}
}

// TestBackend tests that a backend keeps to the contract of [fcontext.Backend],
// and that relabelling works on it. newHarness is called for each of the tests.
func TestBackend(t *testing.T, newHarness func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		f    func(*suite)
	}{
		{"Stat", (*suite).stat},
		{"Names", (*suite).names},
		{"BadNames", (*suite).badNames},
		{"Symlinks", (*suite).symlinks},
		{"Context", (*suite).context},
		{"SetContext", (*suite).setContext},
		{"Replaced", (*suite).replaced},
		{"Links", (*suite).links},
		{"Renamed", (*suite).renamed},
		{"Relabel", (*suite).relabel},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Harness: newHarness(t)}
			root, err := s.Backend.Root()
			if err != nil {
				t.Fatal(err)
			}
			s.root = root
			defer root.Close()
			test.f(s)
		})
	}
}

type suite struct {
	*testing.T
	Harness
	root fcontext.Directory
}

const (
	ctxA = "system_u:object_r:a_t:s0"
	ctxB = "unconfined_u:object_r:b_t:s0:c1,c2"
)

// make makes files, and skips the test if one of them cannot be.
func (s *suite) make(files ...File) {
	s.Helper()
	for _, f := range files {
		if err := s.Make(f); errors.Is(err, errors.ErrUnsupported) {
			s.Skipf("%s: %v", f.Path, err)
		} else if err != nil {
			s.Fatal(err)
		}
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) wantErr(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func (s *suite) wantContext(path, want string) {
	s.Helper()
	got, err := s.Harness.Context(path)
	if err != nil || got != want {
		s.Errorf("%s has %q (%v), want %q", path, got, err, want)
	}
}

func (s *suite) open(path string) fcontext.Directory {
	s.Helper()
	d := s.root
	for _, e := range strings.Split(path[1:], "/") {
		next, err := d.OpenDir(e)
		s.must(err)
		s.Cleanup(func() { next.Close() })
		d = next
	}
	return d
}

func (s *suite) statOf(d fcontext.Directory, name string) fcontext.FileStat {
	s.Helper()
	st, err := d.Stat(name)
	s.must(err)
	return st
}

var kinds = []fcontext.Kind{fcontext.File, fcontext.Dir, fcontext.CharDevice, fcontext.BlockDevice, fcontext.Pipe, fcontext.Symlink, fcontext.Socket}

func (s *suite) stat() {
	seen := make(map[fcontext.FileID]bool)
	for _, k := range kinds {
		name := "k" + strings.TrimPrefix(k.Flag(), "-")
		s.make(File{Path: "/" + name, Kind: k, Target: "/nowhere"})
		st := s.statOf(s.root, name)
		if st.Kind != k || st.UserWritable || k != fcontext.Dir && st.Links != 1 {
			s.Errorf("%v: %+v", k, st)
		}
		if seen[st.ID] {
			s.Errorf("%v: the ID of another file: %+v", k, st)
		}
		seen[st.ID] = true
	}
	s.make(File{Path: "/all", Kind: fcontext.Dir, UserWritable: true})
	if st := s.statOf(s.root, "all"); !st.UserWritable {
		s.Errorf("a directory for all: %+v", st)
	}
	d := s.open("/all")
	if a, b := s.statOf(s.root, "all"), s.statOf(d, "."); a != b {
		s.Errorf("%+v from outside, %+v from inside", a, b)
	}
	_, err := s.root.Stat("none")
	s.wantErr("Stat", err, fs.ErrNotExist)
	_, err = s.root.OpenDir("none")
	s.wantErr("OpenDir", err, fs.ErrNotExist)
	if d, err := s.root.OpenDir("k-"); err == nil {
		d.Close()
		s.Error("a file opened as a directory")
	}
}

func (s *suite) names() {
	want := []string{" ", "a b", "c", "d\ne", "\xff", "..."}
	s.make(File{Path: "/dir", Kind: fcontext.Dir}, File{Path: "/empty", Kind: fcontext.Dir})
	for _, n := range want {
		s.make(File{Path: "/dir/" + n})
	}
	d := s.open("/dir")
	slices.Sort(want)
	for range 2 { // the second time, too
		got, err := d.Names()
		s.must(err)
		if slices.Sort(got); !slices.Equal(got, want) {
			s.Errorf("names %q, want %q", got, want)
		}
	}
	if got, err := s.open("/empty").Names(); err != nil || len(got) != 0 {
		s.Errorf("empty directory: %q, %v", got, err)
	}
}

func (s *suite) badNames() {
	s.make(File{Path: "/dir", Kind: fcontext.Dir}, File{Path: "/dir/f", Context: ctxA})
	d := s.open("/dir")
	for _, name := range []string{"", "..", "../dir", "dir/f", "/dir", "f/", "f\x00"} {
		_, err := d.Stat(name)
		s.wantErr("Stat "+name, err, fs.ErrInvalid)
		_, err = d.Context(name)
		s.wantErr("Context "+name, err, fs.ErrInvalid)
		_, err = d.OpenDir(name)
		s.wantErr("OpenDir "+name, err, fs.ErrInvalid)
		err = d.SetContext(name, s.statOf(d, "f"), ctxA, policy.MustParseContext(ctxB))
		s.wantErr("SetContext "+name, err, fs.ErrInvalid)
	}
	s.wantContext("/dir/f", ctxA)
}

// symlinks must be neither entered nor seen through.
func (s *suite) symlinks() {
	s.make(File{Path: "/dir", Kind: fcontext.Dir, Context: ctxA}, File{Path: "/f", Context: ctxA},
		File{Path: "/todir", Kind: fcontext.Symlink, Target: "dir"}, File{Path: "/tofile", Kind: fcontext.Symlink, Target: "f"})
	if d, err := s.root.OpenDir("todir"); err == nil {
		d.Close()
		s.Error("a symbolic link opened as a directory")
	}
	for _, name := range []string{"todir", "tofile"} {
		st := s.statOf(s.root, name)
		has, err := s.root.Context(name)
		if st.Kind != fcontext.Symlink || has == ctxA || err != nil {
			s.Errorf("%s: %+v, %q, %v", name, st, has, err)
		}
		s.must(s.root.SetContext(name, st, has, policy.MustParseContext(ctxB)))
		s.wantContext("/"+name, ctxB)
	}
	s.wantContext("/dir", ctxA)
	s.wantContext("/f", ctxA)
}

func (s *suite) context() {
	long := "system_u:object_r:" + strings.Repeat("x", 3000) + "_t:s0"
	for i, want := range []string{"", ctxA, "not a context", "x", long} {
		name := string(rune('a' + i))
		s.make(File{Path: "/" + name, Context: want})
		if got, err := s.root.Context(name); err != nil || got != want {
			s.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	_, err := s.root.Context("none")
	s.wantErr("Context", err, fs.ErrNotExist)
}

func (s *suite) setContext() {
	a, b := policy.MustParseContext(ctxA), policy.MustParseContext(ctxB)
	for _, k := range kinds {
		name := "k" + strings.TrimPrefix(k.Flag(), "-")
		p := "/" + name
		s.make(File{Path: p, Kind: k, Target: "/nowhere"})
		st := s.statOf(s.root, name)
		has, err := s.root.Context(name)
		s.must(err)
		s.must(s.root.SetContext(name, st, has, a))
		s.wantContext(p, ctxA)
		s.must(s.root.SetContext(name, st, ctxA, b))
		s.wantContext(p, ctxB)
		// It has that already.
		s.must(s.root.SetContext(name, st, ctxA, b))
		s.wantErr("another context than planned for", s.root.SetContext(name, st, "x:y:z", a), fcontext.ErrChanged)
		s.wantErr("a context where none was", s.root.SetContext(name, st, "", a), fcontext.ErrChanged)
		s.wantErr("no context", s.root.SetContext(name, st, ctxB, policy.Context{}), policy.ErrInvalidContext)
		s.wantContext(p, ctxB)
	}
	s.wantErr("none", s.root.SetContext("none", fcontext.FileStat{}, "", a), fs.ErrNotExist)
	s.must(s.root.SetContext(".", s.statOf(s.root, "."), s.contextOf("."), a))
	if got := s.contextOf("."); got != ctxA {
		s.Errorf("the root has %q", got)
	}
}

func (s *suite) contextOf(name string) string {
	s.Helper()
	c, err := s.root.Context(name)
	s.must(err)
	return c
}

// replaced: a file that takes another's place is not what was asked for.
func (s *suite) replaced() {
	b := policy.MustParseContext(ctxB)
	s.make(File{Path: "/f", Context: ctxA}, File{Path: "/g", Context: ctxA})
	st := s.statOf(s.root, "f")
	s.must(s.Rename("/f", "/old")) // and not removed: its number could be given away again
	s.must(s.Rename("/g", "/f"))
	s.wantErr("another file", s.root.SetContext("f", st, ctxA, b), fcontext.ErrChanged)
	s.must(s.Rename("/f", "/g"))
	s.make(File{Path: "/f", Kind: fcontext.Symlink, Target: "/old"})
	if err := s.root.SetContext("f", st, ctxA, b); err == nil {
		s.Error("a symbolic link to the file was taken for it")
	}
	wrong := st
	wrong.Kind = fcontext.Pipe
	s.wantErr("another kind", s.root.SetContext("old", wrong, ctxA, b), fcontext.ErrChanged)
	s.wantContext("/old", ctxA)
	s.wantContext("/g", ctxA)
}

func (s *suite) links() {
	b := policy.MustParseContext(ctxB)
	s.make(File{Path: "/f", Context: ctxA})
	st := s.statOf(s.root, "f")
	s.make(File{Path: "/g", LinkTo: "/f"})
	if now := s.statOf(s.root, "g"); now.ID != st.ID || now.Links != 2 {
		s.Errorf("link to %+v: %+v", st, now)
	}
	s.wantErr("got another name", s.root.SetContext("f", st, ctxA, b), fcontext.ErrChanged)
	s.wantContext("/f", ctxA)
	two := s.statOf(s.root, "f")
	s.must(s.Remove("/g"))
	s.must(s.root.SetContext("f", two, ctxA, b)) // lost one
	s.wantContext("/f", ctxB)
}

// renamed: an open directory is the same wherever it is moved to.
func (s *suite) renamed() {
	s.make(File{Path: "/d", Kind: fcontext.Dir}, File{Path: "/d/f", Context: ctxA},
		File{Path: "/v", Kind: fcontext.Dir}, File{Path: "/v/f", Context: ctxA})
	d := s.open("/d")
	st := s.statOf(d, "f")
	s.must(s.Rename("/d", "/moved"))
	s.make(File{Path: "/d", Kind: fcontext.Symlink, Target: "v"})
	s.must(d.SetContext("f", st, ctxA, policy.MustParseContext(ctxB)))
	s.wantContext("/moved/f", ctxB)
	s.wantContext("/v/f", ctxA)
}

// relabel relabels a small tree, with one file of every kind.
func (s *suite) relabel() {
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(`
/.*        system_u:object_r:default_t:s0
/d(/.*)?   system_u:object_r:d_t:s0
/d/.*  -l  system_u:object_r:l_t:s0
/n(/.*)?   <<none>>
`)}, fcontext.Options{})
	s.must(err)
	s.make(File{Path: "/n", Kind: fcontext.Dir}, File{Path: "/n/f", Context: ctxB},
		File{Path: "/d", Kind: fcontext.Dir, Context: ctxB}, File{Path: "/d/l", Kind: fcontext.Symlink, Target: "../n/f"},
		File{Path: "/d/todir", Kind: fcontext.Symlink, Target: "../n"},
		File{Path: "/d/ok", Context: "u:r:d_t:s0:c3"}, File{Path: "/d/sub", Kind: fcontext.Dir}, File{Path: "/d/sub/f", Context: ctxB})
	opts := fcontext.RelabelOptions{Recursive: true}
	res, err := fcontext.Relabel(context.Background(), s.Backend, db, []string{"/d", "/n"}, opts)
	s.must(err)
	if len(res.Errors) != 0 {
		s.Errorf("errors: %v", res.Errors)
	}
	for path, want := range map[string]string{
		"/n/f": ctxB, "/d": "unconfined_u:object_r:d_t:s0:c1,c2", "/d/l": "system_u:object_r:l_t:s0",
		"/d/todir": "system_u:object_r:l_t:s0", "/d/ok": "u:r:d_t:s0:c3",
		"/d/sub": "system_u:object_r:d_t:s0", "/d/sub/f": "unconfined_u:object_r:d_t:s0:c1,c2",
	} {
		if had, _ := s.Harness.Context(path); had != want {
			s.Errorf("%s has %q, want %q", path, had, want)
		}
	}
	p, err := fcontext.PlanRelabel(context.Background(), s.Backend, db, []string{"/d", "/n"}, opts)
	s.must(err)
	if len(p.Changes)+len(p.Errors)+len(p.Skipped) != 0 {
		s.Errorf("after it: %+v", p)
	}
}

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sekit/sekit/fcontext"
)

func relabelBenchmarks() []benchmark {
	return []benchmark{{
		name: "relabel-first-process", goal: 1, unit: nanoseconds,
		about: "a file of a tree in which all have another type: fcontext.Open and Relabel; the process setfiles -T 0, with Debian's compiled file contexts",
		open:  func(e *env) (*pair, error) { return relabelBeside(e, true) },
	}, {
		name: "relabel-second-process", goal: 1, unit: nanoseconds,
		about: "the same where nothing is to be changed",
		open:  func(e *env) (*pair, error) { return relabelBeside(e, false) },
	}, {
		name: "relabel-walk", goal: 0.5, unit: nanoseconds,
		about: "a file of a tree where nothing is to be changed: PlanRelabel; a walk in Go, with as many goroutines, that only reads the attribute, by path",
		open:  relabelBesideWalk,
	}}
}

// relabelTree is a tree of files that have contexts, which tests of relabelling
// share.
type relabelTree struct {
	dir   string
	files int
	tree  *fcontext.Tree
	close func()
}

// files makes a tree of the shape of the installed packages: the same
// directories, links and (empty) files, and as many again in other places as
// are wanted.
func (e *env) files() (*relabelTree, error) {
	if err := require("setfiles", debianContexts); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, &skip{why: "only root may relabel files", optional: true}
	}
	t := &relabelTree{dir: filepath.Join(e.dir, "tree")}
	made := func() (*relabelTree, error) {
		var err error
		if t.tree, err = fcontext.OpenTree(t.dir); err != nil {
			return nil, err
		}
		t.close = func() { t.tree.Close() }
		return t, t.spoil()
	}
	if e.tree > 0 {
		t.files = e.tree
		return made()
	}
	c := new(contextsFixture)
	if _, err := e.packagePaths(c); err != nil {
		return nil, err
	}
	want := 200_000
	if e.short {
		want = 10_000
	}
	for round := 0; t.files < want; round++ {
		for _, p := range c.paths {
			name := p.path
			if round > 0 {
				name = fmt.Sprintf("/srv/%d%s", round, name)
			}
			if err := t.make(name, p.mode); err != nil {
				return nil, err
			}
			if t.files >= want {
				break
			}
		}
	}
	e.tree = t.files
	return made()
}

// make makes a file, and the directories above it. Names that lead through a
// file or a link are left out: /lib is a link in one place, and a directory in
// another.
func (t *relabelTree) make(name string, mode fs.FileMode) error {
	name = filepath.Join(t.dir, name)
	if _, err := os.Lstat(name); err == nil {
		return nil
	}
	parent := filepath.Dir(name)
	if ok, err := t.mkdir(parent); err != nil || !ok {
		return err
	}
	var err error
	switch mode.Type() {
	case fs.ModeDir:
		_, err = t.mkdir(name)
		return err
	case fs.ModeSymlink:
		err = os.Symlink("target", name)
	default:
		err = os.WriteFile(name, nil, 0o644)
	}
	t.files++
	return err
}

// mkdir makes the directories that are missing, and reports whether it could.
func (t *relabelTree) mkdir(name string) (bool, error) {
	if fi, err := os.Lstat(name); err == nil {
		return fi.IsDir(), nil
	}
	if len(name) > len(t.dir) {
		if ok, err := t.mkdir(filepath.Dir(name)); err != nil || !ok {
			return false, err
		}
	}
	t.files++
	return true, os.Mkdir(name, 0o755)
}

var relabelAll = fcontext.RelabelOptions{Recursive: true, OneFileSystem: true}

// spoil gives all files the same wrong type.
func (t *relabelTree) spoil() error {
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader("/.* system_u:object_r:file_t:s0\n")}, fcontext.Options{})
	if err != nil {
		return err
	}
	res, err := fcontext.Relabel(context.Background(), t.tree, db, []string{"/"}, relabelAll)
	if err == nil && len(res.Errors) > 0 {
		return &skip{why: fmt.Sprintf("no contexts on %s: %v", t.dir, res.Errors[0]), optional: true}
	}
	return err
}

// relabel is what a program would do, from opening the file contexts on.
func (t *relabelTree) relabel() error {
	db, err := fcontext.Open(debianContexts, fcontext.Options{Order: fcontext.Order34})
	if err != nil {
		return err
	}
	res, err := fcontext.Relabel(context.Background(), t.tree, db, []string{"/"}, relabelAll)
	if err == nil && len(res.Errors) > 0 {
		err = res.Errors[0]
	}
	return err
}

func relabelBeside(e *env, first bool) (*pair, error) {
	t, err := e.files()
	if err != nil {
		return nil, err
	}
	setfiles := &process{
		args: []string{"setfiles", "-T", "0", "-r", t.dir, filepath.Join(debianContexts, "file_contexts"), t.dir},
		out:  filepath.Join(e.dir, "setfiles.out"),
	}
	before := func() error { return nil }
	if first {
		before = t.spoil
	} else if err := t.relabel(); err != nil {
		t.close()
		return nil, err
	}
	return &pair{
		ours: func() (sample, error) {
			if err := before(); err != nil {
				return sample{}, err
			}
			return measure(0, t.files, t.relabel)
		},
		peer: func() (sample, error) {
			if err := before(); err != nil {
				return sample{}, err
			}
			s, err := setfiles.run()
			return sample{s.wall / float64(t.files), s.cpu / float64(t.files)}, err
		},
		// What setfiles left must be what we would.
		check: func() error {
			db, err := fcontext.Open(debianContexts, fcontext.Options{Order: fcontext.Order34})
			if err != nil {
				return err
			}
			p, err := fcontext.PlanRelabel(context.Background(), t.tree, db, []string{"/"}, relabelAll)
			if err == nil && (len(p.Changes) > 0 || p.Counts.Matching < t.files/2) {
				err = fmt.Errorf("after setfiles: %v", p.Counts)
			}
			return err
		},
		note:  func() string { return fmt.Sprintf("files=%d", t.files) },
		close: t.close,
	}, nil
}

func relabelBesideWalk(e *env) (*pair, error) {
	t, err := e.files()
	if err != nil {
		return nil, err
	}
	db, err := fcontext.Open(debianContexts, fcontext.Options{Order: fcontext.Order34})
	if err == nil {
		err = t.relabel()
	}
	if err != nil {
		t.close()
		return nil, err
	}
	workers := runtime.GOMAXPROCS(0)
	return &pair{
		ours: func() (sample, error) {
			return measure(0, t.files, func() error {
				_, err := fcontext.PlanRelabel(context.Background(), t.tree, db, []string{"/"}, relabelAll)
				return err
			})
		},
		peer: func() (sample, error) {
			return measure(0, t.files, func() error {
				if n := bareWalk(t.dir, workers); n < int64(t.files) {
					return fmt.Errorf("the walk met %d files of %d", n, t.files)
				}
				return nil
			})
		},
		note:  func() string { return fmt.Sprintf("files=%d workers=%d", t.files, workers) },
		close: t.close,
	}, nil
}

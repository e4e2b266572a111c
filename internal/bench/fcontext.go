package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/fcontext"
)

// debianContexts is where Debian installs its policy's file contexts, and
// packageLists where dpkg keeps the names of the packages' files.
const (
	debianContexts = "/etc/selinux/default/contexts/files"
	packageLists   = "/var/lib/dpkg/info/*.list"
)

func fcontextBenchmarks() []benchmark {
	var out []benchmark
	for _, peer := range []struct {
		suffix, name string
		newest       bool
		goal         float64
	}{
		{"", "the installed libselinux", false, 0},
		{"-newest", "the libselinux in $SELINUX_NEWEST", true, 5},
	} {
		out = append(out, benchmark{
			name: "fcontext-open" + peer.suffix, most: 2.5e6, unit: nanoseconds,
			about: "calls: fcontext.Open of the texts; selabel_open in C of the same (no .bin), with " + peer.name,
			open:  func(e *env) (*pair, error) { return openContexts(e, "open", peer.newest) },
		}, benchmark{
			name: "fcontext-open-use" + peer.suffix, unit: nanoseconds,
			about: "calls: the same and one lookup after each, of another path every time, so that what is put off until then counts; " + peer.name,
			open:  func(e *env) (*pair, error) { return openContexts(e, "use", peer.newest) },
		}, benchmark{
			name: "fcontext-lookup-first" + peer.suffix, unit: nanoseconds,
			about: "calls: one lookup on average when every path is looked up once after opening, so that what is made on demand counts; " + peer.name,
			open:  func(e *env) (*pair, error) { return lookUpFirst(e, peer.newest) },
		}, benchmark{
			name: "fcontext-lookup" + peer.suffix, goal: peer.goal, unit: nanoseconds,
			about: "calls: DB.Lookup; selabel_lookup_raw, of paths looked up before, with " + peer.name,
			open:  func(e *env) (*pair, error) { return lookUp(e, peer.newest) },
		})
	}
	return out
}

// labelled is a path to look up.
type labelled struct {
	path string
	mode fs.FileMode
	kind fcontext.Kind
}

// contextsFixture is what the benchmarks of file contexts share.
type contextsFixture struct {
	dir   string
	order fcontext.Order
	paths []labelled
	peer  *server
}

func (e *env) contexts(newest bool) (*contextsFixture, error) {
	if err := require("gcc", debianContexts); err != nil {
		return nil, err
	}
	c := &contextsFixture{order: fcontext.Order34}
	flags := []string{"-lselinux"}
	out := "selabel"
	if newest {
		dir := os.Getenv("SELINUX_NEWEST")
		if dir == "" {
			return nil, &skip{why: "SELINUX_NEWEST does not name a directory with a newer libselinux", optional: true}
		}
		c.order = fcontext.OrderNewest
		flags = []string{"-I" + filepath.Join(dir, "../include"), "-L" + dir, "-l:libselinux.so.1", "-Wl,-rpath," + dir}
		out = "selabel-newest"
	}
	bin, err := e.compile("selabel.c", out, flags...)
	if err != nil {
		return nil, err
	}
	if c.dir, err = e.copyContexts(); err != nil {
		return nil, err
	}
	list, err := e.packagePaths(c)
	if err != nil {
		return nil, err
	}
	c.peer, err = serve(bin, filepath.Join(c.dir, "file_contexts"), list)
	return c, err
}

func (c *contextsFixture) open() (*fcontext.DB, error) {
	return fcontext.Open(c.dir, fcontext.Options{Order: c.order})
}

// copyContexts copies the texts: beside them in their own directory is the
// compiled form, which libselinux would take instead.
func (e *env) copyContexts() (string, error) {
	dir := filepath.Join(e.dir, "contexts")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for _, suffix := range []string{"", ".homedirs", ".local", ".subs", ".subs_dist"} {
		data, err := os.ReadFile(filepath.Join(debianContexts, "file_contexts"+suffix))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "file_contexts"+suffix), data, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	return dir, nil
}

// packagePaths takes the files of the installed packages, at most 200,000, in an
// order that is random and always the same, with the kinds that they have here.
// It returns the list for the peer.
func (e *env) packagePaths(c *contextsFixture) (string, error) {
	most := 200_000
	if e.short {
		most = 10_000
	}
	lists, err := filepath.Glob(packageLists)
	if err != nil {
		return "", err
	}
	var paths []string
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "/") && line != "/." {
				paths = append(paths, line)
			}
		}
	}
	if len(paths) == 0 {
		return "", &skip{why: "no " + packageLists}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	r := rand.New(rand.NewPCG(5, 2))
	r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	paths = paths[:min(most, len(paths))]

	name := filepath.Join(e.dir, "paths")
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, path := range paths {
		l := labelled{path: path, kind: fcontext.Any}
		if fi, err := os.Lstat(path); err == nil {
			l.mode, l.kind = fi.Mode(), fcontext.KindOf(fi.Mode())
		}
		c.paths = append(c.paths, l)
		fmt.Fprintf(w, "%o %s\n", typeBits(l.kind), path)
	}
	e.log("%d paths", len(c.paths))
	return name, w.Flush()
}

// typeBits are the bits of st_mode for a kind, the same on every Linux; 0 for
// any kind.
func typeBits(k fcontext.Kind) uint32 {
	switch k {
	case fcontext.File:
		return 0o100000
	case fcontext.Dir:
		return 0o040000
	case fcontext.Symlink:
		return 0o120000
	case fcontext.CharDevice:
		return 0o020000
	case fcontext.BlockDevice:
		return 0o060000
	case fcontext.Pipe:
		return 0o010000
	case fcontext.Socket:
		return 0o140000
	}
	return 0
}

func openContexts(e *env, what string, newest bool) (*pair, error) {
	c, err := e.contexts(newest)
	if err != nil {
		return nil, err
	}
	next := 0
	return &pair{
		ours: func() (sample, error) {
			return measure(e.least(), 1, func() error {
				db, err := c.open()
				if err == nil && what == "use" {
					p := &c.paths[next%len(c.paths)]
					db.Lookup(p.path, p.kind)
					next++
				}
				return err
			})
		},
		peer:  func() (sample, error) { return first(c.peer.sample("%s %d", what, e.least().Milliseconds())) },
		close: c.peer.close,
	}, nil
}

func lookUpFirst(e *env, newest bool) (*pair, error) {
	c, err := e.contexts(newest)
	if err != nil {
		return nil, err
	}
	return &pair{
		ours: func() (sample, error) {
			db, err := c.open()
			if err != nil {
				return sample{}, err
			}
			return measure(0, len(c.paths), func() error { c.lookUpAll(db); return nil })
		},
		peer:  func() (sample, error) { return first(c.peer.sample("first")) },
		note:  func() string { return fmt.Sprintf("paths=%d", len(c.paths)) },
		close: c.peer.close,
	}, nil
}

// lookUpAll returns how many paths have a context, and the bytes of these.
func (c *contextsFixture) lookUpAll(db *fcontext.DB) (found, bytes int) {
	for i := range c.paths {
		if m, ok := db.Lookup(c.paths[i].path, c.paths[i].kind); ok && !m.None {
			found++
			bytes += len(m.Context.String())
		}
	}
	return found, bytes
}

func lookUp(e *env, newest bool) (*pair, error) {
	c, err := e.contexts(newest)
	if err != nil {
		return nil, err
	}
	db, err := c.open()
	if err != nil {
		c.peer.close()
		return nil, err
	}
	return &pair{
		ours: func() (sample, error) {
			return measure(e.least(), len(c.paths), func() error { c.lookUpAll(db); return nil })
		},
		peer: func() (sample, error) { return first(c.peer.sample("lookup %d", e.least().Milliseconds())) },
		check: func() error {
			found, bytes := c.lookUpAll(db)
			v, err := c.peer.ask("check")
			if err != nil {
				return err
			}
			if len(v) != 2 || v[0] != float64(found) || v[1] != float64(bytes) {
				return fmt.Errorf("%d contexts of %d bytes in all, libselinux has %v", found, bytes, v)
			}
			return nil
		},
		note: func() string {
			allocs := testing.AllocsPerRun(1, func() { c.lookUpAll(db) }) / float64(len(c.paths))
			return fmt.Sprintf("paths=%d allocs=%.2f", len(c.paths), allocs)
		},
		close: c.peer.close,
	}, nil
}

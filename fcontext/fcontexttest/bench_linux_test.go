package fcontexttest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/fcontext"
)

// benchTree is a tree with many files, or the one that SEKIT_RELABEL_TREE names
// (to hold it against setfiles -T on the same one), and its number of files.
func benchTree(b *testing.B) (dir string, db *fcontext.DB) {
	b.Helper()
	db, err := fcontext.Open("/etc/selinux/default/contexts/files", fcontext.Options{})
	if err != nil {
		if db, err = fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(raceSpecs)}, fcontext.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	if dir = os.Getenv("SEKIT_RELABEL_TREE"); dir != "" {
		requireXattrs(b, dir)
		return dir, db
	}
	dir = b.TempDir()
	requireXattrs(b, dir)
	for i := range 500 {
		d := filepath.Join(dir, fmt.Sprintf("usr/share/doc%d/pkg%d", i%20, i))
		if err := os.MkdirAll(d, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 20 {
			if err := os.WriteFile(filepath.Join(d, fmt.Sprintf("file%d", j)), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	return dir, db
}

func perFile(b *testing.B, files int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(files), "ns/file")
}

// BenchmarkPlan is the second pass: nothing is to be done.
func BenchmarkPlan(b *testing.B) {
	dir, db := benchTree(b)
	tree := openTree(b, dir)
	opts := fcontext.RelabelOptions{Recursive: true, OneFileSystem: true}
	if _, err := fcontext.Relabel(context.Background(), tree, db, []string{"/"}, opts); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	files := 0
	for b.Loop() {
		p, err := fcontext.PlanRelabel(context.Background(), tree, db, []string{"/"}, opts)
		if err != nil || len(p.Changes) != 0 {
			b.Fatalf("%v, %v", p.Counts, err)
		}
		files = p.Counts.Files
	}
	perFile(b, files)
}

// BenchmarkRelabel is the first pass: every file has another context.
func BenchmarkRelabel(b *testing.B) {
	dir, db := benchTree(b)
	tree := openTree(b, dir)
	var dbs [2]*fcontext.DB
	for i, c := range []string{"/.* a:b:c\n", "/.* d:e:f\n"} {
		var err error
		if dbs[i], err = fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(c)}, fcontext.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	opts := fcontext.RelabelOptions{Recursive: true, OneFileSystem: true, Reset: fcontext.ResetAll}
	b.ReportAllocs()
	files := 0
	for n := 0; b.Loop(); n++ {
		res, err := fcontext.Relabel(context.Background(), tree, dbs[n%2], []string{"/"}, opts)
		if err != nil || len(res.Errors) != 0 {
			b.Fatal(res, err)
		}
		files = len(res.Changed)
	}
	perFile(b, files)
	b.StopTimer()
	if _, err := fcontext.Relabel(context.Background(), tree, db, []string{"/"}, opts); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBareWalk only reads every file's attribute, by path, on one thread.
func BenchmarkBareWalk(b *testing.B) {
	dir, _ := benchTree(b)
	buf := make([]byte, 512)
	files := 0
	for b.Loop() {
		files = 0
		var walk func(p string)
		walk = func(p string) {
			unix.Lgetxattr(p, "security.selinux", buf)
			files++
			entries, _ := os.ReadDir(p)
			for _, e := range entries {
				if e.IsDir() {
					walk(p + "/" + e.Name())
				} else {
					unix.Lgetxattr(p+"/"+e.Name(), "security.selinux", buf)
					files++
				}
			}
		}
		walk(dir)
	}
	perFile(b, files)
}

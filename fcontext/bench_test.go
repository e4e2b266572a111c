package fcontext

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// benchDB is Debian's file contexts where they are installed, with the paths of
// its packages; or else as many specs of the same shapes.
func benchDB(b *testing.B) (*DB, []string) {
	b.Helper()
	if db, err := Open("/etc/selinux/default/contexts/files", Options{}); err == nil {
		if paths := packagePaths(b); len(paths) > 0 {
			return db, paths
		}
	}
	db, err := Parse(Files{Contexts: strings.NewReader(benchText())}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	return db, benchPaths(db)
}

func benchText() string {
	var specs []string
	specs = append(specs, "/.* default_t", "/usr/.* usr_t", "/usr/(.*/)?bin(/.*)? bin_t", "/usr/(.*/)?lib(/.*)? lib_t", "/var/.* var_t")
	for i := range 2000 {
		specs = append(specs,
			fmt.Sprintf("/usr/bin/tool%d -- tool%d_exec_t", i, i%400),
			fmt.Sprintf("/var/lib/tool%d(/.*)? tool%d_var_lib_t", i, i%400),
			fmt.Sprintf("/etc/rc\\.d/init\\.d/tool%d.* -- tool%d_initrc_exec_t", i, i%400))
	}
	return lines(specs...)
}

func benchPaths(db *DB) []string {
	r := newSampler(4)
	var paths []string
	for s := range db.Specs() {
		if re, err := parseRegex("^" + s.Pattern + "$"); err == nil {
			for range 4 {
				paths = append(paths, strings.ReplaceAll(string(r.match(nil, re.root)), "//", "/"))
			}
		}
	}
	r.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	return paths
}

func BenchmarkParse(b *testing.B) {
	text := benchText()
	if data, err := os.ReadFile("/etc/selinux/default/contexts/files/file_contexts"); err == nil {
		text = string(data)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(Files{Contexts: strings.NewReader(text)}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	db, paths := benchDB(b)
	for _, p := range paths {
		db.Lookup(p, File)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i++; i == len(paths) {
			i = 0
		}
		db.Lookup(paths[i], File)
	}
}

// BenchmarkLookupCold has a new database learn every path.
func BenchmarkLookupCold(b *testing.B) {
	db, paths := benchDB(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		b.StopTimer()
		fresh, err := db.With()
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		for _, p := range paths {
			fresh.Lookup(p, File)
		}
		n += len(paths)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/lookup")
}

func BenchmarkLookupMiss(b *testing.B) {
	db, err := Parse(Files{Contexts: strings.NewReader(lines("/usr/bin(/.*)? bin_t", "/var/.* var_t"))}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		db.Lookup("/srv/data/some/file/of/no/interest", File)
	}
}

func BenchmarkLookupParallel(b *testing.B) {
	db, paths := benchDB(b)
	for _, p := range paths {
		db.Lookup(p, File)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			db.Lookup(paths[i%len(paths)], File)
		}
	})
}

func BenchmarkWith(b *testing.B) {
	db, _ := benchDB(b)
	spec := Spec{Pattern: "/my/website(/.*)?", None: true}
	b.ReportAllocs()
	for b.Loop() {
		more, err := db.With(spec)
		if err != nil {
			b.Fatal(err)
		}
		more.Lookup("/my/website/index.html", File)
	}
}

// packagePaths returns what Debian's lists of installed packages name; nothing
// where there are none.
func packagePaths(t testing.TB) []string {
	lists, err := filepath.Glob("/var/lib/dpkg/info/*.list")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, l := range lists {
		data, err := os.ReadFile(l)
		if err != nil {
			t.Fatal(err)
		}
		for p := range strings.Lines(string(data)) {
			if p = strings.TrimSpace(p); strings.HasPrefix(p, "/") && p != "/." {
				seen[p] = true
			}
		}
	}
	paths := make([]string, 0, len(seen))
	for p := range seen {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

func BenchmarkOpen(b *testing.B) {
	const dir = "/etc/selinux/default/contexts/files"
	if _, err := Open(dir, Options{}); err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(dir, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

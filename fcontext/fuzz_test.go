package fcontext

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

var hostileLines = []string{
	"/foo\tsystem_u:object_r:a_t:s0\n# comment\n\n/bar -- <<none>>\n",
	"/(a*)*b u:r:t\n/(a|a)*c u:r:t\n/((((.*)*)*)*)*d u:r:t\n",
	"/" + strings.Repeat("(", 240) + "x" + strings.Repeat(")*", 240) + " u:r:t",
	"/a{1000}{1000} u:r:t", "/(a{50}){50} u:r:t", "/((a?){40}){40} u:r:t", "/.*{65535} u:r:t",
	"/a|b u:r:t\n|/ u:r:t\n^ u:r:t\n$ u:r:t\n^$|$^ u:r:t",
	"/\x00 u:r:t", "\x00", "/\xff u:r:t", "#\xff\x00", "/a u:r:t\x00",
	"/[ u:r:t", "/[] u:r:t", "/[]] u:r:t", "/[a-\\d] u:r:t", "/[[:alpha:]-z] u:r:t", "/\\ u:r:t", "/\\Q u:r:t", "/(?#x) u:r:t",
	"/a\\x80[\\x81-\\xff] u:r:t", "/" + strings.Repeat("a/", 3000) + " u:r:t",
}

// FuzzParse: whatever the text is, there is a database or a ParseError with a
// line; a spec that was accepted can be written and read again.
func FuzzParse(f *testing.F) {
	for _, l := range hostileLines {
		f.Add(l, "/a /b\n")
	}
	for _, name := range []string{"list.bin", "tree.bin"} {
		data, err := os.ReadFile("testdata/compiled/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), "")
	}
	f.Fuzz(func(t *testing.T, text, subs string) {
		for _, order := range []Order{OrderNewest, Order34} {
			db, err := Parse(Files{Contexts: strings.NewReader(text), Subs: strings.NewReader(subs)}, Options{Order: order})
			if err != nil {
				var pe *ParseError
				if !errors.As(err, &pe) || pe.Line < 1 && !isCompiled(text) || pe.File != DefaultBase || db != nil {
					t.Fatalf("%v (%T)", err, err)
				}
				continue
			}
			for s := range db.Specs() {
				again, err := ParseSpec(s.String())
				s.File, s.Line = "", 0
				if err != nil || again != s {
					t.Fatalf("%v read again: %v, %v", s, again, err)
				}
			}
			for s := range db.Substitutions() {
				db.Lookup(s.From+"/x", Any)
			}
		}
	})
}

// FuzzLookup holds the automaton, with what it prunes, drops and remembers,
// against the plain simulation of the expressions.
func FuzzLookup(f *testing.F) {
	for _, l := range hostileLines {
		f.Add(l, "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", uint8(1))
		f.Add(l, "//foo/\n", uint8(0))
	}
	f.Add("/.* u:r:a\n/a/b/.* <<none>>\n/a/.* u:r:b\n/a/b/c -- u:r:c", "/a/b/c/", uint8(1))
	f.Fuzz(func(t *testing.T, text, path string, k uint8) {
		if len(text) > 1<<16 || len(path) > 1<<10 {
			return
		}
		kind := Kind(k % uint8(numKinds))
		for _, order := range []Order{OrderNewest, Order34} {
			db, err := Parse(Files{Contexts: strings.NewReader(text)}, Options{Order: order})
			if err != nil {
				continue
			}
			m, ok := db.Lookup(path, kind)
			again, okAgain := db.Lookup(path, kind)
			if m != again || ok != okAgain {
				t.Fatalf("Lookup(%q, %v) = %v, then %v", path, kind, m, again)
			}
			e := db.Explain(path, kind)
			if strings.IndexByte(path, 0) < 0 && (e.Found != ok || e.Match != m) {
				t.Fatalf("order %v: Lookup(%q, %v) = %v, Explain says %v", order, path, kind, m, e.Match)
			}
			if ok && !m.None && kind == Any && !db.PartialMatch(path) && order == OrderNewest {
				t.Fatalf("Lookup(%q) = %v, but no partial match", path, m)
			}
			if slices.Contains(e.Others, m.Spec) && m.Spec.Line != 0 {
				t.Fatalf("%v decided and is among the others", m.Spec)
			}
		}
	})
}

// FuzzQuotePath: a quoted path matches itself and nothing near it.
func FuzzQuotePath(f *testing.F) {
	f.Add("/a b/c.d", "/a b/cxd")
	f.Add("/a)b/\xff\n", "/a)b")
	f.Fuzz(func(t *testing.T, path, other string) {
		pattern, err := QuotePath(path)
		if err != nil {
			return
		}
		for _, order := range []Order{OrderNewest, Order34} {
			db, err := Parse(Files{Contexts: strings.NewReader(pattern + " u:r:t\n")}, Options{Order: order})
			if err != nil {
				t.Fatalf("QuotePath(%q) = %q: %v", path, pattern, err)
			}
			if _, ok := db.Lookup(path, Any); !ok {
				t.Errorf("order %v: QuotePath(%q) = %q does not match it", order, path, pattern)
			}
			clean := func(p string) string { return db.Explain(p, Any).Path }
			if _, ok := db.Lookup(other, Any); ok && strings.TrimSuffix(clean(other), "\n") != strings.TrimSuffix(clean(path), "\n") {
				t.Errorf("order %v: QuotePath(%q) = %q matches %q", order, path, pattern, other)
			}
		}
	})
}

package fcontext

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"testing"
)

func parseFiles(t *testing.T, contexts, subs string) *DB {
	t.Helper()
	db, err := Parse(Files{Contexts: strings.NewReader(contexts), Subs: strings.NewReader(subs)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestDiff(t *testing.T) {
	old := parseFiles(t, lines("/a(/.*)? a_t", "/a(/.*)? -d a_t", "/b b_t", "/c c_t", "/twice x_t", "/twice y_t"), "/x /y\n")
	// /a is the same for all files, and for directories another one; /b is gone,
	// /d is there; /c moved; of the two for /twice one is left, the same.
	renewed := parseFiles(t, "\n\n"+lines("/c c_t", "/a(/.*)? a_t", "/a(/.*)? -d new_t", "/d -- d_t", "/twice y_t")+"/e <<none>>\n", "/x /z\n")
	d := Diff(old, renewed)
	var b strings.Builder
	if err := d.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `+ /d	--	` + ctx("d_t") + `
+ /e	<<none>>
- /b	` + ctx("b_t") + `
- /twice	` + ctx("x_t") + `
* /a(/.*)?	-d	` + ctx("a_t") + ` -> ` + ctx("new_t") + `
+ /x = /z
- /x = /y
`
	if b.String() != want {
		t.Errorf("difference:\n%s\nwant:\n%s", b.String(), want)
	}
	if c := d.Changed[0]; c.Old.Line != 2 || c.New.Line != 5 {
		t.Errorf("changed: %+v", c)
	}
	if d.IsEmpty() || !Diff(old, old).IsEmpty() {
		t.Error("IsEmpty")
	}
	text, err := json.Marshal(d.Added)
	if wantJSON := `[{"pattern":"/d","kind":"regular file","context":"` + ctx("d_t") + `","file":"file_contexts","line":6},` +
		`{"pattern":"/e","kind":"all files","none":true,"file":"file_contexts","line":8}]`; err != nil || string(text) != wantJSON {
		t.Errorf("JSON: %s, %v", text, err)
	}
}

// A path that no spec matches any more, and one that is to keep what it has,
// are alike: neither gets a context.
func TestDiffLookups(t *testing.T) {
	old := parseFiles(t, lines("/a a_t", "/b b_t", "/n n_t", "/k k_t")+"/m <<none>>\n", "")
	renewed := parseFiles(t, lines("/k k_t", "/b -d d_t", "/b -- b_t")+"/n <<none>>\n", "")
	paths := func(yield func(string, Kind) bool) {
		for _, p := range []string{"/a", "/b", "/k", "/m", "/n"} {
			if !yield(p, File) || !yield(p, Dir) {
				return
			}
		}
	}
	var got []string
	for d := range DiffLookups(old, renewed, paths) {
		got = append(got, d.String())
	}
	want := []string{
		`"/a" (regular file): ` + ctx("a_t") + ` -> no spec`,
		`"/a" (directory): ` + ctx("a_t") + ` -> no spec`,
		`"/b" (directory): ` + ctx("b_t") + ` -> ` + ctx("d_t"),
		`"/n" (regular file): ` + ctx("n_t") + ` -> <<none>>`,
		`"/n" (directory): ` + ctx("n_t") + ` -> <<none>>`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	next, stop := iter.Pull(DiffLookups(old, renewed, paths)) // stops when told to
	defer stop()
	if d, ok := next(); !ok || d.Old == nil || d.New != nil {
		t.Errorf("first: %+v, %v", d, ok)
	}
}

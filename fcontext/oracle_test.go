//go:build oracle

package fcontext

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// These tests ask libselinux itself. They compile testdata/selabel.c against
// the installed one (Debian's is 3.4: libselinux1-dev, gcc). With
// SELINUX_NEWEST naming the src directory of a built libselinux 3.9 or later
// they ask that one too, for OrderNewest, and with SELINUX_38 one of 3.8;
// SELINUX_CONTEXTS names file contexts
// to take in place of Debian's.

type helper struct {
	path  string
	order Order
}

func helpers(t *testing.T) []helper {
	t.Helper()
	oracle.Require(t, "gcc", "/usr/include/selinux/label.h", "/usr/include/pcre2.h")
	build := func(name string, flags ...string) string {
		out := filepath.Join(t.TempDir(), name)
		args := append([]string{"-O2", "-o", out, "testdata/selabel.c"}, flags...)
		if msg, err := exec.Command("gcc", append(args, "-lpcre2-8")...).CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v\n%s", err, msg)
		}
		return out
	}
	hs := []helper{{build("installed", "-lselinux"), Order34}}
	if dir := os.Getenv("SELINUX_NEWEST"); dir != "" {
		hs = append(hs, helper{build("newest", "-I"+dir+"/../include", "-L"+dir, "-l:libselinux.so.1", "-Wl,-rpath,"+dir), OrderNewest})
	}
	if dir := os.Getenv("SELINUX_38"); dir != "" {
		hs = append(hs, helper{build("3.8", "-I"+dir+"/../include", "-L"+dir, "-l:libselinux.so.1", "-Wl,-rpath,"+dir), Order38})
	}
	return hs
}

var letters = map[Kind]string{Any: "a", File: "-", Dir: "d", CharDevice: "c", BlockDevice: "b", Pipe: "p", Symlink: "l", Socket: "s"}

// ask returns the helper's line for each question.
func (h helper) ask(t *testing.T, op, contexts string, questions []string) []string {
	t.Helper()
	cmd := exec.Command(h.path, op, contexts)
	cmd.Stdin = strings.NewReader(strings.Join(questions, "\x00") + "\x00")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", op, contexts, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(lines), len(questions))
	}
	return lines
}

type query struct {
	path string
	kind Kind
}

// compareLookups returns how many answers differ. Lookups that libselinux fails
// because an expression is too hard for PCRE2 are not counted: that is the one
// difference on purpose.
func (h helper) compareLookups(t *testing.T, db *DB, contexts string, queries []query) int {
	t.Helper()
	questions := make([]string, len(queries))
	for i, q := range queries {
		questions[i] = letters[q.kind] + q.path
	}
	return h.compareAnswers(t, db, "lookup", contexts, queries, questions, func(q query) (string, bool) {
		m, ok := db.Lookup(q.path, q.kind)
		return m.Context.String(), ok && !m.None
	})
}

// compareAnswers holds the answers against the helper's.
func (h helper) compareAnswers(t *testing.T, db *DB, op, contexts string, queries []query, questions []string, answer func(query) (string, bool)) int {
	t.Helper()
	different := 0
	for i, want := range h.ask(t, op, contexts, questions) {
		got := "!"
		if a, ok := answer(queries[i]); ok {
			got = a
		}
		if got != want && !((want == "!" || want == "0") && h.tooHard(t, db, queries[i].path)) {
			if different++; different <= 10 {
				t.Errorf("order %v: %s(%q, %v) = %s, want %s", h.order, op, queries[i].path, queries[i].kind, got, want)
			}
		}
	}
	return different
}

// compareBest and comparePartial return how many of the other questions'
// answers differ.
func (h helper) compareBest(t *testing.T, db *DB, contexts string, queries []query) int {
	t.Helper()
	aliases := func(q query) []string { return strings.Split(q.path, "\x01") }
	questions := make([]string, len(queries))
	for i, q := range queries {
		questions[i] = letters[q.kind] + q.path
	}
	return h.compareAnswers(t, db, "best", contexts, queries, questions, func(q query) (string, bool) {
		a := aliases(q)
		m, ok := db.BestMatch(a[0], a[1:], q.kind)
		return m.Context.String(), ok && !m.None
	})
}

func (h helper) comparePartial(t *testing.T, db *DB, contexts string, queries []query) int {
	t.Helper()
	if h.order == Order38 {
		return 0 // on purpose: it is answered as for the newest
	}
	questions := make([]string, len(queries))
	for i, q := range queries {
		questions[i] = letters[q.kind] + q.path
	}
	return h.compareAnswers(t, db, "partial", contexts, queries, questions, func(q query) (string, bool) {
		if db.PartialMatch(q.path) {
			return "1", true
		}
		return "0", true
	})
}

// tooHard reports whether PCRE2 gives up on one of the expressions.
func (h helper) tooHard(t *testing.T, db *DB, path string) bool {
	var questions []string
	for s := range db.Specs() {
		questions = append(questions, s.Pattern+"\x01"+db.Explain(path, Any).Path)
	}
	return slices.Contains(h.ask(t, "regex", "-", questions), "X")
}

func kinds() []Kind { return []Kind{Any, File, Dir, CharDevice, BlockDevice, Pipe, Symlink, Socket} }

// debianLookups is how many lookups are compared on Debian's contexts; 3.4
// takes 80 µs for each.
const debianLookups = 210_000

// debianQueries makes up the questions about Debian's contexts.
func debianQueries(t testing.TB, db *DB) []query {
	r := newSampler(1)
	var qs []query
	kind := func() Kind { return kinds()[r.IntN(8)] }
	packages := packagePaths(t)
	if len(packages) == 0 {
		t.Fatal("no package lists")
	}
	for _, p := range packages {
		k := kind()
		if fi, err := os.Lstat(p); err == nil {
			k = KindOf(fi.Mode())
		}
		qs = append(qs, query{p, k})
	}
	// Under other roots, so that homes and substitutions come in.
	for i, p := range packages {
		if i%4 == 0 {
			root := r.pick("/home/user", "/root", "/var/run", "/run", "/srv", "/opt/x", "/lib64", "/usr/local/lib", "/var/lib/private", "/mnt/a", "/tmp")
			qs = append(qs, query{root + p, kind()}, query{root + filepath.Base("/"+p), kind()})
		}
	}
	for s := range db.Specs() {
		re, err := parseRegex("^" + s.Pattern + "$")
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			p := string(r.match(nil, re.root))
			for sub := range db.Substitutions() {
				if rest, ok := strings.CutPrefix(p, sub.To+"/"); ok && r.IntN(3) == 0 {
					qs = append(qs, query{sub.From + "/" + rest, kind()})
				}
			}
			qs = append(qs, query{p, s.Kind}, query{p, kind()}, query{r.mutate(p), s.Kind}, query{r.mutate(r.mutate(p)), kind()})
		}
	}
	deep := "/usr" + strings.Repeat("/lib/a", 300)
	for _, p := range []string{"/", "//", "///", deep, deep + "/x.so", strings.Repeat("/", 4000) + "etc/passwd", "a", "etc/passwd"} {
		qs = append(qs, query{p, File}, query{p, Dir})
	}
	qs = slices.DeleteFunc(qs, func(q query) bool { return q.path == "" })
	r.Shuffle(len(qs), func(i, j int) { qs[i], qs[j] = qs[j], qs[i] })
	return qs[:min(len(qs), debianLookups)]
}

// joinQueries makes questions for the best match: a path and its aliases.
func joinQueries(r sampler, qs []query) []query {
	var joined []query
	for i := 0; i+4 <= len(qs); i += 4 {
		q := qs[i]
		for _, alias := range qs[i+1 : i+1+r.IntN(4)] {
			q.path += "\x01" + alias.path
		}
		if strings.Count(q.path, "\x01") <= 3 { // none has that byte in it
			joined = append(joined, q)
		}
	}
	return joined
}

func TestOracleDebian(t *testing.T) {
	dir := oracle.DebianContexts
	if other := os.Getenv("SELINUX_CONTEXTS"); other != "" {
		dir = other
	}
	oracle.Require(t, dir)
	base := filepath.Join(dir, DefaultBase)
	for _, h := range helpers(t) {
		db, err := Open(dir, Options{Order: h.order})
		if err != nil {
			t.Fatal(err)
		}
		qs := debianQueries(t, db)
		d := h.compareLookups(t, db, base, qs)
		oracle.Report(t, fmt.Sprintf("fcontext-lookup-%v", h.order), len(qs), d)
		some := qs[:0:0]
		for i := 0; i < len(qs); i += 50 {
			q := qs[i]
			if cut := strings.LastIndexByte(q.path, '/'); i%100 == 0 && cut > 0 {
				q.path = q.path[:cut]
			}
			some = append(some, q)
		}
		oracle.Report(t, fmt.Sprintf("fcontext-partial-%v", h.order), len(some),
			h.comparePartial(t, db, base, some))
		best := joinQueries(newSampler(5), some)
		oracle.Report(t, fmt.Sprintf("fcontext-best-%v", h.order), len(best),
			h.compareBest(t, db, base, best))
		if len(qs) < debianLookups {
			t.Errorf("only %d lookups", len(qs))
		}
	}
}

// randomContexts writes a set of files made up of random specs and returns
// the main one's name, and the patterns in it.
func randomContexts(t *testing.T, r sampler, dir string) (string, []string) {
	var patterns []string
	n := 0
	text := func() string {
		var b strings.Builder
		for range 1 + r.IntN(12) {
			p := r.pick("/", "/a/", "/a/b/", "/a/b/c/", "/a/b/c/1/", "", "/b") + r.pattern(2)
			if r.IntN(4) == 0 {
				p = "/" + r.pick("a", "b", "a/b", "a/b/c", "a/b/c/1", "a\\-b", "a\\.b/c")
			}
			if r.IntN(3) == 0 {
				p += "(/.*)?"
			}
			if len(patterns) > 0 && r.IntN(5) == 0 {
				p = patterns[r.IntN(len(patterns))]
			}
			if _, err := checkPattern(p); err != nil || p[0] == '#' {
				continue
			}
			patterns = append(patterns, p)
			context := fmt.Sprintf("u:r:t%d:s0", n)
			if n++; r.IntN(6) == 0 {
				context = noneContext
			}
			fmt.Fprintf(&b, "%s %s %s\n", p, r.pick("", "", "", "--", "-d", "-s", "-l"), context)
		}
		return b.String()
	}
	base := filepath.Join(dir, DefaultBase)
	files := map[string]string{"": text(), suffixHomedirs: text(), suffixLocal: text()}
	if r.IntN(2) == 0 {
		files[suffixSubsDist] = "/s /a\n/b /a/b\n/t/ /b\n"
		files[suffixSubs] = "/u /s\n/c /\n/a/c //a\n"
	}
	for suffix, data := range files {
		if err := os.WriteFile(base+suffix, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return base, patterns
}

func (r sampler) pathFor(patterns []string) string {
	if len(patterns) == 0 || r.IntN(4) == 0 {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			b.WriteString("/" + r.pick("a", "b", "c", "1", "ab", "a-b", "s", "u", "t", ""))
		}
		return b.String()
	}
	re, err := parseRegex("^" + patterns[r.IntN(len(patterns))] + "$")
	if err != nil {
		panic(err)
	}
	p := string(r.match(nil, re.root))
	if r.IntN(3) == 0 {
		p = r.mutate(p)
	}
	return p
}

// TestOracleRandom holds both orders against libselinux on small sets of
// random specs, where ties, <<none>>, odd stems and substitutions meet.
func TestOracleRandom(t *testing.T) {
	for _, h := range helpers(t) {
		r, compared, different := newSampler(2), 0, 0
		for range 250 {
			base, patterns := randomContexts(t, r, t.TempDir())
			db, err := Open(filepath.Dir(base), Options{Order: h.order})
			if err != nil {
				t.Fatal(err)
			}
			var qs []query
			for range 300 {
				p := strings.ReplaceAll(r.pathFor(patterns), "\x00", "")
				if p != "" {
					qs = append(qs, query{p, kinds()[r.IntN(8)]})
				}
			}
			d := h.compareLookups(t, db, base, qs)
			d += h.comparePartial(t, db, base, qs)
			best := joinQueries(r, qs)
			d += h.compareBest(t, db, base, best)
			if d > 0 && different == 0 {
				for s := range db.Specs() {
					t.Logf("%s:%d: %v", filepath.Ext(s.File), s.Line, s)
				}
			}
			compared, different = compared+2*len(qs)+len(best), different+d
		}
		oracle.Report(t, fmt.Sprintf("fcontext-random-%v", h.order), compared, different)
	}
}

// TestOracleRegex holds the expressions themselves against PCRE2: what is
// accepted must compile there and match the same, what is called a syntax
// error must not compile.
func TestOracleRegex(t *testing.T) {
	h := helpers(t)[0]
	r := newSampler(3)
	var questions, patterns, paths []string
	for i := range 120_000 {
		p := r.pattern(3)
		if i%3 == 0 {
			p = r.wild()
		}
		path := r.pick("a", "/", "/a/b", "", "/a/b/c\n", "ab", "/\n")
		if re, err := parseRegex("^" + p + "$"); err == nil && r.IntN(4) > 0 {
			path = strings.ReplaceAll(string(r.match(nil, re.root)), "\x00", "")
			if r.IntN(3) == 0 {
				path = strings.ReplaceAll(r.mutate(path), "\x00", "")
			}
		}
		if path = strings.ReplaceAll(path, "\x01", ""); path == "" {
			path = "/"
		}
		questions = append(questions, p+"\x01"+path)
		patterns, paths = append(patterns, p), append(paths, path)
	}
	compared, different, refused, tooHard := 0, 0, 0, 0
	for i, want := range h.ask(t, "regex", "-", questions) {
		db, err := Parse(Files{Contexts: strings.NewReader(patterns[i] + " u:r:t:s0\n")}, Options{Order: Order34})
		if errors.Is(err, ErrUnsupported) || errors.Is(err, ErrTooLong) || patterns[i][0] == '#' {
			refused++
			continue
		}
		got := "E"
		if err == nil {
			got = "0"
			if len(db.matching(paths[i])) > 0 {
				got = "1"
			}
			if want == "X" {
				tooHard++
				continue
			}
			if got == "0" && slices.Contains(db.alive(paths[i]), true) {
				got = "P"
			}
			if got == "P" && want == "0" && hasAnchors(patterns[i]) {
				continue // PartialMatch says so
			}
		}
		compared++
		if got != want {
			if different++; different <= 20 {
				t.Errorf("%q on %q: %s, PCRE2 says %s (%v)", patterns[i], paths[i], got, want, err)
			}
		}
	}
	t.Logf("%d refused as unsupported, %d beyond PCRE2's limits", refused, tooHard)
	oracle.Report(t, "fcontext-regex", compared, different)
}

// TestOracleCompiled reads what sefcontext_compile makes of the text, with and
// without the compiled expressions in it.
func TestOracleCompiled(t *testing.T) {
	oracle.Require(t, oracle.DebianContexts, "sefcontext_compile")
	tools := []string{"sefcontext_compile"}
	if dir := os.Getenv("SELINUX_NEWEST"); dir != "" {
		tools = append(tools, dir+"/../utils/sefcontext_compile")
	}
	for i, tool := range tools {
		compared, different := 0, 0
		for _, order := range []Order{OrderNewest, Order34} {
			for _, flags := range [][]string{nil, {"-r"}} {
				dir := t.TempDir()
				for _, suffix := range []string{"", suffixHomedirs} {
					args := append(slices.Clone(flags), "-o", filepath.Join(dir, DefaultBase+suffix+suffixCompiled),
						filepath.Join(oracle.DebianContexts, DefaultBase+suffix))
					if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
						t.Fatalf("%s: %v\n%s", tool, err, out)
					}
				}
				want, err := Open(oracle.DebianContexts, Options{Order: order})
				if err != nil {
					t.Fatal(err)
				}
				got, err := Open(dir, Options{Order: order})
				if err != nil {
					t.Fatal(err)
				}
				if !sameSpecs(got, want) {
					t.Error("other specs than the text")
				}
				got.subs, got.distSubs = want.subs, want.distSubs
				for j, q := range debianQueries(t, want) {
					if j%10 != 0 {
						continue
					}
					a, okA := want.Lookup(q.path, q.kind)
					b, okB := got.Lookup(q.path, q.kind)
					if compared++; okA != okB || a.Context != b.Context || a.None != b.None {
						different++
					}
				}
			}
		}
		oracle.Report(t, fmt.Sprintf("fcontext-compiled-%d", i), compared, different)
	}
}

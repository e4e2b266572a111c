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

// noBackend is the helper's exit status for a libselinux without the backend.
const noBackend = 3

// tableQuestion is a class, by its place in TableKind.Classes, and a key.
type tableQuestion struct {
	class int
	key   string
}

// TestOracleTable holds tables of all kinds against libselinux, Debian's own
// files and random ones. Debian's libselinux has no Android backends; a build of
// 3.4 with LABEL_BACKEND_ANDROID=y in SELINUX_NEWEST has.
func TestOracleTable(t *testing.T) {
	oracle.Require(t, "gcc", "/usr/include/selinux/label.h", oracle.DebianContexts)
	build := func(name string, flags ...string) string {
		bin := filepath.Join(t.TempDir(), name)
		oracle.Output(t, "gcc", append([]string{"-O2", "-Wall", "-Werror", "-o", bin, "testdata/table.c"}, flags...)...)
		return bin
	}
	bins := []string{build("installed", "-lselinux")}
	if dir := os.Getenv("SELINUX_NEWEST"); dir != "" {
		bins = append(bins, build("newest", "-I"+dir+"/../include", "-L"+dir, "-l:libselinux.so.1", "-Wl,-rpath,"+dir))
	}
	for i, bin := range bins {
		compared, different := 0, 0
		for kind := MediaTable; kind <= ServiceTable; kind++ {
			n, d, ok := compareTables(t, bin, kind)
			if !ok {
				t.Logf("%s has no backend for %v", filepath.Base(bin), kind)
			}
			compared, different = compared+n, different+d
		}
		oracle.Report(t, fmt.Sprintf("fcontext-table-%d", i), compared, different)
	}
}

func compareTables(t *testing.T, bin string, kind TableKind) (compared, different int, ok bool) {
	r := newSampler(uint64(kind))
	dir := t.TempDir()
	files := map[TableKind]string{MediaTable: "files/media", XTable: "x_contexts", DatabaseTable: "sepgsql_contexts"}
	for i := range 300 {
		name := filepath.Join(dir, fmt.Sprint(i))
		if i == 0 && files[kind] != "" {
			name = filepath.Join(filepath.Dir(oracle.DebianContexts), files[kind])
		} else if err := os.WriteFile(name, []byte(r.table(kind)), 0o600); err != nil {
			t.Fatal(err)
		}
		opts := TableOptions{Skip: func(*ParseError) {}}
		if kind.android() {
			opts.Skip = nil
		}
		table, err := OpenTable(name, kind, opts)
		questions := r.tableQuestions(kind, name)
		answers, status := askTable(t, bin, kind, name, questions)
		if status == noBackend {
			return 0, 0, false
		}
		compared++
		if err == nil && status == 4 && repeats(table) {
			continue // 3.4 refuses what later releases warn of
		}
		if (err != nil) != (status == 4) {
			different++
			text, _ := os.ReadFile(name)
			t.Errorf("%v: %v, libselinux ended with %d for\n%q", kind, err, status, text)
		}
		if err != nil || status != 0 {
			continue
		}
		for j, q := range questions {
			got, class := "!", ""
			if classes := kind.Classes(); classes != nil {
				class = classes[q.class]
			}
			if s, ok := table.Lookup(class, q.key); ok {
				got = s.Context.String()
			}
			compared++
			if got != answers[j] {
				if different++; different < 10 {
					text, _ := os.ReadFile(name)
					t.Errorf("%v: %s %q: %s, want %s in\n%s", kind, class, q.key, got, answers[j], text)
				}
			}
		}
	}
	return compared, different, true
}

// repeats reports whether a key is there twice.
func repeats(table *Table) bool {
	seen := make(map[string]bool)
	for s := range table.Specs() {
		if seen[s.Key] {
			return true
		}
		seen[s.Key] = true
	}
	return false
}

// askTable returns the answers and the helper's exit status.
func askTable(t *testing.T, bin string, kind TableKind, name string, questions []tableQuestion) ([]string, int) {
	var in strings.Builder
	for _, q := range questions {
		// label.h's numbers of classes are those of Classes, from 1 on.
		fmt.Fprintf(&in, "%d %s\x00", q.class+1, q.key)
	}
	cmd := exec.Command(bin, fmt.Sprint(uint8(kind)), name)
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return nil, exit.ExitCode()
	} else if exit != nil && kind.android() {
		// Releases that keep a list of files (after 3.9) have none in these
		// backends, and die of it at the first lookup.
		return nil, noBackend
	} else if err != nil {
		text, _ := os.ReadFile(name)
		t.Fatalf("%v: %v with\n%s", kind, err, text)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	return answers, 0
}

// table makes a file up; one that libselinux would hand malformed contexts out
// of is not among them, since that differs on purpose.
func (r sampler) table(kind TableKind) string {
	var b strings.Builder
	contexts := 0
	for range 1 + r.IntN(12) {
		key := r.tableKey(kind)
		if _, err := parseGlob(key); err != nil && kind.Classes() != nil {
			continue
		}
		if r.IntN(4) > 0 {
			contexts++ // otherwise the same again
		}
		context := fmt.Sprintf("u:r:t%d:s0", contexts)
		class := ""
		if classes := kind.Classes(); classes != nil {
			class = classes[r.IntN(3)] + r.pick(" ", "\t", "  ")
		}
		switch line := class + key + r.pick(" ", "\t\v") + context; r.IntN(24) {
		case 0:
			b.WriteString("# " + line)
		case 1:
			if !kind.android() {
				b.WriteString("bad")
			}
		case 2:
			b.WriteString("  " + line + r.pick(" more", " #x", "#x"))
		case 3:
			if kind.android() && r.IntN(8) == 0 {
				b.WriteString(key + "é " + context)
			}
		default:
			b.WriteString(line)
		}
		b.WriteString(r.pick("\n", "\n", "\n", "\n\n", " \n"))
	}
	text := b.String()
	if r.IntN(8) == 0 {
		text = strings.TrimRight(text, "\n")
	}
	// A context with something after it that is no blank is malformed.
	return strings.ReplaceAll(text, "#x", map[bool]string{true: "#x", false: ""}[kind == DatabaseTable])
}

func (r sampler) tableKey(kind TableKind) string {
	var b strings.Builder
	for range 1 + r.IntN(5) {
		if kind.Classes() != nil && r.IntN(3) == 0 {
			b.WriteString(r.pick("*", "*", "?", "[ab]", "[!a]", "[^b.]", "[a-c]", "[c-a]", "[]a]", "[a-]", "[-a]", "[[:alpha:]]", "[![:digit:]b]", "[\\]a]", "[a-\\c]", "\\*", "\\a", "[a[]", "**"))
			continue
		}
		b.WriteString(r.pick("a", "b", "c", "a.", ".", "ro.", "1", "-", "]", "\xe9"))
	}
	key := b.String()
	if kind.android() {
		key = strings.ReplaceAll(key, "\xe9", "e")
	}
	if r.IntN(8) > 0 {
		return key
	}
	if kind.android() {
		// 3.4 does not order several keys that begin with "*" in one way.
		return "*"
	}
	return r.pick("*", "*", "*a", "a*")
}

// tableQuestions asks for the keys in the file, for what their globs match, and
// for others.
func (r sampler) tableQuestions(kind TableKind, name string) []tableQuestion {
	data, _ := os.ReadFile(name)
	var keys []string
	for line := range strings.Lines(string(data)) {
		for _, f := range strings.Fields(line) {
			keys = append(keys, f)
			if g, err := parseGlob(f); err == nil {
				keys = append(keys, r.matchGlob(g), r.matchGlob(g), r.matchGlob(g)+"a")
			}
		}
	}
	keys = append(keys, "", "a", "ro.a", "*", "x y")
	var questions []tableQuestion
	for _, key := range keys {
		class := 0
		if n := len(kind.Classes()); n > 0 {
			class = r.IntN(min(n, 4))
		}
		if !strings.Contains(key, "\x00") {
			questions = append(questions, tableQuestion{class, key})
		}
	}
	return slices.Compact(questions)
}

func (r sampler) matchGlob(g glob) string {
	var b []byte
	for _, item := range g {
		if item.star {
			b = append(b, r.pick("", "a", ".", "a.b", "ccc")...)
			continue
		}
		for range 100 {
			if c := byte(33 + r.IntN(94)); item.set.has(c) {
				b = append(b, c)
				break
			}
		}
	}
	return string(b)
}

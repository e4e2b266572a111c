//go:build oracle

package fcontext

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// multiple has the file, what is the matter, the text and perhaps the contexts,
// the later one first.
var multiple = regexp.MustCompile(`^(.*): Multiple (same|different) specifications for (?:\S+ )?(\S+?)(?:  \((\S+) and (\S+)\))?\.$`)

// TestOracleDuplicates has selabel_open say what it refuses when it validates:
// specs that are there several times. 3.4 looks at the main file only. The
// newest is asked which texts are there several times. It compares a literal
// spec with its neighbour only and may miss one of three.
func TestOracleDuplicates(t *testing.T) {
	for _, h := range helpers(t) {
		if h.order == Order38 {
			continue // compares the specs of different files, too; later releases do not
		}
		r, compared, different := newSampler(21), 0, 0
		for i := range 400 {
			base := filepath.Join(t.TempDir(), DefaultBase)
			write := func(name string) {
				if err := os.WriteFile(name, []byte(r.duplicates()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write(base)
			if i%2 == 0 {
				write(base + suffixLocal)
			}
			db, err := Open(filepath.Dir(base), Options{Order: h.order})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for a, b := range db.Duplicates() {
				switch {
				case h.order == OrderNewest:
					got = append(got, a.File+": "+h.order.text(a.Pattern))
				case a.File == base && a.Context == b.Context:
					got = append(got, fmt.Sprintf("%s: %s  ", a.File, a.Pattern))
				case a.File == base:
					got = append(got, fmt.Sprintf("%s: %s %v %v", a.File, a.Pattern, b.Context, a.Context))
				}
			}
			want := h.duplicates(t, base)
			slices.Sort(got)
			if h.order == OrderNewest {
				specs := make(map[string]int)
				for s := range db.Specs() {
					specs[s.File+": "+h.order.text(s.Pattern)]++
				}
				got = slices.DeleteFunc(slices.Compact(got), func(g string) bool {
					expression := strings.HasSuffix(g, "*") || strings.HasSuffix(g, "?")
					return specs[g] > 2 && !expression && !slices.Contains(want, g)
				})
			}
			compared += len(want)
			if !slices.Equal(got, want) {
				if different++; different < 5 {
					text, _ := os.ReadFile(base)
					t.Errorf("order %v: %q, want %q of\n%s", h.order, got, want, text)
				}
			}
		}
		oracle.Report(t, fmt.Sprintf("fcontext-duplicates-%v", h.order), compared, different)
	}
}

// text is what literal specs with the same text have in common.
func (o Order) text(pattern string) string {
	if literal, _ := o.literalSpec(pattern); literal {
		return unescape(pattern)
	}
	return pattern
}

// duplicates makes a file up in which much is there twice.
func (r sampler) duplicates() string {
	var b strings.Builder
	for range 2 + r.IntN(10) {
		fmt.Fprintf(&b, "%s %s u:r:%s:s0\n", r.pick("/a", "/a", "/b", `/a\.b`, "/a(/.*)?", "/a(/.*)?", "/a/b/c/d", "/a/.*", `/c\-d`, "/c-d"),
			r.pick("", "", "--", "-d", "-l"), r.pick("t", "t", "x"))
	}
	return b.String()
}

// duplicates returns what libselinux says, sorted and in our words.
func (h helper) duplicates(t *testing.T, base string) []string {
	var said []string
	for line := range strings.Lines(oracle.Output(t, h.path, "duplicates", base)) {
		m := multiple.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("libselinux says %q", line)
		}
		if h.order == OrderNewest {
			said = append(said, m[1]+": "+m[3])
			continue
		}
		a, b := m[4], m[5]
		if m[2] == "same" {
			a, b = "", ""
		}
		said = append(said, fmt.Sprintf("%s: %s %s %s", m[1], m[3], a, b))
	}
	slices.Sort(said)
	if h.order == OrderNewest {
		return slices.Compact(said)
	}
	return said
}

//go:build oracle

package avc_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// unwrappable lists the records that need not survive being broken anywhere, and
// why.
var unwrappable = map[string]string{
	"R00179": "the fields stand before avc:",
	"R00299": "a field that only this phone has is broken in its key (dsm|=)",
	"R00523": "is damaged: msg-audit(…)",
	"R01001": "has blanks of two bytes, which break in the middle",
	"R01329": "an interpreted path, without quotes, is broken and has a blank",
	"R01355": "is damaged: accounts _t, which is accounts_t where a line ends between",
	"R01688": "an interpreted name, without quotes, swallows the piece of a key (comm=intercept s|addr=)",
}

// TestOracleWrapAnywhere breaks the records of the corpus that are on one line
// after every so many bytes, as terminals and editors do, and indents and quotes
// what they break off: they must read as they did.
func TestOracleWrapAnywhere(t *testing.T) {
	f, err := os.Open(shared(t, "corpus", "avc", "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<22)
	compared, different := 0, 0
	for in.Scan() {
		var p published
		if err := json.Unmarshal(in.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if unwrappable[p.ID] != "" || strings.Contains(p.Text, "\n") || strings.Contains(p.Text, "...") || len(p.Text) > 2000 || p.Tclass == "" {
			continue
		}
		want, problem := readPublished(p.Text)
		if problem != "" {
			continue
		}
		for width := 54; width <= 200; width += 14 {
			for how := range 8 {
				width := width + (how*3+len(p.Text))%14
				name, text := wrapped(p.Text, width, how)
				if text == p.Text {
					continue
				}
				compared++
				got, problem := readPublished(text + "\n\nAnd some words after it.\n")
				if problem != "" || got != want {
					different++
					if different <= 40 {
						t.Logf("%s %s %d: %s %+v\nwant %+v\n%s", p.ID, name, width, problem, got, want, text)
					}
				}
			}
		}
	}
	oracle.Report(t, "avc-wrap-anywhere", compared, different)
}

// wrapped breaks s in one of eight ways.
func wrapped(s string, width, how int) (name, text string) {
	indent, first, lost := "", "", how&1 != 0
	name = "columns"
	switch how >> 1 {
	case 1:
		indent, name = "    ", "columns indented"
	case 2:
		first, indent, name = "> ", "> ", "columns quoted"
	case 3:
		first, indent, name = "    ", "    ", "columns all indented"
	}
	if lost {
		name += ", blanks lost"
	}
	var lines []string
	for len(s) > width {
		lines = append(lines, s[:width])
		s = s[width:]
	}
	lines = append(lines, s)
	if lost {
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " ")
		}
	}
	return name, first + strings.Join(lines, "\n"+indent)
}

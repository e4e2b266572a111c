//go:build oracle

package m4_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/m4"
	"github.com/sekit/sekit/internal/oracle"
)

// TestOracleM4 expands the programs of the other tests and random ones as GNU m4
// does.
func TestOracleM4(t *testing.T) {
	oracle.Require(t, "m4")
	var inputs []string
	for _, p := range programs() {
		inputs = append(inputs, p.in)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 700 {
		inputs = append(inputs, random(r))
	}
	file := filepath.Join(t.TempDir(), "in")
	compared, different := 0, 0
	for _, in := range inputs {
		p := m4.New(m4.Limits{Expansions: 2000, Work: 1 << 20})
		if err := p.Read(file, in); err != nil {
			continue // a loop, or the end of a call in a comment
		}
		if err := os.WriteFile(file, []byte(in), 0o600); err != nil {
			t.Fatal(err)
		}
		compared++
		got := p.Output()
		if want := oracle.Output(t, "m4", file); got != want {
			different++
			t.Errorf("%s\ngot  %q\nwant %q", in, got, want)
		}
	}
	if compared < 300 {
		t.Errorf("only %d programs ended", compared)
	}
	oracle.Report(t, "m4", compared, different)
}

// random makes a program of definitions and calls that are likely to meet.
func random(r *rand.Rand) string {
	names := []string{"a", "b", "c", "ab"}
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	// Of a macro's text, the names are those of later ones: few programs loop.
	var text func(names []string, depth int) string
	text = func(names []string, depth int) string {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			switch n := r.IntN(14); {
			case n < 3 || depth == 0 || len(names) == 0:
				b.WriteString(one("x", " ", "$1", "$2", "$#", "$*", "$@", "\n", "1", "`'", ",", "(x)", "()"))
			case n < 5:
				b.WriteString(one(names...))
			case n < 7:
				fmt.Fprintf(&b, "%s(%s,%s)", one(names...), text(names, depth-1), text(names, depth-1))
			case n < 8:
				fmt.Fprintf(&b, "`%s'", text(names, depth-1))
			case n < 9:
				fmt.Fprintf(&b, "ifelse(%s,%s,%s,%s)", one("a", "x", "$1"), one("a", "x", "$2"), text(names, depth-1), text(names, depth-1))
			case n < 10:
				fmt.Fprintf(&b, "ifdef(`%s',%s,`%s')", one(names...), text(names, depth-1), text(names, depth-1))
			case n < 11:
				fmt.Fprintf(&b, "%s(`%s',`%s')", one("define", "pushdef"), one(names...), text(names, depth-1))
			case n < 12:
				fmt.Fprintf(&b, "%s(`%s')", one("popdef", "undefine"), one(names...))
			case n < 13:
				fmt.Fprintf(&b, "shift(%s,%s)incr(%d)", text(names, depth-1), text(names, depth-1), r.IntN(5))
			default:
				b.WriteString(one("# a `comment'\n", "dnl gone\n"))
			}
		}
		return b.String()
	}
	var b strings.Builder
	for i, n := range names {
		fmt.Fprintf(&b, "define(`%s',`%s')\n", n, text(names[i+1:], 2))
	}
	return b.String() + text(names, 4) + text(names, 4) + "\n"
}

package module_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/module"
)

// text is a module of a test file: what stands between two headings
// "-- NAME WORD… --".
type text struct {
	name         string
	line         int // where checkmodule refuses it, if the words say so
	noMLS        bool
	cil, refused bool // see linked.txt
	te           string
}

// texts reads such a file. What is before the first heading is a comment.
func texts(t testing.TB, file string) []text {
	t.Helper()
	var out []text
	for line := range strings.Lines(string(read(t, file))) {
		heading, ok := strings.CutPrefix(line, "-- ")
		if !ok {
			if len(out) > 0 {
				out[len(out)-1].te += line
			}
			continue
		}
		words := strings.Fields(strings.TrimSuffix(heading, "--\n"))
		x := text{name: words[0]}
		for _, w := range words[1:] {
			n, err := strconv.Atoi(w)
			switch {
			case w == "nomls":
				x.noMLS = true
			case w == "cil":
				x.cil = true
			case w == "refused":
				x.refused = true
			case err == nil:
				x.line = n
			default:
				t.Fatalf("%s: heading %q", file, line)
			}
		}
		out = append(out, x)
	}
	return out
}

// parsed compiles a text in a version that can say everything that
// checkmodule 3.4 can.
func parsed(file string, te []byte, noMLS bool) ([]byte, error) {
	m, err := module.ParseTE(file, te)
	if err != nil {
		return nil, err
	}
	return m.Mod(module.ModOptions{PolicyVersion: 21, NoMLS: noMLS})
}

// place is where an error says that a text is wrong; 0 if it does not.
func place(err error) int {
	var p *module.ParseError
	if errors.As(err, &p) {
		return p.Pos.Line
	}
	var s *module.StatementError
	if errors.As(err, &s) {
		return s.Pos.Line
	}
	return 0
}

// TestAccepted reads modules that checkmodule accepts, and what we write of
// them. That they are what checkmodule makes, TestOracleCheckmodule says.
func TestAccepted(t *testing.T) {
	for _, x := range texts(t, "testdata/accepted.txt") {
		mod, err := parsed(x.name+".te", []byte(x.te), x.noMLS)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		m, err := module.ParseMod(mod)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		te, err := m.TE()
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		// It may have rules in another form, but only once.
		again, err := parsed("again.te", te, x.noMLS)
		if err != nil {
			t.Errorf("%s: its own text: %v\n%s", x.name, err, te)
			continue
		}
		m, err = module.ParseMod(again)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		if text, err := m.TE(); err != nil || string(text) != string(te) {
			t.Errorf("%s: another text again, %v:\n%s\n%s", x.name, err, te, text)
		}
	}
}

// TestRefused reads modules that checkmodule refuses in the lines that
// TestOracleCheckmodule holds against it.
func TestRefused(t *testing.T) {
	for _, x := range texts(t, "testdata/refused.txt") {
		if mod, err := parsed(x.name+".te", []byte(x.te), x.noMLS); err == nil || mod != nil || place(err) != x.line {
			t.Errorf("%s: %v, want an error in line %d", x.name, err, x.line)
		}
	}
}

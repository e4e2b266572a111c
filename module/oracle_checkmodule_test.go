//go:build oracle

package module_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
)

// verdict is what checkmodule says of a text: the module, or where it is wrong.
type verdict struct {
	mod  []byte
	line int // 0 if it does not say
	said string
}

var errorLine = regexp.MustCompile(`(?m)^.*:(\d+):ERROR `)

// ask has checkmodule compile a text, whose module's name is that of the file.
func ask(t *testing.T, dir, name string, te []byte, noMLS bool) verdict {
	t.Helper()
	file, out := filepath.Join(dir, name+".te"), filepath.Join(dir, name+".mod")
	if err := os.WriteFile(file, te, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-M", "-m", "-c", "21", "-o", out, file}
	if noMLS {
		args = args[1:]
	}
	said, err := exec.Command("checkmodule", args...).CombinedOutput()
	if err == nil {
		return verdict{mod: read(t, out)}
	}
	v := verdict{said: string(said)}
	if m := errorLine.FindSubmatch(said); m != nil {
		v.line, _ = strconv.Atoi(string(m[1]))
	}
	return v
}

// emptyRule is what pp prints of rules without a permission, which checkmodule
// before 3.5 makes of ~.
var emptyRule = regexp.MustCompile(`(?m)^\s*\(\w+ \S+ \S+ \(\S+ \(\)\)\)\n`)

// printed is what pp and, where it is there, sedismod print of a module. Pp does
// not survive the requirement of a user: that prints alike, too.
func printed(t *testing.T, dir string, mod []byte) string {
	t.Helper()
	m, err := policydb.DecodeModule(mod)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := policydb.EncodePackage(&policydb.Package{Version: policydb.PackageVersion, Module: m})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "printed.pp")
	if err := os.WriteFile(file, pkg, 0o600); err != nil {
		t.Fatal(err)
	}
	cil, err := exec.Command(pp, file).Output()
	out := emptyRule.ReplaceAllString(string(cil), "")
	if err != nil {
		out += err.Error()
	}
	if _, err := exec.LookPath("sedismod"); err == nil {
		normal(m)
		if mod, err = policydb.EncodeModule(m); err != nil {
			t.Fatal(err)
		}
		out += dismod(t, mod)
	}
	return out
}

// comparison counts what checkmodule and we make of texts.
type comparison struct {
	t                           *testing.T
	dir                         string
	accepted, acceptedDifferent int
	refused, refusedDifferent   int
	lines, linesDifferent       int
}

func compareWith(t *testing.T) *comparison {
	oracle.Require(t, "checkmodule", pp)
	return &comparison{t: t, dir: t.TempDir()}
}

// text compiles a text both ways. Where both refuse it, the outcome is the lines
// in which they do.
func (c *comparison) text(name, file string, te []byte, noMLS bool) (ours, theirs int) {
	c.t.Helper()
	v := ask(c.t, c.dir, file, te, noMLS)
	mod, err := parsed(name, te, noMLS)
	switch {
	case v.mod == nil && err != nil:
		c.refused++
		ours, theirs = place(err), v.line
		if otherPlace(string(te), err, ours, theirs) {
			return theirs, theirs
		}
		return ours, theirs
	case v.mod == nil:
		c.refused++
		c.refusedDifferent++
		c.t.Errorf("%s: checkmodule refuses it: %s\n%s", name, v.said, te)
		return 0, 0
	}
	c.accepted++
	if err != nil {
		c.acceptedDifferent++
		c.t.Errorf("%s: checkmodule takes it: %v\n%s", name, err, te)
		return 0, 0
	}
	a, b := printed(c.t, c.dir, mod), printed(c.t, c.dir, v.mod)
	if a != b || !sameModule(c.t, mod, v.mod) {
		c.acceptedDifferent++
		c.t.Errorf("%s: another module\n%s\n%s", name, firstDifference(a, b), te)
	}
	return 0, 0
}

// otherPlace reports whether we refuse a text in another line for a known
// reason: we see to the grammar of the whole text first; we say where a block
// begins, and not in which line of its requirements the name is or that it ends
// without any; and a rule with extended permissions in a conditional, which
// checkmodule did not have, is refused for its version.
func otherPlace(te string, err error, ours, theirs int) bool {
	var syntax *module.ParseError
	var version *module.PolicyVersionError
	switch {
	case theirs == 0 || ours == theirs:
		return false
	case errors.As(err, &version):
		return true
	case ours > theirs:
		return errors.As(err, &syntax)
	case ours == 0:
		return false
	}
	lines := strings.Split(te, "\n")
	inside := strings.Join(lines[ours-1:theirs-1], "\n")
	return strings.HasPrefix(inside, "require {") && !strings.Contains(inside, "}\n") ||
		strings.HasPrefix(inside, "optional {") && strings.Contains(err.Error(), "requires nothing")
}

func firstDifference(ours, theirs string) string {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "ours:   " + a[i] + "\ntheirs: " + b[i]
		}
	}
	return "only in the file"
}

// TestOracleCheckmodule compiles the texts of testdata, which have what the
// language has, with checkmodule: both accept a text and make the same module of
// it, or both refuse it in the same line.
func TestOracleCheckmodule(t *testing.T) {
	c := compareWith(t)
	for _, file := range []string{"testdata/accepted.txt", "testdata/refused.txt"} {
		for _, x := range texts(t, file) {
			if ours, theirs := c.text(x.name, "text", []byte(x.te), x.noMLS); ours != x.line || theirs != x.line {
				c.refusedDifferent++
				t.Errorf("%s: refused in line %d, by checkmodule in line %d, not in line %d", x.name, ours, theirs, x.line)
			}
		}
	}
	oracle.Report(t, "module-checkmodule-accepted", c.accepted, c.acceptedDifferent)
	oracle.Report(t, "module-checkmodule-refused", c.refused, c.refusedDifferent)
}

// TestOracleCheckmoduleOnPurpose has the texts of which we make something else
// than checkmodule 3.4 does, and why.
func TestOracleCheckmoduleOnPurpose(t *testing.T) {
	c := compareWith(t)
	compared, different := 0, 0
	for _, tt := range []struct {
		why, te string
		refused bool // by us
	}{
		{why: "it takes (b && !a) for (a && !b): the truth tables that it compares are each in the order of the expression's own booleans",
			te: "require { bool a, b; type t_t; class file { read write }; } if (a && !b) { allow t_t self:file read; } if (b && !a) { allow t_t self:file write; }"},
		{why: "it turns ranges round that begin with the first extended permission or end with the last, and gets others; mended since",
			te: "require { type t_t; class file ioctl; } allowxperm t_t self:file ioctl ~0xffff;"},
		{why: "to it self is one of what a complement has, not one of what it leaves out; mended since",
			te: "require { type t_t; class file read; } neverallow t_t ~{ t_t self }:file read;"},
		{why: "it does not require a permission in a block that uses it, if another block requires it",
			te: "require { type t_t; class file read; } optional { require { class file write; } } allow t_t self:file write;"},
		{why: "nor a sensitivity or category, which it takes from wherever it is required",
			te: "require { type t_t; class process transition; } optional { require { sensitivity s0; category c0; } } range_transition t_t t_t s0:c0;"},
		{why: "semodule_package can't read what it writes",
			te:      "require { class c { p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11 p12 p13 p14 p15 p16 p17 p18 p19 p20 p21 p22 p23 p24 p25 p26 p27 p28 p29 p30 p31 p32 p33 }; }",
			refused: true},
		{why: "libsepol from 3.5 on refuses the module that it makes",
			te:      "require { type t_t; class process transition; sensitivity s0; category c1, c0; } range_transition t_t t_t s0:c0.c1;",
			refused: true},
		{why: "dominance of roles is no longer in the language, and no CIL says it",
			te: "require { class file read; } dominance { role a { role b; } }", refused: true},
	} {
		te := []byte("module text 1.0;\n" + tt.te + "\n")
		compared++
		v := ask(t, c.dir, "text", te, false)
		if v.mod == nil {
			t.Logf("checkmodule, which is newer, refuses %s: %s", tt.te, v.said)
			continue
		}
		mod, err := parsed("text.te", te, false)
		switch {
		case tt.refused != (err != nil):
			different++
			t.Errorf("%s: %v", tt.te, err)
		case err == nil && sameModule(t, mod, v.mod):
			t.Logf("checkmodule, which is newer, makes the same of %s", tt.te)
		}
	}
	oracle.Report(t, "module-checkmodule-on-purpose", compared, different)
}

// source is the variable that names a tree of the SELinux userspace's sources.
const source = "SEKIT_SELINUX_SOURCE"

// moduleLine is how a module begins.
var moduleLine = regexp.MustCompile(`(?m)^\s*(?:policy_)?module\s*\(?\s*([\w.-]+)`)

// TestOracleCheckmoduleSource compiles the modules and policies that the
// userspace's own tests have, as they are and, where they use m4, with its
// settings.
func TestOracleCheckmoduleSource(t *testing.T) {
	dir := os.Getenv(source)
	if dir == "" {
		t.Skip(source + " names no sources")
	}
	c := compareWith(t)
	oracle.Require(t, "m4")
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(file) != ".te" && filepath.Ext(file) != ".conf" {
			return err
		}
		te := read(t, file)
		variants := map[string][]byte{"": te}
		if bytes.Contains(te, []byte("ifdef(`")) {
			delete(variants, "")
			for _, set := range []string{"-Denable_mls", "-Uenable_mls"} {
				variants[set] = []byte(oracle.Output(t, "m4", set, file))
			}
		}
		for set, te := range variants {
			name := "text"
			if m := moduleLine.FindSubmatch(te); m != nil {
				name = string(m[1])
			}
			for _, noMLS := range []bool{false, true} {
				ours, theirs := c.text(strings.TrimPrefix(file, dir)+" "+set, name, te, noMLS)
				if theirs > 0 {
					c.lines++
					if ours != theirs {
						c.linesDifferent++
						t.Logf("%s: refused in line %d, by checkmodule in line %d", file, ours, theirs)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	oracle.Report(t, "module-checkmodule-source-accepted", c.accepted, c.acceptedDifferent)
	oracle.Report(t, "module-checkmodule-source-refused", c.refused, c.refusedDifferent)
	oracle.Report(t, "module-checkmodule-source-lines", c.lines, c.linesDifferent)
}

// TestOracleCheckmoduleRandom compiles random modules, half of them spoiled.
func TestOracleCheckmoduleRandom(t *testing.T) {
	c := compareWith(t)
	seed := oracleSeed(t)
	for n := range 300 {
		g := &generator{r: rand.New(rand.NewPCG(seed, uint64(n))), noMLS: n%7 == 0}
		te := g.module()
		if n%2 == 1 {
			te = g.spoil(te)
		}
		ours, theirs := c.text(fmt.Sprintf("seed %d, module %d", seed, n), "text", []byte(te), g.noMLS)
		if theirs > 0 {
			c.lines++
			if ours != theirs {
				c.linesDifferent++
				t.Logf("module %d: refused in line %d, by checkmodule in line %d", n, ours, theirs)
			}
		}
	}
	oracle.Report(t, "module-checkmodule-random-accepted", c.accepted, c.acceptedDifferent)
	oracle.Report(t, "module-checkmodule-random-refused", c.refused, c.refusedDifferent)
	oracle.Report(t, "module-checkmodule-random-lines", c.lines, c.linesDifferent)
}

// oracleSeed is that of random modules.
func oracleSeed(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv("SEKIT_ORACLE_SEED")
	if s == "" {
		return 1
	}
	seed, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

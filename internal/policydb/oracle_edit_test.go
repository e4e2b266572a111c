//go:build oracle

package policydb

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// editor is the program of testdata/oracle/edit.c, built.
type editor struct {
	bin, dir string
}

func newEditor(t testing.TB) editor {
	oracle.Require(t, "gcc", "/usr/lib/x86_64-linux-gnu/libsepol.a")
	dir := t.TempDir()
	e := editor{filepath.Join(dir, "edit"), dir}
	oracle.Output(t, "gcc", "-O2", "-Wall", "-Werror", "-o", e.bin, "testdata/oracle/edit.c", "-l:libsepol.a")
	return e
}

// run returns the policy in the file with the edits, written by libsepol in a
// version, or false if libsepol refuses an edit.
func (e editor) run(t testing.TB, file string, version uint32, edits ...edit) ([]byte, bool) {
	t.Helper()
	out := filepath.Join(e.dir, "out")
	args := []string{file, out, fmt.Sprint(version)}
	for _, op := range edits {
		args = append(args, op...)
	}
	err := exec.Command(e.bin, args...).Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		return nil, false
	}
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data, true
}

// edit is one change, as edit.c takes it.
type edit []string

var protocols = map[string]uint32{"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132}

// apply makes the edits with our functions, those of a kind at once.
func apply(p *Policy, edits []edit) error {
	defaults := map[string]bool{}
	var portcons []Portcon
	for _, op := range edits {
		switch op[0] {
		case "b":
			defaults[op[1]] = op[2] == "1"
		case "p":
			c, err := p.ParseContext(op[4])
			if err != nil {
				return err
			}
			low, _ := strconv.Atoi(op[2])
			high, _ := strconv.Atoi(op[3])
			portcons = append(portcons, Portcon{protocols[op[1]], uint32(low), uint32(high), c})
		case "t":
			if err := p.SetPermissive(op[1], op[2] == "1"); err != nil {
				return err
			}
		}
	}
	return first(p.SetBooleanDefaults(defaults), p.AddPortcons(portcons...))
}

// randomEdits makes up edits of a policy, most of which are valid.
func randomEdits(r *rand.Rand, p *Policy) []edit {
	var edits []edit
	state := func() string { return fmt.Sprint(r.IntN(2)) }
	for range 1 + r.IntN(8) {
		switch r.IntN(3) {
		case 0:
			edits = append(edits, edit{"b", pick(r, p.Booleans).Name, state()})
		case 1:
			low := r.IntN(1 << 16)
			high := low + r.IntN(1<<16-low)*r.IntN(2)
			if at := r.IntN(2 * len(p.Portcons)); at < len(p.Portcons) {
				low, high = int(p.Portcons[at].Low), int(p.Portcons[at].High)
			}
			protocol := pick(r, []string{"tcp", "udp", "dccp", "sctp"})
			edits = append(edits, edit{"p", protocol, fmt.Sprint(low), fmt.Sprint(high), randomContext(r, p)})
		case 2:
			name := pick(r, p.Types).Name
			for r.IntN(20) != 0 {
				if _, err := p.typeValue(name); err == nil {
					break
				}
				name = pick(r, p.Types).Name
			}
			edits = append(edits, edit{"t", name, state()})
		}
	}
	return edits
}

func randomContext(r *rand.Rand, p *Policy) string {
	user, role, typ := pick(r, p.Users).Name, objectR, pick(r, p.Types).Name
	for p.typeIsAttribute(typ) && r.IntN(20) != 0 {
		typ = pick(r, p.Types).Name
	}
	if r.IntN(4) == 0 {
		role = pick(r, p.Roles).Name
	}
	c := user + ":" + role + ":" + typ
	if p.MLS != (r.IntN(50) == 0) {
		c += ":" + pick(r, p.Sensitivities, Sensitivity{Name: "s0"}).Name
		cat := func() string { return pick(r, p.Categories, Category{Name: "c0"}).Name }
		switch r.IntN(6) {
		case 0:
			c += ":" + cat()
		case 1:
			c += ":" + cat() + "." + cat()
		case 2:
			c += "-" + pick(r, p.Sensitivities, Sensitivity{Name: "s0"}).Name + ":" + cat() + "," + cat() + "." + cat()
		case 3:
			c += ":" + cat() + "," + cat() + "-" + pick(r, p.Sensitivities, Sensitivity{Name: "s0"}).Name
		}
	}
	return c
}

func (p *Policy) typeIsAttribute(name string) bool {
	_, err := p.typeValue(name)
	return err != nil
}

func pick[T any](r *rand.Rand, from []T, orElse ...T) T {
	if len(from) == 0 {
		from = orElse
	}
	return from[r.IntN(len(from))]
}

// TestOracleEdit makes the same changes with libsepol's functions and with ours:
// what is refused must be the same, and what is written, byte for byte.
func TestOracleEdit(t *testing.T) {
	oracle.Require(t, "checkpolicy", "secilc", oracle.DebianPolicy)
	e := newEditor(t)
	compared, different, refused := 0, 0, 0
	try := func(what, file string, version uint32, edits []edit) {
		t.Helper()
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		compared++
		want, ok := e.run(t, file, version, edits...)
		err = apply(p, edits)
		if !ok {
			refused++
		}
		if ok != (err == nil) {
			different++
			t.Errorf("%s: %q: libsepol takes it: %v, we say %v", what, edits, ok, err)
		}
		if !ok || err != nil {
			return
		}
		got, err := encodeAs(p, version)
		if err != nil || !bytes.Equal(got, want) {
			different++
			t.Errorf("%s to version %d: %q: first difference at %d of %d (%d): %v",
				what, version, edits, firstDifference(got, want), len(want), len(got), err)
		}
	}

	r := rand.New(rand.NewPCG(3, 6))
	// base brings a policy into libsepol's order (see TestOracleConvert).
	base := func(data []byte, version uint32) (string, *Policy) {
		file := filepath.Join(t.TempDir(), "base")
		for range 2 {
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			data, _ = e.run(t, file, version)
		}
		p, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		return file, p
	}
	for version := uint32(MinVersion); version <= 33; version++ {
		for _, k := range []kitchen{{}, {noMLS: true}, {cil: true}, {cil: true, noMLS: true}} {
			k.version, k.noXPerms = version, true
			file, p := base(k.compile(t), version)
			for range 25 {
				try(k.String(), file, MinVersion+r.Uint32N(33-MinVersion+1), randomEdits(r, p))
			}
		}
	}

	debian, err := os.ReadFile(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint32{24, 30, 33} {
		file, p := base(debian, version)
		var all []edit
		for _, b := range p.Booleans {
			all = append(all, edit{"b", b.Name, fmt.Sprint(r.IntN(2))})
		}
		try("Debian's", file, version, all)
		for range 12 {
			try("Debian's", file, version, randomEdits(r, p))
			all = slices.DeleteFunc(all, func(edit) bool { return r.IntN(3) == 0 })
			try("Debian's", file, version, all)
		}
	}
	if refused == 0 || refused > compared/2 {
		t.Errorf("%d of %d edits were refused", refused, compared)
	}
	oracle.Report(t, "policydb-edit", compared, different)
}

//go:build oracle

package policydb

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

var update = flag.Bool("update", false, "write the policies of testdata anew")

// compile returns what the compiler of the field makes of a source.
func (k kitchen) compile(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte(k.source(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	version := fmt.Sprint(k.version)
	args := []string{"checkpolicy", "-U", "allow", "-c", version, "-o", out, in}
	if k.cil {
		args = []string{"secilc", "-c", version, "-f", os.DevNull, "-o", out, in}
	} else if !k.noMLS {
		args = append([]string{"checkpolicy", "-M"}, args[1:]...)
	}
	oracle.Output(t, args[0], args[1:]...)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// allKitchens are the variants in every version that Debian's compilers write.
func allKitchens() []kitchen {
	var all []kitchen
	for version := uint32(MinVersion); version <= 33; version++ {
		for _, cil := range []bool{false, true} {
			for _, noMLS := range []bool{false, true} {
				all = append(all, kitchen{cil: cil, version: version, noMLS: noMLS})
			}
		}
	}
	return all
}

func TestOracleKitchenFixtures(t *testing.T) {
	oracle.Require(t, "checkpolicy", "secilc")
	different := 0
	for _, k := range kitchens {
		got := k.compile(t)
		if *update {
			if err := os.WriteFile(k.file(), got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(k.file())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what its source gives; go generate (%v)", k.file(), err)
			different++
		}
	}
	oracle.Report(t, "policydb-fixtures", len(kitchens), different)
}

// roundTrip reports whether a policy comes out as it went in.
func roundTrip(t *testing.T, what string, data []byte) bool {
	t.Helper()
	p, err := Decode(data)
	if err != nil {
		t.Errorf("%s: Decode: %v", what, err)
		return false
	}
	out, err := Encode(p)
	if err != nil {
		t.Errorf("%s: Encode: %v", what, err)
		return false
	}
	if !bytes.Equal(out, data) {
		t.Errorf("%s: %d bytes came out, %d went in, first difference at %d", what, len(out), len(data), firstDifference(out, data))
		return false
	}
	return true
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func TestOracleRoundTrip(t *testing.T) {
	oracle.Require(t, "checkpolicy", "secilc")
	compared, different := 0, 0
	for _, k := range allKitchens() {
		compared++
		if !roundTrip(t, k.String(), k.compile(t)) {
			different++
		}
	}
	oracle.Report(t, "policydb-roundtrip-kitchen", compared, different)
}

// convert has checkpolicy read a policy and write it in a version.
func convert(t testing.TB, in string, mls bool, version uint32) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	args := []string{"-b", "-c", fmt.Sprint(version), "-o", out, in}
	if mls {
		args = append([]string{"-M"}, args...)
	}
	oracle.Output(t, "checkpolicy", args...)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOracleRoundTripDebian(t *testing.T) {
	oracle.Require(t, "checkpolicy", "secilc", oracle.DebianPolicy)
	data, err := os.ReadFile(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	compared, different := 0, 0
	try := func(what string, data []byte) {
		compared++
		if !roundTrip(t, what, data) {
			different++
		}
	}
	try("Debian's", data)
	dir := t.TempDir()
	cil := filepath.Join(dir, "cil")
	oracle.Output(t, "checkpolicy", "-b", "-C", "-M", "-o", cil, oracle.DebianPolicy)
	for version := uint32(MinVersion); version <= 33; version++ {
		try(fmt.Sprintf("Debian's in version %d", version), convert(t, oracle.DebianPolicy, true, version))
		out := filepath.Join(dir, "out")
		oracle.Output(t, "secilc", "-c", fmt.Sprint(version), "-f", os.DevNull, "-o", out, cil)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		try(fmt.Sprintf("Debian's from CIL in version %d", version), data)
	}
	oracle.Report(t, "policydb-roundtrip-debian", compared, different)
}

// TestOracleConvert holds Convert against libsepol, from each version to each.
// The policies are brought into libsepol's order first: a policy that it reads
// and writes comes out in the order of its hash tables, which compilers that
// make larger tables do not have.
func TestOracleConvert(t *testing.T) {
	oracle.Require(t, "checkpolicy", "secilc", oracle.DebianPolicy)
	dir := t.TempDir()
	type base struct {
		name, file string
		mls        bool
	}
	bases := []base{{"Debian's policy", oracle.DebianPolicy, true}}
	for _, k := range []kitchen{
		{version: 33, noXPerms: true},
		{version: 33, noXPerms: true, noMLS: true},
		{version: 33, noXPerms: true, cil: true},
	} {
		file := filepath.Join(dir, k.String())
		if err := os.WriteFile(file, k.compile(t), 0o600); err != nil {
			t.Fatal(err)
		}
		bases = append(bases, base{k.String(), file, !k.noMLS})
	}
	compared, different := 0, 0
	for _, b := range bases {
		for from := uint32(MinVersion); from <= 33; from++ {
			file := filepath.Join(dir, "from")
			data := convert(t, b.file, b.mls, from)
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			for to := uint32(MinVersion); to <= 33; to++ {
				compared++
				want := convert(t, file, b.mls, to)
				got, err := encodeAs(p, to)
				if err != nil || !bytes.Equal(got, want) {
					different++
					t.Errorf("%s from version %d to %d: first difference at %d of %d (%d): %v", b.name, from, to, firstDifference(got, want), len(want), len(got), err)
				}
			}
		}
	}
	oracle.Report(t, "policydb-convert", compared, different)
}

func encodeAs(p *Policy, version uint32) ([]byte, error) {
	q, _, err := Convert(p, version)
	if err != nil {
		return nil, err
	}
	return Encode(q)
}

// TestOracleEncodedIsRead has the tools of the field read what Encode wrote.
func TestOracleEncodedIsRead(t *testing.T) {
	oracle.Require(t, "checkpolicy")
	file := filepath.Join(t.TempDir(), "policy")
	compared, different := 0, 0
	for name, data := range fixtures(t) {
		p, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if p.Version > 33 {
			continue
		}
		p.Permissive = NewBitmap(append([]uint32{uint32(p.Types[0].Value)}, permissive(p)...)...)
		if p.Types[0].Properties&TypeAttribute != 0 {
			p.Permissive = NewBitmap(permissive(p)...)
		}
		if len(p.Booleans) > 0 {
			p.Booleans[0].State = !p.Booleans[0].State
		}
		out, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"-b", "-C", "-o", os.DevNull, file}
		if p.MLS {
			args = append([]string{"-M"}, args...)
		}
		compared++
		if msg, err := exec.Command("checkpolicy", args...).CombinedOutput(); err != nil {
			different++
			t.Errorf("%s: checkpolicy: %v\n%s", name, err, msg)
		}
	}
	oracle.Report(t, "policydb-encoded-is-read", compared, different)
}

func permissive(p *Policy) []uint32 {
	var all []uint32
	for v := range p.Permissive.All() {
		all = append(all, v)
	}
	return all
}

//go:build oracle

package policydb

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/mutate"
	"github.com/sekit/sekit/internal/oracle"
)

// TestOracleDebianModules reads all modules of Debian's policy, from the
// package's files and from the store, and writes them again.
func TestOracleDebianModules(t *testing.T) {
	const shipped, store = "/usr/share/selinux/default", "/var/lib/selinux/default/active/modules/100"
	oracle.Require(t, shipped, store)
	compared, different, base := 0, 0, 0
	for _, pattern := range []string{shipped + "/*.pp.bz2", store + "/*/hll"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 300 {
			t.Fatalf("%d modules at %s: %v", len(files), pattern, err)
		}
		for _, file := range files {
			packed, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			p, err := DecodePackage(data)
			if errors.Is(err, ErrBase) {
				base++
				continue
			}
			compared++
			if err != nil {
				t.Errorf("%s: %v", file, err)
				different++
				continue
			}
			if out, err := EncodePackage(p); err != nil || !bytes.Equal(out, data) {
				t.Errorf("%s: written otherwise: %v", file, err)
				different++
			}
		}
	}
	if base > 2 {
		t.Errorf("%d base modules", base)
	}
	oracle.Report(t, "module-pp-roundtrip", compared, different)
}

// TestOracleModuleAccepted changes one thing at a time in the fixtures. What
// DecodePackage takes of that, libsepol must take.
func TestOracleModuleAccepted(t *testing.T) {
	oracle.Require(t, "semodule_unpackage")
	r := rand.New(rand.NewPCG(7, 8))
	all := modules(t)
	files := slices.Sorted(maps.Keys(all))
	in, out := filepath.Join(t.TempDir(), "m.pp"), filepath.Join(t.TempDir(), "m.mod")
	compared, different := 0, 0
	for n := range 6000 {
		name := files[r.IntN(len(files))]
		data, what := bytes.Clone(all[name]), ""
		if n%2 == 0 {
			i := r.IntN(len(data))
			data[i] ^= 1 << r.IntN(8)
			what = fmt.Sprintf("byte %d", i)
			if _, err := DecodePackage(data); err != nil {
				continue
			}
		} else {
			p, err := DecodePackage(data)
			if err != nil {
				t.Fatal(err)
			}
			what = mutate.One(p.Module, r)
			if data, err = EncodePackage(p); err != nil {
				continue
			}
		}
		// Debian 12's libsepol, 3.4, knows module policy versions up to 21.
		if p, err := DecodePackage(data); err != nil || p.Module.Version > 21 {
			if err != nil {
				t.Fatalf("%s, %s: %v", name, what, err)
			}
			continue
		}
		if err := os.WriteFile(in, data, 0o600); err != nil {
			t.Fatal(err)
		}
		compared++
		if said, err := exec.Command("semodule_unpackage", in, out).CombinedOutput(); err != nil {
			t.Errorf("%s, %s: %v: %s", name, what, err, said)
			different++
		}
	}
	oracle.Report(t, "module-accepted-libsepol", compared, different)
}

// TestOracleModuleFixtures compiles the fixtures anew: for each version kitchen.te
// without the statements that the version does not have.
func TestOracleModuleFixtures(t *testing.T) {
	oracle.Require(t, "checkmodule", "semodule_package")
	source, err := os.ReadFile("testdata/modules/kitchen.te")
	if err != nil {
		t.Fatal(err)
	}
	brought := []struct {
		since      uint32
		statements string
	}{
		{18, `(?m)^.*xperm .*\n`},
		{14, `(?ms)^if \(own_tunable\) \{\n.*?\n\}\n|^tunable.*?\n`},
		{13, `(?m)^(attribute_role|roleattribute|allow a_r ra).*\n`},
		{12, `(?m)^role_transition a_r a_exec_t:file.*\n`},
		{11, `(?m)^type_transition.*name with.*\n`},
		{9, `(?m)^typebounds.*\n`},
		{8, `(?m)^permissive.*\n`},
		{6, `(?m)^range_transition.*\n`},
		{5, `(?m)^\t(sensitivity|category).*\n`},
	}
	different := 0
	all := modules(t)
	for name, want := range all {
		p, err := DecodePackage(want)
		if err != nil {
			t.Fatal(err)
		}
		text := source
		for _, b := range brought {
			if p.Module.Version < b.since {
				text = regexp.MustCompile(b.statements).ReplaceAll(text, nil)
			}
		}
		dir := t.TempDir()
		te, mod, pp := filepath.Join(dir, "kitchen.te"), filepath.Join(dir, "kitchen.mod"), filepath.Join(dir, "kitchen.pp")
		if err := os.WriteFile(te, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"-m", "-c", fmt.Sprint(p.Module.Version), "-o", mod, te}
		if p.Module.MLS {
			args = append(args, "-M")
		}
		oracle.Output(t, "checkmodule", args...)
		args = []string{"-o", pp, "-m", mod}
		if p.FileContexts != nil {
			args = append(args, "-f", "testdata/modules/kitchen.fc", "-n", "testdata/modules/kitchen.nc")
		}
		oracle.Output(t, "semodule_package", args...)
		if got, err := os.ReadFile(pp); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what its source gives: %v", name, err)
			different++
		}
	}
	oracle.Report(t, "module-fixtures", len(all), different)
}

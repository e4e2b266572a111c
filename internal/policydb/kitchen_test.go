package policydb

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

//go:generate go test -tags oracle -run TestOracleKitchenFixtures -update .

// A kitchen is a variant of one of the kitchen-sink sources in testdata, which
// use every construct of the policy language once.
type kitchen struct {
	cil     bool
	version uint32
	noMLS   bool
	// noXPerms leaves out extended permissions, so that the policy can be
	// written in any version.
	noXPerms bool
}

// kitchens are those that are committed compiled, for tests without a compiler.
var kitchens = []kitchen{
	{version: 24}, {version: 26}, {version: 29}, {version: 31}, {version: 33},
	{version: 24, noMLS: true}, {version: 33, noMLS: true},
	{cil: true, version: 30}, {cil: true, version: 33}, {cil: true, version: 33, noMLS: true},
}

func (k kitchen) String() string {
	name := "kitchen"
	if k.cil {
		name += "-cil"
	}
	name += fmt.Sprintf("-%d", k.version)
	if k.noMLS {
		name += "-nomls"
	}
	if k.noXPerms {
		name += "-noxperms"
	}
	return name
}

// fixtures returns all committed policies by file name.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.policy")
	if err != nil || len(files) < len(kitchens)+2 {
		t.Fatalf("%d policies in testdata: %v", len(files), err)
	}
	all := make(map[string][]byte, len(files))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = data
	}
	return all
}

// fixture returns one committed policy, decoded.
func fixture(t testing.TB, name string) *Policy {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Decode(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return p
}

//go:build oracle

package policydb

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// TestOracleReorder compares policies that libsepol has read and written with
// our order of them: as the compilers wrote them, and once more.
func TestOracleReorder(t *testing.T) {
	oracle.Require(t, "checkpolicy", "secilc", oracle.DebianPolicy)
	e := newEditor(t)
	file := filepath.Join(t.TempDir(), "policy")
	compared, different := 0, 0
	try := func(what string, data []byte) {
		t.Helper()
		for range 2 {
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := e.run(t, file, p.Version)
			p.Reorder()
			got, err := Encode(p)
			if compared++; err != nil || !bytes.Equal(got, want) {
				different++
				t.Errorf("%s: first difference at %d of %d (%d): %v", what, firstDifference(got, want), len(want), len(got), err)
			}
			data = want
		}
	}
	for version := uint32(MinVersion); version <= 33; version++ {
		for _, k := range []kitchen{{}, {noMLS: true}, {cil: true}, {cil: true, noMLS: true}, {noXPerms: true}, {cil: true, noXPerms: true}} {
			if k.version = version; version < 30 {
				k.noXPerms = true
			}
			try(k.String(), k.compile(t))
		}
	}
	debian, err := os.ReadFile(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	try("Debian's", debian)
	oracle.Report(t, "policydb-reorder", compared, different)
}

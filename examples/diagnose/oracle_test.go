//go:build oracle

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// The module that -o te prints is one to checkmodule.
func TestOracleModule(t *testing.T) {
	oracle.Require(t, "checkmodule")
	out, _, err := diagnose(t, "", "-o", "te")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "local.te")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	different := 0
	if msg, err := exec.Command("checkmodule", "-M", "-m", "-o", filepath.Join(t.TempDir(), "local.mod"), file).CombinedOutput(); err != nil {
		different++
		t.Errorf("%v: %s\n%s", err, msg, out)
	}
	oracle.Report(t, "diagnose-module", 1, different)
}

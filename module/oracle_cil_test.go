//go:build oracle

package module_test

import (
	"compress/bzip2"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

const debianStore = "/var/lib/selinux/default/active/modules/100"

func unzipped(t *testing.T, file string) []byte {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	data, err := io.ReadAll(bzip2.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestOracleDebianCIL has secilc build Debian's policy twice: from what pp made
// of its modules when they were installed, and from our CIL for them.
func TestOracleDebianCIL(t *testing.T) {
	oracle.Require(t, "secilc", debianStore+"/base/cil")
	dirs, err := filepath.Glob(debianStore + "/*")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := [2][]string{}
	for i, out := range [...]string{"theirs", "ours"} {
		args[i] = []string{"-M", "true", "-N", "-c", "33", "-f", "/dev/null", "-o", filepath.Join(dir, out)}
	}
	modules, different := 0, 0
	for _, from := range dirs {
		name := filepath.Base(from)
		texts := [2][]byte{unzipped(t, from+"/cil")}
		texts[1] = texts[0]
		if name != "base" {
			modules++
			p, err := module.ParsePackage(unzipped(t, from+"/hll"))
			if err == nil {
				texts[1], err = p.Module.CIL()
			}
			if err != nil {
				different++
				t.Errorf("%s: %v", name, err)
				continue
			}
		}
		for i, text := range texts {
			file := filepath.Join(dir, name+"-"+string(rune('0'+i))+".cil")
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			args[i] = append(args[i], file)
		}
	}
	oracle.Report(t, "module-debian-cil-written", modules, different)
	var built [2]*policy.Policy
	for i := range built {
		oracle.Output(t, "secilc", args[i]...)
		if built[i], err = policy.Open(args[i][8]); err != nil {
			t.Fatal(err)
		}
	}
	d := policy.Diff(built[0], built[1])
	if !d.IsEmpty() {
		var b strings.Builder
		if err := d.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		t.Errorf("the policies differ:\n%.3000s", b.String())
	}
	oracle.Report(t, "module-debian-cil-policy", 1, min(1, len(d.Sections)))
}

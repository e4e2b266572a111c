//go:build oracle

package module_test

import (
	"compress/bzip2"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// TestOracleDebianCIL has secilc build Debian's policy three times: from what pp
// made of its modules when they were installed, from our CIL for them, and from
// pp's as we read and write it.
func TestOracleDebianCIL(t *testing.T) {
	oracle.Require(t, "secilc", debianStore+"/base/cil")
	dirs, err := filepath.Glob(debianStore + "/*")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := [3][]string{}
	for i, out := range [...]string{"theirs", "ours", "reread"} {
		args[i] = []string{"-M", "true", "-N", "-c", "33", "-f", filepath.Join(dir, out+".fc"), "-o", filepath.Join(dir, out)}
	}
	modules, different := 0, 0
	for _, from := range dirs {
		name := filepath.Base(from)
		theirs := unzipped(t, from+"/cil")
		texts := [3][]byte{theirs, theirs, theirs}
		if name != "base" {
			modules++
			p, err := module.ParsePackage(unzipped(t, from+"/hll"))
			if err == nil {
				texts[1], err = p.Module.CIL()
			}
			if err == nil {
				texts[2], err = reread(name, theirs)
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
	var built [3]*policy.Policy
	for i := range built {
		oracle.Output(t, "secilc", args[i]...)
		if built[i], err = policy.Open(args[i][8]); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"module-debian-cil-policy", "module-debian-cil-reread-policy"} {
		d := policy.Diff(built[0], built[i+1])
		if !d.IsEmpty() {
			var b strings.Builder
			if err := d.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			t.Errorf("the policies differ:\n%.3000s", b.String())
		}
		oracle.Report(t, name, modules, min(modules, len(d.Sections)))
	}
	// The contexts of files are a text beside the policy.
	theirs, reread := read(t, filepath.Join(dir, "theirs.fc")), read(t, filepath.Join(dir, "reread.fc"))
	want, got := strings.Split(string(theirs), "\n"), strings.Split(string(reread), "\n")
	slices.Sort(want)
	slices.Sort(got)
	same := slices.Equal(want, got)
	if !same {
		t.Errorf("%d file contexts, want %d", len(got), len(want))
	}
	oracle.Report(t, "module-debian-cil-filecon", len(want), map[bool]int{true: 0, false: 1}[same])
}

// reread reads a module in CIL and writes it again.
func reread(name string, text []byte) ([]byte, error) {
	m, contexts, err := module.ParseCIL(name+".cil", text, module.CILOptions{Name: name})
	if err != nil {
		return nil, err
	}
	out, err := m.CIL()
	if err != nil {
		return nil, err
	}
	filecon, err := module.FormatFilecon(contexts)
	return append(out, filecon...), err
}

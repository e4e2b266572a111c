//go:build oracle

package module_test

import (
	"bytes"
	"compress/bzip2"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
)

const (
	debianModules = "/usr/share/selinux/default"
	develHeaders  = "/usr/share/selinux/devel/include"
	policySource  = "/usr/src/selinux-policy-src.tar.zst"
)

// debianPackages calls f for each non-base module of Debian's policy.
func debianPackages(t *testing.T, f func(name string, data []byte)) {
	t.Helper()
	files, err := filepath.Glob(debianModules + "/*.pp.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		in, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(bzip2.NewReader(in))
		in.Close()
		if err != nil {
			t.Fatal(err)
		}
		if name := strings.TrimSuffix(filepath.Base(file), ".pp.bz2"); name != "base" {
			f(name, data)
		}
	}
}

// checkmodule compiles a text.
func checkmodule(t *testing.T, dir, name string, te []byte, version int, mls bool) []byte {
	t.Helper()
	file := func(ext string) string { return filepath.Join(dir, name+ext) }
	if err := os.WriteFile(file(".te"), te, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-m", "-c", strconv.Itoa(version), "-o", file(".mod"), file(".te")}
	if mls {
		args = append([]string{"-M"}, args...)
	}
	oracle.Output(t, "checkmodule", args...)
	return read(t, file(".mod"))
}

// TestOracleDebianModules reads each non-base module of Debian's policy, writes
// it as a text, compiles that, and wants the module that it was. Of some,
// checkmodule compiles the text as well, and pp and sedismod print both.
func TestOracleDebianModules(t *testing.T) {
	oracle.Require(t, "checkmodule", pp, debianModules+"/apache.pp.bz2")
	_, noDismod := exec.LookPath("sedismod")
	dir := t.TempDir()
	var statements, statementsDifferent int
	var modules, different, texts, textsDifferent, printed, printedDifferent int
	debianPackages(t, func(name string, data []byte) {
		modules++
		p, err := module.ParsePackage(data)
		if err != nil {
			different++
			t.Errorf("%s: %v", name, err)
			return
		}
		text, err := p.Module.TE()
		if err != nil {
			different++
			t.Errorf("%s: %v", name, err)
			return
		}
		m, err := module.ParseTE(name+".te", text)
		if err != nil {
			different++
			t.Errorf("%s: %v", name, err)
			return
		}
		opts := module.PPOptions{ModOptions: module.ModOptions{PolicyVersion: p.PolicyVersion, NoMLS: p.NoMLS},
			FileContexts: p.FileContexts, NetfilterContexts: p.NetfilterContexts}
		ours, err := m.PP(opts)
		if err != nil || !samePackage(t, ours, data) {
			different++
			t.Errorf("%s: another module, %v", name, err)
		}
		contexts, err := module.ParseFC(name+".fc", p.FileContexts)
		for i, line := range fileContexts(p.FileContexts) {
			statements++
			if err != nil || i >= len(contexts) || contexts[i].String() != line {
				statementsDifferent++
				t.Errorf("%s: %q, %v", name, line, err)
			}
		}
		if modules%10 != 0 {
			return
		}
		texts++
		mod, err := m.Mod(opts.ModOptions)
		if err != nil {
			t.Fatal(err)
		}
		if theirs := checkmodule(t, dir, name, text, p.PolicyVersion, !p.NoMLS); !sameModule(t, mod, theirs) {
			textsDifferent++
			t.Errorf("%s: checkmodule makes another module of the text", name)
		}
		// pp and sedismod print tables in an order that is not the file's.
		printed++
		if unpacked(t, ours) != unpacked(t, data) {
			printedDifferent++
			t.Errorf("%s: pp prints something else", name)
		}
		if theirs, _ := policydb.DecodePackage(data); noDismod == nil {
			mod2, err := policydb.EncodeModule(theirs.Module)
			if err != nil {
				t.Fatal(err)
			}
			printed++
			if dismod(t, mod) != dismod(t, mod2) {
				printedDifferent++
				t.Errorf("%s: sedismod prints something else", name)
			}
		}
	})
	oracle.Report(t, "module-debian-decompiled", modules, different)
	oracle.Report(t, "module-debian-fc", statements, statementsDifferent)
	oracle.Report(t, "module-debian-te-checkmodule", texts, textsDifferent)
	oracle.Report(t, "module-debian-pp-sedismod", printed, printedDifferent)
}

// fileContexts are the statements of a text, with tabs between their fields.
func fileContexts(text []byte) []string {
	var out []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0][0] != '#' {
			out = append(out, strings.Join(fields, "\t"))
		}
	}
	return out
}

// samePackage compares two packages but for the order of tables.
func samePackage(t *testing.T, ours, theirs []byte) bool {
	t.Helper()
	var out [2][]byte
	for i, data := range [...][]byte{ours, theirs} {
		p, err := policydb.DecodePackage(data)
		if err != nil {
			t.Fatal(err)
		}
		normal(p.Module)
		if out[i], err = policydb.EncodePackage(p); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Equal(out[0], out[1])
}

// TestOracleReferencePolicy has m4 expand modules of Debian's policy source with
// the interfaces of the devel package, as its Makefile does, and compiles them.
func TestOracleReferencePolicy(t *testing.T) {
	oracle.Require(t, "checkmodule", "m4", "tar", "zstd", "sh", policySource, develHeaders)
	dir := t.TempDir()
	oracle.Output(t, "tar", "--zstd", "-C", dir, "-xf", policySource)
	oracle.Output(t, "sh", "-ec", `cd "$0"; echo "ifdef(\`+"`"+`__if_error',\`+"`"+`m4exit(1)')" >iferror.m4
		{ echo "divert(-1)"; m4 "$1"/support/*.spt "$1"/*/*.if iferror.m4 | sed 's/dollarsstar/$*/g'; echo divert; } >interfaces.conf`, dir, develHeaders)
	files, err := filepath.Glob(dir + "/selinux-policy-src/policy/modules/*/*.te")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("SEKIT_ORACLE_FULL") == "" { // all take a minute, most of it m4's
		var some []string
		for i := 0; i < len(files); i += 3 {
			some = append(some, files[i])
		}
		files = some
	}
	var mu sync.Mutex
	var compiled, different, refused, refusedDifferent int
	var wait sync.WaitGroup
	for worker := range 2 {
		wait.Go(func() {
			for i := worker; i < len(files); i += 2 {
				ours, theirs, err := expanded(dir, files[i])
				mu.Lock()
				if theirs == nil {
					refused++
					if err == nil {
						refusedDifferent++
						t.Errorf("%s: checkmodule refuses it", files[i])
					}
				} else {
					compiled++
					if err != nil || !sameModule(t, ours, theirs) {
						different++
						t.Errorf("%s: another module, %v", files[i], err)
					}
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	oracle.Report(t, "module-refpolicy-compiled", compiled, different)
	t.Logf("refused by both: %d", refused-refusedDifferent)
}

// expanded compiles a file of the reference policy with both compilers; theirs
// is nil if checkmodule refuses it.
func expanded(dir, file string) (ours, theirs []byte, err error) {
	name := strings.TrimSuffix(filepath.Base(file), ".te")
	out := filepath.Join(dir, name)
	support, err := filepath.Glob(develHeaders + "/support/*.spt")
	if err != nil {
		return nil, nil, err
	}
	args := append([]string{"-D", "enable_mcs", "-D", "distro_debian", "-D", "direct_sysadm_daemon", "-D", "init_systemd", "-D", "enable_ubac",
		"-D", "mls_num_sens=16", "-D", "mls_num_cats=1024", "-D", "mcs_num_cats=1024", "-s"}, support...)
	text, err := exec.Command("m4", append(args, dir+"/interfaces.conf", file)...).Output()
	if err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(out+".tmp", text, 0o600); err != nil {
		return nil, nil, err
	}
	if exec.Command("checkmodule", "-M", "-m", "-c", "21", "-o", out+".mod", out+".tmp").Run() == nil {
		if theirs, err = os.ReadFile(out + ".mod"); err != nil {
			return nil, nil, err
		}
	}
	m, err := module.ParseTE(name+".tmp", text)
	if err != nil {
		return nil, theirs, err
	}
	ours, err = m.Mod(module.ModOptions{PolicyVersion: 21})
	return ours, theirs, err
}

//go:build oracle

package module_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// compiled is what checkmodule and semodule_package make of a module's text.
func compiled(t *testing.T, m *module.Module, opts module.PPOptions, version int) (mod, pkg []byte) {
	t.Helper()
	te, err := m.TE()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(ext string) string { return filepath.Join(dir, m.Name+ext) }
	if err := os.WriteFile(file(".te"), te, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-m", "-c", strconv.Itoa(version), "-o", file(".mod"), file(".te")}
	if !opts.NoMLS {
		args = append([]string{"-M"}, args...)
	}
	oracle.Output(t, "checkmodule", args...)
	args = []string{"-o", file(".pp"), "-m", file(".mod")}
	if len(opts.FileContexts) > 0 {
		if err := os.WriteFile(file(".fc"), opts.FileContexts, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-f", file(".fc"))
	}
	oracle.Output(t, "semodule_package", args...)
	mod, err = os.ReadFile(file(".mod"))
	if err != nil {
		t.Fatal(err)
	}
	if pkg, err = os.ReadFile(file(".pp")); err != nil {
		t.Fatal(err)
	}
	return mod, pkg
}

// unpacked is the CIL that pp makes of a package.
func unpacked(t *testing.T, pkg []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "random.pp")
	if err := os.WriteFile(file, pkg, 0o600); err != nil {
		t.Fatal(err)
	}
	return oracle.Output(t, pp, file)
}

// dismod is all that sedismod prints of a module.
func dismod(t *testing.T, mod []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "random.mod")
	if err := os.WriteFile(file, mod, 0o600); err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	for _, menu := range "12345670abcFuv" {
		in.WriteRune(menu)
		in.WriteByte('\n')
	}
	in.WriteString("q\n")
	cmd := exec.Command("sedismod", file)
	cmd.Stdin = &in
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sedismod: %v\n%s", err, out)
	}
	return string(bytes.ReplaceAll(out, []byte(file), nil))
}

// TestOracleModBinary writes random modules in all versions that checkmodule
// has, and has pp read what came of both.
func TestOracleModBinary(t *testing.T) {
	oracle.Require(t, "checkmodule", "semodule_package", pp, oracle.DebianPolicy)
	_, noDismod := exec.LookPath("sedismod")
	w := newWorld(t)
	r := rand.New(rand.NewPCG(3, 4))
	var modules, modDifferent, ppDifferent, parseDifferent, dismods, dismodDifferent int
	for n := range 60 {
		m := w.random(r, 1+n*4, false)
		opts := module.PPOptions{}
		if n%3 == 0 {
			opts.FileContexts = []byte("/usr/bin/x\t--\tsystem_u:object_r:type00_t:s0\n/opt(/.*)?\t<<none>>\n")
		}
		opts.NoMLS = n%5 == 4
		lowest := 4
		if !opts.NoMLS {
			lowest = 5
		}
		for _, rule := range m.Rules {
			if len(rule.Xperms) > 0 {
				lowest = 18
			}
		}
		// The default is what -c says for the lowest version; then one more.
		version := lowest
		if n%2 == 1 {
			version = lowest + r.IntN(22-lowest)
			opts.PolicyVersion = version
		}
		ours, err1 := m.Mod(opts.ModOptions)
		ourPackage, err2 := m.PP(opts)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		theirs, theirPackage := compiled(t, m, opts, version)
		modules++
		theirModule, err := policydb.DecodeModule(theirs)
		if err != nil {
			t.Fatal(err)
		}
		sorted(t, theirModule)
		want, err := policydb.EncodeModule(theirModule)
		if err != nil || !bytes.Equal(ours, want) || !bytes.Equal(ourPackage, resorted(t, theirPackage)) {
			modDifferent++
			t.Logf("module %d, version %d: %d bytes, theirs %d", n, version, len(ours), len(theirs))
		}
		// What checkmodule packed reads as what was asked for.
		rules := m.Merged()
		for i := range rules {
			rules[i].Evidence = nil
		}
		back, fc, err := module.ParsePP(theirPackage)
		if err != nil || !reflect.DeepEqual(back.Merged(), rules) || !bytes.Equal(fc, opts.FileContexts) {
			t.Logf("module %d reads otherwise: %v", n, err)
			parseDifferent++
		}
		// pp does not see which version it was, so ask for checkmodule's newest.
		_, newest := compiled(t, m, opts, 21)
		if text := unpacked(t, newest); text != unpacked(t, ourPackage) || text != unpacked(t, theirPackage) {
			ppDifferent++
		}
		if noDismod == nil {
			dismods++
			if dismod(t, ours) != dismod(t, theirs) {
				dismodDifferent++
			}
		}
	}
	oracle.Report(t, "module-mod-bytes", modules, modDifferent)
	oracle.Report(t, "module-pp-cil", modules, ppDifferent)
	oracle.Report(t, "module-pp-parsed", modules, parseDifferent)
	if noDismod == nil {
		oracle.Report(t, "module-sedismod", dismods, dismodDifferent)
	} else {
		t.Log("no sedismod here")
	}
}

// TestOracleSemodule has Debian's semodule install modules of each kind of
// version into a copy of the store, and looks for their rules and contexts in
// the policy that it builds.
func TestOracleSemodule(t *testing.T) {
	oracle.Require(t, "semodule", "cp", "/var/lib/selinux/default/active/modules", oracle.DebianPolicy)
	root := debianRoot(t)
	modules := []*module.Module{
		{Name: "sekit_four", Rules: []module.Rule{allow("httpd_t", "shadow_t", "file", "relabelto", "link")}},
		{Name: "sekit_five", RequireAttributes: []string{"domain"}, Rules: []module.Rule{
			allow("httpd_t", "domain", "process", "setsched"),
			allow("httpd_t", module.Self, "memprotect", "mmap_zero"),
			{Kind: module.DontAudit, Source: "httpd_t", Target: "etc_t", Class: "dir", Permissions: []string{"rename"}},
			{Kind: module.AuditAllow, Source: "httpd_t", Target: "etc_t", Class: "dir", Permissions: []string{"search"}},
		}},
		{Name: "sekit_eighteen", Rules: []module.Rule{
			allow("httpd_t", "shadow_t", "chr_file", "ioctl"),
			{Kind: module.AllowXperm, Source: "httpd_t", Target: "shadow_t", Class: "chr_file", Permissions: []string{"ioctl"},
				Xperms: []module.XpermRange{{Low: 0x5401, High: 0x5403}, {Low: 0x5600, High: 0x57ff}}},
		}},
	}
	args := []string{"-N", "-p", root, "-s", "default"}
	for i, m := range modules {
		opts := module.PPOptions{ModOptions: module.ModOptions{NoMLS: i == 0}}
		if i == 1 {
			opts.FileContexts = []byte("/opt/sekit_oracle(/.*)?\tsystem_u:object_r:httpd_log_t:s0")
		}
		data, err := m.PP(opts)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(root, m.Name+".pp")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-i", file)
	}
	oracle.Output(t, "semodule", args...)
	p, err := policy.Open(filepath.Join(root, oracle.DebianPolicy))
	if err != nil {
		t.Fatal(err)
	}
	before, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	compared, different := 0, 0
	for _, m := range modules {
		for _, r := range m.Merged() {
			compared++
			if had, has := hasRule(t, before, r), hasRule(t, p, r); had || !has {
				different++
				t.Errorf("%s: in the policy before %v, after %v", r, had, has)
			}
		}
	}
	contexts, err := os.ReadFile(filepath.Join(root, oracle.DebianContexts, "file_contexts"))
	if err != nil {
		t.Fatal(err)
	}
	compared++
	if !regexp.MustCompile(`(?m)^/opt/sekit_oracle\(/\.\*\)\?\s+system_u:object_r:httpd_log_t:s0$`).Match(contexts) {
		different++
		t.Error("no file context")
	}
	oracle.Report(t, "module-pp-semodule", compared, different)
}

// hasRule reports whether a policy has the very rule.
func hasRule(t *testing.T, p *policy.Policy, r module.Rule) bool {
	t.Helper()
	kinds := map[module.Kind]policy.RuleKind{module.Allow: policy.KindAllow, module.AuditAllow: policy.KindAuditAllow,
		module.DontAudit: policy.KindDontAudit, module.AllowXperm: policy.KindAllowXperm}
	target := r.Target
	if target == module.Self {
		target = r.Source
	}
	rules, err := p.Rules(policy.RuleQuery{Kinds: kinds[r.Kind], Source: r.Source, SourceDirect: true,
		Target: target, TargetDirect: true, Classes: []string{r.Class}})
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	var xperms int
	for found := range rules {
		have = append(have, found.Permissions()...)
		for x := range found.Xperms() {
			xperms += int(x.High) - int(x.Low) + 1
			if !slices.ContainsFunc(r.Xperms, func(want module.XpermRange) bool { return want.Low <= x.Low && x.High <= want.High }) {
				t.Errorf("%s: extended permissions %v", r, x)
			}
		}
	}
	for _, want := range r.Xperms {
		xperms -= int(want.High) - int(want.Low) + 1
	}
	if r.Kind == module.AllowXperm {
		return xperms == 0
	}
	return !slices.ContainsFunc(r.Permissions, func(perm string) bool { return !slices.Contains(have, perm) })
}

// BenchmarkTools is BenchmarkPP with checkmodule and semodule_package, as
// processes.
func BenchmarkTools(b *testing.B) {
	oracle.Require(b, "checkmodule", "semodule_package")
	for _, n := range []int{300, 20000} {
		te, err := benchModule(n).TE()
		if err != nil {
			b.Fatal(err)
		}
		dir := b.TempDir()
		file := func(ext string) string { return filepath.Join(dir, "bench"+ext) }
		if err := os.WriteFile(file(".te"), te, 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run("rules="+strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				oracle.Output(b, "checkmodule", "-M", "-m", "-o", file(".mod"), file(".te"))
				oracle.Output(b, "semodule_package", "-o", file(".pp"), "-m", file(".mod"))
			}
		})
	}
}

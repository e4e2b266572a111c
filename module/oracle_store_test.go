//go:build oracle

package module_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
	"github.com/sekit/sekit/policy"
)

// demoRoot returns a root directory with a store named demo of the example
// policy's sources, built by semodule.
func demoRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"etc/selinux/demo/contexts/files", "etc/selinux/demo/policy", "var/lib/selinux/demo/active/modules/100"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// What the CIL of a package (pp) requires it names in attributes that a base
	// module in that language would bring.
	require := filepath.Join(t.TempDir(), "require.cil")
	for name, text := range map[string]string{
		filepath.Join(root, "etc/selinux/semanage.conf"): "module-store = direct\nexpand-check = 0\n",
		require: "(typeattribute cil_gen_require)\n(roleattribute cil_gen_require)\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-p", root, "-s", "demo", "-n", "-X", "100", "-i", require}
	sources, err := filepath.Glob("../internal/demo/policy/*.cil")
	if err != nil || len(sources) == 0 {
		t.Fatal("no sources of the example policy", err)
	}
	for _, s := range sources {
		args = append(args, "-i", s)
	}
	oracle.Output(t, "semodule", args...)
	return root
}

const demoStorePolicy = "etc/selinux/demo/policy/policy.33"

// TestOracleStore holds semodule's store against the contract that the fake
// keeps to.
func TestOracleStore(t *testing.T) {
	oracle.Require(t, "semodule", pp)
	master := demoRoot(t)
	p, err := policy.Open(filepath.Join(master, demoStorePolicy))
	if err != nil {
		t.Fatal(err)
	}
	tests, failed := 0, 0
	moduletest.TestBackend(t, func(t *testing.T) moduletest.Harness {
		root := t.TempDir()
		if err := os.CopyFS(root, os.DirFS(master)); err != nil {
			t.Fatal(err)
		}
		tmp := t.TempDir()
		tests++
		t.Cleanup(func() {
			if t.Failed() {
				failed++
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("files are left: %v, %v", left, err)
			}
		})
		b := module.Semodule{Root: root, PolicyType: "demo", Runner: tool.Exec{TempDir: tmp}}
		return moduletest.Harness{Policy: p, Backend: b, Unlocked: true,
			Linked: func() (*policy.Policy, error) { return policy.Open(filepath.Join(root, demoStorePolicy)) },
			Reopen: func() module.Backend { return module.Semodule{Root: root, PolicyType: "demo"} }}
	})
	oracle.Report(t, "module-store-contract", tests, failed)
}

// TestOracleStoreList lists Debian's store, with checksums, as semodule does.
func TestOracleStoreList(t *testing.T) {
	oracle.Require(t, "semodule", "/var/lib/selinux/default/active/modules")
	want := make(map[string]bool)
	for line := range strings.Lines(oracle.Output(t, "semodule", "-s", "default", "-lfull", "-m")) {
		want[strings.Join(strings.Fields(line), " ")] = true
	}
	store := module.NewStore(module.Semodule{PolicyType: "default"})
	table, err := store.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	different := 0
	for _, r := range table.All() {
		c, err := table.Content(t.Context(), r.Key, module.InCIL)
		line := r.String() + " " + c.Checksum()
		if err != nil || !want[line] {
			different++
			t.Errorf("%s: %v", line, err)
		}
	}
	if len(want) != len(table.All()) {
		different++
		t.Errorf("%d modules, semodule lists %d", len(table.All()), len(want))
	}
	var names []string
	for _, r := range table.InForce() {
		names = append(names, r.Name)
	}
	inForce := strings.Fields(oracle.Output(t, "semodule", "-s", "default", "-l"))
	slices.Sort(inForce)
	if !slices.Equal(names, inForce) {
		different++
		t.Errorf("in force are %v, semodule says %v", names, inForce)
	}
	oracle.Report(t, "module-store-list", len(want)+len(inForce), different)
}

// TestOracleStoreExtract reads modules of Debian's store as semodule -E writes
// them, in both forms.
func TestOracleStoreExtract(t *testing.T) {
	oracle.Require(t, "semodule", "sh", "/var/lib/selinux/default/active/modules")
	store := module.NewStore(module.Semodule{PolicyType: "default"})
	dir := t.TempDir()
	names := []string{"base", "apache", "mysql", "unconfined"}
	different := 0
	for form, option := range map[module.Form]string{module.AsInstalled: "-H", module.InCIL: "-c"} {
		for _, name := range names {
			oracle.Output(t, "sh", "-c", fmt.Sprintf("cd %s && semodule -s default -X 100 %s -E %s", dir, option, name))
			c, err := store.Content(t.Context(), module.Key{Name: name, Priority: 100}, form)
			want, err2 := os.ReadFile(filepath.Join(dir, name+"."+c.Language))
			if err != nil || err2 != nil || !bytes.Equal(c.Data, want) {
				different++
				t.Errorf("%s %v: %v, %v", name, form, err, err2)
			}
		}
	}
	oracle.Report(t, "module-store-extract", 2*len(names), different)
}

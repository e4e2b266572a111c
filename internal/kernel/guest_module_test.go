//go:build kernelguest && linux

package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// TestKernelModule takes a module of one rule through all that a store does with
// one: after each step the kernel must decide as the module says, and semodule
// must list what the store does. (The contract suite makes some fifty commits,
// of ten seconds each here: it runs on an image's root, in the oracle lane.)
func TestKernelModule(t *testing.T) {
	guest.Require(t)
	store := module.NewStore(module.Semodule{PolicyType: policyName})
	m := module.Module{Name: "sekit_lane", Rules: []module.Rule{{
		Kind: module.Allow, Source: "sekittest_t", Target: "sekittest_secret_t", Class: "file", Permissions: []string{"getattr"},
	}}}
	data, err := m.PP(module.PPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key := module.Key{Name: m.Name, Priority: 400}
	compared, different := 0, 0
	step := func(name string, allowed bool, do func() (module.Change, error)) {
		t.Helper()
		if _, err := do(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		compared++
		if err := moduleAgrees(t, store, allowed); err != nil {
			different++
			t.Errorf("%s: %v", name, err)
		}
	}
	install := func() (module.Change, error) {
		return store.Install(t.Context(), key, module.Content{Language: "pp", Data: data})
	}
	step("install", true, install)
	step("disable", false, func() (module.Change, error) { return store.Disable(t.Context(), m.Name) })
	step("enable", true, func() (module.Change, error) { return store.Enable(t.Context(), m.Name) })
	if c, err := install(); err != nil || c.Op != module.Nothing {
		t.Errorf("the same again: %v, %v", c, err)
	}
	step("remove", false, func() (module.Change, error) { return store.Remove(t.Context(), key) })
	if _, err := store.Remove(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed again: %v", err)
	}
	guest.Report(t, "module-steps", compared, different)
}

// moduleAgrees asks the kernel's policy about the module's rule, and compares
// the list of modules with semodule's.
func moduleAgrees(t *testing.T, store *module.Store, allowed bool) error {
	t.Helper()
	d, err := loaded(t).Decide(policy.Access{
		Source: policy.MustParseContext("unconfined_u:unconfined_r:sekittest_t:s0"),
		Target: policy.MustParseContext("system_u:object_r:sekittest_secret_t:s0"),
		Class:  "file", Permissions: []string{"getattr"},
	})
	if err != nil || d.Allowed != allowed {
		return fmt.Errorf("the kernel's policy says %v, %w", d.Allowed, err)
	}
	table, err := store.Table(t.Context())
	if err != nil {
		return err
	}
	var ours []string
	for _, r := range table.All() {
		ours = append(ours, r.String())
	}
	var theirs []string
	for _, line := range output(t, "semodule", "-lfull") {
		theirs = append(theirs, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		return fmt.Errorf("ours alone %q, semodule's alone %q", notIn(ours, theirs), notIn(theirs, ours))
	}
	return nil
}

//go:build kernelguest && linux

package kernel

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

// The contract suites of the fakes, on this machine's own store and kernel.

func TestKernelPortContract(t *testing.T) {
	guest.Require(t)
	open := func(t *testing.T) port.Backend {
		t.Helper()
		store, err := port.OpenRoot("/", policyName)
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	porttest.TestBackend(t, func(t *testing.T) porttest.Harness {
		withoutLocal(t)
		return porttest.Harness{Policy: loaded(t), Backend: open(t), Reopen: func() port.Backend { return open(t) }}
	})
}

func TestKernelBooleanContract(t *testing.T) {
	guest.Require(t)
	open := func(t *testing.T) boolean.Backend {
		t.Helper()
		store, err := boolean.OpenRoot("/", policyName)
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	booleantest.TestBackend(t, func(t *testing.T) booleantest.Harness {
		withoutLocal(t)
		return booleantest.Harness{Policy: loaded(t), Backend: open(t), Reopen: func() boolean.Backend { return open(t) }}
	})
}

// withoutLocal takes all local records of ports and booleans away.
func withoutLocal(t *testing.T) {
	t.Helper()
	ctx := context.Background() // of a cleanup, too
	ports, err := port.OpenRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	records, err := ports.Local(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var keys []port.Key
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	if _, err := port.New(loaded(t), ports).Delete(ctx, keys...); err != nil {
		t.Fatal(err)
	}

	booleans, err := boolean.OpenRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	values, err := booleans.Local(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range values {
		names = append(names, v.Name)
	}
	if _, err := boolean.New(loaded(t), booleans).Reset(ctx, names...); err != nil {
		t.Fatal(err)
	}
	// A boolean's value stays as it was made when its record goes.
	restoreBooleans(t)
}

// restoreBooleans gives the kernel's booleans the values that the store's
// policy has for them.
func restoreBooleans(t *testing.T) {
	t.Helper()
	want := map[string]bool{}
	for b := range storePolicy(t).Booleans() {
		want[b.Name()] = b.Default()
	}
	for b := range loaded(t).Booleans() {
		if b.Default() == want[b.Name()] {
			delete(want, b.Name())
		}
	}
	if len(want) > 0 {
		setBooleans(t, want)
	}
}

// TestKernelListings holds what the rooms list after changes through them
// against what the machine's tools list.
func TestKernelListings(t *testing.T) {
	guest.Require(t)
	withoutLocal(t)
	t.Cleanup(func() { withoutLocal(t) })
	ports, err := livePorts()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ports.Set(t.Context(), port.Port(port.TCP, firstPort, portType), port.Port(port.UDP, firstPort+1, portType)); err != nil {
		t.Fatal(err)
	}
	store, err := boolean.OpenRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	booleans := boolean.New(loaded(t), store)
	if _, err := booleans.Persist(t.Context(), boolean.Record{Name: "sekittest_can_connect", On: true}); err != nil {
		t.Fatal(err)
	}

	compared, different := 0, 0
	same := func(what string, ours, theirs []string) {
		slices.Sort(ours)
		slices.Sort(theirs)
		compared += len(theirs)
		if !slices.Equal(ours, theirs) {
			different++
			t.Errorf("%s: ours %d, theirs %d:\n%q\n%q", what, len(ours), len(theirs), notIn(ours, theirs), notIn(theirs, ours))
		}
	}
	table, err := ports.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, r := range table.ByType() {
		ours = append(ours, strings.TrimSpace(r.String()))
	}
	same("semanage port -l", ours, output(t, "semanage", "port", "-l", "-n"))

	values, err := booleans.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ours = nil
	for _, b := range values.All() {
		state := "off"
		if b.Current {
			state = "on"
		}
		ours = append(ours, b.Name+" --> "+state)
	}
	same("getsebool -a", ours, output(t, "getsebool", "-a"))
	guest.Report(t, "listings", compared, different)
}

func notIn(a, b []string) []string {
	var only []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			only = append(only, s)
		}
	}
	return only[:min(len(only), 10)]
}

// output returns the lines that a tool prints.
func output(t *testing.T, name string, args ...string) []string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestKernelRelabel gives files all over the machine wrong contexts: the plan
// must be what restorecon -n says, and once it is carried out restorecon must
// have nothing left to say.
func TestKernelRelabel(t *testing.T) {
	guest.Require(t)
	dirs := []string{"/usr/share/doc", "/var/log", "/var/cache", "/srv", "/root"}
	wrong := misplace(t, dirs)
	tree, err := fcontext.OpenTree("/")
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	_, db, _ := liveLocal(t)
	plan, err := fcontext.PlanRelabel(t.Context(), tree, db, dirs, fcontext.RelabelOptions{Recursive: true, Customizable: customizable(t)})
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, c := range plan.Changes {
		ours = append(ours, fmt.Sprintf("Would relabel %s from %s to %s", c.Path, c.From, c.To))
	}
	theirs := output(t, "restorecon", append([]string{"-R", "-n", "-v"}, dirs...)...)
	slices.Sort(ours)
	slices.Sort(theirs)
	different := 0
	if !slices.Equal(ours, theirs) {
		different = 1
		t.Errorf("ours alone %q, restorecon's alone %q", notIn(ours, theirs), notIn(theirs, ours))
	}
	if len(theirs) < len(wrong) {
		t.Errorf("of %d files with wrong contexts restorecon finds %d", len(wrong), len(theirs))
	}
	res, err := plan.Apply(t.Context(), tree, fcontext.ApplyOptions{})
	if err != nil || len(res.Errors) != 0 {
		t.Errorf("%v, %v", err, res)
	}
	if left := output(t, "restorecon", append([]string{"-R", "-n", "-v"}, dirs...)...); len(left) != 0 {
		different++
		t.Errorf("restorecon would still relabel %q", left[:min(len(left), 10)])
	}
	guest.Report(t, "relabel-restorecon", len(theirs), different)
}

// misplace gives some of the files in directories the context of another place.
func misplace(t *testing.T, dirs []string) []string {
	t.Helper()
	r := random(t)
	const tmp = "unconfined_u:object_r:user_tmp_t:s0"
	var wrong []string
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || r.IntN(20) != 0 {
				return err
			}
			wrong = append(wrong, name)
			return unix.Lsetxattr(name, "security.selinux", []byte(tmp), 0)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return wrong
}

func customizable(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("/etc/selinux/" + policyName + "/contexts/customizable_types")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	types, err := fcontext.ReadCustomizable(f)
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func storePolicy(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Open(activePolicy)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

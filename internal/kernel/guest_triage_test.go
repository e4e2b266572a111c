//go:build kernelguest && linux

package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/triage"
)

// firstFix is the kind of the fix that must come first for each probe, by what
// the test domain's policy says (image/sekittest.cil); zero where nothing may
// be offered.
var firstFix = map[string]triage.Kind{
	// The file contexts have a type for the path that the domain may use so.
	"file read":       triage.Context,
	"odd name":        triage.Context,
	"dir search":      triage.Context,
	"unlink":          triage.Context,
	"sock_file write": triage.Context,
	"categories":      triage.Context,
	// They have none, but they have one that would do.
	"foreign path": triage.Context,
	// The domain may bind a port of its type, and the port is of none.
	"unregistered port": triage.Port,
	"boolean":           triage.Boolean,
	// The type is the right one and a rule is missing.
	"file setattr": triage.Module,
	"name_bind":    triage.Port, // from another type, for one that it may bind
	"name_connect": triage.Module,
	"signull":      triage.Module,
	"capability":   triage.Module,
	"ioctl":        triage.Module,
	"netlink":      triage.Module,
	"transition":   triage.Module,
	"execute":      triage.Module,
	// Writable and executable memory is what the guard is for, and no rule
	// mends a constraint.
	"execmem":    0,
	"constraint": 0,
}

// TestKernelTriage is the main job, proven: each denial that the kernel logged
// is triaged on the running system, the first fix is made, and the access that
// was denied is tried again. It must go through, and it must be denied again
// once the fix is undone.
func TestKernelTriage(t *testing.T) {
	guest.Require(t)
	layOut(t)
	m, err := sekit.OpenMachine(sekit.MachineOptions{StateDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	findings := triageProbes(t)
	var modules []probe
	different := 0
	result := func(p probe, row string, err error) {
		t.Helper()
		guest.Row("triage", p.name, row)
		if err != nil {
			different++
			t.Errorf("%s: %v", p.name, err)
		}
	}
	for _, p := range probes() {
		switch {
		case p.class == "":
		case firstFix[p.name] == triage.Module:
			modules = append(modules, p)
		default:
			row, err := curesAndUndoes(t.Context(), m, p, findings[p.name])
			result(p, row, err)
		}
	}
	modulesCureAndUndo(t, m, modules, findings, result)
	guest.Report(t, "triage-cured-and-undone", len(firstFix), different)
}

// modulesCureAndUndo applies the fixes that are modules in one commit, which
// semodule takes many seconds for, and takes them back in another. That each
// probe is cured by its own and no other is what the policy says: with all but
// that module, the access is still denied.
func modulesCureAndUndo(t *testing.T, m *sekit.Machine, probes []probe, findings map[string]triage.Finding, result func(probe, string, error)) {
	t.Helper()
	sys, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, cures := map[string]string{}, map[string]sekit.Settings{}
	probes = slices.DeleteFunc(probes, func(p probe) bool {
		f := findings[p.name]
		row, err := wrongFix(p, f)
		if err != nil {
			result(p, row, err)
			return true
		}
		rows[p.name], cures[p.name] = row, f.Fixes[0].Settings
		return false
	})
	// allBut joins the cures of the other probes.
	allBut := func(without string) (s sekit.Settings) {
		for _, p := range probes {
			if p.name != without {
				s.Modules = append(s.Modules, cures[p.name].Modules...)
			}
		}
		return s
	}
	errs := map[string]error{}
	for _, p := range probes {
		errs[p.name] = deniedWith(t.Context(), sys, allBut(p.name), findings[p.name].Denial.Access())
	}
	plan, err := sys.Plan(t.Context(), allBut(""))
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Modules) != len(probes) {
		t.Errorf("%d modules are installed for %d probes", len(plan.Modules), len(probes))
	}
	start := time.Now()
	undo, err := m.Apply(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	made := time.Since(start)
	for _, p := range probes {
		if _, err := provoke(p.name); err == nil {
			errs[p.name] = errors.Join(errs[p.name], errors.New("it is denied with the fix, too"))
		}
	}
	if _, err := m.Apply(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	for _, p := range probes {
		if _, err := provoke(p.name); err != nil {
			errs[p.name] = errors.Join(errs[p.name], fmt.Errorf("undone, and not denied: %w", err))
		}
		result(p, rows[p.name]+"; cured, undone", errs[p.name])
	}
	guest.Row("triage", "modules", fmt.Sprintf("%d in one commit, made in %.1f s", len(probes), made.Seconds()))
}

// deniedWith wants the policy to deny the access with the settings, too.
func deniedWith(ctx context.Context, sys *sekit.System, s sekit.Settings, a policy.Access) error {
	plan, err := sys.Plan(ctx, s)
	if err != nil {
		return err
	}
	changes, err := sys.PolicyChanges(plan)
	if err != nil {
		return err
	}
	with, err := sys.Policy.With(changes...)
	if err != nil {
		return err
	}
	d, err := with.Decide(a)
	if err == nil && d.Allowed {
		err = errors.New("the fix of another probe cures it")
	}
	return err
}

// triageProbes runs all probes and returns what triage makes of the log.
func triageProbes(t *testing.T) map[string]triage.Finding {
	t.Helper()
	offset := size(t, auditLog)
	pids := map[int]string{}
	for _, p := range probes() {
		pid, err := provoke(p.name)
		if err != nil {
			t.Fatalf("probe %v", err)
		}
		pids[pid] = p.name
	}
	readLog(t, offset, mark(t))
	sys, err := sekit.Open()
	if err != nil {
		t.Fatal(err)
	}
	tr, err := triage.New(sys, triage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report := tr.Read(avc.NewReader(bytes.NewReader(logged(t, offset)), avc.Options{Provenance: avc.ProvenanceFile}).Events())
	found := map[string]triage.Finding{}
	for _, f := range report.Findings {
		if name, ok := pids[f.Denial.Pid]; ok {
			found[name] = f
		}
	}
	return found
}

// curesAndUndoes applies a finding's first fix to the machine and takes it back.
// The row says what was done, for the table.
func curesAndUndoes(ctx context.Context, m *sekit.Machine, p probe, f triage.Finding) (row string, err error) {
	row, err = wrongFix(p, f)
	if err != nil || len(f.Fixes) == 0 {
		return row, err
	}
	fix := f.Fixes[0]
	sys, err := m.System(ctx)
	if err != nil {
		return row, err
	}
	plan, err := fix.Plan(ctx, sys)
	if err != nil {
		return row, err
	}
	start := time.Now()
	undo, err := m.Apply(ctx, plan)
	if err != nil {
		return row, err
	}
	row += fmt.Sprintf("; made in %.1f s", time.Since(start).Seconds())
	if _, err := provoke(p.name); err == nil {
		return row, errors.New("it is denied with the fix, too")
	}
	row += ", cured"
	if _, err := os.Lstat(p.path); p.path != "" && errors.Is(err, fs.ErrNotExist) {
		// The access that went through was the file's removal: there is nothing
		// left to give a context back.
		return row + ", and the file is gone", nil
	}
	if _, err := m.Apply(ctx, undo); err != nil {
		return row, err
	}
	if _, err := provoke(p.name); err != nil {
		return row, fmt.Errorf("undone, and not denied: %w", err)
	}
	return row + ", undone", nil
}

// wrongFix says what a finding has to offer first, and whether that is of the
// wanted kind.
func wrongFix(p probe, f triage.Finding) (row string, err error) {
	want := firstFix[p.name]
	switch {
	case f.Denial == nil:
		return "no finding", errors.New("no finding")
	case len(f.Fixes) == 0 && want == 0:
		return "no fix: " + refusals(f), nil
	case len(f.Fixes) == 0:
		return "no fix: " + refusals(f), fmt.Errorf("no fix, not a %v; %v", want, f.Why)
	}
	fix := f.Fixes[0]
	row = fmt.Sprintf("%v: %s", fix.Kind, fix.Summary)
	if fix.Kind != want {
		return row, fmt.Errorf("the first fix is a %v, not a %v: %s", fix.Kind, want, fix.Summary)
	}
	return row, nil
}

func refusals(f triage.Finding) string {
	var s []string
	for _, r := range f.Rejected {
		s = append(s, fmt.Sprintf("%v (%s)", r.Kind, r.Reason))
	}
	return strings.Join(s, ", ")
}

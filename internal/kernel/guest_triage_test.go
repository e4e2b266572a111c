//go:build kernelguest && linux

package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/internal/kernel/guest"
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
	t.Chdir(t.TempDir())
	findings := triageProbes(t)
	different := 0
	for _, p := range probes() {
		if p.class == "" {
			continue
		}
		row, err := curesAndUndoes(p, findings[p.name])
		guest.Row("triage", p.name, row)
		if err != nil {
			different++
			t.Errorf("%s: %v", p.name, err)
		}
	}
	guest.Report(t, "triage-cured-and-undone", len(firstFix), different)
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
	time.Sleep(2 * time.Second) // auditd has written it all by then

	sys, err := sekit.Open()
	if err != nil {
		t.Fatal(err)
	}
	tr, err := triage.New(sys, triage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(auditLog)
	if err != nil {
		t.Fatal(err)
	}
	report := tr.Read(avc.NewReader(bytes.NewReader(log[offset:]), avc.Options{Provenance: avc.ProvenanceFile}).Events())
	found := map[string]triage.Finding{}
	for _, f := range report.Findings {
		if name, ok := pids[f.Denial.Pid]; ok {
			found[name] = f
		}
	}
	return found
}

// curesAndUndoes makes a finding's first fix and takes it back. The row says
// what was done, for the table.
func curesAndUndoes(p probe, f triage.Finding) (row string, err error) {
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
	if err := makeFix(fix); err != nil {
		return row, err
	}
	if _, err := provoke(p.name); err == nil {
		return row, errors.New("it is denied with the fix, too")
	}
	row += "; cured"
	if err := restore(p.path); err != nil {
		return row, err
	}
	if len(fix.Undo) == 0 {
		return row + "; no commands undo it", nil
	}
	if err := runAll(fix.Undo); err != nil {
		return row, err
	}
	if _, err := provoke(p.name); err != nil {
		return row, fmt.Errorf("undone, and not denied: %w", err)
	}
	return row + "; undone", nil
}

func refusals(f triage.Finding) string {
	var s []string
	for _, r := range f.Rejected {
		s = append(s, fmt.Sprintf("%v (%s)", r.Kind, r.Reason))
	}
	return strings.Join(s, ", ")
}

// restore makes a path again if the access that went through removed it. Its
// context is the one that the fix gave it: its directory's.
func restore(path string) error {
	if _, err := os.Lstat(path); path == "" || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.WriteFile(path, nil, 0o755)
}

// makeFix makes a fix as its commands do; a module is put where they look for it.
func makeFix(fix triage.Fix) error {
	if m := fix.Module; m != nil {
		for ext, write := range map[string]func() ([]byte, error){".te": m.TE, ".cil": m.CIL} {
			data, err := write()
			if err == nil {
				err = os.WriteFile(m.Name+ext, data, 0o644)
			}
			if err != nil {
				return err
			}
		}
	}
	return runAll(fix.Commands)
}

func runAll(commands []triage.Command) error {
	for _, c := range commands {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c, err, out)
		}
	}
	return nil
}

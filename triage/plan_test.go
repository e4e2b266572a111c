package triage_test

import (
	"io/fs"
	"path"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/sekittest"
	"github.com/sekit/sekit/triage"
)

// machine is the demonstration's machine, with the one file that a denial was
// about.
func machine(t *testing.T, f *triage.Finding) *sekittest.Machine {
	t.Helper()
	sys := demoSystem(t)
	var local fcontext.LocalRecords
	data, err := fs.ReadFile(demo.Contexts(), "file_contexts.local")
	if err == nil {
		local.Records, err = fcontext.ParseLocal("file_contexts.local", data)
	}
	if err != nil {
		t.Fatal(err)
	}
	files := fcontexttest.NewTree()
	if name := relabelled(f); name != "" {
		kind := map[string]fcontext.Kind{"file": fcontext.File, "dir": fcontext.Dir, "sock_file": fcontext.Socket}[f.Denial.Class]
		if err := files.Make(fcontexttest.File{Path: name, Kind: kind, Context: f.Denial.Target.String()}); err != nil {
			t.Fatal(err)
		}
	}
	return sekittest.NewMachine(sys.Policy, sekittest.Options{Contexts: sys.Contexts, LocalContexts: local, Files: files, StateDir: t.TempDir()})
}

// relabelled is the path that the finding's fixes relabel, or one below it.
func relabelled(f *triage.Finding) string {
	for _, fix := range f.Fixes {
		if len(fix.Settings.Relabel) == 0 {
			continue
		}
		r := fix.Settings.Relabel[0]
		if r.Recursive && f.Denial.Class != "dir" {
			return path.Join(r.Path, "file")
		}
		return r.Path
	}
	return ""
}

// Every fix that is not for people alone is a plan; applied, it cures the denial
// on a machine, and its undo brings the denial back.
func TestFixPlan(t *testing.T) {
	sys := demoSystem(t)
	kinds := make(map[triage.Kind]int)
	for _, f := range read(t, sys, demo.AuditLog()).Findings {
		for _, fix := range f.Fixes {
			if len(fix.Commands) > 0 == fix.Settings.IsZero() {
				t.Errorf("%s: commands %v, settings %+v", fix.Summary, fix.Commands, fix.Settings)
			}
			if fix.Settings.IsZero() {
				if p, err := fix.Plan(t.Context(), sys); err == nil || p != nil {
					t.Errorf("%s: a plan: %v", fix.Summary, p)
				}
				continue
			}
			kinds[fix.Kind]++
			m := machine(t, &f)
			now, err := m.System(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p, err := fix.Plan(t.Context(), now)
			if err != nil || p.Empty() {
				t.Errorf("%s: %v, %v", fix.Summary, p, err)
				continue
			}
			if cured(t, m, &f, &fix) {
				t.Errorf("%s: nothing to cure", fix.Summary)
			}
			undo, err := m.Apply(t.Context(), p)
			if err != nil {
				t.Errorf("%s: %v", fix.Summary, err)
				continue
			}
			if !cured(t, m, &f, &fix) {
				t.Errorf("%s: not cured by\n%s", fix.Summary, p)
			}
			if _, err := m.Apply(t.Context(), undo); err != nil || cured(t, m, &f, &fix) {
				t.Errorf("%s: not undone (%v) by\n%s", fix.Summary, err, undo)
			}
		}
	}
	for kind := triage.Context; kind <= triage.Module; kind++ {
		if kinds[kind] < 3 {
			t.Errorf("%d fixes of the kind %s", kinds[kind], kind)
		}
	}
}

// cured reports whether the machine's kernel allows what was denied, on the
// object as it is labelled now.
func cured(t *testing.T, m *sekittest.Machine, f *triage.Finding, fix *triage.Fix) bool {
	t.Helper()
	s, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a := f.Access
	switch fix.Kind {
	case triage.Port:
		name, number, _ := f.Denial.Port()
		var protocol port.Protocol
		if err := protocol.UnmarshalText([]byte(name)); err != nil {
			t.Fatal(err)
		}
		on, err := s.Ports.Lookup(protocol, int(number))
		if err != nil {
			t.Fatal(err)
		}
		a.Target = on.Context
	case triage.Context:
		now, err := s.FileContext(relabelled(f))
		if err != nil {
			t.Fatal(err)
		}
		if fix.Relabel == nil { // a program: a new process of it gets its domain
			return now != f.Denial.Target
		}
		a.Target = now
	}
	d, err := m.Decide(a)
	if err != nil {
		t.Fatal(err)
	}
	hidden := fix.Hides
	for _, r := range d.Denied {
		hidden = hidden && r.Hidden
	}
	return d.Allowed || hidden
}

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/sekit/sekit/examples/internal/machine"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/sekittest"
)

// What is embedded is what go generate would make of the sources.
func TestGenerated(t *testing.T) {
	te, err1 := os.ReadFile("webapp.te")
	fc, err2 := os.ReadFile("webapp.fc")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	m, err := module.ParseTE("webapp.te", te)
	if err != nil {
		t.Fatal(err)
	}
	pp, err := m.PP(module.PPOptions{FileContexts: fc})
	if err != nil || !bytes.Equal(pp, webapp) {
		t.Errorf("webapp.pp is not made of webapp.te (run go generate): %v", err)
	}
}

func TestInstall(t *testing.T) {
	sys, err := machine.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	m := sekittest.NewMachine(sys.Policy, sekittest.Options{Contexts: sys.Contexts})
	connect := policy.Access{Source: policy.MustParseContext("system_u:system_r:httpd_t:s0"),
		Target: policy.MustParseContext("system_u:system_r:initrc_t:s0"), Class: "unix_stream_socket", Permissions: []string{"connectto"}}
	for _, step := range []struct {
		remove, apply bool
		says          []string
		allowed       bool
		commits       int
	}{
		{apply: false, says: []string{"install module webapp (400)", "add port tcp 8790 as http_port_t", "opens ",
			"    semodule -X 400 -i webapp.pp\n    semanage port -a -t http_port_t -p tcp 8790\n"}},
		{apply: true, says: []string{"done"}, allowed: true, commits: 1},
		{apply: true, says: []string{"nothing to do"}, allowed: true, commits: 1},
		{remove: true, says: []string{"remove module webapp (400)", "-apply"}, allowed: true, commits: 1},
		{remove: true, apply: true, says: []string{"done"}, commits: 2},
		{remove: true, apply: true, says: []string{"nothing to do"}, commits: 2},
	} {
		want := wanted()
		if step.remove {
			want = unwanted()
		}
		var out strings.Builder
		if err := install(t.Context(), m.Machine, want, step.apply, &out); err != nil {
			t.Fatal(err)
		}
		for _, s := range step.says {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%+v: not in the output: %q\n%s", step, s, &out)
			}
		}
		d, err := m.Decide(connect)
		if err != nil || d.Allowed != step.allowed || m.Commits() != step.commits {
			t.Errorf("%+v: allowed %v after %d commits, %v", step, d.Allowed, m.Commits(), err)
		}
	}
}

func TestRehearsal(t *testing.T) {
	var out, errs strings.Builder
	if err := run(t.Context(), []string{"-root", t.TempDir()}, &out, &errs); err == nil {
		t.Errorf("an empty image: %s", &out)
	}
	if err := run(t.Context(), []string{"-x"}, &out, &errs); err == nil {
		t.Error("an unknown flag")
	}
}

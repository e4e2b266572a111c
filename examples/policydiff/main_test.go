package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

const (
	query  = "../../policy/testdata/query.policy"
	decide = "../../policy/testdata/decide.policy"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args         []string
		json, access bool
		differ       bool
		want         string
	}{
		{args: []string{query, query}},
		{args: []string{query, query}, access: true},
		{args: []string{query, query}, json: true, want: `"sections": []`},
		{args: []string{query, decide}, differ: true, want: "  - allow haproxy_t http_port_t:tcp_socket { name_bind name_connect };\n"},
		{args: []string{query, decide}, json: true, differ: true, want: `"kind": "allow rules"`},
		{args: []string{query, query}, json: true, access: true},
		{args: []string{query, decide}, json: true, access: true, differ: true,
			want: `{"kind":"allow","source":"haproxy_t","target":"http_port_t","class":"tcp_socket","removed":["name_bind","name_connect"]}`},
		{args: []string{query, decide}, access: true, differ: true, want: "allow haproxy_t http_port_t:tcp_socket { -name_bind -name_connect };\n"},
	} {
		var out strings.Builder
		differ, err := run(c.args, c.json, c.access, &out)
		if err != nil || differ != c.differ || !strings.Contains(out.String(), c.want) || c.want == "" && out.Len() > 0 {
			t.Errorf("%+v: %v %v\n%s", c, differ, err, &out)
		}
	}
	if _, err := run([]string{query}, false, false, nil); err == nil {
		t.Error("one policy is not enough")
	}
	if _, err := run([]string{query, "main.go"}, false, false, nil); err == nil {
		t.Error("main.go is no policy")
	}
}

func TestHostileNames(t *testing.T) {
	for _, access := range []bool{false, true} {
		var out strings.Builder
		_, err := run([]string{query, hostile(t)}, false, access, &out)
		if err != nil || strings.Contains(out.String(), "\u009b") || !strings.Contains(out.String(), `"allow \u009b2J `) {
			t.Errorf("%v %v\n%q", access, err, &out)
		}
	}
}

// hostile writes the policy with a name that clears a terminal.
func hostile(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../policy/testdata/query.policy")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policydb.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Types {
		if p.Types[i].Name == "haproxy_t" {
			p.Types[i].Name = "\u009b2J"
		}
	}
	if data, err = policydb.Encode(p); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.33")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

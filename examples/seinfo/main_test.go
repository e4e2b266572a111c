package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// The statements are those of policy/testdata/query.conf.
func TestRun(t *testing.T) {
	const file = "../../policy/testdata/query.policy"
	for args, want := range map[string]string{
		"--type=haproxy_t -x":   "type haproxy_t alias { balancer_t lb_t }, domain;\n",
		"-x -t haproxy_t":       "type haproxy_t alias { balancer_t lb_t }, domain;\n",
		"--type=haproxy_t":      "haproxy_t\n",
		"-a trusted -x":         "attribute trusted;\n\tkernel_t\n",
		"--portcon=http_port_t": "portcon tcp 80 system_u:object_r:http_port_t:s0\nportcon tcp 8443 system_u:object_r:http_port_t:s0\n",
		"--portcon=8443":        "portcon tcp 8443 system_u:object_r:http_port_t:s0\nportcon tcp 8000-8999 system_u:object_r:ephemeral_port_t:s0\n",
		"--portcon=8999":        "portcon tcp 8000-8999 system_u:object_r:ephemeral_port_t:s0\n",
		"--permissive":          "haproxy_t\n",
	} {
		for _, policy := range []string{" " + file, " -policy " + file, " -policy=" + file} {
			if strings.HasSuffix(args, "permissive") && policy[1] != '-' {
				continue // it would be taken for a name
			}
			var out strings.Builder
			if err := run(strings.Fields(args+policy), &out); err != nil || out.String() != want {
				t.Errorf("%s%s: %v\n%s", args, policy, err, &out)
			}
		}
	}
	var out strings.Builder
	if err := run([]string{file}, &out); err != nil || !strings.Contains(out.String(), "     15 type\n") || !strings.Contains(out.String(), "      1 range_transition rules\n") {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, args := range []string{"--type=no_such " + file, "--no_such", "--bool=x y policy.33", "-t -a", "main.go"} {
		if err := run(strings.Fields(args), &out); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}

func TestHostileNames(t *testing.T) {
	for _, args := range []string{"--type", "--type -x", "--permissive -x"} {
		var out strings.Builder
		err := run(append(strings.Fields(args), "-policy", hostile(t)), &out)
		if err != nil || strings.Contains(out.String(), "\u009b") || !strings.Contains(out.String(), `\u009b2J`) {
			t.Errorf("%s: %v\n%q", args, err, &out)
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

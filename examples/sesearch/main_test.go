package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// The rules are those of policy/testdata/query.conf.
func TestRun(t *testing.T) {
	for args, want := range map[string]string{
		"-A -s haproxy_t -p name_bind,name_connect -ports": "allow haproxy_t http_port_t:tcp_socket { name_bind name_connect };\n" +
			"portcon tcp 80 system_u:object_r:http_port_t:s0\nportcon tcp 8443 system_u:object_r:http_port_t:s0\n",
		"--allow -s httpd_t -p name_connect -ports": "allow httpd_t port_t:tcp_socket name_connect; [ httpd_can_network_connect ]:True\n",
		"-T -rs -s ^kernel":                         "type_transition kernel_t httpd_exec_t:process httpd_t;\n",
		"--role_allow":                              "allow staff_r system_r;\n",
		"-A -x 0x8910":                              "allowxperm httpd_t httpd_log_t:file ioctl 0x8910;\n",
		"--allow -p read,write -ep":                 "allow httpd_t httpd_log_t:file { read write };\n",
		"--dontaudit -b httpd_can_network_connect":  "dontaudit httpd_t port_t:tcp_socket name_connect; [ httpd_can_network_connect ]:False\n",
	} {
		var out strings.Builder
		err := run(append(strings.Fields(args), "-policy", "../../policy/testdata/query.policy"), &out)
		if err != nil || out.String() != want {
			t.Errorf("%s: %v\n%s", args, err, &out)
		}
		// SETools' way to name the policy.
		out.Reset()
		err = run(append(strings.Fields(args), "../../policy/testdata/query.policy"), &out)
		if err != nil || out.String() != want {
			t.Errorf("%s POLICY: %v\n%s", args, err, &out)
		}
	}
	for _, args := range []string{"-A -s no_such", "-A -rs -s (", "-policy main.go", "-A -x y", "-A main.go", "-A x y", "-policy x y"} {
		if err := run(strings.Fields(args), nil); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}

func TestHostileNames(t *testing.T) {
	var out strings.Builder
	err := run([]string{"-A", "-p", "name_bind", hostile(t)}, &out)
	if err != nil || strings.Contains(out.String(), "\u009b") || !strings.Contains(out.String(), `"allow \u009b2J `) {
		t.Errorf("%v\n%q", err, &out)
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

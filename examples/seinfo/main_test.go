package main

import (
	"strings"
	"testing"
)

// The statements are those of policy/testdata/query.conf.
func TestRun(t *testing.T) {
	const file = "../../policy/testdata/query.policy"
	for args, want := range map[string]string{
		"type haproxy_t":      "type haproxy_t alias { balancer_t lb_t }, domain;\n",
		"attribute trusted":   "attribute trusted;\n\tkernel_t\n",
		"portcon http_port_t": "portcon tcp 80 system_u:object_r:http_port_t:s0\nportcon tcp 8443 system_u:object_r:http_port_t:s0\n",
		"permissive":          "type haproxy_t alias { balancer_t lb_t }, domain;\n",
	} {
		var out strings.Builder
		if err := run(file, strings.Fields(args), &out); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%s", args, err, &out)
		}
	}
	var out strings.Builder
	if err := run(file, nil, &out); err != nil || !strings.Contains(out.String(), "     15 type\n") {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, args := range []string{"type no_such", "no_such", "bool httpd_can_network_connect policy.33"} {
		if err := run(file, strings.Fields(args), &out); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}

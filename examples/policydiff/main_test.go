package main

import (
	"strings"
	"testing"
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
		{args: []string{query, query}, json: true, want: `"sections": null`},
		{args: []string{query, decide}, differ: true, want: "  - allow haproxy_t http_port_t:tcp_socket { name_bind name_connect };\n"},
		{args: []string{query, decide}, json: true, differ: true, want: `"kind": "allow rules"`},
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

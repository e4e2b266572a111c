package policy_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func TestDiffSame(t *testing.T) {
	p := queryPolicy(t)
	if d := policy.Diff(p, p); !d.IsEmpty() {
		t.Errorf("%+v", d)
	}
	for c := range policy.AccessChanges(p, p) {
		t.Errorf("%v", c)
	}
}

// The changes of With are the difference to the policy that it was made of.
func TestDiffWith(t *testing.T) {
	old := queryPolicy(t)
	rules, err := old.Rules(policy.RuleQuery{Kinds: policy.KindAuditAllow})
	if err != nil {
		t.Fatal(err)
	}
	new, err := old.With(
		policy.RemoveRule{Rule: slices.Collect(rules)[0]},
		policy.AllowRule{Source: "haproxy_t", Target: "file_type", Class: "file", Permissions: []string{"read"}},
		policy.MakePermissive{Type: "httpd_t"},
		policy.PortContext{Protocol: policy.TCP, Low: 81, High: 81, Type: "http_port_t"})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := policy.Diff(old, new).WriteText(&text); err != nil {
		t.Fatal(err)
	}
	const want = `types: 0 added, 0 removed, 1 modified
  * httpd_t
      + permissive

portcon statements: 1 added, 0 removed, 0 modified
  + portcon tcp 81 system_u:object_r:http_port_t:s0

allow rules: 1 added, 0 removed, 0 modified
  + allow haproxy_t file_type:file read;

auditallow rules: 0 added, 1 removed, 0 modified
  - auditallow domain httpd_log_t:file write;
`
	if text.String() != want {
		t.Errorf("got %s\nwant %s", &text, want)
	}
	// What that comes to: the types of domain lose auditallow, haproxy_t gains
	// read on the types of file_type.
	wantLines(t, "accesses", texts(policy.AccessChanges(old, new)),
		"allow haproxy_t httpd_exec_t:file { +read };",
		"allow haproxy_t httpd_log_t:file { +read };",
		"allow haproxy_t httpd_sys_content_t:file { +read };",
		"allow haproxy_t proc_net_t:file { +read };",
		"allow haproxy_t proc_t:file { +read };",
		"allow haproxy_t unlabeled_t:file { +read };",
		"auditallow haproxy_t httpd_log_t:file { -write };",
		"auditallow httpd_t httpd_log_t:file { -write };",
		"auditallow httpd_worker_t httpd_log_t:file { -write };",
		"auditallow kernel_t httpd_log_t:file { -write };")
}

// Against another policy: what is only in one is added or removed as a whole.
func TestDiffOther(t *testing.T) {
	old := queryPolicy(t)
	new, err := policy.Open("testdata/decide.policy")
	if err != nil {
		t.Fatal(err)
	}
	there, back := policy.Diff(old, new), policy.Diff(new, old)
	if len(there.Sections) == 0 || len(there.Sections) != len(back.Sections) {
		t.Fatalf("%d and %d sections", len(there.Sections), len(back.Sections))
	}
	for i, s := range there.Sections {
		b := back.Sections[i]
		if s.Kind != b.Kind || !slices.Equal(s.Added, b.Removed) || !slices.Equal(s.Removed, b.Added) || len(s.Modified) != len(b.Modified) {
			t.Errorf("%s: not the reverse of the way back", s.Kind)
		}
	}
	data, err := json.Marshal(there)
	if err != nil {
		t.Fatal(err)
	}
	var again policy.Difference
	if err := json.Unmarshal(data, &again); err != nil || len(again.Sections) != len(there.Sections) {
		t.Errorf("JSON: %v", err)
	}
}

// BenchmarkDiff compares the policy of the benchmarks with the embedded one.
func BenchmarkDiff(b *testing.B) {
	old := searched(b)
	new, err := policy.Parse(demo.Policy())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		policy.Diff(old, new)
	}
}

// BenchmarkAccessChanges does so with all attributes expanded.
func BenchmarkAccessChanges(b *testing.B) {
	old := searched(b)
	new, err := policy.Parse(demo.Policy())
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n = 0
		for range policy.AccessChanges(old, new) {
			n++
		}
	}
	b.ReportMetric(float64(n), "changes")
}

//go:build oracle

package refpolicy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module/refpolicy"
	"github.com/sekit/sekit/policy"
)

// TestOracleSuggest looks for interfaces on Debian's policy for what a daemon
// was denied. Which interface a policy author would take is known; that each
// suggestion cures, the policy says.
func TestOracleSuggest(t *testing.T) {
	oracle.Require(t, oracle.DebianPolicy)
	h := debian(t)
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	compared, different := 0, 0
	for _, tt := range []struct {
		target, class, permissions string
		want                       string
	}{
		{"system_u:system_r:mysqld_t:s0", "unix_stream_socket", "connectto", "mysql_stream_connect(chronyd_t)"},
		{"system_u:object_r:httpd_config_t:s0", "file", "getattr open read", "apache_read_config(chronyd_t)"},
		{"system_u:object_r:smtp_port_t:s0", "tcp_socket", "name_connect", "corenet_tcp_connect_smtp_port(chronyd_t)"},
		{"system_u:object_r:sysctl_vm_t:s0", "file", "getattr open read", "kernel_read_vm_sysctls(chronyd_t)"},
		{"system_u:object_r:http_cache_port_t:s0", "tcp_socket", "name_bind", "corenet_tcp_bind_http_cache_port(chronyd_t)"},
	} {
		need := policy.Access{Source: policy.MustParseContext("system_u:system_r:chronyd_t:s0"),
			Target: policy.MustParseContext(tt.target), Class: tt.class, Permissions: strings.Fields(tt.permissions)}
		got, err := h.Suggest(p, []policy.Access{need})
		if err != nil {
			t.Fatal(err)
		}
		compared++
		i := slices.IndexFunc(got, func(s refpolicy.Suggestion) bool { return s.Call == tt.want })
		if i < 0 || i > 2 {
			different++
			t.Errorf("%s is number %d of %d", tt.want, i, len(got))
		}
		for n, s := range got {
			if n < 6 {
				t.Logf("%s: opens %d, %d beyond", s.Call, s.Exposure.Tuples, s.Beyond)
			}
			if n > 0 && s.Beyond < got[n-1].Beyond {
				t.Errorf("%s is out of order", s.Call)
			}
		}
	}
	oracle.Report(t, "refpolicy-suggested", compared, different)
}

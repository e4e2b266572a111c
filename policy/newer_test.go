package policy_test

import (
	"testing"

	"github.com/sekit/sekit/policy"
)

// What versions 34 and 35 brought, which SETools' releases can't read yet. The
// expectations are read off internal/policydb/testdata/newer.c: it adds to the
// true branch of app_write != app_net (kitchen.conf has it as its last if) an
// allowxperm for 0x5413, an allowxperm for netlink
// messages, and in version 35 two neveraudit types.
func TestNewerVersions(t *testing.T) {
	for name, neverAudit := range map[string][]string{
		"../internal/policydb/testdata/kitchen-34.policy": nil,
		"../internal/policydb/testdata/kitchen-35.policy": {"app_t", "init_t"},
	} {
		p, err := policy.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		wantLines(t, "neveraudit types", texts(p.NeverAuditTypes()), neverAudit...)
		wantLines(t, "conditional extended permissions",
			search(t, p, policy.RuleQuery{Kinds: policy.XpermKinds, Booleans: []string{"app_net"}}),
			"allowxperm app_t etc_runtime_t:file ioctl 0x5413; [ app_write != app_net ]:True")
		wantLines(t, "netlink messages",
			search(t, p, policy.RuleQuery{Kinds: policy.XpermKinds, Permissions: []string{"nlmsg"}}),
			"allowxperm app_t http_port_t:tcp_socket nlmsg 0x0410-0x0413;")
	}
}

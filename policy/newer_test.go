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

// TestNewerCompiled reads what checkpolicy 3.11 makes of kitchen.conf without
// fscon, which it no longer knows, with
//
//	if (app_net != app_write) {
//		…
//		allowxperm app_t etc_runtime_t : file ioctl { 0x5413 0x5600-0x57ff };
//		dontauditxperm app_t bin_t : file ioctl 0x5401;
//	} else {
//		auditallow domain bin_t : dir search;
//		auditallowxperm domain etc_runtime_t : file ioctl { 0x5413 };
//	}
//	neveraudit app_t;
//	neveraudit init_t;
//	allowxperm app_t http_port_t : tcp_socket nlmsg { 0x410-0x413 };
//
// and wants the rules that its own listing (-b -F) has for that.
func TestNewerCompiled(t *testing.T) {
	p, err := policy.Open("../internal/policydb/testdata/newer-35.policy")
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "neveraudit types", texts(p.NeverAuditTypes()), "app_t", "init_t")
	wantLines(t, "extended permissions", search(t, p, policy.RuleQuery{Kinds: policy.XpermKinds}),
		"allowxperm app_t etc_runtime_t:file ioctl 0x5413; [ app_write != app_net ]:True",
		"allowxperm app_t etc_runtime_t:file ioctl 0x5600-0x57ff; [ app_write != app_net ]:True",
		"allowxperm app_t etc_t:file ioctl { 0x1234 0x1236-0x1240 };",
		"allowxperm app_t file_type:chr_file ioctl 0x2000-0x22ff;",
		"allowxperm app_t file_type:chr_file ioctl 0x30ff;",
		"allowxperm app_t http_port_t:tcp_socket nlmsg 0x0410-0x0413;",
		"auditallowxperm domain etc_runtime_t:file ioctl 0x5413; [ app_write != app_net ]:False",
		"auditallowxperm domain etc_t:file ioctl 0x8901;",
		"dontauditxperm app_t bin_t:file ioctl 0x5401; [ app_write != app_net ]:True",
		"dontauditxperm app_t bin_t:file ioctl { 0x0000-0x53ff 0x5500-0xffff };",
		"dontauditxperm app_t bin_t:file ioctl { 0x5400 0x5402-0x54ff };")
}

package policy

import (
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// TestXpermRules is about the kinds of extended permission rules that
// checkpolicy 3.4 can't write: for whole drivers, for netlink messages (libsepol
// 3.8), under a condition (policy version 34).
func TestXpermRules(t *testing.T) {
	p := openTest(t, "decide.policy")
	value := func(typ string) uint16 { return uint16(p.sym.typeByName[typ]) }
	class := func(name string) uint16 { return uint16(p.sym.classByName[name]) }
	build := func(conditional bool, rules ...policydb.AVRule) *Policy {
		db := *p.db
		db.XPerms = append([]policydb.XPerms(nil),
			policydb.XPerms{Specified: policydb.XPermsIoctlDriver, Perms: [8]uint32{1 << 0x12}},                       // 0: drivers 0x12
			policydb.XPerms{Specified: policydb.XPermsIoctlFunction, Driver: 0x54, Perms: [8]uint32{1: 1 << 2}},       // 1: 0x5422
			policydb.XPerms{Specified: policydb.XPermsNlmsg, Driver: 0, Perms: [8]uint32{1<<16 | 1<<18}},              // 2: 16, 18
			policydb.XPerms{Specified: policydb.XPermsIoctlFunction, Driver: 0x54, Perms: [8]uint32{0xffffffff, 255}}, // 3: 0x5400-0x5427
		)
		var keep []policydb.AVRule
		for _, r := range db.AVTab {
			if r.Kind&policydb.XPermsKinds == 0 {
				keep = append(keep, r)
			}
		}
		db.AVTab = keep
		if conditional {
			db.Conditionals = append(db.Conditionals[:len(db.Conditionals):len(db.Conditionals)], policydb.Conditional{
				Expr: []policydb.CondTerm{{Op: policydb.CondBool, Boolean: p.sym.booleanByName["app_net"]}}, True: rules})
		} else {
			db.AVTab = append(db.AVTab, rules...)
		}
		return newPolicy(&db)
	}
	rule := func(kind policydb.AVKind, source, target, cls string, xperms uint32) policydb.AVRule {
		return policydb.AVRule{Source: value(source), Target: value(target), Class: class(cls), Kind: kind, Data: xperms}
	}
	const (
		tty   = "system_u:system_r:app_t:s0 system_u:object_r:tty_t:s0 chr_file ioctl"
		route = "system_u:system_r:app_t:s0 system_u:system_r:app_t:s0 netlink_route_socket nlmsg"
	)
	driver := rule(policydb.XPermsAllow, "domain", "file_type", "chr_file", 0)
	function := rule(policydb.XPermsAllow, "app_t", "tty_t", "chr_file", 1)
	message := rule(policydb.XPermsAllow, "app_t", "app_t", "netlink_route_socket", 2)
	ioctlOnRoute := rule(policydb.XPermsAllow, "app_t", "app_t", "netlink_route_socket", 1)
	dontaudit := rule(policydb.XPermsDontAudit, "app_t", "tty_t", "chr_file", 3)
	auditallow := rule(policydb.XPermsAuditAllow, "app_t", "tty_t", "chr_file", 3)
	for _, test := range []struct {
		why    string
		p      *Policy
		access string
		xperm  uint16
		want   string
	}{
		{"no rule at all", build(false), tty, 0x1234, "ioctl"},
		{"all functions of a driver, through attributes", build(false, driver), tty, 0x1234, "ioctl"},
		{"another driver", build(false, driver), tty, 0x1334, "-ioctl[xperm]"},
		{"both kinds add up", build(false, driver, function), tty, 0x5422, "ioctl"},
		{"dontauditxperm alone lists nothing that is granted", build(false, dontaudit), tty, 0x5427, "-ioctl[xperm]hidden"},
		{"and hides only what it lists", build(false, dontaudit), tty, 0x5428, "-ioctl[xperm]"},
		{"auditallowxperm as well", build(false, auditallow), tty, 0x5427, "-ioctl[xperm]"},
		{"a condition that doesn't hold", build(true, function), tty, 0x1234, "ioctl"},
		{"a condition that holds", with(t, build(true, function), SetBoolean{"app_net", true}), tty, 0x1234, "-ioctl[xperm]"},
		{"and lists it", with(t, build(true, function), SetBoolean{"app_net", true}), tty, 0x5422, "ioctl"},
		{"netlink messages", build(false, message), route, 18, "nlmsg"},
		{"another message", build(false, message), route, 17, "-nlmsg[xperm]"},
		{"another driver byte", build(false, message), route, 1<<8 | 18, "-nlmsg[xperm]"},
		{"ioctl commands are no messages, but there are rules", build(false, ioctlOnRoute), route, 0x5422, "-nlmsg[xperm]"},
	} {
		a := access(test.access)
		a.Xperm, a.HasXperm = test.xperm, true
		d, err := test.p.Decide(a)
		if err != nil || verdict(d) != test.want {
			t.Errorf("%s: %s %#x: %s, %v, want %s", test.why, test.access, test.xperm, verdict(d), err, test.want)
		}
		a.HasXperm = false
		if d, err := test.p.Decide(a); err != nil || !d.Allowed {
			t.Errorf("%s: without an extended permission: %s, %v", test.why, verdict(d), err)
		}
	}
	// A boolean that switches the narrowing rule off.
	narrowed := with(t, build(true, function), SetBoolean{"app_net", true})
	a := access(tty)
	a.Xperm, a.HasXperm = 0x1234, true
	sets, err := narrowed.BooleanSets(a)
	if err != nil || len(sets) != 1 || sets[0].Booleans[0] != (SetBoolean{"app_net", false}) {
		t.Errorf("%+v, %v", sets, err)
	}
}

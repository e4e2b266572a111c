package demo_test

import (
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

// A fact is a type enforcement rule that a story of README.md stands on, or
// the lack of one. TestFacts holds the policy engine to it, and the oracle
// lane asks sesearch.
type fact struct {
	source, target, class, permission string
	// boolean is the one boolean that grants the permission, off as shipped;
	// "always" and "never" are for unconditional rules.
	boolean string
}

var facts = []fact{
	// A socket of a web application: only a type that httpd_t may write as a
	// socket helps, and read-only content is none.
	{"httpd_t", "var_t", "sock_file", "write", "never"},
	{"httpd_t", "httpd_sys_content_t", "sock_file", "write", "never"},
	{"httpd_t", "httpd_var_run_t", "sock_file", "write", "always"},
	{"httpd_t", "unconfined_service_t", "unix_stream_socket", "connectto", "always"},

	// Ports: types that the domain may use, and the boolean that opens all.
	{"haproxy_t", "unreserved_port_t", "tcp_socket", "name_connect", "haproxy_connect_any"},
	{"haproxy_t", "wap_wsp_port_t", "tcp_socket", "name_connect", "haproxy_connect_any"},
	{"haproxy_t", "http_port_t", "tcp_socket", "name_connect", "always"},
	{"haproxy_t", "http_cache_port_t", "tcp_socket", "name_connect", "always"},
	{"haproxy_t", "dns_port_t", "tcp_socket", "name_connect", "always"},
	{"syslogd_t", "syslogd_port_t", "tcp_socket", "name_connect", "always"},
	{"syslogd_t", "http_port_t", "tcp_socket", "name_connect", "nis_enabled"},
	{"httpd_t", "transproxy_port_t", "tcp_socket", "name_bind", "never"},
	{"httpd_t", "http_port_t", "tcp_socket", "name_bind", "always"},
	{"sshd_t", "unreserved_port_t", "tcp_socket", "name_bind", "never"},
	{"sshd_t", "ssh_port_t", "tcp_socket", "name_bind", "always"},

	// Booleans.
	{"httpd_t", "httpd_t", "process", "execmem", "httpd_execmem"},
	{"myapp_t", "myapp_t", "process", "execmem", "never"},

	// Files with the wrong type.
	{"httpd_t", "default_t", "dir", "search", "never"},
	{"httpd_t", "default_t", "file", "read", "never"},
	{"httpd_t", "default_t", "file", "getattr", "never"},
	{"httpd_t", "httpd_sys_content_t", "dir", "search", "always"},
	{"httpd_t", "httpd_sys_content_t", "file", "open", "always"},
	{"httpd_t", "user_home_t", "file", "read", "httpd_read_user_content"},
	{"httpd_t", "public_content_t", "file", "read", "always"},
	{"init_t", "user_home_t", "file", "execute", "never"},
	{"init_t", "bin_t", "file", "execute", "always"},
	{"init_t", "unconfined_service_t", "process", "transition", "always"},
	{"unconfined_service_t", "bin_t", "file", "entrypoint", "always"},

	// Containers: allowed by type, so only the categories can stand against.
	{"container_t", "container_file_t", "file", "read", "always"},
	{"container_t", "user_home_t", "dir", "read", "never"},
	{"container_t", "var_t", "file", "read", "never"},
	{"container_t", "container_t", "udp_socket", "ioctl", "always"},

	// The rest.
	{"user_t", "httpd_t", "process", "transition", "never"},
	{"user_t", "user_home_t", "file", "relabelto", "always"},
	{"insights_client_t", "var_log_t", "file", "read", "never"},
	{"haproxy_t", "haproxy_t", "capability", "dac_override", "never"},
	{"haproxy_t", "haproxy_t", "capability", "dac_read_search", "always"},
	{"iptables_t", "fail2ban_t", "fd", "use", "always"},
	{"iptables_t", "fail2ban_t", "unix_stream_socket", "read", "never"},
	{"iptables_t", "fail2ban_log_t", "file", "append", "never"},
	{"user_t", "httpd_unit_file_t", "service", "start", "never"},
	{"user_t", "systemd_unit_file_t", "service", "status", "always"},
	{"httpd_t", "firewalld_t", "dbus", "send_msg", "never"},
	{"httpd_t", "httpd_sys_content_t", "file", "append", "never"},
}

func TestFacts(t *testing.T) {
	p := parse(t)
	for _, f := range facts {
		// The same user and level on both sides, and the same role where the
		// target is a process: no constraint may speak here, only rules.
		role := "object_r"
		if f.class == "process" {
			role = "system_r"
		}
		a := policy.Access{
			Source:      policy.MustParseContext("system_u:system_r:" + f.source + ":s0"),
			Target:      policy.MustParseContext("system_u:" + role + ":" + f.target + ":s0"),
			Class:       f.class,
			Permissions: []string{f.permission},
		}
		d, err := p.Decide(a)
		if err != nil {
			t.Errorf("%v: %v", f, err)
			continue
		}
		if d.Allowed != (f.boolean == "always") {
			t.Errorf("%v: allowed %v as shipped, because %v", f, d.Allowed, d.Reasons())
		}
		if f.boolean == "always" || f.boolean == "never" {
			continue
		}
		on, err := p.With(policy.SetBoolean{Name: f.boolean, On: true})
		if err != nil {
			t.Errorf("%v: %v", f, err)
			continue
		}
		if d, err := on.Decide(a); err != nil || !d.Allowed {
			t.Errorf("%v: boolean on: allowed %v, %v", f, d.Allowed, err)
		}
	}
}

// What the policy must say of the events that no allow rule alone decides.
// The kinds are reasoned from the statements in policy/*.cil; audit2why gives
// the same, where it knows the kind at all (it knows no xperms, and of several
// reasons names the first).
func TestReasonsOfStories(t *testing.T) {
	p := parse(t)
	tests := []struct {
		name, source, target, class, permission string
		xperm                                   uint16
		want                                    []string
	}{
		{"container-mcs", "system_u:system_r:container_t:s0:c1,c2",
			"system_u:object_r:container_file_t:s0:c3,c4", "file", "read", 0, []string{"constraint"}},
		{"container-mcs, cured", "system_u:system_r:container_t:s0:c1,c2",
			"system_u:object_r:container_file_t:s0:c1,c2", "file", "read", 0, nil},
		{"container-mcs, shared", "system_u:system_r:container_t:s0:c1,c2",
			"system_u:object_r:container_file_t:s0", "file", "read", 0, nil},
		{"container-ioctl", "system_u:system_r:container_t:s0:c1,c2",
			"system_u:system_r:container_t:s0:c1,c2", "udp_socket", "ioctl", 0x8914, []string{"xperm"}},
		{"container-ioctl, a reading one", "system_u:system_r:container_t:s0:c1,c2",
			"system_u:system_r:container_t:s0:c1,c2", "udp_socket", "ioctl", 0x8913, nil},
		// user_r may not become system_r by any role allow, user_u may not
		// become system_u by the one constraint, user_r not system_r by the
		// other, and there is no rule.
		{"constraint-transition", "user_u:user_r:user_t:s0",
			"system_u:system_r:httpd_t:s0", "process", "transition", 0,
			[]string{"constraint", "constraint", "no-rule", "role"}},
		{"constraint-user", "user_u:user_r:user_t:s0",
			"system_u:object_r:user_home_t:s0", "file", "relabelto", 0, []string{"constraint"}},
		{"constraint-user, own user", "user_u:user_r:user_t:s0",
			"user_u:object_r:user_home_t:s0", "file", "relabelto", 0, nil},
		{"bounds", "system_u:system_r:anon_webapp_t:s0",
			"system_u:object_r:httpd_sys_content_t:s0", "file", "append", 0, []string{"bounds"}},
	}
	for _, tt := range tests {
		d, err := p.Decide(policy.Access{
			Source: policy.MustParseContext(tt.source), Target: policy.MustParseContext(tt.target),
			Class: tt.class, Permissions: []string{tt.permission},
			Xperm: tt.xperm, HasXperm: tt.xperm != 0,
		})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var kinds []string
		for _, r := range d.Reasons() {
			kinds = append(kinds, r.Kind())
		}
		slices.Sort(kinds)
		if !slices.Equal(kinds, tt.want) {
			t.Errorf("%s: reasons %q, want %q", tt.name, kinds, tt.want)
		}
	}
}

// What booleans open, in tuples: counted with setools over the binary policy,
// every rule expanded, before and after. README.md quotes the numbers.
func TestExposureOfBooleans(t *testing.T) {
	p := parse(t)
	for name, want := range map[string]int{
		"haproxy_connect_any":          65,
		"httpd_can_connect_ldap":       1,
		"httpd_can_network_connect":    34,
		"httpd_can_network_connect_db": 3,
		"httpd_execmem":                6,
		"httpd_read_user_content":      16,
		"httpd_unified":                148,
		"nis_enabled":                  479,
	} {
		e, err := p.Exposure(policy.SetBoolean{Name: name, On: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if e.Tuples != want {
			t.Errorf("%s opens %d tuples, want %d", name, e.Tuples, want)
		}
	}
}

func parse(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

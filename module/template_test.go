package module_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

func exampleDaemon() module.Daemon {
	return module.Daemon{
		Name: "greeter", Executable: "/usr/libexec/greeter+.bin",
		Config: []string{"/etc/greeter.conf"}, Log: []string{"/var/log/greeter"},
		Data: []string{"/srv/greeter", "/var/lib/greeter"}, Runtime: []string{"/run/greeter"},
		Listen:       []module.DaemonPort{{Protocol: policy.TCP, Number: 870}, {Protocol: policy.UDP, Number: 8700}},
		Connect:      []module.DaemonPort{{Type: "postgresql_port_t", Protocol: policy.TCP, Number: 5432}},
		Capabilities: []string{"setuid"},
	}
}

// checkRules wants and refuses rules, each "source target class permission".
func checkRules(t *testing.T, m *module.Module, want, not []string) {
	t.Helper()
	has := func(text string) bool {
		f := strings.Fields(text)
		return slices.ContainsFunc(m.Merged(), func(r module.Rule) bool {
			return r.Kind == module.Allow && r.Source == f[0] && r.Target == f[1] && r.Class == f[2] &&
				(f[3] == "*" || slices.Contains(r.Permissions, f[3]))
		})
	}
	for _, w := range want {
		if !has(w) {
			t.Errorf("no rule %s", w)
		}
	}
	for _, n := range not {
		if has(n) {
			t.Errorf("rule %s", n)
		}
	}
}

func TestDaemon(t *testing.T) {
	m, fc, err := exampleDaemon().Module()
	if err != nil {
		t.Fatal(err)
	}
	checkRules(t, m, []string{
		"init_t greeter_t process transition", "greeter_t greeter_exec_t file entrypoint",
		"greeter_t greeter_conf_t file read", "greeter_t greeter_log_t file append", "greeter_t greeter_log_t dir add_name",
		"greeter_t greeter_var_lib_t file unlink", "greeter_t greeter_runtime_t sock_file create",
		"greeter_t var_log_t dir search", "greeter_t etc_t dir search",
		"greeter_t greeter_port_t tcp_socket name_bind", "greeter_t greeter_port_t udp_socket name_bind",
		"greeter_t self tcp_socket listen", "greeter_t postgresql_port_t tcp_socket name_connect",
		"greeter_t self capability net_bind_service", "greeter_t self capability setuid", // 870 is below 1024
	}, []string{
		"greeter_t greeter_conf_t file write", "greeter_t greeter_log_t file write", "greeter_t greeter_log_t file unlink",
		"greeter_t greeter_exec_t file write", "greeter_t greeter_var_lib_t file execute",
		"greeter_t var_log_t dir write", "greeter_t self udp_socket listen", "greeter_t postgresql_port_t tcp_socket name_bind",
	})
	text, err := module.FormatFC(fc)
	if err != nil {
		t.Fatal(err)
	}
	want := `/usr/libexec/greeter\+\.bin	--	system_u:object_r:greeter_exec_t:s0
/etc/greeter\.conf(/.*)?	system_u:object_r:greeter_conf_t:s0
/var/log/greeter(/.*)?	system_u:object_r:greeter_log_t:s0
/srv/greeter(/.*)?	system_u:object_r:greeter_var_lib_t:s0
/var/lib/greeter(/.*)?	system_u:object_r:greeter_var_lib_t:s0
/run/greeter(/.*)?	system_u:object_r:greeter_runtime_t:s0
/var/run/greeter(/.*)?	system_u:object_r:greeter_runtime_t:s0
`
	if string(text) != want {
		t.Errorf("file contexts:\n%s", text)
	}
	// What every policy has is required, what only some have asked for in
	// optional blocks.
	te, err := m.TE()
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(te), "optional {")
	for _, line := range []string{"attribute domain;", "attribute file_type;", "attribute exec_type;", "attribute port_type;",
		"type greeter_t, domain;", "role system_r types greeter_t;", "type_transition init_t greeter_exec_t:process greeter_t;"} {
		if !strings.Contains(head, line) {
			t.Errorf("no %q", line)
		}
	}
	if strings.Contains(head, "logfile") || !strings.Contains(string(te), "typeattribute greeter_log_t logfile;") {
		t.Error("logfile is not asked for in an optional block")
	}
	if !strings.Contains(head, "# To be registered once this is installed: semanage port -a -t greeter_port_t -p tcp 870\n") {
		t.Error("nothing says that the port is to be registered")
	}
	if found := (module.Guard{}).Check(nil, m.Rules); len(found) > 0 {
		t.Errorf("the guard finds %v", found)
	}
	if _, err := m.PP(module.PPOptions{FileContexts: text}); err != nil {
		t.Error(err)
	}
}

func TestDaemonNoMLS(t *testing.T) {
	d := module.Daemon{Name: "x", Executable: "/usr/bin/x", NoMLS: true}
	m, fc, err := d.Module()
	if err != nil || len(fc) != 1 || fc[0].Context.String() != "system_u:object_r:x_exec_t" {
		t.Errorf("%v, %v", fc, err)
	}
	if _, err := m.PP(module.PPOptions{ModOptions: module.ModOptions{NoMLS: true}}); err != nil {
		t.Error(err)
	}
}

func TestDaemonInvalid(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*module.Daemon)
		as     func(error) bool
	}{
		{"name", func(d *module.Daemon) { d.Name = "a;b" }, is(module.ErrInvalidName)},
		{"no name", func(d *module.Daemon) { d.Name = "" }, is(module.ErrInvalidName)},
		{"dot", func(d *module.Daemon) { d.Name = "a.b" }, is(module.ErrInvalidName)},
		{"port's type", func(d *module.Daemon) { d.Connect[0].Type = "x y" }, is(module.ErrInvalidName)},
		{"capability", func(d *module.Daemon) { d.Capabilities = []string{"kill }"} }, is(module.ErrInvalidName)},
		{"no executable", func(d *module.Daemon) { d.Executable = "" }, is(fs.ErrInvalid)},
		{"relative", func(d *module.Daemon) { d.Log = []string{"log"} }, is(fs.ErrInvalid)},
		{"shared", func(d *module.Daemon) { d.Log = []string{"/var/log"} }, is(fs.ErrInvalid)},
		{"top", func(d *module.Daemon) { d.Data = []string{"/srv"} }, is(fs.ErrInvalid)},
		{"root", func(d *module.Daemon) { d.Data = []string{"/"} }, is(fs.ErrInvalid)},
		{"dots", func(d *module.Daemon) { d.Data = []string{"/srv/x/../.."} }, is(fs.ErrInvalid)},
		{"passwords", func(d *module.Daemon) { d.Config = []string{"/etc/shadow"} }, is(fs.ErrInvalid)},
		{"their backup", func(d *module.Daemon) { d.Config = []string{"/etc/shadow-"} }, is(fs.ErrInvalid)},
		{"policy", func(d *module.Daemon) { d.Data = []string{"/etc/selinux/default"} }, is(fs.ErrInvalid)},
		{"pattern", func(d *module.Daemon) { d.Data = []string{"/srv/(x|y)"} }, is(fs.ErrInvalid)},
		{"line", func(d *module.Daemon) { d.Data = []string{"/srv/x\n/etc/shadow"} }, is(fs.ErrInvalid)},
		{"long", func(d *module.Daemon) { d.Data = []string{"/srv/" + strings.Repeat("x", 2000)} }, is(fs.ErrInvalid)},
		{"no port", func(d *module.Daemon) { d.Listen[0].Number = 0 }, nil},
		{"protocol", func(d *module.Daemon) { d.Listen[0].Protocol = 1 }, nil},
		{"udp connect", func(d *module.Daemon) { d.Connect[0].Protocol = policy.UDP }, nil},
		{"refused", func(d *module.Daemon) { d.Capabilities = []string{"sys_module"} }, func(err error) bool {
			var refused *module.RefusedError
			return errors.As(err, &refused) && refused.Findings[0].ID == "sys-module"
		}},
	} {
		d := exampleDaemon()
		tt.change(&d)
		m, fc, err := d.Module()
		if err == nil || m != nil || fc != nil || tt.as != nil && !tt.as(err) || len(err.Error()) > 400 {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	d := exampleDaemon()
	d.Capabilities, d.Guard.Lifts = []string{"sys_module"}, []module.Lift{{ID: "sys-module"}}
	if _, _, err := d.Module(); err != nil {
		t.Errorf("lifted: %v", err)
	}
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

func TestPortType(t *testing.T) {
	m, err := module.PortType{Name: "kibana_port_t", Protocol: policy.SCTP, Low: 5601, High: 5602,
		Connect: []string{"haproxy_t"}, Bind: []string{"kibana_t"}}.Module()
	if err != nil {
		t.Fatal(err)
	}
	checkRules(t, m, []string{"haproxy_t kibana_port_t sctp_socket name_connect", "kibana_t kibana_port_t sctp_socket name_bind",
		"kibana_t node_t sctp_socket node_bind"},
		[]string{"haproxy_t kibana_port_t sctp_socket name_bind", "kibana_t self capability *"})
	if want := "semanage port -a -t kibana_port_t -p sctp 5601-5602"; !slices.Contains(m.Comment, want) {
		t.Errorf("comment %q", m.Comment)
	}
	for _, p := range []module.PortType{
		{Name: "x_port_t", Protocol: policy.TCP, Connect: []string{"a_t"}},
		{Name: "x_port_t", Protocol: policy.TCP, Low: 2, High: 1, Connect: []string{"a_t"}},
		{Name: "x_port_t", Protocol: policy.TCP, Low: 1},
		{Name: "x_port_t", Low: 1, Bind: []string{"a_t"}},
		{Name: "x_port_t", Protocol: policy.UDP, Low: 1, Connect: []string{"a_t"}},
		{Name: "x port", Protocol: policy.TCP, Low: 1, Connect: []string{"a_t"}},
		{Name: "x_port_t", Protocol: policy.TCP, Low: 1, Connect: []string{"a\nb"}},
	} {
		if m, err := p.Module(); err == nil || m != nil {
			t.Errorf("%+v: no error", p)
		}
	}
}

func TestFileType(t *testing.T) {
	if _, fc, err := (module.FileType{Name: "x_t", Paths: []string{"/var/run/x"}, Read: []string{"a_t"}}).Module(); err != nil || len(fc) != 2 || fc[1].Regexp != "/run/x(/.*)?" {
		t.Errorf("/var/run is not /run, too: %v, %v", fc, err)
	}
	m, fc, err := module.FileType{Name: "certs_t", Paths: []string{"/etc/pki/haproxy"}, Read: []string{"haproxy_t"}, Manage: []string{"certbot_t"}}.Module()
	if err != nil {
		t.Fatal(err)
	}
	checkRules(t, m, []string{"haproxy_t certs_t file read", "certbot_t certs_t file write", "certbot_t certs_t dir remove_name"},
		[]string{"haproxy_t certs_t file write", "haproxy_t certs_t dir write", "certbot_t certs_t file execute"})
	if len(fc) != 1 || fc[0].String() != "/etc/pki/haproxy(/.*)?\tsystem_u:object_r:certs_t:s0" {
		t.Errorf("file contexts %v", fc)
	}
	for _, f := range []module.FileType{
		{Name: "x_t", Paths: []string{"/etc"}, Read: []string{"a_t"}},
		{Name: "x_t", Read: []string{"a_t"}},
		{Name: "x_t", Paths: []string{"/etc/x"}},
		{Name: "", Paths: []string{"/etc/x"}, Read: []string{"a_t"}},
		{Name: "x_t", Paths: []string{"/etc/x"}, Read: []string{"a-"}, Manage: []string{"1"}},
	} {
		if m, fc, err := f.Module(); err == nil || m != nil || fc != nil {
			t.Errorf("%+v: no error", f)
		}
	}
}

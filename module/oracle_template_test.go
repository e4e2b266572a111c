//go:build oracle

package module_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// TestOracleTemplates has checkmodule compile what the templates write, and
// secilc build Debian's policy, neverallow rules and all, with what pp makes of
// our packages; then it asks that policy.
func TestOracleTemplates(t *testing.T) {
	oracle.Require(t, "checkmodule", "semodule_package", "secilc", pp, debianStore+"/base/cil")
	d := exampleDaemon()
	daemon, daemonFC, err := d.Module()
	if err != nil {
		t.Fatal(err)
	}
	portType, err := module.PortType{Name: "kibana_port_t", Protocol: policy.TCP, Low: 5601, Connect: []string{"ntpd_t"}, Bind: []string{"greeter_t"}}.Module()
	if err != nil {
		t.Fatal(err)
	}
	fileType, fileFC, err := module.FileType{Name: "certs_t", Paths: []string{"/etc/pki/greeter"}, Read: []string{"greeter_t"}, Manage: []string{"ntpd_t"}}.Module()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "policy")
	args := []string{"-M", "true", "-c", "33", "-f", filepath.Join(dir, "fc"), "-o", out}
	write := func(name string, data []byte) {
		file := filepath.Join(dir, name+".cil")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	dirs, err := filepath.Glob(debianStore + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range dirs {
		write(filepath.Base(from), unzipped(t, from+"/cil"))
	}
	different := 0
	var contexts []string
	for _, x := range []struct {
		m  *module.Module
		fc []module.FileContext
	}{{daemon, daemonFC}, {portType, nil}, {fileType, fileFC}} {
		text, err := module.FormatFC(x.fc)
		if err != nil {
			t.Fatal(err)
		}
		opts := module.PPOptions{FileContexts: text}
		ours, err := x.m.PP(opts)
		if err != nil {
			t.Fatal(err)
		}
		_, theirs := compiled(t, x.m, opts, 21)
		cil := unpacked(t, ours)
		if cil != unpacked(t, theirs) {
			different++
			t.Errorf("%s: pp reads checkmodule's package otherwise", x.m.Name)
		}
		write("our-"+x.m.Name, []byte(cil))
		for _, c := range x.fc {
			contexts = append(contexts, c.Context.String())
		}
	}
	oracle.Report(t, "module-templates-pp", 3, different)

	oracle.Output(t, "secilc", args...)
	p, err := policy.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	compared, different := 0, 0
	for _, q := range []struct {
		allowed bool
		access  string // source target class permission
	}{
		{true, "init_t greeter_t process transition"},
		{true, "init_t greeter_t process2 nnp_transition"},
		{true, "init_t greeter_exec_t file execute"},
		{true, "greeter_t greeter_exec_t file entrypoint"},
		{true, "greeter_t greeter_conf_t file read"},
		{false, "greeter_t greeter_conf_t file write"},
		{true, "greeter_t greeter_log_t file append"},
		{false, "greeter_t greeter_log_t file write"},
		{true, "greeter_t greeter_var_lib_t file write"},
		{true, "greeter_t greeter_runtime_t sock_file create"},
		{true, "greeter_t var_log_t dir search"},
		{true, "greeter_runtime_t tmpfs_t filesystem associate"},
		{true, "greeter_log_t fs_t filesystem associate"}, // by file_type
		{true, "greeter_t ld_so_t file execute"},          // by domain
		{true, "greeter_t greeter_port_t tcp_socket name_bind"},
		{true, "greeter_t postgresql_port_t tcp_socket name_connect"},
		{true, "greeter_t kibana_port_t tcp_socket name_bind"},
		{true, "ntpd_t kibana_port_t tcp_socket name_connect"},
		{false, "ntpd_t kibana_port_t tcp_socket name_bind"},
		{true, "ntpd_t certs_t file write"},
		{true, "greeter_t certs_t file read"},
		{false, "greeter_t certs_t file write"},
		{false, "greeter_t var_t file write"},
		{false, "greeter_t var_t dir write"},
		{false, "greeter_t var_log_t dir write"},
		{false, "greeter_t shadow_t file read"},
		{false, "greeter_t greeter_exec_t file write"},
		{false, "greeter_t bin_t file execute"},
		{false, "greeter_t http_port_t tcp_socket name_connect"},
		{false, "ntpd_t greeter_t process transition"},
	} {
		f := strings.Fields(q.access)
		context := func(typ string) policy.Context {
			role := "object_r"
			if typ == "init_t" || typ == "greeter_t" || typ == "ntpd_t" {
				role = "system_r"
			}
			return policy.MustParseContext("system_u:" + role + ":" + typ + ":s0")
		}
		got, err := p.Decide(policy.Access{Source: context(f[0]), Target: context(f[1]), Class: f[2], Permissions: f[3:]})
		compared++
		if err != nil || got.Allowed != q.allowed || got.SourceProblem != nil || got.TargetProblem != nil {
			different++
			t.Errorf("%s: %+v, %v", q.access, got, err)
		}
	}
	started, err := p.NewContext(policy.MustParseContext("system_u:system_r:init_t:s0"), policy.MustParseContext("system_u:object_r:greeter_exec_t:s0"), "process", "")
	compared++
	if err != nil || started.String() != "system_u:system_r:greeter_t:s0" {
		different++
		t.Errorf("init starts %v, %v", started, err)
	}
	fc, err := os.ReadFile(filepath.Join(dir, "fc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range contexts {
		compared++
		if !bytes.Contains(fc, []byte(c+"\n")) {
			different++
			t.Errorf("no file context with %s", c)
		}
	}
	// With the policy at hand the guard knows more types.
	for _, m := range []*module.Module{daemon, portType, fileType} {
		compared++
		if found := (module.Guard{}).Check(p, m.Rules); len(found) > 0 {
			different++
			t.Errorf("%s: the guard finds %v", m.Name, found)
		}
	}
	oracle.Report(t, "module-templates-policy", compared, different)
}

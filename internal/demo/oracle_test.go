//go:build oracle

package demo_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/oracle"
)

// Rebuilding gives the committed bytes.
func TestOracleRebuild(t *testing.T) {
	oracle.Require(t, "secilc", "sh")
	out := filepath.Join(t.TempDir(), "policy.33")
	oracle.Output(t, "sh", "generate.sh", out)
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	different := 0
	if !bytes.Equal(got, demo.Policy()) {
		different = 1
		t.Errorf("secilc gives %d bytes, committed are %d: run go generate ./internal/demo",
			len(got), len(demo.Policy()))
	}
	oracle.Report(t, "demo-rebuild", 1, different)
}

// sesearch knows the same facts as the table that the other tests use.
func TestOracleFacts(t *testing.T) {
	t.Parallel() // sesearch reads the policy anew for every question
	oracle.Require(t, "sesearch")
	oracle.Report(t, "demo-facts", len(facts), sesearch(t, "policy.33", facts))
}

// And what README.md says of Debian's policy.
func TestOracleDebianFacts(t *testing.T) {
	t.Parallel()
	oracle.Require(t, "sesearch", oracle.DebianPolicy)
	oracle.Report(t, "demo-debian-facts", len(debianFacts),
		sesearch(t, oracle.DebianPolicy, debianFacts))
}

var debianFacts = []fact{
	{"httpd_t", "var_t", "sock_file", "write", "never"},
	{"httpd_t", "httpd_sys_rw_content_t", "sock_file", "write", "httpd_builtin_scripting"},
	{"httpd_t", "httpd_runtime_t", "sock_file", "write", "always"},
	{"httpd_t", "httpd_sys_content_t", "sock_file", "write",
		"( httpd_builtin_scripting && httpd_unified && httpd_enable_cgi )"},
	{"httpd_t", "initrc_t", "unix_stream_socket", "connectto", "never"},
	{"httpd_t", "default_t", "dir", "search", "never"},
	{"httpd_t", "default_t", "file", "read", "never"},
	{"httpd_t", "user_home_t", "file", "read", "httpd_read_user_content"},
	{"httpd_t", "transproxy_port_t", "tcp_socket", "name_bind", "never"},
	{"httpd_t", "http_port_t", "tcp_socket", "name_bind", "always"},
	{"httpd_t", "ftp_port_t", "tcp_socket", "name_bind", "httpd_enable_ftp_server"},
	{"transproxy_t", "transproxy_port_t", "tcp_socket", "name_bind", "always"},
	{"sshd_t", "unreserved_port_t", "tcp_socket", "name_bind", "sshd_port_forwarding"},
	{"varnishd_t", "unreserved_port_t", "tcp_socket", "name_connect", "varnishd_connect_any"},
	{"varnishd_t", "unreserved_port_t", "tcp_socket", "name_connect", "allow_ypbind"},
	{"httpd_t", "postgresql_port_t", "tcp_socket", "name_connect", "httpd_can_network_connect_db"},
	{"httpd_t", "ldap_port_t", "tcp_socket", "name_connect", "httpd_can_network_connect_ldap"},
	{"httpd_t", "ldap_port_t", "tcp_socket", "name_connect", "authlogin_nsswitch_use_ldap"},
	{"httpd_t", "httpd_t", "process", "execmem", "httpd_execmem"},
	{"squid_t", "squid_t", "process", "execmem", "never"},
	{"init_t", "user_home_t", "file", "execute", "always"},
	{"init_t", "initrc_t", "process", "transition", "always"},
	{"svirt_t", "svirt_image_t", "file", "read", "always"},
	{"user_t", "httpd_t", "process", "transition", "never"},
	{"user_t", "user_home_t", "file", "relabelto", "always"},
	{"sshd_t", "sshd_t", "capability", "dac_override", "allow_polyinstantiation"},
	{"iptables_t", "fail2ban_log_t", "file", "append", "always"},
}

// sesearch returns how many facts a policy does not bear out. A rule without
// a condition makes "always"; of several booleans the one looked for counts.
func sesearch(t *testing.T, policy string, facts []fact) (different int) {
	t.Helper()
	for _, f := range facts {
		out := oracle.Output(t, "sesearch", "-A", "-s", f.source, "-t", f.target, "-c", f.class,
			"-p", f.permission, policy)
		got := "never"
		for line := range strings.Lines(out) {
			line = strings.TrimSpace(line)
			switch {
			case strings.HasSuffix(line, ";"):
				got = "always"
			case got == "always" || got == f.boolean:
			case strings.HasSuffix(line, "[ "+f.boolean+" ]:True"):
				got = f.boolean
			default:
				got = "by another boolean"
			}
		}
		if got != f.boolean {
			different++
			t.Errorf("%v: sesearch says %s:\n%s", f, got, out)
		}
	}
	return different
}

// Every context of the file contexts is valid in the policy.
func TestOracleContextsValid(t *testing.T) {
	oracle.Require(t, "sefcontext_compile")
	compared := 0
	for _, name := range []string{"file_contexts", "file_contexts.homedirs", "file_contexts.local"} {
		out := filepath.Join(t.TempDir(), "out.bin")
		oracle.Output(t, "sefcontext_compile", "-p", "policy.33", "-o", out,
			filepath.Join("contexts", "files", name))
		compared++
	}
	oracle.Report(t, "demo-contexts-valid", compared, 0)
}

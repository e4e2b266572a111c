//go:build oracle

package refpolicy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/refpolicy"
)

// mydaemon is the module that an author of a daemon would write.
func mydaemon() refpolicy.Source {
	return refpolicy.Source{
		Name: "mydaemon",
		TE: `policy_module(mydaemon, 1.0.0)

## <desc>
##	<p>
##	Let mydaemon connect to any port.
##	</p>
## </desc>
gen_tunable(mydaemon_connect_any, false)

type mydaemon_t;
type mydaemon_exec_t;
init_daemon_domain(mydaemon_t, mydaemon_exec_t)

type mydaemon_conf_t;
files_config_file(mydaemon_conf_t)

type mydaemon_log_t;
logging_log_file(mydaemon_log_t)

type mydaemon_runtime_t;
files_runtime_file(mydaemon_runtime_t)

allow mydaemon_t self:capability { setuid setgid };
allow mydaemon_t self:fifo_file rw_fifo_file_perms;
allow mydaemon_t self:tcp_socket create_stream_socket_perms;
read_files_pattern(mydaemon_t, mydaemon_conf_t, mydaemon_conf_t)
manage_files_pattern(mydaemon_t, mydaemon_log_t, mydaemon_log_t)
logging_log_filetrans(mydaemon_t, mydaemon_log_t, { file dir })
manage_sock_files_pattern(mydaemon_t, mydaemon_runtime_t, mydaemon_runtime_t)
files_runtime_filetrans(mydaemon_t, mydaemon_runtime_t, sock_file, "mydaemon.sock")
corenet_tcp_bind_http_cache_port(mydaemon_t)
kernel_read_system_state(mydaemon_t)

mydaemon_read_config(mydaemon_t)

tunable_policy(` + "`mydaemon_connect_any'" + `,` + "`" + `
	corenet_tcp_connect_all_ports(mydaemon_t)
')

optional_policy(` + "`" + `
	mysql_stream_connect(mydaemon_t)
	mysql_tcp_connect(mydaemon_t)
',` + "`" + `
	dontaudit mydaemon_t self:process execmem;
')
`,
		FC: `/etc/mydaemon(/.*)?		gen_context(system_u:object_r:mydaemon_conf_t,s0)
/usr/sbin/mydaemon	--	gen_context(system_u:object_r:mydaemon_exec_t,s0)
/var/log/mydaemon(/.*)?		gen_context(system_u:object_r:mydaemon_log_t,s0)
/run/mydaemon\.sock	-s	gen_context(system_u:object_r:mydaemon_runtime_t,s0,c1)
`,
		IF: `## <summary>A daemon of mine.</summary>

########################################
## <summary>
##	Read its configuration.
## </summary>
## <param name="domain">
##	<summary>
##	Domain allowed access.
##	</summary>
## </param>
#
interface(` + "`mydaemon_read_config',`" + `
	gen_require(` + "`" + `
		type mydaemon_conf_t;
	')

	files_search_etc($1)
	allow $1 mydaemon_conf_t:dir list_dir_perms;
	allow $1 mydaemon_conf_t:file read_file_perms;
')
`,
	}
}

// TestOracleCompile makes the package of a daemon's module, and those of a
// quarter of Debian's policy, as the headers' Makefile does. pp must say the
// same of both.
func TestOracleCompile(t *testing.T) {
	const pp = "/usr/libexec/selinux/hll/pp"
	oracle.Require(t, "checkmodule", "semodule_package", pp)
	h := debian(t)
	all := debianModules(t)
	modules := []refpolicy.Source{mydaemon()}
	for i := 1; i < len(all); i += 4 {
		modules = append(modules, all[i])
	}
	if os.Getenv("SEKIT_ORACLE_FULL") != "" { // all take some minutes, most of them make's
		modules = append(modules[:1], all...)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range modules {
		write(m.Name+".te", m.TE)
		write(m.Name+".fc", m.FC)
		if m.IF != "" {
			write(m.Name+".if", m.IF)
		}
	}
	// Modules that checkmodule refuses, as parts of the base module, stop no others.
	oracle.Output(t, "sh", "-c", "make -C "+dir+" -f "+devel+"/Makefile -k -j2 all >"+dir+"/log 2>&1; true")
	compared, different, refused := 0, 0, 0
	for _, m := range modules {
		ours, _, err := h.Compile(m, module.ModOptions{PolicyVersion: 21}) // as checkmodule 3.4
		theirs := filepath.Join(dir, m.Name+".pp")
		if _, statErr := os.Stat(theirs); statErr != nil {
			refused++
			if err == nil {
				different++
				t.Errorf("%s: the Makefile refuses it", m.Name)
			}
			continue
		}
		compared++
		if err != nil {
			different++
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		write("ours.pp", string(ours))
		if oracle.Output(t, pp, filepath.Join(dir, "ours.pp")) != oracle.Output(t, pp, theirs) {
			different++
			t.Errorf("%s: another module", m.Name)
		}
	}
	if compared < 90 || refused > 10 {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Errorf("only %d modules were made, %d refused\n%s", compared, refused, log)
	}
	oracle.Report(t, "refpolicy-compiled", compared, different)
}

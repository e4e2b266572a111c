//go:build kernelguest && linux

package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// laneModule has what a module may say beside access rules.
const laneModule = `module sekit_lane 1.0;
require {
	type sekittest_t, sekittest_data_t, sekittest_secret_t, sekittest_other_t, unconfined_t, node_t;
	role unconfined_r, system_r;
	attribute domain, file_type;
	class file { append create entrypoint execute getattr ioctl open read write };
	class process { signal sigkill transition };
	class tcp_socket node_bind;
	sensitivity s0;
	category c7;
}
attribute sekit_lane_files;
type sekit_lane_t, domain;
type sekit_lane_exec_t, file_type, sekit_lane_files;
type sekit_lane_file_t alias sekit_lane_also_t, file_type;
typeattribute sekit_lane_file_t sekit_lane_files;
role unconfined_r types sekit_lane_t;
bool sekit_lane_on false;
bool sekit_lane_off true;
permissive sekit_lane_t;

allow sekittest_t sekittest_secret_t:file getattr;
allow sekittest_t sekit_lane_files:file { read open };
allow sekit_lane_t { sekit_lane_files sekittest_data_t -sekit_lane_exec_t }:file append;
allow sekit_lane_t self:process signal;
allowxperm sekittest_t sekit_lane_file_t:file ioctl 0x5401;
auditallow sekittest_t sekit_lane_file_t:file open;
dontaudit sekittest_t sekit_lane_file_t:file write;
type_transition sekittest_t sekit_lane_exec_t:process sekit_lane_t;
range_transition sekittest_t sekit_lane_exec_t:process s0:c7;
type_transition unconfined_t sekittest_data_t:file sekit_lane_file_t "lane";
type_transition sekittest_other_t sekittest_data_t:file sekit_lane_exec_t;
if (sekit_lane_on && sekit_lane_off) {
	allow sekittest_other_t sekit_lane_file_t:file { read write };
	type_transition sekittest_other_t sekittest_secret_t:file sekit_lane_file_t;
} else {
	allow sekittest_other_t sekit_lane_file_t:file append;
}
optional {
	require { type sekit_no_such_t; }
	allow sekittest_other_t sekit_lane_file_t:file execute;
}
optional {
	require { type httpd_t; }
	allow httpd_t sekit_lane_file_t:file getattr;
}
`

// lanePackage is a module as it is installed.
type lanePackage struct {
	module.Key
	module.Content
}

// lanePackages returns laneModule, and a module made by each template.
func lanePackages(t *testing.T) (packages []lanePackage) {
	t.Helper()
	add := func(m *module.Module, contexts []module.FileContext, err error) {
		t.Helper()
		var text, pp []byte
		if err == nil {
			text, err = module.FormatFC(contexts)
		}
		if err == nil {
			pp, err = m.PP(module.PPOptions{FileContexts: text})
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, lanePackage{module.Key{Name: m.Name, Priority: module.DefaultPriority}, module.Content{Language: "pp", Data: pp}})
	}
	statements, err := module.ParseTE("sekit_lane.te", []byte(laneModule))
	add(statements, nil, err)
	add(laneDaemon().Module())
	portType, err := lanePort().Module()
	add(portType, nil, err)
	add(laneFiles().Module())
	return packages
}

func laneDaemon() module.Daemon {
	return module.Daemon{
		Name: "greeter", Executable: "/usr/libexec/greeter", Config: []string{"/etc/greeter.conf"},
		Log: []string{"/var/log/greeter"}, Data: []string{"/var/lib/greeter"}, Runtime: []string{"/run/greeter"},
		Listen:       []module.DaemonPort{{Protocol: policy.TCP, Number: 870}},
		Connect:      []module.DaemonPort{{Type: "postgresql_port_t", Protocol: policy.TCP, Number: 5432}},
		Capabilities: []string{"setuid"},
	}
}

func lanePort() module.PortType {
	return module.PortType{Name: "kibana_port_t", Protocol: policy.TCP, Low: 5601, Connect: []string{"sekittest_t"}, Bind: []string{"httpd_t"}}
}

func laneFiles() module.FileType {
	return module.FileType{Name: "certs_t", Paths: []string{"/etc/sekit-certs"}, Read: []string{"sekittest_t"}, Manage: []string{"httpd_t"}}
}

// laneContexts are what files have by the templates' file contexts, once
// restorecon was there.
var laneContexts = map[string]string{
	"/etc/greeter.conf": "greeter_conf_t", "/usr/libexec/greeter": "greeter_exec_t", "/var/log/greeter/log": "greeter_log_t",
	"/var/lib/greeter/data": "greeter_var_lib_t", "/run/greeter/pid": "greeter_runtime_t", "/etc/sekit-certs/key": "certs_t",
}

// TestKernelModule installs modules, which say all that a module can, by the
// machine's semodule, and removes them: the kernel must decide as they say, and
// semodule list what the store does. (All that a store does with a module is in
// the contract suite.)
func TestKernelModule(t *testing.T) {
	guest.Require(t)
	layOut(t)
	store := module.NewStore(module.Semodule{PolicyType: policyName})
	compared, different := 0, 0
	check := func(step string, err error) {
		t.Helper()
		if compared++; err != nil {
			different++
			t.Errorf("%s: %v", step, err)
		}
	}
	// commit plans each change on those before it and makes them together.
	commit := func(plans ...func(table *module.Table) (module.Change, error)) {
		t.Helper()
		table, err := store.Table(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var changes []module.Change
		for _, plan := range plans {
			c, err := plan(table)
			if err == nil {
				table, err = table.With(c)
			}
			if err != nil {
				t.Fatal(err)
			}
			changes = append(changes, c)
		}
		if err := store.Commit(t.Context(), changes...); err != nil {
			t.Fatal(err)
		}
		check("list", modulesListed(t, store))
	}
	before := output(t, "semodule", "-lfull")

	var install, remove []func(*module.Table) (module.Change, error)
	for _, p := range lanePackages(t) {
		install = append(install, func(table *module.Table) (module.Change, error) {
			return table.PlanInstall(t.Context(), p.Key, p.Content)
		})
		remove = append(remove, func(table *module.Table) (module.Change, error) { return table.PlanRemove(t.Context(), p.Key) })
	}
	commit(install...)
	if c, err := install[0](table(t, store)); err != nil || c.Op != module.Nothing {
		t.Errorf("the same again: %v, %v", c, err)
	}
	laneAnswers(t, true)
	laneFlipped(t)
	laneLabels(t)
	lanePorts(t)

	commit(remove...)
	laneAnswers(t, false)
	var left error
	if after := output(t, "semodule", "-lfull"); !slices.Equal(before, after) {
		left = fmt.Errorf("new %q, gone %q", notIn(after, before), notIn(before, after))
	}
	check("removed", left)
	var missing *module.MissingError
	if _, err := store.Remove(t.Context(), module.Key{Name: "sekit_lane", Priority: module.DefaultPriority}); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &missing) {
		t.Errorf("removed again: %v", err)
	}
	guest.Report(t, "module-steps", compared, different)
}

func table(t *testing.T, store *module.Store) *module.Table {
	t.Helper()
	table, err := store.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// modulesListed compares the list of modules with semodule's.
func modulesListed(t *testing.T, store *module.Store) error {
	t.Helper()
	var ours []string
	for _, r := range table(t, store).All() {
		ours = append(ours, r.String())
	}
	var theirs []string
	for _, line := range output(t, "semodule", "-lfull") {
		theirs = append(theirs, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		return fmt.Errorf("ours alone %q, semodule's alone %q", notIn(ours, theirs), notIn(theirs, ours))
	}
	return nil
}

// laneAnswer is what the kernel must say to a question: an access vector's bit
// for "allow", "auditallow" and "audit" (a denial), the new object's type for
// "create".
type laneAnswer struct {
	question string // KIND SOURCE TARGET CLASS PERMISSION-OR-NAME
	want     string // yes, no; or the context
}

var laneQuestions = []laneAnswer{
	// statements
	{"allow sekittest_t sekittest_secret_t file getattr", "yes"},
	{"allow sekittest_t sekit_lane_exec_t file read", "yes"},
	{"allow sekittest_t sekit_lane_file_t file read", "yes"},
	{"allow sekittest_t sekit_lane_also_t file read", "yes"},
	{"allow sekittest_t sekit_lane_file_t file append", "no"},
	{"allow sekit_lane_t sekit_lane_file_t file append", "yes"},
	{"allow sekit_lane_t sekit_lane_exec_t file append", "no"},
	{"allow sekit_lane_t sekittest_data_t file append", "yes"},
	{"allow sekit_lane_t sekit_lane_t process signal", "yes"},
	{"allow sekit_lane_t sekit_lane_t process sigkill", "no"},
	{"permissive sekit_lane_t sekit_lane_t process signal", "yes"},
	{"permissive sekittest_t sekit_lane_file_t file read", "no"},
	{"auditallow sekittest_t sekit_lane_file_t file open", "yes"},
	{"auditallow sekittest_t sekit_lane_file_t file read", "no"},
	{"audit sekittest_t sekit_lane_file_t file write", "no"},
	{"audit sekittest_t sekit_lane_file_t file append", "yes"},
	{"allow httpd_t sekit_lane_file_t file getattr", "yes"},
	{"create sekittest_t sekit_lane_exec_t process", "unconfined_u:unconfined_r:sekit_lane_t:s0:c7"},
	{"create unconfined_t sekittest_data_t file lane", "unconfined_u:object_r:sekit_lane_file_t:s0"},
	{"create unconfined_t sekittest_data_t file other", "unconfined_u:object_r:sekittest_data_t:s0"},
	{"create sekittest_other_t sekittest_data_t file", "unconfined_u:object_r:sekit_lane_exec_t:s0"},
	{"create sekittest_other_t sekittest_secret_t file", "unconfined_u:object_r:sekittest_secret_t:s0"},
	{"allow sekittest_other_t sekit_lane_file_t file append", "yes"},
	{"allow sekittest_other_t sekit_lane_file_t file write", "no"},
	{"allow sekittest_other_t sekit_lane_file_t file execute", "no"},

	// the daemon
	{"create init_t greeter_exec_t process", "system_u:system_r:greeter_t:s0"},
	{"allow init_t greeter_t process transition", "yes"},
	{"allow init_t greeter_t process2 nnp_transition", "yes"},
	{"allow greeter_t greeter_exec_t file entrypoint", "yes"},
	{"allow greeter_t greeter_exec_t file write", "no"},
	{"allow greeter_t greeter_conf_t file read", "yes"},
	{"allow greeter_t greeter_conf_t file write", "no"},
	{"allow greeter_t greeter_log_t file append", "yes"},
	{"allow greeter_t greeter_log_t file write", "no"},
	{"allow greeter_t greeter_var_lib_t file write", "yes"},
	{"allow greeter_t greeter_runtime_t sock_file create", "yes"},
	{"allow greeter_t greeter_port_t tcp_socket name_bind", "yes"},
	{"allow greeter_t postgresql_port_t tcp_socket name_connect", "yes"},
	{"allow greeter_t http_port_t tcp_socket name_connect", "no"},
	{"allow greeter_t greeter_t capability setuid", "yes"},
	{"allow greeter_t greeter_t capability net_bind_service", "yes"},
	{"allow greeter_t greeter_t capability sys_admin", "no"},
	{"allow greeter_t shadow_t file read", "no"},
	{"allow greeter_log_t fs_t filesystem associate", "yes"},

	// the port type and the file type
	{"allow sekittest_t kibana_port_t tcp_socket name_connect", "yes"},
	{"allow sekittest_t kibana_port_t tcp_socket name_bind", "no"},
	{"allow httpd_t kibana_port_t tcp_socket name_bind", "yes"},
	{"allow sekittest_t certs_t file read", "yes"},
	{"allow sekittest_t certs_t file write", "no"},
	{"allow httpd_t certs_t file write", "yes"},
	{"allow greeter_t certs_t file read", "no"},
}

// laneOwn finds a type that the modules declare.
var laneOwn = regexp.MustCompile(`\b(sekit_lane|greeter|kibana|certs)_`)

// laneAnswers asks the kernel; without the modules, what they declare must be
// unknown and what they allow denied.
func laneAnswers(t *testing.T, installed bool) {
	t.Helper()
	different := 0
	for _, q := range laneQuestions {
		want := q.want
		switch {
		case installed:
		case laneOwn.MatchString(q.question):
			want = "invalid"
		case strings.HasPrefix(q.question, "create"):
			want = "unconfined_u:object_r:" + strings.Fields(q.question)[2] + ":s0"
		default:
			want = "no"
		}
		got, err := askKernel(t, q.question)
		if err != nil || got != want {
			different++
			t.Errorf("%s: the kernel says %s, not %s; %v", q.question, got, want, err)
		}
	}
	name := "module-answers"
	if !installed {
		name += "-removed"
	}
	guest.Report(t, name, len(laneQuestions), different)
}

func askKernel(t *testing.T, question string) (string, error) {
	t.Helper()
	f := strings.Fields(question)
	kind, source, target, class := f[0], laneContext(f[1]), laneContext(f[2]), f[3]
	index := readInt(t, guest.FS+"/class/"+class+"/index")
	fsys, buf := openFS(t), make([]byte, 4096)
	if kind == "create" {
		q := fmt.Appendf(nil, "%s %s %d", source, target, index)
		if len(f) > 4 {
			q = fmt.Appendf(q, " %s", f[4])
		}
		answer, err := transact(fsys, "create", q, buf)
		if errors.Is(err, syscall.EINVAL) {
			return "invalid", nil
		}
		return strings.TrimRight(string(answer), "\x00"), err
	}
	v, err := access(fsys, source, target, index, buf)
	if errors.Is(err, syscall.EINVAL) {
		return "invalid", nil
	}
	bits := map[string]uint32{"allow": v.allowed, "auditallow": v.auditAllow, "audit": v.auditDeny}[kind]
	yes := bits>>(readInt(t, guest.FS+"/class/"+class+"/perms/"+f[4])-1)&1 != 0
	if kind == "permissive" {
		yes = v.permissive
	}
	return map[bool]string{true: "yes", false: "no"}[yes], err
}

// laneContext is a context of the type, that of a process if it is a domain.
func laneContext(typ string) string {
	switch typ {
	case "init_t", "httpd_t", "greeter_t":
		return "system_u:system_r:" + typ + ":s0"
	case "sekittest_t", "sekittest_other_t", "unconfined_t", "sekit_lane_t":
		return "unconfined_u:unconfined_r:" + typ + ":s0"
	}
	return "system_u:object_r:" + typ + ":s0"
}

// laneFlipped switches the module's condition and back.
func laneFlipped(t *testing.T) {
	t.Helper()
	compared, different := 0, 0
	ask := func(on bool, question, want string) {
		t.Helper()
		got, err := askKernel(t, question)
		if compared++; err != nil || got != want {
			different++
			t.Errorf("booleans %v: %s: the kernel says %s, not %s; %v", on, question, got, want, err)
		}
	}
	for _, on := range []bool{true, false} {
		setBooleans(t, map[string]bool{"sekit_lane_on": on})
		yes, no, typ := "yes", "no", "sekit_lane_file_t"
		if !on {
			yes, no, typ = no, yes, "sekittest_secret_t"
		}
		ask(on, "allow sekittest_other_t sekit_lane_file_t file write", yes)
		ask(on, "allow sekittest_other_t sekit_lane_file_t file append", no)
		ask(on, "create sekittest_other_t sekittest_secret_t file", "unconfined_u:object_r:"+typ+":s0")
	}
	guest.Report(t, "module-boolean", compared, different)
}

// laneLabels makes the templates' files and has restorecon give them their
// contexts, and one that has its type by a transition with its name.
func laneLabels(t *testing.T) {
	t.Helper()
	compared, different := 0, 0
	has := func(name, typ string) {
		t.Helper()
		buf := make([]byte, 256)
		n, err := unix.Lgetxattr(name, "security.selinux", buf)
		if compared++; err != nil || !strings.Contains(string(buf[:max(0, n)]), ":object_r:"+typ+":") {
			different++
			t.Errorf("%s has %q, not %s; %v", name, buf[:max(0, n)], typ, err)
		}
	}
	for name, typ := range laneContexts {
		dir, made := name[:strings.LastIndexByte(name, '/')], name
		if err := os.Mkdir(dir, 0o755); err == nil {
			made = dir
		}
		t.Cleanup(func() { os.RemoveAll(made) })
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("restorecon", "-R", "-F", made).CombinedOutput(); err != nil {
			t.Fatalf("restorecon: %v: %s", err, out)
		}
		has(name, typ)
	}
	for name, typ := range map[string]string{probeDir + "/lane": "sekit_lane_file_t", probeDir + "/lane.new": "sekittest_data_t"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		has(name, typ)
	}
	guest.Report(t, "module-labels", compared, different)
}

// lanePorts registers the template's port under its new type, with the store
// that semodule has written, and takes it back.
func lanePorts(t *testing.T) {
	t.Helper()
	ports, err := livePorts()
	if err != nil {
		t.Fatal(err)
	}
	record := port.Port(port.TCP, int(lanePort().Low), lanePort().Name)
	different, before := 0, loaded(t).PortContext(policy.TCP, lanePort().Low).Type()
	if _, err := ports.Set(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	if typ := loaded(t).PortContext(policy.TCP, lanePort().Low).Type(); typ != lanePort().Name {
		different++
		t.Errorf("the port has the type %s", typ)
	}
	if _, err := ports.Delete(t.Context(), port.Key{Protocol: port.TCP, Low: lanePort().Low, High: lanePort().Low}); err != nil {
		t.Fatal(err)
	}
	if typ := loaded(t).PortContext(policy.TCP, lanePort().Low).Type(); typ != before {
		different++
		t.Errorf("the port has the type %s, not %s again", typ, before)
	}
	guest.Report(t, "module-port", 2, different)
}

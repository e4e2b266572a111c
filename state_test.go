package sekit_test

import (
	"errors"
	"io/fs"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/policy"
)

func tree(files map[string]string) fstest.MapFS {
	out := make(fstest.MapFS)
	for name, data := range files {
		out[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return out
}

func with(files map[string]string, changes map[string]string) fstest.MapFS {
	out := tree(files)
	for name, data := range changes {
		if out[name] = (&fstest.MapFile{Data: []byte(data)}); data == "-" {
			delete(out, name)
		}
	}
	return out
}

var (
	machineFiles = map[string]string{
		"etc/selinux/config":                                                "# This file\nSELINUX=permissive\nSELINUXTYPE=default\n",
		"var/lib/selinux/default/active/commit_num":                         "1",
		"var/lib/selinux/default/active/disable_dontaudit":                  "",
		"var/lib/selinux/default/active/modules/400/permissive_httpd_t/cil": "",
		"var/lib/selinux/default/active/modules/400/permissive_sshd_t/cil":  "",
		"var/lib/selinux/default/active/modules/disabled/permissive_sshd_t": "",
		"var/lib/selinux/default/active/modules/100/base/cil":               "",
	}
	// As a kernel 6.1 has them.
	kernelFiles = map[string]string{
		"enforce": "1", "mls": "1", "policyvers": "33", "deny_unknown": "0", "reject_unknown": "0", "checkreqprot": "0",
		"policy_capabilities/network_peer_controls": "1", "policy_capabilities/always_check_network": "0", "policy_capabilities/open_perms": "1",
		"booleans/httpd_one": "0 1", "booleans/httpd_two": "1 1",
	}
)

func TestState(t *testing.T) {
	got, err := sekit.ReadStateFS(tree(machineFiles), tree(kernelFiles))
	want := &sekit.State{Current: sekit.Enforcing, Configured: sekit.Permissive, PolicyType: "default", MaxVersion: 33, MLS: true,
		Capabilities: []string{"network_peer_controls", "open_perms"}, PendingBooleans: []string{"httpd_one"},
		Store: true, DontauditOff: true, Permissive: []string{"httpd_t"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	// What sestatus prints, by its source (sestatus.c).
	const text = `SELinux status:                 enabled
SELinuxfs mount:                /sys/fs/selinux
SELinux root directory:         /etc/selinux
Loaded policy name:             default
Current mode:                   enforcing
Mode from config file:          permissive
Policy MLS status:              enabled
Policy deny_unknown status:     allowed
Memory protection checking:     actual (secure)
Max kernel policy version:      33
`
	if got.String() != text {
		t.Errorf("it reads\n%s", got)
	}
	off, err := sekit.ReadStateFS(tree(machineFiles), nil)
	if err != nil || off.Current != sekit.Disabled || off.Configured != sekit.Permissive || off.String() != "SELinux status:                 disabled\n" {
		t.Errorf("off: %+v, %v", off, err)
	}
	none, err := sekit.ReadStateFS(with(machineFiles, map[string]string{
		"var/lib/selinux/default/active/commit_num": "-", "var/lib/selinux/default/active/disable_dontaudit": "-",
		"var/lib/selinux/default/active/modules/400/permissive_httpd_t/cil": "-", "var/lib/selinux/default/active/modules/400/permissive_sshd_t/cil": "-",
		"var/lib/selinux/default/active/modules/disabled/permissive_sshd_t": "-", "var/lib/selinux/default/active/modules/100/base/cil": "-",
	}), tree(kernelFiles))
	if err != nil || none.Store || none.DontauditOff || none.Permissive != nil {
		t.Errorf("without a store: %+v, %v", none, err)
	}
}

// selinux_getenforcemode: the first line that begins so and names a mode.
func TestStateConfigured(t *testing.T) {
	for config, want := range map[string]sekit.Mode{
		"SELINUX=enforcing\n":                       sekit.Enforcing,
		"SELINUX= \tDisabled # not now\n":           sekit.Disabled,
		" SELINUX=enforcing\nSELINUX=permissive\n":  sekit.Permissive,
		"#SELINUX=enforcing\nSELINUX=permissive\n":  sekit.Permissive,
		"SELINUX=x\nSELINUX=permissive\n":           sekit.Permissive,
		"SELINUX=disabled\nSELINUX=enforcing\n":     sekit.Disabled,
		"SELINUXTYPE=default\n":                     0,
		"SELINUX=permissive-ish\nSELINUX=enforcing": sekit.Permissive,
	} {
		s, err := sekit.ReadStateFS(with(machineFiles, map[string]string{"etc/selinux/config": config + "\nSELINUXTYPE=default\n"}), nil)
		if err != nil || s.Configured != want {
			t.Errorf("%q: %v, %v, want %v", config, s.Configured, err, want)
		}
	}
}

func TestStateErrors(t *testing.T) {
	for name, change := range map[string]map[string]string{
		"no enforce": {"enforce": "-"}, "bad enforce": {"enforce": "x"}, "long": {"mls": strings.Repeat("0", 5000)},
		"negative": {"policyvers": "-1"}, "huge": {"policyvers": "99999999999999999999"}, "capability": {"policy_capabilities/x": ""},
	} {
		if s, err := sekit.ReadStateFS(tree(machineFiles), with(kernelFiles, change)); s != nil || err == nil {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if s, err := sekit.ReadStateFS(fstest.MapFS{}, nil); s != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no configuration: %v, %v", s, err)
	}
}

func TestStateHere(t *testing.T) {
	s, err := sekit.ReadState()
	_, pidErr := sekit.ContextOfProcess(0)
	_, programErr := sekit.ProgramOfProcess(1)
	if runtime.GOOS != "linux" {
		for _, err := range []error{err, pidErr, programErr} {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Error(err)
			}
		}
		return
	}
	if err == nil && s.Current == sekit.Disabled && (!errors.Is(pidErr, sekit.ErrDisabled) || !errors.Is(programErr, sekit.ErrDisabled)) {
		t.Error(pidErr, programErr)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestProcess(t *testing.T) {
	proc := tree(map[string]string{
		"7/attr/current": "system_u:system_r:httpd_t:s0\x00", "8/attr/current": "/usr/bin/man (enforce)\n",
		"9/attr/current": strings.Repeat("a", 5000), "10/status": "",
	})
	proc["7/exe"] = &fstest.MapFile{Data: []byte("/usr/sbin/nginx (deleted)"), Mode: fs.ModeSymlink}
	if c, err := sekit.ProcessContext(proc, "7"); err != nil || c.String() != "system_u:system_r:httpd_t:s0" {
		t.Error(c, err)
	}
	for _, name := range []string{"8", "9", "11", "../7"} {
		if c, err := sekit.ProcessContext(proc, name); err == nil || c.IsValid() {
			t.Errorf("%s: %v", name, c)
		}
	}
	if exe, err := sekit.ProcessExe(proc, 7); err != nil || exe != "/usr/sbin/nginx" {
		t.Error(exe, err)
	}
	if exe, err := sekit.ProcessExe(proc, 10); err != nil || exe != "" {
		t.Error("a kernel thread:", exe, err)
	}
	if exe, err := sekit.ProcessExe(proc, 11); !errors.Is(err, fs.ErrNotExist) || exe != "" {
		t.Error("no process:", exe, err)
	}
}

func TestConfinement(t *testing.T) {
	sys, err := sekit.OpenRoot(image(t))
	if err != nil {
		t.Fatal(err)
	}
	context := func(user, role, typ string) policy.Context {
		return policy.MustParseContext(user + ":" + role + ":" + typ + ":s0")
	}
	domain := func(typ string) policy.Context { return context("system_u", "system_r", typ) }
	file := func(typ string) policy.Context { return context("system_u", "object_r", typ) }
	for name, tt := range map[string]struct {
		program  sekit.Program
		confined bool
		domain   string
		remarks  []string
	}{
		"as it should be": {sekit.Program{Exe: "/usr/sbin/nginx", Context: domain("httpd_t"), FileContext: file("httpd_exec_t")}, true, "httpd_t", nil},
		"not running":     {sekit.Program{Exe: "/usr/sbin/nginx", FileContext: file("httpd_exec_t")}, true, "httpd_t", nil},
		"wrong file": {sekit.Program{Exe: "/usr/sbin/nginx", Context: domain("unconfined_service_t"), FileContext: file("bin_t")}, false, "unconfined_service_t",
			[]string{"relabel it", "restart it", "unconfined"}},
		"not restarted": {sekit.Program{Exe: "/usr/sbin/nginx", Context: domain("init_t"), FileContext: file("httpd_exec_t")}, false, "init_t",
			[]string{"restart it"}},
		"by hand": {sekit.Program{Exe: "/usr/sbin/nginx", Context: domain("sshd_t"), FileContext: file("httpd_exec_t")}, true, "sshd_t",
			[]string{"restart it"}},
	} {
		c, err := sys.Confinement(tt.program)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Confined != tt.confined || c.Domain != tt.domain || c.Should != "httpd_t" || len(c.Missing) > 0 {
			t.Errorf("%s: %+v", name, c)
		}
		for _, want := range tt.remarks {
			if !slices.ContainsFunc(c.Remarks, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("%s: nothing of %q in %q", name, want, c.Remarks)
			}
		}
		if tt.remarks == nil && len(c.Remarks) > 0 {
			t.Errorf("%s: %q", name, c.Remarks)
		}
	}
	for _, exe := range []string{"", "nginx", "/usr/../nginx", "/a\x00"} {
		if c, err := sys.Confinement(sekit.Program{Exe: exe}); err == nil || c.Exe != "" {
			t.Errorf("%q: %+v", exe, c)
		}
	}
}

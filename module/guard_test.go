package module_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/sekit/sekit/module"
)

func allow(source, target, class string, perms ...string) module.Rule {
	return module.Rule{Kind: module.Allow, Source: source, Target: target, Class: class, Permissions: perms}
}

func TestGuardWithoutPolicy(t *testing.T) {
	tests := []struct {
		rule   module.Rule
		refuse []string // IDs
		warn   []string
	}{
		{rule: allow("a_t", "security_t", "security", "load_policy"), refuse: []string{"load-policy"}},
		{rule: allow("a_t", "security_t", "security", "setenforce"), refuse: []string{"setenforce"}},
		{rule: allow("a_t", "security_t", "security", "setbool"), refuse: []string{"setbool"}},
		{rule: allow("a_t", "security_t", "security", "setsecparam"), refuse: []string{"setsecparam"}},
		{rule: allow("a_t", "security_t", "security", "compute_av", "check_context")},
		{rule: allow("a_t", "self", "capability2", "mac_admin"), refuse: []string{"mac-admin"}},
		{rule: allow("a_t", "self", "capability", "sys_module"), refuse: []string{"sys-module"}},
		{rule: allow("a_t", "self", "capability", "sys_admin", "net_bind_service"), warn: []string{"sys-admin"}},
		{rule: allow("a_t", "self", "capability", "dac_override"), warn: []string{"dac-override"}},
		{rule: allow("a_t", "self", "capability", "net_bind_service")},
		{rule: allow("a_t", "shadow_t", "file", "getattr"), refuse: []string{"security-files"}},
		{rule: allow("a_t", "shadow_t", "file", "relabelto"), refuse: []string{"relabel-security", "security-files"}},
		{rule: allow("a_t", "selinux_config_t", "file", "write"), refuse: []string{"policy-files"}},
		{rule: allow("a_t", "selinux_config_t", "file", "read", "open")},
		{rule: allow("a_t", "var_t", "sock_file", "write"), refuse: []string{"base-type-write"}},
		{rule: allow("a_t", "var_t", "dir", "search", "getattr")},
		{rule: allow("a_t", "etc_t", "file", "read"), warn: []string{"base-type-read"}},
		{rule: allow("a_t", "default_t", "dir", "search"), refuse: []string{"stray-files"}},
		{rule: allow("a_t", "unlabeled_t", "packet", "recv")},
		{rule: allow("a_t", "self", "process", "execmem"), warn: []string{"execmem"}},
		{rule: allow("a_t", "a_t", "process", "execmem"), warn: []string{"execmem"}},
		{rule: allow("a_t", "b_t", "process", "ptrace"), refuse: []string{"ptrace"}},
		{rule: allow("a_t", "self", "process", "ptrace"), warn: []string{"ptrace-self"}},
		{rule: allow("a_t", "unconfined_t", "process", "transition"), refuse: []string{"transition-unconfined"}},
		{rule: allow("a_t", "b_t", "process", "transition")},
		{rule: allow("a_t", "b_t", "process", "dyntransition"), warn: []string{"dyntransition"}},
		{rule: allow("a_t", "fixed_disk_device_t", "blk_file", "read"), refuse: []string{"raw-device"}},
		{rule: allow("a_t", "http_port_t", "tcp_socket", "name_connect")},
		{rule: allow("a_t", "self", "memprotect", "mmap_zero"), refuse: []string{"mmap-zero"}},
		{rule: allow("a_t", "user_home_t", "file", "execute"), warn: []string{"users-programs"}},
		{rule: allow("a_t", "user_home_t", "file", "read")},
		{rule: allow("a_t", "ssh_home_t", "file", "read"), warn: []string{"private-keys"}},
		{rule: allow("a_t", "ssh_home_t", "file", "getattr")},
		{rule: allow("a_t", "cpu_device_t", "chr_file", "write"), warn: []string{"bare-device"}},
		{rule: allow("a_t", "self", "passwd", "passwd"), warn: []string{"other-users"}},
		{rule: allow("init_t", "user_home_t", "file", "execute"), refuse: []string{"users-programs-system"}, warn: []string{"users-programs"}},
		{rule: allow("container_t", "container_runtime_t", "unix_stream_socket", "connectto"), refuse: []string{"container-runtime"}},
		{rule: allow("a_t", "container_runtime_t", "unix_stream_socket", "connectto")},
		{rule: allow("a_t", "self", "bpf", "prog_load"), warn: []string{"kernel-programs"}},
		{rule: allow("a_t", "self", "packet_socket", "create"), warn: []string{"all-traffic"}},
		{rule: allow("a_t", "self", "packet_socket", "read")},
		{rule: allow("a_t", "fs_t", "filesystem", "remount"), warn: []string{"mount"}},
		{rule: allow("a_t", "fs_t", "filesystem", "getattr")},
		{rule: allow("a_t", "initrc_t", "unix_stream_socket", "connectto"), warn: []string{"unconfined-peer"}},
		{rule: allow("a_t", "b_t", "unix_stream_socket", "connectto")},
		{rule: module.Rule{Kind: module.DontAudit, Source: "a_t", Target: "shadow_t", Class: "file", Permissions: []string{"read"}}},
	}
	for _, tt := range tests {
		var refuse, warn []string
		for _, f := range (module.Guard{}).Check(nil, []module.Rule{tt.rule}) {
			if f.Reason == "" {
				t.Errorf("%s: no reason", f.ID)
			}
			if f.Refuses() {
				refuse = append(refuse, f.ID)
			} else {
				warn = append(warn, f.ID)
			}
		}
		slices.Sort(refuse)
		if !slices.Equal(refuse, tt.refuse) || !slices.Equal(warn, tt.warn) {
			t.Errorf("%s: refuse %q, warn %q; want %q, %q", tt.rule, refuse, warn, tt.refuse, tt.warn)
		}
		err := (module.Guard{}).Enforce(nil, []module.Rule{tt.rule})
		var re *module.RefusedError
		if (len(tt.refuse) > 0) != errors.As(err, &re) || re != nil && len(re.Findings) != len(tt.refuse) {
			t.Errorf("%s: Enforce: %v", tt.rule, err)
		}
	}
}

func TestLift(t *testing.T) {
	rules := []module.Rule{
		allow("a_t", "var_t", "sock_file", "write"),
		allow("b_t", "var_t", "sock_file", "write"),
		allow("a_t", "shadow_t", "file", "read"),
	}
	found := (module.Guard{}).Check(nil, rules)
	if len(found) != 3 {
		t.Fatalf("got %v", found)
	}
	g := module.Guard{Lifts: []module.Lift{found[0].Lift()}}
	var standing []string
	for _, f := range g.Check(nil, rules) {
		if f.Refuses() {
			standing = append(standing, f.Rule.Source+" "+f.ID)
		} else if !f.Lifted {
			t.Errorf("%v: neither refused nor lifted", f)
		}
	}
	// Only the item that was named is lifted: not the other source's, not another reason.
	if want := []string{"b_t base-type-write", "a_t security-files"}; !slices.Equal(standing, want) {
		t.Errorf("standing %q, want %q", standing, want)
	}
	g.Lifts = append(g.Lifts, module.Lift{ID: "base-type-write"}, module.Lift{ID: "security-files", Target: "shadow_t"})
	if err := g.Enforce(nil, rules); err != nil {
		t.Error(err)
	}
}

// The finding holds the permissions meant and no others, so that a caller can
// drop them and keep the rest.
func TestFindingNarrows(t *testing.T) {
	found := (module.Guard{}).Check(nil, []module.Rule{allow("a_t", "self", "capability", "sys_module", "kill", "chown")})
	if len(found) != 1 || !slices.Equal(found[0].Rule.Permissions, []string{"sys_module"}) {
		t.Errorf("got %v", found)
	}
}

func TestIsBaseType(t *testing.T) {
	for name, want := range map[string]bool{"var_t": true, "default_t": true, "httpd_sys_content_t": false, "": false} {
		if got := module.IsBaseType(nil, name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, want := range map[string]bool{"shadow_t": true, "selinux_config_t": true, "var_t": false} {
		if got := module.IsSecurityType(nil, name); got != want {
			t.Errorf("security %s: %v", name, got)
		}
	}
}

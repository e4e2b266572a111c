package module_test

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

func demoPolicy(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func need(source, target, class string, perms ...string) module.Need {
	return module.Need{Access: policy.Access{
		Source: policy.MustParseContext("system_u:system_r:" + source + ":s0"),
		Target: policy.MustParseContext("system_u:object_r:" + target + ":s0"),
		Class:  class, Permissions: perms,
	}}
}

func process(source, target string, perms ...string) module.Need {
	n := need(source, target, "process", perms...)
	n.Access.Target = policy.MustParseContext("system_u:system_r:" + target + ":s0")
	return n
}

// What httpd_t may do with its content the policy already says; var_t's
// sock_file it may not write, execmem it may only with a boolean.
func TestMinimize(t *testing.T) {
	p := demoPolicy(t)
	read := need("httpd_t", "httpd_sys_content_t", "file", "read", "open", "getattr")
	socket := need("httpd_t", "var_t", "sock_file", "write", "getattr")
	socket.Evidence = []string{"audit(1:1)"}
	execmem := process("httpd_t", "httpd_t", "execmem")
	got := module.Minimize(p, []module.Need{read, socket, execmem, socket}, module.MinimizeOptions{})
	if len(got.Unsolved) != 0 || len(got.Rules) != 2 {
		t.Fatalf("got %+v", got)
	}
	if s := got.Rules[0].String(); s != "allow httpd_t self:process execmem;" {
		t.Errorf("got %s", s)
	}
	r := got.Rules[1]
	if r.Target != "var_t" || !slices.Contains(r.Permissions, "write") || !slices.Equal(r.Evidence, []string{"audit(1:1)"}) {
		t.Errorf("got %+v", r)
	}
	after, err := p.With(module.Changes(got.Rules)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []module.Need{read, socket, execmem} {
		if d, err := after.Decide(n.Access); err != nil || !d.Allowed {
			t.Errorf("%+v: %+v, %v", n.Access, d, err)
		}
	}
	// And no permission that was allowed already is in the rules.
	for _, r := range got.Rules {
		for _, perm := range r.Permissions {
			target := r.Target
			if target == module.Self {
				target = r.Source
			}
			n := need(r.Source, target, r.Class, perm)
			if r.Target == module.Self {
				n = process(r.Source, target, perm)
			}
			if d, err := p.Decide(n.Access); err != nil || d.Allowed {
				t.Errorf("%s: %s is allowed already, %v", r, perm, err)
			}
		}
	}
}

func TestMinimizeUnsolved(t *testing.T) {
	p := demoPolicy(t)
	// A file with another container's MCS category: the rules allow it, a
	// constraint on mcs_constrained_type denies it (internal/demo/policy/base.cil).
	category := need("container_t", "container_file_t", "file", "read")
	category.Access.Source = policy.MustParseContext("system_u:system_r:container_t:s0:c1,c2")
	category.Access.Target = policy.MustParseContext("system_u:object_r:container_file_t:s0:c3,c4")
	unknown := need("no_such_t", "var_t", "file", "read")
	got := module.Minimize(p, []module.Need{unknown}, module.MinimizeOptions{})
	if len(got.Rules) != 0 || len(got.Unsolved) != 1 || !errors.Is(got.Unsolved[0].Err, fs.ErrNotExist) {
		t.Errorf("unknown type: %+v", got)
	}
	got = module.Minimize(p, []module.Need{category}, module.MinimizeOptions{})
	if len(got.Rules) != 0 || len(got.Unsolved) != 1 || len(got.Unsolved[0].Reasons) == 0 || got.Unsolved[0].Reasons[0].Kind() != "constraint" {
		t.Errorf("constraint: %+v", got)
	}
}

func TestMinimizeXperms(t *testing.T) {
	p := demoPolicy(t)
	ioctl := need("httpd_t", "shadow_t", "file", "ioctl")
	ioctl.Access.Xperm, ioctl.Access.HasXperm = 0x5401, true
	other := ioctl
	other.Access.Xperm = 0x5402
	narrow := module.MinimizeOptions{NarrowXperms: true}

	wide := module.Minimize(p, []module.Need{ioctl, other}, module.MinimizeOptions{})
	if len(wide.Rules) != 1 || wide.Rules[0].Kind != module.Allow {
		t.Errorf("wide: %v", wide)
	}
	got := module.Minimize(p, []module.Need{ioctl, other}, narrow)
	if len(got.Rules) != 2 || got.Rules[1].String() != "allowxperm httpd_t shadow_t:file ioctl { 0x5401-0x5402 };" {
		t.Fatalf("narrow: %v", got)
	}
	after, err := p.With(module.Changes(got.Rules)...)
	if err != nil {
		t.Fatal(err)
	}
	for cmd, want := range map[uint16]bool{0x5401: true, 0x5402: true, 0x5403: false} {
		a := ioctl.Access
		a.Xperm = cmd
		if d, err := after.Decide(a); err != nil || d.Allowed != want {
			t.Errorf("%#x: %+v, %v", cmd, d, err)
		}
	}
	// A need without a command must not be narrowed to those of others.
	any := ioctl
	any.Access.Xperm, any.Access.HasXperm = 0, false
	if got := module.Minimize(p, []module.Need{ioctl, any}, narrow); len(got.Rules) != 1 {
		t.Errorf("with an ioctl of unknown command: %v", got)
	}
}

// With a policy, the guard knows types by their attributes, too.
func TestGuardWithPolicy(t *testing.T) {
	p := demoPolicy(t)
	ids := func(rules ...module.Rule) (out []string) {
		for _, f := range (module.Guard{}).Check(p, rules) {
			out = append(out, f.ID)
		}
		return out
	}
	for _, tt := range []struct {
		rule module.Rule
		want string
	}{
		{allow("httpd_t", "shadow_t", "file", "read"), "security-files"},
		{allow("httpd_t", "httpd_exec_t", "file", "write"), "entry-point-write"},
		// Through an attribute it would reach shadow_t and the base types.
		{allow("httpd_t", "file_type", "file", "read"), "security-files"},
		{allow("httpd_t", "file_type", "file", "write"), "base-type-write"},
	} {
		if got := ids(tt.rule); !slices.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %s", tt.rule, got, tt.want)
		}
	}
	if got := ids(allow("httpd_t", "httpd_sys_rw_content_t", "sock_file", "write")); got != nil {
		t.Errorf("got %q", got)
	}
	found := (module.Guard{}).Check(p, []module.Rule{allow("httpd_t", "file_type", "file", "read")})
	if i := slices.IndexFunc(found, func(f module.Finding) bool { return f.ID == "security-files" }); i < 0 || !slices.Contains(found[i].Targets, "shadow_t") {
		t.Errorf("got %+v", found)
	}
}

package policy_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func search(t *testing.T, p *policy.Policy, q policy.RuleQuery) []string {
	t.Helper()
	rules, err := p.Rules(q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	lines := texts(rules)
	slices.Sort(lines)
	return lines
}

// The rules of testdata/query.conf, as sesearch would print them. The compiler
// merges the permissions of rules that differ in nothing else; it expands self,
// and attributes less a type; it makes of if (!x) the else of if (x).
const (
	httpdFileType   = "allow httpd_t file_type:file { getattr ioctl read };"
	httpdLog        = "allow httpd_t httpd_log_t:file { read write };"
	haproxyPort     = "allow haproxy_t http_port_t:tcp_socket { name_bind name_connect };"
	httpdXperm      = "allowxperm httpd_t httpd_log_t:file ioctl 0x5401-0x5403;"
	httpdXperm89    = "allowxperm httpd_t httpd_log_t:file ioctl 0x8910;"
	auditLog        = "auditallow domain httpd_log_t:file write;"
	transition      = "type_transition kernel_t httpd_exec_t:process httpd_t;"
	namedTransition = "type_transition httpd_t httpd_sys_content_t:file httpd_log_t access.log;"
	member          = "type_member httpd_t httpd_log_t:dir proc_t;"
	change          = "type_change httpd_t httpd_log_t:file proc_net_t;"
	rangeTransition = "range_transition kernel_t httpd_exec_t:process s0 - s1:c0.c1,c3;"
	roleAllow       = "allow staff_r system_r;"
	roleTransition  = "role_transition staff_r httpd_exec_t:process system_r;"
	connectOn       = "allow httpd_t port_t:tcp_socket name_connect; [ httpd_can_network_connect ]:True"
	connectOff      = "dontaudit httpd_t port_t:tcp_socket name_connect; [ httpd_can_network_connect ]:False"
	homedirWrite    = "allow httpd_t unlabeled_t:file write; [ ( use_nfs_home_dirs && ( httpd_can_network_connect || httpd_enable_homedirs ) ) ]:True"
	homedirSearch   = "allow httpd_t unlabeled_t:dir search; [ use_nfs_home_dirs && httpd_enable_homedirs ]:False"
)

func TestRules(t *testing.T) {
	p := queryPolicy(t)
	re := regexp.MustCompile
	for _, c := range []struct {
		name string
		q    policy.RuleQuery
		want []string
	}{
		{"a class and a permission", policy.RuleQuery{Kinds: policy.KindAllow, Classes: []string{"tcp_socket"}, Permissions: []string{"name_connect"}},
			[]string{haproxyPort, connectOn}},
		{"through an attribute", policy.RuleQuery{Kinds: policy.KindAllow, Target: "httpd_sys_content_t"}, []string{httpdFileType}},
		{"not through an attribute", policy.RuleQuery{Kinds: policy.KindAllow, Target: "httpd_sys_content_t", TargetDirect: true}, nil},
		{"the attribute itself", policy.RuleQuery{Kinds: policy.KindAllow, Target: "file_type", TargetDirect: true}, []string{httpdFileType}},
		{"an attribute finds rules for its types", policy.RuleQuery{Kinds: policy.KindAllow, Target: "file_type", Classes: []string{"file"}, Permissions: []string{"write"}},
			[]string{httpdLog, homedirWrite}},
		{"an attribute without types", policy.RuleQuery{Target: "nothing"}, nil},
		{"an alias", policy.RuleQuery{Kinds: policy.KindAllow, Source: "lb_t", Classes: []string{"tcp_socket"}}, []string{haproxyPort}},
		{"any permission", policy.RuleQuery{Kinds: policy.KindAllow, Permissions: []string{"write", "name_bind"}},
			[]string{haproxyPort, httpdLog, homedirWrite}},
		{"all permissions", policy.RuleQuery{Kinds: policy.KindAllow, Permissions: []string{"read", "ioctl"}, PermissionMatch: policy.MatchAll},
			[]string{httpdFileType}},
		{"just these permissions", policy.RuleQuery{Kinds: policy.KindAllow, Permissions: []string{"write", "read"}, PermissionMatch: policy.MatchEqual},
			[]string{httpdLog}},
		{"extended permissions belong to ioctl", policy.RuleQuery{Source: "httpd_t", Target: "httpd_log_t", Permissions: []string{"ioctl"}},
			[]string{httpdFileType, httpdXperm, httpdXperm89}},
		{"an extended permission", policy.RuleQuery{Xperms: []policy.XpermRange{{Low: 0x5403, High: 0x5410}}}, []string{httpdXperm}},
		{"a range from its high end", policy.RuleQuery{Xperms: []policy.XpermRange{{Low: 0x8911, High: 0x890f}}}, []string{httpdXperm89}},
		{"just this extended permission", policy.RuleQuery{Xperms: []policy.XpermRange{{Low: 0x8910, High: 0x8910}}, XpermMatch: policy.MatchEqual}, []string{httpdXperm89}},
		{"all of these extended permissions", policy.RuleQuery{Xperms: []policy.XpermRange{{Low: 0x5401, High: 0x5404}}, XpermMatch: policy.MatchAll}, nil},
		{"a regular expression", policy.RuleQuery{Kinds: policy.TypeKinds, SourceRegexp: re("^kernel"), TargetRegexp: re("exec")}, []string{transition}},
		{"a regular expression for types finds attributes of theirs", policy.RuleQuery{Kinds: policy.KindAuditAllow, SourceRegexp: re("^haproxy")}, []string{auditLog}},
		{"a direct one does not", policy.RuleQuery{Kinds: policy.KindAuditAllow, SourceRegexp: re("^haproxy"), SourceDirect: true}, nil},
		{"a regular expression for the class", policy.RuleQuery{Kinds: policy.TypeKinds, ClassRegexp: re("^d")}, []string{member}},
		{"the default", policy.RuleQuery{Default: "httpd_log_t"}, []string{namedTransition}},
		{"the default by an attribute of it", policy.RuleQuery{Default: "domain"}, []string{transition}},
		{"the default by a regular expression", policy.RuleQuery{DefaultRegexp: re("^proc_net")}, []string{change}},
		{"a range", policy.RuleQuery{Default: "s0-secret:c0.c1,c3"}, []string{rangeTransition}},
		{"another range", policy.RuleQuery{Kinds: policy.KindRangeTransition, Default: "s0-s1"}, nil},
		{"a new object's name", policy.RuleQuery{Name: "access.log"}, []string{namedTransition}},
		{"names by a regular expression", policy.RuleQuery{NameRegexp: re(`\.log$`), Source: "httpd_t"}, []string{namedTransition}},
		{"any of the booleans", policy.RuleQuery{Booleans: []string{"httpd_enable_homedirs"}}, []string{homedirSearch, homedirWrite}},
		{"all booleans", policy.RuleQuery{Booleans: []string{"httpd_enable_homedirs", "httpd_can_network_connect"}, BooleanMatch: policy.MatchAll}, []string{homedirWrite}},
		{"just these booleans", policy.RuleQuery{Booleans: []string{"httpd_enable_homedirs", "use_nfs_home_dirs"}, BooleanMatch: policy.MatchEqual}, []string{homedirSearch}},
		{"booleans by a regular expression", policy.RuleQuery{BooleanRegexp: re("connect"), Kinds: policy.KindDontAudit}, []string{connectOff}},
		{"a role", policy.RuleQuery{Source: "staff_r"}, []string{roleAllow, roleTransition}},
		{"a role as the target", policy.RuleQuery{Target: "system_r"}, []string{roleAllow}},
		{"a new role", policy.RuleQuery{Default: "system_r"}, []string{roleTransition}},
		{"kinds together", policy.RuleQuery{Kinds: policy.KindTypeMember | policy.KindRoleTransition}, []string{roleTransition, member}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantLines(t, c.name, search(t, p, c.q), c.want...)
		})
	}
}

func TestRulesUnknownNames(t *testing.T) {
	p := queryPolicy(t)
	for kind, q := range map[string]policy.RuleQuery{
		"type or attribute": {Source: "no_such"},
		"role":              {Kinds: policy.RoleKinds, Source: "httpd_t"},
		"class":             {Classes: []string{"file", "no_such"}},
		"permission":        {Permissions: []string{"read", "no_such"}},
		"boolean":           {Booleans: []string{"no_such"}},
		"default":           {Default: "no_such"},
	} {
		var unknown *policy.NameError
		rules, err := p.Rules(q)
		if rules != nil || !errors.As(err, &unknown) || unknown.Kind != kind {
			t.Errorf("%s: %v", kind, err)
		}
	}
	// A permission must be one of the classes that are asked for.
	q := policy.RuleQuery{Classes: []string{"process"}, Permissions: []string{"read"}}
	if _, err := p.Rules(q); err == nil {
		t.Error("process has no read")
	}
}

// Values that are none of the constants are refused, not taken for others.
func TestRulesBadQuery(t *testing.T) {
	p := queryPolicy(t)
	const beyond = policy.KindRangeTransition << 1
	for _, c := range []struct {
		q    policy.RuleQuery
		want policy.QueryError
	}{
		{policy.RuleQuery{Kinds: beyond}, policy.QueryError{Field: "Kinds", Value: uint64(beyond)}},
		{policy.RuleQuery{Kinds: beyond | policy.KindAllow}, policy.QueryError{Field: "Kinds", Value: uint64(beyond)}},
		{policy.RuleQuery{PermissionMatch: 3}, policy.QueryError{Field: "PermissionMatch", Value: 3}},
		{policy.RuleQuery{XpermMatch: 4}, policy.QueryError{Field: "XpermMatch", Value: 4}},
		{policy.RuleQuery{BooleanMatch: 255}, policy.QueryError{Field: "BooleanMatch", Value: 255}},
	} {
		var bad *policy.QueryError
		rules, err := p.Rules(c.q)
		if rules != nil || !errors.As(err, &bad) || *bad != c.want {
			t.Errorf("%+v: %v", c.q, err)
		}
	}
}

func TestRuleParts(t *testing.T) {
	p := queryPolicy(t)
	one := func(q policy.RuleQuery) policy.Rule {
		t.Helper()
		rules, err := p.Rules(q)
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Collect(rules)
		if len(all) != 1 {
			t.Fatalf("%+v: %d rules", q, len(all))
		}
		return all[0]
	}
	r := one(policy.RuleQuery{Kinds: policy.KindAllow, Source: "httpd_t", Target: "port_t", Classes: []string{"tcp_socket"}})
	if r.Kind() != policy.KindAllow || r.Source() != "httpd_t" || r.Target() != "port_t" || r.Class() != "tcp_socket" ||
		!slices.Equal(r.Permissions(), []string{"name_connect"}) || !r.HasPermission("name_connect") || r.HasPermission("name_bind") ||
		r.Default() != "" || r.Name() != "" || r.Statement() != "allow httpd_t port_t:tcp_socket name_connect;" {
		t.Errorf("%v", r)
	}
	if c, ok := r.Condition(); !ok || !c.Branch() || c.Expression() != "httpd_can_network_connect" || r.Holds() || c.Holds() {
		t.Errorf("condition %v", c)
	}
	r = one(policy.RuleQuery{Name: "access.log"})
	if r.Name() != "access.log" || r.Default() != "httpd_log_t" || r.Permissions() != nil || !r.Holds() ||
		r.Statement() != `type_transition httpd_t httpd_sys_content_t:file httpd_log_t "access.log";` {
		t.Errorf("%v", r)
	}
	r = one(policy.RuleQuery{Kinds: policy.KindRangeTransition})
	if r.Default() != "s0-s1:c0,c1,c3" { // as the kernel prints it
		t.Error(r.Default())
	}
	r = one(policy.RuleQuery{Xperms: []policy.XpermRange{{Low: 0x5402, High: 0x5402}}})
	if got := slices.Collect(r.Xperms()); !slices.Equal(got, []policy.XpermRange{{Low: 0x5401, High: 0x5403}}) ||
		!r.HasXperm(0x5401) || r.HasXperm(0x5404) || r.HasXperm(0x8910) ||
		r.String() != "allowxperm httpd_t httpd_log_t:file ioctl 0x5401-0x5403;" || // as sesearch prints it: no source
		r.Statement() != "allowxperm httpd_t httpd_log_t:file ioctl { 0x5401-0x5403 };" {
		t.Errorf("%v", got)
	}
}

// Rules that With adds are found, those that it removes are not, and conditions
// follow its booleans.
func TestRulesWith(t *testing.T) {
	p := queryPolicy(t)
	rules, err := p.Rules(policy.RuleQuery{Kinds: policy.KindAllow, Target: "httpd_log_t", TargetDirect: true})
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.With(
		policy.RemoveRule{Rule: slices.Collect(rules)[0]},
		policy.AllowRule{Source: "domain", Target: "self", Class: "process", Permissions: []string{"transition"}},
		policy.AllowXperm{Source: "haproxy_t", Target: "proc_t", Class: "file", Permission: "ioctl", Low: 1, High: 2},
		policy.SetBoolean{Name: "httpd_can_network_connect", On: true})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "removed", search(t, after, policy.RuleQuery{Kinds: policy.KindAllow, Target: "httpd_log_t", TargetDirect: true}))
	wantLines(t, "not removed", search(t, p, policy.RuleQuery{Kinds: policy.KindAllow, Target: "httpd_log_t", TargetDirect: true}), httpdLog)
	wantLines(t, "added", search(t, after, policy.RuleQuery{Source: "haproxy_t", Permissions: []string{"transition", "ioctl"}}),
		"allow domain self:process transition;", "allowxperm haproxy_t proc_t:file ioctl 0x0001-0x0002;")
	on, err := after.Rules(policy.RuleQuery{Kinds: policy.KindAllow, Target: "port_t"})
	if err != nil {
		t.Fatal(err)
	}
	for r := range on {
		if !r.Holds() {
			t.Errorf("%v does not hold", r)
		}
	}
}

func TestRulesStop(t *testing.T) {
	p := queryPolicy(t)
	for _, q := range []policy.RuleQuery{{}, {Source: "httpd_t"}, {Kinds: policy.RoleKinds}, {Name: "access.log"}, {Kinds: policy.KindRangeTransition}} {
		rules, err := p.Rules(q)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range rules {
			n++
			break
		}
		if n != 1 {
			t.Errorf("%+v: %d rules", q, n)
		}
	}
}

func TestParseXperms(t *testing.T) {
	got, err := policy.ParseXperms("0x8910,8925-0x8920, 0X1")
	want := []policy.XpermRange{{Low: 0x8910, High: 0x8910}, {Low: 0x8920, High: 0x8925}, {Low: 1, High: 1}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"", "x", "0x10000", "1-", "1-2-3", "-1"} {
		if got, err := policy.ParseXperms(bad); err == nil || got != nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestBooleans(t *testing.T) {
	p := queryPolicy(t)
	b, err := p.Boolean("httpd_can_network_connect")
	if err != nil {
		t.Fatal(err)
	}
	lines := texts(b.Rules())
	slices.Sort(lines)
	wantLines(t, "what it switches", lines, connectOn, homedirWrite, connectOff)
	after, err := p.With(policy.SetBoolean{Name: b.Name(), On: true})
	if err != nil {
		t.Fatal(err)
	}
	on, _ := after.Boolean(b.Name())
	if b.State() || b.Default() || !on.State() || on.Default() {
		t.Error("the state changes, the default does not")
	}
	for c := range b.Conditions() {
		// Both expressions with the boolean are true once it is, given that
		// use_nfs_home_dirs is.
		value := func(name string) bool { return name != "httpd_enable_homedirs" }
		if c.Eval(value) != c.Branch() {
			t.Errorf("%v", c)
		}
		if !slices.Contains(c.Booleans(), b.Name()) {
			t.Errorf("%v: booleans %v", c, c.Booleans())
		}
	}
}

// searched is the policy that benchmarks use: Debian's where it is installed,
// else the embedded one.
func searched(b *testing.B) *policy.Policy {
	p, err := policy.Open("/etc/selinux/default/policy/policy.33")
	if err != nil {
		if p, err = policy.Parse(demo.Policy()); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

// BenchmarkRulesQuery searches as sesearch -A -s httpd_t -p name_connect.
func BenchmarkRulesQuery(b *testing.B) {
	p := searched(b)
	q := policy.RuleQuery{Kinds: policy.KindAllow | policy.KindAllowXperm, Source: "httpd_t", Permissions: []string{"name_connect"}}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		rules, err := p.Rules(q)
		if err != nil {
			b.Fatal(err)
		}
		n = 0
		for range rules {
			n++
		}
	}
	b.ReportMetric(float64(n), "rules")
}

// BenchmarkRulesRegexp searches as sesearch -A -rs -s '^httpd' -rt -t log.
func BenchmarkRulesRegexp(b *testing.B) {
	p := searched(b)
	q := policy.RuleQuery{Kinds: policy.KindAllow, SourceRegexp: regexp.MustCompile("^httpd"), TargetRegexp: regexp.MustCompile("log")}
	b.ReportAllocs()
	for b.Loop() {
		rules, err := p.Rules(q)
		if err != nil {
			b.Fatal(err)
		}
		for range rules {
		}
	}
}

// BenchmarkAllAllow prints all allow rules, as sesearch -A.
func BenchmarkAllAllow(b *testing.B) {
	p := searched(b)
	var text []byte
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		rules, err := p.Rules(policy.RuleQuery{Kinds: policy.KindAllow | policy.KindAllowXperm})
		if err != nil {
			b.Fatal(err)
		}
		n = 0
		for r := range rules {
			text, _ = r.AppendText(text[:0])
			n++
		}
	}
	b.ReportMetric(float64(n), "rules")
	if !strings.HasPrefix(string(text), "allow") {
		b.Fatalf("%s", text)
	}
}

// A policy may be searched and listed by many at once; what is made when first
// asked for is made once. (The race detector checks it.)
func TestConcurrentUse(t *testing.T) {
	p := queryPolicy(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			rules, err := p.Rules(policy.RuleQuery{Source: "httpd_t"})
			if err != nil {
				t.Error(err)
				return
			}
			n := 0
			for r := range rules {
				_ = r.String()
				n++
			}
			if types := len(texts(p.Types())); n == 0 || types != 15 {
				t.Errorf("%d rules, %d types", n, types)
			}
		})
	}
	wg.Wait()
}

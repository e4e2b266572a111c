//go:build oracle

package module_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// members asks seinfo for the types of an attribute.
func members(t *testing.T, attribute string) map[string]bool {
	t.Helper()
	out := make(map[string]bool)
	for line := range strings.Lines(oracle.Output(t, "seinfo", oracle.DebianPolicy, "-a", attribute, "-x")) {
		if name := strings.TrimSpace(line); len(strings.Fields(name)) == 1 {
			out[strings.TrimSuffix(name, ";")] = true
		}
	}
	delete(out, "")
	return out
}

// TestOracleSecurityTypes holds what the guard takes for security files against
// the attributes that the reference policy keeps them apart by.
func TestOracleSecurityTypes(t *testing.T) {
	oracle.Require(t, "seinfo", oracle.DebianPolicy)
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	files, ordinary := members(t, "file_type"), members(t, "non_security_file_type")
	// The policy's own configuration is guarded, too, though not kept apart so.
	configuration := []string{"policy_src_t", "selinux_config_t", "default_context_t", "file_context_t",
		"semanage_store_t", "semanage_read_lock_t", "semanage_trans_lock_t"}
	compared, different, security := 0, 0, 0
	for typ := range p.Types() {
		name := typ.Name()
		want := files[name] && !ordinary[name] || slices.Contains(configuration, name)
		if compared++; module.IsSecurityType(p, name) != want {
			different++
			t.Logf("%s: security type: %v", name, !want)
		}
		if want {
			security++
		}
	}
	if security < len(configuration)+5 {
		t.Errorf("only %d security types", security)
	}
	oracle.Report(t, "module-guard-security-types", compared, different)
}

// TestOracleMinimize makes random denials and holds the rules against those of
// audit2allow, which also asks the policy (libsepol, through audit2why).
func TestOracleMinimize(t *testing.T) {
	oracle.Require(t, "audit2allow", oracle.DebianPolicy)
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	needs := randomNeeds(t, p, 2500)
	var log strings.Builder
	for i, n := range needs {
		fmt.Fprintf(&log, "type=AVC msg=audit(1700000000.000:%d): avc:  denied  { %s } for  pid=1 comm=\"x\" scontext=%s tcontext=%s tclass=%s permissive=0\n",
			i, n.Access.Permissions[0], n.Access.Source, n.Access.Target, n.Access.Class)
	}
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	// Its rules, each with the comment before it.
	theirs := make(map[string]bool)
	comment := ""
	for line := range strings.Lines(oracle.Output(t, "audit2allow", "-p", oracle.DebianPolicy, "-i", file)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			comment += line
		case strings.HasPrefix(line, "allow "):
			if !strings.Contains(comment, "is allowed in the current policy") && !strings.Contains(comment, "constraint violation") {
				theirs[line] = true
			}
			comment = ""
		case line == "":
			comment = ""
		}
	}
	got := module.Minimize(p, needs, module.MinimizeOptions{})
	ours := make(map[string]bool)
	for _, r := range got.Rules {
		ours[r.String()] = true
	}
	// Where a rule is missing and a constraint denies as well, audit2why sees the
	// first and audit2allow makes a rule that does not help. We make none.
	useless, unexplained := 0, 0
	for _, u := range got.Unsolved {
		if len(u.Reasons) == 0 || u.Reasons[0].Kind() != "constraint" && u.Reasons[0].Kind() != "role" {
			unexplained++
			t.Logf("unsolved: %+v", u)
		}
		a := needs[u.Need].Access
		rule := allow(a.Source.Type(), a.Target.Type(), a.Class, u.Permission)
		if rule.Source == rule.Target {
			rule.Target = module.Self
		}
		if theirs[rule.String()] {
			delete(theirs, rule.String())
			useless++
		}
	}
	after, err := p.With(module.Changes(got.Rules)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range needs {
		d, err := after.Decide(n.Access)
		unsolved := slices.ContainsFunc(got.Unsolved, func(u module.Unsolved) bool { return u.Need == i })
		if err != nil || d.Allowed == unsolved {
			unexplained++
			t.Logf("with the rules: %+v, %v", d, err)
		}
	}
	if len(got.Unsolved) == 0 {
		t.Error("no access that a constraint denies among the needs")
	}
	_, different := compare(t, "audit2allow", theirs, ours)
	different += unexplained
	t.Logf("%d needs, %d rules, %d unsolved, for which audit2allow makes %d useless rules", len(needs), len(ours), len(got.Unsolved), useless)
	oracle.Report(t, "module-minimize-audit2allow", len(needs), different)
}

// randomNeeds returns accesses between contexts that the policy takes, each
// with one permission, no two of the same types and class.
func randomNeeds(t *testing.T, p *policy.Policy, n int) []module.Need {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	types := slices.Collect(p.Types())
	domain, err := p.Attribute("domain")
	if err != nil {
		t.Fatal(err)
	}
	domains := slices.Collect(domain.Types())
	classes := []string{"file", "dir", "process", "tcp_socket", "sock_file", "unix_stream_socket", "capability", "fd"}
	users, ranges := []string{"system_u", "system_u", "unconfined_u"}, []string{":s0", ":s0", ":s0:c1,c7"}
	seen := make(map[string]bool)
	var out []module.Need
	for len(out) < n {
		class, err := p.Class(classes[r.IntN(len(classes))])
		if err != nil {
			t.Fatal(err)
		}
		perms := class.Permissions()
		source := domains[r.IntN(len(domains))].Name()
		target := types[r.IntN(len(types))].Name()
		role := "object_r"
		switch class.Name() {
		case "process", "unix_stream_socket", "fd":
			target, role = domains[r.IntN(len(domains))].Name(), "system_r"
		case "capability":
			target, role = source, "system_r"
		}
		a := policy.Access{
			Source: policy.MustParseContext("system_u:system_r:" + source + ":s0"),
			Target: policy.MustParseContext(users[r.IntN(len(users))] + ":" + role + ":" + target + ranges[r.IntN(len(ranges))]),
			Class:  class.Name(), Permissions: []string{perms[r.IntN(len(perms))]},
		}
		key := source + " " + target + " " + a.Class
		if seen[key] || p.CheckContext(a.Source) != nil || p.CheckContext(a.Target) != nil {
			continue
		}
		seen[key] = true
		out = append(out, module.Need{Access: a})
	}
	return out
}

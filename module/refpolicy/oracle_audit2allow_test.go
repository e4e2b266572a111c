//go:build oracle

package refpolicy_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/refpolicy"
	"github.com/sekit/sekit/policy"
)

// randomDenials returns accesses that a rule would cure, each of another domain,
// of kinds that policies have interfaces for.
func randomDenials(t *testing.T, p *policy.Policy, r *rand.Rand, n int) []policy.Access {
	t.Helper()
	list := func(attribute string) []string {
		a, err := p.Attribute(attribute)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for typ := range a.Types() {
			out = append(out, typ.Name())
		}
		return out
	}
	domains, files, ports, devices := list("domain"), list("file_type"), list("port_type"), list("device_node")
	kinds := []struct {
		targets            []string
		role               string
		class, permissions string
	}{
		{files, "object_r", "file", "read write append execute getattr create unlink open"},
		{files, "object_r", "dir", "search read write add_name getattr"},
		{files, "object_r", "file", "read write"},
		{files, "object_r", "lnk_file", "read getattr"},
		{files, "object_r", "sock_file", "write getattr"},
		{devices, "object_r", "chr_file", "read write ioctl getattr"},
		{domains, "system_r", "unix_stream_socket", "connectto"},
		{domains, "system_r", "process", "signal signull sigkill getattr"},
		{domains, "system_r", "fd", "use"},
		{domains, "system_r", "fifo_file", "read write"},
		{domains, "system_r", "dbus", "send_msg"},
		{ports, "object_r", "tcp_socket", "name_connect name_bind"},
		{ports, "object_r", "udp_socket", "name_bind"},
	}
	r.Shuffle(len(domains), func(i, j int) { domains[i], domains[j] = domains[j], domains[i] })
	pick := func(s []string) string { return s[r.IntN(len(s))] }
	var out []policy.Access
	for _, domain := range domains {
		k := kinds[r.IntN(len(kinds))]
		a := policy.Access{Source: policy.MustParseContext("system_u:system_r:" + domain + ":s0"),
			Target: policy.MustParseContext("system_u:" + k.role + ":" + pick(k.targets) + ":s0"),
			Class:  k.class, Permissions: []string{pick(strings.Fields(k.permissions))}}
		if p.CheckContext(a.Source) != nil || p.CheckContext(a.Target) != nil || a.Source.Type() == a.Target.Type() {
			continue
		}
		after, err := p.With(policy.AllowRule{Source: domain, Target: a.Target.Type(), Class: a.Class, Permissions: a.Permissions})
		if err != nil {
			continue
		}
		before, err1 := p.Decide(a)
		cured, err2 := after.Decide(a)
		if err1 != nil || err2 != nil || before.Allowed || !cured.Allowed {
			continue
		}
		if out = append(out, a); len(out) == n {
			break
		}
	}
	return out
}

var (
	section = regexp.MustCompile(`^#=+ (\S+) =+$`)
	callOf  = regexp.MustCompile(`^([a-z]\w*)\((.*)\)\s*$`)
)

// proposed asks audit2allow -R for interfaces; what it has to say of a domain's
// one denial is a call, or else a rule.
func proposed(t *testing.T, denials []policy.Access) map[string]string {
	t.Helper()
	dir := t.TempDir()
	info, log := filepath.Join(dir, "interface_info"), filepath.Join(dir, "log")
	oracle.Output(t, "sepolgen-ifgen", "-i", include, "-o", info)
	var text strings.Builder
	for i, a := range denials {
		fmt.Fprintf(&text, "type=AVC msg=audit(1700000000.000:%d): avc:  denied  { %s } for  pid=1 comm=\"x\" scontext=%s tcontext=%s tclass=%s permissive=0\n",
			i, a.Permissions[0], a.Source, a.Target, a.Class)
	}
	if err := os.WriteFile(log, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	domain := ""
	for line := range strings.Lines(oracle.Output(t, "audit2allow", "-R", "-p", oracle.DebianPolicy, "--interface-info", info, "-i", log)) {
		line = strings.TrimSpace(line)
		if m := section.FindStringSubmatch(line); m != nil {
			domain = m[1]
		} else if m := callOf.FindStringSubmatch(line); m != nil && domain != "" {
			var args []string
			for _, a := range strings.Split(m[2], ",") {
				args = append(args, strings.TrimSpace(a))
			}
			out[domain] = m[1] + "(" + strings.Join(args, ", ") + ")"
		}
	}
	return out
}

// block is an optional block with a call, and what its arguments are required
// for.
func block(p *policy.Policy, domain, call string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "optional_policy(`\n\tgen_require(`\n\t\trole system_r;\n\t\ttype %s;\n", domain)
	for _, arg := range strings.Split(callOf.FindStringSubmatch(call)[2], ", ") {
		if _, err := p.Type(arg); err == nil && arg != domain {
			fmt.Fprintf(&b, "\t\ttype %s;\n", arg)
		}
	}
	fmt.Fprintf(&b, "\t')\n\t%s\n')\n", call)
	return b.String()
}

// installed returns Debian's policy as semodule makes it with a module of calls,
// each in an optional block of its own, but for those that don't compile.
func installed(t *testing.T, h *refpolicy.Headers, p *policy.Policy, root string, calls map[string]string) *policy.Policy {
	t.Helper()
	const head = "policy_module(calls, 1.0)\n"
	te := head
	for domain, call := range calls {
		text := block(p, domain, call)
		if _, _, err := h.Compile(refpolicy.Source{Name: "calls", TE: head + text}, module.ModOptions{}); err != nil {
			t.Logf("%s does not compile: %v", call, err)
			continue
		}
		te += text
	}
	pp, _, err := h.Compile(refpolicy.Source{Name: "calls", TE: te}, module.ModOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "calls.pp")
	if err := os.WriteFile(file, pp, 0o600); err != nil {
		t.Fatal(err)
	}
	oracle.Output(t, "semodule", "-N", "-p", root, "-s", "default", "-i", file)
	after, err := policy.Open(filepath.Join(root, oracle.DebianPolicy))
	if err != nil {
		t.Fatal(err)
	}
	return after
}

// TestOracleSuggestAudit2allow holds the suggestions for random denials against
// audit2allow -R. What we suggest first must allow the access once semodule has
// it in the policy, and open no more than what audit2allow proposes, if that
// cures at all: some of what it proposes does not, and must not be among ours.
func TestOracleSuggestAudit2allow(t *testing.T) {
	oracle.Require(t, "audit2allow", "sepolgen-ifgen", "semodule", "cp", "/var/lib/selinux/default/active/modules", oracle.DebianPolicy)
	h := debian(t)
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	denials := randomDenials(t, p, rand.New(rand.NewPCG(1, 2)), 330)
	theirs := proposed(t, denials)
	ours := make(map[string]string)
	all := make(map[string][]refpolicy.Suggestion)
	for i, a := range denials {
		if theirs[a.Source.Type()] == "" && i%20 != 0 { // some, for what it has nothing for
			continue
		}
		list, err := h.Suggest(p, []policy.Access{a})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 {
			ours[a.Source.Type()], all[a.Source.Type()] = list[0].Call, list
		}
	}
	root := t.TempDir()
	for _, dir := range []string{"etc/selinux", "var/lib/selinux/default"} {
		to := filepath.Join(root, filepath.FromSlash(dir))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		oracle.Output(t, "cp", "-a", "/"+dir, to)
	}
	withOurs, withTheirs := installed(t, h, p, root, ours), installed(t, h, p, root, theirs)
	var compared, different, cheaper, same, useless, alone int
	for _, a := range denials {
		domain := a.Source.Type()
		cured, err1 := withOurs.Decide(a)
		curedByTheirs, err2 := withTheirs.Decide(a)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		wrong := func(format string, args ...any) {
			different++
			t.Errorf("%s %s:%s %v, audit2allow %q, ours %q: %s", domain, a.Target.Type(), a.Class, a.Permissions, theirs[domain], ours[domain], fmt.Sprintf(format, args...))
		}
		if _, ok := theirs[domain]; !ok && ours[domain] == "" {
			continue
		}
		compared++
		if ours[domain] != "" && !cured.Allowed {
			wrong("ours does not cure")
			continue
		}
		i := slices.IndexFunc(all[domain], func(s refpolicy.Suggestion) bool { return s.Call == theirs[domain] })
		switch {
		case theirs[domain] == "":
			alone++
		case !curedByTheirs.Allowed:
			if useless++; i >= 0 {
				wrong("suggested, and does not cure")
			}
		case i < 0:
			wrong("cures, and is not among ours")
		case all[domain][i].Beyond < all[domain][0].Beyond:
			wrong("cheaper: %d, ours %d", all[domain][i].Beyond, all[domain][0].Beyond)
		case all[domain][i].Beyond > all[domain][0].Beyond:
			cheaper++
		default:
			same++
		}
	}
	t.Logf("%d denials; audit2allow proposes %d interfaces, of which %d do not cure; ours open less for %d and as much for %d; %d more have one by us alone",
		len(denials), len(theirs), useless, cheaper, same, alone)
	oracle.Report(t, "suggest", compared, different)
}

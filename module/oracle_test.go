//go:build oracle

package module_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

const pp = "/usr/libexec/selinux/hll/pp"

// world is the small base policy that random modules are written for: some
// types and attributes, and all classes of Debian's policy.
type world struct {
	types      []string
	attributes map[string][]string
	classes    []string
	perms      map[string][]string
	base       string // the policy in CIL
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{attributes: make(map[string][]string), perms: make(map[string][]string)}
	for c := range p.Classes() {
		w.classes = append(w.classes, c.Name())
		w.perms[c.Name()] = c.Permissions()
	}
	for i := range 40 {
		w.types = append(w.types, fmt.Sprintf("type%02d_t", i))
	}
	w.types = append(w.types, "a-b", "block.process", "Allowed_T")
	for i := range 4 {
		w.attributes[fmt.Sprintf("attr%d", i)] = w.types[10*i : 10*i+8]
	}
	w.base = w.baseCIL()
	return w
}

func (w *world) baseCIL() string {
	var b strings.Builder
	b.WriteString("(handleunknown deny)\n(mls false)\n(user u)\n(role r)\n(userrole u r)\n")
	b.WriteString("(sid kernel)\n(sidorder (kernel))\n(sidcontext kernel (u r type00_t ((s) (s))))\n")
	b.WriteString("(sensitivity s)\n(sensitivityorder (s))\n(category c)\n(categoryorder (c))\n(sensitivitycategory s (c))\n")
	b.WriteString("(userlevel u (s))\n(userrange u ((s) (s)))\n(roletype r type00_t)\n(roletype object_r type00_t)\n(role object_r)\n")
	for _, c := range w.classes {
		fmt.Fprintf(&b, "(class %s (%s))\n", c, strings.Join(w.perms[c], " "))
	}
	fmt.Fprintf(&b, "(classorder (%s))\n", strings.Join(w.classes, " "))
	b.WriteString("(block block (type process))\n(typeattribute cil_gen_require)\n(roleattribute cil_gen_require)\n")
	// secilc wants one rule; got passes it over.
	b.WriteString("(type anchor_t)\n(allow anchor_t self (process (fork)))\n")
	for _, t := range w.types {
		if t != "block.process" {
			fmt.Fprintf(&b, "(type %s)\n", t)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(w.attributes)) {
		fmt.Fprintf(&b, "(typeattribute %s)\n(typeattributeset %s (%s))\n", a, a, strings.Join(w.attributes[a], " "))
	}
	return b.String()
}

func (w *world) random(r *rand.Rand, n int, dots bool) *module.Module {
	names := append(slices.Clone(w.types), slices.Sorted(maps.Keys(w.attributes))...)
	if !dots {
		names = slices.DeleteFunc(names, func(s string) bool { return strings.Contains(s, ".") })
	}
	m := &module.Module{Name: "random", Version: "1.0", RequireAttributes: slices.Sorted(maps.Keys(w.attributes))}
	pick := func(s []string) string { return s[r.IntN(len(s))] }
	ioctl := []string{"file", "tcp_socket", "chr_file", "dir"}
	for range n {
		rule := module.Rule{Kind: module.Kind(1 + r.IntN(6)), Source: pick(names), Target: pick(names),
			Evidence: []string{"from\nallow type00_t type01_t:file write;", strings.Repeat("x", r.IntN(10000))}}
		if r.IntN(4) == 0 {
			rule.Target = module.Self
		}
		if rule.Kind < module.AllowXperm {
			rule.Class = pick(w.classes)
			for range 1 + r.IntN(6) {
				rule.Permissions = append(rule.Permissions, pick(w.perms[rule.Class]))
			}
		} else {
			rule.Class, rule.Permissions = pick(ioctl), []string{"ioctl"}
			for range 1 + r.IntN(12) {
				low := r.IntN(0x10000)
				rule.Xperms = append(rule.Xperms, module.XpermRange{Low: uint16(low), High: uint16(min(0xffff, low+r.IntN(3)*r.IntN(20)))})
			}
		}
		m.Rules = append(m.Rules, rule)
	}
	return m
}

// want expands rules, as they were asked for, into what each says about types
// and permissions.
func (w *world) want(rules []module.Rule) map[string]bool {
	out := make(map[string]bool)
	for _, r := range rules {
		for _, s := range w.expand(r.Source) {
			targets := []string{s}
			if r.Target != module.Self {
				targets = w.expand(r.Target)
			}
			for _, t := range targets {
				head := r.Kind.String() + " " + s + " " + t + " " + r.Class + " "
				if len(r.Xperms) == 0 {
					for _, p := range r.Permissions {
						out[head+p] = true
					}
				}
				for _, x := range r.Xperms {
					for n := int(x.Low); n <= int(x.High); n++ {
						out[head+strconv.Itoa(n)] = true
					}
				}
			}
		}
	}
	return out
}

func (w *world) expand(name string) []string {
	if members, ok := w.attributes[name]; ok {
		return members
	}
	return []string{name}
}

// got reads what sesearch says of a policy in the same form. It does not use
// our own reading of policies.
func (w *world) got(t *testing.T, file string) map[string]bool {
	t.Helper()
	out := make(map[string]bool)
	text := oracle.Output(t, "sesearch", "-A", "--auditallow", "--dontaudit",
		"--allowxperm", "--auditallowxperm", "--dontauditxperm", file)
	for line := range strings.Lines(text) {
		f := strings.FieldsFunc(strings.TrimSpace(line), func(c rune) bool { return strings.ContainsRune(" {};:", c) })
		if len(f) < 5 || f[1] == "anchor_t" {
			continue
		}
		for _, s := range w.expand(f[1]) {
			for _, tgt := range w.expand(f[2]) {
				head := f[0] + " " + s + " " + tgt + " " + f[3] + " "
				if !strings.HasSuffix(f[0], "xperm") {
					for _, p := range f[4:] {
						out[head+p] = true
					}
					continue
				}
				for _, x := range f[5:] { // f[4] is ioctl
					low, high, ranged := strings.Cut(x, "-")
					if !ranged {
						high = low
					}
					l, err1 := strconv.ParseInt(low, 0, 32)
					h, err2 := strconv.ParseInt(high, 0, 32)
					if err1 != nil || err2 != nil {
						t.Fatalf("sesearch says %q", line)
					}
					for n := l; n <= h; n++ {
						out[head+strconv.Itoa(int(n))] = true
					}
				}
			}
		}
	}
	return out
}

func compare(t *testing.T, what string, want, got map[string]bool) (compared, different int) {
	t.Helper()
	for k := range want {
		compared++
		if !got[k] {
			different++
			if different < 5 {
				t.Logf("%s: missing %s", what, k)
			}
		}
	}
	for k := range got {
		if !want[k] {
			different++
			if different < 5 {
				t.Logf("%s: not asked for: %s", what, k)
			}
		}
	}
	return compared, different
}

// TestOracleModules compiles random modules with checkmodule and
// semodule_package, and as CIL with secilc, each on a base policy, and asks
// sesearch for the rules that came of them.
func TestOracleModules(t *testing.T) {
	oracle.Require(t, "checkmodule", "semodule_package", "secilc", "sesearch", pp, oracle.DebianPolicy)
	w := newWorld(t)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	base := write("base.cil", []byte(w.base))
	r := rand.New(rand.NewPCG(1, 2))
	var teCompared, teDifferent, cilCompared, cilDifferent int
	for n := range 25 {
		m := w.random(r, 1+n*4, false)
		dotted := w.random(r, 1+n*4, true)
		te, err := m.TE()
		if err != nil {
			t.Fatal(err)
		}
		cil, err := dotted.CIL()
		if err != nil {
			t.Fatal(err)
		}
		mod, pkg := filepath.Join(dir, "random.mod"), filepath.Join(dir, "random.pp")
		oracle.Output(t, "checkmodule", "-M", "-m", "-o", mod, write("random.te", te))
		oracle.Output(t, "semodule_package", "-o", pkg, "-m", mod)
		fromTE := write("fromte.cil", []byte(oracle.Output(t, pp, pkg)))
		for _, way := range []struct {
			name, file          string
			rules               []module.Rule
			compared, different *int
		}{
			{"te", fromTE, m.Rules, &teCompared, &teDifferent},
			{"cil", write("module.cil", cil), dotted.Rules, &cilCompared, &cilDifferent},
		} {
			out := filepath.Join(dir, way.name+".policy")
			oracle.Output(t, "secilc", "-M", "false", "-c", "33", "-o", out, "-f", os.DevNull, base, way.file)
			c, d := compare(t, fmt.Sprintf("%s of module %d", way.name, n), w.want(way.rules), w.got(t, out))
			*way.compared += c
			*way.different += d
		}
	}
	oracle.Report(t, "module-te-checkmodule", teCompared, teDifferent)
	oracle.Report(t, "module-cil-secilc", cilCompared, cilDifferent)
}

// TestOracleDebian compiles the rules of Debian's whole policy, asked for again
// domain by domain, and has semodule_unpackage give back what was packed.
func TestOracleDebian(t *testing.T) {
	oracle.Require(t, "checkmodule", "semodule_package", "semodule_unpackage", pp, oracle.DebianPolicy)
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := p.Rules(policy.RuleQuery{Kinds: policy.KindAllow, Source: "httpd_t"})
	if err != nil {
		t.Fatal(err)
	}
	m := &module.Module{Name: "httpd_again"}
	attributes := make(map[string]bool)
	for r := range rules {
		for _, name := range []string{r.Source(), r.Target()} {
			if _, err := p.Attribute(name); err == nil {
				attributes[name] = true
			}
		}
		m.Rules = append(m.Rules, module.Rule{Kind: module.Allow, Source: r.Source(), Target: r.Target(),
			Class: r.Class(), Permissions: r.Permissions()})
	}
	m.RequireAttributes = slices.Sorted(maps.Keys(attributes))
	te, err := m.TE()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("httpd_again.te"), te, 0o600); err != nil {
		t.Fatal(err)
	}
	oracle.Output(t, "checkmodule", "-M", "-m", "-o", file("httpd_again.mod"), file("httpd_again.te"))
	oracle.Output(t, "semodule_package", "-o", file("httpd_again.pp"), "-m", file("httpd_again.mod"))
	oracle.Output(t, "semodule_unpackage", file("httpd_again.pp"), file("out.mod"))
	packed, err1 := os.ReadFile(file("httpd_again.mod"))
	unpacked, err2 := os.ReadFile(file("out.mod"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	different := 0
	if string(packed) != string(unpacked) {
		different++
	}
	// pp's CIL has an allow statement for each rule; ours has the same ones.
	statements := func(text string) map[string]bool {
		out := make(map[string]bool)
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "(allow ") {
				continue
			}
			head, perms, ok := strings.Cut(strings.TrimRight(line, ")"), " (")
			if !ok {
				continue
			}
			class, list, _ := strings.Cut(perms, " (")
			for _, perm := range strings.Fields(list) {
				out[head+" "+class+" "+perm] = true
			}
		}
		return out
	}
	cil, err := m.CIL()
	if err != nil {
		t.Fatal(err)
	}
	compared, d := compare(t, "pp", statements(string(cil)), statements(oracle.Output(t, pp, file("httpd_again.pp"))))
	oracle.Report(t, "module-debian-httpd-pp", compared+1, different+d)
}

// TestOracleNames asks checkmodule what is a name: it must take what we take,
// and what it refuses we must refuse. (We refuse a few more: names that only
// CIL reserves.)
func TestOracleNames(t *testing.T) {
	oracle.Require(t, "checkmodule")
	dir := t.TempDir()
	names := []string{"a", "A_t", "a-b", "a.b", "a.b.c", "a..b", "a.", ".a", "-a", "0a", "a$", "a b", "a;", "self", "all", "notself", "other",
		strings.Repeat("a", 255), "low-high", "LOW-HIGH", "Low-High"}
	for _, w := range strings.Fields(`alias allow allowxperm and attribute attribute_role auditallow auditallowxperm
		auditdeny bool category class clone common constrain default_range default_role default_type default_user devicetreecon
		dom domby dominance dontaudit dontauditxperm else eq expandattribute false fs_use_task fs_use_trans fs_use_xattr genfscon
		glblub h1 h2 high ibendportcon ibpkeycon if incomp inherits iomemcon ioportcon l1 l2 level low mlsconstrain
		mlsvalidatetrans module netifcon neverallow neverallowxperm nodecon not optional or pcidevicecon permissive pirqcon
		policycap portcon r1 r2 r3 range range_transition require role role_transition roleattribute roles sameuser sensitivity
		sid source t1 t2 t3 target true tunable type type_change type_member type_transition typealias typeattribute typebounds
		types u1 u2 u3 user validatetrans xor name types2 allowed h3 r4`) {
		names = append(names, w, strings.ToUpper(w), strings.ToUpper(w[:1])+w[1:])
	}
	// What we refuse and Debian's checkmodule takes: CIL's words, self, which as
	// a source means something else, clone and neveraudit of other releases.
	stricter := []string{"self", "all", "notself", "other", "clone", "CLONE", "neveraudit"}
	different := 0
	for i, name := range names {
		te := fmt.Sprintf("module m 1.0;\nrequire {\n\ttype %s;\n\ttype b_t;\n\tclass file read;\n}\nallow %s b_t:file read;\n", name, name)
		file := filepath.Join(dir, fmt.Sprintf("m%d.te", i))
		if err := os.WriteFile(file, []byte(te), 0o600); err != nil {
			t.Fatal(err)
		}
		err := exec.Command("checkmodule", "-M", "-m", "-o", filepath.Join(dir, "m.mod"), file).Run()
		m := &module.Module{Name: "m", Rules: []module.Rule{allow(name, "b_t", "file", "read")}}
		_, ours := m.TE()
		if (err == nil) != (ours == nil) && !(err == nil && slices.Contains(stricter, name)) {
			t.Errorf("%q: checkmodule %v, we %v", name, err, ours)
			different++
		}
	}
	oracle.Report(t, "module-names-checkmodule", len(names), different)
}

//go:build oracle

package module_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
	"github.com/sekit/sekit/policy"
)

// linkedName is what each text is installed as.
const linkedName = "linked"

// contentOf is what is installed of a text.
func contentOf(t *testing.T, name string, x text) module.Content {
	t.Helper()
	if x.cil {
		return module.Content{Language: "cil", Data: []byte(x.te)}
	}
	m, err := module.ParseTE(x.name+".te", []byte(x.te))
	if err != nil {
		t.Fatal(err)
	}
	m.Name = name
	pp, err := m.PP(module.PPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return module.Content{Language: "pp", Data: pp}
}

// differences compares two policies by what they come to: accesses with
// attributes expanded, and all that is no rule of an access vector. Attributes
// count by the types that they have: which of them a compiler keeps in a policy
// is its own choice.
func differences(ours, theirs *policy.Policy) []string {
	var out []string
	for c := range policy.AccessChanges(theirs, ours) {
		out = append(out, c.String())
	}
	for _, s := range policy.Diff(theirs, ours).Sections {
		switch s.Kind {
		case "allow rules", "auditallow rules", "dontaudit rules", "allowxperm rules", "auditallowxperm rules", "dontauditxperm rules",
			"attributes", "types":
			continue
		}
		for _, a := range s.Added {
			out = append(out, s.Kind+" + "+a)
		}
		for _, r := range s.Removed {
			out = append(out, s.Kind+" - "+r)
		}
		for _, m := range s.Modified {
			out = append(out, fmt.Sprintf("%s * %+v", s.Kind, m))
		}
	}
	return append(out, typeDifferences(ours, theirs)...)
}

func typeDifferences(ours, theirs *policy.Policy) []string {
	describe := func(p *policy.Policy) map[string]bool {
		out := make(map[string]bool)
		for typ := range p.Types() {
			out[fmt.Sprintf("type %s %v bounds %s permissive %v", typ.Name(), typ.Aliases(), bounds(typ), typ.Permissive())] = true
		}
		for a := range p.Attributes() {
			for typ := range a.Types() {
				out["attribute "+a.Name()+" of "+typ.Name()] = true
			}
		}
		return out
	}
	attributes := func(p *policy.Policy) map[string]bool {
		out := make(map[string]bool)
		for a := range p.Attributes() {
			out[a.Name()] = true
		}
		return out
	}
	a, b := describe(ours), describe(theirs)
	inBoth := attributes(ours)
	for name := range inBoth {
		inBoth[name] = attributes(theirs)[name]
	}
	var out []string
	for _, x := range []struct {
		sign      string
		has, lack map[string]bool
	}{{"+ ", a, b}, {"- ", b, a}} {
		for s := range x.has {
			rest, ok := strings.CutPrefix(s, "attribute ")
			if ok && (!inBoth[strings.Fields(rest)[0]] || strings.HasPrefix(rest, linkedName+"_typeattr_")) {
				continue // made for a set
			}
			if !x.lack[s] {
				out = append(out, x.sign+s)
			}
		}
	}
	return out
}

func bounds(t policy.Type) string {
	if b, ok := t.Bounds(); ok {
		return b.Name()
	}
	return ""
}

// TestOracleLink installs modules in the fake and, with semodule, in a store of
// the same policy: both take them and have the same policy then, or both refuse
// them.
func TestOracleLink(t *testing.T) {
	oracle.Require(t, "semodule", pp)
	root := demoRoot(t)
	file := filepath.Join(root, demoStorePolicy)
	p, err := policy.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	linked, different, refused, refusedDifferent, changes := 0, 0, 0, 0, 0
	list := texts(t, "testdata/linked.txt")
	for _, x := range list {
		c := contentOf(t, linkedName, x)
		name := filepath.Join(root, linkedName+"."+c.Language)
		if err := os.WriteFile(name, c.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		said, theirErr := exec.Command("semodule", "-p", root, "-s", "demo", "-n", "-i", name).CombinedOutput()
		fake := moduletest.NewBackend(p)
		_, ourErr := module.NewStore(fake).Install(t.Context(), module.Key{Name: linkedName}, c)
		switch {
		case x.refused:
			refused++
			if theirErr == nil || ourErr == nil {
				refusedDifferent++
				t.Errorf("%s: semodule %v %s, we %v", x.name, theirErr, said, ourErr)
			}
		case theirErr != nil || ourErr != nil:
			linked++
			different++
			t.Errorf("%s: semodule %v %s, we %v", x.name, theirErr, said, ourErr)
		default:
			linked++
			changed, d := differencesOf(t, p, fake, file)
			if changes += changed; len(d) > 0 || changed == 0 {
				different++
				t.Errorf("%s: %d changes, %d differences: %s", x.name, changed, len(d), strings.Join(d[:min(len(d), 12)], "\n"))
			}
		}
		if theirErr == nil {
			oracle.Output(t, "semodule", "-p", root, "-s", "demo", "-n", "-X", "400", "-r", linkedName)
		}
		if after := read(t, file); string(after) != string(before) {
			t.Fatalf("%s: removed, and still another policy", x.name)
		}
	}
	t.Logf("%d modules, %d changes", linked, changes)
	oracle.Report(t, "module-link-semodule", linked, different)
	oracle.Report(t, "module-link-refused-semodule", refused, refusedDifferent)
}

// TestOracleLinkRandom links random modules.
func TestOracleLinkRandom(t *testing.T) {
	oracle.Require(t, "semodule", pp)
	root := demoRoot(t)
	file := filepath.Join(root, demoStorePolicy)
	p, err := policy.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	install := func(name string, c module.Content) ([]byte, error) {
		path := filepath.Join(root, name+".pp")
		if err := os.WriteFile(path, c.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command("semodule", "-p", root, "-s", "demo", "-n", "-i", path).CombinedOutput()
	}
	names := contentOf(t, "names", text{name: "names", te: poolNames})
	if said, err := install("names", names); err != nil {
		t.Fatalf("%s", said)
	}
	seed := oracleSeed(t)
	linked, different, refused, refusedDifferent, changes := 0, 0, 0, 0, 0
	for n := range 30 {
		g := &generator{r: rand.New(rand.NewPCG(seed, uint64(n))), linked: true}
		te := g.module()
		if _, err := module.ParseTE("random.te", []byte(te)); err != nil {
			continue // some have empty blocks or a transition twice
		}
		c := contentOf(t, linkedName, text{name: "random", te: te})
		said, theirErr := install(linkedName, c)
		fake := moduletest.NewBackend(p)
		store := module.NewStore(fake)
		if _, err := store.Install(t.Context(), module.Key{Name: "names"}, names); err != nil {
			t.Fatal(err)
		}
		_, ourErr := store.Install(t.Context(), module.Key{Name: linkedName}, c)
		switch {
		case theirErr != nil && ourErr != nil:
			refused++
			continue
		case theirErr != nil || ourErr != nil:
			refused++
			refusedDifferent++
			t.Errorf("module %d: semodule %v %s, we %v\n%s", n, theirErr, said, ourErr, te)
			continue
		}
		linked++
		changed, d := differencesOf(t, p, fake, file)
		if changes += changed; len(d) > 0 {
			different++
			t.Errorf("module %d: %d changes, %d differences: %s\n%s", n, changed, len(d), strings.Join(d[:min(len(d), 12)], "\n"), te)
		}
	}
	t.Logf("%d modules, %d changes", linked, changes)
	oracle.Report(t, "module-link-random", linked, different)
	oracle.Report(t, "module-link-random-refused", refused, refusedDifferent)
}

// differencesOf compares what modules changed in a policy: how much that is, and
// what of it is otherwise in the fake.
func differencesOf(t *testing.T, before *policy.Policy, fake *moduletest.Backend, file string) (changed int, different []string) {
	t.Helper()
	ours, err := fake.Policy()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := policy.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	return len(differences(theirs, before)), differences(ours, theirs)
}

// TestOracleLinkDebian installs modules with domains and files of their own in a
// copy of Debian's store and in the fake, and compares what that changes.
func TestOracleLinkDebian(t *testing.T) {
	oracle.Require(t, "semodule", pp, "cp", "/var/lib/selinux/default/active/modules", oracle.DebianPolicy)
	root := debianRoot(t)
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	fake := moduletest.NewBackend(p)
	args := []string{"-N", "-p", root, "-s", "default"}
	for i, te := range []string{
		`require { attribute domain, daemon; attribute file_type, non_security_file_type, non_auth_file_type, logfile, exec_type, entry_type; type init_t, httpd_t, etc_t; role system_r; class file { read append execute entrypoint getattr map open }; class process { transition signal }; class dir { search add_name write }; }
type sekit_t, domain, daemon; type sekit_exec_t, file_type, non_security_file_type, non_auth_file_type, exec_type, entry_type;
type sekit_log_t, file_type, non_security_file_type, non_auth_file_type, logfile; role system_r types sekit_t;
type_transition init_t sekit_exec_t:process sekit_t; allow init_t sekit_t:process transition; allow sekit_t sekit_exec_t:file { entrypoint execute read map open getattr };
allow sekit_t sekit_log_t:file append; allow httpd_t sekit_t:process signal; type_transition sekit_t etc_t:file sekit_log_t "sekit.log";`,
		`require { type httpd_t, shadow_t, sshd_t; bool httpd_execmem; class file { read write }; class process execheap; attribute domain; }
bool sekit_bool true; if (sekit_bool && !httpd_execmem) { allow httpd_t shadow_t:file write; } else { allow httpd_t self:process execheap; }
allow { domain -httpd_t -sshd_t } shadow_t:file write; role sekit_r; role sekit_r types httpd_t;`,
	} {
		name := fmt.Sprintf("sekit%d", i)
		c := contentOf(t, name, text{name: "text", te: "module text 1.0;\n" + te + "\n"})
		if _, err := module.NewStore(fake).Install(t.Context(), module.Key{Name: name}, c); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(root, name+".pp")
		if err := os.WriteFile(file, c.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-i", file)
	}
	oracle.Output(t, "semodule", args...)
	compared, different := differencesOf(t, p, fake, filepath.Join(root, oracle.DebianPolicy))
	for _, d := range different[:min(len(different), 12)] {
		t.Error(d)
	}
	oracle.Report(t, "module-link-debian", compared, len(different))
}

// debianRoot is a root directory with a copy of Debian's store.
func debianRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"etc/selinux", "var/lib/selinux/default"} {
		to := filepath.Join(root, filepath.FromSlash(dir))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		oracle.Output(t, "cp", "-a", "/"+dir, to)
	}
	return root
}

//go:build oracle

package managed_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

const debianLinked = "/var/lib/selinux/default/active/policy.linked"

// machine is a copy of Debian's store and policy, in which the field's tools
// can be run.
type machine struct{ root string }

func requireDebian(t testing.TB) {
	oracle.Require(t, "semanage", "semodule", "setsebool", "matchpathcon", "unshare", "mount", debianLinked)
	if os.Getuid() != 0 {
		oracle.Require(t, "/must/be/root/for/a/mount/namespace")
	}
}

func newMachine(t testing.TB, like string) machine {
	t.Helper()
	return copyMachine(t, like, "-a")
}

func copyMachine(t testing.TB, like, how string) machine {
	t.Helper()
	m := machine{t.TempDir()}
	for _, dir := range []string{"var/lib", "etc"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		oracle.Output(t, "cp", how, filepath.Join(like, dir, "selinux"), filepath.Join(m.root, dir, "selinux"))
	}
	return m
}

// command is a command that finds the machine's store and policy in the places of
// this one's, in a mount namespace of its own.
func (m machine) command(command ...string) *exec.Cmd {
	script := `mount --bind "$1/var/lib/selinux" /var/lib/selinux && mount --bind "$1/etc/selinux" /etc/selinux && shift && exec "$@"`
	cmd := exec.Command("unshare", append([]string{"-m", "sh", "-c", script, "sh", m.root}, command...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}

// run runs a command and returns what it prints.
func (m machine) run(t testing.TB, stdin string, command ...string) string {
	t.Helper()
	cmd := m.command(command...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s\n%s", command, err, stderr.Bytes(), stdin)
	}
	return string(out)
}

// compare compares every file of two machines: name, mode and contents.
func (m machine) compare(t testing.TB, what string, theirs machine, except ...string) (compared, different int) {
	t.Helper()
	a, b := m.files(t), theirs.files(t)
	for name := range a {
		if _, ok := b[name]; !ok {
			b[name] = ""
		}
	}
	for name, want := range b {
		if slices.Contains(except, name) {
			continue
		}
		if compared++; a[name] != want {
			different++
			if different < 10 {
				t.Logf("%s: %s has %d bytes, theirs %d, or another mode", what, name, len(a[name]), len(want))
			}
		}
	}
	return compared, different
}

func (m machine) files(t testing.TB) map[string]string {
	out := make(map[string]string)
	for _, dir := range []string{"var/lib/selinux", "etc/selinux"} {
		top := filepath.Join(m.root, dir)
		err := filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			text := info.Mode().String()
			if info.Mode().IsRegular() {
				data, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				text += string(data)
			}
			rel, err := filepath.Rel(m.root, name)
			out[rel] = text
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// ourselves are the rooms over a machine's store.
type ourselves struct {
	store    *managed.Store
	ports    *port.Ports
	booleans *boolean.Booleans
	linked   *policy.Policy
}

func newOurselves(t testing.TB, m machine) ourselves {
	t.Helper()
	p, err := policy.Open(filepath.Join(m.root, debianLinked))
	if err != nil {
		t.Fatal(err)
	}
	o := ourselves{linked: p}
	if o.store, err = managed.Open(m.root, "default"); err != nil {
		t.Fatal(err)
	}
	ports, err := port.OpenRoot(m.root, "default")
	if err != nil {
		t.Fatal(err)
	}
	booleans, err := boolean.OpenRoot(m.root, "default")
	if err != nil {
		t.Fatal(err)
	}
	o.ports, o.booleans = port.New(p, ports), boolean.New(p, booleans)
	return o
}

// randomStep makes up some changes, as edits of ours and as what semanage import
// reads.
func (o ourselves) randomStep(t testing.TB, r *rand.Rand) (edits []managed.Edit, lines string) {
	t.Helper()
	ports, err := o.ports.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	booleans, err := o.booleans.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for range 1 + r.IntN(5) {
		var words []string
		switch r.IntN(4) {
		case 0, 1:
			c, ok := randomPort(t, r, ports)
			if !ok {
				continue
			}
			if ports, err = ports.With(c); err != nil {
				t.Fatal(err)
			}
			edits = append(edits, managed.Edit{Name: managed.PortsFile, Change: func(old []byte) ([]byte, error) {
				return port.ApplyFile(managed.PortsFile, old, c)
			}})
			words = c.Command()[1:]
		case 2:
			all := booleans.All()
			b := all[r.IntN(len(all))]
			on := r.IntN(2) == 0
			edits = append(edits, managed.Edit{Name: managed.BooleansFile, Change: func(old []byte) ([]byte, error) {
				return setBoolean(old, boolean.Record{Name: b.Name, On: on})
			}})
			words = []string{"boolean", "-m", map[bool]string{false: "-0", true: "-1"}[on], b.Name}
		case 3:
			pattern, typ := fmt.Sprintf("/srv/%d(/.*)?", r.IntN(1000)), []string{"httpd_sys_content_t", "etc_t", "bin_t"}[r.IntN(3)]
			if strings.Contains(text.String(), pattern) {
				continue
			}
			old, err := o.store.ReadFile(managed.FcontextsFile)
			if err == nil && bytes.Contains(old, []byte(pattern)) {
				continue
			}
			edits = append(edits, managed.Edit{Name: managed.FcontextsFile, Change: func(old []byte) ([]byte, error) {
				if old == nil {
					old = []byte(header)
				}
				return fmt.Appendf(bytes.Clone(old), "%s    system_u:object_r:%s:s0\n", pattern, typ), nil
			}})
			words = []string{"fcontext", "-a", "-t", typ, "'" + pattern + "'"}
		}
		text.WriteString(strings.Join(words, " ") + "\n")
	}
	return edits, text.String()
}

// randomPort plans a change of a port that is not there yet, the policy's, or
// local.
func randomPort(t testing.TB, r *rand.Rand, table *port.Table) (port.Change, bool) {
	t.Helper()
	types := port.PortTypes(table.Policy())
	entries := table.Entries()
	at := entries[r.IntN(len(entries))]
	if local := table.Local(); len(local) > 0 && r.IntN(2) == 0 {
		at = port.Entry{Record: local[r.IntN(len(local))], Origin: port.FromLocal}
	}
	s := port.Setting{Protocol: at.Protocol, Low: int(at.Low), High: int(at.High), Type: types[r.IntN(len(types))]}
	switch r.IntN(3) {
	case 0:
		s.Low = 1 + r.IntN(65535)
		s.High = min(65535, s.Low+r.IntN(3))
	case 1:
		if at.Origin == port.FromLocal {
			c, err := table.PlanDelete(at.Key)
			return c, err == nil
		}
	}
	c, err := table.PlanSet(s)
	return c, err == nil && c.Op != port.Nothing // an overlap, or so already
}

// setBoolean does what semanage boolean -m does: it makes a record also where
// the policy already says so.
func setBoolean(old []byte, set boolean.Record) ([]byte, error) {
	local, err := boolean.ParseLocal(managed.BooleansFile, old)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(local, func(b boolean.Record) bool { return b.Name == set.Name }); i >= 0 {
		local[i] = set
	} else {
		local = append(local, set)
	}
	return boolean.FormatLocal(local), nil
}

// bin is the only file that a commit of ours does not leave as libsemanage does:
// libselinux reads the text instead.
const bin = "etc/selinux/default/contexts/files/file_contexts.local.bin"

// TestOracleCommit makes random changes to two copies of Debian's store, in one
// with semanage and setsebool, in the other with Commit, and compares every file
// after each. In between, semanage works on both.
func TestOracleCommit(t *testing.T) {
	requireDebian(t)
	theirs := newMachine(t, "/")
	ours := newMachine(t, theirs.root)
	o := newOurselves(t, ours)
	r := rand.New(rand.NewPCG(6, 4))
	compared, different := 0, 0
	compare := func(what string) {
		t.Helper()
		c, d := ours.compare(t, what, theirs, bin)
		if compared, different = compared+c, different+d; d > 0 {
			t.Errorf("after\n%s", what)
		}
	}
	step := func() {
		t.Helper()
		edits, lines := o.randomStep(t, r)
		theirs.run(t, lines, "semanage", "import", "-N")
		if err := o.store.Commit(t.Context(), edits...); err != nil {
			t.Fatalf("%v\n%s", err, lines)
		}
		compare(lines)
	}
	for range 2 {
		step()
	}
	for _, m := range []machine{ours, theirs} {
		m.run(t, `login -a -s user_u nobody
user -a -R user_r -L s0 -r s0-s0:c0.c5 sekit_u
port -a -t http_port_t -p tcp 61000
interface -a -t netif_t -r s0 sekit0
node -a -M 255.255.255.0 -p ipv4 -t node_t -r s0 10.1.1.0
node -a -M ffff:: -p ipv6 -t node_t -r s0 fd00::
fcontext -a -t bin_t '/x'
`, "semanage", "import", "-N")
	}
	if c, d := ours.compare(t, "semanage on both", theirs); d > 0 {
		t.Errorf("after semanage on both %d of %d differ", d, c)
	}
	theirs.run(t, "", "setsebool", "-P", "-N", "httpd_can_network_connect", "on")
	err := o.store.Commit(t.Context(), managed.Edit{Name: managed.BooleansFile, Change: func(old []byte) ([]byte, error) {
		return setBoolean(old, boolean.Record{Name: "httpd_can_network_connect", On: true})
	}})
	if err != nil {
		t.Fatal(err)
	}
	compare("setsebool -P")
	for range 2 {
		step()
	}
	oracle.Report(t, "managed-commit", compared, different)
	compareListings(t, ours, theirs)
	compareRebuilt(t, ours, theirs)
}

// compareListings has semanage list what is in both stores, and libselinux look
// up what both installed.
func compareListings(t *testing.T, ours, theirs machine) {
	t.Helper()
	compared, different := 0, 0
	// libselinux must take the new local contexts, whatever it has compiled.
	lookups := "matchpathcon"
	for i := range 1000 {
		lookups += fmt.Sprintf(" /srv/%d", i)
	}
	for _, command := range []string{"semanage port -l", "semanage boolean -l", "semanage fcontext -lC", "semanage export", lookups} {
		args := strings.Fields(command)
		got, want := ours.run(t, "", args...), theirs.run(t, "", args...)
		compared += strings.Count(want, "\n")
		if command == lookups && strings.Count(want, ":var_t:") == 1000 {
			t.Error("no path has a local context")
		}
		if got != want {
			different++
			t.Logf("%.30s lists\n%s\nwant\n%s", command, got, want)
		}
	}
	oracle.Report(t, "managed-commit-listings", compared, different)
}

// compareRebuilt has semodule build both stores anew from their modules: what we
// left must be what that gives.
func compareRebuilt(t *testing.T, ours, theirs machine) {
	t.Helper()
	const kernel = "var/lib/selinux/default/active/policy.kern"
	before := ours.files(t)
	ours.run(t, "", "semodule", "-B", "-N")
	theirs.run(t, "", "semodule", "-B", "-N")
	compared, different := ours.compare(t, "semodule -B", theirs)
	after := ours.files(t)
	// The compiler writes rules in another order; that apart, and the module
	// cache, nothing is new.
	for name, was := range before {
		compared++
		now := after[name]
		switch {
		case strings.HasSuffix(name, "commit_num"), name == "etc/selinux/default/policy/policy.33":
			continue
		case name == kernel:
			now, was = inOrder(t, now), inOrder(t, was)
		}
		if now != was {
			different++
			t.Logf("semodule -B changed %s", name)
		}
	}
	oracle.Report(t, "managed-commit-rebuilt", compared, different)
}

// inOrder returns a policy, after its file's mode, in one order of its rules.
func inOrder(t *testing.T, file string) string {
	t.Helper()
	p, err := policydb.Decode([]byte(file[len("-rw-------"):]))
	if err != nil {
		t.Fatal(err)
	}
	p.Reorder()
	data, err := policydb.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

//go:build kernelguest && linux

package kernel

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
)

// liveLocal returns the machine's own file contexts and a handle on its store.
func liveLocal(t *testing.T) (*policy.Policy, *fcontext.DB, *fcontext.LocalStore) {
	t.Helper()
	db, err := fcontext.Open("/etc/selinux/"+policyName+"/contexts/files", fcontext.Options{Order: fcontext.InstalledOrder(os.DirFS("/"))})
	if err != nil {
		t.Fatal(err)
	}
	s, err := fcontext.OpenLocalRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	return loaded(t), db, s
}

// emptyLocal removes all local records.
func emptyLocal(t *testing.T, s *fcontext.LocalStore) {
	t.Helper()
	local, err := s.Local(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var changes []fcontext.LocalChange
	for _, r := range local.Records {
		changes = append(changes, fcontext.LocalChange{Op: fcontext.Delete, Key: r.LocalKey,
			Before: fcontext.LocalEntry{LocalRecord: r, Origin: fcontext.FromLocal}})
	}
	for _, e := range local.Equivalences {
		changes = append(changes, fcontext.LocalChange{Op: fcontext.Delete, Equivalence: e})
	}
	if err := s.Commit(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

// TestKernelLocalContract holds the live store of file contexts to the contract
// of all such stores.
func TestKernelLocalContract(t *testing.T) {
	guest.Require(t)
	p, db, first := liveLocal(t)
	defer emptyLocal(t, first)
	fcontexttest.TestLocalBackend(t, func(t *testing.T) fcontexttest.LocalHarness {
		emptyLocal(t, first)
		return fcontexttest.LocalHarness{Policy: p, DB: db, Backend: first, Reopen: func() fcontext.LocalBackend {
			s, err := fcontext.OpenLocalRoot("/", policyName)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}}
	})
}

// TestKernelLocalTakesEffect sets file contexts and equivalences: semanage has
// to list them, restorecon to give files what the database says, and the kernel
// to take it.
func TestKernelLocalTakesEffect(t *testing.T) {
	guest.Require(t)
	p, db, s := liveLocal(t)
	emptyLocal(t, s)
	defer emptyLocal(t, s)
	local := fcontext.NewLocal(p, db, s)
	if _, err := local.Set(t.Context(),
		fcontext.LocalSetting{Pattern: "/sekit-local(/.*)?", Type: "var_log_t"},
		fcontext.LocalSetting{Pattern: "/sekit-local/.*\\.conf", Kind: fcontext.File, Type: "etc_t"}); err != nil {
		t.Fatal(err)
	}
	if _, err := local.SetEquivalences(t.Context(), fcontext.Equivalence{Target: "/sekit-tmp", Source: "/etc"}); err != nil {
		t.Fatal(err)
	}
	table, err := local.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := table.DB()
	if err != nil {
		t.Fatal(err)
	}

	var want []string
	for _, e := range table.LocalList() {
		want = append(want, e.String()+" ")
	}
	for _, e := range table.Local().Equivalences {
		want = append(want, e.String())
	}
	out, err := exec.CommandContext(t.Context(), "semanage", "fcontext", "-l", "-C", "-n").Output()
	if err != nil {
		t.Fatal(err)
	}
	different := 0
	if got := strings.TrimSuffix(string(out), "\n"); got != strings.Join(want, "\n") {
		different++
		t.Errorf("semanage lists\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	guest.Report(t, "fcontext-local-semanage", len(want), different)

	compared, different := 0, 0
	for _, dir := range []string{"/sekit-local", "/sekit-tmp"} {
		defer os.RemoveAll(dir)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"x", "x.conf", "shadow", "passwd"} {
			if err := os.WriteFile(dir+"/"+name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.CommandContext(t.Context(), "restorecon", "-R", "-F", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for path, kind := range map[string]fcontext.Kind{dir: fcontext.Dir, dir + "/x": fcontext.File, dir + "/x.conf": fcontext.File,
			dir + "/shadow": fcontext.File, dir + "/passwd": fcontext.File} {
			out, err := exec.CommandContext(t.Context(), "getfattr", "--only-values", "-n", "security.selinux", path).Output()
			if err != nil {
				t.Fatal(err)
			}
			m, ok := after.Lookup(path, kind)
			if compared++; !ok || strings.TrimRight(string(out), "\x00") != m.Context.String() {
				different++
				t.Errorf("%s has %q, want %v", path, out, m.Context)
			}
		}
	}
	guest.Report(t, "fcontext-local-restorecon", compared, different)
}

// TestKernelLookups holds a System's file contexts against the answers of the
// machine's libselinux, whose release decides between specs: for examples of
// every spec, and where releases differ: for local records of paths that the
// policy has literally.
func TestKernelLookups(t *testing.T) {
	guest.Require(t)
	p, db, s := liveLocal(t)
	emptyLocal(t, s)
	defer emptyLocal(t, s)
	local := fcontext.NewLocal(p, db, s)
	if _, err := local.Set(t.Context(),
		fcontext.LocalSetting{Pattern: "/etc/mtab", Kind: fcontext.File, Type: "var_log_t"}, // all kinds in the policy
		fcontext.LocalSetting{Pattern: "/etc/shadow.*", Kind: fcontext.File, Type: "etc_t"}, // an expression for others
		fcontext.LocalSetting{Pattern: "/etc/localtime", Kind: fcontext.Symlink, Type: "var_log_t"}); err != nil {
		t.Fatal(err)
	}
	if _, err := local.SetEquivalences(t.Context(), fcontext.Equivalence{Target: "/sekit-eq", Source: "/etc"}); err != nil {
		t.Fatal(err)
	}
	sys, err := sekit.Open()
	if err != nil {
		t.Fatal(err)
	}
	compared, different := 0, 0
	for kind, mode := range map[fcontext.Kind]string{fcontext.File: "file", fcontext.Dir: "dir", fcontext.Symlink: "link", fcontext.Socket: "socket"} {
		paths := []string{"/etc/mtab", "/etc/shadow", "/etc/localtime", "/sekit-eq/mtab", "/sekit-eq/passwd", "/sekit-eq"}
		for spec := range sys.Contexts.Specs() {
			if path, ok := sys.Contexts.Example(spec, kind); ok && !strings.ContainsAny(path, "\n\t") {
				paths = append(paths, path)
			}
		}
		for batch := range slices.Chunk(paths, 500) {
			args := append([]string{"-m", mode, "--"}, batch...)
			lines := output(t, "matchpathcon", args...)
			if len(lines) != len(batch) {
				t.Fatalf("%d answers to %d questions", len(lines), len(batch))
			}
			for i, line := range lines {
				want := line[strings.LastIndexAny(line, "\t ")+1:]
				got := "<<none>>"
				if m, ok := sys.Contexts.Lookup(batch[i], kind); ok && !m.None {
					got = m.Context.String()
				}
				if compared++; got != want {
					if different++; different <= maxReported {
						t.Errorf("%s (%v): %s, libselinux says %s", batch[i], kind, got, line)
					}
				}
			}
		}
	}
	guest.Report(t, "fcontext-lookups-"+sys.Contexts.Order().String(), compared, different)
}

//go:build oracle

package policy

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// server is libsepol's security server with a policy (testdata/oracle).
type server struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Reader

	asked string // the last question, to tell what it died of
}

// compile builds the server, once a test.
func compile(t testing.TB) string {
	oracle.Require(t, "gcc", "/usr/lib/x86_64-linux-gnu/libsepol.a")
	bin := filepath.Join(t.TempDir(), "compute")
	oracle.Output(t, "gcc", "-O2", "-Wall", "-Werror", "-o", bin, "testdata/oracle/compute.c", "-l:libsepol.a")
	return bin
}

func serve(t testing.TB, bin, policy string) *server {
	cmd := exec.Command(bin, policy)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	s := &server{t: t, in: in, out: bufio.NewReader(out)}
	if got := s.line(); got != "ready" {
		t.Fatalf("server said %q", got)
	}
	return s
}

func (s *server) line() string {
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Fatalf("the server is gone after %q: %v", s.asked, err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (s *server) ask(format string, args ...any) string {
	s.asked = fmt.Sprintf(format, args...)
	fmt.Fprintln(s.in, s.asked)
	return s.line()
}

// policies returns the policies to compare on: Debian's, the fixtures, and
// what the lane compiles from them in other versions and without MLS.
func policies(t testing.TB) map[string]string {
	oracle.Require(t, oracle.DebianPolicy, "checkpolicy", "secilc")
	dir := t.TempDir()
	out := map[string]string{"debian": oracle.DebianPolicy, "bounds": filepath.Join(dir, "bounds")}
	// libsepol up to 3.4 crashes on bounds within bounds, so one of two goes.
	cil := filepath.Join(dir, "bounds.cil")
	cutSource(t, cil, "testdata/bounds.cil", `\(typebounds gran_t mum_t\)`)
	oracle.Output(t, "secilc", "-N", "-M", "0", "-c", "30", "-f", os.DevNull, "-o", out["bounds"], cil)
	conf := filepath.Join(dir, "policy.conf")
	build := func(name, version string, cuts ...string) {
		if version < "30" {
			cuts = append(cuts, `(?m)^(dontaudit|allow)xperm .*$`)
		}
		cutSource(t, conf, "testdata/decide.conf", cuts...)
		args := []string{"-c", version, "-o", filepath.Join(dir, name+version), conf}
		if name == "mls" {
			args = append([]string{"-M"}, args...)
		}
		oracle.Output(t, "checkpolicy", args...)
		out[name+version] = filepath.Join(dir, name+version)
	}
	for _, v := range []string{"24", "26", "28", "30", "33"} {
		build("mls", v)
		build("nomls", v,
			`(?m)^(default_range|sensitivity|dominance \{ s0|category|level|mlsconstrain|mlsvalidatetrans|range_transition) .*$`,
			` level s0 range s0[^;]*`,
			`(?m):s0( - s1:c0.c4)?($|;$)`)
	}
	return out
}

// cutSource takes what matches out of a policy source; a semicolon at the end of
// the last kind of match stays.
func cutSource(t testing.TB, to, from string, cuts ...string) {
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range cuts {
		text = regexp.MustCompile(cut).ReplaceAllFunc(text, func(found []byte) []byte {
			if found[0] == ':' && found[len(found)-1] == ';' {
				return []byte(";")
			}
			return nil
		})
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// sid is a context as both sides know it.
type sid struct {
	text  string
	ours  SID
	their string
}

// contexts makes a pool of n contexts that both sides take as valid, and
// counts the contexts on whose validity they differ.
func (s *server) contexts(m *maker, n int, next func() uint32) (pool []sid, compared, different int) {
	for compared < 20*n && len(pool) < n {
		c := m.context(next())
		theirs := s.ask("c %s", c)
		ours, err := m.p.SID(c)
		compared++
		if (err == nil) != (theirs != "0") {
			if different++; different < 10 {
				s.t.Errorf("%s: libsepol's SID is %s, ours %v", c, theirs, err)
			}
			continue
		}
		if err == nil {
			pool = append(pool, sid{c.String(), ours, theirs})
		}
	}
	return pool, compared, different
}

func TestOracleAccessVector(t *testing.T) {
	bin := compile(t)
	for name, file := range policies(t) {
		t.Run(name, func(t *testing.T) {
			p, err := Open(file)
			if err != nil {
				t.Fatal(err)
			}
			n, states := 2000, 4
			if name == "debian" {
				n, states = 25_000, 6
			}
			s := serve(t, bin, file)
			m := newMaker(p, 1)
			total := tally{}
			for state := range states {
				if state > 0 {
					changes := m.booleans()
					for _, c := range changes {
						b := c.(SetBoolean)
						if got := s.ask("b %s %d", b.Name, map[bool]int{true: 1}[b.On]); got != "ok" {
							t.Fatalf("%s: %s", c, got)
						}
					}
					if p, err = p.With(changes...); err != nil {
						t.Fatal(err)
					}
				}
				compareVectors(t, s, p, m, n, &total)
			}
			oracle.Report(t, "context-validity/"+name, total.contexts, total.invalid)
			oracle.Report(t, "access-vector/"+name, total.vectors, total.differ)
			t.Logf("%d of the vectors grant something", total.granting)
			if total.granting*4 < total.vectors {
				t.Errorf("only %d of %d vectors grant anything: the questions are too easy", total.granting, total.vectors)
			}
		})
	}
}

type tally struct{ contexts, invalid, vectors, differ, granting int }

// compareVectors compares n access vectors. libsepol's table of SIDs is a
// short hash table of long lists, so contexts are made in batches and shared.
func compareVectors(t *testing.T, s *server, p *Policy, m *maker, n int, total *tally) {
	for done := 0; done < n; {
		if done%300 < 2 {
			s.ask("r")
		}
		source, target, class := m.triple()
		sources, a, x := s.contexts(m, 1+m.IntN(2), func() uint32 { return source })
		targets, b, y := s.contexts(m, 1+m.IntN(2), func() uint32 { return target })
		total.contexts += a + b
		total.invalid += x + y
		for i := range sources {
			for j := range targets {
				done++
				total.vectors++
				cls := p.sym.classes[class-1].name
				av := p.AccessVector(sources[i].ours, targets[j].ours, Class{p, class})
				ours := fmt.Sprintf("%x %x %x", av.Allowed, av.AuditAllow, av.AuditDeny)
				if av.Allowed != 0 {
					total.granting++
				}
				if theirs := s.ask("a %s %s %s", sources[i].their, targets[j].their, cls); theirs != ours {
					if total.differ++; total.differ < 10 {
						t.Errorf("%s %s %s: libsepol %s, ours %s", sources[i].text, targets[j].text, cls, theirs, ours)
					}
				}
			}
		}
	}
}

// BenchmarkLibsepol has libsepol compute access vectors of 1000 random contexts
// to one another, for BenchmarkAccessVector to be held against. Its time is in
// libsepol-ns/op.
func BenchmarkLibsepol(b *testing.B) {
	s := serve(b, compile(b), oracle.DebianPolicy)
	p, err := Open(oracle.DebianPolicy)
	if err != nil {
		b.Fatal(err)
	}
	m, n := newMaker(p, 5), 0
	for n < 1000 {
		// Only SIDs that follow one another are counted; those of initial
		// contexts are below.
		if sid := s.ask("c %s", m.context(m.typ())); len(sid) >= 4 {
			n++
		}
	}
	var ns float64
	for b.Loop() {
		if _, err := fmt.Sscan(s.ask("n 100000 1 900 %d", len(p.sym.classes)), &ns); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(ns, "libsepol-ns/op")
	b.ReportMetric(0, "ns/op")
}

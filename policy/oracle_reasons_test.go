//go:build oracle

package policy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/policydb"
)

// TestOracleConstraintReasons compares the constraints that deny, with the value of
// each comparison, as libsepol prints them.
func TestOracleConstraintReasons(t *testing.T) {
	bin := compile(t)
	for name, file := range policies(t) {
		t.Run(name, func(t *testing.T) {
			p, err := Open(file)
			if err != nil {
				t.Fatal(err)
			}
			s, m := serve(t, bin, file), newMaker(p, 2)
			compared, different, failing := 0, 0, 0
			n := 2000
			if name == "debian" {
				n = 20_000
			}
			for i := range n {
				if i%200 == 0 {
					s.ask("r")
				}
				st, tt, class := m.triple()
				sources, _, _ := s.contexts(m, 1, func() uint32 { return st })
				targets, _, _ := s.contexts(m, 1, func() uint32 { return tt })
				if len(sources)*len(targets) == 0 || len(p.sym.classes[class-1].permissions) == 0 {
					continue
				}
				// Any permission does: libsepol explains for all that are left.
				perm := Class{p, class}.Permissions()[0]
				theirs := s.why(sources[0].their, targets[0].their, p.sym.classes[class-1].name, perm)
				ours := deniedConstraints(p, &sources[0].ours, &targets[0].ours, class)
				compared++
				failing += len(ours)
				if strings.Join(theirs, "\n") != strings.Join(ours, "\n") {
					if different++; different < 5 {
						t.Errorf("%s %s:\nlibsepol %q\nours     %q", sources[0].text, targets[0].text, theirs, ours)
					}
				}
			}
			oracle.Report(t, "constraint-reasons/"+name, compared, different)
			t.Logf("%d constraints denied", failing)
			if failing == 0 && name != "bounds" {
				t.Error("no constraint denied anything")
			}
		})
	}
}

func (s *server) why(source, target, class, perm string) []string {
	var lines []string
	for line := s.ask("w %s %s %s %s", source, target, class, perm); line != "."; line = s.line() {
		lines = append(lines, line)
	}
	return lines
}

// deniedConstraints explains in libsepol's way: the constraints that take
// something away, one after the other.
func deniedConstraints(p *Policy, source, target *SID, class uint32) []string {
	var lines []string
	allowed, _, _ := p.typeEnforcement(source.typ, target.typ, class)
	for i, c := range p.sym.classes[class-1].class.Constraints {
		if c.Permissions&allowed != 0 && !p.evalConstraint(c.Expr, source, target, nil) {
			allowed &^= c.Permissions
			lines = append(lines, p.explainConstraint(Constraint{p: p, class: class, index: i}, source, target, nil).Annotated())
		}
	}
	return lines
}

// TestOracleAudit2why has audit2why explain denials that constraints cause.
func TestOracleAudit2why(t *testing.T) {
	oracle.Require(t, "audit2why", oracle.DebianPolicy)
	p, err := Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(p, 3)
	var input strings.Builder
	var want [][]string
	for len(want) < 40 {
		st, tt, class := m.triple()
		source, target := m.context(st), m.context(tt)
		s, err1 := p.SID(source)
		o, err2 := p.SID(target)
		if err1 != nil || err2 != nil {
			continue
		}
		te, _, _ := p.typeEnforcement(st, tt, class)
		perms := p.permissionsOf(class, te&^p.accessVector(&s, &o, class).Allowed)
		if len(perms) == 0 {
			continue
		}
		d, err := p.Decide(Access{Source: source, Target: target, Class: p.sym.classes[class-1].name, Permissions: perms[:1]})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, r := range d.Reasons() {
			if c, ok := r.(ConstraintFailed); ok {
				lines = append(lines, c.Annotated())
			}
		}
		if lines == nil {
			continue
		}
		want = append(want, lines)
		fmt.Fprintf(&input, "type=AVC msg=audit(1.000:%d): avc:  denied  { %s } for  pid=1 comm=\"x\" scontext=%s tcontext=%s tclass=%s permissive=0\n",
			len(want), perms[0], source, target, d.Access.Class)
	}
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte(input.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("audit2why", "-p", oracle.DebianPolicy, "-i", file)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(out), "type=AVC ")[1:]
	if len(blocks) != len(want) {
		t.Fatalf("audit2why explains %d of %d", len(blocks), len(want))
	}
	different := 0
	for i, lines := range want {
		block := strings.Join(strings.Fields(blocks[i]), " ")
		// audit2why tells of the first constraint that denies the permission;
		// ours on purpose of all, since curing one leaves the others.
		if !strings.Contains(block, strings.Join(strings.Fields(lines[0]), " ")) {
			different++
			t.Errorf("audit2why:\n%s\nours:\n%s", blocks[i], lines[0])
		}
	}
	oracle.Report(t, "constraints/audit2why", len(want), different)
}

// TestOracleNewContext compares the contexts of new objects, of members and
// for relabelling. libsepol has no rule for sockets, which the kernel treats
// as processes, so that rule is left out for the comparison.
func TestOracleNewContext(t *testing.T) {
	bin := compile(t)
	for name, file := range policies(t) {
		t.Run(name, func(t *testing.T) {
			open, err := Open(file)
			if err != nil {
				t.Fatal(err)
			}
			p := *open
			p.engine = newEngine(p.db, p.sym)
			clear(p.engine.sockets)
			s, m := serve(t, bin, file), newMaker(&p, 4)
			n := 2000
			if name == "debian" {
				n = 25_000
			}
			compared, different, ruled := 0, 0, 0
			for i := range n {
				if i%200 == 0 {
					s.ask("r")
				}
				st, tt, class := m.triple()
				if i%2 == 0 {
					st, tt, class = m.typeTriple()
				}
				sources, _, _ := s.contexts(m, 1, func() uint32 { return st })
				targets, _, _ := s.contexts(m, 1, func() uint32 { return tt })
				if len(sources)*len(targets) == 0 {
					continue
				}
				cls := p.sym.classes[class-1].name
				for letter, kind := range map[string]policydb.AVKind{"t": policydb.TypeTransition, "m": policydb.TypeMember, "g": policydb.TypeChange} {
					compared++
					theirs := s.ask("%s %s %s %s", letter, sources[0].their, targets[0].their, cls)
					c, err := p.newContext(kind, MustParseContext(sources[0].text), MustParseContext(targets[0].text), cls, "")
					// Contexts are compared by libsepol's SIDs, since it misprints
					// categories: a run that ends with a word of its bitmap, before
					// a gap, is printed up to the end of the gap.
					ours := "0"
					if err == nil {
						ours = s.ask("c %s", c)
					}
					if p.typeRule(kind, st, tt, class) != 0 {
						ruled++
					}
					if ours != theirs {
						if different++; different < 10 {
							t.Errorf("%s %s %s %s: libsepol %s, ours %s (%v)", letter, sources[0].text, targets[0].text, cls, theirs, ours, err)
						}
					}
				}
			}
			oracle.Report(t, "new-context/"+name, compared, different)
			t.Logf("%d with a type rule", ruled)
		})
	}
}

// typeTriple returns the key of a type rule.
func (m *maker) typeTriple() (source, target, class uint32) {
	for range 1000 {
		rules := m.p.db.AVTab
		if n := len(m.p.db.Conditionals); n > 0 && m.IntN(8) == 0 {
			c := &m.p.db.Conditionals[m.IntN(n)]
			if rules = c.True; m.IntN(2) == 0 {
				rules = c.False
			}
		}
		if len(rules) == 0 {
			continue
		}
		if r := &rules[m.IntN(len(rules))]; r.Kind&policydb.TypeKinds != 0 {
			return uint32(r.Source), uint32(r.Target), uint32(r.Class)
		}
	}
	if len(m.p.db.RangeTransitions) > 0 {
		r := m.p.db.RangeTransitions[m.IntN(len(m.p.db.RangeTransitions))]
		return r.Source, r.Target, r.Class
	}
	return m.triple()
}

// TestOracleValidateTransition compares validatetrans. libsepol stops at the
// first that forbids; ours on purpose tells of all.
func TestOracleValidateTransition(t *testing.T) {
	bin := compile(t)
	for name, file := range policies(t) {
		if !strings.HasPrefix(name, "mls") {
			continue // no others have any
		}
		t.Run(name, func(t *testing.T) {
			p, err := Open(file)
			if err != nil {
				t.Fatal(err)
			}
			s, m := serve(t, bin, file), newMaker(p, 11)
			compared, different, forbidden := 0, 0, 0
			for i := range 3000 {
				if i%100 == 0 {
					s.ask("r")
				}
				pool, _, _ := s.contexts(m, 3, m.typ)
				theirs := []string{}
				for line := s.ask("v %s %s %s file", pool[0].their, pool[1].their, pool[2].their); line != "."; line = s.line() {
					theirs = append(theirs, line)
				}
				failed, err := p.ValidateTransition(pool[0].ours.Context(), pool[1].ours.Context(), pool[2].ours.Context(), "file")
				if err != nil {
					t.Fatal(err)
				}
				compared++
				ours := []string{}
				if len(failed) > 0 {
					forbidden++
					ours = append(ours, failed[0].Annotated())
				}
				if strings.Join(ours, "") != strings.Join(theirs, "") {
					if different++; different < 5 {
						t.Errorf("%v:\nlibsepol %q\nours     %q", pool, theirs, ours)
					}
				}
			}
			oracle.Report(t, "validatetrans/"+name, compared, different)
			if forbidden == 0 || forbidden == compared {
				t.Errorf("%d of %d are forbidden", forbidden, compared)
			}
		})
	}
}

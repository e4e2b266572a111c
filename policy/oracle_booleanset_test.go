//go:build oracle

package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/internal/policydb"
)

// TestOracleBooleanSets flips every single boolean in libsepol for accesses
// that conditional rules govern: the sets of one must be the same, and larger
// sets must work, and not without any of their members.
func TestOracleBooleanSets(t *testing.T) {
	bin := compile(t)
	oracle.Require(t, oracle.DebianPolicy)
	p, err := Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	s, m := serve(t, bin, oracle.DebianPolicy), newMaker(p, 14)
	accesses := []Access{
		// Only allow_ypbind alone; and two others together.
		access("system_u:system_r:httpd_sys_script_t:s0 system_u:object_r:unreserved_port_t:s0 tcp_socket name_connect"),
		access("system_u:system_r:httpd_t:s0 system_u:object_r:postgresql_port_t:s0 tcp_socket name_connect"),
	}
	for len(accesses) < 30 {
		c := &p.db.Conditionals[m.IntN(len(p.db.Conditionals))]
		if len(c.True) == 0 {
			continue
		}
		r := &c.True[m.IntN(len(c.True))]
		if r.Kind != policydb.Allow {
			continue
		}
		a := Access{Source: m.context(m.member(uint32(r.Source))), Target: m.context(m.member(uint32(r.Target))),
			Class: p.sym.classes[r.Class-1].name, Permissions: p.permissionsOf(uint32(r.Class), r.Data)[:1]}
		d, err := p.Decide(a)
		if err == nil && d.SourceProblem == nil && d.TargetProblem == nil && !d.Allowed {
			accesses = append(accesses, a)
		}
	}
	compared, different, larger := 0, 0, 0
	for _, a := range accesses {
		source, target := s.ask("c %s", a.Source), s.ask("c %s", a.Target)
		// granted asks libsepol with some booleans flipped.
		granted := func(flipped ...SetBoolean) bool {
			for _, b := range flipped {
				s.ask("b %s %d", b.Name, map[bool]int{true: 1}[b.On])
			}
			var allowed uint32
			if _, err := fmt.Sscanf(s.ask("a %s %s %s", source, target, a.Class), "%x", &allowed); err != nil {
				t.Fatal(err)
			}
			for _, b := range flipped {
				s.ask("b %s %d", b.Name, map[bool]int{true: 1}[!b.On])
			}
			want, err := p.vector(p.sym.classByName[a.Class], a.Permissions)
			return err == nil && allowed&want == want
		}
		sets, err := p.BooleanSets(a)
		if err != nil {
			t.Fatal(err)
		}
		single := make(map[string]bool)
		for _, set := range sets {
			if len(set.Booleans) == 1 {
				single[set.Booleans[0].Name] = true
				continue
			}
			larger++
			compared++
			ok := granted(set.Booleans...)
			for i := range set.Booleans {
				ok = ok && !granted(slices.Delete(slices.Clone(set.Booleans), i, i+1)...)
			}
			if !ok {
				different++
				t.Errorf("%v: %v is not a minimal set", a, set.Booleans)
			}
		}
		for b := range p.Booleans() {
			compared++
			if theirs := granted(SetBoolean{b.Name(), !b.State()}); theirs != single[b.Name()] {
				different++
				t.Errorf("%v: with %s flipped, libsepol allows it: %v", a, b, theirs)
			}
		}
	}
	oracle.Report(t, "boolean-sets", compared, different)
	if larger == 0 {
		t.Error("no set of several booleans")
	}
}

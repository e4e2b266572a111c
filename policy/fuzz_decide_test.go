package policy

import (
	"os"
	"testing"
)

// FuzzDecide asks a damaged policy everything: what decodes must be decided
// without a panic, and alike by the engine and the plain computation.
func FuzzDecide(f *testing.F) {
	for _, name := range []string{"testdata/decide.policy", "testdata/bounds.policy"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint64(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		ask(t, p, seed)
	})
}

// ask asks a policy questions of all kinds at random.
func ask(t *testing.T, p *Policy, seed uint64) {
	m := newMaker(p, seed)
	if len(m.types) == 0 || len(p.sym.classes) == 0 {
		return
	}
	changes := m.booleans()
	q, err := p.With(changes...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Exposure(changes...); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		source, target, class := m.triple()
		info := &p.sym.classes[class-1]
		if info.class == nil {
			continue
		}
		a := Access{Source: m.context(source), Target: m.context(target), Class: info.name, Permissions: Class{p, class}.Permissions(),
			Xperm: uint16(seed), HasXperm: true}
		s, err1 := q.SID(a.Source)
		o, err2 := q.SID(a.Target)
		if err1 == nil && err2 == nil {
			q.AccessVector(s, o, Class{p, class})
		}
		if len(a.Permissions) > 0 {
			d, err := q.Decide(a)
			if err == nil {
				for _, r := range d.Reasons() {
					_ = r.String()
				}
			}
			q.BooleanSets(a)
		}
		q.NewContext(a.Source, a.Target, a.Class, "special")
		q.MemberContext(a.Source, a.Target, a.Class)
		q.DomainTransition(a.Source.Type(), a.Target.Type())
	}
}

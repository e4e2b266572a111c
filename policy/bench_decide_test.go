package policy

import (
	"os"
	"testing"
)

// debianPolicy is a whole distribution's policy; the benchmarks fall back on
// the small one.
const debianPolicy = "/etc/selinux/default/policy/policy.33"

func benchPolicy(b *testing.B) *Policy {
	name := debianPolicy
	if _, err := os.Stat(name); err != nil {
		b.Logf("no %s: the small policy instead", name)
		name = "testdata/decide.policy"
	}
	p, err := Open(name)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

type benchTriple struct {
	source, target SID
	class          Class
}

// benchTriples are uniformly random triples, or such as have rules.
func benchTriples(b *testing.B, p *Policy, biased bool) []benchTriple {
	m := newMaker(p, 5)
	var out []benchTriple
	for len(out) < 4096 {
		s, t, c := m.typ(), m.typ(), uint32(m.IntN(len(p.sym.classes))+1)
		if biased {
			s, t, c = m.triple()
		}
		source, err1 := p.SID(m.context(s))
		target, err2 := p.SID(m.context(t))
		if err1 == nil && err2 == nil {
			out = append(out, benchTriple{source, target, Class{p, c}})
		}
	}
	return out
}

func BenchmarkAccessVector(b *testing.B) {
	p := benchPolicy(b)
	p.engine.av() // which the first decision makes
	for _, kind := range []string{"random", "ruled"} {
		triples := benchTriples(b, p, kind == "ruled")
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			i, sum := 0, uint32(0)
			for b.Loop() {
				t := &triples[i%len(triples)]
				sum += p.AccessVector(t.source, t.target, t.class).Allowed
				i++
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		triples := benchTriples(b, p, false)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				t := &triples[i%len(triples)]
				p.AccessVector(t.source, t.target, t.class)
			}
		})
	})
}

func BenchmarkDecide(b *testing.B) {
	p := benchPolicy(b)
	var accesses []Access
	for _, t := range benchTriples(b, p, true) {
		accesses = append(accesses, Access{Source: t.source.Context(), Target: t.target.Context(),
			Class: t.class.Name(), Permissions: t.class.Permissions()[:1]})
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := p.Decide(accesses[i%len(accesses)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkSID(b *testing.B) {
	p := benchPolicy(b)
	m := newMaker(p, 6)
	var contexts []Context
	for range 1000 {
		contexts = append(contexts, m.context(m.typ()))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p.SID(contexts[i%len(contexts)])
		i++
	}
}

func BenchmarkExposure(b *testing.B) {
	p := benchPolicy(b)
	for _, name := range []string{"allow_ypbind", "httpd_can_network_connect_db", "app_net"} {
		boolean, err := p.Boolean(name)
		if err != nil {
			continue
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Exposure(SetBoolean{name, !boolean.State()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWith(b *testing.B) {
	p := benchPolicy(b)
	boolean := ""
	for v := range p.Booleans() {
		boolean = v.Name()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.With(SetBoolean{boolean, true}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a policy: to list and search it, and with the index that
// the first decision makes.
func BenchmarkOpen(b *testing.B) {
	name := debianPolicy
	if _, err := os.Stat(name); err != nil {
		name = "testdata/decide.policy"
	}
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Open(name); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decide", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p, err := Open(name)
			if err != nil {
				b.Fatal(err)
			}
			p.engine.av()
		}
	})
}

// BenchmarkIndex makes the index that the first decision wants.
func BenchmarkIndex(b *testing.B) {
	p := benchPolicy(b)
	b.ReportAllocs()
	for b.Loop() {
		newEngine(p.db, p.sym).av()
	}
}

package fcontext

import "math/rand/v2"

// sampler makes up paths and patterns, the same ones in every run.
type sampler struct{ *rand.Rand }

func newSampler(seed uint64) sampler { return sampler{rand.New(rand.NewPCG(seed, 0))} }

func (r sampler) pick(s ...string) string { return s[r.IntN(len(s))] }

// match appends a text that the expression matches, end assertions apart.
func (r sampler) match(b []byte, n *node) []byte {
	switch n.op {
	case opByte:
		return append(b, n.b)
	case opAny:
		return append(b, r.pick("a", "/", "b", "x", "0", ".", "-", "\xe9", "lib", "/bin/", "\n")...)
	case opSet:
		for range 200 {
			if c := byte(32 + r.IntN(95)); n.set.has(c) {
				return append(b, c)
			}
		}
		for c := 255; c > 0; c-- {
			if n.set.has(byte(c)) {
				return append(b, byte(c))
			}
		}
	case opConcat:
		for _, s := range n.subs {
			b = r.match(b, s)
		}
	case opAlt:
		return r.match(b, n.subs[r.IntN(len(n.subs))])
	case opRepeat:
		hi := n.hi
		if hi == unlimited || hi > n.lo+4 {
			hi = n.lo + 4
		}
		for range n.lo + r.IntN(hi-n.lo+1) {
			b = r.match(b, n.subs[0])
		}
	}
	return b
}

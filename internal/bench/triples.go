package main

import (
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/sekit/sekit/policy"
)

// triple is a question to the security server.
type triple struct {
	source, target policy.Context
	class          string
	s, t           policy.SID
	c              policy.Class
}

// tripleMaker makes random triples with valid contexts. There are about a
// thousand contexts, as on a busy machine: libsepol keeps its SIDs in a table of
// 128 lists, and with one for each type of the policy their length would be
// what is measured.
type tripleMaker struct {
	*rand.Rand
	p       *policy.Policy
	types   []string
	classes []policy.Class
	users   map[string][2]string // a user and role that go with a type
	ranges  map[string][]string  // of a user
}

func newTripleMaker(p *policy.Policy, seed uint64) *tripleMaker {
	m := &tripleMaker{Rand: rand.New(rand.NewPCG(seed, 0)), p: p, users: map[string][2]string{}, ranges: map[string][]string{}}
	for t := range p.Types() {
		m.types = append(m.types, t.Name())
	}
	m.classes = slices.Collect(p.Classes())
	for u := range p.Users() {
		m.ranges[u.Name()] = []string{""}
		if p.MLS() {
			m.ranges[u.Name()] = []string{u.Level(), u.Range(), u.Level() + ":c1,c5", u.Level() + "-" + u.Level() + ":c0.c3"}
		}
		for r := range u.Roles() {
			for t := range r.Types() {
				if _, ok := m.users[t.Name()]; !ok && r.Name() != "object_r" {
					m.users[t.Name()] = [2]string{u.Name(), r.Name()}
				}
			}
		}
	}
	return m
}

// context returns a context with the type, of a process if there are any.
func (m *tripleMaker) context(typ string, process bool) (policy.Context, policy.SID, error) {
	who := [2]string{"system_u", "object_r"}
	if of, ok := m.users[typ]; ok && process {
		who = of
	}
	text := who[0] + ":" + who[1] + ":" + typ
	ranges := m.ranges[who[0]]
	for first := m.IntN(len(ranges)); ; first = 0 {
		name := text
		if ranges[first] != "" {
			name += ":" + ranges[first]
		}
		c, err := policy.ParseContext(name)
		if err != nil {
			return policy.Context{}, policy.SID{}, err
		}
		if s, err := m.p.SID(c); err == nil || first == 0 {
			return c, s, err
		}
	}
}

// triple returns a triple with the types.
func (m *tripleMaker) triple(source, target string, class policy.Class) (t triple, err error) {
	t.class, t.c = class.Name(), class
	if t.source, t.s, err = m.context(source, true); err == nil {
		t.target, t.t, err = m.context(target, t.class == "process")
	}
	return t, err
}

// make returns n triples. If biased, every other one is between types that a
// rule names, itself or by an attribute, and the rest are of any two of the
// contexts so made and as many more, and any class. Otherwise they are of any
// types and classes.
func (m *tripleMaker) make(n int, biased bool) ([]triple, error) {
	var ruled []triple
	var err error
	if biased {
		if ruled, err = m.ruled(); err != nil {
			return nil, err
		}
	}
	others := slices.Clone(ruled)
	for len(others) < 2*contextPairs {
		t, err := m.triple(m.types[m.IntN(len(m.types))], m.types[m.IntN(len(m.types))], m.classes[m.IntN(len(m.classes))])
		if err != nil {
			return nil, err
		}
		others = append(others, t)
	}
	out := make([]triple, n)
	for i := range out {
		if biased && i%2 == 0 {
			out[i] = ruled[m.IntN(len(ruled))]
			continue
		}
		a, b := &others[m.IntN(len(others))], &others[m.IntN(len(others))]
		c := m.classes[m.IntN(len(m.classes))]
		out[i] = triple{a.source, b.target, c.Name(), a.s, b.t, c}
	}
	return out, nil
}

const contextPairs = 250

// ruled returns triples of random allow rules.
func (m *tripleMaker) ruled() ([]triple, error) {
	rules, err := m.sampleRules(contextPairs)
	if err != nil {
		return nil, err
	}
	var out []triple
	for _, r := range rules {
		class, err := m.p.Class(r.Class())
		if err != nil {
			return nil, err
		}
		t, err := m.triple(m.typeOf(r.Source()), m.typeOf(r.Target()), class)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// sampleRules returns n allow rules, each as likely as any other.
func (m *tripleMaker) sampleRules(n int) ([]policy.Rule, error) {
	rules, err := m.p.Rules(policy.RuleQuery{Kinds: policy.KindAllow})
	if err != nil {
		return nil, err
	}
	var out []policy.Rule
	seen := 0
	for r := range rules {
		if seen++; len(out) < n {
			out = append(out, r)
		} else if i := m.IntN(seen); i < n {
			out[i] = r
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the policy has no allow rules")
	}
	return out, nil
}

// typeOf returns the type, or one that the attribute has.
func (m *tripleMaker) typeOf(name string) string {
	a, err := m.p.Attribute(name)
	if err != nil || a.Len() == 0 {
		return name
	}
	types := slices.Collect(a.Types())
	return types[m.IntN(len(types))].Name()
}

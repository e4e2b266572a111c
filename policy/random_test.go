package policy

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// maker makes random questions about a policy, biased to where its rules are:
// of uniformly random triples hardly one in a hundred has a rule.
type maker struct {
	*rand.Rand
	p     *Policy
	types []uint32 // no attributes
	// Names; a policy's tables have gaps where an alias took a value.
	sensitivities, categories []string
}

func newMaker(p *Policy, seed uint64) *maker {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 17)), p: p}
	for i, t := range p.sym.types {
		if t.name != "" && !t.attribute {
			m.types = append(m.types, uint32(i+1))
		}
	}
	named := func(s string) bool { return s == "" }
	m.sensitivities = slices.DeleteFunc(slices.Clone(p.sym.sensitivities), named)
	m.categories = slices.DeleteFunc(slices.Clone(p.sym.categories), named)
	if len(m.sensitivities) == 0 {
		m.sensitivities = []string{"s0"}
	}
	return m
}

// triple returns two types and a class: of ten, seven that some rule is about.
func (m *maker) triple() (source, target, class uint32) {
	p := m.p
	if m.IntN(10) < 3 {
		return m.typ(), m.typ(), uint32(m.IntN(len(p.sym.classes)) + 1)
	}
	rules := p.db.AVTab
	if m.IntN(3) == 0 && len(p.db.Conditionals) > 0 {
		c := &p.db.Conditionals[m.IntN(len(p.db.Conditionals))]
		if rules = c.True; m.IntN(3) == 0 || len(rules) == 0 {
			rules = c.False
		}
	}
	if len(rules) == 0 {
		return m.typ(), m.typ(), uint32(m.IntN(len(p.sym.classes)) + 1)
	}
	r := &rules[m.IntN(len(rules))]
	return m.member(uint32(r.Source)), m.member(uint32(r.Target)), uint32(r.Class)
}

func (m *maker) typ() uint32 { return m.types[m.IntN(len(m.types))] }

// member returns a type that has the type or attribute.
func (m *maker) member(value uint32) uint32 {
	var members []uint32
	m.p.eachType(value, func(t uint32) { members = append(members, t) })
	if len(members) == 0 {
		return m.typ()
	}
	return members[m.IntN(len(members))]
}

// context returns a context of a type, valid more often than not.
func (m *maker) context(typ uint32) Context {
	s := m.p.sym
	var roles []uint32
	for i, r := range s.roles {
		if r != nil && (has(&r.Types, typ-1) || m.IntN(50) == 0) {
			roles = append(roles, uint32(i+1))
		}
	}
	role := uint32(objectR)
	if len(roles) > 0 && m.IntN(8) > 0 {
		role = roles[m.IntN(len(roles))]
	}
	var users []uint32
	for i, u := range s.users {
		if u != nil && (role == objectR || has(&u.Roles, role-1) || m.IntN(50) == 0) {
			users = append(users, uint32(i+1))
		}
	}
	user := uint32(1)
	if len(users) > 0 {
		user = users[m.IntN(len(users))]
	}
	text := s.users[user-1].Name + ":" + s.roles[role-1].Name + ":" + s.types[typ-1].name
	if m.p.MLS() != (m.IntN(100) == 0) {
		text += ":" + m.rng()
	}
	c, _ := ParseContext(text) // of damaged names: the zero context
	return c
}

func (m *maker) rng() string {
	switch low := m.level(); m.IntN(4) {
	case 0:
		return m.sensitivities[0]
	case 1:
		return low
	case 2:
		return m.sensitivities[0] + "-" + low
	default:
		return low + "-" + m.level()
	}
}

// level returns a level with a few categories and runs of them.
func (m *maker) level() string {
	text := m.sensitivities[m.IntN(len(m.sensitivities))]
	var cats []string
	for range m.IntN(4) {
		n := len(m.categories)
		if n == 0 {
			break
		}
		a, b := m.IntN(n), m.IntN(n)
		if m.IntN(2) == 0 {
			b = min(a+m.IntN(3), n-1)
		}
		cat := m.categories[a]
		if a != b {
			cat += "." + m.categories[b]
		}
		cats = append(cats, cat)
	}
	if cats != nil {
		text += ":" + strings.Join(cats, ",")
	}
	return text
}

// booleans sets a random part of the booleans at random.
func (m *maker) booleans() []Change {
	var out []Change
	for _, name := range m.p.sym.booleans {
		if name != "" && m.IntN(2) == 0 {
			out = append(out, SetBoolean{name, m.IntN(2) == 0})
		}
	}
	return out
}

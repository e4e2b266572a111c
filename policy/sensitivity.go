package policy

import (
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// Sensitivity is a sensitivity of an MLS policy: a small handle, comparable
// within one Policy. The zero Sensitivity is not valid.
type Sensitivity struct {
	p     *Policy
	value uint32 // 1-based
}

// Sensitivities lists the sensitivities from the lowest to the highest: each
// is dominated by those after it.
func (p *Policy) Sensitivities() iter.Seq[Sensitivity] {
	return func(yield func(Sensitivity) bool) {
		for i, name := range p.sym.sensitivities {
			if name != "" && !yield(Sensitivity{p, uint32(i + 1)}) {
				return
			}
		}
	}
}

// Sensitivity finds a sensitivity by its name or an alias, or returns a
// [*NameError].
func (p *Policy) Sensitivity(name string) (Sensitivity, error) {
	v, ok := p.sym.sensitivityByName[name]
	if !ok {
		return Sensitivity{}, &NameError{"sensitivity", name}
	}
	return Sensitivity{p, v}, nil
}

// Name returns the sensitivity's name.
func (s Sensitivity) Name() string {
	if s.p == nil {
		return ""
	}
	return s.p.sym.sensitivities[s.value-1]
}

// String returns the sensitivity's name.
func (s Sensitivity) String() string { return s.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (s Sensitivity) MarshalText() ([]byte, error) { return []byte(s.Name()), nil }

// Aliases returns the sensitivity's other names, sorted.
func (s Sensitivity) Aliases() []string {
	var names []string
	for i := range s.p.db.Sensitivities {
		if l := &s.p.db.Sensitivities[i]; l.Alias && l.Level.Sensitivity == s.value {
			names = append(names, l.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Level returns the highest level of the sensitivity: with all categories that
// it may have (the level statement).
func (s Sensitivity) Level() string {
	i := slices.IndexFunc(s.p.db.Sensitivities, func(l policydb.Sensitivity) bool {
		return !l.Alias && l.Level.Sensitivity == s.value
	})
	return string(s.p.appendLevel(nil, &s.p.db.Sensitivities[i].Level, kernelText))
}

// Statement returns the sensitivity statement with its aliases.
func (s Sensitivity) Statement() string {
	var b strings.Builder
	b.WriteString("sensitivity ")
	b.WriteString(s.Name())
	writeAliases(&b, s.Aliases())
	b.WriteByte(';')
	return b.String()
}

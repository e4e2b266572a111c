package policy

import (
	"math/bits"
	"slices"
)

// RelabelExposure prices giving an object of one type another: the (source
// type, class, permission) that allow rules in force grant on the type to and
// not on the type from, for the given classes (each counts once; none stands
// for all), as Tuples; those that it takes away as Revoked. Like [Policy.Exposure] it leaves constraints aside. Names
// that the policy doesn't have give a [*NameError].
func (p *Policy) RelabelExposure(from, to string, classes ...string) (Exposure, error) {
	before, err := p.Type(from)
	if err != nil {
		return Exposure{}, err
	}
	after, err := p.Type(to)
	if err != nil {
		return Exposure{}, err
	}
	var x Exposure
	sources := make([]bool, len(p.sym.types))
	values, err := p.classValues(classes)
	if err != nil {
		return Exposure{}, err
	}
	for _, class := range values {
		gained, tuples := 0, p.sourcesOf(after.value, class)
		for s, had := range p.sourcesOf(before.value, class) {
			n := bits.OnesCount32(tuples[s] &^ had)
			if n > 0 {
				sources[s] = true
			}
			gained += n
			x.Revoked += bits.OnesCount32(had &^ tuples[s])
		}
		if gained > 0 {
			x.Classes++
		}
		x.Tuples += gained
	}
	for _, gained := range sources {
		if gained {
			x.Sources++
		}
	}
	if x.Tuples > 0 {
		x.Targets = 1
	}
	return x, nil
}

// classValues returns the values of the named classes, each once, or of all
// classes if none is named.
func (p *Policy) classValues(names []string) ([]uint32, error) {
	values := make([]uint32, 0, len(names))
	for _, name := range names {
		class := p.sym.classByName[name]
		if class == 0 {
			return nil, &NameError{"class", name}
		}
		if !slices.Contains(values, class) {
			values = append(values, class)
		}
	}
	if len(names) == 0 {
		for c := range p.Classes() {
			values = append(values, c.value)
		}
	}
	return values, nil
}

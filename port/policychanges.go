package port

import "github.com/sekit/sekit/policy"

// PolicyChanges returns what changes of t's local records come to in the policy
// that t was made of, for [policy.Policy.With]: whatever local records it has
// or had, the ports of each key get the type that decides about them then. (An
// overlay takes no record away; one more covers it.)
func (t *Table) PolicyChanges(changes ...Change) ([]policy.Change, error) {
	after, err := t.With(changes...)
	if err != nil {
		return nil, err
	}
	var out []policy.Change
	for _, c := range changes {
		if c.Op == Nothing {
			continue
		}
		for port := uint32(c.Key.Low); port <= uint32(c.Key.High); {
			m := after.lookup(c.Key.Protocol, uint16(port))
			end := min(after.next(m, port)-1, uint32(c.Key.High))
			out = append(out, policy.PortContext{Protocol: c.Key.Protocol, Low: uint16(port), High: uint16(end),
				Type: m.Context.Type()})
			port = end + 1
		}
	}
	return out, nil
}

// next returns the first port after port about which another record than m may
// decide.
func (t *Table) next(m Match, port uint32) uint32 {
	next := uint32(m.High) + 1
	if m.Origin == FromInitialSID {
		next = 65536
	}
	for _, e := range t.entries {
		if low := uint32(e.Low); e.Protocol == m.Protocol && low > port && low < next {
			next = low
		}
	}
	return next
}

package port

import (
	"slices"

	"github.com/sekit/sekit/policy"
)

// portcons returns the policy's records in its order.
func portcons(p *policy.Policy) []Record {
	var out []Record
	for c := range p.Portcons() {
		out = append(out, Record{Key{c.Protocol, c.Low, c.High}, c.Context})
	}
	return out
}

// portTypeAttribute is the attribute of all types that a port may have.
const portTypeAttribute = "port_type"

// isPortType reports whether ports may have the type.
func isPortType(p *policy.Policy, t policy.Type) bool {
	if a, err := p.Attribute(portTypeAttribute); err == nil {
		return a.Has(t)
	}
	for c := range p.Portcons() {
		if c.Context.Type() == t.Name() {
			return true
		}
	}
	return false
}

// PortTypes returns the types that ports may have, sorted: those with the
// attribute port_type, which semanage goes by. In a policy without the
// attribute it is the types of its portcon statements.
func PortTypes(p *policy.Policy) []string {
	var out []string
	if a, err := p.Attribute(portTypeAttribute); err == nil {
		for t := range a.Types() {
			out = append(out, t.Name())
		}
	} else {
		for c := range p.Portcons() {
			out = append(out, c.Context.Type())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

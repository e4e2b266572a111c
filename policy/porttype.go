package policy

import (
	"math/bits"
	"slices"
	"strings"
)

// portType returns the value of the type of a port, or 0 if it has none: that of
// [Policy.PortContext], without making text of it.
func (p *Policy) portType(protocol Protocol, port uint16) uint32 {
	if p.over != nil {
		for _, x := range slices.Backward(p.over.ports) {
			if x.protocol == protocol && x.low <= port && port <= x.high {
				return x.typ
			}
		}
	}
	if c := p.filePortcon(protocol, port); c != nil {
		return c.Context.Type
	}
	if s := p.initialSIDOr(sidPort); s != nil {
		return s.Context.Type
	}
	return 0
}

// portExposure counts the (source type, class, permission) that after allows
// on some port whose type changed, and p didn't. Of the permissions only
// name_bind and name_connect are about ports.
func (p *Policy) portExposure(after *Policy) int {
	if after.over == nil || len(after.over.ports) == 0 {
		return 0
	}
	type move struct{ from, to uint32 }
	moves := make(map[move]bool)
	for _, x := range after.over.ports {
		for _, port := range after.portBounds(x) {
			from, to := p.portType(x.protocol, port), after.portType(x.protocol, port)
			if from != to {
				moves[move{from, to}] = true
			}
		}
	}
	n := 0
	for i := range p.sym.classes {
		c := &p.sym.classes[i]
		perms := c.permByName["name_bind"] | c.permByName["name_connect"]
		if perms == 0 || !strings.HasSuffix(c.name, "_socket") {
			continue
		}
		gained := make([]uint32, len(p.sym.types))
		for m := range moves {
			var had []uint32
			if m.from != 0 {
				had = p.sourcesOf(m.from, uint32(i+1))
			}
			for s, av := range after.sourcesOf(m.to, uint32(i+1)) {
				if had != nil {
					av &^= had[s]
				}
				gained[s] |= av & perms
			}
		}
		for _, av := range gained {
			n += bits.OnesCount32(av)
		}
	}
	return n
}

// portBounds returns ports of a range, at least one of each stretch between
// whose ends all ports have the same type.
func (p *Policy) portBounds(x extraPort) []uint16 {
	ports := []uint16{x.low}
	add := func(low, high uint32) {
		for _, port := range [2]uint32{low, high + 1} {
			if uint32(x.low) < port && port <= uint32(x.high) {
				ports = append(ports, uint16(port))
			}
		}
	}
	for i := range p.db.Portcons {
		add(p.db.Portcons[i].Low, p.db.Portcons[i].High)
	}
	for _, o := range p.over.ports {
		add(uint32(o.low), uint32(o.high))
	}
	return ports
}

package policy

import (
	"fmt"
	"iter"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// Protocol is an IP protocol with ports, by its IANA number: what portcon
// statements name.
type Protocol uint8

// The protocols of portcon statements.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	DCCP Protocol = 33
	SCTP Protocol = 132
)

// ParseProtocol reads tcp, udp, dccp or sctp, as policies and semanage have
// them.
func ParseProtocol(s string) (Protocol, error) {
	for _, p := range [...]Protocol{TCP, UDP, DCCP, SCTP} {
		if s == p.String() {
			return p, nil
		}
	}
	return 0, fmt.Errorf("unknown protocol %q: want tcp, udp, dccp or sctp", s)
}

// String returns tcp, udp, dccp or sctp; of another protocol its number.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case DCCP:
		return "dccp"
	case SCTP:
		return "sctp"
	}
	return fmt.Sprint(uint8(p))
}

// MarshalText implements [encoding.TextMarshaler].
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler], as [ParseProtocol].
func (p *Protocol) UnmarshalText(b []byte) error {
	v, err := ParseProtocol(string(b))
	if err != nil {
		return err
	}
	*p = v
	return nil
}

// Portcon is a portcon statement: the context of a range of ports. It is a
// comparable value.
type Portcon struct {
	Protocol  Protocol `json:"protocol"`
	Low       uint16   `json:"low"`  // the first port
	High      uint16   `json:"high"` // the last port
	Context   Context  `json:"context"`
	statement string
}

// Portcons lists the portcon statements in the order of the policy, in which
// the kernel looks through them: the first one with the port is the one that
// counts (see [Policy.Portcon]). Those that [Policy.With] added come first.
func (p *Policy) Portcons() iter.Seq[Portcon] {
	return func(yield func(Portcon) bool) {
		for c := range p.addedPortcons {
			if !yield(c) {
				return
			}
		}
		for i := range p.db.Portcons {
			if !yield(p.portcon(&p.db.Portcons[i])) {
				return
			}
		}
	}
}

// addedPortcons yields the portcons that With added, the last one first.
func (p *Policy) addedPortcons(yield func(Portcon) bool) {
	if p.over == nil {
		return
	}
	for _, x := range slices.Backward(p.over.ports) {
		c := policydb.Portcon{Protocol: uint32(x.protocol), Low: uint32(x.low), High: uint32(x.high)}
		c.Context = p.portTemplate(x.typ)
		if !yield(p.portcon(&c)) {
			return
		}
	}
}

// portTemplate returns the context that a portcon of a type has: as that of the
// first portcon, or else of the initial SID port, but for the type.
func (p *Policy) portTemplate(typ uint32) policydb.Context {
	var c policydb.Context
	if len(p.db.Portcons) > 0 {
		c = p.db.Portcons[0].Context
	} else if s := p.initialSIDOr(sidPort); s != nil {
		c = s.Context
	}
	c.Type = typ
	return c
}

func (p *Policy) portcon(c *policydb.Portcon) Portcon {
	pc := Portcon{Protocol: Protocol(c.Protocol), Low: uint16(c.Low), High: uint16(c.High), Context: p.context(&c.Context)}
	pc.statement = pc.head() + string(p.appendContext(nil, &c.Context, statementText))
	return pc
}

func (c Portcon) head() string { return "portcon " + c.Protocol.String() + " " + c.Ports() + " " }

// Ports returns the ports: a number, or low-high.
func (c Portcon) Ports() string {
	if c.Low == c.High {
		return fmt.Sprint(c.Low)
	}
	return fmt.Sprintf("%d-%d", c.Low, c.High)
}

// Contains reports whether the statement is for the port.
func (c Portcon) Contains(protocol Protocol, port uint16) bool {
	return c.Protocol == protocol && c.Low <= port && port <= c.High
}

// Statement returns the portcon statement.
func (c Portcon) Statement() string {
	if c.statement == "" {
		return c.head() + c.Context.String()
	}
	return c.statement
}

// String returns the portcon statement.
func (c Portcon) String() string { return c.Statement() }

// Portcon returns the portcon statement that gives a port its context, and
// whether there is one: the first in the order of the policy (the kernel's
// security_port_sid).
func (p *Policy) Portcon(protocol Protocol, port uint16) (Portcon, bool) {
	for c := range p.addedPortcons {
		if c.Contains(protocol, port) {
			return c, true
		}
	}
	if c := p.filePortcon(protocol, port); c != nil {
		return p.portcon(c), true
	}
	return Portcon{}, false
}

// filePortcon returns the portcon of the policy file for a port, or nil.
func (p *Policy) filePortcon(protocol Protocol, port uint16) *policydb.Portcon {
	for i := range p.db.Portcons {
		c := &p.db.Portcons[i]
		if c.Protocol == uint32(protocol) && c.Low <= uint32(port) && uint32(port) <= c.High {
			return c
		}
	}
	return nil
}

// PortContext returns the context of a port as the kernel has it: of its
// portcon statement, or else of the initial SID port.
func (p *Policy) PortContext(protocol Protocol, port uint16) Context {
	if c, ok := p.Portcon(protocol, port); ok {
		return c.Context
	}
	return p.initialContext(sidPort)
}

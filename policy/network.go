package policy

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"

	"github.com/sekit/sekit/internal/policydb"
)

// Netifcon is a netifcon statement: the contexts of a network interface. It is
// a comparable value.
type Netifcon struct {
	Interface string  `json:"interface"` // its name; a pattern with the capability netif_wildcard
	Context   Context `json:"context"`
	Packet    Context `json:"packet"` // of packets that come in by it; kernels no longer use it
	statement string
}

// Netifcons lists the netifcon statements in the order of the policy.
func (p *Policy) Netifcons() iter.Seq[Netifcon] {
	return func(yield func(Netifcon) bool) {
		for i := range p.db.Netifcons {
			if !yield(p.netifcon(&p.db.Netifcons[i])) {
				return
			}
		}
	}
}

func (p *Policy) netifcon(n *policydb.Netifcon) Netifcon {
	b := append([]byte("netifcon "), n.Name...)
	b = p.appendContext(append(b, ' '), &n.Interface, statementText)
	b = p.appendContext(append(b, ' '), &n.Packet, statementText)
	return Netifcon{
		Interface: n.Name,
		Context:   p.context(&n.Interface),
		Packet:    p.context(&n.Packet),
		statement: string(b),
	}
}

// Statement returns the netifcon statement.
func (n Netifcon) Statement() string { return n.statement }

// String returns the netifcon statement.
func (n Netifcon) String() string { return n.statement }

// NetifContext returns the context of a network interface as the kernel has it
// (security_netif_sid): of its netifcon statement, or else of the initial SID
// netif.
func (p *Policy) NetifContext(name string) Context {
	wildcard := p.hasCapability(capNetifWildcard)
	for i := range p.db.Netifcons {
		n := &p.db.Netifcons[i]
		if n.Name == name || wildcard && matchWildcard(n.Name, name) {
			return p.context(&n.Interface)
		}
	}
	return p.initialContext(sidNetif)
}

// Nodecon is a nodecon statement: the context of the hosts of a network. It is
// a comparable value.
type Nodecon struct {
	Addr      netip.Addr `json:"addr"` // both IPv4 or both IPv6
	Mask      netip.Addr `json:"mask"`
	Context   Context    `json:"context"`
	statement string
}

// Nodecons lists the nodecon statements in the order of the policy, IPv4
// before IPv6.
func (p *Policy) Nodecons() iter.Seq[Nodecon] {
	return func(yield func(Nodecon) bool) {
		for i := range p.db.Nodecons {
			n := &p.db.Nodecons[i]
			if !yield(p.nodecon(netip.AddrFrom4(n.Addr), netip.AddrFrom4(n.Mask), &n.Context)) {
				return
			}
		}
		for i := range p.db.Nodecons6 {
			n := &p.db.Nodecons6[i]
			if !yield(p.nodecon(netip.AddrFrom16(n.Addr), netip.AddrFrom16(n.Mask), &n.Context)) {
				return
			}
		}
	}
}

func (p *Policy) nodecon(addr, mask netip.Addr, c *policydb.Context) Nodecon {
	return Nodecon{addr, mask, p.context(c), "nodecon " + addr.String() + " " + mask.String() + " " +
		string(p.appendContext(nil, c, statementText))}
}

// Contains reports whether the statement is for the host.
func (n Nodecon) Contains(host netip.Addr) bool {
	if host.Is4() != n.Addr.Is4() {
		return false
	}
	a, m, h := n.Addr.AsSlice(), n.Mask.AsSlice(), host.AsSlice()
	for i := range h {
		if h[i]&m[i] != a[i] {
			return false
		}
	}
	return true
}

// Statement returns the nodecon statement.
func (n Nodecon) Statement() string { return n.statement }

// String returns the nodecon statement.
func (n Nodecon) String() string { return n.statement }

// NodeContext returns the context of a host as the kernel has it
// (security_node_sid): of the first nodecon statement that is for it, or else
// of the initial SID node. An IPv4 address in IPv6 form is looked up as IPv6.
func (p *Policy) NodeContext(host netip.Addr) Context {
	for n := range p.Nodecons() {
		if n.Contains(host) {
			return n.Context
		}
	}
	return p.initialContext(sidNode)
}

// IBPkeycon is an ibpkeycon statement: the context of a range of Infiniband
// partition keys. It is a comparable value.
type IBPkeycon struct {
	SubnetPrefix netip.Addr `json:"subnet_prefix"` // its first 64 bits count
	Low          uint16     `json:"low"`
	High         uint16     `json:"high"`
	Context      Context    `json:"context"`
	statement    string
}

// IBPkeycons lists the ibpkeycon statements in the order of the policy.
func (p *Policy) IBPkeycons() iter.Seq[IBPkeycon] {
	return func(yield func(IBPkeycon) bool) {
		for i := range p.db.IBPkeycons {
			if !yield(p.ibpkeycon(&p.db.IBPkeycons[i])) {
				return
			}
		}
	}
}

func (p *Policy) ibpkeycon(c *policydb.IBPkeycon) IBPkeycon {
	var prefix [16]byte
	copy(prefix[:], c.SubnetPrefix[:])
	k := IBPkeycon{SubnetPrefix: netip.AddrFrom16(prefix), Low: uint16(c.Low), High: uint16(c.High), Context: p.context(&c.Context)}
	k.statement = "ibpkeycon " + k.SubnetPrefix.String() + " " + XpermRange{k.Low, k.High}.String() + " " +
		string(p.appendContext(nil, &c.Context, statementText))
	return k
}

// Statement returns the ibpkeycon statement.
func (k IBPkeycon) Statement() string { return k.statement }

// String returns the ibpkeycon statement.
func (k IBPkeycon) String() string { return k.statement }

// IBPkeyContext returns the context of an Infiniband partition key as the
// kernel has it (security_ib_pkey_sid): of the first ibpkeycon statement that
// is for it, or else of the initial SID unlabeled.
func (p *Policy) IBPkeyContext(subnetPrefix uint64, pkey uint16) Context {
	for i := range p.db.IBPkeycons {
		c := &p.db.IBPkeycons[i]
		if binary.BigEndian.Uint64(c.SubnetPrefix[:]) == subnetPrefix && c.Low <= uint32(pkey) && uint32(pkey) <= c.High {
			return p.context(&c.Context)
		}
	}
	return p.initialContext(sidUnlabeled)
}

// IBEndportcon is an ibendportcon statement: the context of an Infiniband end
// port. It is a comparable value.
type IBEndportcon struct {
	Device    string  `json:"device"`
	Port      uint8   `json:"port"`
	Context   Context `json:"context"`
	statement string
}

// IBEndportcons lists the ibendportcon statements in the order of the policy.
func (p *Policy) IBEndportcons() iter.Seq[IBEndportcon] {
	return func(yield func(IBEndportcon) bool) {
		for i := range p.db.IBEndportcons {
			c := &p.db.IBEndportcons[i]
			s := fmt.Sprintf("ibendportcon %s %d %s", c.Device, c.Port, p.appendContext(nil, &c.Context, statementText))
			if !yield(IBEndportcon{c.Device, uint8(c.Port), p.context(&c.Context), s}) {
				return
			}
		}
	}
}

// Statement returns the ibendportcon statement.
func (e IBEndportcon) Statement() string { return e.statement }

// String returns the ibendportcon statement.
func (e IBEndportcon) String() string { return e.statement }

// IBEndportContext returns the context of an Infiniband end port as the kernel
// has it (security_ib_endport_sid): of its ibendportcon statement, or else of
// the initial SID unlabeled.
func (p *Policy) IBEndportContext(device string, port uint8) Context {
	for i := range p.db.IBEndportcons {
		if c := &p.db.IBEndportcons[i]; c.Device == device && c.Port == uint32(port) {
			return p.context(&c.Context)
		}
	}
	return p.initialContext(sidUnlabeled)
}

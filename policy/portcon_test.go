package policy_test

import (
	"testing"

	"github.com/sekit/sekit/policy"
)

func TestPortcon(t *testing.T) {
	p := queryPolicy(t)
	wantLines(t, "portcon", texts(p.Portcons()), // in the order of the source
		"portcon tcp 80 system_u:object_r:http_port_t:s0",
		"portcon tcp 8443 system_u:object_r:http_port_t:s0",
		"portcon tcp 8000-8999 system_u:object_r:ephemeral_port_t:s0",
		"portcon udp 80 system_u:object_r:ephemeral_port_t:s0")
	for _, c := range []struct {
		protocol policy.Protocol
		port     uint16
		typ      string
	}{
		{policy.TCP, 80, "http_port_t"},
		{policy.UDP, 80, "ephemeral_port_t"},
		{policy.TCP, 8443, "http_port_t"}, // the first statement that has it
		{policy.TCP, 8442, "ephemeral_port_t"},
		{policy.TCP, 8000, "ephemeral_port_t"},
		{policy.TCP, 8999, "ephemeral_port_t"},
		{policy.TCP, 9000, "port_t"}, // none: the initial SID port
		{policy.SCTP, 80, "port_t"},
	} {
		if ctx := p.PortContext(c.protocol, c.port); ctx.Type() != c.typ {
			t.Errorf("%v %d: %v, want %s", c.protocol, c.port, ctx, c.typ)
		}
		if pc, ok := p.Portcon(c.protocol, c.port); ok != (c.typ != "port_t") || ok && !pc.Contains(c.protocol, c.port) {
			t.Errorf("Portcon %v %d: %v %v", c.protocol, c.port, pc, ok)
		}
	}
}

// A port that With labels comes before the policy's own.
func TestPortconWith(t *testing.T) {
	p := queryPolicy(t)
	after, err := p.With(policy.PortContext{Protocol: policy.TCP, Low: 8443, High: 8444, Type: "port_t"})
	if err != nil {
		t.Fatal(err)
	}
	if ctx := after.PortContext(policy.TCP, 8443); ctx.String() != "system_u:object_r:port_t:s0" {
		t.Error(ctx)
	}
	if ctx := p.PortContext(policy.TCP, 8443); ctx.Type() != "http_port_t" {
		t.Errorf("the policy itself changed: %v", ctx)
	}
	if first := texts(after.Portcons())[0]; first != "portcon tcp 8443-8444 system_u:object_r:port_t:s0" {
		t.Error(first)
	}
}

func TestProtocol(t *testing.T) {
	// The numbers are IANA's.
	for name, number := range map[string]policy.Protocol{"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132} {
		p, err := policy.ParseProtocol(name)
		if err != nil || p != number || p.String() != name {
			t.Errorf("%s: %d %v", name, p, err)
		}
		var q policy.Protocol
		if err := q.UnmarshalText([]byte(name)); err != nil || q != number {
			t.Errorf("UnmarshalText %s: %d %v", name, q, err)
		}
	}
	for _, bad := range []string{"", "TCP", "icmp", "6"} {
		if p, err := policy.ParseProtocol(bad); err == nil || p != 0 {
			t.Errorf("%q: %d, no error", bad, p)
		}
	}
	if s := policy.Protocol(1).String(); s != "1" {
		t.Error(s)
	}
}

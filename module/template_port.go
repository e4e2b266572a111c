package module

import (
	"fmt"

	"github.com/sekit/sekit/policy"
)

// PortType is the template of a new type for a port, so that a domain may use
// this port and no other. It answers "haproxy needs 5601" where the policy has
// no type that fits.
//
// The module has the type and the rules alone: portcon, which gives a port its
// type, is a statement of the base policy. Install the module first, then
// register the port under the type, with package port or with semanage port -a.
type PortType struct {
	// Name is the type's, such as kibana_port_t. The module is called the same.
	Name string
	// Protocol and the ports from Low to High (the same as Low if 0) are those
	// that the type is for. They decide the rules' class, and are noted in the
	// module's comment; ports of another protocol take a type of their own.
	Protocol  policy.Protocol
	Low, High uint16
	// Connect and Bind are the domains that may connect to the port, and listen
	// on it. One of them has to have one. UDP asks for no permission to connect.
	Connect, Bind []string
}

// Module makes the module. Errors are a [*NameError], or say what is missing.
func (p PortType) Module() (*Module, error) {
	high := max(p.High, p.Low)
	if p.Low == 0 || p.High != 0 && p.High < p.Low {
		return nil, fmt.Errorf("port type %.64q: ports from %d to %d", p.Name, p.Low, p.High)
	}
	if len(p.Connect)+len(p.Bind) == 0 {
		return nil, fmt.Errorf("port type %.64q: for no domain", p.Name)
	}
	ports := fmt.Sprint(p.Low)
	if high != p.Low {
		ports = fmt.Sprintf("%d-%d", p.Low, high)
	}
	t := newTemplate(p.Name, fmt.Sprintf("%s is for %s %s, to be registered once this is installed:", p.Name, p.Protocol, ports),
		fmt.Sprintf("semanage port -a -t %s -p %s %s", p.Name, p.Protocol, ports))
	t.declare(p.Name, []string{"port_type"})
	for _, d := range p.Connect {
		if err := t.connect(d, p.Name, p.Protocol); err != nil {
			return nil, err
		}
	}
	for _, d := range p.Bind {
		if err := t.bind(d, p.Name, p.Protocol, p.Low); err != nil {
			return nil, err
		}
	}
	m, _, err := t.finish(Guard{})
	return m, err
}

// socketClass is the class of a protocol's sockets.
func socketClass(p policy.Protocol) (string, error) {
	switch p {
	case policy.TCP, policy.UDP, policy.DCCP, policy.SCTP:
		return p.String() + "_socket", nil
	}
	return "", fmt.Errorf("protocol %v has no ports", p)
}

// connect lets a domain connect to ports of a type. The kernel asks so of all
// protocols but UDP (selinux_socket_connect_helper).
func (t *template) connect(domain, typ string, p policy.Protocol) error {
	class, err := socketClass(p)
	if err != nil {
		return err
	}
	if p == policy.UDP {
		return fmt.Errorf("%.64q: to connect to udp ports takes no permission", domain)
	}
	t.socket(domain, class)
	t.allow(domain, typ, class, "name_connect")
	return nil
}

// bind lets a domain listen on ports of a type. Those below 1024 take a
// capability, too.
func (t *template) bind(domain, typ string, p policy.Protocol, low uint16) error {
	class, err := socketClass(p)
	if err != nil {
		return err
	}
	t.socket(domain, class)
	if p != policy.UDP {
		t.allow(domain, Self, class, "accept", "listen")
	}
	t.allow(domain, typ, class, "name_bind")
	t.allow(domain, "node_t", class, "node_bind")
	if low > 0 && low < 1024 {
		t.allow(domain, Self, "capability", "net_bind_service")
	}
	return nil
}

// socket lets a domain have sockets of a class.
func (t *template) socket(domain, class string) {
	t.allow(domain, Self, class, "append", "bind", "connect", "create", "getattr", "getopt", "ioctl", "lock",
		"read", "setattr", "setopt", "shutdown", "write")
}

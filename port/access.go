package port

import (
	"fmt"
	"slices"
)

// Use is what a domain may do with a port.
type Use uint8

const (
	// Bind is to listen on a port, or to send from it: the permission name_bind.
	Bind Use = iota + 1
	// Connect is to connect to a port: the permission name_connect. UDP has no
	// connections that the policy knows of.
	Connect
)

// String returns bind or connect.
func (u Use) String() string {
	switch u {
	case Bind:
		return "bind"
	case Connect:
		return "connect"
	}
	return fmt.Sprintf("Use(%d)", uint8(u))
}

// MarshalText implements [encoding.TextMarshaler].
func (u Use) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// permission returns the socket class of a protocol and the permission of a
// use (the kernel's selinux_socket_bind and selinux_socket_connect_helper).
func permission(protocol Protocol, use Use) (class, permission string, err error) {
	if err := checkProtocol(protocol); err != nil {
		return "", "", err
	}
	class = protocol.String() + "_socket"
	switch {
	case use == Bind:
		return class, "name_bind", nil
	case use == Connect && protocol != UDP:
		return class, "name_connect", nil
	}
	return "", "", fmt.Errorf("%w: no permission of %s is about %s", ErrInvalidPort, class, use)
}

// Users returns the domains that may use a port, sorted, as its type is now and
// by the rules in force. The policy asks more of them than this: node_bind, a
// capability for ports below 1024 ([policy.Policy.Decide] has the last word on
// a whole access).
func (t *Table) Users(protocol Protocol, port int, use Use) ([]string, error) {
	m, err := t.Lookup(protocol, port)
	if err != nil {
		return nil, err
	}
	class, perm, err := permission(protocol, use)
	if err != nil {
		return nil, opError("look up", m.Key.String(), err)
	}
	types, err := t.p.AllowedSources(m.Context.Type(), class, perm)
	if err != nil {
		return nil, opError("look up", m.Key.String(), err)
	}
	return sortedNames(types), nil
}

// TypesFor returns the port types that a domain may use with a protocol,
// sorted, by the rules in force: what a port would have to be for the domain.
func (t *Table) TypesFor(domain string, protocol Protocol, use Use) ([]string, error) {
	class, perm, err := permission(protocol, use)
	if err != nil {
		return nil, opError("look up", "", err)
	}
	types, err := t.p.AllowedTargets(domain, class, perm)
	if err != nil {
		return nil, opError("look up", "", err)
	}
	ports := PortTypes(t.p)
	return slices.DeleteFunc(sortedNames(types), func(name string) bool {
		_, ok := slices.BinarySearch(ports, name)
		return !ok
	}), nil
}

func sortedNames[T interface{ Name() string }](types []T) []string {
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = t.Name()
	}
	slices.Sort(out)
	return out
}

package managed

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sekit/sekit/policy"
)

// The store's files of local Infiniband records: of partition keys, and of end
// ports.
const (
	PkeysFile    = "pkeys.local"
	EndportsFile = "ibendports.local"
)

// Pkey is a local record of Infiniband partition keys.
type Pkey struct {
	Subnet    netip.Addr // the subnet prefix: of an IPv6 address the first 64 bits
	Low, High uint16
	Context   policy.Context
}

// String returns the record as pkeys.local has it.
func (p Pkey) String() string {
	if p.Low == p.High {
		return fmt.Sprintf("ibpkeycon %s %d %s", p.Subnet, p.Low, p.Context)
	}
	return fmt.Sprintf("ibpkeycon %s %d - %d %s", p.Subnet, p.Low, p.High, p.Context)
}

// Endport is a local record of an Infiniband end port.
type Endport struct {
	Device  string
	Port    uint8 // 1 to 255
	Context policy.Context
}

// String returns the record as ibendports.local has it.
func (e Endport) String() string {
	return fmt.Sprintf("ibendportcon %s %d %s", e.Device, e.Port, e.Context)
}

// ParsePkeys reads what libsemanage takes for a pkeys.local (ibpkeys_file.c), a
// file like ports.local. A key beyond 65535, which no policy could hold, a
// reversed range and an IPv4 address are errors; these are a [*ParseError] with
// the name.
func ParsePkeys(name string, data []byte) ([]Pkey, error) { return scan(name, data, (*scanner).pkey) }

// ParseEndports reads what libsemanage takes for an ibendports.local
// (ibendports_file.c). Errors are a [*ParseError] with the name.
func ParseEndports(name string, data []byte) ([]Endport, error) {
	return scan(name, data, (*scanner).endport)
}

// FormatPkeys writes a pkeys.local as libsemanage does, byte for byte.
func FormatPkeys(pkeys []Pkey) []byte { return format(pkeys) }

// FormatEndports writes an ibendports.local as libsemanage does, byte for byte.
func FormatEndports(endports []Endport) []byte { return format(endports) }

func (s *scanner) pkey() (Pkey, error) {
	text, err := s.statement("ibpkeycon")
	if err != nil {
		return Pkey{}, err
	}
	var p Pkey
	if p.Subnet, err = ParseSubnet(text); err != nil {
		return Pkey{}, err
	}
	if p.Low, p.High, err = s.ports(); err != nil {
		return Pkey{}, err
	}
	if p.Context, err = policy.ParseContext(s.word("")); err != nil {
		return Pkey{}, err
	}
	return p, s.separated()
}

func (s *scanner) endport() (Endport, error) {
	device, err := s.statement("ibendportcon")
	if err != nil {
		return Endport{}, err
	}
	if !ValidDevice(device) {
		return Endport{}, fmt.Errorf("%q is no device's name", clip(device))
	}
	w := s.word("")
	n, err := strconv.ParseUint(w, 10, 8)
	if err != nil || n == 0 {
		return Endport{}, fmt.Errorf("%w %q", ErrInvalidPort, clip(w))
	}
	if err := s.separated(); err != nil {
		return Endport{}, err
	}
	e := Endport{Device: device, Port: uint8(n)}
	if e.Context, err = policy.ParseContext(s.word("")); err != nil {
		return Endport{}, err
	}
	return e, s.separated()
}

// statement takes a statement's name and the word after it.
func (s *scanner) statement(name string) (word string, err error) {
	var ok bool
	if s.line, ok = strings.CutPrefix(s.line, name); !ok {
		return "", fmt.Errorf("no %s statement", name)
	}
	if err := s.separated(); err != nil {
		return "", err
	}
	word = s.word("")
	return word, s.separated()
}

// ParseSubnet reads a subnet prefix: an IPv6 address, whose first 64 bits count.
func ParseSubnet(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(clip(text))
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%q is no IPv6 subnet prefix", clip(text))
	}
	return SubnetPrefix(addr), nil
}

// SubnetPrefix returns the first 64 bits of an IPv6 address, the others zero.
func SubnetPrefix(addr netip.Addr) netip.Addr {
	b := addr.As16()
	clear(b[8:])
	return netip.AddrFrom16(b)
}

// maxDevice is the length of the longest name of an Infiniband device
// (IB_DEVICE_NAME_MAX, with a NUL).
const maxDevice = 63

// ValidDevice reports whether a name can be that of an Infiniband device in the
// store's files and in semanage's arguments.
func ValidDevice(name string) bool {
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-", r))
	}
	return name != "" && len(name) <= maxDevice && name[0] != '-' && !strings.ContainsFunc(name, bad)
}

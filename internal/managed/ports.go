package managed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sekit/sekit/policy"
)

// PortsFile is the store's file of local port records.
const PortsFile = "ports.local"

// ErrInvalidPort is what errors wrap about ports and ranges that can't be.
var ErrInvalidPort = errors.New("invalid port")

// Port is a local port record.
type Port struct {
	Protocol  policy.Protocol
	Low, High uint16
	Context   policy.Context
}

// String returns the record as ports.local has it, without white space at its
// end.
func (p Port) String() string {
	if p.Low == p.High {
		return fmt.Sprintf("portcon %s %d %s", p.Protocol, p.Low, p.Context)
	}
	return fmt.Sprintf("portcon %s %d - %d %s", p.Protocol, p.Low, p.High, p.Context)
}

// ParsePorts reads what libsemanage takes for a ports.local (ports_file.c):
// portcon statements, separated by any white space, with comment lines in
// between. Protocols may be in upper case. A port beyond 65535, which no policy
// could hold, and a reversed range are errors; these are a [*ParseError] with
// the name.
func ParsePorts(name string, data []byte) ([]Port, error) {
	return scan(name, data, (*scanner).portcon)
}

// FormatPorts writes a ports.local as libsemanage does, byte for byte
// (database_file.c, ports_file.c).
func FormatPorts(ports []Port) []byte { return format(ports) }

func (s *scanner) portcon() (Port, error) {
	protocol, err := s.statement("portcon")
	if err != nil {
		return Port{}, err
	}
	var p Port
	if p.Protocol, err = policy.ParseProtocol(strings.ToLower(clip(protocol))); err != nil {
		return Port{}, err
	}
	if p.Low, p.High, err = s.ports(); err != nil {
		return Port{}, err
	}
	if p.Context, err = policy.ParseContext(s.word("")); err != nil {
		return Port{}, err
	}
	return p, s.separated()
}

// ports takes a port or a range. Around the dash white space is optional.
func (s *scanner) ports() (low, high uint16, err error) {
	if low, err = s.port("-"); err != nil {
		return 0, 0, err
	}
	if s.line != "" && s.line[0] != '-' {
		if err := s.separated(); err != nil {
			return 0, 0, err
		}
	}
	if !strings.HasPrefix(s.line, "-") {
		return low, low, nil
	}
	s.line = s.line[1:]
	s.skipSpace()
	if high, err = s.port(""); err != nil {
		return 0, 0, err
	}
	if low > high {
		return 0, 0, fmt.Errorf("%w: reversed range %d-%d", ErrInvalidPort, low, high)
	}
	return low, high, s.separated()
}

func (s *scanner) port(delimiter string) (uint16, error) {
	w := s.word(delimiter)
	n, err := strconv.ParseUint(w, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%w %q", ErrInvalidPort, clip(w))
	}
	return uint16(n), nil
}

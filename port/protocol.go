package port

import (
	"fmt"

	"github.com/sekit/sekit/policy"
)

// Protocol is a protocol with ports; it prints and parses as tcp, udp, dccp or
// sctp. The zero Protocol is not valid.
type Protocol = policy.Protocol

// The protocols of portcon statements.
const (
	TCP  = policy.TCP
	UDP  = policy.UDP
	DCCP = policy.DCCP
	SCTP = policy.SCTP
)

func checkProtocol(p Protocol) error {
	switch p {
	case TCP, UDP, DCCP, SCTP:
		return nil
	}
	return fmt.Errorf("%w: unknown protocol %s: want tcp, udp, dccp or sctp", ErrInvalidPort, p)
}

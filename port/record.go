package port

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/sekit/sekit/policy"
)

// Key names a port record: a protocol and a range of ports, both ends
// included. It is what makes two records the same one; the zero Key is not
// valid.
type Key struct {
	Protocol Protocol `json:"protocol"`
	Low      uint16   `json:"low"`
	High     uint16   `json:"high"`
}

// String returns the key as semanage takes it: tcp 5601, udp 6000-6010.
func (k Key) String() string { return k.Protocol.String() + " " + k.Range() }

// Range returns the range alone: 5601, 6000-6010.
func (k Key) Range() string {
	if k.Low == k.High {
		return strconv.Itoa(int(k.Low))
	}
	return fmt.Sprintf("%d-%d", k.Low, k.High)
}

// Contains reports whether the key's range holds the port of a protocol.
func (k Key) Contains(protocol Protocol, port uint16) bool {
	return k.Protocol == protocol && k.Low <= port && port <= k.High
}

// Overlaps reports whether two keys have a port in common.
func (k Key) Overlaps(o Key) bool {
	return k.Protocol == o.Protocol && k.Low <= o.High && o.Low <= k.High
}

// compare orders keys by low port, high port and protocol.
func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Low, o.Low), cmp.Compare(k.High, o.High),
		cmp.Compare(k.Protocol, o.Protocol))
}

// Record gives a range of ports a context: a portcon statement of the policy,
// or a local record of the managed store.
type Record struct {
	Key
	Context policy.Context `json:"context"`
}

// String returns the record as a portcon statement without its semicolon.
func (r Record) String() string {
	return "portcon " + r.Key.String() + " " + r.Context.String()
}

// Origin says where a record comes from.
type Origin uint8

const (
	// FromPolicy is for portcon statements of the policy's modules.
	FromPolicy Origin = iota + 1
	// FromLocal is for local records (semanage port -lC).
	FromLocal
	// FromInitialSID is for ports that no record has: the kernel gives them the
	// context of the initial SID port (services.c, security_port_sid). Only
	// lookups return it.
	FromInitialSID
)

// String returns policy, local or initial SID.
func (o Origin) String() string {
	switch o {
	case FromPolicy:
		return "policy"
	case FromLocal:
		return "local"
	case FromInitialSID:
		return "initial SID"
	}
	return "none"
}

// MarshalText implements [encoding.TextMarshaler].
func (o Origin) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Entry is a record with its origin. The zero Entry stands for none.
type Entry struct {
	Record
	Origin Origin `json:"origin"`
}

// IsValid reports whether the entry is one.
func (e Entry) IsValid() bool { return e.Origin != 0 }

package infiniband

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/netip"
	"strconv"

	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// Key names a record: partition keys of a subnet, or an end port of a device.
// [Pkeys] and [Endport] make keys; the zero Key is not valid.
type Key struct {
	// Subnet is the subnet prefix of partition keys, such as fe80::. Its first 64
	// bits count, and the others are zero.
	Subnet netip.Addr `json:"subnet,omitzero"`
	// Device is the device of an end port, such as mlx5_0; empty for partition
	// keys.
	Device string `json:"device,omitempty"`
	// Low and High are the first and the last partition key, or both the end
	// port.
	Low  uint16 `json:"low"`
	High uint16 `json:"high"`
}

// Pkeys is the key of the partition keys low to high of a subnet.
func Pkeys(subnet netip.Addr, low, high uint16) Key {
	if subnet.Is6() {
		subnet = managed.SubnetPrefix(subnet)
	}
	return Key{Subnet: subnet, Low: low, High: high}
}

// Endport is the key of an end port of a device.
func Endport(device string, number uint8) Key {
	return Key{Device: device, Low: uint16(number), High: uint16(number)}
}

// OfPkeys reports whether the key is one of partition keys.
func (k Key) OfPkeys() bool { return k.Device == "" }

// String returns the key as in fe80:: 32769-32800, mlx5_0 1.
func (k Key) String() string {
	if k.OfPkeys() {
		return k.Subnet.String() + " " + k.Range()
	}
	return k.Device + " " + k.Range()
}

// Range returns the range alone: 32769, 32769-32800.
func (k Key) Range() string {
	if k.Low == k.High {
		return strconv.Itoa(int(k.Low))
	}
	return fmt.Sprintf("%d-%d", k.Low, k.High)
}

// Overlaps reports whether two keys have a partition key or an end port in
// common.
func (k Key) Overlaps(o Key) bool {
	return k.Subnet == o.Subnet && k.Device == o.Device && k.Low <= o.High && o.Low <= k.High
}

// compare orders keys: partition keys first, by subnet; end ports by device.
func (k Key) compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Device, o.Device), k.Subnet.Compare(o.Subnet), cmp.Compare(k.Low, o.Low), cmp.Compare(k.High, o.High))
}

func (k Key) check() error {
	switch {
	case k.OfPkeys() && (!k.Subnet.Is6() || k.Subnet != managed.SubnetPrefix(k.Subnet)):
		return fmt.Errorf("no IPv6 subnet prefix: %w", fs.ErrInvalid)
	case k.OfPkeys() && k.Low > k.High:
		return fmt.Errorf("reversed range: %w", fs.ErrInvalid)
	case k.OfPkeys():
		return nil
	case k.Subnet.IsValid() || !managed.ValidDevice(k.Device):
		return fmt.Errorf("no name of a device: %w", fs.ErrInvalid)
	case k.Low != k.High || k.Low < 1 || k.Low > 255:
		return fmt.Errorf("an end port is 1 to 255: %w", fs.ErrInvalid)
	}
	return nil
}

// Record gives partition keys or an end port a context.
type Record struct {
	Key
	Context policy.Context `json:"context"`
}

// String returns the record as the statement of a policy.
func (r Record) String() string {
	if r.OfPkeys() {
		return "ibpkeycon " + r.Key.String() + " " + r.Context.String()
	}
	return "ibendportcon " + r.Key.String() + " " + r.Context.String()
}

// Entry is a record with its origin: [port.FromPolicy] or [port.FromLocal]. The
// zero Entry stands for none.
type Entry struct {
	Record
	Origin port.Origin `json:"origin"`
}

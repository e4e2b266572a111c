package policy

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// XpermRange is a range of extended permissions, both ends included: ioctl
// commands or netlink message types.
type XpermRange struct {
	Low  uint16 `json:"low"`
	High uint16 `json:"high"`
}

// String returns the range as a policy has it: 0x8910 or 0x8910-0x8912.
func (r XpermRange) String() string {
	if r.Low == r.High {
		return fmt.Sprintf("0x%04x", r.Low)
	}
	return fmt.Sprintf("0x%04x-0x%04x", r.Low, r.High)
}

// ParseXperms reads extended permissions as sesearch -x takes them:
// hexadecimal numbers and ranges, separated by commas, as in
// 0x8910,0x8920-0x8925. The ends of a range may be in either order.
func ParseXperms(s string) ([]XpermRange, error) {
	var ranges []XpermRange
	for item := range strings.SplitSeq(s, ",") {
		lowText, highText, two := strings.Cut(item, "-")
		if !two {
			highText = lowText
		}
		low, err := parseXperm(lowText)
		if err != nil {
			return nil, err
		}
		high, err := parseXperm(highText)
		if err != nil {
			return nil, err
		}
		ranges = append(ranges, XpermRange{min(low, high), max(low, high)})
	}
	return ranges, nil
}

func parseXperm(s string) (uint16, error) {
	digits := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "0x")
	n, err := strconv.ParseUint(digits, 16, 16)
	if err != nil {
		return 0, fmt.Errorf("extended permission %q is not a hexadecimal number of 16 bits", s)
	}
	return uint16(n), nil
}

// Xperms lists the extended permissions of an allowxperm, auditallowxperm or
// dontauditxperm rule, as ranges in ascending order. Other kinds have none.
func (r Rule) Xperms() iter.Seq[XpermRange] {
	return func(yield func(XpermRange) bool) {
		switch {
		case r.Kind()&XpermKinds == 0:
		case r.rule == nil:
			x := &r.p.over.xperms[r.index]
			yield(XpermRange{x.low, x.high})
		default:
			r.xperms().ranges(yield)
		}
	}
}

// HasXperm reports whether the rule has the extended permission.
func (r Rule) HasXperm(x uint16) bool {
	for xr := range r.Xperms() {
		if xr.Low <= x && x <= xr.High {
			return true
		}
	}
	return false
}

// xpermPermission returns the permission that a rule's extended permissions
// qualify.
func (r Rule) xpermPermission() string {
	if r.rule == nil && r.p.over.xperms[r.index].nlmsg || r.rule != nil && r.xperms().Specified == policydb.XPermsNlmsg {
		return "nlmsg"
	}
	return "ioctl"
}

type xperms policydb.XPerms

func (r Rule) xperms() *xperms { return (*xperms)(&r.p.db.XPerms[r.rule.Data]) }

func (x *xperms) bit(n uint8) bool { return x.Perms[n>>5]>>(n&31)&1 != 0 }

// ranges yields the runs of set bits.
func (x *xperms) ranges(yield func(XpermRange) bool) {
	for n := 0; n < 256; n++ {
		if !x.bit(uint8(n)) {
			continue
		}
		first := n
		for n < 255 && x.bit(uint8(n+1)) {
			n++
		}
		r := XpermRange{uint16(x.Driver)<<8 | uint16(first), uint16(x.Driver)<<8 | uint16(n)}
		if x.Specified == policydb.XPermsIoctlDriver {
			r = XpermRange{uint16(first) << 8, uint16(n)<<8 | 0xff}
		}
		if !yield(r) {
			return
		}
	}
}

// xpermSet is a set of extended permissions, one bit for each.
type xpermSet [1 << 16 / 64]uint64

func newXpermSet(ranges iter.Seq[XpermRange]) *xpermSet {
	var s xpermSet
	for r := range ranges {
		for v := int(min(r.Low, r.High)); v <= int(max(r.Low, r.High)); v++ {
			s[v/64] |= 1 << (v % 64)
		}
	}
	return &s
}

func (s *xpermSet) contains(o *xpermSet) bool {
	for i := range s {
		if o[i]&^s[i] != 0 {
			return false
		}
	}
	return true
}

func (s *xpermSet) intersects(o *xpermSet) bool {
	for i := range s {
		if o[i]&s[i] != 0 {
			return true
		}
	}
	return false
}

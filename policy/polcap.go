package policy

import (
	"fmt"
	"iter"
)

// Capability is a policy capability: a kernel behaviour that the policy asks
// for. Its value is its number.
type Capability uint32

// capabilityNames are the names that the kernel and libsepol know, by number
// (the kernel's policycap_names.h, libsepol's polcaps.c).
var capabilityNames = [...]string{
	"network_peer_controls",
	"open_perms",
	"extended_socket_class",
	"always_check_network",
	"cgroup_seclabel",
	"nnp_nosuid_transition",
	"genfs_seclabel_symlinks",
	"ioctl_skip_cloexec",
	"userspace_initial_context",
	"netlink_xperm",
	"netif_wildcard",
	"genfs_seclabel_wildcard",
	"functionfs_seclabel",
	"memfd_class",
	"bpf_token_perms",
}

// Capabilities that change how statements of the policy are matched.
const (
	capNetifWildcard Capability = 10
	capGenfsWildcard Capability = 11
)

// String returns the capability's name, or unknown and its number for one that
// is newer than this package.
func (c Capability) String() string {
	if int(c) < len(capabilityNames) {
		return capabilityNames[c]
	}
	return fmt.Sprintf("unknown%d", uint32(c))
}

// MarshalText implements [encoding.TextMarshaler], as String.
func (c Capability) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Statement returns the policycap statement.
func (c Capability) Statement() string { return "policycap " + c.String() + ";" }

// Capabilities lists the policy capabilities that the policy has, in the order
// of their numbers.
func (p *Policy) Capabilities() iter.Seq[Capability] {
	return func(yield func(Capability) bool) {
		for n := range p.db.Capabilities.All() {
			if !yield(Capability(n)) {
				return
			}
		}
	}
}

// HasCapability reports whether the policy has the capability of that name.
// The names are those of the kernel, such as open_perms.
func (p *Policy) HasCapability(name string) bool {
	for c := range p.Capabilities() {
		if c.String() == name {
			return true
		}
	}
	return false
}

func (p *Policy) hasCapability(c Capability) bool { return p.db.Capabilities.Has(uint32(c)) }

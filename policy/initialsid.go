package policy

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// sidNames are the names of the initial SIDs by number, which a kernel policy
// does not hold (the kernel's initial_sid_to_string.h; those that kernels no
// longer use have the names that policies give them).
var sidNames = [...]string{
	"", "kernel", "security", "unlabeled", "fs", "file", "file_labels", "init",
	"any_socket", "port", "netif", "netmsg", "node", "igmp_packet", "icmp_socket",
	"tcp_socket", "sysctl_modprobe", "sysctl", "sysctl_fs", "sysctl_kernel",
	"sysctl_net", "sysctl_net_unix", "sysctl_vm", "sysctl_dev", "kmod", "policy",
	"scmp_packet", "devnull",
}

// Numbers of initial SIDs that are fallbacks of look-ups.
const (
	sidUnlabeled = 3
	sidPort      = 9
	sidNetif     = 10
	sidNode      = 12
)

// InitialSID is the context of an initial security identifier: of things that
// have no context of their own, from the kernel itself to ports that no portcon
// names. It is a comparable value.
type InitialSID struct {
	Number    uint32  `json:"number"`
	Name      string  `json:"name"` // UNKNOWN and the number if it is newer than this package
	Context   Context `json:"context"`
	statement string
}

// InitialSIDs lists the initial SIDs in the order of their numbers.
func (p *Policy) InitialSIDs() iter.Seq[InitialSID] {
	return func(yield func(InitialSID) bool) {
		sids := slices.Clone(p.db.InitialSIDs)
		slices.SortStableFunc(sids, func(a, b policydb.InitialSID) int { return cmp.Compare(a.SID, b.SID) })
		for i := range sids {
			if !yield(p.initialSID(&sids[i])) {
				return
			}
		}
	}
}

// InitialSID finds an initial SID by its name, such as unlabeled, or returns a
// [*NameError].
func (p *Policy) InitialSID(name string) (InitialSID, error) {
	for i := range p.db.InitialSIDs {
		if s := &p.db.InitialSIDs[i]; sidName(s.SID) == name {
			return p.initialSID(s), nil
		}
	}
	return InitialSID{}, &NameError{"initial SID", name}
}

func (p *Policy) initialSID(s *policydb.InitialSID) InitialSID {
	name := sidName(s.SID)
	return InitialSID{
		Number:    s.SID,
		Name:      name,
		Context:   p.context(&s.Context),
		statement: "sid " + name + " " + string(p.appendContext(nil, &s.Context, statementText)),
	}
}

func sidName(number uint32) string {
	if number > 0 && int(number) < len(sidNames) {
		return sidNames[number]
	}
	return fmt.Sprintf("UNKNOWN%d", number)
}

// initialContext returns the context of the initial SID with that number, or
// that of unlabeled, which stands in for one that the policy lacks.
func (p *Policy) initialContext(number uint32) Context {
	if s := p.initialSIDOr(number); s != nil {
		return p.context(&s.Context)
	}
	return Context{}
}

// initialSIDOr returns the initial SID with that number, that of unlabeled if
// there is none, or nil.
func (p *Policy) initialSIDOr(number uint32) *policydb.InitialSID {
	for _, n := range [...]uint32{number, sidUnlabeled} {
		for i := range p.db.InitialSIDs {
			if s := &p.db.InitialSIDs[i]; s.SID == n {
				return s
			}
		}
	}
	return nil
}

// Statement returns the sid statement with the context.
func (s InitialSID) Statement() string { return s.statement }

// String returns the name.
func (s InitialSID) String() string { return s.Name }

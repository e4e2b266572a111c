package avc

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Verdict is what an access vector record reports.
type Verdict uint8

// The verdicts.
const (
	Denied  Verdict = iota // the access was denied, or would have been in enforcing mode
	Granted                // the access was granted and an auditallow rule reported it
)

// String returns "denied" or "granted".
func (v Verdict) String() string {
	if v == Granted {
		return "granted"
	}
	return "denied"
}

// MarshalText implements [encoding.TextMarshaler].
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for what MarshalText
// gives.
func (v *Verdict) UnmarshalText(b []byte) error { return unmarshalName(v, b, Granted) }

// Ternary is yes, no, or not known, which is the zero value.
type Ternary uint8

// The values of a Ternary.
const (
	Unknown Ternary = iota
	No
	Yes
)

// String returns "yes", "no" or "unknown".
func (t Ternary) String() string {
	switch t {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (t Ternary) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for what MarshalText
// gives.
func (t *Ternary) UnmarshalText(b []byte) error { return unmarshalName(t, b, Yes) }

func ternary(yes bool) Ternary {
	if yes {
		return Yes
	}
	return No
}

// Certainty says how well something is known that the record itself does not
// say. The zero value is unknown.
type Certainty uint8

// The certainties.
const (
	CertaintyUnknown  Certainty = iota
	CertaintyInferred           // likely, but other readings are possible
	CertaintyKnown              // the records say so
)

// String returns "unknown", "inferred" or "known".
func (c Certainty) String() string {
	switch c {
	case CertaintyInferred:
		return "inferred"
	case CertaintyKnown:
		return "known"
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (c Certainty) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for what MarshalText
// gives.
func (c *Certainty) UnmarshalText(b []byte) error { return unmarshalName(c, b, CertaintyKnown) }

// Endpoint is one end of a connection or packet. Either part may be missing:
// then the address is not valid or the port is 0.
type Endpoint struct {
	Addr netip.Addr `json:"addr,omitzero"`
	Port uint16     `json:"port,omitzero"`
}

// IsZero reports whether nothing is known of the endpoint.
func (e Endpoint) IsZero() bool { return e == Endpoint{} }

// User is a user as audit records name one: by number, by name (interpreted
// and ENRICHED records), or both. The zero User is not known.
type User struct {
	// ID is the number; it means something only if HasID. 4294967295 is unset:
	// no login stands behind the process.
	ID    uint32 `json:"id,omitzero"`
	HasID bool   `json:"has_id,omitzero"`
	Name  string `json:"name,omitempty"`
}

// IsZero reports whether nothing is known of the user.
func (u User) IsZero() bool { return u == User{} }

// Unset reports whether the user is known to be none (auid of a daemon).
func (u User) Unset() bool { return u.HasID && u.ID == 1<<32-1 || !u.HasID && u.Name == "unset" }

// Manager is a userspace object manager, such as dbus-daemon or systemd, as the
// kernel saw it when it sent its record.
type Manager struct {
	Pid     int            `json:"pid,omitzero"`
	UID     User           `json:"uid,omitzero"`
	AUID    User           `json:"auid,omitzero"`
	Context policy.Context `json:"context,omitzero"`
	Exe     string         `json:"exe,omitempty"`
}

// Denial is one access vector record: an access that SELinux denied or, if an
// auditallow rule asked for it, granted; together with what the other records
// of the same event say about it.
//
// Strings are decoded, and names may then hold any bytes but NUL. In JSON, those
// that are not UTF-8 are kept in the member "bytes", see [Denial.MarshalJSON].
// Where a record does not have a field, the zero value stands. The slices are
// shared and must not be modified.
//
// The denials of an input that is read ahead, such as a file, share their memory
// with others: in blocks of up to 16 events, and of up to 7 KiB of text. Who
// keeps a few of very many keeps a [Denial.Clone] of them. With Options.Reuse
// that is so for all that are kept.
type Denial struct {
	Origin

	Verdict Verdict `json:"verdict"`
	// Permissions are in the order of the record.
	Permissions []string `json:"permissions"`
	// Source and Target are the contexts that the policy decided on, not valid
	// if the record is cut or masked before or in their types. A context whose
	// text breaks off in its range is given without range.
	Source policy.Context `json:"source,omitzero"`
	Target policy.Context `json:"target,omitzero"`
	// SourceText and TargetText are scontext and tcontext as written.
	SourceText string `json:"source_text,omitempty"`
	TargetText string `json:"target_text,omitempty"`
	// SourceRaw and TargetRaw are srawcon and trawcon: the contexts that
	// processes and files really carry, where the loaded policy does not know
	// them and decided on an unlabeled context instead.
	SourceRaw string `json:"source_raw,omitempty"`
	TargetRaw string `json:"target_raw,omitempty"`
	Class     string `json:"class"`
	// Permissive says whether the access went through although it was denied,
	// because the system or the domain was permissive (permissive=1). Kernels
	// before 3.17 do not say.
	Permissive Ternary `json:"permissive"`

	// Path is the record's path=. It is a path as the process saw it if it
	// begins with a slash, else something like socket:[123].
	Path string `json:"path,omitempty"`
	// Name is the record's name=: the last component of the object's path and
	// no path; for add_name and remove_name of the entry in the directory.
	Name  string `json:"name,omitempty"`
	Dev   string `json:"dev,omitempty"`
	Inode uint64 `json:"inode,omitzero"`

	Pid  int    `json:"pid,omitzero"`
	Comm string `json:"comm,omitempty"`
	// Exe is the program that the process runs, from the SYSCALL record. Of a
	// USER_AVC it is not known; the object manager's is in Manager.
	Exe string `json:"exe,omitempty"`
	// Manager is the userspace object manager that denied the access, nil if the
	// kernel did.
	Manager *Manager `json:"manager,omitempty"`

	// Capability is the number of the capability asked for; it means something
	// only if HasCapability.
	Capability    int  `json:"capability,omitzero"`
	HasCapability bool `json:"has_capability,omitzero"`

	// Local and Remote are laddr/lport and faddr/fport: the ends of the socket.
	Local  Endpoint `json:"local,omitzero"`
	Remote Endpoint `json:"remote,omitzero"`
	// Src and Dst are saddr/src and daddr/dest: the ends of the packet, or the
	// address to bind or to connect to.
	Src   Endpoint `json:"src,omitzero"`
	Dst   Endpoint `json:"dst,omitzero"`
	Netif string   `json:"netif,omitempty"`

	// Ioctlcmd is the command of a denied ioctl; it means something only if
	// HasIoctlcmd. NlmsgType is the same for netlink messages.
	Ioctlcmd     uint16 `json:"ioctlcmd,omitzero"`
	HasIoctlcmd  bool   `json:"has_ioctlcmd,omitzero"`
	NlmsgType    uint16 `json:"nlmsg_type,omitzero"`
	HasNlmsgType bool   `json:"has_nlmsg_type,omitzero"`

	// Other are the fields that have no place above, in the record's order.
	Other []Field `json:"other,omitempty"`

	// Syscall is the system call in which the access was asked for, nil if the
	// event has no SYSCALL record.
	Syscall *Syscall `json:"syscall,omitempty"`
	// Cwd is the working directory of the process.
	Cwd string `json:"cwd,omitempty"`
	// Cmdline is the command line: from EXECVE, which is what is executed, else
	// from PROCTITLE, which a process can overwrite and the kernel cuts.
	Cmdline []string `json:"cmdline,omitempty"`
	// AUID is the user that logged in, and UID the user of the process; of a
	// USER_AVC, of the object manager's client where it says so.
	AUID User `json:"auid,omitzero"`
	UID  User `json:"uid,omitzero"`
	// Sockaddr is the address given to the system call.
	Sockaddr *Sockaddr `json:"sockaddr,omitempty"`

	// FullPath is the object's path, where it has one and it can be told. See
	// PathCertainty for how well it is known, and PathReason for why; both are
	// also set where FullPath is empty.
	FullPath      string    `json:"full_path,omitempty"`
	PathCertainty Certainty `json:"path_certainty"`
	PathReason    string    `json:"path_reason,omitempty"`
	// Wanted is the whole path that the system call was given, made absolute
	// where that is possible: the kernel reports only the first component that
	// was refused, and this is where the process wanted to get.
	Wanted string `json:"wanted,omitempty"`
}

// Clone returns a copy that shares no memory with other denials.
func (d *Denial) Clone() *Denial {
	c := *d
	c.Permissions, c.Other, c.Cmdline = slices.Clone(d.Permissions), slices.Clone(d.Other), slices.Clone(d.Cmdline)
	if d.Syscall != nil {
		call := *d.Syscall
		c.Syscall = &call
	}
	if d.Manager != nil {
		m := *d.Manager
		c.Manager = &m
	}
	if d.Sockaddr != nil {
		a := *d.Sockaddr
		c.Sockaddr = &a
	}
	eachString(reflect.ValueOf(&c).Elem(), "", func(_ string, s reflect.Value) {
		s.SetString(strings.Clone(s.String()))
	})
	return &c
}

// Complete reports whether the record says what an access decision needs:
// both contexts, the class and a permission. Cut and masked records do not.
func (d *Denial) Complete() bool {
	return d.Source.IsValid() && d.Target.IsValid() && d.Class != "" && len(d.Permissions) > 0
}

// sound reports whether a record was read as the kernel writes one: nothing is
// missing, and there are no marks where names belong.
func (d *Denial) sound() bool {
	if !d.Complete() || strings.IndexByte(d.SourceText, '\\') >= 0 || strings.IndexByte(d.TargetText, '\\') >= 0 {
		return false
	}
	first, last := d.Permissions[0], d.Permissions[len(d.Permissions)-1]
	if !isWordByte(first[0]) || !isWordByte(last[len(last)-1]) {
		return false
	}
	for i := range d.Other {
		if d.Other[i].Value == "=" && d.Other[i].Key == "" {
			return false
		}
	}
	return true
}

// isWordByte reports whether c may stand in the name of a permission.
func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// HasPermission reports whether p is among the permissions.
func (d *Denial) HasPermission(p string) bool {
	for _, q := range d.Permissions {
		if p == q {
			return true
		}
	}
	return false
}

// Access returns the question that the policy answered.
func (d *Denial) Access() policy.Access {
	a := policy.Access{Source: d.Source, Target: d.Target, Class: d.Class, Permissions: d.Permissions}
	switch {
	case d.HasIoctlcmd:
		a.Xperm, a.HasXperm = d.Ioctlcmd, true
	case d.HasNlmsgType:
		a.Xperm, a.HasXperm = d.NlmsgType, true
	}
	return a
}

// Port returns the port and protocol that name_bind or name_connect asked for.
// The protocol is tcp, udp, dccp or sctp. ok is false for other permissions.
func (d *Denial) Port() (protocol string, port uint16, ok bool) {
	switch {
	case d.HasPermission("name_bind"):
		port = d.Src.Port
	case d.HasPermission("name_connect"):
		port = d.Dst.Port
	}
	protocol, isSocket := strings.CutSuffix(d.Class, "_socket")
	if port == 0 || !isSocket {
		return "", 0, false
	}
	return protocol, port, true
}

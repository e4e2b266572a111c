package avc

import "fmt"

// Form is the outer form that a record was found in.
type Form uint8

// The forms of records.
const (
	FormUnknown       Form = iota
	FormAudit              // audit.log, ausearch raw: type=AVC msg=audit(1.2:3): ...
	FormInterpreted        // ausearch -i: dates and names in words, values unquoted
	FormJournal            // the journal as text: audit[1]: AVC avc: ...
	FormJournalJSON        // journalctl -o json
	FormJournalExport      // journalctl -o export
	FormKernelLog          // type=1400 audit(1.2:3): ... of dmesg, syslog and logcat
	FormBare               // avc: denied ... and nothing before it
)

// String returns the form's name: "audit", "interpreted", "journal",
// "journal-json", "journal-export", "kernel-log", "bare" or "unknown".
func (f Form) String() string {
	switch f {
	case FormAudit:
		return "audit"
	case FormInterpreted:
		return "interpreted"
	case FormJournal:
		return "journal"
	case FormJournalJSON:
		return "journal-json"
	case FormJournalExport:
		return "journal-export"
	case FormKernelLog:
		return "kernel-log"
	case FormBare:
		return "bare"
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (f Form) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for what MarshalText
// gives.
func (f *Form) UnmarshalText(b []byte) error { return unmarshalName(f, b, FormBare) }

// Provenance says by which way a record came, and so who can have written it.
// The zero value is a text of unknown origin.
type Provenance uint8

// The provenances, from the least to the most trustworthy.
const (
	// ProvenanceText is a text that anybody may have written: a paste, a mail,
	// a file of unknown origin, or a log line that neither the kernel nor the
	// audit daemon stands behind.
	ProvenanceText Provenance = iota
	// ProvenanceSyslog is a line that says of itself that it is the kernel's or
	// the audit daemon's, in a log that every local user may write to.
	ProvenanceSyslog
	// ProvenanceObjectManager is a USER_AVC record or the like: the words are
	// those of a userspace object manager (dbus, systemd, the X server), with
	// names in them that its clients chose.
	ProvenanceObjectManager
	// ProvenanceFile is the kernel's record in a file that only the audit
	// daemon or the journal writes.
	ProvenanceFile
	// ProvenanceKernel is a record received from the kernel itself.
	ProvenanceKernel
)

// String returns "text", "syslog", "object-manager", "file" or "kernel".
func (p Provenance) String() string {
	switch p {
	case ProvenanceSyslog:
		return "syslog"
	case ProvenanceObjectManager:
		return "object-manager"
	case ProvenanceFile:
		return "file"
	case ProvenanceKernel:
		return "kernel"
	}
	return "text"
}

// MarshalText implements [encoding.TextMarshaler].
func (p Provenance) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for what MarshalText
// gives.
func (p *Provenance) UnmarshalText(b []byte) error { return unmarshalName(p, b, ProvenanceKernel) }

// Trusted reports whether the record's words are the kernel's, as far as the
// way it came can tell: from the kernel itself or from a file of the audit
// daemon's. The names in it are still anybody's.
func (p Provenance) Trusted() bool { return p >= ProvenanceFile }

// unmarshalName sets *v to the value up to last whose name is b.
func unmarshalName[T interface {
	~uint8
	fmt.Stringer
}](v *T, b []byte, last T) error {
	for n := T(0); n <= last; n++ {
		if n.String() == string(b) {
			*v = n
			return nil
		}
	}
	return fmt.Errorf("%T: no value is called %q", *v, b)
}

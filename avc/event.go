package avc

import "github.com/sekit/sekit/policy"

// Origin says where a record came from. It is part of everything typed that
// this package gives out.
type Origin struct {
	ID ID `json:"id,omitzero"`
	// Type is the record's type, such as TypeAVC, or TypeUserAVC where a
	// userspace object manager speaks. It is 0 where the type is not known.
	Type       RecordType `json:"type"`
	Form       Form       `json:"form"`
	Provenance Provenance `json:"provenance"`
	// File is Options.Name, such as the name of the log file.
	File string `json:"file,omitempty"`
	// Line is the number of the record's first line there, from 1, or 0 where
	// there are no lines; Lines is how many lines it was spread over.
	Line  int `json:"line,omitzero"`
	Lines int `json:"lines,omitzero"`
	// Text is the record as it stood, joined to one line if it was wrapped, and
	// without the colours of a terminal.
	Text string `json:"text,omitempty"`
}

// Event is what the records of one audit event say together.
type Event struct {
	ID ID `json:"id,omitzero"`
	// Denials are the access vector records, denied and granted.
	Denials []*Denial `json:"denials,omitempty"`
	// Failures are the SELINUX_ERR and USER_SELINUX_ERR records.
	Failures []*Failure `json:"failures,omitempty"`
	// Changes are loads of a policy, changes of mode, booleans and settings.
	Changes []*Change `json:"changes,omitempty"`
	// Foreign are records of other security modules, such as AppArmor, which
	// come under the same record types.
	Foreign []*Foreign `json:"foreign,omitempty"`

	// Syscall, Paths, Cwd, Cmdline and Sockaddr are the other records' content.
	Syscall  *Syscall   `json:"syscall,omitempty"`
	Paths    []PathItem `json:"paths,omitempty"`
	Cwd      string     `json:"cwd,omitempty"`
	Cmdline  []string   `json:"cmdline,omitempty"`
	Sockaddr *Sockaddr  `json:"sockaddr,omitempty"`

	// Records are all the event's records, in the order they came, if
	// Options.KeepRecords is set.
	Records []Record `json:"records,omitempty"`
	// Inferred says that the records carry no ID and were taken for one event
	// because they stand together (the journal as text).
	Inferred bool `json:"inferred,omitzero"`

	executed   bool   // Cmdline is from EXECVE
	orphanPath string // of an AVC_PATH record that came before its vector
}

// Record is one record as it stood.
type Record struct {
	Type RecordType `json:"type"`
	Line int        `json:"line,omitzero"`
	Text string     `json:"text"`
	body int
}

// Body returns the record's text without its type and ID.
func (r *Record) Body() string { return r.Text[r.body:] }

// Failure is a SELINUX_ERR record: the kernel's security server met a context
// or a transition that the policy does not allow to exist, which no allow rule
// cures.
type Failure struct {
	Origin
	// Op is what was being done, without the prefix security_: "compute_sid",
	// "bounded_transition", "validate_transition", "compute_av", "setxattr", …
	Op string `json:"op,omitempty"`
	// Result is seresult, such as "denied", and Reason is reason, such as
	// "bounds".
	Result string `json:"result,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Invalid is the context that was refused, as written.
	Invalid string `json:"invalid,omitempty"`
	// Source, Target and Class are scontext, tcontext and tclass.
	Source policy.Context `json:"source,omitzero"`
	Target policy.Context `json:"target,omitzero"`
	Class  string         `json:"class,omitempty"`
	// Old, New and Task are oldcontext, newcontext and taskcontext of a
	// transition.
	Old  policy.Context `json:"old,omitzero"`
	New  policy.Context `json:"new,omitzero"`
	Task policy.Context `json:"task,omitzero"`
	// Permissions are those that the bounds took away.
	Permissions []string `json:"permissions,omitempty"`
	Pid         int      `json:"pid,omitzero"`
	Comm        string   `json:"comm,omitempty"`
	// Fields are all fields of the record, in order.
	Fields []Field `json:"fields,omitempty"`
}

// ChangeKind says what a [Change] changed.
type ChangeKind uint8

// The kinds of changes.
const (
	ChangeOther      ChangeKind = iota
	ChangePolicyLoad            // a policy was loaded
	ChangeEnforcing             // the mode was set, or SELinux switched off
	ChangeBoolean               // the current value of a boolean was set
	ChangeConfig                // semanage and the like changed the stored configuration
)

// String returns "policy-load", "enforcing", "boolean", "config" or "other".
func (k ChangeKind) String() string {
	switch k {
	case ChangePolicyLoad:
		return "policy-load"
	case ChangeEnforcing:
		return "enforcing"
	case ChangeBoolean:
		return "boolean"
	case ChangeConfig:
		return "config"
	}
	return "other"
}

// MarshalText implements [encoding.TextMarshaler].
func (k ChangeKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for what MarshalText
// gives.
func (k *ChangeKind) UnmarshalText(b []byte) error { return unmarshalName(k, b, ChangeConfig) }

// Change is a change of SELinux's state: a MAC_POLICY_LOAD, MAC_STATUS or
// MAC_CONFIG_CHANGE record, its USER_ counterpart, or the notice of it that an
// object manager writes as USER_AVC.
type Change struct {
	Origin
	Kind ChangeKind `json:"kind"`
	// Boolean is the name of the boolean that was set.
	Boolean string `json:"boolean,omitempty"`
	// Value and Old are the new and the former value of the boolean or of the
	// enforcing mode.
	Value Ternary `json:"value"`
	Old   Ternary `json:"old"`
	// Success is res.
	Success Ternary `json:"success"`
	AUID    User    `json:"auid,omitzero"`
	// Fields are all fields of the record, in order, those inside msg='' too.
	Fields []Field `json:"fields,omitempty"`
}

// Foreign is a record of another security module.
type Foreign struct {
	Origin
	// Module is "apparmor" or "smack".
	Module string `json:"module"`
	// Fields are all fields of the record, in order.
	Fields []Field `json:"fields,omitempty"`
}

package policy

import (
	"fmt"
	"os"

	"github.com/sekit/sekit/internal/policydb"
)

// Policy is a compiled kernel policy, with a state of its booleans and
// whatever [Policy.With] has laid over it. It is immutable and safe for
// concurrent use.
type Policy struct {
	db     *policydb.Policy
	sym    *symbols
	engine *engine  // of db, shared
	state  *state   // of the booleans
	over   *overlay // what With added, or nil
}

// MinVersion and MaxVersion are the oldest and the newest policy version that
// can be read.
const (
	MinVersion = policydb.MinVersion
	MaxVersion = policydb.MaxVersion
)

// FormatError says where and why a policy file can't be read.
type FormatError = policydb.FormatError

// Parse reads a compiled kernel policy (versions 24 to 35, MLS or not): the
// contents of /sys/fs/selinux/policy or of /etc/selinux/TYPE/policy/policy.N.
// Booleans have the state that the policy holds for them. The error is a
// [*FormatError].
func Parse(data []byte) (*Policy, error) {
	db, err := policydb.Decode(data)
	if err != nil {
		return nil, err
	}
	return newPolicy(db), nil
}

// Open reads the compiled policy in the named file, as [Parse] does.
func Open(name string) (*Policy, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func newPolicy(db *policydb.Policy) *Policy {
	sym := newSymbols(db)
	return &Policy{db: db, sym: sym, engine: newEngine(db, sym), state: defaultState(db)}
}

// Version returns the policy version, 24 to 35.
func (p *Policy) Version() int { return int(p.db.Version) }

// MLS reports whether contexts have ranges (MLS and MCS policies).
func (p *Policy) MLS() bool { return p.db.MLS }

// HandleUnknown says what the kernel does with the classes and permissions
// that it knows and this policy does not.
func (p *Policy) HandleUnknown() HandleUnknown {
	switch p.db.HandleUnknown {
	case policydb.AllowUnknown:
		return AllowUnknown
	case policydb.RejectUnknown:
		return RejectUnknown
	}
	return DenyUnknown
}

// HandleUnknown is what becomes of a class or permission unknown to a policy.
type HandleUnknown uint8

const (
	DenyUnknown   HandleUnknown = iota // denied
	RejectUnknown                      // the kernel refuses to load the policy
	AllowUnknown                       // allowed
)

// String returns deny, reject or allow, as seinfo prints it.
func (h HandleUnknown) String() string {
	switch h {
	case AllowUnknown:
		return "allow"
	case RejectUnknown:
		return "reject"
	}
	return "deny"
}

// MarshalText implements [encoding.TextMarshaler], as String.
func (h HandleUnknown) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// NameError says that a policy has no symbol of that name.
type NameError struct {
	Kind string `json:"kind"` // "type", "class", "permission", "boolean", "role", "user", …
	Name string `json:"name"`
}

func (e *NameError) Error() string { return fmt.Sprintf("unknown %s %q", e.Kind, e.Name) }

// Unwrap lets a NameError be found as fs.ErrNotExist.
func (e *NameError) Unwrap() error { return os.ErrNotExist }

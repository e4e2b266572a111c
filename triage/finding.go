package triage

import (
	"time"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/policy"
)

// Status is what a finding comes down to.
type Status uint8

// The statuses.
const (
	// Open: the policy at hand denies the access.
	Open Status = iota + 1
	// Allowed: the policy at hand allows it. It has changed since the denial
	// was logged, or is not the one that denied it.
	Allowed
	// Undecided: the record is incomplete, or names what the policy does not
	// have.
	Undecided
)

// String returns "open", "allowed" or "undecided".
func (s Status) String() string {
	switch s {
	case Open:
		return "open"
	case Allowed:
		return "allowed"
	case Undecided:
		return "undecided"
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is what is known of a denial and of its repetitions: the same
// source, target, class and object.
type Finding struct {
	Status Status `json:"status"`
	// Denial is the first of them, as an example.
	Denial *avc.Denial `json:"denial"`
	// Count is how many there were, the first at First and the last at Last.
	Count int       `json:"count"`
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Access is what was denied, the permissions of all repetitions together.
	Access policy.Access `json:"access"`
	// Permissive says that the access went through all the same, because the
	// domain or the system was permissive. It would be denied otherwise.
	Permissive bool `json:"permissive,omitempty"`

	// Object says in a few words what was accessed.
	Object string `json:"object"`
	// Decision is what the policy at hand says of the access, with all
	// reasons. It is nil if it can't be decided.
	Decision *policy.Decision `json:"decision,omitempty"`
	// Why are the reasons for the denial in sentences, the first the most
	// telling.
	Why []string `json:"why"`
	// Fixes are proven to cure the denial, the one to take first.
	Fixes []Fix `json:"fixes,omitempty"`
	// Rejected are changes that do not cure it, or that nobody should make.
	Rejected []Rejected `json:"rejected,omitempty"`
	// Notes say what is known and what is guessed, and what to watch for.
	Notes []Note `json:"notes,omitempty"`
}

// Note is a remark on a finding.
type Note struct {
	// ID is a constant word for the kind of note.
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Step is one access of the operation that was denied. The kernel logs only
// the first permission that fails; a fix is held against all of them.
type Step struct {
	Access policy.Access `json:"access"`
	// Path is the object's path, if known.
	Path string `json:"path,omitempty"`
	// Assumed says that the target's context is not from the log, but the one
	// that the file contexts expect at Path.
	Assumed bool `json:"assumed,omitempty"`

	// born says that the object is to be made by the operation: its context
	// comes from its directory's.
	born bool
}

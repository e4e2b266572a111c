package fcontext

import (
	"fmt"

	"github.com/sekit/sekit/policy"
)

// LocalKey names a file context record: a pattern and the kind of files it is
// for. It is what makes two records the same one.
type LocalKey struct {
	Pattern string `json:"pattern"`
	Kind    Kind   `json:"kind"`
}

// String returns the pattern and, unless it is for all files, the kind.
func (k LocalKey) String() string {
	if k.Kind == Any {
		return k.Pattern
	}
	return k.Pattern + " (" + k.Kind.String() + ")"
}

// LocalRecord is a file context as libsemanage keeps it: a line of
// file_contexts.local, or of one of the policy's files.
type LocalRecord struct {
	LocalKey
	Context policy.Context `json:"context,omitzero"` // not valid if None
	None    bool           `json:"none,omitempty"`   // <<none>>: files keep what they have
}

// Spec returns the record as a spec without a file.
func (r LocalRecord) Spec() Spec {
	return Spec{Pattern: r.Pattern, Kind: r.Kind, Context: r.Context, None: r.None}
}

// Type returns the type of the record's context, or <<none>>.
func (r LocalRecord) Type() string {
	if r.None {
		return noneContext
	}
	return r.Context.Type()
}

// Equivalence says that the paths at and below Target are looked up as if they
// were at and below Source: a line of file_contexts.subs, or of the policy's
// file_contexts.subs_dist.
type Equivalence struct {
	Target string `json:"target"`
	Source string `json:"source"`
}

// String returns the line that semanage fcontext -l prints.
func (e Equivalence) String() string { return e.Target + " = " + e.Source }

// LocalRecords are what a machine's administrator has said about file contexts.
type LocalRecords struct {
	Records      []LocalRecord `json:"records"`      // of file_contexts.local, in its order
	Equivalences []Equivalence `json:"equivalences"` // of file_contexts.subs, in its order
}

// Origin says where a record comes from.
type Origin uint8

const (
	// FromPolicy is for records of file_contexts, which the policy's modules make.
	FromPolicy Origin = iota + 1
	// FromHomedirs is for records of file_contexts.homedirs, which genhomedircon
	// makes of the policy's templates.
	FromHomedirs
	// FromLocal is for local records (semanage fcontext -lC).
	FromLocal
)

// String returns policy, homedirs or local.
func (o Origin) String() string {
	switch o {
	case FromPolicy:
		return "policy"
	case FromHomedirs:
		return "homedirs"
	case FromLocal:
		return "local"
	}
	return "none"
}

// MarshalText implements [encoding.TextMarshaler].
func (o Origin) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// LocalEntry is a record with its origin. The zero LocalEntry stands for none.
type LocalEntry struct {
	LocalRecord
	Origin Origin `json:"origin"`
}

// IsValid reports whether the entry is one.
func (e LocalEntry) IsValid() bool { return e.Origin != 0 }

// String returns the line that semanage fcontext -l prints, without the blank
// at its end.
func (e LocalEntry) String() string {
	context := "<<None>>"
	if !e.None {
		context = e.Context.String()
	}
	return fmt.Sprintf("%-50s %-18s %s", e.Pattern, e.Kind, context)
}

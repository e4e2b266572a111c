package triage

import (
	"context"
	"errors"
	"fmt"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// Kind is the kind of a fix. The kinds are in the order of triage: what
// touches one object comes before what opens a feature, and that before a rule
// that nobody has reviewed.
type Kind uint8

// The kinds of fixes.
const (
	Context Kind = iota + 1 // give the object the right context
	Port                    // register the port for a type
	Boolean                 // set booleans
	Module                  // add a policy module
)

// String returns "context", "port", "boolean" or "module".
func (k Kind) String() string {
	switch k {
	case Context:
		return "context"
	case Port:
		return "port"
	case Boolean:
		return "boolean"
	case Module:
		return "module"
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Fix is a change that cures a denial: it was applied to the policy in memory,
// and the denied access decided again.
type Fix struct {
	Kind Kind `json:"kind"`
	// Summary says the fix in one line.
	Summary string `json:"summary"`
	// Commands make the change on the machine, in order; Undo takes it back.
	Commands []Command `json:"commands,omitempty"`
	Undo     []Command `json:"undo,omitempty"`
	// Settings say the same for [sekit.System.Plan]: what shall be so on the
	// machine. They are zero where no change of its SELinux is the fix.
	Settings sekit.Settings `json:"settings,omitzero"`
	// Manual says what to do where no command does it, such as configuring a
	// daemon to use another path.
	Manual string `json:"manual,omitempty"`

	// Relabel is the change of contexts, nil if the fix makes none.
	Relabel *Relabel `json:"relabel,omitempty"`
	// Changes are the changes to the policy, as the proof made them.
	Changes []policy.Change `json:"changes,omitempty"`
	// Module is the module, for a fix of that kind. The commands expect its
	// [module.Module.CIL] in the file NAME.cil.
	Module *module.Module `json:"-"`

	// Exposure is what the fix newly allows on the whole policy, the denied
	// access included.
	Exposure policy.Exposure `json:"exposure"`
	// Proof is the denied access decided with the fix in place.
	Proof policy.Decision `json:"proof"`
	// Hides says that the access stays denied and is only kept out of the log
	// (dontaudit), because the program does not need it.
	Hides bool `json:"hides,omitempty"`
	// Follows are the accesses that the same operation goes on to ask for and
	// that the fix leaves denied: the denials that come next.
	Follows []Step `json:"follows,omitempty"`
	// Warnings are what to know before taking the fix.
	Warnings []string `json:"warnings,omitempty"`

	// takes says that the fix takes a port from the type that it was
	// registered for.
	takes bool
	// guess says that it is one of many that may be meant.
	guess bool
	// switches says that it sets booleans beside the change of context.
	switches bool
	// distance says how far from the domain the type is that it gives a port.
	distance distance
}

// Plan returns the changes of a machine that the fix comes to, as the machine is
// now, to be looked at and applied ([sekit.Machine.Apply]). The error is
// [errors.ErrUnsupported] for a fix that only people can carry out
// ([Fix.Manual]).
func (f *Fix) Plan(ctx context.Context, sys *sekit.System) (*sekit.Plan, error) {
	if f.Settings.IsZero() {
		return nil, fmt.Errorf("%s: no change of the machine's SELinux: %w", f.Summary, errors.ErrUnsupported)
	}
	return sys.Plan(ctx, f.Settings)
}

// Relabel is a change of the contexts of files.
type Relabel struct {
	// Path is the path relabelled, with all below it if Recursive.
	Path      string `json:"path"`
	Recursive bool   `json:"recursive,omitempty"`
	// Spec is the fcontext spec that makes it last, "" if the file contexts
	// have the right one already.
	Spec     string         `json:"spec,omitempty"`
	From, To policy.Context `json:"-"`
	FromText string         `json:"from"`
	ToText   string         `json:"to"`
}

// Rejected is a change that one might think of and that is no fix, with the
// reason.
type Rejected struct {
	Kind    Kind   `json:"kind"`
	Summary string `json:"summary"`
	Reason  string `json:"reason"`
}

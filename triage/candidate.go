package triage

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// candidate is a change that may cure the denial. Nothing is known of it until
// it was tried.
type candidate struct {
	kind     Kind
	summary  string
	commands []Command
	undo     []Command
	settings sekit.Settings // what shall be so, for the same
	manual   string
	warnings []string
	relabel  *Relabel
	module   *module.Module
	changes  []policy.Change
	// apply gives a step as it is with the contexts changed; nil if the change
	// is one of the policy alone.
	apply func(Step) Step
	// more are steps that the operation has only with the change made.
	more []Step
	// hides says that the change keeps the denial out of the log and no more.
	hides bool
	// takes says that a port is taken from domains that may use it.
	takes bool
	// guess says that it is one of many that may be meant.
	guess bool
	// switches says that booleans are set beside the change of context.
	switches bool
	// distance says how far from the domain the type is that it gives a port.
	distance distance
	// exposure prices the change; nil if that is for the policy's changes to
	// say.
	exposure func() (policy.Exposure, error)
}

// try applies a candidate in memory and decides the operation again. What does
// not make the denied access go through is no fix: it is rejected with the
// policy's reason.
func (c *investigation) try(cand *candidate) (Fix, bool) {
	pol, err := c.t.pol.With(cand.changes...)
	if err != nil {
		c.f.reject(cand.kind, cand.summary, "%v", err)
		return Fix{}, false
	}
	fix := Fix{
		Kind: cand.kind, Summary: cand.summary, Commands: cand.commands, Undo: cand.undo, Settings: cand.settings, Manual: cand.manual,
		Relabel: cand.relabel, Changes: cand.changes, Module: cand.module, Warnings: cand.warnings, takes: cand.takes, guess: cand.guess, switches: cand.switches, distance: cand.distance,
	}
	for i, step := range slices.Concat(c.operation, cand.more) {
		if cand.apply != nil && i < len(c.operation) {
			step = cand.apply(step)
		}
		d, err := pol.Decide(step.Access)
		switch {
		case i == 0 && err != nil:
			c.f.reject(cand.kind, cand.summary, "%v", err)
			return Fix{}, false
		case i == 0 && cand.hides && hidden(d):
			fix.Proof, fix.Hides = d, true
			return fix, true
		case i == 0 && !d.Allowed:
			c.f.reject(cand.kind, cand.summary, "does not cure it: %s", firstReason(d))
			return Fix{}, false
		case i == 0:
			fix.Proof = d
		case err == nil && !d.Allowed:
			step.Access.Permissions = deniedOf(d)
			fix.Follows = append(fix.Follows, step)
		}
	}
	fix.Exposure, err = c.price(cand)
	if err != nil {
		c.f.reject(cand.kind, cand.summary, "can't be priced: %v", err)
		return Fix{}, false
	}
	return fix, true
}

// cures reports whether a change of contexts alone makes the denied access go
// through.
func (c *investigation) cures(cand *candidate) bool {
	d, err := c.t.pol.Decide(cand.apply(c.operation[0]).Access)
	return err == nil && d.Allowed
}

func (c *investigation) price(cand *candidate) (policy.Exposure, error) {
	if cand.exposure != nil {
		return cand.exposure()
	}
	return c.t.pol.Exposure(cand.changes...)
}

func firstReason(d policy.Decision) string {
	if reasons := d.Reasons(); len(reasons) > 0 {
		return reasons[0].String()
	}
	return fmt.Sprintf("%v is denied", deniedOf(d))
}

func deniedOf(d policy.Decision) []string {
	var perms []string
	for _, r := range d.Denied {
		perms = append(perms, r.Permission)
	}
	return perms
}

// hidden reports whether nothing of what is denied would be logged.
func hidden(d policy.Decision) bool {
	for _, r := range d.Denied {
		if !r.Hidden {
			return false
		}
	}
	return true
}

// compareFixes puts the fix to take first at the front: what leaves nothing to
// follow before what does, then by the order of triage, what opens the system to
// many domains last of all, and within a kind what commands can do before
// what only people can, port types named like the domain before others, then by
// exposure. Keeping quiet about an access that is
// not needed gives away nothing and comes before all.
func compareFixes(a, b Fix) int {
	return cmp.Or(
		compareBool(b.Hides, a.Hides),
		compareBool(wideBoolean(a), wideBoolean(b)),
		compareBool(len(a.Follows) > 0, len(b.Follows) > 0),
		cmp.Compare(a.class(), b.class()),
		compareBool(len(a.Commands) == 0, len(b.Commands) == 0),
		cmp.Compare(a.distance, b.distance),
		cmp.Compare(a.Exposure.Tuples, b.Exposure.Tuples),
	)
}

// class is the kind by which a fix is sorted.
func (f *Fix) class() Kind {
	if f.takes || f.guess || f.switches {
		return Boolean
	}
	return f.Kind
}

func wideBoolean(f Fix) bool { return f.Kind == Boolean && wide(f.Exposure) }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

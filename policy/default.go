package policy

import (
	"iter"

	"github.com/sekit/sekit/internal/policydb"
)

// Default is a default_user, default_role, default_type or default_range
// statement: where new objects of a class take a part of their context from.
type Default struct {
	Kind  string `json:"kind"` // default_user, default_role, default_type or default_range
	Class string `json:"class"`
	// From is source, target or, of a default_range, glblub.
	From string `json:"from"`
	// Range is low, high or low_high of a default_range, and otherwise empty.
	Range string `json:"range,omitempty"`
}

// Statement returns the statement.
func (d Default) Statement() string {
	s := d.Kind + " " + d.Class + " " + d.From
	if d.Range != "" {
		s += " " + d.Range
	}
	return s + ";"
}

// String returns the statement.
func (d Default) String() string { return d.Statement() }

// Defaults lists the default_… statements, in the order of their classes'
// names.
func (p *Policy) Defaults() iter.Seq[Default] {
	return func(yield func(Default) bool) {
		for c := range p.Classes() {
			for d := range c.Defaults() {
				if !yield(d) {
					return
				}
			}
		}
	}
}

// Defaults lists the default_… statements of the class: user, role, type,
// range, as far as it has them.
func (c Class) Defaults() iter.Seq[Default] {
	return func(yield func(Default) bool) {
		db := c.info().class
		for _, d := range []struct {
			kind string
			from policydb.DefaultFrom
		}{
			{"default_user", db.DefaultUser},
			{"default_role", db.DefaultRole},
			{"default_type", db.DefaultType},
		} {
			from := ""
			switch d.from {
			case policydb.DefaultSource:
				from = "source"
			case policydb.DefaultTarget:
				from = "target"
			}
			if from != "" && !yield(Default{Kind: d.kind, Class: c.Name(), From: from}) {
				return
			}
		}
		if from, rng := defaultRange(db.DefaultRange); from != "" {
			yield(Default{Kind: "default_range", Class: c.Name(), From: from, Range: rng})
		}
	}
}

func defaultRange(d policydb.DefaultRange) (from, rng string) {
	switch d {
	case policydb.DefaultSourceLow:
		return "source", "low"
	case policydb.DefaultSourceHigh:
		return "source", "high"
	case policydb.DefaultSourceLowHigh:
		return "source", "low_high"
	case policydb.DefaultTargetLow:
		return "target", "low"
	case policydb.DefaultTargetHigh:
		return "target", "high"
	case policydb.DefaultTargetLowHigh:
		return "target", "low_high"
	case policydb.DefaultGLBLUB:
		return "glblub", ""
	}
	return "", ""
}

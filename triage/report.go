package triage

import (
	"iter"

	"github.com/sekit/sekit/avc"
)

// Report is what a log comes to.
type Report struct {
	// Findings are the denials, repetitions together, in the order of their
	// first appearance.
	Findings []Finding `json:"findings"`
	// Failures are contexts and transitions that the kernel's security server
	// refused (SELINUX_ERR). No allow rule cures these.
	Failures []FailureFinding `json:"failures,omitempty"`
	// Foreign are records of other security modules, such as AppArmor: no
	// SELinux tool can cure what they refused.
	Foreign []*avc.Foreign `json:"foreign,omitempty"`
	// Changes are policy loads and changes of mode and booleans in the log.
	Changes []*avc.Change `json:"changes,omitempty"`
	// Unread are the records that could not be read.
	Unread []error `json:"-"`
	// Events counts the events read, Denials the denials in them.
	Events  int `json:"events"`
	Denials int `json:"denials"`
}

// maxUnread bounds what is kept of what could not be read.
const maxUnread = 1000

// Read explains all that a log holds. Errors of the sequence are kept as
// Unread, and the sequence goes on: it is the reader that ends it.
func (t *Triage) Read(events iter.Seq2[*avc.Event, error]) *Report {
	r := &Report{}
	var gs groups
	for e, err := range events {
		if err != nil {
			if len(r.Unread) < maxUnread {
				r.Unread = append(r.Unread, err)
			}
			continue
		}
		r.Events++
		for _, d := range e.Denials {
			r.Denials++
			gs.add(d)
		}
		for _, f := range e.Failures {
			r.Failures = append(r.Failures, t.failure(f))
		}
		r.Foreign = append(r.Foreign, e.Foreign...)
		r.Changes = append(r.Changes, e.Changes...)
	}
	for _, g := range gs.order {
		r.Findings = append(r.Findings, t.explainAll(g)...)
	}
	return r
}

// explainAll explains the denials of a group as one, or, where nothing cures all
// of them and something does some, each kind of access for itself: one that
// nothing cures must not hide what can be done for the others.
func (t *Triage) explainAll(g *group) []Finding {
	whole := t.explain(g)
	if whole.Status != Open || len(whole.Fixes) > 0 || len(g.parts) < 2 {
		return []Finding{whole}
	}
	var parts []Finding
	cured := false
	for _, p := range g.parts {
		f := t.explain(p)
		cured = cured || len(f.Fixes) > 0 || f.Status != Open
		parts = append(parts, f)
	}
	if !cured {
		return []Finding{whole}
	}
	return parts
}

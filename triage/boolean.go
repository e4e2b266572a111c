package triage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// maxBooleans is how many boolean fixes are worth showing.
const maxBooleans = 4

// byBoolean tries the sets of booleans that switch the access on.
func (c *investigation) byBoolean() {
	sets, err := c.t.pol.BooleanSets(c.f.Access)
	if err != nil {
		return // the access was decided already, so this says nothing new
	}
	if len(sets) == 0 {
		return
	}
	dangers := c.dangers()
	for i, set := range sets {
		if i == maxBooleans {
			c.f.note("more-booleans", "%d more sets of booleans would allow it, and open more", len(sets)-i)
			break
		}
		cand := candidate{kind: Boolean}
		var names []string
		set0 := Command{"setsebool", "-P"}
		undo := Command{"setsebool", "-P"}
		for _, b := range set.Booleans {
			cand.changes = append(cand.changes, b)
			names = append(names, b.Name+"="+onOff(b.On))
			cand.settings.Booleans = append(cand.settings.Booleans, boolean.Record{Name: b.Name, On: b.On})
			set0 = append(set0, b.Name+"="+onOff(b.On))
			undo = append(undo, b.Name+"="+onOff(!b.On))
		}
		if slices.ContainsFunc(set.Booleans, func(b policy.SetBoolean) bool { return c.t.types.others(b.Name, c.d.Source.Type()) }) {
			cand.distance = elsewhere
		}
		cand.summary = "set " + strings.Join(names, " and ")
		cand.commands, cand.undo = []Command{set0}, []Command{undo}
		fix, ok := c.try(&cand)
		if !ok {
			continue
		}
		fix.Warnings = append(fix.Warnings, dangers...)
		if wide(fix.Exposure) {
			fix.Warnings = append(fix.Warnings, fmt.Sprintf(
				"it opens %d accesses to %s, and one was asked for: take it only if all of them are meant",
				fix.Exposure.Tuples, domains(fix.Exposure.Sources)))
		}
		c.f.Fixes = append(c.f.Fixes, fix)
	}
}

// dangers are what the guard has against the access itself, whichever way it
// is allowed. The policy's authors meant a boolean to be set by some, so that
// the guard's refusals are warnings here.
func (c *investigation) dangers() []string {
	var warnings []string
	for _, found := range c.t.guard.Check(c.t.pol, []module.Rule{c.missingRule()}) {
		if !found.Lifted {
			warnings = append(warnings, found.Reason)
		}
	}
	return withoutPrefixes(warnings)
}

// withoutPrefixes leaves out of some sentences those that another one begins
// with, and repetitions.
func withoutPrefixes(sentences []string) []string {
	var kept []string
	for i, s := range sentences {
		said := func(other string) bool { return strings.HasPrefix(other, s) }
		longer := func(other string) bool { return other != s && said(other) }
		if !slices.ContainsFunc(sentences, longer) && !slices.ContainsFunc(sentences[:i], said) {
			kept = append(kept, s)
		}
	}
	return kept
}

// wideSources is how many domains a change may open something to and still
// count as made for the one that asked.
const wideSources = 10

// wideTargets is how many types a change may open and still count as made for the
// one that was denied: all ports have some 600, homes some 200, and one that lets
// a domain at every file of the system opens thousands.
const wideTargets = 1000

// wide reports whether a change is meant for the whole system, or for all that
// is in it, rather than for a domain or its few helpers.
func wide(e policy.Exposure) bool { return e.Sources > wideSources || e.Targets > wideTargets }

func domains(n int) string {
	if n == 1 {
		return "1 domain"
	}
	return fmt.Sprintf("%d domains", n)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

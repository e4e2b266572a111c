package triage

import (
	"slices"
	"strings"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// switchOn adds to a candidate that gives an object another context the
// cheapest set of booleans without which that is not enough: a CGI script needs
// its type, and the boolean that lets the web server run any.
func (c *investigation) switchOn(cand *candidate) bool {
	access := cand.apply(c.operation[0]).Access
	sets, err := c.t.pol.BooleanSets(access)
	if err != nil || len(sets) == 0 || wide(sets[0].Exposure) {
		return false
	}
	set := sets[0]
	var names []string
	do, undo := Command{"setsebool", "-P"}, Command{"setsebool", "-P"}
	cand.settings.Booleans = nil
	for _, b := range set.Booleans {
		cand.changes = append(cand.changes, b)
		names = append(names, b.Name+"="+onOff(b.On))
		cand.settings.Booleans = append(cand.settings.Booleans, boolean.Record{Name: b.Name, On: b.On})
		do = append(do, b.Name+"="+onOff(b.On))
		undo = append(undo, b.Name+"="+onOff(!b.On))
	}
	cand.switches = true
	cand.summary += ", and set " + strings.Join(names, " and ")
	cand.commands = append(slices.Clip(cand.commands), do)
	cand.undo = append(slices.Clip(cand.undo), undo)
	object := cand.exposure
	cand.exposure = func() (policy.Exposure, error) {
		x, err := object()
		return sum(x, set.Exposure), err
	}
	return true
}

// sum prices two changes together. Of the domains that both serve the larger
// number is counted.
func sum(a, b policy.Exposure) policy.Exposure {
	b.Tuples += a.Tuples
	b.Sources = max(a.Sources, b.Sources)
	b.Targets = max(a.Targets, b.Targets)
	return b
}

// bySwitchedType tries one of the domain's own types that it may use so only
// with booleans set: the one nearest by name to the type that the object has, as
// httpd_sys_rw_content_t is to httpd_sys_content_t.
func (c *investigation) bySwitchedType(p string, kind fcontext.Kind, plain []string, mayUse func(typ string) bool) {
	if slices.ContainsFunc(c.f.Access.Permissions, isExecution) {
		return // a program is made of a file by nobody but people
	}
	now := c.canonical(c.d.Target.Type())
	var names []string
	for typ := range c.t.pol.Types() {
		name := typ.Name()
		if slices.Contains(plain, name) || len(plain) > 0 && !sibling(name, now) {
			continue
		}
		if named(name, c.d.Source.Type()) || c.t.types.owned(name, c.d.Source.Type()) || sibling(name, now) {
			names = append(names, name)
		}
	}
	var fixes []Fix
	for _, name := range c.choose(c.switchable(names), p, kind, mayUse) {
		cand, ok := c.rule(p, kind, name)
		if !ok || !c.switchOn(&cand) {
			continue
		}
		if fix, ok := c.try(&cand); ok {
			fixes = append(fixes, fix)
		}
	}
	if len(fixes) > 0 {
		c.f.Fixes = append(c.f.Fixes, slices.MinFunc(fixes, compareFixes))
	}
}

// switchable returns the types for which conditional rules allow the denied
// access that are off.
func (c *investigation) switchable(types []string) []string {
	first := c.operation[0].Access
	return slices.DeleteFunc(types, func(name string) bool {
		access := first
		access.Target = access.Target.WithType(name)
		d, err := c.t.pol.Decide(access)
		return err != nil || d.Allowed || !slices.ContainsFunc(d.Reasons(), func(r policy.Reason) bool { return r.Kind() == "rule-off" })
	})
}

// sibling reports whether two types are, by their names, of the same kind with
// other rights: httpd_sys_content_t and httpd_sys_rw_content_t,
// public_content_t and public_content_rw_t.
func sibling(a, b string) bool {
	return a != b && unmarked(a) == unmarked(b)
}

// unmarked is the name of a type without what the reference policy marks types
// for writing (rw), appending (ra) and reading (ro) with.
func unmarked(typ string) string {
	parts := strings.Split(typ, "_")
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "rw" || s == "ra" || s == "ro" }), "_")
}

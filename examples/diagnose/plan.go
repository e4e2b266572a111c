package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/examples/internal/machine"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/triage"
)

// plan prints what a fix would change on the machine, before -> after, as
// sekit plans it; nothing where it can't be planned, such as for a policy alone.
func (p *printer) plan(f *triage.Fix) {
	plan, err := f.Plan(context.Background(), p.sys)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	if err != nil {
		p.field("", "can't be applied: "+err.Error())
		return
	}
	for _, change := range changes(plan, f) {
		p.command("plan:", machine.Printable(change))
	}
}

// changes says each change of a plan as it was before and will be after.
func changes(plan *sekit.Plan, f *triage.Fix) []string {
	var out []string
	add := func(before, after, format string, args ...any) {
		if before == "" {
			before = "none"
		}
		out = append(out, fmt.Sprintf(format, args...)+": "+before+" -> "+after)
	}
	for _, c := range plan.Modules {
		add(c.Before.Name, c.Op.String(), "module %s", c.Key)
	}
	for _, c := range plan.Ports {
		add(owners(c), c.After.Context.Type(), "port %s", c.Key)
	}
	for _, c := range plan.Contexts {
		before := ""
		if c.Op == fcontext.Modify {
			before = c.Before.Type()
		}
		add(before, c.After.Type(), "fcontext %s", c.Key)
	}
	for _, c := range plan.Booleans {
		add(onOff(c.Before.Current), onOff(c.On), "boolean %s", c.Name)
	}
	if r := f.Relabel; r != nil && len(plan.Relabel) > 0 {
		before, after := r.FromText, r.ToText
		if r.From.Type() != r.To.Type() {
			before, after = r.From.Type(), r.To.Type()
		}
		add(before, after, "context of %s", r.Path)
	}
	return out
}

// owners are the types that the ports of a change have now.
func owners(c port.Change) string {
	if c.Op == port.Modify {
		return c.Before.Context.Type()
	}
	var of []string
	for _, e := range c.Shadows {
		of = append(of, fmt.Sprintf("%s (%s, %s)", e.Context.Type(), e.Origin, e.Key.Range()))
	}
	return strings.Join(of, ", ")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

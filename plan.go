package sekit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// Plan is changes to a machine, of all kinds, that are to be made in one
// transaction. [System.Plan] makes it of what shall be so, [Machine.Apply]
// makes the changes. Each of them knows what was before.
type Plan struct {
	Permissive []PermissiveChange `json:"permissive,omitempty"`
	Ports      []port.Change      `json:"ports,omitempty"`
	Booleans   []boolean.Change   `json:"booleans,omitempty"`
	// Relabel are the files, and the directories with all below them, that are
	// relabelled after the rest.
	Relabel []string `json:"relabel,omitempty"`
	// Restore are contexts that files are given back. Only [Machine.Apply]
	// knows them: they are in the plan that undoes what it did.
	Restore []fcontext.Change `json:"-"`

	sys *System // that it was made for; nil if it was read from JSON
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool {
	return p.unchanged() && len(p.Relabel) == 0 && len(p.Restore) == 0
}

// unchanged reports whether there is nothing to commit.
func (p *Plan) unchanged() bool {
	return len(p.Permissive) == 0 && len(p.Ports) == 0 && len(p.Booleans) == 0
}

// String says the changes for people, a line each.
func (p *Plan) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, c := range p.Permissive {
		line("%s", c)
	}
	for _, c := range p.Ports {
		line("%s", c)
		for _, e := range c.Shadows {
			line("    instead of %s port %s (%s)", e.Origin, e.Key, e.Context.Type())
		}
	}
	for _, c := range p.Booleans {
		line("%s", c)
	}
	for _, name := range p.Relabel {
		line("relabel %q", name)
	}
	for _, c := range p.Restore {
		line("relabel %q from %s to %s", c.Path, c.From, c.To)
	}
	return b.String()
}

// Commands returns the commands that make the changes one by one, in order: for
// people. [Machine.Apply] makes them at once. Taking away the record of one
// boolean is not among them, for no tool can ([boolean.Change.Command]).
func (p *Plan) Commands() [][]string {
	var out [][]string
	for _, c := range p.Permissive {
		out = append(out, c.Command())
	}
	for _, c := range p.Ports {
		out = append(out, c.Command())
	}
	for _, c := range p.Booleans {
		if command := c.Command(); command != nil {
			out = append(out, command)
		}
	}
	for _, name := range p.Relabel {
		out = append(out, []string{"restorecon", "-R", name})
	}
	return out
}

// errTaken says that an overlay adds and takes nothing away.
var errTaken = fmt.Errorf("a permissive domain can't be taken back in memory: %w", errors.ErrUnsupported)

// PolicyChanges returns what a plan comes to in the policy, for
// [policy.Policy.With] and [policy.Policy.Exposure]: to decide a denied access
// again before anything is touched. The error is [errors.ErrUnsupported] if a
// domain shall no longer be permissive.
func (s *System) PolicyChanges(p *Plan) ([]policy.Change, error) {
	var out []policy.Change
	for _, c := range p.Permissive {
		if !c.On {
			return nil, errTaken
		}
		out = append(out, policy.MakePermissive{Type: c.Domain})
	}
	ports, err := s.ports().PolicyChanges(p.Ports...)
	if err != nil {
		return nil, err
	}
	out = append(out, ports...)
	for _, c := range p.Booleans {
		if change, ok := c.PolicyChange(); ok {
			out = append(out, change)
		}
	}
	return out, nil
}

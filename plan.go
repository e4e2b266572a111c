package sekit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/infiniband"
)

// Plan is changes to a machine, of all kinds, that are to be made in one
// transaction. [System.Plan] makes it of what shall be so, [Machine.Apply]
// makes the changes. Each of them knows what was before.
type Plan struct {
	Modules    []module.Change        `json:"modules,omitempty"`
	Permissive []PermissiveChange     `json:"permissive,omitempty"`
	Ports      []port.Change          `json:"ports,omitempty"`
	Infiniband []infiniband.Change    `json:"infiniband,omitempty"`
	Contexts   []fcontext.LocalChange `json:"contexts,omitempty"`
	Booleans   []boolean.Change       `json:"booleans,omitempty"`
	// Relabel are the files that are relabelled after the rest.
	Relabel []Relabel `json:"relabel,omitempty"`
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
	return len(p.Modules)+len(p.Permissive)+len(p.Ports)+len(p.Infiniband)+len(p.Contexts)+len(p.Booleans) == 0
}

// String says the changes for people, a line each.
func (p *Plan) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, c := range p.Modules {
		line("%s", c)
	}
	for _, c := range p.Permissive {
		line("%s", c)
	}
	for _, c := range p.Ports {
		line("%s", c)
		for _, e := range c.Shadows {
			line("    instead of %s port %s (%s)", e.Origin, e.Key, e.Context.Type())
		}
	}
	for _, c := range p.Infiniband {
		line("%s", c)
	}
	for _, c := range p.Contexts {
		line("%s", c)
	}
	for _, c := range p.Booleans {
		line("%s", c)
	}
	for _, r := range p.Relabel {
		line("%s", r)
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
	add := func(command []string) {
		if command != nil {
			out = append(out, command)
		}
	}
	for _, c := range p.Modules {
		add(c.Command())
	}
	for _, c := range p.Permissive {
		add(c.Command())
	}
	for _, c := range p.Ports {
		add(c.Command())
	}
	for _, c := range p.Infiniband {
		add(c.Command())
	}
	for _, c := range p.Contexts {
		add(c.Command())
	}
	for _, c := range p.Booleans {
		add(c.Command())
	}
	for _, r := range p.Relabel {
		add(r.Command())
	}
	return out
}

// errTaken says that an overlay adds and takes nothing away.
var errTaken = fmt.Errorf("a permissive domain can't be taken back in memory: %w", errors.ErrUnsupported)

// PolicyChanges returns what a plan comes to in the policy, for
// [policy.Policy.With] and [policy.Policy.Exposure]: to decide a denied access
// again before anything is touched. Contexts of files and Infiniband's are not
// in it: they decide which types an access is about, not what is allowed. The error is [errors.ErrUnsupported] if a
// domain shall no longer be permissive, and for changes of modules other than
// installing a package of rules ([module.ParsePP]).
func (s *System) PolicyChanges(p *Plan) ([]policy.Change, error) {
	var out []policy.Change
	for _, c := range p.Modules {
		changes, err := moduleChanges(c)
		if err != nil {
			return nil, err
		}
		out = append(out, changes...)
	}
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

func moduleChanges(c module.Change) ([]policy.Change, error) {
	if c.Op != module.Install || c.Before.Name != "" || c.Content.Language != "pp" {
		return nil, fmt.Errorf("%s in memory: %w", c, errors.ErrUnsupported)
	}
	m, _, err := module.ParsePP(c.Content.Data)
	if err != nil {
		return nil, err
	}
	out := module.Changes(m.Rules)
	for _, r := range m.Rules {
		if r.Kind == module.DontAudit {
			out = append(out, policy.DontAuditRule{Source: r.Source, Target: r.Target, Class: r.Class, Permissions: r.Permissions})
		}
	}
	return out, nil
}

package moduletest

import (
	"fmt"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// link returns the policy with the modules in force laid over it: of each name
// the one with the highest priority, if it is enabled.
func link(p *policy.Policy, records []module.Record, contents map[module.Key]module.Content) (*policy.Policy, error) {
	var changes []policy.Change
	seen := map[string]bool{base.Name: true}
	for _, r := range records { // the highest priority first
		if seen[r.Name] {
			continue
		}
		seen[r.Name] = true
		if !r.Enabled {
			continue
		}
		m, err := parse(contents[r.Key])
		if err == nil {
			err = add(&changes, m)
		}
		if err != nil {
			return nil, fmt.Errorf("module %s: %w", r.Key, err)
		}
	}
	return p.With(changes...)
}

func parse(c module.Content) (*module.Module, error) {
	if c.Language == "pp" {
		m, _, err := module.ParsePP(c.Data)
		return m, err
	}
	return nil, &module.UnsupportedError{What: fmt.Sprintf("the language %q", c.Language)}
}

// add adds what a module changes in a policy.
func add(changes *[]policy.Change, m *module.Module) error {
	for i := range m.Rules {
		addRule(changes, &m.Rules[i])
	}
	for _, s := range m.Statements {
		switch s := s.(type) {
		case *module.Require, *module.Comment:
		case *module.Rule:
			addRule(changes, s)
		case *module.AccessRule:
			if err := addSets(changes, s); err != nil {
				return err
			}
		case *module.Permissive:
			*changes = append(*changes, policy.MakePermissive{Type: s.Type})
		default:
			return &module.UnsupportedError{What: fmt.Sprintf("linking what a %T says to a policy in memory", s)}
		}
	}
	return nil
}

// addRule adds a rule. One that says what is audited changes no access; of these
// the policy notes dontaudit alone.
func addRule(changes *[]policy.Change, r *module.Rule) {
	if r.Kind == module.DontAudit {
		*changes = append(*changes, policy.DontAuditRule{
			Source: r.Source, Target: r.Target, Class: r.Class, Permissions: r.Permissions})
		return
	}
	*changes = append(*changes, module.Changes([]module.Rule{*r})...)
}

// addSets adds a rule over sets, which are lists.
func addSets(changes *[]policy.Change, r *module.AccessRule) error {
	for _, s := range []module.TypeSet{r.Sources, r.Targets} {
		if s.All || s.Complement || s.NotSelf || len(s.Except) > 0 {
			return &module.UnsupportedError{What: fmt.Sprintf("linking the set %s to a policy in memory", s)}
		}
	}
	if r.Permissions.All || r.Permissions.Complement || r.Kind > module.DontAuditXperm {
		return &module.UnsupportedError{What: fmt.Sprintf("linking a rule %s … %s to a policy in memory", r.Kind, r.Permissions)}
	}
	targets := r.Targets.Names
	if r.Targets.Self {
		targets = append(targets[:len(targets):len(targets)], module.Self)
	}
	for _, source := range r.Sources.Names {
		for _, target := range targets {
			for _, class := range r.Classes {
				addRule(changes, &module.Rule{Kind: r.Kind, Source: source, Target: target, Class: class,
					Permissions: r.Permissions.Names, Xperms: r.Xperms})
			}
		}
	}
	return nil
}

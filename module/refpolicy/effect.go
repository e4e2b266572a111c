package refpolicy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// effect returns what a call of an interface changes in a policy, and what more
// it does under conditions.
func (h *Headers) effect(p *policy.Policy, c suggestedCall, need *need) (*effects, error) {
	text, err := h.Expand(c.of.Name, c.args...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if !need.plausible(text) {
		return nil, errors.ErrUnsupported
	}
	m, err := module.ParseTE(c.of.Name, []byte(h.index.frame(text, c)+text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	e := &effects{p: p}
	if err := e.add(m.Statements, &e.changes); err != nil {
		return nil, err
	}
	return e, nil
}

// effects collects what statements change in a policy.
type effects struct {
	p                    *policy.Policy
	changes, conditional []policy.Change
	given                int // attributes
}

func (e *effects) add(statements []module.Statement, to *[]policy.Change) error {
	for _, s := range statements {
		switch s := s.(type) {
		case *module.Require, *module.Comment, *module.TypeRule, *module.RoleTypes, *module.RoleAllow, *module.RoleAttribute,
			*module.RoleTransition, *module.RangeTransition:
		case *module.TypeAttribute:
			if err := e.attributes(s, to); err != nil {
				return err
			}
		case *module.AccessRule:
			if err := e.rule(s, to); err != nil {
				return err
			}
		case *module.If:
			if err := errors.Join(e.add(s.Then, &e.conditional), e.add(s.Else, &e.conditional)); err != nil {
				return err
			}
		case *module.Optional:
			// Of modules that are not installed, what they would bring is none.
			var body []policy.Change
			if err := e.add(s.Body, &body); err != nil {
				continue
			}
			if _, err := e.p.With(body...); err == nil {
				*to = append(*to, body...)
			}
		default:
			return &module.UnsupportedError{What: fmt.Sprintf("a %T over a policy in memory", s)}
		}
	}
	return nil
}

// maxAttributeRules limits what one attribute may bring.
const maxAttributeRules = 20000

// attributes adds the rules for attributes that a type is given. What a rule
// allows the types of an attribute on themselves is not in a policy as such.
func (e *effects) attributes(s *module.TypeAttribute, to *[]policy.Change) error {
	for _, a := range s.Attributes {
		e.given++
		for _, q := range [...]policy.RuleQuery{
			{Kinds: policy.KindAllow, Source: a, SourceDirect: true}, {Kinds: policy.KindAllow, Target: a, TargetDirect: true},
		} {
			rules, err := e.p.Rules(q)
			if err != nil {
				return err
			}
			for r := range rules {
				c := policy.AllowRule{Source: r.Source(), Target: r.Target(), Class: r.Class(), Permissions: r.Permissions()}
				if q.Source != "" {
					c.Source = s.Type
				} else {
					c.Target = s.Type
				}
				list := to
				if _, ok := r.Condition(); ok {
					list = &e.conditional
				}
				if *list = append(*list, c); len(*list) > maxAttributeRules {
					return &module.UnsupportedError{What: "the attribute " + a + ", which has too many rules"}
				}
			}
		}
	}
	return nil
}

func (e *effects) rule(r *module.AccessRule, to *[]policy.Change) error {
	if r.Kind != module.Allow {
		return nil // allows nothing; extended permissions only narrow
	}
	if r.Permissions.All || r.Permissions.Complement {
		return &module.UnsupportedError{What: "permissions " + r.Permissions.String()}
	}
	sources, err1 := e.names(r.Sources)
	targets, err2 := e.names(r.Targets)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for _, source := range sources {
		for _, target := range targets {
			for _, class := range r.Classes {
				if perms := e.known(class, r.Permissions.Names); len(perms) > 0 {
					*to = append(*to, policy.AllowRule{Source: source, Target: target, Class: class, Permissions: perms})
				}
			}
		}
	}
	return nil
}

// known returns the permissions that a class of the policy has: the headers may
// know newer ones.
func (e *effects) known(class string, perms []string) []string {
	c, err := e.p.Class(class)
	if err != nil {
		return nil
	}
	have := c.Permissions()
	return slices.DeleteFunc(slices.Clone(perms), func(perm string) bool { return !slices.Contains(have, perm) })
}

// names lists a set, its attributes as such unless types are left out of them.
func (e *effects) names(s module.TypeSet) ([]string, error) {
	if s.All || s.Complement || s.NotSelf {
		return nil, &module.UnsupportedError{What: "the set " + s.String()}
	}
	names := s.Names
	if len(s.Except) > 0 {
		except := make(map[string]bool)
		if err := e.types(s.Except, func(name string) { except[name] = true }); err != nil {
			return nil, err
		}
		names = nil
		if err := e.types(s.Names, func(name string) {
			if !except[name] {
				names = append(names, name)
			}
		}); err != nil {
			return nil, err
		}
	}
	if s.Self {
		names = append(slices.Clip(names), module.Self)
	}
	return names, nil
}

func (e *effects) types(names []string, yield func(string)) error {
	for _, name := range names {
		if a, err := e.p.Attribute(name); err == nil {
			for t := range a.Types() {
				yield(t.Name())
			}
			continue
		}
		t, err := e.p.Type(name)
		if err != nil {
			return err
		}
		yield(t.Name())
	}
	return nil
}

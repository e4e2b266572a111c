package refpolicy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// Suggestion is an interface that allows what was denied.
type Suggestion struct {
	Interface Interface `json:"interface"`
	// Call is what to write into a module: mysql_stream_connect(httpd_t).
	Call string `json:"call"`
	// Cures are the accesses that are allowed with it, by their index.
	Cures []int `json:"cures"`
	// Exposure is what the call newly allows on the whole policy, those included.
	Exposure policy.Exposure `json:"exposure"`
	// Beyond is how many of the tuples no access asks for that the call cures.
	Beyond int `json:"beyond"`
}

// maxSuggestions bounds how many interfaces are tried for one type.
const maxSuggestions = 2000

// Suggest returns the interfaces that allow denied accesses, those first that
// open least beyond what is asked for. It is for accesses to what other modules
// own: an access of a domain to itself needs no interface.
//
// Tried are the interfaces that take one argument, the domain, and name the
// target's type or one of its attributes. Each is called, laid over the policy
// and the accesses decided again; one that does not cure any is left out, and so
// is one that does what can't be laid over a policy, such as giving the domain
// an attribute. Rules under a condition count as what the call opens, and cure
// nothing.
func (h *Headers) Suggest(p *policy.Policy, accesses []policy.Access) ([]Suggestion, error) {
	tried := make(map[string]*attempt)
	for n, a := range accesses {
		d, err := p.Decide(a)
		if err != nil {
			return nil, err
		}
		if d.Allowed || a.Source.Type() == a.Target.Type() {
			continue
		}
		candidates, err := h.candidates(p, a.Target.Type())
		if err != nil {
			return nil, err
		}
		for _, i := range candidates {
			t, err := h.attempt(p, i, a.Source.Type(), tried)
			if err != nil {
				return nil, err
			}
			if t.after == nil {
				continue
			}
			if d, err := t.after.Decide(a); err == nil && d.Allowed {
				t.Cures = append(t.Cures, n)
			}
		}
	}
	var out []Suggestion
	for _, t := range tried {
		if len(t.Cures) == 0 {
			continue
		}
		if err := t.price(p, accesses); err != nil {
			return nil, err
		}
		out = append(out, t.Suggestion)
	}
	slices.SortFunc(out, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(a.Beyond, b.Beyond), -cmp.Compare(len(a.Cures), len(b.Cures)), cmp.Compare(a.Call, b.Call))
	})
	return out, nil
}

// candidates returns the interfaces whose own text names a type or one of its
// attributes. Those that call these are wider, and not looked for.
func (h *Headers) candidates(p *policy.Policy, target string) ([]Interface, error) {
	t, err := p.Type(target)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{t.Name(): true}
	for a := range t.Attributes() {
		names[a.Name()] = true
	}
	var out []Interface
	for _, u := range h.interfaces() {
		if u.Template {
			continue
		}
		text := h.macros.Text(u.Name)
		if strings.Contains(text, "$2") || !strings.Contains(text, "$1") || !mentions(text, names) {
			continue
		}
		if out = append(out, u.documented()); len(out) > maxSuggestions {
			return nil, fmt.Errorf("more than %d interfaces for %s", maxSuggestions, target)
		}
	}
	return out, nil
}

// mentions reports whether text has one of the names as a word.
func mentions(text string, names map[string]bool) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_')
	}) {
		if names[word] {
			return true
		}
	}
	return false
}

// attempt is a call of an interface, tried.
type attempt struct {
	Suggestion
	changes, conditional []policy.Change
	after                *policy.Policy // with the changes; nil if they can't be made here
}

// attempt works out what a call comes to, once.
func (h *Headers) attempt(p *policy.Policy, i Interface, domain string, tried map[string]*attempt) (*attempt, error) {
	call := i.Name + "(" + domain + ")"
	t := tried[call]
	if t != nil {
		return t, nil
	}
	t = &attempt{Suggestion: Suggestion{Interface: i, Call: call}}
	tried[call] = t
	var err error
	if t.changes, t.conditional, err = h.effect(p, i.Name, domain); err == nil {
		t.after, err = p.With(t.changes...)
	}
	var name *policy.NameError // of a module that is not installed
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.As(err, &name) {
		return nil, fmt.Errorf("%s: %w", call, err)
	}
	return t, nil
}

// price works out what a call opens, and what of it no access asks for that it
// cures.
func (t *attempt) price(p *policy.Policy, accesses []policy.Access) error {
	var name *policy.NameError
	x, err := p.Exposure(slices.Concat(t.changes, t.conditional)...)
	if errors.As(err, &name) { // in what is conditional
		x, err = p.Exposure(t.changes...)
	}
	if err != nil {
		return err
	}
	var needed []policy.Change
	for _, n := range t.Cures {
		a := accesses[n]
		needed = append(needed, policy.AllowRule{Source: a.Source.Type(), Target: a.Target.Type(), Class: a.Class, Permissions: a.Permissions})
	}
	least, err := p.Exposure(needed...)
	t.Exposure, t.Beyond = x, max(0, x.Tuples-least.Tuples)
	return err
}

// effect returns what a call of an interface changes in a policy, and what more
// it does under conditions.
func (h *Headers) effect(p *policy.Policy, name, domain string) (changes, conditional []policy.Change, err error) {
	text, err := h.Expand(name, domain)
	if err != nil {
		return nil, nil, err
	}
	frame := h.frame()
	if frame == "" {
		return nil, nil, &module.UnsupportedError{What: "headers without policy_module"}
	}
	te := frame + "\nrequire { type " + domain + "; }\n" + text
	m, err := module.ParseTE(name, []byte(te))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	e := effects{p: p}
	if err := e.add(m.Statements, &e.changes); err != nil {
		return nil, nil, err
	}
	for i := range m.Rules {
		e.changes = append(e.changes, module.Changes(m.Rules[i:i+1])...)
	}
	return e.changes, e.conditional, nil
}

// effects collects what statements change in a policy.
type effects struct {
	p                    *policy.Policy
	changes, conditional []policy.Change
}

func (e *effects) add(statements []module.Statement, to *[]policy.Change) error {
	for _, s := range statements {
		switch s := s.(type) {
		case *module.Require, *module.Comment, *module.TypeRule:
		case *module.Rule:
			*to = append(*to, module.Changes([]module.Rule{*s})...)
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

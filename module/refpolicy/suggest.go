package refpolicy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

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

// Suggest returns the interfaces that allow denied accesses, those first that
// open least beyond what is asked for. It is for accesses to what other modules
// own: an access of a domain to itself needs no interface.
//
// Tried are the interfaces that come to a rule with the class and permissions
// that are denied, and with the target's type or one of its attributes, or that
// give the domain an attribute which may so. Their first argument is the domain;
// further ones, where an interface wants some, are taken from the access: the
// target's type, the class, the source's role, and the prefix that makes one of
// the types' names. A last argument that is a file's name is left out.
//
// Each call is laid over the policy and the accesses decided again. One that does
// not cure any is left out, and so is one that does what can't be laid over a
// policy, such as declaring types. What it says of roles, types of new objects
// and ranges counts for nothing. Rules under a condition count as what the call
// opens, and cure nothing.
//
// The first call takes about a second for the headers of a distribution, all of
// whose interfaces are expanded then.
func (h *Headers) Suggest(p *policy.Policy, accesses []policy.Access) ([]Suggestion, error) {
	tried := make(map[string]*attempt)
	for n, a := range accesses {
		d, err := p.Decide(a)
		if err != nil {
			return nil, err
		}
		if _, err := p.Class(a.Class); err != nil || d.Allowed || a.Source.Type() == a.Target.Type() {
			continue // or nothing that a rule could name
		}
		need, err := newNeed(p, a, d)
		if err != nil {
			return nil, err
		}
		calls, err := h.calls(p, need)
		if err != nil {
			return nil, err
		}
		for _, c := range calls {
			t, err := h.attempt(p, c, need, tried)
			if err != nil {
				return nil, err
			}
			if t.after == nil || slices.Contains(t.Cures, n) {
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
		t.Interface = t.of.documented()
		out = append(out, t.Suggestion)
	}
	slices.SortFunc(out, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(a.Beyond, b.Beyond), -cmp.Compare(len(a.Cures), len(b.Cures)),
			cmp.Compare(tried[a.Call].attributes, tried[b.Call].attributes),
			cmp.Compare(strings.Count(a.Call, ","), strings.Count(b.Call, ",")), cmp.Compare(a.Call, b.Call))
	})
	return out, nil
}

// attempt is a call of an interface, tried.
type attempt struct {
	Suggestion
	of                   *undocumented
	changes, conditional []policy.Change
	attributes           int            // that the call gives
	after                *policy.Policy // with the changes; nil if they can't be made here
}

// attempt works out what a call comes to, once.
func (h *Headers) attempt(p *policy.Policy, c suggestedCall, need *need, tried map[string]*attempt) (*attempt, error) {
	text := c.String()
	t := tried[text]
	if t != nil && t.after != nil {
		return t, nil
	}
	t = &attempt{Suggestion: Suggestion{Call: text}, of: c.of}
	tried[text] = t
	e, err := h.effect(p, c, need)
	if err == nil {
		t.changes, t.conditional, t.attributes = e.changes, e.conditional, e.given
		t.after, err = p.With(t.changes...)
	}
	var name *policy.NameError // of a module that is not installed
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.As(err, &name) {
		return nil, fmt.Errorf("%s: %w", text, err)
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

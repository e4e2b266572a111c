package policy

import (
	"fmt"
	"strconv"

	"github.com/sekit/sekit/internal/policydb"
)

// SID is a context that a policy has looked up and found valid, so that many
// decisions can be made about it without parsing it again: the counterpart of
// the kernel's security identifier. It is an immutable value, good for the
// Policy that made it and for all that [Policy.With] makes of that. The zero
// SID is not valid.
type SID struct {
	sym             *symbols
	user, role, typ uint32
	low, high       policydb.Level
}

// objectR is the value of the role object_r, which the kernel fixes
// (OBJECT_R_VAL): contexts with it skip the checks of role and user.
const objectR = 1

// ContextError says that a context is not valid under a policy, and which part
// of it is to blame. Where the part is a name that the policy doesn't have, it
// wraps a [*NameError].
type ContextError struct {
	Context Context `json:"context"`
	// Part is "user", "role", "type" or "range".
	Part string `json:"part"`
	// Problem says what is wrong.
	Problem string `json:"problem"`
	// Err is the *NameError of an unknown user, role or type, or nil.
	Err error `json:"-"`
}

func (e *ContextError) Error() string {
	return "invalid context " + quote(e.Context.String()) + ": " + e.Part + ": " + e.Problem
}

// Unwrap returns Err, and [ErrInvalidContext].
func (e *ContextError) Unwrap() []error {
	if e.Err != nil {
		return []error{ErrInvalidContext, e.Err}
	}
	return []error{ErrInvalidContext}
}

// SID looks up a context. The error is that of [Policy.CheckContext].
func (p *Policy) SID(c Context) (SID, error) {
	s, err := p.resolve(c)
	if err != nil {
		return SID{}, err
	}
	return s, nil
}

// CheckContext reports whether a context is valid under the policy, by the
// rules of the kernel (string_to_context_struct, policydb_context_isvalid,
// mls_context_isvalid): all names known, the type a type and no attribute; the
// role authorized for the type and the user for the role (object_r goes with
// everything); a range if and only if the policy has them; high dominating
// low, both of categories that go with their sensitivities, and within the
// user's range. The error is a [*ContextError].
func (p *Policy) CheckContext(c Context) error {
	_, err := p.resolve(c)
	if err != nil {
		return err
	}
	return nil
}

// resolve looks up as much of a context as the policy knows. With a problem in
// role, user or range pairing the SID is still usable for a best answer: only
// if a name is unknown (Err is set) is it not. An unusable range counts as the
// lowest level without categories.
func (p *Policy) resolve(c Context) (SID, *ContextError) {
	s := SID{sym: p.sym}
	if !c.IsValid() {
		return SID{}, &ContextError{c, "type", "empty context", &NameError{"type", ""}}
	}
	s.user = p.sym.userByName[c.User()]
	if s.user == 0 {
		return SID{}, unknownPart(c, "user", c.User())
	}
	s.role = p.sym.roleByName[c.Role()]
	if s.role == 0 {
		return SID{}, unknownPart(c, "role", c.Role())
	}
	s.typ = p.sym.typeByName[c.Type()]
	if s.typ == 0 || p.sym.types[s.typ-1].attribute {
		return SID{}, unknownPart(c, "type", c.Type())
	}
	problem := p.resolveRange(&s, c.Range())
	if problem != "" {
		return s, &ContextError{c, "range", problem, nil}
	}
	if part, problem := p.invalid(&s); problem != "" {
		return s, &ContextError{c, part, problem, nil}
	}
	return s, nil
}

func unknownPart(c Context, part, name string) *ContextError {
	return &ContextError{c, part, "unknown " + part + " " + quote(name), &NameError{part, name}}
}

func (p *Policy) resolveRange(s *SID, text string) (problem string) {
	if !p.db.MLS {
		if text != "" {
			return "the policy has no ranges"
		}
		return ""
	}
	low, high, problem := policydb.Level{}, policydb.Level{}, "no range"
	if text != "" {
		low, high, problem = p.sym.parseRange(text)
	}
	if problem != "" {
		low = policydb.Level{Sensitivity: 1}
		high = low
	}
	s.low, s.high = low, high
	return problem
}

// invalid is the kernel's policydb_context_isvalid, negated: which part is
// wrong, and how.
func (p *Policy) invalid(s *SID) (part, problem string) {
	user, role := p.sym.users[s.user-1], p.sym.roles[s.role-1]
	if s.role != objectR {
		if !has(&role.Types, s.typ-1) {
			return "role", fmt.Sprintf("role %s is not authorized for type %s", role.Name, p.sym.types[s.typ-1].name)
		}
		if !has(&user.Roles, s.role-1) {
			return "user", fmt.Sprintf("user %s is not authorized for role %s", user.Name, role.Name)
		}
	}
	if !p.db.MLS {
		return "", ""
	}
	if !dominates(&s.high, &s.low) {
		return "range", "the high level does not dominate the low one"
	}
	for _, l := range []*policydb.Level{&s.low, &s.high} {
		if problem := p.invalidLevel(l); problem != "" {
			return "range", problem
		}
	}
	if s.role != objectR && !rangeContains(&user.Range, &s.low, &s.high) {
		return "range", fmt.Sprintf("not within the range %s of user %s",
			p.sym.appendRange(nil, &user.Range.Low, &user.Range.High), user.Name)
	}
	return "", ""
}

// invalidLevel says which category of a level does not go with its sensitivity.
func (p *Policy) invalidLevel(l *policydb.Level) (problem string) {
	var allowed policydb.Bitmap
	for i := range p.db.Sensitivities {
		if d := &p.db.Sensitivities[i]; !d.Alias && d.Level.Sensitivity == l.Sensitivity {
			allowed = d.Level.Categories
		}
	}
	for c := range l.Categories.All() {
		if !has(&allowed, c) {
			return fmt.Sprintf("category %s does not go with sensitivity %s",
				p.sym.categories[c], p.sym.sensitivities[l.Sensitivity-1])
		}
	}
	return ""
}

// Context returns the context as the kernel would print it: names for
// aliases, categories in order and in runs.
func (s SID) Context() Context {
	if s.sym == nil {
		return Context{}
	}
	var rng string
	if s.low.Sensitivity != 0 {
		rng = string(s.sym.appendRange(nil, &s.low, &s.high))
	}
	return join(s.sym.users[s.user-1].Name, s.sym.roles[s.role-1].Name, s.sym.types[s.typ-1].name, rng)
}

// IsValid reports whether s is not the zero SID.
func (s SID) IsValid() bool { return s.sym != nil }

func quote(s string) string { return strconv.Quote(s) }

package triage

import (
	"fmt"
	"strings"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/policy"
)

// FailureFinding is what is known of a refusal by the kernel's security server
// that is no access decision.
type FailureFinding struct {
	Failure *avc.Failure `json:"failure"`
	Why     []string     `json:"why"`
}

// failure explains a SELINUX_ERR record.
func (t *Triage) failure(f *avc.Failure) FailureFinding {
	var why []string
	switch {
	case f.Op == "compute_sid":
		why = append(why, "a new context was computed that the policy does not have: user, role, type and range are each known, but may not go together")
	case f.Op == "bounded_transition":
		why = append(why, "a process with no_new_privs (or several threads) may only change to a domain that is bounded by its own (typebounds)")
		why = append(why, t.boundOf(f.New, f.Old)...)
	case f.Op == "compute_av" && f.Reason == "bounds":
		why = append(why, fmt.Sprintf("a rule grants %s to %s, but none to the type that bounds it (typebounds): the rule counts for nothing, and another would not either",
			strings.Join(f.Permissions, ", "), f.Source.Type()))
		why = append(why, t.boundOf(f.Source, policy.Context{})...)
	case f.Op == "validate_transition":
		why = append(why, "a validatetrans constraint forbids changing the object's context so")
	case f.Op == "setxattr" || f.Op == "invalid_context":
		why = append(why, "a context was given that the policy does not know")
	default:
		why = append(why, "the kernel's security server refused this; no rule of the policy was asked")
	}
	if c, err := policy.ParseContext(f.Invalid); err == nil {
		if err := t.pol.CheckContext(c); err != nil {
			why = append(why, err.Error())
		} else {
			why = append(why, fmt.Sprintf("the policy at hand accepts %s: it has changed since", c))
		}
	}
	return FailureFinding{Failure: f, Why: why}
}

// boundOf says which type bounds that of a context, and that it is not the one
// of the context it should be, if that is given.
func (t *Triage) boundOf(of, should policy.Context) []string {
	typ, err := t.pol.Type(of.Type())
	if err != nil {
		return nil
	}
	b, ok := typ.Bounds()
	switch {
	case ok && !should.IsValid():
		return []string{fmt.Sprintf("%s is bounded by %s", typ.Name(), b.Name())}
	case !should.IsValid():
		return []string{fmt.Sprintf("in the policy at hand no type bounds %s: it has changed since", typ.Name())}
	case ok && b.Name() == should.Type():
		return []string{fmt.Sprintf("the policy at hand has %s bounded by %s: it has changed since", typ.Name(), b.Name())}
	case ok:
		return []string{fmt.Sprintf("%s is bounded by %s, not by %s", typ.Name(), b.Name(), should.Type())}
	}
	return []string{fmt.Sprintf("%s is not bounded by any type; %s would have to bound it", typ.Name(), should.Type())}
}

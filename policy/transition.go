package policy

import (
	"cmp"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// DomainTransition says how a process of one domain can become one of another
// by executing a file.
type DomainTransition struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Allowed says that allow rules in force let From change to To: the
	// permission transition of the class process. Constraints and role allow
	// depend on whole contexts: ask [Policy.Decide].
	Allowed bool `json:"allowed"`
	// EntryPoints are the types of files through which To can be entered, or
	// could if no rule were missing: complete ones first, among these the
	// automatic ones, then by name.
	EntryPoints []EntryPoint `json:"entry_points,omitempty"`
}

// EntryPoint is a type of executable files as the door to a domain.
type EntryPoint struct {
	Type string `json:"type"`
	// Automatic says that a type_transition rule makes the change when the
	// file is executed; without, the process has to ask for it (setexeccon).
	Automatic bool `json:"automatic"`
	// Missing are the allow rules that are missing: of From to execute the
	// file, of From to change to To, of To to be entered by the file.
	Missing []AllowRule `json:"missing,omitempty"`
}

// DomainTransition says which types of executables lead from one domain to
// another, and which rules are missing. It looks at what the allow rules in
// force and type_transition rules say. Names that the policy doesn't have give
// a [*NameError].
func (p *Policy) DomainTransition(from, to string) (DomainTransition, error) {
	a, err := p.Type(from)
	if err != nil {
		return DomainTransition{}, err
	}
	b, err := p.Type(to)
	if err != nil {
		return DomainTransition{}, err
	}
	q, err := p.newTransitionQuery(a.value)
	if err != nil {
		return DomainTransition{}, err
	}
	return q.to(b.value), nil
}

// DomainTransitions lists the domains that a process of a domain can become by
// executing one file, with the complete entry points to each, in the order of
// their names. Errors are those of [Policy.DomainTransition].
func (p *Policy) DomainTransitions(from string) ([]DomainTransition, error) {
	a, err := p.Type(from)
	if err != nil {
		return nil, err
	}
	q, err := p.newTransitionQuery(a.value)
	if err != nil {
		return nil, err
	}
	var out []DomainTransition
	for i, av := range q.domains {
		if av&q.transition == 0 || uint32(i+1) == a.value {
			continue
		}
		t := q.to(uint32(i + 1))
		t.EntryPoints = slices.DeleteFunc(t.EntryPoints, func(e EntryPoint) bool { return e.Missing != nil })
		if len(t.EntryPoints) > 0 {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b DomainTransition) int { return cmp.Compare(a.To, b.To) })
	return out, nil
}

// transitionQuery is what transitions from one domain need.
type transitionQuery struct {
	p                               *Policy
	from                            uint32
	process, file                   uint32 // classes
	transition, execute, entrypoint uint32 // vectors of these
	domains                         []uint32
	files                           []uint32
}

func (p *Policy) newTransitionQuery(from uint32) (*transitionQuery, error) {
	q := &transitionQuery{p: p, from: from, process: p.engine.processClass, file: p.sym.classByName["file"]}
	if q.process == 0 || q.file == 0 {
		return nil, &NameError{"class", "process"}
	}
	var err error
	for _, perm := range []struct {
		class uint32
		name  string
		av    *uint32
	}{{q.process, "transition", &q.transition}, {q.file, "execute", &q.execute}, {q.file, "entrypoint", &q.entrypoint}} {
		if *perm.av, err = p.vector(perm.class, []string{perm.name}); err != nil {
			return nil, err
		}
	}
	q.domains = p.targetsOf(from, q.process)
	q.files = p.targetsOf(from, q.file)
	return q, nil
}

func (q *transitionQuery) to(to uint32) DomainTransition {
	name := func(v uint32) string { return q.p.sym.types[v-1].name }
	t := DomainTransition{From: name(q.from), To: name(to), Allowed: q.domains[to-1]&q.transition != 0}
	for i, av := range q.p.targetsOf(to, q.file) {
		typ := uint32(i + 1)
		e := EntryPoint{Type: name(typ), Automatic: q.p.typeRule(policydb.TypeTransition, q.from, typ, q.process) == to}
		enters := av&q.entrypoint != 0
		if !enters && !e.Automatic {
			continue
		}
		need := func(ok bool, source, target uint32, class, perm string) {
			if !ok {
				e.Missing = append(e.Missing, AllowRule{name(source), name(target), class, []string{perm}})
			}
		}
		need(q.files[i]&q.execute != 0, q.from, typ, "file", "execute")
		need(t.Allowed, q.from, to, "process", "transition")
		need(enters, to, typ, "file", "entrypoint")
		t.EntryPoints = append(t.EntryPoints, e)
	}
	slices.SortFunc(t.EntryPoints, func(a, b EntryPoint) int {
		return cmp.Or(cmp.Compare(len(a.Missing), len(b.Missing)), falseLast(a.Automatic, b.Automatic), cmp.Compare(a.Type, b.Type))
	})
	return t
}

func falseLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

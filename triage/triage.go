package triage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// Options are the choices a caller has. The zero Options is the right one for
// most.
type Options struct {
	// Lifts take back refusals of the module guard, item by item.
	Lifts []module.Lift
}

// Triage explains denials on one machine's policy and finds their fixes. It
// keeps what it has worked out about the policy; any number of goroutines may
// use it.
type Triage struct {
	sys   *sekit.System
	pol   *policy.Policy
	guard module.Guard
	types *typeFacts
}

// New returns a Triage for a machine. The System must have a Policy; without
// Contexts there are no fixes by context.
func New(sys *sekit.System, opts Options) (*Triage, error) {
	if sys == nil || sys.Policy == nil {
		return nil, errors.New("triage: no policy")
	}
	own := *sys
	if own.Ports == nil {
		own.Ports = port.NewTable(own.Policy, nil)
	}
	return &Triage{
		sys:   &own,
		pol:   own.Policy,
		guard: module.Guard{Lifts: opts.Lifts},
		types: newTypeFacts(&own),
	}, nil
}

// Explain says why a denial happened and which fixes cure it. An avc.Denial
// that reports a granted access is explained as one that the policy allows.
func (t *Triage) Explain(d *avc.Denial) Finding {
	return t.explain(&group{denial: d, count: 1, first: d.ID.Time, last: d.ID.Time, permissions: d.Permissions})
}

// explain works on all repetitions of a denial at once.
func (t *Triage) explain(g *group) Finding {
	d := g.denial
	f := Finding{
		Denial: d, Count: g.count, First: g.first, Last: g.last,
		Access:     d.Access(),
		Permissive: d.Permissive == avc.Yes,
		Object:     shown(objectOf(d)),
	}
	f.Access.Permissions = g.permissions
	c := &investigation{t: t, d: d, f: &f, at: cleanPath(d.FullPath)}
	c.noteRecord()
	if !d.Complete() {
		f.Status = Undecided
		f.why("the record is incomplete: it lacks %s", missing(d))
		return f
	}
	decision, err := t.pol.Decide(f.Access)
	if err != nil {
		c.undecided(err)
		return f
	}
	f.Decision = &decision
	if decision.Allowed || d.Verdict == avc.Granted {
		f.Status = Allowed
		c.allowed()
		return f
	}
	f.Status = Open
	c.reasons()
	if c.stray() {
		return f
	}
	c.operation = c.steps()
	for _, candidates := range []func(){c.byContext, c.byPort, c.byBoolean, c.byModule} {
		candidates()
	}
	c.remarks()
	slices.SortStableFunc(f.Fixes, compareFixes)
	return f
}

// investigation is one denial being explained.
type investigation struct {
	t *Triage
	d *avc.Denial
	f *Finding
	// at is the object's path, clean; "" if it is not known.
	at string
	// operation is what the system call needs as a whole; the denied access
	// comes first.
	operation []Step
	// mislabelled says that the object has not the type that the file contexts
	// give it, and that this one does not cure the denial either.
	mislabelled bool
}

func (f *Finding) why(format string, args ...any) {
	f.Why = append(f.Why, sentence(format, args...))
}

func (f *Finding) note(id, format string, args ...any) {
	if n := (Note{ID: id, Text: sentence(format, args...)}); !slices.Contains(f.Notes, n) {
		f.Notes = append(f.Notes, n)
	}
}

func (f *Finding) reject(k Kind, summary, format string, args ...any) {
	r := Rejected{Kind: k, Summary: summary, Reason: sentence(format, args...)}
	if !slices.Contains(f.Rejected, r) {
		f.Rejected = append(f.Rejected, r)
	}
}

// undecided explains why the policy has no answer.
func (c *investigation) undecided(err error) {
	c.f.Status = Undecided
	var unknown *policy.NameError
	if !errors.As(err, &unknown) {
		c.f.why("%v", err)
		return
	}
	c.f.why("the policy has no %s %q: the record is from another policy, or the module that had it was removed", unknown.Kind, unknown.Name)
	c.undecidedLabel(unknown)
	if raw := c.d.TargetRaw; raw != "" && unknown.Name == c.d.Target.Type() {
		c.f.why("the object carries %q, which the loaded policy does not know", raw)
	}
}

// undecidedLabel says what the file contexts have for an object whose type the
// policy does not know.
func (c *investigation) undecidedLabel(unknown *policy.NameError) {
	kind, isFile := fileKind(c.d.Class)
	if !isFile || c.at == "" || unknown.Name != c.d.Target.Type() || c.t.sys.Contexts == nil || c.contained() {
		return
	}
	if m, ok := c.t.sys.Contexts.Lookup(c.at, kind); ok && !m.None {
		c.f.note("relabel", "the file contexts have %s for %s, which restorecon gives it", m.Context.Type(), c.at)
	}
}

// allowed explains a denial that the policy at hand would not make.
func (c *investigation) allowed() {
	if c.d.Verdict == avc.Granted {
		c.f.why("the access was granted; an auditallow rule reports it")
		return
	}
	if unknown := c.f.Decision.Unknown; unknown != nil {
		what := "the class " + c.f.Access.Class
		if _, err := c.t.pol.Class(c.f.Access.Class); err == nil {
			what = strings.Join(unknown, ", ") + " of the class " + c.f.Access.Class
		}
		c.f.why("the policy at hand does not know %s, and the kernel lets pass what it does not know (handle_unknown=allow): another policy was in force", what)
		return
	}
	c.f.why("the policy at hand allows this: it was changed since, a boolean was set, or another policy was in force")
}

// reasons puts the decision's reasons into sentences.
func (c *investigation) reasons() {
	conditions := make(map[string]bool)
	for _, r := range c.f.Decision.Reasons() {
		if off, ok := r.(policy.RuleOff); ok {
			// Of the rules that one condition switches, one tells enough.
			cond, _ := off.Rule.Condition()
			key := fmt.Sprint(cond, off.Rule.Source(), off.Rule.Target())
			if conditions[key] {
				continue
			}
			conditions[key] = true
		}
		c.f.why("%s", r)
	}
	if hidden := c.hiddenPermissions(); hidden != nil {
		c.f.note("dontaudit", "a dontaudit rule hides the denial of %s: it is logged only while such rules are off (semodule -DB), and the policy's authors hold that the program gets along without: see whether anything fails before you allow it",
			strings.Join(hidden, ", "))
	}
	for _, p := range []*policy.ContextError{c.f.Decision.SourceProblem, c.f.Decision.TargetProblem} {
		if p != nil {
			c.f.note("invalid-context", "%v", p)
		}
	}
	if raw := c.d.TargetRaw; raw != "" {
		c.f.why("the object carries %s, which the loaded policy does not know, and so counts as %s", raw, c.d.Target.Type())
	}
	if c.f.Permissive || c.f.Decision.Permissive {
		c.f.note("permissive", "the access went through because %s; it is denied once that ends", c.permissiveBecause())
	}
}

// hiddenPermissions are those denied that dontaudit rules keep out of the log.
func (c *investigation) hiddenPermissions() []string {
	var hidden []string
	for _, r := range c.f.Decision.Denied {
		if r.Hidden {
			hidden = append(hidden, r.Permission)
		}
	}
	return hidden
}

// stray reports whether the process has no context of the loaded policy: the
// kernel then decides for unlabeled_t, and a rule for that would serve every
// such process.
func (c *investigation) stray() bool {
	unlabeled, err := c.t.pol.InitialSID("unlabeled")
	raw := c.d.SourceRaw
	if raw == "" && (err != nil || c.d.Source.Type() != unlabeled.Context.Type()) {
		return false
	}
	if raw == "" {
		raw = "a context"
	}
	c.f.why("the process carries %s, which the loaded policy does not know: its module was removed while it ran", raw)
	c.f.note("stray-process", "install the module that has the type again, or stop the process; nothing is to be allowed to %s", c.d.Source.Type())
	return true
}

func (c *investigation) permissiveBecause() string {
	if c.f.Decision.Permissive {
		return c.d.Source.Type() + " is a permissive domain"
	}
	return "the system was in permissive mode"
}

// noteRecord says what the record itself tells of its worth.
func (c *investigation) noteRecord() {
	if c.d.Manager != nil {
		c.f.note("userspace", "a userspace object manager decided this (%s), not the kernel", describeManager(c.d))
	}
	if !c.d.Provenance.Trusted() && c.d.Manager == nil {
		c.f.note("provenance", "the record comes from %s, which other programs can write: make sure that it is real before you open anything", c.d.Provenance)
	}
}

func describeManager(d *avc.Denial) string {
	if d.Manager.Exe != "" {
		return d.Manager.Exe
	}
	return "pid " + fmt.Sprint(d.Manager.Pid)
}

func missing(d *avc.Denial) string {
	switch {
	case !d.Source.IsValid():
		return "a valid source context"
	case !d.Target.IsValid():
		return "a valid target context"
	case d.Class == "":
		return "the class"
	}
	return "the permissions"
}

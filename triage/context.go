package triage

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// maxTypes is how many types are offered for one path.
const maxTypes = 3

// byContext tries to cure the denial by giving the object, or the program that
// runs in the wrong domain, the context that it should have.
func (c *investigation) byContext() {
	kind, isFile := fileKind(c.d.Class)
	if isFile && c.contained() {
		c.f.note("contained", "%s runs at a level of its own (%s), as containers do: paths are those that it sees, not the host's", c.d.Source.Type(), c.d.Source.Range())
		c.byVolume()
		c.byLevel()
		return
	}
	c.byExecutable()
	if !isFile || c.leaked() {
		return
	}
	p, ok := c.path()
	if !ok {
		return
	}
	if c.t.sys.Contexts == nil {
		c.f.note("no-contexts", "there are no file contexts to say what %s should have", p)
		return
	}
	switch {
	case c.byFileSystem():
		c.f.note("genfs", "the file system that %s is on takes its contexts from the policy or from the mount option context=: relabelling changes nothing", p)
		return
	case area(p) == "/dev" && c.d.Dev == "devpts":
		c.f.note("terminal", "a terminal has the type of the session that it is for: it was handed to the program, or is another's, and has not to be relabelled")
		return
	case c.secret():
		c.f.reject(Context, sentence("give %s another type", p), "%s is what the policy keeps from ordinary domains: see what the file is and how it got there", c.d.Target.Type())
		return
	}
	expected, found := c.t.sys.Contexts.Lookup(p, kind)
	if found && expected.None {
		c.f.note("no-label", "the file contexts leave %s alone (<<none>>)", p)
		c.byParent(p, kind)
		c.byMove(kind)
		return
	}
	if p == "/" {
		c.f.note("root", "what has the path / may as well be the root directory of a process in another mount namespace")
		return
	}
	if found && expected.Context.Type() != c.canonical(c.d.Target.Type()) {
		if c.byRestorecon(p, expected) {
			return
		}
	} else if found {
		c.f.why("%s has the type that the file contexts give it, %s (%s)", p, expected.Context.Type(), where(expected.Spec))
	}
	if c.onlyConstrained() {
		if found {
			c.byWholeContext(p, expected)
		}
		c.byUser(p)
		return // no type would help
	}
	c.bySpec(p, kind, expected, found)
	if kind == fcontext.Dir {
		c.byDirectory(p)
	}
	if !c.belongs(p, kind, expected, found) {
		c.byMove(kind)
	}
}

// byParent tries the type of the directory on a file that the file contexts
// leave alone: what is made there gets it, what was moved there kept its own.
func (c *investigation) byParent(p string, kind fcontext.Kind) {
	m, ok := c.t.sys.Contexts.Lookup(path.Dir(p), fcontext.Dir)
	if !ok || m.None || c.executes() || isStandard(path.Dir(p)) || c.d.PathCertainty != avc.CertaintyKnown {
		return
	}
	to := c.d.Target.WithType(m.Context.Type())
	fix, ok := c.try(&candidate{
		kind:    Context,
		summary: sentence("give %s the type of its directory: %s", p, m.Context.Type()),
		manual: sentence("have it made anew where it is, by the program that is meant to, or run: %s",
			Command{"chcon", "-t", m.Context.Type(), p}.String()),
		relabel: c.relabel(p, false, "", to),
		apply: func(s Step) Step {
			if s.Path == p {
				s.Access.Target = to
			}
			return s
		},
		exposure: c.relabelExposure(m.Context.Type()),
	})
	if ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
}

func where(s fcontext.Spec) string {
	if s.File == "" {
		return "spec " + s.Pattern
	}
	return fmt.Sprintf("spec %s, %s line %d", s.Pattern, path.Base(strings.ReplaceAll(s.File, `\`, "/")), s.Line)
}

// onlyConstrained reports whether type enforcement grants all that is denied.
func (c *investigation) onlyConstrained() bool {
	for _, r := range c.f.Decision.Reasons() {
		switch r.Kind() {
		case "no-rule", "rule-off", "xperm":
			return false
		}
	}
	return true
}

// canonical returns the name that an alias of a type stands for.
func (c *investigation) canonical(name string) string {
	if typ, err := c.t.pol.Type(name); err == nil {
		return typ.Name()
	}
	return name
}

// byRestorecon tries the context that the file contexts expect.
func (c *investigation) byRestorecon(p string, expected fcontext.Match) bool {
	to := c.d.Target.WithType(expected.Context.Type())
	if c.customized() {
		to = expected.Context
	}
	recursive := c.d.Class == "dir" && !isStandard(p)
	cand := candidate{
		kind:     Context,
		summary:  sentence("restore the context of %s: %s", p, expected.Context.Type()),
		commands: []Command{c.restorecon(p, recursive)},
		undo:     c.chcon(p, recursive),
		settings: sekit.Settings{Relabel: []sekit.Relabel{{Path: p, Recursive: recursive, Whole: c.customized()}}},
		relabel:  c.relabel(p, recursive, "", to),
		apply:    c.applyContexts(c.t.sys.Contexts, p, recursive),
		exposure: c.relabelExposure(expected.Context.Type()),
	}
	c.afterExecution(&cand, to)
	c.f.why("%s has the type %s; the file contexts say %s (%s)", p, c.d.Target.Type(), expected.Context.Type(), where(expected.Spec))
	if !c.cures(&cand) && (c.executes() && !c.t.types.program(expected.Context.Type()) || !c.switchOn(&cand)) {
		c.mislabelled = true
	}
	fix, ok := c.try(&cand)
	if ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
	return ok
}

// byWholeContext tries the user, role and range that the file contexts expect,
// which restorecon leaves as they are unless it is forced: categories that were
// given to the object keep out all processes that lack them.
func (c *investigation) byWholeContext(p string, expected fcontext.Match) {
	if c.d.Target == expected.Context || c.customized() {
		return
	}
	fix, ok := c.try(&candidate{
		kind:     Context,
		summary:  sentence("restore the whole context of %s: %s", p, expected.Context),
		commands: []Command{{"restorecon", "-F", "-v", p}},
		undo:     c.chcon(p, false),
		settings: sekit.Settings{Relabel: []sekit.Relabel{{Path: p, Whole: true}}},
		relabel:  c.relabel(p, false, "", expected.Context),
		apply: func(s Step) Step {
			if s.Path == p {
				s.Access.Target = expected.Context
			}
			return s
		},
		exposure: func() (policy.Exposure, error) { return policy.Exposure{}, nil },
		warnings: []string{sentence("%s may have been given on purpose: find out who did before all that %s keeps out can have it", c.d.Target, c.d.Target.Range())},
	})
	if ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
}

// byUser tries the process's SELinux user on an object of another's, where the
// policy keeps users apart.
func (c *investigation) byUser(p string) {
	to := c.d.Target.WithUser(c.d.Source.User())
	relabels := func(perm string) bool { return strings.HasPrefix(perm, "relabel") }
	if to == c.d.Target || len(c.f.Fixes) > 0 || slices.ContainsFunc(c.f.Access.Permissions, relabels) {
		return
	}
	fix, ok := c.try(&candidate{
		kind:    Context,
		summary: sentence("give %s the SELinux user of the process: %s", p, c.d.Source.User()),
		manual:  sentence("if the file is to be that user's, and no longer %s's, run: %s", c.d.Target.User(), Command{"chcon", "-u", c.d.Source.User(), p}.String()),
		relabel: c.relabel(p, false, "", to),
		apply: func(s Step) Step {
			if s.Path == p {
				s.Access.Target = to
			}
			return s
		},
		exposure: func() (policy.Exposure, error) { return policy.Exposure{}, nil },
		warnings: []string{sentence("the policy keeps the files of SELinux users apart: processes of %s lose this one", c.d.Target.User())},
	})
	if ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
}

// applyContexts gives steps on p (and below, if recursive) the type that a
// database has for them. restorecon without -F changes the type alone, and with
// it user, role and range too.
func (c *investigation) applyContexts(db *fcontext.DB, p string, recursive bool) func(Step) Step {
	return func(s Step) Step {
		if s.born {
			return c.reborn(s, db, p, recursive)
		}
		if s.Path != p && !(recursive && below(s.Path, p)) {
			return s
		}
		kind, isFile := fileKind(s.Access.Class)
		if m, ok := db.Lookup(s.Path, kind); isFile && ok && !m.None {
			if s.Access.Target = s.Access.Target.WithType(m.Context.Type()); c.customized() {
				s.Access.Target = m.Context
			}
		}
		return s
	}
}

// customized reports whether the object has a type that restorecon takes for
// one given on purpose, and leaves unless it is forced.
func (c *investigation) customized() bool {
	return slices.Contains(c.t.sys.CustomizableTypes, c.d.Target.Type())
}

// reborn is the making of an object in a directory that has been relabelled.
func (c *investigation) reborn(s Step, db *fcontext.DB, p string, recursive bool) Step {
	dir := path.Dir(s.Path)
	if dir != p && !(recursive && below(dir, p)) {
		return s
	}
	m, ok := db.Lookup(dir, fcontext.Dir)
	if !ok || m.None {
		return s
	}
	context, err := c.t.pol.NewContext(c.d.Source, c.d.Target.WithType(m.Context.Type()), s.Access.Class, path.Base(s.Path))
	if err == nil {
		s.Access.Target = context
	}
	return s
}

func (c *investigation) relabel(p string, recursive bool, spec string, to policy.Context) *Relabel {
	return &Relabel{Path: p, Recursive: recursive, Spec: spec,
		From: c.d.Target, To: to, FromText: c.d.Target.String(), ToText: to.String()}
}

// relabelExposure prices giving the object another type.
func (c *investigation) relabelExposure(to string) func() (policy.Exposure, error) {
	return func() (policy.Exposure, error) {
		return c.t.types.relabelExposure(c.d.Target.Type(), to, c.d.Class)
	}
}

func (c *investigation) restorecon(p string, recursive bool) Command {
	cmd := Command{"restorecon"}
	if c.customized() {
		cmd = append(cmd, "-F")
	}
	if recursive {
		return append(cmd, "-Rv", p)
	}
	return append(cmd, "-v", p)
}

// chcon gives an object back the context that it was denied with. Of a whole
// tree the log does not know what each file had; nor can a context be given
// that the policy does not know.
func (c *investigation) chcon(p string, recursive bool) []Command {
	if recursive || c.d.TargetRaw != "" {
		return nil
	}
	return []Command{{"chcon", "-h", c.d.Target.String(), p}}
}

// byRule tries the types that the domain may use so, each by a local fcontext
// spec.
func (c *investigation) byRule(p string, kind fcontext.Kind, types []string) {
	for _, typ := range types {
		if cand, ok := c.rule(p, kind, typ); ok {
			if fix, ok := c.try(&cand); ok {
				c.f.Fixes = append(c.f.Fixes, fix)
			}
		}
	}
}

// rule makes the candidate that gives a path a type by a local fcontext spec.
func (c *investigation) rule(p string, kind fcontext.Kind, typ string) (candidate, bool) {
	root, pattern, recursive, ok := c.ruleFor(p, kind)
	if !ok {
		return candidate{}, false
	}
	spec := fcontext.Spec{Pattern: pattern, Context: systemFile(typ, c.t.pol.MLS())}
	if !recursive {
		spec.Kind = kind
	}
	to := c.d.Target.WithType(typ)
	if c.customized() {
		to = spec.Context
	}
	db, err := c.t.sys.Contexts.With(spec)
	summary := sentence("label %s as %s", pattern, typ)
	if err != nil {
		c.f.reject(Context, summary, "%v", err)
		return candidate{}, false
	}
	if m, ok := db.Lookup(p, kind); !ok || m.Context.Type() != typ {
		c.f.reject(Context, summary, "another spec decides for %s: %s", p, where(m.Spec))
		return candidate{}, false
	}
	do, undo := c.semanage(spec)
	cand := candidate{
		kind: Context, summary: summary,
		commands: []Command{do, c.restorecon(root, recursive)},
		undo:     []Command{undo, c.restorecon(root, recursive)},
		settings: sekit.Settings{
			Contexts: []fcontext.LocalSetting{{Pattern: spec.Pattern, Kind: spec.Kind, Type: typ}},
			Relabel:  []sekit.Relabel{{Path: root, Recursive: recursive, Whole: c.customized()}},
		},
		relabel:  c.relabel(root, recursive, pattern, to),
		apply:    c.applyContexts(db, root, recursive),
		more:     c.rootStep(root, recursive, to),
		exposure: c.relabelExposure(typ),
	}
	if recursive && path.Dir(root) == "/" {
		cand.warnings = append(cand.warnings, sentence("all of %s gets this type: see first that it is there for nothing else", root))
	}
	c.afterExecution(&cand, to)
	return cand, true
}

// rootStep is the way through a relabelled tree's own directory, where the log
// says nothing of it.
func (c *investigation) rootStep(root string, recursive bool, to policy.Context) []Step {
	if !recursive || root == c.at {
		return nil
	}
	return []Step{{Path: root, Assumed: true, Access: policy.Access{
		Source: c.d.Source, Target: to, Class: "dir", Permissions: []string{"search"},
	}}}
}

// ruleFor says what a local spec for a path is to cover: a directory that was
// denied with all below it, a site's own directory that the policy knows
// nothing of, or the object alone.
func (c *investigation) ruleFor(p string, kind fcontext.Kind) (root, pattern string, recursive, ok bool) {
	root, recursive = p, kind == fcontext.Dir
	if dir := path.Dir(p); kind == fcontext.File && !c.executes() && !c.wantsExecmod() && !isStandard(dir) {
		m, ok := c.t.sys.Contexts.Lookup(dir, fcontext.Dir)
		mp, _ := c.t.sys.Contexts.Lookup(p, kind)
		if !ok || c.t.types.base(m.Context.Type()) && m.Context.Type() == mp.Context.Type() {
			root, recursive = c.top(dir, m.Context.Type()), true
		}
	}
	// semanage wants the path as it is after substitutions (/run for /var/run),
	// and so does the look-up.
	spot := c.t.sys.Contexts.Explain(root, kind).Path
	var err error
	if recursive {
		pattern, err = fcontext.TreePattern(spot)
	} else {
		pattern, err = fcontext.QuotePath(spot)
	}
	if err != nil || recursive && (isStandard(root) || isStandard(spot)) {
		if err == nil {
			err = fmt.Errorf("%s belongs to the whole system", root)
		}
		c.f.note("no-spec", "no fcontext spec is offered for %s: %v", strconv.Quote(root), err)
		return "", "", false, false
	}
	return root, pattern, recursive, true
}

// top is the directory at which a tree of files that nobody has labelled
// begins. A process that is not permissive has come through the directories
// above dir, so that these are labelled, though not by the file contexts, if it
// may not pass those of the tree's type; a permissive one passes where it would
// be refused.
func (c *investigation) top(dir, typ string) string {
	if !c.f.Permissive && !c.passes(typ) || c.loadsLibrary(c.at) {
		return dir
	}
	for up := path.Dir(dir); !isStandard(up) && purpose(dir, fcontext.Dir) == purpose(up, fcontext.Dir); up = path.Dir(up) {
		if !c.f.Permissive && path.Dir(up) == "/" {
			break // more may be there than this
		}
		m, ok := c.t.sys.Contexts.Lookup(up, fcontext.Dir)
		if !ok || m.None || m.Context.Type() != typ {
			break
		}
		dir = up
	}
	return dir
}

// passes reports whether the domain may pass directories of a type.
func (c *investigation) passes(typ string) bool {
	d, err := c.t.pol.Decide(policy.Access{Source: c.d.Source, Target: systemFile(typ, c.t.pol.MLS()), Class: "dir", Permissions: []string{"search"}})
	return err == nil && d.Allowed
}

func systemFile(typ string, mls bool) policy.Context {
	c := "system_u:object_r:" + typ
	if mls {
		c += ":s0"
	}
	ctx, err := policy.ParseContext(c)
	if err != nil {
		return policy.Context{}
	}
	return ctx
}

// semanage returns the command that makes a local spec, and the one that takes
// it back. A pattern that has a spec of the same kind already, the policy's or a
// local one, is modified, as semanage calls it.
func (c *investigation) semanage(spec fcontext.Spec) (do, undo Command) {
	cmd := func(op string, args ...string) Command {
		cmd := Command{"semanage", "fcontext", op}
		if spec.Kind != fcontext.Any || op == "-d" {
			cmd = append(cmd, "-f", semanageKind(spec.Kind))
		}
		return append(append(cmd, args...), spec.Pattern)
	}
	op := "-a"
	undo = cmd("-d")
	for s := range c.t.sys.Contexts.Specs() {
		if s.Pattern != spec.Pattern || s.Kind != spec.Kind {
			continue
		}
		op = "-m"
		switch {
		case !strings.HasSuffix(s.File, ".local"):
		case s.None:
			undo = cmd("-m", "-t", "<<none>>")
		default:
			undo = cmd("-m", "-t", s.Context.Type())
		}
	}
	return cmd(op, "-t", spec.Context.Type()), undo
}

// semanageKind is a file kind as semanage fcontext -f takes it.
func semanageKind(k fcontext.Kind) string {
	switch k {
	case fcontext.Any:
		return "a"
	case fcontext.File:
		return "f"
	}
	return strings.TrimPrefix(k.Flag(), "-")
}

// typesFor returns the types to offer for a path, the likeliest first: those
// that the domain may use so and that the policy's authors made for a purpose.
func (c *investigation) typesFor(p string, kind fcontext.Kind, mayUse func(typ string) bool) []string {
	first := c.operation[0].Access
	allowed, err := c.t.pol.AllowedTargets(first.Source.Type(), first.Class, first.Permissions...)
	if err != nil {
		return nil
	}
	names := make([]string, len(allowed))
	for i, typ := range allowed {
		names[i] = typ.Name()
	}
	return c.choose(names, p, kind, mayUse)
}

// choose returns those of some types that are worth to be offered for a path,
// the likeliest first.
func (c *investigation) choose(types []string, p string, kind fcontext.Kind, mayUse func(typ string) bool) []string {
	var choices []choice
	as := c.purpose(p, kind)
	general := c.generalType(as, kind)
	for _, name := range types {
		typ, err := c.t.pol.Type(name)
		switch {
		case err != nil || name == c.canonical(c.d.Target.Type()) || !mayUse(name):
			continue
		case name == general: // is not made for one purpose, but for this one
		case c.t.types.unplaced(name) && !c.t.types.owned(name, c.d.Source.Type()):
			continue
		case !c.t.types.usable(typ, c.executes()) && !c.ownSecret(name, as), !c.t.types.fits(name, p, as, kind):
			continue
		}
		x, err := c.relabelExposure(name)()
		if err != nil {
			continue
		}
		r := rank{
			follows:  !c.wholeOperation(name),
			foreign:  !named(name, c.d.Source.Type()) && !c.t.types.owned(name, c.d.Source.Type()),
			adopted:  !named(name, c.d.Source.Type()),
			stranger: !sibling(name, c.canonical(c.d.Target.Type())),
			misfit:   c.t.types.kept(name, p, as, kind),
			exposure: x.Tuples,
			afar:     !c.t.types.native(name, p),
		}
		if name != general && r.foreign && (x.Sources > wideSources || c.t.types.others(name, c.d.Source.Type())) {
			continue // made for many, or for somebody else
		}
		choices = append(choices, choice{name, r})
	}
	if slices.ContainsFunc(choices, func(ch choice) bool { return ch.name == general }) {
		choices = slices.DeleteFunc(choices, func(ch choice) bool { return ch.name != general && ch.rank.foreign })
	}
	return c.likeliest(choices, p, kind)
}

// choice is a type that may be offered for a path.
type choice struct {
	name string
	rank rank
}

// likeliest returns the choices to show, in their order.
func (c *investigation) likeliest(choices []choice, p string, kind fcontext.Kind) []string {
	if len(choices) == 0 {
		return nil
	}
	// How many specs a type has tells something beside its peers'.
	best := slices.MinFunc(choices, func(a, b choice) int { return a.rank.compare(b.rank) })
	broadest := 0
	for _, ch := range choices {
		if !ch.rank.worse(best.rank) {
			broadest = max(broadest, c.t.types.specs[ch.name])
		}
	}
	for i := range choices {
		name := choices[i].name
		if broadest == 0 && c.t.types.unplaced(name) {
			continue
		}
		plain := kind == fcontext.File || kind == fcontext.Dir
		few := c.t.types.specs[name]*broadly < broadest && (plain || !c.t.types.native(name, p))
		choices[i].rank.narrow = few || plain && !c.t.types.trees[name]
	}
	slices.SortStableFunc(choices, func(a, b choice) int { return a.rank.compare(b.rank) })
	var names []string
	for _, ch := range choices {
		if len(names) == maxTypes || ch.rank.worse(choices[0].rank) {
			break
		}
		names = append(names, ch.name)
	}
	return names
}

// ownSecret reports whether a type is for the domain's own files of the kind
// that a path's name speaks of, though the policy keeps these from others: what
// gets it is the better kept.
func (c *investigation) ownSecret(name, as string) bool {
	return as != "" && strings.HasPrefix(name, stem(c.d.Source.Type())) && c.t.types.places[name][as] > 0
}

// generalType is the type of what is nobody's in particular in the directory of
// hier(7) that a path's name speaks of, "" if it speaks of none.
func (c *investigation) generalType(as string, kind fcontext.Kind) string {
	if as == "" {
		return ""
	}
	m, ok := c.t.sys.Contexts.Lookup(as+nowhere, kind)
	if !ok || m.None || !c.t.types.general(m.Context.Type()) {
		return ""
	}
	return m.Context.Type()
}

// wholeOperation reports whether type enforcement lets the operation through
// on objects of one type.
func (c *investigation) wholeOperation(typ string) bool {
	for _, s := range c.operation {
		s.Access.Target = s.Access.Target.WithType(typ)
		d, err := c.t.pol.Decide(s.Access)
		if err != nil {
			return false
		}
		for _, r := range d.Reasons() {
			if r.Kind() == "no-rule" || r.Kind() == "rule-off" {
				return false
			}
		}
	}
	return true
}

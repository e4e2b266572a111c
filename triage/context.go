package triage

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

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
	if c.creates() {
		c.byMaking(p, kind)
		return
	}
	expected, found := c.t.sys.Contexts.Lookup(p, kind)
	if found && expected.None {
		c.f.note("no-label", "the file contexts leave %s alone (<<none>>)", p)
		c.byParent(p, kind)
		c.byMove(kind)
		if c.executes() {
			c.byInstalling(p)
		}
		return
	}
	if p == "/" {
		c.f.note("root", "what has the path / may as well be the root directory of a process in another mount namespace")
		return
	}
	if found && expected.Context.Type() != c.canonical(c.d.Target.Type()) {
		if c.byRestorecon(p, expected) && !c.barren(p, expected) {
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
	if c.byHomes(p, kind, expected, found) {
		return
	}
	c.bySpec(p, kind, expected, found)
	if kind == fcontext.Dir {
		c.byDirectory(p)
	}
	if inHome(p) || !c.belongs(p, kind, expected, found) {
		c.byMove(kind)
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
	if c.barren(p, expected) {
		cand.more = append(cand.more, Step{Assumed: true, Access: c.look(to)})
	}
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

// barren reports whether a directory that the process works on would get a type
// with which that leads to nothing: one that labels what nobody has labelled more
// closely, and whose files the domain may not even read.
func (c *investigation) barren(p string, expected fcontext.Match) bool {
	works := func(perm string) bool { return perm != "getattr" && perm != "search" }
	typ := expected.Context.Type()
	if c.d.Class != "dir" || isStandard(p) || !unclaimed(p) || !c.t.types.base(typ) || !slices.ContainsFunc(c.f.Access.Permissions, works) {
		return false
	}
	d, err := c.t.pol.Decide(c.look(c.d.Target.WithType(typ)))
	return err == nil && !d.Allowed
}

// look is the reading of a file of a context.
func (c *investigation) look(file policy.Context) policy.Access {
	return policy.Access{Source: c.d.Source, Target: file, Class: "file", Permissions: []string{"getattr", "open", "read"}}
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

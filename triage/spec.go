package triage

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

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

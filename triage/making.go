package triage

import (
	"path"
	"slices"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// creates reports whether the denied access is the making of a file: there is
// none yet, and the context is the one that it would have got from its directory
// (may_create in security/selinux/hooks.c).
func (c *investigation) creates() bool {
	_, isFile := fileKind(c.d.Class)
	return isFile && slices.Contains(c.f.Access.Permissions, "create")
}

// byMaking tries other types for the directory that something was to be made
// in. What is not there can't be relabelled.
func (c *investigation) byMaking(p string, kind fcontext.Kind) {
	dir := path.Dir(p)
	c.f.note("created", "%s was to be made: it gets its type from its directory and from type_transition rules, not from the file contexts", p)
	expected, found := c.t.sys.Contexts.Lookup(dir, fcontext.Dir)
	if !found || expected.None || isStandard(dir) {
		c.byMove(kind)
		return
	}
	if expected.Context.Type() != c.canonical(c.d.Target.Type()) && c.byDirectoryLabel(dir, expected) {
		return
	}
	if c.d.PathCertainty == avc.CertaintyKnown && unclaimed(dir) && !c.onlyConstrained() && !c.belongs(dir, fcontext.Dir, expected, found) {
		types := c.choose(c.makers(p), dir, fcontext.Dir, func(string) bool { return true })
		c.byRule(dir, fcontext.Dir, types)
	}
	c.byMove(kind)
}

// byDirectoryLabel tries to restore the context of a directory.
func (c *investigation) byDirectoryLabel(dir string, expected fcontext.Match) bool {
	cand := candidate{
		kind:     Context,
		summary:  sentence("restore the context of the directory %s: %s", dir, expected.Context.Type()),
		commands: []Command{{"restorecon", "-v", dir}},
		settings: sekit.Settings{Relabel: []sekit.Relabel{{Path: dir}}},
		relabel:  c.relabel(dir, false, "", c.d.Target.WithType(expected.Context.Type())),
		apply:    c.applyContexts(c.t.sys.Contexts, dir, false),
		exposure: c.relabelExposure(expected.Context.Type()),
	}
	fix, ok := c.try(&cand)
	if ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
	return ok
}

// makers returns the types of directories in which the domain may make what it
// was denied.
func (c *investigation) makers(p string) []string {
	entries, err := c.t.pol.AllowedTargets(c.d.Source.Type(), "dir", "search", "write", "add_name")
	if err != nil {
		return nil
	}
	var types []string
	for _, typ := range entries {
		made, err := c.t.pol.NewContext(c.d.Source, c.d.Target.WithType(typ.Name()), c.d.Class, path.Base(p))
		if err != nil {
			continue
		}
		access := policy.Access{Source: c.d.Source, Target: made, Class: c.d.Class, Permissions: c.f.Access.Permissions}
		if d, err := c.t.pol.Decide(access); err == nil && d.Allowed {
			types = append(types, typ.Name())
		}
	}
	return types
}

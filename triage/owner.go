package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
)

// bySpec tries a local fcontext spec, where one may be made: for what nobody
// has labelled, and among the domain's own types.
func (c *investigation) bySpec(p string, kind fcontext.Kind, expected fcontext.Match, found bool) {
	if c.d.PathCertainty != avc.CertaintyKnown {
		// The path was pieced together from what a process may write itself.
		if found && expected.Context.Type() != c.canonical(c.d.Target.Type()) || !c.onlyLooks() {
			c.f.note("no-spec", "no fcontext spec is offered for a path that is not certain")
			return
		}
	}
	summary := "give " + p + " a type of " + c.d.Source.Type() + "'s"
	var mayUse func(typ string) bool
	switch {
	case c.executes():
		if mayUse = c.programsType(p, kind, expected, found); mayUse == nil {
			c.f.reject(Context, summary, "it would make a program of what is none, or another program of it: whether it is one is for people to say")
			return
		}
	case found && c.t.types.program(expected.Context.Type()) || c.t.types.program(c.canonical(c.d.Target.Type())):
		c.f.reject(Context, summary, "it is a program, and would be one no more")
		return
	case c.belongs(p, kind, expected, found):
		c.f.reject(Context, summary, "the file contexts have it for others (%s), who would lose it", expected.Context.Type())
		mayUse = func(typ string) bool { return c.lendable(typ, p) }
	case !unclaimed(p):
		// What is there was put there by somebody who had a reason to.
		mayUse = func(typ string) bool {
			return strings.HasPrefix(typ, stem(c.d.Source.Type())) && c.t.types.native(typ, p) && !c.shared(typ, expected, found)
		}
	default:
		mayUse = func(string) bool { return true }
	}
	c.byRule(p, kind, mayUse)
}

// belongs reports whether the file contexts give a path to somebody else than
// the domain: by a spec of its own, and not one for whatever is there, to a type
// that is none of the domain's own. Such a path is not to be given another type,
// which would take it from those that it is for.
func (c *investigation) belongs(p string, kind fcontext.Kind, expected fcontext.Match, found bool) bool {
	if !found || expected.None {
		return false
	}
	owner := expected.Context.Type()
	if family(owner) == family(c.canonical(c.d.Source.Type())) {
		return false
	}
	return !c.t.types.base(owner) || !c.anything(p, kind, expected)
}

// anything reports whether the spec that decides for a path is the one for
// whatever is in its part of the file system.
func (c *investigation) anything(p string, kind fcontext.Kind, expected fcontext.Match) bool {
	m, ok := c.t.sys.Contexts.Lookup(path.Join(area(p), path.Base(nowhere)), kind)
	return ok && m.Spec == expected.Spec
}

// unclaimed reports whether a path is where administrators put what they like:
// in no directory of hier(7), or in one that is for that.
func unclaimed(p string) bool {
	switch a := area(p); a {
	case "/usr", "/usr/share":
		return false
	default:
		return !telling(a)
	}
}

// lendable reports whether a type is one for files of the owner's that others
// use, as the policy's authors have them for the homes of users.
func (c *investigation) lendable(typ, p string) bool {
	return area(p) == "/home" && c.t.types.native(typ, p)
}

// shared reports whether many domains would lose the denied access, were the
// object given a type instead of what it should have.
func (c *investigation) shared(typ string, expected fcontext.Match, found bool) bool {
	from := c.d.Target.Type()
	if found {
		from = expected.Context.Type()
	}
	had, err := c.t.pol.AllowedSources(from, c.d.Class, c.f.Access.Permissions...)
	if err != nil {
		return true
	}
	keep, err := c.t.pol.AllowedSources(typ, c.d.Class, c.f.Access.Permissions...)
	if err != nil {
		return true
	}
	lost := 0
	for _, s := range had {
		if !slices.Contains(keep, s) {
			lost++
		}
	}
	return lost > wideSources
}

// programsType allows the one type that programs of no domain in particular
// have, for a file that is nobody's; otherwise it returns nil.
func (c *investigation) programsType(p string, kind fcontext.Kind, expected fcontext.Match, found bool) func(string) bool {
	m, ok := c.t.sys.Contexts.Lookup("/usr/bin"+nowhere, fcontext.File)
	if !ok || m.None || !unclaimed(p) || found && (!c.t.types.base(expected.Context.Type()) || !c.anything(p, kind, expected)) {
		return nil
	}
	return func(typ string) bool { return typ == m.Context.Type() }
}

package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
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
	case c.loadsLibrary(p):
		c.byRule(p, kind, c.libraryTypes(p, kind, expected, found))
		return
	case c.executes():
		types := c.programTypes(p, kind, expected, found)
		if types == nil {
			c.byInstalling(p)
			c.f.reject(Context, summary, "it would make a program of what is none, or another program of it: whether it is one is for people to say")
			return
		}
		c.byRule(p, kind, types)
		return
	case found && c.t.types.program(expected.Context.Type()) || c.t.types.program(c.canonical(c.d.Target.Type())):
		c.f.reject(Context, summary, "it is a program, and would be one no more")
		return
	case c.belongs(p, kind, expected, found):
		owner := expected.Context.Type()
		mayUse = func(typ string) bool { return c.lendable(typ, p) || c.t.types.covers(typ, owner) }
		if !c.byTypes(p, kind, mayUse) {
			c.f.reject(Context, summary, "the file contexts have it for others (%s), who would lose it", owner)
		}
		return
	case kind != fcontext.Socket && kind != fcontext.Pipe && found && named(expected.Context.Type(), c.d.Source.Type()) && !c.t.types.base(expected.Context.Type()):
		// It is the domain's own already, and of others that use it.
		owner := expected.Context.Type()
		mayUse = func(typ string) bool { return sibling(typ, owner) || c.t.types.covers(typ, owner) }
	case !unclaimed(p):
		// What is there was put there by somebody who had a reason to.
		mayUse = func(typ string) bool {
			return strings.HasPrefix(typ, stem(c.d.Source.Type())) && c.t.types.native(typ, p) && (slices.Contains(dataAreas, area(p)) || !c.shared(typ, expected, found))
		}
	default:
		mayUse = func(string) bool { return true }
	}
	c.byTypes(p, kind, mayUse)
}

// byTypes tries the types to offer for a path, first those that are enough and
// then one that wants booleans with it. It reports whether there were any.
func (c *investigation) byTypes(p string, kind fcontext.Kind, mayUse func(typ string) bool) bool {
	plain := c.typesFor(p, kind, mayUse)
	before := len(c.f.Fixes)
	c.byRule(p, kind, plain)
	c.bySwitchedType(p, kind, plain, mayUse)
	if len(c.f.Fixes) > before {
		return true
	}
	c.f.note("no-type", "no type of files made for one purpose lets %s do this", c.d.Source.Type())
	return false
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
	if named(owner, c.canonical(c.d.Source.Type())) {
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

// covers reports whether all domains that may use files of an owner's type may
// do the same with those of another: nobody loses what gets it instead.
func (t *typeFacts) covers(typ, owner string) bool {
	yes, _ := t.covered.get([2]string{typ, owner}, func() (bool, error) {
		for _, use := range [...]struct{ class, permission string }{
			{"file", "read"}, {"file", "write"}, {"file", "append"}, {"file", "execute"}, {"dir", "search"}, {"dir", "read"}, {"dir", "write"},
		} {
			had, err := t.pol.AllowedSources(owner, use.class, use.permission)
			if err != nil {
				return false, nil
			}
			keep, err := t.pol.AllowedSources(typ, use.class, use.permission)
			if err != nil || slices.ContainsFunc(had, func(s policy.Type) bool { return !slices.Contains(keep, s) }) {
				return false, nil
			}
		}
		return typ != owner, nil
	})
	return yes
}

// programTypes returns the types to offer for a program. A file that is
// nobody's may have the one that programs of no domain in particular have; one
// that a domain was refused as its entry point has a name that may say what it
// is.
func (c *investigation) programTypes(p string, kind fcontext.Kind, expected fcontext.Match, found bool) []string {
	if slices.Contains(c.f.Access.Permissions, "entrypoint") {
		return c.entryTypes(p)
	}
	m, ok := c.t.sys.Contexts.Lookup("/usr/bin"+nowhere, fcontext.File)
	if !ok || m.None || !unclaimed(p) || found && (!c.t.types.base(expected.Context.Type()) || !c.anything(p, kind, expected)) {
		return nil
	}
	return []string{m.Context.Type()}
}

// entryTypes returns the type by which a domain may be entered and that the file
// contexts give to a program of the same name where programs are installed.
func (c *investigation) entryTypes(p string) []string {
	var types []string
	for _, dir := range [...]string{"/usr/sbin", "/usr/bin", "/usr/libexec"} {
		m, ok := c.t.sys.Contexts.Lookup(path.Join(dir, path.Base(p)), fcontext.File)
		if !ok || m.None || path.Dir(p) == dir || c.t.types.base(m.Context.Type()) || slices.Contains(types, m.Context.Type()) {
			continue
		}
		if c.enters(c.d.Source, m.Context) {
			types = append(types, m.Context.Type())
		}
	}
	return types
}

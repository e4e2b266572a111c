package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// loadsLibrary reports whether the denied access is the mapping of a shared
// library: by its name, for the same is asked for programs.
func (c *investigation) loadsLibrary(p string) bool {
	name := path.Base(p)
	i := strings.Index(name, ".so")
	return c.d.Class == "file" && i > 0 && (name[i+3:] == "" || name[i+3] == '.') &&
		slices.ContainsFunc(c.f.Access.Permissions, func(p string) bool { return p == "execute" || p == "execmod" })
}

// wantsExecmod reports whether a file that changes its own code is to be run.
func (c *investigation) wantsExecmod() bool {
	return slices.Contains(c.f.Access.Permissions, "execmod")
}

// libraryTypes returns the types to offer for a shared library: the one that
// libraries have or, for one that changes its own code as it is loaded, those
// that were made for these.
func (c *investigation) libraryTypes(p string, kind fcontext.Kind, expected fcontext.Match, found bool) []string {
	m, ok := c.t.sys.Contexts.Lookup("/usr/lib"+nowhere+".so", fcontext.File)
	if !ok || m.None {
		return nil
	}
	if !c.wantsExecmod() {
		if c.belongs(p, kind, expected, found) || !unclaimed(p) {
			return nil
		}
		return []string{m.Context.Type()}
	}
	allowed, err := c.t.pol.AllowedTargets(c.d.Source.Type(), "file", c.f.Access.Permissions...)
	if err != nil {
		return nil
	}
	c.t.types.load()
	var types []string
	for _, typ := range allowed {
		// Who may use libraries at large may use these.
		if typ.Name() != c.d.Target.Type() && c.t.types.specs[typ.Name()] > 0 && c.t.types.readAs(typ.Name(), m.Context.Type()) {
			types = append(types, typ.Name())
		}
	}
	return types
}

// readAs reports whether all domains that may read and run files of a type may
// do so with those of another.
func (t *typeFacts) readAs(typ, owner string) bool {
	had, err := t.pol.AllowedSources(owner, "file", "read", "execute", "map")
	if err != nil {
		return false
	}
	keep, err := t.pol.AllowedSources(typ, "file", "read", "execute", "map")
	return err == nil && !slices.ContainsFunc(had, func(s policy.Type) bool { return !slices.Contains(keep, s) })
}

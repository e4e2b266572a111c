package triage

import (
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
)

// byHomes tries to give homes that were moved, such as those in /data/home, the
// contexts of homes: all of them at once, by an equivalence of directories. It
// reports whether that cures the denial.
func (c *investigation) byHomes(p string, kind fcontext.Kind, expected fcontext.Match, found bool) bool {
	before, rest, ok := strings.Cut(p, "/home/")
	if !ok || before == "" || c.executes() || c.d.PathCertainty != avc.CertaintyKnown ||
		found && (!c.t.types.base(expected.Context.Type()) || !c.anything(p, kind, expected)) {
		return false
	}
	m, ok := c.t.sys.Contexts.Lookup("/home/"+rest, kind)
	if !ok || m.None {
		return false
	}
	root := before + "/home"
	to := c.d.Target.WithType(m.Context.Type())
	fix, ok := c.try(&candidate{
		kind:     Context,
		summary:  sentence("have homes in %s: what is there gets what it would have in /home, this %s", root, m.Context.Type()),
		commands: []Command{{"semanage", "fcontext", "-a", "-e", "/home", root}, {"restorecon", "-Rv", root}},
		undo:     []Command{{"semanage", "fcontext", "-d", "-e", "/home", root}, {"restorecon", "-Rv", root}},
		settings: sekit.Settings{
			Equivalences: []fcontext.Equivalence{{Target: root, Source: "/home"}},
			Relabel:      []sekit.Relabel{{Path: root, Recursive: true}},
		},
		relabel: c.relabel(p, false, "", to),
		apply: func(s Step) Step {
			below, ok := strings.CutPrefix(s.Path, root+"/")
			kind, isFile := fileKind(s.Access.Class)
			if !ok || !isFile || s.born {
				return s
			}
			if m, ok := c.t.sys.Contexts.Lookup("/home/"+below, kind); ok && !m.None {
				s.Access.Target = s.Access.Target.WithType(m.Context.Type())
			}
			return s
		},
		exposure: c.relabelExposure(m.Context.Type()),
		warnings: []string{sentence("take it if %s is there for homes", root)},
	})
	if ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
	return ok
}

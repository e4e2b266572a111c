package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

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

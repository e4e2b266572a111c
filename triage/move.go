package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// maxMoves is how many other places are offered for a socket.
const maxMoves = 2

// byMove looks for places where the policy already expects a socket or pipe
// that the domain may use so. Moving one there opens nothing.
func (c *investigation) byMove(kind fcontext.Kind) {
	if kind != fcontext.Socket && kind != fcontext.Pipe {
		return
	}
	first := c.operation[0].Access
	allowed, err := c.t.pol.AllowedTargets(first.Source.Type(), first.Class, first.Permissions...)
	if err != nil {
		return
	}
	moves := 0
	for _, typ := range allowed {
		if !strings.HasPrefix(typ.Name(), stem(first.Source.Type())) || !c.t.types.usable(typ, false) {
			continue
		}
		for spec := range c.t.sys.Contexts.SpecsOfType(typ.Name(), kind) {
			example := examplePath(spec.Pattern)
			if moves == maxMoves || spec.Kind != kind || example == "" {
				continue
			}
			if m, ok := c.t.sys.Contexts.Lookup(example, kind); !ok || m.Context.Type() != typ.Name() {
				continue
			}
			to := first.Target.WithType(typ.Name())
			if c.creates() {
				dir, ok := c.t.sys.Contexts.Lookup(path.Dir(example), fcontext.Dir)
				made, err := c.t.pol.NewContext(c.d.Source, dir.Context, c.d.Class, path.Base(example))
				if !ok || dir.None || err != nil {
					continue
				}
				to = made
			}
			fix, ok := c.try(&candidate{
				kind:    Context,
				summary: sentence("move it to where the policy expects one: %s (%s)", spec.Pattern, typ.Name()),
				manual: sentence("have the program that makes %s make it as, for instance, %s, and the one that uses it look there",
					c.f.Object, example),
				apply: func(s Step) Step {
					if s.Path == c.at {
						s.Access.Target = to
					}
					return s
				},
				exposure: func() (policy.Exposure, error) { return policy.Exposure{}, nil },
			})
			if ok {
				c.f.Fixes = append(c.f.Fixes, fix)
				moves++
			}
		}
	}
}

// byDirectory looks for directories that the policy has for the domain beside
// what was to be made in a directory of hier(7) itself, such as /run. Having it
// made there opens nothing.
func (c *investigation) byDirectory(p string) {
	first := c.operation[0].Access
	made := cleanPath(c.d.Wanted)
	if !isStandard(p) || made == "" || path.Dir(made) != p {
		return
	}
	c.t.types.load()
	allowed, err := c.t.pol.AllowedTargets(first.Source.Type(), "dir", "write", "add_name")
	if err != nil {
		return
	}
	moves := 0
	for _, typ := range allowed {
		if !named(typ.Name(), first.Source.Type()) || !c.t.types.usable(typ, false) {
			continue
		}
		for spec := range c.t.sys.Contexts.SpecsOfType(typ.Name(), fcontext.Dir) {
			dir, tree := strings.CutSuffix(spec.Pattern, "(/.*)?")
			if moves == maxMoves || !tree || examplePath(dir) != dir || path.Dir(dir) != p {
				continue
			}
			m, ok := c.t.sys.Contexts.Lookup(dir, fcontext.Dir)
			if !ok || m.None || m.Context.Type() != typ.Name() {
				continue
			}
			to := first.Target.WithType(typ.Name())
			fix, ok := c.try(&candidate{
				kind:    Context,
				summary: sentence("have it made in %s, which the policy has for it (%s)", dir, typ.Name()),
				manual: sentence("have the program make %s, and see that the directory is there when it starts (for /run: RuntimeDirectory= of its unit, or tmpfiles.d)",
					path.Join(dir, path.Base(made))),
				apply: func(s Step) Step {
					if s.Path == p {
						s.Access.Target = to
					}
					return c.rebornIn(s, dir, to)
				},
				exposure: func() (policy.Exposure, error) { return policy.Exposure{}, nil },
			})
			if ok {
				c.f.Fixes = append(c.f.Fixes, fix)
				moves++
			}
		}
	}
}

// rebornIn is the making of an object in another directory, of a given context.
func (c *investigation) rebornIn(s Step, dir string, context policy.Context) Step {
	if !s.born {
		return s
	}
	if made, err := c.t.pol.NewContext(c.d.Source, context, s.Access.Class, path.Base(s.Path)); err == nil {
		s.Access.Target, s.Path = made, path.Join(dir, path.Base(s.Path))
	}
	return s
}

// byInstalling tries the place for programs that an administrator adds, on one
// that is in a place for other things: in a home or, for what starts programs in
// domains of their own as an init system does, anywhere else. Moving it there
// opens nothing.
func (c *investigation) byInstalling(p string) {
	to := path.Join("/usr/local/bin", path.Base(p))
	m, ok := c.t.sys.Contexts.Lookup(to, fcontext.File)
	if !ok || m.None || p == to || !c.t.types.program(m.Context.Type()) || slices.Contains(c.f.Access.Permissions, "entrypoint") {
		return
	}
	file := c.d.Target.WithType(m.Context.Type())
	if c.t.types.program(c.canonical(c.d.Target.Type())) || !inHome(p) && !c.starts(file) {
		return
	}
	cand := candidate{
		kind:    Context,
		summary: sentence("install the program where programs are: %s (%s)", to, m.Context.Type()),
		manual:  sentence("copy %s there (cp, not mv: that would keep its type), and have it started from there", p),
		apply: func(s Step) Step {
			if s.Path == p {
				s.Access.Target = file
			}
			return s
		},
		exposure: func() (policy.Exposure, error) { return policy.Exposure{}, nil },
	}
	c.afterExecution(&cand, file)
	if fix, ok := c.try(&cand); ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
}

// examplePath makes a path of a pattern that is literal text with, at its end,
// something that matches anything: /run/wsgi.* gives /run/wsgi.sock. The empty
// string stands for other patterns. It is for people; whoever uses it looks it
// up.
func examplePath(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch ch := pattern[i]; ch {
		case '\\':
			i++
			if i == len(pattern) {
				return ""
			}
			b.WriteByte(pattern[i])
		case '.', '(', '[':
			switch pattern[i:] {
			case ".*", ".+":
				return b.String() + ".sock"
			case "(/.*)?":
				return b.String() + "/sock"
			}
			return ""
		case '*', '+', '?', '{', '|', ')', '^', '$':
			return ""
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

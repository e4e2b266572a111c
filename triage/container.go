package triage

import (
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// contained reports whether the process is one of those that are kept apart by
// categories, as containers and virtual machines are: it runs at a single
// level that has categories. Such a process has a file system of its own, and
// the paths in its denials are not the host's.
func (c *investigation) contained() bool {
	low, high, isRange := strings.Cut(c.d.Source.Range(), "-")
	if !strings.Contains(low, ":") || isRange && high != low {
		return false
	}
	// Where the policy says which domains are held to their categories, it is
	// those: others run at a level for reasons of their own.
	constrained, err := c.t.pol.Attribute("mcs_constrained_type")
	if err != nil {
		return true
	}
	typ, err := c.t.pol.Type(c.d.Source.Type())
	return err == nil && constrained.Has(typ)
}

// byVolume tries the types that the domain may read and write, at its own
// level, on an object of a contained process: what the container engine gives
// a volume that is mounted with :Z.
func (c *investigation) byVolume() {
	if c.onlyConstrained() {
		return // the type is right
	}
	if c.byFileSystem() || area(c.at) == "/dev" {
		return // no volume
	}
	first := c.operation[0].Access
	allowed, err := c.t.pol.AllowedTargets(first.Source.Type(), first.Class, first.Permissions...)
	if err != nil {
		return
	}
	writable, err := c.t.pol.AllowedTargets(first.Source.Type(), "file", "read", "write")
	if err != nil {
		return
	}
	level := c.d.Source.Range()
	for _, typ := range allowed {
		if !strings.HasPrefix(typ.Name(), stem(first.Source.Type())) || !slices.Contains(writable, typ) || !c.t.types.usable(typ, c.executes()) {
			continue
		}
		if !c.t.types.forData(typ.Name()) {
			continue
		}
		to := systemFile(typ.Name(), false).WithRange(level)
		fix, ok := c.try(&candidate{
			kind:    Context,
			summary: sentence("give the volume the context %s", to),
			manual: sentence("if it is a container: mount the volume that holds %s with :Z, which labels it for this container alone (with :z, for all containers). "+
				"If it is a virtual machine: have its manager attach the image, which labels it", c.f.Object),
			relabel: c.relabel("", true, "", to),
			apply: func(s Step) Step {
				s.Access.Target = to
				return s
			},
			exposure: c.relabelExposure(typ.Name()),
			warnings: []string{"never mount a directory of the host's own with :Z, such as /home or /usr: all of it gets the container's context"},
		})
		if ok {
			c.f.Fixes = append(c.f.Fixes, fix)
		}
	}
}

// byLevel tries the process's own level on an object that has another: the
// volume of another container.
func (c *investigation) byLevel() {
	level := c.d.Source.Range()
	if !c.constrained() || c.d.Target.Range() == level {
		return
	}
	for _, choice := range []struct{ level, manual, warning string }{
		{level, "if it is a container: mount the volume that holds %s with :Z, which labels it for this container alone. " +
			"If it is a virtual machine: have its manager attach the image, which labels it",
			"it is taken from the container or virtual machine that runs at " + c.d.Target.Range()},
		{sensitivity(level), "if it is a container: mount the volume that holds %s with :z, if all containers are to have it. " +
			"If it is a virtual machine: have its manager attach the image as one that is shared",
			"every container or virtual machine of the type may use it then"},
	} {
		to := c.d.Target.WithRange(choice.level)
		fix, ok := c.try(&candidate{
			kind:    Context,
			summary: sentence("give it the level %s", choice.level),
			manual:  sentence(choice.manual, c.f.Object),
			relabel: c.relabel("", c.d.Class == "dir", "", to),
			apply: func(s Step) Step {
				s.Access.Target = s.Access.Target.WithRange(choice.level)
				return s
			},
			exposure: func() (policy.Exposure, error) { return policy.Exposure{}, nil },
			warnings: []string{choice.warning},
		})
		if ok {
			c.f.Fixes = append(c.f.Fixes, fix)
		}
	}
}

// sensitivity is a level without its categories.
func sensitivity(level string) string {
	s, _, _ := strings.Cut(level, ":")
	return s
}

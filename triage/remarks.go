package triage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
)

// remarks adds what an expert would say beside the fixes.
func (c *investigation) remarks() {
	c.remarkCapability()
	c.remarkConstraint()
	c.remarkRest()
	if c.d.Class == "sock_file" && len(c.f.Fixes) > 0 {
		c.f.note("connectto", "connecting also asks for unix_stream_socket connectto on the domain of the program that listens, which the log does not name")
		c.f.note("recreated", "a socket is made anew whenever its server starts, with the context of its directory unless a type_transition says otherwise: restore its context after each start, or label the directory")
	}
	c.remarkMemory()
	c.remarkUnit()
	c.remarkLabel()
	if c.d.Dev == "proc" && c.isDomain(c.d.Target.Type()) && c.d.Source != c.d.Target && c.onlyLooks() {
		c.f.note("process-state", "this is the state of a process of %s: programs that list processes look at all of them and get along without those that they may not see; a dontaudit rule keeps that out of the log", c.d.Target.Type())
	}
	if c.d.Class == "process2" {
		c.f.note("no-new-privs", "the kernel asks for this where a process that may gain no privileges (NoNewPrivileges= of its unit), or one that executes a file on a file system mounted with nosuid, is to change its domain")
	}
	if _, isFile := fileKind(c.d.Class); isFile && !c.isUnlabeled() && c.t.types.base(c.canonical(c.d.Target.Type())) {
		c.f.note("base-type", "%s is a base type: it labels what nobody has labelled more closely, so the object wants a type of its own rather than %s a rule on it", c.d.Target.Type(), c.d.Source.Type())
	}
}

// remarkCapability says which capabilities are about Unix permissions: the
// kernel asks for them when mode and owner of a file have said no.
func (c *investigation) remarkCapability() {
	if !strings.HasPrefix(c.d.Class, "capability") && !strings.HasPrefix(c.d.Class, "cap_userns") {
		return
	}
	for _, p := range c.f.Access.Permissions {
		switch p {
		case "dac_override", "dac_read_search", "fowner", "chown", "fsetid":
			c.f.note("unix-permissions", "%s overrides Unix permissions: a process running as root met a file whose owner or mode shuts it out. Mend owner and mode first; the rule would let %s past those of all files", p, c.d.Source.Type())
		case "mac_admin":
			c.f.note("unknown-context", "mac_admin is asked for when a context is given that the policy does not know: give one that it knows, or install the module that has it first")
		case "sys_admin", "sys_ptrace", "sys_rawio", "net_admin":
			c.f.note("broad-capability", "%s stands for much more than the operation at hand", p)
		}
	}
}

// constrained reports whether a constraint is among the reasons.
func (c *investigation) constrained() bool {
	for _, r := range c.f.Decision.Reasons() {
		if r.Kind() == "constraint" {
			return true
		}
	}
	return false
}

// remarkConstraint says that an allow rule is not the cure of a constraint.
func (c *investigation) remarkConstraint() {
	if !c.constrained() {
		return
	}
	c.f.note("constraint", "a constraint stands above all allow rules: only other contexts (user, role, level, or a type that the constraint exempts) cure it")
}

// remarkRest says that the log has only the beginning of what is denied.
func (c *investigation) remarkRest() {
	if c.f.Permissive || len(c.operation) < 2 {
		return
	}
	var next []string
	for _, s := range c.operation[1:] {
		d, err := c.t.pol.Decide(s.Access)
		if err != nil || d.Allowed {
			continue
		}
		what := strings.Join(deniedOf(d), ", ") + " on " + s.Access.Class
		if s.Path != "" {
			what += " " + s.Path
		}
		if s.Assumed {
			what += " (" + s.Access.Target.Type() + ")"
		}
		if !slices.Contains(next, what) {
			next = append(next, what)
		}
	}
	if next != nil {
		c.f.note("follows", "the kernel stops at the first refusal; were it allowed alone, the next denials would be: %s", strings.Join(next, "; "))
	}
	if c.d.Wanted != "" && c.d.Wanted != c.d.FullPath && c.d.Wanted != c.at && c.d.PathCertainty != avc.CertaintyUnknown {
		c.f.note("wanted", "the process wanted %s", c.d.Wanted)
	}
}

// remarkMemory says that memory with a descriptor is no file that could be
// labelled.
func (c *investigation) remarkMemory() {
	name := strings.TrimPrefix(cmp.Or(c.d.Path, c.d.Name), "/")
	if c.d.Class == "file" && (strings.HasPrefix(name, "memfd:") || strings.HasPrefix(name, "SYSV")) {
		c.f.note("memory", "this is memory that has a name, and no file: it has the type that a type_transition of the process that made it on %s gives it, or that one. A policy module gives it a type of the domain's own by such a transition", c.d.Target.Type())
	}
}

// isUnlabeled reports whether the object has no context of the loaded policy.
func (c *investigation) isUnlabeled() bool {
	unlabeled, err := c.t.pol.InitialSID("unlabeled")
	return err == nil && c.canonical(c.d.Target.Type()) == unlabeled.Context.Type()
}

// remarkLabel says what the object's context tells of its neighbours.
func (c *investigation) remarkLabel() {
	if _, isFile := fileKind(c.d.Class); !isFile || c.contained() {
		return
	}
	if c.isUnlabeled() && c.d.TargetRaw == "" {
		c.f.note("unlabeled", "%s is what counts for an object without a context: it was made while SELinux was off, or on another system, as the rest of its file system may have been. restorecon -R of where that is mounted labels all of it", c.d.Target.Type())
	}
	if c.mislabelled {
		c.f.note("mislabelled", "the type is not the one that the file contexts give it, and the next relabelling (restorecon) takes it away, whatever is allowed now; if it was given on purpose, semanage fcontext makes it last")
	}
}

// remarkUnit says that a unit's type may be that of all units.
func (c *investigation) remarkUnit() {
	if c.d.Class != "service" || c.t.sys.Contexts == nil {
		return
	}
	if m, ok := c.t.sys.Contexts.Lookup("/usr/lib/systemd/system"+nowhere, fcontext.File); ok && m.Context.Type() == c.canonical(c.d.Target.Type()) {
		c.f.note("generic-unit", "%s is the type of all units that have none of their own: whoever may do this to one may do it to all. Give the unit's file a type of its own first", m.Context.Type())
	}
}

// isDomain reports whether a type is one of processes.
func (c *investigation) isDomain(name string) bool {
	domains, err := c.t.pol.Attribute("domain")
	if err != nil {
		return false
	}
	typ, err := c.t.pol.Type(name)
	return err == nil && domains.Has(typ)
}

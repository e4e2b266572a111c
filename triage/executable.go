package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// executes reports whether the denied access is the execution of a file, by a
// system call that is not known to map it instead (a library asks for execute,
// too).
func (c *investigation) executes() bool {
	if s := c.d.Syscall; s != nil && s.Name != "" && !strings.HasPrefix(s.Name, "execve") {
		return false
	}
	return c.d.Class == "file" && slices.ContainsFunc(c.f.Access.Permissions, isExecution)
}

func isExecution(permission string) bool {
	return permission == "execute" || permission == "execute_no_trans" || permission == "entrypoint"
}

// afterExecution completes a candidate by which a file of a context can be
// executed: the process may leave its domain then, and needs the transition and
// the entry point, or stays in it, and needs execute_no_trans
// (selinux_bprm_creds_for_exec).
func (c *investigation) afterExecution(cand *candidate, file policy.Context) {
	if !c.executes() || slices.Contains(c.f.Access.Permissions, "entrypoint") {
		return
	}
	domain, err := c.t.pol.NewContext(c.d.Source, file, "process", "")
	if err != nil {
		return
	}
	if domain.Type() == c.d.Source.Type() {
		if !slices.Contains(c.f.Access.Permissions, "execute_no_trans") {
			cand.more = append(cand.more, Step{Path: c.at, Access: policy.Access{
				Source: c.d.Source, Target: file, Class: "file", Permissions: []string{"execute_no_trans"}}})
		}
		cand.warnings = append(cand.warnings, sentence("the program goes on in %s: no type_transition leads out of it", c.d.Source.Type()))
		return
	}
	cand.more = append(cand.more,
		Step{Access: policy.Access{Source: c.d.Source, Target: domain, Class: "process", Permissions: []string{"transition"}}},
		Step{Path: c.at, Access: policy.Access{Source: domain, Target: file, Class: "file", Permissions: []string{"entrypoint"}}},
	)
	if cand.apply == nil {
		return
	}
	cand.summary += sentence(", so that it runs in %s", domain.Type())
	if c.t.types.unconfined(domain.Type()) {
		cand.warnings = append(cand.warnings, sentence("%s is unconfined: the policy keeps the program from next to nothing; a policy module with a domain of its own would", domain.Type()))
	}
	apply := cand.apply
	cand.apply = func(s Step) Step {
		s = apply(s)
		if s.Access.Class == "file" {
			s.Access.Permissions = withoutNoTrans(s.Access.Permissions)
		}
		return s
	}
}

// starts reports whether the process leaves its domain by executing a file of a
// context.
func (c *investigation) starts(file policy.Context) bool {
	domain, err := c.t.pol.NewContext(c.d.Source, file, "process", "")
	return err == nil && domain.Type() != c.d.Source.Type()
}

// staysIn reports whether executing the file as it is keeps the process in its
// domain, which takes a permission of its own that is not granted.
func (c *investigation) staysIn() bool {
	if !c.executes() || slices.Contains(c.f.Access.Permissions, "entrypoint") {
		return false
	}
	domain, err := c.t.pol.NewContext(c.d.Source, c.d.Target, "process", "")
	if err != nil || domain.Type() != c.d.Source.Type() {
		return false
	}
	d, err := c.t.pol.Decide(policy.Access{Source: c.d.Source, Target: c.d.Target, Class: "file", Permissions: []string{"execute_no_trans"}})
	return err == nil && !d.Allowed
}

func withoutNoTrans(perms []string) []string {
	if i := slices.Index(perms, "execute_no_trans"); i >= 0 {
		perms = slices.Clone(perms)
		perms[i] = "execute"
		if slices.Index(perms, "execute") != i {
			perms = slices.Delete(perms, i, i+1)
		}
	}
	return perms
}

// byExecutable looks at the program that was denied something: one whose file
// should have taken it to a domain of its own, and that still is in the domain
// that started it, was started with the wrong context on its file.
func (c *investigation) byExecutable() {
	if c.t.sys.Contexts == nil || cleanPath(c.d.Exe) != c.d.Exe || c.d.Exe == "" || c.d.Manager != nil || !c.isExe() {
		return
	}
	m, ok := c.t.sys.Contexts.Lookup(c.d.Exe, fcontext.File)
	if !ok || m.None {
		return
	}
	file := m.Context
	domain, err := c.t.pol.NewContext(c.d.Source, file, "process", "")
	if err != nil || domain.Type() == c.d.Source.Type() || c.enters(c.d.Source, file) {
		return
	}
	fix, ok := c.try(&candidate{
		kind:     Context,
		summary:  sentence("restore the context of the program %s: %s, so that it runs in %s", c.d.Exe, file.Type(), domain.Type()),
		commands: []Command{{"restorecon", "-v", c.d.Exe}},
		settings: sekit.Settings{Relabel: []sekit.Relabel{{Path: c.d.Exe}}},
		manual:   "then restart the program: a process keeps the domain that it was started in",
		warnings: []string{sentence("%s was taken to run in the wrong domain because nothing lets %s be entered through %s", c.d.Comm, c.d.Source.Type(), file.Type())},
		apply: func(s Step) Step {
			s.Access.Source = domain
			return s
		},
		exposure: func() (policy.Exposure, error) { return policy.Exposure{}, nil },
	})
	if ok {
		c.f.why("%s runs in %s, though its program %s should take it to %s", c.d.Comm, c.d.Source.Type(), c.d.Exe, domain.Type())
		c.f.Fixes = append(c.f.Fixes, fix)
	}
}

// commLen is how much of a program's name the kernel keeps (TASK_COMM_LEN - 1).
const commLen = 15

// isExe reports whether the process runs the program in Exe and not a script by
// it: the kernel names a process after the script. One that has renamed itself
// is not taken for either.
func (c *investigation) isExe() bool {
	name := path.Base(c.d.Exe)
	return c.d.Comm == name[:min(len(name), commLen)]
}

// enters reports whether a domain may be entered through a file: then the
// program belongs there as it is.
func (c *investigation) enters(domain, file policy.Context) bool {
	d, err := c.t.pol.Decide(policy.Access{Source: domain, Target: file, Class: "file", Permissions: []string{"entrypoint"}})
	return err != nil || d.Allowed
}

// leaked reports whether the denied access is the kernel's check of the
// descriptors that a new program inherits (flush_unauthorized_files): logged
// within an execve that goes on all the same, for what it does not execute.
func (c *investigation) leaked() bool {
	s := c.d.Syscall
	if s == nil || s.Intent&avc.IntentExecute == 0 || c.d.Class == "process" || c.d.Class == "capability" {
		return false
	}
	return !slices.ContainsFunc(c.f.Access.Permissions, func(p string) bool { return !slices.Contains(inheritedUses(), p) }) &&
		s.Success == avc.Yes
}

// mayBeInherited reports whether the denied access may be the kernel's check of
// inherited descriptors, for all that the log says: there is no system call with
// it, and the object is another domain's socket or pipe.
func (c *investigation) mayBeInherited() bool {
	if c.d.Syscall != nil || c.d.Source == c.d.Target || c.d.Manager != nil ||
		!strings.HasSuffix(c.d.Class, "_socket") && c.d.Class != "fifo_file" && c.d.Class != "fd" {
		return false
	}
	return !slices.ContainsFunc(c.f.Access.Permissions, func(p string) bool { return !slices.Contains(inheritedUses(), p) })
}

// inheritedUses are what the kernel asks for on a descriptor.
func inheritedUses() []string { return []string{"use", "read", "write", "append", "ioctl", "getattr"} }

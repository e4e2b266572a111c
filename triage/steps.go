package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// steps widens the denied access to what its operation needs as a whole. The
// kernel stops at the first permission that fails and logs that one alone: a
// directory on the way but not the file at its end, read but not the open and
// getattr that belong to it.
func (c *investigation) steps() []Step {
	first := Step{Access: c.f.Access, Path: c.at, born: c.creates()}
	steps := []Step{first}
	if c.d.Class == "dbus" && c.d.HasPermission("send_msg") && c.d.Source != c.d.Target {
		// dbus-daemon asks for the answer, too.
		return append(steps, Step{Access: policy.Access{Source: c.d.Target, Target: c.d.Source, Class: "dbus", Permissions: []string{"send_msg"}}})
	}
	if c.d.Syscall == nil || c.leaked() {
		return steps
	}
	intent := c.d.Syscall.Intent
	if c.d.Class == "dir" && c.onlySearched() {
		if below(cleanPath(c.d.Wanted), c.at) {
			steps = append(steps, c.wayTo(cleanPath(c.d.Wanted), intent)...)
		}
		return steps
	}
	if c.d.Class == "dir" && intent&avc.IntentCreate != 0 {
		return append(steps, c.creation(intent)...)
	}
	if more := c.furtherPermissions(c.d.Class, intent); len(more) > 0 {
		first.Access.Permissions = more
		first.Access.HasXperm = false
		steps = append(steps, first)
	}
	return steps
}

// onlySearched reports whether the directory was only to be passed through, to
// something below it. What the system call set out to do is then for that.
func (c *investigation) onlySearched() bool {
	return !slices.ContainsFunc(c.f.Access.Permissions, func(p string) bool { return p != "search" && p != "getattr" })
}

// creation returns what making something new in the denied directory goes on to
// ask for (may_create in security/selinux/hooks.c): an entry in the directory,
// and the new object with the context that it would get.
func (c *investigation) creation(intent avc.Intent) []Step {
	var steps []Step
	entry := Step{Access: c.f.Access, Path: c.at}
	entry.Access.Permissions = slices.DeleteFunc([]string{"write", "add_name", "search"},
		func(p string) bool { return slices.Contains(c.f.Access.Permissions, p) })
	if len(entry.Access.Permissions) > 0 {
		steps = append(steps, entry)
	}
	class := c.createdClass(intent)
	born := cleanPath(c.d.Wanted)
	if class == "" || c.at == "" || path.Dir(born) != c.at {
		return steps
	}
	context, err := c.t.pol.NewContext(c.d.Source, c.d.Target, class, path.Base(born))
	if err != nil {
		return steps
	}
	perms := []string{"create"}
	if class == "file" {
		perms = append(perms, intentPermissions(class, intent)...)
	}
	return append(steps, Step{Path: born, Assumed: true, born: true, Access: policy.Access{
		Source: c.d.Source, Target: context, Class: class, Permissions: c.known(class, perms),
	}})
}

// createdClass is the class of what a system call makes, "" if it does not say.
func (c *investigation) createdClass(intent avc.Intent) string {
	switch name := c.d.Syscall.Name; {
	case intent&avc.IntentDirectory != 0:
		return "dir"
	case strings.HasPrefix(name, "symlink"):
		return "lnk_file"
	case strings.HasPrefix(name, "open") || name == "creat":
		return "file"
	}
	return ""
}

// below reports whether p is a path inside of dir.
func below(p, dir string) bool {
	return dir != "" && strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// wayTo returns the steps from the denied directory to the leaf.
func (c *investigation) wayTo(leaf string, intent avc.Intent) []Step {
	var steps []Step
	for dir := path.Dir(leaf); below(dir, c.at); dir = path.Dir(dir) {
		steps = append(steps, c.assume(dir, "dir", []string{"search"}))
	}
	slices.Reverse(steps)
	class := "file"
	switch {
	case intent&avc.IntentConnect != 0:
		class = "sock_file"
	case intent&avc.IntentDirectory != 0:
		class = "dir"
	}
	if perms := c.known(class, intentPermissions(class, intent)); len(perms) > 0 {
		steps = append(steps, c.assume(leaf, class, perms))
	}
	return steps
}

// assume makes a step on an object that the log says nothing of: its context
// is the one that the file contexts expect, or that of the denied object.
func (c *investigation) assume(p, class string, perms []string) Step {
	kind, _ := fileKind(class)
	s := Step{Path: p, Assumed: true, Access: policy.Access{
		Source: c.d.Source, Target: c.d.Target, Class: class, Permissions: perms,
	}}
	if c.t.sys.Contexts != nil {
		if m, ok := c.t.sys.Contexts.Lookup(p, kind); ok && !m.None {
			s.Access.Target = m.Context
		}
	}
	return s
}

// furtherPermissions are those that the system call goes on to ask for on the
// denied object itself.
func (c *investigation) furtherPermissions(class string, intent avc.Intent) []string {
	if class == "dir" && intent&(avc.IntentWrite|avc.IntentDelete|avc.IntentRename) != 0 {
		return nil // it is for what is in the directory
	}
	perms := c.known(class, intentPermissions(class, intent))
	return slices.DeleteFunc(perms, func(p string) bool { return slices.Contains(c.f.Access.Permissions, p) })
}

// known drops the permissions that the policy's class does not have, such as
// map on older policies.
func (c *investigation) known(class string, perms []string) []string {
	cl, err := c.t.pol.Class(class)
	if err != nil {
		return nil
	}
	has := cl.Permissions()
	return slices.DeleteFunc(perms, func(p string) bool { return !slices.Contains(has, p) })
}

// intentPermissions are the permissions that the kernel asks for on the object
// of a system call (selinux_inode_permission, selinux_file_open, file_map_prot_check
// in security/selinux/hooks.c).
func intentPermissions(class string, intent avc.Intent) []string {
	var perms []string
	add := func(on avc.Intent, names ...string) {
		if intent&on == 0 {
			return
		}
		for _, n := range names {
			if !slices.Contains(perms, n) {
				perms = append(perms, n)
			}
		}
	}
	switch class {
	case "file", "fifo_file", "chr_file", "blk_file":
		if intent&avc.IntentExecute != 0 {
			add(avc.IntentExecute, "execute", "read", "open", "map")
			break
		}
		add(avc.IntentRead, "open", "read", "getattr")
		if intent&avc.IntentAppend == 0 {
			add(avc.IntentWrite, "open", "write", "getattr")
		}
		add(avc.IntentAppend, "open", "append", "getattr")
	case "dir":
		add(avc.IntentRead, "open", "read", "getattr", "search")
		add(avc.IntentDirectory, "search")
	case "sock_file":
		add(avc.IntentConnect, "write")
	}
	return perms
}

// fileKind is the kind of file that a class stands for.
func fileKind(class string) (fcontext.Kind, bool) {
	switch class {
	case "file":
		return fcontext.File, true
	case "dir":
		return fcontext.Dir, true
	case "lnk_file":
		return fcontext.Symlink, true
	case "chr_file":
		return fcontext.CharDevice, true
	case "blk_file":
		return fcontext.BlockDevice, true
	case "sock_file":
		return fcontext.Socket, true
	case "fifo_file":
		return fcontext.Pipe, true
	}
	return fcontext.Any, false
}

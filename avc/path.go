package avc

import (
	"path"
	"strings"
)

// locate works out the path of the denial's object from what the event says.
func (e *Event) locate(d *Denial) {
	if d.Manager != nil {
		if strings.HasPrefix(d.Path, "/") {
			d.found(d.Path, CertaintyInferred, "the object manager's word")
		} else {
			d.PathReason = "an object of a userspace object manager"
		}
		return
	}
	d.Wanted = e.wanted()
	switch {
	case !hasPath(d.Class):
		d.PathReason = "objects of this class have no path"
	case strings.HasPrefix(d.Path, "/"):
		e.locateByPath(d)
	case d.Path != "":
		d.PathReason = "an object without a path"
	case entryPermission(d):
		e.locateDirectory(d)
	default:
		e.locateByName(d)
	}
}

func (d *Denial) found(p string, c Certainty, reason string) {
	d.FullPath, d.PathCertainty, d.PathReason = p, c, reason
}

func (e *Event) locateByPath(d *Denial) {
	// The kernel appends this to the path of what has no name any more; memfd
	// and SysV memory never had one.
	if p, deleted := strings.CutSuffix(d.Path, " (deleted)"); deleted {
		d.PathReason = "the file was deleted: " + p
		return
	}
	d.found(d.Path, CertaintyKnown, "path= of the record")
}

// hasPath reports whether objects of a class are files.
func hasPath(class string) bool {
	switch class {
	case "file", "dir", "lnk_file", "chr_file", "blk_file", "sock_file", "fifo_file":
		return true
	}
	return false
}

// entryPermission reports whether the denial is about an entry of a directory:
// name= is then the entry's, while class and context are the directory's.
func entryPermission(d *Denial) bool {
	return d.Class == "dir" && (d.HasPermission("add_name") || d.HasPermission("remove_name"))
}

// locateDirectory finds the directory that an entry was to be put into or
// taken out of: the item PARENT, of which rename has two.
func (e *Event) locateDirectory(d *Denial) {
	var at *PathItem
	for i := range e.Paths {
		it := &e.Paths[i]
		if it.NameType != "PARENT" || it.Context.IsValid() && d.Target.IsValid() && it.Context != d.Target {
			continue
		}
		if at != nil {
			at = nil
			break // which of the two is not said
		}
		at = it
	}
	if at != nil {
		if p, ok := e.absolute(at.Name); ok {
			d.found(cleanDir(p), CertaintyKnown, "the event's PATH record of the parent directory")
			return
		}
	}
	if d.Name != "" && d.Wanted != "" && path.Base(d.Wanted) == d.Name {
		d.found(path.Dir(d.Wanted), CertaintyInferred, "the directory of the path that the system call was given")
		return
	}
	if arg := e.argument(d.Name); arg != "" {
		d.found(path.Dir(arg), CertaintyInferred, "the directory of an argument that ends in this name")
		return
	}
	d.PathReason = "no PATH record of the directory"
}

func (e *Event) locateByName(d *Denial) {
	if d.Name == "" {
		d.PathReason = "the record has neither path nor name"
		return
	}
	if d.Name == "/" {
		e.locateRoot(d)
		return
	}
	for i := range e.Paths {
		it := &e.Paths[i]
		if it.Inode == 0 || it.Inode != d.Inode || it.Context.IsValid() && d.Target.IsValid() && it.Context != d.Target {
			continue
		}
		p, ok := e.absolute(it.Name)
		switch {
		case !ok:
		case path.Base(p) == d.Name:
			d.found(cleanDir(p), CertaintyKnown, "the event's PATH record with this inode")
			return
		default: // a link, or the kernel has another name for it
			d.found(cleanDir(p), CertaintyInferred, "the event's PATH record with this inode has another name")
			return
		}
	}
	if e.locateNew(d) {
		return
	}
	if p := ancestor(d.Wanted, d); p != "" {
		d.found(p, CertaintyInferred, "the part of the path given to the system call that ends in this name")
		return
	}
	if arg := e.argument(d.Name); arg != "" {
		if p := ancestor(arg, d); p != "" {
			d.found(p, CertaintyInferred, "an argument of the command line ends in this name")
			return
		}
	}
	if len(e.Paths) == 0 {
		d.PathReason = "only the last component is known: the event has no PATH record"
	} else {
		d.PathReason = "only the last component is known: no PATH record fits"
	}
}

// locateRoot finds where a file system is mounted whose root directory the
// denial is about: its name is "/" wherever that is.
func (e *Event) locateRoot(d *Denial) {
	at := ""
	for i := range e.Paths {
		it := &e.Paths[i]
		if it.Inode == 0 || it.Inode != d.Inode || !it.Context.IsValid() || it.Context != d.Target {
			continue
		}
		if p, ok := e.absolute(it.Name); ok && at == "" {
			at = cleanDir(p)
		} else {
			at = ""
			break
		}
	}
	if at == "" {
		d.PathReason = "the root of the file system on " + d.Dev
		return
	}
	d.found(at, CertaintyInferred, "the event's PATH record with this inode, the root of a file system")
}

// locateNew finds what was to be created: it has no inode yet.
func (e *Event) locateNew(d *Denial) bool {
	if d.Inode != 0 || !d.HasPermission("create") {
		return false
	}
	for i := range e.Paths {
		it := &e.Paths[i]
		p, ok := e.absolute(it.Name)
		if ok && it.NameType == "CREATE" && path.Base(p) == d.Name {
			d.found(p, CertaintyKnown, "the event's PATH record of the new name")
			return true
		}
	}
	return false
}

// ancestor returns the part of the path p that ends in the denial's name: all
// of it, or a directory on the way to it. If the name stands there twice there
// is no telling.
func ancestor(p string, d *Denial) string {
	if !strings.HasPrefix(p, "/") {
		return ""
	}
	p = path.Clean(p)
	at := ""
	for q := p; q != "/"; q = path.Dir(q) {
		if path.Base(q) != d.Name || q != p && d.Class != "dir" && d.Class != "lnk_file" {
			continue
		}
		if at != "" {
			return ""
		}
		at = q
	}
	return at
}

// wanted is the path that the system call was given, absolute.
func (e *Event) wanted() string {
	var last *PathItem
	for i := range e.Paths {
		it := &e.Paths[i]
		if it.NameType == "PARENT" || it.Name == "" {
			continue
		}
		if e.Syscall != nil && (e.Syscall.Name == "execve" || e.Syscall.Name == "execveat") && last != nil {
			continue // the items behind the first are the interpreters
		}
		last = it
	}
	if last == nil {
		return ""
	}
	p, ok := e.absolute(last.Name)
	if !ok {
		return ""
	}
	return cleanDir(p)
}

// absolute makes a name of a PATH record absolute. A relative one counts from
// the working directory, unless the system call was given another directory.
// The kernel gives that without symbolic links, so that a name may lead up from
// it; a ".." behind a component that may be a link cannot be resolved here.
func (e *Event) absolute(name string) (string, bool) {
	switch {
	case name == "":
		return "", false
	case name[0] == '/':
		return name, true
	case !strings.HasPrefix(e.Cwd, "/") || e.Syscall == nil || !e.fromCwd():
		return "", false
	}
	if rest := strings.TrimLeft(name, "./"); strings.Contains("/"+rest+"/", "/../") {
		return "", false
	}
	return path.Join(e.Cwd, name), true
}

// fromCwd reports whether the system call resolves relative names from the
// working directory: it takes no directory, or AT_FDCWD (-100).
func (e *Event) fromCwd() bool {
	c := e.Syscall
	at := func(arg string) bool {
		n, ok := argument(arg)
		return arg == "AT_FDCWD" || ok && uint32(n) == 0xffffff9c
	}
	switch c.Name {
	case "":
		return false
	case "renameat", "renameat2", "linkat":
		return at(c.Args[0]) && at(c.Args[2])
	case "symlinkat":
		return at(c.Args[1])
	case "statx", "execveat", "name_to_handle_at", "open_tree", "openat2", "move_mount":
		return at(c.Args[0])
	}
	if strings.HasSuffix(c.Name, "at") && c.Name != "stat" && c.Name != "lstat" && c.Name != "fstat" ||
		strings.HasSuffix(c.Name, "at2") || c.Name == "fstatat64" {
		return at(c.Args[0])
	}
	return true
}

// argument returns the one absolute argument of the command line in which name
// is a component, "" if there is none or more than one.
func (e *Event) argument(name string) string {
	if name == "" || name == "/" {
		return ""
	}
	at := ""
	for i, arg := range e.Cmdline {
		if i == 0 || !strings.HasPrefix(arg, "/") || !strings.Contains(arg+"/", "/"+name+"/") || arg == at {
			continue
		}
		if at != "" {
			return ""
		}
		at = arg
	}
	return at
}

// cleanDir takes the slash away that PATH records have behind a directory.
func cleanDir(p string) string {
	for len(p) > 1 && p[len(p)-1] == '/' {
		p = p[:len(p)-1]
	}
	return p
}

package triage

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
)

// cleanPath returns an absolute path without superfluous slashes and single
// dots, or "" if that is no path to act on. A name given to a system call may
// hold "..": what that leads to depends on symbolic links that the log does not
// show, so such a path says nothing of where the object is.
func cleanPath(p string) string {
	if !strings.HasPrefix(p, "/") || strings.IndexByte(p, 0) >= 0 {
		return ""
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return ""
		}
	}
	return path.Clean(p)
}

// path returns the object's path if it is known well enough to act on.
func (c *investigation) path() (string, bool) {
	switch {
	case c.d.FullPath == "" && c.d.Name != "":
		c.f.note("name-only", "the log has only the name %s, which is no path%s", strconv.Quote(c.d.Name), c.howToFind())
		return "", false
	case c.d.FullPath == "":
		return "", false
	case c.at == "":
		c.f.note("path-dots", "the path %s is not one to act on: what its dots lead to is not in the log", strconv.Quote(c.d.FullPath))
		return "", false
	}
	if c.d.PathCertainty != avc.CertaintyKnown {
		c.f.note("path-inferred", "the path is inferred: %s", c.d.PathReason)
	}
	return c.at, true
}

// howToFind says how to find an inode whose path is not known.
func (c *investigation) howToFind() string {
	switch {
	case c.d.Name == "/" && c.d.Dev != "":
		return fmt.Sprintf(": it is the root directory of the file system on %s, wherever that is mounted", c.d.Dev)
	case c.d.Dev == "proc" && isNumber(c.d.Name):
		return fmt.Sprintf(": it is the directory in /proc of the process %s, or was", c.d.Name)
	case c.d.Inode == 0 || c.byFileSystem():
		return ""
	}
	return fmt.Sprintf(": find -xdev -inum %d finds it, from where the file system on %s is mounted", c.d.Inode, c.d.Dev)
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// byFileSystem reports whether the object's context is not its own but its
// whole file system's, or that of a part of it, and given by the policy
// (genfscon): then no file context changes it.
func (c *investigation) byFileSystem() bool {
	if fs := c.d.Dev; fs != "" {
		_, labels := c.t.pol.FSUse(fs)
		if _, ok := c.t.pol.Genfscon(fs, "/", ""); ok && !labels {
			return true
		}
	}
	return c.t.types.mounted(c.canonical(c.d.Target.Type()))
}

// secret reports whether the object has a type that the policy keeps from
// ordinary domains. Such a file is where it should not be, or the program looks
// where it should not: another type would give away what is in it.
func (c *investigation) secret() bool {
	return c.t.types.secret(c.canonical(c.d.Target.Type()))
}

// family is what the names of types that belong together begin with.
func family(typ string) string {
	name, _, _ := strings.Cut(typ, "_")
	return name
}

// onlyLooks reports whether the denied access changes nothing.
func (c *investigation) onlyLooks() bool {
	for _, p := range c.f.Access.Permissions {
		switch p {
		case "getattr", "read", "open", "map", "lock", "search", "ioctl":
		default:
			return false
		}
	}
	return true
}

// purpose returns the directory of hier(7) that the object's name speaks of, or
// that of what was to be made in it.
func (c *investigation) purpose(p string, kind fcontext.Kind) string {
	if as := purpose(p, kind); as != "" || kind != fcontext.Dir {
		return as
	}
	if made := cleanPath(c.d.Wanted); made != "" && path.Dir(made) == p {
		return purpose(made, fcontext.File)
	}
	return ""
}

package triage

import (
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/fcontext"
)

// standard are directories that the Filesystem Hierarchy Standard gives to
// nobody in particular (hier(7)). Their types, and the type of what is in no
// standard directory, are on files of all sorts.
var standard = [...]string{
	"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv",
	"/sys", "/tmp",
	"/usr", "/usr/bin", "/usr/include", "/usr/lib", "/usr/libexec", "/usr/local", "/usr/sbin", "/usr/share", "/usr/src",
	"/var", "/var/cache", "/var/lib", "/var/lock", "/var/log", "/var/mail", "/var/opt", "/var/run", "/var/spool", "/var/tmp",
	nowhere,
}

// nowhere is a path that no spec is made for but the last resort.
const nowhere = "/no such directory"

// area is the part of the file system that a path or pattern is in: of the
// directories of hier(7) the innermost, else the first component.
func area(p string) string {
	best := "/" + firstComponent(p)
	for _, dir := range standard {
		if len(dir) > 1 && len(dir) >= len(best) && (p == dir || strings.HasPrefix(p, dir+"/")) {
			best = dir
		}
	}
	if rest, ok := strings.CutPrefix(best, "/var/run"); ok {
		best = "/run" + rest
	}
	return best
}

func firstComponent(p string) string {
	p = strings.TrimPrefix(p, "/")
	if i := strings.IndexAny(p, "/(\\[.*?+"); i >= 0 {
		p = p[:i]
	}
	return p
}

// inHome reports whether a path is in a user's home, or the superuser's.
func inHome(p string) bool {
	a := area(p)
	return a == "/home" || a == "/root"
}

// isStandard reports whether a directory is one of hier(7)'s.
func isStandard(dir string) bool {
	return slices.Contains(standard[:], path.Clean(dir))
}

// neutral are the directories of hier(7) whose names do not say what a file in
// them is for, as those of /etc, /var/log or /run do.
var neutral = []string{"/", "/home", "/media", "/mnt", "/opt", "/srv", "/usr", "/usr/local", "/usr/share", "/var", "/var/opt"}

// dataAreas are directories of hier(7) for whatever a program keeps. What lies
// elsewhere for the same use has the types that the policy's authors have there.
var dataAreas = []string{"/var/lib", "/var/mail", "/var/spool"}

// purpose returns the directory of hier(7) that a path's name speaks of, where
// the area that it is in does not say what it is for: the logs of a site in
// /srv are logs. It is empty if the name says nothing.
func purpose(p string, kind fcontext.Kind) string {
	if telling(area(p)) || kind != fcontext.File && kind != fcontext.Dir {
		return ""
	}
	if kind == fcontext.File {
		switch path.Ext(p) {
		case ".log":
			return "/var/log"
		case ".pid":
			return "/run"
		}
		p = path.Dir(p)
	}
	for ; !isStandard(p); p = path.Dir(p) {
		switch strings.ToLower(path.Base(p)) {
		case "log", "logs":
			return "/var/log"
		case "cache":
			return "/var/cache"
		case "run":
			return "/run"
		}
	}
	return ""
}

// telling reports whether an area's name says what the files in it are for.
func telling(area string) bool { return isStandard(area) && !slices.Contains(neutral, area) }

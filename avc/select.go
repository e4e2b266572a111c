package avc

import (
	"path"
	"slices"
	"strings"
	"time"
)

// Selection picks denials. Every field that is set must fit; of a list, one of
// its values. The zero Selection fits all. Names may hold the wildcards of
// [path.Match], such as "httpd_*".
type Selection struct {
	// Since and Until bound the time, both inclusive. Denials without a time
	// do not fit then.
	Since, Until time.Time
	// Types are record types: TypeAVC, TypeUserAVC.
	Types []RecordType
	// Verdicts are Denied or Granted.
	Verdicts []Verdict
	// Comms and Exes are commands and programs.
	Comms, Exes []string
	// Sources (domains) and Targets are types, Classes and Permissions names.
	Sources, Targets     []string
	Classes, Permissions []string
	// Paths are paths of objects; one that ends in a slash stands for all that
	// is below it. A denial whose path is not known is compared by its name=.
	Paths []string
	// Permissive is Yes for accesses that went through, No for those that were
	// denied. Success is the same for the system call.
	Permissive, Success Ternary
	// Provenance is the least that is wanted.
	Provenance Provenance
}

// Match reports whether d fits.
func (s *Selection) Match(d *Denial) bool {
	switch {
	case !s.matchTime(d.ID.Time),
		len(s.Types) > 0 && !slices.Contains(s.Types, d.Type),
		len(s.Verdicts) > 0 && !slices.Contains(s.Verdicts, d.Verdict),
		!anyName(s.Comms, d.Comm),
		!anyName(s.Exes, d.Exe),
		!anyName(s.Sources, d.Source.Type()),
		!anyName(s.Targets, d.Target.Type()),
		!anyName(s.Classes, d.Class),
		s.Permissive != Unknown && s.Permissive != d.Permissive,
		s.Success != Unknown && (d.Syscall == nil || d.Syscall.Success != s.Success),
		d.Provenance < s.Provenance:
		return false
	}
	return s.matchPermission(d) && s.matchPath(d)
}

func (s *Selection) matchTime(t time.Time) bool {
	if s.Since.IsZero() && s.Until.IsZero() {
		return true
	}
	return !t.IsZero() && !t.Before(s.Since) && (s.Until.IsZero() || !t.After(s.Until))
}

func (s *Selection) matchPermission(d *Denial) bool {
	return len(s.Permissions) == 0 || slices.ContainsFunc(d.Permissions, func(p string) bool {
		return anyName(s.Permissions, p)
	})
}

func (s *Selection) matchPath(d *Denial) bool {
	if len(s.Paths) == 0 {
		return true
	}
	name := d.FullPath
	if name == "" {
		name = d.Path
	}
	if name == "" {
		name = d.Name
	}
	return slices.ContainsFunc(s.Paths, func(p string) bool {
		return strings.HasSuffix(p, "/") && strings.HasPrefix(name, p) || matchName(p, name)
	})
}

// anyName reports whether one of the patterns fits, or there is none.
func anyName(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return matchName(p, name) })
}

func matchName(pattern, name string) bool {
	if pattern == name {
		return true
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

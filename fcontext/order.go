package fcontext

import (
	"slices"
	"strings"
)

// Order is the way to choose among several specs that match a path. The zero
// Order is [OrderNewest].
type Order uint8

const (
	// OrderNewest is libselinux 3.9's and later (label_file.c,
	// lookup_check_node): the literal specs first, of these the one from the
	// file read last, and within a file the first; then, of each group of
	// specs with the same literal leading directories (three at most), the
	// last that matches, and of these the last of all; but a <<none>> so
	// found in a deeper group wins over any later spec of a shallower one.
	OrderNewest Order = iota
	// Order34 is libselinux 3.4's and that of the releases around it, up to 3.7
	// (label_file.c, lookup_all): the last literal spec that matches, or else
	// the last that matches. A spec whose first directory has a backslash and
	// none of .^$?*+|[({ in it is never tried: so it is there.
	Order34
	// Order38 is libselinux 3.8's (Debian 13's, for one). It groups as the newest
	// does, but takes the lines of .subs files first to last, and of the literal
	// specs one for the kind of file before one for all, whatever file they are
	// from, and then the first: a local one does not overrule the policy's.
	// [DB.PartialMatch] answers as for the newest.
	Order38
)

// String returns the release that the order is named after.
func (o Order) String() string {
	switch o {
	case Order34:
		return "3.4"
	case Order38:
		return "3.8"
	}
	return "newest"
}

// Characters that libselinux looks for to tell a literal spec
// (regex_has_meta_chars; in 3.4 spec_hasMetaChars) and those that the newest
// knows how to unescape.
const (
	meta34        = ".^$?*+|[({"
	metaNewest    = ".^$?*+|[({])}"
	escapedNewest = metaNewest + "-_,"
)

// literalSpec reports whether libselinux takes the pattern for literal, and
// the length of what it holds for the fixed prefix, as it counts it: in 3.4
// with the backslashes, in the newest without.
func (o Order) literalSpec(p string) (literal bool, prefix int) {
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && o == Order34:
			i++
			prefix++
		case p[i] == '\\':
			if i++; i == len(p) || strings.IndexByte(escapedNewest, p[i]) < 0 {
				return false, prefix
			}
		case o == Order34 && strings.IndexByte(meta34, p[i]) >= 0,
			o != Order34 && strings.IndexByte(metaNewest, p[i]) >= 0:
			return false, prefix
		}
		prefix++
	}
	return true, min(prefix, len(p))
}

// stem34 returns the text of the first directory of a pattern, with the slash
// before it and as it is written, or "" if it has none that is fixed
// (get_stem_from_spec).
func stem34(p string) string {
	end := strings.IndexByte(p[1:], '/') + 1
	if end == 0 || strings.ContainsAny(p[:end], meta34) {
		return ""
	}
	return p[:end]
}

// fits34 reports whether 3.4 tries the pattern on the path at all.
func fits34(p, path string) bool {
	stem := stem34(p)
	if stem == "" {
		return true
	}
	end := strings.IndexByte(path[1:], '/') + 1
	return end > 0 && path[:end] == stem
}

// sure34 reports whether every path that the pattern matches fits34.
func sure34(r *rec) bool {
	stem := stem34(r.pattern)
	return stem == "" || len(stem) < int(r.prefix) && strings.IndexByte(stem, '\\') < 0
}

// maxDepth is how many leading directories the newest groups specs by
// (SPEC_NODE_MAX_DEPTH).
const maxDepth = 3

// stems returns the leading directories that the newest puts a pattern under
// (insert_spec), and how much of the pattern they are, with their slashes.
func stems(p string) (dirs [maxDepth]string, depth, end int) {
	i := 0
	for depth < maxDepth && i < len(p) {
		n := strings.IndexByte(p[i+1:], '/')
		if n < 0 {
			break
		}
		if n == 0 {
			i++
			continue
		}
		dir, ok := unescapeDir(p[i+1 : i+1+n])
		if !ok {
			break
		}
		dirs[depth] = dir
		depth++
		i += n + 1
		end = i + 1
	}
	return dirs, depth, end
}

// unescapeDir is regex_simplify.
func unescapeDir(s string) (string, bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, !strings.ContainsAny(s, metaNewest)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			if i++; i == len(s) || strings.IndexByte(escapedNewest, s[i]) < 0 {
				return "", false
			}
		} else if strings.IndexByte(metaNewest, s[i]) >= 0 {
			return "", false
		}
		b = append(b, s[i])
	}
	return string(b), true
}

// fitsNewest reports whether the newest comes by the pattern's group on the
// way up from the path's deepest one.
func fitsNewest(p, path string) bool {
	dirs, depth, _ := stems(p)
	for _, dir := range dirs[:depth] {
		for strings.HasPrefix(path, "//") {
			path = path[1:]
		}
		if len(path) < len(dir)+2 || path[0] != '/' || path[1:1+len(dir)] != dir || path[1+len(dir)] != '/' {
			return false
		}
		path = path[1+len(dir):]
	}
	return true
}

// sureNewest reports whether every path that the pattern matches fitsNewest.
func sureNewest(r *rec) bool {
	_, depth, end := stems(r.pattern)
	return depth == 0 ||
		r.pattern[0] == '/' && end <= int(r.prefix) && !strings.Contains(r.pattern[:end], "//")
}

// sure reports whether the order tries the spec on every path that it matches.
func (o Order) sure(r *rec) bool {
	switch {
	case o == Order34:
		return sure34(r)
	case r.literal:
		return true
	}
	return sureNewest(r)
}

func (o Order) fits(r *rec, path string) bool {
	switch {
	case o == Order34:
		return fits34(r.pattern, path)
	case r.literal:
		return true
	}
	return fitsNewest(r.pattern, path)
}

// choose returns the spec that decides among those in specs (ascending), all
// of which match the path and its kind; -1 if there is none.
func (db *DB) choose(specs []int32) int32 {
	if db.order == Order34 {
		return db.choose34(specs)
	}
	return db.chooseNewest(specs)
}

func (db *DB) choose34(specs []int32) int32 {
	for _, s := range slices.Backward(specs) {
		if db.specs[s].literal {
			return s
		}
	}
	if len(specs) == 0 {
		return -1
	}
	return specs[len(specs)-1]
}

// ahead reports whether of two literal specs for one path the first, which was
// read before the second, decides (compare_literal_spec).
func (db *DB) ahead(first, second int32) bool {
	a, b := &db.specs[first], &db.specs[second]
	if db.order == Order38 {
		return rank38[a.kind] >= rank38[b.kind]
	}
	return a.input == b.input
}

// rank38 is how LABEL_FILE_KIND numbers the kinds.
var rank38 = [numKinds]uint8{Any: 0, Dir: 1, CharDevice: 2, BlockDevice: 3, Socket: 4, Pipe: 5, Symlink: 6, File: 7}

// tried puts the substitutions of a file, as they stand there, into the order
// in which they are tried, and back.
func (o Order) tried(subs []sub) []sub {
	if o != Order38 {
		slices.Reverse(subs)
	}
	return subs
}

func (db *DB) chooseNewest(specs []int32) int32 {
	best := int32(-1)
	for _, s := range specs {
		if db.specs[s].literal && (best < 0 || !db.ahead(best, s)) {
			best = s
		}
	}
	if best >= 0 {
		return best
	}
	// The last of each group.
	var last [maxDepth + 1]int32
	for i := range last {
		last[i] = -1
	}
	for _, s := range specs {
		_, depth, _ := stems(db.specs[s].pattern)
		last[depth] = s
	}
	for depth := maxDepth; depth >= 0; depth-- {
		if s := last[depth]; s > best {
			best = s
			if db.specs[s].context == contextNone {
				break
			}
		}
	}
	return best
}

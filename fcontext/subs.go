package fcontext

import (
	"iter"
	"strings"
)

// sub is a line of .subs or .subs_dist: paths at or below src are looked up as
// if they were at or below dst.
type sub struct{ src, dst string }

// apply returns what replaces the path: dst and the rest of the path
// (selabel_apply_subs).
func (s *sub) apply(path string) (dst, rest string, ok bool) {
	n := len(s.src)
	if len(path) < n || path[:n] != s.src {
		return "", "", false
	}
	if len(path) == n {
		return s.dst, "", true
	}
	if path[n] != '/' {
		return "", "", false
	}
	if s.dst == "/" {
		n++
	}
	return s.dst, path[n:], true
}

func applySubs(subs []sub, path string) (dst, rest string, ok bool) {
	for i := range subs {
		if dst, rest, ok = subs[i].apply(path); ok {
			return dst, rest, true
		}
	}
	return "", "", false
}

// subTable is a list of subs by the second byte of their src, so that a lookup
// need not try all. Those with a shorter src are in every list.
type subTable struct {
	all    []sub
	second [256][]sub
}

func newSubTable(subs []sub) *subTable {
	t := &subTable{all: subs}
	for _, s := range subs {
		if len(s.src) > 1 {
			t.second[s.src[1]] = append(t.second[s.src[1]], s)
			continue
		}
		for b := range t.second {
			t.second[b] = append(t.second[b], s)
		}
	}
	return t
}

func (t *subTable) apply(path string) (dst, rest string, ok bool) {
	if len(path) < 2 {
		return applySubs(t.all, path)
	}
	return applySubs(t.second[path[1]], path)
}

// parseSubs reads a substitution file (selabel_subs_init): two fields a line,
// what follows ignored, lines with fewer skipped.
func parseSubs(text string) []sub {
	var subs []sub
	for line := range strings.Lines(text) {
		// C strings end at a NUL.
		line, _, _ = strings.Cut(line, "\x00")
		f := strings.FieldsFunc(line, func(r rune) bool { return r < 0x80 && isBlank(byte(r)) })
		if len(f) >= 2 && f[0][0] != '#' {
			subs = append(subs, sub{src: f[0], dst: f[1]})
		}
	}
	return subs
}

// Substitution is an equivalence of two trees: a path at or below From is
// looked up as if it were at or below To.
type Substitution struct {
	From string `json:"from"`
	To   string `json:"to"`
	Dist bool   `json:"dist,omitempty"` // from .subs_dist, the policy's; else from .subs, the administrator's
}

// String returns the equivalence as semanage fcontext -l prints it.
func (s Substitution) String() string { return s.From + " = " + s.To }

// Substitutions returns the equivalences in the order they are tried: of those
// from .subs the first that applies, then of those from .subs_dist the first
// that applies to the outcome.
func (db *DB) Substitutions() iter.Seq[Substitution] {
	return func(yield func(Substitution) bool) {
		for _, s := range db.subs {
			if !yield(Substitution{From: s.src, To: s.dst}) {
				return
			}
		}
		for _, s := range db.distSubs.all {
			if !yield(Substitution{From: s.src, To: s.dst, Dist: true}) {
				return
			}
		}
	}
}

// key normalises a path as libselinux does before it looks it up: duplicate
// slashes, then one trailing slash, then the substitutions, whose outcome is
// taken as it is. The key is head+rest; head is empty or a substitution's
// destination.
func (db *DB) key(path string) (head, rest string) {
	path = cleanSlashes(path)
	if n := len(path); n > 1 && path[n-1] == '/' {
		path = path[:n-1]
	}
	if len(db.subs) > 0 {
		if dst, rest, ok := applySubs(db.subs, path); ok {
			path = dst + rest
		}
	}
	if dst, rest, ok := db.distSubs.apply(path); ok {
		return dst, rest
	}
	return "", path
}

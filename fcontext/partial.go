package fcontext

import (
	"strings"
	"sync"
)

// PartialMatch reports whether the path, or something that begins with it,
// could match a spec with a context, as selabel_partial_match(3) does, so that
// a walk can tell which directories it need not enter. It takes as long as a
// few hundred lookups.
//
// It may say true where libselinux says false if a spec has both an alternation
// outside of all groups and anchors of its own.
func (db *DB) PartialMatch(path string) bool {
	if path == "" || len(db.specs) == 0 || strings.IndexByte(path, 0) >= 0 {
		return false
	}
	head, rest := db.key(path)
	key := head + rest
	alive := db.alive(key)
	if db.order == Order34 {
		return db.partial34(alive)
	}
	for s := range db.specs {
		r := &db.specs[s]
		if alive[s] && !r.literal && r.context != contextNone && fitsNewest(r.pattern, key) {
			return true
		}
	}
	return db.groups().partial(key)
}

// partial34: the spec that would decide if all that could still match did.
func (db *DB) partial34(alive []bool) bool {
	for _, literal := range []bool{true, false} {
		for s := len(db.specs) - 1; s >= 0; s-- {
			if r := &db.specs[s]; r.literal == literal && alive[s] {
				return r.context != contextNone
			}
		}
	}
	return false
}

// alive returns, by spec, whether its expression matches the key or could match
// a longer one (PCRE2_PARTIAL_SOFT).
func (db *DB) alive(key string) []bool {
	alive := make([]bool, len(db.specs))
	for _, s := range db.matching(key) {
		alive[s] = true
	}
	for s := range db.specs {
		if r := &db.specs[s]; r.alt && hasAnchors(r.pattern) {
			alive[s] = true
		}
	}
	for s := range db.specs {
		if r := &db.specs[s]; r.inTable() && strings.HasPrefix(unescape(r.pattern), key) {
			alive[s] = true
		}
	}
	a := db.auto
	a.mu.Lock()
	defer a.mu.Unlock()
	mark := func(e uint32, endOnly bool) {
		if e&trieElement != 0 {
			if !endOnly {
				db.markBelow(alive, int32(e&^trieElement))
			}
		} else if in := &a.prog.insts[e]; !endOnly || in.op == iEnd {
			alive[in.spec] = true
		}
	}
	// What begins its search at the end of the key has matched nothing of it.
	last := len(key) - 1
	a.last = a.simulate(key[:last])
	if key[last] == '\n' {
		for _, e := range a.last {
			mark(e, true)
		}
	}
	a.begin()
	for _, e := range a.last {
		if e&trieElement != 0 || !a.prog.insts[e].search {
			a.advance([]uint32{e}, key[last])
		}
	}
	for _, e := range a.set {
		mark(e, false)
	}
	return alive
}

// hasAnchors reports whether the pattern has anchors beside those that
// libselinux puts around it. What PCRE2 takes for a partial match then, it does
// not say.
func hasAnchors(pattern string) bool {
	re, err := parseRegex("^" + pattern + anchorExtra)
	own := 2
	if strings.HasSuffix(pattern, "\\") {
		own = 1 // escapes the $ that is put after it
	}
	return err != nil || anchors(re.root) > own
}

func anchors(n *node) int {
	sum := 0
	if n.op == opBegin || n.op == opEnd {
		sum++
	}
	for _, s := range n.subs {
		sum += anchors(s)
	}
	return sum
}

// markBelow marks the specs whose literal text goes on after the node, and
// those that it is the whole of.
func (db *DB) markBelow(marks []bool, top int32) {
	for _, s := range db.auto.trie.ending(top) {
		marks[s] = marks[s] || db.specs[s].whole
	}
	for _, s := range db.auto.trie.below(top) {
		marks[s] = true
	}
}

// group is the newest libselinux's spec_node: the specs with the same literal
// leading directories, as far as partial matches need them.
type group struct {
	children map[string]*group
	literals []string // of the literal specs with a context
	context  bool     // a spec with a context is here or below
}

// newGroups returns the function that makes the groups when they are first
// asked for.
func newGroups(db *DB) func() *group {
	return sync.OnceValue(func() *group {
		root := new(group)
		for s := range db.specs {
			root.add(&db.specs[s])
		}
		return root
	})
}

func (g *group) add(r *rec) {
	text := ""
	dirs, depth, _ := stems(r.pattern)
	if r.literal {
		text = unescape(r.pattern)
		dirs, depth = literalStems(text)
	}
	labelled := r.context != contextNone
	g.context = g.context || labelled
	for _, dir := range dirs[:depth] {
		child := g.children[dir]
		if child == nil {
			if g.children == nil {
				g.children = map[string]*group{}
			}
			child = new(group)
			g.children[dir] = child
		}
		g = child
		g.context = g.context || labelled
	}
	if r.literal && labelled {
		g.literals = append(g.literals, text)
	}
}

// literalStems is [stems] for literal text.
func literalStems(text string) (dirs [maxDepth]string, depth int) {
	for depth < maxDepth {
		dir, rest, ok := cutDir(text)
		if !ok {
			break
		}
		dirs[depth] = dir
		depth++
		text = rest
	}
	return dirs, depth
}

// cutDir cuts the first directory, one with a slash on both sides, off.
func cutDir(path string) (dir, rest string, ok bool) {
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	if path == "" || path[0] != '/' {
		return "", path, false
	}
	n := strings.IndexByte(path[1:], '/')
	if n < 0 {
		return "", path, false
	}
	return path[1 : 1+n], path[1+n:], true
}

// partial is the part of lookup_all that looks at literal specs, and below the
// key's group.
func (g *group) partial(key string) bool {
	path := key
	for {
		dir, rest, ok := cutDir(path)
		child := g.children[dir]
		if !ok || child == nil {
			break
		}
		g, path = child, rest
	}
	for _, text := range g.literals {
		if strings.HasPrefix(text, key) {
			return true
		}
	}
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	if path == "" || path[0] != '/' {
		return false
	}
	for dir, child := range g.children {
		if child.context && strings.HasPrefix(dir, path[1:]) {
			return true
		}
	}
	return false
}

package fcontext

import (
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// DB is a set of file contexts: what file_contexts and the files beside it
// say. It does not change; any number of goroutines may use it.
type DB struct {
	order    Order
	files    []string // names, in the order they were read
	contexts []policy.Context
	specs    []rec     // in the order they were read
	literals textTable // the specs inTable
	subs     []sub     // .subs, in the order in which they are tried
	distSubs *subTable

	symbols    [256]uint8 // by byte: the column of the automaton's cells
	numSymbols int
	stride     int

	// firstNone is the first spec that says <<none>>, by the number of its
	// literal leading directories.
	firstNone [maxDepth + 1]int32

	// oddLiterals: 3.4 takes some expression for literal, so that the literal
	// specs alone do not settle a lookup.
	oddLiterals bool

	auto   *automaton
	groups func() *group
}

// contextNone is the index of <<none>> in DB.contexts.
const contextNone = 0

// Match is the answer to a lookup.
type Match struct {
	// Context is what the path should have; not valid if None.
	Context policy.Context `json:"context,omitzero"`
	// None: the specs say <<none>>: the path keeps what it has. libselinux
	// reports it as not found.
	None bool `json:"none,omitempty"`
	// Spec is the one that decided.
	Spec Spec `json:"spec"`
}

// finish lays out the automaton when all specs are in.
func (db *DB) finish() {
	high := false
	for d := range db.firstNone {
		db.firstNone[d] = int32(len(db.specs))
	}
	for i := range db.specs {
		r := &db.specs[i]
		high = high || r.high
		if r.context == contextNone {
			_, d, _ := stems(r.pattern)
			db.firstNone[d] = min(db.firstNone[d], int32(i))
		}
	}
	for b := range db.symbols {
		db.symbols[b] = uint8(b)
		if b > 0x80 && !high {
			db.symbols[b] = 0x80
		}
	}
	db.numSymbols = int(db.symbols[255]) + 1
	db.stride = db.numSymbols + int(numKinds)
	db.auto = newAutomaton(db)
	db.groups = newGroups(db)
}

// Order returns the order that the database was opened with.
func (db *DB) Order() Order { return db.order }

// Len returns the number of specs.
func (db *DB) Len() int { return len(db.specs) }

// Specs returns all specs in the order they were read: file_contexts,
// .homedirs, .local, then those added with [DB.With].
func (db *DB) Specs() iter.Seq[Spec] {
	return func(yield func(Spec) bool) {
		for i := range db.specs {
			if !yield(db.spec(int32(i))) {
				return
			}
		}
	}
}

// SpecsOfType returns the specs whose context has the type and that apply to
// one of the kinds (a spec for all kinds applies to each); with no kind, to
// any. They come in the order they were read. Whether a path that such a spec
// matches does get its context is for [DB.Lookup] to say: another spec may be
// more specific.
func (db *DB) SpecsOfType(typ string, kinds ...Kind) iter.Seq[Spec] {
	return func(yield func(Spec) bool) {
		of := make([]bool, len(db.contexts))
		for i, c := range db.contexts {
			of[i] = i != contextNone && c.Type() == typ
		}
		for i := range db.specs {
			r := &db.specs[i]
			if !of[r.context] || len(kinds) > 0 && !slices.ContainsFunc(kinds, r.kind.fits) {
				continue
			}
			if !yield(db.spec(int32(i))) {
				return
			}
		}
	}
}

func (db *DB) spec(i int32) Spec {
	r := &db.specs[i]
	return Spec{
		Pattern: r.pattern,
		Kind:    r.kind,
		Context: db.contexts[r.context],
		None:    r.context == contextNone,
		File:    db.files[r.file],
		Line:    int(r.line),
	}
}

func (db *DB) match(i int32) Match {
	s := db.spec(i)
	return Match{Context: s.Context, None: s.None, Spec: s}
}

// Lookup returns what the path should have if it is a file of the kind, as
// selabel_lookup_raw(3) does. The path is absolute; duplicate slashes and one
// trailing slash are removed, "." and ".." and symbolic links are not
// resolved. [Any] stands for a kind that is not known: all specs apply then,
// whatever kind they are for. ok is false if no spec matches (also for an
// empty path, and for one with a NUL byte, which no file has); there is no
// other failure, because every pattern was checked when it was read.
//
// Lookup does not allocate once it has met paths of the same shape, unless the
// path has duplicate slashes or ends in a newline, or .subs applies to it.
func (db *DB) Lookup(path string, kind Kind) (m Match, ok bool) {
	if i := db.find(path, kind); i >= 0 {
		return db.match(i), true
	}
	return Match{}, false
}

// find returns the spec that decides, or -1.
func (db *DB) find(path string, kind Kind) int32 {
	if len(db.specs) == 0 || kind >= numKinds || path == "" {
		return -1
	}
	head, rest := db.key(path)
	if rest != "" && rest[len(rest)-1] == '\n' || rest == "" && head[len(head)-1] == '\n' {
		return db.findSlow(head+rest, kind)
	}
	if i := db.findLiteral(head, rest, kind); i != notLiteral {
		return i
	}
	t := db.auto.cur.Load()
	row := db.auto.startRow()
	if head != "" {
		t, row = db.auto.walk(t, row, head)
	}
	t, row = db.auto.walk(t, row, rest)
	switch v := db.auto.answer(t, row, kind); v {
	case answerNone:
		return -1
	case answerDepends:
		return db.findSlow(head+rest, kind)
	default:
		return int32(v - answerSpec)
	}
}

const notLiteral = -2

// findLiteral returns the literal spec that decides for the key head+rest;
// notLiteral if there is none.
func (db *DB) findLiteral(head, rest string, kind Kind) int32 {
	var buf [256]byte
	var s int32
	switch {
	case head == "":
		s = db.literal(rest)
	case len(head)+len(rest) <= len(buf):
		n := copy(buf[:], head)
		n += copy(buf[n:], rest)
		s = db.literal(string(buf[:n]))
	default:
		s = db.literal(head + rest)
	}
	if s < 0 {
		return notLiteral
	}
	if db.oddLiterals {
		return db.findSlow(head+rest, kind)
	}
	best := int32(notLiteral)
	for ; s >= 0; s = db.specs[s].next { // the last first
		r := &db.specs[s]
		switch {
		case !r.kind.fits(kind):
		case db.order == Order34:
			if strings.IndexByte(r.pattern, '\\') < 0 || fits34(r.pattern, head+rest) {
				return s
			}
		case best < 0 || db.ahead(s, best):
			best = s
		}
	}
	return best
}

// findSlow is find for what a state does not settle.
func (db *DB) findSlow(key string, kind Kind) int32 {
	specs := db.allMatches(key)
	return db.choose(slices.DeleteFunc(specs, func(s int32) bool { return !db.specs[s].kind.fits(kind) }))
}

// allMatches returns the specs that the order tries on the key and that match
// it, whatever their kind, in ascending order. The key has been normalised and
// is not empty.
func (db *DB) allMatches(key string) []int32 {
	return slices.DeleteFunc(db.matching(key), func(s int32) bool { return !db.order.fits(&db.specs[s], key) })
}

// matching returns the specs whose expressions match the key.
func (db *DB) matching(key string) []int32 {
	body, newline := strings.CutSuffix(key, "\n")
	a := db.auto
	a.mu.Lock()
	specs := a.accepted(a.simulate(body), newline)
	a.mu.Unlock()
	text := key
	if db.order == Order34 {
		text = body
	}
	for s := db.literal(text); s >= 0; s = db.specs[s].next {
		specs = append(specs, s)
	}
	slices.Sort(specs)
	return specs
}

// settle turns the specs that match into an answer for all paths that end in
// the same state.
func (db *DB) settle(specs []int32, kind Kind) uint32 {
	fit := specs[:0:0]
	for _, s := range specs {
		r := &db.specs[s]
		if !r.kind.fits(kind) {
			continue
		}
		if !db.order.sure(r) {
			return answerDepends
		}
		fit = append(fit, s)
	}
	if s := db.choose(fit); s >= 0 {
		return uint32(s) + answerSpec
	}
	return answerNone
}

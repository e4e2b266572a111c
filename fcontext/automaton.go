package fcontext

import (
	"slices"
	"sync"
	"sync/atomic"
)

// automaton matches a path against all specs at once. It is a deterministic
// automaton over bytes that is built as paths ask for it: a state is the trie
// node reached (as long as the path is literal text that some pattern begins
// with) and the set of instructions that may come next. A lookup reads one
// table cell per byte of the path.
//
// States are built under a lock and published with atomic stores, so that
// finished parts are read without one. When there are too many states, all are
// dropped and built anew: time and memory stay bounded whatever the specs are.
type automaton struct {
	db  *DB
	cur atomic.Pointer[table]

	mu       sync.Mutex // guards all below, and the writing of cells
	trie     *trie
	prog     program
	compiled []uint32 // by spec: where it begins in prog, plus 1; 0 if it has not been compiled
	depth    []uint8  // by compiled spec: its literal leading directories
	seen     []uint32 // by instruction: the closure that last met it
	round    uint32
	stack    []uint32
	set      []uint32
	last     []uint32
}

// A table's cells are rows of stride cells, one row per state: numSymbols
// cells with the row to go to (0: not known yet), then one cell for each kind
// with the answer if the path ends here.
type table struct {
	cells []uint32
	gen   *generation
}

// generation is what the states of a table stand for. A table that has grown
// keeps its generation; one that was dropped begins another.
type generation struct {
	states   [][]uint32 // by row / stride; states[0] is not used
	index    map[uint64][]uint32
	elements int // of all states
}

const (
	trieElement = 1 << 31 // marks the trie node in a state's set

	startStates = 32
	maxStates   = 1 << 15
	maxElements = 1 << 23

	answerUnknown = 0
	answerNone    = 1 // no spec matches
	answerDepends = 2 // the state does not settle it: ask with the path
	answerSpec    = 3 // and above: spec number answer - answerSpec
)

func newAutomaton(db *DB) *automaton {
	a := &automaton{db: db, trie: newTrie(db.specs), compiled: make([]uint32, len(db.specs)), depth: make([]uint8, len(db.specs))}
	a.reset()
	return a
}

// reset drops all states but the one that lookups begin with.
func (a *automaton) reset() *table {
	t := &table{
		cells: make([]uint32, startStates*a.db.stride),
		gen:   &generation{states: make([][]uint32, 1, startStates), index: map[uint64][]uint32{}},
	}
	a.begin()
	a.addElement(trieElement, true)
	slices.Sort(a.set)
	a.intern(t, a.set)
	a.cur.Store(t)
	return t
}

// startRow is the row of the state before the first byte.
func (a *automaton) startRow() uint32 { return uint32(a.db.stride) }

// walk follows s from row.
func (a *automaton) walk(t *table, row uint32, s string) (*table, uint32) {
	cells, symbols := t.cells, &a.db.symbols
	for i := 0; i < len(s); i++ {
		next := atomic.LoadUint32(&cells[row+uint32(symbols[s[i]])])
		if next == 0 {
			t, next = a.step(t, row, s[i])
			cells = t.cells
		}
		row = next
	}
	return t, row
}

// answer returns the answer for a path of the kind that ends in row.
func (a *automaton) answer(t *table, row uint32, kind Kind) uint32 {
	cell := &t.cells[row+uint32(a.db.numSymbols)+uint32(kind)]
	if v := atomic.LoadUint32(cell); v != answerUnknown {
		return v
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.db.settle(a.accepted(a.stateSet(t, row), false), kind)
	atomic.StoreUint32(cell, v)
	return v
}

func (a *automaton) stateSet(t *table, row uint32) []uint32 {
	return t.gen.states[row/uint32(a.db.stride)]
}

// step builds the state that b leads to from row.
func (a *automaton) step(t *table, row uint32, b byte) (*table, uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cur := a.cur.Load()
	set := a.stateSet(t, row)
	if t.gen != cur.gen {
		row = 0 // the row is of a dropped table: its set still tells the way
	}
	a.begin()
	a.advance(set, b)
	a.prune()
	slices.Sort(a.set)
	cur, next := a.intern(cur, a.set)
	if row != 0 && cur.gen == t.gen {
		atomic.StoreUint32(&cur.cells[row+uint32(a.db.symbols[b])], next)
	}
	return cur, next
}

// intern returns the row of the state with the sorted set, and the table it is
// in: another one than t if t had to grow or to be dropped.
func (a *automaton) intern(t *table, set []uint32) (*table, uint32) {
	h := hashSet(set)
	for _, row := range t.gen.index[h] {
		if slices.Equal(a.stateSet(t, row), set) {
			return t, row
		}
	}
	n, stride := len(t.gen.states), a.db.stride
	if n == maxStates || t.gen.elements > maxElements && n > 1 {
		keep := slices.Clone(set)
		return a.intern(a.reset(), keep)
	}
	if (n+1)*stride > len(t.cells) {
		grown := &table{cells: make([]uint32, 2*len(t.cells)), gen: t.gen}
		copy(grown.cells, t.cells)
		t = grown
		a.cur.Store(t)
	}
	row := uint32(n * stride)
	t.gen.states = append(t.gen.states, slices.Clone(set))
	t.gen.elements += len(set)
	t.gen.index[h] = append(t.gen.index[h], row)
	return t, row
}

func hashSet(set []uint32) uint64 {
	h := uint64(14695981039346656037)
	for _, v := range set {
		h = (h ^ uint64(v)) * 1099511628211
		h ^= h >> 29
	}
	return h
}

// begin starts another closure in a.set.
func (a *automaton) begin() {
	a.set = a.set[:0]
	a.round++
	if a.round == 0 {
		clear(a.seen)
		a.round = 1
	}
}

// advance adds to a.set what the elements of set become when they read b.
func (a *automaton) advance(set []uint32, b byte) {
	if b == 0 {
		return // no path has it, and no spec is to match it
	}
	for _, e := range set {
		if e&trieElement != 0 {
			if n := a.trie.child(int32(e&^trieElement), b); n != 0 {
				a.addElement(trieElement|uint32(n), false)
			}
			continue
		}
		switch in := &a.prog.insts[e]; in.op {
		case iByte:
			if in.b == b {
				a.addInst(in.out, false, false)
			}
		case iSet:
			if a.prog.sets[in.arg].has(b) {
				a.addInst(in.out, false, false)
			}
		case iAny:
			a.addInst(in.out, false, false)
		case iMatch:
			a.addInst(e, false, false)
		}
	}
}

// prune drops from a.set what cannot change any answer: as soon as a spec for
// all kinds matches whatever follows, those that it takes precedence over. That
// keeps the states few: below /usr/share, say, it no longer matters which of
// the directories there might be called bin.
func (a *automaton) prune() {
	top := int32(-1)
	for _, e := range a.set {
		if e&trieElement != 0 {
			continue
		}
		if in := &a.prog.insts[e]; in.spec > top && (in.op == iMatch || in.final && a.seen[in.arg] == a.round) {
			if r := &a.db.specs[in.spec]; r.kind == Any && a.db.order.sure(r) {
				top = in.spec
			}
		}
	}
	if top < 0 {
		return
	}
	a.set = slices.DeleteFunc(a.set, func(e uint32) bool {
		return e&trieElement == 0 && a.below(a.prog.insts[e].spec, top)
	})
}

// below reports whether spec s cannot decide, nor change what other specs
// decide, where spec top matches.
func (a *automaton) below(s, top int32) bool {
	switch {
	case s >= top:
		return false
	case a.db.order == Order34:
		return a.db.specs[top].literal || !a.db.specs[s].literal
	case a.depth[s] <= a.depth[top]:
		return true
	}
	// In a deeper group <<none>> decides, unless a later spec of the group
	// matches.
	return s < a.db.firstNone[a.depth[s]]
}

// addElement adds a trie node, and what the patterns that have come to the end
// of their literal text there go on with.
func (a *automaton) addElement(e uint32, atBegin bool) {
	a.set = append(a.set, e)
	for _, s := range a.trie.ending(int32(e &^ trieElement)) {
		if a.db.specs[s].whole {
			continue
		}
		if a.compiled[s] == 0 {
			sp := &a.db.specs[s]
			a.compiled[s] = a.prog.compile(sp.pattern, sp.info(), s) + 1
			_, depth, _ := stems(sp.pattern)
			a.depth[s] = uint8(depth)
		}
		a.addInst(a.compiled[s]-1, atBegin, false)
	}
}

// addInst adds an instruction, or those that it leads to without reading.
func (a *automaton) addInst(id uint32, atBegin, atEnd bool) {
	if n := len(a.prog.insts) - len(a.seen); n > 0 {
		a.seen = append(a.seen, make([]uint32, n)...)
	}
	a.stack = append(a.stack[:0], id)
	for len(a.stack) > 0 {
		id = a.stack[len(a.stack)-1]
		a.stack = a.stack[:len(a.stack)-1]
		if a.seen[id] == a.round {
			continue
		}
		a.seen[id] = a.round
		switch in := &a.prog.insts[id]; in.op {
		case iSplit:
			a.stack = append(a.stack, in.arg, in.out)
		case iBegin:
			if atBegin {
				a.stack = append(a.stack, in.out)
			}
		case iEnd:
			if atEnd {
				a.stack = append(a.stack, in.out)
				continue
			}
			a.set = append(a.set, id)
		default:
			a.set = append(a.set, id)
		}
	}
}

// simulate returns the unpruned state that s leads to.
func (a *automaton) simulate(s string) []uint32 {
	a.begin()
	a.addElement(trieElement, true)
	for i := 0; i < len(s); i++ {
		a.last = append(a.last[:0], a.set...)
		a.begin()
		a.advance(a.last, s[i])
	}
	return slices.Clone(a.set)
}

// accepted returns the specs that match a path which ends in the state, in
// ascending order; with newline, those that match if a newline follows, as the
// path's last byte.
func (a *automaton) accepted(set []uint32, newline bool) []int32 {
	a.begin()
	var specs []int32
	for _, e := range set {
		if e&trieElement == 0 {
			a.addInst(e, false, false)
			continue
		}
		for _, s := range a.trie.ending(int32(e &^ trieElement)) {
			if a.db.specs[s].whole {
				specs = append(specs, s)
			}
		}
	}
	// The instructions after an end assertion.
	before := slices.Clone(a.set)
	a.begin()
	for _, e := range before {
		a.addInst(e, false, true)
	}
	specs = a.matches(specs)
	if newline {
		before = slices.Clone(a.set)
		a.begin()
		for _, e := range before {
			if in := &a.prog.insts[e]; in.op == iAny || in.op == iByte && in.b == '\n' ||
				in.op == iSet && a.prog.sets[in.arg].has('\n') {
				a.addInst(in.out, false, true)
			}
		}
		specs = a.matches(specs)
	}
	slices.Sort(specs)
	return slices.Compact(specs)
}

func (a *automaton) matches(specs []int32) []int32 {
	for _, e := range a.set {
		if in := &a.prog.insts[e]; in.op == iMatch {
			specs = append(specs, in.spec)
		}
	}
	return specs
}

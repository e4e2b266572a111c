package policy

import (
	"math/bits"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// avIndex finds the access vector rules for (source, target, class) when
// source and target have attributes. For each class it has the rows of the
// sources that rules name, and in each row the targets in order. Bitmaps over
// the sources and over the targets of a class let a lookup skip at once the
// many attributes that no rule of the class names.
type avIndex struct {
	classes []classRules // by class value-1
}

type classRules struct {
	sources []uint64 // bitmap of the sources with a row, by value-1
	rank    []uint32 // rows before each word of sources
	targets []uint64 // bitmap of all targets, by value-1
	// sparse replaces the above where there is no room for them (see maxBitmaps):
	// the sources with a row, in order.
	sparse []uint16
	rows   []uint32 // start of each row in target and entry, and the end of the last

	target []uint16 // value-1
	entry  []avEntry
}

// avEntry is one rule.
type avEntry struct {
	data   uint32
	rule   uint32 // number of the rule: see engine.rule
	branch uint32 // branchKey of its condition, or noBranch
	kind   policydb.AVKind
}

// packedRule is a rule on its way into an index. It holds no pointers, so
// sorting is moving bytes.
type packedRule struct {
	key    uint64 // kind, class, source and target, 16 bits each
	data   uint32
	number uint32
	branch uint32
}

// Where the parts of a packedRule's key are.
const (
	targetShift = 0
	sourceShift = 16
	classShift  = 32
	kindShift   = 48
)

func packRule(r *policydb.AVRule, number, branch uint32) packedRule {
	key := uint64(r.Kind)<<kindShift | uint64(r.Class)<<classShift | uint64(r.Source)<<sourceShift | uint64(r.Target)<<targetShift
	return packedRule{key, r.Data, number, branch}
}

// newAVIndex indexes the rules of the kinds in the mask. It returns nil if
// there are none.
func newAVIndex(e *engine, kinds policydb.AVKind) *avIndex {
	rules := e.collect(kinds)
	if len(rules) == 0 {
		return nil
	}
	// Least significant key first: each pass is stable.
	tmp := make([]packedRule, len(rules))
	counts := make([]uint32, 1<<16)
	sortBy(tmp, rules, counts, targetShift)
	sortBy(rules, tmp, counts, sourceShift)
	sortBy(tmp, rules, counts, classShift)

	x := &avIndex{classes: make([]classRules, e.db.NumClasses)}
	target := make([]uint16, len(tmp))
	entry := make([]avEntry, len(tmp))
	words := (int(e.db.NumTypes) + 63) / 64
	room := maxBitmaps
	for i := 0; i < len(tmp); {
		class, j := uint16(tmp[i].key>>classShift), i+1
		for j < len(tmp) && uint16(tmp[j].key>>classShift) == class {
			j++
		}
		x.classes[class-1] = newClassRules(tmp[i:j], target[i:j:j], entry[i:j:j])
		if words <= room || words <= j-i {
			x.classes[class-1].makeBitmaps(words)
			room -= words
		}
		i = j
	}
	return x
}

// sortBy sorts src into dst by one part of the key, by counting.
func sortBy(dst, src []packedRule, counts []uint32, shift uint) {
	clear(counts)
	for i := range src {
		counts[uint16(src[i].key>>shift)]++
	}
	sum := uint32(0)
	for i, n := range counts {
		counts[i] = sum
		sum += n
	}
	for i := range src {
		k := uint16(src[i].key >> shift)
		dst[counts[k]] = src[i]
		counts[k]++
	}
}

// maxBitmaps is how many words the bitmaps of all classes may have that have
// fewer rules than that: many classes times many types would be more than a
// small multiple of the file. Policies in use need a tenth of it.
const maxBitmaps = 1 << 17

func newClassRules(rules []packedRule, target []uint16, entry []avEntry) classRules {
	c := classRules{target: target, entry: entry}
	for i := range rules {
		r := &rules[i]
		source := uint16(r.key>>sourceShift) - 1
		if n := len(c.sparse); n == 0 || c.sparse[n-1] != source {
			c.sparse = append(c.sparse, source)
			c.rows = append(c.rows, uint32(i))
		}
		target[i] = uint16(r.key>>targetShift) - 1
		entry[i] = avEntry{r.data, r.number, r.branch, policydb.AVKind(r.key >> kindShift)}
	}
	c.rows = append(c.rows, uint32(len(rules)))
	return c
}

// makeBitmaps replaces the list of sources.
func (c *classRules) makeBitmaps(words int) {
	bitmaps := make([]uint64, 2*words)
	c.sources, c.targets, c.rank = bitmaps[:words:words], bitmaps[words:], make([]uint32, words)
	for _, s := range c.sparse {
		c.sources[s/64] |= 1 << (s % 64)
	}
	for _, t := range c.target {
		c.targets[t/64] |= 1 << (t % 64)
	}
	n := 0
	for i, w := range c.sources {
		c.rank[i] = uint32(n)
		n += bits.OnesCount64(w)
	}
	c.sparse = nil
}

// row returns the range of a source's rules in target and entry; it is empty if
// there are none.
func (c *classRules) row(source uint32) (from, to uint32) {
	if c.sparse != nil {
		if i, ok := slices.BinarySearch(c.sparse, uint16(source)); ok {
			return c.rows[i], c.rows[i+1]
		}
		return 0, 0
	}
	if w := source / 64; int(w) >= len(c.sources) || c.sources[w]>>(source%64)&1 == 0 {
		return 0, 0
	}
	return c.setRow(source)
}

// setRow is row for a bit that is set in sources.
func (c *classRules) setRow(source uint32) (from, to uint32) {
	w := source / 64
	n := c.rank[w] + uint32(bits.OnesCount64(c.sources[w]&(1<<(source%64)-1)))
	return c.rows[n], c.rows[n+1]
}

// eachRow calls a function for the rows of the sources in a set, or of all.
func (c *classRules) eachRow(set *policydb.Bitmap, f func(source, from, to uint32)) {
	for i, s := range c.sparse {
		if set == nil || has(set, uint32(s)) {
			f(uint32(s), c.rows[i], c.rows[i+1])
		}
	}
	each := func(w int, word uint64) {
		for ; word != 0; word &= word - 1 {
			s := uint32(w*64 + bits.TrailingZeros64(word))
			from, to := c.setRow(s)
			f(s, from, to)
		}
	}
	if set == nil {
		for w, word := range c.sources {
			each(w, word)
		}
		return
	}
	for _, node := range set.Nodes {
		if w := int(node.Start / 64); w < len(c.sources) {
			each(w, node.Map&c.sources[w])
		}
	}
}

// maxTargets is how many of a target's attributes a lookup keeps on its stack.
// A type with more that matter for one class is looked up by scanning.
const maxTargets = 64

// matcher walks the entries for one (source, target) pair without allocating:
//
//	m := matcher{...}; m.init(...)
//	for e := m.next(); e != nil; e = m.next() {
type matcher struct {
	c       *classRules
	sources []policydb.BitmapNode
	sattr   *policydb.Bitmap
	tattr   *policydb.Bitmap
	sparse  int    // row to do next, where there are no bitmaps
	bitsAt  uint32 // Start of the word that pending comes from
	pending uint64 // rows still to do in that word

	at, to uint32 // what is left of the row

	n    int // targets in list, or -1: scan
	i    int // next of list
	list [maxTargets]uint16
}

// init prepares for the pair of types with the attributes sattr and tattr. It
// returns false if no rule can match.
func (m *matcher) init(c *classRules, sattr, tattr *policydb.Bitmap) bool {
	if len(c.target) == 0 {
		return false
	}
	m.c, m.sources, m.sattr, m.tattr = c, sattr.Nodes, sattr, tattr
	if c.sparse != nil {
		m.n = -1
		return true
	}
	n := 0
	for _, node := range tattr.Nodes {
		w := node.Start / 64
		if int(w) >= len(c.targets) {
			break
		}
		for b := node.Map & c.targets[w]; b != 0; b &= b - 1 {
			if n == maxTargets {
				m.n = -1
				return true
			}
			m.list[n] = uint16(node.Start) + uint16(bits.TrailingZeros64(b))
			n++
		}
	}
	m.n = n
	m.i = n
	return n > 0
}

// next returns the next matching entry, or nil.
func (m *matcher) next() *avEntry {
	for {
		if m.n >= 0 {
			if e := m.nextListed(); e != nil {
				return e
			}
		} else if e := m.nextScanned(); e != nil {
			return e
		}
		if !m.nextRow() {
			return nil
		}
	}
}

// nextRow goes to the next of the source's attributes that has a row.
func (m *matcher) nextRow() bool {
	if m.c.sparse != nil {
		return m.nextSparse()
	}
	for m.pending == 0 {
		if len(m.sources) == 0 {
			return false
		}
		node := m.sources[0]
		m.sources = m.sources[1:]
		if w := node.Start / 64; int(w) < len(m.c.sources) {
			m.bitsAt, m.pending = node.Start, node.Map&m.c.sources[w]
		}
	}
	source := m.bitsAt + uint32(bits.TrailingZeros64(m.pending))
	m.pending &= m.pending - 1
	m.at, m.to = m.c.setRow(source)
	m.i = 0
	return true
}

func (m *matcher) nextSparse() bool {
	for ; m.sparse < len(m.c.sparse); m.sparse++ {
		if has(m.sattr, uint32(m.c.sparse[m.sparse])) {
			m.at, m.to = m.c.rows[m.sparse], m.c.rows[m.sparse+1]
			m.sparse++
			return true
		}
	}
	return false
}

// nextListed walks row and list, both in ascending order. From a long row it
// leaps to the wanted targets by halving.
func (m *matcher) nextListed() *avEntry {
	target := m.c.target
	for m.at < m.to && m.i < m.n {
		want := m.list[m.i]
		if target[m.at] < want {
			m.at++
			if m.to-m.at > 8 {
				m.at = seek(target, m.at, m.to, want)
			}
			continue
		}
		if target[m.at] > want {
			m.i++
			continue
		}
		m.at++
		return &m.c.entry[m.at-1]
	}
	return nil
}

func (m *matcher) nextScanned() *avEntry {
	for m.at < m.to {
		m.at++
		if has(m.tattr, uint32(m.c.target[m.at-1])) {
			return &m.c.entry[m.at-1]
		}
	}
	return nil
}

// seek returns the first index from at on whose target is not below want.
func seek(target []uint16, at, to uint32, want uint16) uint32 {
	for at < to {
		mid := at + (to-at)/2
		if target[mid] < want {
			at = mid + 1
		} else {
			to = mid
		}
	}
	return at
}

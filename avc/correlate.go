package avc

import (
	"bytes"
	"slices"
	"time"
)

// rawRecord is a record of a pending event: its text and what its header said.
type rawRecord struct {
	typ         RecordType
	form        Form
	provenance  Provenance
	text        []byte // in the input's buffer until the pending event owns it
	body        int    // where the body begins in text
	line, lines int
	file        string
}

// run is records that follow one another in a chunk, as they stand there.
type run struct {
	chunk *chunk
	entry int // of the chunk
	line  int // of the first
}

// raw returns the i-th record of e, the run's entry.
func (r *run) raw(e *entry, i int) rawRecord {
	rec := &r.chunk.records[e.first+i]
	return rawRecord{
		typ: rec.typ, form: e.form, provenance: r.chunk.provenance, text: r.chunk.text[rec.start:rec.end],
		body: int(rec.body - rec.start), line: r.line + i, lines: 1, file: r.chunk.name,
	}
}

// pending is an event whose records are still coming.
type pending struct {
	id      stamp
	node    string
	recs    []rawRecord
	runs    []run // that come after recs
	size    int   // of the records' text
	selinux bool
	// own holds the text of the first owned records. That of the others is in
	// chunk and in later ones; if chunk is nil there are none.
	own   []byte
	owned int
	chunk *chunk
	// prefix is what stood before the first record in the journal's text form,
	// which has no ID: the time and the machine.
	prefix   []byte
	inferred bool
	born     time.Time // when the first record came; only for live sources
	done     bool      // the kernel marked its end
}

// expand puts the runs among the other records.
func (p *pending) expand() {
	for i := range p.runs {
		run := &p.runs[i]
		e := &run.chunk.entries[run.entry]
		p.recs = slices.Grow(p.recs, e.lines)
		for k := range e.lines {
			p.recs = append(p.recs, run.raw(e, k))
		}
	}
	p.runs = p.runs[:0]
}

// keep makes the text of all records the event's own.
func (p *pending) keep() {
	p.expand()
	p.own = slices.Grow(p.own, p.size-len(p.own))
	for ; p.owned < len(p.recs); p.owned++ {
		rec := &p.recs[p.owned]
		if rec.lines > 1 { // it was put together
			continue
		}
		n := len(p.own)
		p.own = append(p.own, rec.text...)
		rec.text = p.own[n:len(p.own):len(p.own)]
	}
	p.chunk = nil
}

// correlator brings the records of events together. It holds the youngest
// window events and gives up the oldest one for each that is new.
type correlator struct {
	window  int
	ring    []*pending   // a queue, oldest at head
	keys    []uint64     // of the same, to find one without touching it
	present [1024]uint16 // how many keys there are, by their hash
	head, n int
	bytes   int
	free    []*pending
	last    *pending
	node    string // the last one, which the next event has too mostly
}

// maxFree is how many events beyond the window are kept for reuse: those that
// workers may hold.
const maxFree = 1024

// maxTotal bounds the text that all pending events hold together.
const maxTotal = 32 << 20

func (c *correlator) init(window int) {
	size := 1
	for size < window+1 {
		size *= 2
	}
	c.window = window
	c.ring = make([]*pending, size)
	c.keys = make([]uint64, size)
}

func key(st stamp) uint64 { return st.serial<<20 ^ uint64(st.ms) }

// count counts a key in or out.
func (c *correlator) count(k uint64, by uint16) { c.present[hash(k)] += by }

func hash(k uint64) uint64 { return k * 0x9e3779b97f4a7c15 >> 54 }

// find returns the pending event with the ID, nil if there is none.
func (c *correlator) find(id stamp, node []byte) *pending {
	if !id.ok {
		return nil
	}
	if p := c.last; p != nil && p.id == id && p.node == string(node) {
		return p
	}
	k, mask := key(id), len(c.ring)-1
	if c.present[hash(k)] == 0 {
		return nil
	}
	for i := c.n - 1; i >= 0; i-- {
		at := (c.head + i) & mask
		if c.keys[at] != k {
			continue
		}
		if p := c.ring[at]; p.id == id && p.node == string(node) {
			return p
		}
	}
	return nil
}

// push begins an event. The caller has made room with pop.
func (c *correlator) push(id stamp, node []byte) *pending {
	var p *pending
	if n := len(c.free); n > 0 {
		p = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		p = new(pending)
	}
	p.id = id
	if len(node) > 0 {
		if c.node != string(node) {
			c.node = string(node)
		}
		p.node = c.node
	}
	c.count(key(id), 1)
	at := (c.head + c.n) & (len(c.ring) - 1)
	c.ring[at], c.keys[at] = p, key(id)
	c.n++
	return p
}

// full reports whether pop is due before the next push.
func (c *correlator) full() bool {
	return c.n >= c.window || c.bytes > maxTotal && c.n > 1
}

// pop gives up the oldest event, nil if there is none. It is the caller's
// until it calls release.
func (c *correlator) pop() *pending {
	if c.n == 0 {
		return nil
	}
	p := c.ring[c.head]
	c.ring[c.head] = nil
	c.head = (c.head + 1) & (len(c.ring) - 1)
	c.n--
	c.bytes -= p.size
	c.count(key(p.id), ^uint16(0))
	if c.last == p {
		c.last = nil
	}
	return p
}

func (c *correlator) oldest() *pending {
	if c.n == 0 {
		return nil
	}
	return c.ring[c.head]
}

// release takes an event's memory back.
func (c *correlator) release(p *pending) {
	const keep = 64 << 10
	if cap(p.own) > keep || len(c.free) > c.window+maxFree {
		return
	}
	*p = pending{own: p.own[:0], recs: p.recs[:0], runs: p.runs[:0], prefix: p.prefix[:0]}
	c.free = append(c.free, p)
}

// rekey gives an event that began without an ID the one that turned up on a
// further line.
func (c *correlator) rekey(p *pending, id stamp) {
	c.count(key(p.id), ^uint16(0))
	c.count(key(id), 1)
	p.id = id
	mask := len(c.ring) - 1
	for i := c.n - 1; i >= 0; i-- {
		at := (c.head + i) & mask
		if c.ring[at] == p {
			c.keys[at] = key(id)
			return
		}
	}
}

// adjacent reports whether a record without ID, of the journal's text form,
// belongs to the event p that was written just before it: both have the same
// time and machine, p began with a vector, and it has no such record yet.
func adjacent(p *pending, h *header) bool {
	const most = 64
	if p == nil || len(p.recs) > most || h.form != FormJournal || h.id.ok || p.id.ok || len(p.recs) == 0 ||
		h.typ < TypeSyscall || h.typ >= TypeAVC || !bytes.Equal(p.prefix, h.prefix) || len(h.prefix) == 0 {
		return false
	}
	first, last := &p.recs[0], &p.recs[len(p.recs)-1]
	if first.typ != TypeAVC && first.typ != TypeSELinuxErr && first.typ != TypeMACStatus &&
		first.typ != TypeMACPolicyLoad && first.typ != TypeMACConfigChange || last.typ == TypeProctitle {
		return false
	}
	for i := range p.recs {
		if p.recs[i].typ == TypeSyscall && h.typ == TypeSyscall {
			return false
		}
	}
	return true
}

// own makes the text of pending records theirs, before the buffer that it stands
// in is used again: all but what stands in the chunk.
func (c *correlator) own(except *chunk) {
	mask := len(c.ring) - 1
	for i := range c.n {
		if p := c.ring[(c.head+i)&mask]; p.chunk != nil && p.chunk != except {
			p.keep()
		}
	}
}

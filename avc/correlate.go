package avc

import (
	"bytes"
	"time"
)

// rawRecord is a record of a pending event: where it lies in the event's text
// and what its header said.
type rawRecord struct {
	typ         RecordType
	form        Form
	provenance  Provenance
	off, end    int
	body        int // relative to off
	line, lines int
	file        string
}

// pending is an event whose records are still coming.
type pending struct {
	id      stamp
	node    string
	text    []byte
	recs    []rawRecord
	selinux bool
	// prefix is what stood before the first record in the journal's text form,
	// which has no ID: the time and the machine.
	prefix   []byte
	inferred bool
	born     time.Time // when the first record came; only for live sources
	done     bool      // the kernel marked its end
}

// correlator brings the records of events together. It holds the youngest
// window events and gives up the oldest one for each that is new.
type correlator struct {
	window   int
	maxBytes int
	ring     []*pending // a queue, oldest at head
	keys     []uint64   // keyOfStamp of the same, to find one without touching it
	head, n  int
	bytes    int
	free     []*pending
	last     *pending
}

// maxFree is how many events beyond the window are kept for reuse: those that
// workers may hold.
const maxFree = 1024

// maxTotal bounds the text that all pending events hold together.
const maxTotal = 32 << 20

func (c *correlator) init(window, maxBytes int) {
	size := 1
	for size < window+1 {
		size *= 2
	}
	c.window, c.maxBytes = window, maxBytes
	c.ring = make([]*pending, size)
	c.keys = make([]uint64, size)
}

func key(st stamp) uint64 { return st.serial<<20 ^ uint64(st.ms) }

// find returns the pending event with the ID, nil if there is none.
func (c *correlator) find(id stamp, node []byte) *pending {
	if !id.ok {
		return nil
	}
	if p := c.last; p != nil && p.id == id && p.node == string(node) {
		return p
	}
	k, mask := key(id), len(c.ring)-1
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
func (c *correlator) push(id stamp, node string) *pending {
	var p *pending
	if n := len(c.free); n > 0 {
		p = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		p = new(pending)
	}
	p.id, p.node = id, node
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
	c.bytes -= len(p.text)
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
	if cap(p.text) > keep || len(c.free) > c.window+maxFree {
		return
	}
	*p = pending{text: p.text[:0], recs: p.recs[:0], prefix: p.prefix[:0]}
	c.free = append(c.free, p)
}

// rekey gives an event that began without an ID the one that turned up on a
// further line.
func (c *correlator) rekey(p *pending, id stamp) {
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

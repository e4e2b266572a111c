package policydb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	errTruncated = errors.New("unexpected end of the data")
	errName      = errors.New("a name that is empty or has control characters")
)

// cursor reads a policy. The first error sticks: after it every read gives
// zero and loops end, so callers check it once.
type cursor struct {
	data    []byte
	text    string // a copy of some of data: what names are substrings of
	textOff int    // where that begins in data
	off     int
	section string
	err     *FormatError
	arena   []BitmapNode // the rest of the chunk that bitmaps are cut from
}

// fail records an error at the present offset, unless there is one already.
func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = &FormatError{Section: c.section, Offset: int64(c.off), Err: err}
	}
}

func (c *cursor) failf(format string, args ...any) {
	if c.err == nil {
		c.fail(fmt.Errorf(format, args...))
	}
}

// take returns the next n bytes, or nil when there are not as many.
func (c *cursor) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > len(c.data)-c.off {
		c.fail(errTruncated)
		return nil
	}
	b := c.data[c.off : c.off+n]
	c.off += n
	return b
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// count reads how many records follow. As no record is smaller than size, a
// count that the rest of the data cannot hold is refused before anything is
// allocated for it.
func (c *cursor) count(size int) int { return c.enough(c.u32(), size) }

// enough checks that n records of at least size bytes can follow.
func (c *cursor) enough(n uint32, size int) int {
	if c.err != nil {
		return 0
	}
	if uint64(n)*uint64(size) > uint64(len(c.data)-c.off) {
		c.failf("%d records of %d bytes or more in the last %d bytes: %w", n, size, len(c.data)-c.off, errTruncated)
		return 0
	}
	return int(n)
}

const textChunk = 32 << 10

// name reads a string of n bytes.
func (c *cursor) name(n uint32) string {
	size := c.enough(n, 1)
	if c.err != nil {
		return ""
	}
	if c.off+size > c.textOff+len(c.text) {
		// Most of a policy is rules, which have no names: that is not copied.
		c.textOff = c.off
		c.text = string(c.data[c.off : c.off+max(size, min(textChunk, len(c.data)-c.off))])
	}
	s := c.text[c.off-c.textOff:][:size]
	if !validName(s) {
		c.fail(errName)
		return ""
	}
	c.off += size
	return s
}

// validName reports whether s can be the name of something: libsepol's
// str_read refuses the empty string and NUL, and its validate_string_field
// control characters.
func validName(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}

const (
	bitmapUnit     = 64 // bits of a node: MAPSIZE, which the file states
	bitmapHeadSize = 12 // bytes of a bitmap without nodes, in the file
	bitmapNodeSize = 12 // bytes of a node, in the file
	arenaChunk     = 4096
)

// bitmap reads an ebitmap, with the checks of libsepol's ebitmap_read.
func (c *cursor) bitmap() Bitmap {
	head := c.take(bitmapHeadSize)
	if head == nil {
		return Bitmap{}
	}
	unit := binary.LittleEndian.Uint32(head)
	high := binary.LittleEndian.Uint32(head[4:])
	n := binary.LittleEndian.Uint32(head[8:])
	if unit != bitmapUnit || high%bitmapUnit != 0 || (high == 0) != (n == 0) {
		c.failf("bitmap of %d nodes of %d bits up to bit %d", n, unit, high)
		return Bitmap{}
	}
	if n == 0 {
		return Bitmap{}
	}
	nodes := c.alloc(c.enough(n, bitmapNodeSize))
	raw := c.take(len(nodes) * bitmapNodeSize)
	if c.err != nil {
		return Bitmap{}
	}
	next := uint64(0) // the lowest start that the next node may have
	for i := range nodes {
		b := raw[i*bitmapNodeSize:][:bitmapNodeSize]
		start, bits := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint64(b[4:])
		if start%bitmapUnit != 0 || uint64(start) < next || bits == 0 {
			c.failf("bitmap node %d from bit %d is out of order or empty", i, start)
			return Bitmap{}
		}
		nodes[i] = BitmapNode{Start: start, Map: bits}
		next = uint64(start) + bitmapUnit
	}
	if next != uint64(high) {
		c.failf("bitmap ends at bit %d, not %d", next, high)
		return Bitmap{}
	}
	return Bitmap{Nodes: nodes}
}

// alloc cuts n nodes off the arena. Chunks keep the number of allocations
// small; n was checked against the data, so a chunk is never out of proportion.
func (c *cursor) alloc(n int) []BitmapNode {
	if n > len(c.arena) {
		c.arena = make([]BitmapNode, max(n, min(arenaChunk, 1+(len(c.data)-c.off)/bitmapNodeSize)))
	}
	nodes := c.arena[:n:n]
	c.arena = c.arena[n:]
	return nodes
}

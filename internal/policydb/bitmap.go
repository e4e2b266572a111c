package policydb

import (
	"iter"
	"math/bits"
	"sort"
)

// Bitmap is a sparse set of small numbers: libsepol's ebitmap. Nodes are in
// ascending order of Start, which is a multiple of 64, and no Map is 0. A
// Bitmap is never changed after decoding.
type Bitmap struct {
	Nodes []BitmapNode
}

// BitmapNode holds 64 bits from Start.
type BitmapNode struct {
	Start uint32
	Map   uint64
}

// NewBitmap returns the set of the given numbers.
func NewBitmap(ns ...uint32) Bitmap {
	var b Bitmap
	sorted := append([]uint32(nil), ns...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	for _, n := range sorted {
		start := n &^ 63
		if l := len(b.Nodes); l == 0 || b.Nodes[l-1].Start != start {
			b.Nodes = append(b.Nodes, BitmapNode{Start: start})
		}
		b.Nodes[len(b.Nodes)-1].Map |= 1 << (n & 63)
	}
	return b
}

// Has reports whether n is in the set.
func (b Bitmap) Has(n uint32) bool {
	start := n &^ 63
	i := sort.Search(len(b.Nodes), func(i int) bool { return b.Nodes[i].Start >= start })
	return i < len(b.Nodes) && b.Nodes[i].Start == start && b.Nodes[i].Map>>(n&63)&1 == 1
}

// All yields the numbers in ascending order.
func (b Bitmap) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, n := range b.Nodes {
			for m := n.Map; m != 0; m &= m - 1 {
				if !yield(n.Start + uint32(bits.TrailingZeros64(m))) {
					return
				}
			}
		}
	}
}

// Len returns how many numbers are in the set.
func (b Bitmap) Len() int {
	n := 0
	for _, w := range b.Nodes {
		n += bits.OnesCount64(w.Map)
	}
	return n
}

// IsEmpty reports whether the set has no member.
func (b Bitmap) IsEmpty() bool { return len(b.Nodes) == 0 }

// Contains reports whether every member of o is in b.
func (b Bitmap) Contains(o Bitmap) bool {
	i := 0
	for _, n := range o.Nodes {
		for i < len(b.Nodes) && b.Nodes[i].Start < n.Start {
			i++
		}
		if i == len(b.Nodes) || b.Nodes[i].Start != n.Start || n.Map&^b.Nodes[i].Map != 0 {
			return false
		}
	}
	return true
}

// Equal reports whether both sets have the same members.
func (b Bitmap) Equal(o Bitmap) bool {
	if len(b.Nodes) != len(o.Nodes) {
		return false
	}
	for i := range b.Nodes {
		if b.Nodes[i] != o.Nodes[i] {
			return false
		}
	}
	return true
}

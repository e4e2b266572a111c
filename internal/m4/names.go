package m4

import (
	"hash/maphash"
	"slices"
)

// Names is a set of names, numbered from 0 in the order in which they came. It
// may be read concurrently once all are there.
type Names struct {
	seed  maphash.Seed
	list  []string
	slots []slot // open addressing, half of them empty at least
}

// slot is a place of a hash table: the number of a name plus one, and what of
// its hash didn't choose the place.
type slot struct{ hash, n uint32 }

// hash is computed once for each word, and serves all tables.
type hash uint64

// Names returns an empty set for macros of p, with room for n names.
func (p *Processor) Names(n int) *Names {
	x := &Names{seed: p.table.names.seed}
	if n > 0 {
		x.list = make([]string, 0, n)
		x.resize(n)
	}
	return x
}

func (x *Names) clone() Names { return Names{x.seed, slices.Clone(x.list), slices.Clone(x.slots)} }

// Len returns how many names there are.
func (x *Names) Len() int { return len(x.list) }

// Find returns the number of a name, -1 if it isn't in the set.
func (x *Names) Find(name string) int { return x.find(name, x.hash(name)) }

// Add adds a name, if it isn't there, and returns its number.
func (x *Names) Add(name string) (n int, added bool) {
	before := len(x.list)
	n = x.add(name, x.hash(name))
	return n, len(x.list) > before
}

func (x *Names) hash(name string) hash { return hash(maphash.String(x.seed, name)) }

func (x *Names) find(name string, h hash) int {
	if len(x.slots) == 0 {
		return -1
	}
	mask := len(x.slots) - 1
	for i := int(h) & mask; ; i = (i + 1) & mask {
		switch s := x.slots[i]; {
		case s.n == 0:
			return -1
		case s.hash == uint32(h>>32) && x.list[s.n-1] == name:
			return int(s.n - 1)
		}
	}
}

func (x *Names) add(name string, h hash) int {
	if n := x.find(name, h); n >= 0 {
		return n
	}
	if 2*(len(x.list)+1) > len(x.slots) {
		x.resize(max(4, 2*len(x.list)))
	}
	x.list = append(x.list, name)
	x.place(slot{uint32(h >> 32), uint32(len(x.list))}, h)
	return len(x.list) - 1
}

func (x *Names) place(s slot, h hash) {
	mask := len(x.slots) - 1
	i := int(h) & mask
	for x.slots[i].n != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = s
}

// resize makes room for n names.
func (x *Names) resize(n int) {
	size := 8
	for size < 2*n {
		size *= 2
	}
	x.slots = make([]slot, size)
	for i, name := range x.list {
		h := x.hash(name)
		x.place(slot{uint32(h >> 32), uint32(i + 1)}, h)
	}
}

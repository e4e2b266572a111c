package avc

import (
	"hash/maphash"
	"strings"
)

// tails remembers what the ends of records were read as. Most of a record is
// the same whenever the same program is denied the same thing: only numbers and
// names at its front change. A tail is told by its whole text, and what is
// remembered does not depend on what stands before it.
type tails[T any] struct {
	asked int
	seed  maphash.Seed
	slots []pair[T]
}

// pair are two tails with the same hash: of some dozens, which is what most logs
// have, it is likely that two share one, but not that three do.
type pair[T any] [2]tail[T]

type tail[T any] struct {
	text  string
	value *T // nil: such a tail has to be read with what is before it
}

// maxTails bounds how many pairs are kept, a power of two, and maxTail the length
// of a tail. A log with more different ones only gets slower.
const (
	maxTails = 256
	maxTail  = 512
	fewTails = 8 // so many are not worth remembering
)

// ready reports whether a tail of n bytes is to be looked for.
func (t *tails[T]) ready(n int) bool {
	if n == 0 || n > maxTail {
		return false
	}
	if t.asked++; t.asked <= fewTails {
		return false
	}
	if t.slots == nil {
		t.seed, t.slots = maphash.MakeSeed(), make([]pair[T], maxTails)
	}
	return true
}

// find returns the value for a tail. If it is not known, read makes it of a copy
// of the text, or returns nil.
func (t *tails[T]) find(text []byte, read func(text string) *T) *T {
	if !t.ready(len(text)) {
		return nil
	}
	pair := t.pair(maphash.Bytes(t.seed, text))
	for i := range pair {
		if pair[i].text == string(text) {
			return pair[i].value
		}
	}
	pair.add(string(text), read)
	return pair[0].value
}

// findString is find for a text that is a string already.
func (t *tails[T]) findString(text string, read func(text string) *T) *T {
	if !t.ready(len(text)) {
		return nil
	}
	pair := t.pair(maphash.String(t.seed, text))
	for i := range pair {
		if pair[i].text == text {
			return pair[i].value
		}
	}
	pair.add(strings.Clone(text), read)
	return pair[0].value
}

func (t *tails[T]) pair(hash uint64) *pair[T] { return &t.slots[hash%maxTails] }

// add makes room for a further tail at the expense of the older one.
func (p *pair[T]) add(text string, read func(text string) *T) {
	p[0], p[1] = tail[T]{text, read(text)}, p[0]
}

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
	slots []tail[T]
}

type tail[T any] struct {
	text  string
	value *T // nil: such a tail has to be read with what is before it
}

// maxTails bounds how many are kept, a power of two, and maxTail the length of
// one. A log with more different ones only gets slower.
const (
	maxTails = 512
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
		t.seed, t.slots = maphash.MakeSeed(), make([]tail[T], maxTails)
	}
	return true
}

// find returns the value for a tail. If it is not known, read makes it of a copy
// of the text, or returns nil.
func (t *tails[T]) find(text []byte, read func(text string) *T) *T {
	if !t.ready(len(text)) {
		return nil
	}
	slot := &t.slots[maphash.Bytes(t.seed, text)%maxTails]
	if slot.text != string(text) {
		slot.text = string(text)
		slot.value = read(slot.text)
	}
	return slot.value
}

// findString is find for a text that is a string already.
func (t *tails[T]) findString(text string, read func(text string) *T) *T {
	if !t.ready(len(text)) {
		return nil
	}
	slot := &t.slots[maphash.String(t.seed, text)%maxTails]
	if slot.text != text {
		slot.text = strings.Clone(text)
		slot.value = read(slot.text)
	}
	return slot.value
}

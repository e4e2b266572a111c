package fcontext

import "hash/maphash"

// textTable finds numbers by texts that are kept elsewhere. Unlike a map it
// has no pointers, and is made in a fraction of the time.
type textTable struct {
	seed  maphash.Seed
	slots []textSlot // their number is a power of two
	used  int
}

type textSlot struct {
	hash uint32
	id   int32 // the number plus 1; 0 for a free slot
}

// newTextTable returns a table for about n texts.
func newTextTable(n int) textTable {
	size := 16
	for size < 2*n {
		size *= 2
	}
	return textTable{seed: maphash.MakeSeed(), slots: make([]textSlot, size)}
}

func (t *textTable) clone() textTable {
	c := *t
	c.slots = append([]textSlot(nil), t.slots...)
	return c
}

func (t *textTable) hash(s string) uint32 { return uint32(maphash.String(t.seed, s)) }

// add adds a number under a hash that has no equal text yet.
func (t *textTable) add(hash uint32, id int32) {
	if t.used++; 4*t.used > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]textSlot, 2*len(old))
		for _, s := range old {
			if s.id != 0 {
				t.slots[t.free(s.hash)] = s
			}
		}
	}
	t.slots[t.free(hash)] = textSlot{hash: hash, id: id + 1}
}

func (t *textTable) free(hash uint32) int {
	mask := len(t.slots) - 1
	i := int(hash) & mask
	for t.slots[i].id != 0 {
		i = (i + 1) & mask
	}
	return i
}

// set puts a number in the place of another one under the same hash.
func (t *textTable) set(hash uint32, old, id int32) {
	for i := int(hash); ; i++ {
		if s := &t.slots[i&(len(t.slots)-1)]; s.id == old+1 {
			s.id = id + 1
			return
		}
	}
}

// literal returns the last of the specs that libselinux takes for literal and
// that have the text; -1 if there is none. The others are in rec.next.
func (db *DB) literal(text string) int32 {
	return db.literalHash(db.literals.hash(text), text)
}

func (db *DB) literalHash(hash uint32, text string) int32 {
	slots := db.literals.slots
	mask := len(slots) - 1
	for i := int(hash) & mask; slots[i].id != 0; i = (i + 1) & mask {
		if s := slots[i]; s.hash == hash && db.specs[s.id-1].isText(text) {
			return s.id - 1
		}
	}
	return -1
}

// addLiteral adds a spec of db.specs to those that are literal.
func (db *DB) addLiteral(i int32) {
	r := &db.specs[i]
	text := r.pattern
	if r.escaped {
		text = unescape(text)
	}
	hash := db.literals.hash(text)
	if r.next = db.literalHash(hash, text); r.next < 0 {
		db.literals.add(hash, i)
	} else {
		db.literals.set(hash, r.next, i)
	}
}

// isText reports whether the pattern, a literal one, stands for the text.
func (r *rec) isText(text string) bool {
	if !r.escaped {
		return r.pattern == text
	}
	p := r.pattern
	i := 0
	for ; i < len(text) && p != ""; i++ {
		if p[0] == '\\' {
			p = p[1:]
		}
		if p[0] != text[i] {
			return false
		}
		p = p[1:]
	}
	return p == "" && i == len(text)
}

// context returns the number of a context that is known by its text, and the
// hash to add it with.
func (b *builder) context(text string) (i int32, hash uint32, ok bool) {
	hash = b.contexts.hash(text)
	slots := b.contexts.slots
	mask := len(slots) - 1
	for i := int(hash) & mask; slots[i].id != 0; i = (i + 1) & mask {
		if s := slots[i]; s.hash == hash && b.db.contexts[s.id-1].String() == text {
			return s.id - 1, hash, true
		}
	}
	return 0, hash, false
}

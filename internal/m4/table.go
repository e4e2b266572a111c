package m4

import (
	"hash/maphash"
	"sync/atomic"
)

// table holds definitions: its own, those that wait to be needed, and those of
// a table that does not change any more. A nil one of its own is undefined.
type table struct {
	base  *table
	names Names
	own   []*definition // by name
	later *later
}

func newTable() *table { return &table{names: Names{seed: maphash.MakeSeed()}} }

// later are macros whose texts are worked out when they are first needed.
type later struct {
	names *Names
	work  func(n int) (text string, err error)
	known []atomic.Pointer[definition]
}

func (l *later) get(n int) *definition {
	d := l.known[n].Load()
	if d == nil {
		d = new(definition)
		d.text, d.err = l.work(n)
		l.known[n].Store(d)
	}
	return d
}

func (t *table) get(name string) *definition { return t.find(name, t.names.hash(name)) }

func (t *table) find(name string, h hash) *definition {
	for ; t != nil; t = t.base {
		if n := t.names.find(name, h); n >= 0 {
			return t.own[n]
		}
		if t.later != nil {
			if n := t.later.names.find(name, h); n >= 0 {
				return t.later.get(n)
			}
		}
	}
	return nil
}

// put makes d the definition of a name, whatever was before.
func (t *table) put(name string, h hash, d *definition) {
	n := t.names.add(name, h)
	if n == len(t.own) {
		t.own = append(t.own, nil)
	}
	t.own[n] = d
}

// set replaces the definition of a name, and leaves what it hides.
func (t *table) set(name string, d *definition) {
	h := t.names.hash(name)
	if old := t.find(name, h); old != nil {
		d.under = old.under
	}
	t.put(name, h, d)
}

func (t *table) push(name string, d *definition) {
	h := t.names.hash(name)
	d.under = t.find(name, h)
	t.put(name, h, d)
}

func (t *table) pop(name string) {
	h := t.names.hash(name)
	if d := t.find(name, h); d != nil {
		t.put(name, h, d.under)
	}
}

func (t *table) undefine(name string) { t.put(name, t.names.hash(name), nil) }

package fcontext

// trie holds the specs by the literal text that their patterns begin with,
// those that libselinux takes for literal apart. Node 0 is the root, for the
// empty text. It grows where lookups come by: a node has its children only
// after [trie.expand], under the automaton's lock.
type trie struct {
	specs []rec
	order []int32  // the specs, those of each node side by side
	pos   []uint16 // by spec: where its pattern goes on after the node it is in
	nodes []trieNode

	scratch []int32
}

type trieNode struct {
	child    int32 // first child, 0 if there is none
	sibling  int32 // next child of the same parent, 0 if there is none
	lo, hi   int32 // order[lo:hi] are the specs here and below
	end      int32 // once expanded, order[lo:end] are those whose literal text ends here
	b        byte  // the byte that leads here
	expanded bool
}

func newTrie(specs []rec) *trie {
	t := &trie{specs: specs, order: make([]int32, 0, len(specs)), pos: make([]uint16, len(specs))}
	for i := range specs {
		if !specs[i].inTable() {
			t.order = append(t.order, int32(i))
		}
	}
	t.nodes = append(t.nodes, trieNode{hi: int32(len(t.order))})
	return t
}

// ending returns the specs whose literal text ends at node n.
func (t *trie) ending(n int32) []int32 {
	t.expand(n)
	return t.order[t.nodes[n].lo:t.nodes[n].end]
}

// below returns the specs whose literal text goes on after node n.
func (t *trie) below(n int32) []int32 {
	t.expand(n)
	return t.order[t.nodes[n].end:t.nodes[n].hi]
}

// child returns the child of n for b, or 0.
func (t *trie) child(n int32, b byte) int32 {
	t.expand(n)
	for c := t.nodes[n].child; c != 0; c = t.nodes[c].sibling {
		if t.nodes[c].b == b {
			return c
		}
	}
	return 0
}

// next returns the byte that the literal text of spec s goes on with, and how
// many bytes of its pattern that is: an escaped one is two.
func (t *trie) next(s int32) (b byte, n uint16) {
	p, i := t.specs[s].pattern, t.pos[s]
	if p[i] == '\\' {
		return p[i+1], 2
	}
	return p[i], 1
}

func (t *trie) ends(s int32) bool { return int32(t.pos[s]) >= t.specs[s].prefix }

// expand sorts a node's specs by what their text goes on with, by counting,
// and gives each of these bytes a child.
func (t *trie) expand(n int32) {
	if t.nodes[n].expanded {
		return
	}
	t.nodes[n].expanded = true
	lo, hi := t.nodes[n].lo, t.nodes[n].hi
	var count [256]int32
	end := lo
	for _, s := range t.order[lo:hi] {
		if t.ends(s) {
			end++
			continue
		}
		b, _ := t.next(s)
		count[b]++
	}
	t.nodes[n].end = end
	if end == hi {
		return
	}
	at := end
	for b := range count {
		if count[b] == 0 {
			continue
		}
		t.nodes = append(t.nodes, trieNode{sibling: t.nodes[n].child, lo: at, hi: at + count[b], b: byte(b)})
		t.nodes[n].child = int32(len(t.nodes) - 1)
		count[b], at = at, at+count[b]
	}
	t.scratch = append(t.scratch[:0], t.order[lo:hi]...)
	for _, s := range t.scratch {
		if t.ends(s) {
			t.order[lo] = s
			lo++
			continue
		}
		b, n := t.next(s)
		t.order[count[b]] = s
		count[b]++
		t.pos[s] += n
	}
}

// unescape returns the text that a literal pattern stands for.
func unescape(text string) string {
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
		}
		b = append(b, text[i])
	}
	return string(b)
}

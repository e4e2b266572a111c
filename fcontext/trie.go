package fcontext

import (
	"maps"
	"strings"
)

// trie holds the specs by the literal text that their patterns begin with;
// those that libselinux takes for literal are beside it, by their whole text.
// Node 0 is the root, for the empty text.
type trie struct {
	nodes    []trieNode
	next     []int32          // by spec: another spec of the same node or text, or -1
	literals map[string]int32 // the last spec of each text
}

type trieNode struct {
	child   int32 // first child, 0 if there is none
	sibling int32 // next child of the same parent, 0 if there is none
	spec    int32 // last spec whose literal text ends here, -1 if there is none
	b       byte  // the byte that leads here
}

func newTrie(specs int) *trie {
	t := &trie{
		nodes:    make([]trieNode, 1, 2*specs+64),
		next:     make([]int32, 0, specs),
		literals: make(map[string]int32, specs/2),
	}
	t.nodes[0].spec = -1
	return t
}

func (t *trie) clone(more int) *trie {
	c := &trie{
		nodes: make([]trieNode, len(t.nodes), len(t.nodes)+64*more),
		next:  make([]int32, len(t.next), len(t.next)+more),

		literals: maps.Clone(t.literals),
	}
	copy(c.nodes, t.nodes)
	copy(c.next, t.next)
	return c
}

// child returns the child of n for b, or 0.
func (t *trie) child(n int32, b byte) int32 {
	for c := t.nodes[n].child; c != 0; c = t.nodes[c].sibling {
		if t.nodes[c].b == b {
			return c
		}
	}
	return 0
}

// insert adds the next spec under its literal text, which is written with
// escapes.
func (t *trie) insert(text string) {
	n := int32(0)
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
		}
		c := t.child(n, text[i])
		if c == 0 {
			c = int32(len(t.nodes))
			t.nodes = append(t.nodes, trieNode{sibling: t.nodes[n].child, spec: -1, b: text[i]})
			t.nodes[n].child = c
		}
		n = c
	}
	spec := int32(len(t.next))
	t.next = append(t.next, t.nodes[n].spec)
	t.nodes[n].spec = spec
}

// insertLiteral adds the next spec under its whole text, which is written with
// escapes.
func (t *trie) insertLiteral(text string) {
	if strings.IndexByte(text, '\\') >= 0 {
		text = unescape(text)
	}
	next, ok := t.literals[text]
	if !ok {
		next = -1
	}
	t.literals[text] = int32(len(t.next))
	t.next = append(t.next, next)
}

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

// literal appends the literal specs with the text.
func (t *trie) literal(specs []int32, text string) []int32 {
	s, ok := t.literals[text]
	for ; ok && s >= 0; s = t.next[s] {
		specs = append(specs, s)
	}
	return specs
}

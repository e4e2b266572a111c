package fcontext

import "slices"

// program holds the instructions of all compiled expressions: a Thompson
// automaton over bytes. Boolean matching with PCRE2's backtracking and without
// back references, look-around and atomic groups is exactly membership in the
// expression's language, so that no order of alternatives needs to be kept.
type program struct {
	insts []inst
	sets  []byteSet
	spec  int32 // being compiled
}

type instOp uint8

const (
	iByte  instOp = iota
	iSet          // sets[arg]
	iAny          // any byte
	iSplit        // out and arg, without reading
	iBegin        // out, at the beginning of the path
	iEnd          // out, at the end of the path or before a final newline
	iMatch        // the spec matches, whatever follows
)

type inst struct {
	op     instOp
	b      byte
	final  bool // iAny: if arg may come next too, the spec matches whatever follows
	search bool // iAny: passes over what comes before a match that cannot be empty
	out    uint32
	arg    uint32
	spec   int32 // the spec that it belongs to
}

func (p *program) add(i inst) uint32 {
	i.spec = p.spec
	p.insts = append(p.insts, i)
	return uint32(len(p.insts) - 1)
}

// compile adds the part of the spec's pattern after its literal prefix and
// returns where that begins.
func (p *program) compile(pattern string, info patternInfo, spec int32) uint32 {
	p.spec = spec
	text := pattern[info.prefix:] + anchorExtra
	if info.alt {
		text = "^" + text
	}
	re, err := parseRegex(text)
	if err != nil {
		// Cannot be: the whole pattern was accepted. Nothing matches then.
		return p.add(inst{op: iSet, arg: p.set(&byteSet{})})
	}
	match := p.add(inst{op: iMatch})
	if !info.alt {
		return p.node(re.root, match)
	}
	// pcre2_match(3) searches: only the branch with the ^ is bound to the
	// beginning.
	start := p.alternatives(re.root.subs[:1], match)
	rest := p.alternatives(re.root.subs[1:], match)
	loop := p.add(inst{op: iSplit, arg: rest})
	p.insts[loop].out = p.add(inst{op: iAny, out: loop, search: !canBeEmpty(re.root)})
	return p.add(inst{op: iSplit, out: start, arg: loop})
}

func (p *program) set(s *byteSet) uint32 {
	for i := range p.sets {
		if p.sets[i] == *s {
			return uint32(i)
		}
	}
	p.sets = append(p.sets, *s)
	return uint32(len(p.sets) - 1)
}

// node adds n, to be followed by next.
func (p *program) node(n *node, next uint32) uint32 {
	switch n.op {
	case opByte:
		return p.add(inst{op: iByte, b: n.b, out: next})
	case opSet:
		return p.add(inst{op: iSet, arg: p.set(n.set), out: next})
	case opAny:
		return p.add(inst{op: iAny, out: next})
	case opBegin:
		return p.add(inst{op: iBegin, out: next})
	case opEnd:
		return p.add(inst{op: iEnd, out: next})
	case opConcat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			next = p.node(n.subs[i], next)
		}
		return next
	case opAlt:
		return p.alternatives(n.subs, next)
	case opRepeat:
		return p.repeat(n, next)
	}
	return next
}

func (p *program) alternatives(subs []*node, next uint32) uint32 {
	start := p.node(subs[len(subs)-1], next)
	for i := len(subs) - 2; i >= 0; i-- {
		start = p.add(inst{op: iSplit, out: p.node(subs[i], next), arg: start})
	}
	return start
}

func (p *program) repeat(n *node, next uint32) uint32 {
	body, end := n.subs[0], next
	copies := n.lo
	if n.hi == unlimited {
		loop := p.add(inst{op: iSplit, arg: end})
		again := p.node(body, loop)
		p.insts[loop].out = again
		next = loop
		if n.lo > 0 { // the last of the copies that must be is the loop's
			next, copies = again, n.lo-1
		}
		if body.op == opAny && p.insts[end].op == iEnd && p.insts[p.insts[end].out].op == iMatch {
			p.insts[again].final, p.insts[again].arg = true, end
		}
	}
	for i := n.lo; i < n.hi; i++ {
		next = p.add(inst{op: iSplit, out: p.node(body, next), arg: end})
	}
	for range copies {
		next = p.node(body, next)
	}
	return next
}

// canBeEmpty reports whether the node can match without reading: PCRE2 then
// takes a partial match of nothing for one.
func canBeEmpty(n *node) bool {
	switch n.op {
	case opByte, opSet, opAny:
		return false
	case opConcat:
		for _, s := range n.subs {
			if !canBeEmpty(s) {
				return false
			}
		}
	case opAlt:
		return slices.ContainsFunc(n.subs, canBeEmpty)
	case opRepeat:
		return n.lo == 0 || canBeEmpty(n.subs[0])
	}
	return true
}

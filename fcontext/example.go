package fcontext

import "strings"

// Stem returns the literal text that everything the spec's pattern matches
// begins with, without escapes: for /run/wsgi.*, /run/wsgi. It may be empty.
func (s Spec) Stem() string {
	info, err := checkPattern(s.Pattern)
	if err != nil {
		return ""
	}
	return unescape(s.Pattern[:info.prefix])
}

// Example returns a path which, as a file of the kind, the spec decides, to
// tell people where its files are expected: for /run/wsgi.*, /run/wsgi. The
// paths tried are short ones that the pattern matches; ok is false if other
// specs decide for all of these, or the pattern is not one for absolute paths.
func (db *DB) Example(s Spec, kind Kind) (path string, ok bool) {
	re, err := parseRegex("^" + s.Pattern + anchorExtra)
	if err != nil || re.size > maxPattern {
		return "", false
	}
	for more := range 3 {
		b := appendExample(nil, re.root, more)
		if len(b) == 0 || b[0] != '/' {
			continue
		}
		if m, found := db.Lookup(string(b), kind); found && m.Spec == s {
			return string(b), true
		}
	}
	return "", false
}

// appendExample appends text that the node matches; with more, text for what is
// optional too, and the last of the alternatives in place of the first.
func appendExample(b []byte, n *node, more int) []byte {
	const plain = "x0/_-.aX1"
	switch n.op {
	case opByte:
		b = append(b, n.b)
	case opAny:
		b = append(b, 'x')
	case opSet:
		if i := strings.IndexFunc(plain, func(r rune) bool { return n.set.has(byte(r)) }); i >= 0 {
			return append(b, plain[i])
		}
		for c := 1; c < 256; c++ {
			if n.set.has(byte(c)) {
				return append(b, byte(c))
			}
		}
	case opConcat:
		for _, sub := range n.subs {
			b = appendExample(b, sub, more)
		}
	case opAlt:
		sub := n.subs[0]
		if more == 2 {
			sub = n.subs[len(n.subs)-1]
		}
		b = appendExample(b, sub, more)
	case opRepeat:
		times := n.lo
		if more > 0 && times == 0 && n.hi != 0 {
			times = 1
		}
		for range times {
			b = appendExample(b, n.subs[0], more)
		}
	}
	return b
}

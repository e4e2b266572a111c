package fcontext

import (
	"fmt"
	"strings"
)

// This file reads the part of PCRE2's syntax that file contexts use, as
// pcre2_compile(3) reads it with PCRE2_DOTALL and nothing else: no UTF, no
// caseless matching, ASCII character tables. Whatever it does not know for
// certain is refused.

const (
	maxPattern   = 4095    // libselinux's compile_regex
	maxProgram   = 1 << 15 // instructions of one expression
	instsPerByte = 4       // more than that only repeat counts lead to
	maxNest      = 250     // PCRE2's default parens_nest_limit
	maxRepeat    = 65535   // PCRE2's MAX_REPEAT_COUNT
	unlimited    = -1
	anchorExtra  = "$" // libselinux compiles "^" + pattern + "$"
)

type nodeOp uint8

const (
	opEmpty nodeOp = iota
	opByte         // one byte, b
	opSet          // one byte of set
	opAny          // one byte
	opBegin        // ^: only at the beginning of the path
	opEnd          // $: at the end of the path, or before a final newline
	opConcat
	opAlt
	opRepeat // subs[0], lo to hi times
)

type node struct {
	op     nodeOp
	b      byte
	lo, hi int
	set    *byteSet
	subs   []*node
}

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }
func (s *byteSet) add(b byte)      { s[b>>6] |= 1 << (b & 63) }
func (s *byteSet) addRange(lo, hi byte) {
	for b := int(lo); b <= int(hi); b++ {
		s.add(byte(b))
	}
}
func (s *byteSet) addSet(o *byteSet) {
	for i := range s {
		s[i] |= o[i]
	}
}
func (s *byteSet) negate() {
	for i := range s {
		s[i] = ^s[i]
	}
}

// splitsHigh reports whether the set tells bytes above 127 apart.
func (s *byteSet) splitsHigh() bool {
	return s[2] != s[3] || s[2] != 0 && s[2] != ^uint64(0)
}

// regex is a parsed expression.
type regex struct {
	root *node
	alt  bool // it has an alternation outside of all groups
	high bool // it tells bytes above 127 apart
	size int  // instructions, as far as maxProgram
}

type regexParser struct {
	s    string
	pos  int
	high bool
}

func (p *regexParser) syntax(format string, args ...any) error {
	return fmt.Errorf("%w: at offset %d: %s", ErrSyntax, p.pos, fmt.Sprintf(format, args...))
}

func (p *regexParser) unsupported(what string) error {
	return fmt.Errorf("%w: at offset %d: %s", ErrUnsupported, p.pos, what)
}

// parseRegex reads a whole expression, anchors included.
func parseRegex(s string) (regex, error) {
	p := regexParser{s: s}
	root, err := p.alternation(0)
	if err != nil {
		return regex{}, err
	}
	if p.pos < len(s) {
		return regex{}, p.syntax("unmatched closing parenthesis")
	}
	size := programSize(root)
	if size > maxProgram {
		return regex{}, fmt.Errorf("%w: regular expression is too large", ErrTooLong)
	}
	return regex{root: root, alt: root.op == opAlt, high: p.high, size: size}, nil
}

// programSize is the number of instructions that a node compiles to; anything
// beyond maxProgram counts as maxProgram+1.
func programSize(n *node) int {
	size := 1
	for _, s := range n.subs {
		size = min(size+programSize(s)+1, maxProgram+1)
	}
	if n.op == opRepeat {
		times := max(n.lo, n.hi, 1)
		if size > maxProgram/times {
			return maxProgram + 1
		}
		size *= times
	}
	return size
}

func (p *regexParser) more() bool { return p.pos < len(p.s) }

func (p *regexParser) alternation(depth int) (*node, error) {
	if depth > maxNest {
		return nil, p.syntax("parentheses are too deeply nested")
	}
	var subs []*node
	for {
		n, err := p.concat(depth)
		if err != nil {
			return nil, err
		}
		subs = append(subs, n)
		if !p.more() || p.s[p.pos] != '|' {
			break
		}
		p.pos++
	}
	if len(subs) == 1 {
		return subs[0], nil
	}
	return &node{op: opAlt, subs: subs}, nil
}

func (p *regexParser) concat(depth int) (*node, error) {
	n := &node{op: opConcat}
	for p.more() && p.s[p.pos] != '|' && p.s[p.pos] != ')' {
		sub, err := p.repeat(depth)
		if err != nil {
			return nil, err
		}
		n.subs = append(n.subs, sub)
	}
	return n, nil
}

// repeat reads an atom and the quantifier after it, if there is one.
func (p *regexParser) repeat(depth int) (*node, error) {
	start := p.pos
	n, err := p.atom(depth)
	if err != nil {
		return nil, err
	}
	lo, hi, ok, err := p.quantifier()
	if err != nil || !ok {
		return n, err
	}
	if n.op == opBegin || n.op == opEnd {
		p.pos = start
		return nil, p.unsupported("quantifier after an assertion")
	}
	if p.more() {
		switch p.s[p.pos] {
		case '?':
			p.pos++ // lazy: finds other matches first, but the same ones
		case '+':
			return nil, p.unsupported("possessive quantifier")
		}
	}
	// A second quantifier has nothing to repeat.
	if _, _, again, err := p.quantifier(); err != nil || again {
		return nil, p.syntax("quantifier does not follow a repeatable item")
	}
	return &node{op: opRepeat, lo: lo, hi: hi, subs: []*node{n}}, nil
}

// quantifier reads one of * + ? {n} {n,} {n,m}.
func (p *regexParser) quantifier() (lo, hi int, ok bool, err error) {
	if !p.more() {
		return 0, 0, false, nil
	}
	switch p.s[p.pos] {
	case '*':
		p.pos++
		return 0, unlimited, true, nil
	case '+':
		p.pos++
		return 1, unlimited, true, nil
	case '?':
		p.pos++
		return 0, 1, true, nil
	case '{':
		return p.braces()
	}
	return 0, 0, false, nil
}

// braces reads {n}, {n,} or {n,m}; anything else in braces is literal text.
// {,m} is a quantifier from PCRE2 10.43 on and text before: it is refused.
func (p *regexParser) braces() (lo, hi int, ok bool, err error) {
	end := strings.IndexByte(p.s[p.pos:], '}')
	if end < 0 {
		return 0, 0, false, nil
	}
	body := p.s[p.pos+1 : p.pos+end]
	first, second, comma := strings.Cut(body, ",")
	if !digits(first) || !digits(second) || first == "" && second == "" {
		return 0, 0, false, nil
	}
	if first == "" {
		return 0, 0, false, p.unsupported("{,n}, which PCRE2's releases read differently")
	}
	lo, okLo := repeatCount(first)
	hi, okHi := lo, true
	if comma {
		hi = unlimited
		if second != "" {
			hi, okHi = repeatCount(second)
		}
	}
	switch {
	case !okLo || !okHi:
		return 0, 0, false, p.syntax("number too big in {} quantifier")
	case hi != unlimited && hi < lo:
		return 0, 0, false, p.syntax("numbers out of order in {} quantifier")
	}
	p.pos += end + 1
	return lo, hi, true, nil
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func repeatCount(s string) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		if n = n*10 + int(s[i]-'0'); n > maxRepeat {
			return 0, false
		}
	}
	return n, true
}

func (p *regexParser) atom(depth int) (*node, error) {
	c := p.s[p.pos]
	switch c {
	case '*', '+', '?':
		return nil, p.syntax("quantifier does not follow a repeatable item")
	case '{':
		start := p.pos
		if _, _, ok, err := p.quantifier(); err != nil {
			return nil, err
		} else if ok {
			p.pos = start
			return nil, p.syntax("quantifier does not follow a repeatable item")
		}
	case '^':
		p.pos++
		return &node{op: opBegin}, nil
	case '$':
		p.pos++
		return &node{op: opEnd}, nil
	case '.':
		p.pos++
		return &node{op: opAny}, nil
	case '(':
		return p.group(depth)
	case '[':
		return p.class()
	case '\\':
		b, set, err := p.escape()
		if err != nil {
			return nil, err
		}
		if set != nil {
			return &node{op: opSet, set: set}, nil
		}
		return p.byteNode(b), nil
	}
	p.pos++
	return p.byteNode(c), nil
}

func (p *regexParser) byteNode(b byte) *node {
	if b >= 0x80 {
		p.high = true
	}
	return &node{op: opByte, b: b}
}

func (p *regexParser) group(depth int) (*node, error) {
	p.pos++
	switch {
	case strings.HasPrefix(p.s[p.pos:], "?:"):
		p.pos += 2
	case strings.HasPrefix(p.s[p.pos:], "?"), strings.HasPrefix(p.s[p.pos:], "*"):
		return nil, p.unsupported("group (" + p.s[p.pos:min(len(p.s), p.pos+3)] + "…)")
	}
	n, err := p.alternation(depth + 1)
	if err != nil {
		return nil, err
	}
	if !p.more() {
		return nil, p.syntax("missing closing parenthesis")
	}
	p.pos++
	return n, nil
}

// escape reads a backslash and what it escapes: a byte, or a set of bytes.
func (p *regexParser) escape() (byte, *byteSet, error) {
	if p.pos+1 == len(p.s) {
		return 0, nil, p.syntax("\\ at end of pattern")
	}
	c := p.s[p.pos+1]
	if !isAlnum(c) && c < 0x80 {
		p.pos += 2
		return c, nil, nil
	}
	const letters, bytes = "aefnrt", "\a\x1b\f\n\r\t"
	if i := strings.IndexByte(letters, c); i >= 0 {
		p.pos += 2
		return bytes[i], nil, nil
	}
	if c == 'x' {
		return p.hex()
	}
	if set := typeSet(c); set != nil {
		p.pos += 2
		return 0, set, nil
	}
	return 0, nil, p.unsupported("escape \\" + string(rune(c)))
}

// hex reads \x with exactly two digits: PCRE2 takes fewer, and \x{…}, but who
// writes those may mean something else.
func (p *regexParser) hex() (byte, *byteSet, error) {
	if p.pos+3 < len(p.s) {
		hi, ok1 := hexDigit(p.s[p.pos+2])
		lo, ok2 := hexDigit(p.s[p.pos+3])
		if b := hi<<4 | lo; ok1 && ok2 && b != 0 {
			p.pos += 4
			return b, nil, nil
		}
	}
	return 0, nil, p.unsupported("\\x without two hexadecimal digits")
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// typeSet gives the set of a character type escape, by PCRE2's built-in
// tables: \s has the vertical tab.
func typeSet(c byte) *byteSet {
	var s byteSet
	switch c {
	case 'd', 'D':
		s.addRange('0', '9')
	case 's', 'S':
		s.addRange('\t', '\r')
		s.add(' ')
	case 'w', 'W':
		s.addRange('a', 'z')
		s.addRange('A', 'Z')
		s.addRange('0', '9')
		s.add('_')
	default:
		return nil
	}
	if c < 'a' {
		s.negate()
	}
	return &s
}

// class reads a bracketed character class.
func (p *regexParser) class() (*node, error) {
	open := p.pos
	p.pos++
	negated := p.more() && p.s[p.pos] == '^'
	if negated {
		p.pos++
	}
	set := new(byteSet)
	for first := true; ; first = false {
		if !p.more() {
			p.pos = open
			return nil, p.syntax("missing terminating ] for character class")
		}
		if p.s[p.pos] == ']' && !first {
			p.pos++
			break
		}
		if err := p.classItem(set); err != nil {
			return nil, err
		}
	}
	if negated {
		set.negate()
	}
	if set.splitsHigh() {
		p.high = true
	}
	return &node{op: opSet, set: set}, nil
}

// classItem reads a byte, a range, a character type or a POSIX class.
func (p *regexParser) classItem(set *byteSet) error {
	if p.s[p.pos] == '[' && p.pos+1 < len(p.s) && strings.IndexByte(":.=", p.s[p.pos+1]) >= 0 {
		return p.posixClass(set)
	}
	lo, types, err := p.classByte()
	if err != nil {
		return err
	}
	hyphen := strings.HasPrefix(p.s[p.pos:], "-") && !strings.HasPrefix(p.s[p.pos:], "-]")
	switch {
	case types != nil && hyphen:
		return p.unsupported("range that begins with a character type")
	case types != nil:
		set.addSet(types)
		return nil
	case !hyphen:
		set.add(lo)
		return nil
	}
	p.pos++
	if !p.more() {
		return p.syntax("missing terminating ] for character class")
	}
	if p.s[p.pos] == '[' && p.pos+1 < len(p.s) && strings.IndexByte(":.=", p.s[p.pos+1]) >= 0 {
		return p.unsupported("range that ends with a POSIX class")
	}
	hi, types, err := p.classByte()
	switch {
	case err != nil:
		return err
	case types != nil:
		return p.unsupported("range that ends with a character type")
	case hi < lo:
		return p.syntax("range out of order in character class")
	}
	set.addRange(lo, hi)
	return nil
}

func (p *regexParser) classByte() (byte, *byteSet, error) {
	c := p.s[p.pos]
	if c == '\\' {
		if p.pos+1 < len(p.s) && p.s[p.pos+1] == 'b' {
			p.pos += 2
			return '\b', nil, nil
		}
		return p.escape()
	}
	p.pos++
	return c, nil, nil
}

func (p *regexParser) posixClass(set *byteSet) error {
	rest := p.s[p.pos+2:]
	end := strings.Index(rest, ":]")
	if p.s[p.pos+1] != ':' || end < 0 {
		return p.unsupported("collating element or unterminated POSIX class")
	}
	name, negated := strings.CutPrefix(rest[:end], "^")
	s := posixSet(name)
	if s == nil {
		return p.unsupported("POSIX class")
	}
	if negated {
		s.negate()
	}
	set.addSet(s)
	p.pos += 2 + end + 2
	// Whether a hyphen here is text depends on what follows it.
	if strings.HasPrefix(p.s[p.pos:], "-") && !strings.HasPrefix(p.s[p.pos:], "-]") {
		return p.unsupported("range that begins with a POSIX class")
	}
	return nil
}

func posixSet(name string) *byteSet {
	var s byteSet
	ranges := ""
	switch name {
	case "alpha":
		ranges = "azAZ"
	case "lower":
		ranges = "az"
	case "upper":
		ranges = "AZ"
	case "digit":
		ranges = "09"
	case "alnum":
		ranges = "azAZ09"
	case "xdigit":
		ranges = "09afAF"
	case "word":
		ranges = "azAZ09__"
	case "space":
		ranges = "\t\r  "
	case "blank":
		ranges = "\t\t  "
	case "cntrl":
		ranges = "\x00\x1f\x7f\x7f"
	case "print":
		ranges = " ~"
	case "graph":
		ranges = "!~"
	case "punct":
		ranges = "!/:@[`{~"
	case "ascii":
		ranges = "\x00\x7f"
	default:
		return nil
	}
	for i := 0; i < len(ranges); i += 2 {
		s.addRange(ranges[i], ranges[i+1])
	}
	return &s
}

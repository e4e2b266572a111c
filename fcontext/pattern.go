package fcontext

import "strings"

// patternInfo is what is known of a pattern when it is read; it is compiled
// when a lookup first comes near it.
type patternInfo struct {
	prefix  int  // pattern[:prefix] is literal text, perhaps with escapes, that every match begins with
	alt     bool // alternation outside of all groups: libselinux's anchors bind to its first and last branch only
	high    bool // tells bytes above 127 apart
	quick   bool // plain is known
	plain   bool // libselinux takes it for literal
	escaped bool // it has a backslash; known if quick is

	repeats int // instructions beyond those that its length accounts for
}

// checkPattern decides whether the pattern, which is ASCII, is one that this
// package can match exactly as PCRE2 does.
func checkPattern(p string) (patternInfo, error) {
	info, n, ok := quickCheck(p)
	if !ok || n < len(p) {
		re, err := parseRegex("^" + p + anchorExtra)
		if err != nil {
			return patternInfo{}, err
		}
		info = patternInfo{alt: re.alt, high: re.high, repeats: max(0, re.size-instsPerByte*(len(p)+2))}
		if !info.alt {
			info.prefix = literalPrefix(p)
		}
	}
	if len(p) > maxPattern && info.prefix < len(p) {
		return patternInfo{}, ErrTooLong
	}
	return info, nil
}

// Classes of bytes for quickCheck.
const (
	qText = iota
	qDot
	qBracket // ] or }: text, but libselinux does not always see it so
	qQuantifier
	qOpen
	qClose
	qAlt
	qClass
	qEscape
	qBlank // the field ends
	qOther
)

// quickClass tells the bytes apart that quickCheck does.
var quickClass = [256]uint8{
	'.': qDot, ']': qBracket, '}': qBracket, '*': qQuantifier, '+': qQuantifier, '?': qQuantifier,
	'(': qOpen, ')': qClose, '|': qAlt, '[': qClass, '\\': qEscape, '^': qOther, '$': qOther, '{': qOther,
	' ': qBlank, '\t': qBlank, '\n': qBlank, '\v': qBlank, '\f': qBlank, '\r': qBlank, 0: qOther,
}

// quickCheck accepts an everyday pattern that s begins with, up to a blank, in
// one pass, and finds its length and its literal prefix. What it does not accept
// goes to the parser.
func quickCheck(p string) (info patternInfo, n int, ok bool) {
	info.prefix, info.quick, info.plain = -1, true, true
	depth, item := 0, -1 // item: where that begins which a quantifier may follow; or -1
	i := 0
scan:
	for ; i < len(p); i++ {
		class := quickClass[p[i]]
		if class == qText {
			if p[i] >= 0x80 {
				return info, 0, false
			}
			item = i
			continue
		}
		at := i
		switch class {
		case qBlank:
			break scan
		case qBracket:
			info.quick = false
			item = i
			continue
		case qEscape:
			if i++; i == len(p) || p[i] <= ' ' || p[i] >= 0x80 || isAlnum(p[i]) {
				return info, 0, false
			}
			// Both releases know these for literal text.
			info.escaped = true
			info.quick = info.quick && strings.IndexByte(escapedNewest, p[i]) >= 0
			item = at
			continue
		case qDot:
			item = i
		case qQuantifier:
			if item < 0 {
				return info, 0, false
			}
			at, item = item, -1
		case qOpen:
			if depth++; depth > maxNest || i+1 < len(p) && (p[i+1] == '?' || p[i+1] == '*') {
				return info, 0, false
			}
			item = -1
		case qClose:
			if depth--; depth < 0 {
				return info, 0, false
			}
			item = i
		case qAlt:
			info.alt = info.alt || depth == 0
			item = -1
		case qClass:
			n := quickSet(p[i:])
			if n == 0 {
				return info, 0, false
			}
			item = i
			i += n - 1
		default:
			return info, 0, false
		}
		info.plain = false
		if info.prefix < 0 {
			info.prefix = at
		}
	}
	if info.prefix < 0 {
		info.prefix = i
	}
	if info.alt {
		info.prefix = 0
	}
	info.quick = info.quick || !info.plain
	return info, i, depth == 0
}

// quickSet returns the length of the plain bracketed class that s begins with:
// at least one letter, digit or harmless mark, and ranges in order. 0 if it is
// anything else.
func quickSet(s string) int {
	i := 1
	if i < len(s) && s[i] == '^' {
		i++
	}
	for start := i; i < len(s); i++ {
		switch c := s[i]; {
		case c == ']':
			if i == start {
				return 0
			}
			return i + 1
		case c == '-' && i > start && i+1 < len(s) && s[i+1] != ']':
			if i++; !isAlnum(s[i]) || !isAlnum(s[i-2]) || s[i] < s[i-2] || i-3 >= start && s[i-3] == '-' {
				return 0
			}
		case isAlnum(c), c == '/', c == '.', c == '_', c == ',', c == '-' && (i == start || i+1 < len(s) && s[i+1] == ']'):
		default:
			return 0
		}
	}
	return 0
}

// literalPrefix returns the length of the text at p's beginning that stands
// for itself, escapes included. p has no alternation outside of groups.
func literalPrefix(p string) int {
	for i := 0; i < len(p); {
		n := 1
		switch quickClass[p[i]] {
		case qText, qBracket:
		case qEscape:
			n = 2
			if i+1 == len(p) || isAlnum(p[i+1]) {
				return i
			}
		default:
			return i
		}
		// A quantifier makes what it follows optional or repeated; a brace
		// may be one.
		if i+n < len(p) && (quickClass[p[i+n]] == qQuantifier || p[i+n] == '{') {
			return i
		}
		i += n
	}
	return len(p)
}

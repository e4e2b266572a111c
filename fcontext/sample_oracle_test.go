//go:build oracle

package fcontext

import "strings"

// mutate changes a path a little.
func (r sampler) mutate(p string) string {
	if p == "" {
		return "/"
	}
	i := r.IntN(len(p))
	switch r.IntN(9) {
	case 0:
		return p[:i] + p[i+1:]
	case 1:
		return p[:i] + r.pick("a", "x", ".", "0", "/", "_", "\xff", " ", "$") + p[i:]
	case 2:
		return p[:i] + "/" + p[i:]
	case 3:
		return p + "/"
	case 4:
		return p + r.pick("\n", "x", "/x", "~", ".bak", "\n\n", "/.ssh/id")
	case 5:
		return p[:i]
	case 6:
		return strings.ReplaceAll(p, "/", "//")
	case 7:
		return p[:i] + r.pick("\x01", "\t", "é", "\x80", "(", "\\") + p[i+1:]
	}
	return p[i:]
}

// atom makes part of a pattern; sane ones mostly.
func (r sampler) atom(depth int) string {
	if depth > 0 && r.IntN(4) == 0 {
		open := r.pick("(", "(", "(", "(?:")
		s := r.pattern(depth - 1)
		if r.IntN(2) == 0 {
			s += "|" + r.pattern(depth-1)
		}
		return open + s + ")"
	}
	switch r.IntN(20) {
	case 0:
		return r.pick("[ab]", "[^/]", "[a-c]", "[^a-c]", "[]a]", "[^]a]", "[a-]", "[-a]", "[[:alpha:]]", "[[:^digit:]a]", "[a\\]b]", "[\\d/]", "[a-c-e]", "[.]", "[\\x61-\\x63]", "[a/]", "[\\x80-\\xff]")
	case 1:
		return r.pick("\\.", "\\-", "\\_", "\\+", "\\d", "\\w", "\\S", "\\W", "\\x61", "\\/", "\\@", "\\a", "\\\\", "\\)", "\\]")
	case 2:
		return r.pick("^", "$", "{", "}", "]", "a{2}", "b{1,2}", "a{0}", "{x}", "b{2,}", "b{0,1}?")
	case 3, 4:
		return "."
	case 5, 6, 7, 8:
		return "/"
	}
	return r.pick("a", "a", "b", "b", "c", "1", "-", "_")
}

func (r sampler) pattern(depth int) string {
	var b strings.Builder
	for range 1 + r.IntN(5) {
		b.WriteString(r.atom(depth))
		if r.IntN(4) == 0 {
			b.WriteString(r.pick("*", "+", "?", "*?", "{1,2}", "??", "+?"))
		}
	}
	return b.String()
}

// wild makes patterns that are often not valid.
func (r sampler) wild() string {
	const bytes = `ab/()[]{}|*+?.\^$-,0123:=<>!#PdwxQE`
	var b strings.Builder
	for range 1 + r.IntN(10) {
		b.WriteByte(bytes[r.IntN(len(bytes))])
	}
	return b.String()
}

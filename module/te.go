package module

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is where sets are broken into several lines, and where comments end.
const width = 100

// TE returns the module in the module language, as checkmodule -m takes it: a
// require block with what the module uses, then the statements as they are, then
// the rules by source, each below its evidence. The same rules in another order
// give the same text, but for the order of the evidence of one rule.
//
// Types with a dot in their name can be said in CIL alone: the error is a
// [*NameError].
//
// What is in comments can't leave them: control characters, invalid UTF-8 and
// what does not print are escaped, long lines cut.
func (m *Module) TE() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	if err := checkDots(m.Rules); err != nil {
		return nil, err
	}
	list, err := m.written()
	if err != nil {
		return nil, err
	}
	b := appendComments(nil, "# ", m.Comment)
	b = fmt.Appendf(b, "module %s %s;\n", m.Name, m.version())
	w := teWriter{b: b}
	w.block(list)
	return w.b, nil
}

// written returns the statements that are written, all of their names checked.
func (m *Module) written() ([]Statement, error) {
	list, err := m.complete(false)
	if err != nil || len(m.Statements) == 0 {
		return list, err
	}
	_, err = compile(m, list, ModOptions{NoMLS: plainUsers(m.Statements, 0)})
	return list, err
}

// plainUsers reports whether a module is for policies without multi-level
// security: it has users without levels.
func plainUsers(list []Statement, depth int) bool {
	for _, s := range list {
		switch s := s.(type) {
		case *User:
			if s.Level.isZero() && s.Range.Low.isZero() {
				return true
			}
		case *Optional:
			if depth < maxDepth && (plainUsers(s.Body, depth+1) || plainUsers(s.Else, depth+1)) {
				return true
			}
		}
	}
	return false
}

// checkDots refuses the names of types with a dot, as blocks of CIL have them
// (udica's, for one): checkmodule takes such a type for a child of the one
// before the dot, wants that one too, and bounds the child by it (libsepol,
// hierarchy_add_bounds).
func checkDots(rules []Rule) error {
	for _, r := range rules {
		for _, name := range [...]string{r.Source, r.Target} {
			if strings.Contains(name, ".") {
				return nameError("type", name, "has a dot: the module language can't say it, CIL can")
			}
		}
	}
	return nil
}

// appendRule writes a rule in the module language, without an end of line. Sets
// are broken at the width; 0 is for one line.
func appendRule(b []byte, r Rule, width int) []byte {
	b = fmt.Appendf(b, "%s %s %s:%s ", r.Kind, r.Source, r.Target, r.Class)
	if r.Kind.xperm() {
		b = append(b, strings.Join(r.Permissions, " ")...)
		b = append(b, ' ')
		b = appendXperms(b, r.Xperms, width, "\t")
	} else {
		b = appendSet(b, r.Permissions, width, "\t")
	}
	return append(b, ';')
}

func appendXperms(b []byte, rs []XpermRange, width int, indent string) []byte {
	words := xpermWords(rs)
	if len(words) == 1 && strings.Contains(words[0], "-") {
		// The grammar takes one value without braces, and no range.
		return append(append(append(b, "{ "...), words[0]...), " }"...)
	}
	return appendSet(b, words, width, indent)
}

func xpermWords(rs []XpermRange) []string {
	words := make([]string, len(rs))
	for i, x := range rs {
		words[i] = "0x" + strconv.FormatUint(uint64(x.Low), 16)
		if x.High != x.Low {
			words[i] += "-0x" + strconv.FormatUint(uint64(x.High), 16)
		}
	}
	return words
}

// appendSet writes one word as it is and several in braces; over several lines
// where they would pass the width, for checkpolicy's scanner has a longest line.
func appendSet(b []byte, words []string, width int, indent string) []byte {
	if len(words) == 1 {
		return append(b, words[0]...)
	}
	one := 0
	for _, w := range words {
		one += 1 + len(w)
	}
	if width == 0 || one <= width {
		b = append(b, "{ "...)
		b = append(b, strings.Join(words, " ")...)
		return append(b, " }"...)
	}
	b = append(b, '{')
	column := width
	for _, w := range words {
		if column+1+len(w) > width {
			b = append(append(b, '\n'), indent...)
			column = len(indent)
		} else {
			b = append(b, ' ')
			column++
		}
		b = append(b, w...)
		column += len(w)
	}
	b = append(append(b, '\n'), indent[1:]...)
	return append(b, '}')
}

// appendComments writes lines as comments. A line break in a line is escaped
// like any control character: it would end the comment.
func appendComments(b []byte, start string, lines []string) []byte {
	for _, l := range lines {
		b = append(b, start...)
		b = append(appendSafe(b, l), '\n')
	}
	return b
}

// appendSafe writes text that some process may have chosen: printable
// characters as they are, all else (controls, bidirectional marks, invalid
// UTF-8) as an escape. Text far beyond a line is cut.
func appendSafe(b []byte, s string) []byte {
	const most = 4 * width
	start := len(b)
	for i := 0; i < len(s); {
		if len(b)-start > most {
			return append(b, "..."...)
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[i])
		case r == ' ' || unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		default:
			b = fmt.Appendf(b, `\u{%x}`, r)
		}
		i += n
	}
	return b
}

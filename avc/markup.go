package avc

import (
	"bytes"
	"encoding/binary"
	"html"
	"slices"
	"unicode/utf8"
)

// This file takes off what web pages, word processors and markup languages put
// into a record that was pasted. A record as the kernel writes it has nothing of
// that outside the quotes of a name, and what stands inside them is left alone.
// None of it is done to a source that only the kernel or a daemon writes.

// unmark returns b without markup. inName says that b begins inside the quotes
// of a name that another line opened, page that the line before was the source of
// a web page; it returns whether this one is.
func unmark(b []byte, inName, page bool) ([]byte, bool) {
	if i, j := bareNames(b); i < j && !isRewritten(b[:i]) && !isRewritten(b[j:]) {
		return unmarkAround(b[:i], b[i:j], b[j:])
	}
	if hasHigh(b) {
		b = plainRunes(b)
	}
	if bytes.Contains(b, []byte(`\u00`)) {
		b = unescapeUnicode(b)
	}
	page = page && inName
	if hasHigh(b) && (page || !bytes.Contains(b, []byte(`="`)) && bytes.Contains(b, []byte("=\u201c")) && !bytes.Contains(b, []byte(") : "))) {
		b, page = []byte(plainQuotes.Replace(string(b))), true
	}
	for range 3 { // a page that quotes the source of another
		if bytes.IndexByte(b, '&') < 0 || !hasEntity(b, inName && !page) {
			break
		}
		b, page = plainRunes([]byte(html.UnescapeString(string(b)))), true
	}
	if bytes.IndexByte(b, '<') >= 0 {
		b = withoutTags(withoutBreak(b), inName && !page)
	}
	if bytes.IndexByte(b, '*') >= 0 || bytes.IndexByte(b, '`') >= 0 || bytes.IndexByte(b, '\\') >= 0 {
		b = withoutEmphasis(b, inName)
	}
	return b, page
}

// bareNames returns where the names and command lines stand in an interpreted
// record, which have no quotes there: what looks like markup in them is theirs.
func bareNames(b []byte) (start, end int) {
	at := bytes.Index(b, []byte(" : "))
	if at < 0 || indexAudit(b[:at]) < 0 || !bytes.HasSuffix(bytes.TrimRight(b[:at], " "), []byte(")")) {
		return 0, 0
	}
	start, end = len(b), len(b)
	for _, key := range [...]string{" comm=", " name=", " path=", " cwd=", " exe=", " proctitle=", " a0="} {
		if i := bytes.Index(b[at:], []byte(key)); i >= 0 {
			start = min(start, at+i)
		}
	}
	if i := bytes.LastIndex(b, []byte("scontext=")); i >= 0 {
		end = bytes.LastIndexByte(b[:i], ' ') + 1
	}
	return start, end
}

// isRewritten reports whether there is something in a text that its page has put
// between all letters, or before all of some kind.
func isRewritten(b []byte) bool {
	return bytes.Contains(b, []byte("<wbr")) || bytes.Contains(b, []byte(`\_`)) || hasHigh(b) && bytes.ContainsFunc(b, isUnseen)
}

// unmarkAround is unmark for what stands before and behind bare names. They are
// rid only of what the other parts prove to be the page's.
func unmarkAround(head, names, tail []byte) ([]byte, bool) {
	page := hasEntity(head, false) || hasEntity(tail, false) || bytes.Contains(names, []byte(" dev=&quot;"))
	blanks := bytes.Contains(head, []byte(nbsp)) || bytes.Contains(tail, []byte(nbsp))
	if page {
		names = []byte(html.UnescapeString(string(names)))
	}
	if blanks {
		names = bytes.ReplaceAll(names, []byte(nbsp), []byte{' '})
	}
	names = withoutBreak(names)
	head, _ = unmark(head, false, page)
	tail, _ = unmark(tail, false, page)
	return slices.Concat(head, names, tail), page
}

// hasHigh reports whether there is a byte that is not ASCII.
func hasHigh(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return true
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// plainRunes replaces blanks that are no ASCII by ones that are, and takes out
// marks that are not seen. The kernel encodes names that hold either.
func plainRunes(b []byte) []byte {
	if !hasHigh(b) {
		return b
	}
	out := make([]byte, 0, len(b))
	latin := !utf8.Valid(b)
	for i := 0; i < len(b); {
		c, n := utf8.DecodeRune(b[i:])
		switch {
		case c < utf8.RuneSelf:
			out = append(out, b[i])
		case latin && n == 1 && b[i] == 0xa0: // U+00A0 in ISO 8859-1 and its kin
			out = append(out, ' ')
		case c == '\u00c2' && bytes.HasPrefix(b[i+n:], []byte(nbsp)): // U+00A0, encoded twice
			out = append(out, ' ')
			n += len(nbsp)
		case isBlankRune(c):
			out = append(out, ' ')
		case isUnseen(c):
		default:
			out = append(out, b[i:i+n]...)
		}
		i += n
	}
	return trimBorders(out)
}

func isBlankRune(c rune) bool {
	return c == '\u00a0' || c == '\u1680' || c >= '\u2000' && c <= '\u200a' || c == '\u2028' || c == '\u2029' ||
		c == '\u202f' || c == '\u205f' || c == '\u3000'
}

// isUnseen reports whether a character only says where a line may be broken, or
// in which direction it runs.
func isUnseen(c rune) bool {
	return c == '\u00ad' || c >= '\u200b' && c <= '\u200f' || c >= '\u202a' && c <= '\u202e' ||
		c >= '\u2060' && c <= '\u2069' || c == '\ufeff'
}

// trimBorders takes the lines of a box and the signs for a line that goes on
// from the ends of a line.
func trimBorders(b []byte) []byte {
	const borders = "│┃║▏▎▌▐▕¦↪↳⤷↩↵⏎"
	for {
		t := bytes.TrimLeft(b, " \t")
		if c, n := utf8.DecodeRune(t); n > 1 && bytes.ContainsRune([]byte(borders), c) {
			b = t[n:]
			continue
		}
		break
	}
	for {
		t := bytes.TrimRight(b, " \t")
		c, n := utf8.DecodeLastRune(t)
		if n <= 1 || !bytes.ContainsRune([]byte(borders), c) {
			return b
		}
		b = bytes.TrimRight(t[:len(t)-n], " \t")
	}
}

// unescapeUnicode decodes the escapes of JSON that some writers use for
// punctuation, where a field begins with them.
func unescapeUnicode(b []byte) []byte {
	if bytes.Contains(b, []byte(`="`)) || !bytes.Contains(b, []byte(`=\u0022`)) && !bytes.Contains(b, []byte(`\u003d`)) &&
		!bytes.Contains(b, []byte(`\u003D`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+5 < len(b) && string(b[i+1:i+4]) == "u00" {
			h, l := hexDigit(upper(b[i+4])), hexDigit(upper(b[i+5]))
			if c := h<<4 | l; h <= 7 && l <= 15 && c >= ' ' {
				out = append(out, c)
				i += 5
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}

// hasEntity reports whether a character reference of HTML stands outside the
// quotes of names.
func hasEntity(b []byte, inName bool) bool {
	if hasField := bytes.Contains(b, []byte(" comm=&quot;")) || bytes.Contains(b, []byte(" comm=&#34;")); hasField {
		// The quote before it is an attribute's, or a command line's with blanks.
		return !bytes.Contains(b, []byte(` cmdline="`))
	}
	for i, c := range b {
		switch {
		case c == '"':
			inName = !inName
		case c == '&' && !inName:
			n := bytes.IndexByte(b[i:min(len(b), i+10)], ';')
			if n > 2 && (b[i+1] == '#' || isLetter(b[i+1])) && len(html.UnescapeString(string(b[i:i+n+1]))) <= n {
				return true
			}
		}
	}
	return false
}

func isLetter(c byte) bool { return upper(c) >= 'A' && upper(c) <= 'Z' }

// withoutBreak takes the tags from the end of a line by which a page breaks or
// ends it. The line may end inside a name, but no line of a log does.
func withoutBreak(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == '>' {
		i := bytes.LastIndexByte(b, '<')
		if i < 0 {
			break
		}
		n, _ := tag(b[i:])
		if n != len(b)-i || b[i+1] != '/' && !bytes.HasPrefix(bytes.ToLower(b[i:]), []byte("<br")) {
			break
		}
		b = bytes.TrimRight(b[:i], " ")
	}
	return b
}

// withoutTags takes out the tags of HTML that stand in a line of text.
func withoutTags(b []byte, inName bool) []byte {
	out := make([]byte, 0, len(b))
	breaks := false // between any two letters, then, also in names
	word := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			inName = !inName
		case ' ':
			word = i + 1
		}
		if b[i] == '<' && (!inName || breaks) && !inBareName(b[word:i], b[i]) {
			n, blank := tag(b[i:])
			isBreak := n > 0 && bytes.HasPrefix(b[i:], []byte("<wbr"))
			breaks = breaks || isBreak
			if n > 0 && (!inName || isBreak) {
				if blank {
					out = append(out, ' ')
				}
				i += n - 1
				continue
			}
		}
		out = append(out, b[i])
	}
	if breaks {
		return bytes.ReplaceAll(out, []byte("<wbr>"), nil)
	}
	return out
}

// tag returns how long the tag is that b begins with, 0 if that is none, and
// whether it parts what is before it from what is behind it.
func tag(b []byte) (n int, blank bool) {
	const long = 512
	end := bytes.IndexByte(b[:min(len(b), long)], '>')
	if end < 0 {
		return 0, false
	}
	name := bytes.TrimPrefix(b[1:end], []byte{'/'})
	k := 0
	for k < len(name) && (isLetter(name[k]) || name[k] >= '0' && name[k] <= '9') {
		k++
	}
	if rest := name[k:]; len(rest) > 0 && rest[0] != ' ' && rest[0] != '/' || bytes.IndexByte(name, '<') >= 0 {
		return 0, false
	}
	switch string(bytes.ToLower(name[:k])) {
	case "b", "strong", "i", "em", "u", "s", "del", "ins", "mark", "font", "span", "code", "tt", "kbd", "samp", "var", "a", "wbr", "small":
		return end + 1, false
	case "br", "p", "pre", "div", "li", "ul", "ol", "td", "th", "tr", "table", "tbody", "blockquote", "section", "cite", "q":
		return end + 1, true
	}
	return 0, false
}

// withoutEmphasis takes out the marks of Markdown outside the quotes of names:
// asterisks that make bold, grave accents, and backslashes before punctuation.
func withoutEmphasis(b []byte, inName bool) []byte {
	escaped, in := false, inName
	for i, c := range b {
		if c == '"' {
			in = !in
		}
		// In a record as the kernel writes it there is no backslash outside
		// quotes, and nearly every one has a type with an underscore.
		if c == '\\' && !in && i+1 < len(b) && b[i+1] == '_' {
			escaped = true
			break
		}
	}
	out := make([]byte, 0, len(b))
	grave := false // an accent is in the place of a quote, and is open: comm=`cat`
	word := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			inName = !inName
		case c == ' ':
			word = i + 1
		case c == '\\' && escaped && i+1 < len(b) && bytes.IndexByte([]byte("_*{}[]<>()#~|.-"), b[i+1]) >= 0:
			continue
		case c == '`' && !inName && (grave || i > 0 && b[i-1] == '='):
			grave = !grave
		case inName || (c == '*' || c == '`') && inBareName(b[word:i], c):
		case c == '*' && (i+1 < len(b) && b[i+1] == '*' || i > 0 && b[i-1] == '*'):
			continue
		case c == '`':
			continue
		}
		out = append(out, c)
	}
	return out
}

// inBareName reports whether what follows word, the beginning of one, is in a name
// without quotes, as ausearch -i writes them: then it is a part of it, for all
// that can be known.
func inBareName(word []byte, next byte) bool {
	const longest = len("proctitle")
	n := bytes.IndexByte(word[:min(len(word), longest+1)], '=')
	if n < 0 || n+1 < len(word) && (word[n+1] == '"' || word[n+1] == '`') {
		return false
	}
	switch string(word[:n]) {
	case "name", "path", "comm", "exe", "cwd", "proctitle", "ocomm":
		return n+1 < len(word) || next != '`'
	}
	return false
}

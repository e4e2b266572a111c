package avc

import (
	"bytes"
	"html"
	"strings"
)

// This file takes off what terminals, mails and web pages put on a line. None
// of it may change what a record as the kernel writes it says: each rule begins
// with something that cannot stand there.

// undressLine takes from a line what hides where its record begins.
func (r *Reader) undressLine(b []byte) []byte {
	if bytes.IndexByte(b, escape) >= 0 {
		b = withoutColours(b)
	}
	if bytes.Contains(b, []byte(nbsp)) {
		b = bytes.ReplaceAll(b, []byte(nbsp), []byte{' '})
	}
	if bytes.Contains(b, []byte(":"+entity)) || bytes.Contains(b, []byte("denied"+entity)) {
		b = bytes.ReplaceAll(b, []byte(entity), []byte{' '})
	}
	soft := r.soft
	r.soft = false
	if soft || isQuotedPrintable(b) {
		b, r.soft = quotedPrintable(b)
	}
	return b
}

const (
	escape = 0x1b
	nbsp   = "\u00a0"
	entity = "&nbsp;" // the same on a web page
)

// withoutColours takes out the control sequences of terminals (ECMA-48): ESC [,
// parameters, and a letter. The kernel writes no control bytes.
func withoutColours(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != escape {
			out = append(out, b[i])
			continue
		}
		if i+1 < len(b) && b[i+1] == '[' {
			i += 2
			for i < len(b) && b[i] >= ' ' && b[i] < '@' {
				i++
			}
		}
	}
	return out
}

// isQuotedPrintable reports whether a line is encoded as mails are (RFC 2045):
// then behind every equals sign stand two hexadecimal digits, or the line's end.
// The fields of a record have other values than that.
func isQuotedPrintable(b []byte) bool {
	signs := 0
	for i, c := range b {
		if c != '=' {
			continue
		}
		if i+1 < len(b) && (i+2 >= len(b) || hexDigit(b[i+1]) > 15 || hexDigit(b[i+2]) > 15) {
			return false
		}
		signs++
	}
	return signs > 1 && bytes.Contains(b, []byte("=3D"))
}

// quotedPrintable decodes such a line. soft says that the next one goes on where
// it ends.
func quotedPrintable(b []byte) (out []byte, soft bool) {
	out = make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] != '=':
			out = append(out, b[i])
		case i+1 == len(b):
			return out, true
		case i+2 < len(b) && hexDigit(b[i+1]) <= 15 && hexDigit(b[i+2]) <= 15:
			out = append(out, hexDigit(b[i+1])<<4|hexDigit(b[i+2]))
			i += 2
		default:
			out = append(out, '=')
		}
	}
	return out, false
}

// undress gives a record's body the quotes that it had. Interpreted records have
// none.
func undress(s string, interp bool) string {
	i := strings.IndexByte(s, '"')
	switch {
	case i < 0 && !interp:
		return requote(s)
	case i > 0 && s[i-1] == '\\':
		// It was put into a JSON string or the like. In a record as the kernel
		// writes it a quote follows an equals sign, and only inside quotes a name
		// may hold a backslash.
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s)
	case !interp && i > 0 && s[i-1] == '=' && i+2 < len(s) && s[i+1] == '"' && !isSpace(s[i+2]) && s[i+2] != '\'':
		// It was put into a CSV field: behind an empty value there would be a
		// blank.
		return strings.ReplaceAll(s, `""`, `"`)
	}
	return s
}

// requote finds other quotes in a body that has no plain ones. The kernel puts
// what it does not encode between plain ones.
func requote(s string) string {
	at := strings.IndexByte(s, '=')
	for at >= 0 && at+1 < len(s) {
		switch rest := s[at+1:]; {
		case rest[0] == '&' && (strings.HasPrefix(rest, "&quot;") || strings.HasPrefix(rest, "&#")):
			return html.UnescapeString(s)
		case rest[0] == '\'' && strings.HasPrefix(rest, "''") && len(rest) > 2 && !isSpace(rest[2]):
			return strings.ReplaceAll(s, "''", `"`)
		case rest[0] >= 0x80:
			for _, q := range [...]string{"\u201c", "\u201d", "\u201e", "\u00ab"} {
				if strings.HasPrefix(rest, q) {
					return strings.NewReplacer("\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u00ab", `"`, "\u00bb", `"`,
						"\u2018", "'", "\u2019", "'").Replace(s)
				}
			}
		}
		n := strings.IndexByte(s[at+1:], '=')
		if n < 0 {
			break
		}
		at += 1 + n
	}
	return s
}

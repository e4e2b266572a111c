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
	soft := r.soft
	r.soft = false
	if encoded := isQuotedPrintable(b, r.mail); soft || encoded {
		b, r.soft = quotedPrintable(b)
		r.mail = true
	} else if bytes.IndexByte(b, '=') >= 0 {
		r.mail = false
	}
	if r.opts.Provenance < ProvenanceFile && (!r.inBareNames() || bytes.Contains(b, auditP)) {
		b, r.page = unmark(b, r.open != nil && openQuote(r.open.recs[len(r.open.recs)-1].text), r.page)
		return b
	}
	if bytes.Contains(b, []byte(nbsp)) {
		b = bytes.ReplaceAll(b, []byte(nbsp), []byte{' '})
	}
	return b
}

// inBareNames reports whether a line may go on an interpreted record that is
// names and command lines.
func (r *Reader) inBareNames() bool {
	if r.open == nil || len(r.open.recs) == 0 {
		return false
	}
	rec := &r.open.recs[len(r.open.recs)-1]
	return rec.form == FormInterpreted && rec.typ != TypeAVC && !rec.typ.selinux()
}

const (
	escape = 0x1b
	nbsp   = "\u00a0"
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
// The fields of a record have other values than that. mail says that the line
// before was encoded.
func isQuotedPrintable(b []byte, mail bool) bool {
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
	switch n := bytes.Index(b, []byte("=3D")); {
	case signs == 0:
		return false
	case mail, signs > 1 && (n >= 0 || bytes.Contains(b, []byte("=C2=A0"))):
		return true
	case n < 0:
		return false
	case n+3 < len(b) && b[n+3] == '"':
		return true
	default: // one field, whose value is no hexadecimal number otherwise
		key := b[bytes.LastIndexByte(b[:n], ' ')+1 : n]
		switch string(key) {
		case "pid", "type", "msg", "scontext", "tcontext", "tclass", "permissive":
			return true
		}
		return false
	}
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
	for range 3 { // perhaps one in another
		if i <= 0 || s[i-1] != '\\' {
			break
		}
		// It was put into a JSON string or the like. In a record as the kernel
		// writes it a quote follows an equals sign, and only inside quotes a name
		// may hold a backslash.
		s = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s)
		i = strings.IndexByte(s, '"')
	}
	switch {
	case i < 0 && (!interp || strings.Contains(s, " dev=")):
		return requote(s, interp)
	case !interp && i > 0 && s[i-1] == '=' && i+2 < len(s) && s[i+1] == '"' && !isSpace(s[i+2]) && s[i+2] != '\'':
		// It was put into a CSV field: behind an empty value there would be a
		// blank.
		return strings.ReplaceAll(s, `""`, `"`)
	}
	return s
}

// requote finds other quotes in a body that has no plain ones. The kernel puts
// what it does not encode between plain ones; in an interpreted record only the
// device has any.
func requote(s string, interp bool) string {
	at := strings.IndexByte(s, '=')
	if interp {
		at = strings.Index(s, " dev=") + len(" dev")
	}
	for at >= 0 && at+1 < len(s) {
		switch rest := s[at+1:]; {
		case rest[0] == '&' && (strings.HasPrefix(rest, "&quot;") || strings.HasPrefix(rest, "&#")):
			return html.UnescapeString(s)
		case rest[0] == '&' && (strings.HasPrefix(rest, "&amp;quot;") || strings.HasPrefix(rest, "&amp;#")):
			return html.UnescapeString(html.UnescapeString(s))
		case rest[0] == '`' && !interp:
			return strings.ReplaceAll(s, "`", `"`)
		case rest[0] == '\'' && strings.HasPrefix(rest, "''") && len(rest) > 2 && !isSpace(rest[2]):
			return strings.ReplaceAll(s, "''", `"`)
		case rest[0] >= 0x80:
			for _, q := range [...]string{"\u201c", "\u201d", "\u201e", "\u201f", "\u00ab", "\u2033", "\uff02", mojiOpen, mojiShut, "\x93", "\x94"} {
				if strings.HasPrefix(rest, q) {
					return plainQuotes.Replace(s)
				}
			}
		}
		if interp {
			break
		}
		n := strings.IndexByte(s[at+1:], '=')
		if n < 0 {
			break
		}
		at += 1 + n
	}
	return s
}

// plainQuotes puts plain quotes in the place of those of word processors, also of
// those that were written in one encoding and read in another.
var plainQuotes = strings.NewReplacer(
	"\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u201f", `"`, "\u00ab", `"`, "\u00bb", `"`, "\u2033", `"`, "\uff02", `"`,
	mojiOpen, `"`, mojiShut, `"`, "\u00e2\u20ac\u2122", "'", "\u00e2\u20ac\u02dc", "'", "\u00e2\u20ac\u00a6", "...", mojiCut, `"`,
	"\x93", `"`, "\x94", `"`,
	"\u2018", "'", "\u2019", "'")

// What becomes of the bytes of “ and ” if they are read as characters of
// Windows-1252. The last byte of the second has none there, and may be lost.
const (
	mojiOpen = "\u00e2\u20ac\u0153"
	mojiShut = "\u00e2\u20ac\u009d"
	mojiCut  = "\u00e2\u20ac"
)

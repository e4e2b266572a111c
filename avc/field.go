package avc

import "strings"

// Field is one key=value of a record, or a bare word, which has no Key.
type Field struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value"`
}

// appendField appends a field to a list, most of which have a few.
func appendField(l []Field, f Field) []Field {
	if l == nil {
		l = make([]Field, 0, 4)
	}
	return append(l, f)
}

// trimBlanks takes blanks away from the beginning.
func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	return s
}

// valueKind says how a value was written.
type valueKind uint8

const (
	plain  valueKind = iota // key=value
	quoted                  // key="value"
	single                  // key='value'
	braced                  // key={ value }
	word                    // value, without a key
)

// fieldScanner reads the fields of a record's body from left to right. What
// stands in quotes is one value, whatever it looks like.
type fieldScanner struct {
	s string
	i int
	// cut is set when a quote or brace was left open at the end.
	cut bool
}

// The classes of bytes, for the scanner's inner loops.
const (
	byteKey   = 1 << iota // may stand in a key
	byteSpace             // parts fields
	byteOdd               // begins the picture of the separator, perhaps
)

// byteClass has the classes of each byte. Every control byte counts as a
// space: the kernel writes none, and the separator 0x1d is one. Key bytes are
// letters, digits and _-.[].
const byteClass = "" +
	"\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02" +
	"\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00" +
	"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x01\x00\x01" +
	"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// next returns the next field. ok is false at the end.
func (f *fieldScanner) next() (key, val string, kind valueKind, ok bool) {
	s, i := f.s, f.i
	for i < len(s) && byteClass[s[i]]&(byteSpace|byteOdd) != 0 {
		if byteClass[s[i]] == byteOdd {
			if !isSymbol(s[i:]) {
				break
			}
			i += len(symbolBytes) - 1
		}
		i++
	}
	if i >= len(s) {
		f.i = i
		return "", "", plain, false
	}
	start := i
	for i < len(s) && byteClass[s[i]] == byteKey {
		i++
	}
	if i == start || i >= len(s) || s[i] != '=' {
		for i < len(s) && !isSpace(s[i]) {
			i++
		}
		f.i = i
		return "", s[start:i], word, true
	}
	key = s[start:i]
	val, kind = f.value(i + 1)
	return key, val, kind, true
}

// value reads the value that begins at i and moves the scanner behind it.
func (f *fieldScanner) value(i int) (string, valueKind) {
	s := f.s
	if i >= len(s) {
		f.i = i
		return "", plain
	}
	switch s[i] {
	case '"':
		return f.until(i+1, '"', quoted)
	case '\'':
		return f.until(i+1, '\'', single)
	case '{':
		v, k := f.until(i+1, '}', braced)
		return strings.TrimSpace(v), k
	}
	start, equals := i, false
	for ; i < len(s); i++ {
		c := s[i]
		if byteClass[c] == byteKey {
			continue
		}
		if byteClass[c] == byteSpace || byteClass[c] == byteOdd && isSymbol(s[i:]) {
			break
		}
		equals = equals || c == '='
	}
	// ENRICHED records whose separator got lost run on: key=(null)ARCH=x86_64.
	if equals {
		if n := enrichedTail(s[start:i]); n > 0 {
			i = start + n
		}
	}
	f.i = i
	return s[start:i], plain
}

// unglue parts a number from the next field, behind a comma without a blank:
// pid=588,comm="cat". The scanner goes back to that.
func (f *fieldScanner) unglue(val string) string {
	n := strings.IndexByte(val, ',')
	if n <= 0 {
		return val
	}
	if key, ok := fieldKey([]byte(val[n+1:])); !ok || keyOf(key) == 0 {
		return val
	}
	f.i -= len(val) - n - 1
	return val[:n]
}

func (f *fieldScanner) until(i int, end byte, kind valueKind) (string, valueKind) {
	n := strings.IndexByte(f.s[i:], end)
	if n < 0 {
		f.cut = true
		f.i = len(f.s)
		return f.s[i:], kind
	}
	f.i = i + n + 1
	return f.s[i : i+n], kind
}

// symbolBytes is U+241D, the picture of the byte 0x1d by which auditd parts
// the fields that it appends in ENRICHED format, as some viewers show it.
const symbolBytes = "\u241d"

func isSymbol(s string) bool {
	return s[0] == symbolBytes[0] && len(s) >= len(symbolBytes) && s[:len(symbolBytes)] == symbolBytes
}

func isSpace(c byte) bool { return c <= ' ' }

func isKeyByte(c byte) bool { return byteClass[c] == byteKey }

// enrichedTail returns where an appended KEY= begins inside a plain value that
// lost its separator, or 0.
func enrichedTail(v string) int {
	for _, key := range [...]string{
		"ARCH", "SYSCALL", "AUID", "UID", "GID", "EUID", "SUID", "FSUID", "EGID", "SGID",
		"FSGID", "OUID", "OGID", "OAUID", "SAUID", "SADDR", "IUID", "INODE_UID", "INODE_GID", "ID",
	} {
		n := strings.Index(v, key+"=")
		if n > 0 && !isUpper(v[n-1]) && v[n-1] != '_' {
			return n
		}
	}
	return 0
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

// untrusted decodes a value that the kernel writes with
// audit_log_untrustedstring: quoted as it is, or in hexadecimal digits if it
// holds a space, a quote, a control byte or a byte above 0x7e. A run of digits
// that stands for none of these is no encoding but text that lost its quotes.
func untrusted(v string, kind valueKind) string {
	if kind != plain {
		return v
	}
	if v == "(null)" || v == "?" {
		return ""
	}
	if !isEncoded(v) {
		return v
	}
	var short [256]byte
	b := short[:0]
	if len(v)/2 > len(short) {
		b = make([]byte, 0, len(v)/2)
	}
	for i := 0; i < len(v); i += 2 {
		b = append(b, hexDigit(v[i])<<4|hexDigit(v[i+1]))
	}
	return string(b)
}

// isEncoded reports whether v is what the kernel makes of a string that it
// does not print raw (audit_string_contains_control).
func isEncoded[T string | []byte](v T) bool {
	if len(v) < 2 || len(v)%2 != 0 {
		return false
	}
	needed := false
	for i := 0; i < len(v); i += 2 {
		h, l := hexDigit(v[i]), hexDigit(v[i+1])
		if h > 15 || l > 15 {
			return false
		}
		if c := h<<4 | l; c == '"' || c < 0x21 || c > 0x7e {
			needed = true
		}
	}
	return needed
}

// hexDigit gives the value of an upper-case hexadecimal digit, the only kind
// that the kernel writes here, or 255.
func hexDigit(c byte) byte {
	if d := c - '0'; d <= 9 {
		return d
	}
	if d := c - 'A'; d <= 5 {
		return d + 10
	}
	return 255
}

package avc

import "bytes"

// header is what stands before a record's body.
type header struct {
	typ    RecordType
	form   Form
	id     stamp
	node   []byte
	start  int // where the record begins in its line
	body   int // where its body begins
	weak   bool
	prefix []byte // what stood before the record in its line
}

var (
	typeEq  = []byte("type=")
	nodeEq  = []byte("node=")
	hostEq  = []byte("host=")
	msgEq   = []byte("msg=")
	auditP  = []byte("audit(")
	avcWord = []byte("avc:")
)

// parseHeader reads a header that begins at b[i:] with type=, or with node= or
// host= before it: "type=AVC msg=audit(1.2:3): " and "type=1400 audit(1.2:3): ".
func (c *clock) parseHeader(b []byte, i int) (h header, ok bool) {
	h.start = i
	if bytes.HasPrefix(b[i:], nodeEq) || bytes.HasPrefix(b[i:], hostEq) {
		n := bytes.IndexByte(b[i:], ' ')
		if n < 0 {
			return h, false
		}
		h.node = b[i+len(nodeEq) : i+n]
		i += n + 1
	}
	if !bytes.HasPrefix(b[i:], typeEq) {
		return h, false
	}
	i += len(typeEq)
	name := i
	for i < len(b) && isTypeByte(b[i]) {
		i++
	}
	if h.typ, ok = parseRecordType(b[name:i]); !ok {
		return h, false
	}
	numeric := b[name] <= '9'
	h.form = FormAudit
	if numeric {
		h.form = FormKernelLog
	}
	i = skipSpaces(b, i)
	if i == len(b) {
		h.body = i
		return h, !numeric // the line was wrapped here
	}
	msg := bytes.HasPrefix(b[i:], msgEq)
	if msg {
		i = skipSpaces(b, i+len(msgEq))
	}
	if !bytes.HasPrefix(b[i:], auditP) {
		return c.maskedHeader(b, i, h, msg)
	}
	i += len(auditP)
	id, interp, end := c.parseStamp(b, i)
	if end == i { // no bracket: cut or wrapped
		const long = 36 // of a date, a time and a number
		h.body = len(b)
		return h, bytes.IndexByte(b[i:], ' ') < 0 || i+long > len(b)
	}
	if interp {
		h.form = FormInterpreted
	}
	h.id = id
	h.body = skipColon(b, end)
	return h, true
}

// maskedHeader takes headers whose ID was struck out: msg=...: and audit*:, or
// "type=AVC [...]".
func (c *clock) maskedHeader(b []byte, i int, h header, msg bool) (header, bool) {
	if !msg && !bytes.HasPrefix(b[i:], auditP[:5]) && !bytes.HasPrefix(b[i:], []byte("[")) &&
		!bytes.HasPrefix(b[i:], avcWord) {
		return h, false
	}
	h.body = i
	const near = 40
	end := min(len(b), i+near)
	if at := bytes.Index(b[i:], avcWord); at >= 0 && at < near {
		h.body = i + at
	} else if at := bytes.Index(b[i:end], []byte(": ")); at >= 0 {
		h.body = i + at + 2
	} else if at := bytes.Index(b[i:end], []byte("] ")); at >= 0 {
		h.body = i + at + 2
	}
	return h, true
}

func isTypeByte(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '[' || c == ']'
}

func skipSpaces(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

// skipColon skips the ": " or " : " behind an ID.
func skipColon(b []byte, i int) int {
	j := skipSpaces(b, i)
	if j < len(b) && b[j] == ':' {
		return skipSpaces(b, j+1)
	}
	return j
}

// sniff finds the first record that begins at or after from in a line of any
// form. In "audit: type=1400 audit(…): avc: …" that is at type=.
func (c *clock) sniff(b []byte, from int) (h header, ok bool) {
	best := len(b)
	try := func(cand header, start int) {
		if start < best {
			best, h, ok = start, cand, true
		}
	}
	for i := from; ; {
		n := bytes.Index(b[i:best], typeEq)
		if n < 0 {
			break
		}
		i += n
		if i == 0 || !isKeyByte(b[i-1]) || isGlued(b, i) {
			start := i
			if s := nodeBefore(b, from, i); s >= 0 {
				start = s
			}
			if cand, good := c.parseHeader(b, start); good {
				try(cand, start)
				break
			}
		}
		i += len(typeEq)
	}
	for i := from; i < best; {
		n := bytes.Index(b[i:best], []byte("audit"))
		if n < 0 {
			break
		}
		i += n
		if i == 0 || (!isKeyByte(b[i-1]) || b[i-1] == '[' || b[i-1] == ']') && b[i-1] != '=' {
			if cand, good := c.auditWord(b, i); good {
				try(cand, i)
				break
			}
		} else if bytes.HasSuffix(b[from:i], msgEq) && bytes.HasPrefix(b[i:], auditP) {
			if cand, good := c.beheaded(b, from, i); good {
				try(cand, cand.start)
				break
			}
		}
		i += len("audit")
	}
	for i := from; i < best; {
		n := bytes.Index(b[i:], avcWord)
		if n < 0 || i+n > best+16 {
			break
		}
		i += n
		if cand, good := avcAnchor(b, from, i); good {
			try(cand, cand.start)
			break
		}
		i += len(avcWord)
	}
	if !ok {
		h, ok = errAnchor(b, from)
	}
	if ok {
		h.prefix = b[:h.start]
	}
	return h, ok
}

// cutType returns where a header begins that a line ends inside the type of:
// type=USER_|AVC, or inside the ID of if that has a number for a type:
// type=1400 au|dit(, -1 if there is none.
func cutType(b []byte) int {
	i := len(b)
	if n := bytes.LastIndexByte(b, ' '); n > 0 && b[n-1] <= '9' && (bytes.HasPrefix(auditP, b[n+1:]) || openStamp(b[n+1:])) {
		i = n
	}
	for i > 0 && isTypeByte(b[i-1]) {
		i--
	}
	start := i - len(typeEq)
	if start < 0 || !bytes.HasPrefix(b[start:], typeEq) || start > 0 && isKeyByte(b[start-1]) {
		return -1
	}
	if s := nodeBefore(b, 0, start); s >= 0 {
		return s
	}
	return start
}

// isGlued reports whether type= at i begins a record although it follows
// another's last byte: permissive=0type=SYSCALL msg=audit(…
func isGlued(b []byte, i int) bool {
	j := i + len(typeEq)
	for j < len(b) && isTypeByte(b[j]) {
		j++
	}
	return bytes.HasPrefix(b[j:], []byte(" msg=audit("))
}

// nodeBefore returns where node=X or host=X begins that stands just before i,
// or -1.
func nodeBefore(b []byte, from, i int) int {
	if i < 2 || b[i-1] != ' ' {
		return -1
	}
	s := bytes.LastIndexByte(b[:i-1], ' ') + 1
	if s >= from && (bytes.HasPrefix(b[s:], nodeEq) || bytes.HasPrefix(b[s:], hostEq)) {
		return s
	}
	return -1
}

// auditWord reads what follows the word audit: "audit(1.2:3): ", or the
// journal's "audit[1]: AVC ", "audit: PROCTITLE ".
func (c *clock) auditWord(b []byte, i int) (h header, ok bool) {
	h.start, h.weak = i, true
	j := i + len("audit")
	if j >= len(b) {
		return h, false
	}
	if b[j] == '(' {
		id, interp, end := c.parseStamp(b, j+1)
		if end == j+1 {
			return h, false
		}
		h.id, h.form, h.typ = id, FormKernelLog, 0
		if interp {
			h.form = FormInterpreted
		}
		h.body = skipColon(b, end)
		if bytes.HasPrefix(b[h.body:], avcWord) || h.body < len(b) && bytes.HasPrefix(avcWord, b[h.body:]) || bytes.HasPrefix(b[h.body:], []byte("apparmor=")) {
			h.typ = TypeAVC
		} else if bytes.HasPrefix(b[h.body:], []byte("security_")) {
			h.typ = TypeSELinuxErr
		} else if h.body < len(b) {
			return h, false
		}
		return h, true
	}
	if b[j] == '[' {
		n, k := digits(b, j+1)
		if n == 0 || k >= len(b) || b[k] != ']' {
			return h, false
		}
		j = k + 1
	}
	if j+1 >= len(b) || b[j] != ':' || b[j+1] != ' ' {
		return h, false
	}
	j = skipSpaces(b, j+1)
	k := j
	for k < len(b) && isTypeByte(b[k]) {
		k++
	}
	if k == j || b[j] <= '9' || k < len(b) && b[k] != ' ' {
		return h, false
	}
	h.typ, ok = parseRecordType(b[j:k])
	h.form = FormJournal
	h.body = skipSpaces(b, k)
	return h, ok
}

// beheaded reads a header whose type= was cut off: "AVC msg=audit(1.2:3): ", at
// the word audit.
func (c *clock) beheaded(b []byte, from, i int) (h header, ok bool) {
	start := i - len(msgEq)
	end := start
	for end > from && b[end-1] == ' ' {
		end--
	}
	word := end
	for word > from && isTypeByte(b[word-1]) {
		word--
	}
	typ, known := parseRecordType(b[word:end])
	if !known || word > from && b[word-1] == '=' {
		h, ok = c.auditWord(b, i)
		if h.start = start; h.form == FormKernelLog {
			h.form = FormAudit
		}
	} else {
		h = header{typ: typ, start: word}
		var interp bool
		var stop int
		h.id, interp, stop = c.parseStamp(b, i+len(auditP))
		h.body, ok = skipColon(b, stop), h.id.ok
		if h.form = FormAudit; interp {
			h.form = FormInterpreted
		}
	}
	h.weak = true
	return h, ok
}

// avcAnchor reads "avc:  denied" with nothing of a header before it, except
// perhaps the type ("AVC avc:") or the quote of a USER_AVC (msg='avc:).
func avcAnchor(b []byte, from, i int) (h header, ok bool) {
	j := skipSpaces(b, i+len(avcWord))
	for bytes.HasPrefix(b[j:], []byte("\u00a0")) {
		j = skipSpaces(b, j+len("\u00a0"))
	}
	rest := b[j:]
	if len(rest) > 0 && !beginsVerdict(rest, "denied") && !beginsVerdict(rest, "granted") &&
		!bytes.HasPrefix(rest, []byte("received ")) && !bytes.HasPrefix(rest, []byte("op=")) {
		return h, false
	}
	h = header{typ: TypeAVC, form: FormBare, start: i, body: i, weak: true}
	if len(rest) > 8 && (rest[0] == 'r' || rest[0] == 'o') {
		h.typ = TypeUserAVC
	}
	before := b[from:i]
	switch {
	case bytes.HasSuffix(before, []byte("USER_AVC ")):
		h.typ, h.start = TypeUserAVC, i-len("USER_AVC ")
	case bytes.HasSuffix(before, []byte("AVC ")):
		h.start = i - len("AVC ")
	case bytes.HasSuffix(before, []byte("msg='")):
		h.typ = TypeUserAVC
		h.start = fieldsBefore(b, from, i-len("msg='"))
		h.body = h.start
	case i > from && b[i-1] == 'u' && (i-1 == from || !isKeyByte(b[i-2])):
		h.start, h.body = i-1, i-1
		h.typ = TypeUserAVC
	case i > from && isWordByte(b[i-1]) && (b[i-1] != '_' || i > from+1 && b[i-2] != ' ') && b[i-1]-'0' > 9:
		// There may be a line's number before it, or the mark of Markdown: _avc: …_
		return h, false
	}
	return h, true
}

// beginsVerdict reports whether b begins with the verdict and what follows it in
// a record, as far as the line goes. Prose has other words behind it.
func beginsVerdict(b []byte, verdict string) bool {
	n := min(len(b), len(verdict))
	if string(b[:n]) != verdict[:n] {
		return false
	}
	rest := bytes.TrimLeft(b[n:], " \t\u00a0\v\f")
	return len(rest) == 0 || rest[0] == '{' || bytes.HasPrefix(rest, []byte("null")) || rest[0] == '\\' && len(bytes.TrimSpace(rest)) == 1
}

// fieldsBefore goes back over the key=value words that stand before i.
func fieldsBefore(b []byte, from, i int) int {
	for {
		j := i
		for j > from && b[j-1] == ' ' {
			j--
		}
		s := bytes.LastIndexByte(b[from:j], ' ') + 1 + from
		eq := bytes.IndexByte(b[s:j], '=')
		if s >= j || eq <= 0 || !knownKey(string(b[s:s+eq])) {
			return i
		}
		i = s
	}
}

// errAnchor finds a SELINUX_ERR record without header, or one of PostgreSQL's
// ("SELinux: denied { select } …").
func errAnchor(b []byte, from int) (h header, ok bool) {
	if i := bytes.Index(b[from:], []byte(sepgsql)); i >= 0 {
		if after := b[from+i+len(sepgsql):]; bytes.HasPrefix(after, []byte("denied {")) || bytes.HasPrefix(after, []byte("allowed {")) {
			return header{typ: TypeAVC, form: FormBare, start: from + i, body: from + i, weak: true}, true
		}
	}
	h = header{typ: TypeSELinuxErr, form: FormBare, weak: true}
	if i := bytes.Index(b[from:], []byte("SELINUX_ERR op=")); i >= 0 {
		h.start = from + i
		h.body = h.start + len("SELINUX_ERR ")
		return h, true
	}
	for _, w := range [...]string{
		"security_compute_sid:", "security_validate_transition:",
		"op=security_compute_sid ", "op=security_bounded_transition ",
		"op=security_validate_transition ", "op=security_compute_av ",
	} {
		if i := bytes.Index(b[from:], []byte(w)); i >= 0 {
			h.start = from + i
			h.body = h.start
			return h, true
		}
	}
	return h, false
}

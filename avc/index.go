package avc

import "bytes"

// entry is a run of lines of a chunk: one record with a whole header at the
// beginning of its line and nothing else on it, which is what audit.log is made
// of; or other lines.
type entry struct {
	kind       entryKind
	typ        RecordType
	form       Form
	start, end int // in the chunk, without the line's end
	next       int // where the next entry begins
	lines      int // of entryNoise
	id         stamp
	node       int // where the name of the node= ends, 0 if there is none
	body       int // relative to start
}

type entryKind uint8

const (
	entryLines  entryKind = iota // lines to look at
	entryNoise                   // lines in which no record begins
	entryRecord                  // a record
)

// index finds the entries of text, which is whole lines. It knows nothing of
// what stands before them, so that several texts can be indexed at once.
func index(list []entry, text []byte) []entry {
	var near anchors
	var last []byte // the ID of the last record, as text, which the next one has too mostly
	var id stamp
	odd := bytes.IndexByte(text, escape) >= 0 || bytes.IndexByte(text, nbsp[0]) >= 0
	for at := 0; at < len(text); {
		e := entry{start: at, next: len(text)}
		if c := text[at]; c == 't' || c == 'n' {
			if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
				e.next = at + n + 1
			}
			if e.record(text, &last, &id) && !(odd && isDressed(text[e.start:e.end])) {
				list = append(list, e)
				at = e.next
				continue
			}
		}
		e = entry{start: at, next: e.next}
		if n := near.noise(text, at); n > 0 {
			e.kind, e.next = entryNoise, at+n
			e.lines = bytes.Count(text[at:e.next], []byte{'\n'})
			if text[e.next-1] != '\n' {
				e.lines++
			}
		} else if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
			e.next = at + n + 1
		}
		list = append(list, e)
		at = e.next
	}
	return list
}

// isDressed reports whether a line holds what undressLine takes away.
func isDressed(b []byte) bool {
	return bytes.IndexByte(b, escape) >= 0 || bytes.Contains(b, []byte(nbsp))
}

// isMarkupEnd reports whether a line that ends in c does so by what a page or a
// shell puts behind it: no record of the kernel's does.
func isMarkupEnd(c byte) bool {
	return c == '>' || c == '|' || c == '\\' || c == '`' || c == '*'
}

// record reads "type=AVC msg=audit(1.2:3): " at the entry's start. It leaves
// all that is not just so to those who look at it more closely.
func (e *entry) record(text []byte, last *[]byte, id *stamp) bool {
	b := trimCR(bytes.TrimSuffix(text[e.start:e.next], []byte{'\n'}))
	i := 0
	if b0 := len(b) > 5; b0 && string(b[:5]) == "node=" {
		n := bytes.IndexByte(b, ' ')
		if n < 0 {
			return false
		}
		e.node, i = n, n+1
	}
	if len(b) < i+len("type=") || string(b[i:i+len("type=")]) != "type=" {
		return false
	}
	i += len("type=")
	name := i
	for i < len(b) && isTypeByte(b[i]) {
		i++
	}
	const between = " msg=audit("
	if i == name || len(b) < i+len(between) || string(b[i:i+len(between)]) != between {
		return false
	}
	var ok bool
	if e.typ, ok = parseRecordType(b[name:i]); !ok {
		return false
	}
	e.form = FormAudit
	if b[name] <= '9' {
		e.form = FormKernelLog
	}
	i += len(between)
	if n := len(*last); n > 0 && len(b) >= i+n && string(b[i:i+n]) == string(*last) {
		e.id = *id
		i += n
	} else {
		st, end := parseNumericStamp(b, i)
		if !st.ok {
			return false
		}
		*last, *id = b[i:end], st
		e.id, i = st, end
	}
	e.body = skipColon(b, i)
	if indexAudit(b[e.body:]) >= 0 { // perhaps another record on this line
		return false
	}
	if e.typ == TypeAVC || e.typ == TypeUserAVC {
		body := b[e.body:]
		if e.typ == TypeAVC && !bytes.HasPrefix(body, []byte("avc:  ")) || bytes.IndexByte(body, '&') >= 0 {
			return false
		}
		if n := len(body); n > 0 && isMarkupEnd(body[n-1]) {
			return false
		}
	}
	e.kind, e.end = entryRecord, e.start+len(b)
	return true
}

// anchors remembers, for each of the words that a line with a record must hold
// one of, where it stands next: 1 + the position, 0 if that has not been looked
// for.
type anchors [8]int

// anchor returns the i-th of those words.
func anchor(i int) string {
	switch i {
	case 0:
		return "avc:"
	case 1:
		return "audit"
	case 2:
		return "type="
	case 3:
		return "SELINUX_ERR"
	case 4:
		return "__CURSOR="
	case 5:
		return sepgsql
	case 6:
		return "{\n\t\"" // an object of journalctl -o json-pretty
	}
	return "security_"
}

// noise returns how many bytes from at on are whole lines in which no record
// can begin.
func (a *anchors) noise(text []byte, at int) int {
	next := len(text)
	for i := range a {
		pos := a[i] - 1
		if pos < at {
			n := bytes.Index(text[at:], []byte(anchor(i)))
			if n < 0 {
				n = len(text) - at
			}
			pos = at + n
			a[i] = pos + 1
		}
		next = min(next, pos)
	}
	if next == len(text) {
		// An object may begin here and go on in the next text.
		if last := []byte("{\n"); bytes.HasSuffix(text[at:], last) {
			if n := len(text) - at - len(last); n == 0 || text[at+n-1] == '\n' {
				return n
			}
		}
		return next - at
	}
	return bytes.LastIndexByte(text[at:next], '\n') + 1
}

package avc

import (
	"bytes"
	"math"
)

// entry is a run of lines of a chunk: records of one event, each with a whole
// header at the beginning of its line and nothing else on it, which is what
// audit.log is made of; or other lines.
type entry struct {
	kind  entryKind
	start int // in the chunk
	next  int // where the next entry begins
	lines int // how many they are; of entryLines that is not known

	// Of entryRecords:
	first   int // of the chunk's records
	size    int // of their text
	id      stamp
	node    []byte
	form    Form
	selinux bool // one of them makes an event worth giving out
}

type entryKind uint8

const (
	entryLines   entryKind = iota // lines to look at
	entryNoise                    // lines in which no record begins
	entryRecords                  // records of one event and one form
)

// record is where a record of an entry stands in the chunk.
type record struct {
	start, body, end uint32 // end is before the line's end
	typ              RecordType
}

// index finds the entries of the chunk's text, which is whole lines. It knows
// nothing of what stands before them, so that several chunks can be indexed at
// once.
func (c *chunk) index() {
	c.entries, c.records = c.entries[:0], c.records[:0]
	var near anchors
	var last lineHeader
	text := c.text
	odd := bytes.IndexByte(text, escape) >= 0 || bytes.IndexByte(text, nbsp[0]) >= 0 || uint64(len(text)) > math.MaxUint32
	for at := 0; at < len(text); {
		next := len(text)
		if b := text[at]; b == 't' || b == 'n' {
			if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
				next = at + n + 1
			}
			b := trimCR(bytes.TrimSuffix(text[at:next], []byte{'\n'}))
			if same, ok := last.read(b); ok && !(odd && isDressed(b)) {
				c.record(&last, same, at, at+len(b), next)
				at = next
				continue
			}
		}
		e := entry{start: at, next: next}
		if n := near.noise(text, at); n > 0 {
			e.kind, e.next = entryNoise, at+n
			e.lines = bytes.Count(text[at:e.next], []byte{'\n'})
			if text[e.next-1] != '\n' {
				e.lines++
			}
		} else if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
			e.next = at + n + 1
		}
		c.entries = append(c.entries, e)
		at = e.next
	}
}

// record adds a line with a record, of the same event as the last line with one
// if same.
func (c *chunk) record(h *lineHeader, same bool, start, end, next int) {
	n := len(c.entries)
	if !same || n == 0 || c.entries[n-1].kind != entryRecords || c.entries[n-1].form != h.form {
		c.entries = append(c.entries, entry{
			kind: entryRecords, start: start, first: len(c.records), id: h.id, node: h.node, form: h.form,
		})
		n++
	}
	e := &c.entries[n-1]
	e.next = next
	e.lines++
	e.size += end - start
	e.selinux = e.selinux || h.typ.selinux()
	c.records = append(c.records, record{uint32(start), uint32(start + h.body), uint32(end), h.typ})
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

// lineHeader is the header of a line that is one record.
type lineHeader struct {
	typ    RecordType
	form   Form
	node   []byte
	id     stamp
	idText []byte
	body   int
	types  typeNames
}

// typeNames remembers names of record types, by their last bytes and lengths.
type typeNames [64]struct {
	name []byte
	typ  RecordType
}

// find is parseRecordType for a name that is not empty.
func (t *typeNames) find(name []byte) (RecordType, bool) {
	at := &t[(int(name[len(name)-1])*8+len(name))%len(t)]
	if string(at.name) == string(name) {
		return at.typ, true
	}
	typ, ok := parseRecordType(name)
	if ok {
		at.name, at.typ = name, typ
	}
	return typ, ok
}

// read reads "type=AVC msg=audit(1.2:3): " at the beginning of the line b. It
// leaves all that is not just so to those who look at it more closely, and then
// returns false. same says that it has the ID of the line read before.
func (h *lineHeader) read(b []byte) (same, ok bool) {
	i := 0
	var node []byte
	if len(b) > 5 && string(b[:5]) == "node=" {
		n := bytes.IndexByte(b, ' ')
		if n < 0 {
			return false, false
		}
		node, i = b[len("node="):n], n+1
	}
	if len(b) < i+len("type=") || string(b[i:i+len("type=")]) != "type=" {
		return false, false
	}
	i += len("type=")
	name := i
	for i < len(b) && isTypeByte(b[i]) {
		i++
	}
	const between = " msg=audit("
	if i == name || len(b) < i+len(between) || string(b[i:i+len(between)]) != between {
		return false, false
	}
	typ, ok := h.types.find(b[name:i])
	if !ok {
		return false, false
	}
	i += len(between)
	id, text := h.id, h.idText
	if n := len(text); n > 0 && len(b) >= i+n && string(b[i:i+n]) == string(text) {
		same = string(node) == string(h.node)
		i += n
	} else {
		st, end := parseNumericStamp(b, i)
		if !st.ok {
			return false, false
		}
		id, text, i = st, b[i:end], end
	}
	i = skipColon(b, i)
	body := b[i:]
	if indexAudit(body) >= 0 { // perhaps another record on this line
		return false, false
	}
	if n := len(body); n > 0 && isMarkupEnd(body[n-1]) {
		return false, false
	}
	if (typ == TypeAVC || typ == TypeUserAVC) &&
		(typ == TypeAVC && !bytes.HasPrefix(body, []byte("avc:  ")) || bytes.IndexByte(body, '&') >= 0) {
		return false, false
	}
	h.typ, h.form, h.body = typ, FormAudit, i
	if b[name] <= '9' {
		h.form = FormKernelLog
	}
	if !same {
		h.node, h.id, h.idText = node, id, text
	}
	return same, true
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

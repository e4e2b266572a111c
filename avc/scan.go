package avc

import (
	"bytes"
	"slices"
)

// step takes the next entry of the input. It returns false when the input is at
// its end and nothing is pending.
func (r *Reader) step() bool {
	for {
		c := r.cur
		if r.next == len(c.entries) {
			if r.advance() {
				if r.head < len(r.results) {
					return true
				}
				continue
			}
			r.endExport()
			r.open = nil
			return r.flush()
		}
		switch e := &c.entries[r.next]; {
		case e.kind == entryRecord:
			r.at = e.next
			r.next++
			r.countLine()
			r.record(e, c.text[e.start:e.end])
		case e.kind == entryNoise && r.open == nil && !r.export.open && !r.pretty.open && len(r.cut) == 0:
			r.at = e.next
			r.next++
			r.lineNo += e.lines
			r.stats.Lines += e.lines
			r.soft = false
		default:
			r.countLine()
			r.line(r.nextLine(e))
		}
		if r.head < len(r.results) {
			return true
		}
	}
}

func (r *Reader) countLine() {
	r.lineNo++
	r.stats.Lines++
}

// nextLine takes the next line of an entry.
func (r *Reader) nextLine(e *entry) []byte {
	b := r.cur.text[r.at:e.next]
	if n := bytes.IndexByte(b, '\n'); n >= 0 {
		b = b[:n]
		r.at += n + 1
	} else {
		r.at = e.next
	}
	e.lines--
	if r.at == e.next {
		r.next++
	}
	return trimCR(b)
}

// record takes a record that stands alone on its line.
func (r *Reader) record(e *entry, b []byte) {
	if len(b) > r.opts.MaxRecord {
		r.line(b)
		return
	}
	h := header{typ: e.typ, form: e.form, id: e.id, body: e.body}
	if e.node > 0 {
		h.node = b[len("node="):e.node]
	}
	r.openLine, r.cut, r.soft = r.openLine[:0], r.cut[:0], false
	r.add(&h, b, r.opts.Provenance)
}

// tooLong reports a line that is too long, if a record begins in it.
func (r *Reader) tooLong(b []byte) {
	r.open = nil
	b = b[:r.opts.MaxRecord]
	if h, ok := r.clock.sniff(b, 0); ok {
		r.fail(r.lineNo, string(b[h.start:min(len(b), h.start+4096)]), ErrTooLong)
	}
}

func trimCR(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}

// line takes one line.
func (r *Reader) line(b []byte) {
	if len(b) > r.opts.MaxRecord {
		r.tooLong(b)
		return
	}
	follows := r.soft // this goes on where the last line ended
	dressed := b
	if !r.export.open {
		b = r.undressLine(b)
	}
	if len(b) > 5 && (b[0] == 't' && string(b[:5]) == "type=" || b[0] == 'n' && string(b[:5]) == "node=") {
		if h, ok := r.clock.parseHeader(b, 0); ok && h.id.ok {
			r.found(h, b)
			return
		}
	}
	if r.export.open || bytes.HasPrefix(b, []byte("__CURSOR=")) {
		r.exportLine(dressed)
		return
	}
	if j := bytes.TrimPrefix(bytes.TrimPrefix(b, []byte("data: ")), []byte{0x1e}); len(j) > 1 && j[0] == '{' &&
		(j[1] == '"' || j[1] == ' ') && r.jsonLine(j) {
		return
	}
	if r.pretty.open || len(b) == 1 && b[0] == '{' && r.open == nil {
		r.prettyLine(b)
		return
	}
	if len(r.cut) > 0 {
		b = r.mend(b)
	}
	h, ok := r.clock.sniff(b, 0)
	if r.open != nil {
		rec := &r.open.recs[len(r.open.recs)-1]
		text := rec.text
		if ok && h.weak && h.form == FormBare && (awaitsVector(rec.typ, text) || awaitsOp(rec.typ, text)) {
			ok = false // this is the body of the record that is open
		}
		if ok && h.weak && bytes.HasPrefix(b[h.start:], msgEq) && !bytes.Contains(text, auditP[:5]) {
			ok = false // type=AVC |msg=audit(1.2:3):
		}
		if ok && h.weak && bytes.HasSuffix(text, msgEq) && len(trimDecoration(b[:h.start], r.openLine)) == 0 {
			ok = false // type=AVC msg=|audit(1.2:3):
		}
		part := b
		if ok {
			part = b[:h.start]
		}
		part = trimDecoration(part, r.openLine)
		blank, goes := continues(rec.typ, text, part)
		if n := len(bytes.TrimRight(text, " \t")); !goes && n > 0 && text[n-1] == '\\' && len(part) > 0 {
			blank, goes = true, true
		}
		if follows && !ok && r.extendSoft(b) {
			return
		}
		if goes && r.extend(part, blank) {
			if !ok {
				return
			}
		} else {
			r.open = nil
		}
	}
	if ok {
		r.found(h, b)
		return
	}
	if i := cutType(b); i >= 0 {
		r.cut, r.openLine = append(r.cut[:0], b[i:]...), append(r.openLine[:0], b[:i]...)
		return
	}
	r.lostReport(b)
}

// mend puts a line behind the beginning of a header that the last one ended in,
// if it goes on there.
func (r *Reader) mend(b []byte) []byte {
	head := r.cut
	r.cut = r.cut[:0]
	part := trimDecoration(b, r.openLine)
	n := 0
	for n < len(part) && isTypeByte(part[n]) {
		n++
	}
	if rest := part[n:]; len(rest) > 0 && !bytes.HasPrefix(rest, []byte(" msg=")) {
		return b
	}
	return slices.Concat(r.openLine, head, part)
}

// lostReport takes the kernel's message about records that it had no room for:
// "audit: audit_lost=12 audit_rate_limit=0 …", counted since boot.
func (r *Reader) lostReport(b []byte) {
	const word = "audit_lost="
	i := bytes.Index(b, []byte(word))
	if i < 0 {
		return
	}
	if n, end := digits(b, i+len(word)); end > i+len(word) {
		if n > r.kernelLost {
			r.stats.Lost += n - r.kernelLost
		}
		r.kernelLost = n
	}
}

// awaitsVector reports whether a record's text still lacks its "avc:".
func awaitsVector(t RecordType, text []byte) bool {
	return (t == TypeAVC || t == TypeUserAVC) && !bytes.Contains(text, avcWord) && bytes.IndexByte(text, '{') < 0
}

// awaitsOp is the same for a SELINUX_ERR record's first words.
func awaitsOp(t RecordType, text []byte) bool {
	return t == TypeSELinuxErr && !bytes.Contains(text, []byte("op=")) && !bytes.Contains(text, []byte("security_"))
}

// found takes the record at h in the line b, and those behind it in the same
// line.
func (r *Reader) found(h header, b []byte) {
	for {
		next, ok := r.glued(&h, b)
		end := b
		if ok {
			end = bytes.TrimRight(b[:next.start], " \t")
		}
		r.openLine = append(r.openLine[:0], h.prefix...)
		r.add(&h, end, r.provenance(&h))
		if !ok {
			return
		}
		next.prefix = nil
		h = next
	}
}

// glued finds a further record in the rest of a line, outside quotes. In an
// interpreted record, whose names have lost their quotes, only a record of the
// same event is taken for one: a name cannot know it beforehand.
func (r *Reader) glued(h *header, b []byte) (header, bool) {
	if h.body >= len(b) {
		return header{}, false
	}
	rest := b[h.body:]
	at := indexAudit(rest)
	second := -1
	if h.form == FormBare || h.form == FormJournal {
		if i := bytes.Index(rest, avcWord); i >= 0 {
			if j := bytes.Index(rest[i+4:], avcWord); j >= 0 {
				second = j
			}
		}
	}
	if at < 0 && second < 0 {
		return header{}, false
	}
	from := h.body
	if bytes.HasPrefix(rest, avcWord) {
		from += len(avcWord)
	}
	const most = 16 // of places that look like a record and are none
	for tries := 0; from < len(b) && tries < most; tries++ {
		next, ok := r.clock.sniff(b, from)
		if !ok || next.typ == TypeSELinuxErr && next.weak {
			return header{}, false
		}
		switch {
		case inQuotes(b[h.body:next.start]), h.form == FormInterpreted && next.id != h.id,
			next.weak && next.form == FormBare && awaitsVector(h.typ, b[h.body:next.start]):
			from = next.start + 4
		default:
			return next, true
		}
	}
	return header{}, false
}

// indexAudit finds "audit(". Parentheses are rarer than the letter a.
func indexAudit(b []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(b[i:], '(')
		if n < 0 {
			return -1
		}
		if i += n; i >= 5 && string(b[i-5:i]) == "audit" {
			return i - 5
		}
	}
}

// inQuotes reports whether the end of b lies inside quotes.
func inQuotes(b []byte) bool {
	double, message := false, false
	for i, c := range b {
		switch c {
		case '"':
			double = !double
		case '\'':
			if double {
				continue
			}
			if message {
				message = false
			} else if i >= 4 && string(b[i-4:i]) == "msg=" {
				message = true
			}
		}
	}
	return double || message
}

// provenance tells how far a record is to be trusted from what stood before it
// in its line.
func (r *Reader) provenance(h *header) Provenance {
	base := r.opts.Provenance
	if len(h.prefix) == 0 || base == ProvenanceText {
		return base
	}
	return min(base, linePrefix(h.prefix))
}

// linePrefix judges a log line by the program that it says it is from. Any
// local user can have a line say "kernel:" in syslog, and nobody else's words
// are a record at all.
func linePrefix(p []byte) Provenance {
	p = bytes.TrimRight(p, " \t")
	if len(p) == 0 {
		return ProvenanceFile
	}
	if p[len(p)-1] == ']' && p[0] == '[' || p[0] == '<' && bytes.HasSuffix(p, []byte("audit:")) {
		return ProvenanceSyslog // dmesg's time
	}
	p = bytes.TrimSuffix(p, []byte("audit:"))
	p = bytes.TrimRight(p, " \t")
	if len(p) == 0 || p[len(p)-1] == ']' {
		return ProvenanceSyslog
	}
	p = p[bytes.LastIndexByte(p, ' ')+1:]
	if i := bytes.IndexByte(p, '['); i >= 0 {
		p = p[:i]
	}
	switch string(bytes.TrimSuffix(p, []byte(":"))) {
	case "kernel", "audit", "auditd", "audispd", "audisp-syslog", "audisp-remote":
		return ProvenanceSyslog
	}
	return ProvenanceText
}

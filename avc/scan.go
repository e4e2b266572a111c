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
			flushed := r.flush()
			for flushed && r.opts.Workers > 1 && r.flush() { // for one job
			}
			return flushed
		}
		switch e := &c.entries[r.next]; {
		case e.kind == entryRecords:
			r.at = e.next
			r.next++
			r.records(r.next - 1)
		case e.kind == entryNoise && r.open == nil && !r.export.open && !r.pretty.open && len(r.cut) == 0:
			r.at = e.next
			r.next++
			r.lineNo += e.lines
			r.stats.Lines += e.lines
			r.soft, r.mail = false, false
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

// records takes records that stand each alone on a line.
func (r *Reader) records(entry int) {
	e := &r.cur.entries[entry]
	if r.addRun(entry) {
		last := r.cur.records[e.first+e.lines-1]
		r.openLine, r.cut, r.soft, r.width = r.openLine[:0], r.cut[:0], false, int(last.end-last.start)
		return
	}
	for _, rec := range r.cur.records[e.first : e.first+e.lines] {
		r.countLine()
		b := r.cur.text[rec.start:rec.end]
		if len(b) > r.opts.MaxRecord {
			r.line(b)
			continue
		}
		h := header{typ: rec.typ, form: e.form, id: e.id, node: e.node, body: int(rec.body - rec.start)}
		r.openLine, r.cut, r.soft, r.width = r.openLine[:0], r.cut[:0], false, len(b)
		r.add(&h, b, r.opts.Provenance)
	}
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
	if r.open != nil {
		r.open.expand()
	}
	follows := r.soft // this goes on where the last line ended
	r.before, r.width = r.width, len(b)
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
		if len(b) < len(dressed) && len(bytes.TrimSpace(b)) == 0 && len(bytes.TrimSpace(dressed)) > 0 {
			return // there was nothing but markup
		}
		if !ok && follows && r.extendSoft(b) {
			return
		}
		ok = ok && !r.isBody(&h, b)
		part := b
		if ok {
			part = b[:h.start]
		}
		if r.goesOn(part, ok) {
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

// isBody reports whether what looks like a record at h in b is the body of the one
// that is open.
func (r *Reader) isBody(h *header, b []byte) bool {
	rec := &r.open.recs[len(r.open.recs)-1]
	text := rec.text
	switch {
	case !h.weak:
		return false
	case h.form == FormBare && (awaitsVector(rec.typ, text) || awaitsOp(rec.typ, text)):
		return true
	case bytes.HasPrefix(b[h.start:], msgEq) && !bytes.Contains(text, auditP[:5]): // type=AVC |msg=audit(1.2:3):
		return true
	}
	// type=AVC msg=|audit(1.2:3):
	return bytes.HasSuffix(text, msgEq) && len(trimDecoration(b[:h.start], r.openLine)) == 0
}

// goesOn takes a line that the open record goes on in. last says that another
// record begins behind it.
func (r *Reader) goesOn(line []byte, last bool) bool {
	rec := &r.open.recs[len(r.open.recs)-1]
	text := rec.text
	if piece, ok := stringPiece(text, line, r.openLine); ok {
		return r.join(text[:len(text)-len(stringEnd(text, r.openLine))], piece)
	}
	part := trimDecoration(withoutPrefix(line, r.openLine, r.lineNo-rec.line), r.openLine)
	if bytes.IndexByte(r.openLine, '|') >= 0 {
		part = withoutBorder(part)
	}
	if r.soft && len(part) > 0 && bytes.HasSuffix(line, []byte(" ")) {
		part = append(slices.Clone(part), ' ')
	}
	vector := rec.typ == TypeAVC || rec.typ == TypeUserAVC
	incomplete := (vector || rec.typ == TypeSELinuxErr) && !has(text, "tclass")
	if len(part) == 0 && !last && incomplete && !r.gap && len(r.held) == 0 && (!vector || bytes.IndexByte(text, '}') >= 0) {
		r.gap = true // perhaps the lines are spaced
		return true
	}
	if incomplete {
		part = withoutBullet(part, text)
	}
	if r.gap {
		r.gap = false
		if first, _ := firstWord(part); !leadsOnSpaced(first, text) {
			return false
		}
	}
	if len(r.held) > 0 {
		held := slices.Clone(r.held)
		r.held = r.held[:0]
		if first, _ := firstWord(part); isNextField(first, text) && isValueFragment(text, held, r.even) {
			if !r.extend(text, held, false) {
				return false
			}
			text = r.open.recs[len(r.open.recs)-1].text
		} else {
			part = slices.Concat(held, part)
		}
	}
	if n := len(bytes.TrimRight(text, " \t")); n > 0 && text[n-1] == '\\' && len(part) > 0 {
		return r.afterBackslash(rec.typ, text[:n-1], part, isIndented(line))
	}
	blank, goes := continues(rec.typ, text, part)
	switch {
	case goes:
		return r.extend(text, part, blank)
	case !last && incomplete && isFragment(text, part, r.width == r.before):
		r.held, r.even = append(r.held[:0], part...), r.width == r.before
		return true
	}
	return false
}

// withoutBorder takes away the last border of a table's line.
func withoutBorder(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimRight(b, " \t"), []byte(" |"))
}

// afterBackslash joins what a backslash at the line's end parted, as a shell
// does: only what stood there parts the words, before it or as indentation.
func (r *Reader) afterBackslash(typ RecordType, text, part []byte, indented bool) bool {
	cut := bytes.TrimRight(text, " \t")
	blank := len(cut) < len(text)
	if between, goes := continues(typ, cut, part); goes && between || !blank && indented && !goes {
		blank = true
	}
	return r.extend(cut, part, blank)
}

func isIndented(line []byte) bool { return len(line) > 0 && (line[0] == ' ' || line[0] == '\t') }

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
	if rest := part[n:]; len(rest) > 0 && !bytes.HasPrefix(rest, []byte(" msg=")) && bytes.IndexByte(head, ' ') < 0 {
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
		if bytes.IndexByte(h.prefix, '|') >= 0 {
			end = withoutBorder(end)
		}
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

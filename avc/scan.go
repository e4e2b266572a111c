package avc

import (
	"bytes"
	"io"
)

const firstBuffer = 256 << 10

// step reads one line, or skips lines that can hold no record. It returns false
// when the input is at its end and nothing is pending.
func (r *Reader) step() bool {
	for {
		if r.open == nil && !r.export.open {
			r.skip()
		}
		if b, ok := r.readLine(); ok {
			r.lineNo++
			r.stats.Lines++
			if r.skipping {
				r.tooLong(b)
			} else {
				r.line(b)
			}
			return true
		}
		switch {
		case r.eof:
			r.endExport()
			r.open = nil
			return r.flush()
		case r.from != nil:
			r.receive()
			if r.head < len(r.results) {
				return true
			}
		default:
			r.fill()
		}
	}
}

// readLine returns the next line in the buffer without its end, or false if
// none is there in full. A line that is longer than MaxRecord is cut, and what
// follows of it is skipped.
func (r *Reader) readLine() ([]byte, bool) {
	for {
		from := r.start + r.searched
		n := bytes.IndexByte(r.buf[from:r.end], '\n')
		if n >= 0 {
			b := r.buf[r.start : from+n]
			r.consume(len(b) + 1)
			if r.skipping {
				r.skipping = false
				continue
			}
			return trimCR(b), true
		}
		b := r.buf[r.start:r.end]
		switch {
		case len(b) > r.opts.MaxRecord:
			r.consume(len(b))
			if !r.skipping {
				r.skipping = true
				return b[:r.opts.MaxRecord], true
			}
		case r.eof && len(b) > 0:
			r.consume(len(b))
			if !r.skipping {
				return trimCR(b), true
			}
		default:
			r.searched = len(b)
		}
		return nil, false
	}
}

// tooLong reports a line that was cut, if a record begins in it.
func (r *Reader) tooLong(b []byte) {
	r.open = nil
	if h, ok := r.clock.sniff(b, 0); ok {
		r.fail(r.lineNo, string(b[h.start:min(len(b), h.start+4096)]), ErrTooLong)
	}
}

func (r *Reader) consume(n int) {
	r.start += n
	r.searched = 0
	r.stats.Bytes += int64(n)
}

func trimCR(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}

// room makes room for n more bytes behind what is in the buffer.
func (r *Reader) room(n int) {
	if r.buf == nil {
		r.buf = make([]byte, max(n, firstBuffer))
	}
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	r.anchors = anchors{}
	if size := len(r.buf); r.end+n > size {
		buf := make([]byte, max(2*size, r.end+n))
		copy(buf, r.buf[:r.end])
		r.buf = buf
	}
}

// fill reads more into the buffer.
func (r *Reader) fill() {
	const least = 4 << 10
	r.room(least)
	for tries := 0; ; tries++ {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if err != nil {
			r.eof = true
			if err != io.EOF {
				r.err = err
			}
			return
		}
		if n > 0 {
			return
		}
		if tries > 100 {
			r.eof, r.err = true, io.ErrNoProgress
			return
		}
	}
}

// anchors remembers, for each of the words that a line with a record must hold
// one of, where in the buffer it stands next: 1 + the position, 0 if that has
// not been looked for.
type anchors [7]int

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
	}
	return "security_"
}

// skip passes over whole lines in which no record can begin.
func (r *Reader) skip() {
	next := r.end
	for i := range r.anchors {
		at := r.anchors[i] - 1
		if at < r.start {
			n := bytes.Index(r.buf[r.start:r.end], []byte(anchor(i)))
			if n < 0 {
				n = r.end - r.start
			}
			at = r.start + n
			r.anchors[i] = at + 1
		}
		next = min(next, at)
	}
	n := bytes.LastIndexByte(r.buf[r.start:next], '\n') + 1
	if n == 0 {
		return
	}
	if r.skipping {
		r.skipping = false
		r.lineNo--
		r.stats.Lines--
	}
	lines := bytes.Count(r.buf[r.start:r.start+n], []byte{'\n'})
	r.lineNo += lines
	r.stats.Lines += lines
	r.consume(n)
}

// line takes one line.
func (r *Reader) line(b []byte) {
	if len(b) > 5 && (b[0] == 't' && string(b[:5]) == "type=" || b[0] == 'n' && string(b[:5]) == "node=") {
		if h, ok := r.clock.parseHeader(b, 0); ok && h.id.ok {
			r.found(h, b)
			return
		}
	}
	if r.export.open || bytes.HasPrefix(b, []byte("__CURSOR=")) {
		r.exportLine(b)
		return
	}
	if j := bytes.TrimPrefix(bytes.TrimPrefix(b, []byte("data: ")), []byte{0x1e}); len(j) > 1 && j[0] == '{' &&
		(j[1] == '"' || j[1] == ' ') && r.jsonLine(j) {
		return
	}
	if nbsp := []byte("\u00a0"); bytes.Contains(b, nbsp) {
		b = bytes.ReplaceAll(b, nbsp, []byte{' '})
	}
	h, ok := r.clock.sniff(b, 0)
	if r.open != nil {
		rec := &r.open.recs[len(r.open.recs)-1]
		text := r.open.text[rec.off:rec.end]
		if ok && h.weak && h.form == FormBare && (awaitsVector(rec.typ, text) || awaitsOp(rec.typ, text)) {
			ok = false // this is the body of the record that is open
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
	r.lostReport(b)
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

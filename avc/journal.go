package avc

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strconv"
)

// journalEntry is what counts in an entry of the journal. Fields that begin
// with an underscore are journald's own; a client cannot set them.
type journalEntry struct {
	Message    []byte
	Transport  string
	Identifier string
	Hostname   string
	AuditType  string
	AuditID    string
	SourceTime string // microseconds since the epoch
}

// set takes a field. Only the first of a name counts.
func (j *journalEntry) set(name string, value []byte) {
	to := (*string)(nil)
	switch name {
	case "MESSAGE":
		if j.Message == nil {
			j.Message = append([]byte{}, value...)
		}
		return
	case "_TRANSPORT":
		to = &j.Transport
	case "SYSLOG_IDENTIFIER":
		to = &j.Identifier
	case "_HOSTNAME":
		to = &j.Hostname
	case "_AUDIT_TYPE":
		to = &j.AuditType
	case "_AUDIT_ID":
		to = &j.AuditID
	case "_SOURCE_REALTIME_TIMESTAMP":
		to = &j.SourceTime
	default:
		return
	}
	if *to == "" {
		*to = string(value)
	}
}

// entry takes the record in a journal entry, if there is one.
func (r *Reader) entry(j *journalEntry, form Form, line int) {
	r.open = nil
	if len(j.Message) == 0 {
		return
	}
	now := r.lineNo
	r.lineNo = line
	defer func() { r.lineNo, r.open = now, nil }()
	msg := trimNewlines(j.Message)
	if j.Transport == "audit" {
		h := header{form: form, node: []byte(j.Hostname)}
		typ, ok := parseRecordType([]byte(j.AuditType))
		if !ok {
			return
		}
		h.typ = typ
		us, err1 := strconv.ParseInt(j.SourceTime, 10, 64)
		serial, err2 := strconv.ParseUint(j.AuditID, 10, 64)
		if err1 == nil && err2 == nil && us >= 0 && us/1e6 <= lastSecond {
			h.id = stamp{us / 1000, serial, true}
		}
		h.body = skipSpaces(msg, max(0, bytes.IndexByte(msg, ' '))) // AVC avc: …, <audit-1334> …
		r.add(&h, msg, min(r.opts.Provenance, ProvenanceFile))
		return
	}
	h, ok := r.clock.sniff(msg, 0)
	if !ok {
		return
	}
	if len(h.node) == 0 {
		h.node = []byte(j.Hostname)
	}
	if h.form != FormInterpreted {
		h.form = form
	}
	prov := ProvenanceText
	if j.Transport == "kernel" && j.Identifier == "kernel" {
		prov = ProvenanceFile
	}
	r.add(&h, msg, min(r.opts.Provenance, prov))
}

// trimNewlines makes one line of a message.
func trimNewlines(b []byte) []byte {
	b = bytes.TrimRight(b, "\r\n")
	if bytes.IndexByte(b, '\n') >= 0 {
		b = bytes.ReplaceAll(b, []byte{'\n'}, []byte{' '})
	}
	return b
}

// jsonLine takes an entry of journalctl -o json, json-sse or json-seq.
func (r *Reader) jsonLine(b []byte) bool {
	if !bytes.Contains(b, []byte(`"MESSAGE"`)) {
		return false
	}
	if !bytes.Contains(b, []byte("avc:")) && !bytes.Contains(b, []byte("audit")) {
		r.open = nil
		return true
	}
	j, ok := parseJournalJSON(b)
	if !ok {
		return false
	}
	r.entry(j, FormJournalJSON, r.lineNo)
	return true
}

func parseJournalJSON(b []byte) (*journalEntry, bool) {
	var fields struct {
		Message    json.RawMessage `json:"MESSAGE"`
		Transport  json.RawMessage `json:"_TRANSPORT"`
		Identifier json.RawMessage `json:"SYSLOG_IDENTIFIER"`
		Hostname   json.RawMessage `json:"_HOSTNAME"`
		AuditType  json.RawMessage `json:"_AUDIT_TYPE"`
		AuditID    json.RawMessage `json:"_AUDIT_ID"`
		SourceTime json.RawMessage `json:"_SOURCE_REALTIME_TIMESTAMP"`
	}
	if json.Unmarshal(b, &fields) != nil {
		return nil, false
	}
	j := new(journalEntry)
	for _, f := range [...]struct {
		name string
		raw  json.RawMessage
	}{
		{"MESSAGE", fields.Message}, {"_TRANSPORT", fields.Transport}, {"SYSLOG_IDENTIFIER", fields.Identifier},
		{"_HOSTNAME", fields.Hostname}, {"_AUDIT_TYPE", fields.AuditType}, {"_AUDIT_ID", fields.AuditID},
		{"_SOURCE_REALTIME_TIMESTAMP", fields.SourceTime},
	} {
		if v := journalValue(f.raw); v != nil {
			j.set(f.name, v)
		}
	}
	return j, true
}

// journalValue reads a value: a string, the bytes of one that is no UTF-8, or
// an array of either, of which the first counts.
func journalValue(raw json.RawMessage) []byte {
	var s string
	if json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
		return []byte(s)
	}
	var numbers []uint16
	if json.Unmarshal(raw, &numbers) == nil && len(numbers) > 0 {
		b := make([]byte, 0, len(numbers))
		for _, n := range numbers {
			if n > 255 {
				return nil
			}
			b = append(b, byte(n))
		}
		return b
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 && len(list[0]) > 0 && list[0][0] == '"' {
		return journalValue(list[0])
	}
	return nil
}

// exportEntry is an entry of journalctl -o export while it is read: lines of
// NAME=value, and for values that are not plain text the NAME alone, then their
// length as 8 bytes (little-endian), the bytes and a newline. A blank line ends
// it.
type exportEntry struct {
	open  bool
	line  int
	entry journalEntry
}

func (r *Reader) exportLine(b []byte) {
	if !r.export.open {
		r.export = exportEntry{open: true, line: r.lineNo}
		r.open = nil
	}
	if len(b) == 0 {
		r.endExport()
		return
	}
	if i := bytes.IndexByte(b, '='); i > 0 && isFieldName(b[:i]) {
		r.export.entry.set(string(b[:i]), b[i+1:])
		return
	}
	if !isFieldName(b) {
		r.export = exportEntry{} // this is no export after all
		return
	}
	name := string(b)
	size, ok := r.readExact(8)
	if !ok {
		return
	}
	n := binary.LittleEndian.Uint64(size)
	if n > uint64(r.opts.MaxRecord) {
		r.fail(r.lineNo, name, ErrTooLong)
		r.export = exportEntry{}
		return
	}
	if value, ok := r.readExact(int(n) + 1); ok {
		r.lineNo += bytes.Count(value, []byte{'\n'})
		r.export.entry.set(name, value[:n])
	}
}

func (r *Reader) endExport() {
	r.endPretty()
	if r.export.open {
		x := r.export
		r.export = exportEntry{}
		r.entry(&x.entry, FormJournalExport, x.line)
	}
}

// readExact takes n bytes from the input, whatever they are. They are good until
// the next call.
func (r *Reader) readExact(n int) ([]byte, bool) {
	r.exact = r.exact[:0]
	for {
		m := min(n-len(r.exact), len(r.cur.text)-r.at)
		r.exact = append(r.exact, r.cur.text[r.at:r.at+m]...)
		r.at += m
		if len(r.exact) == n {
			break
		}
		if !r.advance() || !r.export.open {
			return nil, false
		}
	}
	// What is left of an entry is lines that nobody has looked at.
	for ; r.next < len(r.cur.entries); r.next++ {
		e := &r.cur.entries[r.next]
		if e.next <= r.at {
			continue
		}
		if e.start < r.at {
			*e = entry{start: r.at, next: e.next}
		}
		break
	}
	return r.exact, true
}

// prettyEntry is an entry of journalctl -o json-pretty while it is read: an object
// over several lines, from "{" to "}".
type prettyEntry struct {
	open bool
	line int
	text []byte
}

func (r *Reader) prettyLine(b []byte) {
	p := &r.pretty
	switch {
	case !p.open:
		*p = prettyEntry{open: true, line: r.lineNo, text: append(p.text[:0], '{')}
		return
	case len(p.text)+len(b) < r.opts.MaxRecord && string(b) != "{":
		p.text = append(append(p.text, '\n'), b...)
		if string(b) == "}" {
			r.endPretty()
		}
		return
	}
	r.endPretty()
	r.line(b)
}

// endPretty takes the entry, or, if it is none of the journal's, its lines.
func (r *Reader) endPretty() {
	if !r.pretty.open {
		return
	}
	r.pretty.open = false
	text, line := r.pretty.text, r.pretty.line
	if j, ok := parseJournalJSON(text); ok && len(j.Message) > 0 {
		r.entry(j, FormJournalJSON, line)
		return
	}
	now := r.lineNo
	for i, b := range bytes.Split(text, []byte{'\n'}) {
		if r.lineNo = line + i; i > 0 {
			r.line(b)
		}
	}
	r.lineNo = now
	r.corr.own(nil) // the text is used again
}

// isFieldName reports whether b can be the name of a journal field.
func isFieldName(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != '_' && (c < '0' || c > '9') {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 64
}

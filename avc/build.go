package avc

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// built is an event with room for what most events hold, so that one
// allocation serves.
type built struct {
	Event
	denials [1]*Denial
	denial  Denial
	paths   [1]PathItem
	call    Syscall
	used    bool
}

// builder makes events of records that were brought together. A Reader with
// workers has several of them.
type builder struct {
	parse parser
	clock clock
	keep  bool // Options.KeepRecords
	// The memory for the next events: parts of all their records, their text, and
	// themselves.
	parts []part
	next  int // of parts
	text  strings.Builder
	block []built
	out   []result
}

// part is what is taken of a record for its event: the first bytes as text, and
// for the rest what it is known to say.
type part struct {
	bytes int
	call  *Syscall
	item  *PathItem
	title *[]string
}

// part decides what is taken of a record.
func (r *builder) part(raw *rawRecord) part {
	all := part{bytes: len(raw.text)}
	if r.keep || raw.lines > 1 || raw.form != FormAudit {
		return all
	}
	body := raw.text[min(raw.body, len(raw.text)):]
	switch raw.typ {
	case TypeSyscall:
		const least = len("arch=c000003e syscall=0 success=no exit=0 a0=0 a1=0 a2=0 a3=0 items=0") // is before it
		if len(body) < least {
			break
		}
		if i := bytes.Index(body[least:], []byte(" auid=")); i >= 0 {
			i += least
			if c := r.parse.calls.find(body[i:], r.parse.callTail); c != nil {
				return part{bytes: len(raw.text) - len(body) + i, call: c}
			}
		}
	case TypePath:
		if i := bytes.Index(body, []byte(" dev=")); i >= 0 {
			if it := r.parse.items.find(body[i:], r.parse.itemTail); it != nil {
				return part{bytes: len(raw.text) - len(body) + i, item: it}
			}
		}
	case TypeProctitle:
		if l := r.parse.titles.find(body, readTitle); l != nil {
			return part{title: l}
		}
	}
	return all
}

// maxBlock is how many events of an input that is read ahead share their memory:
// the allocator and the garbage collector would else be most of the work.
const maxBlock = 16

// buildAll appends what comes of the items to the results, in their order.
func (r *builder) buildAll(items []item) {
	for i, left := 0, 0; i < len(items); i++ {
		p := items[i].pending
		if p == nil {
			r.out = append(r.out, items[i].failed)
			continue
		}
		if left == 0 {
			left = r.allocate(items[i:])
		}
		left--
		r.build(p)
	}
}

// allocate makes room for the first events of items.
func (r *builder) allocate(items []item) (n int) {
	size := 0
	r.parts, r.next = r.parts[:0], 0
	for _, it := range items {
		if it.pending == nil {
			continue
		}
		size += r.split(it.pending)
		if n++; n == maxBlock {
			break
		}
	}
	r.block = make([]built, n)
	r.text.Reset()
	r.text.Grow(size)
	return n
}

// split decides what is taken of each of the event's records, and returns how
// much text that is.
func (r *builder) split(p *pending) (size int) {
	for i := range p.recs {
		part := r.part(&p.recs[i])
		r.parts = append(r.parts, part)
		size += part.bytes
	}
	return size
}

// buildOne is buildAll for an event that is given out by itself.
func (r *builder) buildOne(p *pending) {
	r.allocate([]item{{pending: p}})
	r.build(p)
}

// build appends the event of p to the results, and before it an error for each
// of its records that cannot be read. If nothing is left that SELinux has to do
// with there is no event.
func (r *builder) build(p *pending) {
	parts := r.parts[r.next : r.next+len(p.recs)]
	r.next += len(p.recs)
	begin := r.text.Len()
	for i := range p.recs {
		r.text.Write(p.recs[i].text[:parts[i].bytes])
	}
	text := r.text.String()[begin:]
	b := &r.block[0]
	r.block = r.block[1:]
	e := &b.Event
	e.Denials, e.Paths = b.denials[:0], b.paths[:0]
	if r.keep {
		e.Records = make([]Record, 0, len(p.recs))
	}
	e.Inferred = p.inferred
	e.ID.Node = p.node
	if p.id.ok {
		e.ID.Serial = p.id.serial
		if p.id.ms != 0 {
			e.ID.Time = time.UnixMilli(p.id.ms).In(r.clock.loc)
		}
	}
	for i := range p.recs {
		raw, part := &p.recs[i], &parts[i]
		rec := Record{Type: raw.typ, Line: raw.line, Text: text[:part.bytes], body: raw.body}
		text = text[part.bytes:]
		if raw.lines > 1 { // joined: the header may have been cut
			if h, ok := r.clock.parseHeader([]byte(rec.Text), 0); ok {
				rec.body, raw.form = h.body, h.form
			}
		}
		rec.body = min(rec.body, len(rec.Text))
		if r.keep {
			e.Records = append(e.Records, rec)
		}
		if r.quick(b, raw, part, &rec) {
			continue
		}
		if err := r.record(b, raw, &rec); err != nil {
			r.out = append(r.out, result{err: newParseError(raw.file, raw.line, rec.Text, err)})
		}
	}
	if len(e.Denials)+len(e.Failures)+len(e.Changes)+len(e.Foreign) == 0 {
		return
	}
	e.finish()
	r.out = append(r.out, result{event: e})
}

// quick adds a record whose end is known.
func (r *builder) quick(b *built, raw *rawRecord, part *part, rec *Record) bool {
	e := &b.Event
	switch {
	case part.call != nil:
		b.call = *part.call
		if !b.call.head(rec.Body()) {
			rec.Text = string(raw.text)
			return false
		}
		r.parse.finishCall(&b.call)
		e.Syscall = &b.call
	case part.item != nil:
		if len(e.Paths) == maxPaths {
			return true
		}
		it := *part.item
		if !it.head(rec.Body()) {
			rec.Text = string(raw.text)
			return false
		}
		e.Paths = append(e.Paths, it)
	case part.title != nil:
		if e.Cmdline == nil {
			e.Cmdline = *part.title
		}
	default:
		return false
	}
	return true
}

func (raw *rawRecord) origin(e *Event, rec *Record) Origin {
	return Origin{
		ID: e.ID, Type: raw.typ, Form: raw.form, Provenance: raw.provenance, File: raw.file,
		Line: raw.line, Lines: raw.lines, Text: rec.Text,
	}
}

// record adds one record to an event.
func (r *builder) record(b *built, raw *rawRecord, rec *Record) error {
	e, interp := &b.Event, raw.form == FormInterpreted
	s := undress(rec.Body(), interp)
	switch rec.Type {
	case TypeSyscall:
		b.call = Syscall{} // of two records the later counts
		e.Syscall = r.parse.syscall(&b.call, s, interp)
		return nil
	case TypePath:
		if len(e.Paths) < maxPaths {
			e.Paths = append(e.Paths, r.parse.pathItem(s, interp))
		}
		return nil
	case TypeCwd:
		e.Cwd = cwd(s, interp)
		return nil
	case TypeProctitle:
		if e.Cmdline == nil {
			e.Cmdline = proctitle(s, interp)
		}
		return nil
	case TypeExecve:
		if !e.executed {
			e.executed, e.Cmdline = true, nil
		}
		e.Cmdline = execve(e.Cmdline, s, interp)
		return nil
	case TypeSockaddr:
		e.Sockaddr = r.parse.sockaddr(s, interp)
		return nil
	case TypeSELinuxErr, TypeUserSELinuxErr:
		x := &Failure{Origin: raw.origin(e, rec)}
		if err := r.parse.failure(x, s, interp); err != nil {
			return err
		}
		e.Failures = append(e.Failures, x)
		return nil
	case TypeMACPolicyLoad, TypeMACStatus, TypeMACConfigChange, TypeUserMACPolicyLoad,
		TypeUserMACConfigChange, TypeUserMACStatus:
		x := &Change{Origin: raw.origin(e, rec)}
		r.parse.change(x, s, interp)
		e.Changes = append(e.Changes, x)
		return nil
	case TypeAVCPath:
		r.avcPath(e, s, interp)
		return nil
	}
	if m := foreignModule(rec.Type, s); m != "" {
		x := &Foreign{Origin: raw.origin(e, rec), Module: m}
		r.parse.foreign(x, s)
		e.Foreign = append(e.Foreign, x)
		return nil
	}
	if rec.Type != TypeAVC && rec.Type != TypeUserAVC {
		return nil
	}
	n := len(e.Denials)
	err := r.accessVector(b, raw, rec, s, interp)
	if raw.provenance >= ProvenanceFile || err == nil && (len(e.Denials) == n || e.Denials[n].sound()) {
		return err
	}
	if r.tidied(b, raw, rec, s, interp) {
		return nil
	}
	if err != nil && raw.form == FormBare && strings.IndexByte(s, '{') < 0 {
		return nil // somebody's words about a record
	}
	return err
}

// accessVector reads an AVC or USER_AVC record's body.
func (r *builder) accessVector(b *built, raw *rawRecord, rec *Record, s string, interp bool) error {
	if rec.Type == TypeUserAVC {
		return r.userRecord(b, raw, rec, s, interp)
	}
	return r.vector(b, raw, rec, s, interp)
}

// tidied reads a record again, that could not be read or lacks something, with
// what its writer did to it put right. It counts only if then nothing is missing.
func (r *builder) tidied(b *built, raw *rawRecord, rec *Record, s string, interp bool) bool {
	e := &b.Event
	text := tidy(s, interp)
	if raw.lines > 1 {
		text = firstOf(text)
	}
	if text == s {
		return false
	}
	again := *rec
	again.Text = rec.Text[:rec.body] + text
	var other built
	other.ID = e.ID
	if r.accessVector(&other, raw, &again, undress(text, interp), interp) != nil || len(other.Event.Denials) != 1 {
		return false
	}
	d := other.Event.Denials[0]
	if !d.sound() {
		return false
	}
	if n := len(e.Denials); n > 0 && e.Denials[n-1].Line == d.Line && e.Denials[n-1].Text == rec.Text {
		e.Denials = e.Denials[:n-1]
	}
	e.Denials = append(e.Denials, d)
	return true
}

// maxPaths bounds the PATH records of an event; rename of two has five.
const maxPaths = 64

// sepgsql begins the records that PostgreSQL's module writes in the place of
// "avc: ".
const sepgsql = "SELinux: "

// vector reads an AVC record's body, which begins with avc:.
func (r *builder) vector(b *built, raw *rawRecord, rec *Record, s string, interp bool) error {
	e := &b.Event
	at := 0
	if !strings.HasPrefix(s, "avc:") {
		at = strings.Index(s, "avc:")
	}
	if at < 0 && strings.HasPrefix(s, sepgsql) {
		at = len(sepgsql) - len("avc:")
	}
	if at < 0 && beginsVerdict([]byte(s), "denied") && strings.IndexByte(s, '{') > 0 { // somebody shortened it
		at = -len("avc:")
	}
	if at < 0 && at != -len("avc:") {
		if s == "" {
			return ErrTruncated
		}
		return &fieldError{"avc:", ErrSyntax}
	}
	if at > 0 && strings.Contains(s[:at], "msg='") {
		return r.userRecord(b, raw, rec, s, interp)
	}
	if at > 0 && b.ID.Serial != 0 && strings.TrimSpace(s[:at]) != "" { // then it stands in somebody's text
		return &fieldError{"avc:", ErrSyntax}
	}
	d := b.newDenial()
	d.Origin = raw.origin(e, rec)
	if err := r.parse.denial(d, s[at+len("avc:"):], interp); err != nil {
		b.dropDenial(d)
		return err
	}
	e.Denials = append(e.Denials, d)
	return nil
}

// userRecord reads a USER_AVC: a vector, or a notice.
func (r *builder) userRecord(b *built, raw *rawRecord, rec *Record, s string, interp bool) error {
	e := &b.Event
	outer, inner, ok := splitMsg(s)
	if !ok {
		inner = outer
	}
	at := strings.Index(inner, "avc:")
	if at < 0 {
		if m := foreignModule(rec.Type, strings.TrimSpace(inner)); m != "" {
			x := &Foreign{Origin: raw.origin(e, rec), Module: m}
			r.parse.foreign(x, inner)
			e.Foreign = append(e.Foreign, x)
			return nil
		}
		if !ok {
			return ErrTruncated
		}
		return &fieldError{"avc:", ErrSyntax}
	}
	if !ok {
		outer, inner = inner[:at], inner[at:]
		at = 0
	}
	body := strings.TrimLeft(inner[at+len("avc:"):], " \t")
	if strings.HasPrefix(body, "received") || strings.HasPrefix(body, "op=") {
		x := &Change{Origin: raw.origin(e, rec)}
		x.Provenance = min(x.Provenance, ProvenanceObjectManager)
		r.parse.changeFields(x, outer, interp, false)
		r.parse.notice(x, inner[at:], interp)
		e.Changes = append(e.Changes, x)
		return nil
	}
	d := b.newDenial()
	d.Origin = raw.origin(e, rec)
	d.Type = TypeUserAVC
	if err := r.parse.userVector(d, outer, body, interp); err != nil {
		b.dropDenial(d)
		return err
	}
	e.Denials = append(e.Denials, d)
	return nil
}

func (b *built) newDenial() *Denial {
	if !b.used {
		b.used = true
		return &b.denial
	}
	return new(Denial)
}

func (b *built) dropDenial(d *Denial) {
	if d == &b.denial {
		b.denial, b.used = Denial{}, false
	}
}

// avcPath takes the path of an AVC_PATH record (kernels before 2.6.28), which
// belongs to the vector before it.
func (r *builder) avcPath(e *Event, s string, interp bool) {
	val, kind, ok := rest(s, "path", interp)
	if !ok {
		return
	}
	p := literal(val, kind, interp)
	for i := len(e.Denials) - 1; i >= 0; i-- {
		if d := e.Denials[i]; d.Path == "" {
			d.Path = p
			return
		}
	}
	e.orphanPath = p
}

// finish tells the denials what the other records know.
func (e *Event) finish() {
	// ausearch writes the records of an event in reverse.
	if len(e.Paths) > 1 {
		slices.SortStableFunc(e.Paths, func(a, b PathItem) int { return a.Item - b.Item })
	}
	for _, d := range e.Denials {
		if e.orphanPath != "" && d.Path == "" && d.Manager == nil {
			d.Path = e.orphanPath
		}
		if d.Manager == nil {
			e.context(d)
		}
		e.locate(d)
	}
}

func (e *Event) context(d *Denial) {
	d.Syscall, d.Cwd, d.Cmdline, d.Sockaddr = e.Syscall, e.Cwd, e.Cmdline, e.Sockaddr
	c := e.Syscall
	if c == nil {
		return
	}
	if d.Exe == "" {
		d.Exe = c.Exe
	}
	if d.Comm == "" {
		d.Comm = c.Comm
	}
	if d.Pid == 0 {
		d.Pid = c.Pid
	}
	if d.AUID.IsZero() {
		d.AUID = c.AUID
	}
	if d.UID.IsZero() {
		d.UID = c.UID
	}
}

package avc

import (
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
	reuse bool // Options.Reuse
	texts texts
	// blocks are the memory for events, of which those before block are used
	// up, and of that one those before next. Without reuse there is one block.
	blocks      [][]built
	block, next int
	out         []result
}

// maxBlock is how many events of an input that is read ahead share their memory:
// the allocator and the garbage collector would else be most of the work. Of
// blocks that are used again maxBlocks are kept.
const (
	maxBlock  = 16
	maxBlocks = 256
)

func newBuilder(opts *Options, textSize int) *builder {
	return &builder{keep: opts.KeepRecords, reuse: opts.Reuse, texts: texts{size: textSize}}
}

// rewind forgets the results, and with reuse makes the memory of all events free
// again.
func (r *builder) rewind() {
	clear(r.out)
	r.out = r.out[:0]
	if !r.reuse {
		return
	}
	r.block, r.next = 0, 0
	if len(r.blocks) > maxBlocks {
		clear(r.blocks[maxBlocks:])
		r.blocks = r.blocks[:maxBlocks]
	}
}

// room returns memory for an event, the first of so many. Who keeps it counts
// next up.
func (r *builder) room(events int) *built {
	if r.block < len(r.blocks) && r.next == len(r.blocks[r.block]) {
		r.block, r.next = r.block+1, 0
	}
	if r.block == len(r.blocks) {
		if !r.reuse {
			r.blocks, r.block = r.blocks[:0], 0
		}
		r.blocks = append(r.blocks, make([]built, min(events, maxBlock)))
	}
	b := &r.blocks[r.block][r.next]
	if r.reuse {
		const few = 8
		paths := b.Paths[:0]
		*b = built{}
		if cap(paths) <= few {
			b.Paths = paths
		}
	}
	return b
}

// buildAll appends what comes of the items to the results, in their order.
func (r *builder) buildAll(items []item) {
	for i := range items {
		if p := items[i].pending; p != nil {
			r.build(p, len(items)-i)
		} else {
			r.out = append(r.out, items[i].failed)
		}
	}
}

// build appends the event of p, the first of so many, to the results, and before
// it an error for each of its records that cannot be read. If nothing is left
// that SELinux has to do with there is no event.
func (r *builder) build(p *pending, events int) {
	b := r.room(events)
	e := &b.Event
	e.Denials = b.denials[:0]
	if e.Paths == nil {
		e.Paths = b.paths[:0]
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
		r.addRecord(b, &p.recs[i])
	}
	for i := range p.runs {
		run := &p.runs[i]
		in := &run.chunk.entries[run.entry]
		for k := range in.lines {
			raw := run.raw(in, k)
			r.addRecord(b, &raw)
		}
	}
	if len(e.Denials)+len(e.Failures)+len(e.Changes)+len(e.Foreign) == 0 {
		*b = built{}
		return
	}
	r.next++
	e.finish()
	r.out = append(r.out, result{event: e})
}

// addRecord adds a record to an event. If it cannot be read that is a result.
func (r *builder) addRecord(b *built, raw *rawRecord) {
	if !r.keep && raw.lines == 1 && raw.form == FormAudit && r.quick(b, raw) {
		return
	}
	rec := Record{Type: raw.typ, Line: raw.line, Text: r.texts.add(raw.text), body: raw.body}
	if raw.lines > 1 { // joined: the header may have been cut
		if h, ok := r.clock.parseHeader([]byte(rec.Text), 0); ok {
			rec.body, raw.form = h.body, h.form
		}
	}
	rec.body = min(rec.body, len(rec.Text))
	if r.keep {
		b.Records = append(b.Records, rec)
	}
	if err := r.record(b, raw, &rec); err != nil {
		r.out = append(r.out, result{err: newParseError(raw.file, raw.line, rec.Text, err)})
	}
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
		if raw.provenance < ProvenanceFile {
			b, _ := unmark([]byte(s), false, false)
			s = string(b)
		}
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
	body := trimBlanks(inner[at+len("avc:"):])
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

package avc

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"runtime"
	"slices"
	"time"
)

// Options are settings of a [Reader]. The zero value works.
type Options struct {
	// Name is what errors and denials call the input, such as a file's name.
	Name string
	// Provenance says how far the input as a whole is to be trusted. It is the
	// most that a denial from it gets: a line of syslog, or what an object
	// manager says, counts for less. Zero is ProvenanceText.
	Provenance Provenance
	// Location is where interpreted records (ausearch -i) were written, which
	// do not say their time zone; nil is UTC.
	Location *time.Location
	// Window is how many events are held while their records come in; a record
	// that comes after as many newer events makes an event of its own. 0 is 128.
	Window int
	// MaxRecord bounds the length of a line, and of a wrapped record, in bytes;
	// 0 is 256 KiB. MaxEvent bounds the text of one event; 0 is 1 MiB.
	MaxRecord int
	MaxEvent  int
	// Workers is how many goroutines share the work; negative is one for each
	// processor, up to 8. 0 is that for files, which are read ahead, and 1 for an input
	// that may still grow: with more than one, events come up to some thousands
	// of lines late. What comes out, and its order, is the same. A live Source
	// has always one.
	Workers int
	// KeepRecords keeps the records of an event as they stood in Event.Records.
	KeepRecords bool
	// Reuse gives events the memory of earlier ones, as ReuseRecord of
	// encoding/csv does: an event, its denials and what they point to are good
	// until the next call of Next, or the next turn of the loop. Their strings
	// stay as they are. To keep a denial, keep its Clone. On two cores it takes
	// nearly half of the time away (internal/bench: avc-parse-golibaudit and
	// its -kept).
	Reuse bool
}

// mostWorkers is how many make sense: what decides the order is done by one.
const mostWorkers = 8

const (
	defaultWindow    = 128
	defaultMaxRecord = 256 << 10
	defaultMaxEvent  = 1 << 20
)

// Stats counts what a [Reader] met.
type Stats struct {
	Bytes   int64 `json:"bytes"`
	Lines   int   `json:"lines"`
	Records int   `json:"records"` // audit records of all types
	Events  int   `json:"events"`  // given out
	Denials int   `json:"denials"`
	// Unread is how many records could not be read, by reason.
	Unread  int            `json:"unread"`
	Reasons map[string]int `json:"reasons,omitempty"`
	// Lost is how many records were lost before they came here, as far as a live
	// source can tell, or the kernel says so in its log (audit_lost=).
	Lost uint64 `json:"lost"`
}

// Reader finds the SELinux events in a stream of any form. Its methods must not
// be called from several goroutines at once.
type Reader struct {
	opts Options
	*builder
	corr    correlator
	stats   Stats
	results []result
	head    int // of results
	workers workers

	src        io.Reader
	from       *sourceState // instead of src
	files      *Files       // the source, if it is one of files that have an end
	batch      bool         // the input is read ahead, not as it comes
	rest       []byte       // of the input: the beginning of the next chunk
	eof        bool
	err        error // what the input ended with, if not io.EOF
	skipping   bool  // inside a line that is too long
	fresh      bool  // rest begins another text, at first
	first      Piece
	cur        *chunk
	spare      *chunk // the one before it, which pending events may be in, or a new one
	next       int    // of cur: the next entry
	at         int    // of cur's text: what comes next
	lineNo     int
	kernelLost uint64 // what the kernel's log last said

	// open is the record that the next line may go on, with its event.
	open     *pending
	openLine []byte // what stood before it in its line
	cut      []byte // the beginning of a header that the last line ended in
	held     []byte // a line that is a piece of a field, perhaps
	even     bool   // that line is as long as the one before it
	width    int    // how long the line is
	before   int    // how long the one before it was
	gap      bool   // the last line was blank, and its record goes on, perhaps
	soft     bool   // the last line's end was a mail's and not the record's
	mail     bool   // the last line was encoded as mails are
	page     bool   // the last line was the source of a web page
	export   exportEntry
	pretty   prettyEntry
	exact    []byte // what readExact gave
}

// result is what Next returns.
type result struct {
	event *Event
	err   error
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader, opts Options) *Reader {
	rd := &Reader{src: r}
	rd.init(opts)
	return rd
}

func (r *Reader) init(opts Options) {
	if opts.Window <= 0 {
		opts.Window = defaultWindow
	}
	if opts.MaxRecord <= 0 {
		opts.MaxRecord = defaultMaxRecord
	}
	if opts.MaxEvent <= 0 {
		opts.MaxEvent = defaultMaxEvent
	}
	file := r.files != nil || r.from == nil && isFile(r.src)
	switch {
	case r.from != nil && r.files == nil:
		opts.Workers = 1
	case opts.Workers < 0, opts.Workers == 0 && file:
		opts.Workers = min(runtime.GOMAXPROCS(0), mostWorkers)
	}
	r.batch = file || opts.Workers > 1
	r.opts = opts
	r.cur, r.spare = new(chunk), new(chunk)
	r.builder = newBuilder(&opts, smallText)
	if r.batch {
		r.texts.size = textBlock
	}
	r.clock.loc = opts.Location
	if r.clock.loc == nil {
		r.clock.loc = time.UTC
	}
	r.corr.init(opts.Window)
	r.stats.Reasons = make(map[string]int)
}

// isFile reports whether src is a file, at whose end there is nothing to wait
// for.
func isFile(src io.Reader) bool {
	f, ok := src.(fs.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// Next returns the next event. At the end of the input the error is [io.EOF]; a
// record that could not be read is a [*ParseError], after which Next goes on
// with what follows. Any other error is the input's and final.
func (r *Reader) Next() (*Event, error) {
	for {
		if r.head < len(r.results) {
			o := r.results[r.head]
			r.results[r.head] = result{}
			r.head++
			if r.head == len(r.results) {
				r.results, r.head = r.results[:0], 0
			}
			return o.event, o.err
		}
		r.rewind()
		switch {
		case r.step(), r.head < len(r.results), r.drain():
		case r.err != nil:
			return nil, r.err
		default:
			return nil, io.EOF
		}
	}
}

// Events returns the events to come, each with a nil error, and the errors of
// Next, each with a nil event. After an error that is no *ParseError it ends.
func (r *Reader) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			e, err := r.Next()
			if err == io.EOF || !yield(e, err) {
				return
			}
			var bad *ParseError
			if err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

// Denials returns the denials of the events to come, and errors as Events does.
// Granted accesses (auditallow) are among them, see [Denial.Verdict].
func (r *Reader) Denials() iter.Seq2[*Denial, error] {
	return func(yield func(*Denial, error) bool) {
		for e, err := range r.Events() {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			for _, d := range e.Denials {
				if !yield(d, nil) {
					return
				}
			}
		}
	}
}

// Stats returns what was met so far.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Reasons = maps.Clone(s.Reasons)
	return s
}

// ParseRecord reads one record, or the records of one event, from a text in any
// form. If there is none the error is [ErrNoRecord], if it cannot be read a
// [*ParseError]. Of several events the first is returned.
func ParseRecord(text string) (*Event, error) {
	r := &Reader{eof: true}
	r.init(Options{Workers: 1, KeepRecords: true, Window: 4, MaxRecord: len(text) + 1, MaxEvent: 2*len(text) + 64})
	r.cur.text = []byte(text)
	r.cur.index()
	r.take(r.cur)
	e, err := r.Next()
	if err == io.EOF {
		return nil, ErrNoRecord
	}
	return e, err
}

// fail reports a record that could not be read.
func (r *Reader) fail(line int, text string, err error) {
	o := result{err: newParseError(r.opts.Name, line, text, err)}
	if r.opts.Workers > 1 {
		r.cur.items = append(r.cur.items, item{failed: o})
		return
	}
	r.emit(o)
}

// emit hands results to Next.
func (r *Reader) emit(results ...result) {
	for _, o := range results {
		if o.event != nil {
			r.stats.Events++
			r.stats.Denials += len(o.event.Denials)
		} else {
			r.stats.Unread++
			r.stats.Reasons[reason(o.err).Error()]++
		}
		r.results = append(r.results, o)
	}
}

// flush gives out the oldest pending event. It returns false if there is none.
func (r *Reader) flush() bool {
	p := r.corr.pop()
	if p == nil {
		return false
	}
	if r.open == p {
		r.open = nil
	}
	switch {
	case !p.selinux:
		r.corr.release(p)
	case r.opts.Workers > 1:
		r.cur.items = append(r.cur.items, item{pending: p})
	default:
		n := len(r.out)
		r.build(p, 1)
		r.emit(r.out[n:]...)
		r.corr.release(p)
	}
	return true
}

// event returns the pending event that a record belongs to.
func (r *Reader) event(h *header) *pending {
	p := r.corr.find(h.id, h.node)
	if p == nil && adjacent(r.corr.last, h) {
		p = r.corr.last
		p.inferred = true
	}
	if p == nil {
		for r.corr.full() {
			r.flush()
		}
		p = r.corr.push(h.id, h.node)
		if r.from != nil && r.files == nil {
			p.born = r.from.now
		}
		if h.form == FormJournal && !h.id.ok {
			p.prefix = append(p.prefix[:0], h.prefix...)
		}
	}
	r.corr.last = p
	return p
}

// add takes a record: b from h.start on.
func (r *Reader) add(h *header, b []byte, prov Provenance) {
	r.stats.Records++
	p := r.event(h)
	p.expand()
	text := b[h.start:]
	if p.size+len(text) > r.opts.MaxEvent && len(p.recs) > 0 {
		r.fail(r.lineNo, string(text[:min(len(text), 200)]), ErrTooLong)
		r.open = nil
		return
	}
	p.size += len(text)
	r.corr.bytes += len(text)
	p.recs = append(p.recs, rawRecord{
		typ: h.typ, form: h.form, provenance: prov, text: text, body: h.body - h.start,
		line: r.lineNo, lines: 1, file: r.opts.Name,
	})
	if p.chunk == nil {
		p.chunk = r.cur
	}
	p.selinux = p.selinux || h.typ.selinux()
	r.open, r.held, r.gap = p, r.held[:0], false
}

// addRun takes the records of an entry of the current chunk. It returns false if
// there is one among them that may be too long.
func (r *Reader) addRun(entry int) bool {
	e := &r.cur.entries[entry]
	if e.size > r.opts.MaxRecord {
		return false
	}
	p := r.event(&header{form: e.form, id: e.id, node: e.node})
	if p.size+e.size > r.opts.MaxEvent {
		return false
	}
	p.runs = append(p.runs, run{r.cur, entry, r.lineNo + 1})
	if p.chunk == nil {
		p.chunk = r.cur
	}
	p.selinux = p.selinux || e.selinux
	p.size += e.size
	r.corr.bytes += e.size
	r.stats.Records += e.lines
	r.stats.Lines += e.lines
	r.lineNo += e.lines
	r.open, r.held, r.gap = p, r.held[:0], false
	return true
}

// maxLines bounds how many lines a record may be spread over.
const maxLines = 32

// extend appends a further line to the open record, whose text so far is text,
// and a blank between them if there is to be one.
func (r *Reader) extend(text, line []byte, blank bool) bool {
	text = bytes.TrimRight(text, " \t")
	if blank {
		return r.join(text, []byte{' '}, line)
	}
	return r.join(text, line)
}

// extendSoft appends what goes on just where the last line ended.
func (r *Reader) extendSoft(line []byte) bool {
	return r.join(r.open.recs[len(r.open.recs)-1].text, line)
}

// join makes the parts the text of the open record, of which the first is its
// text so far.
func (r *Reader) join(parts ...[]byte) bool {
	p := r.open
	rec := &p.recs[len(p.recs)-1]
	line := parts[len(parts)-1]
	if rec.lines >= maxLines || len(rec.text)+len(line) > r.opts.MaxRecord || p.size+len(line) > r.opts.MaxEvent {
		return false
	}
	before := len(rec.text)
	rec.text = slices.Concat(parts...)
	p.size += len(rec.text) - before
	r.corr.bytes += len(rec.text) - before
	rec.lines++
	if !p.id.ok {
		if h, ok := r.clock.parseHeader(rec.text, 0); ok && h.id.ok && r.corr.find(h.id, h.node) == nil {
			p.node = string(h.node)
			r.corr.rekey(p, h.id)
		}
	}
	return true
}

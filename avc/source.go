package avc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// Source is where records come from: files, the live kernel, or a fake in a
// test (package avctest). A [Reader] made by [NewSourceReader] turns what it
// gives into events.
type Source interface {
	// Receive waits for what comes next and returns it. The Piece's Text is good
	// until the next call. At the end of a source that has one the error is
	// io.EOF. Receive returns soon after ctx is done, with an error that wraps
	// ctx.Err(), and may then be called again.
	Receive(ctx context.Context) (Piece, error)
	// Close ends the source and releases what it holds.
	Close() error
}

// Piece is what a [Source] gives at one time.
type Piece struct {
	// Type is the type of the one record in Text, which then begins with
	// "audit(1.2:3): " as the kernel sends it. Where Type is 0, Text is text of
	// any form, cut anywhere.
	Type RecordType
	Text []byte
	// File names where the text is from, for errors and denials. When it
	// changes, lines count from 1 again.
	File string
	// Line is the number of the line at which Text begins, where the source
	// does not begin at the first line of File; 0 says that it goes on.
	Line int
	// Provenance is how far the text is to be trusted.
	Provenance Provenance
	// Lost counts what was lost before this piece.
	Lost uint64
}

// settle is how long a live event waits for further records: the kernel writes
// the records of an event within a system call.
const settle = 500 * time.Millisecond

// NewSourceReader returns a Reader of what src gives, until ctx is done: then
// the Reader gives out what it holds, and ctx's error. It does not close src.
//
// Of a live source, an event is given out when the kernel marks its end, or
// half a second after its first record.
func NewSourceReader(ctx context.Context, src Source, opts Options) *Reader {
	r := &Reader{from: &sourceState{ctx: ctx, src: src, base: opts.Provenance}}
	if f, ok := src.(*Files); ok && !f.opts.Follow {
		r.files = f
	}
	r.init(opts)
	return r
}

// sourceState is a Reader's source and how things stand with it.
type sourceState struct {
	ctx  context.Context
	src  Source
	base Provenance
	now  time.Time // when the last piece came
}

// receive takes the next piece. It returns false at the end.
func (r *Reader) receive() bool {
	s := r.from
	ctx := s.ctx
	if p := r.corr.oldest(); p != nil && !p.born.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, p.born.Add(settle))
		defer cancel()
	}
	piece, err := s.src.Receive(ctx)
	s.now = time.Now()
	r.stats.Lost += piece.Lost
	switch {
	case err == nil:
	case s.ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		r.open = nil
		r.flushSettled()
		return true
	default:
		r.eof = true
		if err != io.EOF {
			r.err = err
		}
		return false
	}
	if piece.File != "" && piece.File != r.opts.Name || piece.Type != 0 || piece.Line != 0 {
		r.endText()
		r.freshText(&piece)
	}
	r.opts.Provenance = max(s.base, piece.Provenance)
	if piece.Type != 0 {
		r.live(piece)
		return true
	}
	r.feed(piece.Text)
	return true
}

// endText takes what is left of a text as a line, because it ended.
func (r *Reader) endText() {
	b := r.rest
	r.rest = nil
	r.stats.Bytes += int64(len(b))
	if len(b) > 0 && !r.skipping {
		r.countLine()
		r.line(trimCR(b))
		r.corr.own(nil)
	}
	r.skipping = false
}

// live takes a record as the kernel sends it.
func (r *Reader) live(piece Piece) {
	b := bytes.TrimRight(piece.Text, "\x00\n")
	r.stats.Bytes += int64(len(b))
	h := header{typ: piece.Type, form: FormAudit}
	if !bytes.HasPrefix(b, auditP) {
		if piece.Type.selinux() {
			r.fail(0, string(b), ErrHeader)
		}
		return
	}
	id, _, end := r.clock.parseStamp(b, len(auditP))
	if !id.ok {
		if piece.Type.selinux() {
			r.fail(0, string(b), ErrHeader)
		}
		return
	}
	h.id, h.body = id, skipColon(b, end)
	line := r.lineNo
	r.lineNo = 0
	r.add(&h, b, r.opts.Provenance)
	r.corr.last.keep()
	r.lineNo, r.open = line, nil
	if p := r.corr.last; p != nil && h.typ == TypeEOE {
		p.done = true
	}
	r.flushSettled()
}

// flushSettled gives out the oldest events that have ended.
func (r *Reader) flushSettled() {
	for {
		p := r.corr.oldest()
		if p == nil || !p.done && (p.born.IsZero() || r.from.now.Sub(p.born) < settle) {
			return
		}
		r.flush()
	}
}

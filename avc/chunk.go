package avc

import (
	"bytes"
	"io"
)

// chunk is a part of the input on its way through the Reader: whole lines, the
// entries that they were found to be, and the events that ended in them.
type chunk struct {
	buf     []byte
	text    []byte // of buf: the lines
	entries []entry
	records []record      // of the entries
	indexed chan struct{} // closed when the entries are there; nil if they are
	// fresh says that another text begins here, at first.
	fresh bool
	first Piece
	// Where the text is from, and how far it is to be trusted.
	name       string
	provenance Provenance

	job
}

const (
	// chunkSize is how much of the input goes through the Reader together. Of an
	// input that is read as it comes it begins with smallChunk.
	chunkSize  = 256 << 10
	smallChunk = 16 << 10
	// leastRead is the least room that is left for a read.
	leastRead = 4 << 10
	// exportOverhead is what stands before the value in a line of the journal's
	// export form.
	exportOverhead = 16
)

// begin moves what is left of the last lines to the front of c.
func (r *Reader) begin(c *chunk) {
	n, size := len(r.rest), len(c.buf)
	switch {
	case r.batch:
		size = max(size, chunkSize)
	case size == 0:
		size = smallChunk
	case size < chunkSize && len(c.text)+n == size: // it was full
		size *= 2
	}
	if n+leastRead > size {
		size = 2 * (n + leastRead)
	}
	if size > len(c.buf) {
		buf := make([]byte, size)
		copy(buf, r.rest)
		c.buf = buf
	} else if n > 0 && &r.rest[0] != &c.buf[0] {
		copy(c.buf, r.rest)
	}
	r.rest = c.buf[:n]
	c.text, c.fresh, c.first = nil, r.fresh, r.first
	r.fresh = false
}

// lines cuts what is in c, n bytes more than the rest of the last lines, behind
// its last newline. It returns false if there is none.
func (r *Reader) lines(c *chunk, n int) bool {
	known := len(r.rest) // they hold no newline
	all := c.buf[:known+n]
	if r.skipping {
		i := bytes.IndexByte(all, '\n') + 1
		if i == 0 {
			i = len(all)
		} else {
			r.skipping = false
		}
		r.stats.Bytes += int64(i)
		all = c.buf[:copy(c.buf, all[i:])]
		known = 0
	}
	i := bytes.LastIndexByte(all[known:], '\n')
	switch {
	case i >= 0:
		c.text, r.rest = all[:known+i+1], all[known+i+1:]
		return true
	case len(all) > r.opts.MaxRecord+exportOverhead: // nobody needs the rest of this line
		c.text, r.rest, r.skipping = all, nil, true
		return true
	}
	r.rest = all
	return false
}

// load fills c with the next lines of the input: all that fit if it need not be
// read as it comes, else those that are there. It returns false at the end.
func (r *Reader) load(c *chunk) bool {
	r.begin(c)
	n := 0 // bytes behind the rest
	if c.fresh {
		n, r.rest = len(r.rest), r.rest[:0]
	}
	for !r.eof {
		if len(c.buf)-len(r.rest)-n < leastRead {
			buf := make([]byte, 2*len(c.buf))
			copy(buf, c.buf)
			c.buf, r.rest = buf, buf[:len(r.rest)]
		}
		for {
			room := c.buf[len(r.rest)+n:]
			m, fresh := r.read(room)
			if fresh {
				if len(r.rest)+n > 0 { // this belongs to the next chunk
					c.text, r.rest = c.buf[:len(r.rest)+n], room[:m]
					return true
				}
				c.fresh, c.first, r.fresh, r.skipping = true, r.first, false, false
			}
			n += m
			if !r.batch || r.skipping || r.eof || len(room)-m < leastRead {
				break
			}
		}
		if r.lines(c, n) {
			return true
		}
		n = 0
	}
	c.text, r.rest = c.buf[:len(r.rest)+n], nil
	return len(c.text) > 0
}

// read reads from the input. fresh says that what it read, if anything, is the
// beginning of another text.
func (r *Reader) read(b []byte) (n int, fresh bool) {
	for range 100 {
		var err error
		if r.files != nil {
			var p Piece
			p, err = r.files.receive(r.from.ctx, b)
			if n = len(p.Text); p.Line != 0 {
				fresh, r.fresh, r.first = true, true, p
				r.first.Text = nil
			}
		} else {
			n, err = r.src.Read(b)
		}
		if err != nil {
			r.eof = true
			if err != io.EOF {
				r.err = err
			}
		}
		if n > 0 || err != nil {
			return n, fresh
		}
	}
	r.eof, r.err = true, io.ErrNoProgress
	return 0, false
}

// feed takes a piece of text of a live source.
func (r *Reader) feed(text []byte) {
	c := r.cur
	r.begin(c)
	if need := len(r.rest) + len(text); need > len(c.buf) {
		buf := make([]byte, 2*need)
		r.rest = buf[:copy(buf, r.rest)]
		c.buf = buf
	}
	if r.lines(c, copy(c.buf[len(r.rest):], text)) {
		c.index()
		r.take(c)
	}
}

// take begins to go through a chunk.
func (r *Reader) take(c *chunk) {
	r.cur, r.at, r.next = c, 0, 0
	r.stats.Bytes += int64(len(c.text))
	if c.fresh {
		r.freshText(&c.first)
	}
	c.name, c.provenance = r.opts.Name, r.opts.Provenance
}

// freshText begins another text.
func (r *Reader) freshText(p *Piece) {
	r.endExport()
	r.open = nil
	if p.File != "" && p.File != r.opts.Name {
		r.opts.Name, r.lineNo = p.File, 0
	}
	if p.Line != 0 {
		r.lineNo = p.Line - 1
	}
	if r.from != nil {
		r.opts.Provenance = max(r.from.base, p.Provenance)
	}
}

// advance goes on to the next lines of the input. It returns false at the end.
func (r *Reader) advance() bool {
	if r.from != nil && r.files == nil {
		return r.advanceLive()
	}
	r.corr.own(r.cur)
	if r.opts.Workers > 1 {
		return r.advanceParallel()
	}
	if r.eof && len(r.rest) == 0 || !r.load(r.spare) {
		return false
	}
	c := r.spare
	c.index()
	r.spare = r.cur
	r.take(c)
	return true
}

// advanceLive is advance for a live source.
func (r *Reader) advanceLive() bool {
	r.corr.own(nil)
	c := r.cur
	c.text, c.entries, r.at, r.next = nil, c.entries[:0], 0, 0
	if !r.eof && r.receive() {
		return true
	}
	r.endText()
	return false
}

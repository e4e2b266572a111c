package avc

import (
	"context"
	"io"
)

// Stream is a Source of what an [io.Reader] gives, such as a pipe from
// journalctl -f: other than a Reader of the same, one of the Stream gives out
// events while the next bytes are still to come.
type Stream struct {
	src     io.Reader
	opts    StreamOptions
	begun   bool
	pending bool // the goroutine reads
	done    chan readResult
	buf     []byte
}

// readResult is what one Read gave.
type readResult struct {
	n   int
	err error
}

// StreamOptions are settings of [NewStream]. The zero value works.
type StreamOptions struct {
	// Name is what errors and denials call the input.
	Name string
	// Provenance is that of the text.
	Provenance Provenance
}

// NewStream returns a source of what r gives. Close closes r if it can be
// closed. A Read that waits when Receive's context ends goes on waiting in the
// background until it gives something, which the next Receive then returns, or
// r is closed.
func NewStream(r io.Reader, opts StreamOptions) *Stream {
	return &Stream{src: r, opts: opts, done: make(chan readResult, 1), buf: make([]byte, 64<<10)}
}

// Receive implements [Source].
func (s *Stream) Receive(ctx context.Context) (Piece, error) {
	if err := ctx.Err(); err != nil {
		return Piece{}, err
	}
	for tries := 0; ; tries++ {
		if !s.pending {
			s.pending = true
			go func() {
				n, err := s.src.Read(s.buf)
				s.done <- readResult{n, err}
			}()
		}
		var c readResult
		select {
		case <-ctx.Done():
			return Piece{}, ctx.Err()
		case c = <-s.done:
			s.pending = false
		}
		switch {
		case c.n > 0: // an error comes again with the next Read
			p := Piece{Text: s.buf[:c.n], File: s.opts.Name, Provenance: s.opts.Provenance}
			if !s.begun {
				s.begun, p.Line = true, 1
			}
			return p, nil
		case c.err != nil:
			return Piece{}, c.err
		case tries > 100:
			return Piece{}, io.ErrNoProgress
		}
	}
}

// Close implements [Source].
func (s *Stream) Close() error {
	if c, ok := s.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

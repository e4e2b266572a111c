package avctest

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/sekit/sekit/avc"
)

// ErrClosed is what a Source gives after Close.
var ErrClosed = errors.New("avctest: source is closed")

// Source is an [avc.Source] in memory. Its methods may be called from several
// goroutines at once. The zero Source is empty and ready to use.
type Source struct {
	mu     sync.Mutex
	queue  []step
	ended  bool
	closed bool
	wake   chan struct{} // closed when something happens
}

type step struct {
	piece avc.Piece
	err   error
}

var _ avc.Source = (*Source)(nil)

// NewSource returns a source that gives the texts, one after the other, and
// then waits.
func NewSource(texts ...string) *Source {
	s := new(Source)
	for _, t := range texts {
		s.Text(t)
	}
	return s
}

// Text queues text of any form.
func (s *Source) Text(text string) { s.Piece(avc.Piece{Text: []byte(text)}) }

// Record queues one record as the kernel sends it: "audit(1.2:3): avc: …".
func (s *Source) Record(t avc.RecordType, text string) {
	s.Piece(avc.Piece{Type: t, Text: []byte(text), Provenance: avc.ProvenanceKernel})
}

// Piece queues a piece.
func (s *Source) Piece(p avc.Piece) { s.push(step{piece: p}) }

// Lose makes the next piece report n lost records.
func (s *Source) Lose(n uint64) { s.push(step{piece: avc.Piece{Lost: n}}) }

// Fail queues an error, which Receive gives once.
func (s *Source) Fail(err error) { s.push(step{err: err}) }

// End lets Receive give io.EOF when the queue is empty, in place of waiting.
func (s *Source) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.notify()
}

func (s *Source) push(st step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, st)
	s.notify()
}

func (s *Source) notify() {
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// Receive implements [avc.Source].
func (s *Source) Receive(ctx context.Context) (avc.Piece, error) {
	for {
		s.mu.Lock()
		switch {
		case s.closed:
			s.mu.Unlock()
			return avc.Piece{}, ErrClosed
		case ctx.Err() != nil:
			s.mu.Unlock()
			return avc.Piece{}, ctx.Err()
		case len(s.queue) > 0:
			st := s.queue[0]
			s.queue = s.queue[1:]
			s.mu.Unlock()
			return st.piece, st.err
		case s.ended:
			s.mu.Unlock()
			return avc.Piece{}, io.EOF
		}
		if s.wake == nil {
			s.wake = make(chan struct{})
		}
		wake := s.wake
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return avc.Piece{}, ctx.Err()
		case <-wake:
		}
	}
}

// Close implements [avc.Source].
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.notify()
	return nil
}

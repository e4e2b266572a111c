package contract

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Committer is a backend of a room, whose changes are C.
type Committer[C any] interface {
	// Commit makes all the changes, or none and returns an error.
	Commit(ctx context.Context, changes []C) error
}

// Cancelled tests that a cancelled context stops a commit before it begins.
func Cancelled[C any](t testing.TB, b Committer[C], c C) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Commit(ctx, []C{c}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v, want context.Canceled", err)
	}
}

// Concurrent tests that of concurrent writers that add one record exactly one
// does, and that the others are told that the store has changed.
func Concurrent[C any](t testing.TB, b Committer[C], add C, changed error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = b.Commit(t.Context(), []C{add}) })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		switch {
		case err == nil:
			made++
		case !errors.Is(err, changed):
			t.Errorf("commit: %v, want %v", err, changed)
		}
	}
	if made != 1 {
		t.Errorf("%d commits succeeded", made)
	}
}

// ReadOnly tests that a backend that can't write says so.
func ReadOnly[C any](t testing.TB, b Committer[C], c C) {
	t.Helper()
	if err := b.Commit(t.Context(), []C{c}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("commit: %v, want errors.ErrUnsupported", err)
	}
}

package fcontext

import (
	"sync"
)

// meterStep is how many files there are between two calls of a progress
// function: setfiles' STAR_COUNT.
const meterStep = 1024

// meter adds up what workers report and passes it on.
type meter struct {
	mu    sync.Mutex
	call  func(Progress)
	sum   Progress
	total int64
	next  int64
}

func newMeter(call func(Progress)) *meter { return &meter{call: call, next: meterStep} }

// add reports what a worker has found since it last did.
func (m *meter) add(t *tally) {
	if m.call == nil {
		return
	}
	now := Progress{Files: int64(t.counts.sum() + len(t.linked)), Changes: int64(len(t.changes)), Errors: int64(len(t.errors))}
	m.report(Progress{Files: now.Files - t.metered.Files, Changes: now.Changes - t.metered.Changes, Errors: now.Errors - t.metered.Errors})
	t.metered = now
}

func (m *meter) report(more Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum.Files += more.Files
	m.sum.Changes += more.Changes
	m.sum.Errors += more.Errors
	if m.call != nil && m.sum.Files >= m.next {
		m.next = m.sum.Files + meterStep
		m.tell()
	}
}

// finish makes the last call.
func (m *meter) finish() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.call != nil {
		m.tell()
	}
}

func (m *meter) tell() {
	p := m.sum
	p.Total = m.total
	m.call(p)
}

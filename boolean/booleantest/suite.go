package booleantest

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/internal/contract"
	"github.com/sekit/sekit/policy"
)

// Harness is a backend under test, and what the suite may use on it.
type Harness struct {
	// Policy is the policy that is loaded and that the store belongs to; it has
	// three booleans or more.
	Policy *policy.Policy
	// Backend is fresh: no local records, current values as the policy has them.
	Backend boolean.Backend
	// Reopen returns a second handle on the same machine; nil if there is no
	// such thing.
	Reopen func() boolean.Backend
	// Offline says that there is no running kernel: Active, and Commit of a
	// change for now, are to return errors.ErrUnsupported.
	Offline bool
	// ReadOnly says that Commit is to return errors.ErrUnsupported.
	ReadOnly bool
}

// TestBackend tests whether a backend keeps to the contract of
// [boolean.Backend]. newHarness is called for each test.
func TestBackend(t *testing.T, newHarness func(t *testing.T) Harness) {
	tests := []struct {
		name        string
		explanation string
		needs       need
		run         func(t *testing.T, s *session)
	}{
		{"fresh", "without local records and changes the values are the policy's", 0, testFresh},
		{"offline", "without a kernel Active is not supported, nor is a change for now", offline, testOffline},
		{"set", "a value for now is current and pending, and leaves default and records alone", writes | kernel, testSet},
		{"persist", "a value to stay is current, pending and default, by a local record", writes, testPersist},
		{"persist default", "a value to stay that only the default lacks is kept", writes | kernel, testPersistDefault},
		{"order", "records stay in the order that they were added in, a changed one in its place", writes, testOrder},
		{"reset", "without its record a boolean has the policy's value again", writes, testReset},
		{"together", "several changes are made in one commit", writes, testTogether},
		{"atomic", "one bad change in a commit, and none is made", writes, testAtomic},
		{"changed", "a change that was planned on another record is refused", writes, testChanged},
		{"undo", "what was changed can be taken back, and what was not is left alone", writes, testUndo},
		{"persistence", "a second handle sees what the first one committed", writes, testPersistence},
		{"cancelled", "a cancelled context stops a commit before it begins", writes, testCancelled},
		{"concurrent", "of concurrent writers of one record exactly one adds it", writes, testConcurrent},
		{"aliasing", "what a backend returned is the caller's own", writes, testAliasing},
		{"read-only", "a backend that can't write says so and changes nothing", readOnly, testReadOnly},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			switch {
			case tt.needs&writes != 0 && h.ReadOnly, tt.needs&readOnly != 0 && !h.ReadOnly,
				tt.needs&kernel != 0 && h.Offline, tt.needs&offline != 0 && !h.Offline:
				t.Skip("not for this backend")
			}
			tt.run(t, newSession(t, h))
			if t.Failed() {
				t.Log("the contract: " + tt.explanation)
			}
		})
	}
}

// need is what a test needs of a backend.
type need uint8

const (
	writes need = 1 << iota
	readOnly
	kernel
	offline
)

// session is a harness with booleans to use on it.
type session struct {
	h        Harness
	booleans *boolean.Booleans
	names    [3]string
	own      map[string]bool // the policy's values
}

func newSession(t *testing.T, h Harness) *session {
	t.Helper()
	s := &session{h: h, booleans: boolean.New(h.Policy, h.Backend), own: make(map[string]bool)}
	n := 0
	for b := range h.Policy.Booleans() {
		s.own[b.Name()] = b.Default()
		if n < len(s.names) {
			s.names[n] = b.Name()
			n++
		}
	}
	if n < len(s.names) {
		t.Fatal("the policy has too few booleans for this suite")
	}
	return s
}

// flipped returns a record that gives a boolean the value that the policy does
// not.
func (s *session) flipped(i int) boolean.Record {
	return boolean.Record{Name: s.names[i], On: !s.own[s.names[i]]}
}

func (s *session) kept(i int) boolean.Record {
	return boolean.Record{Name: s.names[i], On: s.own[s.names[i]]}
}

func (s *session) persist(t *testing.T, values ...boolean.Record) []boolean.Change {
	t.Helper()
	changes, err := s.booleans.Persist(t.Context(), values...)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (s *session) table(t *testing.T) *boolean.Table {
	t.Helper()
	table, err := s.booleans.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func (s *session) want(t *testing.T, want boolean.Boolean) {
	t.Helper()
	if got, err := s.table(t).Lookup(want.Name); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func (s *session) wantLocal(t *testing.T, want ...boolean.Record) {
	t.Helper()
	got, err := s.h.Backend.Local(t.Context())
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("local records are %v, %v; want %v", got, err, want)
	}
}

func testFresh(t *testing.T, s *session) {
	s.wantLocal(t)
	for _, b := range s.table(t).All() {
		own := s.own[b.Name]
		if b.Current != own || b.Pending != own || b.Default != own || b.Local {
			t.Errorf("got %+v, want all %v", b, own)
		}
	}
	if s.h.Offline {
		return
	}
	active, err := s.h.Backend.Active(t.Context())
	if err != nil || len(active) != len(s.own) {
		t.Errorf("%d active values, %v; the policy has %d", len(active), err, len(s.own))
	}
}

func testOffline(t *testing.T, s *session) {
	if a, err := s.h.Backend.Active(t.Context()); a != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("active: %v, %v, want errors.ErrUnsupported", a, err)
	}
	if c, err := s.booleans.Set(t.Context(), s.flipped(0)); c != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("set: %v, %v, want errors.ErrUnsupported", c, err)
	}
}

func testSet(t *testing.T, s *session) {
	r := s.flipped(0)
	changes, err := s.booleans.Set(t.Context(), r, s.kept(1))
	if err != nil || len(changes) != 1 || changes[0].Op != boolean.Set {
		t.Fatalf("%v, %v", changes, err)
	}
	s.want(t, boolean.Boolean{Name: r.Name, Current: r.On, Pending: r.On, Default: !r.On})
	s.wantLocal(t)
	if changes, err = s.booleans.Set(t.Context(), r); err != nil || len(changes) != 0 {
		t.Errorf("again: %v, %v", changes, err)
	}
}

func testPersist(t *testing.T, s *session) {
	r := s.flipped(0)
	if changes := s.persist(t, r); len(changes) != 1 || changes[0].Op != boolean.Persist {
		t.Errorf("changes %v", changes)
	}
	s.want(t, boolean.Boolean{Name: r.Name, Current: r.On, Pending: r.On, Default: r.On, Local: true})
	s.wantLocal(t, r)
	if again := s.persist(t, r, s.kept(1)); len(again) != 0 {
		t.Errorf("again: %v", again)
	}
}

func testPersistDefault(t *testing.T, s *session) {
	r := s.flipped(0)
	if _, err := s.booleans.Set(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	s.persist(t, r)
	s.wantLocal(t, r)
}

func testOrder(t *testing.T, s *session) {
	a, b, c := s.flipped(2), s.flipped(0), s.flipped(1)
	s.persist(t, a)
	s.persist(t, b)
	s.persist(t, c)
	s.wantLocal(t, a, b, c)
	back := s.kept(0)
	s.persist(t, back)
	s.wantLocal(t, a, back, c)
}

func testReset(t *testing.T, s *session) {
	r := s.flipped(0)
	s.persist(t, r)
	if _, err := s.booleans.Reset(t.Context(), r.Name); err != nil {
		t.Fatal(err)
	}
	own := s.own[r.Name]
	s.want(t, boolean.Boolean{Name: r.Name, Current: own, Pending: own, Default: own})
	s.wantLocal(t)
	if _, err := s.booleans.Reset(t.Context(), r.Name); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("again: %v, want fs.ErrPermission", err)
	}
}

func testTogether(t *testing.T, s *session) {
	if changes := s.persist(t, s.flipped(0), s.flipped(1), s.kept(2)); len(changes) != 2 {
		t.Errorf("changes %v", changes)
	}
	s.wantLocal(t, s.flipped(0), s.flipped(1))
}

func testAtomic(t *testing.T, s *session) {
	good, err := s.table(t).PlanPersist(s.names[0], s.flipped(0).On)
	if err != nil {
		t.Fatal(err)
	}
	bad := boolean.Change{Op: boolean.Persist, Name: "no_such_boolean", On: true}
	for _, changes := range [][]boolean.Change{{good, bad}, {bad, good}} {
		if err := s.h.Backend.Commit(t.Context(), changes); err == nil {
			t.Error("the backend took a boolean that the policy lacks")
		}
		s.wantLocal(t)
		own := s.own[good.Name]
		s.want(t, boolean.Boolean{Name: good.Name, Current: own, Pending: own, Default: own})
	}
}

func testChanged(t *testing.T, s *session) {
	stale, err := s.table(t).PlanPersist(s.names[0], s.flipped(0).On)
	if err != nil {
		t.Fatal(err)
	}
	s.persist(t, s.flipped(0))
	if err := s.booleans.Commit(t.Context(), stale); !errors.Is(err, boolean.ErrChanged) {
		t.Errorf("commit of a stale change: %v, want boolean.ErrChanged", err)
	}
	s.wantLocal(t, s.flipped(0))
}

func testPersistence(t *testing.T, s *session) {
	if s.h.Reopen == nil {
		t.Skip("the backend has no second handle")
	}
	s.persist(t, s.flipped(0), s.flipped(1))
	s.h.Backend = s.h.Reopen()
	s.wantLocal(t, s.flipped(0), s.flipped(1))
}

func testCancelled(t *testing.T, s *session) {
	c, err := s.table(t).PlanPersist(s.names[0], s.flipped(0).On)
	if err != nil {
		t.Fatal(err)
	}
	contract.Cancelled(t, s.h.Backend, c)
	s.wantLocal(t)
}

func testConcurrent(t *testing.T, s *session) {
	c, err := s.table(t).PlanPersist(s.names[0], s.flipped(0).On)
	if err != nil {
		t.Fatal(err)
	}
	contract.Concurrent(t, s.h.Backend, c, boolean.ErrChanged)
	s.wantLocal(t, s.flipped(0))
}

func testAliasing(t *testing.T, s *session) {
	s.persist(t, s.flipped(0))
	got, err := s.h.Backend.Local(t.Context())
	if err != nil || len(got) != 1 {
		t.Fatalf("local records %v, %v", got, err)
	}
	got[0] = boolean.Record{}
	s.wantLocal(t, s.flipped(0))
}

func testReadOnly(t *testing.T, s *session) {
	c, err := s.table(t).PlanPersist(s.names[0], s.flipped(0).On)
	if err != nil {
		t.Fatal(err)
	}
	contract.ReadOnly(t, s.h.Backend, c)
	testFresh(t, s)
}

func testUndo(t *testing.T, s *session) {
	s.persist(t, s.flipped(0))
	table := func() *boolean.Table {
		t.Helper()
		table, err := s.booleans.Table(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	before := table().All()
	done, err := s.booleans.Reset(t.Context(), s.names[0])
	if err != nil {
		t.Fatal(err)
	}
	done = append(done, s.persist(t, s.flipped(1))...)
	if !s.h.Offline {
		set, err := s.booleans.Set(t.Context(), s.flipped(2))
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, set...)
	}
	for range 2 { // the second time nothing is left to do
		now, commits := table(), []boolean.Change(nil)
		for _, c := range slices.Backward(done) {
			back, err := now.PlanUndo(c)
			if err != nil {
				t.Fatal(err)
			}
			if now, err = now.With(back...); err != nil {
				t.Fatal(err)
			}
			commits = append(commits, back...)
		}
		for _, c := range commits {
			if err := s.booleans.Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if after := table().All(); !slices.Equal(before, after) {
			t.Errorf("booleans were %v, are %v", before[:3], after[:3])
		}
	}
	// What others have changed is theirs.
	done = s.persist(t, s.flipped(1))
	s.persist(t, s.kept(1))
	if c, err := table().PlanUndo(done[0]); !errors.Is(err, boolean.ErrChanged) {
		t.Errorf("undo of what others have changed: %v, %v", c, err)
	}
}

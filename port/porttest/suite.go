package porttest

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/contract"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// Harness is a backend under test, and what the suite may use on it.
type Harness struct {
	// Policy is the policy that the store belongs to.
	Policy *policy.Policy
	// Backend is a fresh store without local records.
	Backend port.Backend
	// Reopen returns a second handle on the same store; nil if there is no
	// such thing.
	Reopen func() port.Backend
	// ReadOnly says that Commit is to return errors.ErrUnsupported.
	ReadOnly bool
}

// TestBackend tests whether a backend keeps to the contract of [port.Backend].
// newHarness is called for each test.
func TestBackend(t *testing.T, newHarness func(t *testing.T) Harness) {
	tests := []struct {
		name        string
		explanation string
		run         func(t *testing.T, s *session)
	}{
		{"empty", "a store without local records lists none, without an error", testEmpty},
		{"add", "what was added is listed, and decides", testAdd},
		{"order", "records stay in the order that they were added in, a modified one in its place", testOrder},
		{"shadow", "a local record of the policy's own key shadows it; deleting it brings the policy's back", testShadow},
		{"delete missing", "what is not there can't be deleted", testDeleteMissing},
		{"overlap", "local records can't overlap", testOverlap},
		{"atomic", "one bad change in a commit, and none is made", testAtomic},
		{"changed", "a change that was planned on other records is refused", testChanged},
		{"context", "a context that the policy refuses is refused", testContext},
		{"undo", "what was changed can be taken back, and what was not is left alone", testUndo},
		{"persistence", "a second handle sees what the first one committed", testPersistence},
		{"cancelled", "a cancelled context stops a commit before it begins", testCancelled},
		{"concurrent", "of concurrent writers of one key exactly one adds it", testConcurrent},
		{"aliasing", "what a backend returned is the caller's own", testAliasing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t, newHarness(t))
			if s.h.ReadOnly && tt.name != "empty" {
				testReadOnly(t, s)
				return
			}
			tt.run(t, s)
			if t.Failed() {
				t.Log("the contract: " + tt.explanation)
			}
		})
	}
}

// session is a harness with ports and types to use on it.
type session struct {
	h      Harness
	ports  *port.Ports
	types  [2]string // two port types that are on neither of the free ports
	free   [2]int    // tcp ports with room for ten above them, without a record of their own
	policy port.Entry
}

func newSession(t *testing.T, h Harness) *session {
	t.Helper()
	s := &session{h: h, ports: port.New(h.Policy, h.Backend)}
	table := port.NewTable(h.Policy, nil)
	own := make(map[string]bool)
	for _, e := range table.Entries() {
		if e.Protocol == port.TCP && e.Low == e.High && !s.policy.IsValid() {
			if m, err := table.Lookup(port.TCP, int(e.Low)); err == nil && m.Key == e.Key {
				s.policy = e
			}
		}
		if e.Low != e.High {
			own[e.Context.Type()] = true
		}
	}
	n := 0
	for p := 60000; p > 1024 && n < len(s.free); p -= 20 {
		if slices.ContainsFunc(table.Entries(), func(e port.Entry) bool {
			return e.Protocol == port.TCP && int(e.Low) >= p && int(e.Low) < p+10
		}) {
			continue
		}
		s.free[n] = p
		n++
	}
	types := slices.DeleteFunc(port.PortTypes(h.Policy), func(typ string) bool {
		return own[typ] || typ == s.policy.Context.Type()
	})
	if n < len(s.free) || len(types) < 2 || !s.policy.IsValid() {
		t.Fatal("the policy has too few ports or port types for this suite")
	}
	s.types = [2]string(types[:2])
	return s
}

func (s *session) table(t *testing.T) *port.Table {
	t.Helper()
	table, err := s.ports.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func (s *session) set(t *testing.T, settings ...port.Setting) []port.Change {
	t.Helper()
	changes, err := s.ports.Set(t.Context(), settings...)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (s *session) setting(i, typ int) port.Setting {
	return port.Port(port.TCP, s.free[i], s.types[typ])
}

// wantLocal checks the store's records by their keys and types.
func (s *session) wantLocal(t *testing.T, want ...port.Setting) {
	t.Helper()
	got, err := s.h.Backend.Local(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = int(got[i].Low) == want[i].Low && int(got[i].High) == want[i].High &&
			got[i].Protocol == want[i].Protocol && got[i].Context.Type() == want[i].Type
	}
	if !same {
		t.Errorf("local records are %v, want %v", got, want)
	}
}

func testEmpty(t *testing.T, s *session) { s.wantLocal(t) }

func testReadOnly(t *testing.T, s *session) {
	c, err := s.table(t).PlanSet(s.setting(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	contract.ReadOnly(t, s.h.Backend, c)
	s.wantLocal(t)
}

func testAdd(t *testing.T, s *session) {
	changes := s.set(t, s.setting(0, 0))
	if len(changes) != 1 || changes[0].Op != port.Add {
		t.Errorf("changes %v, want one that adds", changes)
	}
	s.wantLocal(t, s.setting(0, 0))
	m, err := s.table(t).Lookup(port.TCP, s.free[0])
	if err != nil || m.Origin != port.FromLocal || m.Context.Type() != s.types[0] {
		t.Errorf("lookup gives %v from %v, %v", m.Context, m.Origin, err)
	}
	if again := s.set(t, s.setting(0, 0)); len(again) != 0 {
		t.Errorf("setting it again changed %v", again)
	}
}

func testOrder(t *testing.T, s *session) {
	high, low := s.setting(0, 0), s.setting(1, 0)
	s.set(t, high)
	s.set(t, low)
	s.wantLocal(t, high, low)
	high.Type = s.types[1]
	s.set(t, high)
	s.wantLocal(t, high, low)
	k := port.Key{Protocol: port.TCP, Low: uint16(high.Low), High: uint16(high.High)}
	if _, err := s.ports.Delete(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	s.wantLocal(t, low)
}

func testShadow(t *testing.T, s *session) {
	own := s.policy
	changes := s.set(t, port.Port(port.TCP, int(own.Low), s.types[0]))
	if len(changes) != 1 || changes[0].Op != port.Modify || changes[0].Before != own {
		t.Errorf("changes %+v, want one that modifies %v", changes, own)
	}
	m, err := s.table(t).Lookup(port.TCP, int(own.Low))
	if err != nil || m.Origin != port.FromLocal || m.Context.Type() != s.types[0] || !slices.Contains(m.Shadowed, own) {
		t.Errorf("lookup gives %+v, %v", m, err)
	}
	if _, err := s.ports.Delete(t.Context(), own.Key); err != nil {
		t.Fatal(err)
	}
	if m, err = s.table(t).Lookup(port.TCP, int(own.Low)); err != nil || m.Entry != own {
		t.Errorf("after deleting, lookup gives %+v, %v", m, err)
	}
	if _, err := s.ports.Delete(t.Context(), own.Key); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("deleting the policy's own: %v, want fs.ErrPermission", err)
	}
}

func testDeleteMissing(t *testing.T, s *session) {
	k := port.Key{Protocol: port.TCP, Low: uint16(s.free[0]), High: uint16(s.free[0])}
	if _, err := s.ports.Delete(t.Context(), k); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("delete: %v, want fs.ErrNotExist", err)
	}
	// Past the concrete type, as a racing writer would.
	e := port.Entry{Record: port.Record{Key: k, Context: s.policy.Context}, Origin: port.FromLocal}
	err := s.h.Backend.Commit(t.Context(), []port.Change{{Op: port.Delete, Key: k, Before: e}})
	if err == nil {
		t.Error("the backend deleted what is not there")
	}
}

func testOverlap(t *testing.T, s *session) {
	wide := s.setting(0, 0)
	wide.High = wide.Low + 5
	s.set(t, wide)
	inside := port.Port(port.TCP, wide.Low+2, s.types[1])
	var overlap *port.OverlapError
	if _, err := s.ports.Set(t.Context(), inside); !errors.As(err, &overlap) || !errors.Is(err, fs.ErrExist) {
		t.Errorf("set: %v, want an OverlapError", err)
	}
	// The other protocol is another matter.
	inside.Protocol = port.UDP
	s.set(t, inside)
	s.wantLocal(t, wide, inside)
	// Past the concrete type.
	k := port.Key{Protocol: port.TCP, Low: uint16(wide.Low + 5), High: uint16(wide.Low + 6)}
	after := port.Record{Key: k, Context: s.table(t).Local()[0].Context}
	if err := s.h.Backend.Commit(t.Context(), []port.Change{{Op: port.Add, Key: k, After: after}}); err == nil {
		t.Error("the backend took a record that overlaps")
	}
	s.wantLocal(t, wide, inside)
}

func testAtomic(t *testing.T, s *session) {
	table := s.table(t)
	good, err := table.PlanSet(s.setting(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	k := port.Key{Protocol: port.TCP, Low: uint16(s.free[1]), High: uint16(s.free[1])}
	bad := port.Change{Op: port.Delete, Key: k,
		Before: port.Entry{Record: port.Record{Key: k, Context: good.After.Context}, Origin: port.FromLocal}}
	if err := s.h.Backend.Commit(t.Context(), []port.Change{good, bad}); err == nil {
		t.Error("the backend took a commit with a bad change")
	}
	s.wantLocal(t)
	if err := s.h.Backend.Commit(t.Context(), []port.Change{bad, good}); err == nil {
		t.Error("the backend took a commit with a bad change first")
	}
	s.wantLocal(t)
}

func testChanged(t *testing.T, s *session) {
	stale, err := s.table(t).PlanSet(s.setting(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	s.set(t, s.setting(0, 1))
	if err := s.ports.Commit(t.Context(), stale); !errors.Is(err, port.ErrChanged) {
		t.Errorf("commit of a stale change: %v, want port.ErrChanged", err)
	}
	s.wantLocal(t, s.setting(0, 1))
}

func testContext(t *testing.T, s *session) {
	k := port.Key{Protocol: port.TCP, Low: uint16(s.free[0]), High: uint16(s.free[0])}
	for _, c := range []policy.Context{
		s.policy.Context.WithType("no_such_type_t"),
		s.policy.Context.WithUser("no_such_user"),
		{},
	} {
		change := port.Change{Op: port.Add, Key: k, After: port.Record{Key: k, Context: c}}
		if err := s.h.Backend.Commit(t.Context(), []port.Change{change}); err == nil {
			t.Errorf("the backend took the context %q", c)
		}
		s.wantLocal(t)
	}
}

func testPersistence(t *testing.T, s *session) {
	if s.h.Reopen == nil {
		t.Skip("the backend has no second handle")
	}
	s.set(t, s.setting(0, 0), s.setting(1, 1))
	s.h.Backend = s.h.Reopen()
	s.wantLocal(t, s.setting(0, 0), s.setting(1, 1))
}

func testCancelled(t *testing.T, s *session) {
	c, err := s.table(t).PlanSet(s.setting(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	contract.Cancelled(t, s.h.Backend, c)
	s.wantLocal(t)
}

func testConcurrent(t *testing.T, s *session) {
	c, err := s.table(t).PlanSet(s.setting(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	contract.Concurrent(t, s.h.Backend, c, port.ErrChanged)
	s.wantLocal(t, s.setting(0, 0))
}

func testAliasing(t *testing.T, s *session) {
	s.set(t, s.setting(0, 0), s.setting(1, 0))
	got, err := s.h.Backend.Local(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatalf("local records %v, %v", got, err)
	}
	got[0] = port.Record{}
	s.wantLocal(t, s.setting(0, 0), s.setting(1, 0))
}

func testUndo(t *testing.T, s *session) {
	own := s.policy
	s.set(t, s.setting(0, 0))
	before, err := s.h.Backend.Local(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// One is modified, one added, one taken from the policy.
	done := s.set(t, s.setting(0, 1), s.setting(1, 0), port.Port(port.TCP, int(own.Low), s.types[0]))
	for range 2 { // the second time nothing is left to do
		table, commits := s.table(t), []port.Change(nil)
		for _, c := range slices.Backward(done) {
			back, err := table.PlanUndo(c)
			if err != nil {
				t.Fatal(err)
			}
			if table, err = table.With(back); err != nil {
				t.Fatal(err)
			}
			commits = append(commits, back)
		}
		if err := s.ports.Commit(t.Context(), commits...); err != nil {
			t.Fatal(err)
		}
		after, err := s.h.Backend.Local(t.Context())
		if err != nil || !slices.Equal(before, after) {
			t.Errorf("local records were %v, are %v, %v", before, after, err)
		}
	}
	// What is deleted comes back, and what others have changed is theirs.
	k := port.Key{Protocol: port.TCP, Low: uint16(s.free[0]), High: uint16(s.free[0])}
	done, err = s.ports.Delete(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	back, err := s.table(t).PlanUndo(done[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ports.Commit(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	s.wantLocal(t, s.setting(0, 0))
	done = s.set(t, s.setting(0, 1))
	if _, err := s.ports.Delete(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if c, err := s.table(t).PlanUndo(done[0]); !errors.Is(err, port.ErrChanged) {
		t.Errorf("undo of what others have changed: %v, %v", c, err)
	}
}

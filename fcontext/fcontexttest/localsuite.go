package fcontexttest

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/contract"
	"github.com/sekit/sekit/policy"
)

// LocalHarness is a store of local file contexts under test, and what the suite
// may use on it.
type LocalHarness struct {
	// Policy is the policy that the store belongs to, and DB its file contexts.
	Policy *policy.Policy
	DB     *fcontext.DB
	// Backend is a fresh store without local records.
	Backend fcontext.LocalBackend
	// Reopen returns a second handle on the same store; nil if there is no
	// such thing.
	Reopen func() fcontext.LocalBackend
	// ReadOnly says that Commit is to return errors.ErrUnsupported.
	ReadOnly bool
}

// TestLocalBackend tests whether a backend keeps to the contract of
// [fcontext.LocalBackend]. newHarness is called for each test.
func TestLocalBackend(t *testing.T, newHarness func(t *testing.T) LocalHarness) {
	tests := []struct {
		name        string
		explanation string
		run         func(t *testing.T, s *localSession)
	}{
		{"empty", "a store without local records lists none, without an error", testLocalEmpty},
		{"add", "what was added is listed, and decides", testLocalAdd},
		{"order", "records stay in the order that they were added in, a modified one in its place", testLocalOrder},
		{"kinds", "a pattern has a record for each kind of file, apart from the others", testLocalKinds},
		{"none", "<<none>> is a record like others", testLocalNone},
		{"policy", "a local record of the policy's own key comes before it; deleting it brings the policy's back", testLocalPolicy},
		{"equivalence", "equivalences are listed in their order, decide, and go again", testLocalEquivalence},
		{"delete missing", "what is not there can't be deleted", testLocalDeleteMissing},
		{"together", "records and equivalences are changed in one commit", testLocalTogether},
		{"atomic", "one bad change in a commit, and none is made", testLocalAtomic},
		{"changed", "a change that was planned on other records is refused", testLocalChanged},
		{"undo", "what was changed can be taken back", testLocalUndo},
		{"context", "a context that the policy refuses is refused", testLocalContext},
		{"pattern", "a pattern that is no expression is refused", testLocalPattern},
		{"persistence", "a second handle sees what the first one committed", testLocalPersistence},
		{"cancelled", "a cancelled context stops a commit before it begins", testLocalCancelled},
		{"concurrent", "of concurrent writers of one key exactly one adds it", testLocalConcurrent},
		{"aliasing", "what a backend returned is the caller's own", testLocalAliasing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newLocalSession(t, newHarness(t))
			if s.h.ReadOnly && tt.name != "empty" {
				testLocalReadOnly(t, s)
				return
			}
			tt.run(t, s)
			if t.Failed() {
				t.Log("the contract: " + tt.explanation)
			}
		})
	}
}

// localSession is a harness with directories and types to use on it.
type localSession struct {
	h      LocalHarness
	local  *fcontext.Local
	types  [2]string           // two file types that the free directories don't have
	dirs   [2]string           // no record of the policy begins with them
	policy fcontext.LocalEntry // one of the policy's, for a tree
	tree   string              // its directory
}

func newLocalSession(t *testing.T, h LocalHarness) *localSession {
	t.Helper()
	s := &localSession{h: h, local: fcontext.NewLocal(h.Policy, h.DB, h.Backend)}
	table := fcontext.NewLocalTable(h.Policy, h.DB, fcontext.LocalRecords{})
	n := 0
	for i := 0; n < len(s.dirs); i++ {
		dir := "/sekit-test-" + strconv.Itoa(i)
		if !slices.ContainsFunc(table.Entries(), func(e fcontext.LocalEntry) bool { return e.Spec().Stem() == dir }) {
			s.dirs[n] = dir
			n++
		}
	}
	had, _ := h.DB.Lookup(s.dirs[0], fcontext.Dir)
	types := slices.DeleteFunc(table.FileTypes(), func(typ string) bool { return typ == had.Context.Type() })
	for _, e := range table.List() {
		stem := e.Spec().Stem()
		if e.Origin != fcontext.FromPolicy || e.Kind != fcontext.Any || e.None || stem == "/" || e.Pattern != stem+"(/.*)?" {
			continue
		}
		_, err := table.PlanSet(fcontext.LocalSetting{Pattern: e.Pattern, Type: types[0]})
		if m, ok := h.DB.Lookup(stem, fcontext.Dir); err == nil && ok && m.Spec.Pattern == e.Pattern {
			s.policy, s.tree = e, stem
			break
		}
	}
	types = slices.DeleteFunc(types, func(typ string) bool { return typ == s.policy.Type() })
	if len(types) < 2 || !s.policy.IsValid() {
		t.Fatal("the policy has too few file types or specs for this suite")
	}
	s.types = [2]string(types[:2])
	return s
}

func (s *localSession) table(t *testing.T) *fcontext.LocalTable {
	t.Helper()
	table, err := s.local.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func (s *localSession) set(t *testing.T, settings ...fcontext.LocalSetting) []fcontext.LocalChange {
	t.Helper()
	changes, err := s.local.Set(t.Context(), settings...)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// setting is one for a tree.
func (s *localSession) setting(dir, typ int) fcontext.LocalSetting {
	return fcontext.LocalSetting{Pattern: s.dirs[dir] + "(/.*)?", Type: s.types[typ]}
}

func (s *localSession) plan(t *testing.T, setting fcontext.LocalSetting) fcontext.LocalChange {
	t.Helper()
	c, err := s.table(t).PlanSet(setting)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *localSession) stored(t *testing.T) fcontext.LocalRecords {
	t.Helper()
	got, err := s.h.Backend.Local(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// wantLocal checks the store's records by their keys and types. Only what is
// wanted is there, and no equivalence.
func (s *localSession) wantLocal(t *testing.T, want ...fcontext.LocalSetting) {
	t.Helper()
	got := s.stored(t)
	same := len(got.Records) == len(want) && len(got.Equivalences) == 0
	for i := 0; same && i < len(want); i++ {
		r := got.Records[i]
		same = r.Pattern == want[i].Pattern && r.Kind == want[i].Kind && r.None == want[i].None &&
			(r.None || r.Type() == want[i].Type)
	}
	if !same {
		t.Errorf("local records are %v, want %v", got, want)
	}
}

// wantType checks what a path should have: a type, or "" for nothing.
func (s *localSession) wantType(t *testing.T, path string, kind fcontext.Kind, want string) {
	t.Helper()
	db, err := s.table(t).DB()
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := db.Lookup(path, kind); m.Context.Type() != want {
		t.Errorf("%s (%v) should have %q, want %q", path, kind, m.Context.Type(), want)
	}
}

func testLocalEmpty(t *testing.T, s *localSession) { s.wantLocal(t) }

func testLocalReadOnly(t *testing.T, s *localSession) {
	contract.ReadOnly(t, s.h.Backend, s.plan(t, s.setting(0, 0)))
	s.wantLocal(t)
}

func testLocalAdd(t *testing.T, s *localSession) {
	changes := s.set(t, s.setting(0, 0))
	if len(changes) != 1 || changes[0].Op != fcontext.Add {
		t.Errorf("changes %v, want one that adds", changes)
	}
	s.wantLocal(t, s.setting(0, 0))
	s.wantType(t, s.dirs[0]+"/x", fcontext.File, s.types[0])
	if again := s.set(t, s.setting(0, 0)); len(again) != 0 {
		t.Errorf("setting it again changed %v", again)
	}
}

func testLocalOrder(t *testing.T, s *localSession) {
	first, second := s.setting(1, 0), s.setting(0, 0)
	s.set(t, first)
	s.set(t, second)
	s.wantLocal(t, first, second)
	first.Type = s.types[1]
	s.set(t, first)
	s.wantLocal(t, first, second)
	if _, err := s.local.Delete(t.Context(), fcontext.LocalKey{Pattern: first.Pattern}); err != nil {
		t.Fatal(err)
	}
	s.wantLocal(t, second)
}

func testLocalKinds(t *testing.T, s *localSession) {
	var want []fcontext.LocalSetting
	for _, k := range kinds {
		set := s.setting(0, len(want)%2)
		set.Kind = k
		want = append(want, set)
	}
	s.set(t, want...)
	s.wantLocal(t, want...)
	for _, set := range want {
		s.wantType(t, s.dirs[0]+"/x", set.Kind, set.Type)
	}
	if _, err := s.local.Delete(t.Context(), fcontext.LocalKey{Pattern: want[2].Pattern, Kind: want[2].Kind}); err != nil {
		t.Fatal(err)
	}
	s.wantLocal(t, slices.Delete(want, 2, 3)...)
}

func testLocalNone(t *testing.T, s *localSession) {
	set := s.setting(0, 0)
	none := fcontext.LocalSetting{Pattern: set.Pattern, None: true}
	s.set(t, none)
	s.wantLocal(t, none)
	s.wantType(t, s.dirs[0]+"/x", fcontext.File, "")
	s.set(t, set)
	s.wantLocal(t, set)
	s.set(t, none)
	s.wantLocal(t, none)
}

func testLocalPolicy(t *testing.T, s *localSession) {
	own := s.policy
	changes := s.set(t, fcontext.LocalSetting{Pattern: own.Pattern, Type: s.types[0]})
	if len(changes) != 1 || changes[0].Op != fcontext.Modify || changes[0].Before != own {
		t.Errorf("changes %+v, want one that modifies %v", changes, own)
	}
	s.wantType(t, s.tree, fcontext.Dir, s.types[0])
	if _, err := s.local.Delete(t.Context(), own.LocalKey); err != nil {
		t.Fatal(err)
	}
	s.wantType(t, s.tree, fcontext.Dir, own.Type())
	if _, err := s.local.Delete(t.Context(), own.LocalKey); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("deleting the policy's own: %v, want fs.ErrPermission", err)
	}
	s.wantLocal(t)
}

func testLocalEquivalence(t *testing.T, s *localSession) {
	first := fcontext.Equivalence{Target: s.dirs[1], Source: s.tree}
	second := fcontext.Equivalence{Target: s.dirs[0], Source: s.tree}
	for _, e := range []fcontext.Equivalence{first, second, second} { // the last one changes nothing
		if _, err := s.local.SetEquivalences(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.stored(t); !slices.Equal(got.Equivalences, []fcontext.Equivalence{first, second}) || len(got.Records) != 0 {
		t.Errorf("local records are %v, want %v and %v", got, first, second)
	}
	s.wantType(t, s.dirs[1], fcontext.Dir, s.policy.Type())
	first.Source = "/"
	if _, err := s.local.SetEquivalences(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	s.wantType(t, s.dirs[1]+s.tree, fcontext.Dir, s.policy.Type())
	if _, err := s.local.DeleteEquivalences(t.Context(), second.Target); err != nil {
		t.Fatal(err)
	}
	if got := s.stored(t).Equivalences; !slices.Equal(got, []fcontext.Equivalence{first}) {
		t.Errorf("equivalences are %v, want %v", got, first)
	}
	if _, err := s.local.DeleteEquivalences(t.Context(), second.Target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleting it again: %v, want fs.ErrNotExist", err)
	}
	if _, err := s.local.DeleteEquivalences(t.Context(), first.Target); err != nil {
		t.Fatal(err)
	}
	s.wantLocal(t)
}

func testLocalDeleteMissing(t *testing.T, s *localSession) {
	k := fcontext.LocalKey{Pattern: s.setting(0, 0).Pattern}
	if _, err := s.local.Delete(t.Context(), k); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("delete: %v, want fs.ErrNotExist", err)
	}
	// Past the concrete type, as a racing writer would.
	for _, c := range []fcontext.LocalChange{
		s.badDelete(0),
		{Op: fcontext.Delete, Equivalence: fcontext.Equivalence{Target: s.dirs[0], Source: s.tree}},
	} {
		if err := s.h.Backend.Commit(t.Context(), []fcontext.LocalChange{c}); err == nil {
			t.Errorf("the backend deleted what is not there: %v", c)
		}
	}
	s.wantLocal(t)
}

// badDelete is a change that no store without records can make.
func (s *localSession) badDelete(dir int) fcontext.LocalChange {
	k := fcontext.LocalKey{Pattern: s.setting(dir, 0).Pattern}
	r := fcontext.LocalRecord{LocalKey: k, Context: s.policy.Context}
	return fcontext.LocalChange{Op: fcontext.Delete, Key: k, Before: fcontext.LocalEntry{LocalRecord: r, Origin: fcontext.FromLocal}}
}

func testLocalTogether(t *testing.T, s *localSession) {
	e := fcontext.Equivalence{Target: s.dirs[1], Source: s.tree}
	changes, err := s.table(t).PlanEquivalence(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.local.Commit(t.Context(), append(changes, s.plan(t, s.setting(0, 0)))...); err != nil {
		t.Fatal(err)
	}
	got := s.stored(t)
	if len(got.Records) != 1 || got.Records[0].Type() != s.types[0] || !slices.Equal(got.Equivalences, []fcontext.Equivalence{e}) {
		t.Errorf("local records are %v", got)
	}
}

func testLocalAtomic(t *testing.T, s *localSession) {
	good := s.plan(t, s.setting(0, 0))
	equivalence := fcontext.LocalChange{Op: fcontext.Add, Equivalence: fcontext.Equivalence{Target: s.dirs[1], Source: s.tree}}
	bad := s.badDelete(1)
	badEquivalence := equivalence
	badEquivalence.Op = fcontext.Delete
	for _, changes := range [][]fcontext.LocalChange{
		{good, equivalence, bad}, {bad, good, equivalence}, {good, badEquivalence}, {badEquivalence, good},
	} {
		if err := s.h.Backend.Commit(t.Context(), changes); err == nil {
			t.Error("the backend took a commit with a bad change")
		}
		s.wantLocal(t)
	}
}

func testLocalChanged(t *testing.T, s *localSession) {
	stale := s.plan(t, s.setting(0, 0))
	s.set(t, s.setting(0, 1))
	if err := s.local.Commit(t.Context(), stale); !errors.Is(err, fcontext.ErrStoreChanged) {
		t.Errorf("commit of a stale change: %v, want fcontext.ErrStoreChanged", err)
	}
	s.wantLocal(t, s.setting(0, 1))

	table := s.table(t)
	planned, err := table.PlanEquivalence(fcontext.Equivalence{Target: s.dirs[1], Source: s.tree})
	if err != nil {
		t.Fatal(err)
	}
	other := fcontext.Equivalence{Target: s.dirs[1], Source: "/"}
	if _, err := s.local.SetEquivalences(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := s.local.Commit(t.Context(), planned...); !errors.Is(err, fcontext.ErrStoreChanged) {
		t.Errorf("commit of a stale equivalence: %v, want fcontext.ErrStoreChanged", err)
	}
	if got := s.stored(t).Equivalences; !slices.Equal(got, []fcontext.Equivalence{other}) {
		t.Errorf("equivalences are %v, want %v", got, other)
	}
}

func testLocalUndo(t *testing.T, s *localSession) {
	s.set(t, s.setting(0, 0))
	before := s.stored(t)
	done := s.set(t, s.setting(0, 1), s.setting(1, 0))
	equivalences, err := s.local.SetEquivalences(t.Context(), fcontext.Equivalence{Target: s.dirs[1] + "x", Source: s.tree})
	if err != nil {
		t.Fatal(err)
	}
	var undo []fcontext.LocalChange
	for _, c := range slices.Backward(append(done, equivalences...)) {
		back, err := s.table(t).PlanUndo(c)
		if err != nil {
			t.Fatal(err)
		}
		undo = append(undo, back)
	}
	if err := s.local.Commit(t.Context(), undo...); err != nil {
		t.Fatal(err)
	}
	if got := s.stored(t); !slices.Equal(got.Records, before.Records) || len(got.Equivalences) != 0 {
		t.Errorf("after undoing, local records are %v, want %v", got, before)
	}
}

// past is a change that the concrete type would not make.
func (s *localSession) past(pattern string, c policy.Context) []fcontext.LocalChange {
	k := fcontext.LocalKey{Pattern: pattern}
	return []fcontext.LocalChange{{Op: fcontext.Add, Key: k, After: fcontext.LocalRecord{LocalKey: k, Context: c}}}
}

func testLocalContext(t *testing.T, s *localSession) {
	for _, c := range []policy.Context{
		s.policy.Context.WithType("no_such_type_t"),
		s.policy.Context.WithUser("no_such_user"),
		{},
	} {
		if err := s.h.Backend.Commit(t.Context(), s.past(s.dirs[0], c)); err == nil {
			t.Errorf("the backend took the context %q", c)
		}
		s.wantLocal(t)
	}
}

func testLocalPattern(t *testing.T, s *localSession) {
	for _, pattern := range []string{"", s.dirs[0] + "(", s.dirs[0] + "/a b", s.dirs[0] + "\n/x"} {
		if err := s.h.Backend.Commit(t.Context(), s.past(pattern, s.policy.Context)); err == nil {
			t.Errorf("the backend took the pattern %q", pattern)
		}
		s.wantLocal(t)
	}
}

func testLocalPersistence(t *testing.T, s *localSession) {
	if s.h.Reopen == nil {
		t.Skip("the backend has no second handle")
	}
	s.set(t, s.setting(0, 0), s.setting(1, 1))
	s.h.Backend = s.h.Reopen()
	s.wantLocal(t, s.setting(0, 0), s.setting(1, 1))
}

func testLocalCancelled(t *testing.T, s *localSession) {
	contract.Cancelled(t, s.h.Backend, s.plan(t, s.setting(0, 0)))
	s.wantLocal(t)
}

func testLocalConcurrent(t *testing.T, s *localSession) {
	contract.Concurrent(t, s.h.Backend, s.plan(t, s.setting(0, 0)), fcontext.ErrStoreChanged)
	s.wantLocal(t, s.setting(0, 0))
}

func testLocalAliasing(t *testing.T, s *localSession) {
	s.set(t, s.setting(0, 0), s.setting(1, 0))
	if _, err := s.local.SetEquivalences(t.Context(), fcontext.Equivalence{Target: s.dirs[1] + "x", Source: s.tree}); err != nil {
		t.Fatal(err)
	}
	got := s.stored(t)
	if len(got.Records) != 2 || len(got.Equivalences) != 1 {
		t.Fatalf("local records %v", got)
	}
	got.Records[0], got.Equivalences[0] = fcontext.LocalRecord{}, fcontext.Equivalence{}
	if again := s.stored(t); again.Records[0].Pattern == "" || again.Equivalences[0].Target == "" {
		t.Errorf("local records are %v", again)
	}
}

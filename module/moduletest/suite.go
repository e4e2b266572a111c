package moduletest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/contract"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// Harness is a backend under test, and what the suite may use on it.
type Harness struct {
	// Policy is the policy that the store's modules link to, before the suite
	// adds any.
	Policy *policy.Policy
	// Backend is a store that has none of the suite's modules, whose names begin
	// with sekit_suite.
	Backend module.Backend
	// Linked returns the policy as the store has linked it last; nil if that
	// can't be had.
	Linked func() (*policy.Policy, error)
	// Reopen returns a second handle on the same store; nil if there is no such
	// thing.
	Reopen func() module.Backend
	// ReadOnly says that Commit is to return errors.ErrUnsupported.
	ReadOnly bool
	// Shared says that each test gets the same store, such as that of the machine
	// that the suite runs on: a test then removes what it leaves there.
	Shared bool
	// Unlocked says that another writer may come between Commit's look at the
	// store and its change of it.
	Unlocked bool
}

// TestBackend tests whether a backend keeps to the contract of
// [module.Backend]. newHarness is called for each test.
//
// It can run on a live machine: with a [Harness] that is Shared, over
// [module.Semodule] without a Root, whose Policy and Linked are what
// /sys/fs/selinux/policy says, or the policy of the store. Its modules are named
// sekit_suite0 and so on; they allow accesses among the types of initial SIDs and
// to types of their own, for as long as their test runs; of classes it wants file
// with the permissions read, write and append. Each test makes one to six
// commits. The tests are subtests, so that some can be chosen by name.
func TestBackend(t *testing.T, newHarness func(t *testing.T) Harness) {
	tests := []struct {
		name        string
		explanation string
		run         func(t *testing.T, s *session)
	}{
		{"fresh", "a store always has modules, and can be listed", testFresh},
		{"install", "what was installed is listed, can be read, and decides", testInstall},
		{"install again", "the same file at the same priority is nothing to do", testInstallAgain},
		{"replace", "another file of the same name and priority takes the first one's place", testReplace},
		{"priority", "of two modules of one name that of the higher priority decides, and the other one when it is gone", testPriority},
		{"remove missing", "what is not there can't be removed", testRemoveMissing},
		{"disable", "a disabled module stays and does not decide; a new one of its name is disabled, too", testDisable},
		{"enabled anew", "a module that is installed after a disabled one was removed is enabled", testEnabledAnew},
		{"together", "several changes are made in one commit", testTogether},
		{"atomic", "one bad change in a commit, and none is made", testAtomic},
		{"changed", "a change that was planned on other modules is refused", testChanged},
		{"undo", "each change can be taken back", testUndo},
		{"content", "CIL can be had of what was installed, and nothing of what is not there", testContent},
		{"bad content", "what can't be linked is refused", testBadContent},
		{"types", "types, attributes and aliases of a module are in the policy, and its rules are for them", testTypes},
		{"booleans", "a boolean of a module switches its rules", testBooleans},
		{"transitions", "transitions of a module give new objects their types", testTransitions},
		{"roles", "a role of a module may have its types", testRoles},
		{"optional", "an optional block holds if what it requires is there", testOptional},
		{"between", "a module may use what another declares, and not be without it", testBetween},
		{"CIL", "a module in CIL decides as a package does", testCIL},
		{"persistence", "a second handle sees what the first one committed", testPersistence},
		{"cancelled", "a cancelled context stops a commit before it begins", testCancelled},
		{"concurrent", "of concurrent writers of one module exactly one adds it", testConcurrent},
		{"aliasing", "what a backend was given or returned is the caller's own", testAliasing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t, newHarness(t))
			switch {
			case s.h.ReadOnly && tt.name != "fresh":
				testReadOnly(t, s)
				return
			case s.h.Unlocked && tt.name == "concurrent":
				t.Skip("not for this backend")
			}
			tt.run(t, s)
			if t.Failed() {
				t.Log("the contract: " + tt.explanation)
			}
		})
	}
}

// session is a harness with modules to use on it.
type session struct {
	h      Harness
	store  *module.Store
	before []module.Record
	denied []policy.Access // each cured by the rule of the same number
}

func newSession(t *testing.T, h Harness) *session {
	t.Helper()
	s := &session{h: h, store: module.NewStore(h.Backend), denied: denied(t, h.Policy, 3)}
	table, err := s.store.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.before = table.All()
	if h.Shared {
		t.Cleanup(func() { s.clean(t) })
	}
	return s
}

// clean removes the suite's modules.
func (s *session) clean(t *testing.T) {
	table, err := s.store.Table(context.Background())
	if err != nil {
		t.Error(err)
		return
	}
	var changes []module.Change
	for _, r := range table.All() {
		if strings.HasPrefix(r.Name, name(0)[:len(name(0))-1]) {
			changes = append(changes, module.Change{Op: module.Remove, Key: r.Key, Before: r})
		}
	}
	if len(changes) == 0 {
		return
	}
	if err := s.h.Backend.Commit(context.Background(), changes); err != nil {
		t.Errorf("the suite's modules are left: %v", err)
	}
}

// denied returns accesses between the contexts of initial SIDs that the policy
// denies and that an allow rule cures.
func denied(t *testing.T, p *policy.Policy, n int) []policy.Access {
	t.Helper()
	var out []policy.Access
	for source := range p.InitialSIDs() {
		for target := range p.InitialSIDs() {
			for _, perm := range []string{"read", "write", "append"} {
				a := policy.Access{Source: source.Context, Target: target.Context, Class: "file", Permissions: []string{perm}}
				if !cured(p, a) || slices.ContainsFunc(out, func(b policy.Access) bool {
					return b.Source.Type() == a.Source.Type() && b.Target.Type() == a.Target.Type() && b.Permissions[0] == perm
				}) {
					continue
				}
				if out = append(out, a); len(out) == n {
					return out
				}
			}
		}
	}
	t.Fatal("the policy denies too little for this suite")
	return nil
}

func cured(p *policy.Policy, a policy.Access) bool {
	if d, err := p.Decide(a); err != nil || d.Allowed {
		return false
	}
	after, err := p.With(module.Changes([]module.Rule{ruleFor(a)})...)
	if err != nil {
		return false
	}
	d, err := after.Decide(a)
	return err == nil && d.Allowed
}

func ruleFor(a policy.Access) module.Rule {
	return module.Rule{Kind: module.Allow, Source: a.Source.Type(), Target: a.Target.Type(), Class: a.Class, Permissions: a.Permissions}
}

func name(i int) string { return fmt.Sprintf("sekit_suite%d", i) }

func key(i int) module.Key { return module.Key{Name: name(i), Priority: module.DefaultPriority} }

// content is a package by the name of number i that allows the accesses of the
// given numbers.
func (s *session) content(t *testing.T, i int, accesses ...int) module.Content {
	t.Helper()
	m := module.Module{Name: name(i)}
	for _, a := range accesses {
		m.Rules = append(m.Rules, ruleFor(s.denied[a]))
	}
	pp, err := m.PP(module.PPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return module.Content{Language: "pp", Data: pp}
}

func (s *session) install(t *testing.T, k module.Key, c module.Content) module.Change {
	t.Helper()
	change, err := s.store.Install(t.Context(), k, c)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func (s *session) table(t *testing.T) *module.Table {
	t.Helper()
	table, err := s.store.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// wantAdded checks which modules there are besides those of the fresh store.
func (s *session) wantAdded(t *testing.T, want ...module.Record) {
	t.Helper()
	got := slices.DeleteFunc(s.table(t).All(), func(r module.Record) bool { return slices.Contains(s.before, r) })
	if !slices.Equal(got, want) {
		t.Errorf("added modules are %v, want %v", got, want)
	}
}

func record(k module.Key, enabled bool) module.Record {
	return module.Record{Key: k, Language: "pp", Enabled: enabled}
}

// wantAllowed checks which of the accesses the linked policy allows.
func (s *session) wantAllowed(t *testing.T, want ...int) {
	t.Helper()
	if s.h.Linked == nil {
		return
	}
	p, err := s.h.Linked()
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for i, a := range s.denied {
		d, err := p.Decide(a)
		if err != nil {
			t.Fatal(err)
		}
		if d.Allowed {
			got = append(got, i)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the policy allows the accesses %v, want %v", got, want)
	}
}

func testFresh(t *testing.T, s *session) {
	if len(s.before) == 0 {
		t.Error("no modules")
	}
	s.wantAllowed(t)
}

func testReadOnly(t *testing.T, s *session) {
	if _, err := s.store.Install(t.Context(), key(0), s.content(t, 0, 0)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, want errors.ErrUnsupported", err)
	}
	s.wantAdded(t)
}

func testInstall(t *testing.T, s *session) {
	c := s.content(t, 0, 0)
	change := s.install(t, module.Key{Name: name(0)}, c)
	if change.Op != module.Install || change.Key != key(0) || change.Before.Name != "" {
		t.Errorf("%+v", change)
	}
	s.wantAdded(t, record(key(0), true))
	s.wantAllowed(t, 0)
	got, err := s.store.Content(t.Context(), key(0), module.AsInstalled)
	if err != nil || got.Language != "pp" || string(got.Data) != string(c.Data) {
		t.Errorf("content: %s, %d bytes, %v", got.Language, len(got.Data), err)
	}
	if _, err := s.store.Remove(t.Context(), key(0)); err != nil {
		t.Fatal(err)
	}
	s.wantAdded(t)
	s.wantAllowed(t)
}

func testInstallAgain(t *testing.T, s *session) {
	s.install(t, key(0), s.content(t, 0, 0))
	if change := s.install(t, key(0), s.content(t, 0, 0)); change.Op != module.Nothing {
		t.Errorf("again: %v", change)
	}
}

func testReplace(t *testing.T, s *session) {
	s.install(t, key(0), s.content(t, 0, 0))
	change := s.install(t, key(0), s.content(t, 0, 1))
	if change.Op != module.Install || change.Before != record(key(0), true) || len(change.Replaced.Data) == 0 {
		t.Errorf("%+v", change)
	}
	s.wantAdded(t, record(key(0), true))
	s.wantAllowed(t, 1)
}

func testPriority(t *testing.T, s *session) {
	low := module.Key{Name: name(0), Priority: 7}
	s.install(t, key(0), s.content(t, 0, 0))
	s.install(t, low, s.content(t, 0, 1))
	s.wantAdded(t, record(key(0), true), record(low, true))
	s.wantAllowed(t, 0)
	if got, err := s.table(t).Lookup(name(0)); err != nil || got.Key != key(0) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := s.store.Remove(t.Context(), key(0)); err != nil {
		t.Fatal(err)
	}
	s.wantAdded(t, record(low, true))
	s.wantAllowed(t, 1)
}

func testRemoveMissing(t *testing.T, s *session) {
	for _, k := range []module.Key{key(0), {Name: s.before[0].Name, Priority: 998}} {
		var missing *module.MissingError
		if c, err := s.store.Remove(t.Context(), k); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &missing) {
			t.Errorf("%v: %v, %v; want fs.ErrNotExist", k, c, err)
		}
		c := module.Change{Op: module.Remove, Key: k}
		if err := s.h.Backend.Commit(t.Context(), []module.Change{c}); err == nil {
			t.Errorf("%v: the backend removed what is not there", k)
		}
	}
	if _, err := s.store.Disable(t.Context(), name(0)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("disable: %v, want fs.ErrNotExist", err)
	}
	s.wantAdded(t)
}

func testDisable(t *testing.T, s *session) {
	s.install(t, key(0), s.content(t, 0, 0))
	if c, err := s.store.Disable(t.Context(), name(0)); err != nil || c.Op != module.Disable {
		t.Fatal(c, err)
	}
	s.wantAdded(t, record(key(0), false))
	s.wantAllowed(t)
	if c, err := s.store.Disable(t.Context(), name(0)); err != nil || c.Op != module.Nothing {
		t.Errorf("again: %v, %v", c, err)
	}
	low := module.Key{Name: name(0), Priority: 7}
	s.install(t, low, s.content(t, 0, 1))
	s.wantAdded(t, record(key(0), false), record(low, false))
	if _, err := s.store.Enable(t.Context(), name(0)); err != nil {
		t.Fatal(err)
	}
	s.wantAdded(t, record(key(0), true), record(low, true))
	s.wantAllowed(t, 0)
}

func testEnabledAnew(t *testing.T, s *session) {
	s.install(t, key(0), s.content(t, 0, 0))
	if _, err := s.store.Disable(t.Context(), name(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Remove(t.Context(), key(0)); err != nil {
		t.Fatal(err)
	}
	s.install(t, key(0), s.content(t, 0, 0))
	s.wantAdded(t, record(key(0), true))
}

// plan plans the installation of several modules, each on the ones before.
func (s *session) plan(t *testing.T, contents ...module.Content) []module.Change {
	t.Helper()
	table := s.table(t)
	var changes []module.Change
	for i, c := range contents {
		change, err := table.PlanInstall(t.Context(), key(i), c)
		if err != nil {
			t.Fatal(err)
		}
		if table, err = table.With(change); err != nil {
			t.Fatal(err)
		}
		changes = append(changes, change)
	}
	return changes
}

func testTogether(t *testing.T, s *session) {
	changes := s.plan(t, s.content(t, 0, 0), s.content(t, 1, 1))
	table, err := s.table(t).With(changes...)
	if err != nil {
		t.Fatal(err)
	}
	disable, err := table.PlanDisable(name(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Commit(t.Context(), append(changes, disable)...); err != nil {
		t.Fatal(err)
	}
	s.wantAdded(t, record(key(0), true), record(key(1), false))
	s.wantAllowed(t, 0)
}

func testAtomic(t *testing.T, s *session) {
	good := s.plan(t, s.content(t, 0, 0))[0]
	for _, bad := range []module.Change{
		{Op: module.Remove, Key: key(1), Before: record(key(1), true)},
		{Op: module.Install, Key: module.Key{Name: "../sekit_suite", Priority: 400}, Content: good.Content},
		{Op: module.Install, Key: key(1), Content: module.Content{Language: "cil", Data: []byte("(allow no_such_type self (file (read)))")}},
	} {
		for _, changes := range [][]module.Change{{good, bad}, {bad, good}} {
			if err := s.h.Backend.Commit(t.Context(), changes); err == nil {
				t.Errorf("the backend took %v", bad)
			}
			s.wantAdded(t)
		}
	}
	s.wantAllowed(t)
}

func testChanged(t *testing.T, s *session) {
	change := s.plan(t, s.content(t, 0, 0))[0]
	s.install(t, key(0), s.content(t, 0, 1))
	if err := s.store.Commit(t.Context(), change); !errors.Is(err, module.ErrChanged) {
		t.Errorf("install: %v, want ErrChanged", err)
	}
	remove, err := s.table(t).PlanRemove(t.Context(), key(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Disable(t.Context(), name(0)); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Commit(t.Context(), remove); !errors.Is(err, module.ErrChanged) {
		t.Errorf("remove: %v, want ErrChanged", err)
	}
	s.wantAdded(t, record(key(0), false))
}

func testUndo(t *testing.T, s *session) {
	undo := func(c module.Change) {
		t.Helper()
		changes, err := s.table(t).PlanUndo(t.Context(), c)
		if err == nil {
			err = s.store.Commit(t.Context(), changes...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	first := s.install(t, key(0), s.content(t, 0, 0))
	second := s.install(t, key(0), s.content(t, 0, 1))
	if _, err := s.table(t).PlanUndo(t.Context(), first); !errors.Is(err, module.ErrChanged) {
		t.Errorf("undo of what was replaced: %v, want ErrChanged", err)
	}
	undo(second)
	s.wantAllowed(t, 0)
	disabled, err := s.store.Disable(t.Context(), name(0))
	if err != nil {
		t.Fatal(err)
	}
	removed, err := s.store.Remove(t.Context(), key(0))
	if err != nil {
		t.Fatal(err)
	}
	undo(removed)
	s.wantAdded(t, record(key(0), false))
	undo(disabled)
	s.wantAllowed(t, 0)
	undo(first)
	s.wantAdded(t)
	for _, done := range []module.Change{first, {Op: module.Nothing, Key: key(0)}} {
		if again, err := s.table(t).PlanUndo(t.Context(), done); err != nil || len(again) != 0 {
			t.Errorf("undone already: %v, %v", again, err)
		}
	}
}

func testContent(t *testing.T, s *session) {
	s.install(t, key(0), s.content(t, 0, 0))
	c, err := s.store.Content(t.Context(), key(0), module.InCIL)
	if err != nil || c.Language != "cil" || len(c.Data) == 0 {
		t.Errorf("CIL: %q, %v", c.Data, err)
	}
	for _, form := range []module.Form{module.AsInstalled, module.InCIL} {
		if c, err := s.store.Content(t.Context(), key(1), form); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing: %v, %v", c, err)
		}
		if c, err := s.h.Backend.Content(t.Context(), key(1), form); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing: %v, %v", c, err)
		}
	}
}

func testBadContent(t *testing.T, s *session) {
	pp := s.content(t, 1, 0)
	for what, c := range map[string]module.Content{
		"empty": {Language: "pp"}, "damaged": {Language: "pp", Data: pp.Data[:len(pp.Data)/2]},
		"name": pp, "language": {Language: "a/b", Data: pp.Data},
	} {
		if change, err := s.store.Install(t.Context(), key(0), c); err == nil {
			t.Errorf("%s: %v", what, change)
		}
	}
	for _, k := range []module.Key{{Name: "-x"}, {Name: "a/b"}, {Name: ""}, {Name: name(1), Priority: 1000}, {Name: name(1), Priority: -1}} {
		if change, err := s.store.Install(t.Context(), k, pp); err == nil {
			t.Errorf("%v: %v", k, change)
		}
	}
	m := module.Module{Name: name(0), Rules: []module.Rule{{Kind: module.Allow, Source: "sekit_no_such_type",
		Target: module.Self, Class: "file", Permissions: []string{"read"}}}}
	data, err := m.PP(module.PPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Install(t.Context(), key(0), module.Content{Language: "pp", Data: data}); err == nil {
		t.Error("a module was linked whose type the policy lacks")
	}
	s.wantAdded(t)
}

func testPersistence(t *testing.T, s *session) {
	if s.h.Reopen == nil {
		t.Skip("not for this backend")
	}
	s.install(t, key(0), s.content(t, 0, 0))
	again := &session{h: s.h, store: module.NewStore(s.h.Reopen()), before: s.before, denied: s.denied}
	again.wantAdded(t, record(key(0), true))
}

func testCancelled(t *testing.T, s *session) {
	contract.Cancelled(t, s.h.Backend, s.plan(t, s.content(t, 0, 0))[0])
	s.wantAdded(t)
}

func testConcurrent(t *testing.T, s *session) {
	contract.Concurrent(t, s.h.Backend, s.plan(t, s.content(t, 0, 0))[0], module.ErrChanged)
}

func testAliasing(t *testing.T, s *session) {
	c := s.content(t, 0, 0)
	want := string(c.Data)
	s.install(t, key(0), c)
	clear(c.Data)
	for range 2 {
		got, err := s.h.Backend.Content(t.Context(), key(0), module.AsInstalled)
		if err != nil || string(got.Data) != want {
			t.Fatalf("the content was changed from outside: %v", err)
		}
		clear(got.Data)
		records, err := s.h.Backend.Modules(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		clear(records)
	}
	s.wantAdded(t, record(key(0), true))
}

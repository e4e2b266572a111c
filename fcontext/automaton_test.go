package fcontext

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// TestConcurrentLookups has many goroutines build the same automaton; the race
// detector watches, and the answers are those of the simulation.
func TestConcurrentLookups(t *testing.T) {
	db, err := Parse(Files{Contexts: strings.NewReader(benchText())}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	paths := benchPaths(db)[:2000]
	want := make([]int32, len(paths))
	for i, p := range paths {
		want[i] = db.findSlow(p, File)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range paths {
				j := (i*7 + g*251) % len(paths)
				if got := db.find(paths[j], File); got != want[j] {
					t.Errorf("%q: spec %d, want %d", paths[j], got, want[j])
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestStatesAreBounded makes the automaton drop its states again and again.
func TestStatesAreBounded(t *testing.T) {
	// (a|b)*a(a|b){16} needs 2^17 states and more.
	db := mustParse(t, OrderNewest, "/(a|b)*a(a|b){16}c last_t", "/.*d any_t")
	r := newSampler(6)
	dropped := false
	first := db.auto.cur.Load().gen
	for range 4000 {
		var b strings.Builder
		for range 40 {
			b.WriteString(r.pick("a", "b"))
		}
		p := b.String()
		want := ""
		if p[len(p)-17] == 'a' {
			want = "last_t"
		}
		checkTypes(t, db, []question{{"/" + p + "c", File, want}, {"/" + p + "d", File, "any_t"}})
		cur := db.auto.cur.Load()
		dropped = dropped || cur.gen != first
		if len(cur.gen.states) > maxStates {
			t.Fatalf("%d states", len(cur.gen.states))
		}
	}
	if !dropped {
		t.Error("the states were never dropped: the test does not test it")
	}
}

// TestHostileExpressions: time is bounded by the path and the specs. A
// backtracking matcher would be at each of these for longer than the universe.
func TestHostileExpressions(t *testing.T) {
	db := mustParse(t, Order34, "/(a*)*b one_t", "/(a|a|aa)+c two_t", "/((a?){60}){60}d three_t", "/(.*)*(.*)*(.*)*e four_t")
	start := time.Now()
	long := "/" + strings.Repeat("a", 3000)
	checkTypes(t, db, []question{
		{long, File, ""}, {long + "b", File, "one_t"}, {long + "c", File, "two_t"}, {long + "d", File, "three_t"}, {long + "e", File, "four_t"},
	})
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestLookupDoesNotAllocate once the paths have been seen.
func TestLookupDoesNotAllocate(t *testing.T) {
	db, err := Parse(Files{
		Contexts: strings.NewReader(benchText()),
		SubsDist: strings.NewReader("/lib64 /usr/lib\n"),
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/usr/bin/tool7", "/var/lib/tool3/x/y", "/lib64/libc.so.6", "/nowhere", "/usr/bin/tool7/", "/etc/rc.d/init.d/tool9x"}
	for _, p := range paths {
		db.Lookup(p, File)
	}
	for _, p := range paths {
		if n := testing.AllocsPerRun(100, func() { db.Lookup(p, File) }); n != 0 {
			t.Errorf("Lookup(%q) allocates %v times", p, n)
		}
	}
}

package policy

import (
	"errors"
	"testing"
)

// Of decide.conf: s0 goes with c0 to c2, s1 (alias secret) with c0 to c4; blue
// is an alias of c2.
func TestLevels(t *testing.T) {
	p := openTest(t, "decide.policy")
	for text, want := range map[string]string{
		"s0":             "s0",
		"s0:c0":          "s0:c0",
		"s0:c1,c0":       "s0:c0,c1",
		"s0:c0.c2":       "s0:c0.c2",
		"s0:c0,c1,blue":  "s0:c0.c2",
		"secret:c0,c2":   "s1:c0,c2",
		"s1:c0.c1,c3.c4": "s1:c0,c1,c3,c4",
		"":               "",
		"s0:":            "",
		"s0:c3":          "",
		"s0:c2.c0":       "",
		"s0-s1":          "",
		"s0:c0:c1":       "",
	} {
		l, err := p.ParseLevel(text)
		if l.String() != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, ErrInvalidContext) {
			t.Errorf("%q: %q, %v, want %q", text, l, err, want)
		}
	}
	level := func(text string) Level {
		l, err := p.ParseLevel(text)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, test := range []struct {
		a, b     string
		dom, sub bool
	}{
		{"s0", "s0", true, true},
		{"s1", "s0", true, false},
		{"s1:c0", "s0:c0,c1", false, false}, // incomparable
		{"s0:c0.c2", "s0:c1", true, false},
		{"s0:c0", "s0:c1", false, false},
	} {
		a, b := level(test.a), level(test.b)
		if p.Dominates(a, b) != test.dom || p.Dominates(b, a) != test.sub {
			t.Errorf("%v and %v: %v, %v", a, b, p.Dominates(a, b), p.Dominates(b, a))
		}
	}
	if p.Dominates(Level{}, level("s0")) || p.Dominates(level("s0"), Level{}) {
		t.Error("the zero level dominates, or is dominated")
	}
	if level("s0:blue") != level("s0:c2") {
		t.Error("equal levels differ")
	}
	low, high, err := p.ParseRange("s0-secret:c3,c4")
	if err != nil || low != level("s0") || high != level("s1:c3,c4") {
		t.Errorf("%v, %v, %v", low, high, err)
	}
	low, high, err = p.ParseRange("s0:c1")
	if err != nil || low != level("s0:c1") || high != low {
		t.Errorf("%v, %v, %v", low, high, err)
	}
	for _, text := range []string{"", "s1-s0", "s0:c0-s1", "s0-s0-s0", "s0-", "-s0", "s0:c3-s1:c3"} {
		if low, high, err := p.ParseRange(text); err == nil || low.IsValid() || high.IsValid() {
			t.Errorf("%q: %v, %v", text, low, high)
		}
	}
	if _, err := openTest(t, "bounds.policy").ParseLevel("s0"); err == nil {
		t.Error("a policy without MLS has a level")
	}
}

package policy

import (
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// Expressions in reverse Polish order and how they are written: operands in the
// order that SETools has, which is the other way round, and parentheses wherever
// the text would mean something else without them.
func TestConditionText(t *testing.T) {
	p := &Policy{sym: &symbols{booleans: []string{"a", "b", "c"}}}
	const a = 'a'
	ops := map[rune]policydb.CondOp{'!': policydb.CondNot, '&': policydb.CondAnd, '|': policydb.CondOr,
		'^': policydb.CondXor, '=': policydb.CondEq, '#': policydb.CondNeq}
	for polish, want := range map[string]string{
		"a":        "a",
		"a!":       "! a",
		"ab&":      "b && a",
		"ab|":      "b || a",
		"ab^":      "b ^ a",
		"ab=":      "b == a",
		"ab#":      "b != a",
		"ab|c&":    "( c && ( b || a ) )", // SETools: ( c && b || a )
		"ab&c|":    "c || b && a",
		"ab&!":     "! ( b && a )",
		"a!b&":     "b && ! a",
		"a!!":      "! ( ! a )",
		"ab=c&":    "c && b == a",
		"abc&|":    "c && b || a",
		"ab|bc|&":  "( ( c || b ) && ( b || a ) )", // SETools: ( ( c || b ) && b || a )
		"ab&&":     "",                             // malformed: no operand
		"ab":       "",
		"":         "",
		"ab&b|c|!": "! ( ( c || b || b && a ) )",
	} {
		var expr []policydb.CondTerm
		for _, r := range polish {
			if op, ok := ops[r]; ok {
				expr = append(expr, policydb.CondTerm{Op: op})
			} else {
				expr = append(expr, policydb.CondTerm{Op: policydb.CondBool, Boolean: uint32(r-a) + 1})
			}
		}
		if got := p.condExpression(expr); got != want {
			t.Errorf("%s: %q, want %q", polish, got, want)
		}
	}
}

func TestMatchWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"/class/*", "/class/net", true},
		{"/class/*", "/class", false},
		{"/dev?/x", "/dev1/x", true},
		{"/dev?/x", "/dev/x", false},
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyy", false},
		{"a**", "a", true},
		{"*a", "bab", false},
	} {
		if got := matchWildcard(c.pattern, c.s); got != c.want {
			t.Errorf("%q %q: %v", c.pattern, c.s, got)
		}
	}
}

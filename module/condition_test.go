package module

import "testing"

// TestConditionBuilt makes conditions by code and reads the same ones as text:
// in the module language ! binds before &&, and && before ||.
func TestConditionBuilt(t *testing.T) {
	a, b, c := When("a"), When("b"), When("c")
	for text, built := range map[string]*Condition{
		"a && !b || c":   Or(And(a, Not(b)), c),
		"a && (b || c)":  And(a, Or(b, c)),
		"!(a || b) && c": And(Not(Or(a, b)), c),
	} {
		m, err := ParseTE("c.te", []byte("module c 1.0;\nrequire { bool a, b, c; type t; class file read; }\nif ("+text+") { allow t self:file read; }\n"))
		if err != nil {
			t.Fatal(err)
		}
		var read *Condition
		for _, s := range m.Statements {
			if s, ok := s.(*If); ok {
				read = s.Condition
			}
		}
		if read == nil || !sameCondition(read, built) {
			t.Errorf("%s: read as %v, built %v", text, read, built)
		}
	}
}

func sameCondition(a, b *Condition) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Boolean == b.Boolean && a.Operator == b.Operator && sameCondition(a.Left, b.Left) && sameCondition(a.Right, b.Right)
}

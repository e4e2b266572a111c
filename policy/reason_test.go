package policy

import (
	"encoding/json"
	"testing"
)

func TestReasonText(t *testing.T) {
	p := openTest(t, "decide.policy")
	constraint := Constraint{p: p, class: p.sym.classByName["file"], index: 0}
	for _, test := range []struct {
		reason     Reason
		text, json string
	}{
		{NoRule{"a_t", "b_t", "file", "read"}, "no rule allows a_t b_t:file read",
			`"source":"a_t","target":"b_t","class":"file","permission":"read"`},
		{RuleOff{Rule: ruleOf(t, p, access("system_u:system_r:app_t:s0 system_u:object_r:db_port_t:s0 tcp_socket x"), "name_connect"),
			Flips: []SetBoolean{{"b", true}, {"c", false}}},
			"a conditional rule is off: allow app_t port_type:tcp_socket name_connect; [ app_net ]:True (on with b=on or c=off)",
			`"rule":"allow app_t port_type:tcp_socket name_connect; [ app_net ]:True","flips":[{"change":"boolean","name":"b","on":true},{"change":"boolean","name":"c","on":false}]`},
		{RoleNotAllowed{"a_r", "b_r"}, "role a_r may not change to role b_r", `"from":"a_r","to":"b_r"`},
		{OutOfBounds{"a_t", "b_t", "c_t", "file", "read"}, "a_t is bounded by b_t, which is not allowed c_t:file read itself",
			`"target":"c_t","class":"file","permission":"read","type":"a_t","bounds":"b_t"`},
		{XpermNotAllowed{"ioctl", 0x5401, 2}, "ioctl 0x5401 is not among the extended permissions allowed",
			`"permission":"ioctl","xperm":21505`},
		{UnknownClass{"bpf", DenyUnknown}, "the policy doesn't know the class bpf, and handle_unknown is deny", `"class":"bpf"`},
		{UnknownPermission{"file", "watch", RejectUnknown}, "the policy doesn't know the permission watch of the class file, and handle_unknown is reject",
			`"class":"file","permission":"watch"`},
		{ConstraintFailed{Constraint: constraint, Expr: ConstraintNode{Op: "dom", Left: "l1", Right: "l2", LeftValue: "s0", RightValue: "s1"}},
			"a constraint forbids it: " + constraint.Kind() + " file, which takes l1 (s0) dom l2 (s1)",
			`"class":"file","constraint":` + quoteJSON(constraint.String()) +
				`,"expr":{"op":"dom","value":false,"left":"l1","right":"l2","left_value":"s0","right_value":"s1"}`},
	} {
		if got := test.reason.String(); got != test.text {
			t.Errorf("%s, want %s", got, test.text)
		}
		got, err := json.Marshal(test.reason)
		want := `{"kind":"` + test.reason.Kind() + `","text":` + quoteJSON(test.text) + "," + test.json + "}"
		if err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// TestRelabelExposure: etc_t:file read and getattr are for the five domains, and
// app_t may read, write and getattr var_t.
func TestRelabelExposure(t *testing.T) {
	p := openTest(t, "decide.policy")
	// From var_t to etc_t: all domains but app_t and app_child_t (which have
	// read and getattr on both) gain read and getattr: 3 times 2. These two
	// lose write.
	x, err := p.RelabelExposure("var_t", "etc_t", "file")
	if want := (Exposure{Tuples: 6, Sources: 3, Targets: 1, Classes: 1, Revoked: 2}); err != nil || x != want {
		t.Errorf("%+v, %v, want %+v", x, err, want)
	}
	x, err = p.RelabelExposure("etc_t", "etc_t", "file", "dir")
	if err != nil || x != (Exposure{}) {
		t.Errorf("%+v, %v", x, err)
	}
	// A class named twice counts once; the two have rules for files alone.
	for _, classes := range [][]string{{"file", "file"}, nil} {
		x, err := p.RelabelExposure("var_t", "etc_t", classes...)
		if want := (Exposure{Tuples: 6, Sources: 3, Targets: 1, Classes: 1, Revoked: 2}); err != nil || x != want {
			t.Errorf("%v: %+v, %v, want %+v", classes, x, err, want)
		}
	}
	for _, names := range [][3]string{{"nope", "etc_t", "file"}, {"etc_t", "nope", "file"}, {"etc_t", "var_t", "nope"}} {
		if x, err := p.RelabelExposure(names[0], names[1], names[2]); err == nil || x != (Exposure{}) {
			t.Errorf("%v: %+v, %v", names, x, err)
		}
	}
}

// A constraint that fails is explained by what it lacks: not by comparisons
// that do not hold where the other side of an "or" does, and under a "not" by
// the one that holds.
func TestConstraintWants(t *testing.T) {
	leaf := func(name string, value bool) ConstraintNode {
		return ConstraintNode{Op: "==", Left: name, Right: "x", LeftValue: "1", RightValue: "2", Value: value}
	}
	node := func(op string, value bool, operands ...ConstraintNode) ConstraintNode {
		return ConstraintNode{Op: op, Value: value, Operands: operands}
	}
	for _, test := range []struct {
		expr ConstraintNode
		want string
	}{
		{leaf("a", false), "a (1) == x (2)"},
		{node("or", false, leaf("a", false), leaf("b", false)), "a (1) == x (2) or b (1) == x (2)"},
		{node("and", false, leaf("a", true), leaf("b", false)), "b (1) == x (2)"},
		{node("and", false, node("or", true, leaf("a", false), leaf("b", true)), leaf("c", false)), "c (1) == x (2)"},
		{node("and", false, node("or", false, leaf("a", false), leaf("b", false)), leaf("c", false)),
			"(a (1) == x (2) or b (1) == x (2)) and c (1) == x (2)"},
		{node("not", false, leaf("a", true)), "not (a (1) == x (2))"},
		{node("or", false, leaf("a", false), node("not", false, leaf("b", true))), "a (1) == x (2) or not (b (1) == x (2))"},
	} {
		if got := test.expr.wanting(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

package module_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
)

//go:generate sh -c "cd testdata && checkmodule -M -m -o everything.mod everything.te"

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sameModule compares two .mod files but for the order of tables.
func sameModule(t testing.TB, ours, theirs []byte) bool {
	t.Helper()
	var out [2][]byte
	for i, data := range [...][]byte{ours, theirs} {
		m, err := policydb.DecodeModule(data)
		if err != nil {
			t.Fatal(err)
		}
		normal(m)
		if out[i], err = policydb.EncodeModule(m); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Equal(out[0], out[1])
}

// TestParseTEAsCheckmodule compiles one of each statement to what checkmodule
// made of it, and again from our own text, and from checkmodule's file.
func TestParseTEAsCheckmodule(t *testing.T) {
	want := read(t, "testdata/everything.mod")
	m, err := module.ParseTE("everything.te", read(t, "testdata/everything.te"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.TE()
	if err != nil {
		t.Fatal(err)
	}
	again, err := module.ParseTE("again.te", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	decompiled, err := module.ParseMod(want)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*module.Module{"text": m, "our text": again, "file": decompiled} {
		got, err := m.Mod(module.ModOptions{PolicyVersion: 21})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !sameModule(t, got, want) {
			t.Errorf("%s: another module", name)
		}
	}
	lowest, err := m.Mod(module.ModOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// self in a type rule is what wants the newest version here.
	if m, err := policydb.DecodeModule(lowest); err != nil || m.Version != 21 {
		t.Errorf("version %d, %v", m.Version, err)
	}
}

func TestParseTEErrors(t *testing.T) {
	const head = "module m 1.0;\nrequire { type a_t; attribute attr; class file { read write }; bool b; role r; }\n"
	for _, tt := range []struct{ text, err string }{
		{"", "m.te:1:1: expected module, found end of file"},
		{"policy_module(m, 1.0)", `m.te:1:1: expected module, found "policy_module"`},
		{"module m;", `m.te:1:9: expected a version, such as 1.0, found ";"`},
		{"module m 1.0", "m.te:1:13: expected ';', found end of file"},
		{"module m.n 1.0;", `invalid module name "m.n": has a dot`},
		{head + "allow a_t a_t:file read\nallow a_t a_t:file write;", "m.te:4:1: expected ';', found the keyword allow"},
		{head + "allow a_t a_t:file { read write;", `m.te:3:32: expected a permission, '-' or '}', found ";"`},
		{head + "allow a_t;", `m.te:3:10: expected a type or a set of such, found ";"`},
		{head + "type t1;", "m.te:3:6: expected a type, found the keyword t1"},
		{head + "type c_t alias;", `m.te:3:15: expected an alias or a set of such, found ";"`},
		{head + "portcon tcp 80 u:r:a_t;", "m.te:3:1: not supported: the statement portcon in a module: only base modules have it"},
		{head + "  allow a_t b_t:file read;", `m.te:3:3: the type "b_t" is neither declared nor required here`},
		{head + "allow a_t a_t:file open;", `m.te:3:1: the permission of file "open" is neither declared nor required here`},
		{head + "allow a_t a_t:dir read;", `m.te:3:1: the class "dir" is neither declared nor required here`},
		{head + "type c_t;\ntype c_t;", `m.te:4:1: the type "c_t" is declared a second time`},
		{head + "typeattribute a_t b_t;", `m.te:3:1: the attribute "b_t" is neither declared nor required here`},
		{head + "if (b) { role r types a_t; }", "m.te:3:10: expected a rule that can be conditional, found the keyword role"},
		{head + "if (b) { type_transition a_t a_t:file a_t \"n\"; }", "m.te:3:10: a type_transition with a file name cannot be conditional"},
		{head + "optional { allow a_t a_t:file read; }", "m.te:3:1: the block requires nothing"},
		{head + "optional { require { type o_t; } } else { type n_t; }", "m.te:3:43: the else branch of an optional block may neither declare nor require"},
		{head + "optional { require { type o_t; } }\nallow a_t o_t:file read;", `m.te:4:1: the type "o_t" is neither declared nor required here`},
		{head + "allow * a_t:file read;", "m.te:3:1: * and ~ are for neverallow rules alone"},
		{head + "allowxperm a_t a_t:file ioctl 0x10000;", `m.te:3:31: "0x10000" is no extended permission: value out of range`},
		{head + "user u roles r;\nallow a_t a_t:file read;", "m.te:4:1: expected a user statement or the end of the block: users come last, found the keyword allow"},
		{head + "#line 7 \"other.te\"\nallow a_t a_t file read;", `other.te:7:15: expected ':' and a class, or ';' after two roles, found "file"`},
		{head + "type_transition a_t a_t:file a_t \"a/b\";", `m.te:3:34: expected ';', found "\""`},
		{head + "if (" + strings.Repeat("(", 100) + "b", "m.te:3:69: condition deeper than 64"},
		{head + "allow " + strings.Repeat("{ ", 100), "m.te:3:137: sets deeper than 64"},
		{head + strings.Repeat("optional { ", 100), "m.te:3:716: blocks deeper than 64"},
		{head + strings.Repeat("optional { require { type o_t; } }", 1<<15+1), "more than 32768 optional blocks"},
		{"module m 1.0;\x00", "m.te:1:14: NUL in the text"},
	} {
		m, err := module.ParseTE("m.te", []byte(tt.text))
		if m != nil || err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q:\n got %v\nwant %s", tt.text, err, tt.err)
		}
	}
	_, err := module.ParseTE("m.te", []byte(head+"allow a_t b_t:file read;"))
	var at *module.StatementError
	var name *module.UnknownNameError
	if !errors.As(err, &at) || at.Pos != (module.Pos{File: "m.te", Line: 3, Column: 1}) || !errors.As(err, &name) || name.Name != "b_t" {
		t.Errorf("%#v", err)
	}
	_, err = module.ParseTE("m.te", []byte("module"))
	var syntax *module.SyntaxError
	if !errors.As(err, &syntax) || syntax.Found != "end of file" {
		t.Errorf("%#v", err)
	}
}

// TestConditions reads conditions as checkpolicy's grammar binds operators:
// or, xor, and, not, equality, in ascending order.
func TestConditions(t *testing.T) {
	for text, want := range map[string]string{
		"a":                   "a",
		"!a == b":             "!(a == b)",
		"not a and b":         "!a && b",
		"a || b && c":         "a || (b && c)",
		"a ^ b || c ^ d && e": "(a ^ b) || (c ^ (d && e))",
		"a != b eq c":         "(a != b) == c",
		"(a || b) && !(!c)":   "(a || b) && !!c",
	} {
		m, err := module.ParseTE("m.te", []byte("module m 1;\nrequire { bool a, b, c, d, e; type t; class file read; }\nif "+text+" { allow t t:file read; }"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := m.Statements[1].(*module.If).Condition.String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestConditionsApart wants two conditions kept apart which libsepol's
// cond_expr_equal takes for one: it compares truth tables of the booleans in
// their own order, and so checkmodule puts the second rule under the first
// condition. The tables are the same here: true where the first is on alone.
func TestConditionsApart(t *testing.T) {
	m, err := module.ParseTE("m.te", []byte(`module m 1; require { bool a, b; type t; class file { read write }; }
		if (a && !b) { allow t t:file read; }
		if (b && !a) { allow t t:file write; }
		if (!b && a) { allow t t:file write; }`))
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.Mod(module.ModOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := policydb.DecodeModule(data)
	if err != nil {
		t.Fatal(err)
	}
	// The last comes first; the third is the first's.
	if c := out.Blocks[0].Branches[0].Conditionals; len(c) != 2 || len(c[0].True) != 1 || len(c[1].True) != 2 {
		t.Errorf("%+v", c)
	}
}

// TestBuild builds a module in code; what it uses and does not declare is
// required.
func TestBuild(t *testing.T) {
	m := &module.Module{
		Name: "built",
		Statements: []module.Statement{
			&module.Attribute{Name: "b_types"},
			&module.Type{Name: "b_t", Attributes: []string{"domain", "b_types"}},
			&module.Boolean{Name: "b_net"},
			&module.AccessRule{Kind: module.Allow, Sources: module.Types("b_types"), Targets: module.Types("etc_t", "-shadow_t", "self"),
				Classes: []string{"file", "dir"}, Permissions: module.Permissions("read", "getattr")},
			&module.If{Condition: module.When("b_net"), Then: []module.Statement{
				&module.Rule{Kind: module.Allow, Source: "b_t", Target: "http_port_t", Class: "tcp_socket", Permissions: []string{"name_connect"}},
			}},
			&module.TypeRule{Kind: module.TypeTransition, Sources: module.Types("init_t"), Targets: module.Types("etc_t"),
				Classes: []string{"process"}, NewType: "b_t"},
			&module.RangeTransition{Sources: module.Types("init_t"), Targets: module.Types("etc_t"),
				Range: module.Range{Low: module.Level{Sensitivity: "s0"}, High: module.Level{Sensitivity: "s0",
					Categories: []module.CategoryRange{{Low: "c0", High: "c1023"}, {Low: "c9", High: "c10"}}}}},
			&module.Optional{
				Body: []module.Statement{&module.RoleTypes{Role: "cron_r", Types: module.Types("b_t")}},
				Else: []module.Statement{&module.Rule{Kind: module.DontAudit, Source: "b_t", Target: "cron_t", Class: "fd", Permissions: []string{"use"}}},
			},
		},
		Rules: []module.Rule{allow("b_t", "log_t", "file", "append")},
	}
	want := `module built 1.0;

require {
	attribute domain;
	type cron_t;
	type etc_t;
	type http_port_t;
	type init_t;
	type log_t;
	type shadow_t;
	sensitivity s0;
	category c0;
	category c9;
	category c10;
	category c1023;
	class dir { getattr read };
	class fd use;
	class file { append getattr read };
	class process transition;
	class tcp_socket name_connect;
}

attribute b_types;

type b_t, domain, b_types;

bool b_net false;

allow b_types { etc_t self -shadow_t }:{ file dir } { read getattr };

if (b_net) {
	allow b_t http_port_t:tcp_socket name_connect;
}

type_transition init_t etc_t:process b_t;

range_transition init_t etc_t s0 - s0:c0.c1023,c9.c10;

optional {
	require {
		role cron_r;
	}

	role cron_r types b_t;
} else {
	dontaudit b_t cron_t:fd use;
}

#### b_t ####
allow b_t log_t:file append;
`
	text, err := m.TE()
	if err != nil || string(text) != want {
		t.Fatalf("%v\n%s", err, text)
	}
	again, err := module.ParseTE("built.te", text)
	if err != nil {
		t.Fatal(err)
	}
	a, err1 := m.Mod(module.ModOptions{})
	b, err2 := again.Mod(module.ModOptions{})
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("another module: %v, %v", err1, err2)
	}
	if _, err := m.CIL(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("an else branch in CIL: %v", err)
	}
	m.Statements[len(m.Statements)-1].(*module.Optional).Else = nil
	want = `; module built 1.0
(typeattribute b_types)
(type b_t)
(roletype object_r b_t)
(typeattributeset domain (b_t))
(typeattributeset b_types (b_t))
(boolean b_net false)
(allow b_types built_typeattr_1 (file (read getattr)))
(allow b_types built_typeattr_1 (dir (read getattr)))
(allow b_types self (file (read getattr)))
(allow b_types self (dir (read getattr)))
(booleanif (b_net)
    (true
        (allow b_t http_port_t (tcp_socket (name_connect)))
    )
)
(typetransition init_t etc_t process b_t)
(rangetransition init_t etc_t process ((s0) (s0 ((range c0 c1023) (range c9 c10)))))
(optional built_optional_2
    (roletype cron_r b_t)
)

(allow b_t log_t (file (append)))
(typeattribute built_typeattr_1)
(typeattributeset built_typeattr_1 (and (etc_t) (not (shadow_t))))
`
	if text, err := m.CIL(); err != nil || string(text) != want {
		t.Errorf("%v\n%s", err, text)
	}
	// A module that requires nothing requires what is always there.
	m = &module.Module{Name: "m", Statements: []module.Statement{&module.Type{Name: "b_t"}}}
	if text, err := m.TE(); err != nil || !strings.Contains(string(text), "\trole object_r;\n") {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestLowestVersion wants the version that brought the newest thing that a
// module says, and any older refused.
func TestLowestVersion(t *testing.T) {
	const head = "module m 1;\nrequire { type a_t; attribute at; class file { read ioctl }; class process signal; role r; bool b; sensitivity s0; }\n"
	for text, want := range map[string]int{
		"allow a_t a_t:file read;":                                  5, // MLS
		"user u roles r level s0 range s0;":                         6,
		"range_transition a_t a_t s0;":                              6,
		"permissive a_t;":                                           8,
		"type b_t; typebounds a_t b_t;":                             9,
		"require { type c_t; } type d_t alias c_t;":                 10,
		"type_transition a_t a_t:file a_t \"name\";":                11,
		"role_transition r a_t r;":                                  5,
		"role_transition r a_t:file r;":                             12,
		"attribute_role ra;":                                        13,
		"tunable t true;":                                           14,
		"allowxperm a_t a_t:file ioctl 1;":                          18,
		"type_change a_t self:file a_t;":                            21,
		"if (b) { allowxperm a_t a_t:file ioctl 1; }":               22,
		"neveraudit a_t;":                                           23,
		"typeattribute at at;":                                      24,
		"if (b) { allow a_t self:file read; } allow r r; type n_t;": 5,
	} {
		m, err := module.ParseTE("m.te", []byte(head+text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		data, err := m.Mod(module.ModOptions{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := policydb.DecodeModule(data); err != nil || int(got.Version) != want {
			t.Errorf("%s: version %d, %v, want %d", text, got.Version, err, want)
		}
		var e *module.PolicyVersionError
		if _, err := m.Mod(module.ModOptions{PolicyVersion: want - 1}); !errors.As(err, &e) || e.Since != want {
			t.Errorf("%s: in version %d: %v", text, want-1, err)
		}
	}
}

// FuzzParseTE wants of any text that it is refused, or gives a module that is
// the same when it is written and read again, from its text and its file.
func FuzzParseTE(f *testing.F) {
	f.Add(read(f, "testdata/everything.te"))
	f.Add([]byte("module m 1.0; require { type a; class file read; } allow a { a -a }:file read;"))
	f.Add([]byte("module m 1; require { bool b; type t; class file read; } if (!b) {} else { allow t t:file *; }"))
	f.Add([]byte("module m 1; require { type t; } optional { require { type u; } type v, w; } else { ; }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := module.ParseTE("m.te", data)
		if err != nil {
			if m != nil {
				t.Fatalf("a module beside %v", err)
			}
			return
		}
		text, err := m.TE()
		if err != nil {
			t.Fatalf("no text: %v", err)
		}
		again, err := module.ParseTE("again.te", text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		a, err1 := m.Mod(module.ModOptions{})
		b, err2 := again.Mod(module.ModOptions{})
		if (err1 == nil) != (err2 == nil) || !bytes.Equal(a, b) {
			t.Fatalf("another module: %v, %v in\n%s", err1, err2, text)
		}
		if err1 != nil {
			return
		}
		if _, err := module.ParseMod(a); err != nil {
			t.Fatalf("not read: %v in\n%s", err, text)
		}
	})
}

func ExampleParseTE() {
	m, err := module.ParseTE("hello.te", []byte(`
module hello 1.0;
require {
	type init_t;
	class process { transition signal };
}
type hello_t;
allow init_t hello_t:process { signal transiton };
`))
	fmt.Println(m, err)
	// Output:
	// <nil> hello.te:8:1: the permission of process "transiton" is neither declared nor required here
}

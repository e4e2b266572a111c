package module_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

const cilText = `; what a module may say
(typeattributeset cil_types (c_t c_exec_t))
(typeattribute cil_types)
(type c_t) (roletype object_r c_t)
(type c_exec_t)
(typealias c_old_t)(typealiasactual c_old_t c_t)
(typeattributeset cil_gen_require (domain))
(typeattributeset domain (c_t))
(boolean c_on true)
(roleattributeset cil_gen_require system_r)
(roletype system_r c_t)
(user c_u)
(userrole c_u object_r)
(userrole c_u system_r)
(userlevel c_u (s0))
(userrange c_u ((s0) (s0 ((range c0 c9) c12))))
(typeattribute c_typeattr_1)
(typeattributeset c_typeattr_1 (and (domain) (not (c_t))))
(allow c_t c_typeattr_1 (file (read write)))
(allowx c_t c_exec_t (ioctl file (0x5401 (range 0x8900 0x89ff))))
(typetransition c_t c_exec_t file "a name" c_old_t)
(rangetransition c_t c_exec_t process ((s0) (s0)))
(booleanif (and (c_on) (not (c_off)))
	(true (allow c_t self (process (signal))))
	(false (dontaudit c_t self (process (signal)))))
(optional c_optional
	(typeattributeset cil_gen_require other_t)
	(allow c_t other_t (fd (use))))
(filecon "/usr/bin/c(/.*)?" file (system_u object_r c_exec_t ((s0) (s0))))
(filecon "/srv/c" any ())
`

func TestParseCIL(t *testing.T) {
	m, contexts, err := module.ParseCIL("c.cil", []byte(cilText), module.CILOptions{Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	want := []module.FileContext{
		{Regexp: "/usr/bin/c(/.*)?", Kind: module.RegularFile, Context: policy.MustParseContext("system_u:object_r:c_exec_t:s0")},
		{Regexp: "/srv/c"},
	}
	if !reflect.DeepEqual(contexts, want) {
		t.Errorf("%v", contexts)
	}
	te, err := m.TE()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"attribute domain;", "type c_t;", "typealias c_t alias c_old_t;", "typeattribute c_exec_t cil_types;",
		"allow c_t { domain -c_t }:file { read write };", "allowxperm c_t c_exec_t:file ioctl { 0x5401 0x8900-0x89ff };",
		`type_transition c_t c_exec_t:file c_old_t "a name";`, "range_transition c_t c_exec_t:process s0;",
		"if (c_on && !c_off) {", "user c_u roles system_r level s0 range s0 - s0:c0.c9,c12;", "type other_t;",
	} {
		if !bytes.Contains(te, []byte(line)) {
			t.Errorf("no %s in\n%s", line, te)
		}
	}
	// It is the same when it is written and read again.
	cil, err := m.CIL()
	if err != nil {
		t.Fatal(err)
	}
	filecon, err := module.FormatFilecon(contexts)
	if err != nil {
		t.Fatal(err)
	}
	again, contexts, err := module.ParseCIL("c.cil", append(cil, filecon...), module.CILOptions{Name: "c"})
	if err != nil || !reflect.DeepEqual(contexts, want) {
		t.Fatal(contexts, err)
	}
	cil2, err := again.CIL()
	if err != nil || !slices.Equal(lines(cil), lines(cil2)) {
		t.Errorf("%v\n%s\n%s", err, cil, cil2)
	}
	for text, want := range map[string]string{
		"(allow a_t b_t (file (read)))\n (block b)":                     `c.cil:2:2: not supported: the statement "block" of CIL in a module`,
		"(allow a_t b_t (file (read))":                                  "c.cil:1:29: expected ')', found end of file",
		"(allow a_t b_t (file (read))))":                                "c.cil:1:30: expected '(', found \")\"",
		"(allow a_t b_t (file (all)))":                                  "c.cil:1:22: not supported: an expression over permissions",
		"(allow a_t b_t file)":                                          "c.cil:1:1: expected (allow source target (class (permission …))), found 3 other arguments",
		"(typeattributeset a (or (b) (c)))":                             "not supported: an attribute defined by such an expression",
		"(booleanif (b) (true (type a)))":                               `not supported: the statement "type" of CIL in a conditional`,
		"(userrole staff_u a_r)":                                        "not supported: userrole of a user that is not declared there",
		"(allow a_t b_t (file (\"read\")))":                             "an expression over permissions",
		"type":                                                          "c.cil:1:1: expected '(', found \"type\"",
		"(filecon \"/a\" any (u r t ((s0) (s0))) x)":                    "expected (filecon path kind",
		"(allow a_t b_t (file (read;\n)))(allow a_t \"":                 "c.cil:2:15: a string without an end",
		strings.Repeat("(optional a ", 70):                              "lists deeper than 64",
		"(type a_t)(type a_t)":                                          `c.cil:1:11: the type "a_t" is declared a second time`,
		"(rangetransition a b process ((s0) (s0 (c1 (not c2)))))":       "expected (sensitivity (category …))",
		"(allowx a_t b_t (ioctl file (0x10000)))":                       "expected an extended permission",
		"(typetransition a_t b_t file \"a/b\" c_t)":                     `invalid file name "a/b"`,
		"(booleanif (and (a)) (true (allow a_t b_t (file (read)))))":    "expected a boolean, or and",
		"(allow a|b b_t (file (read)))":                                 `invalid type name "a|b"`,
		"(typeattributeset x (all)) (allow x b_t (file (read)))":        "* and ~ are for neverallow rules alone",
		"(optional o (allow a_t b_t (file (read)))(classpermission c))": `the statement "classpermission"`,
	} {
		m, contexts, err := module.ParseCIL("c.cil", []byte(text), module.CILOptions{Name: "c"})
		if m != nil || contexts != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
	_, _, err = module.ParseCIL("c.cil", []byte("(macro m ())"), module.CILOptions{Name: "c"})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

// lines are the lines of a text in order, without the space before them.
func lines(text []byte) []string {
	var out []string
	for line := range strings.Lines(string(text)) {
		out = append(out, strings.TrimSpace(line))
	}
	slices.Sort(out)
	return out
}

// FuzzParseCIL wants of any text that it is refused, or reads the same when it
// is written.
func FuzzParseCIL(f *testing.F) {
	f.Add(cilText)
	f.Add("(typeattribute a)(typeattributeset a (not (b)))(neverallow a a (file (read)))")
	f.Add("(optional o (optional p (type t)))")
	f.Fuzz(func(t *testing.T, text string) {
		m, contexts, err := module.ParseCIL("c.cil", []byte(text), module.CILOptions{Name: "c"})
		if err != nil {
			if m != nil || contexts != nil {
				t.Fatalf("a module beside %v", err)
			}
			return
		}
		out, err := m.CIL()
		if err != nil {
			return // what the language has and CIL not
		}
		again, _, err := module.ParseCIL("c.cil", out, module.CILOptions{Name: "c"})
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if out2, err := again.CIL(); err != nil || !slices.Equal(lines(out), lines(out2)) {
			t.Fatalf("%v\n%s\n%s", err, out, out2)
		}
	})
}

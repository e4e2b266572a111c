package module_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sekit/sekit/module"
)

func httpdLocal() *module.Module {
	return &module.Module{
		Name:    "httpd_local",
		Comment: []string{"For httpd_t"},
		Rules: []module.Rule{
			{Kind: module.Allow, Source: "httpd_t", Target: "var_t", Class: "file",
				Permissions: []string{"read", "open"}, Evidence: []string{"audit(1:2)", "audit(1:3)"}},
			{Kind: module.Allow, Source: "httpd_t", Target: "httpd_t", Class: "process",
				Permissions: []string{"execmem"}},
			{Kind: module.Allow, Source: "httpd_t", Target: "var_t", Class: "file",
				Permissions: []string{"getattr", "read"}, Evidence: []string{"audit(1:3)", "audit(1:4)"}},
			{Kind: module.DontAudit, Source: "a_t", Target: "httpd_t", Class: "fd",
				Permissions: []string{"use"}},
			{Kind: module.AllowXperm, Source: "httpd_t", Target: "httpd_t", Class: "tcp_socket",
				Permissions: []string{"ioctl"},
				Xperms:      []module.XpermRange{{Low: 0x8912, High: 0x8912}, {Low: 0x5401, High: 0x5401}, {Low: 0x8910, High: 0x8911}}},
		},
	}
}

func TestTE(t *testing.T) {
	got, err := httpdLocal().TE()
	if err != nil {
		t.Fatal(err)
	}
	// Written by hand after the rules that TE's and Merged's comments state.
	const want = `# For httpd_t
module httpd_local 1.0;

require {
	type a_t;
	type httpd_t;
	type var_t;
	class fd use;
	class file { getattr open read };
	class process execmem;
	class tcp_socket ioctl;
}

#### a_t ####
dontaudit a_t httpd_t:fd use;

#### httpd_t ####
allow httpd_t self:process execmem;
allowxperm httpd_t self:tcp_socket ioctl { 0x5401 0x8910-0x8912 };

# audit(1:2)
# audit(1:3)
# audit(1:4)
allow httpd_t var_t:file { getattr open read };
`
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestCIL(t *testing.T) {
	got, err := httpdLocal().CIL()
	if err != nil {
		t.Fatal(err)
	}
	const want = `; For httpd_t
; module httpd_local 1.0

(dontaudit a_t httpd_t (fd (use)))

(allow httpd_t self (process (execmem)))
(allowx httpd_t self (ioctl tcp_socket (0x5401 (range 0x8910 0x8912))))
; audit(1:2)
; audit(1:3)
; audit(1:4)
(allow httpd_t var_t (file (getattr open read)))
`
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The text must not depend on the order that rules were found in.
func TestStable(t *testing.T) {
	m := httpdLocal()
	for i := range m.Rules {
		m.Rules[i].Evidence = nil
	}
	want, err := m.TE()
	if err != nil {
		t.Fatal(err)
	}
	for range m.Rules {
		m.Rules = append(m.Rules[1:], m.Rules[0])
		if got, err := m.TE(); err != nil || string(got) != string(want) {
			t.Errorf("rotated: %v\n%s", err, got)
		}
	}
	if m.Rules[0].Target == module.Self {
		t.Error("TE changed the module")
	}
}

// allow attr self lets each type of attr access itself; allow attr attr each
// type every other one. A module must not turn one into the other.
func TestAttributeIsNotSelf(t *testing.T) {
	m := &module.Module{Name: "m", RequireAttributes: []string{"domain"}, Rules: []module.Rule{
		{Kind: module.Allow, Source: "domain", Target: "domain", Class: "process", Permissions: []string{"signull"}},
		{Kind: module.Allow, Source: "domain", Target: "self", Class: "process", Permissions: []string{"fork"}},
	}}
	te, err := m.TE()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\tattribute domain;\n", "allow domain self:process fork;\n", "allow domain domain:process signull;\n",
	} {
		if !strings.Contains(string(te), want) {
			t.Errorf("no %q in\n%s", want, te)
		}
	}
}

func TestHostileNames(t *testing.T) {
	rule := module.Rule{Kind: module.Allow, Source: "a_t", Target: "b_t", Class: "file", Permissions: []string{"read"}}
	names := []string{"", "a b", "a\nb", "a;", "a}", "a\x00", "ünicode", "0a", "-a", ".a", "a.", "a..b", "a/b", `a"`, "a*",
		"allow", "ALLOW", "type", "self2;", "all", "and", "low-high", "notself", "(a)", "a)", "a#", "a:b", "$1", "a'", "`a",
		strings.Repeat("a", 256)}
	for _, name := range names {
		for place, set := range map[string]func(m *module.Module, r *module.Rule){
			"module":     func(m *module.Module, r *module.Rule) { m.Name = name },
			"source":     func(m *module.Module, r *module.Rule) { r.Source = name },
			"target":     func(m *module.Module, r *module.Rule) { r.Target = name },
			"class":      func(m *module.Module, r *module.Rule) { r.Class = name },
			"permission": func(m *module.Module, r *module.Rule) { r.Permissions = []string{"read", name} },
			"attribute":  func(m *module.Module, r *module.Rule) { m.RequireAttributes = []string{name} },
		} {
			r := rule
			m := &module.Module{Name: "m"}
			set(m, &r)
			m.Rules = []module.Rule{r}
			for form, write := range map[string]func() ([]byte, error){"te": m.TE, "cil": m.CIL} {
				b, err := write()
				var ne *module.NameError
				if b != nil || !errors.As(err, &ne) || !errors.Is(err, module.ErrInvalidName) {
					t.Errorf("%s, %s %q: got %q, %v", form, place, name, b, err)
				}
			}
		}
	}
	// self is a target and no other name.
	r := rule
	r.Source = module.Self
	if _, err := (&module.Module{Name: "m", Rules: []module.Rule{r}}).TE(); err == nil {
		t.Error("self taken as a source")
	}
}

func TestGoodNames(t *testing.T) {
	for _, name := range []string{"httpd_t", "my-module", "A1", "Allow", "container.process", "selfish", strings.Repeat("a", 255)} {
		m := &module.Module{Name: "m", Rules: []module.Rule{
			{Kind: module.Allow, Source: name, Target: "b_t", Class: "file", Permissions: []string{"read"}}}}
		if _, err := m.CIL(); err != nil {
			t.Errorf("cil %q: %v", name, err)
		}
		// checkmodule takes no dot in a type's name.
		if _, err := m.TE(); (err == nil) == strings.Contains(name, ".") {
			t.Errorf("te %q: %v", name, err)
		}
	}
	m := &module.Module{Name: "a.b", Rules: httpdLocal().Rules}
	if _, err := m.TE(); err == nil {
		t.Error("a module's name with a dot was taken: it is no name in the store")
	}
}

func TestVersions(t *testing.T) {
	for v, ok := range map[string]bool{
		"1.0": true, "1": true, "1.2.3.4": true, "1.0rc1": true, "": true, "20240101.1": true,
		"a": false, "1a": false, "1.": false, "1..2": false, ".1": false, "1 0": false, "1.0;": false, "-1": false,
		"1.0\n": false, strings.Repeat("1", 33): false,
	} {
		m := httpdLocal()
		m.Version = v
		if _, err := m.TE(); (err == nil) != ok {
			t.Errorf("version %q: %v", v, err)
		}
	}
}

func TestBadRules(t *testing.T) {
	good := module.Rule{Kind: module.Allow, Source: "a_t", Target: "b_t", Class: "file", Permissions: []string{"ioctl"}}
	for name, change := range map[string]func(r *module.Rule){
		"no kind":             func(r *module.Rule) { r.Kind = 0 },
		"unknown kind":        func(r *module.Rule) { r.Kind = 99 },
		"no permission":       func(r *module.Rule) { r.Permissions = nil },
		"xperms with allow":   func(r *module.Rule) { r.Xperms = []module.XpermRange{{Low: 1, High: 1}} },
		"xperm without range": func(r *module.Rule) { r.Kind = module.AllowXperm },
		"reversed range": func(r *module.Rule) {
			r.Kind, r.Xperms = module.AllowXperm, []module.XpermRange{{Low: 2, High: 1}}
		},
		"xperm of read": func(r *module.Rule) {
			r.Kind, r.Xperms, r.Permissions = module.AllowXperm, []module.XpermRange{{Low: 1, High: 1}}, []string{"read"}
		},
	} {
		r := good
		change(&r)
		m := &module.Module{Name: "m", Rules: []module.Rule{good, r}}
		var re *module.RuleError
		if b, err := m.TE(); b != nil || !errors.As(err, &re) || re.Rule != 1 {
			t.Errorf("%s: got %q, %v", name, b, err)
		}
	}
}

// Evidence is what an attacker wrote: none of it may become a statement.
func TestHostileComments(t *testing.T) {
	evil := []string{
		"x\nallow a_t b_t:file write;", "\r\nallow a_t b_t:file write;", "\x0ballow", "\u2028allow", "\u0085allow",
		"\xff\xfe", "\u202e drawkcab", "\x1b[31m", strings.Repeat("long ", 10000), "", "line 3", "\x00",
	}
	m := httpdLocal()
	m.Comment, m.Rules[0].Evidence = evil, evil
	for form, write := range map[string]func() ([]byte, error){"te": m.TE, "cil": m.CIL} {
		b, err := write()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSuffix(line, "\n")
			// checkpolicy's scanner ends the process on longer lines.
			if len(line) > 8000 {
				t.Errorf("%s: line of %d bytes", form, len(line))
			}
			if strings.Contains(line, "write") && !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "; ") {
				t.Errorf("%s: left its comment: %q", form, line)
			}
			for _, r := range line {
				if r != '\t' && r < ' ' || r == '\u2028' || r == '\u202e' || r == '\u0085' || r == 0xfffd {
					t.Errorf("%s: %q", form, line)
				}
			}
			if strings.HasPrefix(line, "#line") {
				t.Errorf("%s: a line directive: %q", form, line)
			}
		}
	}
}

// A set of many ioctls must be broken: checkpolicy's scanner ends the process
// on a line above 8191 bytes.
func TestLongSets(t *testing.T) {
	r := module.Rule{Kind: module.AllowXperm, Source: "a_t", Target: "b_t", Class: "file", Permissions: []string{"ioctl"}}
	for i := range 0x8000 {
		r.Xperms = append(r.Xperms, module.XpermRange{Low: uint16(2 * i), High: uint16(2 * i)})
	}
	te, err := (&module.Module{Name: "m", Rules: []module.Rule{r}}).TE()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(te)) {
		if len(line) > 200 {
			t.Fatalf("line of %d bytes", len(line))
		}
	}
	if n := strings.Count(string(te), "0x"); n != 0x8000 {
		t.Errorf("%d ioctls", n)
	}
}

func TestMergedRanges(t *testing.T) {
	r := module.Rule{Kind: module.AllowXperm, Source: "a_t", Target: "b_t", Class: "file", Permissions: []string{"ioctl"},
		Xperms: []module.XpermRange{{Low: 0xffff, High: 0xffff}, {Low: 0, High: 0xfffe}, {Low: 5, High: 6}}}
	m := &module.Module{Name: "m", Rules: []module.Rule{r}}
	if got := m.Merged()[0].Xperms; len(got) != 1 || got[0] != (module.XpermRange{Low: 0, High: 0xffff}) {
		t.Errorf("got %v", got)
	}
}

// An empty module is a syntax error to checkmodule.
func TestEmpty(t *testing.T) {
	m := &module.Module{Name: "m"}
	if b, err := m.TE(); b != nil || !errors.Is(err, module.ErrEmpty) {
		t.Errorf("te: %q, %v", b, err)
	}
	if b, err := m.CIL(); b != nil || !errors.Is(err, module.ErrEmpty) {
		t.Errorf("cil: %q, %v", b, err)
	}
}

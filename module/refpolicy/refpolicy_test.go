package refpolicy_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/refpolicy"
)

// headers are small ones of our own, laid out as the reference policy's.
func headers() fstest.MapFS {
	file := func(lines ...string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(strings.Join(lines, "\n") + "\n")}
	}
	return fstest.MapFS{
		"build.conf": file("TYPE ?= mcs # of two", "DISTRO ?= debian", "SYSTEMD ?= y", "override UBAC := n", "override MCS_CATS := 256"),
		"support/a.spt": file(
			"define(`interface',`ifdef(`$1',`define(`__if_error')errprint(`$1 twice, first in '$1)',`define(`$1',__file__:__line__)')",
			"`define(`$1',`# $1(dollarsstar)",
			"$2'')')",
			"define(`gen_require',`require { $1 }')",
			"define(`policy_module',`module $1 $2;')",
			"define(`gen_context',`$1`'ifdef(`enable_mcs',`:s0')')",
			"define(`refpolicywarn',`errprint(__file__:__line__: `$1')')",
			"define(`rw_perms',`{ read write }')",
			"define(`template',`interface(`$1',`$2')')"),
		"system/logs.if": file(
			"## <summary>Logs of all kinds.</summary>",
			"",
			"########################################",
			"## <summary>",
			"##\tRead a log.",
			"## </summary>",
			"## <desc>",
			"##\t<p>",
			"##\tOf one",
			"##\tprogram.",
			"##\t</p>",
			"##\t<ul><li>old &amp; new</li><li>zipped</li></ul>",
			"## </desc>",
			"## <param name=\"domain\">",
			"##\t<summary>",
			"##\tThe domain.",
			"##\t</summary>",
			"## </param>",
			"## <param name=\"type\" optional=\"true\"><summary>The log's.</summary></param>",
			"## <infoflow type=\"read\" weight=\"7\"/>",
			"#",
			"interface(`logs_read',`",
			"\tgen_require(`",
			"\t\ttype log_t;",
			"\t')",
			"\tallow $1 log_t:file rw_perms;",
			"\tifelse(`$2',`',`',`allow $1 $2:file read;')",
			"')",
			"",
			"## <summary>broken <xml</summary>",
			"interface(`logs_old',`",
			"\trefpolicywarn(`$0($*) is old')",
			"\tlogs_read($1)",
			"')"),
		"apps/daemon.if": file("template(`daemon_domain',`", "type $1_t;", "logs_read($1_t, $1_log_t)", "')"),
	}
}

func open(t testing.TB) *refpolicy.Headers {
	t.Helper()
	h, err := refpolicy.Open(headers())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// words is text without comments and white space.
func words(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		out = append(out, strings.Fields(line)...)
	}
	return strings.Join(out, " ")
}

func TestInterfaces(t *testing.T) {
	all := open(t).Interfaces()
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	if !slices.Equal(names, []string{"daemon_domain", "logs_old", "logs_read"}) {
		t.Fatalf("got %q", names)
	}
	if d := all[0]; !d.Template || d.Layer != "apps" || d.Module != "daemon" || d.Line != 1 {
		t.Errorf("%+v", d)
	}
	if old := all[1]; old.Summary != "" || old.Line != 31 {
		t.Errorf("%+v", old)
	}
	read := all[2]
	if read.Summary != "Read a log." || read.Description != "Of one program.\n- old & new\n- zipped" || read.Line != 22 ||
		read.File != "system/logs.if" || read.InfoFlow != "read" || read.InfoFlowWeight != 7 ||
		!slices.Equal(read.Parameters, []refpolicy.Parameter{{Name: "domain", Summary: "The domain."}, {Name: "type", Summary: "The log's.", Optional: true}}) {
		t.Errorf("%+v", read)
	}
	if i, err := open(t).Interface("logs_reed"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", i, err)
	}
}

func TestExpand(t *testing.T) {
	h := open(t)
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"logs_read", []string{"app_t"}, "require { type log_t; } allow app_t log_t:file { read write };"},
		{"logs_read", []string{"{ a_t -b_t }", "x_t"}, "require { type log_t; } allow { a_t -b_t } log_t:file { read write }; allow { a_t -b_t } x_t:file read;"},
		{"rw_perms", nil, "{ read write }"},
	} {
		if got, err := h.Expand(tt.name, tt.args...); err != nil || words(got) != tt.want {
			t.Errorf("%s %q: %q, %v", tt.name, tt.args, words(got), err)
		}
	}
	for _, args := range [][]string{{"a_t, b_t"}, {"a_t)define(`x'"}, {"a_t # x"}, {"$1"}} {
		if got, err := h.Expand("logs_read", args...); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %q, %v", args, got, err)
		}
	}
	for _, name := range []string{"no_such_interface", "define", "syscmd"} {
		if got, err := h.Expand(name, "x"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestModule(t *testing.T) {
	h := open(t)
	m, err := h.Module(refpolicy.Source{
		Name: "app",
		IF:   "interface(`app_go',`\nallow $1 app_t:process signal;\n')\n",
		TE:   "policy_module(app, 1.2)\n\ndaemon_domain(app)\nlogs_old(app_t)\napp_go(\n\tapp_t)\nifdef(`distro_debian',`bool deb true;')\n",
		FC:   "/opt/app(/.*)?\tgen_context(system_u:object_r:app_t)\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	te := "module app 1.2; type app_t; require { type log_t; } allow app_t log_t:file { read write }; allow app_t app_log_t:file read;" +
		" require { type log_t; } allow app_t log_t:file { read write }; allow app_t app_t:process signal; bool deb true;"
	if words(m.TE) != te || m.FileContexts != "/opt/app(/.*)?\tsystem_u:object_r:app_t:s0\n" {
		t.Errorf("got %s\n%s", words(m.TE), m.FileContexts)
	}
	if len(m.Warnings) != 1 || m.Warnings[0] != "app.te:4: logs_old(app_t) is old" {
		t.Errorf("warnings %q", m.Warnings)
	}
	// The call stands on the lines 5 and 6.
	for _, at := range []string{"#line 1 \"app.te\"\n", "\n#line 5\n"} {
		if !strings.Contains(m.TE, at) {
			t.Errorf("no %q in %s", at, m.TE)
		}
	}
	// The next module does not have what that one has defined.
	if m, err := h.Module(refpolicy.Source{Name: "b", TE: "app_go(b_t)"}); err != nil || words(m.TE) != "app_go(b_t)" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestCompile(t *testing.T) {
	h := open(t)
	src := refpolicy.Source{Name: "app", FC: "/opt/app\tgen_context(system_u:object_r:app_t)\n", TE: "policy_module(app, 1.2)\n" +
		"require {\nclass file { read write };\n}\ntype app_log_t;\ndaemon_domain(app)\n"}
	pp, warnings, err := h.Compile(src, module.ModOptions{})
	if err != nil || len(warnings) != 0 {
		t.Fatal(warnings, err)
	}
	p, err := module.ParsePackage(pp)
	if err != nil || p.Module.Name != "app" || p.Module.Version != "1.2" || string(p.FileContexts) != "/opt/app\tsystem_u:object_r:app_t:s0\n" {
		t.Errorf("%+v, %v", p, err)
	}
	// Where a macro's text is wrong, the position is that of its call.
	src.TE += "\n\nlogs_read(other_t)\n"
	pp, _, err = h.Compile(src, module.ModOptions{})
	if pp != nil || err == nil || !strings.Contains(err.Error(), "app.te:9:") || !strings.Contains(err.Error(), "other_t") {
		t.Errorf("%v", err)
	}
}

func TestModuleErrors(t *testing.T) {
	h := open(t)
	for _, tt := range []struct {
		src  refpolicy.Source
		file string
		line int
	}{
		{refpolicy.Source{Name: "x", TE: "policy_module(x, 1.0)\nlogs_read(`a_t)\n"}, "x.te", 2},
		{refpolicy.Source{Name: "x", FC: "\ngen_context(a\n"}, "x.fc", 2},
		{refpolicy.Source{Name: "x", IF: "interface(`a',`\n\n"}, "x.if", 1},
		{refpolicy.Source{Name: "x", TE: "\nsyscmd(`true')\n"}, "x.te", 2},
		{refpolicy.Source{Name: "x", IF: "interface(`logs_read',`')"}, "", 0},
		{refpolicy.Source{Name: "x", TE: "define(`loop',`loop')\nloop\n"}, "x.te", 2},
	} {
		m, err := h.Module(tt.src)
		var e *refpolicy.Error
		if m != nil || !errors.As(err, &e) || e.File != tt.file || e.Line != tt.line {
			t.Errorf("%+v: %v", tt.src, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	for name, change := range map[string]func(fstest.MapFS){
		"twice":      func(f fstest.MapFS) { f["admin/x.if"] = f["system/logs.if"] },
		"quotes":     func(f fstest.MapFS) { f["admin/x.if"] = &fstest.MapFile{Data: []byte("interface(`x',`")} },
		"definition": func(f fstest.MapFS) { f["admin/x.if"] = &fstest.MapFile{Data: []byte("`define('`x'")} },
		"long":       func(f fstest.MapFS) { f["admin/x.if"] = &fstest.MapFile{Data: make([]byte, 9<<20)} },
		"no support": func(f fstest.MapFS) { delete(f, "support/a.spt") },
		"command":    func(f fstest.MapFS) { f["support/b.spt"] = &fstest.MapFile{Data: []byte("esyscmd(`id')")} },
	} {
		fsys := headers()
		change(fsys)
		if h, err := refpolicy.Open(fsys); h != nil || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := refpolicy.Open(fstest.MapFS{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}

// FuzzHeaders reads an interface file and a module that anybody may have made.
func FuzzHeaders(f *testing.F) {
	f.Add(string(headers()["system/logs.if"].Data), "policy_module(x, 1.0)\nlogs_read(x_t)\n")
	f.Add("## <summary>\ninterface(`a',`b($*)')", "a(x, `y')")
	f.Add("template(`t',`type $1_t;')", "t(t(x))#")
	f.Fuzz(func(t *testing.T, text, te string) {
		if len(text)+len(te) > 1<<12 {
			return
		}
		fsys := headers()
		fsys["admin/fuzz.if"] = &fstest.MapFile{Data: []byte(text)}
		h, err := refpolicy.OpenLimited(fsys)
		if err != nil {
			if h != nil {
				t.Fatal("headers beside an error")
			}
			return
		}
		for _, i := range h.Interfaces() {
			if got, err := h.Interface(i.Name); err != nil || got.Name != i.Name {
				t.Fatalf("%+v is not found: %v", i, err)
			}
		}
		m, err := h.Module(refpolicy.Source{Name: "fuzz", TE: te, FC: te})
		if (m == nil) == (err == nil) {
			t.Fatalf("%v beside %v", m, err)
		}
		if atOnce, err := refpolicy.OpenAtOnce(fsys); err == nil && m != nil {
			if want, err := atOnce.Module(refpolicy.Source{Name: "fuzz", TE: te, FC: te}); err != nil || want.TE != m.TE {
				t.Fatalf("%+v, but %+v at once, %v", m, want, err)
			}
		}
	})
}

package module_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/internal/tool/tooltest"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
)

// packed is "(type hidden_t)\n" as bzip2 packs it.
const packed = "BZh91AY&SY\x0a|\xe6*\x00\x00\x01S\x80\x00\x10@`\x00\x00\x86aD  \x001\x00\xd0\x01\x04\xc4f)=\xe1\x03La\xc4\x90\xf8\xbb\x92)\xc2\x84\x80S\xe71P"

const active = "var/lib/selinux/targeted/active/"

// storeFS is a store as libsemanage lays it out.
func storeFS() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	dir := active + "modules/"
	return fstest.MapFS{
		dir + "100/base/lang_ext":    file("pp"),
		dir + "100/base/hll":         file("a package"),
		dir + "100/base/cil":         file(packed),
		dir + "100/web.app/lang_ext": file("cil"),
		dir + "100/web.app/cil":      file("(type plain_t)"),
		dir + "400/web.app/lang_ext": file("cil"),
		dir + "400/web.app/cil":      file(packed),
		dir + "007/zoo/lang_ext":     file("pp"),
		dir + "disabled/zoo":         file(""),
	}
}

func openFS(t *testing.T, fsys fs.FS) *module.Store {
	t.Helper()
	f, err := module.OpenFiles(fsys, "targeted")
	if err != nil {
		t.Fatal(err)
	}
	return module.NewStore(f)
}

func TestFiles(t *testing.T) {
	s := openFS(t, storeFS())
	table, err := s.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := "400 web.app cil\n100 base pp\n100 web.app cil\n007 zoo pp disabled\n"
	var got, names string
	for _, r := range table.All() {
		got += r.String() + "\n"
	}
	for _, r := range table.InForce() {
		names += r.Key.String() + " "
	}
	if got != want || names != "base (100) web.app (400) " {
		t.Errorf("got %s%s", got, names)
	}
	for _, tt := range []struct {
		key      module.Key
		form     module.Form
		language string
		data     string
	}{
		{module.Key{Name: "base", Priority: 100}, module.AsInstalled, "pp", "a package"},
		{module.Key{Name: "base", Priority: 100}, module.InCIL, "cil", "(type hidden_t)\n"},
		{module.Key{Name: "web.app"}, module.AsInstalled, "cil", "(type hidden_t)\n"},
		{module.Key{Name: "web.app", Priority: 100}, module.InCIL, "cil", "(type plain_t)"},
	} {
		if c, err := s.Content(t.Context(), tt.key, tt.form); err != nil || c.Language != tt.language || string(c.Data) != tt.data {
			t.Errorf("%v %v: %q, %v", tt.key, tt.form, c, err)
		}
	}
	// As sha256sum says of the text.
	c, err := s.Content(t.Context(), module.Key{Name: "web.app"}, module.InCIL)
	if err != nil || c.Checksum() != "sha256:e89b92fb4715a03c9a971d12d06f0c5da44ff37cb9c78ae8f458b305dedfb3b7" {
		t.Errorf("checksum %s, %v", c.Checksum(), err)
	}
	// It has no CIL before it is linked for the first time, and no file at all here.
	if _, err := s.Content(t.Context(), module.Key{Name: "zoo", Priority: 7}, module.InCIL); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestFilesContract(t *testing.T) {
	p := demoPolicy(t)
	moduletest.TestBackend(t, func(t *testing.T) moduletest.Harness {
		f, err := module.OpenFiles(storeFS(), "targeted")
		if err != nil {
			t.Fatal(err)
		}
		return moduletest.Harness{Policy: p, Backend: f, ReadOnly: true}
	})
}

func TestFilesDamaged(t *testing.T) {
	for name, change := range map[string]func(fstest.MapFS){
		"priority":     func(f fstest.MapFS) { f[active+"modules/1000/x/lang_ext"] = &fstest.MapFile{Data: []byte("pp")} },
		"no priority":  func(f fstest.MapFS) { f[active+"modules/x/x/lang_ext"] = &fstest.MapFile{Data: []byte("pp")} },
		"two forms":    func(f fstest.MapFS) { f[active+"modules/7/x/lang_ext"] = &fstest.MapFile{Data: []byte("pp")} },
		"name":         func(f fstest.MapFS) { f[active+"modules/100/-r/lang_ext"] = &fstest.MapFile{Data: []byte("pp")} },
		"no language":  func(f fstest.MapFS) { delete(f, active+"modules/100/base/lang_ext") },
		"language":     func(f fstest.MapFS) { f[active+"modules/100/base/lang_ext"].Data = []byte("../pp") },
		"long":         func(f fstest.MapFS) { f[active+"modules/100/base/lang_ext"].Data = bytes.Repeat([]byte("p"), 1000) },
		"not packed":   func(f fstest.MapFS) { f[active+"modules/100/base/lang_ext"].Data = []byte("BZh9xxxxxxxxxx") },
		"no modules":   func(f fstest.MapFS) { clear(f); f[active+"modules/disabled/x"] = &fstest.MapFile{} },
		"no directory": func(f fstest.MapFS) { clear(f); f[active+"commit_num"] = &fstest.MapFile{} },
	} {
		fsys := storeFS()
		change(fsys)
		table, err := openFS(t, fsys).Table(t.Context())
		var e *module.StoreError
		if table != nil || !errors.As(err, &e) || e.Op != "list" {
			t.Errorf("%s: %v, %v", name, table, err)
		}
	}
	old := fstest.MapFS{"etc/selinux/targeted/modules/active/base.pp": &fstest.MapFile{}}
	if _, err := module.OpenFiles(old, "targeted"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a store before 2.4: %v", err)
	}
	if _, err := module.OpenFiles(storeFS(), "mls"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no store: %v", err)
	}
}

// storeDir puts storeFS on disk.
func storeDir(t *testing.T) (root, modules string) {
	t.Helper()
	root = t.TempDir()
	if err := os.CopyFS(root, storeFS()); err != nil {
		t.Fatal(err)
	}
	return root, filepath.Join(root, filepath.FromSlash(active+"modules"))
}

// The command that semodule is given, and what is made of its answers.
func TestSemodule(t *testing.T) {
	root, modules := storeDir(t)
	install := func() {
		dir := filepath.Join(modules, "400", "new")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Error(err)
		}
		for name, text := range map[string]string{"lang_ext": "cil", "cil": "(type new_t)"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Error(err)
			}
		}
		if err := os.WriteFile(filepath.Join(modules, "disabled", "base"), nil, 0o644); err != nil {
			t.Error(err)
		}
	}
	args := []string{"semodule", "-s", "targeted", "-p", root, "-n", "-X", "400", "-i", "new.cil", "-d", "base"}
	files := []tool.File{{Name: "new.cil", Data: []byte("(type new_t)")}}
	script := tooltest.New(t,
		tooltest.Step{Args: args, Files: files, ExitCode: 1, Stderr: "Failed to resolve AST"},
		tooltest.Step{Args: args, Files: files}, // says that all went well, and did nothing
		tooltest.Step{Args: args, Files: files, Do: install, Stderr: "noise"},
	)
	s := module.NewStore(module.Semodule{Root: root, PolicyType: "targeted", Runner: script})
	table, err := s.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	add, err1 := table.PlanInstall(t.Context(), module.Key{Name: "new"}, module.Content{Language: "cil", Data: []byte("(type new_t)")})
	disable, err2 := table.PlanDisable("base")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := s.Commit(t.Context(), add, disable); !errors.Is(err, tool.ErrExit) || !strings.Contains(err.Error(), "Failed to resolve AST") {
		t.Errorf("failure: %v", err)
	}
	if err := s.Commit(t.Context(), add, disable); !errors.Is(err, module.ErrNotMade) {
		t.Errorf("nothing done: %v, want ErrNotMade", err)
	}
	if err := s.Commit(t.Context(), add, disable); err != nil {
		t.Error(err)
	}
	if err := s.Commit(t.Context(), add, disable); !errors.Is(err, module.ErrChanged) {
		t.Errorf("again: %v, want ErrChanged", err)
	}
	again, err := s.Install(t.Context(), module.Key{Name: "new"}, add.Content)
	if err != nil || again.Op != module.Nothing {
		t.Errorf("again: %v, %v", again, err)
	}
	if !slices.Equal(add.Command(), []string{"semodule", "-X", "400", "-i", "new.cil"}) || again.Command() != nil {
		t.Errorf("%q, %q", add.Command(), again.Command())
	}
}

func TestCommitTwice(t *testing.T) {
	s := module.NewStore(moduletest.NewBackend(demoPolicy(t)))
	c := module.Change{Op: module.Install, Key: module.Key{Name: "x", Priority: 1}, Content: module.Content{Language: "cil", Data: []byte(";")}}
	d := c
	d.Priority = 2
	if err := s.Commit(t.Context(), c, d); err == nil {
		t.Error("a name was installed twice in one run")
	}
}

func TestChangeJSON(t *testing.T) {
	c := module.Change{Op: module.Install, Key: module.Key{Name: "x", Priority: 400},
		Content: module.Content{Language: "cil", Data: []byte("secret")}}
	text, err := json.Marshal(c)
	want := `{"op":"install","name":"x","priority":400,"content":{"language":"cil","checksum":"` + c.Content.Checksum() + `"}}`
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
}

// FuzzFiles reads a module of a store that anybody may have made.
func FuzzFiles(f *testing.F) {
	f.Add("100", "base", []byte("pp"), []byte(packed))
	f.Add("007", "a.b", []byte("cil\n"), []byte("BZh9"))
	f.Add("1000", "-", []byte("../x"), []byte{})
	f.Fuzz(func(t *testing.T, priority, name string, language, data []byte) {
		dir := active + "modules/" + priority + "/" + name + "/"
		fsys := fstest.MapFS{dir + "lang_ext": {Data: language}, dir + "cil": {Data: data}, dir + "hll": {Data: data}}
		if len(data) > 1<<12 || !fs.ValidPath(dir+"cil") {
			return
		}
		files, err := module.OpenFiles(fsys, "targeted")
		if err != nil {
			return
		}
		table, err := module.NewStore(files).Table(t.Context())
		if err != nil {
			return
		}
		for _, r := range table.All() {
			if r.Priority < 1 || r.Priority > 999 || r.Name == "" || r.Language == "" || strings.ContainsAny(r.Name+r.Language, "/ \n") {
				t.Fatalf("%+v", r)
			}
			if c, err := table.Content(t.Context(), r.Key, module.AsInstalled); err == nil && c.Language != r.Language {
				t.Fatalf("%s of %+v", c.Language, r)
			}
		}
	})
}

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/module"
)

func runs(t *testing.T, stdin string, args ...string) (out, notes string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = run(args, strings.NewReader(stdin), &stdout, &stderr)
	return stdout.String(), stderr.String(), err
}

func TestEmbedded(t *testing.T) {
	out, notes, err := runs(t, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"module local 1.0;", "allow user_t httpd_unit_file_t:service start;", "# 1 x start denied on"} {
		if !strings.Contains(out, want) {
			t.Errorf("not in the module: %s\n%s", want, out)
		}
	}
	for _, want := range []string{
		"not by a module: label /var/www/demo/out as httpd_sys_rw_content_t",
		"not by a module: register tcp port 5601 as http_port_t",
		"rules, which open ",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("not in the notes: %s\n%s", want, notes)
		}
	}
	// What a context cures makes no rule unless it is asked for.
	if rule := "httpd_t var_t:sock_file"; strings.Contains(out, rule) {
		t.Errorf("%s in\n%s", rule, out)
	}
}

// With -all the guard alone stands between the log and the module.
func TestAll(t *testing.T) {
	_, notes, err := runs(t, "", "-all")
	if err != nil || !strings.Contains(notes, "refused: allow httpd_t var_t:sock_file write; (-lift base-type-write)") {
		t.Errorf("%v\n%s", err, notes)
	}
	out, _, err := runs(t, "", "-all", "-lift", "base-type-write")
	if err != nil || !strings.Contains(out, "allow httpd_t var_t:sock_file write;") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, ext := range []string{".te", ".cil", ".pp"} {
		name := filepath.Join(dir, "webapp"+ext)
		out, notes, err := runs(t, "", "-o", name)
		if err != nil || out != "" {
			t.Fatal(err, out)
		}
		if (ext != ".te") != strings.Contains(notes, "semodule -i") {
			t.Errorf("%s: %s", ext, notes)
		}
		if _, _, err := runs(t, "", "-o", name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s was written twice: %v", ext, err)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if ext == ".pp" {
			m, _, err := module.ParsePP(data)
			if err != nil || m.Name != "webapp" || len(m.Rules) == 0 {
				t.Fatalf("%+v, %v", m, err)
			}
		}
	}
	if _, _, err := runs(t, "", "-o", filepath.Join(dir, "webapp.exe")); err == nil {
		t.Error("an unknown form")
	}
}

// A log that says nothing new makes no module; bad arguments are errors.
func TestNothing(t *testing.T) {
	dir := t.TempDir()
	policy := filepath.Join("..", "..", "internal", "demo", "policy.33")
	out, notes, err := runs(t, "nothing to see\n", "-policy", policy, "-")
	if err != nil || out != "" || !strings.Contains(notes, "no module is needed") {
		t.Errorf("%q, %q, %v", out, notes, err)
	}
	for _, args := range [][]string{{"a", "b"}, {filepath.Join(dir, "none")}, {"-name", "no name"}, {"-x"}} {
		if _, _, err := runs(t, "", args...); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

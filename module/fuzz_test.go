package module_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
)

// FuzzModule writes modules of hostile parts. What is refused gives a typed
// error and no text; what is written has no line but comments and the
// statements that the good parts account for.
func FuzzModule(f *testing.F) {
	f.Add("m", "1.0", "a_t", "b_t", "file", "read", "evidence\nallow a_t b_t:file write;")
	f.Add("m", "1.0", "a_t", "self", "process", "execmem", "\u2028#line 3")
	f.Add("m;", "1.0;", "a_t b_t", "*", "file { read", "~", "\x00")
	f.Fuzz(func(t *testing.T, name, version, source, target, class, permission, comment string) {
		m := &module.Module{Name: name, Version: version, Comment: []string{comment}, Rules: []module.Rule{{
			Kind: module.Allow, Source: source, Target: target, Class: class,
			Permissions: []string{permission}, Evidence: []string{comment},
		}}}
		_, noText := m.TE()
		pkg, err := m.PP(module.PPOptions{FileContexts: []byte(comment)})
		if !strings.Contains(comment, "\x00") && (err == nil) != (noText == nil) {
			t.Fatalf("text: %v, binary: %v", noText, err)
		}
		if err == nil {
			if p, err := policydb.DecodePackage(pkg); err != nil || p.Module.Name != name {
				t.Fatalf("package that cannot be read: %v", err)
			}
		}
		for comments, write := range map[string]func() ([]byte, error){"# ": m.TE, "; ": m.CIL} {
			text, err := write()
			if err != nil {
				if text != nil || !errors.Is(err, module.ErrInvalidName) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 2000 {
					t.Fatalf("%q, %q", text, err)
				}
				continue
			}
			statements := 0
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSpace(line)
				if line == "" || strings.HasPrefix(line, strings.TrimSpace(comments)) {
					continue
				}
				statements++
				for _, c := range line {
					if c > '~' || c < ' ' {
						t.Fatalf("%q", line)
					}
				}
			}
			// In CIL one rule; else module, require, one or two types, a class, }, a rule.
			if comments == "; " && statements != 1 || comments == "# " && statements != 6 && statements != 7 {
				t.Fatalf("%d statements in\n%s", statements, text)
			}
		}
	})
}

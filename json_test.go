package sekit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestJSONKeys holds all packages to one way of writing JSON: keys in
// snake_case, and in a struct that has keys no exported field without one.
// (Embedded structs are part of the struct around them.)
func TestJSONKeys(t *testing.T) {
	key := regexp.MustCompile(`^(-|[a-z][a-z0-9]*(_[a-z0-9]+)*)$`)
	keys := 0
	check := func(fset *token.FileSet, s *ast.StructType) {
		var tagged, untagged []*ast.Field
		for _, f := range s.Fields.List {
			var tag string
			if f.Tag != nil {
				tag = reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
			}
			switch {
			case tag != "":
				tagged = append(tagged, f)
				name, _, _ := strings.Cut(tag, ",")
				if !key.MatchString(name) {
					t.Errorf("%s: key %q", fset.Position(f.Pos()), name)
				}
				if len(f.Names) > 1 && name != "-" {
					t.Errorf("%s: several fields with one key", fset.Position(f.Pos()))
				}
			case len(f.Names) > 0 && f.Names[0].IsExported():
				untagged = append(untagged, f)
			}
		}
		keys += len(tagged)
		if len(tagged) > 0 && len(untagged) > 0 {
			t.Errorf("%s: no key", fset.Position(untagged[0].Pos()))
		}
	}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && name != "." && strings.HasPrefix(d.Name(), ".") || d.IsDir() && d.Name() == "testdata" {
			if err == nil {
				err = fs.SkipDir
			}
			return err
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, src, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					check(fset, s)
				}
			case *ast.FuncDecl:
				return false // what is declared in a function is nobody else's
			}
			return true
		})
		return nil
	})
	if err != nil || keys < 100 {
		t.Errorf("%d keys: %v", keys, err)
	}
}

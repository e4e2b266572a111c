package fcontext

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func mustTable(t *testing.T, kind TableKind, text string) *Table {
	t.Helper()
	table, err := ParseTable(strings.NewReader(text), kind, TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestTable(t *testing.T) {
	for _, test := range []struct {
		why, text string
		kind      TableKind
		class     string
		want      map[string]string // "" for none
	}{
		{"the first line with the key or * decides", "# comment\n\ncdrom u:r:cd:s0 rest\n*\tu:r:any:s0\ndisk u:r:disk:s0\n", MediaTable, "",
			map[string]string{"cdrom": "cd", "disk": "any", "": "any"}},
		{"no *", "cdrom u:r:cd:s0\n", MediaTable, "", map[string]string{"cdro": "", "cdrom2": "", "cdrom": "cd"}},
		{"the first of the class that matches", "client * u:r:c:s0\nproperty XX* u:r:x:s0\nproperty [A-C]? u:r:abc:s0\nproperty * u:r:p:s0\n", XTable, "property",
			map[string]string{"XXa": "x", "B1": "abc", "B": "p", "D1": "p"}},
		{"columns have three dots; comments anywhere", "db_table *.s.* u:r:t:s0 # a\ndb_column *.*.*.* u:r:c:s0#b\n", DatabaseTable, "db_table",
			map[string]string{"a.s.b": "t", "a.b.c": "", "a.s.b.c": "t"}},
		{"the longest prefix", "ro. u:r:ro:s0\nro.boot. u:r:boot:s0\n* u:r:any:s0\nnet u:r:net:s0 exact bool\n", PropertyTable, "",
			map[string]string{"ro.x": "ro", "ro.boot.x": "boot", "network": "net", "x": "any"}},
		{"the whole name", "* u:r:any:s0\nphone u:r:phone:s0\n", ServiceTable, "", map[string]string{"phone": "phone", "phones": "any"}},
	} {
		table := mustTable(t, test.kind, test.text)
		for key, want := range test.want {
			s, ok := table.Lookup(test.class, key)
			if ok != (want != "") || s.Context.Type() != want {
				t.Errorf("%s: %q: %+v, %v, want %q", test.why, key, s, ok, want)
			}
		}
		if _, ok := table.Lookup("no class", "cdrom"); ok {
			t.Errorf("%s: found in an unknown class", test.why)
		}
	}
}

func TestTableErrors(t *testing.T) {
	for _, test := range []struct {
		kind TableKind
		line string
		want error
	}{
		{MediaTable, "disk", ErrMissingFields},
		{MediaTable, "disk a", nil},
		{MediaTable, "disk\x00 a:b:c", ErrNUL},
		{XTable, "property a:b:c", ErrMissingFields},
		{XTable, "window * a:b:c", ErrClass},
		{XTable, "client [a a:b:c", ErrSyntax},
		{XTable, "client [[.a.]] a:b:c", ErrUnsupported},
		{XTable, "client a\\ a:b:c", ErrSyntax},
		{DatabaseTable, "db_table * a:b:c d", ErrMissingFields},
		{PropertyTable, "ro.é a:b:c", ErrNotASCII},
		{PropertyTable, "ro." + strings.Repeat("x", 8192) + " a:b:c", ErrTooLong},
		{ServiceTable, "first x:y:z", ErrConflict},
	} {
		text := "\n" + test.line + "\n"
		if test.kind == ServiceTable {
			text = "first a:b:c\n" + test.line
		}
		table, err := ParseTable(strings.NewReader(text), test.kind, TableOptions{})
		var pe *ParseError
		if !errors.As(err, &pe) || pe.Line != 2 || table != nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%v %q: %v, want %v in line 2", test.kind, test.line, err, test.want)
		}
		var skipped []int
		table, err = ParseTable(strings.NewReader(text), test.kind, TableOptions{Skip: func(e *ParseError) { skipped = append(skipped, e.Line) }})
		if err != nil || !slices.Equal(skipped, []int{2}) || len(table.specs) > 1 {
			t.Errorf("%v %q: skipped %d, %v", test.kind, test.line, skipped, err)
		}
	}
	if _, err := OpenTable("testdata/none", MediaTable, TableOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if table, err := ParseTable(strings.NewReader(""), 0, TableOptions{}); err == nil || table != nil {
		t.Error("the zero TableKind was taken")
	}
}

// FuzzTable: there is a table or a ParseError, and looking up ends soon.
func FuzzTable(f *testing.F) {
	f.Add(uint8(2), "client *a*a*a*a*b u:r:t:s0\n", "client", strings.Repeat("a", 100))
	f.Add(uint8(3), "db_table [!a-c]?[[:alpha:]]\\* u:r:t # x", "db_table", "xyz*")
	f.Add(uint8(4), "ro. u:r:t\n* u:r:x", "", "ro.x")
	f.Fuzz(func(t *testing.T, kind uint8, text, class, key string) {
		table, err := ParseTable(strings.NewReader(text), TableKind(kind), TableOptions{})
		if err != nil {
			if table != nil {
				t.Error("a table beside an error")
			}
			return
		}
		if s, ok := table.Lookup(class, key); ok && (!s.Context.IsValid() || s.Key == "" || s.Line < 1) {
			t.Errorf("%+v", s)
		}
	})
}

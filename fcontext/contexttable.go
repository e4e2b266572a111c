package fcontext

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// TableKind says what a table of contexts is for, and so how its file is
// written and its keys match. It is one of selabel_open(3)'s backends.
type TableKind uint8

const (
	// MediaTable is contexts/files/media (selabel_media(5)): KEY CONTEXT. The
	// first line with the key, or with "*", decides.
	MediaTable TableKind = iota + 1
	// XTable is contexts/x_contexts (selabel_x(5)): CLASS KEY CONTEXT, the
	// class being property, extension, client, event, selection,
	// poly_property or poly_selection. The first line of the class decides
	// whose key matches as in fnmatch(3).
	XTable
	// DatabaseTable is contexts/sepgsql_contexts (selabel_db(5)): CLASS KEY
	// CONTEXT, the class being one of the policy's db_ classes and the key like
	// *.pg_catalog.*, the names of the object and of those that it is in. The
	// first line of the class decides whose key matches as in fnmatch(3). What
	// follows a # is a comment.
	DatabaseTable
	// PropertyTable is Android's property_contexts: KEY CONTEXT, and anything
	// after it. The longest key that the name begins with decides, or else a
	// key that begins with "*". (Android's init knows more: exact keys and
	// types of values, which libselinux takes no notice of.)
	PropertyTable
	// ServiceTable is Android's service_contexts, also those of hwservice and
	// vndservice: as [PropertyTable], but the key has to be the whole name, or
	// "*".
	ServiceTable
)

var tableNames = [...]string{MediaTable: "media", XTable: "x", DatabaseTable: "db", PropertyTable: "android property", ServiceTable: "android service"}

// String returns the name of the backend: media, x, db, android property or
// android service.
func (k TableKind) String() string {
	if k.valid() {
		return tableNames[k]
	}
	return fmt.Sprintf("unknown table %d", uint8(k))
}

func (k TableKind) valid() bool { return k >= MediaTable && k <= ServiceTable }

// android reports whether the file is one of label_backends_android.c.
func (k TableKind) android() bool { return k == PropertyTable || k == ServiceTable }

// Classes returns the classes that the table's lines begin with, none for
// tables without.
func (k TableKind) Classes() []string {
	switch k {
	case XTable:
		return []string{"property", "extension", "client", "event", "selection", "poly_property", "poly_selection"}
	case DatabaseTable:
		return []string{"db_database", "db_schema", "db_table", "db_column", "db_sequence", "db_view", "db_procedure",
			"db_blob", "db_tuple", "db_language", "db_exception", "db_datatype"}
	}
	return nil
}

// ErrClass is why a table's line with an unknown class is refused, and
// ErrConflict why an Android table with two contexts for one key is.
var (
	ErrClass    = errors.New("unknown class")
	ErrConflict = errors.New("another context than an earlier line")
)

// Table has the contexts of things that are not files, by class and key. It
// does not change; any number of goroutines may use it.
type Table struct {
	kind  TableKind
	specs []TableSpec // in the order in which they are tried
	globs []glob      // by spec, of tables whose keys are globs
}

// TableSpec is a line of a table.
type TableSpec struct {
	Class   string         `json:"class,omitempty"` // "" if the table has none
	Key     string         `json:"key"`
	Context policy.Context `json:"context"`
	Line    int            `json:"line"` // the first being 1
}

// TableOptions says how to read a table. The zero TableOptions is strict.
type TableOptions struct {
	// Skip, if it is set, is called for a line that cannot be read, which is
	// then passed over, as libselinux does in media, x and db files.
	Skip func(*ParseError)
}

// OpenTable reads the file of a table. A line that cannot be read fails the
// whole with a [*ParseError], unless [TableOptions.Skip] is set.
func OpenTable(name string, kind TableKind, opts TableOptions) (*Table, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseTable(f, name, kind, opts)
}

// ParseTable is [OpenTable] for a reader, which is read to its end.
func ParseTable(r io.Reader, kind TableKind, opts TableOptions) (*Table, error) {
	return parseTable(r, "", kind, opts)
}

func parseTable(r io.Reader, name string, kind TableKind, opts TableOptions) (*Table, error) {
	if !kind.valid() {
		return nil, fmt.Errorf("fcontext: %v", kind)
	}
	text, err := readText(r)
	if err != nil {
		return nil, err
	}
	t := &Table{kind: kind}
	classes := kind.Classes()
	keys := make(map[string]policy.Context) // of Android's
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		s, err := kind.parseLine(line, classes)
		var g glob
		if err == nil && s.Key != "" && classes != nil {
			g, err = parseGlob(s.Key)
		}
		if had, ok := keys[s.Key]; ok && had != s.Context {
			err = ErrConflict
		}
		if err != nil {
			refused := &ParseError{File: name, Line: number, Text: cutText(line), Err: err}
			if opts.Skip == nil {
				return nil, refused
			}
			opts.Skip(refused)
			continue
		}
		if s.Key == "" {
			continue
		}
		if kind.android() {
			keys[s.Key] = s.Context
		}
		s.Line = number
		t.specs = append(t.specs, s)
		if classes != nil {
			t.globs = append(t.globs, g)
		}
	}
	if kind.android() {
		slices.SortStableFunc(t.specs, longestFirst)
	}
	return t, nil
}

// longestFirst is the order of label_backends_android.c's cmp: keys that begin
// with "*" last.
func longestFirst(a, b TableSpec) int {
	wildA, wildB := a.Key[0] == '*', b.Key[0] == '*'
	switch {
	case wildA != wildB && wildA:
		return 1
	case wildA != wildB:
		return -1
	}
	return cmp.Compare(len(b.Key), len(a.Key))
}

// maxTableLine is the length from which on label_backends_android.c takes a line
// for two (BUFSIZ).
const maxTableLine = 8191

// parseLine reads a line without its newline; the key is empty if there is
// nothing on it.
func (k TableKind) parseLine(line string, classes []string) (TableSpec, error) {
	if k == DatabaseTable {
		line, _, _ = strings.Cut(line, "#")
	}
	f := strings.FieldsFunc(line, func(r rune) bool { return r < 0x80 && isBlank(byte(r)) })
	if len(f) == 0 || f[0][0] == '#' {
		return TableSpec{}, nil
	}
	want := 2
	if classes != nil {
		want = 3
	}
	switch {
	case strings.IndexByte(line, 0) >= 0:
		return TableSpec{}, ErrNUL
	case len(f) < want, k == DatabaseTable && len(f) > want:
		return TableSpec{}, ErrMissingFields
	}
	f = f[:want]
	if k.android() {
		if len(line) >= maxTableLine {
			return TableSpec{}, ErrTooLong
		}
		for _, field := range f {
			if strings.IndexFunc(field, func(r rune) bool { return r >= 0x80 }) >= 0 {
				return TableSpec{}, ErrNotASCII
			}
		}
	}
	var s TableSpec
	if classes != nil {
		if !slices.Contains(classes, f[0]) {
			return TableSpec{}, ErrClass
		}
		s.Class, f = f[0], f[1:]
	}
	s.Key = f[0]
	var err error
	if s.Context, err = policy.ParseContext(f[1]); err != nil {
		return TableSpec{}, err
	}
	return s, nil
}

// Kind returns what the table is for.
func (t *Table) Kind() TableKind { return t.kind }

// Specs returns the table's lines in the order in which a lookup tries them:
// those of Android's tables by length, those of others as they are written.
func (t *Table) Specs() iter.Seq[TableSpec] { return slices.Values(t.specs) }

// Lookup returns the line that decides for the key, as selabel_lookup_raw(3)
// does. The class is one of the table's classes, "" for tables without.
func (t *Table) Lookup(class, key string) (s TableSpec, ok bool) {
	for i := range t.specs {
		s := &t.specs[i]
		if s.Class == class && t.matches(i, key) {
			return *s, true
		}
	}
	return TableSpec{}, false
}

func (t *Table) matches(i int, key string) bool {
	s := &t.specs[i]
	switch t.kind {
	case PropertyTable:
		return s.Key[0] == '*' || strings.HasPrefix(key, s.Key)
	case MediaTable, ServiceTable:
		return s.Key == "*" || s.Key == key
	}
	return t.globs[i].match(key)
}

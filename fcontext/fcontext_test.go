package fcontext

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit/policy"
)

// ctx abbreviates system_u:object_r:TYPE:s0 in the tests' texts and answers.
func ctx(typ string) string { return "system_u:object_r:" + typ + ":s0" }

// lines makes a text of file_contexts of lines "pattern [kind] type", where
// the type may be <<none>>.
func lines(specs ...string) string {
	var b strings.Builder
	for _, s := range specs {
		f := strings.Fields(s)
		if last := len(f) - 1; f[last] != noneContext {
			f[last] = ctx(f[last])
		}
		b.WriteString(strings.Join(f, "\t") + "\n")
	}
	return b.String()
}

func mustParse(t testing.TB, order Order, specs ...string) *DB {
	t.Helper()
	db, err := Parse(Files{Contexts: strings.NewReader(lines(specs...))}, Options{Order: order})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// typeOf is a lookup's answer: a type, <<none>>, or "" if nothing matches.
func typeOf(db *DB, path string, kind Kind) string {
	m, ok := db.Lookup(path, kind)
	switch {
	case !ok:
		return ""
	case m.None:
		return noneContext
	}
	return m.Context.Type()
}

type question struct {
	path string
	kind Kind
	want string
}

func checkTypes(t *testing.T, db *DB, questions []question) {
	t.Helper()
	for _, q := range questions {
		if got := typeOf(db, q.path, q.kind); got != q.want {
			t.Errorf("order %v: Lookup(%q, %v) = %q, want %q", db.Order(), q.path, q.kind, got, q.want)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, order := range []Order{OrderNewest, Order38, Order34} {
		db := mustParse(t, order,
			"/.* default_t",
			"/etc(/.*)? etc_t",
			"/etc/passwd[-\\+]? -- passwd_file_t",
			"/run/.* <<none>>",
			"/run/wsgi.* -s httpd_var_run_t",
			"/usr/(.*/)?bin(/.*)? bin_t",
			"/dev/sd[a-c]{1,2}[0-9]* -b fixed_disk_device_t",
			"/etc/hosts\\.allow -- net_conf_t",
			"/opt.* low_t",
			"/opt.+ high_t",
		)
		checkTypes(t, db, []question{
			{"/x", Any, "default_t"},
			{"/", Dir, "default_t"}, // /.* matches "/"
			{"/etc", Dir, "etc_t"},
			{"/etcetera", File, "default_t"},
			{"/etc/passwd", File, "passwd_file_t"},
			{"/etc/passwd-", File, "passwd_file_t"},
			{"/etc/passwd+", File, "passwd_file_t"},
			{"/etc/passwd", Dir, "etc_t"},
			{"/etc/passwd", Any, "passwd_file_t"}, // an unknown kind fits every spec
			{"/etc/passwd~", File, "etc_t"},
			{"/etc/hosts.allow", File, "net_conf_t"},
			{"/etc/hostsxallow", File, "etc_t"},
			{"/opt", Dir, "low_t"}, // .+ asks for more, however sure it is of the rest
			{"/opt/", Dir, "low_t"},
			{"/opt/x", Dir, "high_t"},
			{"/run/wsgi.123.sock", Socket, "httpd_var_run_t"},
			{"/run/wsgi.123.sock", File, noneContext},
			{"/usr/a/b/bin/c", File, "bin_t"},
			{"/usr/bin", Dir, "bin_t"},
			{"/usr/cabin", Dir, "default_t"}, // (.*/)? ends in a slash or is not there
			{"/dev/sdab12", BlockDevice, "fixed_disk_device_t"},
			{"/dev/sdabc", BlockDevice, "default_t"},
			{"/dev/sda", CharDevice, "default_t"},
			{"//etc///passwd", File, "passwd_file_t"},
			{"/etc/passwd/", File, "passwd_file_t"},
			{"/etc/caf\xc3\xa9\n\x01", File, "etc_t"}, // bytes, and "." takes a newline
			{"etc/passwd", File, ""},
			{"", File, ""},
			{"/etc/\x00", File, ""},
			{"/etc", numKinds, ""},
		})
	}
}

func TestSubstitutions(t *testing.T) {
	db, err := Parse(Files{
		Contexts: strings.NewReader(lines("/srv/www(/.*)? a_t", "/usr/lib(/.*)? lib_t", "/x/.* x_t", "/other.* other_t")),
		SubsDist: strings.NewReader("# comment\n /lib\t/usr/lib more\n/alone\n/lib64 /usr/lib\n/lib /other\n"),
		Subs:     strings.NewReader("/my /srv/www\n/deep /lib64\n/root /"),
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkTypes(t, db, []question{
		{"/my/index.html", File, "a_t"},
		{"/my", Dir, "a_t"},
		{"/mything", Dir, ""},
		{"/lib64/libc.so", File, "lib_t"},
		{"/lib/libc.so", File, "other_t"}, // the last line of several for a tree is the one
		{"/deep/libc.so", File, "lib_t"},  // .subs, then .subs_dist
		{"/root/x/y", File, "x_t"},        // to "/": one slash, not two
		{"/alone/x", File, ""},
	})
	var got []string
	for s := range db.Substitutions() {
		got = append(got, s.From+" "+s.To)
	}
	want := "/root /,/deep /lib64,/my /srv/www,/lib /other,/lib64 /usr/lib,/lib /usr/lib"
	if g := strings.Join(got, ","); g != want {
		t.Errorf("Substitutions: %s, want %s", g, want)
	}
}

func TestOrders(t *testing.T) {
	// What the newest decides differently from 3.4, and why.
	tests := []struct {
		name        string
		base, local []string
		path        string
		newest, old string
	}{
		{"local literal after base literal", []string{"/etc/a base_t"}, []string{"/etc/a local_t"}, "/etc/a", "local_t", "local_t"},
		{"literal before a later expression", []string{"/etc/a lit_t", "/etc/.* re_t"}, nil, "/etc/a", "lit_t", "lit_t"},
		{"two literals in one file", []string{"/etc/a first_t", "/etc/a second_t"}, nil, "/etc/a", "first_t", "second_t"},
		{"last expression", []string{"/etc/a.* first_t", "/etc/.* second_t"}, nil, "/etc/ab", "second_t", "second_t"},
		{"later expression with fewer directories", []string{"/a/b/c/.* deep_t", "/a/.* shallow_t"}, nil, "/a/b/c/d", "shallow_t", "shallow_t"},
		{"none of a deeper group hides a later one", []string{"/a/b/c/.* <<none>>", "/a/.* shallow_t"}, nil, "/a/b/c/d", noneContext, "shallow_t"},
		{"final newline and a literal", []string{"/etc/a lit_t"}, nil, "/etc/a\n", "", "lit_t"},
		{"final newline and an expression", []string{"/etc/[a] re_t"}, nil, "/etc/a\n", "re_t", "re_t"},
		{"optional slash after the first directory", []string{"/a/?b re_t"}, nil, "/ab", "", ""},
		{"alternation outside of groups: prefix", []string{"/a/x|/a/y re_t"}, nil, "/a/xyz", "re_t", "re_t"},
		{"alternation outside of groups: suffix", []string{"/a/x|/y re_t"}, nil, "/a/b/y", "re_t", "re_t"},
		{"alternation outside of groups: other directory", []string{"/a/x|/y re_t"}, nil, "/b/y", "", ""},
		{"escaped first directory", []string{"/a\\-b/.* re_t"}, nil, "/a-b/c", "re_t", ""},
		{"escaped dot in the first directory", []string{"/a\\.b/.* re_t"}, nil, "/a.b/c", "re_t", "re_t"},
	}
	for _, tt := range tests {
		for order, want := range map[Order]string{OrderNewest: tt.newest, Order34: tt.old} {
			db, err := Parse(Files{
				Contexts: strings.NewReader(lines(tt.base...)),
				Local:    strings.NewReader(lines(tt.local...)),
			}, Options{Order: order})
			if err != nil {
				t.Fatal(err)
			}
			if got := typeOf(db, tt.path, File); got != want {
				t.Errorf("%s: order %v: %q, want %q", tt.name, order, got, want)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		line string
		err  error
	}{
		{"/foo", ErrMissingFields},
		{"/foo -x " + ctx("a_t"), ErrKind},
		{"/foo - " + ctx("a_t"), ErrKind},
		{"/foo a_t", policy.ErrInvalidContext},
		{"/f\xc3\xb6\xc3\xb6 " + ctx("a_t"), ErrNotASCII},
		{"/foo\x00bar " + ctx("a_t"), ErrNUL},
		{"/foo( " + ctx("a_t"), ErrSyntax},
		{"/foo) " + ctx("a_t"), ErrSyntax},
		{"/foo[ " + ctx("a_t"), ErrSyntax},
		{"/foo** " + ctx("a_t"), ErrSyntax},
		{"/foo{2}{3} " + ctx("a_t"), ErrSyntax},
		{"/foo{3,2} " + ctx("a_t"), ErrSyntax},
		{"/[z-a] " + ctx("a_t"), ErrSyntax},
		{"/(?!foo).* " + ctx("a_t"), ErrUnsupported},
		{"/(a)\\1 " + ctx("a_t"), ErrUnsupported},
		{"/a++ " + ctx("a_t"), ErrUnsupported},
		{"/a{,3} " + ctx("a_t"), ErrUnsupported},
		{"/\\pL " + ctx("a_t"), ErrUnsupported},
		{"/((a{1000}){1000}){1000} " + ctx("a_t"), ErrTooLong},
		{"/" + strings.Repeat("(", 300) + strings.Repeat(")", 300) + " " + ctx("a_t"), ErrSyntax},
		{"/.*" + strings.Repeat("a", 4096) + " " + ctx("a_t"), ErrTooLong},
		{"/" + strings.Repeat("a", 1<<20) + " " + ctx("a_t"), ErrTooLong},
	}
	for _, tt := range tests {
		db, err := Parse(Files{Contexts: strings.NewReader("# \xff fine\n\n" + tt.line + "\n")}, Options{})
		var pe *ParseError
		if !errors.Is(err, tt.err) || !errors.As(err, &pe) || db != nil {
			t.Errorf("%.40q: %v, %v, want %v", tt.line, db, err, tt.err)
			continue
		}
		if pe.File != DefaultBase || pe.Line != 3 || len(pe.Text) > maxErrorText {
			t.Errorf("%.40q: %q line %d", tt.line, pe.File, pe.Line)
		}
	}
}

// TestMemoryIsBounded: short lines that would need much memory are refused,
// and empty ones need next to none.
func TestMemoryIsBounded(t *testing.T) {
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("/%d((a?){80}){80} a_t", i))
	}
	_, err := Parse(Files{Contexts: strings.NewReader(lines(many...))}, Options{})
	if !errors.Is(err, ErrTooLong) {
		t.Errorf("many repeats: %v", err)
	}
	text := strings.Repeat("\n", 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Parse(Files{Contexts: strings.NewReader(text)}, Options{}); err != nil {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 24<<20 {
		t.Errorf("1 MB of empty lines took %d bytes", n)
	}
}

func TestOpenFS(t *testing.T) {
	fsys := fstest.MapFS{
		"etc/files/file_contexts":       {Data: []byte(lines("/a one_t", "/h home_t"))},
		"etc/files/file_contexts.local": {Data: []byte(lines("/a two_t"))},
	}
	db, err := OpenFS(fsys, "etc/files", Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, ok := db.Lookup("/a", File)
	if !ok || m.Context.String() != ctx("two_t") || m.Spec.File != "etc/files/file_contexts.local" || m.Spec.Line != 1 {
		t.Errorf("Lookup: %+v, %v", m, ok)
	}
	if db, err = OpenFS(fsys, "etc/files", Options{BaseOnly: true}); err != nil {
		t.Fatal(err)
	}
	checkTypes(t, db, []question{{"/a", File, "one_t"}})
	if _, err = OpenFS(fsys, "etc", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file_contexts: %v", err)
	}
}

func TestExplain(t *testing.T) {
	db := mustParse(t, OrderNewest, "/.* default_t", "/var/www(/.*)? www_t", "/var/www/x -d dir_t", "/var/www/x -- file_t", "/var/.* <<none>>")
	e := db.Explain("/var//www/x/", File)
	if !e.Found || e.Path != "/var/www/x" || e.Match.Context.Type() != "file_t" {
		t.Errorf("Explain: %+v", e)
	}
	var got []string
	for _, s := range e.Others {
		got = append(got, s.Pattern)
	}
	if g := strings.Join(got, " "); g != "/var/.* /var/www(/.*)? /.*" {
		t.Errorf("others: %s", g)
	}
	if e := db.Explain("x", File); e.Found || len(e.Others) != 0 {
		t.Errorf("Explain of a relative path: %+v", e)
	}
}

func TestWith(t *testing.T) {
	for _, order := range []Order{OrderNewest, Order38, Order34} {
		db := mustParse(t, order, "/.* default_t", "/data/a lit_t")
		pattern, err := TreePattern("/data")
		if err != nil {
			t.Fatal(err)
		}
		more, err := db.With(Spec{Pattern: pattern, Context: policy.MustParseContext(ctx("www_t"))},
			Spec{Pattern: "/data/a", Kind: Dir, None: true})
		if err != nil {
			t.Fatal(err)
		}
		checkTypes(t, db, []question{{"/data/x", File, "default_t"}})
		checkTypes(t, more, []question{
			{"/data", Dir, "www_t"}, {"/data/x", File, "www_t"}, {"/datax", File, "default_t"},
			{"/data/a", File, "lit_t"}, {"/data/a", Dir, noneContext},
		})
		for _, bad := range []Spec{{Pattern: "/a"}, {Pattern: "/a b", None: true}, {Pattern: "#", None: true}, {Pattern: "", None: true}, {Pattern: "/(", None: true}} {
			var pe *ParseError
			if db, err := db.With(bad); !errors.As(err, &pe) || db != nil {
				t.Errorf("With(%+v): %v", bad, err)
			}
		}
	}
}

// The zero DB has no specs, and takes some.
func TestZeroDB(t *testing.T) {
	var zero DB
	if _, ok := zero.Lookup("/a", File); ok || zero.PartialMatch("/a") {
		t.Error("something matches")
	}
	more, err := zero.With(Spec{Pattern: "/a", Context: policy.MustParseContext(ctx("a_t"))}, Spec{Pattern: "/b.*", None: true})
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := more.Lookup("/a", File); !ok || m.Context.Type() != "a_t" {
		t.Errorf("%+v, %v", m, ok)
	}
}

func TestQuotePath(t *testing.T) {
	all := make([]byte, 0, 256)
	for b := 1; b < 256; b++ {
		all = append(all, byte(b))
	}
	for _, path := range []string{
		"/", "/a.b/c.d", "/srv/my site/x", "/a)b/c", "/a\\b/c", "/x/" + strings.ReplaceAll(string(all), "/", ""),
		"/" + strings.ReplaceAll(string(all), "/", "") + "/x", "/{2}/{2}", "/a\n/b", "/caf\xc3\xa9",
	} {
		for _, order := range []Order{OrderNewest, Order38, Order34} {
			pattern, err := QuotePath(path)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := TreePattern(path)
			if err != nil {
				t.Fatal(err)
			}
			db := mustParse(t, order, tree+" tree_t", pattern+" -- path_t")
			checkTypes(t, db, []question{{path, File, "path_t"}, {path, Dir, "tree_t"}, {path + "/below", File, "tree_t"}})
			if path != "/" {
				checkTypes(t, db, []question{{path + "x", File, ""}, {"/" + path[2:], File, ""}})
			}
		}
	}
	for _, path := range []string{"", "a", "/a\x00b", "/" + strings.Repeat("\xff", 2000)} {
		if _, err := QuotePath(path); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("QuotePath(%q): %v", path, err)
		}
	}
}

func TestSpecsOfType(t *testing.T) {
	db := mustParse(t, OrderNewest, "/run/wsgi.* -s httpd_var_run_t", "/run/httpd.* httpd_var_run_t", "/run/x -- httpd_var_run_t", "/y other_t", "/z <<none>>")
	for _, tt := range []struct {
		kinds []Kind
		want  string
	}{
		{nil, "/run/wsgi.* /run/httpd.* /run/x"},
		{[]Kind{Socket}, "/run/wsgi.* /run/httpd.*"},
		{[]Kind{Socket, File}, "/run/wsgi.* /run/httpd.* /run/x"},
		{[]Kind{Dir}, "/run/httpd.*"},
	} {
		var got []string
		for s := range db.SpecsOfType("httpd_var_run_t", tt.kinds...) {
			got = append(got, s.Pattern)
		}
		if g := strings.Join(got, " "); g != tt.want {
			t.Errorf("SpecsOfType(%v): %s, want %s", tt.kinds, g, tt.want)
		}
	}
	for s := range db.SpecsOfType("") {
		t.Errorf("SpecsOfType(\"\"): %v", s)
	}
}

func TestExampleOfSpec(t *testing.T) {
	db := mustParse(t, OrderNewest, "/.* default_t", "/run/wsgi.* -s sock_t", "/srv/(a|b)/[^/]+/log(/.*)? log_t", "/hidden(/.*)? one_t", "/hidden(/x)? two_t", "/hidden/.* two_t")
	want := map[string]string{
		"/.*":                        "/",
		"/run/wsgi.*":                "/run/wsgi",
		"/srv/(a|b)/[^/]+/log(/.*)?": "/srv/a/x/log",
		"/hidden(/x)?":               "/hidden",
		"/hidden/.*":                 "/hidden/x", // "/hidden/" is looked up as "/hidden"
	}
	for s := range db.Specs() {
		got, ok := db.Example(s, Socket)
		if w, wantOK := want[s.Pattern]; got != w || ok != wantOK {
			t.Errorf("Example(%s) = %q, %v, want %q", s.Pattern, got, ok, w)
		}
	}
	for pattern, stem := range map[string]string{"/run/wsgi.*": "/run/wsgi", "/a\\.b/c?": "/a.b/", "/a|/b": "", "(": ""} {
		if got := (Spec{Pattern: pattern}).Stem(); got != stem {
			t.Errorf("Stem of %s: %q, want %q", pattern, got, stem)
		}
	}
}

func TestDuplicates(t *testing.T) {
	db := mustParse(t, OrderNewest, "/a one_t", "/a -- two_t", "/a -d one_t", "/b one_t", "/c -- one_t", "/c -d one_t")
	var got []string
	for a, b := range db.Duplicates() {
		got = append(got, a.Pattern+a.Kind.Flag()+b.Kind.Flag())
	}
	if g := strings.Join(got, " "); g != "/a-- /a-d" {
		t.Errorf("Duplicates: %s", g)
	}
}

func TestBestMatch(t *testing.T) {
	db := mustParse(t, OrderNewest, "/dev/.* device_t", "/dev/disk.* disk_t", "/dev/null null_t", "/dev/no.* <<none>>")
	for _, tt := range []struct {
		path    string
		aliases []string
		want    string
	}{
		{"/dev/x", nil, "device_t"},
		{"/dev/x", []string{"/dev/disk1", "/dev/y"}, "disk_t"},
		{"/dev/disk1", []string{"/dev/x", "/dev/null"}, "null_t"},
		{"/dev/none", []string{"/dev/y"}, "device_t"},
		{"/x", []string{"/y"}, ""},
	} {
		m, ok := db.BestMatch(tt.path, tt.aliases, Any)
		if m.Context.Type() != tt.want || ok != (tt.want != "") {
			t.Errorf("BestMatch(%q, %q) = %v, want %q", tt.path, tt.aliases, m.Context, tt.want)
		}
	}
}

func TestPartialMatch(t *testing.T) {
	for _, order := range []Order{OrderNewest, Order38, Order34} {
		db := mustParse(t, order, "/srv/www/.*\\.html page_t", "/opt/x/y lit_t", "/gone/.* <<none>>")
		for path, want := range map[string]bool{
			"/srv": true, "/srv/www": true, "/srv/www/a": true, "/srv/x": false, "/": true,
			"/opt/x": true, "/opt/x/y": true, "/opt/z": false, "/gone/x": false, "/other": false, "": false,
		} {
			if got := db.PartialMatch(path); got != want {
				t.Errorf("order %v: PartialMatch(%q) = %v", order, path, got)
			}
		}
	}
}

func TestKind(t *testing.T) {
	for k := Any; k < numKinds; k++ {
		for _, s := range []string{k.String(), k.Flag()} {
			if got, err := ParseKind(s); got != k || err != nil {
				t.Errorf("ParseKind(%q) = %v, %v", s, got, err)
			}
		}
	}
	if _, err := ParseKind("x"); !errors.Is(err, ErrKind) {
		t.Errorf("ParseKind: %v", err)
	}
	for mode, want := range map[fs.FileMode]Kind{
		0o644: File, fs.ModeDir | 0o755: Dir, fs.ModeDevice: BlockDevice, fs.ModeDevice | fs.ModeCharDevice: CharDevice,
		fs.ModeNamedPipe: Pipe, fs.ModeSymlink | 0o777: Symlink, fs.ModeSocket: Socket, fs.ModeIrregular: Any,
	} {
		if got := KindOf(mode); got != want {
			t.Errorf("KindOf(%v) = %v, want %v", mode, got, want)
		}
	}
}

func TestSkip(t *testing.T) {
	text := "/a u:r:a_t\n/(?=x) u:r:b_t\n\n/b\n/c -x u:r:c_t\n/d :::\n/[ u:r:d_t\n/e\x00 u:r:e_t\n/((a?){80}){80} u:r:f_t\n/g u:r:g_t\n"
	var lines []int
	var reasons []error
	db, err := Parse(Files{Contexts: strings.NewReader(text)}, Options{Skip: func(e *ParseError) {
		lines, reasons = append(lines, e.Line), append(reasons, e.Err)
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []error{ErrUnsupported, ErrMissingFields, ErrKind, policy.ErrInvalidContext, ErrSyntax, ErrNUL, ErrTooLong}
	if !slices.Equal(lines, []int{2, 4, 5, 6, 7, 8, 9}) {
		t.Fatalf("skipped lines %d: %v", lines, reasons)
	}
	for i, w := range want {
		if !errors.Is(reasons[i], w) {
			t.Errorf("line %d: %v, want %v", lines[i], reasons[i], w)
		}
	}
	if m, ok := db.Lookup("/g", File); !ok || m.Spec.Line != 10 || db.Len() != 2 {
		t.Errorf("after the skipped lines: %+v, %v, %d specs", m, ok, db.Len())
	}
	// A file that is not there is not a line.
	if _, err := OpenFS(fstest.MapFS{}, ".", Options{Skip: func(*ParseError) {}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

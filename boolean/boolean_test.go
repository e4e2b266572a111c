package boolean_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/managed/managedtest"
	"github.com/sekit/sekit/policy"
)

// demoPolicy has 32 booleans (internal/demo/policy/booleans.cil), of which
// httpd_execmem is off and httpd_enable_cgi on.
func demoPolicy(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTable(t *testing.T) {
	table := boolean.NewTable(demoPolicy(t),
		[]boolean.Active{{"httpd_enable_cgi", false, true}, {"unknown_to_the_policy", true, true}},
		[]boolean.Record{{"httpd_execmem", true}, {"unknown_too", true}})
	all := table.All()
	if len(all) != 32 || !slices.IsSortedFunc(all, func(a, b boolean.Boolean) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d booleans: %v", len(all), all)
	}
	for _, want := range []boolean.Boolean{
		{Name: "httpd_enable_cgi", Current: false, Pending: true, Default: true},
		{Name: "httpd_execmem", Current: true, Pending: true, Default: true, Local: true},
		{Name: "httpd_unified"},
		{Name: "user_exec_content", Current: true, Pending: true, Default: true},
	} {
		if got, err := table.Lookup(want.Name); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	for _, name := range []string{"", "no_such_boolean", "unknown_too", "a\nb"} {
		b, err := table.Lookup(name)
		var e *boolean.Error
		if b != (boolean.Boolean{}) || !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &e) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, %v", name, b, err)
		}
	}
	if s := all[slices.IndexFunc(all, func(b boolean.Boolean) bool { return b.Name == "httpd_enable_cgi" })].String(); s != "httpd_enable_cgi --> off pending: on" {
		t.Errorf("got %q", s)
	}
}

func TestPlan(t *testing.T) {
	table := boolean.NewTable(demoPolicy(t), []boolean.Active{
		{"httpd_unified", true, true}, {"httpd_use_nfs", false, true}, {"httpd_execmem", true, true},
	}, []boolean.Record{{"httpd_execmem", true}})
	for _, tt := range []struct {
		plan func(string, bool) (boolean.Change, error)
		name string
		on   bool
		want string // the command, "" for nothing to do
	}{
		{table.PlanSet, "httpd_use_cifs", true, "setsebool httpd_use_cifs on"},
		{table.PlanSet, "httpd_use_cifs", false, ""},
		{table.PlanSet, "httpd_unified", true, ""},
		{table.PlanSet, "httpd_unified", false, "setsebool httpd_unified off"},
		{table.PlanSet, "httpd_use_nfs", false, "setsebool httpd_use_nfs off"}, // pending differs
		{table.PlanPersist, "httpd_unified", true, "setsebool -P httpd_unified on"},
		{table.PlanPersist, "httpd_execmem", true, ""},
		{table.PlanPersist, "httpd_enable_cgi", true, ""}, // the policy says so itself
		{table.PlanPersist, "httpd_execmem", false, "setsebool -P httpd_execmem off"},
	} {
		c, err := tt.plan(tt.name, tt.on)
		if err != nil || strings.Join(c.Command(), " ") != tt.want || c.String() == "" || c.On != tt.on {
			t.Errorf("%s %v: %q, %v; want %q", tt.name, tt.on, c.Command(), err, tt.want)
		}
	}
	if c, err := table.PlanReset("httpd_execmem"); err != nil || c.Op != boolean.Reset || c.On || c.Command() != nil {
		t.Errorf("reset: %+v, %v", c, err)
	}
	if _, err := table.PlanReset("httpd_unified"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("reset without a record: %v", err)
	}
}

func TestHostileNames(t *testing.T) {
	b := booleantest.NewBackend(demoPolicy(t))
	booleans := boolean.New(demoPolicy(t), b)
	good := boolean.Record{Name: "httpd_execmem", On: true}
	for _, name := range []string{"", " ", "-P", "a b", "a=1", "$(id)", "a\nb", "../enforce", "no_such_boolean", strings.Repeat("x", 1<<20)} {
		var e *boolean.Error
		for _, set := range []func() ([]boolean.Change, error){
			func() ([]boolean.Change, error) { return booleans.Set(t.Context(), good, boolean.Record{Name: name}) },
			func() ([]boolean.Change, error) {
				return booleans.Persist(t.Context(), good, boolean.Record{Name: name})
			},
			func() ([]boolean.Change, error) { return booleans.Reset(t.Context(), name) },
		} {
			if c, err := set(); c != nil || !errors.As(err, &e) || len(err.Error()) > 300 || strings.Contains(err.Error(), "\n") {
				t.Errorf("%.20q: %v, %v", name, c, err)
			}
		}
	}
	if c, err := booleans.Set(t.Context(), good, boolean.Record{Name: good.Name}); c != nil || err == nil {
		t.Errorf("named twice, on and off: %v, %v", c, err)
	}
	if b.Commits() != 0 {
		t.Error("something was committed")
	}
}

func TestFaults(t *testing.T) {
	p := demoPolicy(t)
	b := booleantest.NewBackend(p)
	booleans := boolean.New(p, b)
	full := errors.New("disk full")
	r := boolean.Record{Name: "httpd_execmem", On: true}
	for _, f := range []booleantest.Fault{{Active: full}, {Local: full}, {Commit: full}} {
		b.Inject(f)
		if c, err := booleans.Persist(t.Context(), r); c != nil || !errors.Is(err, full) {
			t.Errorf("%+v: %v, %v", f, c, err)
		}
	}
	b.Inject(booleantest.Fault{AfterCommit: full})
	if _, err := booleans.Persist(t.Context(), r); !errors.Is(err, full) {
		t.Error(err)
	}
	b.Inject(booleantest.Fault{})
	if c, err := booleans.Persist(t.Context(), r); len(c) != 0 || err != nil || b.Commits() != 1 {
		t.Errorf("again: %v, %v, %d commits", c, err, b.Commits())
	}
}

func TestSwitches(t *testing.T) {
	p := demoPolicy(t)
	table := boolean.NewTable(p, nil, nil)
	found := false
	for r := range table.Rules("haproxy_connect_any") {
		c, ok := r.Condition()
		if !ok || !slices.Contains(c.Booleans(), "haproxy_connect_any") {
			t.Errorf("rule %v does not depend on it", r)
		}
		found = true
	}
	if !found {
		t.Error("haproxy_connect_any switches nothing")
	}
	for r := range table.Rules("no_such_boolean") {
		t.Errorf("an unknown boolean switches %v", r)
	}
	x, err := table.Exposure("haproxy_connect_any", true)
	if err != nil || x.Tuples == 0 {
		t.Errorf("%+v, %v", x, err)
	}
	// Where it is on already, it opens nothing more.
	on := boolean.NewTable(p, []boolean.Active{{"haproxy_connect_any", true, true}}, nil)
	if x, err := on.Exposure("haproxy_connect_any", true); err != nil || x.Tuples != 0 {
		t.Errorf("%+v, %v", x, err)
	}
	if _, err := table.Exposure("no_such_boolean", true); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// selinuxfs as the kernel shows the policy's own values.
func selinuxfs(p *policy.Policy) fstest.MapFS {
	m := fstest.MapFS{}
	for b := range p.Booleans() {
		v := "0 0"
		if b.Default() {
			v = "1 1"
		}
		m["booleans/"+b.Name()] = &fstest.MapFile{Data: []byte(v)}
	}
	return m
}

func openStore(t *testing.T, root fs.FS) *boolean.Store {
	t.Helper()
	s, err := boolean.OpenStore(root, "default")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFiles(t *testing.T) {
	p := demoPolicy(t)
	store := openStore(t, fstest.MapFS{"var/lib/selinux/default/active/commit_num": {Data: []byte("1")}})
	for name, files := range map[string]boolean.Files{
		"live":    {Selinuxfs: selinuxfs(p), Store: store},
		"offline": {Store: store},
		"neither": {},
	} {
		t.Run(name, func(t *testing.T) {
			booleantest.TestBackend(t, func(t *testing.T) booleantest.Harness {
				return booleantest.Harness{Policy: p, Backend: files, ReadOnly: true, Offline: files.Selinuxfs == nil}
			})
		})
	}
}

func TestWritableStore(t *testing.T) {
	p := demoPolicy(t)
	booleantest.TestBackend(t, func(t *testing.T) booleantest.Harness {
		root := managedtest.Root(t, demo.Policy())
		open := func() boolean.Backend {
			s, err := boolean.OpenRoot(root, managedtest.Type)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		return booleantest.Harness{Policy: p, Backend: open(), Reopen: open, Offline: true, ReadOnly: managedtest.ReadOnly()}
	})
}

func TestFilesValues(t *testing.T) {
	p := demoPolicy(t)
	kernel := selinuxfs(p)
	kernel["booleans/httpd_unified"].Data = []byte("1 0\n")
	files := boolean.Files{Selinuxfs: kernel, Store: openStore(t, fstest.MapFS{
		"var/lib/selinux/default/active/booleans.local": {Data: []byte("httpd_unified=1\nhttpd_execmem = true\n")}})}
	table, err := boolean.New(p, files).Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []boolean.Boolean{
		{Name: "httpd_unified", Current: true, Default: true, Local: true},
		{Name: "httpd_execmem", Default: true, Local: true}, // recorded, and not loaded yet
	} {
		if got, err := table.Lookup(want.Name); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	for _, bad := range []string{"", "1", "1 ", "1 2", "2 1", "10", "1 1 1", "1  1", "on on", strings.Repeat("1", 1<<16)} {
		kernel["booleans/httpd_unified"].Data = []byte(bad)
		if a, err := files.Active(t.Context()); a != nil || err == nil {
			t.Errorf("%.20q: %v, %v", bad, a, err)
		}
	}
	kernel["booleans/httpd_unified"].Data = []byte("1 1")
	kernel["booleans/a b"] = &fstest.MapFile{Data: []byte("1 1")}
	if a, err := files.Active(t.Context()); a != nil || err == nil {
		t.Errorf("hostile name: %v, %v", a, err)
	}
	// A directory that is no selinuxfs must not count as "no booleans".
	if a, err := (boolean.Files{Selinuxfs: fstest.MapFS{}}).Active(t.Context()); a != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no selinuxfs: %v, %v", a, err)
	}
}

func TestOpenStore(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("a=1\n")}
	for name, root := range map[string]fstest.MapFS{
		"new": {"var/lib/selinux/targeted/active/booleans.local": file,
			"etc/selinux/targeted/modules/active/booleans.local": {Data: []byte("not read")}},
		"old": {"etc/selinux/targeted/modules/active/booleans.local": file},
	} {
		store, err := boolean.OpenStore(root, "targeted")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := store.Local(t.Context())
		if err != nil || !slices.Equal(got, []boolean.Record{{"a", true}}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if s, err := boolean.OpenStore(fstest.MapFS{}, "targeted"); s != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no store: %v, %v", s, err)
	}
	for _, bad := range []string{"", "..", "../../etc", "a/b", "a\nb"} {
		if s, err := boolean.OpenStore(fstest.MapFS{"x": file}, bad); s != nil || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v, %v", bad, s, err)
		}
	}
}

// local was written by semanage 3.4 in a store of Debian 12.
const local = "# This file is auto-generated by libsemanage\n# Do not edit directly.\n\nallow_cvs_read_shadow=1\n"

func TestParseLocal(t *testing.T) {
	got, err := boolean.ParseLocal("f", []byte(local))
	if err != nil || !slices.Equal(got, []boolean.Record{{"allow_cvs_read_shadow", true}}) {
		t.Errorf("%v, %v", got, err)
	}
	if out := boolean.FormatLocal(got); string(out) != local {
		t.Errorf("written again: %s", out)
	}
	// What libsemanage's parser takes (read off booleans_file.c, parse_utils.c).
	for text, want := range map[string][]boolean.Record{
		"":                        nil,
		"a=1":                     {{"a", true}},
		"a=0\nb=TRUE c = false":   {{"a", false}, {"b", true}, {"c", false}},
		" a\n#x\n=\n\n# y\n true": {{"a", true}},
		"a=01":                    {{"a", true}},
		"a=1\nb=1\na=0":           {{"a", false}, {"b", true}},
	} {
		if got, err := boolean.ParseLocal("f", []byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, line := range map[string]int{
		"a": 1, "a=": 1, "=1": 1, "a=2": 1, "a=-1": 1, "a=on": 1, "a=True": 1, "a=truex": 1, "a=1x": 1, "a b=1": 1,
		"a=1\n\n#\n$(id)=1": 4, "a\x00=1": 1, "a=\xff": 1, "a=1\n" + strings.Repeat("b", 100000): 2,
		"a=99999999999999999999": 1,
	} {
		got, err := boolean.ParseLocal("f", []byte(text))
		var pe *boolean.ParseError
		if got != nil || !errors.As(err, &pe) || pe.Line != line || len(err.Error()) > 500 {
			t.Errorf("%.40q: %v, %v", text, got, err)
		}
	}
}

func FuzzParseLocal(f *testing.F) {
	f.Add([]byte(local))
	f.Add([]byte("a=0\nb=TRUE c = false # x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := boolean.ParseLocal("f", data)
		if err != nil {
			var pe *boolean.ParseError
			if got != nil || !errors.As(err, &pe) || pe.Line < 1 {
				t.Fatalf("%v, %v", got, err)
			}
			return
		}
		again, err := boolean.ParseLocal("f", boolean.FormatLocal(got))
		if err != nil || !slices.Equal(got, again) {
			t.Fatalf("%v became %v, %v", got, again, err)
		}
	})
}

// TestUnknownBoolean: the error says what is not there.
func TestUnknownBoolean(t *testing.T) {
	_, err := boolean.NewTable(demoPolicy(t), nil, nil).Lookup("nope")
	if want := "look up boolean nope: the policy has no such boolean: file does not exist"; !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

package fcontext_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

// demoLocal returns the demo's policy, its file contexts, and the table of
// these with local records: those given, one a line, as file_contexts.local
// and file_contexts.subs have them.
func demoLocal(t testing.TB, records, subs string) *fcontext.LocalTable {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	db, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var local fcontext.LocalRecords
	if local.Records, err = fcontext.ParseLocal("local", []byte(records)); err != nil {
		t.Fatal(err)
	}
	if local.Equivalences, err = fcontext.ParseEquivalences("subs", []byte(subs)); err != nil {
		t.Fatal(err)
	}
	return fcontext.NewLocalTable(p, db, local)
}

func TestPlanSet(t *testing.T) {
	const (
		local = `/srv/files(/.*)?    system_u:object_r:public_content_t:s0
/srv/none -d <<none>>
/srv/odd -- staff_u:object_r:public_content_t:s0:c1
`
		subs = "/web /var/www\n"
	)
	table := demoLocal(t, local, subs)
	for _, test := range []struct {
		set    fcontext.LocalSetting
		change string // LocalChange.String
		argv   string // LocalChange.Command, joined by blanks
	}{
		// New, with semanage's defaults.
		{fcontext.LocalSetting{Pattern: "/srv/x(/.*)?", Type: "httpd_sys_content_t"},
			"add fcontext /srv/x(/.*)? as httpd_sys_content_t",
			"semanage fcontext -a -t httpd_sys_content_t /srv/x(/.*)?"},
		{fcontext.LocalSetting{Pattern: "/srv/x", Kind: fcontext.Dir, Type: "httpd_sys_content_t", User: "staff_u", Range: "s0:c1,c2,c3"},
			"add fcontext /srv/x (directory) as httpd_sys_content_t",
			"semanage fcontext -a -f d -t httpd_sys_content_t -s staff_u -r s0:c1.c3 /srv/x"},
		{fcontext.LocalSetting{Pattern: "/srv/x", None: true},
			"add fcontext /srv/x as <<none>>", "semanage fcontext -a -t <<none>> /srv/x"},
		// A local one keeps its user and range, which the command has to say.
		{fcontext.LocalSetting{Pattern: "/srv/odd", Kind: fcontext.File, Type: "httpd_sys_content_t"},
			"modify fcontext /srv/odd (regular file) from public_content_t to httpd_sys_content_t",
			"semanage fcontext -m -f f -t httpd_sys_content_t -s staff_u -r s0:c1 /srv/odd"},
		{fcontext.LocalSetting{Pattern: "/srv/none", Kind: fcontext.Dir, Type: "httpd_sys_content_t"},
			"modify fcontext /srv/none (directory) from <<none>> to httpd_sys_content_t",
			"semanage fcontext -m -f d -t httpd_sys_content_t -s system_u -r s0 /srv/none"},
		{fcontext.LocalSetting{Pattern: "/srv/files(/.*)?", None: true},
			"modify fcontext /srv/files(/.*)? from public_content_t to <<none>>",
			"semanage fcontext -m -t <<none>> /srv/files(/.*)?"},
		// The kind is part of the key.
		{fcontext.LocalSetting{Pattern: "/srv/odd", Kind: fcontext.Socket, Type: "httpd_sys_content_t"},
			"add fcontext /srv/odd (socket) as httpd_sys_content_t",
			"semanage fcontext -a -f s -t httpd_sys_content_t /srv/odd"},
		// So already: by the record, by the policy's, and for one path by a wider one.
		{fcontext.LocalSetting{Pattern: "/srv/files(/.*)?", Type: "public_content_t"},
			"fcontext /srv/files(/.*)? is public_content_t already", ""},
		{fcontext.LocalSetting{Pattern: "/srv/odd", Kind: fcontext.File, Type: "public_content_t"},
			"fcontext /srv/odd (regular file) is public_content_t already", ""},
		{fcontext.LocalSetting{Pattern: "/srv/files/a\\.b", Type: "public_content_t", Range: "s0"},
			"fcontext /srv/files/a\\.b is public_content_t already", ""},
		{fcontext.LocalSetting{Pattern: "/srv/none", Kind: fcontext.Dir, None: true},
			"fcontext /srv/none (directory) is <<none>> already", ""},
	} {
		c, err := table.PlanSet(test.set)
		if err != nil {
			t.Errorf("%+v: %v", test.set, err)
			continue
		}
		if argv := strings.Join(c.Command(), " "); c.String() != test.change || argv != test.argv {
			t.Errorf("%+v: %s\n\twith %q, want %s\n\twith %q", test.set, c, argv, test.change, test.argv)
		}
	}
}

func TestPlanSetRefuses(t *testing.T) {
	table := demoLocal(t, "/srv/kinds system_u:object_r:var_t:s0\n/srv/kind -d system_u:object_r:var_t:s0\n", "/web /var/www\n/a.b /srv/a\n/root /\n")
	const typ = "httpd_sys_content_t"
	for _, test := range []struct {
		set  fcontext.LocalSetting
		want error
	}{
		{fcontext.LocalSetting{Pattern: "", Type: typ}, fcontext.ErrSyntax},
		{fcontext.LocalSetting{Pattern: "/srv/a b", Type: typ}, fcontext.ErrSyntax},
		{fcontext.LocalSetting{Pattern: "/srv/a\tb", Type: typ}, fcontext.ErrSyntax},
		{fcontext.LocalSetting{Pattern: "/srv/a\nb", Type: typ}, fcontext.ErrSyntax},
		{fcontext.LocalSetting{Pattern: "#?/srv", Type: typ}, fcontext.ErrSyntax},
		{fcontext.LocalSetting{Pattern: "/srv/(", Type: typ}, fcontext.ErrSyntax},
		{fcontext.LocalSetting{Pattern: "/srv/(?=a)", Type: typ}, fcontext.ErrUnsupported},
		{fcontext.LocalSetting{Pattern: "/srv/é", Type: typ}, fcontext.ErrNotASCII},
		{fcontext.LocalSetting{Pattern: "/srv/\x00", Type: typ}, fcontext.ErrNUL},
		{fcontext.LocalSetting{Pattern: "/srv/x", Kind: 99, Type: typ}, fcontext.ErrKind},
		{fcontext.LocalSetting{Pattern: "srv/x", Type: typ}, fcontext.ErrNoPath},
		{fcontext.LocalSetting{Pattern: "/srv/x/", Type: typ}, fcontext.ErrNoPath},
		{fcontext.LocalSetting{Pattern: "/srv/x/(/.*)?", Type: typ}, fcontext.ErrNoPath},
		{fcontext.LocalSetting{Pattern: "/srv//x", Type: typ}, fcontext.ErrNoPath},
		{fcontext.LocalSetting{Pattern: "-?/srv", Type: typ}, fcontext.ErrNoPath},
		{fcontext.LocalSetting{Pattern: "/srv/x", Type: "http_port_t"}, fcontext.ErrNotFileType},
		{fcontext.LocalSetting{Pattern: "/srv/x", Type: ""}, fs.ErrInvalid},
		{fcontext.LocalSetting{Pattern: "/srv/x", Type: "-x"}, fs.ErrInvalid},
		{fcontext.LocalSetting{Pattern: "/srv/x", Type: "no_such_t"}, nil},
		{fcontext.LocalSetting{Pattern: "/srv/x", Type: typ, None: true}, fs.ErrInvalid},
		{fcontext.LocalSetting{Pattern: "/srv/x", User: "staff_u", None: true}, fs.ErrInvalid},
		{fcontext.LocalSetting{Pattern: "/srv/x", Type: typ, User: "no_such_u"}, policy.ErrInvalidContext},
		{fcontext.LocalSetting{Pattern: "/srv/x", Type: typ, User: "-u"}, fs.ErrInvalid},
		{fcontext.LocalSetting{Pattern: "/srv/x", Type: typ, Range: "s0:c9999"}, policy.ErrInvalidContext},
		{fcontext.LocalSetting{Pattern: "/srv/kinds", Kind: fcontext.File, Type: typ}, fs.ErrExist},
		{fcontext.LocalSetting{Pattern: "/srv/kind", Type: typ}, fs.ErrExist},
		{fcontext.LocalSetting{Pattern: "/web/x", Type: typ}, fs.ErrExist},
		{fcontext.LocalSetting{Pattern: "/web(/.*)?", Type: typ}, fs.ErrExist},
		{fcontext.LocalSetting{Pattern: "/web", Type: typ}, fs.ErrExist},
		{fcontext.LocalSetting{Pattern: "/bin/x.*", Type: typ}, fs.ErrExist},
	} {
		c, err := table.PlanSet(test.set)
		var local *fcontext.LocalError
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !errors.As(err, &local) || local.Op != "set" {
			t.Errorf("%+v: %v, want %v", test.set, err, test.want)
		}
		if c.Op != fcontext.Nothing || c.Command() != nil {
			t.Errorf("%+v: a change beside the error: %+v", test.set, c)
		}
	}
	// Where it should be instead: as a lookup comes to it.
	for pattern, want := range map[string]string{
		"/web/x\\.y":           "/var/www/x\\.y",
		"/web(/.*)?":           "/var/www(/.*)?",
		"/bin/x.*":             "/usr/bin/x.*",
		"/lib/systemd/x":       "/usr/lib/systemd/x",
		"/a.b/x":               "/srv/a/x",
		"/usr/local/bin(/.*)?": "/usr/bin(/.*)?",
		"/root(/.*)?":          "/.*",
		"/root/x":              "/x",
		"/root":                "/",
	} {
		_, err := table.PlanSet(fcontext.LocalSetting{Pattern: pattern, Type: typ})
		var conflict *fcontext.ConflictError
		if !errors.As(err, &conflict) || conflict.Instead != want {
			t.Errorf("%s: %v, want to be sent to %s", pattern, err, want)
		}
	}
	// Beside an equivalence's target, not below it.
	for _, pattern := range []string{"/website", "/webs(/.*)?", "/web.*", "/(web|x)/y", "/bind(/.*)?"} {
		if _, err := table.PlanSet(fcontext.LocalSetting{Pattern: pattern, Type: typ}); err != nil {
			t.Error(err)
		}
	}
}

// A record of the policy's makes a setting so unless local ones, of other
// patterns, take all of its paths.
func TestPlanSetPolicySays(t *testing.T) {
	set := fcontext.LocalSetting{Pattern: "/var/www(/.*)?", Type: "httpd_sys_content_t"}
	own, ok := demoLocal(t, "", "").Find(fcontext.LocalKey{Pattern: set.Pattern})
	if !ok || own.Origin != fcontext.FromPolicy || own.Type() != set.Type {
		t.Fatalf("the policy has %v", own)
	}
	for local, want := range map[string]fcontext.Op{
		"": fcontext.Nothing,
		"/srv/x system_u:object_r:public_content_t:s0": fcontext.Nothing,
		"/var(/.*)? system_u:object_r:var_t:s0":        fcontext.Modify,
		"/var(/.*)? -d system_u:object_r:var_t:s0":     fcontext.Nothing, // files are left
		"/var/www/up(/.*)? system_u:object_r:bin_t:s0": fcontext.Nothing, // an exception
		".*\\.bak system_u:object_r:var_t:s0":          fcontext.Nothing,
		"/(?=x) system_u:object_r:var_t:s0":            fcontext.Modify, // nobody knows
	} {
		table := demoLocal(t, local, "")
		c, err := table.PlanSet(set)
		if err != nil || c.Op != want || c.Before != own {
			t.Errorf("with %q: %v, %v, want %v", local, c, err, want)
		}
		after, err := table.With(c)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(local, "(?=") {
			continue
		}
		db, err := after.DB()
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := db.Lookup("/var/www/x", fcontext.File); !ok || m.Context.Type() != set.Type {
			t.Errorf("with %q: it is %v after all", local, m)
		}
	}
}

func TestPlanDelete(t *testing.T) {
	table := demoLocal(t, "/srv/x(/.*)? -d system_u:object_r:var_t:s0\n/web system_u:object_r:var_t:s0\n", "/web /var/www\n")
	c, err := table.PlanDelete(fcontext.LocalKey{Pattern: "/srv/x(/.*)?", Kind: fcontext.Dir})
	if argv := strings.Join(c.Command(), " "); err != nil || argv != "semanage fcontext -d -f d /srv/x(/.*)?" {
		t.Errorf("%s, %v", argv, err)
	}
	var missing *fcontext.MissingError
	if _, err := table.PlanDelete(fcontext.LocalKey{Pattern: "/srv/x(/.*)?"}); !errors.Is(err, fs.ErrNotExist) ||
		!errors.As(err, &missing) || len(missing.OtherKinds) != 1 {
		t.Errorf("other kind: %v", err)
	}
	var owner *fcontext.OwnerError
	own := table.Entries()[0]
	if _, err := table.PlanDelete(own.LocalKey); !errors.Is(err, fs.ErrPermission) || !errors.As(err, &owner) || owner.Owner != own {
		t.Errorf("the policy's: %v", err)
	}
	// semanage fcontext -d /web deletes the equivalence.
	if _, err := table.PlanDelete(fcontext.LocalKey{Pattern: "/web"}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("beside an equivalence: %v", err)
	}
}

func TestPlanEquivalence(t *testing.T) {
	table := demoLocal(t, "/srv/rec system_u:object_r:var_t:s0\n/opt/x/y(/.*)? system_u:object_r:var_t:s0\n", "/web /var/www\n")
	for _, test := range []struct {
		e    fcontext.Equivalence
		argv []string
	}{
		{fcontext.Equivalence{Target: "/web", Source: "/var/www"}, nil},
		{fcontext.Equivalence{Target: "/srv/www", Source: "/var/www"}, []string{"semanage fcontext -a -e /var/www /srv/www"}},
		{fcontext.Equivalence{Target: "/web", Source: "/srv"}, []string{
			"semanage fcontext -d -e /var/www /web", "semanage fcontext -a -e /srv /web"}},
		{fcontext.Equivalence{Target: "/bin", Source: "/srv"}, []string{"semanage fcontext -a -e /srv /bin"}},
		{fcontext.Equivalence{Target: "/opt/root", Source: "/"}, []string{"semanage fcontext -a -e / /opt/root"}},
	} {
		changes, err := table.PlanEquivalence(test.e)
		var argv []string
		for _, c := range changes {
			argv = append(argv, strings.Join(c.Command(), " "))
		}
		if err != nil || !slices.Equal(argv, test.argv) {
			t.Errorf("%s: %q, %v", test.e, argv, err)
		}
		after, err := table.With(changes...)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := after.PlanEquivalence(test.e); err != nil || len(again) != 0 {
			t.Errorf("%s: again %v, %v", test.e, again, err)
		}
	}
	for _, test := range []struct {
		target, source string
		want           error
	}{
		{"srv", "/var", fcontext.ErrNoPath},
		{"/srv", "", fcontext.ErrNoPath},
		{"/srv/", "/var", fcontext.ErrNoPath},
		{"/srv", "/var/", fcontext.ErrNoPath},
		{"/srv/../x", "/var", fcontext.ErrNoPath},
		{"/srv", "/srv", fcontext.ErrNoPath},
		{"/srv/a b", "/var", fcontext.ErrNoPath},
		{"/srv", "/var\n/etc", fcontext.ErrNoPath},
		{"/srv", "/var\u00a0x", fcontext.ErrNoPath}, // Python splits there
		{"/srv", "/var\x1cx", fcontext.ErrNoPath},
		{"/srv/\xff", "/var", fcontext.ErrNoPath},
		{"/srv/" + strings.Repeat("x", 5000), "/var", fcontext.ErrTooLong},
		{"/web/x", "/srv", fs.ErrExist},   // below a local one
		{"/bin/x", "/srv", fs.ErrExist},   // below one of the policy's
		{"/usr", "/srv", fs.ErrExist},     // above one of the policy's
		{"/srv/rec", "/var", fs.ErrExist}, // a record of that name
	} {
		changes, err := table.PlanEquivalence(fcontext.Equivalence{Target: test.target, Source: test.source})
		if !errors.Is(err, test.want) || changes != nil {
			t.Errorf("%q: %v, %v, want %v", test.target, changes, err, test.want)
		}
	}
	changes, err := table.PlanEquivalence(fcontext.Equivalence{Target: "/opt/x", Source: "/srv"})
	if err != nil || len(changes) != 1 || len(changes[0].Hides) != 1 || changes[0].Hides[0].Pattern != "/opt/x/y(/.*)?" {
		t.Errorf("what it hides: %+v, %v", changes, err)
	}

	if c, err := table.PlanDeleteEquivalence("/web"); err != nil || strings.Join(c.Command(), " ") != "semanage fcontext -d -e /var/www /web" {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := table.PlanDeleteEquivalence("/bin"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the policy's: %v", err)
	}
	if _, err := table.PlanDeleteEquivalence("/srv"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

func TestWhatIf(t *testing.T) {
	table := demoLocal(t, "", "")
	plan := func(s fcontext.LocalSetting) fcontext.LocalChange {
		t.Helper()
		c, err := table.PlanSet(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	find := func(changes []fcontext.LookupDifference, path string, kind fcontext.Kind) string {
		for _, c := range changes {
			if c.Path == path && c.Kind == kind {
				return c.Old.Context.Type() + " " + c.New.Context.Type()
			}
		}
		return ""
	}
	set := plan(fcontext.LocalSetting{Pattern: "/var(/.*)?", Kind: fcontext.Dir, Type: "public_content_t"})

	// Of the paths asked for, those that change.
	given := func(yield func(string, fcontext.Kind) bool) {
		_ = yield("/var/www", fcontext.Dir) && yield("/var/www", fcontext.File) && yield("/srv", fcontext.Dir)
	}
	changes, err := table.WhatIf(given, set)
	if err != nil || len(changes) != 1 || find(changes, "/var/www", fcontext.Dir) != "httpd_sys_content_t public_content_t" {
		t.Errorf("%v, %v", changes, err)
	}
	// Without, the specs below give the paths.
	changes, err = table.WhatIf(nil, set)
	if err != nil || find(changes, "/var/www", fcontext.Dir) != "httpd_sys_content_t public_content_t" ||
		find(changes, "/var/x", fcontext.Dir) != "var_t public_content_t" || find(changes, "/var/www", fcontext.File) != "" {
		t.Errorf("%d changes, %v", len(changes), err)
	}
	for _, c := range changes {
		if !strings.HasPrefix(c.Path, "/var") || c.Kind != fcontext.Dir || c.New.Context.Type() != "public_content_t" {
			t.Errorf("this should not change: %v", c)
		}
	}
	// An equivalence gives its source's paths to its target.
	equivalence, err := table.PlanEquivalence(fcontext.Equivalence{Target: "/data/web", Source: "/var/www"})
	if err != nil {
		t.Fatal(err)
	}
	changes, err = table.WhatIf(nil, equivalence...)
	if err != nil || find(changes, "/data/web", fcontext.Dir) != "default_t httpd_sys_content_t" {
		t.Errorf("%v, %v", changes, err)
	}
	if changes, err := table.WhatIf(nil); err != nil || len(changes) != 0 {
		t.Errorf("no changes do %v, %v", changes, err)
	}
	stale := fcontext.LocalChange{Op: fcontext.Delete, Key: set.Key}
	if _, err := table.WhatIf(nil, stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a change that can't be made: %v", err)
	}
}

// The listing has one record for each key: local ones, then those of the home
// directories, before the policy's.
func TestLocalLists(t *testing.T) {
	db, err := fcontext.Parse(fcontext.Files{
		Contexts: strings.NewReader("/b\tsystem_u:object_r:bin_t:s0\n/b\t-d\tsystem_u:object_r:bin_t:s0\n/a\t--\tsystem_u:object_r:bin_t:s0\n/h\tsystem_u:object_r:bin_t:s0\n/c\t<<none>>\n"),
		Homedirs: strings.NewReader("/h\tsystem_u:object_r:etc_t:s0\n"),
		Local:    strings.NewReader("/ignored system_u:object_r:etc_t:s0\n"),
		SubsDist: strings.NewReader("/x /y\n/lib /usr/lib\n/x /z\n"),
		Subs:     strings.NewReader("/ignored /too\n"),
	}, fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := demoLocal(t, "", "").Policy()
	local := fcontext.LocalRecords{Records: []fcontext.LocalRecord{
		{LocalKey: fcontext.LocalKey{Pattern: "/z"}, Context: policy.MustParseContext("system_u:object_r:var_t:s0")},
		{LocalKey: fcontext.LocalKey{Pattern: "/b"}, Context: policy.MustParseContext("system_u:object_r:var_t:s0")},
	}, Equivalences: []fcontext.Equivalence{{Target: "/web", Source: "/var/www"}}}
	table := fcontext.NewLocalTable(p, db, local)

	lines := func(entries []fcontext.LocalEntry) string {
		var b strings.Builder
		for _, e := range entries {
			b.WriteString(e.Origin.String() + " " + strings.Join(strings.Fields(e.String()), " ") + "\n")
		}
		return b.String()
	}
	const want = `policy /a regular file system_u:object_r:bin_t:s0
local /b all files system_u:object_r:var_t:s0
policy /b directory system_u:object_r:bin_t:s0
policy /c all files <<None>>
homedirs /h all files system_u:object_r:etc_t:s0
local /z all files system_u:object_r:var_t:s0
`
	if got := lines(table.List()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	const wantLocal = `local /b all files system_u:object_r:var_t:s0
local /z all files system_u:object_r:var_t:s0
`
	if got := lines(table.LocalList()); got != wantLocal {
		t.Errorf("local: got\n%swant\n%s", got, wantLocal)
	}
	if n := len(table.Entries()); n != 8 {
		t.Errorf("%d entries", n)
	}
	// Of two lines with one target the last counts, where the first stands.
	if got := table.PolicyEquivalences(); !slices.Equal(got, []fcontext.Equivalence{{Target: "/x", Source: "/z"}, {Target: "/lib", Source: "/usr/lib"}}) {
		t.Errorf("equivalences %v", got)
	}
	// What the database had of local records is not there any more.
	after, err := table.DB()
	if err != nil {
		t.Fatal(err)
	}
	for path, typ := range map[string]string{"/b": "var_t", "/a": "bin_t", "/ignored": "", "/z": "var_t", "/x/q": "", "/lib": ""} {
		if m, _ := after.Lookup(path, fcontext.File); m.Context.Type() != typ {
			t.Errorf("%s has %v, want %q", path, m.Context, typ)
		}
	}
	// What a table returns is the caller's own.
	table.Local().Records[0], table.PolicyEquivalences()[0], table.Entries()[0] = fcontext.LocalRecord{}, fcontext.Equivalence{}, fcontext.LocalEntry{}
	if table.Local().Records[0].Pattern != "/z" || table.PolicyEquivalences()[0].Target != "/x" || table.Entries()[0].Pattern != "/b" {
		t.Error("the table has changed")
	}
}

// With the very local records that a database was opened with, it serves as it
// is; with a bad one, there is none.
func TestLocalDB(t *testing.T) {
	table := demoLocal(t, "", "")
	db, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	records, err := fs.ReadFile(demo.Contexts(), "file_contexts.local")
	if err != nil {
		t.Fatal(err)
	}
	subs, err := fs.ReadFile(demo.Contexts(), "file_contexts.subs")
	if err != nil {
		t.Fatal(err)
	}
	same := fcontext.LocalRecords{}
	if same.Records, err = fcontext.ParseLocal("local", records); err != nil {
		t.Fatal(err)
	}
	if same.Equivalences, err = fcontext.ParseEquivalences("subs", subs); err != nil {
		t.Fatal(err)
	}
	if got := db.Local(); !slices.Equal(got.Records, same.Records) || !slices.Equal(got.Equivalences, same.Equivalences) {
		t.Errorf("the database has %v, want %v", got, same)
	}
	if got, err := fcontext.NewLocalTable(table.Policy(), db, same).DB(); err != nil || got != db {
		t.Errorf("another database, %v", err)
	}
	var parse *fcontext.ParseError
	bad := demoLocal(t, "/srv/(?=x) system_u:object_r:var_t:s0\n", "")
	if db, err := bad.DB(); !errors.As(err, &parse) || !errors.Is(err, fcontext.ErrUnsupported) || db != nil {
		t.Errorf("%v", err)
	}
	// It can still be listed, added to and deleted.
	if n := len(bad.LocalList()); n != 1 {
		t.Errorf("%d local records", n)
	}
	if _, err := bad.PlanSet(fcontext.LocalSetting{Pattern: "/srv/y", Type: "var_t"}); err != nil {
		t.Error(err)
	}
	if _, err := bad.PlanDelete(fcontext.LocalKey{Pattern: "/srv/(?=x)"}); err != nil {
		t.Error(err)
	}
}

func TestPlanUndo(t *testing.T) {
	const local = "/srv/x system_u:object_r:var_t:s0\n"
	table := demoLocal(t, local, "/web /var/www\n")
	plan := func(table *fcontext.LocalTable, s fcontext.LocalSetting) []fcontext.LocalChange {
		t.Helper()
		c, err := table.PlanSet(s)
		if err != nil {
			t.Fatal(err)
		}
		return []fcontext.LocalChange{c}
	}
	del, err := table.PlanDelete(fcontext.LocalKey{Pattern: "/srv/x"})
	if err != nil {
		t.Fatal(err)
	}
	moved, err := table.PlanEquivalence(fcontext.Equivalence{Target: "/web", Source: "/srv"})
	if err != nil {
		t.Fatal(err)
	}
	for _, done := range [][]fcontext.LocalChange{
		plan(table, fcontext.LocalSetting{Pattern: "/srv/y", Type: "bin_t"}),
		plan(table, fcontext.LocalSetting{Pattern: "/srv/x", Type: "bin_t"}),
		plan(table, fcontext.LocalSetting{Pattern: "/srv/x", None: true}),
		plan(table, fcontext.LocalSetting{Pattern: "/var/www(/.*)?", Type: "bin_t"}),
		{del}, moved,
	} {
		after, err := table.With(done...)
		if err != nil {
			t.Fatal(err)
		}
		back := after
		for _, c := range slices.Backward(done) {
			undo, err := back.PlanUndo(c)
			if err != nil {
				t.Fatal(err)
			}
			if back, err = back.With(undo); err != nil {
				t.Fatal(err)
			}
			if again, err := back.PlanUndo(c); err != nil || again.Op != fcontext.Nothing {
				t.Errorf("undoing %v twice: %v, %v", c, again, err)
			}
		}
		if got := back.Local(); !slices.Equal(got.Records, table.Local().Records) || !slices.Equal(got.Equivalences, table.Local().Equivalences) {
			t.Errorf("%v undone: %v", done, got)
		}
	}
	// Somebody else has changed it since.
	done := plan(table, fcontext.LocalSetting{Pattern: "/srv/x", Type: "bin_t"})[0]
	other := demoLocal(t, "/srv/x system_u:object_r:etc_t:s0\n", "/web /srv/files\n")
	if c, err := other.PlanUndo(done); !errors.Is(err, fcontext.ErrStoreChanged) || c.Op != fcontext.Nothing {
		t.Errorf("%v, %v", c, err)
	}
	if c, err := other.PlanUndo(moved[1]); !errors.Is(err, fcontext.ErrStoreChanged) || c.OfEquivalence() {
		t.Errorf("%v, %v", c, err)
	}
	// A record of what was done may have been tampered with.
	hostile := fcontext.LocalChange{Op: fcontext.Delete, Key: del.Key, Before: del.Before}
	hostile.Before.Context = policy.MustParseContext("system_u:object_r:no_such_t:s0")
	if _, err := demoLocal(t, "", "").PlanUndo(hostile); !errors.Is(err, policy.ErrInvalidContext) {
		t.Errorf("a context that the policy doesn't take: %v", err)
	}
	if _, err := demoLocal(t, "", "").PlanUndo(fcontext.LocalChange{Op: fcontext.Delete,
		Equivalence: fcontext.Equivalence{Target: "/x\n/y", Source: "/z"}}); !errors.Is(err, fcontext.ErrNoPath) {
		t.Errorf("a target with a newline: %v", err)
	}
}

func TestLocalChangeJSON(t *testing.T) {
	table := demoLocal(t, "/srv/x -d system_u:object_r:var_t:s0\n", "")
	set, err := table.PlanSet(fcontext.LocalSetting{Pattern: "/srv/x", Kind: fcontext.Dir, Type: "bin_t"})
	if err != nil {
		t.Fatal(err)
	}
	equivalence, err := table.PlanEquivalence(fcontext.Equivalence{Target: "/web", Source: "/srv"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"op":"modify","key":{"pattern":"/srv/x","kind":"directory"},` +
		`"before":{"pattern":"/srv/x","kind":"directory","context":"system_u:object_r:var_t:s0","origin":"local"},` +
		`"after":{"pattern":"/srv/x","kind":"directory","context":"system_u:object_r:bin_t:s0"}},` +
		`{"op":"add","equivalence":{"target":"/web","source":"/srv"}}]`
	changes := append([]fcontext.LocalChange{set}, equivalence...)
	got, err := json.Marshal(changes)
	if err != nil || string(got) != want {
		t.Errorf("%s, %v, want\n%s", got, err, want)
	}
	var again []fcontext.LocalChange
	if err := json.Unmarshal(got, &again); err != nil || !reflect.DeepEqual(again, changes) {
		t.Errorf("read again: %+v, %v", again, err)
	}
	for _, bad := range []string{`{"op":"grow"}`, `{"before":{"origin":"mars"}}`} {
		if err := json.Unmarshal([]byte(bad), &fcontext.LocalChange{}); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

package policy

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
)

func decides(t *testing.T, p *Policy, text string) string {
	t.Helper()
	d, err := p.Decide(access(text))
	if err != nil {
		t.Fatal(err)
	}
	return verdict(d)
}

func with(t *testing.T, p *Policy, changes ...Change) *Policy {
	t.Helper()
	q, err := p.With(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestWithComposes: changes add up, and no policy changes under another.
func TestWithComposes(t *testing.T) {
	p := openTest(t, "decide.policy")
	const write = "system_u:system_r:app_t:s0 system_u:object_r:etc_t:s0 file write"
	// app_write && !app_net || app_full.
	full := with(t, p, SetBoolean{"app_full", true})
	both := with(t, full, SetBoolean{"app_full", false}, SetBoolean{"app_write", true})
	net := with(t, both, SetBoolean{"app_net", true})
	allow := with(t, net, AllowRule{"app_t", "etc_t", "file", []string{"write", "execute"}})
	perm := with(t, net, MakePermissive{"app_t"})
	for _, test := range []struct {
		name string
		p    *Policy
		want string
	}{
		{"p", p, "-write[rule-off]"},
		{"full", full, "write"},
		{"both", both, "write"},
		{"net", net, "-write[rule-off]"},
		{"allow", allow, "write"},
		{"perm", perm, "-write[rule-off] permissive"},
	} {
		if got := decides(t, test.p, write); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	if p.state.booleans[p.sym.booleanByName["app_full"]-1] {
		t.Error("the original policy's boolean changed")
	}
}

func TestWithRules(t *testing.T) {
	p := openTest(t, "decide.policy")
	const (
		app   = "system_u:system_r:app_t:s0 "
		child = "system_u:system_r:app_child_t:s0 "
	)
	// An attribute as source and self as target: each domain to itself only.
	self := with(t, p, AllowRule{"domain", "self", "process", []string{"execmem"}})
	for text, want := range map[string]string{
		app + app + "process execmem":                              "execmem",
		child + child + "process execmem":                          "execmem", // app_t, its bound, has it too
		app + "system_u:system_r:init_t:s0 process execmem":        "-execmem[no-rule]",
		app + "system_u:object_r:etc_t:s0 file execmod":            "-execmod[no-rule]",
		app + "system_u:object_r:var_t:s0 dir read search getattr": "read search getattr",
	} {
		if got := decides(t, self, text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	// Without its rule, app_t can't search directories.
	a := access(app + "system_u:object_r:var_t:s0 dir search")
	removed := with(t, p, RemoveRule{ruleOf(t, p, a, "search")})
	if got := decides(t, removed, app+"system_u:object_r:var_t:s0 dir search"); got != "-search[no-rule]" {
		t.Errorf("removed: %s", got)
	}
	x, err := p.Exposure(RemoveRule{ruleOf(t, p, a, "search")})
	// allow app_t file_type:dir { read getattr search }: file_type has app_exec_t,
	// etc_t, var_t, var_app_t, tty_t, tmp_t, app_tmp_t and app_named_t: 8 times 3.
	if want := (Exposure{Revoked: 24}); err != nil || x != want {
		t.Errorf("removed: %+v, %v, want %+v", x, err, want)
	}
	// What is added is among the rules, after those of the policy.
	added := with(t, p, DontAuditRule{"app_t", "self", "process", []string{"execmem"}}, AllowRule{"app_t", "etc_t", "file", []string{"execmod"}})
	rules, err := added.Rules(RuleQuery{Kinds: AccessKinds, Source: "app_t", SourceDirect: true})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for r := range rules {
		texts = append(texts, r.String())
	}
	if n := len(texts); n < 3 || texts[n-2] != "allow app_t etc_t:file execmod;" || texts[n-1] != "dontaudit app_t self:process execmem;" {
		t.Errorf("added: %q", texts)
	}
	// A rule that there is, in another: nothing new, but covered.
	x, err = p.Exposure(AllowRule{"app_t", "file_type", "dir", []string{"search", "write"}})
	if want := (Exposure{Tuples: 8, Covered: 16, Sources: 1, Targets: 8, Classes: 1}); err != nil || x != want {
		t.Errorf("covered: %+v, %v, want %+v", x, err, want)
	}
	// A permissive domain is counted apart, and once.
	x, err = p.Exposure(MakePermissive{"app_t"}, MakePermissive{"app_t"}, MakePermissive{"perm_t"})
	if want := (Exposure{Permissive: 1}); err != nil || x != want {
		t.Errorf("permissive: %+v, %v, want %+v", x, err, want)
	}
}

// TestPortContext: 5432 is db_port_t, 8000-8100 http_port_t, other ports have
// the initial SID's port_t. app_t may name_connect to db_port_t with app_db, to
// all three with app_net.
func TestPortContext(t *testing.T) {
	p := openTest(t, "decide.policy")
	for _, test := range []struct {
		set    []Change
		change PortContext
		want   int
	}{
		{nil, PortContext{TCP, 9000, 9000, "db_port_t"}, 1},
		{nil, PortContext{TCP, 9000, 9000, "http_port_t"}, 0},                                   // nobody may connect to that now
		{[]Change{SetBoolean{"app_net", true}}, PortContext{TCP, 9000, 9000, "http_port_t"}, 0}, // nor was it refused before
		{nil, PortContext{TCP, 5432, 5432, "db_port_t"}, 0},                                     // it is that already
		{nil, PortContext{TCP, 8000, 8001, "db_port_t"}, 1},
		{nil, PortContext{TCP, 5432, 8001, "db_port_t"}, 1}, // one (source, permission) though several ports
	} {
		x, err := with(t, p, test.set...).Exposure(test.change)
		if want := (Exposure{Ports: test.want}); err != nil || x != want {
			t.Errorf("%v: %+v, %v, want %+v", test.change, x, err, want)
		}
	}
}

// TestPortContextOfAnyType: a portcon may have any type, here that of a file, and
// app_t may not bind to it; but not one that libsepol refuses the context of.
func TestPortContextOfAnyType(t *testing.T) {
	p := openTest(t, "decide.policy")
	q := with(t, p, PortContext{TCP, 9000, 9000, "etc_t"})
	if c := q.PortContext(TCP, 9000); c.Type() != "etc_t" || q.CheckContext(c) != nil {
		t.Errorf("port 9000 is %s", c)
	}
	// Portcons of a role: their new ones have it, and user_r goes with app_t only.
	db := *p.db
	db.Portcons = slices.Clone(db.Portcons)
	for i := range db.Portcons {
		db.Portcons[i].Context.Role = p.sym.roleByName["user_r"]
	}
	var invalid *ContextError
	if _, err := newPolicy(&db).With(PortContext{TCP, 9000, 9000, "etc_t"}); !errors.As(err, &invalid) || invalid.Part != "role" {
		t.Errorf("a context that is not valid: %v", err)
	}
}

func TestWithErrors(t *testing.T) {
	p := openTest(t, "decide.policy")
	other := openTest(t, "bounds.policy")
	for _, test := range []struct {
		change Change
		name   *NameError
	}{
		{SetBoolean{"nope", true}, &NameError{"boolean", "nope"}},
		{AllowRule{"nope", "etc_t", "file", []string{"read"}}, &NameError{"type", "nope"}},
		{AllowRule{"app_t", "nope", "file", []string{"read"}}, &NameError{"type", "nope"}},
		{AllowRule{"app_t", "etc_t", "nope", []string{"read"}}, &NameError{"class", "nope"}},
		{AllowRule{"app_t", "etc_t", "file", []string{"nope"}}, &NameError{"permission", "nope"}},
		{AllowRule{"app_t", "etc_t", "file", nil}, nil},
		{DontAuditRule{"app_t", "nope", "file", []string{"read"}}, &NameError{"type", "nope"}},
		{AllowXperm{"app_t", "tty_t", "chr_file", "read", 1, 2}, nil},
		{AllowXperm{"app_t", "tty_t", "chr_file", "ioctl", 2, 1}, nil},
		{RemoveRule{}, nil},
		{RemoveRule{ruleOf(t, other, access("u:r:gran_t u:object_r:crate_t file read"), "read")}, nil},
		{MakePermissive{"domain"}, &NameError{"type", "domain"}}, // an attribute
		{PortContext{Protocol(1), 1, 1, "port_t"}, &NameError{"protocol", "1"}},
		{PortContext{TCP, 2, 1, "port_t"}, nil},
		{PortContext{TCP, 1, 1, "nope"}, &NameError{"type", "nope"}},
		{nil, nil},
	} {
		q, err := p.With(test.change)
		var name *NameError
		if err == nil || q != nil || errors.As(err, &name) != (test.name != nil) || name != nil && *name != *test.name {
			t.Errorf("%v: %v, %v, want %v", test.change, q, err, test.name)
		}
		if _, err := p.Exposure(test.change); err == nil {
			t.Errorf("%v: an exposure", test.change)
		}
	}
}

func TestChangeText(t *testing.T) {
	for _, test := range []struct {
		change     Change
		text, json string
	}{
		{SetBoolean{"b", true}, "set boolean b on", `{"change":"boolean","name":"b","on":true}`},
		{AllowRule{"a", "self", "c", []string{"x", "y"}}, "allow a self:c { x y }",
			`{"change":"allow","source":"a","target":"self","class":"c","permissions":["x","y"]}`},
		{DontAuditRule{"a", "b", "c", []string{"x"}}, "dontaudit a b:c x",
			`{"change":"dontaudit","source":"a","target":"b","class":"c","permissions":["x"]}`},
		{AllowXperm{"a", "b", "c", "ioctl", 0x5401, 0x5402}, "allowxperm a b:c ioctl { 0x5401-0x5402 }",
			`{"change":"allowxperm","source":"a","target":"b","class":"c","permissions":["ioctl"],"low":21505,"high":21506}`},
		{MakePermissive{"a"}, "make a permissive", `{"change":"permissive","type":"a"}`},
		{PortContext{TCP, 1, 2, "a"}, "label tcp ports 1-2 as a", `{"change":"port","protocol":"tcp","low":1,"high":2,"type":"a"}`},
	} {
		if got := test.change.String(); got != test.text {
			t.Errorf("%s, want %s", got, test.text)
		}
		got, err := json.Marshal(test.change)
		if err != nil || string(got) != test.json {
			t.Errorf("%s, %v, want %s", got, err, test.json)
		}
	}
}

func TestBooleanSets(t *testing.T) {
	p := openTest(t, "decide.policy")
	const app = "system_u:system_r:app_t:s0 "
	for _, test := range []struct {
		access string
		set    []Change
		want   []BooleanSet
	}{
		// app_full, or app_write while app_net is off: etc_t write and setattr
		// for app_t, 2 tuples either way.
		{app + "system_u:object_r:etc_t:s0 file write", nil, []BooleanSet{
			{[]SetBoolean{{"app_full", true}}, Exposure{Tuples: 2, Covered: 2, Sources: 1, Targets: 1, Classes: 1}},
			{[]SetBoolean{{"app_write", true}}, Exposure{Tuples: 2, Covered: 2, Sources: 1, Targets: 1, Classes: 1}},
		}},
		// With app_net on, app_write needs it off again: that takes away the
		// three port types, of which db_port_t is allowed by app_db as well.
		{app + "system_u:object_r:etc_t:s0 file write", []Change{SetBoolean{"app_net", true}}, []BooleanSet{
			{[]SetBoolean{{"app_full", true}}, Exposure{Tuples: 2, Covered: 2, Sources: 1, Targets: 1, Classes: 1}},
			{[]SetBoolean{{"app_net", false}, {"app_write", true}}, Exposure{Tuples: 2, Covered: 2, Sources: 1, Targets: 1, Classes: 1, Revoked: 2}},
		}},
		// tmp_t create is under app_write && app_full alone: both, which brings
		// write and setattr on etc_t as well.
		{app + "system_u:object_r:tmp_t:s0 file create", nil, []BooleanSet{
			{[]SetBoolean{{"app_full", true}, {"app_write", true}}, Exposure{Tuples: 3, Covered: 3, Sources: 1, Targets: 2, Classes: 1}},
		}},
		// Of two booleans the narrow one comes first: app_db opens 1 tuple,
		// app_net 3 (port_t, http_port_t, db_port_t).
		{app + "system_u:object_r:db_port_t:s0 tcp_socket name_connect", []Change{SetBoolean{"app_db", false}}, []BooleanSet{
			{[]SetBoolean{{"app_db", true}}, Exposure{Tuples: 1, Covered: 1, Sources: 1, Targets: 1, Classes: 1}},
			{[]SetBoolean{{"app_net", true}}, Exposure{Tuples: 3, Covered: 3, Sources: 1, Targets: 3, Classes: 1}},
		}},
		// Allowed already; no rule for one of two; a constraint in the way.
		{app + "system_u:object_r:etc_t:s0 file read", nil, nil},
		{app + "system_u:object_r:etc_t:s0 file write execmod", nil, nil},
		{"system_u:system_r:app_t:s1 system_u:object_r:etc_t:s0 file write", nil, nil},
	} {
		got, err := with(t, p, test.set...).BooleanSets(access(test.access))
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n%+v, %v, want\n%+v", test.access, got, err, test.want)
		}
	}
	// Through bounds: mum_t is bounded by gran_t, which may getattr free_t
	// only once grown.
	bounds := openTest(t, "bounds.policy")
	got, err := bounds.BooleanSets(access("u:r:kid_t u:r:free_t file getattr"))
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0].Booleans, []SetBoolean{{"grown", true}}) {
		t.Errorf("bounds: %+v, %v", got, err)
	}
}

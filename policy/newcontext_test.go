package policy

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

func TestNewContext(t *testing.T) {
	p := openTest(t, "decide.policy")
	const (
		app  = "system_u:system_r:app_t:s0-s1"
		user = "user_u:user_r:user_t:s0-s0:c1"
		tmp  = "staff_u:object_r:tmp_t:s0:c2"
	)
	for _, test := range []struct {
		why                  string
		source, target       string
		class, name          string
		new, member, changed string
	}{
		{"type_transition app_t tmp_t:file app_tmp_t and range_transition to s0:c0.c2",
			app, tmp, "file", "", "system_u:object_r:app_tmp_t:s0:c0.c2", "staff_u:object_r:tmp_t:s0", "system_u:object_r:tmp_t:s0"},
		{"the rule with the name wins over that without",
			app, tmp, "file", "special", "system_u:object_r:app_named_t:s0:c0.c2", "", ""},
		{"no rule: the creator's user and low level, object_r, the directory's type",
			app, "system_u:object_r:var_t:s0", "file", "special", "system_u:object_r:var_t:s0", "", ""},
		{"default_range dir target low; type_member user_t tmp_t:dir app_tmp_t, whose range is the source's low",
			user, tmp, "dir", "", "user_u:object_r:tmp_t:s0:c2", "staff_u:object_r:app_tmp_t:s0", "user_u:object_r:tmp_t:s0"},
		{"the name is for user_t in tmp_t and dir",
			user, tmp, "dir", "special", "user_u:object_r:app_tmp_t:s0:c2", "", ""},
		{"role_transition user_r tmp_t:file staff_r: staff_r may not have tmp_t",
			user, tmp, "file", "", "!role", "", ""},
		{"role_transition user_r app_exec_t system_r: system_r may not have user_t",
			user, "system_u:object_r:app_exec_t:s0", "process", "", "!role", "", ""},
		{"type_transition init_t app_exec_t:process app_t, range_transition to s0:c1",
			"system_u:system_r:init_t:s0-s1", "system_u:object_r:app_exec_t:s0", "process", "", "system_u:system_r:app_t:s0:c1", "", ""},
		{"a process keeps its context",
			app, "system_u:object_r:etc_t:s0", "process", "", app, "", ""},
		{"and so does a socket",
			app, "system_u:object_r:etc_t:s0", "tcp_socket", "", app, "system_u:system_r:app_t:s0", app},
		{"default_user chr_file target, default_role source, default_type target; system_r may not have tty_t",
			"staff_u:staff_r:user_t:s0", "system_u:object_r:tty_t:s0", "chr_file", "", "!role", "!role", "!role"},
		{"type_transition app_t etc_t:file app_named_t in the else branch of app_write && app_full",
			app, "system_u:object_r:etc_t:s0", "file", "", "system_u:object_r:app_named_t:s0", "", ""},
	} {
		source, target := MustParseContext(test.source), MustParseContext(test.target)
		check := func(what, want string, got Context, err error) {
			if want == "" {
				return
			}
			var invalid *ContextError
			if want[0] == '!' {
				if !errors.As(err, &invalid) || invalid.Part != want[1:] || got.IsValid() {
					t.Errorf("%s %s %s %s: %v, %v, want an invalid %s\n(%s)", what, test.source, test.target, test.class, got, err, want[1:], test.why)
				}
			} else if err != nil || got.String() != want {
				t.Errorf("%s %s %s %s: %v, %v, want %s\n(%s)", what, test.source, test.target, test.class, got, err, want, test.why)
			}
		}
		c, err := p.NewContext(source, target, test.class, test.name)
		check("new", test.new, c, err)
		c, err = p.MemberContext(source, target, test.class)
		check("member", test.member, c, err)
		c, err = p.ChangeContext(source, target, test.class)
		check("change", test.changed, c, err)
	}

	both := with(t, p, SetBoolean{"app_write", true}, SetBoolean{"app_full", true})
	c, err := both.NewContext(MustParseContext(app), MustParseContext("system_u:object_r:etc_t:s0"), "file", "")
	if err != nil || c.Type() != "app_tmp_t" {
		t.Errorf("with both booleans: %v, %v", c, err)
	}
	var name *NameError
	if c, err := p.NewContext(MustParseContext(app), MustParseContext(tmp), "nope", ""); !errors.As(err, &name) || c.IsValid() {
		t.Errorf("unknown class: %v, %v", c, err)
	}
	if c, err := p.NewContext(MustParseContext("user_u:system_r:app_t:s0"), MustParseContext(tmp), "file", ""); !errors.Is(err, ErrInvalidContext) || c.IsValid() {
		t.Errorf("invalid source: %v, %v", c, err)
	}
}

func TestCheckContext(t *testing.T) {
	p := openTest(t, "decide.policy")
	for text, part := range map[string]string{
		"system_u:system_r:app_t:s0":             "",
		"system_u:system_r:app_t:s0-s1:c0.c4":    "",
		"system_u:system_r:app_t:s0:c0,c2":       "",
		"system_u:system_r:app_t:s0-secret":      "", // an alias of s1
		"system_u:system_r:app_t:s0:blue":        "", // of c2
		"user_u:object_r:config_t:s1:c4":         "", // object_r goes with all types, users and ranges
		"system_u:object_r:app_t:s0":             "",
		"nobody:object_r:etc_t:s0":               "user",
		"system_u:nobody_r:etc_t:s0":             "role",
		"system_u:object_r:nothing_t:s0":         "type",
		"system_u:object_r:file_type:s0":         "type",
		"user_u:system_r:app_t:s0":               "user",
		"user_u:user_r:init_t:s0":                "role",
		"system_u:system_r:app_t":                "range",
		"system_u:system_r:app_t:s2":             "range",
		"system_u:system_r:app_t:s0:c5":          "range",
		"system_u:system_r:app_t:s0:c3":          "range", // of s1 only
		"system_u:system_r:app_t:s0:c2.c0":       "range",
		"system_u:system_r:app_t:s0:c1.c1":       "range",
		"system_u:system_r:app_t:s0:":            "range",
		"system_u:system_r:app_t:s0:c0,":         "range",
		"system_u:system_r:app_t:s1-s0":          "range",
		"system_u:system_r:app_t:s0:c0-s1":       "range", // s1 lacks c0
		"system_u:system_r:app_t:s0-s0-s0":       "range",
		"system_u:system_r:app_t:-s0":            "range",
		"user_u:user_r:user_t:s0-s1":             "range", // above user_u's
		"user_u:object_r:etc_t:s0:c0-s1:c0:c1":   "range",
		"system_u:system_r:app_t:SystemLow-High": "range",
	} {
		err := p.CheckContext(MustParseContext(text))
		var invalid *ContextError
		switch {
		case part == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case part != "" && (!errors.As(err, &invalid) || invalid.Part != part):
			t.Errorf("%s: %v, want a problem with the %s", text, err, part)
		}
	}
	noMLS := openTest(t, "bounds.policy")
	if err := noMLS.CheckContext(MustParseContext("u:r:kid_t")); err != nil {
		t.Error(err)
	}
	if err := noMLS.CheckContext(MustParseContext("u:r:kid_t:s0")); err == nil {
		t.Error("a range without MLS is taken")
	}
	if err := p.CheckContext(Context{}); err == nil {
		t.Error("the zero context is taken")
	}
	s, err := p.SID(MustParseContext("system_u:object_r:config_t:s0:c2,c1,c0-s1:blue,c0,c1,c4"))
	// A run of three and more is a range, two are listed, aliases are resolved.
	if want := "system_u:object_r:etc_t:s0:c0.c2-s1:c0.c2,c4"; err != nil || s.Context().String() != want {
		t.Errorf("%v, %v, want %s", s.Context(), err, want)
	}
}

func TestDomainTransition(t *testing.T) {
	p := openTest(t, "decide.policy")
	// init_t has transition to every domain, execute on app_exec_t, app_t is
	// entered by it, and a type_transition makes it automatic.
	got, err := p.DomainTransition("init_t", "app_t")
	want := DomainTransition{From: "init_t", To: "app_t", Allowed: true, EntryPoints: []EntryPoint{{Type: "app_exec_t", Automatic: true}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	// user_t may execute it and transition, but has to ask.
	got, err = p.DomainTransition("user_t", "app_t")
	want = DomainTransition{From: "user_t", To: "app_t", Allowed: true, EntryPoints: []EntryPoint{{Type: "app_exec_t"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	// app_t may neither execute nor transition to itself.
	got, err = p.DomainTransition("perm_t", "app_t")
	want = DomainTransition{From: "perm_t", To: "app_t", EntryPoints: []EntryPoint{{Type: "app_exec_t", Missing: []AllowRule{
		{"perm_t", "app_exec_t", "file", []string{"execute"}},
		{"perm_t", "app_t", "process", []string{"transition"}},
	}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	// Nothing enters user_t.
	got, err = p.DomainTransition("init_t", "user_t")
	if err != nil || !got.Allowed || got.EntryPoints != nil {
		t.Errorf("%+v, %v", got, err)
	}
	all, err := p.DomainTransitions("init_t")
	if err != nil || len(all) != 1 || all[0].To != "app_t" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := p.DomainTransition("init_t", "domain"); err == nil {
		t.Error("an attribute is taken for a domain")
	}
}

func TestAllowed(t *testing.T) {
	p := openTest(t, "decide.policy")
	names := func(types []Type, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, typ := range types {
			out = append(out, typ.Name())
		}
		slices.Sort(out)
		return out
	}
	for _, test := range []struct{ got, want []string }{
		{names(p.AllowedTargets("app_t", "file", "read", "write")), []string{"var_t"}},
		{names(p.AllowedTargets("app_t", "tcp_socket", "name_connect")), []string{"db_port_t"}},
		{names(with(t, p, SetBoolean{"app_net", true}).AllowedTargets("app_t", "tcp_socket", "name_connect")), []string{"db_port_t", "http_port_t", "port_t"}},
		{names(p.AllowedTargets("user_t", "process", "fork")), []string{"user_t"}},
		{names(p.AllowedSources("etc_t", "file", "read")), []string{"app_child_t", "app_t", "init_t", "perm_t", "user_t"}},
		{names(p.AllowedSources("app_t", "process", "transition")), []string{"init_t", "user_t"}},
		{names(p.AllowedSources("app_t", "process", "fork")), []string{"app_t"}},
		{names(with(t, p, AllowRule{"perm_t", "domain", "process", []string{"transition"}}).AllowedSources("app_t", "process", "transition")), []string{"init_t", "perm_t", "user_t"}},
		{names(with(t, p, AllowRule{"domain", "self", "process", []string{"execmem"}}).AllowedSources("app_t", "process", "execmem")), []string{"app_t"}},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%v, want %v", test.got, test.want)
		}
	}
	for _, f := range []func() ([]Type, error){
		func() ([]Type, error) { return p.AllowedTargets("nope", "file", "read") },
		func() ([]Type, error) { return p.AllowedTargets("app_t", "nope", "read") },
		func() ([]Type, error) { return p.AllowedSources("app_t", "file", "nope") },
		func() ([]Type, error) { return p.AllowedSources("app_t", "file") },
	} {
		if types, err := f(); err == nil || types != nil {
			t.Errorf("%v, %v", types, err)
		}
	}
}

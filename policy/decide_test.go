package policy

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// The policies of these tests. decide.policy is built from decide.conf and
// bounds.policy from bounds.cil: what is expected is reasoned from these texts.
//
//go:generate checkpolicy -M -c 33 -U deny -o testdata/decide.policy testdata/decide.conf
//go:generate secilc -N -M 0 -c 30 -f /dev/null -o testdata/bounds.policy testdata/bounds.cil

func openTest(t testing.TB, name string) *Policy {
	t.Helper()
	p, err := Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// access parses "source target class perm…".
func access(text string) Access {
	f := strings.Fields(text)
	return Access{Source: MustParseContext(f[0]), Target: MustParseContext(f[1]), Class: f[2], Permissions: f[3:]}
}

// verdict sums a decision up: what is granted, then for each denied permission
// the kinds of reasons.
func verdict(d Decision) string {
	s := strings.Join(d.Granted, " ")
	for _, r := range d.Denied {
		s += " -" + r.Permission + "["
		for i, reason := range r.Reasons {
			if i > 0 {
				s += " "
			}
			s += reason.Kind()
		}
		s += "]"
		if r.Hidden {
			s += "hidden"
		}
	}
	if d.Permissive {
		s += " permissive"
	}
	return strings.TrimSpace(s)
}

func TestDecide(t *testing.T) {
	p := openTest(t, "decide.policy")
	const (
		app  = "system_u:system_r:app_t:s0"
		init = "system_u:system_r:init_t:s0"
		user = "user_u:user_r:user_t:s0"
	)
	for _, test := range []struct {
		why, access string
		set         []Change
		want        string
	}{
		{"allow domain etc_t:file { read getattr }, write is under app_write && !app_net || app_full",
			app + " system_u:object_r:etc_t:s0 file read write", nil, "read -write[rule-off]"},
		{"config_t is an alias of etc_t",
			app + " system_u:object_r:config_t:s0 file read", nil, "read"},
		{"no rule for execmod; the mlsconstrain on execute and the others is not on execmod",
			app + " system_u:object_r:etc_t:s0 file execmod", nil, "-execmod[no-rule]"},
		{"reading up: l1 s0 does not dominate l2 s1, and app_t is not mlstrusted",
			app + " system_u:object_r:etc_t:s1 file read", nil, "-read[constraint]"},
		{"writing down has no rule that holds, and the constraint is told of as well",
			"system_u:system_r:app_t:s1 system_u:object_r:etc_t:s0 file write", nil, "-write[rule-off constraint]"},
		{"init_t is mlstrusted; it has etc_t:file read through domain",
			init + " system_u:object_r:etc_t:s1:c3 file read", nil, "read"},
		{"dontaudit domain var_t:dir { write add_name }; app_t may search file_type directories",
			app + " system_u:object_r:var_t:s0 dir search write", nil, "search -write[no-rule]hidden"},
		{"user_t to app_t: u1 != u2, r1 != r2 and user_r does not dominate system_r, and no allow user_r system_r",
			user + " system_u:system_r:app_t:s0 process transition", nil, "-transition[constraint constraint role]"},
		{"dyntransition: the role constraint is on transition only, role allow on both",
			user + " system_u:system_r:app_t:s0 process dyntransition signal", nil, "signal -dyntransition[constraint role]"},
		{"user_r to staff_r: role allowed, but u1 != u2 and the roles differ: user_r does not dominate staff_r",
			user + " staff_u:staff_r:app_t:s0 process transition", nil, "-transition[constraint constraint]"},
		{"staff_r dominates user_r and u2 is staff_u, so the role constraint holds; staff_r user_r is not role allowed",
			"staff_u:staff_r:user_t:s0 staff_u:user_r:app_t:s0 process transition", nil, "-transition[role]"},
		{"init_t can_change_user, and system_r may change to user_r",
			init + " user_u:user_r:app_t:s0 process transition", nil, "transition"},
		{"l1 incomp l2: {c0} and {c1} do not contain each other; h1 does not dominate h2 either, one constraint",
			init[:len(init)-2] + "s0:c0 user_u:user_r:app_t:s0:c1 process transition", nil, "-transition[constraint]"},
		{"allow domain self: app_t to app_t, not to another domain",
			app + " system_u:system_r:init_t:s0 process fork", nil, "-fork[no-rule]"},
		{"self", app + " " + app + " process fork", nil, "fork"},
		{"app_t's own rule on db_port_t is on with app_db, that on port_type off with app_net",
			app + " system_u:object_r:db_port_t:s0 tcp_socket name_connect", nil, "name_connect"},
		{"with app_db off both rules are off: two reasons",
			app + " system_u:object_r:db_port_t:s0 tcp_socket name_connect", []Change{SetBoolean{"app_db", false}},
			"-name_connect[rule-off rule-off]"},
		{"with app_net off, the else branch hides it",
			app + " system_u:object_r:http_port_t:s0 tcp_socket name_connect", nil, "-name_connect[rule-off]hidden"},
		{"with app_net on it is granted",
			app + " system_u:object_r:http_port_t:s0 tcp_socket name_connect", []Change{SetBoolean{"app_net", true}}, "name_connect"},
		{"perm_t is permissive, which grants nothing",
			"system_u:system_r:perm_t:s0 system_u:object_r:etc_t:s0 file read write", nil, "read -write[no-rule] permissive"},
		{"a class that the policy lacks, and handle_unknown deny",
			app + " " + app + " bpf map_create", nil, "-map_create[unknown-class]"},
		{"a permission that the policy lacks",
			app + " " + app + " process setkeycreate", nil, "-setkeycreate[unknown-permission]"},
		{"app_child_t is bounded by app_t; a rule for it alone is cut",
			"system_u:system_r:app_child_t:s0 system_u:object_r:etc_t:s0 file read execute",
			[]Change{AllowRule{"app_child_t", "etc_t", "file", []string{"execute"}}}, "read -execute[bounds]"},
		{"without a rule of its own, both stand in the way",
			"system_u:system_r:app_child_t:s0 system_u:object_r:etc_t:s0 file execute", nil, "-execute[no-rule bounds]"},
		{"app_child_t writes var_app_t: app_t may write var_t, which bounds var_app_t",
			"system_u:system_r:app_child_t:s0 system_u:object_r:var_app_t:s0 file read", nil, "read"},
	} {
		changed, err := p.With(test.set...)
		if err != nil {
			t.Fatal(err)
		}
		d, err := changed.Decide(access(test.access))
		if err != nil {
			t.Errorf("%s: %v", test.access, err)
			continue
		}
		if got := verdict(d); got != test.want {
			t.Errorf("%s: %s, want %s\n(%s)", test.access, got, test.want, test.why)
		}
		if d.Allowed != (len(d.Denied) == 0) {
			t.Errorf("%s: allowed is %v", test.access, d.Allowed)
		}
	}
}

// TestDecideXperm: allowxperm app_t tty_t:chr_file ioctl { 0x5401
// 0x5410-0x5412 } and dontauditxperm 0x5420.
func TestDecideXperm(t *testing.T) {
	p := openTest(t, "decide.policy")
	a := access("system_u:system_r:app_t:s0 system_u:object_r:tty_t:s0 chr_file ioctl")
	for _, test := range []struct {
		xperm uint16
		set   []Change
		want  string
	}{
		{0x5401, nil, "ioctl"},
		{0x5402, nil, "-ioctl[xperm]"},
		{0x5411, nil, "ioctl"},
		{0x5412, nil, "ioctl"},
		{0x5413, nil, "-ioctl[xperm]"},
		{0x5420, nil, "-ioctl[xperm]hidden"},
		{0x8901, nil, "-ioctl[xperm]"}, // of another driver
		{0x8901, []Change{AllowXperm{"domain", "file_type", "chr_file", "ioctl", 0x8900, 0x89ff}}, "ioctl"},
		// A constraint or a missing rule stands beside it.
		{0x5402, []Change{RemoveRule{ruleOf(t, p, a, "ioctl")}}, "-ioctl[no-rule xperm]"},
	} {
		changed, err := p.With(test.set...)
		if err != nil {
			t.Fatal(err)
		}
		a.Xperm, a.HasXperm = test.xperm, true
		d, err := changed.Decide(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := verdict(d); got != test.want {
			t.Errorf("%#x with %v: %s, want %s", test.xperm, test.set, got, test.want)
		}
	}

	// Where no rule is on extended permissions, the permission decides: app_t
	// has nlmsg to itself for every message, until an allowxperm narrows it.
	n := access("system_u:system_r:app_t:s0 system_u:system_r:app_t:s0 netlink_route_socket nlmsg")
	n.Xperm, n.HasXperm = 18, true
	d, err := p.Decide(n)
	if err != nil || verdict(d) != "nlmsg" {
		t.Errorf("nlmsg: %v, %v", verdict(d), err)
	}
	narrowed, err := p.With(AllowXperm{"app_t", "self", "netlink_route_socket", "nlmsg", 16, 17})
	if err != nil {
		t.Fatal(err)
	}
	if d, err = narrowed.Decide(n); err != nil || verdict(d) != "-nlmsg[xperm]" {
		t.Errorf("nlmsg narrowed: %v, %v", verdict(d), err)
	}
}

// ruleOf finds the allow rule that grants a permission.
func ruleOf(t *testing.T, p *Policy, a Access, perm string) Rule {
	t.Helper()
	class := p.sym.classByName[a.Class]
	for e := range p.entries(p.sym.typeByName[a.Source.Type()], p.sym.typeByName[a.Target.Type()], class) {
		if r := p.ruleHandle(e); r.Kind() == KindAllow && r.HasPermission(perm) {
			return r
		}
	}
	t.Fatalf("no rule for %v", a)
	return Rule{}
}

// TestDecideBounds: gran_t bounds mum_t, mum_t bounds kid_t, crate_t bounds
// box_t. kid_t may read, write and append box_t by its own rules; mum_t may
// read and write crate_t; gran_t may read it, and write it once grown.
func TestDecideBounds(t *testing.T) {
	p := openTest(t, "bounds.policy")
	grown, err := p.With(SetBoolean{"grown", true})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		p      *Policy
		access string
		want   string
	}{
		{p, "u:r:kid_t u:object_r:box_t file read write append", "read -write[bounds] -append[bounds]"},
		{grown, "u:r:kid_t u:object_r:box_t file read write append", "read write -append[bounds]"},
		{p, "u:r:mum_t u:object_r:crate_t file read write", "read -write[bounds]"},
		{p, "u:r:gran_t u:object_r:crate_t file read write", "read -write[rule-off]"},
		// free_t is not bounded: kid_t is held to what mum_t may do to it, and
		// that to what gran_t may.
		{p, "u:r:kid_t u:r:free_t file getattr", "-getattr[bounds]"},
		{grown, "u:r:kid_t u:r:free_t file getattr", "getattr"},
		{p, "u:r:kid_t u:r:free_t dir read", "-read[bounds]"},
		// self: mum_t may signal itself, but gran_t to mum_t's bound, itself, may not.
		{p, "u:r:mum_t u:r:mum_t process fork signal", "fork -signal[bounds]"},
	} {
		d, err := test.p.Decide(access(test.access))
		if err != nil {
			t.Fatal(err)
		}
		if got := verdict(d); got != test.want {
			t.Errorf("%s: %s, want %s", test.access, got, test.want)
		}
	}
	// handle_unknown is reject.
	d, err := p.Decide(access("u:r:kid_t u:r:free_t sock_file write"))
	if err != nil || !slices.Equal(d.Reasons(), []Reason{UnknownClass{"sock_file", RejectUnknown}}) {
		t.Errorf("%v, %v", d.Reasons(), err)
	}
}

func TestDecideErrors(t *testing.T) {
	p := openTest(t, "decide.policy")
	for text, want := range map[string]NameError{
		"nobody_u:system_r:app_t:s0 system_u:object_r:etc_t:s0 file read":  {"user", "nobody_u"},
		"system_u:guest_r:app_t:s0 system_u:object_r:etc_t:s0 file read":   {"role", "guest_r"},
		"system_u:system_r:app_t:s0 system_u:object_r:nope_t:s0 file read": {"type", "nope_t"},
		// An attribute is no type.
		"system_u:system_r:domain:s0 system_u:object_r:etc_t:s0 file read": {"type", "domain"},
	} {
		d, err := p.Decide(access(text))
		var name *NameError
		if !errors.As(err, &name) || *name != want || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want %v", text, err, &want)
		}
		if d.Granted != nil || d.Denied != nil || d.Allowed {
			t.Errorf("%s: a decision beside an error: %+v", text, d)
		}
	}
	if _, err := p.Decide(access("system_u:system_r:app_t:s0 system_u:object_r:etc_t:s0 file")); err == nil {
		t.Error("no permissions, and no error")
	}
	// A name left out is none that handle_unknown is for.
	c := MustParseContext("system_u:system_r:app_t:s0")
	for _, a := range []Access{
		{Source: c, Target: c, Permissions: []string{"read"}},
		{Source: c, Target: c, Class: "file"},
		{Source: c, Target: c, Class: "file", Permissions: []string{"read", ""}},
	} {
		if d, err := p.Decide(a); err == nil || d.Allowed || d.Granted != nil {
			t.Errorf("%+v: %+v", a, d)
		}
	}
	if _, err := p.Decide(Access{Class: "file", Permissions: []string{"read"}}); err == nil {
		t.Error("no contexts, and no error")
	}
}

// TestDecideInvalid: contexts of known names that are not valid are decided as
// if they were, and told of.
func TestDecideInvalid(t *testing.T) {
	p := openTest(t, "decide.policy")
	const etc = " system_u:object_r:etc_t:s0 file read"
	for text, part := range map[string]string{
		"user_u:system_r:app_t:s0" + etc:      "user",  // user_u is not authorized for system_r
		"system_u:system_r:user_t:s0" + etc:   "role",  // system_r is not authorized for user_t
		"user_u:user_r:app_t:s1" + etc:        "range", // above user_u's range
		"system_u:system_r:app_t:s0:c9" + etc: "range", // no such category
		"system_u:system_r:app_t:s0:c3" + etc: "range", // c3 does not go with s0
		"system_u:system_r:app_t" + etc:       "range", // none at all
	} {
		d, err := p.Decide(access(text))
		if err != nil || d.SourceProblem == nil || d.SourceProblem.Part != part || d.TargetProblem != nil {
			t.Errorf("%s: %v, %v, want a problem with the %s", text, d.SourceProblem, err, part)
			continue
		}
		if part != "range" && verdict(d) != "read" {
			t.Errorf("%s: %s", text, verdict(d))
		}
		if !errors.Is(d.SourceProblem, ErrInvalidContext) {
			t.Errorf("%v is no ErrInvalidContext", d.SourceProblem)
		}
	}
}

// TestUnknownAllowed: with handle_unknown allow, what the policy doesn't know
// is granted and said to be unknown.
func TestUnknownAllowed(t *testing.T) {
	p := openTest(t, "decide.policy")
	db := *p.db
	db.HandleUnknown = 4
	d, err := newPolicy(&db).Decide(access("system_u:system_r:app_t:s0 system_u:system_r:app_t:s0 process fork setkeycreate"))
	if err != nil || !d.Allowed || !slices.Equal(d.Unknown, []string{"setkeycreate"}) {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestReasons(t *testing.T) {
	p := openTest(t, "decide.policy")
	d, err := p.Decide(access("user_u:user_r:user_t:s0 system_u:system_r:app_t:s0 process transition dyntransition"))
	if err != nil {
		t.Fatal(err)
	}
	// The constraint on u1 and the role are told once though two permissions
	// share them.
	var kinds []string
	for _, r := range d.Reasons() {
		kinds = append(kinds, r.Kind())
	}
	if got := strings.Join(kinds, " "); got != "constraint constraint role" {
		t.Errorf("reasons: %s", got)
	}
	var failed ConstraintFailed
	for _, r := range d.Reasons() {
		if c, ok := r.(ConstraintFailed); ok && strings.Contains(c.Constraint.String(), "u1 == u2") {
			failed = c
		}
	}
	want := ConstraintNode{Op: "or", Operands: []ConstraintNode{
		{Op: "==", Left: "u1", Right: "u2", LeftValue: "user_u", RightValue: "system_u"},
		{Op: "==", Left: "t1", Names: []string{"can_change_user"}, LeftValue: "user_t"},
	}}
	gotJSON, _ := json.Marshal(failed.Expr)
	wantJSON, _ := json.Marshal(want)
	if string(gotJSON) != string(wantJSON) {
		t.Errorf("constraint: %s, want %s", gotJSON, wantJSON)
	}
	const annotated = "constrain process { transition dyntransition } ((u1 == u2 -Fail-)  or (t1 == can_change_user -Fail-) ); Constraint DENIED"
	if got := failed.Annotated(); got != annotated {
		t.Errorf("annotated: %s", got)
	}
}

func TestDecisionJSON(t *testing.T) {
	p := openTest(t, "decide.policy")
	d, err := p.Decide(access("system_u:system_r:app_t:s0 system_u:object_r:http_port_t:s0 tcp_socket name_connect"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Allowed bool
		Denied  []struct {
			Permission string
			Hidden     bool
			Reasons    []struct {
				Kind, Text, Rule string
				Flips            []struct {
					Name string
					On   bool
				}
			}
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Allowed || len(got.Denied) != 1 || !got.Denied[0].Hidden || len(got.Denied[0].Reasons) != 1 {
		t.Fatalf("%s", text)
	}
	r := got.Denied[0].Reasons[0]
	if r.Kind != "rule-off" || len(r.Flips) != 1 || r.Flips[0].Name != "app_net" || !r.Flips[0].On ||
		r.Rule != "allow app_t port_type:tcp_socket name_connect; [ app_net ]:True" {
		t.Errorf("%s", text)
	}
}

// TestConcurrent uses one policy, its lazy parts not made yet, from several
// goroutines.
func TestConcurrent(t *testing.T) {
	p := openTest(t, "decide.policy")
	a := access("system_u:system_r:app_t:s0 system_u:object_r:http_port_t:s0 tcp_socket name_connect")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				on := i%2 == 0
				q, err := p.With(SetBoolean{"app_net", on})
				if err != nil {
					t.Error(err)
					return
				}
				d, err := q.Decide(a)
				if err != nil || d.Allowed != on {
					t.Errorf("%v, %v", d.Allowed, err)
				}
				if _, err := p.BooleanSets(a); err != nil {
					t.Error(err)
				}
				if _, err := p.NewContext(a.Source, MustParseContext("system_u:object_r:tmp_t:s0"), "file", "special"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestValidateTransition: mlsvalidatetrans file (( l1 eq l2 ) or ( t3 ==
// mlstrusted )), and init_t is mlstrusted.
func TestValidateTransition(t *testing.T) {
	p := openTest(t, "decide.policy")
	context := func(s string) Context { return MustParseContext(s) }
	low, high := context("system_u:object_r:etc_t:s0"), context("system_u:object_r:var_t:s1")
	app, init := context("system_u:system_r:app_t:s0"), context("system_u:system_r:init_t:s0")
	for _, test := range []struct {
		before, after, task Context
		class               string
		want                int
	}{
		{low, high, app, "file", 1},
		{low, high, init, "file", 0},
		{low, low.WithType("tmp_t"), app, "file", 0},
		{low, high, app, "dir", 0}, // on files only
	} {
		failed, err := p.ValidateTransition(test.before, test.after, test.task, test.class)
		if err != nil || len(failed) != test.want {
			t.Errorf("%v to %v by %v: %v, %v, want %d", test.before, test.after, test.task, failed, err, test.want)
			continue
		}
		for _, f := range failed {
			const want = "mlsvalidatetrans file ((l1 eq l2 -Fail-)  or (t3 == mlstrusted -Fail-) ); Validatetrans DENIED"
			if got := f.Annotated(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if got := f.Expr.Operands[1].LeftValue; got != "app_t" {
				t.Errorf("t3 is %s", got)
			}
		}
	}
	if _, err := p.ValidateTransition(low, high, app, "nope"); err == nil {
		t.Error("an unknown class is taken")
	}
	if _, err := p.ValidateTransition(low, high.WithRange("s7"), app, "file"); !errors.Is(err, ErrInvalidContext) {
		t.Errorf("an invalid context: %v", err)
	}
}

// TestAccessVectorAllocates: not at all, however many rules match.
func TestAccessVectorAllocates(t *testing.T) {
	p := newPolicy(newMaker(openTest(t, "decide.policy"), 12).randomPolicy())
	m := newMaker(p, 13)
	var questions []func()
	for len(questions) < 50 {
		st, tt, class := m.triple()
		source, err1 := p.SID(m.context(st))
		target, err2 := p.SID(m.context(tt))
		if err1 == nil && err2 == nil {
			questions = append(questions, func() { p.AccessVector(source, target, Class{p, class}) })
		}
	}
	for _, ask := range questions {
		if n := testing.AllocsPerRun(10, ask); n != 0 {
			t.Fatalf("%v allocations", n)
		}
	}
}

// TestForeignSID: what belongs to another policy is granted nothing.
func TestForeignSID(t *testing.T) {
	p, other := openTest(t, "decide.policy"), openTest(t, "decide.policy")
	class, err := p.Class("process")
	if err != nil {
		t.Fatal(err)
	}
	app := MustParseContext("system_u:system_r:app_t:s0")
	ours, err1 := p.SID(app)
	theirs, err2 := other.SID(app)
	if err1 != nil || err2 != nil || !ours.IsValid() || (SID{}).IsValid() {
		t.Fatal(err1, err2)
	}
	if av := p.AccessVector(ours, ours, class); av.Allowed == 0 {
		t.Error("app_t may nothing to itself")
	}
	for _, av := range []AccessVector{
		p.AccessVector(theirs, ours, class), p.AccessVector(ours, theirs, class),
		other.AccessVector(theirs, theirs, class), p.AccessVector(SID{}, ours, class), p.AccessVector(ours, ours, Class{}),
	} {
		if av != (AccessVector{}) {
			t.Errorf("%+v", av)
		}
	}
	if s, err := p.SID(app.WithType("nope_t")); err == nil || s.IsValid() || s.Context().IsValid() {
		t.Errorf("%v, %v", s.Context(), err)
	}
}

// TestConditionOperators: each operator of conditionals, and what the kernel
// does with expressions that it can't evaluate: both branches are off.
func TestConditionOperators(t *testing.T) {
	term := func(ops ...any) (expr []policydb.CondTerm) {
		for _, op := range ops {
			switch op := op.(type) {
			case int:
				expr = append(expr, policydb.CondTerm{Op: policydb.CondBool, Boolean: uint32(op)})
			case policydb.CondOp:
				expr = append(expr, policydb.CondTerm{Op: op})
			}
		}
		return expr
	}
	deep := term()
	for range maxCondDepth + 1 {
		deep = append(deep, term(1)...)
	}
	for _, test := range []struct {
		expr      []policydb.CondTerm
		value, ok bool
	}{
		// Boolean 1 is on, 2 is off.
		{term(1), true, true},
		{term(2, policydb.CondNot), true, true},
		{term(1, 2, policydb.CondAnd), false, true},
		{term(1, 2, policydb.CondOr), true, true},
		{term(1, 2, policydb.CondXor), true, true},
		{term(1, 1, policydb.CondXor), false, true},
		{term(1, 2, policydb.CondEq), false, true},
		{term(2, 2, policydb.CondEq), true, true},
		{term(1, 2, policydb.CondNeq), true, true},
		{term(), false, false},
		{term(policydb.CondNot), false, false},
		{term(1, policydb.CondAnd), false, false},
		{term(1, 2, policydb.CondOp(9)), false, false},
		{term(3), false, false}, // no such boolean
		{deep, false, false},
	} {
		value, ok := evalCond(test.expr, []bool{true, false})
		if value != test.value || ok != test.ok {
			t.Errorf("%v: %v, %v, want %v, %v", test.expr, value, ok, test.value, test.ok)
		}
	}
}

package policy_test

import (
	"fmt"

	"github.com/sekit/sekit/policy"
)

// Why may app_t not write this file?
func ExamplePolicy_Decide() {
	p, err := policy.Open("testdata/decide.policy")
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := p.Decide(policy.Access{
		Source:      policy.MustParseContext("system_u:system_r:app_t:s1"),
		Target:      policy.MustParseContext("system_u:object_r:etc_t:s0"),
		Class:       "file",
		Permissions: []string{"read", "write"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("granted:", d.Granted)
	for _, denied := range d.Denied {
		fmt.Println("denied:", denied.Permission)
		for _, reason := range denied.Reasons {
			fmt.Println(" -", reason)
		}
	}
	// Output:
	// granted: [read]
	// denied: write
	//  - a conditional rule is off: allow app_t etc_t:file { setattr write }; [ app_full || ! app_net && app_write ]:True (on with app_write=on or app_full=on)
	//  - a constraint forbids it: mlsconstrain file, which takes l1 (s1) domby l2 (s0) or t1 (app_t) == mlstrusted
}

// Which booleans would let app_t write it at the level s0, and at what price?
func ExamplePolicy_BooleanSets() {
	p, err := policy.Open("testdata/decide.policy")
	if err != nil {
		fmt.Println(err)
		return
	}
	a := policy.Access{
		Source:      policy.MustParseContext("system_u:system_r:app_t:s0"),
		Target:      policy.MustParseContext("system_u:object_r:db_port_t:s0"),
		Class:       "tcp_socket",
		Permissions: []string{"name_connect"},
	}
	p, err = p.With(policy.SetBoolean{Name: "app_db", On: false})
	if err != nil {
		fmt.Println(err)
		return
	}
	sets, err := p.BooleanSets(a)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range sets {
		fmt.Println(s.Booleans, "newly allows", s.Exposure.Tuples)
	}
	// Output:
	// [set boolean app_db on] newly allows 1
	// [set boolean app_net on] newly allows 3
}

// What would a rule allow, and what would it change?
func ExamplePolicy_With() {
	p, err := policy.Open("testdata/decide.policy")
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := policy.AllowRule{Source: "app_t", Target: "file_type", Class: "file", Permissions: []string{"read"}}
	x, err := p.Exposure(rule)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v: %d of %d tuples are new\n", rule, x.Tuples, x.Covered)
	// Output:
	// allow app_t file_type:file read: 6 of 8 tuples are new
}

// Where will a file go that app_t makes in tmp_t?
func ExamplePolicy_NewContext() {
	p, err := policy.Open("testdata/decide.policy")
	if err != nil {
		fmt.Println(err)
		return
	}
	source := policy.MustParseContext("system_u:system_r:app_t:s0")
	dir := policy.MustParseContext("system_u:object_r:tmp_t:s0")
	for _, name := range []string{"anything", "special"} {
		c, err := p.NewContext(source, dir, "file", name)
		fmt.Println(name, c, err)
	}
	// Output:
	// anything system_u:object_r:app_tmp_t:s0:c0.c2 <nil>
	// special system_u:object_r:app_named_t:s0:c0.c2 <nil>
}

package policy_test

import (
	"fmt"
	"log"

	"github.com/sekit/sekit/policy"
)

// What may haproxy_t connect to, and why not to port 8080?
func Example() {
	p, err := policy.Open("testdata/query.policy")
	if err != nil {
		log.Fatal(err)
	}
	rules, err := p.Rules(policy.RuleQuery{
		Kinds:       policy.KindAllow,
		Source:      "haproxy_t",
		Permissions: []string{"name_connect"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for r := range rules {
		fmt.Println(r)
	}
	fmt.Println(p.PortContext(policy.TCP, 8080))

	decision, err := p.Decide(policy.Access{
		Source:      policy.MustParseContext("system_u:system_r:httpd_t:s0"),
		Target:      policy.MustParseContext("system_u:object_r:port_t:s0"),
		Class:       "tcp_socket",
		Permissions: []string{"name_connect"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, reason := range decision.Reasons() {
		fmt.Println(reason)
	}

	// Output:
	// allow haproxy_t http_port_t:tcp_socket { name_bind name_connect };
	// system_u:object_r:ephemeral_port_t:s0
	// a conditional rule is off: allow httpd_t port_t:tcp_socket name_connect; [ httpd_can_network_connect ]:True (on with httpd_can_network_connect=on)
}

// List what a boolean switches.
func ExampleBoolean_Rules() {
	p, err := policy.Open("testdata/query.policy")
	if err != nil {
		log.Fatal(err)
	}
	b, err := p.Boolean("httpd_enable_homedirs")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(b.Statement())
	for r := range b.Rules() {
		fmt.Println(r)
	}

	// Output:
	// bool httpd_enable_homedirs false;
	// allow httpd_t unlabeled_t:dir search; [ use_nfs_home_dirs && httpd_enable_homedirs ]:False
	// allow httpd_t unlabeled_t:file write; [ ( use_nfs_home_dirs && ( httpd_can_network_connect || httpd_enable_homedirs ) ) ]:True
}

// List the ports that a type has.
func ExamplePolicy_Portcons() {
	p, err := policy.Open("testdata/query.policy")
	if err != nil {
		log.Fatal(err)
	}
	for c := range p.Portcons() {
		if c.Context.Type() == "http_port_t" {
			fmt.Println(c.Protocol, c.Ports())
		}
	}

	// Output:
	// tcp 80
	// tcp 8443
}

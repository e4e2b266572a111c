package module_test

import (
	"fmt"
	"log"
	"os"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

func ExampleModule_TE() {
	m := &module.Module{
		Name: "httpd_uwsgi",
		Rules: []module.Rule{{
			Kind: module.Allow, Source: "httpd_t", Target: "uwsgi_t", Class: "unix_stream_socket",
			Permissions: []string{"connectto"},
			Evidence:    []string{`audit(1732160000.123:456): comm="nginx" path="/run/uwsgi/app"`},
		}, {
			Kind: module.Allow, Source: "httpd_t", Target: "httpd_t", Class: "process",
			Permissions: []string{"execmem"},
		}},
	}
	te, err := m.TE()
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(te)
	// Output:
	// module httpd_uwsgi 1.0;
	//
	// require {
	// 	type httpd_t;
	// 	type uwsgi_t;
	// 	class process execmem;
	// 	class unix_stream_socket connectto;
	// }
	//
	// #### httpd_t ####
	// allow httpd_t self:process execmem;
	//
	// # audit(1732160000.123:456): comm="nginx" path="/run/uwsgi/app"
	// allow httpd_t uwsgi_t:unix_stream_socket connectto;
}

// A package to embed in an installer: semodule -i takes it.
func ExampleModule_PP() {
	m := &module.Module{Name: "webapp", Rules: []module.Rule{{
		Kind: module.Allow, Source: "httpd_t", Target: "uwsgi_t", Class: "unix_stream_socket",
		Permissions: []string{"connectto"},
	}}}
	pp, err := m.PP(module.PPOptions{
		FileContexts: []byte("/srv/webapp(/.*)?\tsystem_u:object_r:httpd_sys_content_t:s0\n"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("webapp.pp starts with %x\n", pp[:4])

	// A machine may not have heard of what a version brought.
	_, err = m.PP(module.PPOptions{ModOptions: module.ModOptions{PolicyVersion: 4}})
	fmt.Println(err)
	// Output:
	// webapp.pp starts with 8fff7cf9
	// module policy version 4 has no multi-level security (version 5 brought that)
}

func ExampleGuard_Check() {
	rules := []module.Rule{{
		Kind: module.Allow, Source: "httpd_t", Target: "var_t", Class: "sock_file",
		Permissions: []string{"write"},
	}}
	for _, f := range (module.Guard{}).Check(nil, rules) {
		fmt.Printf("%s (%s): %s\n", f.Severity, f.ID, f.Reason)
	}
	// Output:
	// refuse (base-type-write): a base type labels much of the file system: label the one place instead
}

// A module with a domain of its own, made in code: what it uses and does not
// declare it requires.
func ExampleStatement() {
	m := &module.Module{
		Name: "hello",
		Statements: []module.Statement{
			&module.Type{Name: "hello_t", Attributes: []string{"domain"}},
			&module.Type{Name: "hello_exec_t", Attributes: []string{"exec_type", "file_type"}},
			&module.RoleTypes{Role: "system_r", Types: module.Types("hello_t")},
			&module.TypeRule{Kind: module.TypeTransition, Sources: module.Types("init_t"), Targets: module.Types("hello_exec_t"),
				Classes: []string{"process"}, NewType: "hello_t"},
			&module.Boolean{Name: "hello_network"},
			&module.If{Condition: module.When("hello_network"), Then: []module.Statement{
				&module.AccessRule{Kind: module.Allow, Sources: module.Types("hello_t"), Targets: module.Types("self"),
					Classes: []string{"tcp_socket", "udp_socket"}, Permissions: module.Permissions("create", "connect")},
			}},
		},
	}
	cil, err := m.CIL()
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(cil)
	pp, err := m.PP(module.PPOptions{})
	if err != nil {
		log.Fatal(err)
	}
	p, err := module.ParsePackage(pp)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("module policy version", p.PolicyVersion)
	// Output:
	// ; module hello 1.0
	// (type hello_t)
	// (roletype object_r hello_t)
	// (typeattributeset domain (hello_t))
	// (type hello_exec_t)
	// (roletype object_r hello_exec_t)
	// (typeattributeset exec_type (hello_exec_t))
	// (typeattributeset file_type (hello_exec_t))
	// (roletype system_r hello_t)
	// (typetransition init_t hello_exec_t process hello_t)
	// (boolean hello_network false)
	// (booleanif (hello_network)
	//     (true
	//         (allow hello_t self (tcp_socket (create connect)))
	//         (allow hello_t self (udp_socket (create connect)))
	//     )
	// )
	// module policy version 5
}

// A confined daemon of one's own: its module, and the contexts of its files.
func ExampleDaemon() {
	d := module.Daemon{
		Name: "greeter", Executable: "/usr/sbin/greeter",
		Config: []string{"/etc/greeter.conf"}, Log: []string{"/var/log/greeter"},
		Listen: []module.DaemonPort{{Protocol: policy.TCP, Number: 8700}},
	}
	m, contexts, err := d.Module()
	if err != nil {
		log.Fatal(err)
	}
	fc, err := module.FormatFC(contexts)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := m.PP(module.PPOptions{FileContexts: fc}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Comment[0])
	for _, c := range contexts {
		fmt.Println(c.Regexp, c.Context)
	}
	// Output:
	// To be registered once this is installed: semanage port -a -t greeter_port_t -p tcp 8700
	// /usr/sbin/greeter system_u:object_r:greeter_exec_t:s0
	// /etc/greeter\.conf(/.*)? system_u:object_r:greeter_conf_t:s0
	// /var/log/greeter(/.*)? system_u:object_r:greeter_log_t:s0
}

// A type for the port that haproxy needs, as no type of the policy fits.
func ExamplePortType() {
	m, err := module.PortType{Name: "kibana_port_t", Protocol: policy.TCP, Low: 5601, Connect: []string{"haproxy_t"}}.Module()
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range m.Rules {
		if r.Target == "kibana_port_t" {
			fmt.Println(r)
		}
	}
	fmt.Println(m.Comment[1])
	// Output:
	// allow haproxy_t kibana_port_t:tcp_socket name_connect;
	// semanage port -a -t kibana_port_t -p tcp 5601
}

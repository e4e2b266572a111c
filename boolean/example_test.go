package boolean_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func Example() {
	p, err := policy.Parse(demo.Policy()) // or policy.Open of this machine's
	if err != nil {
		log.Fatal(err)
	}
	machine := booleantest.NewBackend(p) // or boolean.OpenRoot("/", "targeted")
	booleans := boolean.New(p, machine)
	ctx := context.Background()

	changes, err := booleans.Persist(ctx,
		boolean.Record{Name: "httpd_execmem", On: true},
		boolean.Record{Name: "httpd_enable_cgi", On: true}, // so already
	)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Println(c, "with", strings.Join(c.Command(), " "))
	}
	table, err := booleans.Table(ctx)
	if err != nil {
		log.Fatal(err)
	}
	b, err := table.Lookup("httpd_execmem")
	fmt.Println(b, err)
	for r := range table.Rules("haproxy_connect_any") {
		fmt.Println(r)
		break // there are more
	}
	// Output:
	// set boolean httpd_execmem on to stay with setsebool -P httpd_execmem on
	// httpd_execmem --> on <nil>
	// allow haproxy_t port_type:tcp_socket name_bind; [ haproxy_connect_any ]:True
}

package port_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

func Example() {
	p, err := policy.Parse(demo.Policy()) // or policy.Open of this machine's
	if err != nil {
		log.Fatal(err)
	}
	store := porttest.NewBackend(p) // or port.OpenRoot("/", "targeted")
	ports := port.New(p, store)
	ctx := context.Background()

	table, err := ports.Table(ctx)
	if err != nil {
		log.Fatal(err)
	}
	m, err := table.Lookup(port.TCP, 5601)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Context.Type(), m.Range(), m.Origin)

	changes, err := ports.Set(ctx, port.Port(port.TCP, 5601, "http_port_t"))
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Println(c, "with", strings.Join(c.Command(), " "))
	}
	_, err = ports.Delete(ctx, port.Key{Protocol: port.TCP, Low: 443, High: 443})
	fmt.Println(err)
	// Output:
	// unreserved_port_t 1024-32767 policy
	// add port tcp 5601 as http_port_t with semanage port -a -t http_port_t -p tcp 5601
	// delete port tcp 443: the policy gives it to http_port_t; only local records can be deleted
}

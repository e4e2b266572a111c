package sekittest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"syscall"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/sekittest"
)

func Example() {
	p, err := policy.Parse(demo.Policy()) // or policy.Open of any
	if err != nil {
		log.Fatal(err)
	}
	m := sekittest.NewMachine(p, sekittest.Options{})
	ctx := context.Background()
	plan, err := m.Plan(ctx, sekit.Settings{Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t")}})
	if err != nil {
		log.Fatal(err)
	}
	m.Inject(sekittest.Fault{Commit: sekittest.ErrDiskFull})
	_, err = m.Apply(ctx, plan)
	fmt.Println(errors.Is(err, syscall.ENOSPC), m.Commits())
	// Output: true 0
}

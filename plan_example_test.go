package sekit_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/sekittest"
)

// A program says what it needs, looks at what that changes, and takes it back.
func ExampleMachine() {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		log.Fatal(err)
	}
	m := sekittest.NewMachine(p, sekittest.Options{}) // or sekit.OpenMachine(sekit.MachineOptions{StateDir: "/var/lib/sekit"})
	ctx := context.Background()

	plan, err := m.Plan(ctx, sekit.Settings{
		Ports:    []port.Setting{port.Port(port.TCP, 5601, "http_port_t"), port.Port(port.TCP, 443, "http_port_t")},
		Booleans: []boolean.Record{{Name: "httpd_can_network_connect", On: true}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(plan)

	undo, err := m.Apply(ctx, plan)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print("undo:\n", undo)
	// Output:
	// add port tcp 5601 as http_port_t
	//     instead of policy port tcp 1024-32767 (unreserved_port_t)
	// set boolean httpd_can_network_connect on to stay
	// undo:
	// delete the local port record tcp 5601 (http_port_t)
	// delete the local record of boolean httpd_can_network_connect (on)
}

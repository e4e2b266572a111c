package moduletest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
	"github.com/sekit/sekit/policy"
)

// A fake decides as a machine would that has the module installed.
func Example() {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		log.Fatal(err)
	}
	machine := moduletest.NewBackend(p)
	store := module.NewStore(machine) // module.Semodule{PolicyType: "default"} on a real one

	access := policy.Access{
		Source: policy.MustParseContext("system_u:system_r:httpd_t:s0"),
		Target: policy.MustParseContext("system_u:system_r:httpd_t:s0"),
		Class:  "process", Permissions: []string{"execmem"},
	}
	m := module.Module{Name: "webapp", Rules: module.Minimize(p, []module.Need{{Access: access}}, module.MinimizeOptions{}).Rules}
	pp, err := m.PP(module.PPOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		change, err := store.Install(context.Background(), module.Key{Name: m.Name}, module.Content{Language: "pp", Data: pp})
		if err != nil {
			log.Fatal(err)
		}
		now, err := machine.Policy()
		if err != nil {
			log.Fatal(err)
		}
		d, err := now.Decide(access)
		fmt.Println(change, "- allowed:", d.Allowed, err)
	}
	// Output:
	// install module webapp (400) - allowed: true <nil>
	// module webapp (400) is so already - allowed: true <nil>
}

package refpolicy_test

import (
	"fmt"
	"log"

	"github.com/sekit/sekit/module/refpolicy"
)

func Example() {
	h, err := refpolicy.Open(headers()) // os.DirFS("/usr/share/selinux/devel/include")
	if err != nil {
		log.Fatal(err)
	}
	i, err := h.Interface("logs_read")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(i.Name, "-", i.Summary)
	m, err := h.Module(refpolicy.Source{Name: "app", TE: "policy_module(app, 1.0)\nlogs_read(app_t)\n"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(words(m.TE))
	// Output:
	// logs_read - Read a log.
	// module app 1.0; require { type log_t; } allow app_t log_t:file { read write };
}

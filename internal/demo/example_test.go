package demo_test

import (
	"fmt"
	"io/fs"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func Example() {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		fmt.Println(err)
		return
	}
	may, err := p.Decide(policy.Access{
		Source:      policy.MustParseContext("system_u:system_r:httpd_t:s0"),
		Target:      policy.MustParseContext("system_u:object_r:var_t:s0"),
		Class:       "sock_file",
		Permissions: []string{"write"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(may.Allowed)

	subs, err := fs.ReadFile(demo.Contexts(), "file_contexts.subs")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", subs)
	// Output:
	// false
	// /web /var/www
}

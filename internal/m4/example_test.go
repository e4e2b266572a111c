package m4_test

import (
	"fmt"

	"github.com/sekit/sekit/internal/m4"
)

func Example() {
	p := m4.New(m4.Limits{})
	err := p.Read("example.te", "define(`can_read',`allow $1 $2:file { getattr open read };')dnl\n\ncan_read(app_t, app_conf_t)\n")
	fmt.Print(p.Output(), p.Line(1), err)
	// Output:
	//
	// allow app_t app_conf_t:file { getattr open read };
	// {example.te 3} <nil>
}

package fcontext_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
)

// restorecon -Rnv, and then restorecon -R: on a tree in memory, where a program
// has fcontext.OpenTree("/").
func ExamplePlanRelabel() {
	db, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(text)}, fcontext.Options{})
	if err != nil {
		panic(err)
	}
	tree := fcontexttest.NewTree(
		fcontexttest.File{Path: "/var/www", Kind: fcontext.Dir, Context: "system_u:object_r:httpd_sys_content_t:s0"},
		fcontexttest.File{Path: "/var/www/index.html", Context: "unconfined_u:object_r:user_home_t:s0"},
		fcontexttest.File{Path: "/var/www/upload", Kind: fcontext.Dir, Context: "system_u:object_r:public_content_rw_t:s0"},
	)
	ctx := context.Background()
	plan, err := fcontext.PlanRelabel(ctx, tree, db, []string{"/var/www"}, fcontext.RelabelOptions{
		Recursive:    true,
		Customizable: []string{"public_content_rw_t"},
	})
	if err != nil {
		panic(err)
	}
	for _, c := range plan.Changes {
		fmt.Println(c)
		fmt.Println("  because of", c.Why.Pattern)
	}
	fmt.Println(plan.Counts)

	res, err := plan.Apply(ctx, tree, fcontext.ApplyOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(res.Changed), "changed,", len(res.Errors), "failed")
	// Output:
	// /var/www/index.html from unconfined_u:object_r:user_home_t:s0 to unconfined_u:object_r:httpd_sys_content_t:s0
	//   because of /var/www(/.*)?
	// 3 files, 1 to change, 1 matching, 1 customized
	// 1 changed, 0 failed
}

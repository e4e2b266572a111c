package fcontext_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func ExampleLocal() {
	p, err := policy.Parse(demo.Policy()) // or policy.Open of this machine's
	if err != nil {
		log.Fatal(err)
	}
	db, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{}) // or fcontext.Open
	if err != nil {
		log.Fatal(err)
	}
	store := fcontexttest.NewLocalBackend(p, fcontext.LocalRecords{}) // or a LocalStore
	local := fcontext.NewLocal(p, db, store)
	ctx := context.Background()

	changes, err := local.Set(ctx,
		fcontext.LocalSetting{Pattern: "/srv/shop(/.*)?", Type: "httpd_sys_content_t"},
		fcontext.LocalSetting{Pattern: "/var/www(/.*)?", Type: "httpd_sys_content_t"}) // is so
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Println(c, "with", strings.Join(c.Command(), " "))
	}
	if _, err = local.SetEquivalences(ctx, fcontext.Equivalence{Target: "/data/home", Source: "/home"}); err != nil {
		log.Fatal(err)
	}
	_, err = local.Set(ctx, fcontext.LocalSetting{Pattern: "/data/home/shop", Type: "httpd_sys_content_t"})
	fmt.Println(err)
	_, err = local.Delete(ctx, fcontext.LocalKey{Pattern: "/var/www(/.*)?"})
	fmt.Println(err)
	// Output:
	// add fcontext /srv/shop(/.*)? as httpd_sys_content_t with semanage fcontext -a -t httpd_sys_content_t /srv/shop(/.*)?
	// set fcontext /data/home/shop: conflicts with the local equivalence /data/home = /home; use /home/shop
	// delete fcontext /var/www(/.*)?: the policy gives it httpd_sys_content_t; only local records can be deleted
}

// What a change would come to is known before it is made.
func ExampleLocalTable_WhatIf() {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		log.Fatal(err)
	}
	db, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		log.Fatal(err)
	}
	table := fcontext.NewLocalTable(p, db, fcontext.LocalRecords{})
	change, err := table.PlanSet(fcontext.LocalSetting{Pattern: "/var/www/html(/.*)?", Kind: fcontext.File, Type: "httpd_sys_rw_content_t"})
	if err != nil {
		log.Fatal(err)
	}
	// A local record comes before all of the policy's: these lose what they are for.
	changes, err := table.WhatIf(nil, change)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Println(c.Path, c.Old.Context.Type(), "->", c.New.Context.Type())
	}
	// Output:
	// /var/www/html httpd_sys_content_t -> httpd_sys_rw_content_t
	// /var/www/html/.htaccess httpd_sys_htaccess_t -> httpd_sys_rw_content_t
	// /var/www/html/x/cgi-bin/x httpd_sys_script_exec_t -> httpd_sys_rw_content_t
}

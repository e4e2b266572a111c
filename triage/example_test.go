package triage_test

import (
	"fmt"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/triage"
)

// A web server may not read a page. Its record says where the page is, and the
// file contexts what it should be.
func ExampleTriage_Read() {
	const log = `type=AVC msg=audit(1772618534.166:430): avc:  denied  { read } for  pid=1342 comm="nginx" path="/var/www/html/index.html" dev="dm-0" ino=8653377 scontext=system_u:system_r:httpd_t:s0 tcontext=unconfined_u:object_r:user_home_t:s0 tclass=file permissive=0`

	// The policy and the file contexts of the demonstration; sekit.Open,
	// sekit.OpenRoot and sekit.Load give those of a machine, an image, or files.
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		fmt.Println(err)
		return
	}
	contexts, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := triage.New(&sekit.System{Policy: p, Contexts: contexts}, triage.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	reader := avc.NewReader(strings.NewReader(log), avc.Options{Provenance: avc.ProvenanceFile})
	for _, f := range t.Read(reader.Events()).Findings {
		fmt.Println(f.Denial.Comm, f.Access.Permissions, f.Object)
		for _, why := range f.Why {
			fmt.Println("why:", why)
		}
		for _, fix := range f.Fixes {
			fmt.Printf("%s (opens %d): %s\n", fix.Kind, fix.Exposure.Tuples, fix.Commands[0])
		}
	}
	// Output:
	// nginx [read] /var/www/html/index.html
	// why: a conditional rule is off: allow httpd_t user_home_t:file { getattr ioctl lock open read }; [ httpd_read_user_content ]:True (on with httpd_read_user_content=on)
	// why: /var/www/html/index.html has the type user_home_t; the file contexts say httpd_sys_content_t (spec /var/www(/.*)?, file_contexts line 21)
	// context (opens 17): restorecon -v /var/www/html/index.html
	// boolean (opens 16): setsebool -P httpd_read_user_content=on
}

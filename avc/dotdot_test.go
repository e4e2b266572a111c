package avc

import (
	"strings"
	"testing"
)

// The working directory in a CWD record is free of symbolic links, so that
// names may lead up from it. Behind another component a ".." cannot be resolved:
// "link/../secret" is next to what the link points to.
func TestRelativeNames(t *testing.T) {
	const event = `type=AVC msg=audit(1700000000.001:7): avc:  denied  { read } for  pid=9 comm="cat" name="f" dev="vda1" ino=77 scontext=u:r:a_t:s0 tcontext=u:object_r:b_t:s0 tclass=file permissive=0
type=SYSCALL msg=audit(1700000000.001:7): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=0 a2=0 a3=0 items=1 ppid=1 pid=9 auid=0 uid=0 comm="cat" exe="/usr/bin/cat"
type=CWD msg=audit(1700000000.001:7): cwd="/srv/app/data"
type=PATH msg=audit(1700000000.001:7): item=0 name="NAME" inode=77 dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 obj=u:object_r:b_t:s0 nametype=NORMAL
`
	for name, want := range map[string]string{
		"f":            "/srv/app/data/f",
		"./f":          "/srv/app/data/f",
		"../f":         "/srv/app/f",
		"../../log/f":  "/srv/log/f",
		"..data/f":     "/srv/app/data/..data/f",
		"link/../f":    "",
		"../link/../f": "",
		"/abs/f":       "/abs/f",
	} {
		for d, err := range NewReader(strings.NewReader(strings.Replace(event, "NAME", name, 1)), Options{}).Denials() {
			if err != nil {
				t.Fatal(err)
			}
			if d.FullPath != want {
				t.Errorf("%q: %q (%s), want %q", name, d.FullPath, d.PathReason, want)
			}
		}
	}
}

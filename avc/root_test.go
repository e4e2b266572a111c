package avc

import (
	"strings"
	"testing"
)

// The root directory of a mounted file system has the name "/", wherever that is
// mounted. The event's PATH record tells, if it has the inode and the context;
// where two do, nothing is told.
func TestMountedRoot(t *testing.T) {
	const event = `type=AVC msg=audit(1700000000.001:7): avc:  denied  { write } for  pid=9 comm="redis" name="/" dev="tmpfs" ino=1 scontext=u:r:a_t:s0 tcontext=u:object_r:run_t:s0 tclass=dir permissive=0
type=SYSCALL msg=audit(1700000000.001:7): arch=c000003e syscall=49 success=no exit=-13 a0=6 a1=0 a2=6e a3=0 items=2 ppid=1 pid=9 auid=0 uid=0 comm="redis" exe="/usr/bin/redis"
type=CWD msg=audit(1700000000.001:7): cwd="/"
type=PATH msg=audit(1700000000.001:7): item=0 name="/run/" inode=1 dev=00:17 mode=040755 ouid=0 ogid=0 rdev=00:00 obj=u:object_r:run_t:s0 nametype=PARENT
type=PATH msg=audit(1700000000.001:7): item=1 name="/run/redis.sock" nametype=CREATE
`
	const other = `type=PATH msg=audit(1700000000.001:7): item=2 name="/mnt/" inode=1 dev=00:18 mode=040755 ouid=0 ogid=0 rdev=00:00 obj=u:object_r:run_t:s0 nametype=PARENT
`
	for log, want := range map[string]string{
		event: "/run",
		strings.Replace(event, "run_t:s0 nametype", "etc_t:s0 nametype", 1): "",
		strings.Replace(event, "inode=1 ", "inode=2 ", 1):                   "",
		event + other: "",
	} {
		for d, err := range NewReader(strings.NewReader(log), Options{}).Denials() {
			if err != nil {
				t.Fatal(err)
			}
			if d.FullPath != want || want != "" && d.PathCertainty != CertaintyInferred {
				t.Errorf("%q (%v, %s), want %q, inferred", d.FullPath, d.PathCertainty, d.PathReason, want)
			}
		}
	}
}

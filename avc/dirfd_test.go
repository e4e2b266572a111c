package avc_test

import (
	"strings"
	"testing"

	"github.com/sekit/sekit/avc"
)

// TestDirfd: a relative name counts from the working directory only if the
// system call says so with AT_FDCWD (-100, ffffff9c). From any other directory
// the path is not known, and the working directory must not stand for it.
// Numbers are those of x86_64: openat 257, renameat2 316, unlinkat 263,
// linkat 265, statx 332, openat2 437, symlinkat 266, open 2.
func TestDirfd(t *testing.T) {
	const cwd, rel, abs = "/home/joe", "etc/app.conf", "/srv/etc/app.conf"
	for _, c := range []struct {
		call     string
		a0, a2   string
		name     string
		path     string
		how      avc.Certainty
		commonly string // what it tests
	}{
		{"257", "ffffff9c", "80000", rel, cwd + "/" + rel, avc.CertaintyKnown, "AT_FDCWD in 32 bits"},
		{"257", "ffffffffffffff9c", "80000", rel, cwd + "/" + rel, avc.CertaintyKnown, "AT_FDCWD in 64 bits"},
		{"257", "5", "80000", rel, "", avc.CertaintyUnknown, "openat of a descriptor"},
		{"257", "5", "80000", abs, abs, avc.CertaintyKnown, "an absolute name needs no directory"},
		{"437", "5", "7ffc", rel, "", avc.CertaintyUnknown, "openat2 of a descriptor"},
		{"332", "3", "100", rel, "", avc.CertaintyUnknown, "statx of a descriptor"},
		{"263", "4", "0", rel, "", avc.CertaintyUnknown, "unlinkat of a descriptor"},
		{"316", "ffffff9c", "5", rel, "", avc.CertaintyUnknown, "renameat2, one of the two a descriptor"},
		{"265", "5", "ffffff9c", rel, "", avc.CertaintyUnknown, "linkat, one of the two a descriptor"},
		{"2", "7ffc10", "0", rel, cwd + "/" + rel, avc.CertaintyKnown, "open takes no directory"},
		{"99999", "5", "0", rel, "", avc.CertaintyUnknown, "a system call that is not known"},
		{"257", "", "0", rel, "", avc.CertaintyUnknown, "the argument is missing"},
	} {
		id := " msg=audit(1700000000.001:1): "
		text := "type=AVC" + id + `avc:  denied  { read } for  pid=1 comm="a" name="app.conf" dev="sda1" ino=9 scontext=a_u:a_r:a_t:s0 tcontext=a_u:a_r:b_t:s0 tclass=file permissive=0` +
			"\ntype=SYSCALL" + id + "arch=c000003e syscall=" + c.call + " success=no exit=-13 a0=" + c.a0 + " a1=7ffc a2=" + c.a2 + ` a3=0 items=1 ppid=1 pid=1 comm="a" exe="/bin/a"` +
			"\ntype=CWD" + id + `cwd="` + cwd + `"` +
			"\ntype=PATH" + id + `item=0 name="` + c.name + `" inode=9 dev=08:01 obj=a_u:a_r:b_t:s0 nametype=NORMAL` + "\n"
		e, err := avc.ParseRecord(text)
		if err != nil || len(e.Denials) != 1 {
			t.Fatalf("%s: %v", c.commonly, err)
		}
		d := e.Denials[0]
		if d.FullPath != c.path || d.PathCertainty != c.how {
			t.Errorf("%s: %q, %v (%s); want %q, %v", c.commonly, d.FullPath, d.PathCertainty, d.PathReason, c.path, c.how)
		}
		if c.path == "" && strings.Contains(d.Wanted, cwd) {
			t.Errorf("%s: wanted %q", c.commonly, d.Wanted)
		}
	}
}

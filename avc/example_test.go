package avc_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/avc/avctest"
)

func Example() {
	log := strings.NewReader(`type=AVC msg=audit(1700000000.215:109): avc:  denied  { read } for  pid=679 comm="nginx" name="index.html" dev="sda1" ino=11400 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:default_t:s0 tclass=file permissive=0
type=SYSCALL msg=audit(1700000000.215:109): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=288ddff2c018 a2=80000 a3=0 items=1 ppid=1 pid=679 auid=4294967295 uid=33 gid=33 euid=33 suid=33 fsuid=33 egid=33 sgid=33 fsgid=33 tty=(none) ses=4294967295 comm="nginx" exe="/usr/sbin/nginx" subj=system_u:system_r:httpd_t:s0 key=(null)
type=CWD msg=audit(1700000000.215:109): cwd="/"
type=PATH msg=audit(1700000000.215:109): item=0 name="/data/site/index.html" inode=11400 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 obj=system_u:object_r:default_t:s0 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0
`)
	r := avc.NewReader(log, avc.Options{Name: "audit.log"})
	for d, err := range r.Denials() {
		if err != nil {
			fmt.Println("unread:", err)
			continue
		}
		fmt.Println(d.Verdict, d.Permissions, "on", d.Class, d.FullPath, "("+d.PathCertainty.String()+")")
		fmt.Println("from", d.Source.Type(), "to", d.Target.Type(), "by", d.Exe, "in", d.Syscall.Name, "for", d.Syscall.Intent)
	}
	// Output:
	// denied [read] on file /data/site/index.html (known)
	// from httpd_t to default_t by /usr/sbin/nginx in openat for read
}

func ExampleParseRecord() {
	e, err := avc.ParseRecord(`avc:  denied  { name_bind } for  pid=7 comm="sshd" src=2222
    scontext=system_u:system_r:sshd_t:s0 tcontext=system_u:object_r:unreserved_port_t:s0
    tclass=tcp_socket permissive=0`)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := e.Denials[0]
	fmt.Println(d.Port())
	fmt.Println(d.Provenance, d.Form, d.Source.Type(), d.Target.Type())
	// Output:
	// tcp 2222 true
	// text bare sshd_t unreserved_port_t
}

func ExampleSummary() {
	log := strings.NewReader(`type=AVC msg=audit(1700000001.000:1): avc:  denied  { name_bind } for  pid=7 comm="sshd" src=2222 scontext=system_u:system_r:sshd_t:s0 tcontext=system_u:object_r:unreserved_port_t:s0 tclass=tcp_socket permissive=0
type=AVC msg=audit(1700000002.000:2): avc:  denied  { read } for  pid=8 comm="nginx" name="a" dev="sda1" ino=9 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:default_t:s0 tclass=file permissive=0
type=AVC msg=audit(1700000003.000:3): avc:  denied  { name_bind } for  pid=7 comm="sshd" src=2222 scontext=system_u:system_r:sshd_t:s0 tcontext=system_u:object_r:unreserved_port_t:s0 tclass=tcp_socket permissive=0
`)
	var s avc.Summary
	for d, err := range avc.NewReader(log, avc.Options{}).Denials() {
		if err == nil {
			s.Add(d)
		}
	}
	for _, g := range s.Groups() {
		fmt.Println(g.Count, g.Source, g.Permissions, g.Target, g.Class, g.Ports)
	}
	// Output:
	// 2 sshd_t name_bind unreserved_port_t tcp_socket [{tcp/2222 2}]
	// 1 httpd_t read default_t file []
}

func ExampleSelection() {
	since := time.Unix(1700000000, 0)
	s := avc.Selection{Sources: []string{"httpd_t", "nginx_t"}, Classes: []string{"*_socket"}, Since: since}
	e, err := avc.ParseRecord(`type=AVC msg=audit(1700000003.000:3): avc:  denied  { name_connect } for  pid=7 comm="nginx" dest=5432 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:postgresql_port_t:s0 tclass=tcp_socket permissive=0`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Match(e.Denials[0]))
	// Output: true
}

// A test of a program that watches the kernel gives it a source in memory.
func ExampleNewSourceReader() {
	src := avctest.NewSource()
	src.Record(avc.TypeAVC, `audit(1700000003.000:3): avc:  denied  { execmem } for  pid=7 comm="java" scontext=system_u:system_r:app_t:s0 tcontext=system_u:system_r:app_t:s0 tclass=process permissive=1`)
	src.End()
	r := avc.NewSourceReader(context.Background(), src, avc.Options{})
	for d, err := range r.Denials() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(d.Provenance, d.Verdict, d.Permissions, "permissive:", d.Permissive)
	}
	// Output: kernel denied [execmem] permissive: yes
}

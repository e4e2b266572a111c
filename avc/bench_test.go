package avc_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/sekit/sekit/avc"
)

// shape is a kind of event in the synthesised log.
type shape struct {
	perms, object, class, stype, ttype string
	syscall                            int
	path                               string // with PATH and CWD records if set
}

// shapes are 30 kinds of events as servers log them.
func shapes() []shape {
	var l []shape
	file := func(perms, class, stype, ttype, path, name string, syscall int) {
		l = append(l, shape{perms, fmt.Sprintf("name=%q dev=\"dm-0\" ino=%d", name, 4000+len(l)), class, stype, ttype, syscall, path})
	}
	file("read", "file", "httpd_t", "user_home_t", "/home/anna/public/index.html", "index.html", 257)
	file("open", "file", "httpd_t", "default_t", "/srv/www/site/start.html", "start.html", 257)
	file("getattr", "file", "httpd_t", "var_t", "/var/data/report.pdf", "report.pdf", 262)
	file("write", "file", "httpd_t", "httpd_sys_content_t", "/var/www/html/upload/a.bin", "a.bin", 257)
	file("search", "dir", "httpd_t", "default_t", "/data/site/index.html", "data", 257)
	file("write", "dir", "mysqld_t", "default_t", "/data/mysql/ibtmp1", "mysql", 257)
	file("read write", "chr_file", "container_t", "device_t", "/dev/fuse", "fuse", 257)
	file("write", "sock_file", "nginx_t", "var_run_t", "/run/app/app.sock", "app.sock", 42)
	file("read", "lnk_file", "sshd_t", "user_tmp_t", "/tmp/link", "link", 267)
	file("setattr", "file", "logrotate_t", "container_log_t", "/var/log/pods/x.log", "x.log", 268)
	file("append", "file", "postfix_t", "user_home_t", "/home/b/mbox", "mbox", 257)
	file("unlink", "file", "cron_t", "var_t", "/var/spool/x", "x", 263)
	file("create", "dir", "snapd_t", "root_t", "/newdir", "newdir", 83)
	file("execute", "file", "init_t", "user_home_t", "/opt/app/bin/run", "run", 59)
	file("map", "file", "python_t", "tmpfs_t", "/dev/shm/sem", "sem", 9)
	other := func(perms, object, class, stype, ttype string, syscall int) {
		l = append(l, shape{perms, object, class, stype, ttype, syscall, ""})
	}
	other("name_bind", "src=8081", "tcp_socket", "httpd_t", "unreserved_port_t", 49)
	other("name_connect", "dest=5601", "tcp_socket", "haproxy_t", "unreserved_port_t", 42)
	other("name_bind", "src=5353", "udp_socket", "dns_t", "howl_port_t", 49)
	other("execmem", "", "process", "java_t", "java_t", 9)
	other("net_admin", "capability=12 ", "capability", "systemd_t", "systemd_t", 54)
	other("dac_override", "capability=1 ", "capability", "postfix_t", "postfix_t", 257)
	other("sys_admin", "capability=21 ", "capability", "cilium_t", "cilium_t", 321)
	other("signal", "", "process", "cron_t", "unconfined_t", 62)
	other("ptrace", "", "process", "gdb_t", "sshd_t", 101)
	other("ioctl", "path=\"socket:[18271]\" dev=\"sockfs\" ino=18271 ioctlcmd=0x8933", "udp_socket", "ptp_t", "ptp_t", 16)
	other("connectto", "path=\"/run/dbus/system_bus_socket\"", "unix_stream_socket", "app_t", "system_dbusd_t", 42)
	other("create", "", "netlink_audit_socket", "sudo_t", "sudo_t", 41)
	other("use", "path=\"pipe:[4711]\" dev=\"pipefs\" ino=4711", "fd", "ping_t", "sshd_t", 59)
	other("module_request", "kmod=\"net-pf-10\"", "system", "sendmail_t", "kernel_t", 41)
	other("bpf", "", "capability2", "falco_t", "falco_t", 321)
	return l
}

// synthesise makes a log of at least the number of lines, whole events.
func synthesise(lines int) (log []byte, events int) {
	var b bytes.Buffer
	all := shapes()
	for n := 0; n < lines; events++ {
		s := all[events%len(all)]
		id := fmt.Sprintf("msg=audit(%d.%03d:%d)", 1700000000+events/50, events%1000, 1000+events)
		pid := 1000 + events%30000
		fmt.Fprintf(&b, "type=AVC %s: avc:  denied  { %s } for  pid=%d comm=\"worker-%d\" %s scontext=system_u:system_r:%s:s0 tcontext=system_u:object_r:%s:s0 tclass=%s permissive=0\n",
			id, s.perms, pid, events%7, s.object, s.stype, s.ttype, s.class)
		fmt.Fprintf(&b, "type=SYSCALL %s: arch=c000003e syscall=%d success=no exit=-13 a0=ffffff9c a1=7ffd2c3b4a%02x a2=80000 a3=0 items=1 ppid=1 pid=%d auid=4294967295 uid=48 gid=48 euid=48 suid=48 fsuid=48 egid=48 sgid=48 fsgid=48 tty=(none) ses=4294967295 comm=\"worker-%d\" exe=\"/usr/sbin/worker\" subj=system_u:system_r:%s:s0 key=(null)\x1dARCH=x86_64 SYSCALL=openat AUID=\"unset\" UID=\"apache\" GID=\"apache\" EUID=\"apache\" SUID=\"apache\" FSUID=\"apache\" EGID=\"apache\" SGID=\"apache\" FSGID=\"apache\"\n",
			id, s.syscall, events%256, pid, events%7, s.stype)
		n += 2
		if s.path != "" {
			fmt.Fprintf(&b, "type=CWD %s: cwd=\"/\"\n", id)
			fmt.Fprintf(&b, "type=PATH %s: item=0 name=%q inode=%d dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 obj=system_u:object_r:%s:s0 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\x1dOUID=\"root\" OGID=\"root\"\n",
				id, s.path, 4000+events%len(all), s.ttype)
			n += 2
		}
		fmt.Fprintf(&b, "type=PROCTITLE %s: proctitle=2F7573722F7362696E2F776F726B6572002D2D636F6E666967002F6574632F776F726B65722E636F6E66\n", id)
		n++
	}
	return b.Bytes(), events
}

// noise makes a log of lines that hold no record.
func noise(lines int) []byte {
	var b bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&b, "Sep 12 08:26:%02d web1 nginx[%d]: 192.0.2.%d - - \"GET /static/img/%d.png HTTP/1.1\" 200 %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n", i%60, i%9999, i%255, i, i*7)
	}
	return b.Bytes()
}

func readAll(tb testing.TB, log []byte) avc.Stats {
	r := avc.NewReader(bytes.NewReader(log), avc.Options{})
	for {
		_, err := r.Next()
		if err == io.EOF {
			return r.Stats()
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func TestSynthesised(t *testing.T) {
	log, events := synthesise(3000)
	s := readAll(t, log)
	if s.Events != events || s.Denials != events || s.Unread != 0 {
		t.Errorf("%d events written, read %+v", events, s)
	}
	for i, d := range denials(t, string(log)) {
		want := shapes()[i%30]
		if d.Class != want.class || d.Exe != "/usr/sbin/worker" || len(d.Cmdline) != 3 || d.UID.Name != "apache" {
			t.Fatalf("event %d: %+v", i, d)
		}
		if want.path != "" && d.FullPath == "" {
			t.Errorf("event %d: no path: %s", i, d.PathReason)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	log, events := synthesise(50_000)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		readAll(b, log)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/denial")
}

func BenchmarkReaderParallel(b *testing.B) {
	log, events := synthesise(50_000)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		r := avc.NewReader(bytes.NewReader(log), avc.Options{Workers: -1})
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/denial")
}

func BenchmarkNoise(b *testing.B) {
	log := noise(50_000)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		readAll(b, log)
	}
}

// BenchmarkOtherRecords reads audit records of which none is SELinux's.
func BenchmarkOtherRecords(b *testing.B) {
	log, _ := synthesise(50_000)
	var other []byte
	for line := range bytes.SplitAfterSeq(log, []byte{'\n'}) {
		if !bytes.HasPrefix(line, []byte("type=AVC")) {
			other = append(other, line...)
		}
	}
	b.SetBytes(int64(len(other)))
	b.ReportAllocs()
	for b.Loop() {
		readAll(b, other)
	}
}

func BenchmarkParseRecord(b *testing.B) {
	const text = "type=AVC msg=audit(1712345678.123:456): avc:  denied  { read write } for  pid=1234 comm=\"httpd\" name=\"secret.txt\" dev=\"dm-0\" ino=5678 scontext=system_u:system_r:httpd_t:s0 tcontext=unconfined_u:object_r:user_home_t:s0 tclass=file permissive=0"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := avc.ParseRecord(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSummary(b *testing.B) {
	log, _ := synthesise(20_000)
	l := denials(b, string(log))
	b.ReportAllocs()
	for b.Loop() {
		var s avc.Summary
		for _, d := range l {
			s.Add(d)
		}
	}
}

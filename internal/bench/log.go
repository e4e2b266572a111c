package main

import (
	"bufio"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// logFile is a synthesised audit log and what is in it.
type logFile struct {
	path    string
	lines   int
	bytes   int64
	events  int
	vectors int // AVC and USER_AVC records, denied or granted
}

// shape is the pattern of an event. In the records, {t} stands for the time and
// serial, {pid}, {ppid}, {ino}, {port}, {n} and {x} for numbers that change from
// event to event, {x} in hexadecimal.
type shape struct {
	selinux bool
	vectors int
	records []string
}

// denial is the pattern of an AVC record and of what comes with it.
type denial struct {
	perms, comm, exe string
	object           string // path=, name=, ports …
	domain, target   string
	class            string
	syscall          int
	exit             string // of the system call
	path             string // in CWD and PATH records, or empty
	args             string // of the command line, after exe
}

// denials are shapes of everyday denials, with types of Debian's policy.
var denials = []denial{
	{"read", "nginx", "/usr/sbin/nginx", `name="index{n}.html" dev="dm-0" ino={ino}`, "httpd_t", "user_home_t", "file", 257, "-13", "/srv/www/site{n}/index{n}.html", "-g daemon off;"},
	{"write", "php-fpm8.2", "/usr/sbin/php-fpm8.2", `name="cache" dev="dm-0" ino={ino}`, "httpd_t", "var_t", "dir", 83, "-13", "/var/app{n}/cache", "-F"},
	{"name_connect", "nginx", "/usr/sbin/nginx", `dest={port}`, "httpd_t", "http_cache_port_t", "tcp_socket", 42, "-13", "", "worker process"},
	{"name_bind", "httpd", "/usr/sbin/httpd", `src={port}`, "httpd_t", "unreserved_port_t", "tcp_socket", 49, "-13", "", "-DFOREGROUND"},
	{"getattr", "httpd", "/usr/sbin/httpd", `path="/home/user{n}/public_html/index.html" dev="sda2" ino={ino}`, "httpd_t", "user_home_t", "file", 262, "-13", "/home/user{n}/public_html/index.html", "-k start"},
	{"search", "httpd", "/usr/sbin/httpd", `name="user{n}" dev="sda2" ino={ino}`, "httpd_t", "user_home_dir_t", "dir", 2, "-13", "/home/user{n}/public_html/.htaccess", "-k start"},
	{"connectto", "nginx", "/usr/sbin/nginx", `path="/run/app{n}.sock"`, "httpd_t", "initrc_t", "unix_stream_socket", 42, "-13", "/run/app{n}.sock", ""},
	{"execute", "foomatic-rip", "/usr/bin/bash", `name="tool{n}" dev="dm-1" ino={ino}`, "cupsd_t", "tmp_t", "file", 59, "-13", "/tmp/tool{n}", "-c /tmp/tool{n}"},
	{"execute_no_trans", "cron", "/usr/sbin/cron", `path="/opt/job{n}/run.sh" dev="dm-1" ino={ino}`, "crond_t", "usr_t", "file", 59, "-13", "/opt/job{n}/run.sh", "-f"},
	{"read write", "postgres", "/usr/lib/postgresql/15/bin/postgres", `name="{n}" dev="sdb1" ino={ino}`, "postgresql_t", "mnt_t", "file", 257, "-13", "/mnt/data/base/{n}", "-D /mnt/data"},
	{"append", "rsyslogd", "/usr/sbin/rsyslogd", `name="app{n}.log" dev="dm-2" ino={ino}`, "syslogd_t", "usr_t", "file", 257, "-13", "/opt/app/app{n}.log", "-n"},
	{"create", "mysqld", "/usr/sbin/mysqld", `name="mysql{n}.sock"`, "mysqld_t", "tmp_t", "sock_file", 49, "-13", "/tmp/mysql{n}.sock", "--basedir=/usr"},
	{"unlink", "dovecot", "/usr/sbin/dovecot", `name="lock{n}" dev="tmpfs" ino={ino}`, "dovecot_t", "var_run_t", "file", 87, "-13", "/run/lock{n}", ""},
	{"setattr", "chronyd", "/usr/sbin/chronyd", `name="drift" dev="dm-0" ino={ino}`, "chronyd_t", "var_lib_t", "file", 90, "-1", "/var/lib/chrony/drift", "-F 1"},
	{"map", "java", "/usr/lib/jvm/java-17/bin/java", `path="/opt/app/lib{n}.so" dev="dm-1" ino={ino}`, "initrc_t", "usr_t", "file", 9, "-13", "", "-Xmx512m -jar app{n}.jar"},
	{"ioctl", "sshd", "/usr/sbin/sshd", `path="/dev/pts/{n}" dev="devpts" ino={ino} ioctlcmd=0x5401`, "sshd_t", "user_devpts_t", "chr_file", 16, "-25", "", "-D"},
	{"net_admin", "named", "/usr/sbin/named", `capability=12`, "named_t", "named_t", "capability", 54, "-1", "", "-f -u bind"},
	{"dac_override", "sshd", "/usr/sbin/sshd", `capability=1`, "sshd_t", "sshd_t", "capability", 257, "-13", "/etc/ssh/key{n}", "-D"},
	{"signal", "systemd", "/usr/lib/systemd/systemd", ``, "init_t", "httpd_t", "process", 62, "-13", "", "--switched-root"},
	{"node_bind", "named", "/usr/sbin/named", `saddr=10.0.{n}.7 src={port}`, "named_t", "node_t", "udp_socket", 49, "-13", "", "-f -u bind"},
	{"open", "smbd", "/usr/sbin/smbd", `path="/srv/share/report {n}.ods" dev="sdb2" ino={ino}`, "smbd_t", "var_t", "file", 257, "-13", "/srv/share/report {n}.ods", "--foreground"},
	{"rename", "logrotate", "/usr/sbin/logrotate", `name="app.log.{n}" dev="dm-2" ino={ino}`, "logrotate_t", "usr_t", "file", 82, "-13", "/opt/app/app.log.{n}", "/etc/logrotate.conf"},
	{"mounton", "systemd", "/usr/lib/systemd/systemd", `path="/srv/chroot{n}" dev="dm-0" ino={ino}`, "init_t", "var_t", "dir", 165, "-13", "/srv/chroot{n}", "--system"},
}

// level ends every context of the log.
const level = ":s0"

// records makes the denial's records: what the kernel logs when auditing is on.
func (d denial) records() []string {
	object := d.object
	if object != "" {
		object += " "
	}
	out := []string{
		`type=AVC msg=audit({t}): avc:  denied  { ` + d.perms + ` } for  pid={pid} comm="` + d.comm + `" ` + object +
			`scontext=system_u:system_r:` + d.domain + level + ` tcontext=` + targetUser(d.class) + d.target + level +
			` tclass=` + d.class + ` permissive=0`,
	}
	items := 0
	if d.path != "" {
		items = 1
	}
	out = append(out, `type=SYSCALL msg=audit({t}): arch=c000003e syscall=`+strconv.Itoa(d.syscall)+` success=no exit=`+d.exit+
		` a0=ffffff9c a1=7f{x}a0 a2=80000 a3=0 items=`+strconv.Itoa(items)+
		` ppid={ppid} pid={pid} auid=4294967295 uid=33 gid=33 euid=33 suid=33 fsuid=33 egid=33 sgid=33 fsgid=33 tty=(none) ses=4294967295 comm="`+
		d.comm+`" exe="`+d.exe+`" subj=system_u:system_r:`+d.domain+level+` key=(null)`)
	if d.path != "" {
		out = append(out, `type=CWD msg=audit({t}): cwd="/"`,
			`type=PATH msg=audit({t}): item=0 name=`+auditString(d.path)+
				` inode={ino} dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 obj=system_u:object_r:`+d.target+level+
				` nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`)
	}
	title := strings.TrimSpace(d.exe + " " + strings.ReplaceAll(d.args, "{n}", "7"))
	title = strings.ToUpper(hex.EncodeToString([]byte(strings.ReplaceAll(title, " ", "\x00"))))
	return append(out, `type=PROCTITLE msg=audit({t}): proctitle=`+title)
}

// targetUser is the beginning of the target's context.
func targetUser(class string) string {
	if class == "process" || class == "capability" || class == "unix_stream_socket" {
		return "system_u:system_r:"
	}
	return "system_u:object_r:"
}

// auditString writes a string as the kernel does: one with a blank in
// hexadecimal. Its placeholder then stands for itself.
func auditString(s string) string {
	if !strings.Contains(s, " ") {
		return `"` + s + `"`
	}
	return strings.ToUpper(hex.EncodeToString([]byte(strings.ReplaceAll(s, "{n}", "7"))))
}

// others are the shapes that are not a plain denial of the kernel's: records of
// object managers and of the security server, and at the end such as are none
// of SELinux's.
var others = []shape{
	{true, 1, []string{`type=USER_AVC msg=audit({t}): pid={pid} uid=81 auid=4294967295 ses=4294967295 subj=system_u:system_r:system_dbusd_t:s0 msg='avc:  denied  { send_msg } for  scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:system_r:init_t:s0 tclass=dbus permissive=0 exe="/usr/bin/dbus-daemon" sauid=81 hostname=? addr=? terminal=?'`}},
	{true, 1, []string{`type=USER_AVC msg=audit({t}): pid=1 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:init_t:s0 msg='avc:  denied  { start } for auid=n/a uid=33 gid=33 path="/lib/systemd/system/app{n}.service" cmdline="systemctl start app{n}" scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:systemd_unit_t:s0 tclass=service permissive=0 exe="/usr/lib/systemd/systemd" sauid=0 hostname=? addr=? terminal=?'`}},
	{true, 0, []string{`type=SELINUX_ERR msg=audit({t}): op=security_compute_sid invalid_context="system_u:system_r:user_home_t:s0" scontext=system_u:system_r:init_t:s0 tcontext=system_u:object_r:user_home_t:s0 tclass=process`}},
	{true, 2, append([]string{`type=AVC msg=audit({t}): avc:  denied  { write } for  pid={pid} comm="nginx" name="up{n}" dev="dm-0" ino={ino} scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:usr_t:s0 tclass=dir permissive=1`},
		denial{"add_name", "nginx", "/usr/sbin/nginx", `name="file{n}"`, "httpd_t", "usr_t", "dir", 257, "-13", "/opt/up{n}", "-g daemon off;"}.records()...)},
	{false, 0, []string{`type=USER_LOGIN msg=audit({t}): pid={pid} uid=0 auid=1000 ses={n} subj=system_u:system_r:sshd_t:s0 msg='op=login id=1000 exe="/usr/sbin/sshd" hostname=10.0.{n}.9 addr=10.0.{n}.9 terminal=ssh res=success'`}},
	{false, 0, []string{`type=SERVICE_START msg=audit({t}): pid=1 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:init_t:s0 msg='unit=app{n} comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success'`}},
	{false, 0, []string{`type=SYSCALL msg=audit({t}): arch=c000003e syscall=59 success=yes exit=0 a0=55{x}10 a1=55{x}20 a2=55{x}30 a3=8 items=2 ppid={ppid} pid={pid} auid=1000 uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 egid=1000 sgid=1000 fsgid=1000 tty=pts0 ses=3 comm="ls" exe="/usr/bin/ls" subj=unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023 key="exec"`,
		`type=EXECVE msg=audit({t}): argc=3 a0="ls" a1="-l" a2="/srv/{n}"`,
		`type=CWD msg=audit({t}): cwd="/home/user{n}"`,
		`type=PATH msg=audit({t}): item=0 name="/usr/bin/ls" inode={ino} dev=fd:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 obj=system_u:object_r:bin_t:s0 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
		`type=PATH msg=audit({t}): item=1 name="/lib64/ld-linux-x86-64.so.2" inode={ino} dev=fd:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 obj=system_u:object_r:ld_so_t:s0 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
		`type=PROCTITLE msg=audit({t}): proctitle=6C73002D6C002F737276`}},
}

// shapes returns all thirty. Without selinux it returns those that are not of
// SELinux.
func shapes(selinux bool) []shape {
	var out []shape
	if selinux {
		for _, d := range denials {
			out = append(out, shape{true, 1, d.records()})
		}
	}
	for _, s := range others {
		if selinux || !s.selinux {
			out = append(out, s)
		}
	}
	return out
}

// generate writes a log of about so many lines: whole events. It is the same
// every time. In one of eight pairs the records of two events take turns, as
// they do on a machine with several CPUs.
func generate(path string, lines int, selinux bool) (*logFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	g := &generator{Rand: rand.New(rand.NewPCG(4, 7)), w: bufio.NewWriterSize(f, 1<<20), log: logFile{path: path}, ms: 1_700_000_000_000}
	all := shapes(selinux)
	for g.log.lines < lines {
		a := g.event(&all[g.IntN(len(all))])
		if g.IntN(8) != 0 {
			g.write(a)
			continue
		}
		b := g.event(&all[g.IntN(len(all))])
		for i := range max(len(a), len(b)) {
			g.write(a[min(i, len(a)):min(i+1, len(a))])
			g.write(b[min(i, len(b)):min(i+1, len(b))])
		}
	}
	if err := g.w.Flush(); err != nil {
		return nil, err
	}
	return &g.log, f.Close()
}

type generator struct {
	*rand.Rand
	w      *bufio.Writer
	log    logFile
	ms     int64
	serial int
}

func (g *generator) write(records []string) {
	for _, r := range records {
		g.w.WriteString(r)
		g.w.WriteByte('\n')
		g.log.lines++
		g.log.bytes += int64(len(r)) + 1
	}
}

// event fills in a shape.
func (g *generator) event(s *shape) []string {
	g.ms += int64(g.IntN(400))
	g.serial++
	g.log.events++
	g.log.vectors += s.vectors
	values := strings.NewReplacer(
		"{t}", strconv.FormatInt(g.ms/1000, 10)+"."+strconv.FormatInt(1000+g.ms%1000, 10)[1:]+":"+strconv.Itoa(g.serial),
		"{pid}", strconv.Itoa(1000+g.IntN(30000)),
		"{ppid}", strconv.Itoa(1+g.IntN(1000)),
		"{ino}", strconv.Itoa(100000+g.IntN(9000000)),
		"{port}", strconv.Itoa(1024+g.IntN(60000)),
		"{n}", strconv.Itoa(1+g.IntN(200)),
		"{x}", strconv.FormatInt(0x10000000+int64(g.IntN(0x0fffffff)), 16),
	)
	out := make([]string, len(s.records))
	for i, r := range s.records {
		out[i] = values.Replace(r)
	}
	return out
}

// auditLog returns the synthesised log, which is made once. Without selinux it
// has no SELinux records.
func (e *env) auditLog(selinux bool) (*logFile, error) {
	at, name := &e.audit, "audit.log"
	if !selinux {
		at, name = &e.noise, "noise.log"
	}
	if *at != nil {
		return *at, nil
	}
	lines := 1_000_000
	if e.short {
		lines = 100_000
	}
	log, err := generate(filepath.Join(e.dir, name), lines, selinux)
	if err != nil {
		return nil, err
	}
	e.log("%s: %d lines, %s, %d events, %d access vector records", name, log.lines, byteCount.format(float64(log.bytes)), log.events, log.vectors)
	*at = log
	return log, nil
}

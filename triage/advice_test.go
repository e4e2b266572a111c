package triage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/triage"
)

// record is a kernel's denial of an open, with the records that go with it.
type record struct {
	source, target, class, perms string
	// avc are more fields of the AVC record, such as name= or path=.
	avc string
	// path makes a PATH record; its inode is that of the AVC record.
	path string
	// flags are open's, in hexadecimal; exe and comm are nginx's if empty.
	flags, exe, comm string
	permissive       bool
	after            string // fields behind tclass=
}

// log is the record as the audit daemon writes it.
func (r record) log(serial int) string {
	pick := func(s, def string) string {
		if s == "" {
			return def
		}
		return s
	}
	permissive := 0
	if r.permissive {
		permissive = 1
	}
	id := fmt.Sprintf("msg=audit(1772618431.733:%d):", serial)
	comm := pick(r.comm, "nginx")
	s := fmt.Sprintf("type=AVC %s avc:  denied  { %s } for  pid=1342 comm=%q %s scontext=%s tcontext=%s tclass=%s permissive=%d%s\n",
		id, r.perms, comm, r.avc, r.source, r.target, r.class, permissive, r.after)
	s += fmt.Sprintf("type=SYSCALL %s arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=7f4b9c0d2e70 a2=%s a3=1b6 items=1"+
		" ppid=1340 pid=1342 auid=4294967295 uid=991 gid=988 euid=991 suid=991 fsuid=991 egid=988 sgid=988 fsgid=988 tty=(none)"+
		" ses=4294967295 comm=%q exe=%q subj=%s key=(null)\n", id, pick(r.flags, "0"), comm, pick(r.exe, "/usr/sbin/nginx"), r.source)
	s += fmt.Sprintf("type=CWD %s cwd=\"/\"\n", id)
	if r.path != "" {
		s += fmt.Sprintf("type=PATH %s item=0 name=%s inode=77 dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 obj=%s nametype=NORMAL\n", id, r.path, r.target)
	}
	return s
}

const httpd = "system_u:system_r:httpd_t:s0"

// first is the one finding of a log with one denial.
func first(t *testing.T, sys *sekit.System, r record) *triage.Finding {
	t.Helper()
	report := read(t, sys, []byte(r.log(1)))
	if len(report.Findings) != 1 || len(report.Unread) != 0 {
		t.Fatalf("%d findings, unread %v, in\n%s", len(report.Findings), report.Unread, r.log(1))
	}
	return &report.Findings[0]
}

// text is all that a finding tells one to do.
func text(f *triage.Finding) string {
	var b strings.Builder
	for _, fix := range f.Fixes {
		fmt.Fprintln(&b, fix.Summary)
		for _, c := range slices.Concat(fix.Commands, fix.Undo) {
			fmt.Fprintln(&b, c)
		}
		fmt.Fprintln(&b, fix.Manual)
	}
	return b.String()
}

// Advice that would do harm. Each case says why.
func TestWrongAdvice(t *testing.T) {
	sys := demoSystem(t)
	object := func(typ string) string { return "system_u:object_r:" + typ + ":s0" }
	for _, tt := range []struct {
		name   string
		record record
		never  []string // not in what one is told to do
		reject []string // a rejected change says this
		notes  []string
	}{
		{
			// The web server must not read the password hashes, and not by a
			// detour over another type either.
			name: "secret where it belongs",
			record: record{source: httpd, target: object("shadow_t"), class: "file", perms: "read",
				avc: `name="shadow" dev="dm-0" ino=77`, path: `"/etc/shadow"`},
			never:  []string{"/etc/shadow", "shadow_t"},
			reject: []string{"/etc/shadow", "security-files"},
		},
		{
			// A copy of them in the web's directory is not for the web either.
			name: "secret elsewhere",
			record: record{source: httpd, target: object("shadow_t"), class: "file", perms: "read",
				avc: `name="shadow" dev="dm-0" ino=77`, path: `"/var/www/html/shadow"`},
			never:  []string{"restorecon", "semanage"},
			reject: []string{"how it got there"},
		},
		{
			// Another daemon's files are not the web server's to take.
			name: "somebody else's file",
			record: record{source: httpd, target: object("fail2ban_log_t"), class: "file", perms: "append", flags: "401",
				avc: `name="fail2ban.log" dev="dm-0" ino=77`, path: `"/var/log/fail2ban.log"`},
			never:  []string{"semanage", "restorecon"},
			reject: []string{"who would lose it"},
		},
		{
			// What ".." leads to depends on symbolic links.
			name: "dots",
			record: record{source: httpd, target: object("default_t"), class: "file", perms: "read",
				avc: `name="x" dev="dm-0" ino=77`, path: `"/data/site/../../etc/x"`},
			never: []string{"semanage", "restorecon"},
			notes: []string{"path-dots"},
		},
		{
			// A process may call its arguments what it likes.
			name: "guessed path to write to",
			record: record{source: httpd, target: object("etc_t"), class: "file", perms: "write", flags: "1",
				avc: `name="data" dev="dm-0" ino=78`, path: `"/etc/data"`},
			never: []string{"semanage"},
		},
		{
			// The open is for something below the directory, not for it.
			name: "search alone is not reading the directory",
			record: record{source: httpd, target: object("default_t"), class: "dir", perms: "search",
				avc: `name="data" dev="dm-0" ino=78`},
			never: []string{"semanage", "restorecon", "read"},
			notes: []string{"name-only"},
		},
		{
			// The kernel decides for unlabeled_t when it does not know the
			// process's context; the rule would be for all such processes.
			name: "process without a context",
			record: record{source: object("unlabeled_t"), target: object("unlabeled_t"), class: "process", perms: "getsched",
				after: " srawcon=system_u:system_r:gone_t:s0 trawcon=system_u:system_r:gone_t:s0"},
			never: []string{"unlabeled_t", "semodule"},
			notes: []string{"stray-process"},
		},
		{
			// Files of /proc have their contexts from the policy.
			name: "proc",
			record: record{source: httpd, target: object("proc_t"), class: "file", perms: "read",
				avc: `path="/proc/meminfo" dev="proc" ino=77`},
			never: []string{"semanage", "restorecon"},
			notes: []string{"genfs"},
		},
		{
			name: "deleted file",
			record: record{source: httpd, target: object("default_t"), class: "file", perms: "read",
				avc: `path="/data/site/x (deleted)" dev="dm-0" ino=77`},
			never: []string{"semanage", "restorecon"},
		},
		{
			name: "memfd",
			record: record{source: httpd, target: object("tmpfs_t"), class: "file", perms: "execute",
				avc: `path=2F6D656D66643A78202864656C6574656429 dev="tmpfs" ino=77`},
			never: []string{"semanage", "restorecon"},
		},
		{
			// The kernel takes port 0 for any port, and asks nothing.
			name: "port 0",
			record: record{source: httpd, target: object("port_t"), class: "tcp_socket", perms: "name_bind",
				avc: "src=0"},
			never: []string{"semanage port"},
		},
		{
			name: "raw IP has no ports",
			record: record{source: httpd, target: object("port_t"), class: "rawip_socket", perms: "name_bind",
				avc: "src=17"},
			never: []string{"semanage port"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := first(t, sys, tt.record)
			for _, never := range tt.never {
				if strings.Contains(text(f), never) {
					t.Errorf("one is told %q:\n%s", never, text(f))
				}
			}
			var rejected, notes []string
			for _, r := range f.Rejected {
				rejected = append(rejected, r.Summary+": "+r.Reason)
			}
			for _, n := range f.Notes {
				notes = append(notes, n.ID)
			}
			contains(t, "rejected change", rejected, tt.reject)
			contains(t, "note", notes, tt.notes)
			if f.Status == triage.Allowed {
				t.Errorf("the policy allows it: the case shows nothing (%s)", f.Access.Source)
			}
		})
	}
}

// A granted access, which an auditallow rule reports, needs no cure, whatever
// the policy at hand says.
func TestGranted(t *testing.T) {
	r := record{source: httpd, target: "system_u:object_r:default_t:s0", class: "file", perms: "read", avc: `name="x" ino=77`, path: `"/data/x"`}
	log := strings.Replace(r.log(1), "denied", "granted", 1)
	f := read(t, demoSystem(t), []byte(log)).Findings[0]
	if f.Status != triage.Allowed || len(f.Fixes) != 0 {
		t.Errorf("status %v, fixes %v; want allowed and none", f.Status, summaries(f.Fixes))
	}
}

// One access that nothing cures does not hide what cures another on the same
// object: haproxy_t is held to its SELinux user when it relabels (it has not
// can_change_object_identity), but writing can be had.
func TestPartsOfAGroup(t *testing.T) {
	content := "unconfined_u:object_r:httpd_sys_content_t:s0"
	read1 := record{source: "system_u:system_r:haproxy_t:s0", target: content, class: "file", perms: "write", flags: "1",
		avc: `name="x" dev="dm-0" ino=77`, path: `"/var/www/html/x"`}
	read2 := read1
	read2.perms = "relabelto"
	report := read(t, demoSystem(t), []byte(read1.log(1)+read2.log(2)))
	var cured, open []string
	for _, f := range report.Findings {
		if len(f.Fixes) > 0 {
			cured = append(cured, f.Access.Permissions...)
		} else {
			open = append(open, f.Access.Permissions...)
		}
	}
	if !slices.Contains(cured, "write") || !slices.Contains(open, "relabelto") {
		t.Errorf("cured %v, not cured %v; want write and relabelto", cured, open)
	}
}

// Capabilities and process permissions are each for themselves: a boolean that
// cures execmem does not cure setcurrent, and the two together would get a
// module instead.
func TestPermissionsApart(t *testing.T) {
	a := record{source: httpd, target: httpd, class: "process", perms: "execmem"}
	b := record{source: httpd, target: httpd, class: "process", perms: "setcurrent"}
	report := read(t, demoSystem(t), []byte(a.log(1)+b.log(2)))
	f := find(report, 1, "")
	if f == nil || len(f.Fixes) == 0 || f.Fixes[0].Kind != triage.Boolean {
		t.Fatalf("execmem: want the boolean first, got %v", report.Findings)
	}
}

// A way to a file that ends in a new file asks for an entry in the directory
// and for the making of the file.
func TestCreation(t *testing.T) {
	r := record{source: httpd, target: "system_u:object_r:httpd_sys_content_t:s0", class: "dir", perms: "write", flags: "41",
		avc: `name="uploads" dev="dm-0" ino=77`}
	log := r.log(1) +
		"type=PATH msg=audit(1772618431.733:1): item=0 name=\"/var/www/uploads/\" inode=77 dev=fd:00 mode=040755 ouid=0 ogid=0 rdev=00:00 obj=system_u:object_r:httpd_sys_content_t:s0 nametype=PARENT\n" +
		"type=PATH msg=audit(1772618431.733:1): item=1 name=\"/var/www/uploads/a.txt\" nametype=CREATE\n"
	f := read(t, demoSystem(t), []byte(log)).Findings[0]
	if len(f.Fixes) == 0 {
		t.Fatalf("no fix: %+v", f.Rejected)
	}
	// httpd_sys_rw_content_t is what the policy has for content that its web
	// server writes; with it the file can be made, too.
	fix := f.Fixes[0]
	want := []string{"semanage fcontext -a -t httpd_sys_rw_content_t '/var/www/uploads(/.*)?'", "restorecon -Rv /var/www/uploads"}
	var got []string
	for _, c := range fix.Commands {
		got = append(got, c.String())
	}
	if !slices.Equal(got, want) || len(fix.Follows) != 0 {
		t.Errorf("got %q, follows %v; want %q", got, fix.Follows, want)
	}
	var follows string
	for _, n := range f.Notes {
		if n.ID == "follows" {
			follows = n.Text
		}
	}
	for _, w := range []string{"add_name", "create", "/var/www/uploads/a.txt"} {
		if !strings.Contains(follows, w) {
			t.Errorf("what follows does not say %q: %q", w, follows)
		}
	}
}

// A port that many domains use is not taken from them for one.
func TestPortOfMany(t *testing.T) {
	r := record{source: "system_u:system_r:sshd_t:s0", target: "system_u:object_r:http_port_t:s0", class: "tcp_socket", perms: "name_bind",
		avc: "src=80", exe: "/usr/sbin/sshd", comm: "sshd"}
	f := first(t, demoSystem(t), r)
	for _, fix := range f.Fixes {
		if fix.Kind == triage.Port && len(fix.Warnings) == 0 {
			t.Errorf("%s: nothing is said of who loses the port", fix.Summary)
		}
	}
}

// Two findings' modules must have two names: the second would replace the first.
func TestModuleNames(t *testing.T) {
	self := "system_u:system_r:myapp_t:s0"
	var log string
	for i, perms := range []string{"setexec", "setcurrent", "setfscreate"} {
		log += record{source: self, target: self, class: "process", perms: perms, comm: "myapp", exe: "/opt/myapp"}.log(i + 1)
	}
	names := map[string]string{}
	for _, f := range read(t, demoSystem(t), []byte(log)).Findings {
		for _, fix := range f.Fixes {
			if fix.Module == nil {
				continue
			}
			if other, ok := names[fix.Module.Name]; ok {
				t.Errorf("%q and %q both make %s", other, fix.Summary, fix.Module.Name)
			}
			names[fix.Module.Name] = fix.Summary
		}
	}
	if len(names) < 2 {
		t.Errorf("%d modules: nothing was compared", len(names))
	}
}

// A System without port records, or without file contexts, is one too.
func TestPartsOfASystem(t *testing.T) {
	whole := demoSystem(t)
	sys := &sekit.System{Policy: whole.Policy}
	report := read(t, sys, []byte(record{source: "system_u:system_r:haproxy_t:s0", target: "system_u:object_r:unreserved_port_t:s0",
		class: "tcp_socket", perms: "name_connect", avc: "dest=5601"}.log(1)+
		record{source: httpd, target: "system_u:object_r:default_t:s0", class: "file", perms: "read", avc: `name="x" ino=77`, path: `"/data/x"`}.log(2)))
	f := find(report, 1, "")
	if len(f.Fixes) == 0 || f.Fixes[0].Kind != triage.Port {
		t.Errorf("no port fix: %v", summaries(f.Fixes))
	}
	if _, err := triage.New(nil, triage.Options{}); err == nil {
		t.Error("New(nil): no error")
	}
	if _, err := triage.New(&sekit.System{}, triage.Options{}); err == nil {
		t.Error("New without a policy: no error")
	}
	tr, err := triage.New(whole, triage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := tr.Explain(&avc.Denial{}); got.Status != triage.Undecided || len(got.Why) == 0 {
		t.Errorf("an empty denial: %v %q, want undecided and why", got.Status, got.Why)
	}
}

// restorecon leaves a customizable type, and so does not cure, unless it is
// forced (is_context_customizable(3)).
func TestCustomizable(t *testing.T) {
	sys := demoSystem(t)
	r := record{source: httpd, target: "system_u:object_r:container_file_t:s0:c1,c2", class: "file", perms: "read",
		avc: `name="index.html" dev="dm-0" ino=77`, path: `"/var/www/html/index.html"`}
	for want, types := range map[string][]string{
		"restorecon -v /var/www/html/index.html":    nil,
		"restorecon -F -v /var/www/html/index.html": {"public_content_t", "container_file_t"},
	} {
		sys.CustomizableTypes = types
		f := first(t, sys, r)
		if len(f.Fixes) == 0 || f.Fixes[0].Commands[0].String() != want {
			t.Errorf("customizable %q: %q, want %s", types, text(f), want)
		}
	}
}

//go:build oracle

package triage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/triage"
)

// debian is Debian's policy as it is installed.
func debian(t testing.TB) *sekit.System {
	t.Helper()
	oracle.Require(t, oracle.DebianPolicy, oracle.DebianContexts)
	sys, err := sekit.Load(sekit.Files{Policy: oracle.DebianPolicy, Contexts: oracle.DebianContexts})
	if err != nil {
		t.Fatal(err)
	}
	return sys
}

// debianStory is a row of the table "The same stories on Debian" in
// internal/demo/README.md; its numbers are setools'.
type debianStory struct {
	record record
	story
}

func debianStories() []debianStory {
	daemon := func(domain string) string { return "system_u:system_r:" + domain + ":s0" }
	object := func(typ string) string { return "system_u:object_r:" + typ + ":s0" }
	port := func(domain, perm, number, typ string) record {
		field := "dest="
		if perm == "name_bind" {
			field = "src="
		}
		return record{source: daemon(domain), target: object(typ), class: "tcp_socket", perms: perm, avc: field + number}
	}
	anyPort := func(op, typ, number string) wantFix { return setPort(op, typ, number, unpriced) }
	return []debianStory{
		{
			record{source: httpd, target: object("var_t"), class: "sock_file", perms: "write",
				avc: `name="out" dev="dm-0" ino=77`, path: `"/var/www/demo/out"`},
			story{
				name: "socket", fixes: []wantFix{{kind: triage.Context, tuples: unpriced, commands: commands(
					"semanage fcontext -a -f s -t httpd_runtime_t /var/www/demo/out", "restorecon -v /var/www/demo/out")}},
				not:   []string{"httpd_sys_content_t: does not cure it", "allow httpd_t var_t:sock_file write: refused"},
				never: []string{"httpd_sys_content_t", "httpd_sys_rw_content_t", "allow httpd_t var_t"},
			},
		},
		{
			record{source: httpd, target: object("default_t"), class: "file", perms: "read",
				avc: `name="index.html" dev="dm-0" ino=77`, path: `"/my/website/index.html"`},
			story{name: "default-file", fixes: []wantFix{{kind: triage.Context, tuples: unpriced, commands: commands(
				"semanage fcontext -a -t httpd_sys_content_t '/my/website(/.*)?'", "restorecon -Rv /my/website")}}},
		},
		{
			record{source: httpd, target: "unconfined_u:object_r:user_home_t:s0", class: "file", perms: "read",
				avc: `name="index.html" dev="dm-0" ino=77`, path: `"/var/www/html/index.html"`},
			story{name: "mislabelled-home", fixes: []wantFix{
				{kind: triage.Context, tuples: unpriced, commands: commands("restorecon -v /var/www/html/index.html")},
				setsebool("httpd_read_user_content", 36),
			}},
		},
		{
			record{source: httpd, target: object("default_t"), class: "dir", perms: "search",
				avc: `name="data" dev="dm-0" ino=99`, path: `"/data/site/index.html"`},
			story{name: "default-dir", notes: []string{"follows"}, fixes: []wantFix{{kind: triage.Context, tuples: unpriced, commands: commands(
				"semanage fcontext -a -t httpd_sys_content_t '/data(/.*)?'", "restorecon -Rv /data")}}},
		},
		{port("varnishd_t", "name_connect", "5601", "unreserved_port_t"), story{
			name: "port-connect", all: true,
			fixes: []wantFix{anyPort("-a", "http_cache_port_t", "5601"), anyPort("-a", "http_port_t", "5601"),
				setsebool("varnishd_connect_any", 1358), setsebool("allow_ypbind", 11513)},
		}},
		{port("varnishd_t", "name_connect", "8081", "transproxy_port_t"), story{
			name:  "port-connect-policy",
			fixes: []wantFix{anyPort("-m", "http_cache_port_t", "8081"), anyPort("-m", "http_port_t", "8081")},
		}},
		{port("httpd_t", "name_bind", "8081", "transproxy_port_t"), story{
			name: "port-bind", warnings: []string{"transproxy_t"},
			fixes: []wantFix{anyPort("-m", "http_cache_port_t", "8081"), anyPort("-m", "http_port_t", "8081")},
		}},
		{port("httpd_t", "name_bind", "8443", "http_port_t"), story{name: "allowed-now", status: triage.Allowed, all: true}},
		{port("sshd_t", "name_bind", "2222", "unreserved_port_t"), story{
			name: "sshd-port", fixes: []wantFix{anyPort("-a", "ssh_port_t", "2222")},
		}},
		{port("httpd_t", "name_connect", "5432", "postgresql_port_t"), story{
			name:  "boolean-db",
			fixes: []wantFix{setsebool("httpd_can_network_connect_db", 54), setsebool("httpd_can_network_connect", 1370)},
		}},
		{port("httpd_t", "name_connect", "636", "ldap_port_t"), story{
			name: "boolean-ldap", fixes: []wantFix{setsebool("httpd_can_network_connect_ldap", 9)},
		}},
		{
			record{source: httpd, target: httpd, class: "process", perms: "execmem"},
			story{name: "execmem-boolean", all: true, fixes: []wantFix{setsebool("httpd_execmem", 6)}, warnings: []string{"exploits"}},
		},
		{
			record{source: daemon("squid_t"), target: daemon("squid_t"), class: "process", perms: "execmem"},
			story{name: "execmem-daemon", all: true, not: []string{"refused (execmem-daemon)"}},
		},
		{
			record{source: "system_u:system_r:svirt_t:s0:c1,c2", target: "system_u:object_r:svirt_image_t:s0:c3,c4", class: "file",
				perms: "read", avc: `name="disk.img" dev="dm-0" ino=77`, path: `"/var/lib/libvirt/images/disk.img"`},
			story{name: "container-mcs", notes: []string{"contained", "constraint"}, never: []string{"semanage", "restorecon", "allow "},
				not: []string{"does not cure it: a constraint"}},
		},
		{
			record{source: "user_u:user_r:user_t:s0", target: httpd, class: "process", perms: "transition"},
			story{name: "constraint-transition", all: true, notes: []string{"constraint"},
				why: []string{"role user_r may not change to role system_r", "r1 (user_r) == r2 (system_r)", "u1 (user_u) == u2 (system_u)"}},
		},
		{
			record{source: "user_u:user_r:user_t:s0", target: object("user_home_t"), class: "file", perms: "relabelto",
				avc: `name="notes.txt" dev="dm-0" ino=77`, path: `"/home/joe/notes.txt"`},
			story{name: "constraint-user", all: true, notes: []string{"constraint"}, why: []string{"u1 (user_u) == u2 (system_u)"}},
		},
		{
			record{source: daemon("sshd_t"), target: daemon("sshd_t"), class: "capability", perms: "dac_override", avc: "capability=1"},
			story{name: "dac-override", notes: []string{"unix-permissions"}, never: []string{"allow sshd_t"}, warnings: []string{"Unix permissions"}},
		},
		{
			record{source: daemon("haproxy_t"), target: object("unreserved_port_t"), class: "tcp_socket", perms: "name_connect", avc: "dest=5601"},
			story{name: "unknown-type", status: triage.Undecided, all: true, why: []string{`no type "haproxy_t"`}},
		},
	}
}

func TestOracleDebianStories(t *testing.T) {
	sys := debian(t)
	compared, different := 0, 0
	for _, s := range debianStories() {
		s.count = 1
		if s.status == 0 {
			s.status = triage.Open
		}
		compared++
		if !t.Run(s.name, func(t *testing.T) { s.check(t, first(t, sys, s.record)) }) {
			different++
		}
	}
	oracle.Report(t, "triage-debian-stories", compared, different)
}

// shared finds a path in the folder of shared test material.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("SEKIT_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	p, err := filepath.Abs(filepath.Join(append([]string{root}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	oracle.Require(t, p)
	return p
}

// capturing is the machine that the logs in captured/refpolicy-full are from:
// Debian's policy with the module sdkdemo, made once in a directory of its own,
// which TestMain removes.
var capturing = sync.OnceValues(func() (string, error) {
	root, err := os.MkdirTemp("", "sekit-root")
	if err != nil {
		return "", err
	}
	capturedRoot = root
	for _, dir := range []string{"etc/selinux", "var/lib/selinux/default"} {
		to := filepath.Join(root, filepath.FromSlash(dir))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return root, err
		}
		if out, err := exec.Command("cp", "-a", "/"+dir, to).CombinedOutput(); err != nil {
			return root, fmt.Errorf("cp: %w: %s", err, out)
		}
	}
	cil := os.Getenv("SEKIT_SHARED")
	if cil == "" {
		cil = filepath.Join("..", "..", "shared")
	}
	cil = filepath.Join(cil, "captured", "sdkdemo.cil")
	if out, err := exec.Command("semodule", "-N", "-p", root, "-s", "default", "-i", cil).CombinedOutput(); err != nil {
		return root, fmt.Errorf("semodule: %w: %s", err, out)
	}
	return root, nil
})

var capturedRoot string

func TestMain(m *testing.M) {
	code := m.Run()
	if capturedRoot != "" {
		os.RemoveAll(capturedRoot)
	}
	os.Exit(code)
}

func captured(t testing.TB) (*sekit.System, string) {
	t.Helper()
	oracle.Require(t, "semodule", "cp", "/var/lib/selinux/default/active/modules")
	shared(t, "captured", "sdkdemo.cil")
	root, err := capturing()
	if err != nil {
		t.Fatal(err)
	}
	sys, err := sekit.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	return sys, filepath.Join(root, "etc", "selinux", "default", "policy", "policy.33")
}

var (
	whyRecord = regexp.MustCompile(`audit\([0-9.]+:([0-9]+)\): (?:.*msg=')?avc:  denied  \{ ([a-z_0-9 ]+) \} .*scontext=(\S+) tcontext=(\S+) tclass=(\S+)`)
	whySet    = regexp.MustCompile(`setsebool -P (\S+) ([01])`)
)

// theirVerdict reads audit2why's.
func theirVerdict(why string) string {
	var booleans []string
	for _, m := range whySet.FindAllStringSubmatch(why, -1) {
		booleans = append(booleans, fmt.Sprintf("%s=%v", m[1], m[2] == "1"))
	}
	slices.Sort(booleans)
	switch {
	case strings.Contains(why, "would be allowed by active policy"):
		return "allowed"
	case strings.Contains(why, "should be dontaudit'd"):
		return "dontaudit"
	case strings.Contains(why, "Typebounds violation"):
		return "bounds"
	case strings.Contains(why, "Missing role allow rule"):
		return "role"
	case strings.Contains(why, "Constraint rule"):
		return "constraint"
	case len(booleans) > 0:
		return strings.Join(booleans, " ")
	case strings.Contains(why, "Missing type enforcement"):
		return "no rule"
	}
	return why
}

// TestOracleAudit2why holds the reasons for each denial that a real kernel wrote
// to audit2why's on the same policy.
func TestOracleAudit2why(t *testing.T) {
	oracle.Require(t, "audit2why")
	sys, file := captured(t)
	tr, err := triage.New(sys, triage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	compared, different := 0, 0
	for _, name := range []string{
		"audit-rules-base.log", "audit-rules-many.log", "dmesg-base.log", "dmesg-many.log", "audit-rules-oddnames.log",
		"audit-norules.log", "audit-tasknever.log", "audit-permissive-domain.log", "audit-permissive-global.log",
		"audit-after-fixes.log", "audit-enriched.log", "audit-selinux-err.log", "audit-rawcon.log",
	} {
		log, err := os.ReadFile(shared(t, "captured", "refpolicy-full", name))
		if err != nil {
			t.Fatal(err)
		}
		theirs := audit2why(t, file, log)
		ours := 0
		for d, err := range avc.NewReader(bytes.NewReader(log), avc.Options{Provenance: avc.ProvenanceFile}).Denials() {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			key := whyKey(fmt.Sprint(d.ID.Serial), strings.Join(d.Permissions, " "), d.SourceText, d.TargetText, d.Class)
			why, ok := theirs[key]
			if !ok {
				t.Errorf("%s: audit2why says nothing of %s", name, key)
				different++
				continue
			}
			ours++
			f := tr.Explain(d)
			var sets []policy.BooleanSet
			if f.Decision == nil {
				t.Errorf("%s: %s is not decided: %q", name, key, f.Why)
				different++
				continue
			}
			if sets, err = sys.Policy.BooleanSets(f.Access); err != nil {
				t.Fatal(err)
			}
			compared++
			if got, want := causeOf(&f, sets), theirVerdict(why); got != want {
				different++
				t.Errorf("%s: %s\ntriage:    %s\naudit2why: %s", name, key, got, want)
			}
		}
		if ours == 0 {
			t.Errorf("%s: nothing was compared", name)
		}
	}
	oracle.Report(t, "triage-audit2why", compared, different)
}

func whyKey(serial, perms, source, target, class string) string {
	return strings.Join([]string{serial, strings.TrimSpace(perms), source, target, class}, "|")
}

// audit2why returns what the tool says of each denial of a log.
func audit2why(t *testing.T, file string, log []byte) map[string]string {
	t.Helper()
	cmd := exec.Command("audit2why", "-p", file)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = bytes.NewReader(log)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	key := ""
	for line := range strings.Lines(string(out)) {
		if m := whyRecord.FindStringSubmatch(line); m != nil {
			key = whyKey(m[1], m[2], m[3], m[4], m[5])
			all[key] = ""
			continue
		}
		all[key] += line
	}
	return all
}

// TestOracleCaptured holds the first fix of each denial that was cured when the
// logs were captured (captured/README.md) to the cure that worked there.
func TestOracleCaptured(t *testing.T) {
	sys, _ := captured(t)
	type cure struct {
		object, domain string
		kind           triage.Kind
		words          string
	}
	cures := []cure{
		{"/data/site/index.html", "sdkdemo_t", triage.Context, "sdkdemo_content_t '/data/site(/.*)?'"},
		{"/data", "httpd_t", triage.Context, "httpd_sys_content_t '/data(/.*)?'"},
		{"/var/www/html/page.html", "httpd_t", triage.Context, "restorecon -v /var/www/html/page.html"},
		{"tcp port 5601", "sdkdemo_t", triage.Port, "semanage port -a -t sdkdemo_port_t -p tcp 5601"},
		{"tcp port 9999", "sdkdemo_t", triage.Boolean, "setsebool -P sdkdemo_can_connect=on"},
		{"tcp port 9999", "httpd_t", triage.Boolean, "setsebool -P httpd_can_network_connect=on"},
		{"/tmp/scratch.txt", "sdkdemo_t", triage.Module, "semodule -i local_sdkdemo"},
	}
	compared, different := 0, 0
	for _, name := range []string{"audit-rules-base.log", "dmesg-base.log"} {
		log, err := os.ReadFile(shared(t, "captured", "refpolicy-full", name))
		if err != nil {
			t.Fatal(err)
		}
		report := read(t, sys, log)
		for _, want := range cures {
			i := slices.IndexFunc(report.Findings, func(f triage.Finding) bool {
				return f.Object == want.object && f.Access.Source.Type() == want.domain
			})
			if i < 0 {
				if strings.HasPrefix(want.object, "/") && strings.HasPrefix(name, "dmesg") {
					continue // the kernel's log has no paths
				}
				t.Errorf("%s: no finding for %s on %s", name, want.domain, want.object)
				continue
			}
			compared++
			f := report.Findings[i]
			if len(f.Fixes) == 0 || f.Fixes[0].Kind != want.kind || !strings.Contains(text(&f), want.words) {
				different++
				t.Errorf("%s: %s on %s: want %v first (%s), got\n%s", name, want.domain, want.object, want.kind, want.words, text(&f))
			}
		}
	}
	oracle.Report(t, "triage-captured", compared, different)
}

// TestOracleModules installs every module that is offered, by the commands that
// are offered with it: on Debian's policy with semodule, on the example's with
// secilc.
func TestOracleModules(t *testing.T) {
	oracle.Require(t, "semodule", "secilc", "cp")
	demonstration := read(t, demoSystem(t), demo.AuditLog())
	sys, built := captured(t)
	log, err := os.ReadFile(shared(t, "captured", "refpolicy-full", "audit-complete.log"))
	if err != nil {
		t.Fatal(err)
	}
	real := read(t, sys, log)
	if n := checkFixes(t, sys, real); n < 50 {
		t.Errorf("%d fixes of the captured log proven again", n)
	}
	root := t.TempDir()
	oracle.Output(t, "cp", "-a", filepath.Clean(filepath.Join(built, "../../../../.."))+"/.", root)
	sources, err := filepath.Glob("../internal/demo/policy/*.cil")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-c", "33", "-M", "true", "-N", "-o", filepath.Join(t.TempDir(), "policy"), "-f", os.DevNull}, sources...)
	forDemo := writeModules(t, demonstration)
	oracle.Output(t, "secilc", append(args, forDemo...)...)
	args = []string{"-p", root, "-s", "default", "-n"}
	forReal := writeModules(t, real)
	for _, file := range forReal {
		args = append(args, "-i", file)
	}
	oracle.Output(t, "semodule", args...)
	oracle.Report(t, "triage-modules", len(forDemo)+len(forReal), 0)
}

// writeModules writes the modules of all fixes as their commands expect them.
func writeModules(t *testing.T, report *triage.Report) []string {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for _, f := range report.Findings {
		for _, fix := range f.Fixes {
			if fix.Module == nil {
				continue
			}
			cil, err := fix.Module.CIL()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, fix.Commands[0][2])
			if err := os.WriteFile(file, cil, 0o600); err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	return files
}

// TestOracleWrongAdvice has denials of real machines for which relabelling the
// object would do harm, each with the reason; on Debian's policy.
func TestOracleWrongAdvice(t *testing.T) {
	sys := debian(t)
	daemon := func(domain string) string { return "system_u:system_r:" + domain + ":s0" }
	file := func(domain, typ, class, perms, p string) record {
		flags := "0"
		if strings.Contains(perms, "write") {
			flags = "1"
		}
		return record{source: daemon(domain), target: "system_u:object_r:" + typ + ":s0", class: class, perms: perms, flags: flags,
			avc: fmt.Sprintf("path=%q dev=\"dm-0\" ino=77", p)}
	}
	compared, different := 0, 0
	for _, tt := range []struct {
		record record
		why    string
	}{
		{file("tuned_t", "etc_t", "file", "map", "/etc/nsswitch.conf"), "every domain reads it"},
		{file("ntpd_t", "init_runtime_t", "dir", "watch", "/run/systemd"), "systemd's, with all below"},
		{file("pacemaker_t", "init_runtime_t", "file", "write", "/run/systemd/system/x.conf"), "systemd's"},
		{file("virtd_t", "initrc_runtime_t", "file", "lock", "/run/utmp"), "everybody's"},
		{file("mysqld_t", "mysqld_safe_exec_t", "file", "getattr", "/usr/bin/mysqld_safe"), "a program, not a database"},
		{file("klogd_t", "bin_t", "file", "execute", "/usr/bin/busybox"), "a program of all domains, not klogd's entry point"},
		{file("httpd_t", "var_t", "file", "execute_no_trans", "/var/www/html/index.html"), "content is not to be run"},
		{file("rsync_t", "etc_t", "file", "write", "/etc/keystone/ssl/x"), "configuration, and rsync has no type for that"},
		{file("ifconfig_t", "etc_t", "dir", "mounton", "/etc/sysconfig"), "everybody's"},
		{file("staff_t", "device_t", "dir", "watch", "/dev/snd"), "devices are no documents"},
		{file("mysqld_t", "rpcbind_runtime_t", "sock_file", "getattr", "/run/rpcbind.sock"), "rpcbind's"},
		{file("pacemaker_t", "var_log_t", "file", "append", "/var/log/pacemaker.log"), "a log is no library"},
		{record{source: "system_u:system_r:svirt_t:s0:c1,c2", target: "system_u:object_r:sysctl_vm_t:s0", class: "file", perms: "read",
			avc: `path="/proc/sys/vm/max_map_count" dev="proc" ino=77`}, "the kernel's, in no volume"},
		{file("systemd_coredump_t", "usr_t", "dir", "mounton", "/"), "the root of a mount namespace"},
	} {
		f := first(t, sys, tt.record)
		if f.Status != triage.Open {
			t.Errorf("%s on %s: %v: the case shows nothing", tt.record.source, f.Object, f.Status)
		}
		compared++
		for _, fix := range f.Fixes {
			if fix.Kind == triage.Context {
				different++
				t.Errorf("%s on %s: %s; yet it is %s", tt.record.source, f.Object, fix.Summary, tt.why)
			}
		}
	}
	oracle.Report(t, "triage-wrong-advice", compared, different)
}

// TestOracleCorpus proves every fix for the published records again.
func TestOracleCorpus(t *testing.T) {
	sys := debian(t)
	data, err := os.ReadFile(shared(t, "corpus", "avc", "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for line := range bytes.Lines(data) {
		var block struct{ Text string }
		if err := json.Unmarshal(line, &block); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&log, "%s\n\n", block.Text)
	}
	report := read(t, sys, log.Bytes())
	checkJSON(t, report)
	proved := checkFixes(t, sys, report)
	different := 0
	if t.Failed() {
		different = 1
	}
	oracle.Report(t, "triage-corpus-proofs", proved, different)
}

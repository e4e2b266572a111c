package triage_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/triage"
)

// The stories are those of internal/demo/README.md, which says of each what an
// expert would answer. What is expected here is the expert's, and where its
// numbers come from (setools) stands there too.
type story struct {
	name   string
	serial uint64
	class  string // "" is any: the event's first
	status triage.Status
	count  int
	// fixes are the first fixes in their order; all says that there are no
	// others.
	fixes []wantFix
	all   bool
	// why, not, notes and warnings have to be there: words of a reason, words
	// of a rejected change with its reason, IDs of notes, and words of the first
	// fix's warnings.
	why      []string
	not      []string
	notes    []string
	warnings []string
	// never are words that no fix may have in its summary or commands.
	never []string
}

// wantFix is a fix: its kind, its commands in order, one a line, and, if not
// -1, how many accesses it newly allows.
type wantFix struct {
	kind     triage.Kind
	commands []string
	tuples   int
	follows  int
	hides    bool
}

// unpriced stands for an exposure that the README does not give.
const unpriced = -1

func (w wantFix) check(t *testing.T, got triage.Fix) {
	t.Helper()
	if got.Kind != w.kind {
		t.Errorf("kind %v, want %v: %s", got.Kind, w.kind, got.Summary)
	}
	if w.commands != nil {
		var lines []string
		for _, c := range got.Commands {
			lines = append(lines, moduleHash.ReplaceAllString(c.String(), ""))
		}
		if !slices.Equal(lines, w.commands) {
			t.Errorf("commands\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(w.commands, "\n"))
		}
	}
	if w.tuples != unpriced && got.Exposure.Tuples != w.tuples {
		t.Errorf("%s: opens %d accesses, want %d", got.Summary, got.Exposure.Tuples, w.tuples)
	}
	if len(got.Follows) != w.follows {
		t.Errorf("%s: %d denials follow, want %d: %v", got.Summary, len(got.Follows), w.follows, got.Follows)
	}
	if got.Hides != w.hides {
		t.Errorf("%s: hides %v, want %v", got.Summary, got.Hides, w.hides)
	}
}

// moduleHash is what keeps apart the names of modules of one domain.
var moduleHash = regexp.MustCompile(`_[0-9a-f]{8}\b`)

func commands(lines ...string) []string { return lines }

// moduleCommands install a module.
func moduleCommands(name string) []string {
	return commands("semodule -i " + name + ".cil")
}

func setsebool(name string, tuples int) wantFix {
	return wantFix{kind: triage.Boolean, commands: commands("setsebool -P " + name + "=on"), tuples: tuples}
}

func setPort(op, typ, number string, tuples int) wantFix {
	return wantFix{kind: triage.Port, commands: commands("semanage port " + op + " -t " + typ + " -p tcp " + number), tuples: tuples}
}

func fileStories() []story {
	return []story{
		{
			name: "socket", serial: 409, status: triage.Open, count: 3,
			fixes: []wantFix{
				{kind: triage.Context, tuples: unpriced, commands: commands(
					"semanage fcontext -a -f s -t httpd_sys_rw_content_t /var/www/demo/out", "restorecon -v /var/www/demo/out")},
				{kind: triage.Context, tuples: unpriced, commands: commands(
					"semanage fcontext -a -f s -t httpd_var_run_t /var/www/demo/out", "restorecon -v /var/www/demo/out")},
				{kind: triage.Context, tuples: 0, commands: commands()}, // move it to /run/wsgi.*
			},
			all: true,
			why: []string{"no rule allows httpd_t var_t:sock_file write", "the file contexts say httpd_sys_content_t"},
			not: []string{
				"httpd_sys_content_t: does not cure it: no rule allows httpd_t httpd_sys_content_t:sock_file write",
				"allow httpd_t var_t:sock_file write: refused (base-type",
			},
			notes: []string{"base-type", "recreated"},
			never: []string{"httpd_tmp_t", "mysqld_var_run_t", "devlog_t", "init_var_run_t", "allow httpd_t var_t"},
		},
		{
			name: "default-file", serial: 427, status: triage.Open, count: 3,
			fixes: []wantFix{{kind: triage.Context, tuples: unpriced, commands: commands(
				"semanage fcontext -a -t httpd_sys_content_t '/my/website(/.*)?'", "restorecon -Rv /my/website")}},
			why:   []string{"/my/website/index.html has the type that the file contexts give it, default_t"},
			not:   []string{"refused (stray-files)"},
			notes: []string{"base-type", "follows"},
			never: []string{"allow httpd_t default_t", "chcon"},
		},
		{
			name: "mislabelled-home", serial: 430, status: triage.Open, count: 1,
			fixes: []wantFix{
				{kind: triage.Context, tuples: unpriced, commands: commands("restorecon -v /var/www/html/index.html")},
				setsebool("httpd_read_user_content", 16),
			},
			all:   true,
			why:   []string{"has the type user_home_t; the file contexts say httpd_sys_content_t"},
			never: []string{"semanage"},
		},
		{
			name: "mislabelled-local-spec", serial: 431, status: triage.Open, count: 1,
			fixes: []wantFix{
				{kind: triage.Context, tuples: unpriced, commands: commands("restorecon -v '/srv/files/price list.html'")},
				setsebool("httpd_read_user_content", 16),
			},
			all:   true,
			why:   []string{"public_content_t (spec /srv/files(/.*)?, file_contexts.local line"},
			never: []string{"semanage"},
		},
		{
			name: "default-dir", serial: 432, status: triage.Open, count: 2,
			fixes: []wantFix{{kind: triage.Context, tuples: unpriced, commands: commands(
				"semanage fcontext -a -t httpd_sys_content_t '/data(/.*)?'", "restorecon -Rv /data")}},
			why:   []string{"no rule allows httpd_t default_t:dir search"},
			not:   []string{"allow httpd_t default_t:dir search: refused"},
			notes: []string{"path-inferred", "follows", "wanted", "base-type"},
			never: []string{"/data/site", "allow httpd_t default_t"},
		},
		{
			name: "unit-binary", serial: 441, status: triage.Open, count: 3,
			fixes: []wantFix{{kind: triage.Context, tuples: unpriced, commands: commands("restorecon -v /opt/acme/bin/acmed")}},
			all:   true,
			why:   []string{"the file contexts say bin_t (spec /opt/(.*/)?bin(/.*)?"},
			never: []string{"semanage", "allow init_t"},
		},
	}
}

func portStories() []story {
	return []story{
		{
			name: "port-connect", serial: 414, status: triage.Open, count: 6,
			fixes: []wantFix{
				setPort("-a", "http_port_t", "5601", 5),
				setPort("-a", "http_cache_port_t", "5601", 10),
				setsebool("haproxy_connect_any", 65),
			},
			all: true,
			why: []string{"haproxy_connect_any", "tcp port 5601 is unreserved_port_t"},
			not: []string{"allow haproxy_t unreserved_port_t:tcp_socket name_connect: not needed"},
		},
		{
			name: "port-connect-local", serial: 420, status: triage.Open, count: 1,
			fixes: []wantFix{
				setPort("-m", "http_port_t", "5044", 5),
				setPort("-m", "http_cache_port_t", "5044", 10),
				setsebool("haproxy_connect_any", 65),
				setsebool("nis_enabled", 479),
			},
			all:      true,
			why:      []string{"syslogd_port_t, by the local record 5044"},
			warnings: []string{"syslogd_t", "name_bind", "name_connect"},
		},
		{
			name: "port-connect-policy", serial: 421, status: triage.Open, count: 1,
			fixes: []wantFix{
				setPort("-m", "http_port_t", "9200", 5),
				setPort("-m", "http_cache_port_t", "9200", 10),
				setsebool("haproxy_connect_any", 65),
			},
			all:      true,
			why:      []string{"wap_wsp_port_t, by the policy's record 9200"},
			warnings: []string{"no domain loses it"},
		},
		{
			name: "port-bind", serial: 438, status: triage.Open, count: 2,
			fixes: []wantFix{
				setPort("-m", "http_port_t", "8081", 5),
				setPort("-m", "http_cache_port_t", "8081", 10),
			},
			all: true,
			why: []string{"transproxy_port_t, by the policy's record 8081"},
		},
		{
			name: "allowed-now", serial: 499, status: triage.Allowed, count: 1, all: true,
			why: []string{"the policy at hand allows this"},
		},
		{
			name: "sshd-port", serial: 446, status: triage.Open, count: 2,
			fixes: []wantFix{
				setPort("-a", "ssh_port_t", "2222", 5),
				setPort("-a", "xserver_port_t", "2222", 6),
			},
			all: true,
			why: []string{"unreserved_port_t"},
		},
	}
}

func booleanStories() []story {
	return []story{
		{
			name: "boolean-db", serial: 425, status: triage.Open, count: 1,
			fixes: []wantFix{
				setsebool("httpd_can_network_connect_db", 3),
				setsebool("httpd_can_network_connect", 34),
			},
			all: true,
			not: []string{"the port is postgresql_port_t's", "allow httpd_t postgresql_port_t:tcp_socket name_connect: not needed"},
		},
		{
			name: "boolean-ldap", serial: 426, status: triage.Open, count: 1,
			fixes: []wantFix{
				setsebool("httpd_can_connect_ldap", 1),
				setsebool("httpd_can_network_connect", 34),
				setsebool("nis_enabled", 479),
			},
			all: true,
		},
		{
			name: "execmem-boolean", serial: 422, status: triage.Open, count: 2,
			fixes:    []wantFix{setsebool("httpd_execmem", 6)},
			all:      true,
			not:      []string{"allow httpd_t self:process execmem: refused (execmem-daemon)"},
			warnings: []string{"exploits"},
		},
		{
			name: "execmem-daemon", serial: 424, status: triage.Open, count: 1,
			all: true,
			not: []string{"allow myapp_t self:process execmem: refused (execmem-daemon)"},
		},
	}
}

func containerStories() []story {
	// The paths are the containers' own: nothing that acts on the host's.
	never := []string{"semanage", "restorecon", "chcon"}
	manual := wantFix{kind: triage.Context, tuples: unpriced, commands: commands()}
	return []story{
		{
			name: "container-mcs", serial: 453, status: triage.Open, count: 1,
			fixes: []wantFix{manual, manual}, all: true, // :Z, then :z
			why:   []string{"mlsconstrain file"},
			not:   []string{"allow container_t container_file_t:file read: does not cure it: a constraint"},
			notes: []string{"contained", "constraint"}, never: never,
		},
		{
			name: "container-home-volume", serial: 455, status: triage.Open, count: 1,
			fixes: []wantFix{manual}, all: true,
			notes: []string{"contained"}, never: append([]string{"allow container_t user_home_t"}, never...),
		},
		{
			name: "container-var-volume", serial: 456, status: triage.Open, count: 1,
			fixes: []wantFix{manual}, all: true,
			not:   []string{"allow container_t var_t:file", "refused"},
			notes: []string{"contained"}, never: never,
		},
		{
			name: "container-ioctl", serial: 457, status: triage.Open, count: 1,
			fixes:    []wantFix{{kind: triage.Module, tuples: 0, commands: moduleCommands("local_container")}},
			all:      true,
			why:      []string{"ioctl 0x8914 is not among"},
			warnings: []string{"left this out"},
		},
	}
}

func otherStories() []story {
	return []story{
		{
			name: "constraint-transition", serial: 466, status: triage.Open, count: 1, all: true,
			why: []string{
				"no rule allows user_t httpd_t:process transition", "r1 (user_r) == r2 (system_r)", "u1 (user_u) == u2 (system_u)",
				"role user_r may not change to role system_r",
			},
			not:   []string{"allow user_t httpd_t:process transition: does not cure it"},
			notes: []string{"constraint"},
		},
		{
			name: "constraint-user", serial: 467, status: triage.Open, count: 1, all: true,
			why:   []string{"u1 (user_u) == u2 (system_u)", "can_change_object_identity"},
			not:   []string{"allow user_t user_home_t:file relabelto: does not cure it"},
			notes: []string{"constraint"},
		},
		{
			name: "permissive-domain", serial: 470, status: triage.Open, count: 2,
			// "A rule would be needed before that ends": read, open and getattr.
			fixes:    []wantFix{{kind: triage.Module, tuples: unpriced, commands: moduleCommands("local_insights_client")}},
			all:      true,
			notes:    []string{"permissive"},
			warnings: []string{"base type"},
		},
		{
			name: "permissive-mode directory", serial: 475, class: "dir", status: triage.Open, count: 1,
			fixes: []wantFix{{kind: triage.Context, tuples: unpriced, commands: commands(
				"semanage fcontext -a -t httpd_sys_content_t '/data(/.*)?'", "restorecon -Rv /data")}},
			notes: []string{"permissive"},
		},
		{
			// Above, "a spec /data/site(/.*)? leaves /data unsearchable".
			name: "permissive-mode file", serial: 475, class: "file", status: triage.Open, count: 3,
			fixes: []wantFix{{kind: triage.Context, tuples: unpriced, commands: commands(
				"semanage fcontext -a -t httpd_sys_content_t '/data(/.*)?'", "restorecon -Rv /data")}},
			notes: []string{"permissive"},
		},
		{
			name: "dac-override", serial: 481, status: triage.Open, count: 1, all: true,
			not:   []string{"dac_override: refused (dac-override)"},
			notes: []string{"unix-permissions"},
		},
		{
			name: "leaked-descriptor socket", serial: 483, class: "unix_stream_socket", status: triage.Open, count: 2,
			fixes: []wantFix{{kind: triage.Module, tuples: 0, hides: true, commands: moduleCommands("local_iptables")}},
			all:   true, notes: []string{"leaked-descriptor"}, never: []string{": allow "},
		},
		{
			name: "leaked-descriptor log", serial: 483, class: "file", status: triage.Open, count: 2,
			fixes: []wantFix{{kind: triage.Module, tuples: 0, hides: true, commands: moduleCommands("local_iptables")}},
			all:   true, notes: []string{"leaked-descriptor"}, never: []string{": allow "},
		},
		{name: "user-avc-service", serial: 486, status: triage.Open, count: 1, notes: []string{"userspace"}},
		{name: "user-avc-dbus", serial: 487, status: triage.Open, count: 1, notes: []string{"userspace"}},
		{
			name: "bounds", serial: 493, status: triage.Open, count: 1,
			why: []string{"anon_webapp_t is bounded by httpd_t"},
			not: []string{"allow anon_webapp_t httpd_sys_content_t:file append: does not cure it"},
		},
		{
			name: "unknown-type", serial: 498, status: triage.Undecided, count: 1, all: true,
			why: []string{`the policy has no type "zabbix_agent_t"`},
		},
	}
}

// demoSystem is the demonstration machine.
func demoSystem(t testing.TB) *sekit.System {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	db, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	local, err := port.ParseLocal("ports.local", demo.PortsLocal())
	if err != nil {
		t.Fatal(err)
	}
	return &sekit.System{Policy: p, Contexts: db, Ports: port.NewTable(p, local)}
}

// read triages a log as one that the audit daemon wrote.
func read(t testing.TB, sys *sekit.System, log []byte) *triage.Report {
	t.Helper()
	tr, err := triage.New(sys, triage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := avc.NewReader(bytes.NewReader(log), avc.Options{Name: "audit.log", Provenance: avc.ProvenanceFile})
	return tr.Read(r.Events())
}

// find returns the finding whose first denial has the serial and, if it is
// given, the class.
func find(r *triage.Report, serial uint64, class string) *triage.Finding {
	for i := range r.Findings {
		if d := r.Findings[i].Denial; d.ID.Serial == serial && (class == "" || d.Class == class) {
			return &r.Findings[i]
		}
	}
	return nil
}

func (s story) check(t *testing.T, f *triage.Finding) {
	if f.Status != s.status || f.Count != s.count {
		t.Errorf("status %v, %d times; want %v, %d times", f.Status, f.Count, s.status, s.count)
	}
	if len(f.Fixes) < len(s.fixes) || s.all && len(f.Fixes) != len(s.fixes) {
		t.Errorf("%d fixes, want %d: %v", len(f.Fixes), len(s.fixes), summaries(f.Fixes))
	}
	for i, fix := range f.Fixes {
		if i < len(s.fixes) {
			s.fixes[i].check(t, fix)
		}
		text := fix.Summary
		for _, c := range fix.Commands {
			text += "\n" + c.String()
		}
		for _, never := range s.never {
			if strings.Contains(text, never) {
				t.Errorf("a fix has %q: %s", never, text)
			}
		}
	}
	var not, notes, warnings []string
	for _, r := range f.Rejected {
		not = append(not, r.Summary+": "+r.Reason)
	}
	for _, n := range f.Notes {
		notes = append(notes, n.ID)
	}
	if len(f.Fixes) > 0 {
		warnings = f.Fixes[0].Warnings
	}
	contains(t, "why", f.Why, s.why)
	contains(t, "rejected", not, s.not)
	contains(t, "warning", warnings, s.warnings)
	for _, id := range s.notes {
		if !slices.Contains(notes, id) {
			t.Errorf("no note %q in %q", id, notes)
		}
	}
}

// contains checks that each of the words is in one of the texts.
func contains(t *testing.T, what string, texts, words []string) {
	t.Helper()
	for _, w := range words {
		if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, w) }) {
			t.Errorf("no %s with %q in %q", what, w, texts)
		}
	}
}

func summaries(fixes []triage.Fix) []string {
	var all []string
	for _, f := range fixes {
		all = append(all, f.Summary)
	}
	return all
}

func TestStories(t *testing.T) {
	report := read(t, demoSystem(t), demo.AuditLog())
	for _, s := range slices.Concat(fileStories(), portStories(), booleanStories(), containerStories(), otherStories()) {
		t.Run(s.name, func(t *testing.T) {
			f := find(report, s.serial, s.class)
			if f == nil {
				t.Fatalf("no finding begins with event %d", s.serial)
			}
			s.check(t, f)
		})
	}
}

// The stories that no command cures say what does.
func TestStoriesByHand(t *testing.T) {
	report := read(t, demoSystem(t), demo.AuditLog())
	for _, tt := range []struct {
		serial uint64
		fix    int
		words  string
	}{
		{409, 2, "/run/wsgi."},
		{453, 0, ":Z"}, {453, 1, ":z"}, {455, 0, ":Z"}, {456, 0, ":Z"},
	} {
		f := find(report, tt.serial, "")
		if f == nil || len(f.Fixes) <= tt.fix {
			t.Errorf("event %d: no fix %d", tt.serial, tt.fix+1)
			continue
		}
		if got := f.Fixes[tt.fix].Manual; !strings.Contains(got, tt.words) {
			t.Errorf("event %d, fix %d: %q does not say %q", tt.serial, tt.fix+1, got, tt.words)
		}
	}
	// Mount options label for the container that asked, at its own level, and
	// with :z at the lowest.
	f := find(report, 453, "")
	for i, want := range []string{"system_u:object_r:container_file_t:s0:c1,c2", "system_u:object_r:container_file_t:s0"} {
		if got := f.Fixes[i].Relabel.ToText; got != want {
			t.Errorf("event 453, fix %d: relabels to %s, want %s", i+1, got, want)
		}
	}
}

// Only a directory is denied, and the whole way to the leaf is to be cured:
// the denials that would follow are those that events 475 and 476 show.
func TestStoryWholeWay(t *testing.T) {
	report := read(t, demoSystem(t), demo.AuditLog())
	f := find(report, 432, "")
	var follows string
	for _, n := range f.Notes {
		if n.ID == "follows" {
			follows = n.Text
		}
	}
	for _, want := range []string{"search on dir /data/site", "read", "open", "getattr", "/data/site/index.html"} {
		if !strings.Contains(follows, want) {
			t.Errorf("the note on what follows does not say %q: %s", want, follows)
		}
	}
	for _, fix := range f.Fixes {
		if len(fix.Follows) > 0 {
			t.Errorf("%s: leaves denied %v", fix.Summary, fix.Follows)
		}
		if fix.Relabel == nil || fix.Relabel.Path != "/data" || !fix.Relabel.Recursive {
			t.Errorf("%s: does not relabel all of /data: %+v", fix.Summary, fix.Relabel)
		}
	}
}

// What is no denial of SELinux's rules: failures of the security server and
// AppArmor's records.
func TestStoriesFailures(t *testing.T) {
	report := read(t, demoSystem(t), demo.AuditLog())
	why := map[uint64]string{}
	for _, f := range report.Failures {
		if len(f.Why) == 0 {
			t.Errorf("event %d (%s): nothing is said", f.Failure.ID.Serial, f.Failure.Op)
		}
		why[f.Failure.ID.Serial] = strings.Join(f.Why, "\n")
	}
	for serial, words := range map[uint64][]string{
		489: {"unconfined_r", "insights_client_t", "role"},
		492: {"httpd_sys_script_t is not bounded", "httpd_t"},
		493: {"bound"},
	} {
		for _, w := range words {
			if !strings.Contains(why[serial], w) {
				t.Errorf("event %d: %q does not say %q", serial, why[serial], w)
			}
		}
	}
	if len(report.Foreign) != 1 || report.Foreign[0].Module != "apparmor" || report.Foreign[0].ID.Serial != 479 {
		t.Errorf("foreign records: %v, want AppArmor's event 479", report.Foreign)
	}
	if find(report, 479, "") != nil {
		t.Error("AppArmor's record became a finding")
	}
	if len(report.Unread) != 0 {
		t.Errorf("unread: %v", report.Unread)
	}
	modes := 0
	for _, c := range report.Changes {
		if c.Kind == avc.ChangeEnforcing {
			modes++
		}
	}
	if modes == 0 {
		t.Error("the switch to permissive mode (event 474) is not among the changes")
	}
}

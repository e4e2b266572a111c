//go:build kernelguest && linux

package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// These tests need systemd as the first process (-kernel.systemd): hence the
// names, which the lane's own boot does not run.

const (
	startFrom  = "start unit"
	unitPath   = "/etc/systemd/system/sekittest.service"
	systemdExe = "/usr/lib/systemd/systemd"
)

// startUnit is the probe that asks systemd to start a unit, which the policy
// does not let it: systemd refuses and tells the audit system.
func startUnit() error {
	return callBus("/run/systemd/private",
		dbusCall("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "StartUnit", "sekittest.service", "replace"))
}

// TestSystemdJournal reads the denials of the kernel, of dbus-daemon and of
// systemd from all there is on a machine with systemd: netlink, auditd's log,
// the journal in its three forms, and, without auditd, /dev/kmsg, dmesg and the
// journal's copy of it. They must be the same Denials.
func TestSystemdJournal(t *testing.T) {
	guest.Require(t)
	layOut(t)
	others := []string{helloFrom, startFrom}

	offset, cursor := size(t, auditLog), journalCursor(t)
	found, pids, end := provokeAll(t, others...)
	live := found.and(t, pids)
	log := readLog(t, offset, end).and(t, pids)
	expect(t, loaded(t), "systemd-denials-auditd", log)
	expectManagers(t, "systemd-managers-auditd", log)
	compareSources(t, "systemd-auditd-netlink", log, live, whole, others...)
	for _, form := range []string{"json", "export"} {
		journal := readJournal(t, cursor, form, "audit", end).and(t, pids)
		compareSources(t, "systemd-journal-"+form+"-netlink", journal, live, nodeless, others...)
	}
	// As text the records are without their event's number: what is in one
	// record is all that there is.
	for _, form := range []string{"short", "short-iso", "short-full", "with-unit"} {
		journal := readJournal(t, cursor, form, "audit", end).and(t, pids)
		compareSources(t, "systemd-journal-"+form+"-netlink", journal, live, alone, others...)
	}

	withoutAuditd(t)
	cursor = journalCursor(t)
	found, pids, end = provokeAll(t, others...)
	live = found.and(t, pids)
	kmsg := readKmsg(t, end).and(t, pids)
	expect(t, loaded(t), "systemd-denials-kmsg", kmsg)
	expectManagers(t, "systemd-managers-kmsg", kmsg)
	compareSources(t, "systemd-kmsg-netlink", kmsg, live, whole, others...)
	for _, form := range []string{"json", "export", "short"} {
		journal := readJournal(t, cursor, form, "kernel", end).and(t, pids)
		compareSources(t, "systemd-journal-kernel-"+form+"-netlink", journal, live, nodeless, others...)
	}
}

// and keeps the denials of the processes, as of does, and systemd's, which does
// not say which process asked it.
func (f found) and(t *testing.T, pids map[int]string) denials {
	t.Helper()
	all := f.of(t, pids)
	for _, d := range f.denials {
		if d.Manager != nil && d.Manager.Pid == 1 {
			all[startFrom] = append(all[startFrom], d)
		}
	}
	return all
}

// expectManagers holds the denials of object managers against what was done.
func expectManagers(t *testing.T, name string, got denials) {
	t.Helper()
	different := 0
	for probe, wrong := range map[string]func(*avc.Denial) string{helloFrom: wrongHello, startFrom: wrongStart} {
		problem := fmt.Sprintf("%d denials", len(got[probe]))
		if len(got[probe]) == 1 {
			problem = wrong(got[probe][0])
		}
		if problem != "" {
			different++
			t.Errorf("%s: %s: %s:\n%s", name, probe, problem, text(t, got[probe], whole))
		}
	}
	guest.Report(t, name, 2, different)
}

// wrongStart says what is wrong with the record of startUnit.
func wrongStart(d *avc.Denial) string {
	got := fmt.Sprintf("%v %v %s %s %s %s", d.Verdict, d.Permissions, d.Source, d.Target, d.Class, d.Path)
	const want = "denied [start] unconfined_u:unconfined_r:sekittest_t:s0 system_u:object_r:systemd_unit_t:s0 service " + unitPath
	switch {
	case got != want:
		return got + ", not " + want
	case d.Manager == nil || d.Manager.Context.Type() != "init_t" || d.Manager.Pid != 1 || d.Manager.Exe != systemdExe:
		return fmt.Sprintf("manager %+v", d.Manager)
	case d.Permissive == avc.Yes:
		return "it is permissive"
	}
	return ""
}

// nodeless is whole without the machine's name, which the journal alone has.
func nodeless(d avc.Denial) avc.Denial {
	d = whole(d)
	d.ID.Node = ""
	return d
}

// alone keeps what the denial's own record says.
func alone(d avc.Denial) avc.Denial {
	d.Origin = avc.Origin{}
	d.Syscall, d.Sockaddr, d.Cwd, d.Cmdline = nil, nil, "", nil
	d.FullPath, d.PathCertainty, d.PathReason, d.Wanted = "", 0, "", ""
	if d.Manager == nil {
		d.Exe, d.AUID, d.UID = "", avc.User{}, avc.User{}
	}
	return d
}

func journalctl(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("journalctl", append([]string{"--no-pager", "--quiet", "--all"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("journalctl: %v: %s", err, stderr.Bytes())
	}
	return out
}

// journalCursor is where the journal ends now.
func journalCursor(t *testing.T) string {
	t.Helper()
	out := string(journalctl(t, "-n", "1", "--show-cursor"))
	_, cursor, ok := strings.Cut(out, "-- cursor: ")
	if !ok {
		t.Fatalf("journalctl says %q", out)
	}
	return strings.TrimSpace(cursor)
}

// readJournal reads what came to the journal by a transport since, up to the
// end mark.
func readJournal(t *testing.T, cursor, form, transport string, end int) found {
	t.Helper()
	var out []byte
	defer func() { guest.Keep(t, "journal-"+transport+"."+form, out) }()
	return await(t, "the journal", end, func() found {
		out = journalctl(t, "--after-cursor", cursor, "-o", form, "_TRANSPORT="+transport)
		return collect(avc.NewReader(bytes.NewReader(out), avc.Options{Name: "journal", Provenance: avc.ProvenanceFile}))
	})
}

const greeterReport = "/var/lib/greeter/report"

// greeter is a daemon that does what the template of one lets it, and tries
// what it does not: each step goes to its report. It ends with its unit.
func greeter() error {
	var report []string
	try := func(what string, err error) {
		said := "ok"
		if errors.Is(err, fs.ErrPermission) {
			said = "denied"
		} else if err != nil {
			said = err.Error()
		}
		report = append(report, what+": "+said)
	}
	write := func(name string, flags int) error {
		f, err := os.OpenFile(name, flags, 0o600)
		if err == nil {
			_, err = f.WriteString("hello\n")
			f.Close()
		}
		return err
	}
	_, err := os.ReadFile("/etc/greeter.conf")
	try("read config", err)
	try("write config", write("/etc/greeter.conf", os.O_WRONLY))
	try("append log", write("/var/log/greeter/log", os.O_WRONLY|os.O_APPEND|os.O_CREATE))
	_, err = os.ReadFile("/var/log/greeter/log")
	try("read log", err)
	try("write data", write("/var/lib/greeter/data", os.O_RDWR|os.O_CREATE))
	try("remove data", os.Remove("/var/lib/greeter/data"))
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		err = unix.Bind(sock, &unix.SockaddrUnix{Name: "/run/greeter/socket"})
	}
	try("socket", err)
	for what, number := range map[string]int{"own port": greeterPort, "other port": noPort} {
		fd, err := tcp()
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrInet4{Port: number, Addr: [4]byte{127, 0, 0, 1}})
		}
		if err == nil {
			err = unix.Listen(fd, 1)
		}
		try(what, err)
	}
	_, err = os.ReadFile("/etc/shadow")
	try("read shadow", err)
	_, err = os.ReadDir("/root")
	try("list /root", err)
	text := strings.Join(report, "\n") + "\n"
	if err := os.WriteFile(greeterReport+".new", []byte(text), 0o600); err != nil {
		return err
	}
	if err := os.Rename(greeterReport+".new", greeterReport); err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}

const greeterPort = 870

var greeterMust = map[string]string{
	"read config": "ok", "write config": "denied", "append log": "ok", "read log": "denied", "write data": "ok", "remove data": "ok",
	"socket": "ok", "own port": "ok", "other port": "denied", "read shadow": "denied", "list /root": "denied",
}

const greeterUnit = `[Service]
ExecStart=/usr/libexec/greeter
Environment=SEKIT_PROBE=greeter
LogsDirectory=greeter
StateDirectory=greeter
RuntimeDirectory=greeter
`

// TestSystemdDaemon confines a daemon by the template: its module is installed
// by semodule, its port registered, its files made, and systemd starts it. It
// must run in its domain, do what the template promises, and no more.
func TestSystemdDaemon(t *testing.T) {
	guest.Require(t)
	d := laneDaemon()
	packages := lanePackages(t)
	m := packages[slices.IndexFunc(packages, func(p lanePackage) bool { return p.Name == d.Name })]
	store := module.NewStore(module.Semodule{PolicyType: policyName})
	if _, err := store.Install(t.Context(), m.Key, m.Content); err != nil {
		t.Fatal(err)
	}
	ports, err := livePorts()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ports.Set(t.Context(), port.Port(port.TCP, greeterPort, "greeter_port_t")); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	const unit = "/etc/systemd/system/greeter.service"
	offset := size(t, auditLog)
	for name, data := range map[string][]byte{d.Executable: self, d.Config[0]: []byte("hello\n"), unit: []byte(greeterUnit)} {
		if err := os.WriteFile(name, data, 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(name)
	}
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v: %s", name, args, err, out)
		}
	}
	run("restorecon", "-F", d.Executable, d.Config[0], unit)
	run("systemctl", "daemon-reload")
	run("systemctl", "start", "greeter")
	defer exec.Command("systemctl", "stop", "greeter").Run()

	compared, different := 0, 0
	check := func(ok bool, format string, args ...any) {
		t.Helper()
		if compared++; !ok {
			different++
			t.Errorf(format, args...)
		}
	}
	report := greeterSays(t)
	for what, want := range greeterMust {
		check(report[what] == want, "%s: %s, not %s", what, report[what], want)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.Join(output(t, "systemctl", "show", "-p", "MainPID", "--value", "greeter"), "")))
	if err != nil {
		t.Fatal(err)
	}
	c, err := sekit.ContextOfProcess(pid)
	check(err == nil && c.String() == "system_u:system_r:greeter_t:s0", "the daemon runs in %v, %v", c, err)
	for name, typ := range map[string]string{"/var/log/greeter": "greeter_log_t", "/var/log/greeter/log": "greeter_log_t",
		"/var/lib/greeter/report": "greeter_var_lib_t", "/run/greeter/socket": "greeter_runtime_t"} {
		buf := make([]byte, 256)
		n, err := unix.Lgetxattr(name, "security.selinux", buf)
		got, _ := policy.ParseContext(strings.TrimRight(string(buf[:max(n, 0)]), "\x00"))
		check(err == nil && got.Type() == typ, "%s has the context %v, %v", name, got, err)
	}
	for _, d := range collect(avc.NewReader(bytes.NewReader(logged(t, offset)), avc.Options{})).denials {
		if d.Source.Type() == "greeter_t" {
			guest.Row("daemon", d.Comm, fmt.Sprintf("%v %v %s:%s %s", d.Verdict, d.Permissions, d.Target.Type(), d.Class, d.FullPath))
		}
	}
	run("systemctl", "stop", "greeter")
	check(errors.Is(syscall.Kill(pid, 0), syscall.ESRCH), "the daemon still runs")
	guest.Report(t, "systemd-daemon", compared, different)

	if _, err := ports.Delete(t.Context(), port.Key{Protocol: port.TCP, Low: greeterPort, High: greeterPort}); err != nil {
		t.Error(err)
	}
	if _, err := store.Remove(t.Context(), m.Key); err != nil {
		t.Error(err)
	}
}

// greeterSays waits for the daemon's report.
func greeterSays(t *testing.T) map[string]string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		data, err := os.ReadFile(greeterReport)
		if err == nil {
			report := map[string]string{}
			for line := range strings.Lines(string(data)) {
				what, said, _ := strings.Cut(strings.TrimSpace(line), ": ")
				report[what] = said
			}
			return report
		}
		if time.Now().After(deadline) {
			t.Fatalf("the daemon reports nothing: %v\n%s", err, journalctl(t, "-u", "greeter"))
		}
	}
}

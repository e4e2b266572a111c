//go:build kernelguest && linux

package kernel

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/policy"
)

const auditLog = "/var/log/audit/audit.log"

// denials are those of the probes, by the probe's name, as one source has
// them.
type denials map[string][]*avc.Denial

// TestKernelDenials provokes a denial of each kind and reads it from every
// place where the kernel tells of it: what package avc makes of it must be the
// same from all, be what was done, and be denied by package policy too, for
// the reason that the policy was made to have.
func TestKernelDenials(t *testing.T) {
	guest.Require(t)
	layOut(t)
	p := loaded(t)

	// With auditd: its log, and netlink beside it.
	offset := size(t, auditLog)
	found, pids, end := provokeAll(t)
	live := found.of(t, pids)
	log := readLog(t, offset, end).of(t, pids)
	expect(t, p, "denials-auditd", log)
	compareSources(t, "denials-auditd-netlink", log, live, whole)

	// Without: the kernel prints them.
	withoutAuditd(t)
	found, pids, end = provokeAll(t)
	live2 := found.of(t, pids)
	kmsg := readKmsg(t, end).of(t, pids)
	dmesg := readDmesg(t).of(t, pids)
	expect(t, p, "denials-kmsg", kmsg)
	compareSources(t, "denials-kmsg-netlink", kmsg, live2, whole)
	compareSources(t, "denials-kmsg-dmesg", kmsg, dmesg, whole)
	compareSources(t, "denials-auditd-kmsg", log, kmsg, repeatable)
}

// provokeAll runs all probes, and others, and returns what netlink told of them
// meanwhile, their processes, and the one of the end mark.
func provokeAll(t *testing.T, others ...string) (f found, pids map[int]string, end int) {
	t.Helper()
	listen := listener(t)
	names := others
	for _, p := range probes() {
		names = append(names, p.name)
	}
	pids = map[int]string{}
	for _, name := range names {
		pid, err := provoke(name)
		if err != nil {
			t.Errorf("probe %v", err)
		}
		pids[pid] = name
	}
	end = mark(t)
	return listen(end), pids, end
}

// patience is how long a record may take from the kernel to where it is read.
const patience = time.Minute

// mark has a denial of its own process provoked. The sources tell of denials in
// the order in which they were: who has seen this one has seen all before it.
func mark(t *testing.T) (pid int) {
	t.Helper()
	pid, err := provoke("file read")
	if err != nil {
		t.Fatalf("probe %v", err)
	}
	return pid
}

// listener begins to read netlink. The function that it returns ends that when
// the denial of the process has come, and returns all until then.
func listener(t *testing.T) func(end int) found {
	t.Helper()
	src, err := avc.OpenKernel()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	type item struct {
		d   *avc.Denial
		err error
	}
	items := make(chan item, 1<<16)
	r := avc.NewSourceReader(ctx, src, avc.Options{Provenance: avc.ProvenanceKernel})
	go func() {
		defer close(items)
		for d, err := range r.Denials() {
			items <- item{d, err}
		}
	}()
	t.Cleanup(cancel)
	return func(end int) (f found) {
		t.Helper()
		timeout := time.After(patience)
		for seen := false; !seen; {
			select {
			case i, ok := <-items:
				if !ok {
					t.Fatal("netlink ended")
				}
				f.add(i.d, i.err)
				seen = i.err == nil && i.d.Pid == end
			case <-timeout:
				t.Fatalf("netlink did not tell of the last denial within %v", patience)
			}
		}
		cancel()
		for i := range items {
			f.add(i.d, i.err)
		}
		f.lost(r)
		if err := src.Close(); err != nil {
			t.Error(err)
		}
		return f
	}
}

// found is all that a source has.
type found struct {
	denials []*avc.Denial
	err     error
}

func (f *found) add(d *avc.Denial, err error) {
	switch {
	case err == nil:
		f.denials = append(f.denials, d)
	case !errors.Is(err, context.Canceled):
		f.err = errors.Join(f.err, err)
	}
}

func (f *found) lost(r *avc.Reader) {
	if lost := r.Stats().Lost; lost != 0 {
		f.err = errors.Join(f.err, fmt.Errorf("%d records lost", lost))
	}
}

// has reports whether there is a denial of the process.
func (f *found) has(pid int) bool {
	return slices.ContainsFunc(f.denials, func(d *avc.Denial) bool { return d.Pid == pid })
}

func collect(r *avc.Reader) (f found) {
	for d, err := range r.Denials() {
		f.add(d, err)
	}
	f.lost(r)
	return f
}

// await reads a source again until it has the denial of the process.
func await(t *testing.T, what string, end int, read func() found) found {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if f := read(); f.has(end) {
			return f
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has not the last denial after %v", what, patience)
		}
	}
}

// of keeps the denials of the processes.
func (f found) of(t *testing.T, pids map[int]string) denials {
	t.Helper()
	if f.err != nil {
		t.Errorf("reading: %v", f.err)
	}
	out := denials{}
	for _, d := range f.denials {
		if name, ok := pids[d.Pid]; ok {
			out[name] = append(out[name], d)
		}
	}
	return out
}

func size(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// readLog reads what auditd has written since, up to the end mark.
func readLog(t *testing.T, offset int64, end int) found {
	t.Helper()
	return await(t, auditLog, end, func() found {
		return collect(avc.NewReader(bytes.NewReader(logged(t, offset)), avc.Options{Name: auditLog, Provenance: avc.ProvenanceFile}))
	})
}

// logged is what auditd has written since: whole lines.
func logged(t *testing.T, offset int64) []byte {
	t.Helper()
	data, err := os.ReadFile(auditLog)
	if err != nil {
		t.Fatal(err)
	}
	return data[offset : bytes.LastIndexByte(data, '\n')+1]
}

func readKmsg(t *testing.T, end int) found {
	t.Helper()
	return await(t, "/dev/kmsg", end, func() found {
		src, err := avc.OpenKmsg(avc.KmsgOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		return collect(avc.NewSourceReader(t.Context(), src, avc.Options{Provenance: avc.ProvenanceKernel}))
	})
}

func readDmesg(t *testing.T) found {
	t.Helper()
	out, err := exec.Command("dmesg").Output()
	if err != nil {
		t.Fatal(err)
	}
	guest.Keep(t, "dmesg-denials.txt", out)
	return collect(avc.NewReader(bytes.NewReader(out), avc.Options{Name: "dmesg", Provenance: avc.ProvenanceFile}))
}

// withoutAuditd stops auditd until the test's end: the kernel then prints its
// records, here without a limit on how many.
func withoutAuditd(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile("/run/auditd.pid")
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(data), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); syscall.Kill(pid, 0) == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("auditd does not stop")
		}
	}
	t.Cleanup(func() {
		if out, err := exec.Command("auditd").CombinedOutput(); err != nil {
			t.Errorf("auditd: %v: %s", err, out)
		}
	})
	if err := os.WriteFile("/proc/sys/kernel/printk_ratelimit", []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
}

// expect holds the denials against what the probes did, and asks the policy.
func expect(t *testing.T, p *policy.Policy, name string, got denials) {
	t.Helper()
	different := 0
	for _, want := range probes() {
		ds := got[want.name]
		problem := ""
		switch {
		case want.class == "" && len(ds) == 0:
			continue
		case want.class == "":
			problem = "a denial that should be hidden"
		case len(ds) != 1:
			problem = fmt.Sprintf("%d denials", len(ds))
		default:
			problem = want.differs(p, ds[0])
		}
		if problem != "" {
			different++
			t.Errorf("%s: %s: %s", name, want.name, problem)
			for _, d := range ds {
				t.Logf("\t%s", d.Text)
			}
		}
	}
	guest.Report(t, name, len(probes()), different)
}

// differs says what is wrong with a probe's denial, and with what the policy
// says about it.
func (want probe) differs(p *policy.Policy, d *avc.Denial) string {
	got := fmt.Sprintf("%v %v %s %s %s %s", d.Verdict, d.Permissions, d.Source, d.Target.Type(), d.Class, d.Comm)
	should := fmt.Sprintf("%v [%s] unconfined_u:unconfined_r:sekittest_t:s0 %s %s probe", avc.Denied, want.permission, want.target, want.class)
	_, port, _ := d.Port()
	switch {
	case got != should:
		return got + ", not " + should
	case d.Permissive != avc.No:
		return "permissive is " + d.Permissive.String()
	case d.Exe != probeDir+"/probe" || d.Syscall == nil || d.Syscall.Success != avc.No:
		return fmt.Sprintf("exe %q, system call %+v", d.Exe, d.Syscall)
	case want.path != "" && d.Name != want.path[strings.LastIndexByte(want.path, '/')+1:] && d.Path != want.path:
		return fmt.Sprintf("name %q, path %q", d.Name, d.Path)
	case want.path != "" && d.FullPath != want.path:
		return fmt.Sprintf("full path %q (%v: %s)", d.FullPath, d.PathCertainty, d.PathReason)
	case port != want.port:
		return fmt.Sprintf("port %d", port)
	case d.Ioctlcmd != want.ioctl || d.HasIoctlcmd != (want.ioctl != 0):
		return fmt.Sprintf("ioctlcmd %#x", d.Ioctlcmd)
	case d.Capability != want.capability || d.HasCapability != (want.capability != 0):
		return fmt.Sprintf("capability %d", d.Capability)
	}
	decision, err := p.Decide(d.Access())
	if err != nil {
		return err.Error()
	}
	reasons := decision.Reasons()
	if decision.Allowed || len(reasons) != 1 || reasons[0].Kind() != want.reason {
		return fmt.Sprintf("the policy says allowed=%v for %v", decision.Allowed, reasons)
	}
	return ""
}

// whole keeps all of a denial but where it was read.
func whole(d avc.Denial) avc.Denial {
	d.Origin = avc.Origin{ID: d.ID}
	return d
}

// repeatable keeps what is the same when the probes run again.
func repeatable(d avc.Denial) avc.Denial {
	d.Origin = avc.Origin{}
	d.Pid, d.Inode = 0, 0
	d.Local.Port, d.Src.Port = 0, 0
	if d.Syscall != nil {
		s := *d.Syscall
		s.Pid, s.PPid, s.Args = 0, 0, [4]string{}
		d.Syscall = &s
	}
	return d
}

// compareSources compares two sources' denials of each probe, and of others.
func compareSources(t *testing.T, name string, a, b denials, keep func(avc.Denial) avc.Denial, others ...string) {
	t.Helper()
	names, different := others, 0
	for _, p := range probes() {
		names = append(names, p.name)
	}
	for _, p := range names {
		if x, y := text(t, a[p], keep), text(t, b[p], keep); x != y {
			different++
			t.Errorf("%s: %s:\n%s\n%s", name, p, x, y)
		}
	}
	guest.Report(t, name, len(names), different)
}

func text(t *testing.T, ds []*avc.Denial, keep func(avc.Denial) avc.Denial) string {
	t.Helper()
	var lines []string
	for _, d := range ds {
		data, err := json.Marshal(keep(*d))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(data))
	}
	return strings.Join(lines, "\n")
}

// TestKernelDontAudit shows a hidden denial by loading the policy, rewritten
// by internal/policydb without its dontaudit rules, into the kernel.
func TestKernelDontAudit(t *testing.T) {
	guest.Require(t)
	layOut(t)
	binary, err := os.ReadFile(guest.FS + "/policy")
	if err != nil {
		t.Fatal(err)
	}
	db, err := policydb.Decode(binary)
	if err != nil {
		t.Fatal(err)
	}
	db.AVTab = audited(db.AVTab)
	for i := range db.Conditionals {
		c := &db.Conditionals[i]
		c.True, c.False = audited(c.True), audited(c.False)
	}
	shown, err := policydb.Encode(db)
	if err != nil {
		t.Fatal(err)
	}
	load(t, shown)
	t.Cleanup(func() { load(t, binary) })

	offset := size(t, auditLog)
	pid, err := provoke(quiet)
	if err != nil {
		t.Fatalf("probe %v", err)
	}
	got := readLog(t, offset, mark(t)).of(t, map[int]string{pid: quiet})[quiet]
	if len(got) != 1 || got[0].Target.Type() != "sekittest_quiet_t" || !got[0].HasPermission("read") {
		t.Errorf("%d denials: %s", len(got), text(t, got, whole))
	}
	// What the kernel gives back is what was loaded, but for the order of the
	// rules: it keeps them in a hash table, whose size goes by their number.
	data, err := os.ReadFile(guest.FS + "/policy")
	if err != nil {
		t.Fatal(err)
	}
	back, err := policydb.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	different := 0
	if a, b := sorted(t, back), sorted(t, db); !bytes.Equal(a, b) {
		different = 1
		t.Errorf("the kernel gives another policy than was loaded: %d bytes, %d rules; not %d, %d", len(a), len(back.AVTab), len(b), len(db.AVTab))
	}
	guest.Report(t, "policy-encoded-loaded-read", 1, different)
}

func audited(rules []policydb.AVRule) []policydb.AVRule {
	var out []policydb.AVRule
	for _, r := range rules {
		if r.Kind != policydb.AuditDeny && r.Kind != policydb.XPermsDontAudit {
			out = append(out, r)
		}
	}
	return out
}

// sorted encodes the policy with its rules in the order of what they are about,
// and the extended permissions numbered anew by that.
func sorted(t *testing.T, db *policydb.Policy) []byte {
	t.Helper()
	slices.SortStableFunc(db.AVTab, func(a, b policydb.AVRule) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Target, b.Target),
			cmp.Compare(a.Class, b.Class), cmp.Compare(a.Kind, b.Kind))
	})
	var xperms []policydb.XPerms
	number := func(rules []policydb.AVRule) {
		for i, r := range rules {
			if r.Kind&policydb.XPermsKinds != 0 {
				rules[i].Data = uint32(len(xperms))
				xperms = append(xperms, db.XPerms[r.Data])
			}
		}
	}
	number(db.AVTab)
	for _, c := range db.Conditionals {
		number(c.True)
		number(c.False)
	}
	db.XPerms = xperms
	binary, err := policydb.Encode(db)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// load gives the kernel a policy, in the one write that it wants.
func load(t *testing.T, binary []byte) {
	t.Helper()
	if err := os.WriteFile(guest.FS+"/load", binary, 0); err != nil {
		t.Fatal(err)
	}
}

// TestKernelBoolean turns on the boolean that a denial's decision names: the
// access must go through then, and not when it is off again.
func TestKernelBoolean(t *testing.T) {
	guest.Require(t)
	layOut(t)
	const boolean, name = "sekittest_can_connect", "boolean"
	for _, on := range []bool{false, true, false} {
		setBooleans(t, map[string]bool{boolean: on})
		_, err := provoke(name)
		if denied := err == nil; denied == on {
			t.Errorf("boolean %v: denied %v (%v)", on, denied, err)
		}
		access := policy.Access{
			Source: policy.MustParseContext("unconfined_u:unconfined_r:sekittest_t:s0"),
			Target: policy.MustParseContext("system_u:object_r:sekittest_port_t:s0"),
			Class:  "tcp_socket", Permissions: []string{"name_connect"},
		}
		if d, err := loaded(t).Decide(access); err != nil || d.Allowed != on {
			t.Errorf("boolean %v: the policy says %v, %v", on, d.Allowed, err)
		}
	}
}

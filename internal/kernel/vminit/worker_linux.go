package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sekit/sekit/internal/kernel/job"
)

const (
	// payloadDir lies below a bin folder, so that what is written there is
	// bin_t, which every domain of the lane may execute.
	payloadDir = "/usr/local/bin/sekit"
	// outDir takes what programs want to hand back.
	outDir = "/tmp/sekit-out"
	// patience is how long a disk, or a daemon's end, is waited for.
	patience = time.Minute
)

// worker prepares the machine, runs the job and writes the result disk. It
// runs in init_t.
type worker struct {
	// systemd says that systemd is the first process: it has prepared the
	// machine and runs the services.
	systemd bool

	job    job.Job
	result job.Result
	files  []job.File
}

func runWorker() {
	_, err := os.Stat("/run/systemd/system")
	w := &worker{systemd: err == nil, result: job.Result{Timings: map[string]float64{}}}
	w.time("worker")
	payload, result, err := findDisks()
	if err == nil {
		w.problem("prepare", w.prepare())
		w.time("prepared")
		err = w.unpack(payload)
	}
	if err == nil {
		w.problem("auditd", w.startAuditd())
		w.startServices()
		w.time("ready")
		for _, p := range w.job.Programs {
			w.result.Outcomes = append(w.result.Outcomes, w.run(p))
		}
		w.time("done")
	}
	w.problem("job", err)
	w.collect()
	if result != "" {
		err = w.write(result)
	}
	if err != nil {
		say("no result: %v", err)
		os.Exit(1)
	}
}

func (w *worker) time(step string) { w.result.Timings[step] = uptime() }

func (w *worker) problem(what string, err error) {
	if err != nil {
		say("%s: %v", what, err)
		w.result.Problems = append(w.result.Problems, what+": "+err.Error())
	}
}

// prepare does what a distribution's init does before it starts anything:
// the nodes of /dev are older than the policy and have no proper context, nor
// has the console that the kernel opened for PID 1.
func (w *worker) prepare() error {
	if w.systemd {
		return nil
	}
	for _, m := range []mount{
		{"tmpfs", "/run", "tmpfs", "mode=0755"},
		{"tmpfs", "/tmp", "tmpfs", "mode=1777"},
		{"tmpfs", "/dev/shm", "tmpfs", "mode=1777"},
		{"devpts", "/dev/pts", "devpts", "gid=5,mode=620"},
	} {
		if err := m.do(); err != nil {
			return err
		}
	}
	if err := command("restorecon", "-RF", "/dev", "/run", "/tmp"); err != nil {
		return err
	}
	console, err := os.OpenFile("/dev/console", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	for fd := range 3 {
		if err := syscall.Dup3(int(console.Fd()), fd, 0); err != nil {
			return err
		}
	}
	return command("ip", "link", "set", "lo", "up")
}

// findDisks looks through the disks for the payload and the result disk.
func findDisks() (payload, result string, err error) {
	// Disks are probed in parallel with the boot: the root is there, the
	// others may be a moment late.
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		names, err := filepath.Glob("/sys/block/*")
		if err != nil {
			return "", "", err
		}
		for _, name := range names {
			disk := "/dev/" + filepath.Base(name)
			start, err := readStart(disk)
			switch {
			case err != nil:
			case job.IsPayload(start):
				payload = disk
			case job.IsEmpty(start):
				result = disk
			}
		}
		if payload != "" && result != "" {
			return payload, result, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return payload, result, fmt.Errorf("payload disk %q, result disk %q: %w", payload, result, fs.ErrNotExist)
}

func readStart(disk string) ([]byte, error) {
	f, err := os.Open(disk)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := make([]byte, 512)
	_, err = io.ReadFull(f, start)
	return start, err
}

func (w *worker) unpack(disk string) error {
	f, err := os.Open(disk)
	if err != nil {
		return err
	}
	defer f.Close()
	return job.Unpack(f, job.JobFile, &w.job, func(m job.File) error {
		name := filepath.Join(payloadDir, m.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return os.WriteFile(name, m.Data, m.Mode)
	})
}

// startAuditd starts auditd in its own domain and loads the job's rules.
func (w *worker) startAuditd() error {
	if !w.systemd {
		if err := command("auditd"); err != nil {
			return err
		}
	}
	for _, rule := range append([]string{"-b 8192", "-r 0"}, w.job.AuditRules...) {
		if err := command("auditctl", strings.Fields(rule)...); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) startServices() {
	if w.systemd {
		return
	}
	for _, service := range w.job.Services {
		argv := strings.Fields(service)
		w.problem("service", command(argv[0], argv[1:]...))
	}
}

// stopAuditd makes auditd write what it holds.
func stopAuditd() error {
	data, err := os.ReadFile("/run/auditd.pid")
	if err != nil {
		return err
	}
	var pid int
	if _, err := fmt.Sscan(string(data), &pid); err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("auditd does not stop")
}

// collect gathers the artifacts.
func (w *worker) collect() {
	w.problem("auditd", stopAuditd())
	w.addFile("audit.log", "/var/log/audit/audit.log")
	buf := make([]byte, 16<<20)
	if n, err := syscall.Klogctl(3, buf); err != nil { // SYSLOG_ACTION_READ_ALL
		w.problem("dmesg", err)
	} else {
		w.files = append(w.files, job.File{Name: "dmesg.txt", Mode: 0o644, Data: buf[:n]})
	}
	if _, err := os.Stat(outDir); err == nil {
		w.problem("out", filepath.WalkDir(outDir, func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				rel, _ := filepath.Rel(outDir, name)
				w.addFile(rel, name)
			}
			return err
		}))
	}
	w.time("collected")
}

func (w *worker) addFile(as, name string) {
	data, err := os.ReadFile(name)
	if err != nil {
		w.problem(as, err)
		return
	}
	w.files = append(w.files, job.File{Name: as, Mode: 0o644, Data: data})
}

func (w *worker) write(disk string) error {
	var b bytes.Buffer
	if err := job.Pack(&b, job.ResultFile, w.result, w.files); err != nil {
		return err
	}
	if b.Len() > job.MaxResult {
		return fmt.Errorf("the result has %d bytes, its disk %d", b.Len(), job.MaxResult)
	}
	f, err := os.OpenFile(disk, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// command runs a tool of the system; what it says is in the error.
func command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

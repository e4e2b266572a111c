//go:build kernel && linux

package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/sekit/sekit/internal/kernel/job"
)

const qemu = "qemu-system-x86_64"

// VM boots an image. The image is never written to: each boot sees it fresh,
// unless it is given a disk to keep what is written.
type VM struct {
	Image     *Image
	Disk      string        // a copy of the image's root, or ""
	Artifacts string        // a folder for console.txt and what the guest hands back
	Limit     time.Duration // of a boot, after which qemu is killed
	Console   io.Writer     // where the console is copied to; may be nil
}

// Run is what came of a boot.
type Run struct {
	Result *job.Result
	Output map[string][]byte // of each program
	// Took is the time from start to power-off, and CPU what qemu used of it:
	// the lane's length on an idle host.
	Took, CPU time.Duration
}

// boots is how often a machine is started that stays silent, and silence how
// long it may: PID 1 says its first word within seconds. An emulator that gets
// stuck before that, once in hundreds of boots, has run nothing of ours and
// written nothing to the disk, so starting it again hides no failure.
const (
	boots   = 3
	silence = 2 * time.Minute
)

// Run boots the machine and lets it do j with the files.
func (vm *VM) Run(ctx context.Context, j job.Job, files []job.File) (*Run, error) {
	tmp, err := os.MkdirTemp("", "sekit-kernel-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	payload, result := filepath.Join(tmp, "payload"), filepath.Join(tmp, "result")
	if err := writePayload(payload, j, files); err != nil {
		return nil, err
	}
	if err := os.WriteFile(result, []byte(job.EmptyDisk), 0o600); err != nil {
		return nil, err
	}
	if err := os.Truncate(result, job.MaxResult); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, vm.Limit,
		fmt.Errorf("the machine did not power off within %v: %w", vm.Limit, context.DeadlineExceeded))
	defer cancel()
	run := new(Run)
	text, err := vm.boot(ctx, payload, result, run)
	for n := 1; errors.Is(err, errSilent) && n < boots; n++ {
		fmt.Printf("KERNEL silent-boot %d of %d cpu=%.1fs\n", n, boots, run.CPU.Seconds())
		text, err = vm.boot(ctx, payload, result, run)
	}
	if writeErr := os.WriteFile(filepath.Join(vm.Artifacts, "console.txt"), text, 0o644); err == nil {
		err = writeErr
	}
	if err == nil {
		run.Result, run.Output, err = vm.read(result)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; the console's end:\n%s", err, tail(text, 6000))
	}
	return run, nil
}

func (vm *VM) boot(ctx context.Context, payload, result string, run *Run) (text []byte, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	silent := time.AfterFunc(silence, func() { stop(errSilent) })
	defer silent.Stop()
	out := &console{
		speaks: func() { silent.Stop() },
		cut:    func() { time.AfterFunc(rand.N(3*time.Second), func() { stop(errPowerCut) }) },
	}
	cmd := exec.CommandContext(ctx, qemu, vm.arguments(payload, result)...)
	cmd.Stdout = out
	if vm.Console != nil {
		cmd.Stdout = io.MultiWriter(out, vm.Console)
	}
	cmd.Stderr = cmd.Stdout
	cmd.WaitDelay = 5 * time.Second
	// qemu must not outlive a killed test. The signal comes when the thread
	// that forked ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := time.Now()
	err = cmd.Run()
	run.Took = time.Since(start)
	if cmd.ProcessState != nil {
		run.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return out.Bytes(), err
}

var (
	// errPowerCut is the end of a machine that has asked for it. It has no
	// result.
	errPowerCut = errors.New("the power was cut")
	errSilent   = fmt.Errorf("the machine said nothing for %v", silence)
)

// console keeps what the machine prints, tells that it does, and cuts its
// power off when it asks for that.
type console struct {
	bytes.Buffer
	speaks, cut func()
	done        bool
}

func (c *console) Write(p []byte) (int, error) {
	c.speaks()
	n, err := c.Buffer.Write(p)
	if !c.done && bytes.Contains(c.Bytes(), []byte(job.PowerCut)) {
		c.done = true
		c.cut()
	}
	return n, err
}

// arguments are what proved to work without KVM. cx16 is off because QEMU 7.2
// emulates it wrongly now and then, which newer kernels do not survive; one
// processor boots faster than two that share a busy host's.
func (vm *VM) arguments(payload, result string) []string {
	cmdline := "console=ttyS0 root=PARTLABEL=sekit-root rootwait rw rootfstype=ext4 security=selinux selinux=1 enforcing=1 " +
		"audit=1 audit_backlog_limit=8192 log_buf_len=16M panic=-1 quiet mitigations=off tsc=reliable systemd.show_status=1 init=" + vm.Image.Init
	args := []string{
		"-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,-cx16", "-smp", "1", "-m", "1G",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
		"-kernel", vm.Image.Kernel, "-append", cmdline,
	}
	// What is written to the root goes to a file that has no name.
	root, options := vm.Image.Root, "snapshot=on,cache=unsafe"
	if vm.Disk != "" {
		root, options = vm.Disk, "cache=writeback"
	}
	for _, d := range []struct{ id, file, options string }{
		{"root", root, options},
		{"payload", payload, "readonly=on"},
		{"result", result, "cache=unsafe"},
	} {
		// A comma in a file's name is doubled.
		name := strings.ReplaceAll(d.file, ",", ",,")
		args = append(args, "-drive", fmt.Sprintf("if=none,id=%s,format=raw,%s,file=%s", d.id, d.options, name),
			"-device", fmt.Sprintf("nvme,serial=%s,drive=%s", d.id, d.id))
	}
	return args
}

func writePayload(name string, j job.Job, files []job.File) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := job.Pack(f, job.JobFile, j, files); err != nil {
		return err
	}
	// A disk is a whole number of sectors.
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := f.Truncate((size + 4095) / 4096 * 4096); err != nil {
		return err
	}
	return f.Close()
}

// read reads the result disk; NAME.out is a program's output, the rest goes
// to the artifacts too.
func (vm *VM) read(name string) (*job.Result, map[string][]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	start := make([]byte, len(job.EmptyDisk))
	if _, err := io.ReadFull(f, start); err != nil {
		return nil, nil, err
	}
	if job.IsEmpty(start) {
		return nil, nil, errors.New("the machine powered off without a result")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	res, output := new(job.Result), map[string][]byte{}
	err = job.Unpack(f, job.ResultFile, res, func(m job.File) error {
		if program, ok := strings.CutSuffix(m.Name, ".out"); ok {
			output[program] = m.Data
		}
		name := filepath.Join(vm.Artifacts, m.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return os.WriteFile(name, m.Data, 0o644)
	})
	if err != nil {
		return nil, nil, err
	}
	return res, output, nil
}

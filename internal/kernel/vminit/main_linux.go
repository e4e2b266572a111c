// Vminit is PID 1 of the kernel lane's virtual machine. It loads the policy,
// executes itself again to enter init_t, starts a worker that runs the job on
// the payload disk, reaps what it inherits and powers off, whatever happens.
// Where systemd is PID 1, it starts the worker alone, as a service.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

const (
	self      = "/sbin/vminit"
	selinuxfs = "/sys/fs/selinux"
	// workerLimit is the boot's time limit, should the worker hang beyond the
	// limits of its programs. The host has its own for the whole machine.
	workerLimit = 2 * time.Hour
)

func main() {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "worker":
		runWorker()
	case os.Getpid() != 1:
		fmt.Fprintln(os.Stderr, "vminit: to be run as PID 1 of a virtual machine")
		os.Exit(2)
	case len(os.Args) > 1 && os.Args[1] == "loaded":
		supervise()
	default:
		if err := enterPolicy(); err != nil {
			say("cannot load the policy: %v", err)
		}
		powerOff()
	}
}

// enterPolicy loads the policy and executes vminit again: the kernel computes
// init_t from kernel_t and init_exec_t only at an execve.
func enterPolicy() error {
	for _, m := range []mount{
		{"proc", "/proc", "proc", ""},
		{"sysfs", "/sys", "sysfs", ""},
		{"devtmpfs", "/dev", "devtmpfs", "mode=0755"},
		{"selinuxfs", selinuxfs, "selinuxfs", ""},
	} {
		if err := m.do(); err != nil {
			return err
		}
	}
	if err := loadPolicy(); err != nil {
		return err
	}
	return syscall.Exec(self, []string{self, "loaded"}, environment())
}

// supervise starts the worker, reaps every process that loses its parent and
// powers off when the worker is done. It must not use os/exec: it waits for
// any child.
func supervise() {
	defer powerOff()
	p, err := os.StartProcess(self, []string{self, "worker"}, &os.ProcAttr{
		Dir: "/", Env: environment(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		say("cannot start the worker: %v", err)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, 0, nil)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || pid == p.Pid {
				if status != 0 {
					say("the worker ended with status %#x", int(status))
				}
				return
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(workerLimit):
		say("the worker ran longer than %v", workerLimit)
	}
}

func powerOff() {
	if r := recover(); r != nil {
		say("panic: %v\n%s", r, debug.Stack())
	}
	syscall.Sync()
	err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	// PID 1 must not return: the kernel would panic, which also ends the VM.
	say("power off: %v", err)
	os.Exit(1)
}

func environment() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C", "TERM=dumb"}
}

// say writes a line to the console, with the uptime.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, "vminit[%.2f] %s\n", uptime(), strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// uptime is in seconds since the kernel's start, 0 before /proc is there.
func uptime() float64 {
	var seconds float64
	if data, err := os.ReadFile("/proc/uptime"); err == nil {
		if _, err := fmt.Sscan(string(data), &seconds); err != nil {
			return 0
		}
	}
	return seconds
}

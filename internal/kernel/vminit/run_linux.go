package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/sekit/sekit/internal/kernel/job"
)

// run runs one program; its output goes to the console too, where it can be
// followed and where it is left if the machine hangs.
func (w *worker) run(p job.Program) job.Outcome {
	o := job.Outcome{Name: p.Name, ExitCode: -1}
	out := filepath.Join(outDir, p.Name)
	if err := os.MkdirAll(out, 0o777); err != nil {
		o.Problem = err.Error()
		return o
	}
	var output bytes.Buffer
	start := time.Now()
	cmd := exec.Command(filepath.Join(payloadDir, p.Args[0]), p.Args[1:]...)
	cmd.Dir = filepath.Join(payloadDir, filepath.Dir(p.Args[0]))
	cmd.Env = append(append(os.Environ(), "SEKIT_KERNEL_OUT="+out), p.Env...)
	cmd.Stdout = io.MultiWriter(&output, os.Stdout)
	cmd.Stderr = cmd.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = 5 * time.Second
	err := startIn(cmd, w.job.Context)
	if err == nil {
		stop := w.limit(cmd.Process.Pid, time.Duration(p.Seconds)*time.Second, &o)
		err = cmd.Wait()
		stop()
	}
	o.Seconds = time.Since(start).Seconds()
	var exit *exec.ExitError
	switch {
	case err == nil:
		o.ExitCode = 0
	case errors.As(err, &exit):
		o.ExitCode = exit.ExitCode()
		if o.ExitCode < 0 {
			o.Problem = exit.String()
		}
	default:
		o.Problem = err.Error()
	}
	w.files = append(w.files, job.File{Name: p.Name + ".out", Mode: 0o644, Data: output.Bytes()})
	return o
}

// startIn starts cmd with another SELinux context. The attribute belongs to
// the thread that forks.
func startIn(cmd *exec.Cmd, context string) error {
	if context == "" {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const attr = "/proc/thread-self/attr/exec"
	if err := writeExisting(attr, []byte(context)); err != nil {
		return fmt.Errorf("context %q: %w", context, err)
	}
	err := cmd.Start()
	if resetErr := writeExisting(attr, []byte{0}); err == nil && resetErr != nil {
		say("reset of %s: %v", attr, resetErr)
	}
	return err
}

// writeExisting does without the O_CREATE of os.WriteFile, which asks SELinux
// for more.
func writeExisting(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// limit ends the process group of pid after d, unless the function that it
// returns is called before.
func (w *worker) limit(pid int, d time.Duration, o *job.Outcome) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-done:
			return
		case <-time.After(d):
		}
		o.TimedOut = true
		say("%s runs longer than %v", o.Name, d)
		// A Go program answers SIGQUIT with its goroutines.
		for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
			if err := syscall.Kill(-pid, sig); err != nil {
				say("%v: %v", sig, err)
			}
			select {
			case <-done:
				return
			case <-time.After(3 * time.Second):
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

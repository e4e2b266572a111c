package tool

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long a tool that is told to end may take to tidy up: libsemanage
// removes its sandbox and its locks.
const grace = 5 * time.Second

// Find implements [Runner].
func (e Exec) Find(name string) (string, error) {
	if err := (Command{Args: []string{name}}).Check(); err != nil {
		return "", err
	}
	for _, dir := range Dirs() {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", &Error{Args: []string{name}, ExitCode: -1, Err: &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}}
}

// Run implements [Runner].
func (e Exec) Run(ctx context.Context, c Command) (Result, error) {
	if err := c.Check(); err != nil {
		return Result{}, err
	}
	file, err := e.Find(c.Args[0])
	if err != nil {
		return Result{}, err
	}
	dir := "/"
	if len(c.Files) > 0 {
		if dir, err = e.putFiles(c.Files); err != nil {
			return Result{}, &Error{Args: c.Args, ExitCode: -1, Err: err}
		}
		defer os.RemoveAll(dir)
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return e.run(ctx, c, file, dir)
}

func (e Exec) run(ctx context.Context, c Command, file, dir string) (Result, error) {
	stdout := &bounded{limit: c.MaxOutput}
	if stdout.limit <= 0 {
		stdout.limit = DefaultMaxOutput
	}
	stderr := &headTail{}
	cmd := exec.CommandContext(ctx, file, c.Args[1:]...)
	cmd.Args[0] = c.Args[0]
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + strings.Join(Dirs(), ":"), "LC_ALL=C"}
	cmd.Stdin = bytes.NewReader(c.Stdin)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	if cmd.Process != nil && (ctx.Err() != nil || stdout.over) {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // what it started and left behind
	}
	failed := func(code int, err error) (Result, error) {
		return Result{}, &Error{Args: c.Args, ExitCode: code, Stderr: stderr.bytes(), Err: err}
	}
	var exit *exec.ExitError
	switch {
	case err == nil && c.MustPrint && stdout.buf.Len() == 0:
		return failed(0, ErrNoOutput)
	case err == nil:
		return Result{Stdout: stdout.buf.Bytes(), Stderr: stderr.bytes()}, nil
	case stdout.over:
		return failed(-1, ErrTooMuchOutput)
	case ctx.Err() != nil:
		return failed(-1, context.Cause(ctx))
	case errors.As(err, &exit):
		if code := exit.ExitCode(); code >= 0 {
			return failed(code, ErrExit)
		}
		return failed(-1, errors.Join(ErrExit, errors.New(exit.ProcessState.String())))
	}
	return failed(-1, err)
}

// putFiles puts files in a new directory.
func (e Exec) putFiles(files []File) (dir string, err error) {
	if dir, err = os.MkdirTemp(e.TempDir, "sekit-"); err != nil {
		return "", err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			os.RemoveAll(dir)
			return "", err
		}
	}
	return dir, nil
}

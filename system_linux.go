package sekit

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/opencontainers/selinux/go-selinux"

	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/policy"
)

// Open reads the System of this machine: the policy that its kernel enforces,
// booleans as they are set, with the file contexts and port records in
// /etc/selinux and /var/lib/selinux. Reading the policy takes the permission
// security:read_policy, reading local port records root.
//
// It returns [ErrDisabled] if SELinux is not enabled, and an error that wraps
// [errors.ErrUnsupported] where the OS is not Linux.
func Open() (*System, error) {
	if !enabled() {
		return nil, ErrDisabled
	}
	p, err := policy.Open(selinuxfs + "/policy")
	if err != nil {
		return nil, err
	}
	root := os.DirFS("/")
	name, err := policyType(root)
	if err != nil {
		return nil, err
	}
	s := &System{Policy: p, FileContext: fileContext}
	if err := s.addFiles(root, "", name, os.DirFS(selinuxfs)); err != nil {
		return nil, err
	}
	return s, nil
}

// enabled reports whether the kernel runs with SELinux.
func enabled() bool {
	_, ok := managed.Selinuxfs()
	return ok
}

func fileContext(name string) (policy.Context, error) {
	text, err := selinux.LfileLabel(name)
	if err != nil {
		return policy.Context{}, fmt.Errorf("context of %s: %w", name, err)
	}
	return policy.ParseContext(text)
}

// ReadState reads the state of this machine's SELinux. Where SELinux is
// disabled, that is what it says. What only root may read is left out for
// others.
func ReadState() (*State, error) {
	if !enabled() {
		return readState(os.DirFS("/"), nil)
	}
	return readState(os.DirFS("/"), os.DirFS(selinuxfs))
}

// ContextOfProcess returns the context of a process of this machine; pid 0
// stands for this process, and says that of the thread that asks.
func ContextOfProcess(pid int) (policy.Context, error) {
	if !enabled() {
		return policy.Context{}, ErrDisabled
	}
	name := "thread-self"
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	return processContext(os.DirFS("/proc"), name)
}

// ContextOfPeer returns the context of the process at the other end of a
// connected socket (SO_PEERSEC): a Unix socket, or a network socket between
// machines that label packets.
func ContextOfPeer(c syscall.Conn) (policy.Context, error) {
	if !enabled() {
		return policy.Context{}, ErrDisabled
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return policy.Context{}, err
	}
	var text string
	var failed error
	if err := raw.Control(func(fd uintptr) { text, failed = selinux.PeerLabel(fd) }); err != nil {
		return policy.Context{}, err
	}
	if failed != nil {
		return policy.Context{}, fmt.Errorf("context of a socket's peer: %w", failed)
	}
	return parseContext(text)
}

// ProgramOfProcess returns the program that a process of this machine runs, for
// [System.Confinement], as it would be started anew by the first process.
func ProgramOfProcess(pid int) (Program, error) {
	if !enabled() {
		return Program{}, ErrDisabled
	}
	proc := os.DirFS("/proc")
	var q Program
	var err error
	if q.Exe, err = processExe(proc, pid); err != nil {
		return Program{}, err
	}
	if q.Exe == "" {
		return Program{}, fmt.Errorf("process %d has no executable file: %w", pid, fs.ErrNotExist)
	}
	if q.Context, err = processContext(proc, strconv.Itoa(pid)); err != nil {
		return Program{}, err
	}
	q.Starter, err = processContext(proc, "1")
	return q, err
}

//go:build kernelguest && linux

package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The probes run in sekittest_t (image/sekittest.cil), which the test binary
// enters by being executed again from a file of the type sekittest_exec_t.

const (
	probeDir = "/srv/sekittest"
	oddName  = "odd \"name\"\nof\tthree parts"
	ownPort  = 7711 // sekittest_port_t
	noPort   = 7712 // sekittest_other_port_t
	anyPort  = 7799 // nobody's: unreserved_port_t

	// foreign is a file where the file contexts expect nothing in particular.
	foreignDir = "/srv/elsewhere"
	foreign    = foreignDir + "/file"
)

// probe is one access that the policy denies.
type probe struct {
	name  string
	do    func() error
	errno syscall.Errno

	// What the record must say. An empty class: there must be no record.
	class, permission, target string
	// path is the object's path, port its port, ioctl the command, capability
	// the number; the zero value is not looked at.
	path       string
	port       uint16
	ioctl      uint16
	capability int
	// reason is the kind of the one reason that the policy package gives.
	reason string
}

const sysChroot = 18 // CAP_SYS_CHROOT

func probes() []probe {
	in := func(name string) string { return probeDir + "/" + name }
	return []probe{
		{name: "file read", do: open(in("secret")), class: "file", permission: "read", target: "sekittest_secret_t", path: in("secret"), reason: "no-rule"},
		{name: "odd name", do: open(in(oddName)), class: "file", permission: "read", target: "sekittest_secret_t", path: in(oddName), reason: "no-rule"},
		{name: "foreign path", do: open(foreign), class: "file", permission: "read", target: "var_t", path: foreign, reason: "no-rule"},
		{name: "dir search", do: open(in("closed/file")), class: "dir", permission: "search", target: "sekittest_secret_t", path: in("closed"), reason: "no-rule"},
		{name: "file setattr", do: func() error { return syscall.Chmod(in("data"), 0o600) }, class: "file", permission: "setattr", target: "sekittest_data_t", path: in("data"), reason: "no-rule"},
		{name: "unlink", do: func() error { return syscall.Unlink(in("litter")) }, class: "file", permission: "unlink", target: "sekittest_secret_t", path: in("litter"), reason: "no-rule"},
		{name: "sock_file write", do: connectUnix(in("socket")), class: "sock_file", permission: "write", target: "sekittest_secret_t", path: in("socket"), reason: "no-rule"},
		{name: "name_bind", do: bind(noPort), class: "tcp_socket", permission: "name_bind", target: "sekittest_other_port_t", port: noPort, reason: "no-rule"},
		{name: "unregistered port", do: bind(anyPort), class: "tcp_socket", permission: "name_bind", target: "unreserved_port_t", port: anyPort, reason: "no-rule"},
		{name: "name_connect", do: connect(noPort), class: "tcp_socket", permission: "name_connect", target: "sekittest_other_port_t", port: noPort, reason: "no-rule"},
		{name: "boolean", do: connect(ownPort), class: "tcp_socket", permission: "name_connect", target: "sekittest_port_t", port: ownPort, reason: "rule-off"},
		{name: "execute", do: execute(in("tool")), class: "file", permission: "execute", target: "sekittest_secret_t", path: in("tool"), reason: "no-rule"},
		{name: "transition", do: execute(in("other")), class: "process", permission: "transition", target: "sekittest_other_t", reason: "no-rule"},
		{name: "execmem", do: execmem, class: "process", permission: "execmem", target: "sekittest_t", reason: "no-rule"},
		{name: "signull", do: func() error { return syscall.Kill(syscall.Getppid(), 0) }, class: "process", permission: "signull", target: "unconfined_t", reason: "no-rule"},
		{name: "capability", do: func() error { return syscall.Chroot("/") }, errno: syscall.EPERM, class: "capability", permission: "sys_chroot", target: "sekittest_t", capability: sysChroot, reason: "no-rule"},
		{name: "ioctl", do: ioctl(in("data"), unix.TCGETS), class: "file", permission: "ioctl", target: "sekittest_data_t", path: in("data"), ioctl: unix.TCGETS, reason: "xperm"},
		{name: "netlink", do: netlinkAudit, class: "netlink_audit_socket", permission: "create", target: "sekittest_t", reason: "no-rule"},
		{name: "categories", do: open(in("category")), class: "file", permission: "read", target: "sekittest_data_t", path: in("category"), reason: "constraint"},
		{name: "constraint", do: createAs(in("new"), "system_u:object_r:sekittest_data_t:s0"), class: "file", permission: "create", target: "sekittest_data_t", reason: "constraint"},
		{name: quiet, do: open(in("quiet"))},
	}
}

// quiet is the probe whose denial a dontaudit rule hides.
const quiet = "dontaudit"

// TestMain makes the test binary a probe when it is asked to be one.
func TestMain(m *testing.M) {
	name := os.Getenv("SEKIT_PROBE")
	if name == "" {
		os.Exit(m.Run())
	}
	for _, p := range append(probes(), probe{name: helloFrom, do: hello}, probe{name: startFrom, do: startUnit},
		probe{name: "greeter", do: greeter}, probe{name: "writer", do: writer}, probe{name: "refused", do: refused}) {
		if p.name != name {
			continue
		}
		// Attributes and system calls belong to the thread.
		runtime.LockOSThread()
		want := p.errno
		if want == 0 {
			want = syscall.EACCES
		}
		if err := p.do(); !errors.Is(err, want) {
			fmt.Printf("%s: %v, not %v", name, err, want)
			os.Exit(1)
		}
		os.Exit(0)
	}
	fmt.Printf("no probe %q", name)
	os.Exit(2)
}

// provoke runs a probe and returns its process. The error is what the access
// gave, if it was not denied.
func provoke(name string) (pid int, err error) {
	cmd := exec.Command(probeDir + "/probe")
	cmd.Env = []string{"SEKIT_PROBE=" + name, "GOMAXPROCS=1"}
	cmd.Dir = "/"
	out, err := os.OpenFile(probeDir+"/output", os.O_RDWR|os.O_TRUNC, 0)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	if cmd.Process == nil {
		return 0, err
	}
	if err != nil {
		said, readErr := os.ReadFile(out.Name())
		err = fmt.Errorf("%s: %w: %s (%v)", name, err, said, readErr)
	}
	return cmd.Process.Pid, err
}

// layOut makes what the probes touch.
func layOut(t *testing.T) {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	const user = "system_u:object_r:"
	for _, f := range []struct {
		name, typ string
		dir       bool
		data      []byte
	}{
		{name: "", typ: "sekittest_data_t:s0", dir: true},
		{name: "litter", typ: "sekittest_secret_t:s0"},
		{name: "closed", typ: "sekittest_secret_t:s0", dir: true},
		{name: "closed/file", typ: "sekittest_data_t:s0"},
		{name: "secret", typ: "sekittest_secret_t:s0"},
		{name: oddName, typ: "sekittest_secret_t:s0"},
		{name: "tool", typ: "sekittest_secret_t:s0", data: self},
		{name: "other", typ: "sekittest_other_exec_t:s0", data: self},
		{name: "probe", typ: "sekittest_exec_t:s0", data: self},
		{name: "data", typ: "sekittest_data_t:s0"},
		{name: "output", typ: "sekittest_data_t:s0"},
		{name: "category", typ: "sekittest_data_t:s0:c5"},
		{name: "quiet", typ: "sekittest_quiet_t:s0"},
		{name: "socket", typ: "sekittest_secret_t:s0"},
	} {
		name := strings.TrimSuffix(probeDir+"/"+f.name, "/")
		switch {
		case f.dir:
			err = os.MkdirAll(name, 0o755)
		case f.name == "socket":
			err = listenUnix(t, name)
		default:
			err = os.WriteFile(name, f.data, 0o755)
		}
		if err == nil {
			err = unix.Lsetxattr(name, "security.selinux", []byte(user+f.typ), 0)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if err := os.MkdirAll(foreignDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(foreign, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		os.RemoveAll(probeDir)
		os.RemoveAll(foreignDir)
	})
}

// listenUnix listens as sekittest_t would: the test's own categories would keep
// the probe off.
func listenUnix(t *testing.T, name string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const attr = "/proc/thread-self/attr/sockcreate"
	if err := os.WriteFile(attr, []byte("unconfined_u:unconfined_r:sekittest_t:s0"), 0); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err := errors.Join(err, os.WriteFile(attr, []byte{0}, 0)); err != nil {
		return err
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		return err
	}
	return unix.Listen(fd, 1)
}

func open(name string) func() error {
	return func() error {
		_, err := syscall.Open(name, syscall.O_RDONLY, 0)
		return err
	}
}

func execute(name string) func() error {
	// What is executed is the test binary: no probe, and so no success.
	return func() error { return syscall.Exec(name, []string{name}, []string{"SEKIT_PROBE=none"}) }
}

func execmem() error {
	_, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	return err
}

func ioctl(name string, command uint) func() error {
	return func() error {
		fd, err := unix.Open(name, unix.O_RDONLY, 0)
		if err != nil {
			return fmt.Errorf("open: %v", err) // not to be taken for the ioctl's
		}
		_, err = unix.IoctlGetInt(fd, command)
		return err
	}
}

func netlinkAudit() error {
	_, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT)
	return err
}

func tcp() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		err = fmt.Errorf("socket: %v", err)
	}
	return fd, err
}

func bind(port int) func() error {
	return func() error {
		fd, err := tcp()
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
}

func connect(port int) func() error {
	return func() error {
		fd, err := tcp()
		if err != nil {
			return err
		}
		return unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
}

func connectUnix(name string) func() error {
	return func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return fmt.Errorf("socket: %v", err)
		}
		return unix.Connect(fd, &unix.SockaddrUnix{Name: name})
	}
}

// createAs creates a file with another context than the policy would give it.
func createAs(name, context string) func() error {
	return func() error {
		fd, err := unix.Open("/proc/thread-self/attr/fscreate", unix.O_WRONLY, 0)
		if err == nil {
			_, err = unix.Write(fd, []byte(context))
		}
		if err != nil {
			return fmt.Errorf("fscreate: %v", err)
		}
		_, err = unix.Open(name, unix.O_CREAT|unix.O_WRONLY, 0o600)
		return err
	}
}

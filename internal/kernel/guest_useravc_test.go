//go:build kernelguest && linux

package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/internal/kernel/guest"
)

const (
	bus       = "/run/dbus/system_bus_socket"
	helloFrom = "hello"
)

// hello is the probe that says hello to the system bus, which the policy does
// not let it: the bus looks at the message, refuses it and tells the audit
// system. An access of this kind is never the kernel's own to deny.
func hello() error {
	return callBus(bus, dbusCall("/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"))
}

// callBus makes a call on a bus that listens on a socket. Its error is EACCES if
// the answer is that access is denied.
func callBus(socket string, message []byte) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return fmt.Errorf("socket: %v", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
		return fmt.Errorf("connect: %v", err)
	}
	// The uid is 0, in hex of its digits (D-Bus specification, EXTERNAL). Once
	// the answer is there, BEGIN has been read, too: systemd overlooks a message
	// that it reads with it.
	if _, err := unix.Write(fd, []byte("\x00AUTH EXTERNAL 30\r\nBEGIN\r\n")); err != nil {
		return fmt.Errorf("auth: %v", err)
	}
	buf := make([]byte, 4096)
	read := func() (int, error) {
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds())); n != 1 {
			return 0, fmt.Errorf("nothing for %v: %v", patience, err)
		}
		return unix.Read(fd, buf)
	}
	if n, err := read(); err != nil || !bytes.HasPrefix(buf[:n], []byte("OK ")) {
		return fmt.Errorf("auth: %q, %v", buf[:n], err)
	}
	if _, err := unix.Write(fd, message); err != nil {
		return fmt.Errorf("call: %v", err)
	}
	n, err := read()
	if err != nil {
		return fmt.Errorf("answer: %v", err)
	}
	if bytes.Contains(buf[:n], []byte("org.freedesktop.DBus.Error.AccessDenied")) {
		return syscall.EACCES
	}
	return fmt.Errorf("answer: %q", buf[:n])
}

// dbusCall is a method call as the D-Bus specification has it: a header in
// little-endian with an array of fields, each a code and a variant, aligned to
// 8; then the arguments, all of them strings. The destination is called as the
// interface is, but for Manager at the end.
func dbusCall(path, iface, member string, args ...string) []byte {
	text := func(b []byte, s string) []byte {
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		return append(append(b, s...), 0)
	}
	var body, fields []byte
	for _, a := range args {
		body = text(body, a)
	}
	field := func(code, signature byte) {
		for len(fields)%8 != 0 {
			fields = append(fields, 0)
		}
		fields = append(fields, code, 1, signature, 0)
	}
	for _, f := range []struct {
		code      byte
		signature byte
		value     string
	}{
		{1, 'o', path}, {2, 's', iface}, {3, 's', member}, {6, 's', strings.TrimSuffix(iface, ".Manager")},
	} {
		field(f.code, f.signature)
		fields = text(fields, f.value)
	}
	if len(args) > 0 {
		field(8, 'g')
		fields = append(append(append(fields, byte(len(args))), strings.Repeat("s", len(args))...), 0)
	}
	// Order, type (a method call), flags, version; the length of the body, the
	// serial, the length of the fields.
	m := []byte{'l', 1, 0, 1}
	m = binary.LittleEndian.AppendUint32(m, uint32(len(body)))
	m = binary.LittleEndian.AppendUint32(m, 1)
	m = binary.LittleEndian.AppendUint32(m, uint32(len(fields)))
	m = append(m, fields...)
	for len(m)%8 != 0 {
		m = append(m, 0)
	}
	return append(m, body...)
}

// TestKernelUserAVC reads a denial of an object manager, dbus-daemon, live, from
// auditd's log and from the kernel's: one Denial.
func TestKernelUserAVC(t *testing.T) {
	guest.Require(t)
	layOut(t)

	offset := size(t, auditLog)
	live, pids, end := sayHello(t)
	log := readLog(t, offset, end).of(t, pids)[helloFrom]
	withoutAuditd(t)
	live2, pids, end := sayHello(t)
	kmsg := readKmsg(t, end).of(t, pids)[helloFrom]

	different := 0
	for name, got := range map[string][]*avc.Denial{"auditd": log, "netlink": live, "kmsg": kmsg, "netlink, without auditd": live2} {
		problem := "not one denial"
		if len(got) == 1 {
			problem = wrongHello(got[0])
		}
		if problem != "" {
			different++
			t.Errorf("%s: %s:\n%s", name, problem, text(t, got, whole))
		}
	}
	for _, pair := range [][2][]*avc.Denial{{log, live}, {kmsg, live2}} {
		if a, b := text(t, pair[0], whole), text(t, pair[1], whole); a != b {
			different++
			t.Errorf("they differ:\n%s\n%s", a, b)
		}
	}
	guest.Report(t, "user-avc", 6, different)
}

// wrongHello says what is wrong with the record of hello.
func wrongHello(d *avc.Denial) string {
	got := fmt.Sprintf("%v %v %s %s %s", d.Verdict, d.Permissions, d.Source, d.Target.Type(), d.Class)
	const want = "denied [send_msg] unconfined_u:unconfined_r:sekittest_t:s0 system_dbusd_t dbus"
	switch {
	case got != want:
		return got + ", not " + want
	case d.Manager == nil || d.Manager.Context.Type() != "system_dbusd_t" || d.Manager.Exe != "/usr/bin/dbus-daemon":
		return fmt.Sprintf("manager %+v", d.Manager)
	}
	return ""
}

// sayHello runs the probe and returns what netlink told of it, its process, and
// that of the end mark.
func sayHello(t *testing.T) (live []*avc.Denial, pids map[int]string, end int) {
	t.Helper()
	listen := listener(t)
	pid, err := provoke(helloFrom)
	if err != nil {
		t.Errorf("probe %v", err)
	}
	end = mark(t)
	pids = map[int]string{pid: helloFrom}
	return listen(end).of(t, pids)[helloFrom], pids, end
}

//go:build kernelguest && linux

package kernel

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

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
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return fmt.Errorf("socket: %v", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: bus}); err != nil {
		return fmt.Errorf("connect: %v", err)
	}
	// The uid is 0, in hex of its digits (D-Bus specification, EXTERNAL).
	if _, err := unix.Write(fd, []byte("\x00AUTH EXTERNAL 30\r\n")); err != nil {
		return fmt.Errorf("auth: %v", err)
	}
	buf := make([]byte, 1024)
	if n, err := unix.Read(fd, buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("OK ")) {
		return fmt.Errorf("auth: %q, %v", buf[:n], err)
	}
	if _, err := unix.Write(fd, append([]byte("BEGIN\r\n"), helloMessage()...)); err != nil {
		return fmt.Errorf("hello: %v", err)
	}
	n, err := unix.Read(fd, buf)
	if err != nil {
		return fmt.Errorf("answer: %v", err)
	}
	if bytes.Contains(buf[:n], []byte("org.freedesktop.DBus.Error.AccessDenied")) {
		return syscall.EACCES
	}
	return fmt.Errorf("answer: %q", buf[:n])
}

// helloMessage is a call of org.freedesktop.DBus.Hello, as the D-Bus
// specification has it: a header in little-endian with an array of fields, each
// a code and a variant, aligned to 8.
func helloMessage() []byte {
	var fields []byte
	for _, f := range []struct {
		code      byte
		signature byte
		value     string
	}{
		{1, 'o', "/org/freedesktop/DBus"},
		{2, 's', "org.freedesktop.DBus"},
		{3, 's', "Hello"},
		{6, 's', "org.freedesktop.DBus"},
	} {
		for len(fields)%8 != 0 {
			fields = append(fields, 0)
		}
		fields = append(fields, f.code, 1, f.signature, 0)
		fields = binary.LittleEndian.AppendUint32(fields, uint32(len(f.value)))
		fields = append(append(fields, f.value...), 0)
	}
	// Order, type (a method call), flags, version; the length of the body, the
	// serial, the length of the fields.
	m := []byte{'l', 1, 0, 1}
	m = binary.LittleEndian.AppendUint32(m, 0)
	m = binary.LittleEndian.AppendUint32(m, 1)
	m = binary.LittleEndian.AppendUint32(m, uint32(len(fields)))
	m = append(m, fields...)
	for len(m)%8 != 0 {
		m = append(m, 0)
	}
	return m
}

// TestKernelUserAVC reads a denial of an object manager, dbus-daemon, live, from
// auditd's log and from the kernel's: one Denial.
func TestKernelUserAVC(t *testing.T) {
	guest.Require(t)
	layOut(t)

	offset := size(t, auditLog)
	live := sayHello(t)
	log := managers(readFrom(t, auditLog, offset))
	withoutAuditd(t)
	live2 := sayHello(t)
	kmsg := managers(readKmsg(t))

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

// sayHello runs the probe and returns what netlink told of it.
func sayHello(t *testing.T) []*avc.Denial {
	t.Helper()
	src, err := avc.OpenKernel()
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan found, 1)
	go func() {
		got <- collect(avc.NewSourceReader(ctx, src, avc.Options{Provenance: avc.ProvenanceKernel}))
	}()
	if _, err := provoke(helloFrom); err != nil {
		t.Errorf("probe %v", err)
	}
	time.Sleep(2 * time.Second)
	cancel()
	return managers(<-got)
}

// managers keeps the denials of object managers.
func managers(f found) []*avc.Denial {
	return slices.DeleteFunc(f.denials, func(d *avc.Denial) bool { return d.Manager == nil })
}

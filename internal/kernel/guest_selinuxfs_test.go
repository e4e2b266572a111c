//go:build kernelguest && linux

package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/policy"
)

// transact asks one of selinuxfs's questions: the answer is read from the
// descriptor that the question was written to, once. A lane asks hundreds of
// thousands, hence the plain system calls and the folder's descriptor.
func transact(fs int, file string, question []byte, answer []byte) ([]byte, error) {
	fd, err := syscall.Openat(fs, file, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	if _, err := syscall.Write(fd, question); err != nil {
		return nil, err
	}
	n, err := syscall.Read(fd, answer)
	if err != nil {
		return nil, err
	}
	return answer[:n], nil
}

// openFS opens selinuxfs for transact.
func openFS(t *testing.T) int {
	t.Helper()
	fd, err := syscall.Open(guest.FS, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	return fd
}

// kernelVector is an answer of /sys/fs/selinux/access (sel_write_access). It
// numbers permissions as the file /sys/fs/selinux/class/CLASS/perms/PERM says.
type kernelVector struct {
	allowed, auditAllow, auditDeny uint32
	permissive                     bool
}

// access asks the kernel what source may do to target.
func access(fs int, source, target string, class int, buf []byte) (v kernelVector, err error) {
	question := append(buf[:0], source...)
	question = append(append(question, ' '), target...)
	question = strconv.AppendInt(append(question, ' '), int64(class), 10)
	answer, err := transact(fs, "access", question, buf)
	if err != nil {
		return v, err
	}
	// allowed decided auditallow auditdeny seqno flags, all but seqno in hex
	var n [6]uint64
	fields := strings.Fields(string(answer))
	if len(fields) != len(n) {
		return v, fmt.Errorf("access answers %q", answer)
	}
	for i, f := range fields {
		base := 16
		if i == 4 {
			base = 10
		}
		if n[i], err = strconv.ParseUint(f, base, 32); err != nil {
			return v, err
		}
	}
	return kernelVector{uint32(n[0]), uint32(n[2]), uint32(n[3]), n[5]&1 != 0}, nil
}

// kernelClass is what the kernel tells of a class.
type kernelClass struct {
	class policy.Class
	index int
	// bits[i] is the kernel's bit of the class's i-th permission in policy.
	bits []uint
}

// translate renumbers a vector of the policy package as the kernel's.
func (c *kernelClass) translate(v uint32) uint32 {
	var out uint32
	for i, bit := range c.bits {
		out |= v >> i & 1 << bit
	}
	return out
}

// kernelClasses reads the classes from selinuxfs and compares their names and
// permissions with the policy's.
func kernelClasses(t *testing.T, p *policy.Policy) []*kernelClass {
	t.Helper()
	var classes []*kernelClass
	compared, different := 0, 0
	dirs, err := os.ReadDir(guest.FS + "/class")
	if err != nil {
		t.Fatal(err)
	}
	inPolicy := 0
	for range p.Classes() {
		inPolicy++
	}
	if len(dirs) != inPolicy {
		t.Errorf("the kernel has %d classes, the policy %d", len(dirs), inPolicy)
	}
	for _, d := range dirs {
		dir := filepath.Join(guest.FS, "class", d.Name())
		class, err := p.Class(d.Name())
		if err != nil {
			t.Fatal(err)
		}
		k := &kernelClass{class: class, index: readInt(t, dir+"/index")}
		perms, err := os.ReadDir(dir + "/perms")
		if err != nil {
			t.Fatal(err)
		}
		compared += 1 + len(perms)
		if len(perms) != len(class.Permissions()) {
			different++
			t.Errorf("class %s: the kernel has %d permissions, the policy %q", d.Name(), len(perms), class.Permissions())
		}
		for _, name := range class.Permissions() {
			k.bits = append(k.bits, uint(readInt(t, filepath.Join(dir, "perms", name))-1))
		}
		classes = append(classes, k)
	}
	guest.Report(t, "classes-and-permissions", compared, different)
	return classes
}

func readInt(t *testing.T, name string) int {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// loaded parses the policy that the kernel holds.
func loaded(t *testing.T) *policy.Policy {
	t.Helper()
	data, err := os.ReadFile(guest.FS + "/policy")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// setBooleans gives the kernel's booleans new states in one commit.
func setBooleans(t *testing.T, states map[string]bool) {
	t.Helper()
	for name, on := range states {
		value := "0"
		if on {
			value = "1"
		}
		if err := os.WriteFile(filepath.Join(guest.FS, "booleans", name), []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(guest.FS+"/commit_pending_bools", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
}

package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FS is where selinuxfs is mounted.
const FS = "/sys/fs/selinux"

// Require skips the test outside of the lane's machine, whose policy it may
// change as it likes, and fails it unless SELinux is enforcing there: in
// permissive mode every test of a permission would pass.
func Require(t testing.TB) {
	t.Helper()
	if os.Getenv("SEKIT_KERNEL_OUT") == "" {
		t.Skip("this test runs in the machine of the kernel lane: go test -tags kernel ./internal/kernel")
	}
	mode, err := os.ReadFile(FS + "/enforce")
	if err != nil || string(mode) != "1" {
		t.Fatalf("SELinux is not enforcing: %q, %v", mode, err)
	}
}

// Context returns the test's own context.
func Context(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/attr/current")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(data), "\x00\n")
}

// Report prints the comparison's line and fails the test on a difference, or
// if nothing was compared.
func Report(t testing.TB, name string, compared, different int) {
	t.Helper()
	fmt.Printf("KERNEL %s compared=%d different=%d\n", name, compared, different)
	if different != 0 {
		t.Errorf("%s: %d of %d differ", name, different, compared)
	}
	if compared == 0 {
		t.Errorf("%s: nothing was compared", name)
	}
}

// Keep hands a file back to the host, among the lane's artifacts.
func Keep(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(os.Getenv("SEKIT_KERNEL_OUT"), name), data, 0o644); err != nil {
		t.Error(err)
	}
}

// Row prints a line of a table of the lane's.
func Row(table, name, text string) {
	fmt.Printf("KERNEL %s %s | %s\n", table, strings.ReplaceAll(name, " ", "-"), text)
}

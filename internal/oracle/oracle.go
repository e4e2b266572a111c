package oracle

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// DebianPolicy and DebianContexts are where Debian's selinux-policy-default
// installs its policy and its file contexts; SEKIT_ORACLE_POLICY and
// SEKIT_ORACLE_CONTEXTS name another system's to compare with.
var (
	DebianPolicy   = cmp.Or(os.Getenv("SEKIT_ORACLE_POLICY"), "/etc/selinux/default/policy/policy.33")
	DebianContexts = cmp.Or(os.Getenv("SEKIT_ORACLE_CONTEXTS"), "/etc/selinux/default/contexts/files")
)

// Require skips the test unless every tool (a name looked up in PATH) or path
// (with a leading slash) is there. With SELINUX_TEST_REQUIRE=1, as in CI, what
// is missing fails the test instead: a skip must not hide.
func Require(t testing.TB, what ...string) {
	t.Helper()
	for _, w := range what {
		var err error
		if w[0] == '/' {
			_, err = os.Stat(w)
		} else {
			_, err = exec.LookPath(w)
		}
		if err == nil {
			continue
		}
		if os.Getenv("SELINUX_TEST_REQUIRE") == "1" {
			t.Fatalf("required by SELINUX_TEST_REQUIRE=1: %v", err)
		}
		t.Skipf("oracle missing: %v", err)
	}
}

// Report prints the comparison's line and fails the test on a difference, or
// if nothing was compared.
func Report(t testing.TB, name string, compared, different int) {
	t.Helper()
	// A name is one word, so that the lines can be cut into fields.
	name = strings.ReplaceAll(name, " ", "-")
	fmt.Printf("ORACLE %s compared=%d different=%d\n", name, compared, different)
	if different != 0 {
		t.Errorf("%s: %d of %d differ", name, different, compared)
	}
	if compared == 0 {
		t.Errorf("%s: nothing was compared", name)
	}
}

// Output runs a tool and returns what it wrote to standard output; a failure
// fails the test with what the tool said.
func Output(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		var stderr []byte
		if e, ok := err.(*exec.ExitError); ok {
			stderr = e.Stderr
		}
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr)
	}
	return string(out)
}

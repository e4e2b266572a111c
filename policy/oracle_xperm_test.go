//go:build oracle

package policy

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// TestOracleXperms decides ioctl commands under random rules, and compares with
// what SETools finds and lists for the types: libsepol computes no extended
// permissions. That a rule of any kind leaves only what allowxperm lists is the
// kernel's (avc_has_extended_perms).
func TestOracleXperms(t *testing.T) {
	oracle.Require(t, "checkpolicy", "/usr/bin/python3", "sesearch")
	r := rand.New(rand.NewPCG(8, 30))
	compared, different, granted := 0, 0, 0
	for _, version := range []string{"30", "33"} {
		file := compileXperms(t, r, version)
		p, err := Open(file)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/usr/bin/python3", "testdata/oracle/xperms.py", file)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); cmd.Wait() })
		lines := bufio.NewReaderSize(out, 1<<20)
		for range 150 {
			source, target := fmt.Sprintf("t%d_t", r.IntN(xpermTypes)), fmt.Sprintf("t%d_t", r.IntN(xpermTypes))
			fmt.Fprintln(in, source, target, "chr_file")
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			rules, allowed := xpermAnswer(t, line)
			for range 300 {
				command := uint16(r.Uint32())
				if len(allowed) > 0 && r.IntN(2) == 0 { // one that is allowed, or beside such a one
					command = allowed[r.IntN(len(allowed))] + uint16(r.IntN(3)) - 1
				}
				d, err := p.Decide(Access{Source: MustParseContext("u:object_r:" + source), Target: MustParseContext("u:object_r:" + target),
					Class: "chr_file", Permissions: []string{"ioctl"}, Xperm: command, HasXperm: true})
				if err != nil {
					t.Fatal(err)
				}
				_, listed := slices.BinarySearch(allowed, command)
				compared++
				if want := rules == 0 || listed; d.Allowed != want {
					different++
					t.Errorf("version %s: %s %s %#x: allowed %v, by SETools' rules %v", version, source, target, command, d.Allowed, want)
				} else if want && rules > 0 {
					granted++
				}
			}
		}
	}
	if granted < compared/20 {
		t.Errorf("only %d of %d were granted by a rule", granted, compared)
	}
	oracle.Report(t, "policy-xperms-setools", compared, different)
}

const xpermTypes = 12

// compileXperms makes a policy with rules for types and attributes, of single
// commands, ranges and whole drivers.
func compileXperms(t *testing.T, r *rand.Rand, version string) string {
	var b strings.Builder
	b.WriteString("class process\nclass chr_file\nsid kernel\nclass process { fork }\nclass chr_file { ioctl read }\nattribute all;\n")
	for i := range 4 {
		fmt.Fprintf(&b, "attribute a%d;\n", i)
	}
	for i := range xpermTypes {
		fmt.Fprintf(&b, "type t%d_t, all", i)
		for a := range 4 {
			if r.IntN(4) == 0 {
				fmt.Fprintf(&b, ", a%d", a)
			}
		}
		b.WriteString(";\n")
	}
	b.WriteString("role r;\nrole r types all;\nallow all all:chr_file ioctl;\n")
	name := func() string {
		if r.IntN(3) == 0 {
			return fmt.Sprintf("a%d", r.IntN(4))
		}
		return fmt.Sprintf("t%d_t", r.IntN(xpermTypes))
	}
	for range 30 {
		kind := []string{"allowxperm", "allowxperm", "auditallowxperm", "dontauditxperm"}[r.IntN(4)]
		fmt.Fprintf(&b, "%s %s %s:chr_file ioctl {", kind, name(), name())
		for range 1 + r.IntN(4) {
			switch low := r.IntN(1 << 16); r.IntN(3) {
			case 0:
				fmt.Fprintf(&b, " %#x", low)
			case 1:
				fmt.Fprintf(&b, " %#x-%#x", low, min(low+r.IntN(700), 0xffff))
			case 2:
				fmt.Fprintf(&b, " %#x-%#x", low&0xff00, low|0xff)
			}
		}
		b.WriteString(" };\n")
	}
	b.WriteString("user u roles r;\nsid kernel u:r:t0_t\n")
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.conf"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	oracle.Output(t, "checkpolicy", "-c", version, "-o", out, in)
	return out
}

func xpermAnswer(t *testing.T, line string) (rules int, allowed []uint16) {
	for i, f := range strings.Fields(line) {
		n, err := strconv.ParseUint(f, 10, 16)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if i == 0 {
			rules = int(n)
		} else {
			allowed = append(allowed, uint16(n))
		}
	}
	return rules, allowed
}

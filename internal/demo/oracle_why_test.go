//go:build oracle

package demo_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/policy"
)

var avcRecord = regexp.MustCompile(`avc:  denied  \{ ([a-z_ ]+) \} .*?(?:ioctlcmd=0x([0-9a-f]+) )?` +
	`scontext=(\S+) tcontext=(\S+) tclass=(\S+)`)

// audit2why, which asks libsepol, and the engine give the same cause for each
// denial of the log. audit2why names one cause and knows no extended
// permissions; the engine's several reasons are reduced to that.
func TestOracleAudit2why(t *testing.T) {
	oracle.Require(t, "audit2why")
	p := parse(t)
	cmd := exec.Command("audit2why", "-p", "policy.33")
	cmd.Stdin = strings.NewReader(string(demo.AuditLog()))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compared, different := 0, 0
	for _, why := range strings.Split("\n"+string(out), "\ntype=")[1:] {
		m := avcRecord.FindStringSubmatch(why)
		if m == nil {
			t.Fatalf("not an answer of audit2why: %q", why)
		}
		a := policy.Access{Source: policy.MustParseContext(m[3]), Target: policy.MustParseContext(m[4]),
			Class: m[5], Permissions: strings.Fields(m[1])}
		d, err := p.Decide(a)
		if err != nil {
			t.Fatal(err)
		}
		compared++
		if got, want := cause(d), whyCause(why); got != want {
			different++
			t.Errorf("%s\nengine: %s\naudit2why: %s", m[0], got, want)
		}
		if m[2] == "" {
			continue
		}
		// The same denial with its ioctl command: here audit2why is wrong.
		command, err := strconv.ParseUint(m[2], 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		a.Xperm, a.HasXperm = uint16(command), true
		if d, err := p.Decide(a); err != nil || d.Allowed || d.Reasons()[0].Kind() != "xperm" {
			t.Errorf("%s: %v, %v; want it denied for its ioctl command", m[0], d.Reasons(), err)
		}
	}
	oracle.Report(t, "demo-audit2why", compared, different)
}

var setsebool = regexp.MustCompile(`setsebool -P (\S+) 1`)

// whyCause reads audit2why's answer.
func whyCause(why string) string {
	var booleans []string
	for _, m := range setsebool.FindAllStringSubmatch(why, -1) {
		booleans = append(booleans, m[1])
	}
	slices.Sort(booleans)
	switch {
	case strings.Contains(why, "would be allowed by active policy"):
		return "allowed"
	case strings.Contains(why, "Typebounds violation"):
		return "bounds"
	case strings.Contains(why, "Constraint rule"):
		return "constraint"
	case len(booleans) > 0:
		return strings.Join(booleans, " ")
	case strings.Contains(why, "Missing type enforcement"):
		return "no-rule"
	}
	return why
}

// cause reduces the engine's reasons to the one that audit2why would name:
// type enforcement first, then constraints and bounds.
func cause(d policy.Decision) string {
	if d.Allowed {
		return "allowed"
	}
	var booleans []string
	kinds := map[string]bool{}
	for _, r := range d.Reasons() {
		kinds[r.Kind()] = true
		if off, ok := r.(policy.RuleOff); ok {
			for _, f := range off.Flips {
				booleans = append(booleans, f.Name)
			}
		}
	}
	slices.Sort(booleans)
	booleans = slices.Compact(booleans)
	switch {
	case kinds["no-rule"]:
		return "no-rule"
	case len(booleans) > 0:
		return strings.Join(booleans, " ")
	case kinds["constraint"]:
		return "constraint"
	case kinds["bounds"]:
		return "bounds"
	}
	return "none of these"
}

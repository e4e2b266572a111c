//go:build oracle

package policy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// exposureScript counts with SETools, by brute force, the tuples of the rules
// under each boolean: all that they cover, and of these the new ones.
const exposureScript = `
import sys
import setools

p = setools.SELinuxPolicy(sys.argv[1])
state = {str(b): bool(b.state) for b in p.bools()}

def holds(rule, state):
    try:
        c = rule.conditional
    except AttributeError:
        return True
    return c.evaluate(**{str(b): state[str(b)] for b in c.booleans}) == rule.conditional_block

def tuples(rule):
    perms = [str(x) for x in rule.perms]
    for s in rule.source.expand():
        for t in rule.target.expand():
            for perm in perms:
                yield (str(s), str(t), str(rule.tclass), perm)

rules = [r for r in p.terules() if r.ruletype == setools.TERuletype.allow]
always = [r for r in rules if holds(r, state)]
for name in sys.argv[2:]:
    flipped = dict(state)
    flipped[name] = not state[name]
    covered = set()
    for r in rules:
        if holds(r, flipped) and not holds(r, state):
            covered.update(tuples(r))
    new = set(covered)
    sources = {t[0] for t in covered}
    classes = {t[2] for t in covered}
    for r in always:
        if not new:
            break
        if str(r.tclass) not in classes:
            continue
        if not any(str(s) in sources for s in r.source.expand()):
            continue
        new.difference_update(tuples(r))
    print(name, len(covered), len(new), len({t[0] for t in new}), len({t[1] for t in new}), len({t[2] for t in new}))
`

// TestOracleExposure compares the exposure of booleans with a count by SETools.
func TestOracleExposure(t *testing.T) {
	oracle.Require(t, "/usr/bin/python3", oracle.DebianPolicy)
	script := filepath.Join(t.TempDir(), "exposure.py")
	if err := os.WriteFile(script, []byte(exposureScript), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"allow_ypbind", "httpd_can_network_connect", "httpd_can_network_connect_db", "allow_execmem",
		"httpd_unified", "user_tcp_server", "global_ssp", "httpd_enable_cgi"}
	out, err := exec.Command("/usr/bin/python3", append([]string{script, oracle.DebianPolicy}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	compared, different := 0, 0
	for line := range strings.Lines(string(out)) {
		var name string
		var covered, tuples, sources, targets, classes int
		if n, err := fmt.Sscan(line, &name, &covered, &tuples, &sources, &targets, &classes); n != 6 {
			t.Fatalf("%q: %v", line, err)
		}
		b, err := p.Boolean(name)
		if err != nil {
			t.Fatal(err)
		}
		x, err := p.Exposure(SetBoolean{name, !b.State()})
		if err != nil {
			t.Fatal(err)
		}
		compared += 6
		if x.Tuples != tuples || x.Covered != covered || x.Sources != sources || x.Targets != targets || x.Classes != classes {
			different++
			t.Errorf("%s: SETools %d covered, %d tuples, %d sources, %d targets, %d classes; ours %+v", name, covered, tuples, sources, targets, classes, x)
		}
		t.Logf("%s covers %d, %d new", name, covered, tuples)
	}
	oracle.Report(t, "exposure", compared, different)
}

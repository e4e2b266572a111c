//go:build oracle

package fcontext

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/policy"
)

// TestOracleNewFile asks libselinux for the context of the directory and of the
// file, and libsepol for that of a file that a domain creates in between. What
// libsepol 3.4 does not have, rules with a name, Debian's policy does not have
// for the names in the lists of packages.
func TestOracleNewFile(t *testing.T) {
	h := helpers(t)[0]
	oracle.Require(t, oracle.DebianPolicy, oracle.DebianContexts, "/usr/lib/x86_64-linux-gnu/libsepol.a")
	bin := filepath.Join(t.TempDir(), "create")
	oracle.Output(t, "gcc", "-O2", "-Wall", "-Werror", "-o", bin, "testdata/create.c", "-l:libsepol.a")
	p, err := policy.Open(oracle.DebianPolicy)
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(oracle.DebianContexts, Options{Order: Order34})
	if err != nil {
		t.Fatal(err)
	}
	domain, err := p.Attribute("domain")
	if err != nil {
		t.Fatal(err)
	}
	var domains []string
	for typ := range domain.Types() {
		domains = append(domains, typ.Name())
	}
	r := newSampler(9)
	var creations []Creation
	var dirs, files []string
	for _, path := range packagePaths(t) {
		if r.IntN(8) > 0 {
			continue
		}
		if r.IntN(3) == 0 { // transitions are for these, mostly
			path = r.pick("/run/", "/tmp/", "/var/log/", "/var/lib/", "/etc/", "/var/cache/", "/home/user/") + filepath.Base(path)
		}
		c := Creation{Path: path, Kind: kinds()[1+r.IntN(7)]}
		c.Creator = policy.MustParseContext("system_u:system_r:" + domains[r.IntN(len(domains))] + ":" + r.pick("s0", "s0-s0:c0.c1023", "s0:c1"))
		creations = append(creations, c)
		dirs = append(dirs, "d"+filepath.Dir(path))
		files = append(files, letters[c.Kind]+path)
	}
	base := filepath.Join(oracle.DebianContexts, DefaultBase)
	dirContexts, fileContexts := h.ask(t, "lookup", base, dirs), h.ask(t, "lookup", base, files)
	var questions []string
	for i, c := range creations {
		if dirContexts[i] != "!" {
			questions = append(questions, fmt.Sprintf("%v %s %s", c.Creator, dirContexts[i], c.Kind.Class()))
		}
	}
	cmd := exec.Command(bin, oracle.DebianPolicy)
	cmd.Stdin = strings.NewReader(strings.Join(questions, "\n") + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(string(out))
	if len(answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(answers), len(questions))
	}
	different, changes, transitions := 0, 0, map[string]bool{}
	for i, c := range creations {
		want, wantFile := "!", "!"
		if dirContexts[i] != "!" {
			want, answers = answers[0], answers[1:]
		}
		if want != "!" {
			wantFile = fileContexts[i]
		}
		got, gotFile := "!", "!"
		n, err := db.NewFile(p, c)
		if err == nil {
			got = n.Context.String()
			if n.Want != nil && !n.Want.None {
				gotFile = n.Want.Context.String()
			}
			if n.WouldChange() {
				changes++
			}
			if got != n.Directory.String() {
				transitions[n.Context.Type()] = true
			}
		}
		if got != want || gotFile != wantFile {
			if different++; different <= 10 {
				t.Errorf("%+v: %s, then %s; want %s, then %s (%v)", c, got, gotFile, want, wantFile, err)
			}
		}
	}
	if len(transitions) < 50 || changes == 0 {
		t.Errorf("%d transitions, %d changes: the questions are too easy", len(transitions), changes)
	}
	oracle.Report(t, "fcontext-newfile", len(creations), different)
}

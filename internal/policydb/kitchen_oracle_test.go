//go:build oracle

package policydb

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// file is where the compiled policy is.
func (k kitchen) file() string { return filepath.Join("testdata", k.String()+".policy") }

// source returns the lines of the source that the variant can say: those
// whose markers (#@mls, #@nomls, #@xperms, #@version) all hold.
func (k kitchen) source(t testing.TB) string {
	t.Helper()
	file := "testdata/kitchen.conf"
	if k.cil {
		file = "testdata/kitchen.cil"
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || k.has(t, line) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (k kitchen) has(t testing.TB, line string) bool {
	_, markers, _ := strings.Cut(line, "#@")
	for _, m := range strings.Split(markers, "#@") {
		switch m = strings.TrimSpace(m); m {
		case "":
		case "mls":
			if k.noMLS {
				return false
			}
		case "nomls":
			if !k.noMLS {
				return false
			}
		case "xperms":
			if k.noXPerms || !FeatureXPerms.In(k.version) {
				return false
			}
		default:
			since, err := strconv.Atoi(m)
			if err != nil {
				t.Fatalf("marker %q in %q", m, line)
			}
			if k.version < uint32(since) {
				return false
			}
		}
	}
	return true
}

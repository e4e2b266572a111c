package demo_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/demo"
)

// A committed binary must be the one its sources gave: SHA256SUMS is written
// by generate.sh for both at once.
func TestBinaryBelongsToSources(t *testing.T) {
	sums, err := os.ReadFile("SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(sums)) {
		want, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("SHA256SUMS: %q", line)
		}
		listed = append(listed, name)
		b, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != want {
			t.Errorf("%s is not what SHA256SUMS was written for: run go generate ./internal/demo", name)
		}
	}
	sources, err := filepath.Glob("policy/*.cil")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sources {
		if !slices.Contains(listed, filepath.ToSlash(s)) {
			t.Errorf("%s is newer than policy.33: run go generate ./internal/demo", s)
		}
	}
	if !slices.Contains(listed, "policy.33") {
		t.Error("SHA256SUMS does not list policy.33")
	}
}

// The head of a kernel policy: magic, the target's name, the version, and the
// MLS bit of the configuration (policydb_read in the kernel's policydb.c).
func TestPolicyHead(t *testing.T) {
	p := demo.Policy()
	const name = "SE Linux"
	head := binary.LittleEndian.AppendUint32(nil, 0xf97cff8c)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(name)))
	head = append(head, name...)
	head = binary.LittleEndian.AppendUint32(head, 33)
	if !bytes.HasPrefix(p, head) {
		t.Fatalf("policy starts with % x, want % x", p[:len(head)], head)
	}
	const mls, allowUnknown = 1, 4
	if config := binary.LittleEndian.Uint32(p[len(head):]); config != mls|allowUnknown {
		t.Errorf("configuration bits %#x, want MLS and unknown allowed", config)
	}
	if len(p) > 200<<10 {
		t.Errorf("the policy has grown to %d bytes; keep it small", len(p))
	}
	p[0] = 0
	if demo.Policy()[0] == 0 {
		t.Error("callers share the bytes of Policy")
	}
}

func TestContexts(t *testing.T) {
	var names []string
	entries, err := fs.ReadDir(demo.Contexts(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"file_contexts", "file_contexts.homedirs", "file_contexts.local",
		"file_contexts.subs", "file_contexts.subs_dist"}
	if !slices.Equal(names, want) {
		t.Errorf("contexts/files holds %q, want %q", names, want)
	}
}

// declaredTypes returns the types that the policy's source declares.
func declaredTypes(t *testing.T) map[string]bool {
	t.Helper()
	sources, err := filepath.Glob("policy/*.cil")
	if err != nil {
		t.Fatal(err)
	}
	declaration := regexp.MustCompile(`(?m)^\(type (\w+)\)`)
	types := map[string]bool{}
	for _, name := range sources {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declaration.FindAllStringSubmatch(string(b), -1) {
			types[m[1]] = true
		}
	}
	return types
}

// ports.local and the policy's source must agree: libsemanage writes every
// local record into the policy it builds.
func TestPortsLocalInPolicySource(t *testing.T) {
	source, err := os.ReadFile("policy/network.cil")
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for line := range strings.Lines(string(demo.PortsLocal())) {
		f := strings.Fields(line)
		if len(f) != 4 || f[0] != "portcon" {
			continue
		}
		records++
		typ := strings.Split(f[3], ":")[2]
		want := fmt.Sprintf("(portcon %s %s %s)", f[1], f[2], strings.TrimSuffix(typ, "_port_t")+"_con")
		if !bytes.Contains(source, []byte(want)) {
			t.Errorf("policy/network.cil lacks %s", want)
		}
	}
	if records == 0 {
		t.Error("ports.local holds no record")
	}
}

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sekit/sekit/avc"
)

func TestShapes(t *testing.T) {
	// The benchmark's log is meant to have thirty shapes.
	if n := len(shapes(true)); n != 30 {
		t.Errorf("%d shapes", n)
	}
}

// The generator knows what it wrote; the reader must find just that.
func TestGenerate(t *testing.T) {
	for _, selinux := range []bool{true, false} {
		log, err := generate(filepath.Join(t.TempDir(), "log"), 5000, selinux)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(log.path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte("\n")); n != log.lines || n < 5000 || int64(len(data)) != log.bytes {
			t.Errorf("%d lines, %d bytes; counted %d, %d", n, len(data), log.lines, log.bytes)
		}
		if i := bytes.IndexByte(data, '{'); !selinux && i >= 0 {
			t.Errorf("a placeholder is left: %q", data[i:i+20])
		}
		vectors := bytes.Count(data, []byte("avc:  denied"))
		if vectors != log.vectors || selinux != (vectors > 0) {
			t.Errorf("%d vectors, counted %d", vectors, log.vectors)
		}
		denials, paths := 0, 0
		for d, err := range avc.NewReader(bytes.NewReader(data), avc.Options{}).Denials() {
			if err != nil {
				t.Fatal(err)
			}
			if !d.Complete() {
				t.Errorf("incomplete: %s", d.Text)
			}
			if denials++; d.FullPath != "" {
				paths++
			}
		}
		if denials != vectors {
			t.Errorf("%d denials of %d", denials, vectors)
		}
		// More than half of the shapes have a PATH record.
		if selinux && paths < denials/2 {
			t.Errorf("%d paths in %d denials: the records of an event are not correlated", paths, denials)
		}
	}
}

func TestGenerateSame(t *testing.T) {
	var texts []string
	for range 2 {
		log, err := generate(filepath.Join(t.TempDir(), "log"), 500, true)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(log.path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	if texts[0] != texts[1] {
		t.Error("two logs differ")
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		unit unit
		v    float64
		want string
	}{
		{nanoseconds, 0.25, "0.25ns"},
		{nanoseconds, 812, "812ns"},
		{nanoseconds, 999.4, "999ns"},
		{nanoseconds, 999.6, "1.00µs"},
		{nanoseconds, 3.3e6, "3.30ms"},
		{nanoseconds, 45.67e6, "45.7ms"},
		{nanoseconds, 61e9, "61.0s"},
		{nanoseconds, 4000e9, "4000s"},
		{byteCount, 13.96e6, "14.0MB"},
		{byteCount, 12, "12.0B"},
	} {
		if got := c.unit.format(c.v); got != c.want {
			t.Errorf("%g: %s, want %s", c.v, got, c.want)
		}
	}
}

func TestMedian(t *testing.T) {
	if m := median([]sample{{9, 1}, {1, 9}, {5, 4}}); m != (sample{5, 4}) {
		t.Errorf("of three: %v", m)
	}
	if m := median([]sample{{9, 1}, {1, 9}, {5, 4}, {6, 6}}); m != (sample{5.5, 5}) {
		t.Errorf("of four: %v", m)
	}
}

// fake is a benchmark whose sides take turns and report what they are told.
func fake(events *[]string, err error) *benchmark {
	side := func(name string, v float64) func() (sample, error) {
		return func() (sample, error) {
			*events = append(*events, name)
			return sample{v, v}, nil
		}
	}
	return &benchmark{name: "fake", unit: nanoseconds, goal: 3, open: func(*env) (*pair, error) {
		return &pair{ours: side("ours", 100), peer: side("peer", 400)}, err
	}}
}

func TestRun(t *testing.T) {
	var out strings.Builder
	var events []string
	r := &runner{env: &env{log: func(string, ...any) {}}, n: 2, budget: 1, out: &out}
	if !r.run(fake(&events, nil)) {
		t.Error("failed")
	}
	// The first round is the warm-up. The budget is spent after one sample.
	if got, want := strings.Join(events, " "), "ours peer ours peer"; got != want {
		t.Errorf("order %q, want %q", got, want)
	}
	if got, want := out.String(), "BENCH fake ours=100ns peer=400ns ratio=4.00 goal=3.00 met\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestSkip(t *testing.T) {
	var events []string
	for _, c := range []struct {
		err    error
		strict bool
		ok     bool
		want   string
	}{
		{&skip{why: "no peer"}, false, true, "BENCH fake skipped: no peer\n"},
		{&skip{why: "no peer"}, true, false, "BENCH fake skipped: no peer\n"},
		{&skip{why: "not asked for", optional: true}, true, true, "BENCH fake skipped: not asked for\n"},
		{errors.New("broken"), false, false, "BENCH fake failed: broken\n"},
	} {
		var out strings.Builder
		r := &runner{env: &env{log: func(string, ...any) {}}, n: 1, budget: 1, out: &out, strict: c.strict}
		if ok := r.run(fake(&events, c.err)); ok != c.ok || out.String() != c.want {
			t.Errorf("%v, strict %t: %t, %q", c.err, c.strict, ok, out.String())
		}
	}
	if len(events) != 0 {
		t.Errorf("ran: %v", events)
	}
}

// Names are what -run chooses by: each stands for one comparison.
func TestNames(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := make(map[string]bool)
	for _, b := range benchmarks() {
		if !valid.MatchString(b.name) || seen[b.name] || b.about == "" {
			t.Errorf("%q: %q", b.name, b.about)
		}
		seen[b.name] = true
	}
}

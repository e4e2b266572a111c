package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sekit/sekit/avc"
)

func avcBenchmarks() []benchmark {
	return []benchmark{{
		name: "avc-parse-golibaudit", goal: 15, unit: nanoseconds,
		about: "calls, whole log from a file: typed, correlated denials with paths and command lines, with all CPUs; auparse.ParseLogLine and Data of every line",
		open:  func(e *env) (*pair, error) { return parseBesideLibaudit(e, avc.Options{Workers: -1, Reuse: true}) },
	}, {
		name: "avc-parse-golibaudit-serial", unit: nanoseconds,
		about: "the same, with one goroutine on our side too",
		open:  func(e *env) (*pair, error) { return parseBesideLibaudit(e, avc.Options{Workers: 1, Reuse: true}) },
	}, {
		name: "avc-parse-golibaudit-kept", unit: nanoseconds,
		about: "the same, with all CPUs, where every event has memory of its own and may be kept (without Options.Reuse)",
		open:  func(e *env) (*pair, error) { return parseBesideLibaudit(e, avc.Options{Workers: -1}) },
	}, {
		name: "avc-parse-audit2allow", goal: 15, unit: nanoseconds,
		about: "our call, with all CPUs; the program audit2allow -i, which also makes rules, from start to end",
		open: func(e *env) (*pair, error) {
			if err := require("audit2allow", debianPolicy); err != nil {
				return nil, err
			}
			return parseBeside(e, func(log string) []string { return []string{"audit2allow", "-p", debianPolicy, "-i", log} })
		},
	}, {
		name: "avc-parse-ausearch", goal: 20, unit: nanoseconds,
		about: "our call, with all CPUs; the program ausearch -i -if, from start to end, which has one thread",
		open:  parseBesideAusearch,
	}, {
		name: "avc-parse-ausearch-cpu", byCPU: true, unit: nanoseconds,
		about: "the same by the CPU time of all threads, garbage collection included: what the work costs, not how long it takes",
		open:  parseBesideAusearch,
	}, {
		name: "avc-parse-noise", unit: nanoseconds,
		about: "our call, with one goroutine, on a log without SELinux records; the program grep -c avc:",
		open:  parseNoise,
	}}
}

func parseBesideAusearch(e *env) (*pair, error) {
	if err := require("ausearch"); err != nil {
		return nil, err
	}
	return parseBeside(e, func(log string) []string { return []string{"ausearch", "-i", "-if", log} })
}

// readLog is our side: it reads the log as a program would, and counts.
func readLog(log *logFile, opts avc.Options, denials *int) (sample, error) {
	return measure(0, 1, func() error {
		*denials = 0
		src := avc.NewFiles(avc.FilesOptions{}, log.path)
		defer src.Close()
		for e, err := range avc.NewSourceReader(context.Background(), src, opts).Events() {
			if err != nil {
				return err
			}
			*denials += len(e.Denials)
		}
		return nil
	})
}

// parsePair compares our reading of the log with peer.
func parsePair(log *logFile, opts avc.Options, peer func() (sample, error)) *pair {
	denials := 0
	return &pair{
		ours: func() (sample, error) { return readLog(log, opts, &denials) },
		peer: peer,
		check: func() error {
			if denials != log.vectors {
				return fmt.Errorf("%d denials read of %d", denials, log.vectors)
			}
			return nil
		},
		note: func() string { return fmt.Sprintf("lines=%d denials=%d", log.lines, denials) },
	}
}

func parseBeside(e *env, args func(log string) []string) (*pair, error) {
	log, err := e.auditLog(true)
	if err != nil {
		return nil, err
	}
	p := &process{args: args(log.path), out: filepath.Join(e.dir, "avc.peer")}
	return parsePair(log, avc.Options{Workers: -1, Reuse: true}, func() (sample, error) {
		defer os.Remove(p.out)
		return p.run()
	}), nil
}

func parseBesideLibaudit(e *env, opts avc.Options) (*pair, error) {
	log, err := e.auditLog(true)
	if err != nil {
		return nil, err
	}
	if _, _, err := auparse(os.DevNull); err != nil {
		return nil, err
	}
	lines := 0
	p := parsePair(log, opts, func() (s sample, err error) {
		s, lines, err = auparse(log.path)
		return s, err
	})
	ours := p.check
	p.check = func() error {
		if lines != log.lines {
			return fmt.Errorf("auparse read %d lines of %d", lines, log.lines)
		}
		return ours()
	}
	return p, nil
}

func parseNoise(e *env) (*pair, error) {
	if err := require("grep"); err != nil {
		return nil, err
	}
	log, err := e.auditLog(false)
	if err != nil {
		return nil, err
	}
	// grep -c exits with 1 if it finds none.
	p := &process{args: []string{"grep", "-c", "avc:", log.path}, out: filepath.Join(e.dir, "grep.out"), fails: true}
	return parsePair(log, avc.Options{Workers: 1, Reuse: true}, p.run), nil
}

package main

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sekit/sekit/internal/demo"
)

func triageBenchmarks() []benchmark {
	return []benchmark{{
		name: "triage-demo-process", unit: nanoseconds,
		about: "programs on the demonstration's log and policy: examples/diagnose, which proves fixes; audit2why, which names a cause",
		open:  triageDemo,
	}}
}

func triageDemo(e *env) (*pair, error) {
	if err := require("audit2why"); err != nil {
		return nil, err
	}
	bin, err := e.build("diagnose")
	if err != nil {
		return nil, err
	}
	pol, err := demoPolicy(e)
	if err != nil {
		return nil, err
	}
	contexts := filepath.Join(e.dir, "demo-contexts")
	if err := os.RemoveAll(contexts); err != nil {
		return nil, err
	}
	if err := os.CopyFS(contexts, demo.Contexts()); err != nil {
		return nil, err
	}
	ports, err := e.write("demo.ports.local", demo.PortsLocal())
	if err != nil {
		return nil, err
	}
	log, err := e.write("demo.log", demo.AuditLog())
	if err != nil {
		return nil, err
	}
	ours := &process{args: []string{bin, "-policy", pol, "-contexts", contexts, "-ports", ports, log}, out: filepath.Join(e.dir, "triage.ours")}
	peer := &process{args: []string{"audit2why", "-p", pol}, stdin: log, out: filepath.Join(e.dir, "triage.peer")}
	return &pair{ours: ours.run, peer: peer.run}, nil
}

// write writes a file to the directory.
func (e *env) write(name string, data []byte) (string, error) {
	path := filepath.Join(e.dir, name)
	return path, os.WriteFile(path, data, fs.FileMode(0o600))
}

func demoPolicy(e *env) (string, error) { return e.write("demo.policy", demo.Policy()) }

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sekit/sekit/module"
)

// The peer makes a package of a text in two programs. Ours does it in a
// process that runs: what an installer or its build does.
func moduleBenchmarks() []benchmark {
	var out []benchmark
	for _, b := range []struct {
		rules int
		goal  float64
	}{{300, 20}, {20000, 1}} {
		out = append(out, benchmark{
			name: fmt.Sprintf("module-build-%d-process", b.rules), goal: b.goal, unit: nanoseconds,
			about: "a module of access vector rules to a package: Module.PP; the programs checkmodule and semodule_package",
			open:  func(e *env) (*pair, error) { return buildModule(e, b.rules, false) },
		}, benchmark{
			name: fmt.Sprintf("module-compile-%d-process", b.rules), goal: b.goal, unit: nanoseconds,
			about: "the same from its text: ParseTE and Module.PP; the programs checkmodule and semodule_package",
			open:  func(e *env) (*pair, error) { return buildModule(e, b.rules, true) },
		})
	}
	return out
}

func buildModule(e *env, rules int, text bool) (*pair, error) {
	if err := require("checkmodule", "semodule_package", "sh"); err != nil {
		return nil, err
	}
	m := &module.Module{Name: "bench"}
	for i := range rules {
		m.Rules = append(m.Rules, module.Rule{
			Kind: module.Allow, Source: fmt.Sprintf("type%d_t", i%100), Target: fmt.Sprintf("type%d_t", i/100), Class: "file",
			Permissions: []string{"read", "open", "getattr"},
		})
	}
	te, err := m.TE()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(e.dir, "module-")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "bench.te"), te, 0o600); err != nil {
		return nil, err
	}
	var ours []byte
	build := func() (err error) {
		from := m
		if text {
			if from, err = module.ParseTE("bench.te", te); err != nil {
				return err
			}
		}
		ours, err = from.PP(module.PPOptions{})
		return err
	}
	const script = `cd "$0" && checkmodule -M -m -c 5 -o bench.mod bench.te && exec semodule_package -o bench.pp -m bench.mod`
	return &pair{
		ours: func() (sample, error) { return measure(e.least(), 1, build) },
		peer: func() (sample, error) {
			return (&process{args: []string{"sh", "-c", script, dir}, out: filepath.Join(dir, "out")}).run()
		},
		// The tables are in another order: the length says that they are the same.
		check: func() error {
			theirs, err := os.ReadFile(filepath.Join(dir, "bench.pp"))
			if err == nil && (len(ours) != len(theirs) || !bytes.Equal(ours[:64], theirs[:64])) {
				err = errors.New("the packages differ")
			}
			return err
		},
	}, nil
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/refpolicy"
)

// The peer makes a package of a text in two programs, or with the devel
// Makefile, which has m4 run as well. Ours does it in a process that runs: what
// an installer or its build does.
func moduleBenchmarks() []benchmark {
	var out []benchmark
	for _, b := range []struct {
		rules int
		goal  float64
	}{{300, 20}, {20000, 1}} {
		out = append(out, benchmark{
			name: fmt.Sprintf("module-build-%d-process", b.rules), goal: b.goal, unit: nanoseconds,
			about: "a module of access vector rules to a package: Module.PP; the programs checkmodule and semodule_package",
			open:  func(e *env) (*pair, error) { return buildModule(e, b.rules, false, false) },
		}, benchmark{
			name: fmt.Sprintf("module-compile-%d-process", b.rules), goal: b.goal, unit: nanoseconds,
			about: "the same from its text: CompileTE; the programs checkmodule and semodule_package",
			open:  func(e *env) (*pair, error) { return buildModule(e, b.rules, true, false) },
		})
	}
	out = append(out, benchmark{
		name: "module-build-300-devel-process", goal: 100, unit: nanoseconds,
		about: "a module of 300 access vector rules to a package: Module.PP; make with the devel Makefile in a new directory",
		open:  func(e *env) (*pair, error) { return buildModule(e, 300, false, true) },
	})
	for _, name := range []string{"mydaemon", "apache"} {
		out = append(out, benchmark{
			name: "module-devel-" + name + "-cold-process", goal: 100, unit: nanoseconds,
			about: "a module of the reference policy's macros to a package: Open and Compile of refpolicy; make with the devel Makefile in a new directory",
			open:  func(e *env) (*pair, error) { return develModule(e, name, false) },
		}, benchmark{
			name: "module-devel-" + name + "-warm-process", goal: 100, unit: nanoseconds,
			about: "the same with open headers: Compile; make that has read them for another module",
			open:  func(e *env) (*pair, error) { return develModule(e, name, true) },
		})
	}
	return out
}

func buildModule(e *env, rules int, text, devel bool) (*pair, error) {
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
	var ours []byte
	build := func() (err error) {
		if text {
			ours, err = module.CompileTE("bench.te", te, module.PPOptions{})
		} else {
			ours, err = m.PP(module.PPOptions{})
		}
		return err
	}
	if devel {
		_, rest, _ := strings.Cut(string(te), "\n")
		d, err := newDevel(e, refpolicy.Source{Name: "bench", TE: "policy_module(bench, 1.0)\n" + rest})
		if err != nil {
			return nil, err
		}
		// Its module requires all classes: it is not the same one, byte for byte.
		return &pair{ours: func() (sample, error) { return measure(e.least(), 1, build) }, peer: d.cold}, nil
	}
	dir, err := os.MkdirTemp(e.dir, "module-")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "bench.te"), te, 0o600); err != nil {
		return nil, err
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

const (
	develDir      = "/usr/share/selinux/devel"
	policySources = "/usr/src/selinux-policy-src.tar.zst"
	hllPP         = "/usr/libexec/selinux/hll/pp"
)

// develModule compiles a module of a daemon's author, or one of Debian's policy.
func develModule(e *env, name string, warm bool) (*pair, error) {
	src := refpolicy.Source{Name: name}
	var err error
	if name == "mydaemon" {
		src, err = e.ownModule(name)
	} else {
		src.TE, src.FC, err = debianModule(name)
	}
	if err != nil {
		return nil, err
	}
	d, err := newDevel(e, src)
	if err != nil {
		return nil, err
	}
	if err := require(hllPP); err != nil {
		return nil, err
	}
	var headers *refpolicy.Headers
	var ours []byte
	open := func() (err error) {
		headers, err = refpolicy.Open(os.DirFS(develDir + "/include"))
		return err
	}
	compile := func() (err error) {
		ours, _, err = headers.Compile(src, module.ModOptions{PolicyVersion: 21}) // as checkmodule 3.4
		return err
	}
	p := &pair{
		ours: func() (sample, error) {
			return measure(e.least(), 1, func() error { return errors.Join(open(), compile()) })
		},
		peer:  d.cold,
		check: func() error { return d.compare(ours) },
	}
	if warm {
		p.ours = func() (sample, error) { return measure(e.least(), 1, compile) }
		p.peer = d.warm
		err = open()
	}
	return p, err
}

// devel is a module that is made with the Makefile for policy modules.
type devel struct {
	src      refpolicy.Source
	dir, out string
	made     bool // in dir
}

func newDevel(e *env, src refpolicy.Source) (*devel, error) {
	if err := require("make", "m4", "gawk", "checkmodule", "semodule_package", develDir+"/Makefile"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(e.dir, "devel-")
	return &devel{src: src, dir: filepath.Join(dir, "module"), out: filepath.Join(dir, "out")}, err
}

// cold makes the package in a new directory.
func (d *devel) cold() (sample, error) {
	if err := errors.Join(os.RemoveAll(d.dir), os.Mkdir(d.dir, 0o700)); err != nil {
		return sample{}, err
	}
	for ext, text := range map[string]string{".te": d.src.TE, ".fc": d.src.FC, ".if": d.src.IF} {
		if err := os.WriteFile(filepath.Join(d.dir, d.src.Name+ext), []byte(text), 0o600); err != nil {
			return sample{}, err
		}
	}
	return d.make()
}

// warm makes the package again where the definitions of all interfaces are.
func (d *devel) warm() (sample, error) {
	if !d.made {
		if _, err := d.cold(); err != nil {
			return sample{}, err
		}
		d.made = true
	}
	if err := os.Remove(filepath.Join(d.dir, d.src.Name+".pp")); err != nil {
		return sample{}, err
	}
	return d.make()
}

func (d *devel) make() (sample, error) {
	return (&process{args: []string{"make", "-C", d.dir, "-f", develDir + "/Makefile", d.src.Name + ".pp"}, out: d.out}).run()
}

// compare fails unless pp says the same of our package and of make's.
func (d *devel) compare(ours []byte) error {
	file := filepath.Join(d.dir, "ours.pp")
	if err := os.WriteFile(file, ours, 0o600); err != nil {
		return err
	}
	a, err1 := exec.Command(hllPP, file).Output()
	b, err2 := exec.Command(hllPP, filepath.Join(d.dir, d.src.Name+".pp")).Output()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if len(a) == 0 || !bytes.Equal(a, b) {
		return errors.New("the packages differ")
	}
	return nil
}

// ownModule is one of the embedded modules.
func (e *env) ownModule(name string) (src refpolicy.Source, err error) {
	src.Name = name
	for ext, text := range map[string]*string{".te": &src.TE, ".fc": &src.FC, ".if": &src.IF} {
		data, err := sources.ReadFile("testdata/" + name + ext)
		if err != nil {
			return src, err
		}
		*text = string(data)
	}
	return src, nil
}

// debianModule takes a module of the services out of Debian's policy source.
func debianModule(name string) (te, fc string, err error) {
	if err := require("tar", "zstd", policySources); err != nil {
		return "", "", err
	}
	file := func(ext string) string {
		text, fileErr := exec.Command("tar", "-xOf", policySources, "selinux-policy-src/policy/modules/services/"+name+ext).Output()
		err = errors.Join(err, fileErr)
		return string(text)
	}
	return file(".te"), file(".fc"), err
}

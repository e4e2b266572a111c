package main

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed testdata/sepol.c testdata/selabel.c testdata/search.py testdata/mydaemon.*
var sources embed.FS

// skip is why a benchmark is not run. Where a peer is missing that Debian has
// a package of, SELINUX_TEST_REQUIRE=1 turns it into a failure.
type skip struct {
	why      string
	optional bool
}

func (s *skip) Error() string { return s.why }

// require looks for tools, and paths with a leading slash.
func require(what ...string) error {
	for _, w := range what {
		var err error
		if w[0] == '/' {
			_, err = os.Stat(w)
		} else {
			_, err = exec.LookPath(w)
		}
		if err != nil {
			return &skip{why: err.Error()}
		}
	}
	return nil
}

// env is what benchmarks share: the settings, and a directory for what they
// build and write, which is removed at the end.
type env struct {
	dir   string
	short bool
	log   func(format string, args ...any)

	// What is made or measured once for several benchmarks.
	audit, noise *logFile // synthesised logs
	sediff       *sample
	tree         int // files in the tree to relabel, once it is there
}

// least is how long one sample of a repeated operation takes.
func (e *env) least() time.Duration {
	if e.short {
		return 50 * time.Millisecond
	}
	return 300 * time.Millisecond
}

// source writes an embedded source file to the directory.
func (e *env) source(name string) (string, error) {
	data, err := sources.ReadFile("testdata/" + name)
	if err != nil {
		return "", err
	}
	path := filepath.Join(e.dir, name)
	return path, os.WriteFile(path, data, 0o600)
}

// compile builds a C helper. A header or library that is missing is a skip.
func (e *env) compile(source, out string, flags ...string) (string, error) {
	path, err := e.source(source)
	if err != nil {
		return "", err
	}
	bin := filepath.Join(e.dir, out)
	args := append([]string{"-O2", "-Wall", "-o", bin, path}, flags...)
	if msg, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(msg)), "\n")
		return "", &skip{why: fmt.Sprintf("gcc %s: %v: %s", source, err, first)}
	}
	return bin, nil
}

// build builds one of sekit's example programs.
func (e *env) build(example string) (string, error) {
	if err := require("go"); err != nil {
		return "", err
	}
	bin := filepath.Join(e.dir, "example-"+example)
	if msg, err := exec.Command("go", "build", "-o", bin, "github.com/sekit/sekit/examples/"+example).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %v\n%s", example, err, msg)
	}
	return bin, nil
}

// python is Debian's interpreter: another one that comes first in PATH doesn't
// have Debian's modules.
func python(module string) (string, error) {
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		path, err := exec.LookPath(p)
		if err == nil && exec.Command(path, "-c", "import "+module).Run() == nil {
			return path, nil
		}
	}
	return "", &skip{why: "no python3 with the module " + module}
}

// server is a peer that runs beside us and answers lines with lines.
type server struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func serve(bin string, args ...string) (*server, error) {
	s := &server{cmd: exec.Command(bin, args...)}
	s.cmd.Stderr = os.Stderr
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewScanner(out)
	return s, s.cmd.Start()
}

func (s *server) close() {
	s.in.Close()
	s.cmd.Wait()
}

// ask returns the numbers that the peer answers with.
func (s *server) ask(format string, args ...any) ([]float64, error) {
	if _, err := fmt.Fprintf(s.in, format+"\n", args...); err != nil {
		return nil, err
	}
	return s.answer()
}

func (s *server) answer() ([]float64, error) {
	if !s.out.Scan() {
		return nil, fmt.Errorf("%s ended: %w", filepath.Base(s.cmd.Path), errors.Join(s.out.Err(), io.ErrUnexpectedEOF))
	}
	if why, failed := strings.CutPrefix(s.out.Text(), "!"); failed {
		return nil, fmt.Errorf("%s:%s", filepath.Base(s.cmd.Path), why)
	}
	var out []float64
	for _, f := range strings.Fields(s.out.Text()) {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(s.cmd.Path), err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: empty answer", filepath.Base(s.cmd.Path))
	}
	return out, nil
}

// sample asks for a measurement; rest is what follows the two times.
func (s *server) sample(format string, args ...any) (m sample, rest []float64, err error) {
	v, err := s.ask(format, args...)
	if err != nil {
		return sample{}, nil, err
	}
	if len(v) < 2 {
		return sample{}, nil, fmt.Errorf("%s: %v where two times were expected", filepath.Base(s.cmd.Path), v)
	}
	return sample{v[0], v[1]}, v[2:], nil
}

// process is a program that users would start: its start counts.
type process struct {
	args  []string
	stdin string // a file
	out   string // a file for its standard output
	fails bool   // it may exit with an error
}

// run runs it once. What it prints goes to a file, because some tools do less
// when nobody reads them.
func (p *process) run() (sample, error) {
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	if p.stdin != "" {
		f, err := os.Open(p.stdin)
		if err != nil {
			return sample{}, err
		}
		defer f.Close()
		cmd.Stdin = f
	}
	out, err := os.Create(p.out)
	if err != nil {
		return sample{}, err
	}
	defer out.Close()
	cmd.Stdout = out
	start := time.Now()
	err = cmd.Run()
	elapsed := time.Since(start)
	var exit *exec.ExitError
	if err != nil && !(p.fails && errors.As(err, &exit)) {
		return sample{}, fmt.Errorf("%s: %w", strings.Join(p.args, " "), err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return sample{float64(elapsed), float64(used)}, nil
}

// lines counts the lines that it printed.
func (p *process) lines() (int, error) {
	data, err := os.ReadFile(p.out)
	return strings.Count(string(data), "\n"), err
}

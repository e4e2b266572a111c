package tooltest

import (
	"context"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/sekit/sekit/internal/tool"
)

// Step is a command that is expected, and what comes of it.
type Step struct {
	Args   []string
	Stdin  string      // what it must be given
	Files  []tool.File // what it must be given
	Stdout string
	Stderr string
	// ExitCode other than 0 makes it fail.
	ExitCode int
	// Err makes it fail without an exit status.
	Err error
	// Do, if set, is done when the command is run, before its result is given.
	Do func()
}

// Script is a [tool.Runner] that expects commands in an order.
type Script struct {
	tb    testing.TB
	tools []string // nil for all

	mu    sync.Mutex
	steps []Step
}

var _ tool.Runner = (*Script)(nil)

// New returns a runner that expects the steps, each once, in their order.
// Another command fails the test, and so does a step that is left when the
// test ends.
func New(tb testing.TB, steps ...Step) *Script {
	s := &Script{tb: tb, steps: steps}
	tb.Cleanup(func() {
		if !tb.Failed() {
			for _, step := range s.steps {
				tb.Errorf("not run: %q", step.Args)
			}
		}
	})
	return s
}

// Tools says which tools are installed; without, all are. It returns s.
func (s *Script) Tools(names ...string) *Script {
	s.tools = append([]string{}, names...)
	return s
}

// Find implements [tool.Runner].
func (s *Script) Find(name string) (string, error) {
	if s.tools != nil && !slices.Contains(s.tools, name) {
		return "", &tool.Error{Args: []string{name}, ExitCode: -1, Err: &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}}
	}
	return "/usr/sbin/" + name, nil
}

// Run implements [tool.Runner].
func (s *Script) Run(ctx context.Context, c tool.Command) (tool.Result, error) {
	s.tb.Helper()
	if err := c.Check(); err != nil {
		return tool.Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return tool.Result{}, &tool.Error{Args: c.Args, ExitCode: -1, Err: err}
	}
	if _, err := s.Find(c.Args[0]); err != nil {
		return tool.Result{}, err
	}
	step, ok := s.next()
	if !ok || !slices.Equal(step.Args, c.Args) {
		s.tb.Errorf("ran %q, want %q", c.Args, step.Args)
		return tool.Result{}, &tool.Error{Args: c.Args, ExitCode: 127, Err: tool.ErrExit}
	}
	if step.Stdin != string(c.Stdin) {
		s.tb.Errorf("%s: stdin\n%s\nwant\n%s", c, c.Stdin, step.Stdin)
	}
	if !slices.EqualFunc(step.Files, c.Files, func(a, b tool.File) bool { return a.Name == b.Name && string(a.Data) == string(b.Data) }) {
		s.tb.Errorf("%s: files\n%s\nwant\n%s", c, c.Files, step.Files)
	}
	if step.Do != nil {
		step.Do()
	}
	return step.result(c)
}

func (s *Script) next() (Step, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steps) == 0 {
		return Step{}, false
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	return step, true
}

func (s Step) result(c tool.Command) (tool.Result, error) {
	fail := func(code int, err error) (tool.Result, error) {
		return tool.Result{}, &tool.Error{Args: c.Args, ExitCode: code, Stderr: []byte(s.Stderr), Err: err}
	}
	switch {
	case s.Err != nil:
		return fail(-1, s.Err)
	case s.ExitCode != 0:
		return fail(s.ExitCode, tool.ErrExit)
	case c.MustPrint && s.Stdout == "":
		return fail(0, tool.ErrNoOutput)
	}
	return tool.Result{Stdout: []byte(s.Stdout), Stderr: []byte(s.Stderr)}, nil
}

// Func is a [tool.Runner] that is a function. All tools are installed.
type Func func(ctx context.Context, c tool.Command) (tool.Result, error)

var _ tool.Runner = Func(nil)

// Find implements [tool.Runner].
func (Func) Find(name string) (string, error) { return "/usr/sbin/" + name, nil }

// Run implements [tool.Runner].
func (f Func) Run(ctx context.Context, c tool.Command) (tool.Result, error) {
	if err := c.Check(); err != nil {
		return tool.Result{}, err
	}
	return f(ctx, c)
}

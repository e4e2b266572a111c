package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Command is a tool with its arguments and what goes with it.
type Command struct {
	// Args are the tool's name and its arguments. The name is that of a file in
	// one of [Dirs], without a slash.
	Args []string
	// Stdin is what the tool reads; empty for nothing.
	Stdin []byte
	// Files are put in a new directory, open to the caller alone, that is the
	// tool's working directory and is removed afterwards: arguments name them
	// by their bare names. Without files the working directory is /.
	Files []File
	// MustPrint says that a success without output is none: what was asked for
	// is never empty, so it got lost ([ErrNoOutput]).
	MustPrint bool
	// Timeout is how long the tool may take; 0 stands for [DefaultTimeout].
	Timeout time.Duration
	// MaxOutput is how many bytes the tool may print; 0 stands for
	// [DefaultMaxOutput]. More is an error, and ends the tool.
	MaxOutput int
}

// String returns the arguments for people. It is not quoted for a shell.
func (c Command) String() string { return clean(strings.Join(c.Args, " "), 256) }

// File is a file that a tool is given.
type File struct {
	Name string // without a slash
	Data []byte
}

const (
	// DefaultTimeout is for a rebuild of a whole policy on a slow machine.
	DefaultTimeout = 5 * time.Minute
	// DefaultMaxOutput is in bytes.
	DefaultMaxOutput = 64 << 20
	// MaxStderr is how many bytes of stderr are kept: the first and the last.
	MaxStderr = 64 << 10
)

// Result is what a tool that succeeded has printed.
type Result struct {
	Stdout []byte
	Stderr []byte // at most MaxStderr bytes
}

// Runner runs tools. It is safe for concurrent use.
type Runner interface {
	// Find returns where a tool is, or an [*Error] that wraps [fs.ErrNotExist].
	Find(name string) (string, error)
	// Run runs a tool to its end. An error is an [*Error], the result then is
	// zero.
	Run(ctx context.Context, c Command) (Result, error)
}

// Error says that a tool did not do what it was asked for.
type Error struct {
	Args []string
	// ExitCode is the tool's exit status; -1 if it has none, because it was not
	// started, or was killed.
	ExitCode int
	// Stderr is what it printed there, at most MaxStderr bytes.
	Stderr []byte
	// Err is the cause: [fs.ErrNotExist] for a tool that is not installed,
	// [ErrExit], [ErrNoOutput], [ErrTooMuchOutput], the context's error
	// ([context.DeadlineExceeded] for the time limit, too), or what the
	// operating system said.
	Err error
}

var (
	// ErrExit says that a tool ended with an exit status other than 0.
	ErrExit = errors.New("failed")
	// ErrNoOutput says that a tool succeeded and that its output got lost.
	ErrNoOutput = errors.New("succeeded, but its output got lost (is it confined, and may not write here?)")
	// ErrTooMuchOutput says that a tool printed more than [Command.MaxOutput].
	ErrTooMuchOutput = errors.New("printed too much")
	errInvalid       = errors.New("invalid command")
)

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(Command{Args: e.Args}.String())
	if errors.Is(e.Err, ErrExit) && e.ExitCode >= 0 {
		fmt.Fprintf(&b, ": exit status %d", e.ExitCode)
	} else {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if text := lastLines(e.Stderr); text != "" {
		b.WriteString(": " + text)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// lastLines returns the end of what a tool printed, where it says why it gives
// up, on one line.
func lastLines(stderr []byte) string {
	const limit = 512
	lines := strings.FieldsFunc(string(stderr), func(r rune) bool { return r == '\n' || r == '\r' })
	var text string
	for i := len(lines) - 1; i >= 0 && i >= len(lines)-4; i-- {
		line := strings.TrimSpace(lines[i])
		switch {
		case line == "":
		case text == "":
			text = line
		case len(line)+len(text) < limit:
			text = line + "; " + text
		}
	}
	return clean(text, limit)
}

// clean makes text harmless for a terminal, and short.
func clean(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd' {
			return '?'
		}
		return r
	}, s)
}

// Check reports what is wrong with a command before anything is started. Every
// Runner begins with it.
func (c Command) Check() error {
	fail := func(format string, args ...any) error {
		return &Error{Args: c.Args, ExitCode: -1, Err: fmt.Errorf("%w: "+format, append([]any{errInvalid}, args...)...)}
	}
	if len(c.Args) == 0 || !bare(c.Args[0]) {
		return fail("no name of a tool")
	}
	for _, arg := range c.Args {
		if strings.IndexByte(arg, 0) >= 0 {
			return fail("a NUL byte in an argument")
		}
	}
	seen := make(map[string]bool, len(c.Files))
	for _, f := range c.Files {
		if !bare(f.Name) || seen[f.Name] {
			return fail("file name %q", clean(f.Name, 64))
		}
		seen[f.Name] = true
	}
	return nil
}

// bare reports whether s names a file in a directory and nothing else. One that
// begins with a dash would be taken for an option.
func bare(s string) bool {
	return s != "" && s[0] != '.' && s[0] != '-' && len(s) < 256 && !strings.ContainsAny(s, "/\x00")
}

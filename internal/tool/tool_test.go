package tool_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit/internal/tool"
)

func shell(script string, args ...string) tool.Command {
	return tool.Command{Args: append([]string{"sh", "-c", script, "sh"}, args...)}
}

func run(t *testing.T, c tool.Command) (tool.Result, error) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the tools are Linux's")
	}
	res, err := tool.Exec{}.Run(t.Context(), c)
	if err != nil {
		var e *tool.Error
		if !errors.As(err, &e) || res.Stdout != nil || res.Stderr != nil {
			t.Fatalf("%v (%T) beside %v", err, err, res)
		}
	}
	return res, err
}

func TestRun(t *testing.T) {
	t.Setenv("SECRET", "x")
	c := shell(`cat; printf '[%s]' "$@"; pwd; env; echo noise >&2`, "a b", "$(id)", "'")
	c.Stdin = []byte("in ")
	res, err := run(t, c)
	if err != nil {
		t.Fatal(err)
	}
	// PWD, SHLVL and _ are the shell's own.
	got := strings.Split(strings.TrimSpace(string(res.Stdout)), "\n")
	if got[0] != "in [a b][$(id)][']/" {
		t.Errorf("got %q", got[0])
	}
	for _, line := range got[1:] {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "PATH":
			if value != "/usr/sbin:/usr/bin:/sbin:/bin" {
				t.Errorf("PATH is %s", value)
			}
		case "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD":
		default:
			t.Errorf("environment: %s", line)
		}
	}
	if string(res.Stderr) != "noise\n" {
		t.Errorf("stderr %q", res.Stderr)
	}
}

func TestRunFiles(t *testing.T) {
	c := shell(`cat a.cil b; stat -c '%a %A' . a.cil; pwd`)
	c.Files = []tool.File{{Name: "a.cil", Data: []byte("one ")}, {Name: "b", Data: []byte("two\n")}}
	res, err := run(t, c)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(res.Stdout)), "\n")
	if len(lines) != 4 || lines[0] != "one two" || lines[1] != "700 drwx------" || lines[2] != "600 -rw-------" {
		t.Fatalf("got %q", lines)
	}
	if _, err := os.Stat(lines[3]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", lines[3], err)
	}
}

func TestRunErrors(t *testing.T) {
	quiet := shell("true")
	quiet.MustPrint = true
	much := shell("yes")
	much.MaxOutput = 1000
	for name, tt := range map[string]struct {
		command tool.Command
		code    int
		is      error
		text    string
	}{
		"exit":      {shell("echo noise >&2; echo; echo 'ValueError: \x1b[31mbad' >&2; exit 3"), 3, tool.ErrExit, "exit status 3: noise; ValueError: ?[31mbad"},
		"signal":    {shell("kill -9 $$"), -1, tool.ErrExit, "signal: killed"},
		"lost":      {quiet, 0, tool.ErrNoOutput, "lost"},
		"much":      {much, -1, tool.ErrTooMuchOutput, "too much"},
		"not there": {tool.Command{Args: []string{"no-such-tool"}}, -1, fs.ErrNotExist, "no-such-tool"},
	} {
		_, err := run(t, tt.command)
		var e *tool.Error
		if !errors.As(err, &e) || e.ExitCode != tt.code || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v (%+v)", name, err, e)
		}
	}
	for name, c := range map[string]tool.Command{
		"nothing":   {},
		"path":      {Args: []string{"/bin/sh"}},
		"up":        {Args: []string{".."}},
		"NUL":       {Args: []string{"sh", "a\x00b"}},
		"file":      {Args: []string{"sh"}, Files: []tool.File{{Name: "../x"}}},
		"option":    {Args: []string{"sh"}, Files: []tool.File{{Name: "-x"}}},
		"same file": {Args: []string{"sh"}, Files: []tool.File{{Name: "x"}, {Name: "x"}}},
	} {
		if err := c.Check(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := (tool.Exec{}).Run(t.Context(), c); err == nil {
			t.Errorf("%s: was run", name)
		}
	}
}

// The end of the context ends the tool and what it started.
func TestRunCancel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the tools are Linux's")
	}
	pidFile := t.TempDir() + "/pid"
	c := shell(`sleep 600 & echo $! >"$1"; wait`, pidFile)
	c.Timeout = 200 * time.Millisecond
	start := time.Now()
	_, err := tool.Exec{}.Run(t.Context(), c)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	// It may be a zombie for as long as its new parent takes to reap it.
	for range 100 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("what the tool started still runs")
}

func TestRunCancelled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the tools are Linux's")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := t.TempDir() + "/made"
	if _, err := (tool.Exec{}).Run(ctx, shell(`touch "$1"`, file)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was run")
	}
}

// Much noise is cut in the middle: its end says why a tool gave up.
func TestStderr(t *testing.T) {
	res, err := run(t, shell(`i=0; echo first >&2; while [ $i -lt 4000 ]; do echo "libsemanage.add_user: noise noise noise" >&2; i=$((i+1)); done; echo last >&2`))
	if err != nil {
		t.Fatal(err)
	}
	text := string(res.Stderr)
	if len(text) > tool.MaxStderr || !strings.HasPrefix(text, "first\n") || !strings.HasSuffix(text, "\nlast\n") || !strings.Contains(text, "[...]") {
		t.Errorf("%d bytes, %.20q", len(text), text)
	}
}

func TestUnsupported(t *testing.T) {
	if runtime.GOOS == "linux" {
		t.Skip("for other systems")
	}
	if _, err := (tool.Exec{}).Run(t.Context(), shell("true")); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := (tool.Exec{}).Find("sh"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

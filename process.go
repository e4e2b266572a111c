package sekit

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/sekit/sekit/policy"
)

// processContext reads the context of a process from /proc, given as a file
// system, whose name there is its number, or self.
func processContext(proc fs.FS, name string) (policy.Context, error) {
	text, err := readShort(proc, path.Join(name, "attr/current"))
	if err != nil {
		return policy.Context{}, err
	}
	return parseContext(text)
}

// parseContext takes a context as the kernel gives it: with a NUL byte, or a
// newline, at its end. Other security modules have other texts there.
func parseContext(text string) (policy.Context, error) {
	c, err := policy.ParseContext(strings.TrimRight(text, "\x00\n"))
	if err != nil {
		return policy.Context{}, fmt.Errorf("%q is not SELinux's: %w", clip(text), err)
	}
	return c, nil
}

// processExe reads which file a process executes: empty for a kernel thread.
func processExe(proc fs.FS, pid int) (string, error) {
	name, err := fs.ReadLink(proc, path.Join(strconv.Itoa(pid), "exe"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, stat := fs.Stat(proc, strconv.Itoa(pid)); stat == nil {
			return "", nil
		}
	}
	// The kernel marks a file that is gone so (d_path).
	return strings.TrimSuffix(name, " (deleted)"), err
}

package fcontext

import (
	"bufio"
	"io"
	"slices"
	"strings"
)

// MountsWithoutContexts reads /proc/self/mounts (proc_pid_mounts(5)) and returns
// the mount points of file systems whose files have no contexts of their own,
// those without the option seclabel: what restorecon -R leaves out, unless told
// otherwise by -m, and what [RelabelOptions].Exclude should have for the
// running system. Of several mounts on one mount point the last counts.
//
// If no mount has the option, SELinux is not in the kernel and nothing is left
// out: the result is empty.
func MountsWithoutContexts(mounts io.Reader) ([]string, error) {
	var without []string
	seclabel := false
	s := bufio.NewScanner(mounts)
	s.Buffer(nil, 1<<20) // overlayfs has long options
	for s.Scan() {
		fields := strings.Fields(s.Text())
		if len(fields) < 4 {
			continue
		}
		at := unescapeMount(fields[1])
		without = slices.DeleteFunc(without, func(p string) bool { return p == at })
		if slices.Contains(strings.Split(fields[3], ","), "seclabel") {
			seclabel = true
		} else {
			without = append(without, at)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if !seclabel {
		return nil, nil
	}
	return without, nil
}

// unescapeMount reads the three octal digits after a backslash that the kernel
// writes for blanks and backslashes.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1]) && octal(s[i+2]) && octal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

type mount struct{ source, target, fstype, data string }

// do mounts m; that it is there already (devtmpfs may be) is fine.
func (m mount) do() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		// sysfs has no place for new folders, and needs none.
		if _, statErr := os.Stat(m.target); statErr != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := syscall.Mount(m.source, m.target, m.fstype, 0, m.data); err != nil && err != syscall.EBUSY {
		return fmt.Errorf("mount %s: %w", m.target, err)
	}
	return nil
}

// loadPolicy gives the kernel the newest installed policy that it can take, in
// one write as selinuxfs wants it. If there is only a newer one, load_policy
// is asked, which rewrites the policy in an older version.
func loadPolicy() error {
	data, err := os.ReadFile(selinuxfs + "/policyvers")
	if err != nil {
		return err
	}
	highest, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return err
	}
	files, err := filepath.Glob("/etc/selinux/*/policy/policy.*")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no policy is installed: %w", fs.ErrNotExist)
	}
	best, bestVersion := "", 0
	for _, name := range files {
		v, err := strconv.Atoi(strings.TrimPrefix(filepath.Ext(name), "."))
		if err == nil && v <= highest && v > bestVersion {
			best, bestVersion = name, v
		}
	}
	if best == "" {
		say("kernel takes version %d, there is %v: asking load_policy", highest, files)
		if out, err := exec.Command("/sbin/load_policy", "-i").CombinedOutput(); err != nil {
			return fmt.Errorf("load_policy -i: %w: %s", err, out)
		}
		return nil
	}
	say("loading %s", best)
	binary, err := os.ReadFile(best)
	if err != nil {
		return err
	}
	return writeExisting(selinuxfs+"/load", binary)
}

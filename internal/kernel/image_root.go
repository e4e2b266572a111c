//go:build kernel && linux

package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const imageSize = 1536 << 20 // sparse; about a quarter of it is used

// buildRoot makes the disk from a copy of the base: the slim policy, the test
// domain, vminit, and a context on every file.
func (b *Builder) buildRoot(ctx context.Context, base, dir string, config []configFile, built map[string]time.Duration) error {
	root := filepath.Join(dir, "root")
	steps := []struct {
		name string
		do   func() error
	}{
		{"copy", func() error {
			_, err := contained(ctx, "cp", "-a", "--reflink=auto", filepath.Join(base, "root"), filepath.Join(base, "vmlinuz"), dir)
			return err
		}},
		{"configure", func() error { return configure(root, config) }},
		{"modules", func() error { return b.modules(ctx, root) }},
		{"versions", func() error { return versions(ctx, base, dir) }},
		{"contexts", func() error { return setContexts(ctx, root) }},
		{"disk", func() error {
			img := filepath.Join(dir, "root.img")
			if err := writeGPT(img, imageSize, "sekit-root"); err != nil {
				return err
			}
			blocks := fmt.Sprint((imageSize - partitionStart - gptTail) / 4096)
			_, err := contained(ctx, "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-d", root,
				"-E", fmt.Sprintf("offset=%d,root_owner=0:0", partitionStart), img, blocks)
			return err
		}},
		{"clean", func() error { return os.RemoveAll(root) }},
	}
	for _, s := range steps {
		if err := b.timed(built, s.name, s.do); err != nil {
			return err
		}
	}
	return nil
}

// configFile is a file, or a symbolic link, that differs from a fresh Debian's.
type configFile struct {
	name string // below the root
	mode fs.FileMode
	data []byte
	link string
}

const vminitFile = "sbin/vminit"

func (v Variant) config(vminit []byte) []configFile {
	files := []configFile{
		{name: "etc/selinux/config", mode: 0o644, data: []byte("SELINUX=enforcing\nSELINUXTYPE=default\n")},
		{name: "etc/audit/auditd.conf", mode: 0o640, data: auditdConf},
		{name: "etc/fstab", mode: 0o644},
		{name: "etc/hostname", mode: 0o644, data: []byte("sekit\n")},
		{name: "etc/hosts", mode: 0o644, data: []byte("127.0.0.1 localhost sekit\n")},
		{name: "etc/resolv.conf", mode: 0o644},
		{name: "usr/share/sekit/sekittest.cil", mode: 0o644, data: testDomain},
		{name: vminitFile, mode: 0o755, data: vminit},
	}
	if v.Systemd {
		files = append(files, systemdConfig...)
	}
	return files
}

func configure(root string, files []configFile) error {
	for _, f := range files {
		name := filepath.Join(root, f.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if f.link != "" {
			if err := os.Symlink(f.link, name); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(name, f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}

// modules drops what the slim policy does without and adds the test domain.
func (b *Builder) modules(ctx context.Context, root string) error {
	out, err := contained(ctx, "chroot", root, "semodule", "-l")
	if err != nil {
		return err
	}
	keep, found := list(modulesFile), 0
	var drop []string
	for name := range strings.FieldsSeq(out) {
		if slices.Contains(keep, name) {
			found++
		} else {
			drop = append(drop, name)
		}
	}
	args := []string{root, "semodule", "-N", "-i", "/usr/share/sekit/sekittest.cil"}
	if !b.Variant.full() {
		if found != len(keep) {
			return fmt.Errorf("of the %d modules to keep, the policy has %d", len(keep), found)
		}
		// Debian installs its modules with priority 100, semodule assumes 400.
		args = append(args, "-X", "100", "-r")
		args = append(args, drop...)
	}
	_, err = contained(ctx, "chroot", args...)
	return err
}

func versions(ctx context.Context, base, dir string) error {
	kernel, err := os.ReadFile(filepath.Join(base, "kernel"))
	if err != nil {
		return err
	}
	out, err := contained(ctx, "chroot", filepath.Join(dir, "root"), "dpkg-query", "-W", "-f", "${Package} ${Version}\n",
		"selinux-policy-default", "policycoreutils", "auditd")
	if err != nil {
		return err
	}
	v := map[string]string{"kernel": string(kernel)}
	for line := range strings.Lines(out) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		v[name] = version
	}
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "versions.json"), data, 0o644)
}

// setContexts gives each file the context that the image's own policy wants,
// with the image's own setfiles: it needs /proc, and -m on a host that does
// not run SELinux. vminit is Debian's unknown.
func setContexts(ctx context.Context, root string) error {
	const script = `mount -t proc proc "$0/proc" && exec chroot "$0" setfiles -m -F -e /proc /etc/selinux/default/contexts/files/file_contexts /`
	if _, err := contained(ctx, "sh", "-c", script, root); err != nil {
		return err
	}
	const xattr = "security.selinux"
	err := syscall.Setxattr(filepath.Join(root, vminitFile), xattr, []byte("system_u:object_r:init_exec_t:s0\x00"), 0)
	if err != nil {
		return &fs.PathError{Op: "setxattr", Path: vminitFile, Err: err}
	}
	var without []string
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ok, err := hasContext(name); err != nil {
			return err
		} else if !ok && name != filepath.Join(root, "proc") {
			without = append(without, name)
		}
		return nil
	})
	if err == nil && len(without) != 0 {
		err = fmt.Errorf("%d files have no context: %.3q", len(without), without[:min(3, len(without))])
	}
	return err
}

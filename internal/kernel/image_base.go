//go:build kernel && linux

package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// errCannotBuild is what the missing of a tool or of root wraps.
var errCannotBuild = errors.New("cannot build the image")

// canBuild says what is missing to build an image; to run one, root is not
// needed.
func canBuild() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it takes root", errCannotBuild)
	}
	for _, tool := range []string{"mmdebstrap", "apt-get", "dpkg-deb", "mke2fs", "unshare", "chroot", "cp"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: %w", errCannotBuild, err)
		}
	}
	return nil
}

// contained runs a tool in its own mount and PID namespaces: whatever it
// mounts or leaves running is gone when it ends, and it ends when we do.
func contained(ctx context.Context, name string, args ...string) (string, error) {
	argv := append([]string{"--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--", name}, args...)
	cmd := exec.CommandContext(ctx, "unshare", argv...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 10 * time.Second
	var stdout, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &tee{&stdout, &all}, &all
	// The death signal is sent when the thread ends that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, tail(all.Bytes(), 4000))
	}
	return stdout.String(), nil
}

// tee needs no lock, unlike an io.MultiWriter shared with Stderr: both are
// written from the goroutines of one Cmd, so it has its own.
type tee struct{ a, b *bytes.Buffer }

func (t *tee) Write(p []byte) (int, error) {
	t.b.Write(p)
	return t.a.Write(p)
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// timed runs a step, logs it and notes how long it took.
func (b *Builder) timed(built map[string]time.Duration, step string, f func() error) error {
	start := time.Now()
	err := f()
	built[step] = time.Since(start)
	b.Logf("%-10s %5.1fs", step, built[step].Seconds())
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
}

// The hook runs beside the new tree, with mmdebstrap's own apt, and leaves in
// the working directory the kernel that Debian's package for clouds depends on.
const kernelHook = `export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
apt-get -qq download $(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')`

// buildBase fills dir with a Debian tree (root) and Debian's cloud kernel
// (vmlinuz): it has NVMe, ext4 and the serial console built in, so that there
// is no initrd and no module. Its package is only unpacked, not installed.
func (b *Builder) buildBase(ctx context.Context, dir string, built map[string]time.Duration) error {
	root := filepath.Join(dir, "root")
	err := b.timed(built, "mmdebstrap", func() error {
		_, err := contained(ctx, "mmdebstrap", "--quiet", "--mode=root", "--variant=essential",
			"--dpkgopt=force-unsafe-io", `--aptopt=Acquire::Languages "none"`,
			`--aptopt=Acquire::Retries "5"`, `--aptopt=Acquire::http::Timeout "60"`, // the hook's, too
			"--include="+strings.Join(b.Variant.packages(), ","),
			"--customize-hook=cd '"+dir+"' && "+kernelHook,
			b.Variant.Suite, root, b.Variant.Mirror)
		if err != nil {
			return fmt.Errorf("fetching Debian %s from %s, which takes the network (-kernel.mirror names another): %w", b.Variant.Suite, b.Variant.Mirror, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.timed(built, "kernel", func() error {
		packages, err := filepath.Glob(filepath.Join(dir, "linux-image-*.deb"))
		if err != nil || len(packages) != 1 {
			return fmt.Errorf("%d kernel packages were downloaded (%w)", len(packages), err)
		}
		if _, err := contained(ctx, "sh", "-c", `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$0" ./boot`, dir, packages[0]); err != nil {
			return err
		}
		kernels, err := filepath.Glob(filepath.Join(dir, "boot/vmlinuz-*"))
		if err != nil || len(kernels) != 1 {
			return fmt.Errorf("%d kernels in %s (%w)", len(kernels), packages[0], err)
		}
		if err := os.Rename(kernels[0], filepath.Join(dir, "vmlinuz")); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "kernel"), []byte(filepath.Base(packages[0])), 0o644); err != nil {
			return err
		}
		return errors.Join(os.RemoveAll(filepath.Join(dir, "boot")), os.Remove(packages[0]))
	})
}

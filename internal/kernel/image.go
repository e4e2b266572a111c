//go:build kernel && linux

package kernel

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The image's inputs. The sources that build it are inputs too: a change of
// them changes the key under which the image is cached.
var (
	//go:embed image/packages
	packagesFile string
	//go:embed image/packages-systemd
	systemdPackagesFile string
	//go:embed image/modules
	modulesFile string
	//go:embed image/auditd.conf
	auditdConf []byte
	//go:embed image/sekittest.cil
	testDomain []byte
	//go:embed image_base.go
	baseSource string
	//go:embed image_root.go
	rootSource string
	//go:embed gpt.go
	gptSource string
)

// Variant says which image is wanted.
type Variant struct {
	Suite  string // of Debian
	Mirror string
	Full   bool // all of Debian's policy modules
	// Systemd makes systemd the first process, and vminit's worker a service of
	// it. The image has the full policy: units come from everywhere.
	Systemd bool
}

// String names the variant: suite, policy, and what is special.
func (v Variant) String() string {
	s := v.Suite
	switch {
	case v.Systemd:
		s += "-systemd"
	case v.Full:
		s += "-full"
	}
	return s
}

// packages returns the packages to install.
func (v Variant) packages() []string {
	p := list(packagesFile)
	if v.Systemd {
		p = append(p, list(systemdPackagesFile)...)
	}
	return p
}

// full reports whether the image has all policy modules.
func (v Variant) full() bool { return v.Full || v.Systemd }

// Builder makes images and keeps them in a cache folder: one folder for what
// mmdebstrap and the kernel's package give (base-KEY, about a minute), one
// for the disk made of it (image-KEY, some seconds).
type Builder struct {
	Cache   string
	Variant Variant
	VMInit  string // the program
	Logf    func(format string, args ...any)
}

// Image is a bootable disk and its kernel.
type Image struct {
	Root, Kernel string // files
	Init         string // the first process, a file of the root
	Versions     map[string]string
	// Built says how long each step took; it is empty if the cache had the
	// image.
	Built map[string]time.Duration
}

// CacheDir is $SEKIT_KERNEL_CACHE or sekit-kernel in the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("SEKIT_KERNEL_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "sekit-kernel"), err
}

// Image returns the image from the cache, or builds it. Several processes may
// ask at once; one builds, the others wait.
func (b *Builder) Image(ctx context.Context) (*Image, error) {
	vminit, err := os.ReadFile(b.VMInit)
	if err != nil {
		return nil, err
	}
	v := b.Variant
	baseKey := key("base", v.Suite, v.Mirror, strings.Join(v.packages(), " "), baseSource)
	modules := modulesFile
	if v.full() {
		modules = "all"
	}
	config := v.config(vminit)
	parts := []string{"image", baseKey, modules, rootSource, gptSource}
	for _, f := range config {
		parts = append(parts, f.name, f.link, f.mode.String(), string(f.data))
	}
	imageKey := key(parts...)

	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(filepath.Join(b.Cache, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	built := map[string]time.Duration{}
	base, image := filepath.Join(b.Cache, "base-"+baseKey), filepath.Join(b.Cache, "image-"+imageKey)
	if !exists(image) {
		b.sweep()
		if err := canBuild(); err != nil {
			return nil, err
		}
		if !exists(base) {
			if err := b.make(ctx, base, func(dir string) error { return b.buildBase(ctx, dir, built) }); err != nil {
				return nil, err
			}
		}
		if err := b.make(ctx, image, func(dir string) error { return b.buildRoot(ctx, base, dir, config, built) }); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	for _, dir := range []string{base, image} {
		// For sweep; a cache that another user filled is as good.
		if err := os.Chtimes(dir, now, now); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	img := &Image{Root: filepath.Join(image, "root.img"), Kernel: filepath.Join(image, "vmlinuz"), Init: "/" + vminitFile, Built: built}
	if v.Systemd {
		img.Init = "/sbin/init"
	}
	data, err := os.ReadFile(filepath.Join(image, "versions.json"))
	if err == nil {
		err = json.Unmarshal(data, &img.Versions)
	}
	return img, err
}

// make builds a folder under another name and gives it its own when it is
// complete, so that the cache never holds half of one.
func (b *Builder) make(ctx context.Context, dir string, build func(dir string) error) error {
	tmp, err := os.MkdirTemp(b.Cache, "tmp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := build(tmp); err != nil {
		return fmt.Errorf("building %s: %w", filepath.Base(dir), err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

// sweep removes what a killed build left and what was not used for a week.
// The lock is held: nobody builds. A machine that runs from a removed image
// keeps its open file.
func (b *Builder) sweep() {
	entries, err := os.ReadDir(b.Cache)
	if err != nil {
		return
	}
	for _, e := range entries {
		prefix, _, _ := strings.Cut(e.Name(), "-")
		info, err := e.Info()
		old := err == nil && time.Since(info.ModTime()) > 7*24*time.Hour
		if prefix == "tmp" || old && (prefix == "base" || prefix == "image") {
			b.Logf("removing %s", e.Name())
			if err := os.RemoveAll(filepath.Join(b.Cache, e.Name())); err != nil {
				b.Logf("%v", err)
			}
		}
	}
}

func key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s\n", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// lock takes an advisory lock on the file; the kernel gives it back if we die.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "flock", Path: name, Err: err}
	}
	return func() { f.Close() }, nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// list returns the words of a file of one word per line and # comments.
func list(text string) []string {
	var words []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			words = append(words, line)
		}
	}
	return words
}

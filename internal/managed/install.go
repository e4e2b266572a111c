package managed

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// installed is a file below /etc/selinux/TYPE that a commit replaces.
type installed struct {
	name string // slash-separated
	data []byte
	// compiled says that libselinux may have a compiled form beside it, NAME.bin.
	compiled bool
	exists   bool
}

// staged is the name that libsemanage gives a file that it will rename.
func (f *installed) staged() string { return f.name + ".tmp" }

// planInstall decides what to install: what differs from the store.
func (t *transaction) planInstall(subs []byte) error {
	kernel, err := t.kernelName()
	if err != nil {
		return err
	}
	for _, f := range []struct{ store, name string }{
		{"file_contexts", path.Join(contextsDir, "file_contexts")},
		{"file_contexts.homedirs", path.Join(contextsDir, "file_contexts.homedirs")},
		{FcontextsFile, path.Join(contextsDir, FcontextsFile)},
		{kernelFile, kernel},
		{"seusers", "seusers"},
	} {
		if f.store == "file_contexts.homedirs" && t.s.conf.noHomedirs {
			continue
		}
		data, err := t.current(f.store)
		if err != nil {
			return err
		}
		if data == nil {
			continue // libsemanage leaves what is installed alone, too
		}
		if err := t.addInstall(f.name, data, strings.HasPrefix(f.store, "file_contexts")); err != nil {
			return err
		}
		if f.store == kernelFile && len(t.install) > 0 && t.install[len(t.install)-1].name == kernel {
			t.loads = data
		}
	}
	if subs != nil {
		return t.addInstall(path.Join(contextsDir, SubsFile), subs, false)
	}
	return nil
}

func (t *transaction) addInstall(name string, data []byte, compiled bool) error {
	f := installed{name: name, data: data, compiled: compiled}
	old, err := readLimited(t.etc.FS(), name, maxFile)
	switch {
	case err == nil && bytes.Equal(old, data):
		return nil
	case err == nil:
		f.exists = true
	case !isNotExist(err):
		return err
	}
	t.install = append(t.install, f)
	return nil
}

// kernelName returns the name of the installed policy. libsemanage writes that of
// the version that its configuration names, or else the newest that its libsepol
// knows, whatever version the policy in it has; without a libsepol that is the
// newest that is there.
func (t *transaction) kernelName() (string, error) {
	newest := t.s.conf.policyVersion
	if newest == 0 {
		entries, err := fs.ReadDir(t.etc.FS(), "policy")
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			suffix, ok := strings.CutPrefix(e.Name(), "policy.")
			if n, err := strconv.Atoi(suffix); ok && err == nil && strconv.Itoa(n) == suffix {
				newest = max(newest, n)
			}
		}
	}
	if newest == 0 {
		return "", &UnsupportedError{path.Join(t.s.etc(), "policy"), "there is no policy yet", "run semodule -B"}
	}
	return fmt.Sprintf("policy/policy.%d", newest), nil
}

// stage writes the file under its temporary name.
func (f *installed) stage(etc *os.Root, mode fs.FileMode) error {
	if err := etc.Remove(f.staged()); err != nil && !isNotExist(err) {
		return err
	}
	old, err := etc.Open(f.name)
	if err != nil && !isNotExist(err) {
		return err
	}
	defer old.Close()
	return writeFile(etc, f.staged(), f.data, mode, old)
}

// put gives the file its name, and returns how to undo that. libselinux takes
// the newer one of NAME.bin and NAME, by the second, and NAME.bin if they are of
// the same: so a compiled form must be gone before a new text is there. Without
// it libselinux reads the text, and the next commit of libsemanage compiles it.
func (f *installed) put(etc *os.Root) (undo func() error, err error) {
	if f.compiled {
		if err := etc.Remove(f.name + ".bin"); err != nil && !isNotExist(err) {
			return nil, err
		}
	}
	if !f.exists {
		return func() error { return etc.Remove(f.name) }, etc.Rename(f.staged(), f.name)
	}
	if err := exchange(etc, f.name, f.staged()); err != nil {
		return nil, err
	}
	return func() error { return exchange(etc, f.name, f.staged()) }, nil
}

// installDirs returns the directories in which files are installed.
func (t *transaction) installDirs() []string {
	var dirs []string
	for _, f := range t.install {
		if dir := path.Dir(f.name); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

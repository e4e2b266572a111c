package managed

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Edit is a change of one local file: [PortsFile], [BooleansFile],
// [FcontextsFile] or [SubsFile].
type Edit struct {
	Name string
	// Change returns the new contents of the file; old is nil if there is no
	// file yet. It runs while the store is locked: nobody else can have changed
	// the file since. An error stops the commit, which returns it.
	Change func(old []byte) ([]byte, error)
}

// Commit makes all the edits, or none and returns an error: it changes the
// files, builds the kernel's policy anew from the linked modules and all local
// records, installs what differs below /etc/selinux/TYPE and, on a machine that
// runs this policy type, loads it. Edits that change nothing make no commit;
// what an earlier commit that was killed left uninstalled is installed in any
// case.
//
// Killed at any time, it leaves the store as it was or as it shall be, in a
// state that libsemanage and the next Commit take.
//
// Errors are those of the edits, a [*ParseError], [*RecordError], [*LockError]
// or [*UnsupportedError], or those of the file system.
func (s *Store) Commit(ctx context.Context, edits ...Edit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.supported(edits); err != nil {
		return err
	}
	dir, err := s.open(s.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	etc, err := s.open(s.etc())
	if err != nil {
		return err
	}
	defer etc.Close()
	unlock, err := lock(ctx, dir, transLock)
	if err != nil {
		return err
	}
	defer unlock()
	active, err := dir.OpenRoot(activeDir)
	if err != nil {
		return err
	}
	defer active.Close()

	t := &transaction{s: s, dir: dir, active: active, etc: etc, files: make(map[string][]byte)}
	if err := t.plan(edits); err != nil {
		return err
	}
	return t.run(ctx)
}

// supported says what of a store's configuration only libsemanage can do.
func (s *Store) supported(edits []Edit) error {
	switch {
	case s.fsys != nil:
		return &UnsupportedError{Reason: "the store is open for reading alone"}
	case !s.conf.direct:
		return &UnsupportedError{confFile, "the store is behind a policy server", "use semanage"}
	case s.conf.verifyKernel:
		return &UnsupportedError{confFile, "a program is to verify each policy", "use semanage"}
	}
	for _, e := range edits {
		if !slices.Contains([]string{PortsFile, BooleansFile, FcontextsFile, SubsFile}, e.Name) {
			return &fs.PathError{Op: "edit", Path: e.Name, Err: fs.ErrInvalid}
		}
	}
	return nil
}

// transaction is one commit under the transaction lock.
type transaction struct {
	s      *Store
	dir    *os.Root // of the store
	active *os.Root
	etc    *os.Root // where the policy is installed

	files   map[string][]byte // of the store, that change
	install []installed
	loads   []byte // the policy to load, if it changes
}

// plan decides what is to be written. It changes nothing.
func (t *transaction) plan(edits []Edit) error {
	var subs []byte
	for _, e := range edits {
		old, known := t.files[e.Name]
		if e.Name == SubsFile && subs != nil {
			old, known = subs, true
		}
		if !known {
			var err error
			if old, err = t.read(e.Name); err != nil {
				return err
			}
		}
		now, err := e.Change(old)
		switch {
		case err != nil:
			return err
		case bytes.Equal(old, now) && (old == nil) == (now == nil):
		case e.Name == SubsFile:
			subs = now
		default:
			t.files[e.Name] = now
		}
	}
	if len(t.files) > 0 {
		if err := t.build(); err != nil {
			return err
		}
	}
	return t.planInstall(subs)
}

// read returns a file of the active store, or file_contexts.subs, and nil if
// there is none.
func (t *transaction) read(name string) ([]byte, error) {
	fsys := t.active.FS()
	if name == SubsFile {
		fsys, name = t.etc.FS(), path.Join(contextsDir, name)
	}
	data, err := readLimited(fsys, name, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// current returns a file as the commit will leave it.
func (t *transaction) current(name string) ([]byte, error) {
	if data, ok := t.files[name]; ok {
		return data, nil
	}
	return t.read(name)
}

// run makes the planned changes. What can fail for want of room or permission
// comes before the store is touched.
func (t *transaction) run(ctx context.Context) (err error) {
	if len(t.files) == 0 && len(t.install) == 0 {
		return nil
	}
	defer t.discard(&err)
	if len(t.files) > 0 {
		if err := t.makeSandbox(); err != nil {
			return err
		}
	}
	for i := range t.install {
		if err := t.install[i].stage(t.etc, t.s.conf.fileMode); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	unlock, err := lock(ctx, t.dir, readLock)
	if err != nil {
		return err
	}
	defer unlock()
	return t.replace()
}

// replace puts the sandbox in the active store's place, installs the policy and
// loads it; where one step fails, those before it are undone.
func (t *transaction) replace() (err error) {
	var undo []func() error
	defer func() {
		if err != nil {
			for _, u := range slices.Backward(undo) {
				err = errors.Join(err, u())
			}
		}
	}()
	if len(t.files) > 0 {
		if err := exchange(t.dir, activeDir, sandboxDir); err != nil {
			return err
		}
		undo = append(undo, func() error { return exchange(t.dir, activeDir, sandboxDir) })
		if err := syncDir(t.dir, "."); err != nil {
			return err
		}
	}
	for i := range t.install {
		back, err := t.install[i].put(t.etc)
		if back != nil {
			undo = append(undo, back)
		}
		if err != nil {
			return err
		}
	}
	for _, dir := range t.installDirs() {
		if err := syncDir(t.etc, dir); err != nil {
			return err
		}
	}
	if t.loads != nil && t.s.Live() {
		return load(t.s.policyType, t.loads)
	}
	return nil
}

// discard removes what is no longer needed: after a commit the store that it
// replaced, unless it is to be kept, and what lay beside it. What can't be
// removed does no harm, and the next commit tries again.
func (t *transaction) discard(err *error) {
	for i := range t.install {
		t.etc.Remove(t.install[i].staged())
	}
	if len(t.files) == 0 {
		return
	}
	if *err == nil {
		t.dir.RemoveAll(backupDir)
		if t.s.conf.savePrevious {
			t.dir.Rename(sandboxDir, backupDir)
			return
		}
	}
	t.dir.RemoveAll(sandboxDir)
}

// makeSandbox makes the directory that will be the active one: the files that
// change written anew, all others the active one's own.
func (t *transaction) makeSandbox() error {
	number, err := t.read(commitFile)
	if err != nil {
		return err
	}
	t.files[commitFile] = nextCommit(number)
	// A sandbox that is there is one that a killed program left: the
	// transaction lock is ours.
	if err := t.dir.RemoveAll(sandboxDir); err != nil {
		return err
	}
	if err := t.dir.Mkdir(sandboxDir, 0o700); err != nil {
		return err
	}
	if err := linkTree(t.dir, activeDir, sandboxDir, t.files); err != nil {
		return err
	}
	sandbox, err := t.dir.OpenRoot(sandboxDir)
	if err != nil {
		return err
	}
	defer sandbox.Close()
	for name, data := range t.files {
		mode := fs.FileMode(0o600)
		old, err := t.active.Open(name)
		if err == nil {
			if info, err := old.Stat(); err == nil {
				mode = info.Mode().Perm()
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err = writeFile(sandbox, name, data, mode, old)
		old.Close()
		if err != nil {
			return err
		}
	}
	return syncDir(sandbox, ".")
}

// nextCommit counts a commit as libsemanage does, which fills its number with
// zeros to 32 bytes.
func nextCommit(old []byte) []byte {
	text := strings.TrimLeft(string(old), whiteSpace)
	digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if digits >= 0 {
		text = text[:digits]
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		n = 0
	}
	out := make([]byte, 32)
	copy(out, strconv.FormatUint(n+1, 10))
	return out
}

// writeFile makes a file, flushed to the disk, with the label of the one that it
// will replace (nil if there is none).
func writeFile(dir *os.Root, name string, data []byte, mode fs.FileMode, old *os.File) error {
	file, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Chmod(mode) // as the mode that the umask left may be less
	}
	if err == nil {
		copyLabel(old, file)
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func syncDir(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

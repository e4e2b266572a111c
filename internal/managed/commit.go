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

// Edit is a change of one local file: [PortsFile], [PkeysFile], [EndportsFile],
// [BooleansFile], [FcontextsFile] or [SubsFile].
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
// what an earlier commit that was killed left undone is done in any case.
//
// libsemanage copies the whole store for a commit and exchanges the copy for it,
// with a moment in which there is no store. Here only the files that change are
// written anew, in the directory of libsemanage's copy, and when all are on the
// disk they are renamed one by one, what the others are made from first. Killed
// before that, a commit has changed nothing; killed after, the next one finishes
// it first, and libsemanage finds local records that it has yet to put into the
// policy, as it does with its next change.
//
// Two things that libsemanage does with each commit are left to its next one. It
// compiles file contexts, into a form that only PCRE can write: that of what
// changes is removed, so that libselinux reads the text, to the same effect. And
// it makes file_contexts.homedirs anew of accounts, logins, SELinux users and
// the policy's own specs: edits change none of these, but accounts may have
// changed since.
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
	t := &transaction{s: s, dir: dir, etc: etc, now: make(map[string][]byte)}
	defer t.close()
	if t.kernel, err = t.kernelName(); err != nil {
		return err
	}
	if err := t.finish(ctx); err != nil {
		return err
	}
	if err := t.plan(edits); err != nil {
		return err
	}
	return t.run(ctx)
}

// edited are the files of the store that edits are for.
var edited = []string{PortsFile, PkeysFile, EndportsFile, BooleansFile, FcontextsFile}

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
		if e.Name != SubsFile && !slices.Contains(edited, e.Name) {
			return &fs.PathError{Op: "edit", Path: e.Name, Err: fs.ErrInvalid}
		}
	}
	return nil
}

// transaction is one commit under the transaction lock.
type transaction struct {
	s   *Store
	dir *os.Root // of the store
	etc *os.Root // where the policy is installed

	kernel string            // name of the installed policy below etc
	now    map[string][]byte // by name, what changes of the active store, and file_contexts.subs
	files  []file            // what changes, in the order in which it is put in place
	loads  []byte            // the policy to load, if it changes
}

// plan decides what is to be written. It changes nothing.
func (t *transaction) plan(edits []Edit) error {
	for _, e := range edits {
		old, err := t.read(e.Name)
		if err != nil {
			return err
		}
		now, err := e.Change(old)
		if err != nil {
			return err
		}
		if !bytes.Equal(old, now) || (old == nil) != (now == nil) {
			t.now[e.Name] = now
		}
	}
	if err := t.build(); err != nil {
		return err
	}
	return t.collect()
}

// collect compares what will be with what there is.
func (t *transaction) collect() error {
	for _, f := range t.candidates() {
		if _, changes := t.now[f.source]; f.root == t.dir && !changes && f.source != commitFile {
			continue
		}
		data, err := t.read(f.source)
		if err != nil {
			return err
		}
		if f.source == commitFile {
			if len(t.files) == 0 {
				continue // the store does not change
			}
			data = nextCommit(data)
		}
		// What the store has not, libsemanage leaves installed as it is, too.
		if data == nil {
			continue
		}
		f.data = data
		same, err := f.open()
		if same || err != nil {
			f.old.Close()
		} else {
			t.files = append(t.files, f)
		}
		if err != nil {
			return err
		}
		if !same && f.root == t.etc && f.source == kernelFile {
			t.loads = data
		}
	}
	return nil
}

// close closes what collect has opened.
func (t *transaction) close() {
	for _, f := range t.files {
		f.old.Close()
	}
}

// read returns a file as the commit will leave it, nil if there is none: one of
// the active store, or file_contexts.subs.
func (t *transaction) read(name string) ([]byte, error) {
	if data, ok := t.now[name]; ok {
		return data, nil
	}
	if name == SubsFile {
		return readIfThere(t.etc, path.Join(contextsDir, name))
	}
	return readIfThere(t.dir, path.Join(activeDir, name))
}

func readIfThere(root *os.Root, name string) ([]byte, error) {
	data, err := readLimited(root.FS(), name, maxSize(name))
	if isNotExist(err) {
		return nil, nil
	}
	return data, err
}

// run makes the planned changes. What can fail for want of room or permission
// comes before anything is touched.
func (t *transaction) run(ctx context.Context) error {
	if len(t.files) == 0 {
		return nil
	}
	// What can't be removed does no harm, and the next commit tries again.
	defer t.discard()
	if err := t.stage(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	unlock, err := lock(ctx, t.dir, readLock)
	if err != nil {
		return err
	}
	defer unlock()
	if err := t.backUp(); err != nil {
		return err
	}
	return t.replace()
}

// stage writes all that is new beside what it replaces, that of the store in
// the sandbox, and waits until it is on the disk.
func (t *transaction) stage() error {
	if err := t.dir.Mkdir(sandboxDir, 0o700); err != nil {
		return err
	}
	var d flusher
	defer d.close()
	for i := range t.files {
		f := &t.files[i]
		if err := f.stage(&d, bytes.NewReader(f.data)); err != nil {
			return err
		}
		if err := d.addDir(f.root, path.Dir(f.staged)); err != nil {
			return err
		}
	}
	return d.flush()
}

// stagedFile, in the sandbox, says that all is staged.
const stagedFile = sandboxDir + "/sekit.staged"

// finish does what a commit still had to do when it was killed, if it had staged
// everything, and removes what it or libsemanage left: the transaction lock is
// ours.
func (t *transaction) finish(ctx context.Context) error {
	_, err := t.dir.Lstat(stagedFile)
	switch {
	case err == nil:
		err = t.putStaged(ctx)
	case isNotExist(err):
		err = nil
	}
	if err != nil {
		return err
	}
	for _, f := range t.candidates() {
		if err := f.root.Remove(f.staged); err != nil && !isNotExist(err) {
			return err
		}
	}
	return t.dir.RemoveAll(sandboxDir)
}

// putStaged puts all that is staged in its place and loads the policy.
func (t *transaction) putStaged(ctx context.Context) error {
	unlock, err := lock(ctx, t.dir, readLock)
	if err != nil {
		return err
	}
	defer unlock()
	for _, f := range t.candidates() {
		_, err := f.root.Lstat(f.staged)
		if err == nil {
			err = f.put()
		}
		if err != nil && !isNotExist(err) {
			return err
		}
	}
	if err := t.dir.Remove(stagedFile); err != nil {
		return err
	}
	kernel, err := t.read(kernelFile)
	if err != nil {
		return err
	}
	return t.load(kernel)
}

// load loads a policy, if there is one to load, where the store's is in force.
func (t *transaction) load(kernel []byte) error {
	if kernel == nil || !t.s.Live() {
		return nil
	}
	return load(t.s.policyType, kernel)
}

// replace puts the new files in the old ones' places and loads the policy; where
// one step fails, those before it are undone.
func (t *transaction) replace() (err error) {
	mark, err := t.dir.Create(stagedFile)
	if err != nil {
		return err
	}
	var d flusher
	defer d.close()
	d.add(mark, nil)
	if err := d.flush(); err != nil {
		return err
	}
	done := 0
	defer func() {
		if err != nil {
			err = errors.Join(err, t.dir.Remove(stagedFile))
			for i := range slices.Backward(t.files[:done]) {
				err = errors.Join(err, t.files[i].undo())
			}
		}
	}()
	for i := range t.files {
		if err := t.files[i].put(); err != nil {
			return err
		}
		done++
		if err := d.addDir(t.files[i].root, path.Dir(t.files[i].name)); err != nil {
			return err
		}
	}
	if err := d.flush(); err != nil {
		return err
	}
	return t.load(t.loads)
}

// discard removes what lies about after a commit, done or not.
func (t *transaction) discard() {
	t.dir.Remove(stagedFile) // first: what is left is no longer to be finished
	for _, f := range t.files {
		f.root.Remove(f.staged)
	}
	t.dir.RemoveAll(sandboxDir)
}

// backUp keeps the store as it is under the name that libsemanage gives it, if
// semanage.conf says so. Files are links: nobody writes to a file of a store in
// place.
func (t *transaction) backUp() error {
	if err := t.dir.RemoveAll(backupDir); err != nil || !t.s.conf.savePrevious {
		return err
	}
	return fs.WalkDir(t.dir.FS(), activeDir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := backupDir + strings.TrimPrefix(name, activeDir)
		if e.IsDir() {
			return t.dir.Mkdir(to, 0o700)
		}
		return t.dir.Link(name, to)
	})
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

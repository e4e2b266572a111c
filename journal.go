package sekit

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sekit/sekit/module"
)

// Interrupted is something that a program began on a machine and did not end,
// because it was killed or could not take back what it had done.
type Interrupted struct {
	// Plan is what was begun. How much of it was done, [System.PlanUndo] knows.
	Plan *Plan `json:"plan"`
	// While says that the plan was for a while only ([Machine.Permissive]), and
	// was to be undone at Until.
	While bool      `json:"while,omitempty"`
	Until time.Time `json:"until,omitzero"`

	Started time.Time `json:"started"`
	PID     int       `json:"pid"` // of the program

	file string
}

// String says it for people.
func (i Interrupted) String() string {
	what := "a change was begun and not ended"
	if i.While {
		what = "a change for a while was not taken back"
	}
	return fmt.Sprintf("%s (process %d, %s):\n%s", what, i.PID, i.Started.Format(time.RFC3339), i.Plan)
}

// Interrupted returns what killed programs have left, as the journal has it, and
// nothing that is still going on. Without a journal there is nothing. On
// Windows, what is going on can't be told apart.
func (m *Machine) Interrupted() ([]Interrupted, error) { return m.journal.interrupted() }

// Recover takes back what is left of something interrupted, and forgets it.
func (m *Machine) Recover(ctx context.Context, i Interrupted) error {
	now, err := m.b.System(ctx)
	if err != nil {
		return err
	}
	undo, err := now.PlanUndo(ctx, i.Plan)
	if err != nil {
		return err
	}
	if m.files == nil {
		undo.Relabel = nil
	}
	if _, err := m.Apply(ctx, undo); err != nil {
		return err
	}
	return m.Forget(i)
}

// Forget removes something interrupted from the journal and leaves the machine
// as it is.
func (m *Machine) Forget(i Interrupted) error {
	if i.file == "" {
		return nil
	}
	return os.Remove(i.file)
}

// journal is a directory with a file for each thing that is going on. A file is
// locked as long as the program that made it lives.
type journal struct{ dir string }

const (
	journalPrefix = "change-"
	journalSuffix = ".json"
	maxJournal    = 256 << 20 // bytes of a file: modules may be large
)

// entry is a thing that is going on. The zero entry keeps no journal.
type entry struct {
	file string
	lock *os.File
}

// begin writes down what is about to be done. It is on the disk when begin
// returns.
func (j journal) begin(i Interrupted) (*entry, error) {
	if j.dir == "" {
		return &entry{}, nil
	}
	i.Started, i.PID = time.Now(), os.Getpid()
	data, err := json.MarshalIndent(written(i), "", "\t")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return nil, err
	}
	e := &entry{file: filepath.Join(j.dir, journalPrefix+rand.Text()+journalSuffix)}
	// Written under another name, locked, and then named: nobody sees half of
	// it, or sees it unlocked.
	f, err := os.OpenFile(e.file+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	err = func() error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		if err := lockFile(f); err != nil {
			return err
		}
		return f.Sync()
	}()
	if err == nil && !locksFiles {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), e.file)
	}
	if err == nil {
		err = syncDir(j.dir)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	e.lock = f
	return e, nil
}

// end says that it is done.
func (e *entry) end() error {
	if e.file == "" {
		return nil
	}
	err := os.Remove(e.file)
	e.release()
	return err
}

// release gives up the lock: what was not ended counts as interrupted.
func (e *entry) release() {
	if e.lock != nil {
		e.lock.Close()
		e.lock = nil
	}
}

func (j journal) interrupted() ([]Interrupted, error) {
	if j.dir == "" {
		return nil, nil
	}
	files, err := os.ReadDir(j.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Interrupted
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), journalPrefix) || !strings.HasSuffix(f.Name(), journalSuffix) {
			continue
		}
		i, ok, err := readInterrupted(filepath.Join(j.dir, f.Name()))
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, i)
		}
	}
	return out, nil
}

// readInterrupted reads a file of the journal, unless it is that of something
// that is going on, or has just been ended.
func readInterrupted(name string) (Interrupted, bool, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Interrupted{}, false, nil
	}
	if err != nil {
		return Interrupted{}, false, err
	}
	defer f.Close()
	if locksFiles && lockFile(f) != nil {
		return Interrupted{}, false, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxJournal+1))
	if err == nil && len(data) > maxJournal {
		err = fmt.Errorf("longer than %d bytes", maxJournal)
	}
	var j journaled
	if err == nil {
		err = json.Unmarshal(data, &j)
	}
	i := j.Interrupted
	i.file = name
	if err == nil && i.Plan == nil {
		err = errors.New("no plan")
	}
	if err == nil {
		i.Plan.Modules, err = j.modules()
	}
	if err != nil {
		return Interrupted{}, false, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return i, true, nil
}

// journaled is the contents of a file: the modules with what it takes to put
// them back, which a plan's JSON leaves out.
type journaled struct {
	Interrupted
	Modules []journaledModule `json:"modules,omitempty"`
}

type journaledModule struct {
	Op       string           `json:"op"`
	Key      module.Key       `json:"key"`
	Content  journaledContent `json:"content,omitzero"`
	Before   module.Record    `json:"before,omitzero"`
	Replaced journaledContent `json:"replaced,omitzero"`
}

type journaledContent struct {
	Language string `json:"language"`
	Data     []byte `json:"data"`
}

func (c journaledContent) IsZero() bool { return c.Language == "" }

func written(i Interrupted) journaled {
	plan := *i.Plan
	plan.Modules = nil
	j := journaled{Interrupted: i}
	j.Plan = &plan
	for _, c := range i.Plan.Modules {
		j.Modules = append(j.Modules, journaledModule{c.Op.String(), c.Key, journaledContent(c.Content), c.Before, journaledContent(c.Replaced)})
	}
	return j
}

func (j *journaled) modules() ([]module.Change, error) {
	var out []module.Change
	for _, m := range j.Modules {
		op := module.Nothing
		for op.String() != m.Op {
			if op++; op > module.Disable {
				return nil, fmt.Errorf("unknown operation %q", clip(m.Op))
			}
		}
		out = append(out, module.Change{Op: op, Key: m.Key, Content: module.Content(m.Content), Before: m.Before, Replaced: module.Content(m.Replaced)})
	}
	return out, nil
}

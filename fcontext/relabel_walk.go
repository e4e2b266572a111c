package fcontext

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sekit/sekit/policy"
)

const (
	// maxPath is the longest path that is met, as for setfiles: it bounds how
	// deep a hostile tree can lead.
	maxPath = 4095
	// maxHandles is how many directories the walk keeps open for those below
	// them that wait their turn. The others are opened again from the root.
	maxHandles = 128
	// batch is how many entries of one directory are a piece of work.
	batch = 256
)

// relabeler is the work of one PlanRelabel.
type relabeler struct {
	ctx          context.Context
	root         Directory
	db           *DB
	opts         RelabelOptions
	starts       map[string]bool
	order        []string // the starts as they were given
	exclude      []string
	customizable map[string]bool
	valid        sync.Map // policy.Context -> error: what opts.Policy says of it
	handles      atomic.Int64
	meter        *meter

	mu    sync.Mutex
	cond  *sync.Cond
	stack []workItem
	busy  int // workers that may still push
}

// walkDir is a directory of the walk.
type walkDir struct {
	parent *walkDir // nil for one that a start is in
	name   string
	path   string
	id     FileID
	device uint64 // the start's
	shared bool   // users other than root may write to it or to one above it

	handle Directory
	refs   atomic.Int32 // pieces of work that need the handle
}

// workItem is a directory to be opened and read or, with names, some entries of
// an open one to be looked at.
type workItem struct {
	dir    *walkDir
	names  []string
	pinned bool // dir is to be opened through its parent, of which a reference is held
}

func newRelabeler(ctx context.Context, tree Backend, db *DB, paths []string, opts RelabelOptions) (*relabeler, error) {
	r := &relabeler{ctx: ctx, db: db, opts: opts, starts: make(map[string]bool), customizable: make(map[string]bool)}
	r.cond = sync.NewCond(&r.mu)
	for _, p := range paths {
		p, err := cleanPath(p)
		if err != nil {
			return nil, err
		}
		if !r.starts[p] {
			r.order = append(r.order, p)
		}
		r.starts[p] = true
	}
	for _, p := range opts.Exclude {
		p, err := cleanPath(p)
		if err != nil {
			return nil, err
		}
		r.exclude = append(r.exclude, p)
	}
	if opts.Reset != ResetAll {
		for _, t := range opts.Customizable {
			r.customizable[t] = true
		}
	}
	r.meter = newMeter(opts.Progress)
	if e, ok := tree.(Estimator); ok && r.starts["/"] && opts.Recursive && opts.Progress != nil {
		r.meter.total = e.EstimateFiles()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	root, err := tree.Root()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: "/", Err: err}
	}
	r.root = root
	return r, nil
}

func (r *relabeler) plan() (*RelabelPlan, error) {
	var first tally
	for _, p := range r.order {
		r.start(&first, p)
	}
	r.meter.add(&first)
	workers := r.opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	stop := context.AfterFunc(r.ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cond.Broadcast()
	})
	defer stop()
	tallies := make([]tally, workers)
	r.busy = workers
	var wg sync.WaitGroup
	for i := range tallies {
		wg.Go(func() { r.work(&tallies[i]) })
	}
	wg.Wait()
	r.abandon()
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	p := merge(append(tallies, first))
	r.meter.finish()
	return p, nil
}

// start looks at a path to begin at, and leaves the walk below it to the
// workers.
func (r *relabeler) start(t *tally, p string) {
	if r.excluded(p) {
		t.counts.Excluded++
		return
	}
	parent, name := splitPath(p)
	h, shared, err := openPath(r.root, parent)
	if err != nil {
		t.fail("open", p, err)
		return
	}
	d := &walkDir{path: parent, handle: h, shared: shared}
	d.refs.Store(1)
	defer r.release(d)
	r.handles.Add(1)
	st, err := h.Stat(name)
	if err != nil {
		t.fail("stat", p, err)
		return
	}
	d.device = st.ID.Device
	r.look(t, d, name, p, st)
}

// release gives a reference to d's handle back.
func (r *relabeler) release(d *walkDir) {
	if d.refs.Add(-1) == 0 {
		d.handle.Close()
		r.handles.Add(-1)
	}
}

// work does pieces of work until there is none and nobody could make more, or
// ctx is done.
func (r *relabeler) work(t *tally) {
	for {
		item, ok := r.pop()
		if !ok {
			r.meter.add(t)
			return
		}
		if item.names == nil {
			r.read(t, item)
		} else {
			r.visit(t, item.dir, item.names)
			r.release(item.dir)
		}
	}
}

func (r *relabeler) pop() (workItem, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy--
	for len(r.stack) == 0 && r.busy > 0 && r.ctx.Err() == nil {
		r.cond.Wait()
	}
	if len(r.stack) == 0 || r.ctx.Err() != nil {
		r.cond.Broadcast()
		return workItem{}, false
	}
	r.busy++
	item := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	return item, true
}

func (r *relabeler) push(items ...workItem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stack = append(r.stack, items...)
	if len(items) == 1 {
		r.cond.Signal()
	} else {
		r.cond.Broadcast()
	}
}

// abandon closes what work that was not done has open.
func (r *relabeler) abandon() {
	for _, item := range r.stack {
		switch {
		case item.names != nil:
			r.release(item.dir)
		case item.pinned:
			r.release(item.dir.parent)
		}
	}
	r.stack = nil
}

// read opens a directory and looks at what is in it.
func (r *relabeler) read(t *tally, item workItem) {
	d := item.dir
	var err error
	if item.pinned {
		d.handle, err = d.parent.handle.OpenDir(d.name)
		r.release(d.parent)
	} else {
		d.handle, _, err = openPath(r.root, d.path)
	}
	if err != nil {
		t.failBelow("open", d.path, err)
		return
	}
	r.handles.Add(1)
	d.refs.Store(1)
	defer r.release(d)
	names, err := d.handle.Names()
	if err != nil {
		t.failBelow("readdir", d.path, err)
		return
	}
	if len(names) > batch {
		for rest := range slices.Chunk(names[batch:], batch) {
			d.refs.Add(1)
			r.push(workItem{dir: d, names: rest})
		}
		names = names[:batch]
	}
	r.visit(t, d, names)
}

// visit looks at entries of an open directory.
func (r *relabeler) visit(t *tally, d *walkDir, names []string) {
	if r.ctx.Err() != nil {
		return
	}
	for _, name := range names {
		p := joinPath(d.path, name)
		switch {
		case len(p) > maxPath:
			t.fail("stat", p, ErrTooLong)
			continue
		case r.starts[p]:
			continue
		case r.excluded(p):
			t.counts.Excluded++
			continue
		}
		st, err := d.handle.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			t.counts.Vanished++
		case err != nil:
			t.fail("stat", p, err)
		case r.opts.OneFileSystem && st.ID.Device != d.device:
			t.counts.OtherSystem++
		default:
			r.look(t, d, name, p, st)
		}
	}
	r.meter.add(t)
}

// look judges a file and, if it is a directory, puts it on the stack.
func (r *relabeler) look(t *tally, d *walkDir, name, p string, st FileStat) {
	r.judge(t, d, name, p, st)
	if st.Kind != Dir || !r.opts.Recursive {
		return
	}
	for up := d; up != nil; up = up.parent {
		if up.id == st.ID && up.parent != nil {
			t.failBelow("readdir", p, errCycle)
			return
		}
	}
	sub := &walkDir{parent: d, name: name, path: p, id: st.ID, device: d.device, shared: d.shared || st.UserWritable}
	pinned := r.handles.Load() < maxHandles
	if pinned {
		d.refs.Add(1)
	}
	r.push(workItem{dir: sub, pinned: pinned})
}

var errCycle = errors.New("directory is one of those above it")

func (r *relabeler) excluded(p string) bool {
	for _, e := range r.exclude {
		if below(p, e) {
			return true
		}
	}
	return false
}

// check asks opts.Policy about a context, once.
func (r *relabeler) check(c policy.Context) error {
	if r.opts.Policy == nil {
		return nil
	}
	v, ok := r.valid.Load(c)
	if !ok {
		v, _ = r.valid.LoadOrStore(c, checked{r.opts.Policy.CheckContext(c)})
	}
	return v.(checked).err
}

// checked holds an error that may be nil, which a sync.Map could not.
type checked struct{ err error }

package avc

// workers is what a Reader with workers holds of its input: chunks that are
// read ahead and indexed, and chunks whose events are built, both in order. The
// goroutines end with their chunk, so that nothing is left behind by a Reader
// that is not read to its end.
type workers struct {
	ahead []*chunk
	built []*chunk
	last  *chunk // that was built, which later events may be in
	idle  []*chunk
	// builders are those that no job has. What Next returned last is still in
	// the memory of one of them, until the next job begins.
	builders []*builder
}

// job is the work of building the events that ended in a chunk.
type job struct {
	*builder
	items []item
	done  chan struct{}
}

// item is an event to build, or an error to pass on.
type item struct {
	pending *pending
	failed  result
}

func (j *job) run() {
	defer close(j.done)
	j.buildAll(j.items)
}

// advanceParallel has the events of the current chunk built and goes on to the
// next one.
func (r *Reader) advanceParallel() bool {
	w := &r.workers
	r.dispatch()
	for len(w.ahead) < r.opts.Workers && (!r.eof || len(r.rest) > 0) {
		c := w.chunk()
		if !r.load(c) {
			w.idle = append(w.idle, c)
			break
		}
		c.indexed = make(chan struct{})
		go func() {
			c.index()
			close(c.indexed)
		}()
		w.ahead = append(w.ahead, c)
	}
	if len(w.ahead) == 0 {
		r.take(w.chunk())
		return false
	}
	c := w.ahead[0]
	w.ahead = append(w.ahead[:0], w.ahead[1:]...)
	<-c.indexed
	r.take(c)
	return true
}

// chunk returns one that is free.
func (w *workers) chunk() *chunk {
	if n := len(w.idle); n > 0 {
		c := w.idle[n-1]
		w.idle = w.idle[:n-1]
		return c
	}
	return new(chunk)
}

// jobBuilder returns a builder that is free.
func (r *Reader) jobBuilder() *builder {
	w := &r.workers
	if n := len(w.builders); n > 0 {
		b := w.builders[n-1]
		w.builders = w.builders[:n-1]
		b.clock = r.clock
		b.rewind()
		return b
	}
	b := newBuilder(&r.opts, textBlock)
	b.clock = r.clock
	return b
}

// dispatch starts to build the events that ended in the current chunk.
func (r *Reader) dispatch() {
	w, c := &r.workers, r.cur
	r.cur = nil
	if len(c.text)+len(c.items) == 0 {
		w.recycle(c)
		return
	}
	w.built = append(w.built, c)
	if len(c.items) > 0 {
		c.builder, c.done = r.jobBuilder(), make(chan struct{})
		go c.run()
	}
	if len(w.built) > r.opts.Workers {
		r.collect()
	}
}

func (w *workers) recycle(c *chunk) {
	c.text, c.entries, c.fresh = nil, c.entries[:0], false
	w.idle = append(w.idle, c)
}

// collect waits for the oldest chunk that is built and hands on what was made
// of it.
func (r *Reader) collect() {
	w := &r.workers
	c := w.built[0]
	w.built = append(w.built[:0], w.built[1:]...)
	if c.builder != nil {
		<-c.done
		r.emit(c.out...)
		w.builders, c.builder = append(w.builders, c.builder), nil
	}
	for _, it := range c.items {
		if it.pending != nil {
			r.corr.release(it.pending)
		}
	}
	clear(c.items)
	c.items = c.items[:0]
	if w.last != nil {
		w.recycle(w.last)
	}
	w.last = c
}

// drain builds what is left at the end of the input. It returns false if there
// is nothing.
func (r *Reader) drain() bool {
	w := &r.workers
	if len(r.cur.items) > 0 {
		r.dispatch()
		r.cur = w.chunk()
	}
	if len(w.built) == 0 {
		return false
	}
	for len(w.built) > 0 {
		r.collect()
	}
	return true
}

package avc

// workers builds events in other goroutines, in batches, and gives them out in
// order. The goroutines end with their batch, so that nothing is left behind
// by a Reader that is not read to its end.
type workers struct {
	batch []item
	jobs  []*job
	idle  []*job
}

// item is what a batch holds: an event to build, or an error to pass on.
type item struct {
	pending *pending
	failed  result
}

type job struct {
	builder
	items []item
	done  chan struct{}
}

const batchSize = 64

// give adds an item to the batch, and starts it when it is full.
func (r *Reader) give(it item) {
	w := &r.workers
	w.batch = append(w.batch, it)
	if len(w.batch) >= batchSize {
		r.dispatch()
	}
}

func (r *Reader) dispatch() {
	w := &r.workers
	var j *job
	if n := len(w.idle); n > 0 {
		j, w.idle = w.idle[n-1], w.idle[:n-1]
	} else {
		j = new(job)
	}
	j.items, w.batch = w.batch, j.items[:0]
	j.clock, j.out, j.done = r.clock, j.out[:0], make(chan struct{})
	w.jobs = append(w.jobs, j)
	go j.run()
	if len(w.jobs) > 2*r.opts.Workers {
		r.collect()
	}
}

func (j *job) run() {
	defer close(j.done)
	for _, it := range j.items {
		if it.pending != nil {
			j.build(it.pending)
		} else {
			j.out = append(j.out, it.failed)
		}
	}
}

// collect waits for the oldest job and hands on what it made.
func (r *Reader) collect() {
	w := &r.workers
	j := w.jobs[0]
	w.jobs = append(w.jobs[:0], w.jobs[1:]...)
	<-j.done
	r.emit(j.out...)
	clear(j.out)
	for _, it := range j.items {
		if it.pending != nil {
			r.corr.release(it.pending)
		}
	}
	clear(j.items)
	w.idle = append(w.idle, j)
}

// drain ends the jobs at the end of the input. It returns false if there are
// none.
func (r *Reader) drain() bool {
	w := &r.workers
	if len(w.batch) > 0 {
		r.dispatch()
	}
	if len(w.jobs) == 0 {
		return false
	}
	for len(w.jobs) > 0 {
		r.collect()
	}
	return true
}

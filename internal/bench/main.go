package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// benchmark is one comparison.
type benchmark struct {
	name  string
	about string // what is compared, for -v
	// goal is what the ratio is to be at least; 0 is none. most is what our
	// value is to be at most, in its unit; 0 is none.
	goal, most float64
	byCPU      bool // compares CPU time, whatever -cpu says
	unit       unit
	open       func(*env) (*pair, error)
}

// pair is a benchmark that is ready to run. Each function takes one sample.
type pair struct {
	ours, peer func() (sample, error)
	// check, if any, is called after the first samples: it fails unless both
	// sides did the same work.
	check func() error
	// note, if any, is more to print on the line.
	note  func() string
	close func()
}

func main() {
	ok, err := run(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	case !ok:
		os.Exit(1)
	}
}

type runner struct {
	*env
	n       int
	budget  time.Duration
	byCPU   bool
	verbose bool
	strict  bool
	out     io.Writer
}

func run(args []string, out, stderr io.Writer) (ok bool, err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	pattern := fs.String("run", "", "run the benchmarks whose name matches the `regexp`")
	n := fs.Int("n", 5, "samples of each side")
	short := fs.Bool("short", false, "smaller inputs and shorter samples")
	list := fs.Bool("list", false, "list the benchmarks and what they compare")
	byCPU := fs.Bool("cpu", false, "compare CPU time of all threads instead of the wall clock")
	verbose := fs.Bool("v", false, "say what is compared, and how far the samples are apart")
	budget := fs.Duration("budget", time.Minute, "take no further sample of a peer that took so long in all")
	if err := fs.Parse(args); err != nil {
		return false, flag.ErrHelp
	}
	re, err := regexp.Compile(*pattern)
	if err != nil {
		return false, err
	}
	if *n < 1 {
		return false, fmt.Errorf("-n %d: want 1 at least", *n)
	}
	dir, err := os.MkdirTemp("", "sekit-bench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	r := &runner{env: &env{dir: dir, short: *short}, n: *n, budget: *budget, byCPU: *byCPU, verbose: *verbose,
		strict: os.Getenv("SELINUX_TEST_REQUIRE") == "1", out: out}
	r.log = func(format string, args ...any) {
		if *verbose {
			fmt.Fprintf(out, "# "+format+"\n", args...)
		}
	}
	r.log("%s %s/%s, %d CPUs%s", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), load())
	ok = true
	for _, b := range benchmarks() {
		if !re.MatchString(b.name) {
			continue
		}
		if *list {
			fmt.Fprintf(out, "%s\t%s\n", b.name, b.about)
			continue
		}
		ok = r.run(&b) && ok
	}
	return ok, nil
}

func benchmarks() []benchmark {
	var all []benchmark
	for _, list := range [][]benchmark{policyBenchmarks(), searchBenchmarks(), coreBenchmarks(), avcBenchmarks(), fcontextBenchmarks(), relabelBenchmarks(),
		triageBenchmarks(), storeBenchmarks(), moduleBenchmarks()} {
		all = append(all, list...)
	}
	return all
}

// load is the system's load, where it can be read: figures from a busy machine
// are to be taken with care.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if f := strings.Fields(string(data)); err == nil && len(f) > 0 {
		return ", load " + f[0]
	}
	return ""
}

// run runs a benchmark and prints its line. It returns false if it failed; a
// goal that is missed is no failure, since it may be the machine's fault.
func (r *runner) run(b *benchmark) bool {
	r.log("%s: %s", b.name, b.about)
	ours, peer, p, err := r.samples(b)
	if p != nil && p.close != nil {
		defer p.close()
	}
	var s *skip
	switch {
	case errors.As(err, &s):
		fmt.Fprintf(r.out, "BENCH %s skipped: %v\n", b.name, s)
		return s.optional || !r.strict
	case err != nil:
		fmt.Fprintf(r.out, "BENCH %s failed: %v\n", b.name, err)
		return false
	}
	x, y := median(ours).wall, median(peer).wall
	if r.byCPU || b.byCPU {
		x, y = median(ours).cpu, median(peer).cpu
	}
	line := fmt.Sprintf("BENCH %s ours=%s peer=%s ratio=%s", b.name, b.unit.format(x), b.unit.format(y), digits(y/x))
	if p.note != nil {
		line += " " + p.note()
	}
	if b.goal > 0 || b.most > 0 {
		line += " " + b.verdict(x, y)
	}
	fmt.Fprintln(r.out, line)
	r.log("%d and %d samples, %s and %s apart; CPU time %s and %s%s", len(ours), len(peer), spread(ours), spread(peer),
		b.unit.format(median(ours).cpu), b.unit.format(median(peer).cpu), load())
	return true
}

// verdict says what the goal is, and whether the values x and y meet it.
func (b *benchmark) verdict(x, y float64) string {
	met := "met"
	if y/x < b.goal || b.most > 0 && x > b.most {
		met = "missed"
	}
	if b.most > 0 {
		return fmt.Sprintf("goal=<%s %s", b.unit.format(b.most), met)
	}
	return fmt.Sprintf("goal=%s %s", digits(b.goal), met)
}

// samples takes the samples, ours and the peer's in turns. A first round warms
// up caches and is not counted, unless it took so long that it won't matter.
func (r *runner) samples(b *benchmark) (ours, peer []sample, p *pair, err error) {
	if p, err = b.open(r.env); err != nil {
		return nil, nil, nil, err
	}
	var oursTook, peerTook time.Duration
	take := func(to *[]sample, took *time.Duration, f func() (sample, error)) error {
		if len(*to) > 0 && *took > r.budget {
			return nil
		}
		runtime.GC() // what earlier samples left is not this one's work
		start := time.Now()
		s, err := f()
		*took += time.Since(start)
		*to = append(*to, s)
		return err
	}
	const slow = 3 * time.Second
	for round := 0; round <= r.n; round++ {
		if err = take(&ours, &oursTook, p.ours); err != nil {
			return nil, nil, p, err
		}
		if err = take(&peer, &peerTook, p.peer); err != nil {
			return nil, nil, p, err
		}
		if round > 0 {
			continue
		}
		if p.check != nil {
			if err = p.check(); err != nil {
				return nil, nil, p, err
			}
		}
		if oursTook < slow {
			ours, oursTook = nil, 0
		}
		if peerTook < slow {
			peer, peerTook = nil, 0
		}
	}
	return ours[:min(len(ours), r.n)], peer[:min(len(peer), r.n)], p, nil
}

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// sample is one measurement: nanoseconds for one unit of work by the wall
// clock, and of CPU time by all threads. Of a benchmark of memory both are
// bytes.
type sample struct {
	wall, cpu float64
}

// measure calls f, which does units of work, until the least time has passed.
// What the garbage collector does meanwhile counts: its time on our threads in
// wall, that on others in cpu.
func measure(least time.Duration, units int, f func() error) (sample, error) {
	start, cpu := time.Now(), cpuTime()
	var elapsed time.Duration
	n := 0
	for n == 0 || elapsed < least {
		if err := f(); err != nil {
			return sample{}, err
		}
		n += units
		elapsed = time.Since(start)
	}
	return sample{float64(elapsed) / float64(n), float64(cpuTime()-cpu) / float64(n)}, nil
}

// median returns the median of wall and of cpu.
func median(samples []sample) sample {
	of := func(get func(sample) float64) float64 {
		var v []float64
		for _, s := range samples {
			v = append(v, get(s))
		}
		slices.Sort(v)
		if n := len(v); n%2 == 0 {
			return (v[n/2-1] + v[n/2]) / 2
		} else {
			return v[n/2]
		}
	}
	return sample{of(func(s sample) float64 { return s.wall }), of(func(s sample) float64 { return s.cpu })}
}

// spread says how far apart the samples are: the difference between the
// greatest and the least by their median, in per cent.
func spread(samples []sample) string {
	least, most := math.Inf(1), 0.0
	for _, s := range samples {
		least, most = min(least, s.wall), max(most, s.wall)
	}
	return fmt.Sprintf("%.0f%%", 100*(most-least)/median(samples).wall)
}

// unit is what a benchmark measures.
type unit struct {
	scale []float64
	names []string
}

var (
	nanoseconds = unit{[]float64{1, 1e3, 1e6, 1e9}, []string{"ns", "µs", "ms", "s"}}
	byteCount   = unit{[]float64{1, 1e3, 1e6, 1e9}, []string{"B", "kB", "MB", "GB"}}
)

// format writes a value with three significant digits.
func (u unit) format(v float64) string {
	i := 0
	for i+1 < len(u.scale) && v >= 0.9995*u.scale[i+1] {
		i++
	}
	return digits(v/u.scale[i]) + u.names[i]
}

// digits writes a number with three significant digits, large ones whole.
func digits(v float64) string {
	prec := 0
	switch {
	case v < 9.995:
		prec = 2
	case v < 99.95:
		prec = 1
	}
	return strconv.FormatFloat(v, 'f', prec, 64)
}

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/sekit/sekit/policy"
)

// debianPolicy is where Debian's selinux-policy-default installs its policy.
const debianPolicy = "/etc/selinux/default/policy/policy.33"

func policyBenchmarks() []benchmark {
	return []benchmark{{
		name: "policy-open", goal: 1, unit: nanoseconds,
		about: "calls: policy.Parse of Debian's policy in memory; policydb_read of libsepol in C, without policydb_destroy",
		open:  func(e *env) (*pair, error) { return openPolicy(e, "mem") },
	}, {
		name: "policy-open-file", goal: 1, unit: nanoseconds,
		about: "calls: policy.Open; policydb_read by stdio",
		open:  func(e *env) (*pair, error) { return openPolicy(e, "file") },
	}, {
		name: "policy-open-decide", unit: nanoseconds,
		about: "calls: policy.Parse, two contexts and one decision, so that indexes made on demand count; the same with libsepol",
		open:  openAndDecide,
	}, {
		name: "policy-open-heap", goal: 1, unit: byteCount,
		about: "memory held by the open policy: live heap after the garbage collector, less the file's bytes; mallinfo2 in C",
		open:  heldByPolicy,
	}, {
		name: "policy-decision", goal: 5, unit: nanoseconds,
		about: "calls: Policy.AccessVector; sepol_compute_av, over the same triples, half of them with a rule",
		open:  func(e *env) (*pair, error) { return decisions(e, true) },
	}, {
		name: "policy-decision-random", goal: 5, unit: nanoseconds,
		about: "the same over triples of any types and classes, most of which have no rule",
		open:  func(e *env) (*pair, error) { return decisions(e, false) },
	}}
}

// sepol builds the peer and starts it on Debian's policy.
func sepol(e *env) (*server, error) {
	if err := require("gcc", debianPolicy); err != nil {
		return nil, err
	}
	bin, err := e.compile("sepol.c", "sepol", "-l:libsepol.a")
	if err != nil {
		return nil, err
	}
	return serve(bin, debianPolicy)
}

// openPolicy compares opening from memory or from a file.
func openPolicy(e *env, from string) (*pair, error) {
	s, err := sepol(e)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(debianPolicy)
	if err != nil {
		return nil, err
	}
	return &pair{
		ours: func() (sample, error) {
			return measure(e.least(), 1, func() error {
				var err error
				if from == "file" {
					_, err = policy.Open(debianPolicy)
				} else {
					_, err = policy.Parse(data)
				}
				return err
			})
		},
		peer:  func() (sample, error) { return first(s.sample("%s %d", from, e.least().Milliseconds())) },
		note:  func() string { return "allocated=" + byteCount.format(allocated(data)) },
		close: s.close,
	}, nil
}

// first drops what else the peer answered.
func first(m sample, _ []float64, err error) (sample, error) { return m, err }

// allocated is how many bytes opening allocates, live or not.
func allocated(data []byte) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := policy.Parse(data); err != nil {
		return 0
	}
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}

func heldByPolicy(e *env) (*pair, error) {
	s, err := sepol(e)
	if err != nil {
		return nil, err
	}
	return &pair{
		ours: func() (sample, error) {
			live := func() uint64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.GC() // what the first found dead with finalizers
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before := live()
			p, err := policy.Open(debianPolicy)
			if err != nil {
				return sample{}, err
			}
			v := float64(live()) - float64(before)
			runtime.KeepAlive(p)
			return sample{v, v}, nil
		},
		peer: func() (sample, error) {
			_, rest, err := s.sample("mem 0")
			if err != nil || len(rest) != 1 {
				return sample{}, errors.Join(err, errors.New("no heap size"))
			}
			return sample{rest[0], rest[0]}, nil
		},
		close: s.close,
	}, nil
}

func openAndDecide(e *env) (*pair, error) {
	s, err := sepol(e)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(debianPolicy)
	if err != nil {
		return nil, err
	}
	source := policy.MustParseContext("system_u:system_r:httpd_t:s0")
	target := policy.MustParseContext("system_u:object_r:httpd_sys_content_t:s0")
	p, err := policy.Parse(data)
	if err == nil {
		_, err = firstDecision(p, source, target)
	}
	if err == nil {
		err = errors.Join(sendTriples(s, []triple{{source: source, target: target, class: "file"}}))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return &pair{
		ours: func() (sample, error) {
			return measure(e.least(), 1, func() error {
				p, err := policy.Parse(data)
				if err == nil {
					_, err = firstDecision(p, source, target)
				}
				return err
			})
		},
		peer:  func() (sample, error) { return first(s.sample("ready %d", e.least().Milliseconds())) },
		close: s.close,
	}, nil
}

func firstDecision(p *policy.Policy, source, target policy.Context) (policy.AccessVector, error) {
	s, err := p.SID(source)
	if err != nil {
		return policy.AccessVector{}, err
	}
	t, err := p.SID(target)
	if err != nil {
		return policy.AccessVector{}, err
	}
	class, err := p.Class("file")
	if err != nil {
		return policy.AccessVector{}, err
	}
	av := p.AccessVector(s, t, class)
	if av.Allowed == 0 {
		return av, errors.New("httpd_t has no access to its own content")
	}
	return av, nil
}

func decisions(e *env, ruled bool) (*pair, error) {
	s, err := sepol(e)
	if err != nil {
		return nil, err
	}
	p, err := policy.Open(debianPolicy)
	if err != nil {
		return nil, err
	}
	count := 20000
	if e.short {
		count = 4000
	}
	triples, err := newTripleMaker(p, 1).make(count, ruled)
	if err == nil {
		err = sendTriples(s, triples)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	e.log("%d triples; allowed anything: %d", len(triples), countAllowed(p, triples))
	var sum uint32
	var theirs float64
	all := func() error {
		sum = 0
		for i := range triples {
			t := &triples[i]
			sum += p.AccessVector(t.s, t.t, t.c).Allowed * (2*uint32(i) + 1)
		}
		return nil
	}
	return &pair{
		ours: func() (sample, error) { return measure(e.least(), len(triples), all) },
		peer: func() (sample, error) {
			m, rest, err := s.sample("av %d", e.least().Milliseconds())
			if len(rest) == 1 {
				theirs = rest[0]
			}
			return m, err
		},
		check: func() error {
			if float64(sum) != theirs {
				return fmt.Errorf("libsepol decides otherwise: checksums %d and %.0f", sum, theirs)
			}
			return nil
		},
		note: func() string {
			return fmt.Sprintf("allocs=%.2f", testing.AllocsPerRun(1, func() { all() })/float64(len(triples)))
		},
		close: s.close,
	}, nil
}

func countAllowed(p *policy.Policy, triples []triple) int {
	n := 0
	for _, t := range triples {
		if p.AccessVector(t.s, t.t, t.c).Allowed != 0 {
			n++
		}
	}
	return n
}

// sendTriples gives the triples to the peer. It writes and reads by turns: all
// at once, both sides could wait for each other.
func sendTriples(s *server, triples []triple) error {
	sids := make(map[policy.Context]float64)
	sid := func(c policy.Context) (float64, error) {
		if n, ok := sids[c]; ok {
			return n, nil
		}
		v, err := s.ask("c %s", c)
		if err == nil && v[0] == 0 {
			err = fmt.Errorf("libsepol refuses the context %s", c)
		}
		if err != nil {
			return 0, err
		}
		sids[c] = v[0]
		return v[0], nil
	}
	for _, t := range triples {
		source, err := sid(t.source)
		if err != nil {
			return err
		}
		target, err := sid(t.target)
		if err != nil {
			return err
		}
		if _, err := s.ask("t %.0f %.0f %s", source, target, t.class); err != nil {
			return err
		}
	}
	return nil
}

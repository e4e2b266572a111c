package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sekit/sekit/policy"
)

// search is a rule search in our terms and in SETools'.
type search struct {
	name  string
	ours  policy.RuleQuery
	query map[string]any
}

var allowRules = []string{"allow", "allowxperm"}

const allowKinds = policy.KindAllow | policy.KindAllowXperm

func searches() []search {
	return []search{{
		"source-permission", // sesearch -A -s httpd_t -p name_connect
		policy.RuleQuery{Kinds: allowKinds, Source: "httpd_t", Permissions: []string{"name_connect"}},
		map[string]any{"ruletype": allowRules, "source": "httpd_t", "perms": []string{"name_connect"}},
	}, {
		"target-write", // sesearch -A -t shadow_t -c file -p write
		policy.RuleQuery{Kinds: allowKinds, Target: "shadow_t", Classes: []string{"file"}, Permissions: []string{"write"}},
		map[string]any{"ruletype": allowRules, "target": "shadow_t", "tclass": []string{"file"}, "perms": []string{"write"}},
	}, {
		"pair", // sesearch -A -s sshd_t -t user_home_t
		policy.RuleQuery{Kinds: allowKinds, Source: "sshd_t", Target: "user_home_t"},
		map[string]any{"ruletype": allowRules, "source": "sshd_t", "target": "user_home_t"},
	}, {
		"boolean", // sesearch -A -b httpd_enable_homedirs
		policy.RuleQuery{Kinds: allowKinds, Booleans: []string{"httpd_enable_homedirs"}},
		map[string]any{"ruletype": allowRules, "boolean": []string{"httpd_enable_homedirs"}},
	}, {
		"transition", // sesearch -T -s init_t
		policy.RuleQuery{Kinds: policy.KindTypeTransition, Source: "init_t"},
		map[string]any{"ruletype": []string{"type_transition"}, "source": "init_t"},
	}, {
		"domain", // sesearch -A -s httpd_t: thousands of rules
		policy.RuleQuery{Kinds: allowKinds, Source: "httpd_t"},
		map[string]any{"ruletype": allowRules, "source": "httpd_t"},
	}}
}

func searchBenchmarks() []benchmark {
	var out []benchmark
	for _, s := range searches() {
		out = append(out, benchmark{
			name: "policy-search-" + s.name, goal: 300, unit: nanoseconds,
			about: "calls on an open policy: Policy.Rules; setools.TERuleQuery inside Python, all results taken, none printed",
			open:  func(e *env) (*pair, error) { return searchRules(e, s) },
		})
	}
	return append(out, benchmark{
		name: "policy-search-open", unit: nanoseconds,
		about: "calls: policy.Open and the first search, which makes the index; setools.SELinuxPolicy alone",
		open:  openAndSearch,
	}, benchmark{
		name: "policy-all-allow-process", goal: 10, unit: nanoseconds,
		about: "programs: examples/sesearch -A; sesearch -A of SETools: start, open, print all allow rules",
		open:  allAllow,
	}, benchmark{
		name: "policy-diff-process", unit: nanoseconds, most: 5e9,
		about: "programs on two unrelated policies: examples/policydiff, components and rules as written; sediff",
		open:  func(e *env) (*pair, error) { return diff(e) },
	}, benchmark{
		name: "policy-diff-access-process", unit: nanoseconds, most: 5e9,
		about: "examples/policydiff -access, rules for each pair of types, which is what takes sediff its time; sediff",
		open:  func(e *env) (*pair, error) { return diff(e, "-access") },
	})
}

// setools starts the peer on Debian's policy.
func setools(e *env) (*server, error) {
	if err := require(debianPolicy); err != nil {
		return nil, err
	}
	interpreter, err := python("setools")
	if err != nil {
		return nil, err
	}
	script, err := e.source("search.py")
	if err != nil {
		return nil, err
	}
	return serve(interpreter, script, debianPolicy)
}

func searchRules(e *env, q search) (*pair, error) {
	p, err := policy.Open(debianPolicy)
	if err != nil {
		return nil, &skip{why: err.Error()}
	}
	query, err := json.Marshal(q.query)
	if err != nil {
		return nil, err
	}
	s, err := setools(e)
	if err != nil {
		return nil, err
	}
	found, theirs := 0, 0.0
	return &pair{
		ours: func() (sample, error) {
			return measure(e.least(), 1, func() error {
				rules, err := p.Rules(q.ours)
				if err != nil {
					return err
				}
				found = 0
				for range rules {
					found++
				}
				return nil
			})
		},
		peer: func() (sample, error) {
			m, rest, err := s.sample("%s", query)
			if len(rest) == 1 {
				theirs = rest[0]
			}
			return m, err
		},
		check: func() error {
			if float64(found) != theirs || found == 0 {
				return fmt.Errorf("%d rules found, SETools finds %.0f", found, theirs)
			}
			return nil
		},
		note:  func() string { return fmt.Sprintf("rules=%d", found) },
		close: s.close,
	}, nil
}

func openAndSearch(e *env) (*pair, error) {
	s, err := setools(e)
	if err != nil {
		return nil, err
	}
	q := searches()[0].ours
	return &pair{
		ours: func() (sample, error) {
			return measure(e.least(), 1, func() error {
				p, err := policy.Open(debianPolicy)
				if err != nil {
					return err
				}
				rules, err := p.Rules(q)
				if err != nil {
					return err
				}
				for range rules {
				}
				return nil
			})
		},
		peer:  func() (sample, error) { return first(s.sample("open")) },
		close: s.close,
	}, nil
}

func allAllow(e *env) (*pair, error) {
	if err := require("sesearch", debianPolicy); err != nil {
		return nil, err
	}
	bin, err := e.build("sesearch")
	if err != nil {
		return nil, err
	}
	ours := &process{args: []string{bin, "-A", "-policy", debianPolicy}, out: filepath.Join(e.dir, "allow.ours")}
	peer := &process{args: []string{"sesearch", "-A", debianPolicy}, out: filepath.Join(e.dir, "allow.peer")}
	rules := 0
	return &pair{
		ours: ours.run,
		peer: peer.run,
		check: func() error {
			theirs, err := peer.lines()
			if err != nil {
				return err
			}
			if rules, err = ours.lines(); err != nil {
				return err
			}
			if rules != theirs || rules == 0 {
				return fmt.Errorf("%d rules printed, sesearch prints %d", rules, theirs)
			}
			return nil
		},
		note: func() string { return fmt.Sprintf("rules=%d", rules) },
	}, nil
}

// diff compares Debian's policy with another one: that which
// SEKIT_BENCH_POLICY names, or the embedded demonstration's, which has next to
// nothing in common with it. sediff takes minutes and gigabytes, so it is run
// but once for all.
func diff(e *env, options ...string) (*pair, error) {
	if e.short {
		return nil, &skip{why: "sediff takes too long for -short", optional: true}
	}
	if err := require("sediff", debianPolicy); err != nil {
		return nil, err
	}
	bin, err := e.build("policydiff")
	if err != nil {
		return nil, err
	}
	other := os.Getenv("SEKIT_BENCH_POLICY")
	if other == "" {
		if other, err = demoPolicy(e); err != nil {
			return nil, err
		}
	}
	args := append([]string{bin}, options...)
	ours := &process{args: append(args, debianPolicy, other), out: filepath.Join(e.dir, "diff.ours"), fails: true}
	peer := &process{args: []string{"sediff", debianPolicy, other}, out: filepath.Join(e.dir, "diff.peer"), fails: true}
	return &pair{
		ours: ours.run,
		peer: func() (sample, error) {
			if e.sediff != nil {
				return *e.sediff, nil
			}
			s, err := peer.run()
			e.sediff = &s
			return s, err
		},
		note: func() string {
			lines, _ := ours.lines()
			theirs, _ := peer.lines()
			return fmt.Sprintf("lines=%d peerlines=%d", lines, theirs)
		},
	}, nil
}

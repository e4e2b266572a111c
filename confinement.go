package sekit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// Program is a program whose confinement is asked for. Exe is needed.
type Program struct {
	// Exe is the path of its executable file.
	Exe string `json:"exe"`
	// Context is that of the process; the zero Context if it does not run.
	Context policy.Context `json:"context,omitzero"`
	// FileContext is what the file has; the zero Context stands for what
	// [System.FileContext] says.
	FileContext policy.Context `json:"file_context,omitzero"`
	// Starter is the context of what starts it; the zero Context stands for
	// system_u:system_r:init_t, with the lowest range.
	Starter policy.Context `json:"starter,omitzero"`
}

// Confinement is whether and how a program is confined.
type Confinement struct {
	Program
	// Expected is what the file should have by the file contexts; the zero
	// Context if they say nothing.
	Expected policy.Context `json:"expected,omitzero"`
	// Should is the domain that the starter would enter by executing the file if
	// it had the expected context, and Would by the context that it has.
	Should string `json:"should"`
	Would  string `json:"would"`
	// Domain is the one that counts: the process's or, if none runs, Would.
	Domain string `json:"domain"`
	// Missing are the rules that the way from the starter to Should lacks.
	Missing []policy.AllowRule `json:"missing,omitempty"`
	// Confined says that the policy keeps the program within bounds that are
	// its own: that it is not in the domain of its starter, nor in one that is
	// unconfined or permissive.
	Confined bool `json:"confined"`
	// Remarks say what is wrong, and what to do about it, the first things first.
	Remarks []string `json:"remarks,omitempty"`
}

// unconfinedAttribute is the attribute of domains that may do nearly all there
// is, in the reference policy and in Fedora's.
const unconfinedAttribute = "unconfined_domain_type"

// Confinement says whether a program is confined, which domain it should be in,
// and what keeps it from that: the wrong context on its file, a process that
// was started before that was mended, or a transition that the policy lacks.
func (s *System) Confinement(q Program) (Confinement, error) {
	c := Confinement{Program: q}
	if err := checkPath(q.Exe); err != nil {
		return Confinement{}, &SettingError{"program", clip(q.Exe), err}
	}
	if !c.Starter.IsValid() {
		starter, err := s.initContext()
		if err != nil {
			return Confinement{}, err
		}
		c.Starter = starter
	}
	if s.Contexts != nil {
		if m, ok := s.Contexts.Lookup(q.Exe, fcontext.File); ok && !m.None {
			c.Expected = m.Context
		}
	}
	if !c.FileContext.IsValid() && s.FileContext != nil {
		var err error
		if c.FileContext, err = s.FileContext(q.Exe); err != nil {
			return Confinement{}, err
		}
	}
	if err := c.decide(s.Policy); err != nil {
		return Confinement{}, err
	}
	return c, nil
}

func (c *Confinement) decide(p *policy.Policy) error {
	enter := func(file policy.Context) (string, error) {
		if !file.IsValid() {
			return "", nil
		}
		domain, err := p.NewContext(c.Starter, file, "process", "")
		return domain.Type(), err
	}
	var err error
	if c.Should, err = enter(c.Expected); err != nil {
		return err
	}
	if c.Would, err = enter(c.FileContext); err != nil {
		return err
	}
	if c.Domain = c.Context.Type(); c.Domain == "" {
		c.Domain = c.Would
	}
	starter := c.Starter.Type()
	if c.Should != "" && c.Should != starter {
		t, err := p.DomainTransition(starter, c.Should)
		if err != nil {
			return err
		}
		for _, e := range t.EntryPoints {
			if e.Type == c.Expected.Type() {
				c.Missing = e.Missing
			}
		}
	}
	if c.Domain == "" {
		return nil
	}
	t, err := p.Type(c.Domain)
	if err != nil {
		return err
	}
	unconfined := false
	if a, err := p.Attribute(unconfinedAttribute); err == nil {
		unconfined = a.Has(t)
	}
	c.Confined = !unconfined && !t.Permissive() && t.Name() != starter
	c.remark(starter, unconfined, t.Permissive())
	return nil
}

func (c *Confinement) remark(starter string, unconfined, permissive bool) {
	say := func(format string, args ...any) { c.Remarks = append(c.Remarks, fmt.Sprintf(format, args...)) }
	wrongFile := c.Expected.IsValid() && c.FileContext.IsValid() && c.Expected.Type() != c.FileContext.Type()
	if wrongFile {
		say("%q has the type %s and should have %s: relabel it", c.Exe, c.FileContext.Type(), c.Expected.Type())
	}
	if len(c.Missing) > 0 {
		rules := make([]string, len(c.Missing))
		for i, r := range c.Missing {
			rules[i] = r.String()
		}
		say("the policy lacks for the way from %s to %s: %s", starter, c.Should, strings.Join(rules, "; "))
	}
	if c.Context.IsValid() && c.Should != "" && c.Domain != c.Should {
		if wrongFile || c.Would == c.Should {
			say("it runs in %s and should be in %s: restart it, once its file is right", c.Domain, c.Should)
		} else {
			say("it runs in %s and should be in %s: it was not started by %s", c.Domain, c.Should, starter)
		}
	}
	switch {
	case c.Should == starter:
		say("the policy has no domain for programs of the type %s that %s starts", c.Expected.Type(), starter)
	case unconfined:
		say("the domain %s is unconfined", c.Domain)
	}
	if permissive {
		say("the domain %s is permissive", c.Domain)
	}
}

// initContext is the context of the first process in the usual policies.
func (s *System) initContext() (policy.Context, error) {
	c := policy.MustParseContext("system_u:system_r:init_t")
	if !s.Policy.MLS() {
		return c, s.Policy.CheckContext(c)
	}
	lowest := slices.Collect(s.Policy.Sensitivities())
	if len(lowest) == 0 {
		return policy.Context{}, fmt.Errorf("a policy without sensitivities")
	}
	c = c.WithRange(lowest[0].Name())
	return c, s.Policy.CheckContext(c)
}

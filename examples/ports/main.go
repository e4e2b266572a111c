// Ports says who may use a network port, and makes it so that a domain may:
//
//	ports 5601                        whose the port is, and who may use it
//	ports -for httpd_t 5601           which types of ports the domain may use
//	ports -type http_port_t 5601      what would change if it had the type: a
//	                                  dry run, nothing is touched
//	ports -type http_port_t -apply 5601
//	                                  the same, carried out; says how to undo it
//	ports -delete -apply 5601         take the local record away again
//
// Without -root it works on the embedded machine, which forgets; with -root / on
// this one (as root), with -root DIR on an image. -p chooses the protocol.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/sekittest"
)

type options struct {
	root, protocol, domain, typ, state string
	delete, apply                      bool
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", "", "the machine whose root is the `directory`")
	flag.StringVar(&o.protocol, "p", "tcp", "`protocol`: tcp, udp, dccp or sctp")
	flag.StringVar(&o.domain, "for", "", "list the types of ports that the `domain` may use")
	flag.StringVar(&o.typ, "type", "", "plan to give the port the `type`")
	flag.BoolVar(&o.delete, "delete", false, "plan to take the local record away")
	flag.BoolVar(&o.apply, "apply", false, "carry the plan out")
	flag.StringVar(&o.state, "state", "/var/lib/sekit", "`directory` for the journal of changes that are going on")
	flag.Parse()
	if err := run(context.Background(), o, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ports:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, args []string, w io.Writer) error {
	if len(args) != 1 {
		return errors.New("want one port")
	}
	number, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("%q is no port", args[0])
	}
	protocol, err := policy.ParseProtocol(o.protocol)
	if err != nil {
		return err
	}
	key, err := port.MakeKey(protocol, number, number)
	if err != nil {
		return err
	}
	m, err := open(o)
	if err != nil {
		return err
	}
	defer m.Close()
	left, err := m.Interrupted()
	if err != nil {
		return err
	}
	for _, i := range left {
		fmt.Fprintf(w, "note: %s\n", i)
	}
	sys, err := m.System(ctx)
	if err != nil {
		return err
	}
	switch {
	case o.domain != "":
		return types(w, sys, o.domain, protocol)
	case o.typ != "":
		return change(ctx, w, m, sys, key, o.apply, sekit.Settings{Ports: []port.Setting{port.Port(protocol, number, o.typ)}})
	case o.delete:
		return change(ctx, w, m, sys, key, o.apply, sekit.Settings{Without: sekit.Without{Ports: []port.Key{key}}})
	}
	return users(w, sys.Ports, key)
}

func open(o options) (*sekit.Machine, error) {
	options := sekit.MachineOptions{StateDir: o.state}
	switch o.root {
	case "":
		p, err := policy.Parse(demo.Policy())
		if err != nil {
			return nil, err
		}
		return sekittest.NewMachine(p, sekittest.Options{}).Machine, nil
	case "/":
		return sekit.OpenMachine(options)
	}
	return sekit.OpenMachineRoot(o.root, options)
}

// users says whose a port is, and who may use it.
func users(w io.Writer, t *port.Table, key port.Key) error {
	m, err := t.Lookup(key.Protocol, int(key.Low))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s is %s (%s record %s)\n", key, m.Context.Type(), m.Origin, m.Range())
	for _, e := range m.Shadowed {
		fmt.Fprintf(w, "  over %s (%s record %s)\n", e.Context.Type(), e.Origin, e.Range())
	}
	for _, use := range []port.Use{port.Bind, port.Connect} {
		domains, err := t.Users(key.Protocol, int(key.Low), use)
		if err != nil {
			continue // UDP has no connections
		}
		fmt.Fprintf(w, "may %s: %s\n", use, list(domains))
	}
	return nil
}

func list(names []string) string {
	const most = 8
	switch {
	case len(names) == 0:
		return "nobody"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], " "), len(names)-most)
	}
	return strings.Join(names, " ")
}

// types says which types of ports a domain may use.
func types(w io.Writer, sys *sekit.System, domain string, protocol port.Protocol) error {
	for _, use := range []port.Use{port.Bind, port.Connect} {
		names, err := sys.Ports.TypesFor(domain, protocol, use)
		if err != nil {
			if use == port.Connect {
				return nil // UDP has no connections
			}
			return err
		}
		fmt.Fprintf(w, "%s may %s: %s\n", domain, use, list(names))
	}
	return nil
}

// change shows a plan and what it comes to, and carries it out if told to.
func change(ctx context.Context, w io.Writer, m *sekit.Machine, sys *sekit.System, key port.Key, apply bool, want sekit.Settings) error {
	plan, err := sys.Plan(ctx, want)
	if err != nil {
		return err
	}
	if plan.Empty() {
		fmt.Fprintln(w, "it is so already")
		return nil
	}
	fmt.Fprint(w, plan)
	after, err := sys.Ports.With(plan.Ports...)
	if err != nil {
		return err
	}
	if err := gains(w, sys.Ports, after, key); err != nil {
		return err
	}
	if !apply {
		for _, c := range plan.Commands() {
			fmt.Fprintf(w, "dry run: -apply makes it so, as does: %s\n", strings.Join(c, " "))
		}
		return nil
	}
	undo, err := m.Apply(ctx, plan)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "done")
	for _, c := range undo.Commands() {
		fmt.Fprintf(w, "undo with: %s\n", strings.Join(c, " "))
	}
	return nil
}

// gains says who may use a port after a change and could not before, and the
// other way round.
func gains(w io.Writer, before, after *port.Table, key port.Key) error {
	for _, use := range []port.Use{port.Bind, port.Connect} {
		was, err := before.Users(key.Protocol, int(key.Low), use)
		if err != nil {
			continue // UDP has no connections
		}
		is, err := after.Users(key.Protocol, int(key.Low), use)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "may then %s: %s\n", use, list(without(is, was)))
		fmt.Fprintf(w, "may no longer %s: %s\n", use, list(without(was, is)))
	}
	return nil
}

// without returns what is in a and not in b.
func without(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, s := range b {
		in[s] = true
	}
	var out []string
	for _, s := range a {
		if !in[s] {
			out = append(out, s)
		}
	}
	return out
}

// Embed is an installer that carries its policy module: compiled by go generate
// on the developer's machine, embedded, and installed with a port and contexts
// in one change that can be taken back.
//
//	embed                    says what would be done, and what it would open
//	embed -apply             does it; again, and there is nothing to do
//	embed -remove -apply     takes it back
//	embed -root DIR          the same for an image
//
// Where there is no SELinux, it rehearses on the embedded policy, in memory.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/examples/internal/machine"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/sekittest"
	"github.com/sekit/sekit/triage"
)

//go:generate go run ./generate

//go:embed webapp.pp
var webapp []byte

// wanted is what webapp needs of a machine.
func wanted() sekit.Settings {
	return sekit.Settings{
		Modules: []sekit.ModuleSetting{{Key: module.Key{Name: "webapp"}, Language: "pp", Data: webapp}},
		Ports:   []port.Setting{port.Port(port.TCP, 8790, "http_port_t")},
	}
}

// unwanted takes it back.
func unwanted() sekit.Settings {
	return sekit.Settings{Without: sekit.Without{
		Modules: []module.Key{{Name: "webapp"}},
		Ports:   []port.Key{{Protocol: port.TCP, Low: 8790, High: 8790}},
	}}
}

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "embed:", machine.Printable(err.Error()))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("embed", flag.ContinueOnError)
	set.SetOutput(stderr)
	root := set.String("root", "", "`directory` of an image to install into")
	apply := set.Bool("apply", false, "make the changes")
	remove := set.Bool("remove", false, "take back what was installed")
	if err := set.Parse(args); err != nil {
		return flag.ErrHelp
	}
	m, reason, err := open(*root)
	if err != nil {
		return err
	}
	defer m.Close()
	if reason != nil {
		fmt.Fprintf(stderr, "embed: %v here; rehearsing on the embedded policy\n", reason)
	}
	want := wanted()
	if *remove {
		want = unwanted()
	}
	return install(ctx, m, want, *apply, stdout)
}

// open opens the machine. Where there is no SELinux it is one in memory, and
// reason says why.
func open(root string) (m *sekit.Machine, reason, err error) {
	if root != "" {
		m, err = sekit.OpenMachineRoot(root, sekit.MachineOptions{})
		return m, nil, err
	}
	if _, reason = sekit.Open(); !errors.Is(reason, sekit.ErrDisabled) && !errors.Is(reason, errors.ErrUnsupported) {
		m, err = sekit.OpenMachine(sekit.MachineOptions{})
		return m, nil, err
	}
	sys, err := machine.Embedded()
	if err != nil {
		return nil, nil, err
	}
	return sekittest.NewMachine(sys.Policy, sekittest.Options{Contexts: sys.Contexts}).Machine, reason, nil
}

// install says what has to be changed, and changes it if apply is set.
func install(ctx context.Context, m *sekit.Machine, want sekit.Settings, apply bool, stdout io.Writer) error {
	sys, err := m.System(ctx)
	if err != nil {
		return err
	}
	plan, err := sys.Plan(ctx, want)
	if err != nil {
		return err
	}
	if plan.Empty() {
		fmt.Fprintln(stdout, "nothing to do")
		return nil
	}
	fmt.Fprint(stdout, plan)
	if err := judge(sys, plan, stdout); err != nil {
		return err
	}
	if !apply {
		fmt.Fprintln(stdout, "nothing was changed; -apply does what these commands would, in one step:")
		for _, c := range plan.Commands() {
			fmt.Fprintln(stdout, "   ", triage.Command(c))
		}
		return nil
	}
	if _, err := m.Apply(ctx, plan); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "done")
	return nil
}

// judge says what a plan opens on this machine, whose policy may know the
// module's types by other rules than the developer's, and stops what nobody
// should install.
func judge(sys *sekit.System, plan *sekit.Plan, stdout io.Writer) error {
	for _, c := range plan.Modules {
		if c.Op != module.Install {
			continue
		}
		m, _, err := module.ParsePP(c.Content.Data)
		if err != nil {
			return err
		}
		for _, found := range (module.Guard{}).Check(sys.Policy, m.Rules) {
			fmt.Fprintf(stdout, "%v: %s: %s\n", found.Severity, found.Rule, found.Reason)
		}
		if err := (module.Guard{}).Enforce(sys.Policy, m.Rules); err != nil {
			return err
		}
	}
	changes, err := sys.PolicyChanges(plan)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil // what is taken away opens nothing
	}
	if err != nil {
		return err
	}
	exposure, err := sys.Policy.Exposure(changes...)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "opens %d accesses\n", exposure.Tuples+exposure.Ports)
	return nil
}

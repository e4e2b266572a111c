// Unittest is an installer that tells SELinux about the web application that it
// installs, and whose test (main_test.go) needs no SELinux: it runs on a machine
// in memory that decides as a real one would.
//
//	unittest -root / -listen 5601 -dir /srv/app             what it would change
//	unittest -root / -listen 5601 -dir /srv/app -apply      install
//	unittest -root / -listen 5601 -dir /srv/app -uninstall -apply
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/port"
)

// app is what the application needs.
type app struct {
	Listen int    // a tcp port
	Dir    string // its pages
}

// settings says what shall be so on a machine for the application.
func (a app) settings() (sekit.Settings, error) {
	pattern, err := fcontext.TreePattern(a.Dir)
	if err != nil {
		return sekit.Settings{}, err
	}
	return sekit.Settings{
		Ports:    []port.Setting{port.Port(port.TCP, a.Listen, "http_port_t")},
		Contexts: []fcontext.LocalSetting{{Pattern: pattern, Type: "httpd_sys_content_t"}},
		Booleans: []boolean.Record{{Name: "httpd_can_network_connect", On: true}},
		Relabel:  []sekit.Relabel{{Path: a.Dir, Recursive: true}},
	}, nil
}

// without says what shall no longer be so. The boolean stays: another program
// may have come to need it.
func (a app) without() (sekit.Settings, error) {
	pattern, err := fcontext.TreePattern(a.Dir)
	if err != nil {
		return sekit.Settings{}, err
	}
	key, err := port.MakeKey(port.TCP, a.Listen, a.Listen)
	if err != nil {
		return sekit.Settings{}, err
	}
	return sekit.Settings{
		Without: sekit.Without{Ports: []port.Key{key}, Contexts: []fcontext.LocalKey{{Pattern: pattern}}},
		Relabel: []sekit.Relabel{{Path: a.Dir, Recursive: true}},
	}, nil
}

// plan returns the changes that install the application, or remove it.
func plan(ctx context.Context, m *sekit.Machine, a app, uninstall bool) (*sekit.Plan, error) {
	settings, err := a.settings()
	if uninstall {
		settings, err = a.without()
	}
	if err != nil {
		return nil, err
	}
	return m.Plan(ctx, settings)
}

func main() {
	var a app
	root := flag.String("root", "/", "the machine whose root is the `directory`")
	flag.IntVar(&a.Listen, "listen", 5601, "`port`")
	flag.StringVar(&a.Dir, "dir", "/srv/app", "`directory` of the pages")
	uninstall := flag.Bool("uninstall", false, "remove the application")
	apply := flag.Bool("apply", false, "make the changes")
	flag.Parse()
	if err := run(context.Background(), *root, a, *uninstall, *apply); err != nil {
		fmt.Fprintln(os.Stderr, "unittest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, a app, uninstall, apply bool) error {
	open := func(o sekit.MachineOptions) (*sekit.Machine, error) { return sekit.OpenMachineRoot(root, o) }
	if root == "/" {
		open = sekit.OpenMachine
	}
	m, err := open(sekit.MachineOptions{StateDir: "/var/lib/sekit"})
	if err != nil {
		return err
	}
	defer m.Close()
	p, err := plan(ctx, m, a, uninstall)
	if err != nil {
		return err
	}
	fmt.Print(p)
	if !apply {
		return nil
	}
	_, err = m.Apply(ctx, p)
	return err
}

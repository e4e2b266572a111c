package module

import (
	"fmt"

	"github.com/sekit/sekit/policy"
)

// Daemon is the template of a confined daemon: a domain of its own that init
// starts it in, and types for its files. NAME stands for its name in what
// follows.
//
// It is a start, and small: what the daemon needs besides is in its denials
// (see [Permissive] and [Minimize]). It has no rule to make files in
// directories that others share: let the package, or systemd (LogsDirectory=,
// StateDirectory=, RuntimeDirectory=), make the directories below, which then
// have their types.
//
// Paths are paths, not regular expressions, as the file contexts' substitutions
// leave them; each is a file, or a directory with all below it.
type Daemon struct {
	// Name is the module's name, and what its types begin with.
	Name string
	// Executable is what init runs, of type NAME_exec_t. It must be the
	// daemon's own program, not an interpreter that others run.
	Executable string
	// Config, of type NAME_conf_t, the daemon may read.
	Config []string
	// Log, of type NAME_log_t, it may make and append to, but not read, change
	// or remove.
	Log []string
	// Data, of type NAME_var_lib_t, it may do all with but execute.
	Data []string
	// Runtime, of type NAME_runtime_t, it may make files, pipes and sockets in.
	Runtime []string
	// Listen and Connect are the ports that it listens on and connects to.
	Listen, Connect []DaemonPort
	// Capabilities are those that it needs, such as setuid. Ports below 1024
	// bring net_bind_service.
	Capabilities []string
	// Guard looks over the rules; its lifts let pass what it refuses, such as
	// the capability sys_module.
	Guard Guard
	// NoMLS is for policies without levels, whose contexts have none.
	NoMLS bool
}

// DaemonPort is a port that a daemon uses.
type DaemonPort struct {
	// Type is the port's in the policy. Without one the module declares
	// NAME_port_t; its ports are yet to be registered, as those of [PortType].
	Type     string
	Protocol policy.Protocol
	Number   uint16
}

// Module makes the module and the file contexts of its package. It requires
// types and attributes of the reference policy, and takes its finer attributes
// where the policy has them. Errors are a [*NameError], a [*PathError], a
// [*RefusedError], or say which port is wrong.
func (d Daemon) Module() (*Module, []FileContext, error) {
	if err := checkModuleName(d.Name); err != nil {
		return nil, nil, err
	}
	t := newTemplate(d.Name)
	t.noMLS = d.NoMLS
	if err := d.domain(t); err != nil {
		return nil, nil, err
	}
	if err := d.files(t); err != nil {
		return nil, nil, err
	}
	if err := d.ports(t); err != nil {
		return nil, nil, err
	}
	return t.finish(d.Guard)
}

// domain declares the domain and the way into it.
func (d Daemon) domain(t *template) error {
	domain, exec := d.Name+"_t", d.Name+"_exec_t"
	t.declare(domain, []string{"domain"}, "daemon")
	t.declareFile(exec, []string{"exec_type"}, "entry_type")
	t.m.Statements = append(t.m.Statements,
		&RoleTypes{Role: "system_r", Types: Types(domain)},
		&TypeRule{Kind: TypeTransition, Sources: Types("init_t"), Targets: Types(exec), Classes: []string{"process"}, NewType: domain})
	t.allow("init_t", exec, "file", "execute", "getattr", "ioctl", "map", "open", "read")
	t.allow("init_t", domain, "process", "rlimitinh", "sigkill", "signal", "signull", "transition")
	t.allow(domain, exec, "file", "entrypoint", "execute", "getattr", "ioctl", "map", "open", "read")
	// Units with NoNewPrivileges= or on file systems without set-user-ID: a
	// class that policies before Linux 4.14 lack.
	t.m.Statements = append(t.m.Statements, &Optional{Body: []Statement{&Rule{Kind: Allow, Source: "init_t", Target: domain,
		Class: "process2", Permissions: []string{"nnp_transition", "nosuid_transition"}}}})
	// What it has from init: its output goes to the journal.
	t.allow(domain, "init_t", "fd", "use")
	t.allow(domain, "init_t", "fifo_file", "append", "getattr", "ioctl", "read", "write")
	t.allow(domain, "init_t", "process", "sigchld")
	t.allow(domain, "init_t", "unix_stream_socket", "getattr", "ioctl", "read", "write")
	t.allow(domain, "init_t", "unix_dgram_socket", "sendto")
	t.allow(domain, Self, "process", "fork", "sigchld", "sigkill", "signal", "signull")
	t.allow(domain, Self, "fifo_file", "append", "getattr", "ioctl", "lock", "open", "read", "write")
	t.socket(domain, "unix_dgram_socket")
	t.socket(domain, "unix_stream_socket")
	t.allow(domain, Self, "unix_stream_socket", "accept", "listen")
	if len(d.Capabilities) > 0 {
		t.allow(domain, Self, "capability", d.Capabilities...)
	}
	return t.file(exec, d.Executable, RegularFile, false)
}

// files declares the types of the daemon's files.
func (d Daemon) files(t *template) error {
	domain := d.Name + "_t"
	for _, f := range []struct {
		suffix, attribute string
		names             []string
		rules             func(typ string)
	}{
		{"_conf_t", "configfile", d.Config, func(typ string) { t.read(domain, typ) }},
		{"_log_t", "logfile", d.Log, func(typ string) {
			t.allow(domain, typ, "dir", addDir()...)
			t.allow(domain, typ, "file", appendFile()...)
		}},
		{"_var_lib_t", "", d.Data, func(typ string) { t.manage(domain, typ) }},
		{"_runtime_t", "pidfile", d.Runtime, func(typ string) {
			t.manage(domain, typ)
			t.allow(domain, typ, "fifo_file", manageSocket()...)
			t.allow(domain, typ, "sock_file", manageSocket()...)
			t.allow(typ, "tmpfs_t", "filesystem", "associate") // /run is one
		}},
	} {
		if len(f.names) == 0 {
			continue
		}
		typ := d.Name + f.suffix
		var refinements []string
		if f.attribute != "" {
			refinements = append(refinements, f.attribute)
		}
		t.declareFile(typ, nil, refinements...)
		f.rules(typ)
		if err := t.trees(typ, f.names); err != nil {
			return err
		}
		for _, n := range f.names {
			if parent := parentType(n); parent != "" {
				t.allow(domain, parent, "dir", search()...)
			}
		}
	}
	return nil
}

// ports gives the daemon its ports, and declares their type where it has none.
func (d Daemon) ports(t *template) error {
	declared := false
	typeOf := func(p DaemonPort) string {
		if p.Type != "" {
			return p.Type
		}
		own := d.Name + "_port_t"
		if !declared {
			t.declare(own, []string{"port_type"})
		}
		declared = true
		line := fmt.Sprintf("To be registered once this is installed: semanage port -a -t %s -p %s %d", own, p.Protocol, p.Number)
		t.m.Comment = append(t.m.Comment, line)
		return own
	}
	for _, p := range append(d.Listen[:len(d.Listen):len(d.Listen)], d.Connect...) {
		if p.Type == "" && p.Number == 0 {
			return fmt.Errorf("daemon %s: a port without type and number", d.Name)
		}
	}
	for _, p := range d.Listen {
		if err := t.bind(d.Name+"_t", typeOf(p), p.Protocol, p.Number); err != nil {
			return err
		}
	}
	for _, p := range d.Connect {
		if err := t.connect(d.Name+"_t", typeOf(p), p.Protocol); err != nil {
			return err
		}
	}
	return nil
}

package sekit

import (
	"errors"
	"io/fs"

	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/policy"
)

// OpenMachineBy opens the machine with the root directory dir, to be changed in
// one way alone: native, semanage, semodule and so on.
func OpenMachineBy(way, dir string, tools tool.Runner, o MachineOptions) (*Machine, error) {
	h := host{root: dir, tools: tools, open: func() (*System, error) { return OpenRoot(dir) }}
	b, ok := map[string]Backend{"native": h.native(), "semanage": h.semanage(), "semodule": h.semodule(), "setsebool": h.setsebool(), "modules": modulesAlone{h.semodule()}, "all": h.backend()}[way]
	if !ok {
		return nil, errors.New("no such way")
	}
	return openMachine(b, dir, o)
}

// ReadStateFS reads the state from a root file system and selinuxfs.
func ReadStateFS(fsys, selinuxfs fs.FS) (*State, error) { return readState(fsys, selinuxfs) }

// ProcessContext and ProcessExe read a file system like /proc.
func ProcessContext(proc fs.FS, name string) (policy.Context, error) {
	return processContext(proc, name)
}
func ProcessExe(proc fs.FS, pid int) (string, error) { return processExe(proc, pid) }

// QuoteImport writes an argument for semanage import.
func QuoteImport(arg string) (string, error) { return quoteImport(arg) }

package sekit

import (
	"errors"

	"github.com/sekit/sekit/internal/tool"
)

// OpenMachineBy opens the machine with the root directory dir, to be changed in
// one way alone: native, semanage or semodule.
func OpenMachineBy(way, dir string, tools tool.Runner, o MachineOptions) (*Machine, error) {
	h := host{root: dir, tools: tools, open: func() (*System, error) { return OpenRoot(dir) }}
	b, ok := map[string]Backend{"native": h.native(), "semanage": h.semanage(), "semodule": h.semodule()}[way]
	if !ok {
		return nil, errors.New("no such way")
	}
	return openMachine(b, dir, o)
}

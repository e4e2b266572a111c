package sekit

import (
	"context"
	"errors"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/tool"
)

// OpenMachine returns this machine, to be changed by root. Changes go to the
// managed store of its policy type, by semanage import. Where SELinux is
// disabled, they are for the next boot with it. Its files can be relabelled
// unless o.Files says otherwise; Close closes them.
//
// The error wraps [errors.ErrUnsupported] where the OS is not Linux.
func OpenMachine(o MachineOptions) (*Machine, error) {
	b := &semanage{tools: tool.Exec{}, open: func(context.Context) (*System, error) { return Open() }}
	switch _, err := Open(); {
	case errors.Is(err, ErrDisabled):
		b.open = func(context.Context) (*System, error) { return OpenRoot("/") }
	case err != nil:
		return nil, err
	default:
		b.kernel = boolean.Kernel{Dir: selinuxfs}.Set
	}
	return openMachine(b, "/", o)
}

func openMachine(b Backend, root string, o MachineOptions) (*Machine, error) {
	if o.Files != nil {
		return NewMachine(b, o), nil
	}
	tree, err := fcontext.OpenTree(root)
	if err != nil {
		return nil, err
	}
	o.Files = tree
	m := NewMachine(b, o)
	m.close = tree.Close
	return m, nil
}

// Close closes what OpenMachine opened.
func (m *Machine) Close() error {
	if m.close == nil {
		return nil
	}
	return m.close()
}

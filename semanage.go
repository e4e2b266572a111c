package sekit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/port"
)

// semanage is a machine that is changed by semanage import, which makes all that
// it is told in one transaction of libsemanage. It has no option for the user and
// the role of a port's context, and can't be told what the records were when the
// plan was made: where another program changes the same ones between our look at
// the store and semanage's own lock, the last one counts.
type semanage struct {
	tools tool.Runner
	// open reads what is so.
	open func(ctx context.Context) (*System, error)
	// kernel sets booleans for now; nil where no kernel runs. The policy is then
	// not loaded, either.
	kernel func(ctx context.Context, values ...boolean.Record) error
	// mu is held by a commit: libsemanage's lock does not reach from what is
	// read before to what semanage writes.
	mu sync.Mutex
}

var _ Backend = (*semanage)(nil)

// System implements [Backend].
func (b *semanage) System(ctx context.Context) (*System, error) { return b.open(ctx) }

// Commit implements [Backend].
func (b *semanage) Commit(ctx context.Context, p *Plan) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, err := b.open(ctx)
	if err != nil {
		return err
	}
	after, err := before.with(p)
	if err != nil {
		return err
	}
	now := valuesForNow(p, before, after)
	if len(now) > 0 && b.kernel == nil {
		return errNoKernel
	}
	input, err := importLines(p, after)
	if err != nil {
		return err
	}
	if len(input) > 0 {
		if err := b.run(ctx, input, p.Modules); err != nil {
			return err
		}
		if after, err = b.open(ctx); err != nil {
			return err
		}
		if !after.made(ctx, p) {
			return errNotMade
		}
	}
	if len(now) == 0 {
		return nil
	}
	return b.kernel(ctx, now...)
}

var errNotMade = errors.New("the tool succeeded, and the records are not there")

func (b *semanage) run(ctx context.Context, input []byte, modules []module.Change) error {
	args := []string{"semanage", "import"}
	if b.kernel == nil {
		args = append(args, "-N")
	}
	command := tool.Command{Args: args, Stdin: input}
	for _, c := range modules {
		if c.Op == module.Install {
			command.Files = append(command.Files, tool.File{Name: moduleFile(c), Data: c.Content.Data})
		}
	}
	_, err := b.tools.Run(ctx, command)
	var failed *tool.Error
	if errors.As(err, &failed) && bytes.Contains(failed.Stderr, []byte("transaction lock")) {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return err
}

// valuesForNow are the values that the kernel's booleans must be given beside
// the store's records. semanage sets the kernel's with a record, and leaves it
// alone when it removes one.
func valuesForNow(p *Plan, before, after *System) []boolean.Record {
	var out []boolean.Record
	touched := make(map[string]bool)
	reset := slices.ContainsFunc(p.Booleans, func(c boolean.Change) bool { return c.Op == boolean.Reset })
	for _, c := range p.Booleans {
		touched[c.Name] = touched[c.Name] || c.Op == boolean.Set || c.Op == boolean.Reset
	}
	for _, b := range after.booleans().All() {
		was, err := before.booleans().Lookup(b.Name)
		switch {
		case err != nil || !before.booleans().Active():
		case touched[b.Name]:
			out = append(out, boolean.Record{Name: b.Name, On: b.Current})
		case reset && b.Local && b.Current != b.Default:
			// Its record is written anew (importLines).
			out = append(out, boolean.Record{Name: b.Name, On: was.Current})
		}
	}
	return out
}

// importLines is what semanage import reads: a command a line.
func importLines(p *Plan, after *System) ([]byte, error) {
	var commands [][]string
	for _, c := range p.Modules {
		if c.Op != module.Nothing {
			commands = append(commands, moduleCommand(c))
		}
	}
	for _, c := range p.Permissive {
		commands = append(commands, c.Command())
	}
	for _, c := range p.Ports {
		if c.Op == port.Add && (c.After.Context.User() != "system_u" || c.After.Context.Role() != "object_r") {
			// It has no option for these.
			return nil, fmt.Errorf("semanage can't be told the context %q of a port: %w", c.After.Context, errors.ErrUnsupported)
		}
		if c.Op != port.Nothing {
			commands = append(commands, c.Command())
		}
	}
	for _, c := range p.Infiniband {
		if c.Op == port.Add && (c.After.Context.User() != "system_u" || c.After.Context.Role() != "object_r") {
			return nil, fmt.Errorf("semanage can't be told the context %q of %s: %w", c.After.Context, c.Key, errors.ErrUnsupported)
		}
		if c.Op != port.Nothing {
			commands = append(commands, c.Command())
		}
	}
	for _, c := range p.Contexts {
		if c.Op != fcontext.Nothing {
			commands = append(commands, c.Command())
		}
	}
	commands = append(commands, booleanCommands(p, after)...)
	var b bytes.Buffer
	for _, c := range commands {
		for i, arg := range c[1:] { // without semanage
			quoted, err := quoteImport(arg)
			if err != nil {
				return nil, err
			}
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(quoted)
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// moduleCommand is the command for a module, which semanage finds as a file in
// its directory.
func moduleCommand(c module.Change) []string {
	priority := strconv.Itoa(c.Priority)
	switch c.Op {
	case module.Install:
		return []string{"semanage", "module", "-P", priority, "-a", moduleFile(c)}
	case module.Remove:
		return []string{"semanage", "module", "-P", priority, "-r", c.Name}
	case module.Enable:
		return []string{"semanage", "module", "-e", c.Name}
	}
	return []string{"semanage", "module", "-d", c.Name}
}

func moduleFile(c module.Change) string { return c.Name + "." + c.Content.Language }

// booleanCommands sets records. semanage can't remove a single one: it removes
// all, and sets those that stay.
func booleanCommands(p *Plan, after *System) [][]string {
	set := func(name string, on bool) []string {
		if on {
			return []string{"semanage", "boolean", "-m", "--on", name}
		}
		return []string{"semanage", "boolean", "-m", "--off", name}
	}
	var out [][]string
	if slices.ContainsFunc(p.Booleans, func(c boolean.Change) bool { return c.Op == boolean.Reset }) {
		out = append(out, []string{"semanage", "boolean", "-D"})
		for _, b := range after.booleans().All() {
			if b.Local {
				out = append(out, set(b.Name, b.Default))
			}
		}
		return out
	}
	for _, c := range p.Booleans {
		if c.Op == boolean.Persist {
			out = append(out, set(c.Name, c.On))
		}
	}
	return out
}

// quoteImport writes an argument so that semanage import reads it as it is. It
// splits lines at white space, knows quotes that begin and end a word, and no
// escapes (mkargv): what it can't be told is refused.
func quoteImport(arg string) (string, error) {
	bad := func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsControl(r) || r != ' ' && (unicode.IsSpace(r) || !unicode.IsPrint(r))
	}
	switch {
	case strings.ContainsFunc(arg, bad), strings.ContainsAny(arg, `"'`), strings.Contains(arg, "  "),
		strings.TrimSpace(arg) != arg:
		return "", fmt.Errorf("semanage import can't be told %q: %w", clip(arg), errors.ErrUnsupported)
	case arg == "" || strings.Contains(arg, " "):
		return `"` + arg + `"`, nil
	}
	return arg, nil
}

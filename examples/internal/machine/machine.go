// Package machine is what the examples have in common: which machine's SELinux
// they work on, and how text from a log goes to a terminal.
package machine

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// Flags say which machine: an image's, that of single files, or, if none is
// set, the running one.
type Flags struct {
	Files sekit.Files
	Root  string
}

// Register adds -policy, -contexts, -ports and -root to the flags of a program.
func (f *Flags) Register(set *flag.FlagSet) {
	set.StringVar(&f.Files.Policy, "policy", "", "compiled policy `file`; default: the running system's, else the embedded one")
	set.StringVar(&f.Files.Contexts, "contexts", "", "`directory` of file_contexts, with -policy")
	set.StringVar(&f.Files.PortsLocal, "ports", "", "`file` of local port records (ports.local), with -policy")
	set.StringVar(&f.Root, "root", "", "`directory` of an image, whose policy and contexts to use")
}

// Open reads the machine. Where there is no SELinux it is the embedded one, and
// reason says why.
func (f *Flags) Open() (sys *sekit.System, reason, err error) {
	switch {
	case f.Root != "":
		sys, err = sekit.OpenRoot(f.Root)
	case f.Files.Policy != "":
		sys, err = sekit.Load(f.Files)
	default:
		sys, err = sekit.Open()
		if errors.Is(err, sekit.ErrDisabled) || errors.Is(err, errors.ErrUnsupported) {
			reason = err
			sys, err = Embedded()
		}
	}
	return sys, reason, err
}

// Embedded is the machine that the examples carry with them.
func Embedded() (*sekit.System, error) {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		return nil, err
	}
	contexts, err := fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
	if err != nil {
		return nil, err
	}
	local, err := port.ParseLocal("ports.local", demo.PortsLocal())
	if err != nil {
		return nil, err
	}
	return &sekit.System{Policy: p, Contexts: contexts, Ports: port.NewTable(p, local),
		LocalContexts: fcontext.NewLocalTable(p, contexts, contexts.Local())}, nil
}

// Printable escapes what a terminal would obey, byte by byte. Everything from a log is
// somebody else's text.
func Printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

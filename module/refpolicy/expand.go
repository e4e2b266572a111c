package refpolicy

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/sekit/sekit/internal/m4"
	"github.com/sekit/sekit/module"
)

// Expand returns what an interface (or any other macro of the headers, such as
// domtrans_pattern or rw_file_perms) comes to with the given arguments: text in
// the module language. An argument is what stands there in a module: names of
// types, sets in braces, a path or other string in double quotes. The error is
// [fs.ErrNotExist] if the headers have no such macro.
func (h *Headers) Expand(name string, args ...string) (string, error) {
	if !h.macros.Defined(name) {
		return "", &NameError{"interface", clip(name), fs.ErrNotExist}
	}
	for _, a := range args {
		if strings.ContainsAny(a, "`'(),#$\x00") || a != strings.TrimSpace(a) {
			return "", &NameError{"argument", clip(a), fs.ErrInvalid}
		}
	}
	p := h.macros.Fork()
	p.Discard(false)
	if err := p.Read(name, name+"("+strings.Join(args, ",")+")"); err != nil {
		return "", mistake(err)
	}
	if err := reported(p); err != nil {
		return "", err
	}
	return p.Output(), nil
}

// Source is a module as its author writes it.
type Source struct {
	Name string // of the files, for errors: Name.te, Name.fc, Name.if
	TE   string // policy_module(…) and rules
	FC   string // file contexts with gen_context(…)
	IF   string // the module's own interfaces
}

// Expanded is a module without macros.
type Expanded struct {
	// TE is in the module language. Comments #line N and #line N "FILE", as m4 -s
	// writes them, say where the lines came from; of a macro's lines, where it was
	// called.
	TE string
	// FileContexts are as a package has them.
	FileContexts string
	// Warnings are what the macros have to say, such as that an interface is
	// deprecated.
	Warnings []string
}

// Module expands a module as the headers' Makefile does with m4. The error is an
// [*Error].
func (h *Headers) Module(src Source) (*Expanded, error) {
	te, fc, warnings, err := h.module(src)
	if err != nil {
		return nil, err
	}
	return &Expanded{TE: string(te), FileContexts: fc, Warnings: warnings}, nil
}

func (h *Headers) module(src Source) (te []byte, contexts string, warnings []string, err error) {
	macros := h.macros
	if src.IF != "" {
		own := h.define.Fork()
		if err := readAll(own, []file{{src.Name + ".if", src.IF}}); err != nil {
			return nil, "", nil, err
		}
		if own.Defined("__if_error") {
			return nil, "", nil, reported(own)
		}
		macros = macros.Fork()
		if err := readDefinitions(macros, own); err != nil {
			return nil, "", nil, err
		}
	}
	p := macros.Fork()
	p.Discard(false)
	p.Grow(usualHead + min(usualGrowth*len(src.TE), 1<<20))
	if err := readAll(p, []file{{src.Name + ".te", src.TE}}); err != nil {
		return nil, "", nil, err
	}
	if err := reported(p); err != nil {
		return nil, "", nil, err
	}
	fc := h.contexts.Fork()
	fc.Discard(false)
	if err := readAll(fc, []file{{src.Name + ".fc", src.FC}}); err != nil {
		return nil, "", nil, err
	}
	if err := reported(fc); err != nil {
		return nil, "", nil, err
	}
	return withPositions(p), fc.Output(), append(p.Messages(), fc.Messages()...), nil
}

// How long the text of a module usually becomes: the permissions and categories
// that policy_module requires, and what its macros come to.
const (
	usualHead   = 48 << 10 // bytes
	usualGrowth = 10
)

// withPositions returns what p has put out, with #line comments before the lines
// that are not where the ones before them lead to expect. A file's name that could
// leave its comment is left out.
func withPositions(p *m4.Processor) []byte {
	text := p.Output()
	out := make([]byte, 0, len(text)+len(text)/2)
	var next m4.Position
	file := "\x00" // that was named last
	i := 0
	for line := range strings.Lines(text) {
		if at := p.Line(i); at != next && strings.TrimSpace(line) != "" {
			out = strconv.AppendInt(append(out, "#line "...), int64(at.Line), 10)
			if at.File != file && !strings.ContainsFunc(at.File, func(r rune) bool { return r < ' ' || r == '"' }) {
				out = append(append(append(out, ` "`...), at.File...), '"')
				file = at.File
			}
			out = append(out, '\n')
			next = at
		}
		out = append(out, line...)
		next.Line++
		i++
	}
	return out
}

// Compile makes a module package (.pp) of a module's source, as make -f
// /usr/share/selinux/devel/Makefile NAME.pp does, in the version that opts
// says. The warnings are the macros'. The error is an [*Error] for what the
// macros are not content with, and one of [module.CompileTE] for what they came
// to.
func (h *Headers) Compile(src Source, opts module.ModOptions) (pp []byte, warnings []string, err error) {
	te, contexts, warnings, err := h.module(src)
	if err != nil {
		return nil, nil, err
	}
	pp, err = module.CompileTE(src.Name+".te", te, module.PPOptions{ModOptions: opts, FileContexts: []byte(contexts)})
	if err != nil {
		return nil, nil, err
	}
	return pp, warnings, nil
}

// reported returns the error that the headers' macro refpolicyerr has reported.
func reported(p *m4.Processor) error {
	if !p.Defined("m4_fatal_error") && !p.Defined("__if_error") && !p.Exited() {
		return nil
	}
	return &Error{Err: fmt.Errorf("%w: %s", errMacro, strings.Join(p.Messages(), "; "))}
}

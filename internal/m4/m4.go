package m4

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// Limits bounds what a [Processor] does. A zero field stands for its default.
type Limits struct {
	Output     int // bytes of output; 64 MB
	Expansions int // macros expanded; 2 million
	Work       int // bytes that expansions put back to be read again; 1 GB
	Depth      int // macro calls within the arguments of others; 500
}

func (l Limits) withDefaults() Limits {
	set := func(n *int, or int) {
		if *n <= 0 {
			*n = or
		}
	}
	set(&l.Output, 64<<20)
	set(&l.Expansions, 2_000_000)
	set(&l.Work, 1<<30)
	set(&l.Depth, 500)
	return l
}

// ErrLimit is what an error about a limit wraps.
var ErrLimit = errors.New("limit exceeded")

// Error says where in the input something is wrong. Within an expansion it is
// where the outermost macro was called.
type Error struct {
	File string
	Line int
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// UnsupportedError names a builtin that this package does not have. It is also
// [errors.ErrUnsupported].
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return "m4 " + e.What + " is not supported" }

// Is reports whether target is [errors.ErrUnsupported].
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// Position is a line of a file.
type Position struct {
	File string
	Line int
}

// Processor is an m4 at work: macros that are defined, and output. It is not
// safe for concurrent use, but one that is no longer read into may be forked
// concurrently.
type Processor struct {
	limits Limits
	table  *table
	in     input
	files  []string // that were read, for positions
	depth  int

	discard  bool // divert(-1)
	diverted bool // a macro has set that
	out      strings.Builder
	lines    []place // of the output's lines
	started  bool    // the last one has its position
	messages []string
	errored  int // bytes of messages
	exited   bool

	expansions, work int

	args             []string // of the macros that are being read, the innermost last
	pending, scratch []byte   // arguments that are being read, and what an expansion is put together in
	kept             strings.Builder
	expressions      map[string]*regexp.Regexp // that were compiled
}

// New returns a processor that knows the builtins alone.
func New(limits Limits) *Processor {
	p := &Processor{limits: limits.withDefaults(), table: newTable()}
	for name, b := range builtins() {
		p.table.set(name, &definition{builtin: b})
	}
	return p
}

// Fork returns a processor that has the macros of p and no output. Neither sees
// what the other one defines from now on; p must not be read into any more.
func (p *Processor) Fork() *Processor {
	base := p.table
	for len(base.own) == 0 && base.later == nil && base.base != nil {
		base = base.base
	}
	t := &table{base: base, names: Names{seed: base.names.seed}}
	if base.base == nil && base.later == nil && len(base.own) < 100 { // the builtins: one place less to look in
		t.base, t.names, t.own = nil, base.names.clone(), slices.Clone(base.own)
	}
	return &Processor{limits: p.limits, discard: p.discard, table: t}
}

// Later defines macros, the texts of which are worked out when they are first
// needed: work is called with a name's number, perhaps by several goroutines. Its
// error is one of reading what needs the macro.
func (p *Processor) Later(names *Names, work func(n int) (text string, err error)) {
	p.table.later = &later{names, work, make([]atomic.Pointer[definition], names.Len())}
}

// Define defines a macro, as the option -D does.
func (p *Processor) Define(name, text string) { p.table.set(name, &definition{text: text}) }

// Discard says whether output is thrown away from now on, as after divert(-1).
func (p *Processor) Discard(on bool) { p.discard = on }

// Grow makes room for n bytes of output.
func (p *Processor) Grow(n int) {
	p.out.Grow(n)
	p.lines = slices.Grow(p.lines, n/16)
}

// Defined reports whether there is a macro of that name which is no builtin.
func (p *Processor) Defined(name string) bool {
	d := p.table.get(name)
	return d != nil && d.builtin == nil
}

// Has returns the numbers of those names that p has macros of, builtins among
// them, but for what is defined [Processor.Later].
func (p *Processor) Has(names *Names) []int {
	var out []int
	for t := p.table; t != nil; t = t.base {
		for _, name := range t.names.list {
			if n := names.Find(name); n >= 0 {
				out = append(out, n)
			}
		}
	}
	return out
}

// DefinesOnly reports whether what was read has defined a macro and has had no
// other effect: no other definition, no message, nothing on what is put out next.
func (p *Processor) DefinesOnly(name string) bool {
	t := p.table
	return len(t.own) == 1 && t.names.list[0] == name && t.own[0] != nil && t.own[0].builtin == nil && t.own[0].under == nil &&
		!p.exited && !p.diverted && len(p.messages) == 0
}

// Text returns the text of a macro; empty of a builtin and of what is not defined.
func (p *Processor) Text(name string) string {
	if d := p.table.get(name); d != nil {
		return d.text
	}
	return ""
}

// Read reads a file's text and expands it. The error is an [*Error]; p is of no
// use after one. A macro m4exit ends the reading, without an error.
func (p *Processor) Read(file, text string) error { return p.ReadFrom(file, 1, text) }

// ReadFrom reads part of a file, from the beginning of a line.
func (p *Processor) ReadFrom(file string, line int, text string) error {
	if p.exited {
		return nil
	}
	p.files = append(p.files, file)
	p.in = input{segments: append(p.in.segments[:0], segment{text: text, place: place{int32(len(p.files) - 1), int32(line)}, own: true})}
	p.depth = 0
	if !p.discard {
		p.out.Grow(min(2*len(text), p.limits.Output)) // the usual growth
	}
	for !p.exited {
		t, err := p.next(false)
		if err == nil && t.kind == tokenEOF {
			break
		}
		if err == nil {
			err = p.expandToken(t, nil)
		}
		if err != nil {
			return p.fail(err)
		}
	}
	return nil
}

func (p *Processor) fail(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	at := p.position()
	return &Error{File: at.File, Line: at.Line, Err: err}
}

// position is that of the last token.
func (p *Processor) position() Position { return p.positionOf(p.in.at) }

func (p *Processor) positionOf(at place) Position { return Position{p.files[at.file], int(at.line)} }

// keep returns a string of bytes that change. Strings share their memory.
func (p *Processor) keep(b []byte) string {
	k := &p.kept
	if free := k.Cap() - k.Len(); free < len(b) {
		n := min(2*k.Cap(), 64<<10)
		k.Reset()
		k.Grow(max(n, len(b), 512))
	}
	k.Write(b)
	s := k.String()
	return s[len(s)-len(b):]
}

// Output returns what was written so far.
func (p *Processor) Output() string { return p.out.String() }

// Line returns where a line of the output came from, of which the first is 0. One
// that is empty came from nowhere.
func (p *Processor) Line(n int) Position {
	if n < len(p.lines) && p.lines[n].line > 0 {
		return p.positionOf(p.lines[n])
	}
	return Position{}
}

// Messages returns what was written with errprint.
func (p *Processor) Messages() []string { return p.messages }

// Exited reports whether a macro has ended the reading with m4exit.
func (p *Processor) Exited() bool { return p.exited }

// ship writes text that is not expanded any more: to the argument that is
// collected, or else to the output.
func (p *Processor) ship(text string, to *argument) error {
	if to != nil {
		to.add(text)
		return nil
	}
	if p.discard {
		return nil
	}
	if p.out.Len()+len(text) > p.limits.Output {
		return fmt.Errorf("output: %w", ErrLimit)
	}
	p.out.WriteString(text)
	for text != "" {
		n := strings.IndexByte(text, '\n')
		switch {
		case n != 0 && !p.started:
			p.lines, p.started = append(p.lines, p.in.at), true
		case !p.started:
			p.lines = append(p.lines, place{})
		}
		if n < 0 {
			break
		}
		p.started = false
		text = text[n+1:]
	}
	return nil
}

// expandToken handles one token outside of quotes.
func (p *Processor) expandToken(t token, to *argument) error {
	if t.kind == tokenMacro {
		return p.expandMacro(t.text, t.macro)
	}
	return p.ship(t.text, to)
}

// expandMacro collects a macro's arguments and puts what it comes to before the
// rest of the input.
func (p *Processor) expandMacro(name string, d *definition) error {
	if p.expansions++; p.expansions > p.limits.Expansions {
		return fmt.Errorf("number of macros: %w", ErrLimit)
	}
	if d.err != nil {
		return d.err
	}
	start, before := p.in.at, len(p.args)
	p.args = append(p.args, name)
	if p.in.peek() == '(' {
		if p.depth++; p.depth > p.limits.Depth {
			return fmt.Errorf("nesting of macros: %w", ErrLimit)
		}
		if err := p.collect(); err != nil {
			return err
		}
		p.depth--
	}
	p.in.at = start // for __line__ and errors
	args := p.args[before:]
	p.args = p.args[:before]
	var text string
	var err error
	if d.builtin != nil {
		text, err = d.builtin.expand(p, args)
	} else {
		text, err = d.expand(p, args)
	}
	if err != nil || text == "" {
		return err
	}
	if p.work += len(text); p.work > p.limits.Work {
		return fmt.Errorf("work: %w", ErrLimit)
	}
	return p.in.push(text, start)
}

// collect reads arguments, from the opening parenthesis to the closing one.
func (p *Processor) collect() error {
	if _, err := p.next(true); err != nil {
		return err
	}
	for {
		arg, more, err := p.argument()
		if err != nil {
			return err
		}
		p.args = append(p.args, arg)
		if !more {
			return nil
		}
	}
}

// argument reads one argument, white space before it left out.
func (p *Processor) argument() (text string, more bool, err error) {
	arg := argument{p: p, start: len(p.pending)}
	level := 0
	p.in.skipSpace()
	for {
		t, err := p.next(true)
		if err != nil {
			return "", false, err
		}
		switch {
		case t.kind == tokenEOF || p.exited:
			return "", false, errors.New("end of file in the arguments of a macro")
		case t.kind == tokenPunct && level == 0 && (t.text == "," || t.text == ")"):
			return arg.done(), t.text == ",", nil
		case t.kind == tokenPunct && t.text == "(":
			level++
		case t.kind == tokenPunct && t.text == ")":
			level--
		}
		if err := p.expandToken(t, &arg); err != nil {
			return "", false, err
		}
		if arg.size() > p.limits.Work-p.work {
			return "", false, fmt.Errorf("work: %w", ErrLimit)
		}
	}
}

// argument is an argument as it grows. One that is a single token is not copied;
// others grow at the end of what is pending, where the arguments of macros within
// them come and go.
type argument struct {
	p     *Processor
	start int
	one   string
	many  bool
}

func (a *argument) add(s string) {
	switch {
	case a.many:
		a.p.pending = append(a.p.pending, s...)
	case a.one == "":
		a.one = s
	case s != "":
		a.p.pending, a.many = append(append(a.p.pending, a.one...), s...), true
	}
}

func (a *argument) size() int {
	if a.many {
		return len(a.p.pending) - a.start
	}
	return len(a.one)
}

func (a *argument) done() string {
	if !a.many {
		return a.one
	}
	s := a.p.keep(a.p.pending[a.start:])
	a.p.pending = a.p.pending[:a.start]
	return s
}

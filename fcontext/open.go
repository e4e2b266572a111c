package fcontext

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// DefaultBase is the name of the main file in a policy's contexts/files
// directory; the others have it as the beginning of theirs.
const DefaultBase = "file_contexts"

// Options says how to open file contexts. The zero Options is what libselinux
// does by default.
type Options struct {
	// Order is the release whose choice among several specs is wanted.
	Order Order
	// Base is the main file's name, [DefaultBase] if it is empty.
	Base string
	// BaseOnly leaves .homedirs and .local alone (SELABEL_OPT_BASEONLY).
	BaseOnly bool
	// Skip, if it is set, makes a line that would fail the whole be passed over:
	// it is called with the reason, in the order of the lines, and reading goes
	// on. Paths that only such a line is for are then looked up as if it were
	// not there. libselinux passes over none but those whose expression does
	// not compile, at the price of failing every lookup that comes to them. A
	// file that cannot be read, or a compiled form that is damaged, still fails.
	Skip func(*ParseError)
}

// Files are the texts of file contexts, or their compiled forms. Only Contexts
// has to be there.
type Files struct {
	Contexts io.Reader // file_contexts
	Homedirs io.Reader // file_contexts.homedirs
	Local    io.Reader // file_contexts.local
	SubsDist io.Reader // file_contexts.subs_dist
	Subs     io.Reader // file_contexts.subs
}

// The files after the main one, in the order libselinux reads them.
const (
	suffixHomedirs = ".homedirs"
	suffixLocal    = ".local"
	suffixSubsDist = ".subs_dist"
	suffixSubs     = ".subs"

	suffixCompiled = ".bin"
)

// Open reads the file contexts in the directory dir of the running system, for
// instance /etc/selinux/targeted/contexts/files: file_contexts, and
// .homedirs, .local, .subs_dist and .subs if they are there. A line that
// libselinux would refuse, or whose regular expression this package cannot
// match exactly, fails the whole with a [*ParseError], unless
// [Options.Skip] is set; comments and empty lines are passed over, and so are
// incomplete lines of the .subs files.
//
// Of a file that is not there the compiled form (.bin) is read, of both
// generations; libselinux reads whichever is younger. They say the same, but
// only the text has the lines' numbers for all specs.
func Open(dir string, opts Options) (*DB, error) {
	return open(opts, func(name string) (string, string, error) {
		full := filepath.Join(dir, name)
		f, err := os.Open(full)
		if err != nil {
			return "", full, err
		}
		defer f.Close()
		text, err := readText(f)
		return text, full, err
	})
}

// OpenFS is [Open] for a directory of a file system, such as an image's root
// (os.DirFS or os.Root.FS). Names in errors and specs are slash-separated
// paths in it.
func OpenFS(fsys fs.FS, dir string, opts Options) (*DB, error) {
	return open(opts, func(name string) (string, string, error) {
		full := path.Join(dir, name)
		f, err := fsys.Open(full)
		if err != nil {
			return "", full, err
		}
		defer f.Close()
		text, err := readText(f)
		return text, full, err
	})
}

// Parse is [Open] for readers; they are read to their end. Names in errors and
// specs are those that the files have by default.
func Parse(files Files, opts Options) (*DB, error) {
	base := opts.base()
	readers := map[string]io.Reader{
		base:                  files.Contexts,
		base + suffixHomedirs: files.Homedirs,
		base + suffixLocal:    files.Local,
		base + suffixSubsDist: files.SubsDist,
		base + suffixSubs:     files.Subs,
	}
	return open(opts, func(name string) (string, string, error) {
		r := readers[name]
		if r == nil {
			return "", name, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		text, err := readText(r)
		return text, name, err
	})
}

// readText reads r to its end, a file into memory of its size.
func readText(r io.Reader) (string, error) {
	var b strings.Builder
	if f, ok := r.(fs.File); ok {
		if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() {
			b.Grow(int(min(fi.Size(), maxGrow)))
		}
	}
	_, err := io.Copy(&b, r)
	return b.String(), err
}

// maxGrow bounds what is taken on a file's word.
const maxGrow = 16 << 20

func (o Options) base() string {
	if o.Base == "" {
		return DefaultBase
	}
	return o.Base
}

// open reads the files through read, which returns a file's contents and its
// full name.
func open(opts Options, read func(name string) (text, full string, err error)) (*DB, error) {
	if opts.Order > Order38 {
		return nil, fmt.Errorf("fcontext: unknown order %d", opts.Order)
	}
	base := opts.base()
	dist, err := readSubs(base+suffixSubsDist, read)
	if err != nil {
		return nil, err
	}
	local, err := readSubs(base+suffixSubs, read)
	if err != nil {
		return nil, err
	}
	names := []string{base, base + suffixHomedirs, base + suffixLocal}
	if opts.BaseOnly {
		names = names[:1]
	}
	var texts []input
	specs := 0
	for i, name := range names {
		text, full, err := read(name)
		if errors.Is(err, fs.ErrNotExist) {
			missing := err
			if text, full, err = read(name + suffixCompiled); errors.Is(err, fs.ErrNotExist) {
				if i > 0 {
					continue
				}
				err = missing
			}
		}
		if err != nil {
			return nil, err
		}
		// Lines are longer than 32 bytes, unless there is nothing on them.
		specs += min(strings.Count(text, "\n"), len(text)/32) + 1
		texts = append(texts, input{name: full, text: text, rank: uint8(i)})
	}
	b := newBuilder(opts.Order, specs)
	b.skip = opts.Skip
	for _, in := range texts {
		if err := b.addFile(in); err != nil {
			return nil, err
		}
	}
	b.db.subs, b.db.distSubs = opts.Order.tried(local), newSubTable(opts.Order.tried(dist))
	b.db.finish()
	return b.db, nil
}

// input is a file of specs.
type input struct {
	name, text string
	rank       uint8 // its precedence among literal specs
}

func readSubs(name string, read func(string) (string, string, error)) ([]sub, error) {
	text, _, err := read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return parseSubs(text), nil
}

// builder puts a DB together.
type builder struct {
	db       *DB
	contexts textTable // by the numbers in db.contexts
	file     int32     // where the next spec is from
	input    uint8
	repeats  int // instructions that are owed to repeat counts
	skip     func(*ParseError)
}

// maxRepeats bounds what the repeat counts of all patterns may lead to.
const maxRepeats = 1 << 20

// newBuilder returns one for about as many specs.
func newBuilder(order Order, specs int) *builder {
	return &builder{
		db: &DB{
			order:    order,
			contexts: make([]policy.Context, 1, 1+specs/4), // contextNone is not valid
			specs:    make([]rec, 0, specs),
			literals: newTextTable(specs / 2),
		},
		contexts: newTextTable(specs / 4),
	}
}

// The inputs that specs come from, by precedence among literal specs.
const inputLocal = 2

// addFile adds the specs of a file.
func (b *builder) addFile(in input) error {
	b.db.files = append(b.db.files, in.name)
	b.file, b.input = int32(len(b.db.files)-1), in.rank
	name, text := in.name, in.text
	if isCompiled(text) {
		return b.addCompiled(name, text)
	}
	for line := 1; text != ""; line++ {
		var l string
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			l, text = text[:i], text[i+1:]
		} else {
			l, text = text, ""
		}
		if err := b.addLine(l, line); err != nil {
			if err := b.refuse(&ParseError{File: name, Line: line, Text: cutText(l), Err: err}); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuse gives up for a line that cannot be read, or passes over it.
func (b *builder) refuse(err *ParseError) error {
	if b.skip == nil {
		return err
	}
	b.skip(err)
	return nil
}

// addLine adds the spec on a line. Nearly all lines have an everyday pattern,
// whose end is found while it is checked.
func (b *builder) addLine(line string, number int) error {
	start := 0
	for start < len(line) && isBlank(line[start]) {
		start++
	}
	if rest := line[start:]; rest != "" && rest[0] != '#' {
		if info, n, ok := quickCheck(rest); ok && n <= maxPattern {
			f, err := splitRest(rest[:n], rest[n:])
			if err != nil {
				return err
			}
			context, err := b.contextNumber(f.context)
			if err != nil {
				return err
			}
			return b.addChecked(f.pattern, info, f.kind, context, number)
		}
	}
	f, err := splitLine(line)
	if err != nil || f.pattern == "" {
		return err
	}
	return b.addFields(f, number)
}

func (b *builder) addFields(f fields, number int) error {
	context, err := b.contextNumber(f.context)
	if err != nil {
		return err
	}
	return b.addSpec(f.pattern, f.kind, context, number)
}

// contextNumber returns the number of a context, which it adds if it is new.
func (b *builder) contextNumber(text string) (int32, error) {
	if text == noneContext {
		return contextNone, nil
	}
	i, hash, ok := b.context(text)
	if ok {
		return i, nil
	}
	c, err := policy.ParseContext(text)
	if err != nil {
		return 0, err
	}
	i = int32(len(b.db.contexts))
	b.db.contexts = append(b.db.contexts, c)
	b.contexts.add(hash, i)
	return i, nil
}

// addSpec adds a spec.
func (b *builder) addSpec(pattern string, kind Kind, context int32, line int) error {
	info, err := checkPattern(pattern)
	if err != nil {
		return err
	}
	return b.addChecked(pattern, info, kind, context, line)
}

func (b *builder) addChecked(pattern string, info patternInfo, kind Kind, context int32, line int) error {
	if b.repeats+info.repeats > maxRepeats {
		return ErrTooLong
	}
	b.repeats += info.repeats
	r := rec{
		pattern: pattern,
		context: context,
		line:    int32(line),
		prefix:  int32(info.prefix),
		file:    b.file,
		input:   b.input,
		kind:    kind,
		alt:     info.alt,
		high:    info.high,
		whole:   !info.alt && info.prefix == len(pattern),
	}
	r.literal, r.escaped = info.plain, info.escaped
	if !info.quick {
		r.literal, _ = b.db.order.literalSpec(pattern)
		r.escaped = strings.IndexByte(pattern, '\\') >= 0
	}
	b.db.specs = append(b.db.specs, r)
	if r.inTable() {
		b.db.addLiteral(int32(len(b.db.specs) - 1))
	} else {
		b.db.oddLiterals = b.db.oddLiterals || r.literal
	}
	return nil
}

// addLocal adds a spec from a caller.
func (b *builder) addLocal(s Spec) error {
	f, err := splitLine(s.String())
	switch {
	case err != nil:
		return err
	case f.pattern != s.Pattern || f.kind != s.Kind:
		return ErrSyntax // a blank in it, or a comment
	case s.None == s.Context.IsValid():
		return policy.ErrInvalidContext
	}
	context := int32(contextNone)
	if !s.None {
		i := slices.Index(b.db.contexts[1:], s.Context) + 1
		if i == 0 {
			i = len(b.db.contexts)
			b.db.contexts = append(b.db.contexts, s.Context)
		}
		context = int32(i)
	}
	file := slices.Index(b.db.files, s.File)
	if file < 0 {
		file = len(b.db.files)
		b.db.files = append(b.db.files, s.File)
	}
	b.file, b.input = int32(file), inputLocal
	return b.addSpec(s.Pattern, s.Kind, context, s.Line)
}

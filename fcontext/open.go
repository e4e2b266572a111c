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
// match exactly, fails the whole with a [*ParseError]; comments and empty
// lines are passed over, and so are incomplete lines of the .subs files.
//
// Of a file that is not there the compiled form (.bin) is read, of both
// generations; libselinux reads whichever is younger. They say the same, but
// only the text has the lines' numbers for all specs.
func Open(dir string, opts Options) (*DB, error) {
	return open(opts, func(name string) ([]byte, string, error) {
		full := filepath.Join(dir, name)
		data, err := os.ReadFile(full)
		return data, full, err
	})
}

// OpenFS is [Open] for a directory of a file system, such as an image's root
// (os.DirFS or os.Root.FS). Names in errors and specs are slash-separated
// paths in it.
func OpenFS(fsys fs.FS, dir string, opts Options) (*DB, error) {
	return open(opts, func(name string) ([]byte, string, error) {
		full := path.Join(dir, name)
		data, err := fs.ReadFile(fsys, full)
		return data, full, err
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
	return open(opts, func(name string) ([]byte, string, error) {
		r := readers[name]
		if r == nil {
			return nil, name, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		data, err := io.ReadAll(r)
		return data, name, err
	})
}

func (o Options) base() string {
	if o.Base == "" {
		return DefaultBase
	}
	return o.Base
}

// open reads the files through read, which returns a file's contents and its
// full name.
func open(opts Options, read func(name string) (data []byte, full string, err error)) (*DB, error) {
	if opts.Order > Order34 {
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
	b := newBuilder(opts.Order)
	for i, name := range names {
		data, full, err := read(name)
		if errors.Is(err, fs.ErrNotExist) {
			missing := err
			if data, full, err = read(name + suffixCompiled); errors.Is(err, fs.ErrNotExist) {
				if i > 0 {
					continue
				}
				err = missing
			}
		}
		if err == nil {
			err = b.addFile(full, i, data)
		}
		if err != nil {
			return nil, err
		}
	}
	b.db.subs, b.db.distSubs = local, newSubTable(dist)
	b.db.finish()
	return b.db, nil
}

func readSubs(name string, read func(string) ([]byte, string, error)) ([]sub, error) {
	data, _, err := read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return parseSubs(string(data)), nil
}

// builder puts a DB together.
type builder struct {
	db       *DB
	contexts map[string]int32
	file     int32 // where the next spec is from
	input    uint8
	repeats  int // instructions that are owed to repeat counts
}

// maxRepeats bounds what the repeat counts of all patterns may lead to.
const maxRepeats = 1 << 20

func newBuilder(order Order) *builder {
	return &builder{
		db:       &DB{order: order, contexts: []policy.Context{contextNone: {}}},
		contexts: map[string]int32{noneContext: contextNone},
	}
}

// The inputs that specs come from, by precedence among literal specs.
const inputLocal = 2

// addFile adds the specs of a file.
func (b *builder) addFile(name string, input int, data []byte) error {
	b.db.files = append(b.db.files, name)
	b.file, b.input = int32(len(b.db.files)-1), uint8(input)
	text := string(data)
	if b.db.trie == nil {
		// A guess: the shortest of real lines are longer.
		specs := len(text)/40 + 16
		b.db.trie = newTrie(specs)
		b.db.specs = make([]rec, 0, specs)
		b.db.contexts = slices.Grow(b.db.contexts, specs/4)
		b.contexts = make(map[string]int32, cap(b.db.contexts))
		b.contexts[noneContext] = contextNone
	}
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
			return &ParseError{File: name, Line: line, Text: cutText(l), Err: err}
		}
	}
	return nil
}

func (b *builder) addLine(line string, number int) error {
	f, err := splitLine(line)
	if err != nil || f.pattern == "" {
		return err
	}
	return b.addFields(f, number)
}

func (b *builder) addFields(f fields, number int) error {
	context, ok := b.contexts[f.context]
	if !ok {
		c, err := policy.ParseContext(f.context)
		if err != nil {
			return err
		}
		context = int32(len(b.db.contexts))
		b.db.contexts = append(b.db.contexts, c)
		b.contexts[f.context] = context
	}
	return b.addSpec(f.pattern, f.kind, context, number)
}

// addSpec adds a spec.
func (b *builder) addSpec(pattern string, kind Kind, context int32, line int) error {
	info, err := checkPattern(pattern)
	if err != nil {
		return err
	}
	if b.repeats += info.repeats; b.repeats > maxRepeats {
		return ErrTooLong
	}
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
	r.literal = info.plain
	if !info.quick {
		r.literal, _ = b.db.order.literalSpec(pattern)
	}
	b.db.specs = append(b.db.specs, r)
	if r.whole && r.literal {
		b.db.trie.insertLiteral(pattern)
	} else {
		b.db.oddLiterals = b.db.oddLiterals || r.literal
		b.db.trie.insert(pattern[:info.prefix])
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

package fcontext

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// This file reads what sefcontext_compile(8) writes, in both generations: a
// list in the writer's byte order (versions 2 to 5, up to libselinux 3.7) and a
// tree in big-endian order (version 6). The compiled expressions in it are
// passed over: the patterns are there as text too.

// ErrCompiled is what errors about damaged or unknown compiled file contexts
// wrap.
var ErrCompiled = errors.New("bad compiled file contexts")

const (
	compiledMagic   = 0xf97cff8a
	compiledOldest  = 2 // SELINUX_COMPILED_FCONTEXT_PCRE_VERS
	compiledPrefix  = 4 // from here on with prefix lengths
	compiledArch    = 5 // and with the architecture
	compiledTree    = 6
	compiledMaxDeep = 32
)

// compiledSpec is a spec as the compiled form has it.
type compiledSpec struct {
	pattern, context string
	kind             Kind
	line             int
}

// isCompiled reports whether the data is of the compiled form.
func isCompiled(data string) bool {
	return strings.HasPrefix(data, "\x8a\xff\x7c\xf9") || strings.HasPrefix(data, "\xf9\x7c\xff\x8a")
}

// compiledReader is a cursor whose first error sticks.
type compiledReader struct {
	data  string
	pos   int
	order binary.ByteOrder
	err   error
}

func (r *compiledReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: at offset %d: %s", ErrCompiled, r.pos, what)
	}
}

// take returns the next n bytes; n zeros, if it is a small number, beside an
// error.
func (r *compiledReader) take(n int) string {
	if r.err != nil || n < 0 || n > len(r.data)-r.pos {
		r.fail("truncated")
		return "\x00\x00\x00\x00\x00\x00\x00\x00"[:min(max(n, 0), 8)]
	}
	s := r.data[r.pos : r.pos+n]
	r.pos += n
	return s
}

func (r *compiledReader) u8() int     { return int(r.take(1)[0]) }
func (r *compiledReader) u16() int    { return int(r.order.Uint16([]byte(r.take(2)))) }
func (r *compiledReader) u32() uint32 { return r.order.Uint32([]byte(r.take(4))) }

// length reads a 32-bit length or count of things of at least size bytes each,
// and refuses it if there are not as many bytes left.
func (r *compiledReader) length(size int) int {
	n := r.u32()
	if r.err == nil && uint64(n)*uint64(size) > uint64(len(r.data)-r.pos) {
		r.fail("count beyond the end of the file")
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// text reads n bytes, the last of which is a NUL and no other.
func (r *compiledReader) text(n int) string {
	s := r.take(n)
	if r.err == nil && (n < 1 || strings.IndexByte(s, 0) != n-1) {
		r.fail("text without a NUL at its end alone")
	}
	if r.err != nil {
		return ""
	}
	return s[:n-1]
}

// readCompiled returns the specs in an order that keeps their precedence.
func readCompiled(data string) ([]compiledSpec, error) {
	r := &compiledReader{data: data, order: binary.LittleEndian}
	if r.u32() != compiledMagic {
		r.order = binary.BigEndian
	}
	version := r.u32()
	var specs []compiledSpec
	switch {
	case r.err != nil:
	case version == compiledTree && r.order == binary.BigEndian:
		specs = r.tree()
	case version >= compiledOldest && version <= compiledArch:
		specs = r.list(version)
	default:
		r.fail(fmt.Sprintf("version %d", version))
	}
	if r.err == nil && r.pos < len(data) {
		r.fail("more data than there should be")
	}
	if r.err != nil {
		return nil, r.err
	}
	return specs, nil
}

// list reads the older generation (libselinux 3.4's load_mmap). Its order is
// that of the text, but for literal specs, which come last.
func (r *compiledReader) list(version uint32) []compiledSpec {
	pcre := r.take(r.length(1))
	if version >= compiledArch {
		r.take(r.length(1))
	}
	for range r.length(5) { // stems: they can be told from the patterns
		r.text(r.length(1) + 1)
	}
	n := r.length(20)
	specs := make([]compiledSpec, 0, n)
	for range n {
		s := compiledSpec{context: r.text(r.length(1)), pattern: r.text(r.length(1))}
		s.kind = r.mode()
		r.u32() // stem
		r.u32() // whether there are meta characters
		if version >= compiledPrefix {
			r.u32()
		}
		r.take(r.length(1))
		if strings.HasPrefix(pcre, "8.") {
			r.take(r.length(1)) // PCRE 1 has study data
		}
		if r.err != nil {
			return nil
		}
		specs = append(specs, s)
	}
	return specs
}

// mode reads the kind as the file type bits of a mode.
func (r *compiledReader) mode() Kind {
	switch m := r.u32(); m {
	case 0:
		return Any
	case 0o100000:
		return File
	case 0o040000:
		return Dir
	case 0o020000:
		return CharDevice
	case 0o060000:
		return BlockDevice
	case 0o010000:
		return Pipe
	case 0o120000:
		return Symlink
	case 0o140000:
		return Socket
	}
	r.fail("unknown file type")
	return Any
}

// treeKinds are LABEL_FILE_KIND_ALL to _REG.
var treeKinds = [...]Kind{Any, Dir, CharDevice, BlockDevice, Socket, Pipe, Symlink, File}

func (r *compiledReader) kind() Kind {
	k := r.u8()
	if k >= len(treeKinds) {
		r.fail("unknown file kind")
		return Any
	}
	return treeKinds[k]
}

// tree reads the newer generation. Literal specs with the same text are in the
// text's order, and expressions have their line.
func (r *compiledReader) tree() []compiledSpec {
	r.take(r.length(1)) // PCRE2's version
	r.take(r.length(1)) // architecture
	r.take(8)           // number of specs
	contexts := make([]string, r.length(3))
	for i := range contexts {
		contexts[i] = r.take(r.u16())
	}
	var t treeSpecs
	r.node(&t, contexts, 0)
	slices.SortStableFunc(t.expressions, func(a, b compiledSpec) int { return cmp.Compare(a.line, b.line) })
	return append(t.expressions, t.literals...)
}

type treeSpecs struct{ literals, expressions []compiledSpec }

func (r *compiledReader) node(t *treeSpecs, contexts []string, depth int) {
	if depth >= compiledMaxDeep {
		r.fail("directories too deep")
		return
	}
	r.text(r.u16()) // the directory
	for range r.length(13) {
		s := compiledSpec{context: r.context(contexts), pattern: r.text(r.u16())}
		r.text(r.u16()) // the pattern without escapes
		s.kind = r.kind()
		if r.err != nil {
			return
		}
		t.literals = append(t.literals, s)
	}
	for range r.length(14) {
		s := compiledSpec{context: r.context(contexts), line: int(r.u32() & 0x7fffffff), pattern: r.text(r.u16())}
		r.u16() // prefix length
		s.kind = r.kind()
		r.take(r.length(1))
		if r.err != nil {
			return
		}
		t.expressions = append(t.expressions, s)
	}
	for range r.length(14) {
		if r.node(t, contexts, depth+1); r.err != nil {
			return
		}
	}
}

func (r *compiledReader) context(contexts []string) string {
	i := r.u32()
	if i == 0 || uint64(i) > uint64(len(contexts)) {
		r.fail("no such context")
		return ""
	}
	return contexts[i-1]
}

// addCompiled adds the specs of a compiled file.
func (b *builder) addCompiled(name, data string) error {
	specs, err := readCompiled(data)
	if err != nil {
		return &ParseError{File: name, Err: err}
	}
	for _, s := range specs {
		text := s.pattern + " " + s.kind.Flag() + " " + s.context
		f, err := splitLine(text)
		if err == nil && (f.pattern != s.pattern || f.kind != s.kind || f.context != s.context) {
			err = ErrCompiled // a blank in it
		}
		if err == nil {
			err = b.addFields(f, s.line)
		}
		if err != nil {
			if err := b.refuse(&ParseError{File: name, Line: s.line, Text: cutText(text), Err: err}); err != nil {
				return err
			}
		}
	}
	return nil
}

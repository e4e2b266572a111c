package m4

import (
	"errors"
	"fmt"
	"strings"
)

// input is what is left to be read: the file, and before it the expansions
// that were put back, the newest last.
type input struct {
	segments []segment
	at       place // of the last token
	joined   []byte
}

// place is a position; files are numbered.
type place struct{ file, line int32 }

type segment struct {
	text string
	off  int // of what is left
	place
	own bool // the file itself, whose lines are counted
}

func (s *segment) rest() string { return s.text[s.off:] }

type tokenKind uint8

const (
	tokenEOF   tokenKind = iota
	tokenText            // what stays as it is: plain characters, a comment, or what was in quotes
	tokenMacro           // the name of a macro
	tokenPunct           // one of ( , ) in an argument
)

type token struct {
	kind  tokenKind
	text  string
	macro *definition
}

// class is what a character is outside of quotes.
type class uint8

const (
	other class = iota
	space       // white space, of which leading one is dropped from arguments
	letter
	digit
	punct
	quote
	hashSign
)

// classes are those of all characters.
var classes = func() (t [256]class) {
	for c := range t {
		switch c := byte(c); {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_':
			t[c] = letter
		case isDigit(c):
			t[c] = digit
		case c == ' ' || c >= '\t' && c <= '\r':
			t[c] = space
		case c == '(' || c == ',' || c == ')':
			t[c] = punct
		case c == '`':
			t[c] = quote
		case c == '#':
			t[c] = hashSign
		}
	}
	return t
}()

func classOf(c byte) class { return classes[c] }

// maxSegments bounds how many expansions wait for the end of others. Lists that
// call themselves for what is left of them, such as those of 1,024 categories,
// have a few for each element.
const maxSegments = 100_000

// push puts text before the rest.
func (in *input) push(text string, at place) error {
	in.trim()
	if len(in.segments) >= maxSegments {
		return fmt.Errorf("macros within macros: %w", ErrLimit)
	}
	in.segments = append(in.segments, segment{text: text, place: at})
	return nil
}

// trim drops segments that are read to their ends, and returns the current one.
func (in *input) trim() *segment {
	for len(in.segments) > 0 {
		s := &in.segments[len(in.segments)-1]
		if s.off < len(s.text) {
			return s
		}
		if s.own {
			return nil // stays, for its position
		}
		in.segments = in.segments[:len(in.segments)-1]
	}
	return nil
}

// peek returns the next character, 0 at the end.
func (in *input) peek() byte {
	if s := in.trim(); s != nil {
		return s.text[s.off]
	}
	return 0
}

// take reads n characters of a segment.
func (s *segment) take(n int) string {
	text := s.text[s.off : s.off+n]
	s.off += n
	if s.own {
		s.line += int32(strings.Count(text, "\n"))
	}
	return text
}

// skipSpace reads white space.
func (in *input) skipSpace() {
	for s := in.trim(); s != nil; s = in.trim() {
		text := s.rest()
		n := 0
		for n < len(text) && classOf(text[n]) == space {
			n++
		}
		s.take(n)
		if n < len(text) {
			return
		}
	}
}

// skipLine reads up to and with the next end of line.
func (in *input) skipLine() {
	for s := in.trim(); s != nil; s = in.trim() {
		text := s.rest()
		if n := strings.IndexByte(text, '\n'); n >= 0 {
			s.take(n + 1)
			return
		}
		s.take(len(text))
	}
}

// next reads a token. A token may go over the end of an expansion into what
// follows it.
func (p *Processor) next(inArgument bool) (token, error) {
	in := &p.in
	s := in.trim()
	if s == nil {
		return token{}, nil
	}
	in.at = s.place
	class := classOf(s.text[s.off])
	if class < punct || class == punct && !inArgument {
		n, end, d := p.plain(s, inArgument)
		switch {
		case n > 0:
			return token{kind: tokenText, text: s.take(n)}, nil
		case d != nil:
			return token{tokenMacro, s.take(end), d}, nil
		}
	}
	switch class {
	case letter:
		word := in.word()
		if d := p.macro(word, in.peek()); d != nil {
			return token{tokenMacro, word, d}, nil
		}
		return token{kind: tokenText, text: word}, nil
	case quote:
		text, err := in.quoted()
		return token{kind: tokenText, text: text}, err
	case hashSign:
		return token{kind: tokenText, text: in.comment()}, nil
	}
	s.off++
	return token{kind: tokenPunct, text: s.text[s.off-1 : s.off]}, nil
}

// plain says how much of a segment is put out as it is. Where it begins with a
// macro, that is none, and the macro's name ends at end. So it is of a word that
// may go on in the next segment.
func (p *Processor) plain(s *segment, inArgument bool) (n, end int, d *definition) {
	text := s.rest()
	for n < len(text) {
		switch classOf(text[n]) {
		case quote, hashSign:
			return n, 0, nil
		case punct:
			if inArgument {
				return n, 0, nil
			}
		case letter:
			end := n + 1
			for end < len(text) && (classOf(text[end]) == letter || classOf(text[end]) == digit) {
				end++
			}
			if end == len(text) {
				return n, 0, nil
			}
			if d := p.macro(text[n:end], text[end]); d != nil {
				return n, end, d
			}
			n = end
			continue
		}
		n++
		if s.own && text[n-1] == '\n' {
			return n, 0, nil // so that each line has its own position
		}
	}
	return n, 0, nil
}

// macro returns the macro that a word calls before some character, if any.
func (p *Processor) macro(word string, before byte) *definition {
	d := p.table.get(word)
	if d != nil && d.builtin != nil && d.builtin.blind && before != '(' {
		return nil
	}
	return d
}

func (in *input) word() string {
	return in.across(func(text string) (n int, more bool) {
		for n < len(text) {
			if c := classOf(text[n]); c != letter && c != digit {
				return n, false
			}
			n++
		}
		return n, true
	})
}

// comment reads a comment with its end of line.
func (in *input) comment() string {
	return in.across(func(text string) (n int, more bool) {
		if n := strings.IndexByte(text, '\n'); n >= 0 {
			return n + 1, false
		}
		return len(text), true
	})
}

// across reads what a function says of segments, as long as there is more.
func (in *input) across(next func(text string) (n int, more bool)) string {
	s := in.trim()
	if s == nil {
		return ""
	}
	n, more := next(s.rest())
	text := s.take(n)
	if !more {
		return text
	}
	if s = in.trim(); s == nil {
		return text
	}
	in.joined = append(in.joined[:0], text...)
	for ; s != nil && more; s = in.trim() {
		n, more = next(s.rest())
		in.joined = append(in.joined, s.take(n)...)
	}
	return string(in.joined)
}

// quoted reads a string in quotes, which nest, and returns what is inside the
// outermost.
func (in *input) quoted() (string, error) {
	s := in.trim()
	for n, text := 1, s.rest(); n < len(text) && text[n] != '`'; n++ {
		if text[n] == '\'' { // most often
			return s.take(n + 1)[1:n], nil
		}
	}
	s.take(1)
	level := 1
	inside := in.across(func(text string) (n int, more bool) {
		for {
			end := strings.IndexByte(text[n:], '\'')
			if end < 0 {
				level += strings.Count(text[n:], "`")
				return len(text), true
			}
			level += strings.Count(text[n:n+end], "`") - 1
			n += end + 1
			if level == 0 {
				return n, false
			}
		}
	})
	if level > 0 {
		return "", errors.New("end of file in a string in quotes")
	}
	return inside[:len(inside)-1], nil
}

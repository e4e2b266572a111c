package module

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// tokenKind is what a token of the module language is. Punctuation and
// operators are their own first byte.
type tokenKind byte

const (
	tokenEOF tokenKind = iota
	tokenName
	tokenKeyword // text is in lower case
	tokenNumber
	tokenVersion
	tokenFile     // text is without the quotes
	tokenOther    // no token of the language
	tokenAnd      = '&'
	tokenOr       = '|'
	tokenEqual    = '='
	tokenNotEqual = '#'
)

type token struct {
	kind tokenKind
	text string
}

// String describes the token for an error.
func (t *token) String() string {
	text := t.text
	const most = 40
	if len(text) > most {
		text = text[:most] + "..."
	}
	switch t.kind {
	case tokenEOF:
		return "end of file"
	case tokenKeyword:
		return "the keyword " + text
	case tokenFile:
		return "a file name " + strconv.Quote(text)
	}
	return strconv.Quote(text)
}

// scanner cuts a text into tokens as checkpolicy's scanner does
// (policy_scan.l).
type scanner struct {
	src   string
	off   int
	begin int // of the last token
	start int // of its line
	pos   Pos // the line, and the file that #line last named
}

// maxText limits what is read; the largest module of a distribution has
// a hundredth of it.
const maxText = 64 << 20

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isNamePart has what may follow the first letter of a name, dots aside.
func isNamePart(c byte) bool { return letter(c) || isDigit(c) || c == '_' || c == '-' }

// position is that of the last token.
func (s *scanner) position() Pos {
	at := s.pos
	at.Column = s.begin - s.start + 1
	return at
}

// next scans a token.
func (s *scanner) next(t *token) {
	s.skip()
	begin := s.off
	s.begin = begin
	if begin >= len(s.src) {
		t.kind, t.text = tokenEOF, ""
		return
	}
	c := s.src[begin]
	switch {
	case letter(c):
		s.name()
		t.kind, t.text = tokenName, s.src[begin:s.off]
		if k := keyword(t.text); k != "" {
			t.kind, t.text = tokenKeyword, k
		}
		return
	case isDigit(c):
		t.kind = s.number()
	case c == '"':
		t.kind = tokenOther
		if n := strings.IndexAny(s.src[begin+1:], "\"\n/"); n > 0 && s.src[begin+1+n] == '"' {
			s.off = begin + n + 2
			t.kind, t.text = tokenFile, s.src[begin+1:s.off-1]
			return
		}
		s.off++
	default:
		t.kind = s.operator(c)
	}
	t.text = s.src[begin:s.off]
}

// operator scans what is neither name, number nor string.
func (s *scanner) operator(c byte) tokenKind {
	s.off++
	two := func(second byte, kind tokenKind) (tokenKind, bool) {
		if s.off < len(s.src) && s.src[s.off] == second {
			s.off++
			return kind, true
		}
		return tokenOther, false
	}
	switch c {
	case ',', ':', ';', '(', ')', '{', '}', '[', ']', '-', '.', '~', '*', '^':
		return tokenKind(c)
	case '!':
		if k, ok := two('=', tokenNotEqual); ok {
			return k
		}
		return '!'
	case '=':
		k, _ := two('=', tokenEqual)
		return k
	case '&':
		k, _ := two('&', tokenAnd)
		return k
	case '|':
		k, _ := two('|', tokenOr)
		return k
	}
	return tokenOther
}

// name scans an identifier: a dot must have something of a name after it.
func (s *scanner) name() {
	src, i := s.src, s.off
	for i < len(src) && (nameParts[src[i]] || src[i] == '.' && i+1 < len(src) && nameParts[src[i+1]]) {
		i++
	}
	s.off = i
}

// nameParts are the characters of names, dots aside.
var nameParts = func() (t [256]bool) {
	for c := range t {
		t[c] = isNamePart(byte(c))
	}
	return t
}()

func (s *scanner) number() tokenKind {
	begin, i := s.off, s.off
	for i < len(s.src) && (isDigit(s.src[i]) || letter(s.src[i])) {
		i++
	}
	word := s.src[begin:i]
	decimal := strings.TrimLeft(word, "0123456789") == ""
	if decimal && i < len(s.src) && s.src[i] == '.' {
		for i < len(s.src) && (isDigit(s.src[i]) || letter(s.src[i]) || s.src[i] == '_' || s.src[i] == '.') {
			i++
		}
		s.off = i
		return tokenVersion
	}
	s.off = i
	if decimal || strings.HasPrefix(word, "0x") && len(word) > 2 && strings.TrimLeft(word[2:], "0123456789abcdefABCDEF") == "" {
		return tokenNumber
	}
	return tokenOther
}

// skip passes over white space and comments. A comment #line N "FILE", as m4
// writes, says where the next line is from.
func (s *scanner) skip() {
	for s.off < len(s.src) {
		switch c := s.src[s.off]; {
		case c == ' ':
			s.off++
		case c == '\n':
			s.off++
			s.start = s.off
			s.pos.Line++
		case isSpace(c):
			s.off++
		case c == '#':
			end := strings.IndexByte(s.src[s.off:], '\n')
			if end < 0 {
				end = len(s.src) - s.off
			}
			s.line(s.src[s.off : s.off+end])
			s.off += end
		default:
			return
		}
	}
}

func (s *scanner) line(comment string) {
	rest, ok := strings.CutPrefix(comment, "#line ")
	if !ok {
		return
	}
	number, file, named := strings.Cut(rest, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > 1<<30 {
		return
	}
	s.pos.Line = n - 1
	if len(file) > 1 && named && file[0] == '"' {
		s.pos.File = strings.TrimSuffix(file[1:], `"`)
	}
}

// keyword returns s in lower case if checkpolicy's scanner keeps it for the
// grammar, in lower or in upper case but not mixed, and otherwise nothing.
func keyword(s string) string {
	if len(s) > len("neverallowxperm")+1 {
		return ""
	}
	if s[0] >= 'a' {
		if keywords(s) {
			return s
		}
		return ""
	}
	if strings.ToUpper(s) != s {
		return ""
	}
	if lower := strings.ToLower(s); keywords(lower) {
		return lower
	}
	return ""
}

// newScanner begins a text.
func newScanner(file string, data []byte) (*scanner, error) {
	if len(data) > maxText {
		return nil, fmt.Errorf("%s: a text of %d bytes", file, len(data))
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		return nil, &ParseError{Pos{file, line, i - bytes.LastIndexByte(data[:i], '\n')}, fmt.Errorf("NUL in the text")}
	}
	return &scanner{src: string(data), pos: Pos{File: file, Line: 1}}, nil
}

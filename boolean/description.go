package boolean

import (
	"bufio"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Description says what a boolean is for.
type Description struct {
	// Category is the policy module that declares it, or global.
	Category string `json:"category"`
	Text     string `json:"text"`
}

// Descriptions are those of a policy's booleans, by name.
type Descriptions map[string]Description

// Of returns the description of a boolean, and where there is none what semanage
// says in its place: Allow httpd to can network connect.
func (d Descriptions) Of(name string) string {
	if of, ok := d[name]; ok {
		return of.Text
	}
	first, rest, _ := strings.Cut(name, "_")
	return "Allow " + first + " to " + strings.ReplaceAll(rest, "_", " ")
}

const (
	// maxDescriptions is how much of a file is read. The reference policy's has
	// 2.3 MB.
	maxDescriptions = 64 << 20
	// maxDescription is how long a description may be.
	maxDescription = 4 << 10
	// maxXMLDepth is how deep elements may lie in each other.
	maxXMLDepth = 32
)

// DescriptionsFile is where the descriptions of a policy are, if they are
// installed (selinux-policy-devel, selinux-policy-dev).
const DescriptionsFile = "usr/share/selinux/devel/policy.xml"

// ReadDescriptions reads the descriptions of a policy's booleans from its
// documentation, policy.xml, which may be compressed (gzip). Of several paragraphs, and of text within further
// elements, only what comes first counts, as for semanage.
func ReadDescriptions(r io.Reader) (Descriptions, error) {
	in := bufio.NewReader(r)
	r = in
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		r = z
	}
	limited := &io.LimitedReader{R: r, N: maxDescriptions}
	d := xml.NewDecoder(limited)
	d.CharsetReader = latin1
	p := &descriptionParser{out: make(Descriptions)}
	for {
		token, err := d.Token()
		switch {
		case limited.N <= 0:
			return nil, fmt.Errorf("longer than %d bytes", maxDescriptions)
		case errors.Is(err, io.EOF):
			return p.out, nil
		case err != nil:
			return nil, err
		}
		if err := p.token(token); err != nil {
			return nil, err
		}
	}
}

// descriptionParser follows the elements
// policy > [layer > module >] (tunable|bool) > desc > p.
type descriptionParser struct {
	out      Descriptions
	path     []string
	category string
	name     string // of the boolean
	at       int    // len(path) at its element; 0 outside of one
	text     strings.Builder
	reading  bool // within the first paragraph
	done     bool // it was read
}

func (p *descriptionParser) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		p.path = append(p.path, t.Name.Local)
		if len(p.path) > maxXMLDepth {
			return errors.New("elements lie too deep in each other")
		}
		p.start(t)
	case xml.EndElement:
		p.end()
		p.path = p.path[:len(p.path)-1]
	case xml.CharData:
		if p.reading {
			p.text.Write(t[:min(len(t), max(0, maxDescription-p.text.Len()))])
		}
	}
	return nil
}

func (p *descriptionParser) start(t xml.StartElement) {
	attribute := func() string {
		for _, a := range t.Attr {
			if a.Name.Local == "name" {
				return a.Value
			}
		}
		return ""
	}
	// Text after a further element does not count.
	p.reading = false
	switch name := t.Name.Local; {
	case p.at > 0:
		if !p.done && name == "p" && len(p.path) == p.at+2 && p.path[p.at] == "desc" {
			p.reading, p.done = true, true
		}
	case name == "module" && len(p.path) == 3:
		p.category = attribute()
	case name == "tunable" || name == "bool":
		p.name, p.at, p.done = attribute(), len(p.path), false
		p.text.Reset()
	}
}

func (p *descriptionParser) end() {
	p.reading = false
	switch {
	case p.at > 0 && len(p.path) == p.at:
		category := "global"
		if p.at == 4 { // within a module
			category = p.category
		}
		if policy.ValidName(p.name) {
			text := strings.ReplaceAll(strings.Trim(p.text.String(), "\n"), "\n", " ")
			p.out[p.name] = Description{category, text}
		}
		p.at = 0
	}
}

// latin1 reads the encoding that policy.xml says it has.
func latin1(charset string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "us-ascii":
		return &latin1Reader{r: r}, nil
	}
	return nil, fmt.Errorf("unknown encoding %q", clip(charset))
}

type latin1Reader struct {
	r    io.Reader
	rest []byte // UTF-8 to hand out
}

func (l *latin1Reader) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		buf := make([]byte, max(len(p)/2, 1))
		n, err := l.r.Read(buf)
		if n == 0 {
			return 0, err
		}
		for _, b := range buf[:n] {
			l.rest = append(l.rest, string(rune(b))...)
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

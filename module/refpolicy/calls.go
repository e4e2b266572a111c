package refpolicy

import (
	"fmt"
	"strings"

	"github.com/sekit/sekit/internal/m4"
)

// call is a call of interface or template at the top level of an interface
// file: interface(`NAME',`…').
type call struct {
	name       string
	file       int32 // its number
	start, end int32 // in the file, with the end of the line
}

// scan is what was found in a file; one that is not plain has to be read at once.
type scan struct {
	calls []call
	plain bool
}

// plain finds the calls of a file that holds nothing else but comments and white
// space. Of such a file m4 makes one definition for each call, which has to do
// with no other: it can wait until somebody asks for it.
func plain(text string) (calls []call, ok bool) {
	i := 0
	for i < len(text) {
		switch c := text[i]; {
		case c == ' ' || c >= '\t' && c <= '\r':
			i++
			continue
		case c == '#':
			n := strings.IndexByte(text[i:], '\n')
			if n < 0 {
				return calls, true
			}
			i += n + 1
			continue
		}
		name, n := plainCall(text[i:])
		if n < 0 {
			return nil, false
		}
		if calls == nil {
			calls = make([]call, 0, 1+len(text)/400) // the usual length
		}
		calls = append(calls, call{name: name, start: int32(i), end: int32(i + n)})
		i += n
	}
	return calls, true
}

// plainCall reads the call that a text begins with, and returns where the next
// line begins; -1 if there is none, or more on its last line.
func plainCall(text string) (name string, end int) {
	rest, ok := strings.CutPrefix(text, "interface(`")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "template(`"); !ok {
			return "", -1
		}
	}
	n := 0
	for n < len(rest) && (rest[n]|0x20 >= 'a' && rest[n]|0x20 <= 'z' || rest[n] == '_' || n > 0 && rest[n] >= '0' && rest[n] <= '9') {
		n++
	}
	name = rest[:n]
	if rest, ok = strings.CutPrefix(rest[n:], "',"); !ok || name == "" {
		return "", -1
	}
	if rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t\n"), "`"); !ok {
		return "", -1
	}
	for level := 1; level > 0; {
		n := strings.IndexByte(rest, '\'')
		if n < 0 {
			return "", -1
		}
		level += strings.Count(rest[:n], "`") - 1
		rest = rest[n+1:]
	}
	if rest, ok = strings.CutPrefix(rest, ")"); !ok {
		return "", -1
	}
	rest = strings.TrimLeft(rest, " \t")
	if rest != "" && rest[0] != '\n' {
		return "", -1
	}
	return name, len(text) - len(rest) + min(1, len(rest))
}

// waiting are the calls that nobody has asked for yet, and what reads them.
type waiting struct {
	files           []file
	calls           []call
	names           *m4.Names     // of the calls
	first, contexts *m4.Processor // know the support files
}

// collect takes the calls of plain files. A file with a name that is there twice
// isn't plain, nor one with a name that the support files have, so that m4 reads it
// and says what is wrong; none is if the macros interface and template do something
// else than expected.
func (w *waiting) collect(scans []scan) {
	total := 0
	for n := range scans {
		total += len(scans[n].calls)
	}
	for again := true; again; {
		again = false
		reject := func(n int) { scans[n].plain, again = false, true }
		w.names, w.calls = w.first.Names(total), make([]call, 0, total)
		for n := range scans {
			if !scans[n].plain {
				continue
			}
			for _, c := range scans[n].calls {
				c.file = int32(n)
				if i, added := w.names.Add(c.name); added {
					w.calls = append(w.calls, c)
				} else {
					reject(int(w.calls[i].file))
					reject(n)
				}
			}
		}
		for _, p := range [...]*m4.Processor{w.first, w.contexts} {
			for _, i := range p.Has(w.names) {
				reject(int(w.calls[i].file))
			}
		}
	}
	tried := make(map[byte]bool) // interface, template
	for n, c := range w.calls {
		kind := w.files[c.file].text[c.start]
		if tried[kind] {
			continue
		}
		tried[kind] = true
		if _, err := w.text(n); err != nil {
			w.names, w.calls = w.first.Names(0), nil
			for n := range scans {
				scans[n].plain = false
			}
			return
		}
	}
}

// expand has m4 read a call as it reads the whole file.
func (w *waiting) expand(n int) (*m4.Processor, error) {
	c := &w.calls[n]
	f := &w.files[c.file]
	p := w.first.Fork()
	p.Discard(false)
	if err := p.ReadFrom(f.name, 1+strings.Count(f.text[:c.start], "\n"), f.text[c.start:c.end]); err != nil {
		return nil, mistake(err)
	}
	return p, onlyDefines(p, c.name)
}

// place is the macro as it is while interface files are read: where it is from.
func (w *waiting) place(n int) (string, error) {
	p, err := w.expand(n)
	if err != nil {
		return "", err
	}
	return p.Text(w.calls[n].name), nil
}

// text is the macro that modules call.
func (w *waiting) text(n int) (string, error) {
	from, err := w.expand(n)
	if err != nil {
		return "", err
	}
	p := w.contexts.Fork()
	if err := readDefinitions(p, from); err != nil {
		return "", err
	}
	return p.Text(w.calls[n].name), onlyDefines(p, w.calls[n].name)
}

// onlyDefines checks that a call has come to its definition and to nothing else
// that the order of calls could matter for.
func onlyDefines(p *m4.Processor, name string) error {
	if p.DefinesOnly(name) {
		return nil
	}
	return fmt.Errorf("interface %s does more than define its name", name)
}

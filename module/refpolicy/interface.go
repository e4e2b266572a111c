package refpolicy

import (
	"encoding/xml"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Interface is what a module offers to others: rules to be given arguments,
// such as apache_read_config(domain).
type Interface struct {
	Name string `json:"name"`
	// Template says that it declares types and more, and not only rules.
	Template bool `json:"template,omitempty"`
	// Layer and Module say where it belongs, such as services and apache.
	Layer  string `json:"layer"`
	Module string `json:"module"`
	File   string `json:"file"` // in the headers
	Line   int    `json:"line"` // of its definition

	// Summary is its document's, in one line; empty if it has none.
	Summary string `json:"summary,omitempty"`
	// Description is the document's, in plain text, a line for each paragraph.
	Description string `json:"description,omitempty"`
	// Parameters are those that the document has, in their order. What is passed
	// further on by another macro may be missing here.
	Parameters []Parameter `json:"parameters,omitempty"`
	// InfoFlow says which way information flows by what it allows, seen from the
	// domain: none, read, write or both; empty if the document does not say it.
	InfoFlow string `json:"info_flow,omitempty"`
	// InfoFlowWeight is how much, 0 to 10.
	InfoFlowWeight int `json:"info_flow_weight,omitempty"`
}

// Parameter is a parameter of an interface.
type Parameter struct {
	Name     string `json:"name"`
	Summary  string `json:"summary,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	// Unused says that it has no meaning any more.
	Unused bool `json:"unused,omitempty"`
}

// undocumented is an interface whose document was not read yet: that takes
// longer than all the rest.
type undocumented struct {
	Interface
	text string
}

// Interfaces returns all interfaces and templates, sorted by name.
func (h *Headers) Interfaces() []Interface {
	all := h.interfaces()
	out := make([]Interface, len(all))
	for n, i := range all {
		out[n] = i.documented()
	}
	return out
}

// Interface returns an interface or template. The error is [fs.ErrNotExist] if
// there is none of that name.
func (h *Headers) Interface(name string) (Interface, error) {
	all := h.interfaces()
	i, ok := slices.BinarySearchFunc(all, name, func(i undocumented, name string) int { return strings.Compare(i.Name, name) })
	if !ok {
		return Interface{}, &NameError{"interface", clip(name), fs.ErrNotExist}
	}
	return all[i].documented(), nil
}

// listInterfaces reads those of all files.
func listInterfaces(files []file) []undocumented {
	var out []undocumented
	for _, f := range files {
		out = append(out, parseInterfaces(f)...)
	}
	slices.SortStableFunc(out, func(a, b undocumented) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// parseInterfaces reads the interfaces of a file with their documents: the
// comment lines above a definition that begin with ## and white space, which hold
// XML. The first of the file, before anything else, are the module's own.
func parseInterfaces(f file) []undocumented {
	var out []undocumented
	var text strings.Builder
	number, header := 0, true
	for line := range strings.Lines(f.text) {
		number++
		if comment, ok := strings.CutPrefix(strings.TrimSpace(line), "##"); ok && (comment == "" || comment[0] == ' ' || comment[0] == '\t') {
			text.WriteString(strings.TrimSpace(comment) + "\n")
			continue
		}
		if i, ok := definition(line); ok {
			i.File, i.Line, i.Layer = f.name, number, path.Dir(f.name)
			i.Module = strings.TrimSuffix(path.Base(f.name), ".if")
			out = append(out, undocumented{i, text.String()})
			text.Reset()
		}
		if header && text.Len() > 0 || isTunable(line) {
			text.Reset()
			header = false
		}
	}
	return out
}

// definition reads the first line of an interface: interface(`NAME',`
func definition(line string) (i Interface, ok bool) {
	line = strings.TrimSpace(line)
	rest, ok := strings.CutPrefix(line, "interface(`")
	if !ok {
		rest, ok = strings.CutPrefix(line, "template(`")
		i.Template = ok
	}
	i.Name, _, _ = strings.Cut(rest, "'")
	return i, ok && policy.ValidName(i.Name) && i.Name != rest
}

// isTunable reports whether a line declares a tunable or boolean, which has
// documents, too.
func isTunable(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "gen_tunable(") || strings.HasPrefix(line, "gen_bool(")
}

// documented reads the XML of an interface's document. What is not well-formed
// is left out: it is documentation.
func (u undocumented) documented() Interface {
	i := u.Interface
	if strings.TrimSpace(u.text) == "" {
		return i
	}
	var doc struct {
		Summary     string      `xml:"summary"`
		Description description `xml:"desc"`
		Parameters  []struct {
			Name     string `xml:"name,attr"`
			Optional string `xml:"optional,attr"`
			Unused   string `xml:"unused,attr"`
			Summary  string `xml:"summary"`
		} `xml:"param"`
		InfoFlow struct {
			Type   string `xml:"type,attr"`
			Weight int    `xml:"weight,attr"`
		} `xml:"infoflow"`
	}
	d := xml.NewDecoder(strings.NewReader("<doc>" + u.text + "</doc>"))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	if err := d.Decode(&doc); err != nil {
		return i
	}
	i.Summary, i.Description = oneLine(doc.Summary), string(doc.Description)
	i.InfoFlow, i.InfoFlowWeight = doc.InfoFlow.Type, doc.InfoFlow.Weight
	for _, p := range doc.Parameters {
		i.Parameters = append(i.Parameters, Parameter{p.Name, oneLine(p.Summary), p.Optional == "true", p.Unused == "true"})
	}
	return i
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// description is XML as plain text: paragraphs apart, list items with a dash.
type description string

// UnmarshalXML implements [xml.Unmarshaler].
func (t *description) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	var paragraphs []string
	var text strings.Builder
	flush := func(next string) {
		if s := oneLine(text.String()); s != "" && s != "-" {
			paragraphs = append(paragraphs, s)
		}
		text.Reset()
		text.WriteString(next)
	}
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.StartElement:
			if token.Name.Local == "li" {
				flush("- ")
			} else {
				flush("")
			}
		case xml.EndElement:
			flush("")
			if token.Name == start.Name {
				*t = description(strings.Join(paragraphs, "\n"))
				return nil
			}
		}
	}
}

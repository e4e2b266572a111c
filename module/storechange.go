package module

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
)

// Op is what a change of a store does.
type Op uint8

const (
	// Nothing is for what is already so: there is nothing to commit.
	Nothing Op = iota
	// Install adds a module, or replaces the one of the same name and priority.
	Install
	// Remove removes the module of a name and priority.
	Remove
	// Enable links modules of a name again, at whatever priority.
	Enable
	// Disable keeps them from being linked; they stay in the store.
	Disable
)

// String returns nothing, install, remove, enable or disable.
func (o Op) String() string {
	switch o {
	case Install:
		return "install"
	case Remove:
		return "remove"
	case Enable:
		return "enable"
	case Disable:
		return "disable"
	}
	return "nothing"
}

// MarshalText implements [encoding.TextMarshaler].
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Change is one planned change of a store.
type Change struct {
	Op Op
	// Key is the module that is meant. Of [Enable] and [Disable], which are for
	// a name, the priority is that of the highest one.
	Key
	// Content is what is installed.
	Content Content
	// Before is the module of this key as it was; zero if there was none.
	Before Record
	// Replaced is the content that a change takes away: what undoes it.
	Replaced Content
}

// String says the change in a few words, for people.
func (c Change) String() string {
	switch {
	case c.Op == Install && c.Before.Name != "":
		return fmt.Sprintf("replace module %s", c.Key)
	case c.Op == Install:
		return fmt.Sprintf("install module %s", c.Key)
	case c.Op == Remove:
		return fmt.Sprintf("remove module %s", c.Key)
	case c.Op == Enable, c.Op == Disable:
		return fmt.Sprintf("%s module %s", c.Op, c.Name)
	}
	return fmt.Sprintf("module %s is so already", c.Key)
}

// MarshalJSON gives contents by their language and checksum.
func (c Change) MarshalJSON() ([]byte, error) {
	type content struct {
		Language string `json:"language"`
		Checksum string `json:"checksum"`
	}
	out := struct {
		Op Op `json:"op"`
		Key
		Content  *content `json:"content,omitempty"`
		Before   *Record  `json:"before,omitempty"`
		Replaced *content `json:"replaced,omitempty"`
	}{Op: c.Op, Key: c.Key}
	if c.Content.Language != "" {
		out.Content = &content{c.Content.Language, c.Content.Checksum()}
	}
	if c.Before.Name != "" {
		out.Before = &c.Before
	}
	if c.Replaced.Language != "" {
		out.Replaced = &content{c.Replaced.Language, c.Replaced.Checksum()}
	}
	return json.Marshal(out)
}

// Command returns the command that makes this change, given the module as the
// file NAME.LANGUAGE: semodule -X 400 -i webapp.pp. Its arguments are checked
// names, numbers and fixed words, so that they need no quoting. Of a change that
// does nothing it returns nil.
func (c Change) Command() []string {
	args := c.arguments()
	if args == nil {
		return nil
	}
	return append([]string{"semodule"}, args...)
}

func (c Change) arguments() []string {
	priority := strconv.Itoa(c.Priority)
	switch c.Op {
	case Install:
		return []string{"-X", priority, "-i", c.file()}
	case Remove:
		return []string{"-X", priority, "-r", c.Name}
	case Enable:
		return []string{"-e", c.Name}
	case Disable:
		return []string{"-d", c.Name}
	}
	return nil
}

// file is the name of the file that is installed. libsemanage takes the name
// of a module in CIL from it.
func (c Change) file() string { return c.Name + "." + c.Content.Language }

// ApplyChanges returns a store's records with the changes made, sorted as
// [Table.All] has them, and as libsemanage does it: a module that is installed
// is as enabled as others of its name, and an only one is enabled. It returns
// [ErrChanged] if a record is not as it was when a change was planned. A
// [Backend] may use it; records is not changed.
func ApplyChanges(records []Record, changes ...Change) ([]Record, error) {
	out := slices.Clone(records)
	for _, c := range changes {
		if c.Op == Nothing {
			continue
		}
		i := slices.IndexFunc(out, func(r Record) bool { return r.Key == c.Key })
		switch was := c.Before.Name != ""; {
		case was != (i >= 0), was && out[i] != c.Before:
			return nil, storeError("commit", c.Key.String(), ErrChanged)
		case i < 0 && c.Op != Install:
			return nil, storeError("commit", c.Key.String(), fs.ErrNotExist)
		}
		if _, err := c.Key.check(); err != nil {
			return nil, storeError("commit", c.Key.String(), err)
		}
		switch c.Op {
		case Install:
			r := Record{Key: c.Key, Language: c.Content.Language, Enabled: true}
			if err := checkLanguage(r.Language); err != nil {
				return nil, storeError("commit", c.Key.String(), err)
			}
			if j := slices.IndexFunc(out, func(r Record) bool { return r.Name == c.Name }); j >= 0 {
				r.Enabled = out[j].Enabled
			}
			if i >= 0 {
				out[i] = r
			} else {
				out = append(out, r)
			}
		case Remove:
			out = slices.Delete(out, i, i+1)
		default:
			for j := range out {
				if out[j].Name == c.Name {
					out[j].Enabled = c.Op == Enable
				}
			}
		}
	}
	sortRecords(out)
	return out, nil
}

// sortRecords puts the highest priority first, and names in their order.
func sortRecords(records []Record) {
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Name, b.Name))
	})
}

var errTwice = errors.New("installed twice at once: libsemanage goes by the file's name")

// checkTogether checks what changes can be made in one transaction.
func checkTogether(changes []Change) error {
	seen := make(map[string]bool)
	for _, c := range changes {
		if c.Op != Install {
			continue
		}
		if seen[c.Name] {
			return storeError("install", c.Key.String(), errTwice)
		}
		seen[c.Name] = true
	}
	return nil
}

package module

import "fmt"

// FileType is the template of one more type for files: what a domain shall
// read or change, and others shall not.
type FileType struct {
	// Name is the type's, such as haproxy_certs_t. The module is called the
	// same.
	Name string
	// Paths are the files, and the directories with all below them. They are
	// paths, not regular expressions, as the file contexts' substitutions leave
	// them.
	Paths []string
	// Read and Manage are the domains that may read the files, and those that
	// may also make, change and remove them.
	Read, Manage []string
	// NoMLS is for policies without levels, whose contexts have none.
	NoMLS bool
}

// Module makes the module and the file contexts of its package. Paths take
// their type once they are relabelled. Errors are a [*NameError], a
// [*PathError], or say what is missing.
func (f FileType) Module() (*Module, []FileContext, error) {
	if len(f.Paths) == 0 || len(f.Read)+len(f.Manage) == 0 {
		return nil, nil, fmt.Errorf("file type %.64q: without a path or a domain", f.Name)
	}
	t := newTemplate(f.Name)
	t.noMLS = f.NoMLS
	if err := checkModuleName(f.Name); err != nil {
		return nil, nil, err
	}
	t.declareFile(f.Name, nil)
	for _, d := range f.Read {
		t.read(d, f.Name)
	}
	for _, d := range f.Manage {
		t.manage(d, f.Name)
	}
	if err := t.trees(f.Name, f.Paths); err != nil {
		return nil, nil, err
	}
	return t.finish(Guard{})
}

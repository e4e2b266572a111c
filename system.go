package sekit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/infiniband"
)

// ErrDisabled says that SELinux is not enabled on this machine.
var ErrDisabled = errors.New("SELinux is disabled")

// selinuxfs is where the kernel's SELinux interface is mounted.
const selinuxfs = "/sys/fs/selinux"

// System is one machine's SELinux, as far as it is known: its policy, and what
// goes with it. It holds what was read when it was opened and does not follow
// the machine. A System may be put together by hand, or by a test, from parts.
type System struct {
	// Policy is the compiled policy, with the booleans as they are.
	Policy *policy.Policy
	// Contexts are the file contexts, looked up as the machine's own libselinux
	// does ([fcontext.InstalledOrder]); nil if they are not known.
	Contexts *fcontext.DB
	// Ports are the port records, the policy's and the local ones; nil if no
	// local records are known, then the policy's alone count.
	Ports *port.Table
	// Infiniband are the contexts of Infiniband's partition keys and end ports;
	// nil if no local records are known of.
	Infiniband *infiniband.Table
	// Booleans are the booleans with their values; nil if no more is known of
	// them than what the policy says.
	Booleans *boolean.Table
	// LocalContexts are the local records of file contexts, over those of
	// Contexts; nil if they are not known.
	LocalContexts *fcontext.LocalTable
	// Modules are the modules in the store; nil if it is not known.
	Modules *module.Table
	// Permissive are the domains that local modules make permissive (semanage
	// permissive -a); nil if the store is not known.
	Permissive []string
	// CustomizableTypes are the types that restorecon leaves as they are unless
	// it is forced (contexts/customizable_types, customizable_types(5)): those
	// that an administrator or a program gives to files by hand.
	CustomizableTypes []string
	// FileContext returns the context that a file has at present, without
	// following a symbolic link; nil where that can't be asked, as for a
	// policy that is not this machine's. Errors are those of lgetxattr(2).
	FileContext func(name string) (policy.Context, error)
}

// Files names the files of a System, for [Load].
type Files struct {
	// Policy is the compiled policy: /etc/selinux/TYPE/policy/policy.N.
	Policy string
	// Contexts is the directory of the file contexts:
	// /etc/selinux/TYPE/contexts/files. Empty: they are not known. Its copies of
	// the local records are taken for the store's. The list of
	// customizable types is read from the directory above it, if it is there.
	Contexts string
	// PortsLocal is the file of the local port records:
	// /var/lib/selinux/TYPE/active/ports.local. Empty: there are none.
	PortsLocal string
}

// Load reads a System from single files, on any OS. An error names the file
// and the place in it: *policy.FormatError, *fcontext.ParseError or
// *port.ParseError.
func Load(f Files) (*System, error) {
	p, err := policy.Open(f.Policy)
	if err != nil {
		return nil, err
	}
	s := &System{Policy: p}
	if f.Contexts != "" {
		if s.Contexts, err = fcontext.Open(f.Contexts, fcontext.Options{}); err != nil {
			return nil, err
		}
		s.LocalContexts = fcontext.NewLocalTable(p, s.Contexts, s.Contexts.Local())
		data, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Clean(f.Contexts)), "customizable_types"))
		if err == nil {
			s.CustomizableTypes = customizableTypes(data)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	var local []port.Record
	if f.PortsLocal != "" {
		data, err := os.ReadFile(f.PortsLocal)
		if err != nil {
			return nil, err
		}
		if local, err = port.ParseLocal(f.PortsLocal, data); err != nil {
			return nil, err
		}
	}
	s.Ports = port.NewTable(p, local)
	return s, nil
}

// OpenRoot reads the System of an image, or of another machine whose root file
// system is at dir, on any OS: the policy type from etc/selinux/config, the
// newest policy of that type, its file contexts and local port records.
// Symbolic links that lead out of dir are not followed.
func OpenRoot(dir string) (*System, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	fsys := root.FS()
	name, err := policyType(fsys)
	if err != nil {
		return nil, err
	}
	file, err := newestPolicy(fsys, path.Join("etc/selinux", name, "policy"))
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s := &System{Policy: p}
	if err := s.addFiles(fsys, dir, name, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// addFiles adds the file contexts and the store of a policy type. Either may be
// missing: an image need not carry them, and the store of the running machine
// is open to root alone. root is the directory of fsys, empty for this machine;
// selinuxfs is nil where no kernel runs.
func (s *System) addFiles(fsys fs.FS, root, name string, selinuxfs fs.FS) error {
	db, err := fcontext.OpenFS(fsys, path.Join("etc/selinux", name, "contexts/files"), fcontext.Options{Order: fcontext.InstalledOrder(fsys)})
	switch {
	case err == nil:
		s.Contexts = db
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	list, err := fs.ReadFile(fsys, path.Join("etc/selinux", name, "contexts/customizable_types"))
	if err == nil {
		s.CustomizableTypes = customizableTypes(list)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.addStore(fsys, root, name, selinuxfs)
}

// customizableTypes reads the list, a type a line (libselinux's
// get_customizable_type_list). What is no name is no type.
func customizableTypes(data []byte) []string {
	var types []string
	for line := range strings.Lines(string(data)) {
		if name := strings.TrimSpace(line); policy.ValidName(name) {
			types = append(types, name)
		}
	}
	return types
}

// policyType reads SELINUXTYPE from etc/selinux/config (selinux_config(5)).
func policyType(fsys fs.FS) (string, error) {
	const config = "etc/selinux/config"
	data, err := fs.ReadFile(fsys, config)
	if err != nil {
		return "", err
	}
	name := "targeted" // libselinux's default
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "SELINUXTYPE="); ok {
			name = strings.TrimSpace(v)
		}
	}
	if !policy.ValidName(name) {
		return "", fmt.Errorf("%s: invalid SELINUXTYPE %q", config, name)
	}
	return name, nil
}

// newestPolicy returns the file policy.N with the greatest N that this package
// reads.
func newestPolicy(fsys fs.FS, dir string) (string, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return "", err
	}
	best, file := 0, ""
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), "policy.")
		n, err := strconv.Atoi(suffix)
		if ok && err == nil && n > best && n <= policy.MaxVersion {
			best, file = n, path.Join(dir, e.Name())
		}
	}
	if file == "" {
		return "", fmt.Errorf("%s: no policy: %w", filepath.FromSlash(dir), fs.ErrNotExist)
	}
	return file, nil
}

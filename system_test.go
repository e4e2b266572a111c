package sekit_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// image makes the root directory of a machine with the demonstration's policy.
func image(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, "etc/selinux/config", "# a comment\nSELINUX=enforcing\n SELINUXTYPE=demo \n")
	write(t, root, "etc/selinux/demo/policy/policy.33", string(demo.Policy()))
	write(t, root, "var/lib/selinux/demo/active/ports.local", string(demo.PortsLocal()))
	contexts := demo.Contexts()
	names, err := fs.Glob(contexts, "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(contexts, name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, root, "etc/selinux/demo/contexts/files/"+name, string(data))
	}
	return root
}

func write(t testing.TB, root, name, data string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, root, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(root, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

// check holds a System to what internal/demo/README.md says of the machine.
func check(t *testing.T, sys *sekit.System) {
	t.Helper()
	if _, err := sys.Policy.Type("httpd_t"); err != nil {
		t.Error(err)
	}
	m, ok := sys.Contexts.Lookup("/srv/files/x", fcontext.File)
	if !ok || m.Context.Type() != "public_content_t" { // by file_contexts.local
		t.Errorf("/srv/files/x: %v, %v; want public_content_t", m, ok)
	}
	e, err := sys.Ports.Lookup(port.TCP, 5044)
	if err != nil || e.Context.Type() != "syslogd_port_t" || e.Origin != port.FromLocal {
		t.Errorf("tcp 5044: %v, %v; want syslogd_port_t by a local record", e, err)
	}
	if sys.FileContext != nil {
		t.Error("contexts of this machine's files for the policy of another")
	}
}

func TestLoad(t *testing.T) {
	etc := filepath.Join(image(t), "etc", "selinux", "demo")
	files := sekit.Files{
		Policy:     filepath.Join(etc, "policy", "policy.33"),
		Contexts:   filepath.Join(etc, "contexts", "files"),
		PortsLocal: filepath.Join(etc, "..", "..", "..", "var", "lib", "selinux", "demo", "active", "ports.local"),
	}
	sys, err := sekit.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	check(t, sys)

	sys, err = sekit.Load(sekit.Files{Policy: files.Policy})
	if err != nil || sys.Contexts != nil || sys.Ports == nil {
		t.Errorf("a policy alone: %+v, %v; want no contexts, and the policy's ports", sys, err)
	}
}

func TestLoadErrors(t *testing.T) {
	root := image(t)
	in := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	good := in("etc/selinux/demo/policy/policy.33")
	write(t, root, "cut", string(demo.Policy()[:5000]))
	write(t, root, "bad/file_contexts", "/x(\tsystem_u:object_r:var_t:s0\n")
	write(t, root, "ports", "portcon tcp 99999 system_u:object_r:http_port_t:s0\n")
	var format *policy.FormatError
	var context *fcontext.ParseError
	var ports *port.ParseError
	for name, tt := range map[string]struct {
		files sekit.Files
		is    error
		as    any
		names string
	}{
		"nothing":        {sekit.Files{}, fs.ErrNotExist, nil, ""},
		"no policy":      {sekit.Files{Policy: in("none")}, fs.ErrNotExist, nil, "none"},
		"cut policy":     {sekit.Files{Policy: in("cut")}, nil, &format, "cut"},
		"no contexts":    {sekit.Files{Policy: good, Contexts: in("none")}, fs.ErrNotExist, nil, "none"},
		"bad contexts":   {sekit.Files{Policy: good, Contexts: in("bad")}, nil, &context, "file_contexts"},
		"no ports":       {sekit.Files{Policy: good, PortsLocal: in("none")}, fs.ErrNotExist, nil, "none"},
		"bad ports":      {sekit.Files{Policy: good, PortsLocal: in("ports")}, nil, &ports, "ports"},
		"policy a place": {sekit.Files{Policy: root}, nil, nil, ""},
	} {
		sys, err := sekit.Load(tt.files)
		if err == nil || sys != nil {
			t.Errorf("%s: %v, %v; want an error and nothing", name, sys, err)
			continue
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v, want %v", name, err, tt.is)
		}
		if tt.as != nil && !errors.As(err, tt.as) {
			t.Errorf("%s: %v (%T), want %T", name, err, err, tt.as)
		}
		if !strings.Contains(err.Error(), tt.names) {
			t.Errorf("%s: %v does not name %q", name, err, tt.names)
		}
	}
}

func TestOpenRoot(t *testing.T) {
	sys, err := sekit.OpenRoot(image(t))
	if err != nil {
		t.Fatal(err)
	}
	check(t, sys)
}

// Of several policies it is the newest that can be read: a newer one is for a
// newer kernel, and other files are none.
func TestOpenRootNewestPolicy(t *testing.T) {
	root := image(t)
	for _, name := range []string{"policy.31", "policy.9", "policy.99", "policy.33.bak", "policy.", "policy.x", "policy.-40", "xpolicy.34"} {
		write(t, root, "etc/selinux/demo/policy/"+name, "no policy")
	}
	sys, err := sekit.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	if v := sys.Policy.Version(); v != 33 {
		t.Errorf("version %d, want 33", v)
	}
	// The newest is damaged: an older one is not what the machine would load.
	write(t, root, "etc/selinux/demo/policy/policy.34", "no policy")
	var format *policy.FormatError
	if sys, err = sekit.OpenRoot(root); sys != nil || !errors.As(err, &format) || !strings.Contains(err.Error(), "policy.34") {
		t.Errorf("%v, %v; want a FormatError that names policy.34", sys, err)
	}
}

// File contexts are looked up as the image's own libselinux does.
func TestOpenRootOrder(t *testing.T) {
	root := image(t)
	for _, want := range []fcontext.Order{fcontext.OrderNewest, fcontext.Order38} {
		sys, err := sekit.OpenRoot(root)
		if err != nil || sys.Contexts.Order() != want {
			t.Errorf("%v, %v; want %v", sys, err, want)
		}
		write(t, root, "usr/lib64/libselinux.so.1", "\x7fELF\x00LIBSELINUX_1.0\x00LIBSELINUX_3.8\x00")
	}
}

// selinux_config(5): the last SELINUXTYPE counts, targeted is the default, and
// what is no name is refused.
func TestOpenRootConfig(t *testing.T) {
	for config, want := range map[string]error{
		"SELINUXTYPE=demo":                          nil,
		"SELINUXTYPE=other\r\nSELINUXTYPE=demo\r\n": nil,
		"#SELINUXTYPE=other\nSELINUXTYPE=demo\t\n":  nil,
		"SELINUX=disabled\n":                        fs.ErrNotExist, // targeted, which is not there
		"SELINUXTYPE=other\n":                       fs.ErrNotExist,
	} {
		root := image(t)
		write(t, root, "etc/selinux/config", config)
		if _, err := sekit.OpenRoot(root); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%q: %v, want %v", config, err, want)
		}
	}
	for _, config := range []string{"SELINUXTYPE=../../etc", "SELINUXTYPE=..", "SELINUXTYPE=/", "SELINUXTYPE=\n", "SELINUXTYPE=a b", "SELINUXTYPE=demo/"} {
		root := image(t)
		write(t, root, "etc/selinux/config", config)
		if sys, err := sekit.OpenRoot(root); sys != nil || err == nil || !strings.Contains(err.Error(), "SELINUXTYPE") {
			t.Errorf("%q: %v, %v; want it refused", config, sys, err)
		}
	}
}

// An image may lack contexts and a store, but not its policy.
func TestOpenRootMissing(t *testing.T) {
	root := image(t)
	remove(t, root, "var")
	sys, err := sekit.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	// The policy has the local record too (README.md), as its own.
	if e, err := sys.Ports.Lookup(port.TCP, 5044); err != nil || e.Context.Type() != "syslogd_port_t" || e.Origin == port.FromLocal {
		t.Errorf("without a store: tcp 5044 is %v, %v; want the policy's record", e, err)
	}
	remove(t, root, "etc/selinux/demo/contexts")
	if sys, err = sekit.OpenRoot(root); err != nil || sys.Contexts != nil {
		t.Errorf("without contexts: %v, %v", sys, err)
	}
	write(t, root, "etc/selinux/demo/contexts/files/file_contexts", "/x(\tsystem_u:object_r:var_t:s0\n")
	var context *fcontext.ParseError
	if sys, err = sekit.OpenRoot(root); sys != nil || !errors.As(err, &context) {
		t.Errorf("bad contexts: %v, %v; want them to be an error", sys, err)
	}
	for _, name := range []string{"etc/selinux/demo/policy", "etc/selinux/config", "etc"} {
		remove(t, root, name)
		if sys, err = sekit.OpenRoot(root); sys != nil || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s: %v, %v; want fs.ErrNotExist", name, sys, err)
		}
	}
	if sys, err = sekit.OpenRoot(filepath.Join(root, "none")); sys != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no root: %v, %v; want fs.ErrNotExist", sys, err)
	}
}

// An image is anybody's: what it links to outside of itself is not read.
func TestOpenRootEscapes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making a symbolic link takes a privilege there")
	}
	outside := image(t)
	for _, name := range []string{"etc/selinux/config", "etc/selinux/demo", "etc/selinux/demo/policy/policy.33", "etc/selinux/demo/contexts/files/file_contexts", "etc"} {
		root := image(t)
		remove(t, root, name)
		if err := os.Symlink(filepath.Join(outside, filepath.FromSlash(name)), filepath.Join(root, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
		if sys, err := sekit.OpenRoot(root); err == nil {
			t.Errorf("%s leads out of the root and was followed: %v", name, sys)
		}
	}
	// One that stays inside is followed, as an image with merged directories
	// has them.
	root := image(t)
	if err := os.Rename(filepath.Join(root, "etc", "selinux"), filepath.Join(root, "selinux")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../selinux", filepath.Join(root, "etc", "selinux")); err != nil {
		t.Fatal(err)
	}
	if sys, err := sekit.OpenRoot(root); err != nil {
		t.Errorf("a link inside of the root: %v", err)
	} else {
		check(t, sys)
	}
}

// Without SELinux there is no system to open, and the error says so.
func TestOpen(t *testing.T) {
	sys, err := sekit.Open()
	switch {
	case err == nil:
		if sys.Policy == nil || sys.Ports == nil || sys.FileContext == nil {
			t.Errorf("the running system lacks parts: %+v", sys)
		}
	case sys != nil:
		t.Errorf("%v beside %v", sys, err)
	case runtime.GOOS != "linux":
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v, want errors.ErrUnsupported", err)
		}
	default:
		if _, stat := os.Stat("/sys/fs/selinux/policy"); stat != nil && !errors.Is(err, sekit.ErrDisabled) {
			t.Errorf("%v, want sekit.ErrDisabled", err)
		}
	}
}

// The list of customizable types is read where there is one.
func TestCustomizableTypes(t *testing.T) {
	root := image(t)
	write(t, root, "etc/selinux/demo/contexts/customizable_types", "public_content_t\n  container_file_t \n\n# no type\n../x\n")
	want := []string{"public_content_t", "container_file_t"}
	sys, err := sekit.OpenRoot(root)
	if err != nil || !slices.Equal(sys.CustomizableTypes, want) {
		t.Errorf("OpenRoot: %v, %v; want %q", sys, err, want)
	}
	etc := filepath.Join(root, "etc", "selinux", "demo")
	sys, err = sekit.Load(sekit.Files{Policy: filepath.Join(etc, "policy", "policy.33"), Contexts: filepath.Join(etc, "contexts", "files") + string(filepath.Separator)})
	if err != nil || !slices.Equal(sys.CustomizableTypes, want) {
		t.Errorf("Load: %v, %v; want %q", sys, err, want)
	}
}

package refpolicy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/m4"
)

const (
	maxFile  = 8 << 20   // bytes of a file of the headers; the largest has 200 kB
	maxTotal = 128 << 20 // of all of them together; Debian's have 4 MB
)

// Headers are the reference policy's headers, read by [Open]. They are not
// changed any more and safe for concurrent use.
type Headers struct {
	interfaces []undocumented // by name
	settings   Settings
	// define has read the interface files, which defines their names as
	// macros; what came out are the definitions that macros has read.
	define, macros, contexts *m4.Processor
	// frame is what policy_module comes to: a module's head.
	frame string
}

// Settings are what the headers' build.conf says of the policy that they
// belong to: what ifdef asks for.
type Settings struct {
	MLS, MCS bool
	Distro   string // such as debian; "" for none
	Systemd  bool
	// DirectInitrc allows the administrator to start services directly.
	DirectInitrc bool
	// UBAC is user based access control.
	UBAC bool
	// Custom are further names to define.
	Custom                                         []string
	MLSSensitivities, MLSCategories, MCSCategories string
}

// file is a file of the headers.
type file struct{ name, text string }

// Open reads headers: a directory with support/*.spt, build.conf and the layers'
// directories with their .if files, such as
// os.DirFS("/usr/share/selinux/devel/include").
//
// An error in a file is an [*Error].
func Open(fsys fs.FS) (*Headers, error) { return open(fsys, m4.Limits{}) }

func open(fsys fs.FS, limits m4.Limits) (*Headers, error) {
	l := loader{fsys: fsys, left: maxTotal}
	support := l.glob("support", ".spt")
	conf, confErr := l.read("build.conf")
	layers, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var interfaces []file
	for _, d := range layers {
		if d.IsDir() && d.Name() != "support" {
			interfaces = append(interfaces, l.glob(d.Name(), ".if")...)
		}
	}
	if confErr != nil && !errors.Is(confErr, fs.ErrNotExist) {
		l.err = confErr
	}
	if l.err != nil {
		return nil, l.err
	}
	if len(support) == 0 || len(interfaces) == 0 {
		return nil, &fs.PathError{Op: "open", Path: "support", Err: fmt.Errorf("no headers of a reference policy: %w", fs.ErrNotExist)}
	}
	h := &Headers{settings: parseSettings(conf)}
	for _, f := range interfaces {
		h.interfaces = append(h.interfaces, parseInterfaces(f)...)
	}
	slices.SortStableFunc(h.interfaces, func(a, b undocumented) int { return strings.Compare(a.Name, b.Name) })
	if err := h.load(support, interfaces, limits); err != nil {
		return nil, err
	}
	return h, nil
}

// loader reads files until the first error.
type loader struct {
	fsys fs.FS
	left int
	err  error
}

func (l *loader) glob(dir, ext string) []file {
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.err = errors.Join(l.err, err)
		}
		return nil
	}
	var out []file
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ext {
			continue
		}
		name := path.Join(dir, e.Name())
		text, err := l.read(name)
		if err != nil {
			l.err = errors.Join(l.err, err)
			return nil
		}
		out = append(out, file{name, text})
	}
	return out
}

func (l *loader) read(name string) (string, error) {
	f, err := l.fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	limit := min(maxFile, l.left)
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return "", err
	}
	if len(data) > limit {
		return "", &fs.PathError{Op: "read", Path: name, Err: errors.New("too much for headers")}
	}
	l.left -= len(data)
	return string(data), nil
}

// load does what the headers' Makefile does for tmp/all_interfaces.conf and
// before each module: the interface files come to definitions, and these are
// read.
func (h *Headers) load(support, interfaces []file, limits m4.Limits) error {
	h.define = m4.New(limits)
	h.define.Discard(true) // only definitions come of the support files
	if err := readAll(h.define, support); err != nil {
		return err
	}
	p := h.define.Fork()
	p.Discard(false)
	if err := readAll(p, interfaces); err != nil {
		return err
	}
	if p.Defined("__if_error") {
		return &Error{Err: fmt.Errorf("%w: %s", errMacro, strings.Join(p.Messages(), "; "))}
	}
	h.contexts = m4.New(limits)
	for name, value := range h.settings.definitions() {
		h.contexts.Define(name, value)
	}
	h.contexts.Discard(true)
	if err := readAll(h.contexts, support); err != nil {
		return err
	}
	h.macros = h.contexts.Fork()
	if err := readDefinitions(h.macros, p); err != nil {
		return err
	}
	h.define = p.Fork() // without p's output
	if h.macros.Defined("policy_module") {
		frame := h.macros.Fork()
		frame.Discard(false)
		if err := frame.Read("", "policy_module(suggested, 1.0)"); err != nil {
			return mistake(err)
		}
		h.frame, _ = frame.Output()
	}
	return nil
}

// readDefinitions reads what came of interface files. An interface's own text
// says dollarsstar where it shall say $*, since a $* would be replaced too
// early.
func readDefinitions(to, from *m4.Processor) error {
	text, lines := from.Output()
	to.Discard(true)
	err := to.Read("", strings.ReplaceAll(text, "dollarsstar", "$*"))
	var e *m4.Error
	if errors.As(err, &e) && e.File == "" && e.Line <= len(lines) {
		at := lines[e.Line-1]
		return &Error{at.File, at.Line, e.Err}
	}
	return mistake(err)
}

func readAll(p *m4.Processor, files []file) error {
	for _, f := range files {
		if err := p.Read(f.name, f.text); err != nil {
			return mistake(err)
		}
	}
	return nil
}

// Settings returns what the headers say of the policy that they belong to.
func (h *Headers) Settings() Settings { return h.settings }

// definitions are the macros of the settings, as the Makefile's M4PARAM has
// them.
func (s Settings) definitions() map[string]string {
	out := map[string]string{
		"mls_num_sens": s.MLSSensitivities, "mls_num_cats": s.MLSCategories, "mcs_num_cats": s.MCSCategories,
	}
	for name, on := range map[string]bool{"enable_mls": s.MLS, "enable_mcs": s.MCS, "distro_" + s.Distro: s.Distro != "",
		"init_systemd": s.Systemd, "direct_sysadm_daemon": s.DirectInitrc, "enable_ubac": s.UBAC} {
		if on {
			out[name] = ""
		}
	}
	for _, name := range s.Custom {
		out[name] = ""
	}
	return out
}

// parseSettings reads build.conf, assignments in make's language.
func parseSettings(text string) Settings {
	values := map[string]string{"MLS_SENS": "16", "MLS_CATS": "1024", "MCS_CATS": "1024"}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "override "), "=")
		if !ok {
			continue
		}
		values[strings.TrimRight(name, " \t?:+")] = strings.TrimSpace(value)
	}
	return Settings{
		MLS: values["TYPE"] == "mls", MCS: values["TYPE"] == "mcs", Distro: values["DISTRO"],
		Systemd: values["SYSTEMD"] == "y", DirectInitrc: values["DIRECT_INITRC"] == "y", UBAC: values["UBAC"] == "y",
		Custom:           strings.Fields(values["CUSTOM_BUILDOPT"]),
		MLSSensitivities: values["MLS_SENS"], MLSCategories: values["MLS_CATS"], MCSCategories: values["MCS_CATS"],
	}
}

package refpolicy

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sekit/sekit/internal/m4"
)

const (
	maxFile  = 8 << 20   // bytes of a file of the headers; the largest has 200 kB
	maxTotal = 128 << 20 // of all of them together; Debian's have 4 MB
)

// Headers are the reference policy's headers, read by [Open]. They are not
// changed any more and safe for concurrent use.
type Headers struct {
	interfaces func() []undocumented // by name
	settings   Settings
	// define has read the interface files, which defines their names as
	// macros; what came out are the definitions that macros has read.
	define, macros, contexts *m4.Processor
	// frame is what policy_module comes to: a module's head.
	frame func() string
	index index // for Suggest
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
// os.DirFS("/usr/share/selinux/devel/include"). It opens several files at a time.
//
// An interface is expanded no earlier than something calls it. An error in a file
// is an [*Error]; one within an interface may show only then.
func Open(fsys fs.FS) (*Headers, error) { return open(fsys, m4.Limits{}, plain) }

// open reads headers; find is what finds the calls that can wait.
func open(fsys fs.FS, limits m4.Limits, find func(string) ([]call, bool)) (*Headers, error) {
	l := loader{fsys: fsys}
	l.left.Store(maxTotal)
	supportNames, err := l.glob("support", ".spt")
	if err != nil {
		return nil, err
	}
	layers, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range layers {
		if d.IsDir() && d.Name() != "support" {
			more, err := l.glob(d.Name(), ".if")
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
	}
	if len(supportNames) == 0 || len(names) == 0 {
		return nil, &fs.PathError{Op: "open", Path: "support", Err: fmt.Errorf("no headers of a reference policy: %w", fs.ErrNotExist)}
	}
	conf, err := l.read("build.conf")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	h := &Headers{settings: parseSettings(conf)}
	scans := make([]scan, len(names))
	supported := make(chan error, 1)
	go func() { supported <- h.support(&l, supportNames, limits) }()
	files, err := l.readFiles(names, func(n int, text string) { scans[n].calls, scans[n].plain = find(text) })
	if err := cmp.Or(<-supported, err); err != nil {
		return nil, err
	}
	if err := h.load(files, scans); err != nil {
		return nil, err
	}
	h.interfaces = sync.OnceValue(func() []undocumented { return listInterfaces(files) })
	h.frame = sync.OnceValue(h.moduleFrame)
	return h, nil
}

// loader reads files of at most maxTotal bytes.
type loader struct {
	fsys fs.FS
	left atomic.Int64
}

// glob returns the names of a directory's files.
func (l *loader) glob(dir, ext string) ([]string, error) {
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() && path.Ext(e.Name()) == ext {
			out = append(out, path.Join(dir, e.Name()))
		}
	}
	return out, nil
}

// readFiles reads files, several at a time, and has each looked at, until one
// can't be read.
func (l *loader) readFiles(names []string, look func(n int, text string)) ([]file, error) {
	files, errs := make([]file, len(names)), make([]error, len(names))
	var next atomic.Int32
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			var r reader
			for n := int(next.Add(1)) - 1; n < len(names) && !failed.Load(); n = int(next.Add(1)) - 1 {
				text, err := r.read(l, names[n])
				if err != nil {
					errs[n] = err
					failed.Store(true)
					return
				}
				files[n] = file{names[n], text}
				look(n, text)
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (l *loader) read(name string) (string, error) {
	var r reader
	return r.read(l, name)
}

// reader reads one file after the other.
type reader struct{ buf []byte }

func (r *reader) read(l *loader, name string) (string, error) {
	f, err := l.fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	tooMuch := &fs.PathError{Op: "read", Path: name, Err: errors.New("too much for headers")}
	if info, err := f.Stat(); err == nil && info.Size() >= int64(len(r.buf)) && info.Size() <= maxFile {
		r.buf = make([]byte, info.Size()+16<<10) // for some more files, too
	}
	for n := 0; ; {
		if n == len(r.buf) {
			r.buf = append(r.buf, make([]byte, max(16<<10, n))...)
		}
		more, err := f.Read(r.buf[n:])
		if n += more; n > maxFile {
			return "", tooMuch
		}
		if err == nil {
			continue
		}
		if err != io.EOF {
			return "", err
		}
		if l.left.Add(int64(-n)) < 0 {
			return "", tooMuch
		}
		return string(r.buf[:n]), nil
	}
}

// support reads the support files: as they are while interface files are read,
// and with the settings.
func (h *Headers) support(l *loader, names []string, limits m4.Limits) error {
	files, err := l.readFiles(names, func(int, string) {})
	if err != nil {
		return err
	}
	p := m4.New(limits)
	p.Discard(true) // only definitions come of the support files
	h.define, h.contexts = p.Fork(), p.Fork()
	if err := readAll(h.define, files); err != nil {
		return err
	}
	for name, value := range h.settings.definitions() {
		h.contexts.Define(name, value)
	}
	return readAll(h.contexts, files)
}

// load does what the headers' Makefile does for tmp/all_interfaces.conf and
// before each module: the interface files come to definitions, and these are
// read. Calls that can wait do.
func (h *Headers) load(files []file, scans []scan) error {
	w := &waiting{files: files, first: h.define, contexts: h.contexts}
	w.collect(scans)
	p := h.define.Fork()
	p.Later(w.names, w.place)
	p.Discard(false)
	for n := range files {
		if !scans[n].plain {
			if err := readAll(p, files[n:n+1]); err != nil {
				return err
			}
		}
	}
	if p.Defined("__if_error") {
		return &Error{Err: fmt.Errorf("%w: %s", errMacro, strings.Join(p.Messages(), "; "))}
	}
	h.macros = h.contexts.Fork()
	h.macros.Later(w.names, w.text)
	if err := readDefinitions(h.macros, p); err != nil {
		return err
	}
	h.define = p.Fork() // without p's output
	return nil
}

// moduleFrame expands policy_module; empty if the headers don't have it.
func (h *Headers) moduleFrame() string {
	if !h.macros.Defined("policy_module") {
		return ""
	}
	p := h.macros.Fork()
	p.Discard(false)
	if err := p.Read("", "policy_module(suggested, 1.0)"); err != nil {
		return ""
	}
	return p.Output()
}

// readDefinitions reads what came of interface files. An interface's own text
// says dollarsstar where it shall say $*, since a $* would be replaced too
// early.
func readDefinitions(to, from *m4.Processor) error {
	text := from.Output()
	to.Discard(true)
	err := to.Read("", strings.ReplaceAll(text, "dollarsstar", "$*"))
	var e *m4.Error
	if errors.As(err, &e) && e.File == "" {
		at := from.Line(e.Line - 1)
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

package sekit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/policy"
)

// Mode is the mode of a machine's SELinux. The zero Mode is not known.
type Mode uint8

// The modes.
const (
	Disabled   Mode = iota + 1 // no SELinux
	Permissive                 // what the policy denies is logged and done
	Enforcing                  // what the policy denies is not done
)

// String returns disabled, permissive or enforcing.
func (m Mode) String() string {
	switch m {
	case Disabled:
		return "disabled"
	case Permissive:
		return "permissive"
	case Enforcing:
		return "enforcing"
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// State is the state of a machine's SELinux: what sestatus says, and more. What
// only a running kernel knows is zero where none runs.
type State struct {
	// Current is the mode now: Disabled where no kernel runs with SELinux.
	Current Mode `json:"current"`
	// Configured is the mode after the next boot, unless the kernel's command
	// line says something else (SELINUX in etc/selinux/config).
	Configured Mode `json:"configured"`
	// PolicyType is the policy that is loaded then (SELINUXTYPE).
	PolicyType string `json:"policy_type"`
	// MaxVersion is the highest version of a policy that the kernel reads.
	MaxVersion int `json:"max_version,omitempty"`
	// MLS says that contexts have ranges.
	MLS bool `json:"mls,omitempty"`
	// DenyUnknown says that permissions which the policy does not know are
	// denied; RejectUnknown that a policy that does not know all is not loaded.
	DenyUnknown   bool `json:"deny_unknown,omitempty"`
	RejectUnknown bool `json:"reject_unknown,omitempty"`
	// CheckRequested says that memory protection is checked as programs ask for
	// it and not as the kernel applies it (checkreqprot), which is insecure.
	CheckRequested bool `json:"check_requested,omitempty"`
	// Capabilities are the policy capabilities that are on, sorted.
	Capabilities []string `json:"capabilities,omitempty"`
	// PendingBooleans are booleans with a value that waits for a commit.
	PendingBooleans []string `json:"pending_booleans,omitempty"`
	// Store says whether the managed store could be read; only root can. The
	// rest is not known otherwise.
	Store bool `json:"store"`
	// DontauditOff says that the policy is built without its dontaudit rules
	// (semodule -DB), so that all denials are logged.
	DontauditOff bool `json:"dontaudit_off,omitempty"`
	// Permissive are the domains that local modules make permissive; those that
	// the policy makes so are in [policy.Policy.PermissiveTypes].
	Permissive []string `json:"permissive,omitempty"`
}

// String returns the state as sestatus prints it.
func (s *State) String() string {
	var b strings.Builder
	line := func(what string, value any) { fmt.Fprintf(&b, "%-32s%v\n", what, value) }
	if s.Current == Disabled {
		line("SELinux status:", "disabled")
		return b.String()
	}
	choose := func(on bool, yes, no string) string {
		if on {
			return yes
		}
		return no
	}
	line("SELinux status:", "enabled")
	line("SELinuxfs mount:", selinuxfs)
	line("SELinux root directory:", "/etc/selinux")
	line("Loaded policy name:", s.PolicyType)
	line("Current mode:", s.Current)
	line("Mode from config file:", s.Configured)
	line("Policy MLS status:", choose(s.MLS, "enabled", "disabled"))
	line("Policy deny_unknown status:", choose(s.DenyUnknown, "denied", "allowed"))
	line("Memory protection checking:", choose(s.CheckRequested, "requested (insecure)", "actual (secure)"))
	line("Max kernel policy version:", s.MaxVersion)
	return b.String()
}

// OpenStateRoot reads the state of an image, or of another machine whose root
// file system is at dir: that of a machine that is off.
func OpenStateRoot(dir string) (*State, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return readState(root.FS(), nil)
}

// readState reads the state from a root file system and, where a kernel runs,
// selinuxfs.
func readState(fsys, selinuxfs fs.FS) (*State, error) {
	s := &State{Current: Disabled}
	var err error
	if s.PolicyType, err = policyType(fsys); err != nil {
		return nil, err
	}
	if s.Configured, err = configuredMode(fsys); err != nil {
		return nil, err
	}
	if selinuxfs != nil {
		if err := s.readKernel(selinuxfs); err != nil {
			return nil, err
		}
	}
	if err := s.readStore(fsys); err != nil {
		return nil, err
	}
	return s, nil
}

// configuredMode reads SELINUX from etc/selinux/config: of the lines that name
// a mode the first counts (libselinux, selinux_getenforcemode).
func configuredMode(fsys fs.FS) (Mode, error) {
	data, err := fs.ReadFile(fsys, "etc/selinux/config")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		v, ok := strings.CutPrefix(line, "SELINUX=")
		if !ok {
			continue
		}
		v = strings.ToLower(strings.TrimLeft(v, " \t\n\v\f\r"))
		for m := Disabled; m <= Enforcing; m++ {
			if strings.HasPrefix(v, m.String()) {
				return m, nil
			}
		}
	}
	return 0, nil
}

// readKernel reads selinuxfs (security/selinux/selinuxfs.c).
func (s *State) readKernel(fsys fs.FS) error {
	var enforce, mls, deny, reject, requested int
	for _, f := range []struct {
		name     string
		value    *int
		optional bool
	}{
		{"enforce", &enforce, false}, {"mls", &mls, false}, {"policyvers", &s.MaxVersion, false},
		{"deny_unknown", &deny, false}, {"reject_unknown", &reject, true}, {"checkreqprot", &requested, true},
	} {
		v, err := readNumber(fsys, f.name)
		if err != nil && !(f.optional && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		*f.value = v
	}
	s.Current = Permissive
	if enforce != 0 {
		s.Current = Enforcing
	}
	s.MLS, s.DenyUnknown, s.RejectUnknown, s.CheckRequested = mls != 0, deny != 0, reject != 0, requested != 0
	return s.readLists(fsys)
}

// readLists reads the folders of booleans and of policy capabilities.
func (s *State) readLists(fsys fs.FS) error {
	capabilities, err := fs.ReadDir(fsys, "policy_capabilities")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range capabilities {
		v, err := readNumber(fsys, path.Join("policy_capabilities", e.Name()))
		if err != nil {
			return err
		}
		if v != 0 {
			s.Capabilities = append(s.Capabilities, e.Name())
		}
	}
	booleans, err := fs.ReadDir(fsys, "booleans")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range booleans {
		text, err := readShort(fsys, path.Join("booleans", e.Name()))
		if err != nil {
			return err
		}
		if values := strings.Fields(text); len(values) == 2 && values[0] != values[1] {
			s.PendingBooleans = append(s.PendingBooleans, e.Name())
		}
	}
	return nil
}

// readStore reads what the managed store says.
func (s *State) readStore(fsys fs.FS) error {
	dir, err := managed.Active(fsys, s.PolicyType)
	var entries []fs.DirEntry
	if err == nil {
		entries, err = fs.ReadDir(fsys, dir)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Store = true
	s.DontauditOff = slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "disable_dontaudit" })
	modules, err := fs.Glob(fsys, path.Join(dir, "modules", "[0-9]*", permissivePrefix+"*"))
	if err != nil {
		return err
	}
	for _, m := range modules {
		name := path.Base(m)
		domain := strings.TrimPrefix(name, permissivePrefix)
		_, disabled := fs.Stat(fsys, path.Join(dir, "modules/disabled", name))
		if policy.ValidName(domain) && disabled != nil && !slices.Contains(s.Permissive, domain) {
			s.Permissive = append(s.Permissive, domain)
		}
	}
	slices.Sort(s.Permissive)
	return nil
}

// readNumber reads a file that holds a decimal number.
func readNumber(fsys fs.FS, name string) (int, error) {
	text, err := readShort(fsys, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: name, Err: errors.New("not a number")}
	}
	return int(n), nil
}

// maxShort is the longest file of selinuxfs or of a process's attributes that
// is read: the kernel's limit for a context is a page.
const maxShort = 4096

func readShort(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxShort+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxShort {
		return "", &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("longer than %d bytes", maxShort)}
	}
	return string(data), nil
}

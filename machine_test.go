package sekit_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/managed/managedtest"
	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/internal/tool/tooltest"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

// open opens a machine whose root directory has a store, to be changed in one
// way alone.
func open(t testing.TB, way string, tools tool.Runner) (m *sekit.Machine, root string) {
	t.Helper()
	root = managedtest.Root(t, demo.Policy())
	m, err := sekit.OpenMachineBy(way, root, tools, sekit.MachineOptions{StateDir: filepath.Join(t.TempDir(), "state")})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m, root
}

// The rooms' contracts hold for a machine, too.
func TestMachineContracts(t *testing.T) {
	if managedtest.ReadOnly() {
		t.Skip("stores can't be written here")
	}
	t.Run("ports", func(t *testing.T) {
		porttest.TestBackend(t, func(t *testing.T) porttest.Harness {
			m, root := open(t, "native", nil)
			return porttest.Harness{Policy: demoPolicy(t), Backend: m.Ports(), Reopen: func() port.Backend {
				again, err := sekit.OpenMachineRoot(root, sekit.MachineOptions{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { again.Close() })
				return again.Ports()
			}}
		})
	})
	t.Run("booleans", func(t *testing.T) {
		booleantest.TestBackend(t, func(t *testing.T) booleantest.Harness {
			m, _ := open(t, "native", nil)
			return booleantest.Harness{Policy: demoPolicy(t), Backend: m.Booleans(), Offline: true}
		})
	})
}

func demoPolicy(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fakeSemanage does to the store's files what semanage import is told.
type fakeSemanage struct {
	t     *testing.T
	root  string
	input []string
	files []string
	fail  *tool.Error
	lazy  bool // succeeds and does nothing
}

func (f *fakeSemanage) run(_ context.Context, c tool.Command) (tool.Result, error) {
	f.input = append(f.input, string(c.Stdin))
	for _, file := range c.Files {
		f.files = append(f.files, file.Name)
	}
	if strings.Join(c.Args, " ") != "semanage import -N" {
		f.t.Errorf("ran %q", c.Args)
	}
	if f.fail != nil {
		return tool.Result{}, f.fail
	}
	if !f.lazy && strings.Contains(string(c.Stdin), "port -a -t http_port_t -p tcp 5601\n") {
		write(f.t, f.root, "var/lib/selinux/default/active/ports.local", "portcon tcp 5601 system_u:object_r:http_port_t:s0\n")
		write(f.t, f.root, "var/lib/selinux/default/active/booleans.local", "httpd_can_network_connect=1\n")
	}
	if strings.Contains(string(c.Stdin), "port -d -p tcp 5601\n") {
		write(f.t, f.root, "var/lib/selinux/default/active/ports.local", "")
		write(f.t, f.root, "var/lib/selinux/default/active/booleans.local", "")
	}
	return tool.Result{Stderr: []byte("libsemanage.add_user: noise\n")}, nil
}

func semanageMachine(t *testing.T) (*fakeSemanage, *sekit.Machine) {
	t.Helper()
	f := &fakeSemanage{t: t}
	m, root := open(t, "semanage", tooltest.Func(f.run))
	f.root = root
	return f, m
}

func TestSemanage(t *testing.T) {
	f, m := semanageMachine(t)
	p, err := m.Plan(t.Context(), sekit.Settings{
		Ports:    []port.Setting{port.Port(port.TCP, 5601, "http_port_t")},
		Booleans: []boolean.Record{{Name: "httpd_can_network_connect", On: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	undo, err := m.Apply(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"port -a -t http_port_t -p tcp 5601\nboolean -m --on httpd_can_network_connect\n",
		"port -d -p tcp 5601\nboolean -D\n",
	}
	if !reflect.DeepEqual(f.input, want) {
		t.Errorf("semanage was told %q", f.input)
	}
}

// Modules are given as files beside, and permissive domains by name.
func TestSemanageModules(t *testing.T) {
	f, m := semanageMachine(t)
	f.lazy = true
	p, err := m.Plan(t.Context(), sekit.Settings{
		Modules:    []sekit.ModuleSetting{{Key: module.Key{Name: "mine", Priority: 300}, Language: "cil", Data: []byte("(block mine)")}},
		Permissive: []string{"httpd_t"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(t.Context(), p); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Errorf("a success without effect: %v", err)
	}
	if f.input[0] != "module -P 300 -a mine.cil\npermissive -a httpd_t\n" || !reflect.DeepEqual(f.files, []string{"mine.cil"}) {
		t.Errorf("semanage was told %q with %q", f.input, f.files)
	}
}

func TestSemanageErrors(t *testing.T) {
	f, m := semanageMachine(t)
	p, err := m.Plan(t.Context(), sekit.Settings{Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t")}})
	if err != nil {
		t.Fatal(err)
	}
	f.fail = &tool.Error{Args: []string{"semanage"}, ExitCode: 1, Err: tool.ErrExit,
		Stderr: []byte("libsemanage.semanage_get_lock: Could not get direct transaction lock at /var/lib/selinux/x.\n")}
	var apply *sekit.ApplyError
	if _, err = m.Apply(t.Context(), p); !errors.Is(err, sekit.ErrLocked) || !errors.As(err, &apply) || apply.Rollback != nil {
		t.Errorf("lock: %v", err)
	}
	f.fail = &tool.Error{Args: []string{"semanage"}, ExitCode: 1, Err: tool.ErrExit, Stderr: []byte("ValueError: x\n")}
	if _, err = m.Apply(t.Context(), p); !errors.Is(err, tool.ErrExit) || errors.Is(err, sekit.ErrLocked) {
		t.Errorf("failed: %v", err)
	}
	// What was planned on other records is refused before anything is run.
	f.fail, f.input = nil, nil
	write(t, f.root, "var/lib/selinux/default/active/ports.local", "portcon tcp 5601 system_u:object_r:ssh_port_t:s0\n")
	if _, err = m.Apply(t.Context(), p); !errors.Is(err, port.ErrChanged) || f.input != nil {
		t.Errorf("changed: %v, told %q", err, f.input)
	}
	if left, err := m.Interrupted(); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// Bad settings are typed errors, and nothing is run or written.
func TestBadSettings(t *testing.T) {
	f, m := semanageMachine(t)
	for name, want := range map[string]sekit.Settings{
		"port 0":           {Ports: []port.Setting{port.Port(port.TCP, 0, "http_port_t")}},
		"port 65536":       {Ports: []port.Setting{port.Port(port.TCP, 65536, "http_port_t")}},
		"reversed":         {Ports: []port.Setting{{Protocol: port.TCP, Low: 9, High: 3, Type: "http_port_t"}}},
		"protocol":         {Ports: []port.Setting{port.Port(0, 5601, "http_port_t")}},
		"type":             {Ports: []port.Setting{port.Port(port.TCP, 5601, "no_such_port_t")}},
		"type; shell":      {Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t; reboot")}},
		"type with a line": {Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t\nport -D")}},
		"range":            {Ports: []port.Setting{{Protocol: port.TCP, Low: 5601, Type: "http_port_t", Range: "s0 -x"}}},
		"boolean":          {Booleans: []boolean.Record{{Name: "no_such_boolean", On: true}}},
		"boolean shell":    {Booleans: []boolean.Record{{Name: "$(id)", On: true}}},
		"permissive":       {Permissive: []string{"no_such_t"}},
		"permissive line":  {Permissive: []string{"httpd_t\nuser -D"}},
		"module":           {Modules: []sekit.ModuleSetting{{Key: module.Key{Name: "../x"}, Language: "cil", Data: []byte("()")}}},
		"priority":         {Modules: []sekit.ModuleSetting{{Key: module.Key{Name: "x", Priority: 1000}, Language: "cil", Data: []byte("()")}}},
		"context":          {Contexts: []fcontext.LocalSetting{{Pattern: "/srv(", Type: "httpd_sys_content_t"}}},
		"context line":     {Contexts: []fcontext.LocalSetting{{Pattern: "/srv\nport -D", Type: "httpd_sys_content_t"}}},
		"equivalence":      {Equivalences: []fcontext.Equivalence{{Target: "srv", Source: "/var"}}},
		"relabel":          {Relabel: []sekit.Relabel{{Path: "../etc"}}},
		"relabel --help":   {Relabel: []sekit.Relabel{{Path: "--help"}}},
		"without boolean":  {Without: sekit.Without{Booleans: []string{"no_such_boolean"}}},
	} {
		if p, err := m.Plan(t.Context(), want); err == nil || p != nil {
			t.Errorf("%s: %v", name, p)
		}
	}
	if f.input != nil {
		t.Errorf("semanage was told %q", f.input)
	}
}

// Which way a plan goes is what it needs, and what the machine has.
func TestWays(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("semodule is Linux's")
	}
	m, root := open(t, "semodule", tooltest.New(t).Tools())
	// Records need no tool.
	set := sekit.Settings{Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t")}}
	p, err := m.Plan(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(t.Context(), p); err != nil {
		t.Error(err)
	}
	// Modules do.
	p, err = m.Plan(t.Context(), sekit.Settings{Permissive: []string{"httpd_t"}})
	if err != nil {
		t.Fatal(err)
	}
	var missing *tool.Error
	if _, err := m.Apply(t.Context(), p); !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without semodule: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(root, "var/lib/selinux/default/active/ports.local")); err != nil || !strings.Contains(string(data), "5601") {
		t.Errorf("%s, %v", data, err)
	}
}

// What runs semodule alone leaves plans of anything else to the other ways.
func TestModulesAlone(t *testing.T) {
	m, _ := open(t, "modules", tooltest.New(t).Tools())
	plan, err := m.Plan(t.Context(), sekit.Settings{Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(t.Context(), plan); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a port by semodule: %v", err)
	}
}

func TestSetsebool(t *testing.T) {
	var ran [][]string
	var store string
	m, root := open(t, "setsebool", tooltest.Func(func(_ context.Context, c tool.Command) (tool.Result, error) {
		ran = append(ran, c.Args)
		write(t, store, "var/lib/selinux/default/active/booleans.local", "httpd_can_network_connect=1\n")
		return tool.Result{}, nil
	}))
	store = root
	p, err := m.Plan(t.Context(), sekit.Settings{Booleans: []boolean.Record{{Name: "httpd_can_network_connect", On: true}}})
	if err != nil {
		t.Fatal(err)
	}
	undo, err := m.Apply(t.Context(), p)
	if err != nil || !reflect.DeepEqual(ran, [][]string{{"setsebool", "-P", "-N", "httpd_can_network_connect=1"}}) {
		t.Errorf("%v, ran %q", err, ran)
	}
	// It can't take the record away again, nor do anything else.
	if _, err := m.Apply(t.Context(), undo); !errors.Is(err, errors.ErrUnsupported) || len(ran) != 1 {
		t.Errorf("%v, ran %q", err, ran)
	}
	p, err = m.Plan(t.Context(), sekit.Settings{Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Apply(t.Context(), p); !errors.Is(err, errors.ErrUnsupported) || len(ran) != 1 {
		t.Errorf("%v, ran %q", err, ran)
	}
}

// A store that only libsemanage can build is not written without it.
func TestNoWay(t *testing.T) {
	f := &fakeSemanage{t: t}
	m, root := open(t, "all", tooltest.Func(f.run))
	f.root = root
	// What libsemanage is to verify, only libsemanage can build.
	write(t, root, "etc/selinux/semanage.conf", "module-store = direct\nexpand-check=0\n[verify kernel]\npath = /bin/true\nargs = $@\n[end]\n")
	p, err := m.Plan(t.Context(), sekit.Settings{Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t")}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Apply(t.Context(), p)
	if f.input != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("an image has no semanage of its own: %v, told %q", err, f.input)
	}
}

// Former names of booleans are known.
func TestBooleanSubstitutions(t *testing.T) {
	root := managedtest.Root(t, demo.Policy())
	write(t, root, "etc/selinux/default/booleans.subs_dist", "httpd_connect httpd_can_network_connect\n")
	s, err := sekit.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(t.Context(), sekit.Settings{Booleans: []boolean.Record{{Name: "httpd_connect", On: true}}})
	if err != nil || len(p.Booleans) != 1 || p.Booleans[0].Name != "httpd_can_network_connect" {
		t.Errorf("%v, %v", p, err)
	}
}

// A plan survives being written down, and can be undone from there.
func TestPlanJSON(t *testing.T) {
	_, m := semanageMachine(t)
	sys, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := sys.Plan(t.Context(), sekit.Settings{
		Ports:      []port.Setting{port.Port(port.TCP, 5601, "http_port_t"), port.Port(port.TCP, 443, "http_cache_port_t")},
		Booleans:   []boolean.Record{{Name: "httpd_can_network_connect", On: true}},
		Contexts:   []fcontext.LocalSetting{{Pattern: "/srv/x(/.*)?", Type: "httpd_sys_content_t"}},
		Permissive: []string{"httpd_t"},
		Relabel:    []sekit.Relabel{{Path: "/srv/x", Recursive: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again sekit.Plan
	if err := json.Unmarshal(data, &again); err != nil || again.String() != p.String() {
		t.Errorf("%v\n%s\nwas\n%s", err, &again, p)
	}
	// Nothing of it was done, and so nothing is to be undone.
	undo, err := sys.PlanUndo(t.Context(), &again)
	if err != nil || len(undo.Ports)+len(undo.Booleans)+len(undo.Contexts)+len(undo.Permissive) > 0 {
		t.Errorf("%v\n%s", err, undo)
	}
}

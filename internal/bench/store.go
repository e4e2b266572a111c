package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// Both sides change copies of Debian's store on the same disk, without a kernel
// to load the policy into.
func storeBenchmarks() []benchmark {
	return []benchmark{{
		name: "store-port", unit: nanoseconds, goal: 20,
		about: "one port recorded or deleted, policy built and installed: port.Ports on a store of port.OpenRoot; the program semanage port -N",
		open:  storePort,
	}, {
		name: "store-boolean", unit: nanoseconds, goal: 20,
		about: "one boolean recorded, policy built and installed: boolean.Booleans on a store of boolean.OpenRoot; the program setsebool -P -N",
		open:  storeBoolean,
	}}
}

const (
	storeType    = "default"
	storePolicy  = "var/lib/selinux/default/active/policy.kern"
	benchPort    = 61007
	benchType    = "http_port_t"
	benchBoolean = "httpd_can_network_connect"
)

func storePort(e *env) (*pair, error) {
	roots, p, err := e.stores("semanage")
	if err != nil {
		return nil, err
	}
	store, err := port.OpenRoot(roots[0], storeType)
	if err != nil {
		return nil, err
	}
	ports := port.New(p, store)
	return storePair(roots, func(on bool) error {
		if on {
			_, err := ports.Set(context.Background(), port.Port(port.TCP, benchPort, benchType))
			return err
		}
		_, err := ports.Delete(context.Background(), port.Key{Protocol: port.TCP, Low: benchPort, High: benchPort})
		return err
	}, func(on bool) []string {
		if on {
			return []string{"semanage", "port", "-a", "-N", "-t", benchType, "-p", "tcp", fmt.Sprint(benchPort)}
		}
		return []string{"semanage", "port", "-d", "-N", "-p", "tcp", fmt.Sprint(benchPort)}
	}, filepath.Join(e.dir, "store.peer")), nil
}

func storeBoolean(e *env) (*pair, error) {
	roots, p, err := e.stores("setsebool")
	if err != nil {
		return nil, err
	}
	store, err := boolean.OpenRoot(roots[0], storeType)
	if err != nil {
		return nil, err
	}
	booleans := boolean.New(p, store)
	return storePair(roots, func(on bool) error {
		_, err := booleans.Persist(context.Background(), boolean.Record{Name: benchBoolean, On: on})
		return err
	}, func(on bool) []string {
		return []string{"setsebool", "-P", "-N", fmt.Sprintf("%s=%t", benchBoolean, on)}
	}, filepath.Join(e.dir, "store.peer")), nil
}

// stores makes two copies of Debian's store and policy, ours and the peer's, and
// opens the policy that the modules compile to.
func (e *env) stores(tool string) (roots [2]string, p *policy.Policy, err error) {
	const linked = "/var/lib/selinux/default/active/policy.linked"
	if err := require(tool, "unshare", "mount", "cp", "sync", linked); err != nil {
		return roots, nil, err
	}
	if os.Getuid() != 0 {
		return roots, nil, &skip{why: "not root: no mount namespace", optional: true}
	}
	for i := range roots {
		if roots[i], err = os.MkdirTemp(e.dir, "store-"); err != nil {
			return roots, nil, err
		}
		for _, dir := range []string{"var/lib", "etc"} {
			to := filepath.Join(roots[i], dir)
			if err := os.MkdirAll(to, 0o755); err != nil {
				return roots, nil, err
			}
			if msg, err := exec.Command("cp", "-a", "/"+dir+"/selinux", to).CombinedOutput(); err != nil {
				return roots, nil, fmt.Errorf("cp: %w\n%s", err, msg)
			}
		}
	}
	p, err = policy.Open(linked)
	return roots, p, err
}

// storePair switches something on and off in turns. The programs find the copy
// where the store should be. Each side begins with nothing left to be written to
// the disk: whoever waits for its own changes would wait for the other's, too.
func storePair(roots [2]string, ours func(on bool) error, peer func(on bool) []string, out string) *pair {
	var on [2]bool
	clean := func() error { return exec.Command("sync").Run() }
	return &pair{
		ours: func() (sample, error) {
			if err := clean(); err != nil {
				return sample{}, err
			}
			return measure(0, 1, func() error {
				on[0] = !on[0]
				return ours(on[0])
			})
		},
		peer: func() (sample, error) {
			if err := clean(); err != nil {
				return sample{}, err
			}
			on[1] = !on[1]
			const script = `mount --bind "$0/var/lib/selinux" /var/lib/selinux && mount --bind "$0/etc/selinux" /etc/selinux && exec "$@"`
			args := append([]string{"unshare", "-m", "sh", "-c", script, roots[1]}, peer(on[1])...)
			return (&process{args: args, out: out}).run()
		},
		check: func() error {
			a, err := os.ReadFile(filepath.Join(roots[0], storePolicy))
			if err != nil {
				return err
			}
			b, err := os.ReadFile(filepath.Join(roots[1], storePolicy))
			if err == nil && !bytes.Equal(a, b) {
				err = errors.New("the policies differ")
			}
			return err
		},
	}
}

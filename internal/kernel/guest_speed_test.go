//go:build kernelguest && linux

package kernel

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/port"
)

// TestKernelSpeed makes the same changes by the machine's tools and by the
// library: figures for the table, no test of them.
func TestKernelSpeed(t *testing.T) {
	guest.Require(t)
	withoutLocal(t)
	t.Cleanup(func() { withoutLocal(t) })
	took := func(f func() error) time.Duration {
		t.Helper()
		start := time.Now()
		if err := f(); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	tool := func(args ...string) func() error {
		return func() error {
			if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}
	}
	ports, err := livePorts()
	if err != nil {
		t.Fatal(err)
	}
	store, err := boolean.OpenRoot("/", policyName)
	if err != nil {
		t.Fatal(err)
	}
	booleans := boolean.New(storePolicy(t), store)
	for _, c := range []struct {
		name         string
		ours, theirs func() error
	}{
		{"port", func() error {
			_, err := ports.Set(t.Context(), port.Port(port.TCP, firstPort, portType))
			return err
		}, tool("semanage", "port", "-a", "-t", portType, "-p", "tcp", fmt.Sprint(firstPort+1))},
		{"boolean", func() error {
			_, err := booleans.Persist(t.Context(), boolean.Record{Name: "sekittest_can_connect", On: true})
			return err
		}, tool("setsebool", "-P", "httpd_can_network_connect", "1")},
	} {
		ours, theirs := took(c.ours), took(c.theirs)
		guest.Row("commit", c.name, fmt.Sprintf("ours %v, the tool %v: %.1f times", ours.Round(time.Millisecond), theirs.Round(time.Millisecond), theirs.Seconds()/ours.Seconds()))
	}
}

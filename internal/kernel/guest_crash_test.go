//go:build kernelguest && linux

package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit/internal/kernel/guest"
	"github.com/sekit/sekit/internal/kernel/job"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// These tests have boots of their own, one after the other on one disk
// (TestCrash): hence the names, which the lane's own boot does not run.

// The writer commits port records of this range until it is killed.
const (
	firstPort, lastPort = 20000, 20031
	portType            = "sekittest_port_t"
	kills               = 100
	policyName          = "default"
	activePolicy        = "/var/lib/selinux/default/active/policy.kern"
	installedPolicies   = "/etc/selinux/default/policy"
)

// writer commits random changes to the live store without end.
func writer() error {
	ports, err := livePorts()
	if err != nil {
		return err
	}
	ctx, r := context.Background(), rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	fmt.Println("writing")
	for {
		n := firstPort + r.IntN(lastPort-firstPort+1)
		_, err := ports.Delete(ctx, port.Key{Protocol: port.TCP, Low: uint16(n), High: uint16(n)})
		var missing *port.MissingError
		if errors.As(err, &missing) {
			_, err = ports.Set(ctx, port.Port(port.TCP, n, portType))
		}
		if err != nil {
			return err
		}
	}
}

func livePorts() (*port.Ports, error) {
	data, err := os.ReadFile(guest.FS + "/policy")
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data)
	if err != nil {
		return nil, err
	}
	store, err := port.OpenRoot("/", policyName)
	if err != nil {
		return nil, err
	}
	return port.New(p, store), nil
}

// TestCrashKilled kills the writer at random points. Whenever it is, semanage
// must list the records that we do, and once the next commit has finished what
// was left, though it changes nothing itself, the store's policy must have just
// these; and further commits, ours and semanage's, must go through.
func TestCrashKilled(t *testing.T) {
	guest.Require(t)
	r := random(t)
	commit := timeOfCommit(t)
	different := 0
	for i := range kills {
		cmd := startWriter(t)
		time.Sleep(time.Duration(r.Int64N(int64(2 * commit))))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if err := agrees(i%25 == 24); err != nil {
			different++
			t.Errorf("kill %d: %v", i, err)
		}
	}
	guest.Report(t, "killed-writer", kills, different)
	t.Logf("a commit takes %v", commit)
	nextCommits(t)
}

// TestCrashPowerCut begins to write and waits for the host to cut the power.
func TestCrashPowerCut(t *testing.T) {
	guest.Require(t)
	if err := agrees(true); err != nil {
		t.Errorf("after the reboot: %v", err)
	}
	startWriter(t)
	fmt.Println(job.PowerCut)
	time.Sleep(time.Hour)
}

// TestCrashAfter looks at what a power cut has left.
func TestCrashAfter(t *testing.T) {
	guest.Require(t)
	different := 0
	if err := agrees(true); err != nil {
		different++
		t.Error(err)
	}
	nextCommits(t)
	guest.Report(t, "power-cut", 1, different)
}

func startWriter(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{"SEKIT_PROBE=writer"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	buf := make([]byte, 64)
	if n, err := out.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "writing") {
		cmd.Wait()
		t.Fatalf("the writer does not start: %q, %v, %s", buf[:n], err, stderr.Bytes())
	}
	return cmd
}

// timeOfCommit makes one commit.
func timeOfCommit(t *testing.T) time.Duration {
	t.Helper()
	ports, err := livePorts()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := ports.Set(t.Context(), port.Port(port.TCP, firstPort, portType)); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// nextCommits commits with our writer and with semanage, which takes over a
// store as it finds it.
func nextCommits(t *testing.T) {
	t.Helper()
	ports, err := livePorts()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ports.Set(t.Context(), port.Port(port.TCP, lastPort+1, portType)); err != nil {
		t.Errorf("the next commit: %v", err)
	}
	if out, err := exec.Command("semanage", "port", "-d", "-p", "tcp", strconv.Itoa(lastPort+1)).CombinedOutput(); err != nil {
		t.Errorf("semanage's next commit: %v: %s", err, out)
	}
	if err := agrees(true); err != nil {
		t.Errorf("after the next commits: %v", err)
	}
	if err := loadedAgrees(); err != nil {
		t.Errorf("after the next commits: %v", err)
	}
}

// agrees holds the store's list of local ports against what semanage lists, if
// it is to be asked, which takes seconds, and, after a commit of nothing, against
// the policy beside it.
func agrees(semanage bool) error {
	store, err := port.OpenRoot("/", policyName)
	if err != nil {
		return err
	}
	if semanage {
		local, err := localPorts(store)
		if err == nil {
			err = semanageLists(local)
		}
		if err != nil {
			return err
		}
	}
	if err := store.Commit(context.Background(), nil); err != nil {
		return fmt.Errorf("commit of nothing: %w", err)
	}
	local, err := localPorts(store)
	if err != nil {
		return err
	}
	p, err := policy.Open(activePolicy)
	if err != nil {
		return err
	}
	if compiled := portsOf(p); !slices.Equal(local, compiled) {
		return fmt.Errorf("the store lists %v, its policy has %v", local, compiled)
	}
	return nil
}

func localPorts(store *port.Store) ([]int, error) {
	records, err := store.Local(context.Background())
	var local []int
	for _, r := range records {
		if r.Context.Type() == portType {
			local = append(local, int(r.Low))
		}
	}
	slices.Sort(local)
	return local, err
}

// semanageLists compares with what semanage lists.
func semanageLists(local []int) error {
	out, err := exec.Command("semanage", "port", "-l", "-C", "-n").CombinedOutput()
	if err != nil {
		return fmt.Errorf("semanage: %w: %s", err, out)
	}
	var listed []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(strings.ReplaceAll(line, ",", " "))
		if len(fields) < 3 || fields[0] != portType {
			continue
		}
		for _, f := range fields[2:] {
			n, err := strconv.Atoi(f)
			if err != nil {
				return fmt.Errorf("semanage lists %q", line)
			}
			listed = append(listed, n)
		}
	}
	slices.Sort(listed)
	if !slices.Equal(local, listed) {
		return fmt.Errorf("the store lists %v, semanage %v", local, listed)
	}
	return nil
}

// loadedAgrees holds the kernel's policy and the installed one against the
// store's.
func loadedAgrees() error {
	data, err := os.ReadFile(activePolicy)
	if err != nil {
		return err
	}
	files, err := os.ReadDir(installedPolicies)
	if err != nil {
		return err
	}
	for _, f := range files {
		installed, err := os.ReadFile(installedPolicies + "/" + f.Name())
		if err != nil {
			return err
		}
		if !bytes.Equal(data, installed) {
			return fmt.Errorf("%s is not the store's policy", f.Name())
		}
	}
	want, err := policy.Parse(data)
	if err != nil {
		return err
	}
	if data, err = os.ReadFile(guest.FS + "/policy"); err != nil {
		return err
	}
	got, err := policy.Parse(data)
	if err != nil {
		return err
	}
	if a, b := portsOf(want), portsOf(got); !slices.Equal(a, b) {
		return fmt.Errorf("the store's policy has %v, the kernel %v", a, b)
	}
	return nil
}

// portsOf returns the ports of the test domain's type that the writer makes.
func portsOf(p *policy.Policy) []int {
	var ports []int
	for c := range p.Portcons() {
		if c.Context.Type() == portType && c.Low >= firstPort && c.Low <= lastPort+1 {
			ports = append(ports, int(c.Low))
		}
	}
	slices.Sort(ports)
	return ports
}

package sekit_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/sekittest"
)

// stuck is a machine whose commit does not come to an end.
type stuck struct{ sekit.Backend }

func (s stuck) Commit(context.Context, *sekit.Plan) error {
	fmt.Println("committing")
	select {}
}

// What a program is at counts as interrupted when it is killed, and not before.
func TestCrash(t *testing.T) {
	const variable = "SEKIT_TEST_STATE"
	if dir := os.Getenv(variable); dir != "" {
		fake := sekittest.NewMachine(demoPolicy(t), sekittest.Options{})
		m := sekit.NewMachine(stuck{fake.Backend()}, sekit.MachineOptions{StateDir: dir})
		p, err := m.Plan(t.Context(), sekit.Settings{Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t")}})
		if err == nil {
			_, err = m.Apply(t.Context(), p)
		}
		t.Fatal(err)
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	child.Env = append(os.Environ(), variable+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "committing\n" {
		t.Errorf("the other program says %q, %v", line, err)
	}
	m := sekittest.NewMachine(demoPolicy(t), sekittest.Options{StateDir: dir})
	if left, err := m.Interrupted(); err != nil || len(left) > 0 {
		t.Errorf("while it goes on: %v, %v", left, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	left, err := m.Interrupted()
	if err != nil || len(left) != 1 || left[0].PID != child.Process.Pid || len(left[0].Plan.Ports) != 1 {
		t.Fatalf("after the kill: %v, %v", left, err)
	}
	if err := m.Recover(t.Context(), left[0]); err != nil {
		t.Error(err)
	}
	if left, err := m.Interrupted(); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

package managed_test

import (
	"bufio"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/internal/managed/managedtest"
)

// crashRoot names the root directory to a test binary that is to be killed.
const crashRoot = "SEKIT_CRASH_ROOT"

// states are what the writer that is killed commits in turn.
var states = [2][]managed.Edit{
	{replace(managed.PortsFile, header+portLine), replace(managed.BooleansFile, header+"httpd_unified=1\n"),
		replace(managed.FcontextsFile, header+"/a    system_u:object_r:default_t:s0\n"), replace(managed.SubsFile, "/a /b\n")},
	{replace(managed.PortsFile, header), replace(managed.BooleansFile, header),
		replace(managed.FcontextsFile, header), replace(managed.SubsFile, "/c /d\n")},
}

// TestCrashWriter is the writer: no test.
func TestCrashWriter(t *testing.T) {
	root := os.Getenv(crashRoot)
	if root == "" {
		t.Skip("run by TestCrash")
	}
	s := open(t, root)
	os.Stdout.WriteString("ready\n")
	for i := 0; ; i++ {
		if err := s.Commit(t.Context(), states[i%2]...); err != nil {
			t.Fatal(err)
		}
	}
}

// killWriter starts a writer and kills it after some time.
func killWriter(t testing.TB, root string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashWriter$", "-test.timeout=30s")
	cmd.Env = append(os.Environ(), crashRoot+"="+root)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Errorf("the writer said %q, %v", line, err)
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
}

// A writer that is killed at any time leaves each file as one of its commits has
// it. The next commit finishes what was begun, or there is nothing of it.
func TestCrash(t *testing.T) {
	root := managedtest.Root(t, demo.Policy())
	s := open(t, root)
	var want [2]map[string]string
	for i, edits := range states {
		if err := s.Commit(t.Context(), edits...); err != nil {
			t.Fatal(err)
		}
		want[i] = tree(t, root)
	}
	const number = activeDir + "/commit_num"
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 9))
	begun := 0
	for range 30 {
		killWriter(t, root, time.Duration(r.Int64N(int64(30*time.Millisecond))))
		got := tree(t, root)
		of := [2]int{}
		for name, data := range got {
			if name == number || strings.HasPrefix(name, storeDir+"/tmp/") || strings.HasSuffix(name, ".tmp") {
				continue
			}
			for i := range want {
				if w, ok := want[i][name]; ok && w == data {
					of[i]++
				}
			}
			if data != want[0][name] && data != want[1][name] {
				t.Errorf("killed: %s is of no commit", name)
			}
		}
		if n := len(want[0]) - 1; of[0] != n && of[1] != n {
			begun++
		}
		if err := s.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		got = tree(t, root)
		a, b := changed(want[0], got), changed(want[1], got)
		if !onlyNumber(a) && !onlyNumber(b) {
			t.Errorf("after the next commit: %q differ from one, %q from the other", a, b)
		}
	}
	t.Logf("%d of 30 kills came between two files", begun)
}

// onlyNumber reports whether no other file than commit_num changed.
func onlyNumber(changed []string) bool {
	return !slices.ContainsFunc(changed, func(name string) bool { return path.Base(name) != "commit_num" })
}

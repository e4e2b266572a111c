//go:build kernel && linux

package kernel

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit/internal/kernel/job"
)

var (
	runFlag       = flag.String("kernel.run", allTests, "the guest's tests to run, as -run takes it")
	artifactsFlag = flag.String("kernel.artifacts", "", "where audit.log, dmesg.txt, console.txt and outputs go (default: artifacts in the cache)")
	suiteFlag     = flag.String("kernel.suite", "bookworm", "the Debian suite of the image")
	mirrorFlag    = flag.String("kernel.mirror", "http://deb.debian.org/debian", "the Debian mirror")
	fullFlag      = flag.Bool("kernel.full", false, "all of Debian's policy modules, not the slim list")
	systemdFlag   = flag.Bool("kernel.systemd", false, "systemd as the first process, and the tests that need it")
	releaseFlag   = flag.Bool("kernel.release", false, "all that there is: these images, and each one of TestRelease")
)

const (
	// allTests are the tests of the lane's own boot; those of TestCrash have
	// others.
	allTests = "^TestKernel"
	// systemdTests are those that need systemd, and those that may differ by it.
	systemdTests = "^Test(Systemd|KernelEnforcing|KernelState|KernelUserAVC|KernelDontAudit)"
)

// unconfined is the context that the guest's tests are started with: root's
// after a login, whose tools and files behave as an administrator's.
const unconfined = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"

// auditRules has one rule, because the kernel adds PATH and CWD records to an
// event only while there is any.
var auditRules = []string{"-w /etc/shadow -p wa"}

// services are what the guest's tests need running: a system bus.
var services = []string{
	"mkdir -p /run/dbus", "restorecon -R /run/dbus", "dbus-daemon --system --fork --nopidfile",
}

// TestLane boots the machine once and reports the tests that ran inside as
// its own subtests.
func TestLane(t *testing.T) { lane(t, variant()) }

// variant is the image that the flags ask for.
func variant() Variant {
	return Variant{Suite: *suiteFlag, Mirror: *mirrorFlag, Full: *fullFlag, Systemd: *systemdFlag}
}

func lane(t *testing.T, v Variant) {
	require(t)
	image, cache := buildImage(t, v)
	tests := *runFlag
	if v.Systemd && tests == allTests {
		tests = systemdTests
	}
	j, files := guestTests(t, tests)
	vm := &VM{Image: image, Artifacts: artifacts(t, cache), Limit: limit(t)}
	run, err := boot(t, vm, j, files)
	if err != nil {
		t.Fatal(err)
	}
	report(t, run, vm, j)
}

// TestCrash boots one machine three times on one disk: the writer of the
// store is killed a hundred times, then the power is cut while it writes, then
// the machine must be whole.
func TestCrash(t *testing.T) { crash(t, variant()) }

func crash(t *testing.T, v Variant) {
	require(t)
	if v.Systemd {
		t.Skip("a test of the store, not of the first process")
	}
	image, cache := buildImage(t, v)
	disk := filepath.Join(t.TempDir(), "root.img")
	if out, err := exec.Command("cp", "--sparse=always", image.Root, disk).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	dir := artifacts(t, cache)
	for _, b := range []struct {
		test string
		err  error
	}{
		{"TestCrashKilled", nil},
		{"TestCrashPowerCut", errPowerCut},
		{"TestCrashAfter", nil},
	} {
		j, files := guestTests(t, "^"+b.test+"$")
		j.Programs = slices.DeleteFunc(j.Programs, func(p job.Program) bool { return p.Name != "internal-kernel" })
		vm := &VM{Image: image, Disk: disk, Artifacts: filepath.Join(dir, b.test), Limit: limit(t)}
		if err := os.MkdirAll(vm.Artifacts, 0o755); err != nil {
			t.Fatal(err)
		}
		run, err := boot(t, vm, j, files)
		if !errors.Is(err, b.err) {
			t.Fatalf("%s: %v", b.test, err)
		}
		if err == nil {
			report(t, run, vm, j)
		}
	}
}

// TestRelease is for releases: the same on all of Debian's policy, on Debian 13
// (its kernel, policy and tools), and with systemd.
func TestRelease(t *testing.T) {
	if !*releaseFlag {
		t.Skip("for releases: -kernel.release")
	}
	for _, v := range []Variant{
		{Suite: "bookworm", Full: true},
		{Suite: "bookworm", Systemd: true},
		{Suite: "trixie"},
		{Suite: "trixie", Full: true},
		{Suite: "trixie", Systemd: true},
	} {
		v.Mirror = *mirrorFlag
		t.Run(v.String(), func(t *testing.T) { lane(t, v) })
	}
	t.Run("trixie-crash", func(t *testing.T) { crash(t, Variant{Suite: "trixie", Mirror: *mirrorFlag}) })
}

// buildImage takes the image from the cache, or builds it.
func buildImage(t *testing.T, v Variant) (image *Image, cache string) {
	t.Helper()
	vminit := filepath.Join(t.TempDir(), "vminit")
	goTool(t, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", vminit, "./vminit")
	cache, err := CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	builder := &Builder{
		Cache: cache, VMInit: vminit, Logf: t.Logf, Variant: v,
	}
	image, err = builder.Image(t.Context())
	if errors.Is(err, errCannotBuild) {
		missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	reportImage(v, image)
	return image, cache
}

func boot(t *testing.T, vm *VM, j job.Job, files []job.File) (*Run, error) {
	t.Helper()
	if testing.Verbose() {
		vm.Console = os.Stderr
	}
	for i := range j.Programs {
		j.Programs[i].Seconds = int((vm.Limit - 20*time.Second).Seconds())
	}
	return vm.Run(t.Context(), j, files)
}

// report makes what ran in the machine subtests.
func report(t *testing.T, run *Run, vm *VM, j job.Job) {
	t.Helper()
	res := run.Result
	fmt.Printf("KERNEL boot tests-started=%.1fs power-off=%.1fs cpu=%.1fs artifacts=%s\n",
		res.Timings["ready"], run.Took.Seconds(), run.CPU.Seconds(), vm.Artifacts)
	for _, p := range res.Problems {
		t.Errorf("the machine: %s", p)
	}
	if len(res.Outcomes) != len(j.Programs) {
		t.Errorf("%d of %d programs ran", len(res.Outcomes), len(j.Programs))
	}
	for _, o := range res.Outcomes {
		t.Run(o.Name, func(t *testing.T) { reportOutcome(t, o, run.Output[o.Name]) })
	}
}

// limit is how long the machine may run: until shortly before go test's own
// -timeout, so that what the machine has to say is still told.
func limit(t *testing.T) time.Duration {
	t.Helper()
	deadline, ok := t.Deadline()
	if !ok {
		return time.Hour
	}
	d := time.Until(deadline) - 15*time.Second
	if d < time.Minute {
		t.Fatalf("%v are left of -timeout, too little for the machine", d)
	}
	return d
}

// missing skips the test, or fails it where skips must not hide.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("SELINUX_TEST_REQUIRE") == "1" {
		t.Fatalf("required by SELINUX_TEST_REQUIRE=1: %v", err)
	}
	t.Skip(err)
}

func require(t *testing.T) {
	t.Helper()
	for _, tool := range []string{qemu, "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, err)
		}
	}
}

func goTool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return string(out)
}

func artifacts(t *testing.T, cache string) string {
	t.Helper()
	dir := *artifactsFlag
	if dir == "" {
		dir = filepath.Join(cache, "artifacts")
	}
	dir = filepath.Join(dir, t.Name())
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func reportImage(variant Variant, image *Image) {
	var v []string
	for name, version := range image.Versions {
		v = append(v, name+"="+version)
	}
	slices.Sort(v)
	var total time.Duration
	for _, d := range image.Built {
		total += d
	}
	fmt.Printf("KERNEL image %s %s built=%.1fs\n", variant, strings.Join(v, " "), total.Seconds())
}

// guestTests compiles the test binary of each package of the module that has
// tests with the tag kernelguest, each one a program of the job.
func guestTests(t *testing.T, run string) (job.Job, []job.File) {
	t.Helper()
	tmp := t.TempDir()
	j := job.Job{Context: unconfined, AuditRules: auditRules, Services: services}
	var files []job.File
	for _, pkg := range guestPackages(t) {
		name := "sekit" // the root's
		if pkg != "" {
			name = strings.ReplaceAll(pkg, "/", "-")
		}
		binary := filepath.Join(tmp, name+".test")
		goTool(t, "test", "-c", "-trimpath", "-tags", "kernelguest", "-o", binary, "../../"+pkg)
		data, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, job.File{Name: name + ".test", Mode: 0o755, Data: data})
		j.Programs = append(j.Programs, job.Program{
			Name: name,
			Args: []string{name + ".test", "-test.v", "-test.run=" + run, "-test.timeout=0"},
			Env:  []string{"SELINUX_TEST_REQUIRE=1", "SEKIT_KERNEL_SEED=" + os.Getenv("SEKIT_KERNEL_SEED")},
		})
	}
	if len(j.Programs) == 0 {
		t.Fatal("no package has tests with the tag kernelguest")
	}
	return j, files
}

// guestPackages returns the packages, below the module's root, that have test
// files only with the tag.
func guestPackages(t *testing.T) []string {
	t.Helper()
	const format = `{{.ImportPath}}{{range .TestGoFiles}} {{.}}{{end}}{{range .XTestGoFiles}} {{.}}{{end}}`
	tests := func(tag string) []string {
		return strings.Split(strings.TrimSpace(goTool(t, "list", "-tags", tag, "-f", format, "../../...")), "\n")
	}
	module := strings.TrimSpace(goTool(t, "list", "-m"))
	plain := tests("")
	var pkgs []string
	for _, line := range tests("kernelguest") {
		if !slices.Contains(plain, line) {
			pkg, _, _ := strings.Cut(line, " ")
			pkgs = append(pkgs, strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/"))
		}
	}
	return pkgs
}

// resultLine is what the testing package writes for a finished test.
var resultLine = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(([0-9.]+)s\)`)

// reportOutcome prints the KERNEL lines of a program's output and makes each
// of its tests a subtest.
func reportOutcome(t *testing.T, o job.Outcome, output []byte) {
	type result struct{ verdict, name, seconds string }
	var results []result
	s := bufio.NewScanner(bytes.NewReader(output))
	s.Buffer(nil, len(output)+1)
	for s.Scan() {
		if strings.HasPrefix(s.Text(), "KERNEL ") {
			fmt.Println(s.Text())
		}
		if m := resultLine.FindStringSubmatch(s.Text()); m != nil && !strings.Contains(m[2], "/") {
			results = append(results, result{m[1], m[2], m[3]})
		}
	}
	for _, r := range results {
		t.Run(r.name, func(t *testing.T) {
			t.Logf("%s in the machine after %ss", r.verdict, r.seconds)
			if r.verdict == "FAIL" {
				t.Fail()
			}
			if r.verdict == "SKIP" {
				// What the machine lacks was left out by the image's makers.
				missing(t, errors.New("skipped in the machine"))
			}
		})
	}
	fmt.Printf("KERNEL %s exit=%d tests=%d seconds=%.1f\n", o.Name, o.ExitCode, len(results), o.Seconds)
	switch {
	case o.TimedOut:
		t.Errorf("it ran out of time")
	case o.ExitCode != 0:
		t.Errorf("exit code %d %s", o.ExitCode, o.Problem)
	case len(results) == 0 && *runFlag == allTests:
		t.Error("no test ran")
	}
	if t.Failed() {
		t.Logf("its output:\n%s", tail(output, 60000))
	}
}

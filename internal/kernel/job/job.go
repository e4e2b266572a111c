package job

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
)

const (
	// JobFile is the payload's first member, which makes the disk known.
	JobFile = "sekit-job.json"
	// ResultFile is the result's first member.
	ResultFile = "sekit-result.json"
	// EmptyDisk is what a result disk begins with until there is a result.
	EmptyDisk = "SEKIT EMPTY RESULT DISK\n"
	// PowerCut is what a program prints that wants the machine to be cut off.
	PowerCut = "SEKIT CUT THE POWER"
	// MaxResult is the size of the result disk in bytes.
	MaxResult = 256 << 20
)

// Job is what a boot is asked to do.
type Job struct {
	// Context is the SELinux context that the programs are started with; if
	// it is empty, they run in vminit's own.
	Context string
	// AuditRules are loaded once auditd runs, one auditctl command line each.
	AuditRules []string
	// Services are the command lines that start what the programs need, run by
	// init; systemd has its own.
	Services []string
	Programs []Program
}

// Program is one program to run as root, with the payload's folder as its
// working directory.
type Program struct {
	Name string   // names the outcome and the output
	Args []string // Args[0] is a file of the payload
	Env  []string // added to the environment
	// Seconds is how long it may run before it is asked for its goroutines
	// (SIGQUIT) and then killed.
	Seconds int
}

// Result is what came of a Job.
type Result struct {
	Outcomes []Outcome
	// Problems is what went wrong outside the programs.
	Problems []string
	// Timings are the steps of the boot, in seconds of uptime.
	Timings map[string]float64
}

// Outcome is what came of a Program. Its output is the file NAME.out of the
// result, what it wrote to the folder in $SEKIT_KERNEL_OUT lies in NAME/.
type Outcome struct {
	Name     string
	ExitCode int // -1 if it was killed or could not be started
	TimedOut bool
	Problem  string // why ExitCode is -1
	Seconds  float64
}

// File is a file of an archive; folders are made as names need them.
type File struct {
	Name string
	Mode fs.FileMode
	Data []byte
}

// Pack writes head as JSON in a first member called headName, then files.
func Pack(w io.Writer, headName string, head any, files []File) error {
	data, err := json.MarshalIndent(head, "", "\t")
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	for _, f := range append([]File{{headName, 0o644, data}}, files...) {
		h := &tar.Header{Name: f.Name, Mode: int64(f.Mode.Perm()), Size: int64(len(f.Data)), Format: tar.FormatPAX}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if _, err := tw.Write(f.Data); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return tw.Close()
}

// Unpack reads what Pack wrote: the first member, which must be called
// headName, into head, and then each file. Names that lead out of a folder
// are refused.
func Unpack(r io.Reader, headName string, head any, file func(File) error) error {
	tr := tar.NewReader(r)
	first := true
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) && !first {
			return nil
		}
		if err != nil {
			return fmt.Errorf("tar: %w", noEOF(err))
		}
		if first != (h.Name == headName) || !filepath.IsLocal(h.Name) {
			return fmt.Errorf("tar: unexpected member %q", h.Name)
		}
		data, err := io.ReadAll(io.LimitReader(tr, MaxResult))
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, noEOF(err))
		}
		if first {
			first = false
			if err := json.Unmarshal(data, head); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
			continue
		}
		if err := file(File{h.Name, fs.FileMode(h.Mode).Perm(), data}); err != nil {
			return err
		}
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// IsPayload and IsEmpty tell disks apart by their first bytes (512 suffice).
func IsPayload(start []byte) bool { return startsWithMember(start, JobFile) }

// IsEmpty reports whether a disk waits for a result.
func IsEmpty(start []byte) bool { return bytes.HasPrefix(start, []byte(EmptyDisk)) }

// startsWithMember looks at the name field of a tar header; short ASCII names
// stand there as they are, in every tar format.
func startsWithMember(start []byte, name string) bool {
	field, _, _ := strings.Cut(string(start[:min(len(start), 100)]), "\x00")
	return field == name
}

package tool

import "bytes"

// Dirs returns the directories in which tools are looked for, and which they
// themselves look in: PATH is not asked, for it may be anybody's.
func Dirs() []string { return []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} }

// Exec is the [Runner] that executes the tools of this machine. Its zero value
// works. Where the OS is not Linux it returns [errors.ErrUnsupported].
type Exec struct {
	// TempDir is where [Command.Files] are put; empty for [os.TempDir]. The
	// tools' domains must be allowed to read what the caller makes there, which
	// is so in /tmp and not in /run.
	TempDir string
}

var _ Runner = Exec{}

// bounded collects up to limit bytes, and refuses more.
type bounded struct {
	buf   bytes.Buffer
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.limit-b.buf.Len() {
		b.over = true
		return 0, ErrTooMuchOutput
	}
	return b.buf.Write(p)
}

// headTail keeps the first and the last bytes that are written to it.
type headTail struct {
	head, tail []byte
	cut        bool
}

func (h *headTail) Write(p []byte) (int, error) {
	const half = MaxStderr/2 - 8
	n := len(p)
	if room := half - len(h.head); room > 0 {
		room = min(room, len(p))
		h.head = append(h.head, p[:room]...)
		p = p[room:]
	}
	h.tail = append(h.tail, p...)
	if len(h.tail) > half {
		h.cut = true
		h.tail = append(h.tail[:0], h.tail[len(h.tail)-half:]...)
	}
	return n, nil
}

func (h *headTail) bytes() []byte {
	if h.cut {
		return append(append(h.head, "\n[...]\n"...), h.tail...)
	}
	return append(h.head, h.tail...)
}

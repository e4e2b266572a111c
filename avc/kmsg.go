package avc

import (
	"bytes"
	"strconv"
)

// kmsgRecord is a record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg):
// "priority,sequence,microseconds,flags;text\n", then lines that begin with a
// blank and belong to a dictionary.
type kmsgRecord struct {
	seq  uint64
	text []byte
	// kernel says that the kernel wrote it: programs may write there too, but
	// not as the facility kern.
	kernel bool
}

func parseKmsg(b []byte) (r kmsgRecord, ok bool) {
	head, text, ok := bytes.Cut(b, []byte{';'})
	if !ok {
		return r, false
	}
	text, _, _ = bytes.Cut(text, []byte{'\n'})
	prio, head, ok := bytes.Cut(head, []byte{','})
	if !ok {
		return r, false
	}
	seq, _, _ := bytes.Cut(head, []byte{','})
	p, err1 := strconv.ParseUint(string(prio), 10, 32)
	r.seq, ok = 0, false
	n, err2 := strconv.ParseUint(string(seq), 10, 64)
	if err1 != nil || err2 != nil {
		return r, false
	}
	r.seq, r.kernel, r.text = n, p>>3 == 0, unescapeKmsg(text)
	return r, true
}

// unescapeKmsg undoes \x0a for bytes that do not print, and \x5c for the
// backslash.
func unescapeKmsg(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) && b[i+1] == 'x' {
			if n, err := strconv.ParseUint(string(b[i+2:i+4]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 3
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// KmsgOptions are settings of [OpenKmsg].
type KmsgOptions struct {
	// Follow waits for more at the end.
	Follow bool
}

package fcontext

import (
	"fmt"
	"io/fs"
	"strings"
)

// QuotePath returns a pattern that matches the path and no other (but for the
// path with a newline after it, which libselinux's patterns let pass). The
// path may be a hostile one: what a pattern cannot hold as it is, blanks,
// control characters and bytes above 127, is written as \xhh, the rest of what
// is special is escaped, so that the pattern is one field of printable ASCII.
//
// The path has to be absolute and without NUL bytes; superfluous slashes are
// removed, as libselinux does before it matches. Errors wrap [fs.ErrInvalid].
func QuotePath(path string) (string, error) {
	return quotePath(path, "")
}

// TreePattern returns the customary pattern for a directory and all below it:
// for /my/website, /my/website(/.*)?. It quotes as [QuotePath] does.
func TreePattern(dir string) (string, error) {
	if strings.Trim(dir, "/") == "" && dir != "" {
		return "/.*", nil
	}
	return quotePath(dir, "(/.*)?")
}

func quotePath(path, suffix string) (string, error) {
	switch {
	case path == "" || path[0] != '/':
		return "", fmt.Errorf("fcontext: path %q is not absolute: %w", path, fs.ErrInvalid)
	case strings.IndexByte(path, 0) >= 0:
		return "", fmt.Errorf("fcontext: path %q has a NUL byte: %w", path, fs.ErrInvalid)
	}
	path = cleanSlashes(path)
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	first := strings.IndexByte(path[1:]+"/", '/') + 1
	below := first < len(path)
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		quoteByte(&b, path[i], below && i < first)
	}
	b.WriteString(suffix)
	if b.Len() > maxPattern {
		return "", fmt.Errorf("fcontext: path %.64q…: pattern: %w: %w", path, ErrTooLong, fs.ErrInvalid)
	}
	return b.String(), nil
}

// quoteByte writes the byte as a pattern. In the first of several directories
// libselinux 3.4 takes some escapes for text (see [Order34]): classes are
// safe there.
func quoteByte(b *strings.Builder, c byte, first bool) {
	odd := c <= ' ' || c >= 0x7f
	switch {
	case first && odd:
		fmt.Fprintf(b, `[\x%02x]`, c)
	case odd:
		fmt.Fprintf(b, `\x%02x`, c)
	case first && c == '\\':
		b.WriteString(`[\\]`)
	case first && strings.IndexByte(")]}", c) >= 0:
		b.WriteString("[" + string(rune(c)) + "]")
	case c == '\\' || strings.IndexByte(metaNewest, c) >= 0:
		b.WriteByte('\\')
		b.WriteByte(c)
	default:
		b.WriteByte(c)
	}
}

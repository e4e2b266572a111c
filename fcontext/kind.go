package fcontext

import (
	"errors"
	"fmt"
	"io/fs"
)

// Kind is the kind of file that a spec is for, or that a path has. The zero
// Kind is [Any].
type Kind uint8

// The kinds of files. Their numbers carry no meaning.
const (
	Any         Kind = iota // in a spec: every kind; in a lookup: the kind is not known (mode 0)
	File                    // --
	Dir                     // -d
	CharDevice              // -c
	BlockDevice             // -b
	Pipe                    // -p
	Symlink                 // -l
	Socket                  // -s
	numKinds
)

// ErrKind is what errors about unknown file kinds wrap.
var ErrKind = errors.New("unknown file kind")

// kindFlags are the second field of a line of file_contexts (selabel_file(5)).
const kindFlags = "?-dcbpls"

// KindOf returns the kind of a file with the mode. Every mode has one; modes
// that SELinux does not know, such as [fs.ModeIrregular], give [Any].
func KindOf(mode fs.FileMode) Kind {
	switch mode.Type() {
	case 0:
		return File
	case fs.ModeDir:
		return Dir
	case fs.ModeSymlink:
		return Symlink
	case fs.ModeSocket:
		return Socket
	case fs.ModeNamedPipe:
		return Pipe
	case fs.ModeDevice:
		return BlockDevice
	case fs.ModeDevice | fs.ModeCharDevice:
		return CharDevice
	}
	return Any
}

// ParseKind reads a kind in any of the forms of the field: as in file_contexts
// and on matchpathcon's command line ("--", "-d", …), as semanage fcontext
// takes it ("f", "d", …; "a" for all) and as it prints it ("regular file",
// "all files", …). The empty string is [Any]. Errors wrap [ErrKind].
func ParseKind(s string) (Kind, error) {
	switch s {
	case "", "a":
		return Any, nil
	case "f":
		return File, nil
	}
	for k := Any; k < numKinds; k++ {
		if s == k.String() || k != Any && (s == k.Flag() || s == k.Flag()[1:]) {
			return k, nil
		}
	}
	return Any, fmt.Errorf("%w %q", ErrKind, s)
}

// Flag returns the kind's form in file_contexts: "--", "-d", and so on; the
// empty string for [Any].
func (k Kind) Flag() string {
	if k == Any || k >= numKinds {
		return ""
	}
	return "-" + kindFlags[k:k+1]
}

// String returns the kind's name as semanage fcontext prints it.
func (k Kind) String() string {
	switch k {
	case Any:
		return "all files"
	case File:
		return "regular file"
	case Dir:
		return "directory"
	case CharDevice:
		return "character device"
	case BlockDevice:
		return "block device"
	case Pipe:
		return "named pipe"
	case Symlink:
		return "symbolic link"
	case Socket:
		return "socket"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// AppendText implements [encoding.TextAppender]; the text is [Kind.String]'s.
func (k Kind) AppendText(b []byte) ([]byte, error) { return append(b, k.String()...), nil }

// MarshalText implements [encoding.TextMarshaler].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseKind].
func (k *Kind) UnmarshalText(b []byte) error {
	v, err := ParseKind(string(b))
	if err != nil {
		return err
	}
	*k = v
	return nil
}

// kindOfFlag gives the kind of a second field, as libselinux's
// string_to_file_kind does.
func kindOfFlag(s string) (Kind, bool) {
	if len(s) != 2 || s[0] != '-' {
		return Any, false
	}
	for k := File; k < numKinds; k++ {
		if kindFlags[k] == s[1] {
			return k, true
		}
	}
	return Any, false
}

// fits reports whether a spec for kind k applies to a path of kind other.
func (k Kind) fits(other Kind) bool { return k == Any || other == Any || k == other }

// Class returns the object class that the kernel puts files of the kind in:
// file, dir, lnk_file, chr_file, blk_file, fifo_file or sock_file; the empty
// string for [Any].
func (k Kind) Class() string {
	switch k {
	case File:
		return "file"
	case Dir:
		return "dir"
	case CharDevice:
		return "chr_file"
	case BlockDevice:
		return "blk_file"
	case Pipe:
		return "fifo_file"
	case Symlink:
		return "lnk_file"
	case Socket:
		return "sock_file"
	}
	return ""
}

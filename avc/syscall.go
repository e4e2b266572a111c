package avc

import (
	"fmt"
	"strconv"
	"strings"
)

// The AUDIT_ARCH_ numbers of linux/audit.h: the ELF machine, with a bit for
// 64-bit and one for little-endian.
const (
	archX8664   = 0xc000003e
	archI386    = 0x40000003
	archAARCH64 = 0xc00000b7
	archARM     = 0x40000028
	archPPC64   = 0x80000015
	archPPC64LE = 0xc0000015
	archS390X   = 0x80000016
	archRISCV64 = 0xc00000f3
	archLOONG64 = 0xc0000102
)

func machineName(arch uint32) string {
	switch arch {
	case archX8664:
		return "x86_64"
	case archI386:
		return "i386"
	case archAARCH64:
		return "aarch64"
	case archARM:
		return "arm"
	case archPPC64:
		return "ppc64"
	case archPPC64LE:
		return "ppc64le"
	case archS390X:
		return "s390x"
	case archRISCV64:
		return "riscv64"
	case archLOONG64:
		return "loongarch64"
	}
	return ""
}

func machineArch(name string) uint32 {
	for _, a := range [...]uint32{
		archX8664, archI386, archAARCH64, archARM, archPPC64, archPPC64LE, archS390X, archRISCV64, archLOONG64,
	} {
		if machineName(a) == name {
			return a
		}
	}
	return 0
}

// syscallName gives the name of a system call, "" if it is not known.
func syscallName(arch uint32, number int) string {
	var names string
	switch arch {
	case archX8664:
		const x32 = 0x40000000
		names, number = syscallsX8664, number&^x32
	case archI386:
		names = syscallsI386
	case archAARCH64, archRISCV64, archLOONG64:
		names = syscallsGeneric
	case archARM:
		names = syscallsARM
	case archPPC64, archPPC64LE:
		names = syscallsPPC64
	case archS390X:
		names = syscallsS390X
	}
	if number < 0 {
		return ""
	}
	for name := range strings.SplitSeq(names, " ") {
		if name == "" {
			return ""
		}
		if name[0] == '+' {
			gap, _ := strconv.Atoi(name[1:])
			number -= gap
		} else if number == 0 {
			return name
		} else {
			number--
		}
		if number < 0 {
			return ""
		}
	}
	return ""
}

// Intent is a set of things that a system call set out to do with its object.
// The zero Intent is not known.
type Intent uint16

// The intents.
const (
	IntentRead       Intent = 1 << iota // open for reading, read, stat, list
	IntentWrite                         // open for writing, write, truncate
	IntentAppend                        // open for appending (O_APPEND)
	IntentCreate                        // make a new file, directory, link or node
	IntentTruncate                      // cut the file (O_TRUNC, truncate)
	IntentExecute                       // execve, mapping as executable
	IntentDelete                        // unlink, rmdir
	IntentRename                        // rename
	IntentAttributes                    // chmod, chown, utimes, setxattr
	IntentDirectory                     // the object is a directory (O_DIRECTORY, chdir, mkdir)
	IntentBind                          // bind a socket to an address
	IntentConnect                       // connect a socket, or send to an address
	IntentMount                         // mount, umount
)

// intentNames are the intents' names, in the order of their bits.
const intentNames = "read write append create truncate execute delete rename attributes directory bind connect mount"

// String returns the intents' names, such as "write,create", "" for none.
func (i Intent) String() string {
	var b strings.Builder
	bit := Intent(1)
	for name := range strings.SplitSeq(intentNames, " ") {
		if i&bit != 0 {
			if b.Len() > 0 {
				b.WriteByte(',')
			}
			b.WriteString(name)
		}
		bit <<= 1
	}
	return b.String()
}

// MarshalText implements [encoding.TextMarshaler].
func (i Intent) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for what MarshalText
// gives.
func (i *Intent) UnmarshalText(b []byte) error {
	var v Intent
	for want := range strings.SplitSeq(string(b), ",") {
		bit := Intent(1)
		for name := range strings.SplitSeq(intentNames, " ") {
			if name == want {
				v |= bit
			}
			bit <<= 1
		}
	}
	if v.String() != string(b) {
		return fmt.Errorf("no intents are called %q", b)
	}
	*i = v
	return nil
}

// intentOf tells the intent from the call's name and arguments.
func intentOf(c *Syscall) Intent {
	switch c.Name {
	case "open":
		return openIntent(c.Args[1], c.Arch)
	case "openat":
		return openIntent(c.Args[2], c.Arch)
	case "openat2": // its flags are behind a pointer
		return 0
	case "creat":
		return IntentWrite | IntentCreate | IntentTruncate
	case "truncate", "ftruncate", "truncate64", "ftruncate64":
		return IntentWrite | IntentTruncate
	case "write", "writev", "pwrite64", "pwritev", "sendfile", "fallocate":
		return IntentWrite
	case "read", "readv", "pread64", "preadv", "stat", "lstat", "fstat", "newfstatat", "statx", "stat64",
		"lstat64", "fstat64", "fstatat64", "statfs", "fstatfs", "access", "faccessat", "faccessat2",
		"readlink", "readlinkat", "getxattr", "lgetxattr", "fgetxattr":
		return IntentRead
	case "getdents", "getdents64", "chdir", "fchdir", "chroot":
		return IntentRead | IntentDirectory
	case "execve", "execveat", "uselib":
		return IntentExecute
	case "mkdir", "mkdirat":
		return IntentCreate | IntentDirectory
	case "mknod", "mknodat", "symlink", "symlinkat", "link", "linkat":
		return IntentCreate
	case "unlink":
		return IntentDelete
	case "rmdir":
		return IntentDelete | IntentDirectory
	case "unlinkat":
		const atRemovedir = 0x200
		if n, ok := argument(c.Args[2]); ok && n&atRemovedir != 0 || strings.Contains(c.Args[2], "AT_REMOVEDIR") {
			return IntentDelete | IntentDirectory
		}
		return IntentDelete
	case "rename", "renameat", "renameat2":
		return IntentRename
	case "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes",
		"utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr":
		return IntentAttributes
	case "bind":
		return IntentBind
	case "connect", "sendto", "sendmsg", "sendmmsg":
		return IntentConnect
	case "mount", "umount", "umount2", "move_mount", "fsmount":
		return IntentMount
	case "mmap", "mmap2", "mprotect":
		return protIntent(c.Args[2])
	}
	return 0
}

// argument reads a hexadecimal argument, 80000 or 0x80000.
func argument(s string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	return n, err == nil
}

// openIntent reads the flags of open, which but for O_DIRECTORY are the same on
// all the machines above (asm-generic/fcntl.h), or their names.
func openIntent(flags string, arch uint32) Intent {
	const (
		accmode = 0o3
		creat   = 0o100
		trunc   = 0o1000
		appnd   = 0o2000
		pathish = 0o10000000
	)
	var i Intent
	add := func(yes bool, what Intent) {
		if yes {
			i |= what
		}
	}
	if n, ok := argument(flags); ok {
		directory := uint64(0o200000)
		switch arch {
		case archARM, archAARCH64, archPPC64, archPPC64LE:
			directory = 0o40000
		}
		add(n&directory != 0, IntentDirectory)
		if n&pathish != 0 { // O_PATH: neither to read nor to write
			return i
		}
		mode := n & accmode
		add(mode == 0 || mode == 2, IntentRead)
		add(mode == 1 || mode == 2, IntentWrite)
		add(n&creat != 0, IntentCreate)
		add(n&trunc != 0, IntentTruncate)
		add(n&appnd != 0, IntentAppend)
		return i
	}
	add(strings.Contains(flags, "O_DIRECTORY"), IntentDirectory)
	if strings.Contains(flags, "O_PATH") {
		return i
	}
	add(strings.Contains(flags, "O_RDONLY") || strings.Contains(flags, "O_RDWR"), IntentRead)
	add(strings.Contains(flags, "O_WRONLY") || strings.Contains(flags, "O_RDWR"), IntentWrite)
	add(strings.Contains(flags, "O_CREAT"), IntentCreate)
	add(strings.Contains(flags, "O_TRUNC"), IntentTruncate)
	add(strings.Contains(flags, "O_APPEND"), IntentAppend)
	return i
}

func protIntent(prot string) Intent {
	var i Intent
	if n, ok := argument(prot); ok {
		for k, what := range [...]Intent{IntentRead, IntentWrite, IntentExecute} {
			if n>>k&1 != 0 {
				i |= what
			}
		}
		return i
	}
	for _, w := range [...]struct {
		name string
		what Intent
	}{{"PROT_READ", IntentRead}, {"PROT_WRITE", IntentWrite}, {"PROT_EXEC", IntentExecute}} {
		if strings.Contains(prot, w.name) {
			i |= w.what
		}
	}
	return i
}

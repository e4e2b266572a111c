package avc

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Syscall is a SYSCALL record.
type Syscall struct {
	// Arch is the kernel's AUDIT_ARCH_ number (0xc000003e for x86_64), 0 where
	// the record only has a name.
	Arch uint32 `json:"arch,omitzero"`
	// Machine is the architecture's name, as ausearch -i writes it.
	Machine string `json:"machine,omitempty"`
	// Number is the system call's number; it means something only if HasNumber.
	Number    int  `json:"number,omitzero"`
	HasNumber bool `json:"has_number,omitzero"`
	// Name is the system call's name, "" if it is not known for the number.
	Name string `json:"name,omitempty"`
	// Success says whether the call as a whole succeeded.
	Success Ternary `json:"success"`
	// Exit is what the call returned: a negative number is an error number, also
	// where the record wrote its name. It means something only if HasExit.
	Exit    int64  `json:"exit,omitzero"`
	HasExit bool   `json:"has_exit,omitzero"`
	Errno   string `json:"errno,omitempty"` // EACCES, … for a failed call
	// Args are a0 to a3 as written: hexadecimal digits or, in interpreted
	// records, words such as AT_FDCWD and O_RDONLY|O_CLOEXEC.
	Args [4]string `json:"args"`
	// Intent is what the call set out to do, where its name and its arguments
	// tell.
	Intent Intent `json:"intent,omitzero"`

	PPid    int            `json:"ppid,omitzero"`
	Pid     int            `json:"pid,omitzero"`
	AUID    User           `json:"auid,omitzero"`
	UID     User           `json:"uid,omitzero"`
	EUID    User           `json:"euid,omitzero"`
	FSUID   User           `json:"fsuid,omitzero"`
	GID     User           `json:"gid,omitzero"`
	TTY     string         `json:"tty,omitempty"`
	Session string         `json:"session,omitempty"`
	Comm    string         `json:"comm,omitempty"`
	Exe     string         `json:"exe,omitempty"`
	Context policy.Context `json:"context,omitzero"`
	// Key is the key of the audit rule that asked for the record.
	Key string `json:"key,omitempty"`
}

// PathItem is a PATH record: a name that a system call was given or met.
type PathItem struct {
	Item int `json:"item"`
	// Name is the name as given, which may be relative, or "" for (null).
	Name  string `json:"name,omitempty"`
	Inode uint64 `json:"inode,omitzero"`
	// Dev is the device as major:minor in hexadecimal digits.
	Dev     string         `json:"dev,omitempty"`
	Mode    string         `json:"mode,omitempty"`
	Context policy.Context `json:"context,omitzero"`
	// NameType is PARENT, NORMAL, CREATE, DELETE or UNKNOWN.
	NameType string `json:"nametype,omitempty"`
}

// Sockaddr is a SOCKADDR record. For the families inet, inet6 and local the
// address is decoded.
type Sockaddr struct {
	Family   string   `json:"family,omitempty"`
	Endpoint Endpoint `json:"endpoint,omitzero"`
	// Path is the path of a local socket; an abstract name begins with '@'.
	Path string `json:"path,omitempty"`
	// Raw is the value as written.
	Raw string `json:"raw,omitempty"`
}

// literal decodes an untrusted string unless the record is an interpreted one,
// whose strings are decoded already.
func literal(val string, kind valueKind, interp bool) string {
	if interp {
		if val == "(null)" || val == "?" {
			return ""
		}
		return val
	}
	return untrusted(val, kind)
}

func (p *parser) syscall(c *Syscall, s string, interp bool) *Syscall {
	p.callFields(c, s, interp)
	p.finishCall(c)
	return c
}

// finishCall tells what the call's fields mean together.
func (p *parser) finishCall(c *Syscall) {
	if c.Name == "" && c.HasNumber {
		c.Name = p.syscallName(c.Arch, c.Number)
	}
	c.Intent = intentOf(c)
}

// callTail reads the end of a SYSCALL record, from auid= on. It returns nil if
// there is something else in it than the kernel writes there.
func (p *parser) callTail(s string) *Syscall {
	if undress(s, false) != s {
		return nil
	}
	c := new(Syscall)
	p.callFields(c, s, false)
	if c.Arch != 0 || c.HasNumber || c.Success != Unknown || c.HasExit || c.Args != [4]string{} || c.PPid != 0 || c.Pid != 0 {
		return nil
	}
	return c
}

func (p *parser) callFields(c *Syscall, s string, interp bool) {
	f := fieldScanner{s: s}
	enriched := false
	var last *string // an interpreted name, which may go on after a blank
	from := 0
	for {
		key, val, kind, ok := f.next()
		if !ok {
			break
		}
		if kind == word {
			if last != nil && interp {
				*last = s[from:f.i]
			}
			continue
		}
		last, from = nil, f.i-len(val)
		if isUpper(key[0]) {
			enriched = true
			c.enrich(key, val)
			continue
		}
		if enriched {
			continue
		}
		switch key {
		case "arch":
			c.setArch(val)
		case "syscall":
			if n, err := strconv.Atoi(val); err == nil {
				c.Number, c.HasNumber = n, true
			} else {
				c.Name = val
			}
		case "success":
			if val == "yes" || val == "no" {
				c.Success = ternary(val == "yes")
			}
		case "exit":
			c.setExit(val)
		case "a0", "a1", "a2", "a3":
			c.Args[key[1]-'0'] = val
		case "ppid":
			c.PPid = int(min(number(val), 1<<31-1))
		case "pid":
			c.Pid = int(min(number(val), 1<<31-1))
		case "auid":
			c.AUID = user(val)
		case "uid":
			c.UID = user(val)
		case "euid":
			c.EUID = user(val)
		case "fsuid":
			c.FSUID = user(val)
		case "gid":
			c.GID = user(val)
		case "tty":
			c.TTY = val
		case "ses":
			c.Session = val
		case "comm":
			c.Comm = literal(val, kind, interp)
			last = &c.Comm
		case "exe":
			c.Exe = literal(val, kind, interp)
			last = &c.Exe
		case "subj":
			c.Context = p.context(val)
		case "key":
			c.Key = literal(val, kind, interp)
			last = &c.Key
		}
	}
}

// enrich takes a field that auditd appended: the name for a number.
func (c *Syscall) enrich(key, val string) {
	switch key {
	case "ARCH":
		if val != "" {
			c.Machine = val
		}
	case "SYSCALL":
		if !strings.HasPrefix(val, "unknown") {
			c.Name = val
		}
	case "AUID":
		c.AUID.Name = val
	case "UID":
		c.UID.Name = val
	case "EUID":
		c.EUID.Name = val
	case "FSUID":
		c.FSUID.Name = val
	case "GID":
		c.GID.Name = val
	}
}

func (c *Syscall) setArch(val string) {
	if n, err := strconv.ParseUint(val, 16, 32); err == nil && len(val) >= 4 {
		c.Arch = uint32(n)
		c.Machine = machineName(c.Arch)
		return
	}
	c.Machine = val
	c.Arch = machineArch(val)
}

func (c *Syscall) setExitNumber(n int64) {
	c.Exit, c.HasExit = n, true
	if n < 0 {
		c.Errno = errnoName(int(-n))
	}
}

// setExit reads -13, EACCES(Permission denied) and EACCES.
func (c *Syscall) setExit(val string) {
	if n, err := strconv.ParseInt(val, 10, 64); err == nil {
		c.setExitNumber(n)
		return
	}
	name, _, _ := strings.Cut(val, "(")
	if n := errnoNumber(name); n != 0 {
		c.Exit, c.HasExit, c.Errno = int64(-n), true, name
	}
}

// Errno names that denials meet; those of linux/errno.h.
func errnoName(n int) string {
	switch n {
	case 1:
		return "EPERM"
	case 2:
		return "ENOENT"
	case 13:
		return "EACCES"
	case 17:
		return "EEXIST"
	case 22:
		return "EINVAL"
	case 25:
		return "ENOTTY"
	case 95:
		return "EOPNOTSUPP"
	case 115:
		return "EINPROGRESS"
	}
	return ""
}

func errnoNumber(name string) int {
	for _, n := range [...]int{1, 2, 13, 17, 22, 25, 95, 115} {
		if errnoName(n) == name {
			return n
		}
	}
	return 0
}

// itemTail reads the end of a PATH record, from dev= on. It returns nil if there
// is something else in it than the kernel writes there.
func (p *parser) itemTail(s string) *PathItem {
	if undress(s, false) != s {
		return nil
	}
	it := p.pathItem(s, false)
	if it.Item != 0 || it.Name != "" || it.Inode != 0 {
		return nil
	}
	return &it
}

func (p *parser) pathItem(s string, interp bool) PathItem {
	var it PathItem
	f := fieldScanner{s: s}
	var last *string
	from := 0
	for {
		key, val, kind, ok := f.next()
		if !ok {
			break
		}
		if kind == word {
			if interp && last != nil {
				*last = s[from:f.i]
			}
			continue
		}
		last, from = nil, f.i-len(val)
		if isUpper(key[0]) {
			break // appended by auditd
		}
		switch key {
		case "item":
			it.Item = int(min(number(val), 1<<15))
		case "name":
			if it.Name == "" {
				it.Name = literal(val, kind, interp)
				last = &it.Name
			}
		case "inode":
			it.Inode = number(val)
		case "dev":
			it.Dev = val
		case "mode":
			it.Mode = val
		case "obj":
			it.Context = p.context(val)
		case "nametype", "objtype":
			it.NameType = val
		}
	}
	return it
}

// rest returns the value of a record that has only one field, which in
// interpreted records goes on to the end of the line.
func rest(s, key string, interp bool) (val string, kind valueKind, ok bool) {
	f := fieldScanner{s: s}
	for {
		start := f.i
		k, v, kd, more := f.next()
		if !more {
			return "", plain, false
		}
		if k != key {
			continue
		}
		if interp {
			at := strings.IndexByte(s[start:], '=') + start + 1
			return strings.TrimRight(s[at:], " \t"), plain, true
		}
		return v, kd, true
	}
}

func cwd(s string, interp bool) string {
	val, kind, _ := rest(s, "cwd", interp)
	return literal(val, kind, interp)
}

// proctitle splits the process title at its NUL bytes; of an interpreted one
// the borders of arguments are lost where they hold blanks.
func proctitle(s string, interp bool) []string {
	val, kind, ok := rest(s, "proctitle", interp)
	if !ok || val == "" || val == "(null)" {
		return nil
	}
	if interp {
		return strings.FieldsFunc(val, func(c rune) bool { return c == ' ' })
	}
	return strings.Split(strings.TrimRight(untrusted(val, kind), "\x00"), "\x00")
}

// readCwd is cwd for a record as the kernel writes it, nil for another.
func readCwd(s string) *string {
	if undress(s, false) != s {
		return nil
	}
	dir := cwd(s, false)
	return &dir
}

// readTitle is proctitle for a record as the kernel writes it, nil for another.
func readTitle(s string) *[]string {
	if undress(s, false) != s {
		return nil
	}
	l := proctitle(s, false)
	return &l
}

// execve gathers a0, a1, …; long arguments come in pieces a1[0], a1[1]. An
// interpreted argument ends where the next one begins.
func execve(args []string, s string, interp bool) []string {
	const most = 1 << 15
	f := fieldScanner{s: s}
	var long []byte // the pieces of the last argument
	from := 0       // where the last argument's value begins
	for {
		key, val, kind, ok := f.next()
		if !ok {
			return args
		}
		n, piece, isArg := argumentKey(key)
		if interp && !isArg && len(args) > 0 && key != "argc" {
			args[len(args)-1] = s[from:f.i]
			continue
		}
		if !isArg || n > most || n > len(args)+64 {
			continue
		}
		for len(args) <= n {
			args = append(args, "")
		}
		val = literal(val, kind, interp)
		if from = f.i - len(val); piece < 0 {
			args[n] = val
			continue
		}
		if piece == 0 {
			long = long[:0]
		} else if long == nil { // the first pieces stood in another record
			long = []byte(args[n])
		}
		if long = append(long, val...); piece == 0 || !hasPiece(s[f.i:]) {
			args[n] = string(long)
		}
	}
}

// hasPiece reports whether a further piece of the same argument follows.
func hasPiece(s string) bool {
	f := fieldScanner{s: s}
	key, _, _, _ := f.next()
	_, piece, ok := argumentKey(key)
	return ok && piece > 0
}

// argumentKey reads a3, and a3[1]; piece is -1 for the former.
func argumentKey(key string) (n, piece int, ok bool) {
	if len(key) < 2 || key[0] != 'a' {
		return 0, 0, false
	}
	digits, index, pieces := strings.Cut(key[1:], "[")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0, 0, false
	}
	if !pieces {
		return n, -1, true
	}
	piece, err = strconv.Atoi(strings.TrimSuffix(index, "]"))
	return n, piece, err == nil && piece >= 0
}

func (p *parser) sockaddr(s string, interp bool) *Sockaddr {
	f := fieldScanner{s: s}
	for {
		key, val, kind, ok := f.next()
		if !ok {
			return nil
		}
		switch {
		case key == "saddr" && kind == braced:
			return interpretedSockaddr(val)
		case key == "saddr":
			return decodeSockaddr(val)
		}
	}
}

// interpretedSockaddr reads the inside of saddr={ saddr_fam=inet laddr=… }.
func interpretedSockaddr(s string) *Sockaddr {
	a := &Sockaddr{Raw: s}
	f := fieldScanner{s: s}
	for {
		key, val, _, ok := f.next()
		if !ok {
			return a
		}
		switch key {
		case "saddr_fam", "fam":
			a.Family = val
		case "laddr":
			a.Endpoint.Addr, _ = netip.ParseAddr(val)
		case "lport":
			n, _ := strconv.ParseUint(val, 10, 16)
			a.Endpoint.Port = uint16(n)
		case "path":
			a.Path = val
		}
	}
}

// decodeSockaddr decodes struct sockaddr in hexadecimal digits. The family is
// in the byte order of the machine, which is told from the value: no family
// has a number above 255. The port is in network order.
func decodeSockaddr(val string) *Sockaddr {
	a := &Sockaddr{Raw: val}
	b, err := hex.DecodeString(val)
	if err != nil || len(b) < 2 {
		return a
	}
	family := binary.LittleEndian.Uint16(b)
	if family > 255 {
		family = binary.BigEndian.Uint16(b)
	}
	switch family {
	case 1:
		a.Family = "local"
		a.Path = localPath(b[2:])
	case 2:
		a.Family = "inet"
		if len(b) >= 8 {
			a.Endpoint = Endpoint{netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:])}
		}
	case 10:
		a.Family = "inet6"
		if len(b) >= 24 {
			a.Endpoint = Endpoint{netip.AddrFrom16([16]byte(b[8:24])), binary.BigEndian.Uint16(b[2:])}
		}
	case 16:
		a.Family = "netlink"
	}
	return a
}

func localPath(b []byte) string {
	if len(b) > 0 && b[0] == 0 { // abstract, or no name at all
		name := strings.TrimRight(string(b[1:]), "\x00")
		if name == "" {
			return ""
		}
		return "@" + name
	}
	name, _, _ := strings.Cut(string(b), "\x00")
	return name
}

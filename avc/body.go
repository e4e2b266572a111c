package avc

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/sekit/sekit/policy"
)

// parser turns the bodies of records into typed values. It keeps contexts and
// permission lists, which repeat, so that they are made once.
type parser struct {
	contexts map[string]policy.Context
	perms    map[string][]string
	names    [64]callName
	ends     tails[vectorEnd]
	calls    tails[Syscall]
	items    tails[PathItem]
	cwds     tails[string]
	titles   tails[[]string]
}

// callName is the name of a system call.
type callName struct {
	arch   uint32
	number int
	name   string
}

// syscallName is the function of that name, remembered.
func (p *parser) syscallName(arch uint32, number int) string {
	n := &p.names[uint(number)%uint(len(p.names))]
	if n.arch != arch || n.number != number {
		*n = callName{arch, number, syscallName(arch, number)}
	}
	return n.name
}

// maxInterned bounds each of the parser's caches: a log with more different
// contexts than this only gets slower.
const maxInterned = 4096

// maxInternedText is the longest text that is kept in them.
const maxInternedText = 512

// context reads a context as a record has it. Text cut in its range, and marks
// that pagers and pastes leave behind it, do no harm to user, role and type.
func (p *parser) context(text string) policy.Context {
	if c, ok := p.contexts[text]; ok {
		return c
	}
	if len(text) > maxInternedText {
		return looseContext(text)
	}
	text = strings.Clone(text)
	c := looseContext(text)
	if p.contexts == nil || len(p.contexts) >= maxInterned {
		p.contexts = make(map[string]policy.Context)
	}
	p.contexts[text] = c
	return c
}

func looseContext(text string) policy.Context {
	trimmed := strings.TrimRight(text, "\"'`,;)>*]…")
	trimmed = strings.TrimRight(strings.TrimSuffix(trimmed, "..."), "…")
	cut := strings.ContainsAny(text[len(trimmed):], ">…*.")
	if strings.HasSuffix(trimmed, ":") {
		trimmed, cut = trimmed[:len(trimmed)-1], false
	}
	c, err := policy.ParseContext(trimmed)
	if err != nil || cut && c.Range() == "" { // then the type itself may be cut
		return policy.Context{}
	}
	return c
}

// permissions splits the words between the braces.
func (p *parser) permissions(text string) []string {
	if l, ok := p.perms[text]; ok {
		return l
	}
	l := strings.Fields(text)
	l = l[:len(l):len(l)]
	if len(text) > maxInternedText {
		return l
	}
	text = strings.Clone(text)
	l = strings.Fields(text)
	if p.perms == nil || len(p.perms) >= maxInterned {
		p.perms = make(map[string][]string)
	}
	p.perms[text] = l
	return l
}

// seen holds which fields of a record were read, to refuse a second one.
type seen uint64

const (
	sawScontext seen = 1 << iota
	sawTcontext
	sawTclass
	sawPermissive
	sawPath
	sawName
	sawDev
	sawIno
	sawPid
	sawComm
	sawExe
	sawCapability
	sawLaddr
	sawLport
	sawFaddr
	sawFport
	sawSaddr
	sawSrc
	sawDaddr
	sawDest
	sawNetif
	sawIoctlcmd
	sawNlmsg
	sawSrawcon
	sawTrawcon
	sawUID
	sawAUID
)

// keyOf is the field that a key of an access vector record names, 0 if it is
// none that has a place in Denial.
func keyOf(key string) seen {
	switch key {
	case "scontext":
		return sawScontext
	case "tcontext":
		return sawTcontext
	case "tclass":
		return sawTclass
	case "permissive":
		return sawPermissive
	case "path":
		return sawPath
	case "name":
		return sawName
	case "dev":
		return sawDev
	case "ino":
		return sawIno
	case "pid":
		return sawPid
	case "comm":
		return sawComm
	case "exe":
		return sawExe
	case "capability":
		return sawCapability
	case "laddr":
		return sawLaddr
	case "lport":
		return sawLport
	case "faddr":
		return sawFaddr
	case "fport":
		return sawFport
	case "saddr":
		return sawSaddr
	case "src":
		return sawSrc
	case "daddr":
		return sawDaddr
	case "dest":
		return sawDest
	case "netif":
		return sawNetif
	case "ioctlcmd":
		return sawIoctlcmd
	case "nl-msgtype":
		return sawNlmsg
	case "srawcon":
		return sawSrawcon
	case "trawcon":
		return sawTrawcon
	case "uid":
		return sawUID
	case "auid":
		return sawAUID
	}
	return 0
}

// vector is an access vector record while it is read.
type vector struct {
	p      *parser
	d      *Denial
	seen   seen
	interp bool // values are literal: ausearch -i decoded them and took the quotes
	ending bool // this is for a vectorEnd
	// last is the field whose unquoted value may go on after a blank, and from
	// where it begins.
	last *string
	from int
}

// denial reads what follows "avc:" up to the end of the record. It has to say
// denied or granted.
func (p *parser) denial(d *Denial, s string, interp bool) error {
	s = trimBlanks(s)
	switch {
	case strings.HasPrefix(s, "denied"):
		s = s[len("denied"):]
	case strings.HasPrefix(s, "granted"):
		d.Verdict = Granted
		s = s[len("granted"):]
	case strings.HasPrefix(s, "allowed"): // PostgreSQL
		d.Verdict = Granted
		s = s[len("allowed"):]
	default:
		return &fieldError{"verdict", ErrSyntax}
	}
	s = trimBlanks(s)
	switch {
	case strings.HasPrefix(s, "{"):
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return &fieldError{"permissions", ErrTruncated}
		}
		d.Permissions = p.permissions(strings.TrimSpace(s[1:end]))
		s = s[end+1:]
	case strings.HasPrefix(s, "null"):
		s = s[len("null"):]
	default:
		return &fieldError{"permissions", ErrSyntax}
	}
	s = trimBlanks(s)
	if strings.HasPrefix(s, "for") && (len(s) == 3 || isSpace(s[3])) {
		s = s[3:]
	}
	v := vector{p: p, d: d, interp: interp}
	return v.fields(s)
}

func (v *vector) fields(s string) error {
	f := fieldScanner{s: s}
	for {
		key, val, kind, ok := f.next()
		if !ok {
			break
		}
		if kind == word {
			if v.seen&sawTclass != 0 {
				break // what stands behind a whole record is not the record's
			}
			v.word(val, &f)
			continue
		}
		if f.cut && kind != plain {
			val = strings.TrimRight(val, " ")
		}
		if key == "scontext" && kind == plain && !v.interp && !v.ending && v.end(s[f.i-len(val)-len("scontext="):]) {
			return nil
		}
		k := keyOf(key)
		if k == 0 {
			v.other(key, val, kind, &f)
			continue
		}
		if v.seen&k != 0 {
			return &fieldError{key, ErrDuplicateField}
		}
		v.seen |= k
		if k&(sawPid|sawIno) != 0 && kind == plain && len(val) > 0 && (val[len(val)-1]-'0' > 9 || len(val) > 7 && k == sawPid) {
			val = f.unglue(val)
		}
		v.last, v.from = nil, f.i-len(val)
		if kind == plain && !v.interp && len(val) > 1 && val[len(val)-1] == ',' {
			val = val[:len(val)-1]
		}
		if err := v.set(k, key, val, kind); err != nil {
			return err
		}
	}
	return v.check(&f)
}

// vectorEnd is the end of an access vector record, from scontext= on.
type vectorEnd struct {
	source, target         policy.Context
	sourceText, targetText string
	class                  string
	permissive             Ternary
	seen                   seen
}

// end takes the rest of a record if it is the contexts, the class and perhaps
// permissive=, and none of them was there before.
func (v *vector) end(s string) bool {
	e := v.p.ends.findString(s, v.p.vectorEnd)
	if e == nil || v.seen&e.seen != 0 {
		return false
	}
	v.seen |= e.seen
	d := v.d
	d.Source, d.Target, d.SourceText, d.TargetText = e.source, e.target, e.sourceText, e.targetText
	d.Class, d.Permissive = e.class, e.permissive
	return true
}

// vectorEnd reads one, nil if there is anything else in it.
func (p *parser) vectorEnd(s string) *vectorEnd {
	const need, most = sawScontext | sawTcontext | sawTclass, sawScontext | sawTcontext | sawTclass | sawPermissive
	var d Denial
	v := vector{p: p, d: &d, ending: true}
	if v.fields(s) != nil || v.seen&need != need || v.seen&^most != 0 || len(d.Other) > 0 {
		return nil
	}
	return &vectorEnd{d.Source, d.Target, d.SourceText, d.TargetText, d.Class, d.Permissive, v.seen}
}

// check refuses what the kernel cannot have written.
func (v *vector) check(f *fieldScanner) error {
	if v.interp && v.seen&sawPath != 0 && v.seen&sawName != 0 {
		// The kernel writes one or the other; without quotes one of them may
		// stand inside a name.
		return &fieldError{"path beside name", ErrDuplicateField}
	}
	if v.seen&sawTclass == 0 { // what stands last may be cut off in its type
		if v.seen&sawTcontext != 0 {
			dropCut(&v.d.Target, v.d.TargetText, f.s)
		} else if v.seen&sawScontext != 0 {
			dropCut(&v.d.Source, v.d.SourceText, f.s)
		}
	}
	return nil
}

// dropCut takes back a context that ends its record, unless a colon behind the
// type shows that the type is whole.
func dropCut(c *policy.Context, text, record string) {
	if strings.HasSuffix(record, text) && strings.Count(text, ":") < 3 {
		*c = policy.Context{}
	}
}

// word takes a word without a key: in interpreted records, the rest of a name
// that holds blanks.
func (v *vector) word(w string, f *fieldScanner) {
	if v.last != nil {
		*v.last = f.s[v.from:f.i]
		return
	}
	if w != "..." && w != "*" && w != "\\" {
		v.d.Other = appendField(v.d.Other, Field{Value: w})
	}
}

func (v *vector) other(key, val string, kind valueKind, f *fieldScanner) {
	if v.interp && v.last != nil && kind == plain && !knownKey(key) {
		*v.last = f.s[v.from:f.i]
		return
	}
	v.last = nil
	if isUntrustedKey(key) && !v.interp {
		val = untrusted(val, kind)
	}
	v.d.Other = appendField(v.d.Other, Field{key, val})
}

// isUntrustedKey reports whether the kernel writes the value of a field with
// audit_log_untrustedstring, among those that have no place in Denial.
func isUntrustedKey(key string) bool {
	switch key {
	case "ocomm", "kmod", "key_desc", "lockdown_reason", "anonclass", "device":
		return true
	}
	return false
}

func (v *vector) name(val string, kind valueKind, to *string) {
	if v.interp {
		*to = val
		if val == "(null)" || val == "?" {
			*to = ""
		}
	} else {
		*to = untrusted(val, kind)
	}
	if kind == plain && val != "" {
		v.last = to // a word may follow: "/memfd:x (deleted)", "rs:main Q:Reg"
	}
}

func (v *vector) set(k seen, key, val string, kind valueKind) error {
	d := v.d
	switch k {
	case sawScontext:
		d.SourceText, d.Source = val, v.p.context(val)
	case sawTcontext:
		d.TargetText, d.Target = val, v.p.context(val)
	case sawTclass:
		d.Class = nameAtStart(val)
	case sawPermissive:
		if v.interp && v.seen&sawTclass == 0 {
			return &fieldError{key, ErrSyntax} // the kernel writes it last: it stands in a name
		}
		if val != "" && (val[0] == '0' || val[0] == '1') {
			d.Permissive = ternary(val[0] == '1')
		}
	case sawPath:
		v.name(val, kind, &d.Path)
	case sawName:
		v.name(val, kind, &d.Name)
	case sawComm:
		v.name(val, kind, &d.Comm)
	case sawExe:
		v.name(val, kind, &d.Exe)
	case sawDev:
		v.name(val, kind, &d.Dev)
		v.last = nil
	case sawIno:
		d.Inode = number(val)
	case sawPid:
		d.Pid = int(min(number(val), 1<<31-1))
	case sawUID:
		d.UID = user(val)
	case sawAUID:
		d.AUID = user(val)
	case sawCapability:
		// Interpreted records write the name: capability=net_admin.
		d.Capability, d.HasCapability = capability(val)
	case sawIoctlcmd:
		d.Ioctlcmd, d.HasIoctlcmd = hex16(val)
	case sawNlmsg:
		n, err := strconv.ParseUint(val, 10, 16)
		d.NlmsgType, d.HasNlmsgType = uint16(n), err == nil
	case sawSrawcon:
		d.SourceRaw = untrusted(val, kind)
	case sawTrawcon:
		d.TargetRaw = untrusted(val, kind)
	case sawNetif:
		d.Netif = val
	default:
		v.setNet(k, key, val)
	}
	return nil
}

// setNet takes addresses and ports. dbus and others have a dest= of their own
// that is no port: that one is kept among the others.
func (v *vector) setNet(k seen, key, val string) {
	d := v.d
	var addr *netip.Addr
	var port *uint16
	switch k {
	case sawLaddr:
		addr = &d.Local.Addr
	case sawLport:
		port = &d.Local.Port
	case sawFaddr:
		addr = &d.Remote.Addr
	case sawFport:
		port = &d.Remote.Port
	case sawSaddr:
		addr = &d.Src.Addr
	case sawSrc:
		port = &d.Src.Port
	case sawDaddr:
		addr = &d.Dst.Addr
	case sawDest:
		port = &d.Dst.Port
	default:
		return
	}
	if addr != nil {
		if a, err := netip.ParseAddr(val); err == nil {
			*addr = a
			return
		}
	} else if n, err := strconv.ParseUint(val, 10, 16); err == nil {
		*port = uint16(n)
		return
	}
	d.Other = appendField(d.Other, Field{key, val})
}

// number reads the digits at the start of a value; anything else is 0.
func number(s string) uint64 {
	var n uint64
	for i := 0; i < len(s) && s[i]-'0' <= 9 && i < 19; i++ {
		n = n*10 + uint64(s[i]-'0')
	}
	return n
}

// hex16 reads an ioctl command: 0x5401, or 5401 as kernels before 4.4 wrote it.
func hex16(s string) (uint16, bool) {
	s = strings.TrimPrefix(s, "0x")
	n, err := strconv.ParseUint(s, 16, 16)
	return uint16(n), err == nil
}

// nameAtStart is the symbol that a value begins with, without what pastes left
// behind it (quotes, #012, a comma).
func nameAtStart(s string) string {
	i := 0
	for i < len(s) && (isKeyByte(s[i]) && s[i] != '[' && s[i] != ']') {
		i++
	}
	return strings.TrimRight(s[:i], ".-_")
}

// user reads uid=0, uid=root or auid=unset.
func user(val string) User {
	switch val {
	case "", "?", "n/a":
		return User{}
	}
	if n, err := strconv.ParseUint(val, 10, 32); err == nil {
		return User{ID: uint32(n), HasID: true}
	}
	if val == "-1" || val == "unset" {
		return User{ID: 1<<32 - 1, HasID: true, Name: "unset"}
	}
	return User{Name: val}
}

// capabilityNames are those of linux/capability.h by number, in lower case and
// without CAP_, as interpreted records write them.
const capabilityNames = "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap " +
	"linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module " +
	"sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time " +
	"sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog " +
	"wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"

func capability(val string) (int, bool) {
	if n, err := strconv.ParseUint(val, 10, 16); err == nil {
		return int(n), true
	}
	i := 0
	for name := range strings.SplitSeq(capabilityNames, " ") {
		if name == val {
			return i, true
		}
		i++
	}
	return 0, false
}

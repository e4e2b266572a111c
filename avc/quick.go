package avc

import "bytes"

// cursor reads what the kernel's format strings write, from left to right. What
// is not just so makes it bad, and leaves the record to the fieldScanner.
type cursor struct {
	b   []byte
	i   int
	bad bool
}

// skip reads a text that has to be there.
func (c *cursor) skip(text string) {
	if i := c.i + len(text); i <= len(c.b) && string(c.b[c.i:i]) == text {
		c.i = i
	} else {
		c.bad = true
	}
}

// plain reads the value of a key that ends before a blank.
func (c *cursor) plain(key string) []byte {
	c.skip(key)
	start := c.i
	for c.i < len(c.b) && byteClass[c.b[c.i]] == byteKey {
		c.i++
	}
	return c.b[start:c.i]
}

// number reads a value of decimal digits, at most 18.
func (c *cursor) number(key string) uint64 {
	c.skip(key)
	n, end := digits(c.b, c.i)
	c.bad = c.bad || end == c.i
	c.i = end
	return n
}

// signed is number for one that may be negative.
func (c *cursor) signed(key string) int64 {
	c.skip(key)
	if c.i < len(c.b) && c.b[c.i] == '-' {
		return -int64(c.number("-"))
	}
	return int64(c.number(""))
}

// hex reads a value of eight hexadecimal digits.
func (c *cursor) hex(key string) (n uint32) {
	c.skip(key)
	end := c.i + 8
	if c.bad = c.bad || end > len(c.b); c.bad {
		return 0
	}
	for ; c.i < end; c.i++ {
		d := c.b[c.i]
		switch {
		case d-'0' <= 9:
			d -= '0'
		case d-'a' <= 5:
			d -= 'a' - 10
		default:
			c.bad = true
		}
		n = n<<4 | uint32(d)
	}
	return n
}

// name reads a string as audit_log_untrustedstring writes it.
func (c *cursor) name(key string, t *texts) string {
	c.skip(key)
	if c.bad || c.i == len(c.b) {
		c.bad = true
		return ""
	}
	switch rest := c.b[c.i:]; rest[0] {
	case '"':
		n := bytes.IndexByte(rest[1:], '"')
		if n < 0 {
			c.bad = true
			return ""
		}
		c.i += n + 2
		return t.add(rest[1 : n+1])
	case '(':
		c.skip("(null)")
		return ""
	}
	val := c.plain("")
	if !isEncoded(val) {
		c.bad = true
		return ""
	}
	return untrusted(string(val), plain)
}

// quick adds a record that is as the kernel writes it and whose end is known,
// without a copy of its text. It leaves all that is not just so to record.
func (r *builder) quick(b *built, raw *rawRecord) bool {
	e, body := &b.Event, raw.text[min(raw.body, len(raw.text)):]
	switch raw.typ {
	case TypeSyscall:
		return r.quickCall(b, body)
	case TypePath:
		return r.quickPath(e, body)
	case TypeCwd:
		cwd := r.parse.cwds.find(body, readCwd)
		if cwd == nil {
			return false
		}
		e.Cwd = *cwd
	case TypeProctitle:
		l := r.parse.titles.find(body, readTitle)
		if l == nil {
			return false
		}
		if e.Cmdline == nil {
			e.Cmdline = *l
		}
	default:
		return false
	}
	return true
}

// quickCall reads a SYSCALL record: up to auid= in the order in which the kernel
// writes it (audit_log_exit).
func (r *builder) quickCall(b *built, body []byte) bool {
	c := cursor{b: body}
	arch, number := c.hex("arch="), c.number(" syscall=")
	success := c.plain(" success=")
	exit := c.signed(" exit=")
	args := c.i
	var ends [4]int
	for i, key := range [...]string{" a0=", " a1=", " a2=", " a3="} {
		c.plain(key)
		ends[i] = c.i
	}
	c.number(" items=")
	ppid, pid := c.number(" ppid="), c.number(" pid=")
	if rest := body[c.i:]; c.bad || !bytes.HasPrefix(rest, []byte(" auid=")) {
		return false
	}
	tail := r.parse.calls.find(body[c.i:], r.parse.callTail)
	if tail == nil {
		return false
	}
	call := &b.call
	*call = *tail
	if call.Arch = arch; call.Machine == "" { // auditd may have appended it
		call.Machine = machineName(arch)
	}
	call.Number, call.HasNumber = int(number), true
	switch string(success) {
	case "yes", "no":
		call.Success = ternary(success[0] == 'y')
	}
	call.setExitNumber(exit)
	text := r.texts.add(body[args:ends[3]])
	for i, end := range ends {
		begin := args + len(" a0=")
		if i > 0 {
			begin = ends[i-1] + len(" a0=")
		}
		call.Args[i] = text[begin-args : end-args]
	}
	call.PPid, call.Pid = int(min(ppid, 1<<31-1)), int(min(pid, 1<<31-1))
	r.parse.finishCall(call)
	b.Syscall = call
	return true
}

// quickPath reads a PATH record: up to dev= in the order in which the kernel
// writes it (audit_log_name).
func (r *builder) quickPath(e *Event, body []byte) bool {
	if len(e.Paths) == maxPaths {
		return true
	}
	c := cursor{b: body}
	item := c.number("item=")
	name := c.name(" name=", &r.texts)
	inode := c.number(" inode=")
	if c.bad || !bytes.HasPrefix(body[c.i:], []byte(" dev=")) {
		return false
	}
	tail := r.parse.items.find(body[c.i:], r.parse.itemTail)
	if tail == nil {
		return false
	}
	it := *tail
	it.Item, it.Name, it.Inode = int(min(item, 1<<15)), name, inode
	e.Paths = append(e.Paths, it)
	return true
}

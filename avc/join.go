package avc

import (
	"bytes"
	"strings"
)

// knownKey reports whether a key is one of those that stand in audit records.
// Only wrapped and interpreted records need it: to tell a field from a word.
func knownKey(key string) bool {
	if keyOf(key) != 0 {
		return true
	}
	switch key {
	case "msg", "node", "type", "gid", "euid", "suid", "fsuid", "egid", "sgid", "fsgid", "ouid", "ogid",
		"tty", "ses", "subj", "obj", "arch", "syscall", "success", "exit", "a0", "a1", "a2", "a3", "items",
		"ppid", "key", "item", "inode", "mode", "rdev", "nametype", "objtype", "cap_fp", "cap_fi", "cap_fe", "cap_fver",
		"cap_frootid", "cwd", "proctitle", "argc", "sauid", "hostname", "addr", "terminal", "res", "op",
		"seresult", "oldcontext", "newcontext", "taskcontext", "invalid_context", "seqno", "enforcing",
		"old_enforcing", "enabled", "old-enabled", "lsm", "bool", "val", "old_val", "ipc_key", "kmod",
		"lockdown_reason", "anonclass", "opid", "ocomm", "oauid", "oses", "key_serial", "key_desc", "app",
		"msgtype", "interface", "member", "spid", "tpid", "service", "cmdline", "function", "property", "sid",
		"error_name", "lsm_prop", "sbj_lsm", "nlmsg_type", "protocol", "sclass", "fd", "flags", "pkey", "subnet_prefix",
		"port_num", "device", "resid", "restype", "perms", "reason", "acct", "unit", "requested", "xdevpath",
		"ARCH", "SYSCALL", "AUID", "UID", "GID", "EUID", "SUID", "FSUID", "EGID", "SGID", "FSGID", "OUID", "OGID",
		"SAUID", "SADDR", "OAUID":
		return true
	}
	return false
}

// trailingKey reports whether a field may follow tclass= in a vector.
func trailingKey(key string) bool {
	switch key {
	case "permissive", "srawcon", "trawcon", "exe", "sauid", "hostname", "addr", "terminal", "app", "res",
		"UID", "AUID", "SAUID", "GID", "ID":
		return true
	}
	return false
}

// continues decides whether line goes on the record text, which stood on the
// lines before it, and whether a blank belongs between them. Terminals break
// lines anywhere, mails and editors between words.
func continues(typ RecordType, text, line []byte) (blank, ok bool) {
	if len(line) == 0 || bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("time->")) {
		return false, false
	}
	first, more := firstWord(line)
	key, isField := fieldKey(first)
	known := isField && knownKey(key)
	last := lastWord(text)
	spaced := bytes.HasSuffix(text, []byte(" "))
	vector := typ == TypeAVC || typ == TypeUserAVC
	switch {
	case vector && openBrace(text):
		return spaced || !isCutPermission(string(last), string(first)), isPermWord(first) && (bytes.IndexByte(line, '}') >= 0 || len(more) == 0)
	case openQuote(text):
		// The kernel's quoted names hold no blanks.
		blank = spacedQuote(text)
		return blank || spaced, blank || bytes.IndexByte(line, '"') >= 0 || len(more) == 0
	case !spaced && isCutWord(string(last), string(first)):
		return false, true
	case first[0] == '=' && knownKey(string(last)): // ino|=7
		return false, true
	case inStamp(text):
		// A blank parts the date from the time of day.
		return isClock(first) && bytes.Contains(last, auditP) && !isEpoch(last), true
	case first[0] == ':' && behindStamp(text): // audit(08/25/24 15:08:31.976:201)| : avc:
		return false, true
	}
	lastKey, lastField := fieldKey(last)
	switch {
	case !known && !lastField && isPartialKey(string(last), first): // tcl|ass=file
		return false, true
	case known && has(text, key) && !spaced && !lastField && isPartialKey(string(last), first): // uid=0 a|uid=1
		return false, true
	case lastField && len(last) == len(lastKey)+1 && knownKey(lastKey): // tcontext=|u:r:t:s0
		return known, true
	case key == "msg" && !bytes.Contains(text, first[:min(len(first), len("msg='"))]):
		return true, true
	case known && has(text, key):
		// A second one belongs to another record, or is no field but a forgery.
		return true, typ == TypeUserAVC && openMessage(text)
	}
	complete := vector && has(text, "tclass")
	switch {
	case complete && known:
		return true, trailingKey(key) || openMessage(text)
	case known:
		return true, true
	case !vector && lastKey == "tclass" && isSureCutClass(string(last[len("tclass="):]), string(first)) && isPermWord(first) && len(more) == 0: // tclass=chr|_file
		return false, true
	case complete:
		// tclass=unix_dgram_|socket permissive=1
		rest := bytes.TrimRight(first, "\"'`,;.)")
		cut := lastKey == "tclass" && isPermWord(rest) && (len(more) == 0 || leadsOn(more))
		return false, cut && isCutClass(string(last[len("tclass="):]), string(rest))
	case isGlue(string(first)), vector && first[0] == '{' && bytes.IndexByte(text, '{') < 0, isField && vector && hasField(more):
		return true, true
	case bytes.HasPrefix(first, avcWord) || bytes.HasPrefix(first, []byte("msg=")) || bytes.HasPrefix(first, auditP):
		return true, true
	case lastField && knownKey(lastKey) && (hasField(more) || valueTail(lastKey, last, first, more)):
		// scontext=system_u:system_r:|foo_t:s0, path=/memfd:x|(deleted)
		return first[0] == '(', true
	case vector && (has(more, "tclass") || has(more, "scontext") && !has(text, "scontext")): // dsm=HS|_Q scontext=… tclass=…
		return false, true
	}
	return false, false
}

// firstWord parts a line at its first blank; more is what follows, trimmed.
func firstWord(b []byte) (first, more []byte) {
	n := bytes.IndexByte(b, ' ')
	if n < 0 {
		return b, nil
	}
	return b[:n], bytes.TrimLeft(b[n:], " \t")
}

func lastWord(b []byte) []byte {
	b = bytes.TrimRight(b, " \t")
	return b[bytes.LastIndexByte(b, ' ')+1:]
}

// fieldKey returns the key of a key=value word.
func fieldKey(w []byte) (string, bool) {
	i := 0
	for i < len(w) && isKeyByte(w[i]) {
		i++
	}
	if i == 0 || i == len(w) || w[i] != '=' {
		return "", false
	}
	return string(w[:i]), true
}

// hasField reports whether a known field stands in b.
func hasField(b []byte) bool {
	for len(b) > 0 {
		var w []byte
		w, b = firstWord(b)
		if key, ok := fieldKey(w); ok && knownKey(key) {
			return true
		}
	}
	return false
}

// has reports whether the field key= stands in b.
func has(b []byte, key string) bool {
	k := []byte(key + "=")
	for i := 0; ; {
		n := bytes.Index(b[i:], k)
		if n < 0 {
			return false
		}
		i += n
		if i == 0 || !isKeyByte(b[i-1]) {
			return true
		}
		i += len(k)
	}
}

func isPermWord(w []byte) bool {
	for _, c := range w {
		if (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9') && c != '}' {
			return false
		}
	}
	return len(w) > 0
}

// isGlue reports whether a word is one of the few between the fields of a
// vector.
func isGlue(w string) bool {
	return w == "for" || w == "}" || w == "{" || w == "denied" || w == "granted" || w == "invalid"
}

// isCutWord reports whether a word of those between the fields was broken.
func isCutWord(last, first string) bool {
	if last == "" || isGlue(last) {
		return false
	}
	if strings.HasSuffix(last, "audit") && first[0] == '(' || first[0] == ':' && last[len(last)-1] == ')' {
		return isStampWord(last) // audit|(1.2:3):, audit(1.2:3)|: avc:
	}
	both := last + first
	switch both {
	case "avc:", "denied", "granted", "received", "for":
		return true
	}
	if strings.HasPrefix(both, "(deleted)") && len(last) < len("(deleted)") { // behind a path that ausearch -i decoded
		return true
	}
	return strings.HasPrefix(both, "msg=audit(") && len(last) < len("msg=audit(") && strings.HasPrefix(both, last)
}

// isStampWord reports whether a word is audit(…), or the beginning of that.
func isStampWord(w string) bool {
	w = strings.TrimPrefix(w, "msg=")
	return w == "audit" || strings.HasPrefix(w, "audit(")
}

// isCutPermission reports whether two words between the braces, one at the end
// of a line and one at the beginning of the next, are one permission.
func isCutPermission(last, first string) bool {
	last = strings.TrimPrefix(last, "{")
	if !isPermWord([]byte(last)) || first[0] == '}' {
		return false
	}
	if isPermission(last + first) {
		return !isPermission(last) || !isPermission(first)
	}
	if isPermission(last) || isPermission(first) {
		return false
	}
	// Of a permission that is not among the common ones no piece may be known
	// either.
	return len(last) < 3 || len(strings.TrimRight(first, " }")) < 3 || last[len(last)-1] == '_' || first[0] == '_'
}

// isCutClass reports whether first is the rest of a class whose name was broken.
func isCutClass(last, first string) bool {
	return first[0] == '_' || strings.HasSuffix(last, "_") || !knownClass(last) || knownClass(last+first)
}

// openStamp reports whether a word ends inside audit(…).
func openStamp(last []byte) bool {
	i := bytes.LastIndex(last, auditP)
	return i >= 0 && bytes.IndexByte(last[i:], ')') < 0
}

// isEpoch reports whether the stamp that w ends in counts seconds, and is no date.
func isEpoch(w []byte) bool {
	date := w[bytes.LastIndexByte(w, '(')+1:]
	return bytes.Count(date, []byte{'.'}) < 2 && !bytes.ContainsAny(date, "/-")
}

// isSureCutClass is isCutClass for what nothing else tells to go on.
func isSureCutClass(last, first string) bool {
	return first[0] == '_' || strings.HasSuffix(last, "_") || !knownClass(last) && knownClass(last+first)
}

// inStamp reports whether a text ends inside audit(…), which is where its first
// one begins.
func inStamp(text []byte) bool {
	const long = 64
	i := indexAudit(text)
	return i >= 0 && len(text)-i < long && bytes.IndexByte(text[i:], ')') < 0
}

// behindStamp reports whether a text ends with its first audit(…).
func behindStamp(text []byte) bool {
	text = bytes.TrimRight(text, " ")
	i := indexAudit(text)
	return i >= 0 && bytes.IndexByte(text[i:], ')') == len(text)-1-i
}

// isClock reports whether a word begins as a time of day, 01:40:18, as far as it
// goes.
func isClock(w []byte) bool {
	_, i := digits(w, 0)
	if i == 0 || i > 2 || i == len(w) || w[i] != ':' {
		return false
	}
	_, j := digits(w, i+1)
	return j-i <= 3 && (j == len(w) || w[j] == ':')
}

// isPermission reports whether a name is that of a common permission.
func isPermission(name string) bool {
	return len(name) > 1 && strings.Contains(commonPermissions, " "+strings.TrimRight(name, " }")+" ")
}

// commonPermissions are the permissions that records show most, to tell a word
// that was broken over two lines from two words.
const commonPermissions = " " +
	"accept acquire_svc add add_name append associate attach_queue audit_access audit_control audit_read audit_write bind " +
	"block_suspend bpf call check_context checkpoint_restore chown compute_av compute_create confidentiality connect " +
	"connectto create dac_override dac_read_search disable dyntransition enable entrypoint execheap execmem execmod " +
	"execstack execute execute_no_trans find fork fowner fsetid getattr getcap getopt getpgid getsched getsession halt " +
	"impersonate integrity ioctl ipc_info ipc_lock ipc_owner kill lease link linux_immutable list listen load_policy lock " +
	"mac_admin mac_override map map_create map_read map_write mknod module_load module_request mount mounton name_bind " +
	"name_connect net_admin net_bind_service net_broadcast net_raw nlmsg nlmsg_read nlmsg_write nnp_transition noatsecure " +
	"node_bind nosuid_transition open passwd perfmon polmatch prog_load prog_run ptrace quotaget quotamod read read_policy " +
	"reboot recv recv_msg recvfrom relabelfrom relabelto reload remount remove_name rename reparent rlimitinh rmdir rootok " +
	"search send send_msg sendto set setattr setbool setcap setcheckreqprot setcurrent setenforce setexec setfcap " +
	"setfscreate setgid setkeycreate setopt setpcap setpgid setrlimit setsched setsockcreate setuid share shutdown sigchld " +
	"siginh sigkill signal signull sigstop start status stop swapon sys_admin sys_boot sys_chroot sys_module sys_nice " +
	"sys_pacct sys_ptrace sys_rawio sys_resource sys_time sys_tty_config syslog syslog_mod syslog_read transfer transition " +
	"unix_read unix_write unlink unmount use user_tcp_server override_creds sqpoll getrlimit compute_relabel compute_member compute_user setsecparam set_context_mgr validate_trans view wake_alarm watch watch_mount watch_reads " +
	"watch_sb watch_with_perm write "

// isPartialKey reports whether last and the beginning of first make one known
// field.
func isPartialKey(last string, first []byte) bool {
	if last == "" || len(last) > 16 || isGlue(last) {
		return false
	}
	key, ok := fieldKey(append([]byte(last), first...))
	return ok && knownKey(key)
}

// openQuote reports whether a value in double quotes is not closed.
func openQuote(b []byte) bool { return bytes.Count(b, []byte{'"'})%2 == 1 }

// openBrace reports whether the list of permissions is not closed. A later brace
// is a name's.
func openBrace(b []byte) bool {
	i := bytes.IndexByte(b, '{')
	return i >= 0 && bytes.IndexByte(b[i:], '}') < 0
}

// spacedQuote reports whether the open quote's value may hold blanks: the
// kernel's never do, object managers' command lines do.
func spacedQuote(b []byte) bool {
	i := bytes.LastIndexByte(b, '"')
	return bytes.HasSuffix(b[:i], []byte("cmdline="))
}

// openMessage reports whether msg=' is not closed.
func openMessage(b []byte) bool {
	i := bytes.Index(b, []byte("msg='"))
	return i >= 0 && bytes.IndexByte(b[i+len("msg='"):], '\'') < 0
}

// leadsOn reports whether b begins with what may follow tclass=.
func leadsOn(b []byte) bool {
	first, more := firstWord(b)
	if string(first) == ":" { // dbus of old: tclass=dbus : exe="/bin/dbus-daemon"
		first, _ = firstWord(more)
	}
	key, ok := fieldKey(first)
	return ok && trailingKey(key) || strings.HasPrefix("permissive=", string(first))
}

// valueTail reports whether w, with more behind it on its line, can be the rest
// of the value that text ends in.
func valueTail(key string, text, w, more []byte) bool {
	switch key {
	case "scontext", "tcontext", "oldcontext", "newcontext", "taskcontext", "invalid_context", "subj", "obj":
		cut := len(more) == 0 || bytes.IndexByte(more, ' ') < 0 && beginsKey(string(more))
		if open := isOpenContext(text); open && cut && isContextText(w) {
			return true
		}
		return cut && (bytes.IndexByte(w, ':') >= 0 || bytes.HasSuffix(w, []byte("_t")))
	case "proctitle", "saddr", "comm", "name", "path", "exe", "cwd":
		for _, c := range w {
			if hexDigit(c) > 15 {
				return false
			}
		}
		return len(w) > 1
	}
	return false
}

// beginsKey reports whether a word is the beginning of a field that follows a
// context.
func beginsKey(w string) bool {
	for _, key := range [...]string{"tcontext=", "tclass=", "scontext=", "newcontext=", "taskcontext=", "msg='", "key="} {
		if strings.HasPrefix(key, w) {
			return true
		}
	}
	return false
}

// knownClass reports whether a name is that of a common class, which then was
// not cut.
func knownClass(name string) bool {
	switch name {
	case "file", "dir", "fd", "lnk_file", "chr_file", "blk_file", "sock_file", "fifo_file", "filesystem",
		"process", "process2", "capability", "capability2", "security", "system", "service", "dbus", "key",
		"socket", "tcp_socket", "udp_socket", "unix_stream_socket", "unix_dgram_socket", "node", "netif",
		"packet", "association", "bpf", "binder", "property_service", "service_manager", "lockdown", "peer",
		"shm", "sem", "msg", "msgq", "ipc", "passwd", "netlink_route_socket", "rawip_socket", "packet_socket":
		return true
	}
	return false
}

// withoutPrefix takes away the mark that stood before the record's first line too:
// of a comment, a quotation or a patch; or the number of a line that is so many
// lines behind that one.
func withoutPrefix(line, prefix []byte, lines int) []byte {
	const words = "dnl "
	if n := markEnd(prefix); n > 0 && bytes.HasPrefix(line, prefix[:n]) { // who is quoted
		return line[n:]
	}
	if n, ok := lineNumber(prefix); ok > 0 {
		if m, i := lineNumber(line); i > 0 && m == n+uint64(lines) {
			return line[i:]
		}
	}
	mark := prefix[:len(prefix)-len(bytes.TrimLeft(prefix, " \t>#|*;/%+-!~"))]
	if len(mark) == 0 && bytes.HasPrefix(prefix, []byte(words)) {
		mark = prefix[:len(words)]
	}
	if len(mark) == 0 || len(line) == 0 {
		return line
	}
	if rest, ok := bytes.CutPrefix(line, bytes.TrimRight(mark, " \t")); ok && len(bytes.TrimSpace(mark)) > 0 && (len(rest) == 0 || isSpace(rest[0])) {
		return rest
	}
	c := mark[0]
	level := len(line) > 2 && line[1] == 's' && line[2]-'0' <= 9 // -s0:c0 goes on a context
	if c == line[0] && (c == '+' || c == '-' && (len(mark) == 1 || !level)) {
		return line[1:]
	}
	return line
}

// markEnd returns where a mark ends that a line begins with, behind the name of
// who is quoted or what wrote it: "anna> ", "web_1  | ". 0 says that there is none.
func markEnd(line []byte) int {
	const long = 24
	i := bytes.IndexAny(line[:min(len(line), long)], ">|")
	if i <= 0 || i+1 == len(line) || line[i+1] != ' ' || bytes.IndexByte(line[:i], ':') >= 0 {
		return 0
	}
	return i + 2
}

// lineNumber reads the number that a line begins with, and returns where what is
// behind it begins, 0 if there is none.
func lineNumber(line []byte) (n uint64, end int) {
	i := skipSpaces(line, 0)
	n, end = digits(line, i)
	if end == i || end == len(line) {
		return 0, 0
	}
	if c := line[end]; c == '.' || c == ':' || c == ')' || c == '|' {
		end++
	}
	if end == len(line) || line[end] != ' ' && line[end] != '\t' {
		return 0, 0
	}
	return n, end
}

// withoutBullet takes the sign of a list from a field that text has not yet.
func withoutBullet(part, text []byte) []byte {
	if len(part) < 3 || part[1] != ' ' || bytes.IndexByte([]byte("-*+"), part[0]) < 0 {
		return part
	}
	rest := bytes.TrimLeft(part[2:], " ")
	if first, _ := firstWord(rest); isNextField(first, text) {
		return rest
	}
	return part
}

// isNextField reports whether a word is a field of a vector that text has not
// yet.
func isNextField(w, text []byte) bool {
	key, ok := fieldKey(w)
	return ok && keyOf(key) != 0 && !has(text, key)
}

// leadsOnSpaced reports whether a word behind a blank line goes on a vector: a
// field that stands nowhere else.
func leadsOnSpaced(w, text []byte) bool {
	key, _ := fieldKey(w)
	switch key {
	case "scontext", "tcontext", "tclass", "comm", "ino":
		return !has(text, key)
	}
	return false
}

// isFragment reports whether a line is a single word that may be a piece of the
// vector text: the beginning of a key, or the middle of a value. even says that
// the line is as long as the one before it, as those are that were broken at a
// column and not between words.
func isFragment(text, part []byte, even bool) bool {
	return isKeyFragment(part) || isValueFragment(text, part, even)
}

func isKeyFragment(part []byte) bool {
	if len(part) == 0 {
		return false
	}
	for _, key := range [...]string{"scontext=", "tcontext=", "tclass=", "permissive=", "path=", "name=", "dev=", "ino=", "comm=", "pid=", "ioctlcmd=", "capability="} {
		if strings.HasPrefix(key, string(part)) {
			return true
		}
	}
	return false
}

// isValueFragment reports whether the last field of text may go on in part, which
// stands alone on its line.
func isValueFragment(text, part []byte, even bool) bool {
	const long = 128
	key, ok := fieldKey(lastWord(text))
	if !ok || len(part) == 0 || len(part) > long {
		return false
	}
	if key == "scontext" || key == "tcontext" {
		return isContextText(part)
	}
	return even && knownKey(key) && bytes.IndexByte(part, ' ') < 0 && bytes.IndexByte(part, '=') < 0
}

// isContextText reports whether there are only bytes in w that a context has.
func isContextText(w []byte) bool {
	for _, c := range w {
		if !isWordByte(c) && c != ':' && c != '-' && c != '.' && c != ',' {
			return false
		}
	}
	return true
}

// isOpenContext reports whether a context can't end so.
func isOpenContext(w []byte) bool {
	n := len(w) - 1
	return bytes.IndexByte([]byte(":-.,"), w[n]) >= 0 || n > 0 && (w[n] == 's' || w[n] == 'c') && bytes.IndexByte([]byte(":-.,"), w[n-1]) >= 0 && bytes.Count(w, []byte{':'}) > 2
}

// stringPiece returns what a line adds to the text of a program in which a long
// string is put together from several, if the record's first line, behind
// prefix, is one of them.
func stringPiece(text, line, prefix []byte) ([]byte, bool) {
	if len(stringEnd(text, prefix)) == 0 {
		return nil, false
	}
	line = bytes.TrimLeft(line, " \t+.&")
	if len(line) < 2 || line[0] != openString(prefix) {
		return nil, false
	}
	return line[1:], true
}

// openString returns the quote that a string began with in prefix and did not end
// with, 0 if there is none.
func openString(prefix []byte) byte {
	for _, q := range []byte{'"', '\''} {
		open := false
		for i, c := range prefix {
			if c == q && (i == 0 || prefix[i-1] != '\\') {
				open = !open
			}
		}
		if open {
			return q
		}
	}
	return 0
}

// stringEnd returns what ends a string at the end of text that another one
// follows: the quote that stood before the record's first line, and what joins
// them. A comma does not.
func stringEnd(text, prefix []byte) []byte {
	q := openString(prefix)
	if q == 0 {
		return nil
	}
	end := bytes.TrimRight(text, " \t+.\\&")
	if n := len(end) - 1; n >= 0 && end[n] == q && (n == 0 || end[n-1] != '\\') {
		return text[n:]
	}
	return nil
}

// trimDecoration takes away what quotes a line: blanks, and those of the marks
// that stood before the record's first line too.
func trimDecoration(b, prefix []byte) []byte {
	const marks = ">#|*;/%"
	for len(b) > 0 {
		c := b[0]
		if c == ' ' || c == '\t' || strings.IndexByte(marks, c) >= 0 && bytes.IndexByte(prefix, c) >= 0 {
			b = b[1:]
			continue
		}
		break
	}
	return bytes.TrimRight(b, " \t\r")
}

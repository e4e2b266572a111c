package avc

import (
	"strings"
)

// failure reads the body of a SELINUX_ERR record. The kernel has written, over
// the years (security/selinux/ss/services.c, hooks.c):
//
//	security_compute_sid:  invalid context C for scontext=…
//	security_validate_transition:  denied for oldcontext=…
//	op=security_compute_sid invalid_context=C scontext=…
//	op=security_bounded_transition seresult=denied oldcontext=…
//	op=security_compute_av reason=bounds scontext=… perms=a,b
//	op=setxattr invalid_context="C"
//	SELinux: unrecognized netlink message: protocol=… sclass=… pid=… comm=…
func (p *parser) failure(x *Failure, s string, interp bool) error {
	s = trimBlanks(s)
	if op, after, ok := strings.Cut(s, ":"); ok && !strings.ContainsAny(op, " =") && op != "" {
		switch {
		case op == "SELinux":
			x.Op, _, _ = strings.Cut(strings.TrimSpace(after), ":")
			after = after[min(len(after), strings.Index(after, x.Op)+len(x.Op)+1):]
		default:
			x.Op = op
		}
		s = after
	}
	const invalid = "invalid context "
	if after, ok := strings.CutPrefix(strings.TrimLeft(s, " "), invalid); ok {
		x.Invalid, s, _ = strings.Cut(after, " ")
	}
	f := fieldScanner{s: s}
	var saw []string
	for {
		key, val, kind, ok := f.next()
		if !ok {
			break
		}
		if kind == word {
			if w := val; x.Result == "" && w == "denied" {
				x.Result = w
			}
			continue
		}
		switch key {
		case "op", "scontext", "tcontext", "tclass", "oldcontext", "newcontext", "taskcontext", "invalid_context":
			for _, k := range saw {
				if k == key {
					return &fieldError{key, ErrDuplicateField}
				}
			}
			saw = append(saw, key)
		}
		p.failureField(x, key, val, kind, interp)
	}
	x.Op = strings.TrimPrefix(x.Op, "security_")
	if x.Op == "" && x.Invalid == "" && len(x.Fields) == 0 {
		x.Reason = strings.TrimSpace(s)
	}
	return nil
}

func (p *parser) failureField(x *Failure, key, val string, kind valueKind, interp bool) {
	switch key {
	case "op":
		x.Op = val
	case "seresult":
		x.Result = val
	case "reason":
		x.Reason = val
	case "invalid_context":
		val = literal(val, kind, interp)
		x.Invalid = val
	case "scontext":
		x.Source = p.context(val)
	case "tcontext":
		x.Target = p.context(val)
	case "tclass", "sclass":
		x.Class = nameAtStart(val)
	case "oldcontext":
		x.Old = p.context(val)
	case "newcontext":
		x.New = p.context(val)
	case "taskcontext":
		x.Task = p.context(val)
	case "perms":
		x.Permissions = strings.Split(val, ",")
	case "pid":
		x.Pid = int(min(number(val), 1<<31-1))
	case "comm":
		val = literal(val, kind, interp)
		x.Comm = val
	}
	x.Fields = appendField(x.Fields, Field{key, val})
}

// change reads MAC_* and USER_MAC_* bodies and what an object manager writes
// after "avc:" about itself.
func (p *parser) change(x *Change, s string, interp bool) {
	switch x.Type {
	case TypeMACPolicyLoad, TypeUserMACPolicyLoad:
		x.Kind = ChangePolicyLoad
	case TypeMACStatus, TypeUserMACStatus:
		x.Kind = ChangeEnforcing
	case TypeMACConfigChange, TypeUserMACConfigChange:
		x.Kind = ChangeConfig
	}
	outer, inner, quote := splitMsg(s)
	p.changeFields(x, outer, interp, false)
	if quote {
		p.notice(x, inner, interp)
	}
}

// notice reads the inside of msg=”: fields, "avc:  received policyload notice
// (seqno=2)", or "avc:  op=load_policy lsm=selinux seqno=2 res=1".
func (p *parser) notice(x *Change, s string, interp bool) {
	s = strings.TrimLeft(s, " ")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "u"), "avc:")
	s = trimBlanks(s)
	if after, ok := strings.CutPrefix(s, "received "); ok {
		what, more, _ := strings.Cut(after, " ")
		switch what {
		case "policyload":
			x.Kind = ChangePolicyLoad
		case "setenforce":
			x.Kind = ChangeEnforcing
		}
		// notice (enforcing=0)  exe=…
		more = strings.Replace(strings.Replace(more, "(", "", 1), ")", "", 1)
		s = strings.TrimPrefix(strings.TrimLeft(more, " "), "notice")
	}
	p.changeFields(x, s, interp, true)
}

func (p *parser) changeFields(x *Change, s string, interp, inner bool) {
	f := fieldScanner{s: s}
	for {
		key, val, kind, ok := f.next()
		if !ok {
			return
		}
		if kind == word {
			continue
		}
		if key == "comm" || key == "exe" {
			val = literal(val, kind, interp)
		}
		x.Fields = appendField(x.Fields, Field{key, val})
		switch key {
		case "bool":
			x.Kind, x.Boolean = ChangeBoolean, val
		case "val", "enforcing":
			x.Value = flag(val)
		case "old_val", "old_enforcing":
			x.Old = flag(val)
		case "res":
			x.Success = flag(val)
		case "auid":
			if !inner {
				x.AUID = user(val)
			}
		case "AUID":
			x.AUID.Name = val
		case "op":
			switch val {
			case "load_policy":
				x.Kind = ChangePolicyLoad
			case "setenforce":
				x.Kind = ChangeEnforcing
			}
		}
	}
}

// flag reads 1, yes, success and their opposites.
func flag(val string) Ternary {
	switch val {
	case "1", "yes", "success":
		return Yes
	case "0", "no", "failed":
		return No
	}
	return Unknown
}

// splitMsg parts a userspace record into what the kernel wrote around msg='…'
// and what the program wrote inside. The program's text may hold quotes: it
// ends at the last one, behind which the kernel writes nothing and auditd only
// its appended fields, which come back with the outer part.
func splitMsg(s string) (outer, inner string, ok bool) {
	i := strings.Index(s, "msg='")
	if i < 0 || i > 0 && !isSpace(s[i-1]) {
		return s, "", false
	}
	outer, inner = s[:i], s[i+len("msg='"):]
	if end := strings.LastIndexByte(inner, '\''); end >= 0 {
		if tail := inner[end+1:]; strings.TrimSpace(tail) != "" {
			outer += " " + tail
		}
		inner = inner[:end]
	}
	return outer, inner, true
}

// foreignModule tells whose record an AVC is that is not SELinux's.
func foreignModule(t RecordType, s string) string {
	switch {
	case t >= TypeAppArmorFirst && t <= TypeAppArmorLast:
		return "apparmor"
	case strings.HasPrefix(s, "apparmor="):
		return "apparmor"
	case strings.HasPrefix(s, "lsm=SMACK"):
		return "smack"
	}
	return ""
}

func (p *parser) foreign(x *Foreign, s string) {
	f := fieldScanner{s: s}
	for {
		key, val, kind, ok := f.next()
		if !ok {
			return
		}
		if kind == plain && (isUntrustedKey(key) || key == "name" || key == "comm" || key == "profile") {
			val = untrusted(val, kind)
		}
		x.Fields = appendField(x.Fields, Field{key, val})
	}
}

// userVector reads a USER_AVC record: the object manager's own fields around
// the vector, which follows "avc:".
func (p *parser) userVector(d *Denial, outer, inner string, interp bool) error {
	if err := p.denial(d, inner, interp); err != nil {
		return err
	}
	d.Provenance = min(d.Provenance, ProvenanceObjectManager)
	m := new(Manager)
	f := fieldScanner{s: outer}
	for {
		key, val, _, ok := f.next()
		if !ok {
			break
		}
		switch key {
		case "pid":
			m.Pid = int(min(number(val), 1<<31-1))
		case "uid":
			m.UID = user(val)
		case "auid":
			m.AUID = user(val)
		case "subj":
			m.Context = p.context(val)
		case "UID":
			m.UID.Name = val
		case "AUID":
			m.AUID.Name = val
		}
	}
	m.Exe, d.Exe = d.Exe, ""
	d.Manager = m
	kept := d.Other[:0]
	for _, o := range d.Other {
		switch {
		case o.Value == "?" && (o.Key == "hostname" || o.Key == "addr" || o.Key == "terminal"):
		case o.Key == "spid" && d.Pid == 0: // dbus: the sender
			d.Pid = int(min(number(o.Value), 1<<31-1))
			kept = append(kept, o)
		default:
			kept = append(kept, o)
		}
	}
	d.Other = kept
	return nil
}

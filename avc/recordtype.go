package avc

import "strconv"

// RecordType is the type of an audit record, with the kernel's number.
type RecordType uint16

// The record types that this package looks into.
const (
	TypeUserAVC             RecordType = 1107
	TypeUserSELinuxErr      RecordType = 1122
	TypeSyscall             RecordType = 1300
	TypePath                RecordType = 1302
	TypeSockaddr            RecordType = 1306
	TypeCwd                 RecordType = 1307
	TypeExecve              RecordType = 1309
	TypeEOE                 RecordType = 1320
	TypeProctitle           RecordType = 1327
	TypeAVC                 RecordType = 1400
	TypeSELinuxErr          RecordType = 1401
	TypeAVCPath             RecordType = 1402
	TypeMACPolicyLoad       RecordType = 1403
	TypeMACStatus           RecordType = 1404
	TypeMACConfigChange     RecordType = 1405
	TypeAppArmorFirst       RecordType = 1500
	TypeAppArmorLast        RecordType = 1599
	TypeUserMACPolicyLoad   RecordType = 2310
	TypeUserMACConfigChange RecordType = 2312
	TypeUserMACStatus       RecordType = 2313
)

// String returns the name of the type as the audit tools write it, such as
// "AVC", or UNKNOWN[n].
func (t RecordType) String() string {
	if s := t.name(); s != "" {
		return s
	}
	return "UNKNOWN[" + strconv.Itoa(int(t)) + "]"
}

// AppendText implements [encoding.TextAppender].
func (t RecordType) AppendText(b []byte) ([]byte, error) { return append(b, t.String()...), nil }

// MarshalText implements [encoding.TextMarshaler].
func (t RecordType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for what MarshalText
// gives and for plain numbers.
func (t *RecordType) UnmarshalText(b []byte) error {
	v, ok := parseRecordType(b)
	if !ok && string(b) != RecordType(0).String() {
		return strconv.ErrSyntax
	}
	*t = v
	return nil
}

// parseRecordType reads AVC, 1400 or UNKNOWN[1400].
func parseRecordType(b []byte) (RecordType, bool) {
	if t := recordTypeOf(string(b)); t != 0 {
		return t, true
	}
	const unknown = "UNKNOWN["
	if len(b) > len(unknown) && string(b[:len(unknown)]) == unknown && b[len(b)-1] == ']' {
		b = b[len(unknown) : len(b)-1]
	}
	n, i := digits(b, 0)
	if i == 0 || i != len(b) || n == 0 || n > 0xffff {
		return 0, false
	}
	return RecordType(n), true
}

// selinux reports whether a record of the type by itself makes an event worth
// giving out.
func (t RecordType) selinux() bool {
	switch t {
	case TypeAVC, TypeUserAVC, TypeSELinuxErr, TypeUserSELinuxErr, TypeMACPolicyLoad,
		TypeMACStatus, TypeMACConfigChange, TypeUserMACPolicyLoad, TypeUserMACConfigChange,
		TypeUserMACStatus:
		return true
	}
	return t >= TypeAppArmorFirst && t <= TypeAppArmorLast
}

package triage

import "strings"

// Command is a command line as an argument list, ready for exec.Command. It
// never went through a shell; String quotes it for one.
type Command []string

// String returns the command as one types it into a POSIX shell. Arguments
// that hold anything but plain characters are quoted, control bytes in the
// $'…' form that bash, zsh, ksh and POSIX.1-2024 know.
func (c Command) String() string {
	var b strings.Builder
	for i, arg := range c {
		if i > 0 {
			b.WriteByte(' ')
		}
		quote(&b, arg)
	}
	return b.String()
}

// quote writes s as one shell word. File names are the attacker's, and a
// terminal obeys control bytes even inside quotes, so these are written as
// escapes.
func quote(b *strings.Builder, s string) {
	plain, control := s != "", false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c >= 0x7f {
			control = true
		}
		if !isPlain(c) {
			plain = false
		}
	}
	switch {
	case plain:
		b.WriteString(s)
	case !control:
		b.WriteString("'" + strings.ReplaceAll(s, "'", `'\''`) + "'")
	default:
		const hex = "0123456789abcdef"
		b.WriteString("$'")
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c < ' ' || c >= 0x7f:
				// Octal: it takes three digits at the most, where \x
				// would swallow a hex digit that follows.
				b.WriteByte('\\')
				b.WriteByte(hex[c>>6])
				b.WriteByte(hex[c>>3&7])
				b.WriteByte(hex[c&7])
			case c == '\'' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('\'')
	}
}

func isPlain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("_-./:=,@%+", c) >= 0
}

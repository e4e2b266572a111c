package module

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
)

// DefaultPriority is the priority that semodule installs and removes modules
// with if none is given. Distributions install theirs with 100.
const DefaultPriority = 400

// maxPriority is the highest that libsemanage takes (modules.c).
const maxPriority = 999

// Key says which module of a store is meant. A store may have modules of one
// name at several priorities.
type Key struct {
	Name string `json:"name"`
	// Priority is 1 to 999; 0 stands for [DefaultPriority] where a key is asked
	// for, and is never in an answer.
	Priority int `json:"priority"`
}

// String returns the name and the priority: webapp (400).
func (k Key) String() string { return fmt.Sprintf("%s (%d)", cut(k.Name), k.Priority) }

// check checks a key, and gives it the priority that 0 stands for.
func (k Key) check() (Key, error) {
	if k.Priority == 0 {
		k.Priority = DefaultPriority
	}
	if err := checkStoreName(k.Name); err != nil {
		return Key{}, err
	}
	if k.Priority < 1 || k.Priority > maxPriority {
		return Key{}, fmt.Errorf("priority %d is not 1 to %d: %w", k.Priority, maxPriority, fs.ErrInvalid)
	}
	return k, nil
}

// Record is a module in a store.
type Record struct {
	Key
	// Language is what the module was written in, as the store has it: the
	// file's extension, pp or cil, or that of another compiler in
	// /usr/libexec/selinux/hll.
	Language string `json:"language"`
	// Enabled says that the module was not disabled. Modules of one name are
	// enabled or disabled together.
	Enabled bool `json:"enabled"`
}

// String returns the record as semodule -lfull prints it, in single spaces.
func (r Record) String() string {
	s := fmt.Sprintf("%03d %s %s", r.Priority, r.Name, r.Language)
	if !r.Enabled {
		s += " disabled"
	}
	return s
}

// Form says in which form a module is wanted.
type Form uint8

const (
	// AsInstalled is the file that was installed.
	AsInstalled Form = iota
	// InCIL is what its language's compiler made of that, and what is linked; of
	// a module in CIL the file itself.
	InCIL
)

// String returns installed or cil.
func (f Form) String() string {
	if f == InCIL {
		return "cil"
	}
	return "installed"
}

// Content is a module as a file.
type Content struct {
	Language string // pp, cil, …
	Data     []byte
}

// Checksum returns the checksum of a module as semodule prints it for its form
// in CIL (semodule -l -m): sha256: and 64 hexadecimal digits.
func (c Content) Checksum() string {
	sum := sha256.Sum256(c.Data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// checkStoreName checks the name of a module in a store, which is the name of a
// directory there (libsemanage, semanage_module_validate_name): a letter, then
// letters, digits, '_' and '-', and single dots in between.
func checkStoreName(s string) error {
	const kind = "module"
	switch {
	case s == "":
		return nameError(kind, s, "empty")
	case len(s) > maxName:
		return nameError(kind, s, "too long")
	case !letter(s[0]):
		return nameError(kind, s, "does not start with a letter")
	case s[len(s)-1] == '.':
		return nameError(kind, s, "ends with a dot")
	}
	for i := range len(s) {
		switch {
		case nameByte(s[i]):
		case s[i] == '.' && s[i-1] != '.':
		default:
			return nameError(kind, s, "not letters, digits, '_', '-' and single dots")
		}
	}
	return nil
}

// checkLanguage checks a language, which is the extension of a file's name
// (semanage_module_validate_lang_ext).
func checkLanguage(s string) error {
	const kind = "language"
	if s == "" || len(s) > 32 || s[0] == '_' || s[0] == '-' {
		return nameError(kind, s, "not a file name's extension")
	}
	for i := range len(s) {
		if !nameByte(s[i]) {
			return nameError(kind, s, "not a file name's extension")
		}
	}
	return nil
}

func nameByte(c byte) bool {
	return letter(c) || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// cut keeps hostile text in errors short.
func cut(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

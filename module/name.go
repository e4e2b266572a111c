package module

import (
	"errors"
	"fmt"

	"github.com/sekit/sekit/policy"
)

// ErrInvalidName is what errors about names wrap that a module can't say.
var ErrInvalidName = errors.New("invalid name")

// maxName is the longest name that is taken. The kernel's and the compilers'
// limits lie higher; checkpolicy's scanner ends the process on a line above
// 8191 bytes.
const maxName = 255

// NameError says which name of a module is none, and why. It wraps
// [ErrInvalidName].
type NameError struct {
	Kind    string // "module", "version", "type", "class", "permission"
	Name    string // cut if it is long
	Problem string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("invalid %s name %q: %s", e.Kind, e.Name, e.Problem)
}

// Unwrap returns [ErrInvalidName].
func (e *NameError) Unwrap() error { return ErrInvalidName }

// checkName checks an identifier of the module language: checkpolicy's
// scanner (policy_scan.l, IDENTIFIER) wants a letter first, and no two dots in
// a row nor one at the end; CIL wants no less. What the grammar reserves is no
// name even where a policy has it.
func checkName(kind, s string) error {
	problem := ""
	switch {
	case s == "":
		problem = "empty"
	case len(s) > maxName:
		problem = "too long"
	case !policy.ValidName(s):
		problem = "not letters, digits, '_', '-' and '.'"
	case !letter(s[0]):
		problem = "does not start with a letter"
	case s[len(s)-1] == '.':
		problem = "ends with a dot"
	case reserved(s):
		problem = "reserved by the policy language"
	default:
		for i := 1; i < len(s); i++ {
			if s[i] == '.' && s[i-1] == '.' {
				problem = "two dots in a row"
			}
		}
	}
	if problem == "" {
		return nil
	}
	return nameError(kind, s, problem)
}

// nameError keeps hostile names in errors short.
func nameError(kind, s, problem string) error {
	const most = 64
	if len(s) > most {
		s = s[:most] + "..."
	}
	return &NameError{kind, s, problem}
}

// checkModuleName checks the name of a module, which is a file's name in the
// store as well: no dots (libsemanage, semanage_module_validate_name).
func checkModuleName(s string) error {
	if err := checkName("module", s); err != nil {
		return err
	}
	for i := range len(s) {
		if s[i] == '.' {
			return nameError("module", s, "has a dot")
		}
	}
	return nil
}

// checkVersion checks a module's version: numbers, and after a dot letters and
// '_' too (policy_scan.l, VERSION_IDENTIFIER), with no empty part.
func checkVersion(s string) error {
	bad := nameError("version", s, "not numbers joined by dots")
	if len(s) > 32 {
		return bad
	}
	parts, empty := 0, true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', parts > 0 && (letter(c) || c == '_'):
			empty = false
		case c == '.' && !empty:
			parts, empty = parts+1, true
		default:
			return bad
		}
	}
	if empty {
		return bad
	}
	return nil
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// reserved reports whether the module language (policy_scan.l) or CIL
// (cil_verify.c) keeps s for itself.
func reserved(s string) bool {
	switch s { // CIL's, and self, which the module language handles by name
	case "all", "notself", "other", Self:
		return true
	}
	return keyword(s) != ""
}

// keywords reports whether s is a keyword of the module language, in lower
// case.
func keywords(s string) bool {
	switch s {
	case "alias", "allow", "allowxperm", "and", "attribute", "attribute_role",
		"auditallow", "auditallowxperm", "auditdeny", "bool", "category",
		"class", "clone", "common", "constrain", "default_range",
		"default_role", "default_type", "default_user", "devicetreecon",
		"dom", "domby", "dominance", "dontaudit", "dontauditxperm", "else",
		"eq", "expandattribute", "false", "fs_use_task", "fs_use_trans",
		"fs_use_xattr", "fscon", "genfscon", "glblub", "h1", "h2", "high",
		"ibendportcon", "ibpkeycon", "if", "incomp", "inherits",
		"iomemcon", "ioportcon", "l1", "l2", "level", "low", "low-high",
		"mlsconstrain", "mlsvalidatetrans", "module", "netifcon",
		"neveraudit", "neverallow", "neverallowxperm", "nodecon", "not",
		"optional", "or", "pcidevicecon", "permissive", "pirqcon",
		"policycap", "portcon", "r1", "r2", "r3", "range",
		"range_transition", "require", "role", "role_transition",
		"roleattribute", "roles", "sameuser", "sensitivity", "sid",
		"source", "t1", "t2", "t3", "target", "true", "tunable", "type",
		"type_change", "type_member", "type_transition", "typealias",
		"typeattribute", "typebounds", "types", "u1", "u2", "u3", "user",
		"validatetrans", "xor":
		return true
	}
	return false
}

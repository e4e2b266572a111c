package policy

import (
	"iter"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// User is an SELinux user of a policy: a small handle, comparable within one
// Policy. The zero User is not valid.
type User struct {
	p     *Policy
	value uint32 // 1-based
}

// Users lists the SELinux users, in the order of their names.
func (p *Policy) Users() iter.Seq[User] {
	return func(yield func(User) bool) {
		for _, v := range sortedValues(len(p.sym.users), p.userNameAt) {
			if !yield(User{p, v}) {
				return
			}
		}
	}
}

func (p *Policy) userNameAt(i int) string {
	if u := p.sym.users[i]; u != nil {
		return u.Name
	}
	return ""
}

// User finds an SELinux user by its name, or returns a [*NameError].
func (p *Policy) User(name string) (User, error) {
	v, ok := p.sym.userByName[name]
	if !ok {
		return User{}, &NameError{"user", name}
	}
	return User{p, v}, nil
}

func (u User) user() *policydb.User { return u.p.sym.users[u.value-1] }

// Name returns the user's name.
func (u User) Name() string {
	if u.p == nil {
		return ""
	}
	return u.user().Name
}

// String returns the user's name.
func (u User) String() string { return u.Name() }

// MarshalText implements [encoding.TextMarshaler]: it gives the name.
func (u User) MarshalText() ([]byte, error) { return []byte(u.Name()), nil }

// Roles lists the roles that the user is authorized for, in the order of their
// names. The role object_r, which every user has, is left out.
func (u User) Roles() iter.Seq[Role] {
	return func(yield func(Role) bool) {
		for _, v := range u.p.roleValues(u.user().Roles) {
			if v != objectR && !yield(Role{u.p, v}) {
				return
			}
		}
	}
}

// Bounds returns the user that bounds this one, and whether there is one.
func (u User) Bounds() (User, bool) {
	b := u.user().Bounds
	if b == 0 {
		return User{}, false
	}
	return User{u.p, b}, true
}

// Level returns the default level, or "" without MLS.
func (u User) Level() string {
	if !u.p.db.MLS {
		return ""
	}
	return string(u.p.appendLevel(nil, &u.user().Default, kernelText))
}

// Range returns the range that the user is authorized for, as low-high or one
// level, or "" without MLS.
func (u User) Range() string {
	if !u.p.db.MLS {
		return ""
	}
	return string(u.p.appendRange(nil, &u.user().Range, kernelText))
}

// Statement returns the user statement with roles, level and range.
func (u User) Statement() string {
	var b strings.Builder
	b.WriteString("user ")
	b.WriteString(u.Name())
	b.WriteString(" roles ")
	var roles []string
	for r := range u.Roles() {
		roles = append(roles, r.Name())
	}
	writeNames(&b, roles)
	if u.p.db.MLS {
		b.WriteString(" level ")
		b.Write(u.p.appendLevel(nil, &u.user().Default, statementText))
		b.WriteString(" range ")
		b.Write(u.p.appendRange(nil, &u.user().Range, statementText))
	}
	b.WriteByte(';')
	return b.String()
}

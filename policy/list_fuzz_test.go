package policy_test

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/sekit/sekit/policy"
)

// FuzzList lists, prints and searches all that a damaged policy still holds:
// what was read without an error can be asked anything without a panic.
func FuzzList(f *testing.F) {
	for _, pattern := range []string{"testdata/*.policy", "../internal/policydb/testdata/*.policy"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(data)
		if err != nil {
			var format *policy.FormatError
			if p != nil || !errors.As(err, &format) {
				t.Fatalf("policy %v, error %#v", p, err)
			}
			return
		}
		listAll(t, p)
		searchAll(t, p)
	})
}

// component is what every listing yields.
type component interface {
	fmt.Stringer
	Statement() string
}

func list[T component](t *testing.T, all iter.Seq[T]) (some []T) {
	for c := range all {
		if c.Statement() == "" {
			t.Fatalf("%#v has no statement", c)
		}
		_ = c.String()
		if len(some) < 3 {
			some = append(some, c)
		}
	}
	return some
}

func listAll(t *testing.T, p *policy.Policy) {
	for _, v := range list(t, p.Types()) {
		if w, err := p.Type(v.Name()); err != nil || w != v {
			t.Fatalf("Type(%q): %v, %v", v.Name(), w, err)
		}
		v.Bounds()
		list(t, v.Roles())
	}
	for _, v := range list(t, p.Attributes()) {
		if n := len(texts(v.Types())); n != v.Len() {
			t.Fatalf("%s: %d types, Len %d", v.Name(), n, v.Len())
		}
	}
	list(t, p.Classes())
	list(t, p.Commons())
	for _, v := range list(t, p.Roles()) {
		list(t, v.Dominates())
		v.Bounds()
	}
	list(t, p.Users())
	for _, v := range list(t, p.Booleans()) {
		for r := range v.Rules() {
			_ = r.String()
			r.Holds()
		}
	}
	list(t, p.Sensitivities())
	list(t, p.Categories())
	list(t, p.Capabilities())
	list(t, p.Defaults())
	list(t, p.Constraints())
	list(t, p.PermissiveTypes())
	list(t, p.NeverAuditTypes())
	list(t, p.BoundedTypes())
	list(t, p.InitialSIDs())
	list(t, p.FSUses())
	for _, g := range list(t, p.Genfscons()) {
		p.GenfsContext(g.FSType, g.Path, g.Class)
	}
	for _, c := range list(t, p.Portcons()) {
		p.PortContext(c.Protocol, c.Low)
	}
	list(t, p.Netifcons())
	list(t, p.Nodecons())
	list(t, p.IBPkeycons())
	list(t, p.IBEndportcons())
	p.NetifContext("lo")
	p.NodeContext(netip.IPv6Loopback())
	p.IBPkeyContext(1, 1)
	p.IBEndportContext("mlx4_0", 1)
}

func searchAll(t *testing.T, p *policy.Policy) {
	all, err := p.Rules(policy.RuleQuery{})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[policy.RuleKind]bool)
	for r := range all {
		text := r.String()
		if seen[r.Kind()] || r.Source() == "" || r.Target() == "" {
			continue
		}
		seen[r.Kind()] = true
		q := policy.RuleQuery{Kinds: r.Kind(), Source: r.Source(), Target: r.Target(), SourceDirect: true, TargetDirect: true,
			Name: r.Name()}
		if r.Kind() != policy.KindRangeTransition { // a category's name may have a dot
			q.Default = r.Default()
		}
		if c := r.Class(); c != "" {
			q.Classes = []string{c}
		}
		if r.Kind()&policy.AccessKinds != 0 { // a class need not have the ioctl of its xperms
			q.Permissions = r.Permissions()
		}
		if c, ok := r.Condition(); ok {
			q.Booleans = c.Booleans()
		}
		rules, err := p.Rules(q)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		found := false
		for other := range rules {
			found = found || other == r
		}
		if !found {
			t.Fatalf("%s is not found by its own parts", text)
		}
	}
}

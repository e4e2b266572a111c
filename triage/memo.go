package triage

import (
	"sync"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// memo keeps answers of the policy that many findings ask for. What a log has
// in it must not decide how much is kept.
type memo[K comparable, V any] struct {
	mu   sync.Mutex
	kept map[K]V
}

// maxKept bounds a memo.
const maxKept = 1 << 16

func (m *memo[K, V]) get(key K, work func() (V, error)) (V, error) {
	m.mu.Lock()
	v, ok := m.kept[key]
	m.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := work()
	if err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = make(map[K]V)
	}
	if len(m.kept) < maxKept {
		m.kept[key] = v
	}
	return v, nil
}

// relabelling is an object of a class that gets another type.
type relabelling struct{ from, to, class string }

// relabelExposure prices giving an object another type. What lies in a directory
// is priced as files, too.
func (t *typeFacts) relabelExposure(from, to, class string) (policy.Exposure, error) {
	return t.prices.get(relabelling{from, to, class}, func() (policy.Exposure, error) {
		classes := []string{class}
		if class == "dir" {
			classes = append(classes, "file")
		}
		return t.pol.RelabelExposure(from, to, classes...)
	})
}

// secret reports whether a type is one that the policy keeps from ordinary
// domains.
func (t *typeFacts) secret(name string) bool {
	yes, _ := t.secrets.get(name, func() (bool, error) { return module.IsSecurityType(t.pol, name), nil })
	return yes
}

// guardBase reports whether the module guard takes a type for a base type.
func (t *typeFacts) guardBase(name string) bool {
	yes, _ := t.bases.get(name, func() (bool, error) { return module.IsBaseType(t.pol, name), nil })
	return yes
}

package module

import "strings"

// Level is a level of multi-level security, as written: a sensitivity and
// categories.
type Level struct {
	Sensitivity string
	Categories  []CategoryRange
}

// CategoryRange is a range of categories, ends included; of one, both ends are
// the same.
type CategoryRange struct{ Low, High string }

// Range is a low and a high level. A zero High is the same as Low.
type Range struct{ Low, High Level }

func (l *Level) isZero() bool { return l.Sensitivity == "" && len(l.Categories) == 0 }

// String returns the level in the module language, such as s0:c0.c1023.
func (l Level) String() string {
	var b strings.Builder
	b.WriteString(l.Sensitivity)
	for i, c := range l.Categories {
		b.WriteByte(":,"[min(i, 1)])
		b.WriteString(c.Low)
		if c.High != c.Low {
			b.WriteByte('.')
			b.WriteString(c.High)
		}
	}
	return b.String()
}

// String returns the range in the module language. The dash has spaces around:
// it may be part of a name.
func (r Range) String() string {
	if r.High.isZero() {
		return r.Low.String()
	}
	return r.Low.String() + " - " + r.High.String()
}

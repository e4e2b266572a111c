package policy

import "iter"

// entries yields all allow, auditallow and dontaudit rules of the file for two
// types and a class, through attributes, whether their condition holds or not.
func (p *Policy) entries(source, target, class uint32) iter.Seq[*avEntry] {
	return p.match(p.engine.av(), source, target, class)
}

func (p *Policy) match(x *avIndex, source, target, class uint32) iter.Seq[*avEntry] {
	return func(yield func(*avEntry) bool) {
		var m matcher
		if x == nil || !m.init(&x.classes[class-1], &p.db.TypeAttributes[source-1], &p.db.TypeAttributes[target-1]) {
			return
		}
		for e := m.next(); e != nil; e = m.next() {
			if !yield(e) {
				return
			}
		}
	}
}

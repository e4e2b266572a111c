package policydb

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Encode writes a policy as libsepol's policydb_write does: what [Decode] read
// comes out as the same bytes, the ones after the policy aside. It refuses,
// with a *[FormatError], what Decode would refuse to read back, and with a
// [VersionError] in it what the policy's version cannot say; [Convert] makes a
// policy of another version. Name transitions are written in the way of the
// version, whichever they were read in.
func Encode(p *Policy) ([]byte, error) {
	if p.Version < MinVersion || p.Version > MaxVersion {
		return nil, &FormatError{Section: "header", Offset: -1, Err: &VersionError{Version: p.Version}}
	}
	unknown := p.HandleUnknown == DenyUnknown || p.HandleUnknown == RejectUnknown || p.HandleUnknown == AllowUnknown
	if !unknown || p.OtherConfig&(configMLS|configUnknown) != 0 {
		err := fmt.Errorf("config bits %#x and %#x", uint32(p.HandleUnknown), p.OtherConfig)
		return nil, &FormatError{Section: "header", Offset: -1, Err: err}
	}
	if s, err := p.check(); err != nil {
		return nil, &FormatError{Section: s.String(), Offset: -1, Err: err}
	}
	return EncodeEdited(p)
}

// EncodeEdited writes a policy that [Decode] gave and that nothing has changed
// since but the edits of this package, which keep it valid: it does not check it
// again, which takes as long as all the rest.
func EncodeEdited(p *Policy) ([]byte, error) {
	w := &writer{b: make([]byte, 0, p.sizeHint()), version: p.Version}
	w.header(p)
	for s, write := range sectionWriters {
		write(w, p)
		if w.err != nil {
			return nil, &FormatError{Section: section(s).String(), Offset: -1, Err: w.err}
		}
	}
	for i, t := range w.tables {
		if uint64(t.nprim)*valueSize > uint64(len(w.b)-t.end) {
			err := fmt.Errorf("%d values in a policy of %d bytes", t.nprim, len(w.b))
			return nil, &FormatError{Section: (secCommons + section(i)).String(), Offset: -1, Err: err}
		}
	}
	return w.b, nil
}

// sizeHint guesses the length of the file, so that writing allocates once.
func (p *Policy) sizeHint() int {
	n := 1<<10 + len(p.AVTab)*minAVRule + len(p.XPerms)*avXPermsSize + len(p.Types)*40 + len(p.NameTransitions)*80
	for i := range p.TypeAttributes {
		n += bitmapHeadSize + len(p.TypeAttributes[i].Nodes)*bitmapNodeSize
	}
	for i := range p.Conditionals {
		k := &p.Conditionals[i]
		n += minConditional + len(k.Expr)*minCondTerm + (len(k.True)+len(k.False))*minAVRule
	}
	return n + n/4
}

var sectionWriters = [numSections]func(*writer, *Policy){
	secCapabilities: func(w *writer, p *Policy) { w.bitmap(p.Capabilities) },
	secPermissive:   func(w *writer, p *Policy) { w.bitmap(p.Permissive) },
	secNeverAudit: func(w *writer, p *Policy) {
		if FeatureNeverAudit.In(p.Version) {
			w.bitmap(p.NeverAudit)
		}
	},
	secCommons:          (*writer).commons,
	secClasses:          (*writer).classes,
	secRoles:            (*writer).roles,
	secTypes:            (*writer).types,
	secUsers:            (*writer).users,
	secBooleans:         (*writer).booleans,
	secSensitivities:    (*writer).sensitivities,
	secCategories:       (*writer).categories,
	secAVTab:            func(w *writer, p *Policy) { w.avRules(p, p.AVTab) },
	secConditionals:     (*writer).conditionals,
	secRoleTransitions:  (*writer).roleTransitions,
	secRoleAllows:       (*writer).roleAllows,
	secNameTransitions:  (*writer).nameTransitions,
	secInitialSIDs:      (*writer).initialSIDs,
	secFS:               (*writer).fs,
	secPortcons:         (*writer).portcons,
	secNetifcons:        (*writer).netifcons,
	secNodecons:         (*writer).nodecons,
	secFSUses:           (*writer).fsUses,
	secNodecons6:        (*writer).nodecons6,
	secIBPkeycons:       (*writer).ibpkeycons,
	secIBEndportcons:    (*writer).ibendportcons,
	secGenfscons:        (*writer).genfscons,
	secRangeTransitions: (*writer).rangeTransitions,
	secTypeAttributes: func(w *writer, p *Policy) {
		for _, b := range p.TypeAttributes {
			w.bitmap(b)
		}
	},
}

// writer appends to a policy file.
type writer struct {
	b       []byte
	version uint32
	err     error // of a bitmap that is none
	tables  []tableHead
}

// tableHead says where the head of a symbol table with nprim values ends:
// readers want bytes left for them.
type tableHead struct {
	nprim uint32
	end   int
}

func (w *writer) u32(values ...uint32) {
	b := w.b
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	w.b = b
}

// count writes a number of records.
func (w *writer) count(n int) { w.u32(uint32(n)) }

// text writes a string whose length is already written.
func (w *writer) text(s string) { w.b = append(w.b, s...) }

// name writes a string after its length.
func (w *writer) name(s string) {
	w.count(len(s))
	w.text(s)
}

func (w *writer) flag(v bool) {
	if v {
		w.u32(1)
	} else {
		w.u32(0)
	}
}

func (w *writer) bitmap(b Bitmap) {
	if err := b.check(); err != nil && w.err == nil {
		w.err = err
	}
	size := bitmapHeadSize + len(b.Nodes)*bitmapNodeSize
	w.b = slices.Grow(w.b, size)
	out := w.b[len(w.b) : len(w.b)+size]
	w.b = w.b[:len(w.b)+size]
	le := binary.LittleEndian
	le.PutUint32(out, bitmapUnit)
	high := uint32(0)
	if n := len(b.Nodes); n > 0 {
		high = b.Nodes[n-1].Start + bitmapUnit
	}
	le.PutUint32(out[4:], high)
	le.PutUint32(out[8:], uint32(len(b.Nodes)))
	out = out[bitmapHeadSize:]
	for i := range b.Nodes {
		le.PutUint32(out, b.Nodes[i].Start)
		le.PutUint64(out[4:], b.Nodes[i].Map)
		out = out[bitmapNodeSize:]
	}
}

func (w *writer) header(p *Policy) {
	w.u32(magicKernel)
	w.name(idSELinux)
	config := uint32(p.HandleUnknown) | p.OtherConfig
	if p.MLS {
		config |= configMLS
	}
	syms, ocons := tableCounts(p.Version)
	w.u32(p.Version, config, syms, ocons)
}

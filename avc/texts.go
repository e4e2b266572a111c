package avc

import "strings"

// texts makes strings of parts of the input. Short ones share their memory in
// blocks.
type texts struct {
	block strings.Builder
	size  int // of a block
}

// textBlock is the size of a block for an input that is read ahead, smallText
// for one whose events come one by one. Of the former the allocator cuts seven
// out of one piece, while blocks of 8 KiB cost one each.
const (
	textBlock = 6912
	smallText = 1 << 10
)

// add returns a string of b.
func (t *texts) add(b []byte) string {
	if len(b) > t.size/4 {
		return string(b)
	}
	if t.block.Cap()-t.block.Len() < len(b) {
		t.block = strings.Builder{} // the strings have what is in it
		t.block.Grow(t.size)
	}
	n := t.block.Len()
	t.block.Write(b)
	return t.block.String()[n:]
}

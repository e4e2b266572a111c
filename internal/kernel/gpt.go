//go:build kernel && linux

package kernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"os"
	"unicode/utf16"
)

// A disk with one partition that has a name: root=PARTLABEL=NAME is the one
// way to name a root that does not depend on the order in which the kernel
// numbers disks and needs no initrd. The layout is that of the UEFI
// specification, chapter 5.
const (
	sector         = 512
	gptEntries     = 128
	gptEntrySize   = 128
	gptEntrySector = gptEntries * gptEntrySize / sector // 32
	partitionStart = 1 << 20
	gptTail        = 1 << 20 // left for the backup table
)

type gptHeader struct {
	Signature                [8]byte
	Revision, Size, CRC, _   uint32
	Self, Other              uint64
	First, Last              uint64 // usable sectors
	Disk                     [16]byte
	Entries                  uint64 // where they begin
	Count, EntrySize, EntCRC uint32
}

type gptEntry struct {
	Type, ID    [16]byte
	First, Last uint64
	Flags       uint64
	Name        [36]uint16
}

// writeGPT makes a sparse disk of size bytes whose single partition goes from
// partitionStart to gptTail before the end.
func writeGPT(name string, size int64, label string) error {
	sectors := uint64(size / sector)
	// 0FC63DAF-8483-4772-8E79-3D69D8477DE4, Linux data, in its mixed order.
	linux := [16]byte{0xAF, 0x3D, 0xC6, 0x0F, 0x83, 0x84, 0x72, 0x47, 0x8E, 0x79, 0x3D, 0x69, 0xD8, 0x47, 0x7D, 0xE4}
	sum := sha256.Sum256([]byte(label))
	entry := gptEntry{Type: linux, ID: [16]byte(sum[:16]), First: partitionStart / sector, Last: sectors - gptTail/sector - 1}
	copy(entry.Name[:], utf16.Encode([]rune(label)))
	table := make([]byte, gptEntries*gptEntrySize)
	copy(table, encode(entry))

	header := func(self, other, entries uint64) []byte {
		h := gptHeader{
			Signature: [8]byte([]byte("EFI PART")), Revision: 0x10000, Size: 92,
			Self: self, Other: other, First: 2 + gptEntrySector, Last: sectors - gptEntrySector - 2,
			Disk: [16]byte(sum[16:]), Entries: entries, Count: gptEntries, EntrySize: gptEntrySize,
			EntCRC: crc32.ChecksumIEEE(table),
		}
		h.CRC = crc32.ChecksumIEEE(encode(h))
		return encode(h)
	}
	// The protective MBR: one partition of type EE over the whole disk.
	mbr := make([]byte, sector)
	copy(mbr[446:], []byte{0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0})
	binary.LittleEndian.PutUint32(mbr[458:], uint32(min(sectors-1, 1<<32-1)))
	mbr[510], mbr[511] = 0x55, 0xAA

	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	backup := sectors - 1 - gptEntrySector
	for _, w := range []struct {
		sector uint64
		data   []byte
	}{
		{0, mbr}, {1, header(1, sectors-1, 2)}, {2, table},
		{backup, table}, {sectors - 1, header(sectors-1, 1, backup)},
	} {
		if _, err := f.WriteAt(w.data, int64(w.sector*sector)); err != nil {
			return err
		}
	}
	return f.Close()
}

func encode(v any) []byte {
	var b bytes.Buffer
	// A bytes.Buffer takes everything and the types have a fixed size.
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		panic(err)
	}
	return b.Bytes()
}

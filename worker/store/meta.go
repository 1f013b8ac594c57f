package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// SpanSize is the unit of checksums in bytes.
const SpanSize = 64 << 10

const (
	metaMagic      = "ALXBLK\x00\x01" // the last byte is the format version
	metaHeader     = 36               // bytes before the fingerprint
	metaSuffix     = ".meta"
	maxFingerprint = 4 << 10
	maxBlockLength = 1 << 40
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(p []byte) uint32              { return crc32.Checksum(p, castagnoli) }
func update(sum uint32, p []byte) uint32 { return crc32.Update(sum, castagnoli, p) }

// meta is a sidecar in memory.
type meta struct {
	id          blockid.ID
	length      int64
	pageSize    int
	fingerprint string
	present     bitmap
	sums        []uint32
}

// sumsCRC is the checksum of checksums, as a sidecar has them.
func sumsCRC(sums []uint32) uint32 {
	crc, buf := uint32(0), [4 * 64]byte{}
	for part := range slices.Chunk(sums, 64) {
		for i, s := range part {
			binary.LittleEndian.PutUint32(buf[4*i:], s)
		}
		crc = update(crc, buf[:4*len(part)])
	}
	return crc
}

// newMeta describes a block of which no page is present.
func newMeta(id blockid.ID, length int64, pageSize int, fingerprint string) meta {
	m := meta{id: id, length: length, pageSize: pageSize, fingerprint: fingerprint}
	m.present = newBitmap(m.pages())
	m.sums = make([]uint32, ceilDiv(length, SpanSize))
	return m
}

func ceilDiv(n, d int64) int { return int((n + d - 1) / d) }

func (m *meta) pages() int { return ceilDiv(m.length, int64(m.pageSize)) }

// pageLen is the number of bytes of page p.
func (m *meta) pageLen(p int) int64 {
	return min(int64(m.pageSize), m.length-int64(p)*int64(m.pageSize))
}

// bytes is the number of bytes present.
func (m *meta) bytes() int64 {
	n := m.present.count()
	total := int64(n) * int64(m.pageSize)
	if last := m.pages() - 1; last >= 0 && m.present.has(last) {
		total -= int64(m.pageSize) - m.pageLen(last)
	}
	return total
}

func (m *meta) whole() bool { return m.present.count() == m.pages() }

// encode renders the sidecar as docs/block-layout.md describes it.
func (m *meta) encode() []byte {
	b := make([]byte, 0, metaHeader+len(m.fingerprint)+len(m.present)*8+4*len(m.sums)+4)
	b = append(b, metaMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.id))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.length))
	b = binary.LittleEndian.AppendUint32(b, uint32(m.pageSize))
	b = binary.LittleEndian.AppendUint32(b, SpanSize)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.fingerprint)))
	b = append(b, m.fingerprint...)
	for i := range ceilDiv(int64(m.pages()), 8) {
		b = append(b, byte(m.present[i/8]>>(i%8*8)))
	}
	for _, s := range m.sums {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return binary.LittleEndian.AppendUint32(b, sumOf(b))
}

// decodeMeta reads a sidecar that should describe the block id. The error, of
// kind Corrupt, says what is wrong with it.
func decodeMeta(b []byte, id blockid.ID) (meta, error) {
	bad := func(format string, args ...any) (meta, error) {
		return meta{}, errors.E("store.sidecar", fmt.Sprint(int64(id)), errors.Corrupt, fmt.Errorf(format, args...))
	}
	if len(b) < metaHeader+4 {
		return bad("%d bytes are too few", len(b))
	}
	if string(b[:8]) != metaMagic {
		return bad("not a sidecar of format version %d", metaMagic[7])
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if sumOf(body) != sum {
		return bad("checksum mismatch")
	}
	m := meta{
		id:       blockid.ID(binary.LittleEndian.Uint64(body[8:])),
		length:   int64(binary.LittleEndian.Uint64(body[16:])),
		pageSize: int(binary.LittleEndian.Uint32(body[24:])),
	}
	span, flen := binary.LittleEndian.Uint32(body[28:]), int64(binary.LittleEndian.Uint32(body[32:]))
	switch {
	case m.id != id:
		return bad("it describes block %d", m.id)
	case m.length < 0 || m.length > maxBlockLength:
		return bad("impossible length %d", m.length)
	case span != SpanSize:
		return bad("span size %d is not supported", span)
	case m.pageSize <= 0 || m.pageSize%SpanSize != 0:
		return bad("impossible page size %d", m.pageSize)
	case flen > maxFingerprint:
		return bad("impossible fingerprint length %d", flen)
	}
	pages, spans := m.pages(), ceilDiv(m.length, SpanSize)
	mapBytes := ceilDiv(int64(pages), 8)
	if int64(len(body)) != metaHeader+flen+int64(mapBytes)+4*int64(spans) {
		return bad("%d bytes do not fit a block of %d bytes", len(b), m.length)
	}
	rest := body[metaHeader:]
	m.fingerprint, rest = string(rest[:flen]), rest[flen:]
	m.present = newBitmap(pages)
	for i := range mapBytes {
		m.present[i/8] |= uint64(rest[i]) << (i % 8 * 8)
	}
	if tail := pages % 64; tail != 0 && m.present[pages/64]>>tail != 0 {
		return bad("pages marked beyond the end")
	}
	rest = rest[mapBytes:]
	m.sums = make([]uint32, spans)
	for i := range m.sums {
		m.sums[i] = binary.LittleEndian.Uint32(rest[4*i:])
	}
	return m, nil
}

// metaLimit bounds the size of a sidecar file that is read.
const metaLimit = metaHeader + maxFingerprint + maxBlockLength/SpanSize*5

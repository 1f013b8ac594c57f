// Package etag computes the content hash that Kodo calls hash or ETag.
//
// An object of up to 4 MiB hashes to 0x16 and the SHA-1 of its bytes; a larger
// one to 0x96 and the SHA-1 over the SHA-1 sums of its 4 MiB blocks ("v1"). An
// object made of parts of other sizes hashes to 0x9e and the SHA-1 over its
// parts' v1 digests ("v2"). The 21 bytes are written in URL-safe base64.
package etag

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
)

// BlockSize is the length in bytes of the blocks that v1 hashes are made of.
const BlockSize = 4 << 20

// Size is the length of an ETag in characters.
const Size = 28

const (
	prefixSmall  = 0x16
	prefixBlocks = 0x96
	prefixParts  = 0x9e
)

// Hash computes the v1 ETag of a stream in constant memory (20 bytes for each
// 4 MiB). The zero value is not usable; New makes one. Write never fails.
type Hash struct {
	block   hash.Hash
	inBlock int
	outer   hash.Hash
	first   [sha1.Size]byte
	blocks  int
	size    int64
}

// New returns a Hash that has seen no bytes.
func New() *Hash { return &Hash{block: sha1.New(), outer: sha1.New()} }

// Write adds p to the stream.
func (h *Hash) Write(p []byte) (int, error) {
	n := len(p)
	h.size += int64(n)
	for len(p) > 0 {
		if h.inBlock == BlockSize {
			h.closeBlock()
		}
		k := min(len(p), BlockSize-h.inBlock)
		h.block.Write(p[:k])
		h.inBlock += k
		p = p[k:]
	}
	return n, nil
}

// closeBlock moves the digest of the full block into the outer hash.
func (h *Hash) closeBlock() {
	sum := h.block.Sum(nil)
	if h.blocks == 0 {
		copy(h.first[:], sum)
	}
	h.outer.Write(sum)
	h.blocks++
	h.block.Reset()
	h.inBlock = 0
}

// Len returns the number of bytes written so far.
func (h *Hash) Len() int64 { return h.size }

// Sum returns the v1 ETag of the bytes written. Nothing may be written after it.
func (h *Hash) Sum() string {
	if h.inBlock > 0 || h.blocks == 0 {
		h.closeBlock()
	}
	if h.blocks == 1 {
		return encode(prefixSmall, h.first[:])
	}
	return encode(prefixBlocks, h.outer.Sum(nil))
}

// Of returns the v1 ETag of p.
func Of(p []byte) string {
	h := New()
	h.Write(p)
	return h.Sum()
}

// Read returns the v1 ETag and the length of all that r yields.
func Read(r io.Reader) (tag string, n int64, err error) {
	h := New()
	n, err = io.Copy(h, r)
	return h.Sum(), n, err
}

// Part is one part of a multipart upload.
type Part struct {
	Size int64
	Etag string // v1 ETag of the part's bytes
}

// Compose returns the ETag of the object made of the parts in order: v1 when
// they are exactly the 4 MiB blocks of the object, else v2.
func Compose(parts []Part) (string, error) {
	if len(parts) == 0 {
		return Of(nil), nil
	}
	outer, aligned := sha1.New(), true
	for i, p := range parts {
		raw, err := decode(p.Etag)
		if err != nil {
			return "", fmt.Errorf("part %d: %w", i+1, err)
		}
		outer.Write(raw[1:])
		last := i == len(parts)-1
		aligned = aligned && (p.Size == BlockSize || last && p.Size <= BlockSize)
	}
	switch {
	case aligned && len(parts) == 1:
		return parts[0].Etag, nil
	case aligned:
		return encode(prefixBlocks, outer.Sum(nil)), nil
	}
	return encode(prefixParts, outer.Sum(nil)), nil
}

// PartsHash computes the ETag of an object that was made of parts of the given
// sizes, from its bytes. Write never fails.
type PartsHash struct {
	sizes []int64
	parts []Part
	cur   *Hash
}

// NewParts returns a PartsHash that has seen no bytes.
func NewParts(sizes []int64) *PartsHash { return &PartsHash{sizes: sizes, cur: New()} }

// Write adds p to the stream.
func (h *PartsHash) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := len(p)
		if len(h.parts) < len(h.sizes) {
			k = int(min(int64(k), h.sizes[len(h.parts)]-h.cur.Len()))
		}
		h.cur.Write(p[:k])
		p = p[k:]
		if len(h.parts) < len(h.sizes) && h.cur.Len() == h.sizes[len(h.parts)] {
			h.closePart()
		}
	}
	return n, nil
}

func (h *PartsHash) closePart() {
	h.parts = append(h.parts, Part{Size: h.cur.Len(), Etag: h.cur.Sum()})
	h.cur = New()
}

// Sum returns the ETag of the bytes written. Nothing may be written after it.
func (h *PartsHash) Sum() string {
	if h.cur.Len() > 0 {
		h.closePart()
	}
	tag, err := Compose(h.parts)
	if err != nil {
		panic(err) // the parts' tags are made above
	}
	return tag
}

// IsV1 reports whether tag can be computed from an object's bytes alone.
func IsV1(tag string) bool {
	raw, err := decode(tag)
	return err == nil && raw[0] != prefixParts
}

func encode(prefix byte, sum []byte) string {
	return base64.URLEncoding.EncodeToString(append([]byte{prefix}, sum...))
}

func decode(tag string) ([]byte, error) {
	raw, err := base64.URLEncoding.DecodeString(tag)
	if err != nil || len(raw) != 1+sha1.Size {
		return nil, fmt.Errorf("%q is not an ETag", tag)
	}
	switch raw[0] {
	case prefixSmall, prefixBlocks, prefixParts:
		return raw, nil
	}
	return nil, fmt.Errorf("%q is not an ETag: unknown prefix 0x%02x", tag, raw[0])
}

package journal

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"io"
)

// pageFile reads a bbolt file without trusting a byte of it. bbolt itself
// checks only its meta pages: it follows damaged page numbers out of its
// mapping (SIGBUS), panics in goroutines of its own, or shows fewer keys than
// were written. So a log is walked here, with every bound checked, before bbolt
// opens it. The walk is also how a log is dumped.
type pageFile struct {
	r    io.ReaderAt
	high uint64 // pages from here on are not in use
	root uint64 // page of the root bucket
	used []bool // pages seen by this walk, by number
}

// bbolt's format (version 2) as far as it is needed.
const (
	pageSize     = 4096
	pageHeader   = 16
	boltMagic    = 0xED0CDAED
	boltVersion  = 2
	metaBytes    = 64 // up to and including the checksum
	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	bucketFlag   = 0x01
	bucketHeader = 16
	elemBytes    = 16
	maxDepth     = 64
)

// openPages verifies both meta pages of a file of size bytes, and the size.
func openPages(r io.ReaderAt, size int64) (*pageFile, error) {
	if size < 4*pageSize {
		return nil, corrupt("the file has %d bytes, fewer than the smallest log", size)
	}
	p := &pageFile{r: r}
	var newest uint64
	for id := range uint64(2) {
		b := make([]byte, pageSize)
		if _, err := r.ReadAt(b, int64(id)*pageSize); err != nil {
			return nil, err
		}
		txid, err := p.meta(id, b, newest)
		if err != nil {
			return nil, err
		}
		newest = max(newest, txid)
	}
	if p.high > uint64(size)/pageSize {
		return nil, corrupt("the file has been cut off: %d bytes of %d pages are left", size, p.high)
	}
	p.used = make([]bool, p.high)
	return p, nil
}

// meta verifies one meta page and takes its root if it is newer than newest.
func (p *pageFile) meta(id uint64, b []byte, newest uint64) (txid uint64, err error) {
	m := b[pageHeader:]
	sum := fnv.New64a()
	sum.Write(m[:metaBytes-8])
	le := binary.LittleEndian
	switch {
	case le.Uint64(b) != id || le.Uint16(b[8:]) != metaPage,
		le.Uint32(m) != boltMagic || le.Uint32(m[4:]) != boltVersion || le.Uint32(m[8:]) != pageSize,
		le.Uint64(m[56:]) != sum.Sum64():
		return 0, corrupt("meta page %d is damaged", id)
	}
	txid = le.Uint64(m[48:])
	if p.root == 0 || txid > newest {
		p.root, p.high = le.Uint64(m[16:]), le.Uint64(m[40:])
	}
	return txid, nil
}

// bucket is one bucket of the file.
type bucket struct {
	root     uint64 // 0: inline
	sequence uint64
	inline   []byte
}

// buckets returns the buckets of the file by name.
func (p *pageFile) buckets() (map[string]bucket, error) {
	found := map[string]bucket{}
	err := p.walk(p.root, 0, nil, nil, func(flags uint32, key, value []byte) error {
		if flags != bucketFlag || len(value) < bucketHeader {
			return corrupt("the root page holds something that is not a bucket")
		}
		found[string(key)] = bucket{
			root:     binary.LittleEndian.Uint64(value),
			sequence: binary.LittleEndian.Uint64(value[8:]),
			inline:   bytes.Clone(value[bucketHeader:]),
		}
		return nil
	})
	return found, err
}

// each calls fn for every key of the bucket, in order. The slices are valid
// during the call.
func (p *pageFile) each(b bucket, fn func(key, value []byte) error) error {
	visit := func(flags uint32, key, value []byte) error {
		if flags != 0 {
			return corrupt("a bucket where an entry should be")
		}
		return fn(key, value)
	}
	if b.root == 0 {
		if len(b.inline) < pageHeader || binary.LittleEndian.Uint16(b.inline[8:]) != leafPage {
			return corrupt("an inline bucket is damaged")
		}
		return leaf(0, b.inline, nil, nil, visit)
	}
	return p.walk(b.root, 0, nil, nil, visit)
}

type visitor func(flags uint32, key, value []byte) error

// walk visits the leaves below page id; their keys lie in [low, high), where a
// nil bound is none.
func (p *pageFile) walk(id uint64, depth int, low, high []byte, fn visitor) error {
	if depth > maxDepth {
		return corrupt("page %d lies %d levels deep", id, depth)
	}
	b, err := p.page(id)
	if err != nil {
		return err
	}
	switch kind := binary.LittleEndian.Uint16(b[8:]); kind {
	case leafPage:
		return leaf(id, b, low, high, fn)
	case branchPage:
		return p.branch(id, b, depth, low, high, fn)
	default:
		return corrupt("page %d is of the unknown kind %#x", id, kind)
	}
}

// page reads page id with its overflow pages and marks them as used.
func (p *pageFile) page(id uint64) ([]byte, error) {
	if id < 2 || id >= p.high {
		return nil, corrupt("page %d is outside of the file's %d pages", id, p.high)
	}
	b := make([]byte, pageSize)
	if _, err := p.r.ReadAt(b, int64(id)*pageSize); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint64(b) != id {
		return nil, corrupt("page %d calls itself page %d", id, binary.LittleEndian.Uint64(b))
	}
	more := uint64(binary.LittleEndian.Uint32(b[12:]))
	if id+more >= p.high {
		return nil, corrupt("page %d continues past the end of the file", id)
	}
	for n := id; n <= id+more; n++ {
		if p.used[n] {
			return nil, corrupt("page %d is used twice", n)
		}
		p.used[n] = true
	}
	if more == 0 {
		return b, nil
	}
	b = append(b, make([]byte, more*pageSize)...)
	_, err := p.r.ReadAt(b[pageSize:], int64(id+1)*pageSize)
	return b, err
}

// branch walks the children of a branch page.
func (p *pageFile) branch(id uint64, b []byte, depth int, low, high []byte, fn visitor) error {
	count := int(binary.LittleEndian.Uint16(b[10:]))
	keys, children := make([][]byte, count+1), make([]uint64, count)
	for i := range count {
		at := pageHeader + i*elemBytes
		if at+elemBytes > len(b) {
			return corrupt("page %d has more elements than room", id)
		}
		e := b[at:]
		pos, size := uint64(binary.LittleEndian.Uint32(e)), uint64(binary.LittleEndian.Uint32(e[4:]))
		if pos+size > uint64(len(e)) {
			return corrupt("a key of page %d lies outside of it", id)
		}
		keys[i], children[i] = e[pos:pos+size], binary.LittleEndian.Uint64(e[8:])
	}
	if count == 0 {
		return corrupt("branch page %d is empty", id)
	}
	keys[count] = high
	for i, child := range children {
		if i == 0 && low != nil && bytes.Compare(keys[0], low) < 0 || i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 {
			return corrupt("the keys of page %d are not in order", id)
		}
		if err := p.walk(child, depth+1, keys[i], keys[i+1], fn); err != nil {
			return err
		}
	}
	return nil
}

// leaf visits the elements of a leaf page.
func leaf(id uint64, b []byte, low, high []byte, fn visitor) error {
	last := low
	for i := range int(binary.LittleEndian.Uint16(b[10:])) {
		at := pageHeader + i*elemBytes
		if at+elemBytes > len(b) {
			return corrupt("page %d has more elements than room", id)
		}
		e := b[at:]
		le := binary.LittleEndian
		pos, ksize, vsize := uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
		if pos+ksize+vsize > uint64(len(e)) {
			return corrupt("an element of page %d lies outside of it", id)
		}
		k := e[pos : pos+ksize]
		if c := bytes.Compare(k, last); last != nil && (c < 0 || c == 0 && i > 0) || high != nil && bytes.Compare(k, high) >= 0 {
			return corrupt("the keys of page %d are not in order", id)
		}
		if err := fn(le.Uint32(e), k, e[pos+ksize:pos+ksize+vsize]); err != nil {
			return err
		}
		last = k
	}
	return nil
}

package inode

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Restore reads a tree that Snapshot.WriteTo wrote, reading not one byte past
// its end. Damaged input gives an error of kind Corrupt.
func Restore(r io.Reader) (*Tree, error) {
	t := newTree()
	sr := &sectionReader{r: r}
	if err := t.readHeader(sr); err != nil {
		return nil, err
	}
	for len(t.slabs) <= int((t.next-1)>>slabBits) {
		if err := sr.next(sectionSlab); err != nil {
			return nil, err
		}
		if err := t.readSlab(sr); err != nil {
			return nil, err
		}
	}
	if err := sr.next(sectionTrailer); err != nil {
		return nil, err
	}
	if want, got := sr.uint(math.MaxInt64), t.stats.Files+t.stats.Directories; want != uint64(got) {
		return nil, corrupt("holds %d inodes instead of %d", got, want)
	}
	if err := sr.end(); err != nil {
		return nil, err
	}
	if err := t.rebuild(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Tree) readHeader(sr *sectionReader) error {
	if err := sr.next(sectionHeader); err != nil {
		return err
	}
	if v := sr.uint(math.MaxInt64); v != formatVersion && !sr.bad {
		return errors.Errorf(errors.Unsupported, "The namespace snapshot has format version %d; this program reads version %d.", v, formatVersion)
	}
	t.next = ref(sr.uint(uint64(maxRef)))
	for range sr.count() {
		t.owners.index(ownership{sr.string(), sr.string()})
	}
	for range sr.count() {
		t.blockSizes.index(sr.int())
	}
	if t.next <= rootRef {
		sr.bad = true
	}
	return sr.end()
}

func (t *Tree) readSlab(sr *sectionReader) error {
	number := len(t.slabs)
	if sr.uint(math.MaxUint32) != uint64(number) {
		return corrupt("slab %d is out of place", number)
	}
	s := &slab{nodes: new([slabSize]node), epoch: t.epoch}
	t.slabs = append(t.slabs, s)
	var created int64
	for slot := -1; !sr.done(); {
		i := int(sr.uint(slabMask))
		r := ref(number)<<slabBits | ref(i)
		if i <= slot || r < rootRef || r >= t.next {
			return corrupt("slab %d has inodes out of place", number)
		}
		slot = i
		created = t.readNode(sr, s, r, created)
	}
	return sr.end()
}

// readNode reads a node, which follows one created at the time given, and
// returns when this one was created.
func (t *Tree) readNode(sr *sectionReader, s *slab, r ref, created int64) int64 {
	n := &s.nodes[r&slabMask]
	n.flags = uint16(sr.uint(math.MaxUint16))
	n.mode = uint16(sr.uint(0o7777))
	n.container.set(int64(sr.uint(math.MaxInt64)))
	n.parent = ref(sr.uint(uint64(t.next - 1)))
	n.left = ref(sr.uint(uint64(t.next - 1)))
	n.right = ref(sr.uint(uint64(t.next - 1)))
	n.data = sr.uint(math.MaxUint64)
	created += sr.int()
	n.created.set(created)
	n.modified.set(created + sr.int())
	n.accessed.set(created + sr.int())
	n.owner = uint32(sr.uint(uint64(max(0, len(t.owners.values)-1))))
	n.block = uint32(sr.uint(uint64(len(t.blockSizes.values))))
	name, print := sr.view(math.MaxUint16), sr.view(maxPrint)
	n.text = t.text.put(name, print)
	n.nameLen, n.printLen = uint16(len(name)), uint16(len(print))
	if n.is(flagRare) {
		if s.rare == nil {
			s.rare = make(map[ref]*rare)
		}
		s.rare[r] = sr.rare()
	}
	if n.is(flagDir) {
		t.stats.Directories++
	} else {
		t.stats.Files++
	}
	return created
}

// rebuild makes what follows from the nodes, and checks that they fit together.
func (t *Tree) rebuild() error {
	inodes := int(t.stats.Files + t.stats.Directories)
	t.stats = Stats{}
	if !t.at(rootRef).is(flagLive) || !t.at(rootRef).is(flagDir) || t.at(rootRef).parent != 0 {
		return corrupt("has no root")
	}
	for r := t.next - 1; r >= rootRef; r-- { // downwards, so that low refs are used again first
		n := t.at(r)
		if !n.is(flagLive) {
			n.parent = t.free
			t.free = r
			continue
		}
		if err := t.checkNode(r, n); err != nil {
			return err
		}
		in := t.load(r)
		t.enter(r, &in)
	}
	var g errgroup.Group
	g.Go(func() error { return t.index(&t.byID, inodes, t.hashIDOf, rootRef, t.sameID) })
	g.Go(func() error { return t.index(&t.byName, inodes, t.hashNameOf, rootRef+1, t.sameName) })
	g.Go(func() error {
		below, err := t.verify(rootRef)
		if err == nil && below+1 != inodes {
			err = corrupt("has %d inodes that no directory holds", inodes-below-1)
		}
		return err
	})
	return g.Wait()
}

func (t *Tree) checkNode(r ref, n *node) error {
	if !n.is(flagDir) && int(n.block) >= len(t.blockSizes.values) {
		return corrupt("inode %d has no block size", n.id())
	}
	for _, next := range [...]ref{n.left, n.right} {
		if next != 0 && (t.at(next).parent != n.parent || priority(next) >= priority(r)) {
			return corrupt("inode %d has a wrong sibling", n.id())
		}
	}
	if root, _ := n.children(); n.is(flagDir) && root != 0 && (root >= t.next || t.at(root).parent != r) {
		return corrupt("inode %d has a wrong child", n.id())
	}
	if r != rootRef && (n.parent == 0 || !t.at(n.parent).is(flagDir) || n.nameLen == 0) {
		return corrupt("inode %d has no parent", n.id())
	}
	return nil
}

// verify checks names, order and number of all that is below the directory,
// and returns how much it is. It ends: checkNode has seen that a treap has no
// cycle and holds only nodes that are in no other.
func (t *Tree) verify(dir ref) (below int, err error) {
	children, last := 0, ""
	t.childRefs(dir, "", func(r ref) bool {
		name := t.nameOf(r)
		if name <= last || !validName(name) {
			err = corrupt("has a wrong name in directory %d", t.at(dir).id())
			return false
		}
		children, last = children+1, name
		if t.at(r).is(flagDir) {
			var n int
			n, err = t.verify(r)
			below += n
		}
		return err == nil
	})
	if _, count := t.at(dir).children(); err == nil && count != children {
		err = corrupt("directory %d has %d children instead of %d", t.at(dir).id(), children, count)
	}
	return below + children, err
}

// index enters all nodes from first on into the table.
func (t *Tree) index(table *table, inodes int, hashOf func(ref) uint64, first ref, same func(a, b ref) bool) error {
	table.reserve(inodes)
	for r := first; r < t.next; r++ {
		if !t.at(r).is(flagLive) {
			continue
		}
		hash := hashOf(r)
		if table.find(hash, func(other ref) bool { return same(r, other) }) != 0 {
			return corrupt("inode %d is there twice", t.at(r).id())
		}
		table.insert(hash, r, hashOf)
	}
	return nil
}

func (t *Tree) sameID(a, b ref) bool { return t.at(a).container == t.at(b).container }

func (t *Tree) sameName(a, b ref) bool {
	return t.at(a).parent == t.at(b).parent && t.nameOf(a) == t.nameOf(b)
}

func corrupt(format string, args ...any) error {
	return errors.E("namespace snapshot", "", errors.Corrupt, errors.Errorf(errors.Corrupt, format, args...))
}

// sectionReader reads a section and takes it apart. Any number or string that
// is out of bounds sets bad and reads as zero, which end reports.
type sectionReader struct {
	r    io.Reader
	buf  []byte
	rest []byte // of the payload
	bad  bool
}

// next reads the next section, which must be of the kind.
func (sr *sectionReader) next(kind byte) error {
	sr.buf = append(sr.buf[:0], make([]byte, sectionHead)...)
	if _, err := io.ReadFull(sr.r, sr.buf); err != nil {
		return readError(err)
	}
	length := int(binary.BigEndian.Uint32(sr.buf[1:]))
	if sr.buf[0] != kind || length > maxSection {
		return corrupt("has a section of kind %q and %d bytes where one of kind %q should be", sr.buf[0], length, kind)
	}
	var err error
	if sr.buf, err = readFull(sr.r, sr.buf, length+crc32.Size); err != nil {
		return readError(err)
	}
	body, sum := sr.buf[:sectionHead+length], sr.buf[sectionHead+length:]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(sum) {
		return corrupt("has a section with a wrong checksum")
	}
	sr.rest = body[sectionHead:]
	return nil
}

// readFull appends n bytes from r to buf, without trusting n for an allocation.
func readFull(r io.Reader, buf []byte, n int) ([]byte, error) {
	const step = 1 << 20
	for n > 0 {
		k := min(n, step)
		buf = append(buf, make([]byte, k)...)
		if _, err := io.ReadFull(r, buf[len(buf)-k:]); err != nil {
			return buf, err
		}
		n -= k
	}
	return buf, nil
}

func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return corrupt("ends early")
	}
	return errors.E("namespace snapshot", "", errors.Other, err)
}

func (sr *sectionReader) done() bool { return len(sr.rest) == 0 || sr.bad }

// end reports whether the section was read to its end without trouble.
func (sr *sectionReader) end() error {
	if sr.bad || len(sr.rest) > 0 {
		return corrupt("has a section that makes no sense")
	}
	return nil
}

func (sr *sectionReader) uint(limit uint64) uint64 {
	v, n := binary.Uvarint(sr.rest)
	if n <= 0 || v > limit {
		sr.bad = true
		return 0
	}
	sr.rest = sr.rest[n:]
	return v
}

func (sr *sectionReader) int() int64 {
	v, n := binary.Varint(sr.rest)
	if n <= 0 {
		sr.bad = true
		return 0
	}
	sr.rest = sr.rest[n:]
	return v
}

// count reads the length of a list, whose elements take a byte each at least.
func (sr *sectionReader) count() int { return int(sr.uint(uint64(len(sr.rest)))) }

func (sr *sectionReader) string() string { return strings.Clone(sr.view(math.MaxInt32)) }

// view reads a string that is valid until the next section is read.
func (sr *sectionReader) view(limit int) string {
	n := int(sr.uint(uint64(limit)))
	if n > len(sr.rest) {
		sr.bad = true
		return ""
	}
	s := sr.rest[:n]
	sr.rest = sr.rest[n:]
	return unsafe.String(unsafe.SliceData(s), n)
}

func (sr *sectionReader) acl() []ACLEntry {
	var entries []ACLEntry
	for range sr.count() {
		entries = append(entries, ACLEntry{
			Type: ACLEntryType(sr.uint(math.MaxUint8)), Subject: sr.string(), Perm: uint8(sr.uint(7)),
		})
	}
	return entries
}

func (sr *sectionReader) rare() *rare {
	a := &rare{}
	for range sr.count() {
		a.media = append(a.media, sr.string())
	}
	a.ttl = TTL{Set: sr.uint(1) == 1, Millis: sr.int(), Action: TTLAction(sr.uint(math.MaxUint8))}
	a.acl, a.defaultACL = sr.acl(), sr.acl()
	if n := sr.count(); n > 0 {
		a.xattr = make(map[string][]byte, n)
		for range n {
			key := sr.string()
			a.xattr[key] = []byte(sr.string())
		}
	}
	a.replication = Replication{Min: int32(sr.int()), Max: int32(sr.int()), Durable: int32(sr.int())}
	a.persistAfterMS = sr.int()
	return a
}

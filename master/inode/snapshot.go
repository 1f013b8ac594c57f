package inode

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"maps"
	"slices"
)

// Snapshot is the tree as it was at one moment. It stays as it is while the
// tree goes on changing, and costs memory for what changes meanwhile.
type Snapshot struct {
	tree       *Tree
	epoch      uint64
	slabs      []*slab
	chunks     []*chunk
	next       ref
	owners     []ownership
	blockSizes []int64
	inodes     int64
}

// Snapshot returns the tree of this moment, in a time that grows by
// microseconds per million inodes.
func (t *Tree) Snapshot() *Snapshot {
	s := &Snapshot{
		tree:       t,
		epoch:      t.epoch,
		slabs:      slices.Clone(t.slabs),
		chunks:     slices.Clone(t.text.chunks),
		next:       t.next,
		owners:     t.owners.values,
		blockSizes: t.blockSizes.values,
		inodes:     t.stats.Files + t.stats.Directories,
	}
	t.snapshots[s] = struct{}{}
	t.sharedEpoch = t.epoch
	t.epoch++
	return s
}

// Inodes returns the number of inodes in the snapshot.
func (s *Snapshot) Inodes() int64 { return s.inodes }

// Release ends the snapshot; the tree need not keep its state any longer.
// Calling it again does nothing.
func (s *Snapshot) Release() {
	t := s.tree
	delete(t.snapshots, s)
	t.sharedEpoch = 0
	for other := range t.snapshots {
		t.sharedEpoch = max(t.sharedEpoch, other.epoch)
	}
	s.slabs, s.chunks = nil, nil
}

// The format: sections, each of
//
//	kind      1 byte
//	length    4 bytes, big endian
//	payload   length bytes
//	checksum  4 bytes, big endian: CRC32C of all of the above
//
// The first is a header, the last a trailer; between them one section a slab,
// in order. Numbers in payloads are varints (encoding/binary); strings and
// lists have their length before them.
const (
	sectionHeader  = 'H' // version, next ref, free text, owners, block sizes
	sectionSlab    = 'S' // slab number, nodes
	sectionTrailer = 'T' // number of inodes

	formatVersion = 1
	maxSection    = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// WriteTo writes the snapshot in the format that Restore reads. It may run
// beside any use of the tree.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) {
	sw := &sectionWriter{w: w}
	sw.uint(formatVersion)
	sw.uint(uint64(s.next))
	sw.uint(uint64(len(s.owners)))
	for _, o := range s.owners {
		sw.string(o.owner)
		sw.string(o.group)
	}
	sw.uint(uint64(len(s.blockSizes)))
	for _, size := range s.blockSizes {
		sw.int(size)
	}
	sw.flush(sectionHeader)
	for i, slab := range s.slabs {
		sw.uint(uint64(i))
		s.writeSlab(sw, ref(i)<<slabBits, slab)
		sw.flush(sectionSlab)
	}
	sw.uint(uint64(s.inodes))
	sw.flush(sectionTrailer)
	return sw.written, sw.err
}

func (s *Snapshot) writeSlab(sw *sectionWriter, first ref, slab *slab) {
	var created int64
	for i := range slab.nodes {
		n := &slab.nodes[i]
		if !n.is(flagLive) {
			continue
		}
		sw.uint(uint64(i))
		sw.uint(uint64(n.flags))
		sw.uint(uint64(n.mode))
		sw.uint(uint64(n.container.get()))
		sw.uint(uint64(n.parent))
		sw.uint(uint64(n.left))
		sw.uint(uint64(n.right))
		sw.uint(n.data)
		sw.int(n.created.get() - created)
		created = n.created.get()
		sw.int(n.modified.get() - created)
		sw.int(n.accessed.get() - created)
		sw.uint(uint64(n.owner))
		sw.uint(uint64(n.block))
		sw.string(readText(s.chunks, n.text, 0, int(n.nameLen)))
		sw.string(readText(s.chunks, n.text, int(n.nameLen), int(n.printLen)))
		if n.is(flagRare) {
			sw.rare(slab.rare[first+ref(i)])
		}
	}
}

// sectionWriter gathers a section and writes it when it is complete.
type sectionWriter struct {
	w       io.Writer
	buf     []byte // the head's room, then the payload
	written int64
	err     error
}

const sectionHead = 5

func (sw *sectionWriter) payload() []byte {
	if len(sw.buf) == 0 {
		sw.buf = append(sw.buf, make([]byte, sectionHead)...)
	}
	return sw.buf
}

func (sw *sectionWriter) uint(v uint64) { sw.buf = binary.AppendUvarint(sw.payload(), v) }

func (sw *sectionWriter) int(v int64) { sw.buf = binary.AppendVarint(sw.payload(), v) }

func (sw *sectionWriter) string(v string) {
	sw.uint(uint64(len(v)))
	sw.buf = append(sw.buf, v...)
}

func (sw *sectionWriter) flag(v bool) {
	if v {
		sw.uint(1)
	} else {
		sw.uint(0)
	}
}

func (sw *sectionWriter) acl(entries []ACLEntry) {
	sw.uint(uint64(len(entries)))
	for _, e := range entries {
		sw.uint(uint64(e.Type))
		sw.string(e.Subject)
		sw.uint(uint64(e.Perm))
	}
}

func (sw *sectionWriter) rare(a *rare) {
	sw.uint(uint64(len(a.media)))
	for _, m := range a.media {
		sw.string(m)
	}
	sw.flag(a.ttl.Set)
	sw.int(a.ttl.Millis)
	sw.uint(uint64(a.ttl.Action))
	sw.acl(a.acl)
	sw.acl(a.defaultACL)
	sw.uint(uint64(len(a.xattr)))
	for _, key := range slices.Sorted(maps.Keys(a.xattr)) {
		sw.string(key)
		sw.string(string(a.xattr[key]))
	}
	sw.int(int64(a.replication.Min))
	sw.int(int64(a.replication.Max))
	sw.int(int64(a.replication.Durable))
	sw.int(a.persistAfterMS)
}

func (sw *sectionWriter) flush(kind byte) {
	buf := sw.payload()
	buf[0] = kind
	binary.BigEndian.PutUint32(buf[1:], uint32(len(buf)-sectionHead))
	buf = binary.BigEndian.AppendUint32(buf, crc32.Checksum(buf, castagnoli))
	if sw.err == nil {
		var n int
		n, sw.err = sw.w.Write(buf)
		sw.written += int64(n)
	}
	sw.buf = buf[:0]
}

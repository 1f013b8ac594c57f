package inode

import (
	"maps"
	"math/rand/v2"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// A ref is the number of a node: slab number and slot. 0 is no node, rootRef
// the root. A node keeps its ref for life.
type ref uint32

const (
	rootRef  ref = 1
	slabBits     = 10
	slabSize     = 1 << slabBits
	slabMask     = slabSize - 1
	maxRef   ref = 1<<32 - slabSize
)

// node is an inode without its name, fingerprint and rare attributes: one
// cache line, no pointers.
type node struct {
	// data is the length of a file, or the root of a directory's treap of
	// children (low half) and their number (high half).
	data uint64

	parent      ref // in a free node, the next free one
	left, right ref // place in the parent's treap
	text        uint32
	owner       uint32 // index in Tree.owners
	block       uint32 // index in Tree.blockSizes

	nameLen  uint16
	printLen uint16 // length of the fingerprint
	mode     uint16
	flags    uint16

	container, created, modified, accessed int48
}

// The flags of a node. The persistence state takes two bits.
const (
	flagLive uint16 = 1 << iota
	flagDir
	flagCompleted
	flagCacheable
	flagPinned
	flagMountPoint
	flagLoaded
	flagRare // slab.rare has an entry

	persistShift        = 8
	persistMask  uint16 = 3 << persistShift
)

func (n *node) is(f uint16) bool { return n.flags&f != 0 }

func (n *node) persistence() Persistence {
	return Persistence(n.flags & persistMask >> persistShift)
}

func (n *node) id() blockid.FileID { return blockid.Container(n.container.get()).File() }

func (n *node) children() (root ref, count int) { return ref(n.data), int(n.data >> 32) }

func (n *node) setChildren(root ref, count int) { n.data = uint64(count)<<32 | uint64(root) }

func (n *node) textLen() int { return int(n.nameLen) + int(n.printLen) }

// int48 is a signed number of 48 bits: milliseconds for 4000 years, or a container.
type int48 [6]byte

func (v *int48) get() int64 {
	u := uint64(v[0]) | uint64(v[1])<<8 | uint64(v[2])<<16 | uint64(v[3])<<24 | uint64(v[4])<<32 | uint64(v[5])<<40
	return int64(u<<16) >> 16
}

// set stores x, or the nearest number of 48 bits.
func (v *int48) set(x int64) {
	const limit = 1<<47 - 1
	x = max(-limit, min(limit, x))
	*v = int48{byte(x), byte(x >> 8), byte(x >> 16), byte(x >> 24), byte(x >> 32), byte(x >> 40)}
}

// rare holds the attributes that few inodes have. It is never modified, only
// replaced: snapshots share it.
type rare struct {
	media          []string
	ttl            TTL
	acl            []ACLEntry
	defaultACL     []ACLEntry
	xattr          map[string][]byte
	replication    Replication
	persistAfterMS int64
}

// commonAttrs is what an inode without an entry in slab.rare has.
var commonAttrs = &rare{replication: DefaultReplication}

// slab is a piece of the tree, copied as a whole when it is written to while a
// snapshot needs it.
type slab struct {
	nodes *[slabSize]node
	rare  map[ref]*rare
	epoch uint64 // of the tree when the slab was made
}

func (s *slab) clone(epoch uint64) *slab {
	nodes := *s.nodes
	return &slab{nodes: &nodes, rare: maps.Clone(s.rare), epoch: epoch}
}

func (s *slab) attrs(r ref) *rare {
	if !s.nodes[r&slabMask].is(flagRare) {
		return commonAttrs
	}
	return s.rare[r]
}

// at returns the node for reading. It is not seen to change by later calls of
// mut, so it is not kept across them.
func (t *Tree) at(r ref) *node { return &t.slabs[r>>slabBits].nodes[r&slabMask] }

// slabOf returns the slab of r for writing.
func (t *Tree) slabOf(r ref) *slab {
	i := r >> slabBits
	if s := t.slabs[i]; s.epoch > t.sharedEpoch {
		return s
	}
	t.slabs[i] = t.slabs[i].clone(t.epoch)
	return t.slabs[i]
}

// mut returns the node for writing.
func (t *Tree) mut(r ref) *node { return &t.slabOf(r).nodes[r&slabMask] }

// alloc returns a free ref; its node is not zeroed. ok is false when there
// are too many inodes.
func (t *Tree) alloc() (r ref, ok bool) {
	if r := t.free; r != 0 {
		t.free = t.at(r).parent
		return r, true
	}
	if t.next >= maxRef {
		return 0, false
	}
	if int(t.next>>slabBits) == len(t.slabs) {
		t.slabs = append(t.slabs, &slab{nodes: new([slabSize]node), epoch: t.epoch})
	}
	t.next++
	return t.next - 1, true
}

// dealloc frees the ref with all its node refers to.
func (t *Tree) dealloc(r ref) {
	n := t.at(r)
	t.text.drop(n.text, n.textLen())
	t.setRare(r, commonAttrs)
	*t.mut(r) = node{parent: t.free}
	t.free = r
}

// setRare sets the rare attributes; equal to commonAttrs (the pointer) means none.
func (t *Tree) setRare(r ref, attrs *rare) {
	if attrs == commonAttrs && !t.at(r).is(flagRare) {
		return
	}
	s := t.slabOf(r)
	n := &s.nodes[r&slabMask]
	if attrs == commonAttrs {
		n.flags &^= flagRare
		delete(s.rare, r)
		if len(s.rare) == 0 {
			s.rare = nil
		}
		return
	}
	n.flags |= flagRare
	if s.rare == nil {
		s.rare = make(map[ref]*rare)
	}
	s.rare[r] = attrs
}

// newSeed returns a seed for the hash tables, so that nobody can choose names
// that collide. The order in tables is never observable.
func newSeed() uint64 { return rand.Uint64() }

// Package inode keeps the namespace: a tree of files and directories with
// their attributes, compact in memory and cheap for the garbage collector.
//
// It owns names, attributes and the secondary indexes over them (ids, pinned,
// to be persisted, replicated, expiring). It does no I/O, reads no clock,
// allocates no ids, knows no mounts, permissions or blocks, and is the same
// for the same sequence of calls: it is the state under a journal.
//
// # Locking
//
// A Tree locks nothing. Its owner holds a read lock around reading methods
// (any number at a time) and the write lock around Create, Delete, DeleteAll,
// Rename, Update, Touch, Snapshot and Snapshot.Release. Iterators read the
// tree while they are ranged over, so the read lock covers the whole loop; it
// must not modify the tree. Inode values stay valid after the lock is gone.
// Snapshot.WriteTo needs no lock.
//
// # Memory
//
// An inode is 64 bytes in a slab without pointers, its name (and fingerprint)
// in an arena, and one entry in each of two hash tables, about 13 bytes
// together. Attributes that few inodes have lie beside the slab. Nothing grows
// by copying more than a small shard, so no call takes long because the tree
// is big.
package inode

import (
	"iter"
	"math/bits"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

// Tree is the namespace. The root directory always exists.
type Tree struct {
	slabs []*slab
	next  ref // the first ref never used
	free  ref // head of the list of free nodes

	// Slabs made in sharedEpoch or before belong to a snapshot too and are
	// copied before they are written to.
	epoch       uint64
	sharedEpoch uint64
	snapshots   map[*Snapshot]struct{}

	text       text
	owners     interned[ownership]
	blockSizes interned[int64]

	seed   uint64
	byID   table
	byName table

	stats      Stats
	pinned     map[ref]struct{}
	toPersist  map[ref]struct{}
	replicated map[ref]struct{}
	cacheOnly  map[ref]struct{}
	expiring   expiring
}

type ownership struct{ owner, group string }

// New returns a tree of nothing but the root directory, which takes its id and
// attributes from root.
func New(root Inode) *Tree {
	t := newTree()
	t.slabs = []*slab{{nodes: new([slabSize]node), epoch: t.epoch}}
	t.next = rootRef + 1
	root.Parent, root.Name, root.Kind = NoParent, "", KindDirectory
	n := t.mut(rootRef)
	n.flags = flagLive | flagDir
	n.container.set(int64(root.ID.Container()))
	t.store(rootRef, &root)
	t.enter(rootRef, &root)
	t.byID.insert(t.hashID(root.ID.Container()), rootRef, t.hashIDOf)
	return t
}

func newTree() *Tree {
	return &Tree{
		epoch:      1,
		snapshots:  make(map[*Snapshot]struct{}),
		seed:       newSeed(),
		pinned:     make(map[ref]struct{}),
		toPersist:  make(map[ref]struct{}),
		replicated: make(map[ref]struct{}),
		cacheOnly:  make(map[ref]struct{}),
		expiring:   make(expiring),
	}
}

// Root returns the root directory.
func (t *Tree) Root() Inode { return t.load(rootRef) }

// Get returns the inode with the id.
func (t *Tree) Get(id blockid.FileID) (Inode, bool) {
	r := t.refOf(id)
	if r == 0 {
		return Inode{}, false
	}
	return t.load(r), true
}

// Has reports whether there is an inode with the id.
func (t *Tree) Has(id blockid.FileID) bool { return t.refOf(id) != 0 }

// Child returns the child of the directory with the name.
func (t *Tree) Child(dir blockid.FileID, name string) (Inode, bool) {
	d := t.refOf(dir)
	if d == 0 {
		return Inode{}, false
	}
	r := t.child(d, name)
	if r == 0 {
		return Inode{}, false
	}
	return t.load(r), true
}

// Lookup returns the inode at a clean path.
func (t *Tree) Lookup(path string) (Inode, bool) {
	r, rest := t.follow(path, nil)
	if rest != "" {
		return Inode{}, false
	}
	return t.load(r), true
}

// Walk follows a clean path from the root as far as it exists: found holds the
// inodes passed, the root first; missing the components that do not exist
// (empty when the path exists). When a component below a file is asked for,
// the file is the last one found.
func (t *Tree) Walk(path string) (found []Inode, missing []string) {
	found = make([]Inode, 0, 1+strings.Count(path, "/"))
	_, rest := t.follow(path, func(r ref) { found = append(found, t.load(r)) })
	if rest == "" {
		return found, nil
	}
	return found, strings.Split(rest, "/")
}

// follow goes down a clean path, calling visit, if not nil, for each node
// passed. It returns the last node found and the rest of the path.
func (t *Tree) follow(path string, visit func(ref)) (last ref, rest string) {
	last, rest = rootRef, path[1:]
	if visit != nil {
		visit(last)
	}
	for rest != "" {
		name, after, _ := strings.Cut(rest, "/")
		r := t.child(last, name)
		if r == 0 {
			break
		}
		last, rest = r, after
		if visit != nil {
			visit(last)
		}
	}
	return last, rest
}

// Path returns the path of the inode with the id.
func (t *Tree) Path(id blockid.FileID) (string, bool) {
	r := t.refOf(id)
	if r == 0 {
		return "", false
	}
	if r == rootRef {
		return fspath.Root, true
	}
	size := 0
	for up := r; up != rootRef; up = t.at(up).parent {
		size += 1 + int(t.at(up).nameLen)
	}
	path := make([]byte, size)
	for up := r; up != rootRef; up = t.at(up).parent {
		name := t.nameOf(up)
		size -= len(name)
		copy(path[size:], name)
		size--
		path[size] = '/'
	}
	return string(path), true
}

func (t *Tree) isAncestor(anc, r ref) bool {
	for ; r != 0; r = t.at(r).parent {
		if r == anc {
			return true
		}
	}
	return false
}

// Children yields the children of the directory in byte order of their names,
// beginning after the name startAfter ("" for all). Finding the beginning
// takes logarithmic time.
func (t *Tree) Children(dir blockid.FileID, startAfter string) iter.Seq[Inode] {
	return func(yield func(Inode) bool) {
		d := t.refOf(dir)
		if d == 0 || !t.at(d).is(flagDir) {
			return
		}
		t.childRefs(d, startAfter, func(r ref) bool { return yield(t.load(r)) })
	}
}

// Descendants yields everything below the directory, parents before children,
// siblings in byte order of their names, each with its path relative to the
// directory.
func (t *Tree) Descendants(dir blockid.FileID) iter.Seq2[string, Inode] {
	return func(yield func(string, Inode) bool) {
		d := t.refOf(dir)
		if d == 0 || !t.at(d).is(flagDir) {
			return
		}
		t.descend(d, "", yield)
	}
}

func (t *Tree) descend(dir ref, prefix string, yield func(string, Inode) bool) bool {
	return t.childRefs(dir, "", func(r ref) bool {
		path := prefix + t.nameOf(r)
		if !yield(path, t.load(r)) {
			return false
		}
		return !t.at(r).is(flagDir) || t.descend(r, path+"/", yield)
	})
}

// Pinned yields the pinned inodes in no particular order.
func (t *Tree) Pinned() iter.Seq[blockid.FileID] { return t.idsOf(t.pinned) }

// ToBePersisted yields the files in state ToBePersisted in no particular order.
func (t *Tree) ToBePersisted() iter.Seq[blockid.FileID] { return t.idsOf(t.toPersist) }

// Replicated yields the files whose Replication is not the default, in no
// particular order.
func (t *Tree) Replicated() iter.Seq[blockid.FileID] { return t.idsOf(t.replicated) }

// CacheOnly yields the complete files with content that the UFS does not have,
// those whose content is lost too, in no particular order.
func (t *Tree) CacheOnly() iter.Seq[blockid.FileID] { return t.idsOf(t.cacheOnly) }

func (t *Tree) idsOf(set map[ref]struct{}) iter.Seq[blockid.FileID] {
	return func(yield func(blockid.FileID) bool) {
		for r := range set {
			if !yield(t.at(r).id()) {
				return
			}
		}
	}
}

// Expired yields the inodes whose TTL has expired at the time, in no
// particular order.
func (t *Tree) Expired(nowMS int64) iter.Seq[blockid.FileID] {
	return func(yield func(blockid.FileID) bool) {
		t.expiring.until(nowMS, func(r ref) bool {
			if t.deadline(r) > nowMS {
				return true
			}
			return yield(t.at(r).id())
		})
	}
}

// Stats counts what is in the tree, in constant time.
func (t *Tree) Stats() Stats {
	s := t.stats
	s.Pinned, s.ToPersist = len(t.pinned), len(t.toPersist)
	return s
}

// refOf returns the node with the id, or 0.
func (t *Tree) refOf(id blockid.FileID) ref {
	if !id.Valid() {
		return 0
	}
	c := id.Container()
	return t.byID.find(t.hashID(c), func(r ref) bool { return t.at(r).container.get() == int64(c) })
}

// child returns the child of dir with the name, or 0.
func (t *Tree) child(dir ref, name string) ref {
	return t.byName.find(t.hashName(dir, name), func(r ref) bool {
		return t.at(r).parent == dir && t.nameOf(r) == name
	})
}

func (t *Tree) hashID(c blockid.Container) uint64 {
	hi, lo := bits.Mul64(uint64(c)^t.seed, 0x9e3779b97f4a7c15)
	return (hi ^ lo) * 0xd6e8feb86659fd93
}

func (t *Tree) hashName(dir ref, name string) uint64 {
	return xxh3.HashStringSeed(name, t.seed^uint64(dir)*0x9e3779b97f4a7c15)
}

func (t *Tree) hashIDOf(r ref) uint64 { return t.hashID(blockid.Container(t.at(r).container.get())) }

func (t *Tree) hashNameOf(r ref) uint64 { return t.hashName(t.at(r).parent, t.nameOf(r)) }

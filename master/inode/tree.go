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
// An inode is 72 bytes in a slab without pointers, its name (and fingerprint)
// in an arena, and one entry in each of two hash tables, about 10 bytes
// together. Attributes that few inodes have lie beside the slab. Nothing grows by copying
// more than a small shard, so no call takes long because the tree is big.
package inode

import (
	"io"
	"iter"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// Tree is the namespace. The root directory always exists.
type Tree struct {
}

// New returns a tree of nothing but the root directory, which takes its id and
// attributes from root.
func New(root Inode) *Tree { panic("inode: in work") }

// Root returns the root directory.
func (t *Tree) Root() Inode { panic("inode: in work") }

// Get returns the inode with the id.
func (t *Tree) Get(id blockid.FileID) (Inode, bool) { panic("inode: in work") }

// Child returns the child of the directory with the name.
func (t *Tree) Child(dir blockid.FileID, name string) (Inode, bool) { panic("inode: in work") }

// Lookup returns the inode at a clean path.
func (t *Tree) Lookup(path string) (Inode, bool) { panic("inode: in work") }

// Walk follows a clean path from the root as far as it exists: found holds the
// inodes passed, the root first; missing the components that do not exist
// (empty when the path exists). When a component below a file is asked for,
// the file is the last one found.
func (t *Tree) Walk(path string) (found []Inode, missing []string) { panic("inode: in work") }

// Path returns the path of the inode with the id.
func (t *Tree) Path(id blockid.FileID) (string, bool) { panic("inode: in work") }

// IsAncestor reports whether the inode anc is id or lies above it.
func (t *Tree) IsAncestor(anc, id blockid.FileID) bool { panic("inode: in work") }

// Children yields the children of the directory in byte order of their names,
// beginning after the name startAfter ("" for all). Finding the beginning
// takes logarithmic time.
func (t *Tree) Children(dir blockid.FileID, startAfter string) iter.Seq[Inode] {
	panic("inode: in work")
}

// Descendants yields everything below the directory, parents before children,
// siblings in byte order of their names, each with its path relative to the
// directory.
func (t *Tree) Descendants(dir blockid.FileID) iter.Seq2[string, Inode] { panic("inode: in work") }

// Pinned yields the pinned inodes in no particular order.
func (t *Tree) Pinned() iter.Seq[blockid.FileID] { panic("inode: in work") }

// ToBePersisted yields the files in state ToBePersisted in no particular order.
func (t *Tree) ToBePersisted() iter.Seq[blockid.FileID] { panic("inode: in work") }

// Replicated yields the files whose Replication is not the default, in no
// particular order.
func (t *Tree) Replicated() iter.Seq[blockid.FileID] { panic("inode: in work") }

// Expired yields the inodes whose TTL has expired at the time, in no
// particular order.
func (t *Tree) Expired(nowMS int64) iter.Seq[blockid.FileID] { panic("inode: in work") }

// Stats counts what is in the tree, in constant time.
func (t *Tree) Stats() Stats { panic("inode: in work") }

// MemoryBytes estimates the memory that the tree holds.
func (t *Tree) MemoryBytes() int64 { panic("inode: in work") }

// Create adds an inode to the directory in.Parent. It fails with Invalid,
// NotFound (the parent), FailedPrecondition (the parent is a file) or Exists (the name
// or id), changing nothing.
func (t *Tree) Create(in Inode) error { panic("inode: in work") }

// Delete removes a file or an empty directory. It fails with NotFound,
// NotEmpty, or Invalid for the root, changing nothing.
func (t *Tree) Delete(id blockid.FileID) error { panic("inode: in work") }

// DeleteAll removes the inode with everything below it and calls removed, if
// not nil, for each, children before parents. It fails like Delete.
func (t *Tree) DeleteAll(id blockid.FileID, removed func(Inode)) error { panic("inode: in work") }

// Rename moves the inode, with everything below it, to the directory parent
// under a new name. It fails with NotFound (inode or parent),
// FailedPrecondition (parent is a file), Exists (the name is taken) or Invalid (the root,
// or into itself), changing nothing. Renaming to where it is does nothing.
func (t *Tree) Rename(id, parent blockid.FileID, name string) error { panic("inode: in work") }

// Update lets edit change the attributes of an inode. ID, Parent, Name, Kind
// and ChildCount cannot be changed so; what edit does to them has no effect.
func (t *Tree) Update(id blockid.FileID, edit func(*Inode)) error { panic("inode: in work") }

// ChangeID gives a file a new id in place. The content of a file is known by
// its container, so a file whose UFS object was replaced gets a new one.
func (t *Tree) ChangeID(id, newID blockid.FileID) error { panic("inode: in work") }

// Touch raises the modification and access times of an inode; times that are
// not later than the ones there have no effect. It is cheaper than Update.
func (t *Tree) Touch(id blockid.FileID, modifiedMS, accessedMS int64) error { panic("inode: in work") }

// Snapshot is the tree as it was at one moment. It stays as it is while the
// tree goes on changing, and costs memory for what changes meanwhile.
type Snapshot struct {
}

// Snapshot returns the tree of this moment, in a time that grows by
// microseconds per million inodes.
func (t *Tree) Snapshot() *Snapshot { panic("inode: in work") }

// WriteTo writes the snapshot in the format that Restore reads. It may run
// beside any use of the tree.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) { panic("inode: in work") }

// Release ends the snapshot; the tree need not keep its state any longer.
// Calling it again does nothing.
func (s *Snapshot) Release() { panic("inode: in work") }

// Restore reads a tree that Snapshot.WriteTo wrote, reading not one byte past
// its end. Damaged input gives an error of kind Corrupt.
func Restore(r io.Reader) (*Tree, error) { panic("inode: in work") }

package inode

import (
	"strings"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

// Create adds an inode to the directory in.Parent. It fails with Invalid,
// NotFound (the parent), FailedPrecondition (the parent is a file), Exists
// (the name or id) or NoSpace (four billion inodes), changing nothing.
func (t *Tree) Create(in Inode) error {
	parent, err := t.checkPlace(in.Parent, in.Name)
	switch {
	case err != nil:
		return err
	case !in.ID.Valid():
		return errors.Errorf(errors.Invalid, "Inode id %d is not that of a file or directory.", in.ID)
	case len(in.Fingerprint) > maxPrint:
		return errors.Errorf(errors.Invalid, "The fingerprint of %q is longer than %d bytes.", in.Name, maxPrint)
	case t.refOf(in.ID) != 0:
		return errors.Errorf(errors.Exists, "Inode id %d exists already.", in.ID)
	}
	r, ok := t.alloc()
	if !ok {
		return errors.Errorf(errors.NoSpace, "The namespace is full: it holds %d inodes.", maxRef)
	}
	n := t.mut(r)
	*n = node{flags: flagLive}
	if in.IsDir() {
		n.flags |= flagDir
	}
	n.container.set(int64(in.ID.Container()))
	t.setText(r, in.Name, in.Fingerprint)
	t.store(r, &in)
	t.enter(r, &in)
	t.byID.insert(t.hashID(in.ID.Container()), r, t.hashIDOf)
	t.link(r, parent, in.Name)
	t.evacuate()
	return nil
}

// Delete removes a file or an empty directory. It fails with NotFound,
// NotEmpty, or Invalid for the root, changing nothing.
func (t *Tree) Delete(id blockid.FileID) error {
	r, err := t.removable(id)
	if err != nil {
		return err
	}
	if t.at(r).is(flagDir) {
		if _, count := t.at(r).children(); count > 0 {
			return errors.Errorf(errors.NotEmpty, "Directory %q (inode %d) has %d children.", t.nameOf(r), id, count)
		}
	}
	t.unlink(r)
	t.discard(r, nil)
	t.evacuate()
	return nil
}

// DeleteAll removes the inode with everything below it and calls removed, if
// not nil, for each, children before parents. It fails with NotFound, or
// Invalid for the root, changing nothing.
func (t *Tree) DeleteAll(id blockid.FileID, removed func(Inode)) error {
	r, err := t.removable(id)
	if err != nil {
		return err
	}
	t.unlink(r)
	t.discardAll(r, removed)
	t.evacuate()
	return nil
}

func (t *Tree) removable(id blockid.FileID) (ref, error) {
	r := t.refOf(id)
	switch r {
	case 0:
		return 0, noInode(id)
	case rootRef:
		return 0, errors.Errorf(errors.Invalid, "Cannot delete the root directory")
	}
	return r, nil
}

func noInode(id blockid.FileID) error {
	return errors.Errorf(errors.NotFound, "Inode %d does not exist.", id)
}

// discardAll removes nodes that nothing links to any more, from the leaves up.
func (t *Tree) discardAll(r ref, removed func(Inode)) {
	if t.at(r).is(flagDir) {
		root, _ := t.at(r).children()
		t.discardTreap(root, removed)
	}
	t.discard(r, removed)
}

func (t *Tree) discardTreap(root ref, removed func(Inode)) {
	if root == 0 {
		return
	}
	left, right := t.at(root).left, t.at(root).right
	t.discardTreap(left, removed)
	t.byName.remove(t.hashNameOf(root), root)
	t.discardAll(root, removed)
	t.discardTreap(right, removed)
}

// discard removes one node that is no longer in its parent.
func (t *Tree) discard(r ref, removed func(Inode)) {
	in := t.load(r)
	t.leave(r, &in)
	t.byID.remove(t.hashIDOf(r), r)
	t.dealloc(r)
	if removed != nil {
		removed(in)
	}
}

// Rename moves the inode, with everything below it, to the directory parent
// under a new name. It fails with NotFound (inode or parent),
// FailedPrecondition (parent is a file), Exists (the name is taken) or Invalid
// (the root, or into itself), changing nothing. Renaming to where it is does
// nothing.
func (t *Tree) Rename(id, parent blockid.FileID, name string) error {
	r := t.refOf(id)
	switch r {
	case 0:
		return noInode(id)
	case rootRef:
		return errors.Errorf(errors.Invalid, "The root directory cannot be renamed")
	}
	if p := t.refOf(parent); p != 0 && t.at(r).parent == p && t.nameOf(r) == name {
		return nil
	}
	dir, err := t.checkPlace(parent, name)
	if err != nil {
		return err
	}
	if t.isAncestor(r, dir) {
		return errors.Errorf(errors.Invalid, "Cannot move directory %q into itself.", t.nameOf(r))
	}
	t.unlink(r)
	if t.nameOf(r) != name {
		t.setText(r, name, t.printOf(t.at(r)))
	}
	t.link(r, dir, name)
	t.evacuate()
	return nil
}

// checkPlace returns the directory if it can get a child of the name.
func (t *Tree) checkPlace(parent blockid.FileID, name string) (ref, error) {
	if !validName(name) {
		return 0, errors.Errorf(errors.Invalid, "%.60q is not a valid name.", name)
	}
	dir := t.refOf(parent)
	switch {
	case dir == 0:
		return 0, noInode(parent)
	case !t.at(dir).is(flagDir):
		return 0, errors.Errorf(errors.FailedPrecondition, "Inode %d (%q) is not a directory.", parent, t.nameOf(dir))
	case t.child(dir, name) != 0:
		return 0, errors.Errorf(errors.Exists, "Directory %q (inode %d) has a child %q already.", t.nameOf(dir), parent, name)
	}
	return dir, nil
}

func validName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= fspath.MaxComponentBytes && !strings.ContainsAny(name, "/\x00")
}

// link makes the node, which has the name, a child of dir; unlink takes it out.
func (t *Tree) link(r, dir ref, name string) {
	t.mut(r).parent = dir
	t.byName.insert(t.hashName(dir, name), r, t.hashNameOf)
	root, count := t.at(dir).children()
	root = t.treapInsert(root, r, name)
	t.mut(dir).setChildren(root, count+1)
}

func (t *Tree) unlink(r ref) {
	dir, name := t.at(r).parent, t.nameOf(r)
	t.byName.remove(t.hashName(dir, name), r)
	root, count := t.at(dir).children()
	root = t.treapRemove(root, r, name)
	t.mut(dir).setChildren(root, count-1)
}

// Update lets edit change the attributes of an inode. ID, Parent, Name, Kind
// and ChildCount cannot be changed so; what edit does to them has no effect.
// It fails with NotFound, or Invalid when the fingerprint is too long,
// changing nothing.
func (t *Tree) Update(id blockid.FileID, edit func(*Inode)) error {
	r := t.refOf(id)
	if r == 0 {
		return noInode(id)
	}
	old := t.load(r)
	in := old
	edit(&in)
	if len(in.Fingerprint) > maxPrint {
		return errors.Errorf(errors.Invalid, "The fingerprint of %q is longer than %d bytes.", old.Name, maxPrint)
	}
	in.Kind = old.Kind
	t.leave(r, &old)
	t.store(r, &in)
	t.enter(r, &in)
	t.evacuate()
	return nil
}

// ChangeID gives a file a new id in place. The content of a file is known by
// its container, so a file whose UFS object was replaced gets a new one. It
// fails with NotFound, Invalid or Exists, changing nothing.
func (t *Tree) ChangeID(id, newID blockid.FileID) error {
	r := t.refOf(id)
	switch {
	case r == 0:
		return noInode(id)
	case !newID.Valid():
		return errors.Errorf(errors.Invalid, "Inode id %d is not that of a file or directory.", newID)
	case t.refOf(newID) != 0:
		return errors.Errorf(errors.Exists, "Inode id %d exists already.", newID)
	}
	t.byID.remove(t.hashIDOf(r), r)
	t.mut(r).container.set(int64(newID.Container()))
	t.byID.insert(t.hashIDOf(r), r, t.hashIDOf)
	return nil
}

// Touch raises the modification and access times of an inode; times that are
// not later than the ones there have no effect. It is cheaper than Update. It
// fails with NotFound.
func (t *Tree) Touch(id blockid.FileID, modifiedMS, accessedMS int64) error {
	r := t.refOf(id)
	if r == 0 {
		return noInode(id)
	}
	if n := t.at(r); modifiedMS > n.modified.get() {
		t.mut(r).modified.set(modifiedMS)
	}
	if n := t.at(r); accessedMS > n.accessed.get() {
		t.mut(r).accessed.set(accessedMS)
	}
	return nil
}

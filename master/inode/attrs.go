package inode

import (
	"reflect"
)

// load returns the inode of a node.
func (t *Tree) load(r ref) Inode {
	s := t.slabs[r>>slabBits]
	n, attrs := &s.nodes[r&slabMask], s.attrs(r)
	own := t.owners.values[n.owner]
	in := Inode{
		ID:          n.id(),
		Parent:      NoParent,
		Name:        t.nameOf(r),
		Mode:        n.mode,
		Owner:       own.owner,
		Group:       own.group,
		CreatedMS:   n.created.get(),
		ModifiedMS:  n.modified.get(),
		AccessedMS:  n.accessed.get(),
		Persistence: n.persistence(),
		Pinned:      n.is(flagPinned),
		PinnedMedia: attrs.media,
		TTL:         attrs.ttl,
		Fingerprint: t.printOf(n),
		ACL:         attrs.acl,
		XAttr:       attrs.xattr,
	}
	if n.parent != 0 {
		in.Parent = t.at(n.parent).id()
	}
	if n.is(flagDir) {
		in.Kind = KindDirectory
		in.MountPoint, in.ChildrenLoaded = n.is(flagMountPoint), n.is(flagLoaded)
		in.DefaultACL = attrs.defaultACL
		_, in.ChildCount = n.children()
		return in
	}
	in.Length, in.BlockSize = int64(n.data), t.blockSizes.values[n.block]
	in.Completed, in.Cacheable = n.is(flagCompleted), n.is(flagCacheable)
	in.Replication, in.PersistAfterMS = attrs.replication, attrs.persistAfterMS
	return in
}

// store writes the attributes of in, all but id, parent, name, kind and
// children, to a node that has these.
func (t *Tree) store(r ref, in *Inode) {
	owner := t.owners.index(ownership{in.Owner, in.Group})
	if t.printOf(t.at(r)) != in.Fingerprint {
		t.setText(r, t.nameOf(r), in.Fingerprint)
	}
	t.storeRare(r, in)
	n := t.mut(r)
	n.mode, n.owner = in.Mode&0o7777, owner
	n.created.set(in.CreatedMS)
	n.modified.set(in.ModifiedMS)
	n.accessed.set(in.AccessedMS)
	n.flags &= flagLive | flagDir | flagRare
	n.flags |= uint16(in.Persistence) << persistShift & persistMask
	n.setFlag(flagPinned, in.Pinned)
	if n.is(flagDir) {
		n.setFlag(flagMountPoint, in.MountPoint)
		n.setFlag(flagLoaded, in.ChildrenLoaded)
		return
	}
	in.Length = max(0, in.Length)
	n.data, n.block = uint64(in.Length), t.blockSizes.index(in.BlockSize)
	n.setFlag(flagCompleted, in.Completed)
	n.setFlag(flagCacheable, in.Cacheable)
}

func (n *node) setFlag(f uint16, on bool) {
	if on {
		n.flags |= f
	}
}

func (t *Tree) storeRare(r ref, in *Inode) {
	attrs := rare{media: in.PinnedMedia, ttl: in.TTL, acl: in.ACL, xattr: in.XAttr, replication: DefaultReplication}
	if in.IsDir() {
		attrs.defaultACL = in.DefaultACL
	} else {
		attrs.replication, attrs.persistAfterMS = in.Replication, in.PersistAfterMS
	}
	if attrs.common() {
		t.setRare(r, commonAttrs)
		return
	}
	if !reflect.DeepEqual(attrs, *t.slabs[r>>slabBits].attrs(r)) {
		t.setRare(r, &attrs)
	}
}

// common reports whether the attributes are those of commonAttrs.
func (a *rare) common() bool {
	return len(a.media) == 0 && !a.ttl.Set && len(a.acl) == 0 && len(a.defaultACL) == 0 && len(a.xattr) == 0 &&
		a.replication == DefaultReplication && a.persistAfterMS == 0
}

// enter adds the inode that the node r holds to counts and sets; leave takes
// it out again.
func (t *Tree) enter(r ref, in *Inode) {
	t.count(in, 1)
	if in.Pinned {
		t.pinned[r] = struct{}{}
	}
	if in.TTL.Set {
		t.expiring.add(t.deadline(r), r)
	}
	if in.IsDir() {
		return
	}
	if in.Persistence == ToBePersisted {
		t.toPersist[r] = struct{}{}
	}
	if in.Replication != DefaultReplication {
		t.replicated[r] = struct{}{}
	}
	if in.Persistence != Persisted && in.Completed && in.Length > 0 {
		t.cacheOnly[r] = struct{}{}
	}
}

func (t *Tree) leave(r ref, in *Inode) {
	t.count(in, -1)
	delete(t.pinned, r)
	delete(t.toPersist, r)
	delete(t.replicated, r)
	delete(t.cacheOnly, r)
	if in.TTL.Set {
		t.expiring.remove(t.deadline(r), r)
	}
}

func (t *Tree) count(in *Inode, by int64) {
	if in.IsDir() {
		t.stats.Directories += by
	} else {
		t.stats.Files += by
		t.stats.Bytes += by * in.Length
	}
	if in.TTL.Set {
		t.stats.WithTTL += int(by)
	}
}

func (t *Tree) deadline(r ref) int64 {
	s := t.slabs[r>>slabBits]
	return s.attrs(r).ttl.deadline(s.nodes[r&slabMask].created.get())
}

// expiring sorts the nodes with a TTL into buckets by deadline.
type expiring map[int64]map[ref]struct{}

const bucketMS = 60_000

func (e expiring) add(deadlineMS int64, r ref) {
	bucket := deadlineMS / bucketMS
	if e[bucket] == nil {
		e[bucket] = make(map[ref]struct{})
	}
	e[bucket][r] = struct{}{}
}

func (e expiring) remove(deadlineMS int64, r ref) {
	bucket := deadlineMS / bucketMS
	delete(e[bucket], r)
	if len(e[bucket]) == 0 {
		delete(e, bucket)
	}
}

// until calls yield for the nodes in the buckets up to that of the time.
func (e expiring) until(nowMS int64, yield func(ref) bool) {
	for bucket, nodes := range e {
		if bucket > nowMS/bucketMS {
			continue
		}
		for r := range nodes {
			if !yield(r) {
				return
			}
		}
	}
}

// interned numbers the values of an attribute that many inodes share. Values
// are kept for the life of the tree: there are few.
type interned[T comparable] struct {
	values  []T
	numbers map[T]uint32
}

func (i *interned[T]) index(v T) uint32 {
	if k, ok := i.numbers[v]; ok {
		return k
	}
	if i.numbers == nil {
		i.numbers = make(map[T]uint32)
	}
	k := uint32(len(i.values))
	i.values = append(i.values, v)
	i.numbers[v] = k
	return k
}

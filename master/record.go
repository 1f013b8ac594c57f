package master

import (
	"bytes"
	"maps"
	"slices"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// This file translates between inodes and the facts of the journal. An
// attribute is journaled when it differs: from the defaults at a creation, from
// the inode before at an update.

// newInode is what a creation's attributes are counted from.
func newInode(kind inode.Kind) inode.Inode {
	in := inode.Inode{Kind: kind}
	if kind == inode.KindFile {
		in.Cacheable = true
		in.Replication = inode.DefaultReplication
	}
	return in
}

func createChange(in inode.Inode) *journalpb.Change {
	return &journalpb.Change{Change: &journalpb.Change_Create{Create: &journalpb.Inode{
		Id: int64(in.ID), Parent: int64(in.Parent), Name: in.Name, Directory: in.IsDir(),
		Attributes: diff(newInode(in.Kind), in),
	}}}
}

func inodeOf(m *journalpb.Inode) inode.Inode {
	kind := inode.KindFile
	if m.GetDirectory() {
		kind = inode.KindDirectory
	}
	in := newInode(kind)
	in.ID, in.Parent, in.Name = blockid.FileID(m.GetId()), blockid.FileID(m.GetParent()), m.GetName()
	patch(&in, m.GetAttributes())
	return in
}

// updateChange is the change of an inode from one state to another, which may
// have another id; nil when they are the same.
func updateChange(from, to inode.Inode) *journalpb.Change {
	u := &journalpb.Update{Id: int64(from.ID), Attributes: diff(from, to)}
	if to.ID != from.ID {
		u.NewId = ptr(int64(to.ID))
	}
	if u.Attributes == nil && u.NewId == nil {
		return nil
	}
	return &journalpb.Change{Change: &journalpb.Change_Update{Update: u}}
}

func removeChange(id blockid.FileID) *journalpb.Change {
	return &journalpb.Change{Change: &journalpb.Change_Remove{Remove: &journalpb.Remove{Id: int64(id)}}}
}

func moveChange(id, parent blockid.FileID, name string) *journalpb.Change {
	return &journalpb.Change{Change: &journalpb.Change_Move{
		Move: &journalpb.Move{Id: int64(id), Parent: int64(parent), Name: name}}}
}

func mountMessage(p mount.Point) *journalpb.Mount {
	return &journalpb.Mount{Id: int64(p.ID), Path: p.Path, UfsUri: p.UFS,
		ReadOnly: p.ReadOnly, Shared: p.Shared, Properties: p.Options}
}

func pointOf(m *journalpb.Mount) mount.Point {
	return mount.Point{ID: mount.ID(m.GetId()), Path: m.GetPath(), UFS: m.GetUfsUri(),
		ReadOnly: m.GetReadOnly(), Shared: m.GetShared(), Options: m.GetProperties()}
}

func ptr[T any](v T) *T { return &v }

// changed returns a pointer to the new value if it differs.
func changed[T comparable](from, to T, any *bool) *T {
	if from == to {
		return nil
	}
	*any = true
	return &to
}

// diff returns the attributes in which two inodes differ, with to's values; nil
// when there are none.
func diff(from, to inode.Inode) *journalpb.Attributes {
	var any bool
	a := &journalpb.Attributes{
		Owner:          changed(from.Owner, to.Owner, &any),
		Group:          changed(from.Group, to.Group, &any),
		Mode:           changed(uint32(from.Mode), uint32(to.Mode), &any),
		CreatedMs:      changed(from.CreatedMS, to.CreatedMS, &any),
		ModifiedMs:     changed(from.ModifiedMS, to.ModifiedMS, &any),
		AccessedMs:     changed(from.AccessedMS, to.AccessedMS, &any),
		Pinned:         changed(from.Pinned, to.Pinned, &any),
		Persistence:    changed(uint32(from.Persistence), uint32(to.Persistence), &any),
		Fingerprint:    changed(from.Fingerprint, to.Fingerprint, &any),
		BlockSize:      changed(from.BlockSize, to.BlockSize, &any),
		Length:         changed(from.Length, to.Length, &any),
		Completed:      changed(from.Completed, to.Completed, &any),
		Cacheable:      changed(from.Cacheable, to.Cacheable, &any),
		PersistAfterMs: changed(from.PersistAfterMS, to.PersistAfterMS, &any),
		MountPoint:     changed(from.MountPoint, to.MountPoint, &any),
		ChildrenLoaded: changed(from.ChildrenLoaded, to.ChildrenLoaded, &any),
	}
	if from.TTL != to.TTL {
		any = true
		a.Ttl = &journalpb.Ttl{Set: to.TTL.Set, Millis: to.TTL.Millis, Action: uint32(to.TTL.Action)}
	}
	if r := to.Replication; from.Replication != r {
		any = true
		a.Replication = &journalpb.Replication{Min: r.Min, Max: r.Max, Durable: r.Durable}
	}
	if !slices.Equal(from.PinnedMedia, to.PinnedMedia) {
		any = true
		a.PinnedMedia = &journalpb.Media{Types: to.PinnedMedia}
	}
	if !maps.EqualFunc(from.XAttr, to.XAttr, bytes.Equal) {
		any = true
		a.Xattr = &journalpb.XAttr{Entries: to.XAttr}
	}
	if !slices.Equal(from.ACL, to.ACL) {
		any = true
		a.Acl = aclMessage(to.ACL)
	}
	if !slices.Equal(from.DefaultACL, to.DefaultACL) {
		any = true
		a.DefaultAcl = aclMessage(to.DefaultACL)
	}
	if !any {
		return nil
	}
	return a
}

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

// patch gives an inode the attributes that a has.
func patch(in *inode.Inode, a *journalpb.Attributes) {
	if a == nil {
		return
	}
	set(&in.Owner, a.Owner)
	set(&in.Group, a.Group)
	set(&in.CreatedMS, a.CreatedMs)
	set(&in.ModifiedMS, a.ModifiedMs)
	set(&in.AccessedMS, a.AccessedMs)
	set(&in.Pinned, a.Pinned)
	set(&in.Fingerprint, a.Fingerprint)
	set(&in.BlockSize, a.BlockSize)
	set(&in.Length, a.Length)
	set(&in.Completed, a.Completed)
	set(&in.Cacheable, a.Cacheable)
	set(&in.PersistAfterMS, a.PersistAfterMs)
	set(&in.MountPoint, a.MountPoint)
	set(&in.ChildrenLoaded, a.ChildrenLoaded)
	if a.Mode != nil {
		in.Mode = uint16(*a.Mode)
	}
	if a.Persistence != nil {
		in.Persistence = inode.Persistence(*a.Persistence)
	}
	if t := a.Ttl; t != nil {
		in.TTL = inode.TTL{Set: t.Set, Millis: t.Millis, Action: inode.TTLAction(t.Action)}
	}
	if r := a.Replication; r != nil {
		in.Replication = inode.Replication{Min: r.Min, Max: r.Max, Durable: r.Durable}
	}
	if a.PinnedMedia != nil {
		in.PinnedMedia = a.PinnedMedia.Types
	}
	if a.Xattr != nil {
		in.XAttr = a.Xattr.Entries
	}
	if a.Acl != nil {
		in.ACL = aclOf(a.Acl)
	}
	if a.DefaultAcl != nil {
		in.DefaultACL = aclOf(a.DefaultAcl)
	}
}

func aclMessage(entries []inode.ACLEntry) *journalpb.Acl {
	m := &journalpb.Acl{}
	for _, e := range entries {
		m.Entries = append(m.Entries, &journalpb.AclEntry{Type: uint32(e.Type), Subject: e.Subject, Bits: uint32(e.Perm)})
	}
	return m
}

func aclOf(m *journalpb.Acl) []inode.ACLEntry {
	var entries []inode.ACLEntry
	for _, e := range m.GetEntries() {
		entries = append(entries, inode.ACLEntry{Type: inode.ACLEntryType(e.Type), Subject: e.Subject, Perm: uint8(e.Bits)})
	}
	return entries
}

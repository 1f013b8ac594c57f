package master

import (
	"context"
	"maps"
	"slices"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// XAttrStrategy says how SetAttribute combines extended attributes with those
// that are there.
type XAttrStrategy uint8

// The strategies, by their wire values.
const (
	XAttrTruncate      XAttrStrategy = 1 // replace all
	XAttrUnionReplace  XAttrStrategy = 2 // add, new values win
	XAttrUnionPreserve XAttrStrategy = 3 // add, old values win
	XAttrDeleteKeys    XAttrStrategy = 4 // remove the keys given
)

// AttributeOptions are those of SetAttribute; nil leaves an attribute as it is.
type AttributeOptions struct {
	CommonOptions
	Recursive      bool
	Owner, Group   *string
	Mode           *uint16
	Pinned         *bool
	PinnedMedia    []string
	Persisted      *bool
	TTLMillis      *int64 // negative: none
	TTLAction      *inode.TTLAction
	ReplicationMin *int32
	ReplicationMax *int32
	XAttr          map[string][]byte
	XAttrStrategy  XAttrStrategy
}

// inUFS reports whether the UFS has a say in what is set.
func (o *AttributeOptions) inUFS() bool { return o.Owner != nil || o.Group != nil || o.Mode != nil }

// target is an inode to be changed.
type target struct {
	node node
	in   inode.Inode
}

// SetAttribute changes attributes of a path, or of everything at and below it.
func (t *term) SetAttribute(ctx context.Context, c Caller, path string, o AttributeOptions) error {
	if err := t.checkAttributes(path, o); err != nil {
		return err
	}
	n := t.look(path)
	if err := t.checkTraverse(c, &n); err != nil {
		return err
	}
	d := depthNone
	if o.Recursive || o.Pinned != nil {
		d = depthAll
	}
	if err := t.refresh(ctx, path, o.CommonOptions, LoadOnce, depthOf(o.SyncIntervalMS, d)); err != nil {
		return err
	}
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	targets, err := t.targets(path, o.Recursive || o.Pinned != nil)
	if err != nil {
		return err
	}
	for i := range targets {
		if err := t.checkSetAttribute(c, &targets[i], o); err != nil {
			return err
		}
	}
	return t.changeAll(o.op, targets, func(tg target) (*journalpb.Change, error) { return t.setAttribute(tg, o) })
}

// depthOf is how deep an operation synchronises: without an interval it only
// makes sure that its path is loaded.
func depthOf(intervalMS int64, d depth) depth {
	if intervalMS < 0 {
		return depthNone
	}
	return d
}

func (t *term) checkAttributes(path string, o AttributeOptions) error {
	if o.Owner != nil && o.Group != nil && *o.Owner != "" && !slices.Contains(t.groups.of(*o.Owner), *o.Group) {
		return errors.Errorf(errors.FailedPrecondition, "Could not update owner:group for %s to %s:%s. Owner %s does not belong to the group %s, as the master's machine knows users and groups",
			path, *o.Owner, *o.Group, *o.Owner, *o.Group)
	}
	if o.ReplicationMin != nil && *o.ReplicationMin < 0 || o.ReplicationMax != nil && *o.ReplicationMax < -1 ||
		o.ReplicationMin != nil && o.ReplicationMax != nil && *o.ReplicationMax >= 0 && *o.ReplicationMax < *o.ReplicationMin {
		return errors.Errorf(errors.Invalid, "Invalid replication for %s: the minimum must be at least 0 and the maximum not below it, or -1.", path)
	}
	if o.Persisted != nil && !*o.Persisted {
		return errors.Errorf(errors.Invalid, "%s cannot be made unpersisted: delete it from its under file system instead.", path)
	}
	return nil
}

// targets are the inodes at a path and, recursively, below it.
func (t *term) targets(path string, recursive bool) ([]target, error) {
	n, err := t.mustLook(path)
	if err != nil {
		return nil, err
	}
	out := []target{{n, n.last()}}
	if !recursive || !n.isDir() {
		return out, nil
	}
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	for rel, in := range t.state.mu.tree.Descendants(n.last().ID) {
		out = append(out, target{node{path: fspath.Join(path, rel), found: []inode.Inode{in}}, in})
	}
	return out, nil
}

func (t *term) checkSetAttribute(c Caller, tg *target, o AttributeOptions) error {
	if o.Owner != nil {
		if err := t.checkSuper(c); err != nil {
			return err
		}
	}
	if o.Group != nil || o.Mode != nil {
		if err := t.checkOwner(c, &tg.node); err != nil {
			return err
		}
	}
	if o.inUFS() {
		if err := t.checkWritable(tg.node.path); err != nil {
			return err
		}
	} else if err := t.check(c, &tg.node, write); err != nil {
		return err
	}
	if o.Persisted != nil && !tg.in.IsDir() && !tg.in.Completed {
		return errors.Errorf(errors.Invalid, "Cannot persist an incomplete Alluxio file: %s", tg.node.path)
	}
	return nil
}

// changeAll makes the changes of many inodes and journals them in records of a
// bounded size. The operation is remembered with the last.
func (t *term) changeAll(op opID, targets []target, change func(target) (*journalpb.Change, error)) error {
	var changes []*journalpb.Change
	for _, tg := range targets {
		c, err := change(tg)
		if err != nil {
			if perr := t.propose(opID{}, changes...); perr != nil {
				return perr
			}
			return err
		}
		if changes = append(changes, c); len(changes) == t.set.loadBatch {
			if err := t.propose(opID{}, changes...); err != nil {
				return err
			}
			changes = nil
		}
	}
	return t.propose(op, changes...)
}

// setAttribute changes one inode, in its UFS first.
func (t *term) setAttribute(tg target, o AttributeOptions) (*journalpb.Change, error) {
	to := tg.in
	set(&to.Owner, o.Owner)
	set(&to.Group, o.Group)
	set(&to.Mode, o.Mode)
	if o.Pinned != nil {
		to.Pinned, to.PinnedMedia = *o.Pinned, nil
		if to.Pinned {
			to.PinnedMedia = o.PinnedMedia
		}
	}
	setTTL(&to, o)
	if !to.IsDir() {
		set(&to.Replication.Min, o.ReplicationMin)
		set(&to.Replication.Max, o.ReplicationMax)
		if r := to.Replication; r.Max >= 0 && r.Max < r.Min {
			return nil, errors.Errorf(errors.Invalid, "Invalid replication for %s: minimum %d, maximum %d.", tg.node.path, r.Min, r.Max)
		}
	}
	if o.XAttrStrategy != 0 {
		to.XAttr = mergeXAttr(to.XAttr, o.XAttr, o.XAttrStrategy)
	}
	if o.inUFS() && to.Persistence == inode.Persisted && (to.IsDir() || to.Completed) && !to.MountPoint {
		if err := t.setUFSAttr(tg.node.path, &to, o); err != nil {
			return nil, err
		}
	}
	if o.Persisted != nil && to.Persistence != inode.Persisted && !to.IsDir() {
		if err := t.completeThrough(t.detached(), tg.node.path, &to, CompleteOptions{UFSLength: &to.Length}); err != nil {
			return nil, err
		}
		to.Persistence = inode.Persisted
	}
	return updateChange(tg.in, to), nil
}

func setTTL(in *inode.Inode, o AttributeOptions) {
	if o.TTLMillis != nil {
		in.TTL = inode.TTL{Set: *o.TTLMillis >= 0, Millis: max(0, *o.TTLMillis), Action: in.TTL.Action}
	}
	if o.TTLAction != nil {
		in.TTL.Action = *o.TTLAction
	}
	if !in.TTL.Set {
		in.TTL = inode.TTL{}
	}
}

func mergeXAttr(old, given map[string][]byte, how XAttrStrategy) map[string][]byte {
	merged := maps.Clone(old)
	if merged == nil || how == XAttrTruncate {
		merged = make(map[string][]byte, len(given))
	}
	for k, v := range given {
		_, have := old[k]
		switch {
		case how == XAttrDeleteKeys:
			delete(merged, k)
		case how == XAttrUnionPreserve && have:
		default:
			merged[k] = v
		}
	}
	if len(merged) == 0 {
		return nil
	}
	return merged
}

// setUFSAttr changes owner, group and mode in the UFS, if it has such.
func (t *term) setUFSAttr(path string, in *inode.Inode, o AttributeOptions) error {
	loc := t.locate(path)
	u, err := t.writing(t.detached(), loc)
	if err != nil {
		return err
	}
	s, ok := ufs.As[ufs.AttrSetter](u)
	if !ok {
		return nil
	}
	var mode *uint32
	if o.Mode != nil {
		mode = ptr(uint32(*o.Mode))
	}
	if err := s.SetAttr(t.detached(), loc.Rel, deref(o.Owner), deref(o.Group), mode); err != nil {
		return err
	}
	info, err := u.Stat(t.detached(), loc.Rel)
	if err == nil && info.Dir == in.IsDir() && (info.Dir || info.Size == in.Length) {
		in.Fingerprint = fingerprintOf(info)
	}
	return nil
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

// SetACL changes the access control list of a path, or of everything at and
// below it.
func (t *term) SetACL(ctx context.Context, c Caller, path string, action ACLAction, entries []ACLChange, recursive bool, o CommonOptions) error {
	if len(entries) == 0 && action <= ACLRemove {
		return errors.Errorf(errors.Invalid, "No ACL entries were given for %s.", path)
	}
	if err := t.refresh(ctx, path, o, LoadOnce, depthNone); err != nil {
		return err
	}
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	targets, err := t.targets(path, recursive)
	if err != nil {
		return err
	}
	if err := t.checkTraverse(c, &targets[0].node); err != nil {
		return err
	}
	for i := range targets {
		if err := t.checkOwner(c, &targets[i].node); err != nil {
			return err
		}
		if err := t.checkWritable(targets[i].node.path); err != nil {
			return err
		}
	}
	return t.changeAll(opID{}, targets, func(tg target) (*journalpb.Change, error) {
		given := entries
		if !tg.in.IsDir() && len(targets) > 1 { // defaults are for the directories among them
			given = slices.DeleteFunc(slices.Clone(entries), func(e ACLChange) bool { return e.Default })
		}
		to, err := applyACL(tg.in, action, given)
		if err != nil {
			return nil, err
		}
		return updateChange(tg.in, to), nil
	})
}

package master

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/inode"
)

// runTTL does what the TTLs of inodes say when they expire, until the term ends.
func (t *term) runTTL(ctx context.Context) {
	every(ctx, t.set.loops.ttlInterval, func() { t.expire(ctx) })
}

// expire handles every inode whose TTL has expired. One that fails is tried
// again with the next check.
func (t *term) expire(ctx context.Context) {
	for _, id := range t.expired() {
		if ctx.Err() != nil {
			return
		}
		if err := t.expireInode(ctx, id); err != nil && ctx.Err() == nil {
			path, _, _ := t.pathOf(id)
			t.log.Warn("The TTL of a path has expired, but it could not be acted upon; the next check tries again.", "path", path, "err", err)
		}
	}
}

func (t *term) expired() []blockid.FileID {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	var ids []blockid.FileID
	for id := range t.state.mu.tree.Expired(t.nowMS()) {
		ids = append(ids, id)
	}
	return ids
}

func (t *term) expireInode(ctx context.Context, id blockid.FileID) error {
	h, n, err := t.latchInode(ctx, id)
	if err != nil {
		return err
	}
	defer h.release()
	if !n.exists() {
		return nil // went with its directory
	}
	in := n.last()
	if deadline, ok := in.DeadlineMS(); !ok || deadline > t.nowMS() {
		return nil // the TTL was changed meanwhile
	}
	switch in.TTL.Action {
	case inode.TTLFree:
		return t.expireFree(n)
	case inode.TTLDelete, inode.TTLDeleteAlluxio:
		t.log.Info("Deleting a path whose TTL has expired.", "path", n.path, "action", in.TTL.Action)
		o := DeleteOptions{Recursive: true, AlluxioOnly: in.TTL.Action == inode.TTLDeleteAlluxio}
		err := t.deleteLatched(ctx, System, &n, o)
		if err == nil {
			t.metrics.ops.WithLabelValues("TtlDeleted").Inc()
		}
		return err
	}
	return errors.Errorf(errors.Internal, "TTL action %d is not known", in.TTL.Action)
}

// expireFree drops the cached copies of all that the UFS has at and below a
// path, pinned or not, and ends the TTL.
func (t *term) expireFree(n node) error {
	targets, err := t.targets(n.path, true)
	if err != nil {
		return err
	}
	kept := 0
	for _, tg := range targets {
		switch {
		case tg.in.IsDir():
		case inUFS(tg.in):
			t.freeBlocks(tg.in)
		default:
			kept++
		}
	}
	if kept > 0 {
		return errors.Errorf(errors.FailedPrecondition, "Cannot free %d files at or below %s which are not persisted", kept, n.path)
	}
	in := n.last()
	to := in
	to.TTL = inode.TTL{}
	t.metrics.ops.WithLabelValues("TtlFreed").Inc()
	return t.propose(opID{}, updateChange(in, to))
}

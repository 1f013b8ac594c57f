package master

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/master/inode"
)

// runLostWorkers looks for workers that are silent for too long.
func (t *term) runLostWorkers(ctx context.Context) {
	every(ctx, t.set.loops.lostWorkerInterval, t.detectLostWorkers)
}

func (t *term) detectLostWorkers() {
	for _, w := range t.blocks.DetectLost() {
		t.log.Warn("A worker is lost: it has not been heard of for too long.",
			"worker", w.ID, "address", w.Address.String(), "lastContact", w.LastContact, "blocks", w.Blocks)
	}
	t.blocks.Purge()
}

// runOrphans looks for blocks whose files do not exist.
func (t *term) runOrphans(ctx context.Context) {
	if t.set.loops.orphanInterval <= 0 {
		return
	}
	every(ctx, t.set.loops.orphanInterval, func() {
		if n := t.blocks.CheckOrphans(); n > 0 {
			t.log.Warn("Workers hold blocks whose files do not exist; they are told to free them.", "blocks", n)
		}
	})
}

// runLostFiles looks for files whose only data was in the cache and is gone.
func (t *term) runLostFiles(ctx context.Context) {
	every(ctx, t.set.loops.lostFileInterval, func() { t.detectLostFiles(ctx) })
}

// detectLostFiles marks the files that the UFS does not have and that miss a
// block as lost, and those whose blocks have come back as found. A young term
// does not know of all workers yet, so it says nothing.
func (t *term) detectLostFiles(ctx context.Context) {
	if t.now().Sub(t.began) < t.set.workerTimeout {
		return
	}
	for _, id := range t.cacheOnly() {
		in, ok := t.inode(id)
		if !ok || t.whole(in) == (in.Persistence != inode.Lost) {
			continue
		}
		if err := t.markLost(ctx, id); err != nil {
			if ctx.Err() != nil {
				return
			}
			t.log.Warn("A file could not be marked as lost or found.", "file", id, "err", err)
		}
	}
}

func (t *term) cacheOnly() []blockid.FileID {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	var ids []blockid.FileID
	for id := range t.state.mu.tree.CacheOnly() {
		ids = append(ids, id)
	}
	return ids
}

// whole reports whether every block of a file has a copy.
func (t *term) whole(in inode.Inode) bool {
	for i := range in.Blocks() {
		if len(t.blocks.Locations(in.ID.Container().Block(i))) == 0 {
			return false
		}
	}
	return true
}

// markLost makes a file lost, or what it was before when its blocks are back.
// A lost file that was to be persisted has a PersistAfterMS.
func (t *term) markLost(ctx context.Context, id blockid.FileID) error {
	h, n, err := t.latchInode(ctx, id)
	if err != nil {
		return err
	}
	defer h.release()
	if !n.exists() {
		return nil
	}
	in := n.last()
	whole := t.whole(in)
	if in.Persistence == inode.Persisted || !in.Completed || whole == (in.Persistence != inode.Lost) {
		return nil
	}
	to := in
	switch {
	case whole && in.PersistAfterMS > 0:
		to.Persistence, to.PersistAfterMS = inode.ToBePersisted, t.nowMS()
		t.log.Info("The data of a lost file is back; it will be persisted.", "path", n.path)
	case whole:
		to.Persistence = inode.NotPersisted
		t.log.Info("The data of a lost file is back.", "path", n.path)
	default:
		if to.PersistAfterMS = 0; in.Persistence == inode.ToBePersisted {
			to.PersistAfterMS = t.nowMS()
		}
		to.Persistence = inode.Lost
		t.log.Error("A file is lost: the under file system does not have it, and no worker has all of its blocks.", "path", n.path)
		t.metrics.ops.WithLabelValues("FilesLost").Inc()
	}
	return t.propose(opID{}, updateChange(in, to))
}

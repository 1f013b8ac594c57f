package master

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// intentInterval is how often operations that could not be finished are tried
// again.
const intentInterval = 10 * time.Second

// runIntents finishes what an earlier leader, or a failing UFS, left unfinished.
func (t *term) runIntents(ctx context.Context) {
	t.finishIntents(ctx)
	every(ctx, intentInterval, func() { t.finishIntents(ctx) })
}

func (t *term) finishIntents(ctx context.Context) {
	t.state.mu.RLock()
	var pending []*journalpb.Intent
	for _, id := range slices.Sorted(maps.Keys(t.state.mu.intents)) {
		pending = append(pending, t.state.mu.intents[id])
	}
	t.state.mu.RUnlock()
	for _, i := range pending {
		if err := t.finishIntent(ctx, i); err != nil && ctx.Err() == nil {
			t.log.Warn("An interrupted operation could not be finished yet.", "intent", i.GetId(), "err", err)
		}
	}
}

func (t *term) finishIntent(ctx context.Context, i *journalpb.Intent) error {
	if r := i.GetRename(); r != nil {
		return t.finishRename(ctx, i.GetId(), r)
	}
	return t.finishDelete(ctx, i.GetId(), i.GetDelete())
}

// pending reports whether an intent is still there: an operation under way
// holds its latches until it has ended its own.
func (t *term) pending(id int64) bool {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	_, ok := t.state.mu.intents[id]
	return ok
}

func (t *term) finishRename(ctx context.Context, id int64, r *journalpb.RenameIntent) error {
	src, dst := r.GetSrc(), r.GetDst()
	h, err := t.latches.exclusive(ctx, src, dst)
	if err != nil {
		return err
	}
	defer h.release()
	if !t.pending(id) {
		return nil
	}
	done := &journalpb.Change{Change: &journalpb.Change_IntentDone{IntentDone: id}}
	from, to := t.look(src), t.look(dst)
	if !from.exists() || from.last().ID != blockid.FileID(r.GetInode()) || to.exists() || len(to.missing) > 1 {
		return t.propose(opID{}, done) // overtaken by other operations
	}
	srcLoc, dstLoc := t.locate(src), t.locate(dst)
	u, err := t.writing(ctx, srcLoc)
	if err != nil {
		return err
	}
	mover, ok := ufs.As[ufs.DirRenamer](u)
	if !ok {
		return errors.Errorf(errors.Unsupported, "the under file system %s cannot rename directories", srcLoc.UFS)
	}
	changes := []*journalpb.Change{done, moveChange(from.last().ID, to.last().ID, fspath.Base(dst))}
	parents, err := t.persistDirs(ctx, dst, to.found)
	if err != nil {
		return err
	}
	for i, p := range parents {
		changes = append(changes, updateChange(to.found[i], p))
	}
	if err := mover.RenameDir(ctx, srcLoc.Rel, dstLoc.Rel); err != nil && !t.moved(ctx, u, srcLoc.Rel, dstLoc.Rel) {
		return err
	}
	t.log.Info("An interrupted rename is finished.", "src", src, "dst", dst)
	return t.propose(opOf(r.GetOp()), changes...)
}

// moved reports whether a directory has been moved completely.
func (t *term) moved(ctx context.Context, u ufs.UFS, src, dst string) bool {
	_, err := u.Stat(ctx, src)
	if !errors.Is(err, errors.NotFound) {
		return false
	}
	_, err = u.Stat(ctx, dst)
	return err == nil
}

func (t *term) finishDelete(ctx context.Context, id int64, d *journalpb.DeleteIntent) error {
	path := d.GetPath()
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	if !t.pending(id) {
		return nil
	}
	done := &journalpb.Change{Change: &journalpb.Change_IntentDone{IntentDone: id}}
	n := t.look(path)
	if !n.exists() || n.last().ID != blockid.FileID(d.GetInode()) {
		return t.propose(opID{}, done)
	}
	loc := t.locate(path)
	u, err := t.writing(ctx, loc)
	if err != nil {
		return err
	}
	if err := deleteUFSDir(ctx, u, loc.Rel); err != nil {
		return err
	}
	t.log.Info("An interrupted delete is finished.", "path", path)
	return t.removeTree(opOf(d.GetOp()), path, n.last(), t.mountsUnder(path), done)
}

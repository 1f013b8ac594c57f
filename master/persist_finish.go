package master

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// tempOf is where a worker writes a file, relative to the UFS root of its mount.
func tempOf(id blockid.FileID) string {
	return persistDir + "/" + strconv.FormatInt(int64(id), 10)
}

// errRewrite says that what a worker wrote is of no use.
var errRewrite = errors.Errorf(errors.Aborted, "it has to be written again")

// finishPersist puts a written file into place and ends its job, or has the
// step that failed done again.
func (t *term) finishPersist(ctx context.Context, j *persistJob) {
	err := t.placeFile(ctx, j)
	p := t.persist
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		delete(p.mu.jobs, j.id)
		return
	case ctx.Err() != nil:
		return
	}
	t.metrics.ops.WithLabelValues("AsyncPersistFail").Inc()
	t.log.Warn("A file could not be persisted yet.", "file", j.id, "attempt", j.attempts+1, "err", err)
	if errors.KindOf(err) == errors.Aborted {
		t.retryWriting(j)
		return
	}
	j.state = jobWritten
	t.later(j)
}

// placeFile renames a temporary object to the path that the file has now, and
// journals that the file is persisted. A file that is not to be persisted any
// more loses its temporary object instead.
func (t *term) placeFile(ctx context.Context, j *persistJob) error {
	h, n, err := t.latchInode(ctx, j.id)
	if err != nil {
		return err
	}
	defer h.release()
	if !n.exists() || !awaitsPersist(n.last()) {
		t.removeTemp(ctx, j.mount, j.id)
		return nil
	}
	path, in := n.path, n.last()
	if err := t.checkWritable(path); err != nil {
		return err
	}
	loc := t.locate(path)
	u, err := t.writing(ctx, loc)
	if err != nil {
		return err
	}
	parents, err := t.persistDirs(t.detached(), path, n.found[:len(n.found)-1])
	if err != nil {
		return err
	}
	info, err := t.moveTemp(u, loc, in, j)
	if err != nil {
		return err
	}
	var changes []*journalpb.Change
	for i, p := range parents {
		changes = append(changes, updateChange(n.found[i], p))
	}
	to := in
	to.Persistence, to.PersistAfterMS, to.Fingerprint = inode.Persisted, 0, fingerprintOf(info)
	if err := t.propose(opID{}, append(changes, updateChange(in, to))...); err != nil {
		return err
	}
	t.absent.remove(path)
	t.metrics.ops.WithLabelValues("AsyncPersistSuccess").Inc()
	return nil
}

// moveTemp moves the object that the worker wrote, which must have the file's
// length, to where the file is now, and describes it there.
func (t *term) moveTemp(u ufs.UFS, loc mount.Location, in inode.Inode, j *persistJob) (ufs.Info, error) {
	ctx, src := t.detached(), cmp.Or(j.placed, tempOf(in.ID))
	info, err := u.Stat(ctx, src)
	if errors.Is(err, errors.NotFound) {
		return info, errors.Errorf(errors.Aborted, "%s is gone: %w", src, errRewrite)
	}
	if err != nil {
		return info, err
	}
	if info.Dir || info.Size != in.Length {
		if j.placed == "" {
			t.removeTemp(ctx, j.mount, j.id)
		}
		return info, errors.Errorf(errors.Aborted, "%s has %d bytes instead of %d: %w", src, info.Size, in.Length, errRewrite)
	}
	if src == loc.Rel {
		return info, nil
	}
	t.dressTemp(u, src, in)
	if err := u.Rename(ctx, src, loc.Rel); err != nil {
		return info, err
	}
	j.placed = loc.Rel // if the next call fails, this need not be done again
	return u.Stat(ctx, loc.Rel)
}

// dressTemp gives the object the owner, group and mode of the file, if its
// store has such and lets us.
func (t *term) dressTemp(u ufs.UFS, temp string, in inode.Inode) {
	s, ok := ufs.As[ufs.AttrSetter](u)
	if !ok {
		return
	}
	err := s.SetAttr(t.detached(), temp, in.Owner, in.Group, ptr(uint32(in.Mode)))
	if err != nil {
		err = s.SetAttr(t.detached(), temp, "", "", ptr(uint32(in.Mode)))
	}
	if err != nil {
		t.log.Debug("Owner and mode of a persisted file could not be set in its under file system.", "file", in.ID, "err", err)
	}
}

// removeTemp removes a temporary object that nobody wants any more. If that
// fails the sweep does it.
func (t *term) removeTemp(ctx context.Context, p mount.Point, id blockid.FileID) {
	u, err := t.writing(ctx, mount.Location{Point: p})
	if err == nil {
		err = u.Delete(ctx, tempOf(id))
	}
	if err != nil && !errors.Is(err, errors.NotFound) && ctx.Err() == nil {
		t.log.Info("A temporary object stays in the under file system for now.", "ufs", p.URI(tempOf(id)), "err", err)
	}
}

// giveUpPersists makes files NotPersisted again whose persistence has failed
// for too long.
func (t *term) giveUpPersists(ctx context.Context) {
	p := t.persist
	p.mu.Lock()
	var late []*persistJob
	for _, j := range p.mu.jobs {
		if j.state != jobFinishing && j.attempts > 0 && j.giveUp.Before(t.now()) {
			j.state = jobFinishing // nobody else's now
			late = append(late, j)
		}
	}
	p.mu.Unlock()
	for _, j := range late {
		if err := t.giveUpPersist(ctx, j.id); err != nil && ctx.Err() == nil {
			t.log.Warn("A file that cannot be persisted stays to be persisted.", "file", j.id, "err", err)
		}
		p.mu.Lock()
		delete(p.mu.jobs, j.id)
		p.mu.Unlock()
	}
}

func (t *term) giveUpPersist(ctx context.Context, id blockid.FileID) error {
	h, n, err := t.latchInode(ctx, id)
	if err != nil {
		return err
	}
	defer h.release()
	if !n.exists() || !awaitsPersist(n.last()) {
		return nil
	}
	in := n.last()
	to := in
	to.Persistence, to.PersistAfterMS = inode.NotPersisted, 0
	if err := t.propose(opID{}, updateChange(in, to)); err != nil {
		return err
	}
	t.log.Error("A file could not be persisted and is not tried any longer. Its data is in the cache only; `alluxio fs persist` tries again.",
		"path", n.path, "after", t.set.loops.persistTotal)
	return nil
}

// sweepTemps removes from every mount what interrupted persists and writers
// have left behind.
func (t *term) sweepTemps(ctx context.Context) {
	for _, p := range t.mountsUnder(fspath.Root) {
		if p.ReadOnly {
			continue
		}
		if err := t.sweepMount(ctx, mount.Location{Point: p}); err != nil && ctx.Err() == nil {
			t.log.Warn("Leftovers in an under file system could not be removed.", "ufs", p.UFS, "err", err)
		}
	}
}

func (t *term) sweepMount(ctx context.Context, loc mount.Location) error {
	u, err := t.writing(ctx, loc)
	if err != nil {
		return err
	}
	if s, ok := ufs.As[ufs.Sweeper](u); ok {
		if _, err := s.Sweep(ctx, garbageAfter); err != nil {
			return err
		}
	}
	for info, err := range u.List(ctx, persistDir, ufs.ListOptions{}) {
		switch {
		case errors.Is(err, errors.NotFound):
			return nil
		case err != nil:
			return err
		case !t.isGarbage(info):
			continue
		}
		if err := u.Delete(ctx, info.Path); err != nil && !errors.Is(err, errors.NotFound) {
			return err
		}
		t.log.Info("Removed an old temporary object.", "ufs", loc.URI(info.Path))
	}
	return nil
}

// isGarbage reports whether an entry of persistDir belongs to no file that is
// to be persisted, and has for so long that it is not another cluster's either.
func (t *term) isGarbage(info ufs.Info) bool {
	id, err := strconv.ParseInt(fspath.Base("/"+info.Path), 10, 64)
	if err != nil || info.Dir || info.ModTime.IsZero() || t.now().Sub(info.ModTime) < garbageAfter {
		return false
	}
	in, ok := t.inode(blockid.FileID(id))
	return !ok || !awaitsPersist(in)
}

// sweepInterval is how often leftovers are looked for.
const sweepInterval = time.Hour

// runSweep sweeps until the term ends.
func (t *term) runSweep(ctx context.Context) {
	every(ctx, sweepInterval, func() { t.sweepTemps(ctx) })
}

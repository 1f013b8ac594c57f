package master

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// FreeOptions are those of Free.
type FreeOptions struct {
	CommonOptions
	Recursive bool
	Forced    bool // pinned files too; they are unpinned
}

// Free drops the cached copies of files that the UFS has. Workers do it when
// they next report.
func (t *term) Free(ctx context.Context, c Caller, path string, o FreeOptions) error {
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	targets, err := t.targets(path, o.Recursive)
	if err != nil {
		return err
	}
	n := &targets[0].node
	if err := t.check(c, n, read); err != nil {
		return err
	}
	if in := n.last(); in.IsDir() && in.ChildCount > 0 && !o.Recursive {
		return errors.Errorf(errors.Other, "Cannot free directory %s which is not empty. Please set the \"recursive\" flag of free operation to true", path)
	}
	for _, tg := range targets {
		if err := checkFree(tg, o); err != nil {
			return err
		}
	}
	err = t.changeAll(opID{}, targets, func(tg target) (*journalpb.Change, error) {
		to := tg.in
		to.Pinned, to.PinnedMedia = to.Pinned && !o.Forced, nil
		if to.Pinned {
			to.PinnedMedia = tg.in.PinnedMedia
		}
		return updateChange(tg.in, to), nil
	})
	if err != nil {
		return err
	}
	for _, tg := range targets {
		t.freeBlocks(tg.in)
	}
	t.metrics.ops.WithLabelValues("FilesFreed").Inc()
	return nil
}

func checkFree(tg target, o FreeOptions) error {
	in := tg.in
	switch {
	case in.IsDir():
		return nil
	case in.Persistence != inode.Persisted || !in.Completed:
		return errors.Errorf(errors.Other, "Cannot free file %s which is not persisted", tg.node.path)
	case in.Pinned && !o.Forced:
		return errors.Errorf(errors.Other, "Cannot free file %s which is pinned. Please unpin it first or set the \"forced\" flag of free operation to true", tg.node.path)
	}
	return nil
}

// freeBlocks has workers drop all copies of a file's blocks; they count as cached
// until a worker says that they are gone.
func (t *term) freeBlocks(in inode.Inode) {
	if !in.IsDir() {
		t.blocks.Free(in.ID.Container(), in.Blocks())
	}
}

// removeBlocks forgets the blocks of a file that is no more, and has workers
// drop them.
func (t *term) removeBlocks(in inode.Inode) {
	if !in.IsDir() {
		t.blocks.Remove(in.ID.Container(), in.Blocks())
	}
}

// ScheduleAsyncPersistence has a complete file written to its UFS, or all such
// files below a directory.
func (t *term) ScheduleAsyncPersistence(ctx context.Context, c Caller, path string, waitMS int64, o CommonOptions) error {
	if err := t.refresh(ctx, path, o, LoadOnce, depthNone); err != nil {
		return err
	}
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	n, err := t.mustLook(path)
	if err != nil {
		return err
	}
	if err := t.check(c, &n, write); err != nil {
		return err
	}
	if err := t.checkWritable(path); err != nil {
		return err
	}
	in := n.last()
	switch {
	case !in.IsDir() && !in.Completed:
		return errors.Errorf(errors.Invalid, "Cannot persist an incomplete Alluxio file: %s", path)
	case in.Persistence == inode.Lost:
		return errors.Errorf(errors.FailedPrecondition, "%s cannot be persisted: the last cached copy of its data is lost.", path)
	}
	return t.propose(o.op, t.schedulePersist(in, max(0, waitMS))...)
}

// schedulePersist are the changes that mark an inode, or the files below it, as
// to be persisted.
func (t *term) schedulePersist(in inode.Inode, waitMS int64) []*journalpb.Change {
	at := t.nowMS() + waitMS
	if !in.IsDir() {
		return appendPersist(nil, in, at)
	}
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	var changes []*journalpb.Change
	for _, f := range t.state.mu.tree.Descendants(in.ID) {
		if !f.IsDir() {
			changes = appendPersist(changes, f, at)
		}
	}
	return changes
}

func appendPersist(changes []*journalpb.Change, in inode.Inode, atMS int64) []*journalpb.Change {
	if !in.Completed || in.Persistence != inode.NotPersisted && in.Persistence != inode.ToBePersisted {
		return changes
	}
	to := in
	to.Persistence, to.PersistAfterMS = inode.ToBePersisted, atMS
	return append(changes, updateChange(in, to))
}

// PinnedFiles are the ids of files whose blocks workers must keep: pinned ones
// and those to be persisted.
func (t *term) PinnedFiles() []int64 {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	tree := t.state.mu.tree
	seen := make(map[int64]struct{})
	for id := range tree.Pinned() {
		if in, ok := tree.Get(id); ok && !in.IsDir() {
			seen[int64(id)] = struct{}{}
		}
	}
	for id := range tree.ToBePersisted() {
		seen[int64(id)] = struct{}{}
	}
	ids := make([]int64, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	return ids
}

// CheckAccess reports whether the caller has the access to a path.
func (t *term) CheckAccess(ctx context.Context, c Caller, path string, bits uint8, o CommonOptions) error {
	if err := t.refresh(ctx, path, o, LoadOnce, depthNone); err != nil {
		return err
	}
	n := t.look(path)
	if err := t.checkTraverse(c, &n); err != nil {
		return err
	}
	if !n.exists() {
		return notExist(path)
	}
	return t.check(c, &n, access(bits&7))
}

// ReverseResolve is the path under which a UFS URI is visible.
func (t *term) ReverseResolve(uri string) (string, error) {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	path, _, ok := t.state.mu.mounts.Reverse(uri)
	if !ok {
		return "", errors.Errorf(errors.Invalid, "The under file system path %s is not mounted.", uri)
	}
	return path, nil
}

// NeedsSync forgets what is known of the UFS below a path, so that it is looked
// at again.
func (t *term) NeedsSync(ctx context.Context, c Caller, path string) error {
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	n := t.look(path)
	if err := t.check(c, &n, write); err != nil {
		return err
	}
	t.syncs.forget(path)
	t.absent.remove(path)
	in := n.last()
	if !n.exists() || !in.IsDir() {
		return nil
	}
	to := in
	to.ChildrenLoaded = false
	return t.propose(opID{}, updateChange(in, to))
}

// CheckConsistency lists the persisted paths at and below a path that its UFS
// does not have as the tree says.
func (t *term) CheckConsistency(ctx context.Context, c Caller, path string) ([]string, error) {
	n, err := t.mustLook(path)
	if err != nil {
		return nil, err
	}
	if err := t.check(c, &n, read); err != nil {
		return nil, err
	}
	targets, err := t.targets(path, true)
	if err != nil {
		return nil, err
	}
	ok := make([]bool, len(targets))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(consistencyChecks)
	for i, tg := range targets {
		g.Go(func() (err error) {
			ok[i], err = t.consistent(ctx, tg)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var bad []string
	for i, tg := range targets {
		if !ok[i] {
			bad = append(bad, tg.node.path)
		}
	}
	return bad, nil
}

// consistencyChecks is how many paths CheckConsistency looks at together.
const consistencyChecks = 16

func (t *term) consistent(ctx context.Context, tg target) (bool, error) {
	if !inUFS(tg.in) || tg.node.path == fspath.Root {
		return true, nil
	}
	loc := t.locate(tg.node.path)
	u, err := t.reading(ctx, loc)
	if err != nil {
		return false, err
	}
	info, err := u.Stat(ctx, loc.Rel)
	if errors.Is(err, errors.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.Dir == tg.in.IsDir() && (info.Dir || info.Size == tg.in.Length), nil
}

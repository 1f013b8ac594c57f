package master

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// refresh brings the tree up to what an operation wants to see of the UFS: with
// a sync interval that has passed, a full comparison; otherwise what was never
// loaded, as load says. The caller holds no latches; it looks at the tree
// afterwards. An outage is an error, never an absent path.
func (t *term) refresh(ctx context.Context, path string, o CommonOptions, load LoadMetadata, d depth) error {
	if o.SyncIntervalMS >= 0 {
		begin := t.nowMS()
		if o.SyncIntervalMS > 0 && t.syncs.fresh(path, d, begin-o.SyncIntervalMS) {
			t.metrics.syncs.WithLabelValues("skipped").Inc()
			return nil
		}
		return t.sync(ctx, path, o.TTL, d)
	}
	if load == LoadNever {
		return nil
	}
	if n := t.look(path); !n.exists() {
		if load == LoadOnce && t.absent.has(path) {
			return nil
		}
		if err := t.loadPath(ctx, path, o.TTL); err != nil {
			return err
		}
	}
	if d == depthNone {
		return nil
	}
	return t.loadChildren(ctx, path, o.TTL, load, d)
}

// loadChildren loads the entries of a directory that are not in the tree, if
// nobody has yet or load is LoadAlways.
func (t *term) loadChildren(ctx context.Context, path string, ttl inode.TTL, load LoadMetadata, d depth) error {
	n := t.look(path)
	if in := n.last(); !n.exists() || !in.IsDir() || in.Persistence != inode.Persisted {
		return nil
	} else if load == LoadAlways || !in.ChildrenLoaded {
		if err := t.loadDirectory(ctx, path, ttl, load); err != nil {
			return err
		}
	}
	if d != depthAll {
		return nil
	}
	return t.eachSubdirectory(ctx, path, func(ctx context.Context, sub string) error {
		return t.loadChildren(ctx, sub, ttl, load, d)
	})
}

// loadDirectory lists a directory of the UFS; callers that come while another
// one does so for the first time wait for it instead.
func (t *term) loadDirectory(ctx context.Context, path string, ttl inode.TTL, load LoadMetadata) error {
	h, err := t.loading.quiet(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	if n := t.look(path); load == LoadOnce && n.exists() && n.last().ChildrenLoaded {
		return nil
	}
	return t.list(ctx, path, ttl, false)
}

// sync compares a path, and what lies below it as deep as d says, with the UFS
// and makes the tree agree.
func (t *term) sync(ctx context.Context, path string, ttl inode.TTL, d depth) (err error) {
	t.metrics.syncs.WithLabelValues("done").Inc()
	defer func() {
		if err != nil {
			t.metrics.syncs.WithLabelValues("failed").Inc()
		}
	}()
	begin := t.nowMS()
	if err := t.syncOne(ctx, path, ttl); err != nil {
		return err
	}
	if d != depthNone {
		if err := t.syncBelow(ctx, path, ttl, d); err != nil {
			return err
		}
	}
	t.syncs.done(path, d, begin)
	return nil
}

func (t *term) syncBelow(ctx context.Context, path string, ttl inode.TTL, d depth) error {
	n := t.look(path)
	if in := n.last(); !n.exists() || !in.IsDir() || in.Persistence != inode.Persisted {
		return nil
	}
	if err := t.list(ctx, path, ttl, true); err != nil {
		return err
	}
	if d != depthAll {
		return nil
	}
	return t.eachSubdirectory(ctx, path, func(ctx context.Context, sub string) error {
		return t.syncBelow(ctx, sub, ttl, d)
	})
}

// eachSubdirectory calls do for the child directories of a directory, a few at
// a time.
func (t *term) eachSubdirectory(ctx context.Context, path string, do func(ctx context.Context, sub string) error) error {
	n := t.look(path)
	if !n.exists() {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, t.set.syncConcurrency))
	for after := ""; ; {
		batch := t.children(n.last().ID, after, t.set.loadBatch)
		for _, in := range batch {
			if in.IsDir() {
				g.Go(func() error { return do(ctx, fspath.Join(path, in.Name)) })
			}
			after = in.Name
		}
		if len(batch) < t.set.loadBatch {
			return g.Wait()
		}
	}
}

// children returns the next children of a directory by name.
func (t *term) children(dir blockid.FileID, after string, limit int) []inode.Inode {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	var out []inode.Inode
	for in := range t.state.mu.tree.Children(dir, after) {
		if out = append(out, in); len(out) == limit {
			break
		}
	}
	return out
}

// loadPath looks in the UFS for a path that the tree lacks, and loads it with
// the directories on the way.
func (t *term) loadPath(ctx context.Context, path string, ttl inode.TTL) error {
	n := t.look(path)
	if n.exists() {
		return nil
	}
	top := fspath.Join(pathAbove(&n), n.missing[0])
	h, err := t.latches.quiet(ctx, top)
	if err != nil {
		return err
	}
	defer h.release()
	return t.loadLatched(ctx, path, ttl)
}

// pathAbove is the path of the deepest inode that exists.
func pathAbove(n *node) string {
	path := n.path
	for range n.missing {
		path = fspath.Parent(path)
	}
	return path
}

// loadLatched is loadPath for a caller that holds latches: the topmost missing
// path is his alone.
func (t *term) loadLatched(ctx context.Context, path string, ttl inode.TTL) error {
	n := t.look(path)
	base := n.last()
	if n.exists() || !base.IsDir() || base.Persistence != inode.Persisted {
		return nil
	}
	loc := t.locate(path)
	if hidden(loc.Rel) {
		return nil
	}
	u, err := t.reading(ctx, loc)
	if err != nil {
		return err
	}
	changes, err := t.loadMissing(ctx, u, &n, loc, ttl)
	if errors.Is(err, errors.NotFound) {
		t.absent.add(path)
		return nil
	}
	if err != nil {
		return err
	}
	if err := t.propose(opID{}, changes...); err != nil {
		return err
	}
	t.absent.remove(path)
	return nil
}

// loadMissing stats the path and then the missing directories above it.
func (t *term) loadMissing(ctx context.Context, u ufs.UFS, n *node, loc mount.Location, ttl inode.TTL) ([]*journalpb.Change, error) {
	info, err := u.Stat(ctx, loc.Rel)
	if err != nil {
		return nil, err
	}
	infos := []ufs.Info{info}
	for rel, i := loc.Rel, len(n.missing)-1; i > 0; i-- {
		rel = parentRel(rel)
		up, err := u.Stat(ctx, rel)
		if err != nil {
			return nil, err
		}
		if !up.Dir {
			return nil, errors.Errorf(errors.NotFound, "%s is a file", rel)
		}
		infos = append(infos, up)
	}
	parent := n.last()
	var changes []*journalpb.Change
	for i, name := range n.missing {
		parent = t.loaded(infos[len(infos)-1-i], parent, name, loc.Point, ttl)
		changes = append(changes, createChange(parent))
	}
	return changes, nil
}

func parentRel(rel string) string {
	for i := len(rel) - 1; i >= 0; i-- {
		if rel[i] == '/' {
			return rel[:i]
		}
	}
	return ""
}

// loaded is the inode that stands for a UFS entry. What the store does not know
// (owners, modes) comes from the parent and the umask.
func (t *term) loaded(info ufs.Info, parent inode.Inode, name string, p mount.Point, ttl inode.TTL) inode.Inode {
	kind, mode := inode.KindFile, uint16(0o666)
	if info.Dir {
		kind, mode = inode.KindDirectory, 0o777
	}
	in := newInode(kind)
	in.ID, in.Parent, in.Name = t.allocate(), parent.ID, name
	in.Persistence, in.Pinned, in.PinnedMedia, in.TTL = inode.Persisted, parent.Pinned, parent.PinnedMedia, ttl
	in.Mode = mode &^ t.set.umask
	if p.Shared && info.Mode == 0 {
		in.Mode = mode
	}
	in.CreatedMS = t.nowMS()
	in.ModifiedMS = in.CreatedMS
	if t.set.inheritOwner {
		in.Owner, in.Group = parent.Owner, parent.Group
	}
	if !info.Dir {
		in.BlockSize, in.Completed = t.set.blockSize, true
	}
	takeUFS(&in, info)
	in.AccessedMS = in.ModifiedMS
	return in
}

// takeUFS gives an inode what the UFS says of its entry.
func takeUFS(in *inode.Inode, info ufs.Info) {
	if info.Owner != "" {
		in.Owner = info.Owner
	}
	if info.Group != "" {
		in.Group = info.Group
	}
	if info.Mode != 0 {
		in.Mode = uint16(info.Mode & 0o7777)
	}
	if !info.ModTime.IsZero() {
		in.ModifiedMS = info.ModTime.UnixMilli()
	}
	if !info.Dir {
		in.Length = info.Size
	}
	in.Fingerprint = fingerprintOf(info)
}

// syncOne compares the path itself.
func (t *term) syncOne(ctx context.Context, path string, ttl inode.TTL) error {
	n := t.look(path)
	latch := path
	if !n.exists() {
		latch = fspath.Join(pathAbove(&n), n.missing[0])
	}
	h, err := t.latches.quiet(ctx, latch)
	if err != nil {
		return err
	}
	defer h.release()
	n = t.look(path)
	if !n.exists() {
		return t.loadLatched(ctx, path, ttl)
	}
	in := n.last()
	if in.MountPoint || !inUFS(in) && !adoptable(in, n.parent()) {
		return nil
	}
	loc := t.locate(path)
	u, err := t.reading(ctx, loc)
	if err != nil {
		return err
	}
	info, err := u.Stat(ctx, loc.Rel)
	if errors.Is(err, errors.NotFound) {
		if !inUFS(in) {
			return nil
		}
		return t.propose(opID{}, t.vanished(path, in)...)
	}
	if err != nil {
		return err
	}
	if !inUFS(in) {
		return t.propose(opID{}, adopt(in, info)...)
	}
	return t.propose(opID{}, t.reconcile(path, in, info, loc.Point, ttl)...)
}

// inUFS reports whether the UFS has a say about an inode: it has been
// written there, completely.
func inUFS(in inode.Inode) bool {
	return in.Persistence == inode.Persisted && (in.IsDir() || in.Completed)
}

// adoptable reports whether a directory was made in the tree alone, but may by
// now be in the UFS too.
func adoptable(in, parent inode.Inode) bool {
	return in.IsDir() && in.Persistence == inode.NotPersisted && parent.Persistence == inode.Persisted
}

// adopt makes such a directory persisted when the UFS has one there, so that
// what the UFS has in it is seen.
func adopt(in inode.Inode, info ufs.Info) []*journalpb.Change {
	if !info.Dir {
		return nil
	}
	to := in
	to.Persistence, to.ChildrenLoaded, to.Fingerprint = inode.Persisted, false, fingerprintOf(info)
	return []*journalpb.Change{updateChange(in, to)}
}

// reconcile are the changes that make an inode agree with its UFS entry.
func (t *term) reconcile(path string, in inode.Inode, info ufs.Info, p mount.Point, ttl inode.TTL) []*journalpb.Change {
	if in.IsDir() != info.Dir {
		changes := t.vanished(path, in)
		if len(changes) == 1 && changes[0].GetRemove() != nil {
			parent, _ := t.inode(in.Parent)
			changes = append(changes, createChange(t.loaded(info, parent, in.Name, p, ttl)))
		}
		return changes
	}
	now := fingerprintOf(info)
	if now == in.Fingerprint {
		return nil
	}
	to := in
	if in.IsDir() {
		if in.Fingerprint == "" { // never compared: the tree's own attributes stand
			to.Fingerprint = now
		} else {
			takeUFS(&to, info)
			to.ModifiedMS = in.ModifiedMS
		}
		return []*journalpb.Change{updateChange(in, to)}
	}
	takeUFS(&to, info)
	if contentFingerprint(now) != contentFingerprint(in.Fingerprint) {
		to.ID = t.allocate()
		to.Persistence = inode.Persisted
	}
	return []*journalpb.Change{updateChange(in, to)}
}

// vanished are the changes for an inode whose UFS entry is gone. What the UFS
// never had stays, with the directories that lead to it.
func (t *term) vanished(path string, in inode.Inode) []*journalpb.Change {
	if !in.IsDir() {
		return []*journalpb.Change{removeChange(in.ID)}
	}
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	return t.vanishedDir(in, nil)
}

func (t *term) vanishedDir(dir inode.Inode, changes []*journalpb.Change) []*journalpb.Change {
	keep := dir.MountPoint
	for _, in := range t.state.mu.tree.Descendants(dir.ID) {
		if in.MountPoint || !in.IsDir() && !inUFS(in) {
			keep = true
			break
		}
	}
	if !keep {
		return append(changes, removeChange(dir.ID))
	}
	if dir.MountPoint {
		return changes
	}
	to := dir
	to.Persistence, to.ChildrenLoaded, to.Fingerprint = inode.NotPersisted, false, ""
	changes = append(changes, updateChange(dir, to))
	for in := range t.state.mu.tree.Children(dir.ID, "") {
		switch {
		case in.IsDir():
			changes = t.vanishedDir(in, changes)
		case inUFS(in):
			changes = append(changes, removeChange(in.ID))
		}
	}
	return changes
}

package master

import (
	"context"
	"iter"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// list reads a directory of the UFS and brings its entries into the tree: only
// those that the tree lacks, or with full all that differ or are gone. It runs
// beside other operations on the directory, in batches; entries that somebody
// touches meanwhile are passed over.
func (t *term) list(ctx context.Context, dir string, ttl inode.TTL, full bool) error {
	loc := t.locate(dir)
	u, err := t.reading(ctx, loc)
	if err != nil {
		return err
	}
	w, err := t.latches.watch(ctx, dir)
	if err != nil {
		return err
	}
	defer t.latches.unwatch(w)
	l := &listing{t: t, w: w, loc: loc, ttl: ttl, full: full}
	if full {
		l.unseen = t.childIDs(dir)
	}
	err = l.read(ctx, u.List(ctx, loc.Rel, ufs.ListOptions{}))
	switch {
	case errors.Is(err, errors.NotFound):
		return nil // the next look at the directory itself says so
	case err != nil:
		return err
	}
	return l.finish(ctx)
}

// childIDs are the children of a directory that a full comparison has to see in
// the UFS.
func (t *term) childIDs(dir string) map[blockid.FileID]struct{} {
	ids := make(map[blockid.FileID]struct{})
	n := t.look(dir)
	if !n.exists() {
		return ids
	}
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	for in := range t.state.mu.tree.Children(n.last().ID, "") {
		if inUFS(in) && !in.MountPoint {
			ids[in.ID] = struct{}{}
		}
	}
	return ids
}

// listing is one reading of a UFS directory.
type listing struct {
	t      *term
	w      *watch
	loc    mount.Location
	ttl    inode.TTL
	full   bool
	unseen map[blockid.FileID]struct{} // with full
	batch  []ufs.Info
	passed bool // an entry that the tree lacks was passed over
}

func (l *listing) read(ctx context.Context, entries iter.Seq2[ufs.Info, error]) error {
	for info, err := range entries {
		if err != nil {
			return err
		}
		if hidden(info.Path) {
			continue
		}
		if l.batch = append(l.batch, info); len(l.batch) == l.t.set.loadBatch {
			if err := l.flush(ctx); err != nil {
				return err
			}
		}
	}
	return l.flush(ctx)
}

// flush applies a batch with the directory latched.
func (l *listing) flush(ctx context.Context) error {
	batch := l.batch
	l.batch = nil
	h, err := l.t.latches.quiet(ctx, l.w.dir)
	if err != nil {
		return err
	}
	defer h.release()
	n := l.t.look(l.w.dir)
	if !n.exists() || !n.isDir() {
		return nil
	}
	var changes []*journalpb.Change
	for _, info := range batch {
		changes = append(changes, l.entry(n.last(), info)...)
	}
	return l.t.propose(opID{}, changes...)
}

func (l *listing) entry(dir inode.Inode, info ufs.Info) []*journalpb.Change {
	name := fspath.Base("/" + info.Path)
	in, ok := l.t.child(dir.ID, name)
	if ok {
		delete(l.unseen, in.ID)
	}
	switch {
	case l.t.latches.stale(l.w, name):
		l.passed = l.passed || !ok
		return nil
	case !ok:
		l.t.absent.remove(fspath.Join(l.w.dir, name))
		return []*journalpb.Change{createChange(l.t.loaded(info, dir, name, l.loc.Point, l.ttl))}
	case adoptable(in, dir):
		return adopt(in, info)
	case !l.full || in.MountPoint || !inUFS(in):
		return nil
	}
	return l.t.reconcile(fspath.Join(l.w.dir, name), in, info, l.loc.Point, l.ttl)
}

func (t *term) child(dir blockid.FileID, name string) (inode.Inode, bool) {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	return t.state.mu.tree.Child(dir, name)
}

// finish removes what the UFS no longer has and marks the directory as loaded.
func (l *listing) finish(ctx context.Context) error {
	h, err := l.t.latches.quiet(ctx, l.w.dir)
	if err != nil {
		return err
	}
	defer h.release()
	n := l.t.look(l.w.dir)
	if !n.exists() || !n.isDir() {
		return nil
	}
	var changes []*journalpb.Change
	for id := range l.unseen {
		in, ok := l.t.inode(id)
		if !ok || in.Parent != n.last().ID || !inUFS(in) || l.t.latches.stale(l.w, in.Name) {
			continue
		}
		changes = append(changes, l.t.vanished(fspath.Join(l.w.dir, in.Name), in)...)
		if len(changes) >= l.t.set.loadBatch {
			if err := l.t.propose(opID{}, changes...); err != nil {
				return err
			}
			changes = nil
		}
	}
	if in := n.last(); !in.ChildrenLoaded && !l.passed && !l.t.latches.stale(l.w, "") {
		to := in
		to.ChildrenLoaded = true
		changes = append(changes, updateChange(in, to))
	}
	return l.t.propose(opID{}, changes...)
}

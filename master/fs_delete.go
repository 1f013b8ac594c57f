package master

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// DeleteOptions are those of Delete.
type DeleteOptions struct {
	CommonOptions
	Recursive   bool
	AlluxioOnly bool // leave the UFS as it is
	Unchecked   bool // do not check that the UFS holds nothing unknown
	MountPoints bool // unmount what is mounted at or below the path
}

// Delete removes a file or directory from the namespace and its UFS.
func (t *term) Delete(ctx context.Context, c Caller, path string, o DeleteOptions) error {
	if path == fspath.Root {
		return errors.Errorf(errors.Invalid, "Cannot delete the root directory")
	}
	n := t.look(path)
	if err := t.checkTraverse(c, &n); err != nil {
		return err
	}
	if !o.AlluxioOnly {
		d := depthNone
		if o.Recursive && o.SyncIntervalMS >= 0 {
			d = depthAll
		}
		if err := t.refresh(ctx, path, o.CommonOptions, LoadOnce, d); err != nil {
			return err
		}
	}
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	if t.repeated(o.op) {
		return nil
	}
	if n, err = t.mustLook(path); err != nil {
		return err
	}
	if err := t.deleteLatched(ctx, c, &n, o); err != nil {
		return err
	}
	t.metrics.ops.WithLabelValues("PathsDeleted").Inc()
	return nil
}

// deleteLatched deletes an existing path that the caller has latched.
func (t *term) deleteLatched(ctx context.Context, c Caller, n *node, o DeleteOptions) error {
	in := n.last()
	if in.IsDir() && in.ChildCount > 0 && !o.Recursive {
		return errors.Errorf(errors.NotEmpty, "Cannot delete non-empty directory %s because recursive is set to false", n.path)
	}
	if err := t.checkDelete(c, n); err != nil {
		return err
	}
	mounts := t.mountsUnder(n.path)
	if len(mounts) > 0 && !o.MountPoints {
		return errors.Errorf(errors.Permission, "Cannot delete path %s which is or contains a mount point without --deleteMountPoint/-m option specified", n.path)
	}
	if !o.AlluxioOnly && !in.MountPoint {
		if err := t.checkWritable(n.path); err != nil {
			return err
		}
	}
	if o.AlluxioOnly || in.MountPoint || in.Persistence != inode.Persisted {
		return t.removeTree(o.op, n.path, in, mounts)
	}
	if !in.IsDir() {
		return t.deleteFile(n.path, in, o)
	}
	return t.deleteDir(ctx, n.path, in, mounts, o)
}

// checkDelete permits taking the entry out of its directory, and everything out
// of the directories below.
func (t *term) checkDelete(c Caller, n *node) error {
	if err := t.checkParent(c, n); err != nil || t.all(c) {
		return err
	}
	in := n.last()
	if !in.IsDir() || in.ChildCount == 0 {
		return nil
	}
	if err := t.check(c, n, write|execute); err != nil {
		return err
	}
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	for rel, d := range t.state.mu.tree.Descendants(in.ID) {
		if !d.IsDir() || d.ChildCount == 0 {
			continue
		}
		below := node{path: fspath.Join(n.path, rel), found: []inode.Inode{d}}
		if err := t.checkInode(c, &below, 0, write|execute); err != nil {
			return err
		}
	}
	return nil
}

func (t *term) mountsUnder(path string) []mount.Point {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	return t.state.mu.mounts.Under(path)
}

// removeTree takes an inode with all below it, and the mounts there, out of the
// tree.
func (t *term) removeTree(op opID, path string, in inode.Inode, mounts []mount.Point, more ...*journalpb.Change) error {
	changes := []*journalpb.Change{removeChange(in.ID)}
	for _, p := range slices.Backward(mounts) { // the deepest first
		changes = append(changes, &journalpb.Change{Change: &journalpb.Change_Unmount{Unmount: p.Path}})
	}
	if err := t.propose(op, append(changes, more...)...); err != nil {
		return err
	}
	for _, p := range mounts {
		t.stores.drop(p.ID)
	}
	return nil
}

func (t *term) deleteFile(path string, in inode.Inode, o DeleteOptions) error {
	loc := t.locate(path)
	u, err := t.writing(t.detached(), loc)
	if err != nil {
		return err
	}
	if err := u.Delete(t.detached(), loc.Rel); err != nil && !errors.Is(err, errors.NotFound) {
		return deleteFailed([]string{fmt.Sprintf("%s (%v)", path, err)}, err)
	}
	return t.removeTree(o.op, path, in, nil)
}

// deleteFailed is the error for paths that the UFS would not delete.
func deleteFailed(failures []string, cause error) error {
	const shown = 20
	text := strings.Join(failures[:min(len(failures), shown)], ", ")
	if len(failures) > shown {
		text += fmt.Sprintf("...(only %d errors shown)", shown)
	}
	kind := errors.NotEmpty // what clients are told of directories that cannot go
	switch k := errors.KindOf(cause); k {
	case errors.Unavailable, errors.Timeout, errors.Cancelled, errors.Permission:
		kind = k
	}
	return errors.Errorf(kind, "Failed to delete %d paths from the under file system: %s", len(failures), text)
}

// deleteDir deletes a persisted directory: from the UFS under an intent, then
// from the tree.
func (t *term) deleteDir(ctx context.Context, path string, in inode.Inode, mounts []mount.Point, o DeleteOptions) error {
	loc := t.locate(path)
	u, err := t.writing(ctx, loc)
	if err != nil {
		return err
	}
	if !o.Unchecked {
		failures, err := t.unknownInUFS(ctx, u, path, loc.Rel, in)
		if err != nil {
			return err
		}
		if len(failures) > 0 {
			return deleteFailed(failures, nil)
		}
	}
	id := t.nextIntent.Add(1) - 1
	intent := &journalpb.Intent{Id: id, Kind: &journalpb.Intent_Delete{
		Delete: &journalpb.DeleteIntent{Inode: int64(in.ID), Path: path, Op: o.op.message()}}}
	if err := t.propose(opID{}, &journalpb.Change{Change: &journalpb.Change_Intent{Intent: intent}}); err != nil {
		return err
	}
	done := &journalpb.Change{Change: &journalpb.Change_IntentDone{IntentDone: id}}
	if err := deleteUFSDir(t.detached(), u, loc.Rel); err != nil {
		if perr := t.propose(opID{}, done); perr != nil {
			return perr
		}
		t.dirtied(path)
		return deleteFailed([]string{fmt.Sprintf("%s (%v)", path, err)}, err)
	}
	return t.removeTree(o.op, path, in, mounts, done)
}

// dirtied notes that the UFS below a path may differ from the tree, so that the
// next look at it compares them.
func (t *term) dirtied(path string) {
	if t.ctx.Err() != nil {
		return
	}
	t.tasks.Go(func() {
		if err := t.sync(t.ctx, path, inode.TTL{}, depthAll); err != nil && t.ctx.Err() == nil {
			t.log.Warn("Synchronising after a failed operation failed; the metadata may be out of date.", "path", path, "err", err)
		}
	})
}

// deleteUFSDir deletes a directory of the UFS with all below it.
func deleteUFSDir(ctx context.Context, u ufs.UFS, rel string) error {
	if d, ok := ufs.As[ufs.DirDeleter](u); ok {
		return d.DeleteDir(ctx, rel)
	}
	var dirs []string
	for info, err := range u.List(ctx, rel, ufs.ListOptions{Recursive: true}) {
		switch {
		case errors.Is(err, errors.NotFound):
			return nil
		case err != nil:
			return err
		case info.Dir:
			dirs = append(dirs, info.Path)
		default:
			if err := u.Delete(ctx, info.Path); err != nil && !errors.Is(err, errors.NotFound) {
				return err
			}
		}
	}
	dirs = append(dirs, rel)
	slices.SortFunc(dirs, func(a, b string) int { return len(b) - len(a) }) // children before parents
	for _, d := range dirs {
		if err := u.Delete(ctx, d); err != nil && !errors.Is(err, errors.NotFound) {
			return err
		}
	}
	return nil
}

const maxFailures = 1000 // collected for one message

// unknownInUFS lists what the UFS holds below a directory that the tree does
// not know: deleting the directory would destroy what nobody has seen.
func (t *term) unknownInUFS(ctx context.Context, u ufs.UFS, path, rel string, dir inode.Inode) ([]string, error) {
	var failures []string
	fail := func(p string) {
		if len(failures) < maxFailures {
			failures = append(failures, p+" (UFS dir not in sync. Sync UFS, or delete with unchecked flag.)")
		}
	}
	bad := ""
	for info, err := range u.List(ctx, rel, ufs.ListOptions{Recursive: true}) {
		if errors.Is(err, errors.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		below := strings.TrimPrefix(strings.TrimPrefix(info.Path, rel), "/")
		if hidden(info.Path) || bad != "" && strings.HasPrefix(below, bad+"/") || t.known(dir, below, info.Dir) {
			continue
		}
		if info.Dir {
			bad = below
		}
		fail(fspath.Parent(fspath.Join(path, below)))
	}
	return slices.Compact(failures), nil
}

// known reports whether the tree has an entry, of the kind that the UFS says,
// at a path relative to a directory.
func (t *term) known(dir inode.Inode, rel string, isDir bool) bool {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	in := dir
	for name := range strings.SplitSeq(rel, "/") {
		var ok bool
		if in, ok = t.state.mu.tree.Child(in.ID, name); !ok {
			return false
		}
	}
	return in.IsDir() == isDir
}

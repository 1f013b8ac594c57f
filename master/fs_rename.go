package master

import (
	"context"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// RenameOptions are those of Rename.
type RenameOptions struct {
	CommonOptions
	Persist bool // schedule the persistence of files that are not persisted
}

// Rename moves a file or directory to a path that does not exist, within one
// mount.
func (t *term) Rename(ctx context.Context, c Caller, src, dst string, o RenameOptions) error {
	if t.repeated(o.op) {
		return nil
	}
	if err := t.checkRenamePaths(src, dst); err != nil {
		return err
	}
	for _, path := range []string{src, dst} {
		n := t.look(path)
		if err := t.checkTraverse(c, &n); err != nil {
			return err
		}
		if err := t.refresh(ctx, path, o.CommonOptions, LoadOnce, depthNone); err != nil {
			return err
		}
	}
	h, err := t.latches.exclusive(ctx, src, dst)
	if err != nil {
		return err
	}
	defer h.release()
	if t.repeated(o.op) {
		return nil
	}
	if err := t.renameLatched(ctx, c, src, dst, o); err != nil {
		return err
	}
	t.metrics.ops.WithLabelValues("PathsRenamed").Inc()
	return nil
}

func (t *term) checkRenamePaths(src, dst string) error {
	switch {
	case src == fspath.Root:
		return errors.Errorf(errors.Invalid, "The root directory cannot be renamed")
	case dst == fspath.Root:
		return errors.Errorf(errors.Invalid, "Cannot rename a path to the root directory")
	case src != dst && fspath.Within(src, dst):
		return errors.Errorf(errors.Invalid, "Cannot rename because %s is a prefix of %s", src, dst)
	}
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	if below := t.state.mu.mounts.Under(src); len(below) > 0 && below[0].Path == src {
		return errors.Errorf(errors.Invalid, "%s is a mount point and cannot be renamed", src)
	} else if len(below) > 0 {
		return errors.Errorf(errors.Invalid, "%s contains the mount point %s and cannot be renamed", src, below[0].Path)
	}
	if _, ok := t.state.mu.mounts.At(dst); ok {
		return errors.Errorf(errors.Invalid, "%s is a mount point and cannot be renamed onto", dst)
	}
	from, _ := t.state.mu.mounts.Resolve(src)
	to, _ := t.state.mu.mounts.Resolve(dst)
	if from.Path != to.Path {
		return errors.Errorf(errors.Invalid, "Renaming %s to %s is a cross mount operation", src, dst)
	}
	return nil
}

func (t *term) renameLatched(ctx context.Context, c Caller, src, dst string, o RenameOptions) error {
	from, err := t.mustLook(src)
	if err != nil {
		return err
	}
	to := t.look(dst)
	if err := t.checkRename(c, &from, &to); err != nil {
		return err
	}
	if src == dst {
		return t.propose(o.op)
	}
	in := from.last()
	changes := []*journalpb.Change{moveChange(in.ID, to.last().ID, fspath.Base(dst))}
	if in.Persistence != inode.Persisted {
		if o.Persist {
			changes = append(changes, t.schedulePersist(in, 0)...)
		}
		return t.propose(o.op, changes...)
	}
	if !in.IsDir() && !in.Completed {
		return errors.Errorf(errors.FailedPrecondition, "Cannot rename %s while it is being written to its under file system.", src)
	}
	parents, err := t.persistDirs(t.detached(), dst, to.found)
	if err != nil {
		return err
	}
	for i, p := range parents {
		changes = append(changes, updateChange(to.found[i], p))
	}
	if in.IsDir() {
		return t.renameDir(src, dst, in, o.op, changes)
	}
	return t.renameFile(src, dst, in, o.op, changes)
}

func (t *term) checkRename(c Caller, from, to *node) error {
	if err := t.checkParent(c, from); err != nil {
		return err
	}
	if from.path == to.path {
		return nil
	}
	switch last := to.last(); {
	case to.exists():
		return errors.Errorf(errors.Exists, "Cannot rename because destination already exists. src: %s dst: %s", from.path, to.path)
	case len(to.missing) > 1 || !last.IsDir():
		return errors.Errorf(errors.NotFound, "%s does not have a valid parent", to.path)
	}
	if err := t.checkParent(c, to); err != nil {
		return err
	}
	if err := t.checkWritable(to.path); err != nil {
		return err
	}
	return t.checkWritable(from.path)
}

func (t *term) renameFile(src, dst string, in inode.Inode, op opID, changes []*journalpb.Change) error {
	from, to := t.locate(src), t.locate(dst)
	u, err := t.writing(t.detached(), from)
	if err != nil {
		return err
	}
	if err := u.Rename(t.detached(), from.Rel, to.Rel); err != nil {
		return err
	}
	changes = append(changes, t.restat(u, to.Rel, in))
	return t.propose(op, changes...)
}

// restat is the change of an inode whose UFS entry was changed without its
// content: the new fingerprint stands for the same version.
func (t *term) restat(u ufs.UFS, rel string, in inode.Inode) *journalpb.Change {
	info, err := u.Stat(t.detached(), rel)
	if err != nil || info.Dir != in.IsDir() || !info.Dir && info.Size != in.Length {
		return nil // the next synchronisation will see
	}
	to := in
	to.Fingerprint = fingerprintOf(info)
	return updateChange(in, to)
}

// renameDir moves a persisted directory under an intent.
func (t *term) renameDir(src, dst string, in inode.Inode, op opID, changes []*journalpb.Change) error {
	from, to := t.locate(src), t.locate(dst)
	u, err := t.writing(t.detached(), from)
	if err != nil {
		return err
	}
	r, ok := ufs.As[ufs.DirRenamer](u)
	if !ok {
		return errors.Errorf(errors.Unsupported, "The under file system %s cannot rename directories.", from.UFS)
	}
	id := t.nextIntent.Add(1) - 1
	intent := &journalpb.Intent{Id: id, Kind: &journalpb.Intent_Rename{
		Rename: &journalpb.RenameIntent{Inode: int64(in.ID), Src: src, Dst: dst, Op: op.message()}}}
	if err := t.propose(opID{}, &journalpb.Change{Change: &journalpb.Change_Intent{Intent: intent}}); err != nil {
		return err
	}
	done := &journalpb.Change{Change: &journalpb.Change_IntentDone{IntentDone: id}}
	if err := t.moveUFSDir(u, r, from, to); err != nil {
		return t.undoRename(u, r, from, to, err, done)
	}
	return t.propose(op, append(changes, done)...)
}

// Attempts to move a directory in a UFS that does not answer, and the pause
// before the first repetition; it doubles.
const (
	moveAttempts = 4
	movePause    = 100 * time.Millisecond
)

// moveUFSDir moves a directory. When a repetition does not find it any more, an
// attempt whose answer was lost has moved it.
func (t *term) moveUFSDir(u ufs.UFS, r ufs.DirRenamer, from, to mount.Location) error {
	pause := movePause
	for attempt := 1; ; attempt++ {
		err := r.RenameDir(t.detached(), from.Rel, to.Rel)
		if attempt > 1 && errors.Is(err, errors.NotFound) && t.moved(t.detached(), u, from.Rel, to.Rel) {
			return nil
		}
		if err == nil || attempt == moveAttempts || !transient(err) {
			return err
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-t.ctx.Done():
			return err
		}
	}
}

func transient(err error) bool {
	k := errors.KindOf(err)
	return k == errors.Unavailable || k == errors.Timeout
}

// undoRename puts a directory back whose move failed. When that cannot be done
// either, the intent stays, and the move is finished when the UFS answers again.
func (t *term) undoRename(u ufs.UFS, r ufs.DirRenamer, from, to mount.Location, cause error, done *journalpb.Change) error {
	_, err := u.Stat(t.detached(), to.Rel)
	if err == nil {
		err = r.RenameDir(t.detached(), to.Rel, from.Rel)
	}
	if err == nil || errors.Is(err, errors.NotFound) {
		if err := t.propose(opID{}, done); err != nil {
			return err
		}
		return cause
	}
	t.log.Warn("A directory could be moved neither forth nor back; it will be finished later.", "from", from.UFSURI(), "to", to.UFSURI(), "err", cause)
	return errors.Errorf(errors.Unavailable, "Renaming %s is not finished, because its under file system fails: %w. It will be finished when that answers again.", from.UFSURI(), cause)
}

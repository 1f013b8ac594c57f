package master

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
)

// CompleteOptions are those of CompleteFile.
type CompleteOptions struct {
	CommonOptions
	UFSLength     *int64 // bytes written to the UFS
	Async         bool   // to be persisted
	PersistWaitMS int64  // negative: never by itself
}

// openFile latches an incomplete file for its writer.
func (t *term) openFile(ctx context.Context, c Caller, path string) (*held, node, error) {
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return nil, node{}, err
	}
	n, err := t.checkOpenFile(c, path)
	if err != nil {
		h.release()
		return nil, n, err
	}
	return h, n, nil
}

func (t *term) checkOpenFile(c Caller, path string) (node, error) {
	n, err := t.mustLook(path)
	if err != nil {
		return n, err
	}
	in := n.last()
	if in.IsDir() {
		return n, errors.Errorf(errors.Invalid, "Path %q must be a file.", path)
	}
	want := write
	if in.Owner == c.User && !in.Completed {
		want = 0 // whoever created a file may write it, whatever its mode
	}
	return n, t.check(c, &n, want)
}

// NewBlockID hands out the id of the next block of an incomplete file; to a call
// that is repeated, the same one again.
func (t *term) NewBlockID(ctx context.Context, c Caller, path string, o CommonOptions) (blockid.ID, error) {
	h, n, err := t.openFile(ctx, c, path)
	if err != nil {
		return 0, err
	}
	defer h.release()
	in := n.last()
	sequence := in.Blocks()
	switch {
	case t.repeated(o.op) && sequence > 0: // a writer asks for one block after the other
		return in.ID.Container().Block(sequence - 1), nil
	case in.Completed:
		return 0, errors.Errorf(errors.Invalid, "A new block cannot be added to %s: the file has already been completed.", path)
	case in.Length%in.BlockSize != 0:
		return 0, shortBlock(path, in, sequence-1, in.BlockLength(sequence-1))
	case sequence >= blockid.MaxSequence:
		return 0, errors.Errorf(errors.Invalid, "%s has as many blocks as a file can have (%d).", path, sequence)
	}
	to := in
	to.Length += in.BlockSize // counts the ids handed out until the file is complete
	if err := t.propose(o.op, updateChange(in, to)); err != nil {
		return 0, err
	}
	t.metrics.ops.WithLabelValues("NewBlocksGot").Inc()
	return in.ID.Container().Block(sequence), nil
}

func shortBlock(path string, in inode.Inode, sequence int, length int64) error {
	return errors.Errorf(errors.Invalid, "Block %d of %s has %d bytes: only the last block of a file may be shorter than its block size (%d).",
		sequence, path, length, in.BlockSize)
}

// CommitBlock notes a block that a worker has just written. The length of a
// file's last block follows from it.
func (t *term) CommitBlock(ctx context.Context, w blockmap.WorkerID, b blockid.ID, length int64, p blockmap.Placement, used int64) error {
	if !b.Valid() || length < 0 {
		return errors.Errorf(errors.Invalid, "Block %d of %d bytes cannot be committed.", b, length)
	}
	if err := t.commitLength(ctx, b, length); err != nil {
		return err
	}
	return t.blocks.Commit(w, b, p, used)
}

func (t *term) commitLength(ctx context.Context, b blockid.ID, length int64) error {
	in, ok := t.inode(b.File())
	if !ok || in.Completed || in.IsDir() || length == in.BlockLength(b.Sequence()) {
		return nil // gone, or as it should be; a foreign block is freed by the block map
	}
	h, n, err := t.latchInode(ctx, b.File())
	if err != nil {
		return err
	}
	defer h.release()
	if !n.exists() {
		return nil
	}
	in = n.last()
	switch last := in.Blocks() - 1; {
	case in.Completed || b.Sequence() > last:
		return nil
	case length > in.BlockSize || b.Sequence() < last && length != in.BlockSize:
		return shortBlock(n.path, in, b.Sequence(), length)
	case length == in.BlockLength(last):
		return nil
	}
	to := in
	to.Length = int64(b.Sequence())*in.BlockSize + length
	return t.propose(opID{}, updateChange(in, to))
}

// CompleteFile makes a file readable, once all of it has been written.
func (t *term) CompleteFile(ctx context.Context, c Caller, path string, o CompleteOptions) error {
	h, n, err := t.openFile(ctx, c, path)
	if err != nil {
		if t.repeated(o.op) {
			return nil
		}
		return err
	}
	defer h.release()
	if t.repeated(o.op) {
		return nil
	}
	in := n.last()
	if in.Completed {
		return errors.Errorf(errors.Exists, "File %s has already been completed.", path)
	}
	to := in
	to.Completed = true
	to.ModifiedMS = t.nowMS()
	to.AccessedMS = to.ModifiedMS
	if in.Persistence == inode.Persisted {
		err = t.completeThrough(ctx, path, &to, o)
	} else {
		err = t.completeCached(path, &to, o)
	}
	if err != nil {
		return err
	}
	if err := t.propose(o.op, updateChange(in, to)); err != nil {
		return err
	}
	t.metrics.ops.WithLabelValues("FilesCompleted").Inc()
	return nil
}

// completeThrough takes length and fingerprint of a file from the UFS, where
// its writer has put it.
func (t *term) completeThrough(ctx context.Context, path string, in *inode.Inode, o CompleteOptions) error {
	loc := t.locate(path)
	u, err := t.reading(ctx, loc)
	if err != nil {
		return err
	}
	info, err := u.Stat(ctx, loc.Rel)
	if errors.Is(err, errors.NotFound) {
		return errors.Errorf(errors.Aborted, "File %s cannot be completed: its under file system has nothing at %s.", path, loc.UFSURI())
	}
	if err != nil {
		return err
	}
	if info.Dir {
		return errors.Errorf(errors.Aborted, "File %s cannot be completed: its under file system has a directory at %s.", path, loc.UFSURI())
	}
	if o.UFSLength != nil && info.Size != *o.UFSLength {
		return errors.Errorf(errors.Aborted, "File %s cannot be completed: %d bytes were written, but its under file system has %d at %s.",
			path, *o.UFSLength, info.Size, loc.UFSURI())
	}
	in.Length, in.Fingerprint = info.Size, fingerprintOf(info)
	return nil
}

// completeCached checks that all blocks of a file are cached.
func (t *term) completeCached(path string, in *inode.Inode, o CompleteOptions) error {
	for i := range in.Blocks() {
		if b := in.ID.Container().Block(i); len(t.blocks.Locations(b)) == 0 {
			if t.now().Sub(t.began) < t.set.safeModeWait {
				return errSafeMode // the worker may not have registered yet
			}
			return errors.Errorf(errors.Invalid, "Cannot complete a file without all the blocks committed: block %d is missing.", b)
		}
	}
	in.Persistence = inode.NotPersisted
	if o.Async && o.PersistWaitMS >= 0 && !t.neverPersisted(path) {
		in.Persistence = inode.ToBePersisted
		if o.PersistWaitMS > 0 { // at once costs no memory in the tree
			in.PersistAfterMS = in.ModifiedMS + o.PersistWaitMS
		}
	}
	return nil
}

package object

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// Create starts an upload. A directory at path is refused; objects at the
// paths of its parents are not looked for.
func (u *UFS) Create(ctx context.Context, path string, opts ufs.CreateOptions) (ufs.Writer, error) {
	const op = "create"
	if err := ufs.CheckFile(op, path); err != nil {
		return nil, err
	}
	if err := u.newKey(op, path, u.fileKey(path)); err != nil {
		return nil, err
	}
	if err := u.refuseDir(ctx, op, path); err != nil {
		return nil, err
	}
	if opts.Exclusive {
		_, err := u.store.Head(ctx, u.fileKey(path))
		if err == nil {
			return nil, exists(op, path, "file")
		}
		if !errors.Is(err, errors.NotFound) {
			return nil, errors.E(op, path, errors.Other, err)
		}
	}
	up, err := u.store.Put(ctx, u.fileKey(path), PutOptions{Exclusive: opts.Exclusive, SizeHint: opts.SizeHint})
	if err != nil {
		return nil, errors.E(op, path, errors.Other, err)
	}
	return &writer{u: u, path: path, up: up}, nil
}

// writer is an Upload as a ufs.Writer.
type writer struct {
	u    *UFS
	path string
	up   Upload
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.up.Write(p)
	return n, errors.E("write", w.path, errors.Other, err)
}

func (w *writer) Commit(ctx context.Context) (ufs.Info, error) {
	o, err := w.up.Commit(ctx)
	if err != nil {
		return ufs.Info{}, errors.E("commit", w.path, errors.Other, err)
	}
	o.Key = w.u.fileKey(w.path)
	return w.u.fileInfo(o), nil
}

func (w *writer) Abort(ctx context.Context) error {
	return errors.E("abort", w.path, errors.Other, w.up.Abort(ctx))
}

// Mkdir leaves a marker, and with opts.Parents one for every missing parent,
// so that they all outlive their last child.
func (u *UFS) Mkdir(ctx context.Context, path string, opts ufs.MkdirOptions) error {
	const op = "mkdir"
	if path == "" {
		return exists(op, path, "directory")
	}
	if err := ufs.CheckPath(op, path); err != nil {
		return err
	}
	if err := u.newKey(op, path, u.dirKey(path)); err != nil {
		return err
	}
	info, err := u.Stat(ctx, path)
	switch {
	case err == nil && info.Dir:
		return exists(op, path, "directory")
	case err == nil:
		return exists(op, path, "file")
	case !errors.Is(err, errors.NotFound):
		return errors.E(op, path, errors.Other, err)
	}
	if opts.Parents {
		if err := u.mkParents(ctx, path); err != nil {
			return err
		}
	}
	return errors.E(op, path, errors.Other, u.putMarker(ctx, path))
}

// mkParents makes the missing parents of path, the outermost first.
func (u *UFS) mkParents(ctx context.Context, path string) error {
	parent, _ := ufs.Split(path)
	if parent == "" {
		return nil
	}
	info, err := u.Stat(ctx, parent)
	switch {
	case err == nil && info.Dir:
		return nil
	case err == nil:
		return errors.E("mkdir", path, errors.FailedPrecondition, errors.Errorf(errors.FailedPrecondition, "its parent %q is a file", parent))
	case !errors.Is(err, errors.NotFound):
		return errors.E("mkdir", path, errors.Other, err)
	}
	if err := u.mkParents(ctx, parent); err != nil {
		return err
	}
	if err := u.putMarker(ctx, parent); !errors.Is(err, errors.Exists) {
		return errors.E("mkdir", path, errors.Other, err)
	}
	return nil
}

func (u *UFS) putMarker(ctx context.Context, path string) error {
	if u.opts.NoMarkers {
		return nil
	}
	return u.putEmpty(ctx, u.dirKey(path), PutOptions{Exclusive: true})
}

func (u *UFS) putEmpty(ctx context.Context, key string, opts PutOptions) error {
	up, err := u.store.Put(ctx, key, opts)
	if err != nil {
		return err
	}
	_, err = up.Commit(ctx)
	return err
}

// Delete removes a file, or the marker of a directory without anything else
// below it. A marker with content counts as a child.
func (u *UFS) Delete(ctx context.Context, path string) error {
	const op = "delete"
	if err := ufs.CheckFile(op, path); err != nil {
		return err
	}
	if len(u.fileKey(path)) > u.opts.MaxKeyBytes {
		return notFound(op, path)
	}
	_, err := u.store.Head(ctx, u.fileKey(path))
	if err == nil {
		return errors.E(op, path, errors.Other, u.store.Delete(ctx, u.fileKey(path)))
	}
	if !errors.Is(err, errors.NotFound) {
		return errors.E(op, path, errors.Other, err)
	}
	return errors.E(op, path, errors.Other, u.deleteEmptyDir(ctx, path))
}

func (u *UFS) deleteEmptyDir(ctx context.Context, path string) error {
	objects, err := u.below(ctx, path, 3)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return errors.Errorf(errors.NotFound, "no such file or directory")
	}
	for _, o := range objects {
		if rest := o.Key[len(u.dirKey(path)):]; !isIntent(rest) && (rest != "" || o.Size > 0) {
			return errors.Errorf(errors.NotEmpty, "the directory is not empty")
		}
	}
	for _, o := range objects {
		if err := u.store.Delete(ctx, o.Key); err != nil && !errors.Is(err, errors.NotFound) {
			return err
		}
	}
	return nil
}

// Rename moves a file: in one request where the store can, else by a copy and
// a delete.
func (u *UFS) Rename(ctx context.Context, src, dst string) error {
	const op = "rename"
	if err := ufs.CheckFile(op, src); err != nil {
		return err
	}
	if err := ufs.CheckFile(op, dst); err != nil {
		return err
	}
	if len(u.fileKey(src)) > u.opts.MaxKeyBytes {
		return notFound(op, src)
	}
	if err := u.newKey(op, dst, u.fileKey(dst)); err != nil {
		return err
	}
	if src == dst {
		_, err := u.store.Head(ctx, u.fileKey(src))
		return errors.E(op, src, errors.Other, u.fileNotDir(ctx, src, err))
	}
	if err := u.refuseDir(ctx, op, dst); err != nil {
		return err
	}
	err := u.move(ctx, Pair{Src: u.fileKey(src), Dst: u.fileKey(dst)})
	return errors.E(op, src, errors.Other, u.fileNotDir(ctx, src, err))
}

// move moves one object.
func (u *UFS) move(ctx context.Context, p Pair) error {
	if m, ok := u.store.(Mover); ok {
		return m.Move(ctx, p.Src, p.Dst)
	}
	if err := u.store.Copy(ctx, p.Src, p.Dst); err != nil {
		return err
	}
	if err := u.store.Delete(ctx, p.Src); err != nil && !errors.Is(err, errors.NotFound) {
		return err
	}
	return nil
}

// fileNotDir makes an Unsupported error of "no such object src" where src is a
// directory.
func (u *UFS) fileNotDir(ctx context.Context, src string, err error) error {
	if !errors.Is(err, errors.NotFound) {
		return err
	}
	objects, belowErr := u.below(ctx, src, 1)
	switch {
	case belowErr != nil:
		return belowErr
	case len(objects) > 0:
		return errors.Errorf(errors.Unsupported, "it is a directory; RenameDir moves those")
	}
	return err
}

// refuseDir returns an Exists error when path is a directory.
func (u *UFS) refuseDir(ctx context.Context, op, path string) error {
	objects, err := u.below(ctx, path, 1)
	if err != nil {
		return errors.E(op, path, errors.Other, err)
	}
	if len(objects) > 0 {
		return exists(op, path, "directory")
	}
	return nil
}

func exists(op, path, what string) error {
	return errors.E(op, path, errors.Exists, errors.Errorf(errors.Exists, "a %s is there already", what))
}

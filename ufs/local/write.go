package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// A temporary file is .alluxio_ufs_tmp_ and 16 hex digits.
const tempPrefix = ".alluxio_ufs_tmp_"

func isTemp(name string) bool {
	return strings.HasPrefix(name, tempPrefix) && len(name) == len(tempPrefix)+16
}

func newTemp(dir string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return ufs.Join(dir, tempPrefix+hex.EncodeToString(b[:]))
}

// Create starts writing a file under a temporary name beside path.
func (f *FS) Create(ctx context.Context, path string, opts ufs.CreateOptions) (ufs.Writer, error) {
	const op = "create"
	if err := f.checkNew(ctx, op, path); err != nil {
		return nil, err
	}
	if fi, err := f.root.Load().Stat(path); err == nil && (fi.IsDir() || opts.Exclusive) {
		return nil, exists(op, path, fi)
	}
	dir, _ := ufs.Split(path)
	w := &writer{ctx: ctx, f: f, path: path, temp: newTemp(dir), opts: opts}
	var err error
	for range 3 { // a directory just made may be deleted at once by others
		if err = f.makeDirs(op, dir, ufs.MkdirOptions{}); err != nil {
			return nil, err
		}
		w.file, err = f.root.Load().OpenFile(w.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, errors.NotFound) {
			break
		}
	}
	if err != nil {
		return nil, f.fail(op, path, err)
	}
	return w, nil
}

// writer writes the temporary file of a file being created.
type writer struct {
	ctx   context.Context
	f     *FS
	path  string
	temp  string
	opts  ufs.CreateOptions
	file  *os.File
	ended bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.ended {
		return 0, errors.E("write", w.path, errors.FailedPrecondition, fmt.Errorf("the writer has ended"))
	}
	if err := w.ctx.Err(); err != nil {
		return 0, errors.E("write", w.path, errors.Other, err)
	}
	n, err := w.file.Write(p)
	if err != nil {
		return n, w.f.fail("write", w.path, err)
	}
	return n, nil
}

// Commit syncs the file and gives it its name.
func (w *writer) Commit(ctx context.Context) (ufs.Info, error) {
	const op = "commit"
	if w.ended {
		return ufs.Info{}, errors.E(op, w.path, errors.FailedPrecondition, fmt.Errorf("the writer has ended"))
	}
	err := w.ctx.Err()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		_ = w.Abort(ctx) // the error that matters is err
		if isErrno(err, syscall.ENOENT) {
			err = errors.Errorf(errors.Aborted, "its directory was deleted while it was written")
		}
		return ufs.Info{}, w.f.fail(op, w.path, err)
	}
	w.ended = true
	dir, _ := ufs.Split(w.path)
	if err := w.f.syncDir(dir); err != nil {
		return ufs.Info{}, errors.E(op, w.path, errors.Unavailable, err)
	}
	return w.f.Stat(ctx, w.path)
}

func (w *writer) commit() error {
	if err := w.f.dress(w.file, w.opts.Owner, w.opts.Group, w.opts.Mode); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if w.opts.Exclusive {
		return w.f.renameNew(w.temp, w.path)
	}
	return w.f.root.Load().Rename(w.temp, w.path)
}

// Abort removes the temporary file.
func (w *writer) Abort(context.Context) error {
	if w.ended {
		return nil
	}
	w.ended = true
	w.file.Close()
	if err := w.f.root.Load().Remove(w.temp); err != nil && !errors.Is(err, errors.NotFound) {
		return w.f.fail("abort", w.path, err)
	}
	return nil
}

// dress gives a new file or directory its mode, and its owner and group if
// this process may.
func (f *FS) dress(file *os.File, owner, group string, mode uint32) error {
	if mode != 0 {
		if err := file.Chmod(fs.FileMode(mode).Perm()); err != nil {
			return err
		}
	}
	if owner == "" && group == "" {
		return nil
	}
	uid, gid, err := ids(owner, group)
	if err == nil {
		err = file.Chown(uid, gid)
	}
	if err != nil {
		f.log.Debug("Cannot set the owner of a new file", "owner", owner, "group", group, "err", err)
	}
	return nil
}

// Mkdir makes a directory.
func (f *FS) Mkdir(ctx context.Context, path string, opts ufs.MkdirOptions) error {
	const op = "mkdir"
	if path == "" {
		return errors.E(op, path, errors.Exists, fmt.Errorf("a directory is there already"))
	}
	if err := f.checkNew(ctx, op, path); err != nil {
		return err
	}
	if fi, err := f.root.Load().Lstat(path); err == nil {
		return exists(op, path, fi)
	}
	if opts.Parents {
		parent, _ := ufs.Split(path)
		if err := f.makeDirs(op, parent, ufs.MkdirOptions{}); err != nil {
			return err
		}
	}
	return f.makeDir(op, path, opts)
}

// makeDirs makes dir and its parents, as far as they are missing.
func (f *FS) makeDirs(op, dir string, opts ufs.MkdirOptions) error {
	fi, err := f.root.Load().Stat(name(dir))
	switch {
	case err == nil && fi.IsDir():
		return nil
	case err == nil || isErrno(err, syscall.ENOTDIR):
		return errors.E(op, dir, errors.FailedPrecondition, fmt.Errorf("a file is where the directory should be"))
	case !errors.Is(err, errors.NotFound) || dir == "":
		return f.fail(op, dir, err)
	}
	parent, _ := ufs.Split(dir)
	if err := f.makeDirs(op, parent, opts); err != nil {
		return err
	}
	if err := f.makeDir(op, dir, opts); !errors.Is(err, errors.Exists) {
		return err
	}
	return nil
}

func (f *FS) makeDir(op, path string, opts ufs.MkdirOptions) error {
	root := f.root.Load()
	err := root.Mkdir(path, 0o777)
	if isErrno(err, syscall.ENOTDIR) {
		return errors.E(op, path, errors.FailedPrecondition, fmt.Errorf("a file is where the parent directory should be"))
	}
	if err != nil {
		return f.fail(op, path, err)
	}
	if opts.Mode != 0 || opts.Owner != "" || opts.Group != "" {
		dir, err := root.Open(path)
		if err != nil {
			return f.fail(op, path, err)
		}
		defer dir.Close()
		if err := f.dress(dir, opts.Owner, opts.Group, opts.Mode); err != nil {
			return f.fail(op, path, err)
		}
	}
	parent, _ := ufs.Split(path)
	if err := f.syncDir(parent); err != nil {
		return errors.E(op, path, errors.Unavailable, err)
	}
	return nil
}

// syncDir makes the entries of dir durable. A directory deleted meanwhile has
// none.
func (f *FS) syncDir(dir string) error {
	d, err := f.root.Load().Open(name(dir))
	if errors.Is(err, errors.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// renameNew renames src to dst unless dst exists, atomically.
func (f *FS) renameNew(src, dst string) error {
	root := f.root.Load()
	srcDir, srcName := ufs.Split(src)
	dstDir, dstName := ufs.Split(dst)
	from, err := root.Open(name(srcDir))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := root.Open(name(dstDir))
	if err != nil {
		return err
	}
	defer to.Close()
	err = unix.Renameat2(int(from.Fd()), srcName, int(to.Fd()), dstName, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP {
		return f.linkNew(src, dst)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: src, New: dst, Err: err}
	}
	return nil
}

// linkNew does the same where the file system cannot: for a file by a link,
// for a directory (of which rename replaces only empty ones) not atomically.
func (f *FS) linkNew(src, dst string) error {
	root := f.root.Load()
	fi, err := root.Lstat(src)
	if err != nil {
		return err
	}
	if !fi.IsDir() {
		if err := root.Link(src, dst); err != nil {
			return err
		}
		return root.Remove(src)
	}
	if _, err := root.Lstat(dst); err == nil {
		return fs.ErrExist
	}
	return root.Rename(src, dst)
}

// maxName is the longest name of Linux file systems, in bytes.
const maxName = 255

// checkNew is check for operations that change path: the root is refused, and
// names that are too long or those of temporary files.
func (f *FS) checkNew(ctx context.Context, op, path string) error {
	if err := ufs.CheckFile(op, path); err != nil {
		return err
	}
	for name := range strings.SplitSeq(path, "/") {
		if len(name) > maxName {
			return errors.E(op, path, errors.Invalid, fmt.Errorf("a name in it is %d bytes long; %d are allowed", len(name), maxName))
		}
	}
	if _, base := ufs.Split(path); isTemp(base) {
		return errors.E(op, path, errors.Invalid, fmt.Errorf("names like this are kept for temporary files"))
	}
	return f.check(ctx, op, path)
}

func exists(op, path string, fi fs.FileInfo) error {
	what := "file"
	if fi.IsDir() {
		what = "directory"
	}
	return errors.E(op, path, errors.Exists, fmt.Errorf("a %s is there already", what))
}

package local

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// abandoned is the age at which a temporary file no longer keeps the directory
// that it lies in from being deleted as empty.
const abandoned = time.Hour

// Delete removes a file, a link or an empty directory.
func (f *FS) Delete(ctx context.Context, path string) error {
	const op = "delete"
	if err := f.checkNew(ctx, op, path); err != nil {
		return err
	}
	if err := f.remove(path); err != nil {
		return f.fail(op, path, err)
	}
	return f.syncParents(op, path)
}

// remove removes path; a directory also when only abandoned temporary files
// are in it.
func (f *FS) remove(path string) error {
	root := f.root.Load()
	err := root.Remove(path)
	if !errors.Is(err, errors.NotEmpty) {
		return err
	}
	sub, openErr := root.OpenRoot(path)
	if openErr != nil {
		return err
	}
	defer sub.Close()
	if !onlyAbandoned(sub) {
		return err
	}
	if _, err := sweepDir(sub, abandoned); err != nil {
		return err
	}
	return root.Remove(path)
}

// onlyAbandoned reports whether nothing but abandoned temporary files is in
// the directory.
func onlyAbandoned(sub *os.Root) bool {
	for names, err := range chunks(sub) {
		if err != nil {
			return false
		}
		for _, n := range names {
			fi, err := sub.Lstat(n)
			if err != nil || !isTemp(n) || time.Since(fi.ModTime()) < abandoned {
				return false
			}
		}
	}
	return true
}

// sweepDir removes the temporary files in one directory that are older than
// the age.
func sweepDir(sub *os.Root, age time.Duration) (removed int, err error) {
	for names, err := range chunks(sub) {
		if err != nil {
			return removed, err
		}
		for _, n := range names {
			if !isTemp(n) {
				continue
			}
			fi, err := sub.Lstat(n)
			if err != nil || !fi.Mode().IsRegular() || time.Since(fi.ModTime()) < age {
				continue
			}
			if err := sub.Remove(n); err != nil && !errors.Is(err, errors.NotFound) {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// chunks yields the names in a directory, some at a time and unsorted.
func chunks(sub *os.Root) func(yield func([]string, error) bool) {
	return func(yield func([]string, error) bool) {
		d, err := sub.Open(".")
		if err != nil {
			yield(nil, err)
			return
		}
		defer d.Close()
		for {
			names, err := d.Readdirnames(1024)
			if err == io.EOF {
				return
			}
			if !yield(names, err) || err != nil {
				return
			}
		}
	}
}

// DeleteFiles removes files; each directory they lie in is synced once.
func (f *FS) DeleteFiles(ctx context.Context, paths []string) []error {
	const op = "delete"
	errs := make([]error, len(paths))
	dirs := map[string]error{}
	for i, path := range paths {
		if errs[i] = f.checkNew(ctx, op, path); errs[i] != nil {
			continue
		}
		if fi, err := f.root.Load().Lstat(path); err == nil && fi.IsDir() {
			errs[i] = errors.E(op, path, errors.Invalid, fmt.Errorf("it is a directory"))
			continue
		}
		if err := f.root.Load().Remove(path); err != nil {
			if errs[i] = f.fail(op, path, err); errors.Is(errs[i], errors.NotFound) {
				errs[i] = nil
			}
			continue
		}
		dir, _ := ufs.Split(path)
		dirs[dir] = nil
	}
	for dir := range dirs {
		dirs[dir] = f.syncDir(dir)
	}
	for i, path := range paths {
		dir, _ := ufs.Split(path)
		if err := dirs[dir]; err != nil && errs[i] == nil {
			errs[i] = errors.E(op, path, errors.Unavailable, err)
		}
	}
	return errs
}

// DeleteDir removes a directory with all below it, following no links.
func (f *FS) DeleteDir(ctx context.Context, path string) error {
	const op = "delete directory"
	if err := f.checkNew(ctx, op, path); err != nil {
		return err
	}
	fi, err := f.root.Load().Lstat(path)
	switch {
	case err != nil:
		if err = f.fail(op, path, err); errors.Is(err, errors.NotFound) {
			return nil
		}
		return err
	case !fi.IsDir():
		return errors.E(op, path, errors.Invalid, fmt.Errorf("not a directory"))
	}
	if err := f.removeTree(ctx, path); err != nil {
		return f.fail(op, path, err)
	}
	return f.syncParents(op, path)
}

func (f *FS) removeTree(ctx context.Context, path string) error {
	parent, base := ufs.Split(path)
	dir, err := f.root.Load().OpenRoot(name(parent))
	if err != nil {
		return err
	}
	defer dir.Close()
	return removeIn(ctx, dir, base)
}

// removeIn removes name, in the directory dir, with all below it.
func removeIn(ctx context.Context, dir *os.Root, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := dir.Remove(name)
	if errors.Is(err, errors.NotFound) {
		return nil
	}
	if !errors.Is(err, errors.NotEmpty) {
		return err
	}
	sub, err := dir.OpenRoot(name)
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		// What has been removed may shift what readdir gives next, so the
		// directory is read from its start until nothing is left.
		removed := 0
		for names, err := range chunks(sub) {
			if err != nil {
				return err
			}
			for _, n := range names {
				if err := removeIn(ctx, sub, n); err != nil {
					return err
				}
				removed++
			}
		}
		if removed == 0 {
			break
		}
	}
	return dir.Remove(name)
}

// Rename moves a file. The parent directory of dst must exist.
func (f *FS) Rename(ctx context.Context, src, dst string) error {
	const op = "rename"
	if err := f.checkBoth(ctx, op, src, dst); err != nil {
		return err
	}
	root := f.root.Load()
	fi, err := root.Lstat(src)
	switch {
	case err != nil:
		return f.fail(op, src, err)
	case fi.IsDir():
		return errors.E(op, src, errors.Unsupported, fmt.Errorf("it is a directory; RenameDir moves those"))
	}
	if fi, err := root.Stat(dst); err == nil && fi.IsDir() {
		return exists(op, dst, fi)
	}
	if err := root.Rename(src, dst); err != nil {
		return f.fail(op, dst, err)
	}
	return f.syncParents(op, src, dst)
}

// RenameDir moves a directory, atomically.
func (f *FS) RenameDir(ctx context.Context, src, dst string) error {
	const op = "rename directory"
	if err := f.checkBoth(ctx, op, src, dst); err != nil {
		return err
	}
	root := f.root.Load()
	fi, err := root.Stat(src)
	switch {
	case err != nil:
		return f.fail(op, src, err)
	case !fi.IsDir():
		return errors.E(op, src, errors.Invalid, fmt.Errorf("not a directory"))
	}
	if err := f.renameNew(src, dst); err != nil {
		if isErrno(err, syscall.EINVAL) {
			return errors.E(op, src, errors.Invalid, fmt.Errorf("a directory cannot be moved into itself (%q)", dst))
		}
		return f.fail(op, dst, err)
	}
	return f.syncParents(op, src, dst)
}

func (f *FS) checkBoth(ctx context.Context, op, src, dst string) error {
	if err := f.checkNew(ctx, op, src); err != nil {
		return err
	}
	return f.checkNew(ctx, op, dst)
}

// syncParents makes a change of the entries at paths durable.
func (f *FS) syncParents(op string, paths ...string) error {
	last := "/" // no directory
	for _, path := range paths {
		dir, _ := ufs.Split(path)
		if dir == last {
			continue
		}
		if err := f.syncDir(dir); err != nil {
			return errors.E(op, path, errors.Unavailable, err)
		}
		last = dir
	}
	return nil
}

// SetAttr changes the owner, group and mode of what is at path.
func (f *FS) SetAttr(ctx context.Context, path, owner, group string, mode *uint32) error {
	const op = "set attributes"
	if err := f.check(ctx, op, path); err != nil {
		return err
	}
	root := f.root.Load()
	if mode != nil {
		if err := root.Chmod(name(path), fs.FileMode(*mode).Perm()); err != nil {
			return f.fail(op, path, err)
		}
	}
	if owner == "" && group == "" {
		return nil
	}
	uid, gid, err := ids(owner, group)
	if err != nil {
		return errors.E(op, path, errors.FailedPrecondition, fmt.Errorf("not known on this machine: %w", err))
	}
	if err := root.Chown(name(path), uid, gid); err != nil {
		return f.fail(op, path, err)
	}
	return nil
}

// Sweep removes temporary files older than the age from the whole tree.
func (f *FS) Sweep(ctx context.Context, olderThan time.Duration) (removed int, err error) {
	if err := f.check(ctx, "sweep", ""); err != nil {
		return 0, err
	}
	root, err := f.root.Load().OpenRoot(".")
	if err != nil {
		return 0, f.fail("sweep", "", err)
	}
	defer root.Close()
	removed, err = sweepTree(ctx, root, olderThan)
	if err != nil {
		return removed, f.fail("sweep", "", err)
	}
	return removed, nil
}

// sweepTree sweeps a directory and those below it, following no links.
func sweepTree(ctx context.Context, dir *os.Root, age time.Duration) (removed int, err error) {
	if removed, err = sweepDir(dir, age); err != nil {
		return removed, err
	}
	for names, err := range chunks(dir) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return removed, err
		}
		for _, n := range names {
			fi, err := dir.Lstat(n)
			if err != nil || !fi.IsDir() {
				continue
			}
			sub, err := dir.OpenRoot(n)
			if err != nil {
				continue // not ours to read, or gone
			}
			k, err := sweepTree(ctx, sub, age)
			sub.Close()
			removed += k
			if err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

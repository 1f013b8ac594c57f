package local

import (
	stderrors "errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// fail returns err with its context and kind. An absence is believed only
// while the root directory is in its place.
func (f *FS) fail(op, path string, err error) error {
	kind := kindOf(err)
	switch {
	case escapes(err):
		kind = errors.Permission
		err = fmt.Errorf("it lies behind a symbolic link that leaves the root directory %s, which is refused", f.dir)
	case kind == errors.NotFound:
		if rootErr := f.rootInPlace(); rootErr != nil {
			return errors.E(op, path, errors.Unavailable, rootErr)
		}
		err = fmt.Errorf("no such file or directory")
	}
	return errors.E(op, path, kind, err)
}

// rootInPlace looks whether the root directory is still the one opened. A new
// one at its place is opened for later calls.
func (f *FS) rootInPlace() error {
	old := f.root.Load()
	opened, err := old.Stat(".")
	if err != nil {
		return fmt.Errorf("cannot read the root directory %s: %w", f.dir, err)
	}
	present, err := os.Stat(f.dir)
	if err != nil {
		return fmt.Errorf("the root directory %s is not there any more: %w", f.dir, err)
	}
	if os.SameFile(opened, present) {
		return nil
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return fmt.Errorf("cannot open the root directory %s again: %w", f.dir, err)
	}
	// The old root is left to the garbage collector: calls may be using it.
	f.root.CompareAndSwap(old, root)
	f.log.Warn("The root directory of an under file system has been replaced", "dir", f.dir)
	return fmt.Errorf("the root directory %s has been replaced; it is opened anew", f.dir)
}

// kindOf extends errors.KindOf by the errno values that files bring.
func kindOf(err error) errors.Kind {
	for _, m := range []struct {
		errno syscall.Errno
		kind  errors.Kind
	}{
		{syscall.ENOTDIR, errors.NotFound},
		{syscall.ENAMETOOLONG, errors.NotFound}, // no entry can have the name
		{syscall.ELOOP, errors.Invalid},
		{syscall.EISDIR, errors.Exists},
		{syscall.EROFS, errors.Permission},
		{syscall.EDQUOT, errors.NoSpace},
		{syscall.EFBIG, errors.NoSpace},
		{syscall.EIO, errors.Unavailable},
		{syscall.ESTALE, errors.Unavailable},
		{syscall.ETIMEDOUT, errors.Unavailable},
		{syscall.EHOSTDOWN, errors.Unavailable},
		{syscall.ENOTCONN, errors.Unavailable},
		{syscall.EMFILE, errors.Unavailable},
		{syscall.ENFILE, errors.Unavailable},
		{syscall.EBUSY, errors.FailedPrecondition},
		{syscall.EXDEV, errors.Unsupported},
	} {
		if isErrno(err, m.errno) {
			return m.kind
		}
	}
	if escapes(err) {
		return errors.Permission
	}
	return errors.KindOf(err)
}

func isErrno(err error, errno syscall.Errno) bool { return stderrors.Is(err, errno) }

// escapes reports whether err is os.Root's refusal to leave the root, which
// has no exported value.
func escapes(err error) bool {
	var pathErr *os.PathError
	var linkErr *os.LinkError
	switch {
	case stderrors.As(err, &pathErr):
		err = pathErr.Err
	case stderrors.As(err, &linkErr):
		err = linkErr.Err
	default:
		return false
	}
	return strings.Contains(err.Error(), "escapes from parent")
}

// Package local is the under file system in a directory of the local machine
// (or of a network file system mounted there).
//
// # Confinement
//
// Every access goes through an os.Root: no path and no symbolic link leads out
// of the root directory. Links that stay inside are followed; those that leave
// it are refused with Permission. Listings leave out, and count as hidden,
// links that lead out, dangle or lead back to a directory they lie in, special
// files (pipes, sockets, devices) and names that are not valid UTF-8.
//
// # What survives a crash
//
// A file is written under a temporary name in its own directory (see isTemp),
// synced, renamed, and its directory synced. Temporary files are never listed;
// what a killed writer leaves is removed by Sweep. New directories, renames and
// deletions are synced before they are acknowledged.
//
// # Absence
//
// Before "no such file" is reported, the root directory is looked at: if it has
// been removed the answer is Unavailable, if it has been replaced the new one
// is opened.
package local

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// FS is a directory seen as an under file system. It has the capabilities
// ufs.BatchDeleter, DirDeleter, DirRenamer, AttrSetter, SpaceReporter, Hider
// and Sweeper.
type FS struct {
	uri    string
	dir    string
	log    *slog.Logger
	root   atomic.Pointer[os.Root]
	owners owners
	hidden atomic.Int64
}

// Open is an ufs.OpenFunc for bare absolute paths and file: URIs. The
// directory must exist.
func Open(_ context.Context, uri string, opts ufs.Options) (ufs.UFS, error) {
	dir, err := directory(uri)
	if err != nil {
		return nil, err
	}
	f := &FS{uri: uri, dir: dir, log: opts.Logger}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if fi, err := os.Stat(dir); err == nil && !fi.IsDir() {
		return nil, errors.Errorf(errors.Invalid, "%s is not a directory.", uri)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, openError(uri, err)
	}
	f.root.Store(root)
	return f, nil
}

// directory returns the directory that uri names.
func directory(uri string) (string, error) {
	dir := uri
	if !strings.HasPrefix(uri, "/") {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
			return "", errors.Errorf(errors.Invalid, "%q does not name a local directory: write /path or file:///path.", uri)
		}
		dir = u.Path
	}
	return filepath.Clean(dir), nil
}

func openError(uri string, err error) error {
	switch kind := kindOf(err); {
	case errors.Is(err, errors.NotFound):
		return errors.Errorf(errors.NotFound, "The directory %s does not exist; create it first.", uri)
	case kind == errors.Permission:
		return errors.Errorf(errors.Permission, "The directory %s cannot be opened: %w.", uri, err)
	default:
		return errors.E("open", uri, kind, err)
	}
}

// URI returns the root as it was given.
func (f *FS) URI() string { return f.uri }

// Hidden returns how many entries listings have left out so far.
func (f *FS) Hidden() int64 { return f.hidden.Load() }

// Close closes the root directory.
func (f *FS) Close() error { return f.root.Load().Close() }

// Stat describes path.
func (f *FS) Stat(ctx context.Context, path string) (ufs.Info, error) {
	const op = "stat"
	if err := f.check(ctx, op, path); err != nil {
		return ufs.Info{}, err
	}
	fi, err := f.root.Load().Stat(name(path))
	if err != nil {
		return ufs.Info{}, f.fail(op, path, err)
	}
	if what := special(fi); what != "" {
		return ufs.Info{}, errors.E(op, path, errors.Unsupported, fmt.Errorf("it is %s, not a file or directory", what))
	}
	return f.info(path, fi), nil
}

// Open opens a range of the file at path.
func (f *FS) Open(ctx context.Context, path string, opts ufs.OpenOptions) (io.ReadCloser, error) {
	const op = "open"
	if err := f.check(ctx, op, path); err != nil {
		return nil, err
	}
	if opts.Offset < 0 {
		return nil, errors.E(op, path, errors.Invalid, fmt.Errorf("offset %d is negative", opts.Offset))
	}
	// O_NONBLOCK: the open of a named pipe would wait for its writer.
	file, err := f.root.Load().OpenFile(name(path), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, f.fail(op, path, err)
	}
	r := &reader{ctx: ctx, file: file, path: path, pin: opts.Fingerprint, off: opts.Offset, left: opts.Length}
	if err := r.begin(); err != nil {
		file.Close()
		return nil, errors.E(op, path, errors.Other, err)
	}
	return r, nil
}

// reader reads a range of an open file.
type reader struct {
	ctx  context.Context
	file *os.File
	path string
	pin  string // fingerprint that the file must keep, or ""
	off  int64
	left int64 // bytes still wanted, negative: to the end
}

func (r *reader) begin() error {
	fi, err := r.file.Stat()
	switch {
	case err != nil:
		return errors.E("", "", kindOf(err), err)
	case fi.IsDir():
		return errors.Errorf(errors.Invalid, "it is a directory")
	case special(fi) != "":
		return errors.Errorf(errors.Unsupported, "it is %s, not a file", special(fi))
	case r.off > fi.Size():
		return errors.Errorf(errors.OutOfRange, "offset %d is past the end (%d bytes)", r.off, fi.Size())
	}
	return r.verify(fi)
}

// verify refuses a file that is no longer the one pinned.
func (r *reader) verify(fi fs.FileInfo) error {
	if r.pin != "" && fingerprint(fi) != r.pin {
		return errors.Errorf(errors.Aborted, "the file has changed")
	}
	return nil
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, errors.E("read", r.path, errors.Other, err)
	}
	if r.left >= 0 && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.file.ReadAt(p, r.off)
	if r.pin != "" {
		fi, statErr := r.file.Stat()
		if statErr == nil {
			statErr = r.verify(fi)
		}
		if statErr != nil {
			return 0, errors.E("read", r.path, errors.Other, statErr)
		}
	}
	r.off += int64(n)
	if r.left > 0 {
		r.left -= int64(n)
	}
	if n > 0 && err == io.EOF || err == nil {
		return n, nil
	}
	if err != io.EOF {
		err = errors.E("read", r.path, kindOf(err), err)
	}
	return n, err
}

func (r *reader) Close() error { return r.file.Close() }

// Space returns the size of the file system that the root directory lies in.
func (f *FS) Space(ctx context.Context) (total, used int64, err error) {
	if err := f.check(ctx, "space", ""); err != nil {
		return 0, 0, err
	}
	dir, err := f.root.Load().Open(".")
	if err != nil {
		return 0, 0, f.fail("space", "", err)
	}
	defer dir.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return 0, 0, f.fail("space", "", err)
	}
	unit := st.Frsize
	return int64(st.Blocks) * unit, int64(st.Blocks-st.Bfree) * unit, nil
}

// check is where every operation begins.
func (f *FS) check(ctx context.Context, op, path string) error {
	if err := ctx.Err(); err != nil {
		return errors.E(op, path, errors.Other, err)
	}
	return ufs.CheckPath(op, path)
}

// name returns path as os.Root wants it.
func name(path string) string {
	if path == "" {
		return "."
	}
	return path
}

// info describes the file or directory fi at path.
func (f *FS) info(path string, fi fs.FileInfo) ufs.Info {
	info := ufs.Info{Path: path, Dir: fi.IsDir(), ModTime: fi.ModTime(), Mode: uint32(fi.Mode().Perm())}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		info.Owner, info.Group = f.owners.user(st.Uid), f.owners.group(st.Gid)
	}
	if !info.Dir {
		info.Size = fi.Size()
		info.Fingerprint = fingerprint(fi)
	}
	return info
}

// fingerprint tells versions of a file apart: by its inode, since a commit
// makes a new one, and by what a change in place alters. The change time cannot
// be set back, as the modification time can.
func fingerprint(fi fs.FileInfo) string {
	st, _ := fi.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%x-%x-%x-%x", fi.Size(), fi.ModTime().UnixNano(), st.Ctim.Nano(), st.Ino)
}

// special says what fi is when it is neither a file nor a directory.
func special(fi fs.FileInfo) string {
	switch mode := fi.Mode(); {
	case mode.IsRegular() || mode.IsDir():
		return ""
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

// Package object makes a file system of a flat store of objects: directories
// over keys, once, for every object store.
//
// # What is a directory
//
// The file at path p is the object with the key root+p. A directory d exists
// when any key starts with root+d+"/": an object of exactly that key (a marker,
// what consoles and other tools make for an empty folder) or anything below.
// When both an object "d" and keys below "d/" exist, the file wins. The root
// always exists.
//
// # Keys that are not paths
//
// A key with an empty, "." or ".." component, a NUL byte or invalid UTF-8 is
// hidden: no path leads to it, listings leave it out and count it (Hidden), and
// so are the objects behind a file of the same name and the content of a
// non-empty marker. Hidden keys still belong to the directory they lie in: it
// is not empty, moves with them and, deleted as a whole, takes them along.
//
// # Crashes
//
// An object is there whole or not at all. Moving and deleting a directory are
// many requests: what was interrupted is finished by repeating it. A directory
// move in progress is remembered in the store by an empty object below its
// destination (see RenameDir).
package object

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// Options describe how a store is seen as a file system.
type Options struct {
	// URI is the root, without credentials ("kodo://bucket/dir").
	URI string
	// Prefix is the part of every key that the root stands for: "" or a string
	// ending in "/".
	Prefix string
	// NoMarkers leaves Mkdir without effect on the store: directories are then
	// only what keys imply.
	NoMarkers bool
	// PageSize is the number of entries asked for in one listing request; 0 is
	// 1000.
	PageSize int
	// Parallel bounds the requests in flight of one directory move or delete;
	// 0 is 20.
	Parallel int
	// MaxKeyBytes is the longest key of the store; 0 is 1024.
	MaxKeyBytes int
	// Retry is ufs.Options.Retry.
	Retry func(ctx context.Context, request func(ctx context.Context) error) error
	// Logger may be nil.
	Logger *slog.Logger
}

// SetProperties takes from opts what holds for any object store: the
// properties alluxio.underfs.listing.length (PageSize, at most 1000),
// alluxio.underfs.object.store.service.threads (Parallel) and
// alluxio.underfs.object.store.breadcrumbs.enabled (whether Mkdir leaves
// markers), and Retry and Logger.
func (o *Options) SetProperties(opts ufs.Options) error {
	var err error
	if o.PageSize, err = positive(opts, "alluxio.underfs.listing.length", 1000); err != nil {
		return err
	}
	o.PageSize = min(o.PageSize, 1000)
	if o.Parallel, err = positive(opts, "alluxio.underfs.object.store.service.threads", 20); err != nil {
		return err
	}
	markers, err := opts.Bool("alluxio.underfs.object.store.breadcrumbs.enabled", true)
	o.NoMarkers = !markers
	o.Retry, o.Logger = opts.Retry, opts.Logger
	return err
}

func positive(opts ufs.Options, key string, def int) (int, error) {
	n, err := opts.Int(key, def)
	if err == nil && n < 1 {
		err = errors.Errorf(errors.Invalid, "Property %s is %d; it must be at least 1.", key, n)
	}
	return n, err
}

// UFS is a flat store seen as a file system. It has the capabilities
// ufs.BatchDeleter, DirDeleter, DirRenamer, Hider, Sweeper and ObjectStore.
type UFS struct {
	store  Store
	opts   Options
	log    *slog.Logger
	hidden atomic.Int64
}

// New returns the file system over store. Close closes the store.
func New(store Store, opts Options) *UFS {
	if opts.PageSize <= 0 {
		opts.PageSize = 1000
	}
	if opts.Parallel <= 0 {
		opts.Parallel = 20
	}
	if opts.MaxKeyBytes <= 0 {
		opts.MaxKeyBytes = 1024
	}
	if opts.Retry == nil {
		opts.Retry = func(ctx context.Context, request func(context.Context) error) error { return request(ctx) }
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &UFS{store: store, opts: opts, log: opts.Logger}
}

// URI returns the root without credentials.
func (u *UFS) URI() string { return u.opts.URI }

// IsObjectStore returns true.
func (u *UFS) IsObjectStore() bool { return true }

// Hidden returns how many entries listings have left out so far.
func (u *UFS) Hidden() int64 { return u.hidden.Load() }

// Close closes the store.
func (u *UFS) Close() error { return u.store.Close() }

// Sweep drops what interrupted uploads left in the store, if it keeps any.
func (u *UFS) Sweep(ctx context.Context, olderThan time.Duration) (int, error) {
	if s, ok := u.store.(Sweeper); ok {
		return s.Sweep(ctx, u.opts.Prefix, olderThan)
	}
	return 0, nil
}

// Stat describes path: one request for a file, two for a directory or nothing.
func (u *UFS) Stat(ctx context.Context, path string) (ufs.Info, error) {
	const op = "stat"
	if err := ufs.CheckPath(op, path); err != nil {
		return ufs.Info{}, err
	}
	if path != "" {
		if len(u.fileKey(path)) > u.opts.MaxKeyBytes {
			return ufs.Info{}, notFound(op, path)
		}
		o, err := u.store.Head(ctx, u.fileKey(path))
		if err == nil {
			return u.fileInfo(o), nil
		}
		if !errors.Is(err, errors.NotFound) {
			return ufs.Info{}, errors.E(op, path, errors.Other, err)
		}
	}
	first, err := u.below(ctx, path, 1)
	if err != nil {
		return ufs.Info{}, errors.E(op, path, errors.Other, err)
	}
	info := ufs.Info{Path: path, Dir: true}
	switch {
	case len(first) > 0 && first[0].Key == u.dirKey(path):
		info.ModTime = first[0].ModTime
	case len(first) == 0 && path != "":
		return ufs.Info{}, notFound(op, path)
	}
	return info, nil
}

// Open reads a range of the file at path, in one request.
func (u *UFS) Open(ctx context.Context, path string, opts ufs.OpenOptions) (io.ReadCloser, error) {
	const op = "open"
	if err := ufs.CheckPath(op, path); err != nil {
		return nil, err
	}
	if path == "" || len(u.fileKey(path)) > u.opts.MaxKeyBytes {
		return nil, notFound(op, path)
	}
	if opts.Offset < 0 {
		return nil, errors.E(op, path, errors.Invalid, errors.Errorf(errors.Invalid, "offset %d is negative", opts.Offset))
	}
	if opts.Length == 0 {
		return u.openEmpty(ctx, path, opts)
	}
	r, err := u.store.Get(ctx, u.fileKey(path), Range{Offset: opts.Offset, Length: opts.Length, Version: opts.Fingerprint})
	if errors.Is(err, errors.OutOfRange) {
		return u.openEmpty(ctx, path, opts)
	}
	if err != nil {
		return nil, errors.E(op, path, errors.Other, err)
	}
	return &body{ReadCloser: r, path: path}, nil
}

// body gives the failures of a connection, which come without a kind, one.
type body struct {
	io.ReadCloser
	path string
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	kind := errors.KindOf(err)
	if kind == errors.Other {
		kind = errors.Unavailable
	}
	return n, errors.E("read", b.path, kind, err)
}

// openEmpty opens a range without bytes: stores refuse such a range, whether
// it begins at the end of the object or behind it.
func (u *UFS) openEmpty(ctx context.Context, path string, opts ufs.OpenOptions) (io.ReadCloser, error) {
	const op = "open"
	o, err := u.store.Head(ctx, u.fileKey(path))
	switch {
	case err != nil:
		return nil, errors.E(op, path, errors.Other, err)
	case opts.Fingerprint != "" && o.Version != opts.Fingerprint:
		return nil, errors.E(op, path, errors.Aborted, errors.Errorf(errors.Aborted, "the object has changed"))
	case opts.Offset > o.Size:
		return nil, errors.E(op, path, errors.OutOfRange,
			errors.Errorf(errors.OutOfRange, "offset %d is past the end (%d bytes)", opts.Offset, o.Size))
	case opts.Offset < o.Size && opts.Length != 0:
		return nil, errors.E(op, path, errors.Aborted, errors.Errorf(errors.Aborted, "the object changed its size while it was opened"))
	}
	return io.NopCloser(empty{}), nil
}

type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, io.EOF }

// below returns the first n objects of the directory at path, its marker
// included. Below a path as long as the longest key there is nothing.
func (u *UFS) below(ctx context.Context, path string, n int) ([]Object, error) {
	if len(u.dirKey(path)) > u.opts.MaxKeyBytes {
		return nil, nil
	}
	req := ListRequest{Prefix: u.dirKey(path), Limit: n}
	var found []Object
	for {
		page, err := u.store.List(ctx, req)
		if err != nil {
			return nil, err
		}
		found = append(found, page.Objects...)
		if len(found) >= n || page.Next == "" {
			return found[:min(n, len(found))], nil
		}
		req.Marker = page.Next
	}
}

// fileKey and dirKey map a path to the key of a file and to the prefix, which
// is also the key of the marker, of a directory.
func (u *UFS) fileKey(path string) string { return u.opts.Prefix + path }

func (u *UFS) dirKey(path string) string {
	if path == "" {
		return u.opts.Prefix
	}
	return u.opts.Prefix + path + "/"
}

// newKey checks that the store can hold a new key.
func (u *UFS) newKey(op, path, key string) error {
	if len(key) <= u.opts.MaxKeyBytes {
		return nil
	}
	return errors.E(op, path, errors.Invalid,
		errors.Errorf(errors.Invalid, "the object key would be %d bytes long; the store allows %d", len(key), u.opts.MaxKeyBytes))
}

func (u *UFS) fileInfo(o Object) ufs.Info {
	return ufs.Info{
		Path:        o.Key[len(u.opts.Prefix):],
		Size:        o.Size,
		ModTime:     o.ModTime,
		Owner:       o.Owner,
		Fingerprint: o.Version,
	}
}

func notFound(op, path string) error {
	return errors.E(op, path, errors.NotFound, errors.Errorf(errors.NotFound, "no such file or directory"))
}

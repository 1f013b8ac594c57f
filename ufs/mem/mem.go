package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// FS is a file system in memory, with real directories, owners and modes. It
// has the capabilities ufs.BatchDeleter, DirDeleter, DirRenamer and AttrSetter.
type FS struct {
	uri string
	mu  struct {
		sync.Mutex
		nodes   map[string]*node // by path, the root included
		version int
	}
}

// node is a file or directory. The data of a file is never changed.
type node struct {
	info ufs.Info
	data []byte
}

// New returns an empty file system.
func New(uri string) *FS {
	f := &FS{uri: uri}
	f.mu.nodes = map[string]*node{"": {info: ufs.Info{Dir: true, ModTime: time.Now()}}}
	return f
}

// Open is a ufs.OpenFunc: every call gives another, empty file system.
func Open(_ context.Context, uri string, _ ufs.Options) (ufs.UFS, error) { return New(uri), nil }

// URI returns the URI given to New.
func (f *FS) URI() string { return f.uri }

// Close does nothing.
func (f *FS) Close() error { return nil }

// begin checks a call and takes the lock.
func (f *FS) begin(ctx context.Context, op string, check func(op, path string) error, paths ...string) error {
	if err := ctx.Err(); err != nil {
		return errors.E(op, paths[0], errors.Other, err)
	}
	for _, path := range paths {
		if err := check(op, path); err != nil {
			return err
		}
	}
	f.mu.Lock()
	return nil
}

func fail(op, path string, kind errors.Kind, text string) error {
	return errors.E(op, path, kind, fmt.Errorf("%s", text))
}

// at returns the node at path; the lock is held.
func (f *FS) at(op, path string) (*node, error) {
	if n, ok := f.mu.nodes[path]; ok {
		return n, nil
	}
	return nil, fail(op, path, errors.NotFound, "no such file or directory")
}

// below returns the paths below dir in the order of listings; the lock is held.
func (f *FS) below(dir string) []string {
	var paths []string
	for path := range f.mu.nodes {
		if path != "" && (dir == "" || strings.HasPrefix(path, dir+"/")) {
			paths = append(paths, path)
		}
	}
	slices.SortFunc(paths, func(a, b string) int {
		return strings.Compare(f.mu.nodes[a].info.ListKey(), f.mu.nodes[b].info.ListKey())
	})
	return paths
}

// Stat implements ufs.UFS.
func (f *FS) Stat(ctx context.Context, path string) (ufs.Info, error) {
	if err := f.begin(ctx, "stat", ufs.CheckPath, path); err != nil {
		return ufs.Info{}, err
	}
	defer f.mu.Unlock()
	n, err := f.at("stat", path)
	if err != nil {
		return ufs.Info{}, err
	}
	return n.info, nil
}

// List implements ufs.UFS, on a copy of the directory.
func (f *FS) List(ctx context.Context, dir string, opts ufs.ListOptions) iter.Seq2[ufs.Info, error] {
	return func(yield func(ufs.Info, error) bool) {
		infos, err := f.list(ctx, dir, opts)
		for _, info := range infos {
			if !yield(info, ctx.Err()) || ctx.Err() != nil {
				return
			}
		}
		if err != nil {
			yield(ufs.Info{}, err)
		}
	}
}

func (f *FS) list(ctx context.Context, dir string, opts ufs.ListOptions) (infos []ufs.Info, err error) {
	if err := f.begin(ctx, "list", ufs.CheckPath, dir); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	n, err := f.at("list", dir)
	if err != nil {
		return nil, err
	}
	if !n.info.Dir {
		return nil, fail("list", dir, errors.Invalid, "not a directory")
	}
	for _, path := range f.below(dir) {
		info := f.mu.nodes[path].info
		rel := strings.TrimPrefix(info.ListKey()[len(dir):], "/")
		if rel > opts.StartAfter && (opts.Recursive || !strings.Contains(strings.TrimSuffix(rel, "/"), "/")) {
			infos = append(infos, info)
		}
	}
	return infos, nil
}

// Open implements ufs.UFS. The version opened is read, whatever happens to the
// file.
func (f *FS) Open(ctx context.Context, path string, opts ufs.OpenOptions) (io.ReadCloser, error) {
	const op = "open"
	if err := f.begin(ctx, op, ufs.CheckPath, path); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	n, err := f.at(op, path)
	switch {
	case err != nil:
		return nil, err
	case n.info.Dir:
		return nil, fail(op, path, errors.Invalid, "it is a directory")
	case opts.Fingerprint != "" && opts.Fingerprint != n.info.Fingerprint:
		return nil, fail(op, path, errors.Aborted, "the file has changed")
	case opts.Offset < 0:
		return nil, fail(op, path, errors.Invalid, "the offset is negative")
	case opts.Offset > n.info.Size:
		return nil, fail(op, path, errors.OutOfRange, "the offset is past the end")
	}
	data := n.data[opts.Offset:]
	if opts.Length >= 0 {
		data = data[:min(opts.Length, int64(len(data)))]
	}
	return io.NopCloser(&ctxReader{ctx, bytes.NewReader(data)}), nil
}

// Create implements ufs.UFS.
func (f *FS) Create(ctx context.Context, path string, opts ufs.CreateOptions) (ufs.Writer, error) {
	const op = "create"
	if err := f.begin(ctx, op, ufs.CheckFile, path); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	if n, ok := f.mu.nodes[path]; ok && (n.info.Dir || opts.Exclusive) {
		return nil, fail(op, path, errors.Exists, "something is there already")
	}
	if err := f.parents(op, path); err != nil {
		return nil, err
	}
	return &writer{f: f, ctx: ctx, path: path, opts: opts}, nil
}

// parents makes the missing parents of path; the lock is held.
func (f *FS) parents(op, path string) error {
	dir, _ := ufs.Split(path)
	if n, ok := f.mu.nodes[dir]; ok {
		if !n.info.Dir {
			return fail(op, path, errors.FailedPrecondition, "a parent is a file")
		}
		return nil
	}
	if err := f.parents(op, dir); err != nil {
		return err
	}
	f.mu.nodes[dir] = &node{info: ufs.Info{Path: dir, Dir: true, ModTime: time.Now(), Mode: 0o755}}
	return nil
}

type writer struct {
	f     *FS
	ctx   context.Context
	path  string
	opts  ufs.CreateOptions
	data  []byte
	ended bool
}

func (w *writer) Write(p []byte) (int, error) {
	if w.ended {
		return 0, fail("write", w.path, errors.FailedPrecondition, "the writer has ended")
	}
	if err := w.ctx.Err(); err != nil {
		return 0, errors.E("write", w.path, errors.Other, err)
	}
	w.data = append(w.data, p...)
	return len(p), nil
}

func (w *writer) Commit(ctx context.Context) (ufs.Info, error) {
	const op = "commit"
	if w.ended {
		return ufs.Info{}, fail(op, w.path, errors.FailedPrecondition, "the writer has ended")
	}
	w.ended = true
	if err := w.ctx.Err(); err != nil {
		return ufs.Info{}, errors.E(op, w.path, errors.Other, err)
	}
	if err := w.f.begin(ctx, op, ufs.CheckFile, w.path); err != nil {
		return ufs.Info{}, err
	}
	defer w.f.mu.Unlock()
	if n, ok := w.f.mu.nodes[w.path]; ok && (n.info.Dir || w.opts.Exclusive) {
		return ufs.Info{}, fail(op, w.path, errors.Exists, "something is there already")
	}
	if err := w.f.parents(op, w.path); err != nil {
		return ufs.Info{}, err
	}
	w.f.mu.version++
	n := &node{data: w.data, info: ufs.Info{
		Path: w.path, Size: int64(len(w.data)), ModTime: time.Now(), Fingerprint: fmt.Sprintf("v%d", w.f.mu.version),
		Owner: w.opts.Owner, Group: w.opts.Group, Mode: w.opts.Mode,
	}}
	w.f.mu.nodes[w.path] = n
	return n.info, nil
}

func (w *writer) Abort(context.Context) error {
	w.ended = true
	w.data = nil
	return nil
}

// Delete implements ufs.UFS.
func (f *FS) Delete(ctx context.Context, path string) error {
	const op = "delete"
	if err := f.begin(ctx, op, ufs.CheckFile, path); err != nil {
		return err
	}
	defer f.mu.Unlock()
	if _, err := f.at(op, path); err != nil {
		return err
	}
	if len(f.below(path)) > 0 {
		return fail(op, path, errors.NotEmpty, "the directory is not empty")
	}
	delete(f.mu.nodes, path)
	return nil
}

// Mkdir implements ufs.UFS.
func (f *FS) Mkdir(ctx context.Context, path string, opts ufs.MkdirOptions) error {
	const op = "mkdir"
	if err := f.begin(ctx, op, ufs.CheckPath, path); err != nil {
		return err
	}
	defer f.mu.Unlock()
	if _, ok := f.mu.nodes[path]; ok {
		return fail(op, path, errors.Exists, "something is there already")
	}
	if dir, _ := ufs.Split(path); !opts.Parents {
		if _, err := f.at(op, dir); err != nil {
			return err
		}
	}
	if err := f.parents(op, path); err != nil {
		return err
	}
	f.mu.nodes[path] = &node{info: ufs.Info{Path: path, Dir: true, ModTime: time.Now(), Owner: opts.Owner, Group: opts.Group, Mode: opts.Mode}}
	return nil
}

// Rename implements ufs.UFS.
func (f *FS) Rename(ctx context.Context, src, dst string) error {
	const op = "rename"
	if err := f.begin(ctx, op, ufs.CheckFile, src, dst); err != nil {
		return err
	}
	defer f.mu.Unlock()
	n, err := f.at(op, src)
	if err != nil {
		return err
	}
	if n.info.Dir {
		return fail(op, src, errors.Unsupported, "it is a directory; RenameDir moves those")
	}
	if old, ok := f.mu.nodes[dst]; ok && old.info.Dir {
		return fail(op, dst, errors.Exists, "a directory is there already")
	}
	return f.move(op, src, dst)
}

// move moves one node; the lock is held.
func (f *FS) move(op, src, dst string) error {
	dir, _ := ufs.Split(dst)
	parent, err := f.at(op, dir)
	if err != nil {
		return err
	}
	if !parent.info.Dir {
		return fail(op, dst, errors.FailedPrecondition, "the parent is a file")
	}
	n := *f.mu.nodes[src]
	n.info.Path = dst
	delete(f.mu.nodes, src)
	f.mu.nodes[dst] = &n
	return nil
}

// RenameDir implements ufs.DirRenamer.
func (f *FS) RenameDir(ctx context.Context, src, dst string) error {
	const op = "rename directory"
	if err := f.begin(ctx, op, ufs.CheckFile, src, dst); err != nil {
		return err
	}
	defer f.mu.Unlock()
	n, err := f.at(op, src)
	switch {
	case err != nil:
		return err
	case !n.info.Dir:
		return fail(op, src, errors.Invalid, "not a directory")
	case src == dst || strings.HasPrefix(dst, src+"/"):
		return fail(op, src, errors.Invalid, "a directory cannot be moved into itself")
	case f.mu.nodes[dst] != nil:
		return fail(op, dst, errors.Exists, "something is there already")
	}
	inside := f.below(src)
	if err := f.move(op, src, dst); err != nil {
		return err
	}
	for _, path := range inside { // parents come before what is in them
		if err := f.move(op, path, dst+path[len(src):]); err != nil {
			return err
		}
	}
	return nil
}

// DeleteFiles implements ufs.BatchDeleter.
func (f *FS) DeleteFiles(ctx context.Context, paths []string) []error {
	const op = "delete"
	errs := make([]error, len(paths))
	for i, path := range paths {
		if errs[i] = f.begin(ctx, op, ufs.CheckFile, path); errs[i] != nil {
			continue
		}
		if n := f.mu.nodes[path]; n != nil && n.info.Dir {
			errs[i] = fail(op, path, errors.Invalid, "it is a directory")
		} else {
			delete(f.mu.nodes, path)
		}
		f.mu.Unlock()
	}
	return errs
}

// DeleteDir implements ufs.DirDeleter.
func (f *FS) DeleteDir(ctx context.Context, path string) error {
	const op = "delete directory"
	if err := f.begin(ctx, op, ufs.CheckFile, path); err != nil {
		return err
	}
	defer f.mu.Unlock()
	if n := f.mu.nodes[path]; n != nil && !n.info.Dir {
		return fail(op, path, errors.Invalid, "not a directory")
	}
	maps.DeleteFunc(f.mu.nodes, func(p string, _ *node) bool { return p == path || strings.HasPrefix(p, path+"/") })
	return nil
}

// SetAttr implements ufs.AttrSetter.
func (f *FS) SetAttr(ctx context.Context, path, owner, group string, mode *uint32) error {
	const op = "set attributes"
	if err := f.begin(ctx, op, ufs.CheckPath, path); err != nil {
		return err
	}
	defer f.mu.Unlock()
	n, err := f.at(op, path)
	if err != nil {
		return err
	}
	if owner != "" {
		n.info.Owner = owner
	}
	if group != "" {
		n.info.Group = group
	}
	if mode != nil {
		n.info.Mode = *mode
	}
	return nil
}

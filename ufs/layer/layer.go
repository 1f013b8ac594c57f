// Package layer is what the wrappers of under file systems are made of: it
// carries every operation and capability through one function.
package layer

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
)

// Op names an operation.
type Op string

// The operations. Read and Write are those of an open file; the layers see
// them by Reader and Writer, not by Do.
const (
	Stat        Op = "stat"
	List        Op = "list"
	Open        Op = "open"
	Create      Op = "create"
	Commit      Op = "commit"
	Abort       Op = "abort"
	Delete      Op = "delete"
	Mkdir       Op = "mkdir"
	Rename      Op = "rename"
	DeleteFiles Op = "delete_files"
	DeleteDir   Op = "delete_dir"
	RenameDir   Op = "rename_dir"
	SetAttr     Op = "set_attr"
	Space       Op = "space"
	Sweep       Op = "sweep"
	Read        Op = "read"
	Write       Op = "write"
)

// Call is an operation on its way.
type Call struct {
	Op   Op
	Path string // "" for the root, and for DeleteFiles
	Dst  string // of Rename and RenameDir
	Open ufs.OpenOptions
	List ufs.ListOptions
}

// Layer sees what passes between a caller and the UFS below it. Pass is one
// that lets everything through, to be embedded.
type Layer interface {
	// Do runs an operation: call asks the UFS below, and may be run any number
	// of times. DeleteFiles gives the first error of its paths.
	Do(ctx context.Context, c Call, call func(context.Context) error) error
	// Entries stands between a listing and its consumer.
	Entries(ctx context.Context, c Call, list func(ufs.ListOptions) iter.Seq2[ufs.Info, error]) iter.Seq2[ufs.Info, error]
	// Reader and Writer stand between an open file and its user. Commit and
	// Abort of the Writer pass through Do, too.
	Reader(ctx context.Context, c Call, r io.ReadCloser) io.ReadCloser
	Writer(ctx context.Context, c Call, w ufs.Writer) ufs.Writer
}

// Pass is a Layer without effect.
type Pass struct{}

// Do runs call.
func (Pass) Do(ctx context.Context, _ Call, call func(context.Context) error) error { return call(ctx) }

// Entries returns the listing.
func (Pass) Entries(_ context.Context, c Call, list func(ufs.ListOptions) iter.Seq2[ufs.Info, error]) iter.Seq2[ufs.Info, error] {
	return list(c.List)
}

// Reader returns r.
func (Pass) Reader(_ context.Context, _ Call, r io.ReadCloser) io.ReadCloser { return r }

// Writer returns w.
func (Pass) Writer(_ context.Context, _ Call, w ufs.Writer) ufs.Writer { return w }

// UFS is a UFS behind a layer. It has every capability that the UFS below has;
// see ufs.As.
type UFS struct {
	below ufs.UFS
	layer Layer
}

// New returns u behind l.
func New(u ufs.UFS, l Layer) *UFS { return &UFS{below: u, layer: l} }

// Unwrap returns the UFS below.
func (u *UFS) Unwrap() ufs.UFS { return u.below }

// URI returns that of the UFS below.
func (u *UFS) URI() string { return u.below.URI() }

// Close closes the UFS below.
func (u *UFS) Close() error { return u.below.Close() }

// Stat implements ufs.UFS.
func (u *UFS) Stat(ctx context.Context, path string) (info ufs.Info, err error) {
	err = u.layer.Do(ctx, Call{Op: Stat, Path: path}, func(ctx context.Context) (err error) {
		info, err = u.below.Stat(ctx, path)
		return err
	})
	return info, err
}

// List implements ufs.UFS.
func (u *UFS) List(ctx context.Context, dir string, opts ufs.ListOptions) iter.Seq2[ufs.Info, error] {
	return u.layer.Entries(ctx, Call{Op: List, Path: dir, List: opts}, func(opts ufs.ListOptions) iter.Seq2[ufs.Info, error] {
		return u.below.List(ctx, dir, opts)
	})
}

// Open implements ufs.UFS.
func (u *UFS) Open(ctx context.Context, path string, opts ufs.OpenOptions) (r io.ReadCloser, err error) {
	c := Call{Op: Open, Path: path, Open: opts}
	err = u.layer.Do(ctx, c, func(ctx context.Context) (err error) {
		r, err = u.below.Open(ctx, path, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return u.layer.Reader(ctx, c, r), nil
}

// Create implements ufs.UFS.
func (u *UFS) Create(ctx context.Context, path string, opts ufs.CreateOptions) (ufs.Writer, error) {
	c := Call{Op: Create, Path: path}
	var w ufs.Writer
	err := u.layer.Do(ctx, c, func(ctx context.Context) (err error) {
		w, err = u.below.Create(ctx, path, opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &writer{Writer: u.layer.Writer(ctx, c, w), u: u, path: path}, nil
}

type writer struct {
	ufs.Writer
	u    *UFS
	path string
}

func (w *writer) Commit(ctx context.Context) (info ufs.Info, err error) {
	err = w.u.layer.Do(ctx, Call{Op: Commit, Path: w.path}, func(ctx context.Context) (err error) {
		info, err = w.Writer.Commit(ctx)
		return err
	})
	return info, err
}

func (w *writer) Abort(ctx context.Context) error {
	return w.u.layer.Do(ctx, Call{Op: Abort, Path: w.path}, w.Writer.Abort)
}

// Delete implements ufs.UFS.
func (u *UFS) Delete(ctx context.Context, path string) error {
	return u.layer.Do(ctx, Call{Op: Delete, Path: path}, func(ctx context.Context) error { return u.below.Delete(ctx, path) })
}

// Mkdir implements ufs.UFS.
func (u *UFS) Mkdir(ctx context.Context, path string, opts ufs.MkdirOptions) error {
	return u.layer.Do(ctx, Call{Op: Mkdir, Path: path}, func(ctx context.Context) error { return u.below.Mkdir(ctx, path, opts) })
}

// Rename implements ufs.UFS.
func (u *UFS) Rename(ctx context.Context, src, dst string) error {
	return u.layer.Do(ctx, Call{Op: Rename, Path: src, Dst: dst}, func(ctx context.Context) error { return u.below.Rename(ctx, src, dst) })
}

// DeleteFiles implements ufs.BatchDeleter.
func (u *UFS) DeleteFiles(ctx context.Context, paths []string) (errs []error) {
	d, ok := ufs.As[ufs.BatchDeleter](u.below)
	err := u.layer.Do(ctx, Call{Op: DeleteFiles}, func(ctx context.Context) error {
		if !ok {
			return unsupported(DeleteFiles)
		}
		errs = d.DeleteFiles(ctx, paths)
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && len(errs) != len(paths) { // the UFS was not asked
		errs = make([]error, len(paths))
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

// DeleteDir implements ufs.DirDeleter.
func (u *UFS) DeleteDir(ctx context.Context, path string) error {
	d, ok := ufs.As[ufs.DirDeleter](u.below)
	return u.layer.Do(ctx, Call{Op: DeleteDir, Path: path}, func(ctx context.Context) error {
		if !ok {
			return unsupported(DeleteDir)
		}
		return d.DeleteDir(ctx, path)
	})
}

// RenameDir implements ufs.DirRenamer.
func (u *UFS) RenameDir(ctx context.Context, src, dst string) error {
	d, ok := ufs.As[ufs.DirRenamer](u.below)
	return u.layer.Do(ctx, Call{Op: RenameDir, Path: src, Dst: dst}, func(ctx context.Context) error {
		if !ok {
			return unsupported(RenameDir)
		}
		return d.RenameDir(ctx, src, dst)
	})
}

// SetAttr implements ufs.AttrSetter.
func (u *UFS) SetAttr(ctx context.Context, path, owner, group string, mode *uint32) error {
	a, ok := ufs.As[ufs.AttrSetter](u.below)
	return u.layer.Do(ctx, Call{Op: SetAttr, Path: path}, func(ctx context.Context) error {
		if !ok {
			return unsupported(SetAttr)
		}
		return a.SetAttr(ctx, path, owner, group, mode)
	})
}

// Space implements ufs.SpaceReporter.
func (u *UFS) Space(ctx context.Context) (total, used int64, err error) {
	s, ok := ufs.As[ufs.SpaceReporter](u.below)
	err = u.layer.Do(ctx, Call{Op: Space}, func(ctx context.Context) (err error) {
		if !ok {
			return unsupported(Space)
		}
		total, used, err = s.Space(ctx)
		return err
	})
	return total, used, err
}

// Sweep implements ufs.Sweeper.
func (u *UFS) Sweep(ctx context.Context, olderThan time.Duration) (removed int, err error) {
	s, ok := ufs.As[ufs.Sweeper](u.below)
	err = u.layer.Do(ctx, Call{Op: Sweep}, func(ctx context.Context) (err error) {
		if !ok {
			return unsupported(Sweep)
		}
		n, err := s.Sweep(ctx, olderThan)
		removed += n
		return err
	})
	return removed, err
}

func unsupported(op Op) error {
	return errors.E(string(op), "", errors.Unsupported, nil)
}

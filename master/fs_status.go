package master

import (
	"context"
	"strings"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
)

// StatusOptions are those of GetStatus and Exists.
type StatusOptions struct {
	CommonOptions
	Load LoadMetadata
	// Access is what the caller is about to do with the file; it raises the
	// access time.
	Access uint8
}

// GetStatus describes the file or directory at a clean path.
func (t *term) GetStatus(ctx context.Context, c Caller, path string, o StatusOptions) (FileInfo, error) {
	n, err := t.status(ctx, c, path, o)
	if err != nil {
		return FileInfo{}, err
	}
	in := n.last()
	if access(o.Access)&(read|write) != 0 {
		if err := t.check(c, &n, access(o.Access)); err != nil {
			return FileInfo{}, err
		}
	}
	fi := t.info(path, in)
	if access(o.Access)&(read|write) != 0 {
		if t.mayBeIncomplete(&fi) {
			return FileInfo{}, errSafeMode
		}
		t.access.note(in, t.nowMS())
	}
	return fi, nil
}

func (t *term) status(ctx context.Context, c Caller, path string, o StatusOptions) (node, error) {
	n := t.look(path)
	if err := t.checkTraverse(c, &n); err != nil {
		return n, err
	}
	if err := t.refresh(ctx, path, o.CommonOptions, o.Load, depthNone); err != nil {
		return n, err
	}
	n, err := t.mustLook(path)
	if err != nil {
		return n, err
	}
	return n, t.checkTraverse(c, &n)
}

// Exists reports whether there is a file or directory at the path.
func (t *term) Exists(ctx context.Context, c Caller, path string, o StatusOptions) (bool, error) {
	_, err := t.status(ctx, c, path, o)
	if errors.Is(err, errors.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// GetFileInfo describes the file or directory with the id.
func (t *term) GetFileInfo(c Caller, id blockid.FileID) (FileInfo, error) {
	path, in, ok := t.pathOf(id)
	if !ok {
		return FileInfo{}, errors.Errorf(errors.NotFound, "File id %d does not exist.", id)
	}
	n := t.look(path)
	if err := t.checkTraverse(c, &n); err != nil {
		return FileInfo{}, err
	}
	return t.info(path, in), nil
}

// ListOptions are those of ListStatus.
type ListOptions struct {
	CommonOptions
	Load      LoadMetadata
	Recursive bool
	LoadOnly  bool // load metadata and list nothing
}

// ListStatus gives the entries of a directory, or the file itself, to emit in
// batches; recursively, parents come before their children. Directories below
// that the caller may not read are passed over.
func (t *term) ListStatus(ctx context.Context, c Caller, path string, o ListOptions, emit func([]FileInfo) error) error {
	l := lister{t: t, c: c, o: o, root: path, emit: emit}
	n, err := l.open(ctx, path)
	if err != nil {
		return err
	}
	if !n.isDir() {
		if o.LoadOnly {
			return nil
		}
		return emit([]FileInfo{t.info(path, n.last())})
	}
	if err := l.dir(ctx, path, n.last().ID, ""); err != nil {
		return err
	}
	return l.flush()
}

// lister walks directories for ListStatus and ListStatusPartial.
type lister struct {
	t     *term
	c     Caller
	o     ListOptions
	batch []FileInfo
	emit  func([]FileInfo) error
	keep  func(rel string) bool // nil keeps everything
	root  string                // what keep's paths are relative to
}

// open loads a path and permits its listing.
func (l *lister) open(ctx context.Context, path string) (node, error) {
	t := l.t
	n := t.look(path)
	if err := t.checkTraverse(l.c, &n); err != nil {
		return n, err
	}
	d := depthOne
	if l.o.Recursive && (l.o.SyncIntervalMS >= 0 || l.o.LoadOnly) {
		d = depthAll
	}
	if err := t.refresh(ctx, path, l.o.CommonOptions, l.o.Load, d); err != nil {
		return n, err
	}
	n, err := t.mustLook(path)
	if err != nil {
		return n, err
	}
	want := read | execute
	if !n.isDir() {
		want = 0
	}
	return n, t.check(l.c, &n, want)
}

// dir lists the entries of a directory after the relative path after.
func (l *lister) dir(ctx context.Context, dir string, id blockid.FileID, after string) error {
	name, rest, _ := strings.Cut(after, "/")
	if name != "" && l.o.Recursive {
		if in, ok := l.t.child(id, name); ok && in.IsDir() {
			if err := l.subdir(ctx, fspath.Join(dir, name), rest); err != nil {
				return err
			}
		}
	}
	for {
		batch := l.t.children(id, name, l.t.set.loadBatch)
		for _, in := range batch {
			if err := l.entry(ctx, dir, in); err != nil {
				return err
			}
			name = in.Name
		}
		if len(batch) < l.t.set.loadBatch {
			return nil
		}
	}
}

func (l *lister) entry(ctx context.Context, dir string, in inode.Inode) error {
	if err := ctx.Err(); err != nil {
		return errors.E("", dir, errors.Other, err)
	}
	path := fspath.Join(dir, in.Name)
	if rel, _ := fspath.Rel(l.root, path); !l.o.LoadOnly && (l.keep == nil || l.keep(rel)) {
		l.batch = append(l.batch, l.t.info(path, in))
		if len(l.batch) >= l.t.set.listBatch {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
	if !l.o.Recursive || !in.IsDir() {
		return nil
	}
	return l.subdir(ctx, path, "")
}

// subdir lists a directory below the one asked for; one that the caller may not
// read, or that is gone meanwhile, is passed over.
func (l *lister) subdir(ctx context.Context, path, after string) error {
	sub := *l
	if l.o.SyncIntervalMS >= 0 { // done for the whole subtree already
		sub.o.CommonOptions.SyncIntervalMS, sub.o.Load = NeverSync, LoadNever
	}
	n, err := sub.open(ctx, path)
	if errors.Is(err, errors.Permission) || errors.Is(err, errors.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.dir(ctx, path, n.last().ID, after)
}

func (l *lister) flush() error {
	if len(l.batch) == 0 {
		return nil
	}
	batch := l.batch
	l.batch = nil
	return l.emit(batch)
}

// PartialOptions are those of ListStatusPartial. At most one of OffsetID,
// StartAfter and OffsetCount is set.
type PartialOptions struct {
	ListOptions
	OffsetID    blockid.FileID // 0: none
	StartAfter  string         // relative to the directory
	OffsetCount int
	BatchSize   int // at most so many entries; 0: all
	Prefix      string
}

// PartialList is a part of a listing.
type PartialList struct {
	Infos     []FileInfo
	Truncated bool  // more follows
	Count     int64 // entries of the directory, -1 when recursive, 1 for a file
}

// errEnough ends a partial listing.
var errEnough = errors.Errorf(errors.Other, "enough")

// ListStatusPartial gives a part of what ListStatus gives, in order of names.
func (t *term) ListStatusPartial(ctx context.Context, c Caller, path string, o PartialOptions) (PartialList, error) {
	var out PartialList
	after, err := t.partialStart(path, o)
	if err != nil {
		return out, err
	}
	skip := o.OffsetCount
	l := lister{t: t, c: c, o: o.ListOptions, root: path}
	l.keep = func(rel string) bool {
		if !strings.HasPrefix(rel, o.Prefix) {
			return false
		}
		skip--
		return skip < 0
	}
	l.emit = func(infos []FileInfo) error {
		out.Infos = append(out.Infos, infos...)
		if o.BatchSize > 0 && len(out.Infos) > o.BatchSize {
			out.Infos, out.Truncated = out.Infos[:o.BatchSize], true
			return errEnough
		}
		return nil
	}
	n, err := l.open(ctx, path)
	if err != nil {
		return out, err
	}
	in := n.last()
	if !in.IsDir() {
		return PartialList{Infos: []FileInfo{t.info(path, in)}, Count: 1}, nil
	}
	if out.Count = int64(in.ChildCount); o.Recursive {
		out.Count = -1
	}
	err = l.dir(ctx, path, in.ID, after)
	if err == nil {
		err = l.flush()
	}
	if err != nil && err != errEnough {
		return out, err
	}
	return out, nil
}

// partialStart is the relative path after which a partial listing begins.
func (t *term) partialStart(path string, o PartialOptions) (string, error) {
	if o.OffsetID == 0 {
		return strings.Trim(o.StartAfter, "/"), nil
	}
	at, _, ok := t.pathOf(o.OffsetID)
	rel, below := fspath.Rel(path, at)
	if !ok || !below {
		return "", errors.Errorf(errors.NotFound, "The listing of %s cannot go on after file id %d: it does not exist there any more.", path, o.OffsetID)
	}
	return rel, nil
}

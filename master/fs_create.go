package master

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// CreateOptions are those of CreateFile and CreateDirectory.
type CreateOptions struct {
	CommonOptions
	Recursive bool
	Mode      *uint16 // nil: the default after the umask
	WriteType WriteType
	XAttr     map[string][]byte
	XAttrAll  bool // directories made on the way get the XAttr too

	// Directories.
	AllowExists bool

	// Files.
	BlockSize     int64
	Replication   inode.Replication
	PersistWaitMS int64 // negative: never by itself
	Overwrite     bool
}

// CreateFile makes an incomplete file.
func (t *term) CreateFile(ctx context.Context, c Caller, path string, o CreateOptions) (FileInfo, error) {
	if o.BlockSize < 1 {
		return FileInfo{}, errors.Errorf(errors.Invalid, "Invalid block size %d for %s: it must be at least 1.", o.BlockSize, path)
	}
	if r := o.Replication; r.Min < 0 || r.Max >= 0 && r.Max < r.Min {
		return FileInfo{}, errors.Errorf(errors.Invalid, "Invalid replication for %s: minimum %d, maximum %d.", path, r.Min, r.Max)
	}
	n, err := t.create(ctx, c, path, o, inode.KindFile)
	if err != nil {
		return FileInfo{}, err
	}
	t.metrics.ops.WithLabelValues("FilesCreated").Inc()
	return t.info(path, n.last()), nil
}

// CreateDirectory makes a directory.
func (t *term) CreateDirectory(ctx context.Context, c Caller, path string, o CreateOptions) error {
	_, err := t.create(ctx, c, path, o, inode.KindDirectory)
	if err == nil {
		t.metrics.ops.WithLabelValues("DirectoriesCreated").Inc()
	}
	return err
}

func (t *term) create(ctx context.Context, c Caller, path string, o CreateOptions, kind inode.Kind) (node, error) {
	if path == fspath.Root {
		return node{}, errors.Errorf(errors.Exists, "Not allowed to create existing root path: /")
	}
	n := t.look(path)
	if err := t.checkTraverse(c, &n); err != nil {
		return n, err
	}
	if err := t.refreshNew(ctx, path, o.CommonOptions); err != nil {
		return n, err
	}
	h, n, err := t.latchNew(ctx, path)
	if err != nil {
		return n, err
	}
	defer h.release()
	if t.repeated(o.op) {
		return t.mustLook(path)
	}
	if n.exists() && o.Overwrite && kind == inode.KindFile && !n.isDir() {
		if err := t.deleteLatched(ctx, c, &n, DeleteOptions{}); err != nil {
			return n, err
		}
		n = t.look(path)
	}
	if done, err := checkNew(&n, o, kind); done || err != nil {
		return n, err
	}
	if err := t.checkParent(c, &n); err != nil {
		return n, err
	}
	if err := t.checkWritable(path); err != nil {
		return n, err
	}
	if o.WriteType.persists() {
		if err := t.checkMaintained(t.locate(path)); err != nil {
			return n, err
		}
	}
	changes, err := t.newInodes(c, &n, o, kind)
	if err != nil {
		return n, err
	}
	if err := t.propose(o.op, changes...); err != nil {
		return n, err
	}
	t.absent.remove(path)
	return t.look(path), nil
}

// refreshNew looks in the UFS for a path that is about to be created, unless
// its directory's entries are known already.
func (t *term) refreshNew(ctx context.Context, path string, o CommonOptions) error {
	if n := t.look(path); o.SyncIntervalMS < 0 && (n.exists() || n.last().ChildrenLoaded) {
		return nil
	}
	return t.refresh(ctx, path, o, LoadOnce, depthNone)
}

// latchNew latches a path that may not exist, so that it and the missing
// directories above it are the caller's alone.
func (t *term) latchNew(ctx context.Context, path string) (*held, node, error) {
	for {
		n := t.look(path)
		depth := len(n.found)
		top := path
		if len(n.missing) > 1 {
			top = fspath.Join(pathAbove(&n), n.missing[0])
		}
		h, err := t.latches.exclusive(ctx, top)
		if err != nil {
			return nil, n, err
		}
		if n = t.look(path); len(n.found) >= depth {
			return h, n, nil
		}
		h.release() // a directory above went away meanwhile
	}
}

// checkNew says whether an inode can be created, or (done) need not be.
func checkNew(n *node, o CreateOptions, kind inode.Kind) (done bool, err error) {
	last := n.last()
	switch {
	case n.exists() && kind == inode.KindFile:
		return false, errors.Errorf(errors.Exists, "%s already exists. If you want to overwrite the file, you need to specify the overwrite option.", n.path)
	case n.exists() && o.AllowExists && last.IsDir():
		return true, nil
	case n.exists():
		return false, errors.Errorf(errors.Exists, "Not allowed to create directory because path already exists: %s", n.path)
	case !last.IsDir():
		return false, errors.Errorf(errors.Invalid, "Could not traverse to parent directory of path %s. Component %s is not a directory.", n.path, last.Name)
	case len(n.missing) > 1 && !o.Recursive:
		return false, notExist(fspath.Parent(n.path))
	}
	return false, nil
}

// checkWritable refuses changes below read-only mounts, and of what the master
// keeps for itself.
func (t *term) checkWritable(path string) error {
	loc := t.locate(path)
	if hidden(loc.Rel) {
		return errors.Errorf(errors.Invalid, "%s cannot be used: the name %s is reserved.", path, persistDir)
	}
	if loc.ReadOnly {
		return errors.Errorf(errors.Permission, "A write operation on %s under a readonly mount point %s is not allowed", path, loc.Path)
	}
	return nil
}

// newInodes makes the missing directories in the UFS, if the write type says
// so, and returns the changes that create everything in the tree.
func (t *term) newInodes(c Caller, n *node, o CreateOptions, kind inode.Kind) ([]*journalpb.Change, error) {
	chain := append([]inode.Inode(nil), n.found...)
	existing := len(chain)
	for i, name := range n.missing {
		k := inode.KindDirectory
		leaf := i == len(n.missing)-1
		if leaf {
			k = kind
		}
		chain = append(chain, t.newChild(c, chain[len(chain)-1], name, k, o, leaf))
	}
	persisted := chain
	if o.WriteType.through() {
		dirs := chain
		if kind == inode.KindFile {
			dirs = chain[:len(chain)-1]
		}
		made, err := t.persistDirs(t.detached(), n.path, dirs)
		if err != nil {
			return nil, err
		}
		persisted = append(made, chain[len(dirs):]...)
	}
	var changes []*journalpb.Change
	for i, in := range persisted {
		if i < existing {
			changes = append(changes, updateChange(chain[i], in))
		} else {
			changes = append(changes, createChange(in))
		}
	}
	return changes, nil
}

func (t *term) newChild(c Caller, parent inode.Inode, name string, kind inode.Kind, o CreateOptions, leaf bool) inode.Inode {
	in := newInode(kind)
	in.ID, in.Parent, in.Name = t.allocate(), parent.ID, name
	in.CreatedMS = t.nowMS()
	in.ModifiedMS, in.AccessedMS = in.CreatedMS, in.CreatedMS
	in.Owner, in.Group = c.User, t.groups.primary(c.User)
	if in.Owner == "" && t.set.inheritOwner {
		in.Owner = parent.Owner
	}
	if in.Group == "" && t.set.inheritOwner {
		in.Group = parent.Group
	}
	in.Pinned, in.PinnedMedia = parent.Pinned, parent.PinnedMedia
	in.Mode = 0o777 &^ t.set.umask
	if kind == inode.KindFile {
		in.Mode = 0o666 &^ t.set.umask
	}
	if leaf && o.Mode != nil {
		in.Mode = *o.Mode
	}
	if leaf {
		in.TTL = o.TTL
	}
	if leaf || o.XAttrAll {
		in.XAttr = o.XAttr
	}
	inheritACL(&in, parent)
	if kind == inode.KindFile {
		in.BlockSize, in.Replication = o.BlockSize, o.Replication
		in.Persistence = t.initialPersistence(o)
	}
	return in
}

func (t *term) initialPersistence(o CreateOptions) inode.Persistence {
	switch {
	case o.WriteType.through():
		return inode.Persisted
	case o.WriteType == AsyncThrough && o.PersistWaitMS >= 0:
		return inode.ToBePersisted
	}
	return inode.NotPersisted
}

// persistDirs makes sure that the directories, a path from the root downwards
// of which path is the end or an entry in it, exist in the UFS, and returns
// them as persisted. The caller holds latches and proposes the difference.
func (t *term) persistDirs(ctx context.Context, path string, dirs []inode.Inode) ([]inode.Inode, error) {
	out := append([]inode.Inode(nil), dirs...)
	components := fspath.Components(path)
	for i := range out {
		in := &out[i]
		if in.Persistence == inode.Persisted {
			continue
		}
		at := fspath.Root
		for _, name := range components[:i] {
			at = fspath.Join(at, name)
		}
		if err := t.persistDir(ctx, at, in); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *term) persistDir(ctx context.Context, path string, in *inode.Inode) error {
	loc := t.locate(path)
	u, err := t.writing(ctx, loc)
	if err != nil {
		return err
	}
	err = u.Mkdir(ctx, loc.Rel, ufs.MkdirOptions{Parents: true, Owner: in.Owner, Group: in.Group, Mode: uint32(in.Mode)})
	if errors.Is(err, errors.Exists) {
		info, err := u.Stat(ctx, loc.Rel)
		if err != nil {
			return err
		}
		if !info.Dir {
			return errors.Errorf(errors.Invalid, "%s cannot be a directory: its under file system has a file at %s.", path, loc.UFSURI())
		}
	} else if err != nil {
		return err
	} else {
		in.ChildrenLoaded = true
	}
	in.Persistence = inode.Persisted
	return nil
}

package master

import (
	"context"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/journalpb"
	"github.com/alluxio-go/alluxio/ufs"
)

// MountOptions are those of Mount and UpdateMount.
type MountOptions struct {
	CommonOptions
	ReadOnly   bool
	Shared     bool
	Properties map[string]string // with credentials
}

// Mount makes a directory of a UFS visible at a path that does not exist yet.
func (t *term) Mount(ctx context.Context, c Caller, path, uri string, o MountOptions) error {
	uri, err := mount.NormalizeURI(uri)
	if err != nil {
		return err
	}
	n := t.look(path)
	if err := t.checkTraverse(c, &n); err != nil {
		return err
	}
	if err := t.refresh(ctx, fspath.Parent(path), o.CommonOptions, LoadOnce, depthNone); err != nil {
		return err
	}
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	n = t.look(path)
	p := mount.Point{ID: mount.ID(t.nextMount.Add(1) - 1), Path: path, UFS: uri, ReadOnly: o.ReadOnly, Shared: o.Shared, Options: o.Properties}
	if err := t.checkMount(ctx, c, &n, p); err != nil {
		return err
	}
	u, info, err := t.openMount(ctx, p)
	if err != nil {
		return err
	}
	in := t.mountInode(c, &n, p, info)
	err = t.propose(opID{}, &journalpb.Change{Change: &journalpb.Change_Mount{Mount: mountMessage(p)}}, createChange(in))
	if err != nil {
		t.stores.close(u)
		return err
	}
	t.stores.put(p.ID, u)
	t.absent.remove(path)
	t.syncs.forget(path)
	t.metrics.ops.WithLabelValues("PathsMounted").Inc()
	return nil
}

// checkMount checks a new mount point against the namespace, the mount table
// and the UFS above.
func (t *term) checkMount(ctx context.Context, c Caller, n *node, p mount.Point) error {
	switch last := n.last(); {
	case n.exists():
		return errors.Errorf(errors.Invalid, "Mount point target path %s already exists in Alluxio namespace. Try mounting to another path.", p.Path)
	case len(n.missing) > 1:
		return errors.Errorf(errors.Invalid, "Mount point target path %s has no parent directory: create %s first.", p.Path, fspath.Parent(p.Path))
	case !last.IsDir():
		return errors.Errorf(errors.Invalid, "Could not traverse to parent directory of path %s. Component %s is not a directory.", p.Path, last.Name)
	}
	if err := t.checkParent(c, n); err != nil {
		return err
	}
	if err := t.checkWritable(p.Path); err != nil {
		return err
	}
	t.state.mu.RLock()
	err := t.state.mu.mounts.Check(p)
	t.state.mu.RUnlock()
	if err != nil {
		return err
	}
	above := t.locate(p.Path)
	u, err := t.reading(ctx, above)
	if err != nil {
		return err
	}
	switch _, err := u.Stat(ctx, above.Rel); {
	case err == nil:
		return errors.Errorf(errors.Invalid, "Mount path %s shadows an existing path %s in the parent underlying filesystem", p.Path, above.UFSURI())
	case !errors.Is(err, errors.NotFound):
		return err
	}
	return nil
}

// openMount opens the UFS of a mount point to be, and describes its root.
func (t *term) openMount(ctx context.Context, p mount.Point) (ufs.UFS, ufs.Info, error) {
	u, err := t.stores.open(ctx, p)
	if errors.Is(err, errors.NotFound) { // the store says what is not there: the folder, the bucket
		return nil, ufs.Info{}, errors.Errorf(errors.Invalid, "Ufs path %s does not exist: %w", p.UFS, err)
	}
	if err != nil {
		return nil, ufs.Info{}, err
	}
	info, err := u.Stat(ctx, "")
	switch {
	case errors.Is(err, errors.NotFound):
		err = errors.Errorf(errors.Invalid, "Ufs path %s does not exist", p.UFS)
	case err == nil && !info.Dir:
		err = errors.Errorf(errors.Invalid, "Ufs path %s is not a directory", p.UFS)
	}
	if err != nil {
		t.stores.close(u)
		return nil, ufs.Info{}, err
	}
	return u, info, nil
}

func (t *term) mountInode(c Caller, n *node, p mount.Point, info ufs.Info) inode.Inode {
	in := t.newChild(c, n.last(), fspath.Base(p.Path), inode.KindDirectory, CreateOptions{}, true)
	takeUFS(&in, info)
	if p.Shared {
		in.Mode = 0o777
	}
	in.Persistence, in.MountPoint = inode.Persisted, true
	return in
}

// mountPoint is the mount point at a path, for whoever wants to change it.
func (t *term) mountPoint(c Caller, path, verb string) (mount.Point, node, error) {
	n := t.look(path)
	if !n.exists() {
		return mount.Point{}, n, errors.Errorf(errors.NotFound, "Failed to %s: Path %s does not exist", verb, path)
	}
	if err := t.checkParent(c, &n); err != nil {
		return mount.Point{}, n, err
	}
	t.state.mu.RLock()
	p, ok := t.state.mu.mounts.At(path)
	t.state.mu.RUnlock()
	if !ok || path == fspath.Root {
		return p, n, errors.Errorf(errors.Invalid, "Failed to %s %s. Please ensure the path is an existing mount point and not root.", verb, path)
	}
	return p, n, nil
}

// Unmount removes a mount point with its metadata and cached data; the UFS
// stays as it is.
func (t *term) Unmount(ctx context.Context, c Caller, path string) error {
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	p, n, err := t.mountPoint(c, path, "unmount")
	if err != nil {
		return err
	}
	if below := t.mountsUnder(path); len(below) > 1 {
		return errors.Errorf(errors.Invalid, "Failed to unmount %s. Unmount %s below it first.", path, below[1].Path)
	}
	if err := t.removeTree(opID{}, path, n.last(), []mount.Point{p}); err != nil {
		return err
	}
	t.syncs.forget(path)
	t.absent.remove(path)
	t.metrics.ops.WithLabelValues("PathsUnmounted").Inc()
	return nil
}

// UpdateMount replaces options and flags of a mount point.
func (t *term) UpdateMount(ctx context.Context, c Caller, path string, o MountOptions) error {
	h, err := t.latches.exclusive(ctx, path)
	if err != nil {
		return err
	}
	defer h.release()
	old, _, err := t.mountPoint(c, path, "update the mount point")
	if err != nil {
		return err
	}
	p := old
	p.ID = mount.ID(t.nextMount.Add(1) - 1)
	p.ReadOnly, p.Shared, p.Options = o.ReadOnly, o.Shared, o.Properties
	u, _, err := t.openMount(ctx, p)
	if err != nil {
		return err
	}
	if err := t.propose(opID{}, &journalpb.Change{Change: &journalpb.Change_Mount{Mount: mountMessage(p)}}); err != nil {
		t.stores.close(u)
		return err
	}
	t.stores.put(p.ID, u)
	t.stores.drop(old.ID)
	return nil
}

// spaceTimeout bounds the question for a UFS's size.
const spaceTimeout = 5 * time.Second

// MountTable lists the mount points; with space, with the size of their UFSs.
func (t *term) MountTable(ctx context.Context, space bool) []MountInfo {
	t.state.mu.RLock()
	points := t.state.mu.mounts.All()
	t.state.mu.RUnlock()
	infos := make([]MountInfo, len(points))
	for i, p := range points {
		infos[i] = MountInfo{Point: p, UFSType: ufsType(p.UFS), CapacityBytes: -1, UsedBytes: -1}
		infos[i].Options = p.Masked()
		if space {
			t.fillSpace(ctx, p, &infos[i])
		}
	}
	return infos
}

func (t *term) fillSpace(ctx context.Context, p mount.Point, info *MountInfo) {
	ctx, cancel := context.WithTimeout(ctx, spaceTimeout)
	defer cancel()
	u, err := t.reading(ctx, mount.Location{Point: p})
	if err == nil {
		s, ok := ufs.As[ufs.SpaceReporter](u)
		if !ok {
			return
		}
		var total, used int64
		if total, used, err = s.Space(ctx); err == nil {
			info.CapacityBytes, info.UsedBytes = total, used
			return
		}
	}
	info.SpaceError = err.Error()
}

func ufsType(uri string) string {
	if s := ufs.Scheme(uri); s != "file" {
		return s
	}
	return "local"
}

// UFSInfo is the mount point with the id, with its credentials: for workers.
func (t *term) UFSInfo(id mount.ID) (mount.Point, error) {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	p, ok := t.state.mu.mounts.Get(id)
	if !ok {
		return p, errors.Errorf(errors.NotFound, "There is no mount point with id %d.", id)
	}
	return p, nil
}

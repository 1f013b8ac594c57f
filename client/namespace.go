package client

import (
	"context"
	stderrors "errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/proto/sharedpb"
)

// prepare cleans a path and returns the configuration for it.
func (c *Client) prepare(ctx context.Context, path string) (string, *config.Config, error) {
	clean, err := fspath.Clean(path)
	if err != nil {
		return "", nil, err
	}
	s, err := c.session(ctx)
	if err != nil {
		return "", nil, err
	}
	return clean, s.settings.at(clean), nil
}

// Stat describes a file or directory. A path that does not exist is an error of
// kind NotFound.
func (c *Client) Stat(ctx context.Context, path string, o StatOptions) (*FileInfo, error) {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return nil, err
	}
	return c.getStatus(ctx, path, &filepb.GetStatusPOptions{
		LoadMetadataType: o.LoadMetadata.proto(conf),
		CommonOptions:    common(conf, o.Sync),
		UpdateTimestamps: new(!o.KeepAccessTime && !conf.Bool(config.UserUpdateFileAccesstimeDisabled)),
	})
}

func (c *Client) getStatus(ctx context.Context, path string, o *filepb.GetStatusPOptions) (*FileInfo, error) {
	var info *FileInfo
	err := c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.GetStatus(ctx, &filepb.GetStatusPRequest{Path: &path, Options: o})
		if err == nil {
			info = fileInfo(resp.GetFileInfo())
		}
		return err
	})
	return info, err
}

// Exists reports whether a path exists. An outage is an error, never false.
func (c *Client) Exists(ctx context.Context, path string, o StatOptions) (bool, error) {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return false, err
	}
	var exists bool
	err = c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.Exists(ctx, &filepb.ExistsPRequest{Path: &path, Options: &filepb.ExistsPOptions{
			LoadMetadataType: o.LoadMetadata.proto(conf),
			CommonOptions:    common(conf, o.Sync),
		}})
		exists = resp.GetExists()
		return err
	})
	return exists, err
}

// List yields the children of a directory, or a file itself. An error, such as
// NotFound, is the last pair. Breaking off the loop ends the call.
func (c *Client) List(ctx context.Context, path string, o ListOptions) iter.Seq2[*FileInfo, error] {
	return func(yield func(*FileInfo, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		next, err := c.listing(ctx, path, o)
		for err == nil {
			var resp *filepb.ListStatusPResponse
			if resp, err = next(); err != nil {
				break
			}
			for _, p := range resp.GetFileInfos() {
				if !yield(fileInfo(p), nil) {
					return
				}
			}
		}
		if !stderrors.Is(err, io.EOF) {
			yield(nil, err)
		}
	}
}

// listing starts a listing and returns the function that receives its batches.
// The call is repeated until the first batch has come; a listing that breaks off
// later is an error, since its beginning has been seen.
func (c *Client) listing(ctx context.Context, path string, o ListOptions) (func() (*filepb.ListStatusPResponse, error), error) {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return nil, err
	}
	req := &filepb.ListStatusPRequest{Path: &path, Options: &filepb.ListStatusPOptions{
		LoadMetadataType: o.LoadMetadata.proto(conf),
		CommonOptions:    common(conf, o.Sync),
		Recursive:        &o.Recursive,
		LoadMetadataOnly: &o.LoadOnly,
		ExcludeMountInfo: &o.OmitMountInfo,
	}}
	var stream grpc.ServerStreamingClient[filepb.ListStatusPResponse]
	var first *filepb.ListStatusPResponse
	err = c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) (err error) {
		if stream, err = m.ListStatus(ctx, req); err != nil {
			return err
		}
		first, err = stream.Recv()
		return err
	})
	if err != nil {
		return nil, err
	}
	return func() (*filepb.ListStatusPResponse, error) {
		if first != nil {
			batch := first
			first = nil
			return batch, nil
		}
		return stream.Recv()
	}, nil
}

// LoadMetadata makes the master look at the under store for what lies under a
// path, all of it if recursive, and take it into the namespace.
func (c *Client) LoadMetadata(ctx context.Context, path string, recursive bool) error {
	for _, err := range c.List(ctx, path, ListOptions{Recursive: recursive, LoadMetadata: LoadAlways, LoadOnly: true}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Mkdir creates a directory.
func (c *Client) Mkdir(ctx context.Context, path string, o MkdirOptions) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.CreateDirectoryPRequest{Path: &path, Options: &filepb.CreateDirectoryPOptions{
		Recursive:     &o.Recursive,
		AllowExists:   &o.AllowExists,
		Mode:          o.Mode.masked(conf, 0o777),
		WriteType:     o.WriteType.orDefault(conf).proto(),
		CommonOptions: changing(withTTL(common(conf, nil), conf, o.TTL, o.TTLAction)),
		Xattr:         o.Xattr,
	}}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.CreateDirectory(ctx, req)
		return err
	})
}

// Rename moves a file or directory. The new path must not exist.
func (c *Client) Rename(ctx context.Context, from, to string, o RenameOptions) error {
	from, conf, err := c.prepare(ctx, from)
	if err != nil {
		return err
	}
	if to, err = fspath.Clean(to); err != nil {
		return err
	}
	req := &filepb.RenamePRequest{Path: &from, DstPath: &to, Options: &filepb.RenamePOptions{
		CommonOptions: changing(common(conf, nil)),
		Persist:       new(o.Persist || conf.Bool(config.UserFilePersistOnRename)),
	}}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.Rename(ctx, req)
		return err
	})
}

// Delete removes a file or directory.
func (c *Client) Delete(ctx context.Context, path string, o DeleteOptions) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.DeletePRequest{Path: &path, Options: &filepb.DeletePOptions{
		Recursive:        &o.Recursive,
		AlluxioOnly:      &o.AlluxioOnly,
		Unchecked:        new(o.Unchecked || conf.Bool(config.UserFileDeleteUnchecked)),
		DeleteMountPoint: &o.DeleteMountPoint,
		CommonOptions:    changing(common(conf, nil)),
	}}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.Remove(ctx, req)
		return err
	})
}

// SetAttribute changes attributes of a file or directory.
func (c *Client) SetAttribute(ctx context.Context, path string, a Attributes) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.SetAttributePRequest{Path: &path, Options: a.proto(conf)}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.SetAttribute(ctx, req)
		return err
	})
}

// proto sets exactly the fields that are present: the master takes every other
// one for a wish.
func (a Attributes) proto(conf *config.Config) *filepb.SetAttributePOptions {
	o := &filepb.SetAttributePOptions{
		Owner: a.Owner, Group: a.Group,
		Pinned: a.Pinned, PinnedMedia: a.PinnedMedia, Persisted: a.Persisted,
		Xattr:         a.Xattr,
		CommonOptions: changing(common(conf, nil)),
	}
	if a.Recursive {
		o.Recursive = &a.Recursive
	}
	if a.Mode != nil {
		o.Mode = a.Mode.bits()
	}
	if a.TTL != nil {
		o.CommonOptions.Ttl = new(millis(*a.TTL))
	}
	if a.TTLAction != nil {
		o.CommonOptions.TtlAction = a.TTLAction.proto()
	}
	if a.ReplicationMin != nil {
		o.ReplicationMin = new(int32(*a.ReplicationMin))
	}
	if a.ReplicationMax != nil {
		o.ReplicationMax = new(int32(*a.ReplicationMax))
	}
	if a.XattrStrategy != 0 {
		o.XattrUpdateStrategy = sharedpb.XAttrUpdateStrategy(a.XattrStrategy).Enum()
	}
	return o
}

// SetACL changes the access control list of a file or directory, and of all
// below it if recursive.
func (c *Client) SetACL(ctx context.Context, path string, action ACLAction, entries []ACLEntry, recursive bool) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.SetAclPRequest{
		Path:    &path,
		Action:  filepb.SetAclAction(action).Enum(),
		Options: &filepb.SetAclPOptions{CommonOptions: changing(common(conf, nil)), Recursive: &recursive},
	}
	for _, e := range entries {
		req.Entries = append(req.Entries, e.proto())
	}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.SetAcl(ctx, req)
		return err
	})
}

// CheckAccess returns nil if the user may do with path what the bits (4 read, 2
// write, 1 execute) say, and an error of kind Permission if not.
func (c *Client) CheckAccess(ctx context.Context, path string, bits Mode) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.CheckAccessPRequest{Path: &path, Options: &filepb.CheckAccessPOptions{
		Bits:          grpcpb.Bits(bits&7 + 1).Enum(),
		CommonOptions: common(conf, nil),
	}}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.CheckAccess(ctx, req)
		return err
	})
}

// Free drops the cached copies of persisted files. Workers do so shortly after.
func (c *Client) Free(ctx context.Context, path string, o FreeOptions) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.FreePRequest{Path: &path, Options: &filepb.FreePOptions{
		Recursive: &o.Recursive, Forced: &o.Forced, CommonOptions: changing(common(conf, nil)),
	}}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.Free(ctx, req)
		return err
	})
}

// persistPoll is how often Persist asks whether the master is done.
const persistPoll = 100 * time.Millisecond

// Persist has a file written to the under store and waits until it is, or ctx
// ends.
func (c *Client) Persist(ctx context.Context, path string, o PersistOptions) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.ScheduleAsyncPersistencePRequest{Path: &path, Options: &filepb.ScheduleAsyncPersistencePOptions{
		CommonOptions: changing(common(conf, nil)), PersistenceWaitTime: new(millis(o.Delay)),
	}}
	err = c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.ScheduleAsyncPersistence(ctx, req)
		return err
	})
	if err != nil || o.Async {
		return err
	}
	return c.awaitPersisted(ctx, path)
}

func (c *Client) awaitPersisted(ctx context.Context, path string) error {
	tick := time.NewTicker(persistPoll)
	defer tick.Stop()
	for {
		info, err := c.Stat(ctx, path, StatOptions{KeepAccessTime: true})
		switch {
		case err != nil:
			return err
		case info.Persisted:
			return nil
		case info.PersistenceState != ToBePersisted:
			return errors.Errorf(errors.FailedPrecondition, "%s was not persisted: the master gave up, its state is %s", path, info.PersistenceState)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.E("wait for persistence of", path, errors.Other, ctx.Err())
		}
	}
}

// CheckConsistency returns the paths under path, it included, that differ between
// namespace and under store.
func (c *Client) CheckConsistency(ctx context.Context, path string) ([]string, error) {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return nil, err
	}
	var differing []string
	err = c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.CheckConsistency(ctx, &filepb.CheckConsistencyPRequest{
			Path: &path, Options: &filepb.CheckConsistencyPOptions{CommonOptions: common(conf, nil)},
		})
		differing = resp.GetInconsistentPaths()
		return err
	})
	return differing, err
}

// FilePath returns the path of the file with an id.
func (c *Client) FilePath(ctx context.Context, fileID int64) (string, error) {
	var path string
	err := c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.GetFilePath(ctx, &filepb.GetFilePathPRequest{FileId: &fileID})
		path = resp.GetPath()
		return err
	})
	return path, err
}

// NeedsSync tells the master that a path changed in the under store.
func (c *Client) NeedsSync(ctx context.Context, path string) error {
	path, err := fspath.Clean(path)
	if err != nil {
		return err
	}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.NeedsSync(ctx, &filepb.NeedsSyncRequest{Path: &path})
		return err
	})
}

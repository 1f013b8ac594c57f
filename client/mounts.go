package client

import (
	"context"
	"maps"

	"github.com/alluxio-go/alluxio/proto/filepb"
)

// MountPoint is one mounted store.
type MountPoint struct {
	Path          string // in the namespace
	MountID       int64
	UFSURI        string
	UFSType       string
	CapacityBytes int64 // -1 when not known
	UsedBytes     int64 // -1 when not known
	ReadOnly      bool
	Shared        bool
	Properties    map[string]string // credentials masked
}

// Mount makes a store appear at a path, which must not exist.
func (c *Client) Mount(ctx context.Context, path, ufsURI string, o MountOptions) error {
	path, options, err := c.mountOptions(ctx, path, o)
	if err != nil {
		return err
	}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.Mount(ctx, &filepb.MountPRequest{AlluxioPath: &path, UfsPath: &ufsURI, Options: options})
		return err
	})
}

// UpdateMount replaces the options of a mount point.
func (c *Client) UpdateMount(ctx context.Context, path string, o MountOptions) error {
	path, options, err := c.mountOptions(ctx, path, o)
	if err != nil {
		return err
	}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.UpdateMount(ctx, &filepb.UpdateMountPRequest{AlluxioPath: &path, Options: options})
		return err
	})
}

func (c *Client) mountOptions(ctx context.Context, path string, o MountOptions) (string, *filepb.MountPOptions, error) {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return "", nil, err
	}
	return path, &filepb.MountPOptions{
		ReadOnly: &o.ReadOnly, Shared: &o.Shared, Properties: o.Properties,
		CommonOptions: changing(common(conf, nil)),
	}, nil
}

// Unmount takes a store out of the namespace. The store keeps its content.
func (c *Client) Unmount(ctx context.Context, path string) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.UnmountPRequest{AlluxioPath: &path, Options: &filepb.UnmountPOptions{CommonOptions: changing(common(conf, nil))}}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.Unmount(ctx, req)
		return err
	})
}

// MountTable returns all mount points by path. With checkUFS the stores are asked
// for their capacity and use.
func (c *Client) MountTable(ctx context.Context, checkUFS bool) (map[string]MountPoint, error) {
	var table map[string]MountPoint
	err := c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.GetMountTable(ctx, &filepb.GetMountTablePRequest{CheckUfs: &checkUFS})
		table = make(map[string]MountPoint, len(resp.GetMountPoints()))
		for path, p := range resp.GetMountPoints() {
			table[path] = MountPoint{
				Path: path, MountID: p.GetMountId(), UFSURI: p.GetUfsUri(), UFSType: p.GetUfsType(),
				CapacityBytes: p.GetUfsCapacityBytes(), UsedBytes: p.GetUfsUsedBytes(),
				ReadOnly: p.GetReadOnly(), Shared: p.GetShared(), Properties: maps.Clone(p.GetProperties()),
			}
		}
		return err
	})
	return table, err
}

// ReverseResolve returns the path at which an URI of a mounted store appears.
func (c *Client) ReverseResolve(ctx context.Context, ufsURI string) (string, error) {
	var path string
	err := c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.ReverseResolve(ctx, &filepb.ReverseResolvePRequest{UfsUri: &ufsURI})
		path = resp.GetAlluxioPath()
		return err
	})
	return path, err
}

// UFSMode says what the cluster may do with a store.
type UFSMode int32

// The modes, by their wire numbers.
const (
	UFSNoAccess  = UFSMode(filepb.UfsPMode_NO_ACCESS)
	UFSReadOnly  = UFSMode(filepb.UfsPMode_READ_ONLY)
	UFSReadWrite = UFSMode(filepb.UfsPMode_READ_WRITE)
)

// SetUFSMode sets what the cluster may do with every mount of a store.
func (c *Client) SetUFSMode(ctx context.Context, ufsURI string, mode UFSMode) error {
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.UpdateUfsMode(ctx, &filepb.UpdateUfsModePRequest{
			UfsPath: &ufsURI, Options: &filepb.UpdateUfsModePOptions{UfsMode: filepb.UfsPMode(mode).Enum()},
		})
		return err
	})
}

// SyncPoint is a path that the master keeps in step with the under store.
type SyncPoint struct {
	Path  string
	State string
}

// StartSync makes the master keep a path in step with the under store.
func (c *Client) StartSync(ctx context.Context, path string) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.StartSyncPRequest{Path: &path, Options: &filepb.StartSyncPOptions{CommonOptions: changing(common(conf, nil))}}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.StartSync(ctx, req)
		return err
	})
}

// StopSync ends what StartSync began.
func (c *Client) StopSync(ctx context.Context, path string) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	req := &filepb.StopSyncPRequest{Path: &path, Options: &filepb.StopSyncPOptions{CommonOptions: changing(common(conf, nil))}}
	return c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		_, err := m.StopSync(ctx, req)
		return err
	})
}

// SyncPoints returns what StartSync began.
func (c *Client) SyncPoints(ctx context.Context) ([]SyncPoint, error) {
	var points []SyncPoint
	err := c.files(ctx, func(ctx context.Context, m filepb.FileSystemMasterClientServiceClient) error {
		resp, err := m.GetSyncPathList(ctx, &filepb.GetSyncPathListPRequest{})
		points = nil
		for _, p := range resp.GetSyncPaths() {
			points = append(points, SyncPoint{Path: p.GetSyncPointUri(), State: p.GetSyncStatus().String()})
		}
		return err
	})
	return points, err
}

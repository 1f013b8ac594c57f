package master

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/proto/filepb"
)

func mountOptions(o *filepb.MountPOptions) (MountOptions, error) {
	props, err := config.CheckMountOptions(o.GetProperties())
	return MountOptions{CommonOptions: commonOptions(o.GetCommonOptions()), ReadOnly: o.GetReadOnly(), Shared: o.GetShared(), Properties: props}, err
}

func (s *fileService) Mount(ctx context.Context, r *filepb.MountPRequest) (*filepb.MountPResponse, error) {
	c, err := s.m.call(ctx, r.GetAlluxioPath())
	if err != nil {
		return nil, err
	}
	o, err := mountOptions(r.GetOptions())
	if err != nil {
		return nil, err
	}
	return &filepb.MountPResponse{}, c.t.Mount(ctx, c.c, c.path, r.GetUfsPath(), o)
}

func (s *fileService) UpdateMount(ctx context.Context, r *filepb.UpdateMountPRequest) (*filepb.UpdateMountPResponse, error) {
	c, err := s.m.call(ctx, r.GetAlluxioPath())
	if err != nil {
		return nil, err
	}
	o, err := mountOptions(r.GetOptions())
	if err != nil {
		return nil, err
	}
	return &filepb.UpdateMountPResponse{}, c.t.UpdateMount(ctx, c.c, c.path, o)
}

func (s *fileService) Unmount(ctx context.Context, r *filepb.UnmountPRequest) (*filepb.UnmountPResponse, error) {
	c, err := s.m.call(ctx, r.GetAlluxioPath())
	if err != nil {
		return nil, err
	}
	return &filepb.UnmountPResponse{}, c.t.Unmount(ctx, c.c, c.path)
}

func (s *fileService) GetMountTable(ctx context.Context, r *filepb.GetMountTablePRequest) (*filepb.GetMountTablePResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	resp := &filepb.GetMountTablePResponse{MountPoints: map[string]*filepb.MountPointInfo{}}
	for _, i := range t.MountTable(ctx, r.CheckUfs == nil || *r.CheckUfs) {
		resp.MountPoints[i.Path] = mountMessageOf(&i)
	}
	return resp, nil
}

func (s *fileService) UpdateUfsMode(ctx context.Context, r *filepb.UpdateUfsModePRequest) (*filepb.UpdateUfsModePResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	return &filepb.UpdateUfsModePResponse{}, t.UpdateUFSMode(callerOf(ctx), r.GetUfsPath(), int32(r.GetOptions().GetUfsMode()))
}

// GetStateLockHolders lists the paths that operations have to themselves now:
// there is no lock over the whole state that a call could hold.
func (s *fileService) GetStateLockHolders(context.Context, *filepb.GetStateLockHoldersPRequest) (*filepb.GetStateLockHoldersPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	return &filepb.GetStateLockHoldersPResponse{Threads: t.latches.holders()}, nil
}

// GetSyncPathList is empty: no store of ours announces changes.
func (s *fileService) GetSyncPathList(context.Context, *filepb.GetSyncPathListPRequest) (*filepb.GetSyncPathListPResponse, error) {
	return &filepb.GetSyncPathListPResponse{}, nil
}

// StartSync is refused: active synchronisation needs a store that announces
// changes, such as HDFS.
func (s *fileService) StartSync(context.Context, *filepb.StartSyncPRequest) (*filepb.StartSyncPResponse, error) {
	return nil, unimplemented("Active synchronisation (startSync); set alluxio.user.file.metadata.sync.interval instead. It")
}

// StopSync is refused, as nothing can have been started.
func (s *fileService) StopSync(context.Context, *filepb.StopSyncPRequest) (*filepb.StopSyncPResponse, error) {
	return nil, unimplemented("Active synchronisation (stopSync)")
}

// SyncMetadata is refused; ls -f and the sync interval do the same.
func (s *fileService) SyncMetadata(context.Context, *filepb.SyncMetadataPRequest) (*filepb.SyncMetadataPResponse, error) {
	return nil, unimplemented("loadMetadata in version 2 (SyncMetadata)")
}

// SyncMetadataAsync is refused like SyncMetadata.
func (s *fileService) SyncMetadataAsync(context.Context, *filepb.SyncMetadataPRequest) (*filepb.SyncMetadataAsyncPResponse, error) {
	return nil, unimplemented("loadMetadata in version 2 (SyncMetadataAsync)")
}

// GetSyncProgress is refused, as nothing can have been started.
func (s *fileService) GetSyncProgress(context.Context, *filepb.GetSyncProgressPRequest) (*filepb.GetSyncProgressPResponse, error) {
	return nil, unimplemented("loadMetadata in version 2 (GetSyncProgress)")
}

// CancelSyncMetadata is refused, as nothing can have been started.
func (s *fileService) CancelSyncMetadata(context.Context, *filepb.CancelSyncMetadataPRequest) (*filepb.CancelSyncMetadataPResponse, error) {
	return nil, unimplemented("loadMetadata in version 2 (CancelSyncMetadata)")
}

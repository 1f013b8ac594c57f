package master

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/filepb"
)

// fileService is the namespace for clients.
type fileService struct {
	filepb.UnimplementedFileSystemMasterClientServiceServer
	m *Master
}

func (s *fileService) GetStatus(ctx context.Context, r *filepb.GetStatusPRequest) (*filepb.GetStatusPResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := orEmpty(r.GetOptions())
	so := StatusOptions{CommonOptions: commonOptions(o.GetCommonOptions()), Load: loadMetadata(o.LoadMetadataType)}
	if o.GetUpdateTimestamps() && o.AccessMode != nil {
		so.Access = uint8(bitsOf(*o.AccessMode))
	}
	fi, err := c.t.GetStatus(ctx, c.c, c.path, so)
	if err != nil {
		return nil, err
	}
	m := fileInfoMessage(&fi)
	if o.AccessMode != nil { // it is about to be opened
		m.Ticket = c.t.ticket(&fi)
	}
	return &filepb.GetStatusPResponse{FileInfo: m}, nil
}

func (s *fileService) Exists(ctx context.Context, r *filepb.ExistsPRequest) (*filepb.ExistsPResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if errors.Is(err, errors.Invalid) {
		return &filepb.ExistsPResponse{Exists: proto.Bool(false)}, nil // no such thing can be
	}
	if err != nil {
		return nil, err
	}
	o := orEmpty(r.GetOptions())
	ok, err := c.t.Exists(ctx, c.c, c.path, StatusOptions{
		CommonOptions: commonOptions(o.GetCommonOptions()), Load: loadMetadata(o.LoadMetadataType)})
	return &filepb.ExistsPResponse{Exists: &ok}, err
}

func listOptions(o *filepb.ListStatusPOptions) ListOptions {
	o = orEmpty(o)
	return ListOptions{
		CommonOptions: commonOptions(o.GetCommonOptions()),
		Load:          loadMetadata(o.LoadMetadataType),
		Recursive:     o.GetRecursive(),
		LoadOnly:      o.GetLoadMetadataOnly(),
	}
}

func (s *fileService) ListStatus(r *filepb.ListStatusPRequest, stream grpc.ServerStreamingServer[filepb.ListStatusPResponse]) error {
	c, err := s.m.call(stream.Context(), r.GetPath())
	if err != nil {
		return err
	}
	return c.t.ListStatus(stream.Context(), c.c, c.path, listOptions(r.GetOptions()), func(infos []FileInfo) error {
		return stream.Send(&filepb.ListStatusPResponse{FileInfos: fileInfoMessages(infos)})
	})
}

func (s *fileService) ListStatusPartial(ctx context.Context, r *filepb.ListStatusPartialPRequest) (*filepb.ListStatusPartialPResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := r.GetOptions()
	po := PartialOptions{
		ListOptions: listOptions(o.GetOptions()), StartAfter: o.GetStartAfter(), OffsetCount: int(o.GetOffsetCount()),
		BatchSize: int(o.GetBatchSize()), Prefix: o.GetPrefix(),
	}
	if id := o.GetOffsetId(); id != 0 {
		if po.OffsetID, err = checkFileID(id); err != nil {
			return nil, err
		}
	}
	list, err := c.t.ListStatusPartial(ctx, c.c, c.path, po)
	if err != nil {
		return nil, err
	}
	return &filepb.ListStatusPartialPResponse{FileInfos: fileInfoMessages(list.Infos), IsTruncated: &list.Truncated, FileCount: &list.Count}, nil
}

func (s *fileService) CreateFile(ctx context.Context, r *filepb.CreateFilePRequest) (*filepb.CreateFilePResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := orEmpty(r.GetOptions())
	co := CreateOptions{
		CommonOptions: commonOptions(o.GetCommonOptions()), Recursive: o.GetRecursive(), Mode: modeOf(o.GetMode()),
		WriteType: s.writeType(o.WriteType), XAttr: o.GetXattr(), XAttrAll: o.GetXattrPropStrat() == filepb.XAttrPropagationStrategy_NEW_PATHS,
		BlockSize: c.t.set.blockSize, Replication: inode.DefaultReplication,
		PersistWaitMS: o.GetPersistenceWaitTime(), Overwrite: o.GetOverwrite(),
	}
	set(&co.BlockSize, o.BlockSizeBytes)
	set(&co.Replication.Min, o.ReplicationMin)
	set(&co.Replication.Max, o.ReplicationMax)
	set(&co.Replication.Durable, o.ReplicationDurable)
	fi, err := c.t.CreateFile(ctx, c.c, c.path, co)
	if err != nil {
		return nil, err
	}
	return &filepb.CreateFilePResponse{FileInfo: fileInfoMessage(&fi)}, nil
}

// writeType reads a write type; absent is the configured one.
func (s *fileService) writeType(m *filepb.WritePType) WriteType {
	if m != nil {
		return WriteType(*m)
	}
	return WriteType(filepb.WritePType_value[s.m.conf.Enum(config.UserFileWritetypeDefault)])
}

func (s *fileService) CreateDirectory(ctx context.Context, r *filepb.CreateDirectoryPRequest) (*filepb.CreateDirectoryPResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := orEmpty(r.GetOptions())
	return &filepb.CreateDirectoryPResponse{}, c.t.CreateDirectory(ctx, c.c, c.path, CreateOptions{
		CommonOptions: commonOptions(o.GetCommonOptions()), Recursive: o.GetRecursive(), AllowExists: o.GetAllowExists(),
		Mode: modeOf(o.GetMode()), WriteType: s.writeType(o.WriteType),
		XAttr: o.GetXattr(), XAttrAll: o.GetXattrPropStrat() == filepb.XAttrPropagationStrategy_NEW_PATHS,
	})
}

func (s *fileService) GetNewBlockIdForFile(ctx context.Context, r *filepb.GetNewBlockIdForFilePRequest) (*filepb.GetNewBlockIdForFilePResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	id, err := c.t.NewBlockID(ctx, c.c, c.path, commonOptions(r.GetOptions().GetCommonOptions()))
	return &filepb.GetNewBlockIdForFilePResponse{Id: proto.Int64(int64(id))}, err
}

func (s *fileService) CompleteFile(ctx context.Context, r *filepb.CompleteFilePRequest) (*filepb.CompleteFilePResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := orEmpty(r.GetOptions())
	co := CompleteOptions{CommonOptions: commonOptions(o.GetCommonOptions()), UFSLength: o.UfsLength}
	if a := o.GetAsyncPersistOptions(); a != nil {
		co.Async, co.PersistWaitMS = true, a.GetPersistenceWaitTime()
	}
	return &filepb.CompleteFilePResponse{}, c.t.CompleteFile(ctx, c.c, c.path, co)
}

func (s *fileService) Remove(ctx context.Context, r *filepb.DeletePRequest) (*filepb.DeletePResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := r.GetOptions()
	return &filepb.DeletePResponse{}, c.t.Delete(ctx, c.c, c.path, DeleteOptions{
		CommonOptions: commonOptions(o.GetCommonOptions()), Recursive: o.GetRecursive(), AlluxioOnly: o.GetAlluxioOnly(),
		Unchecked: o.GetUnchecked(), MountPoints: o.GetDeleteMountPoint(),
	})
}

func (s *fileService) Rename(ctx context.Context, r *filepb.RenamePRequest) (*filepb.RenamePResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	dst, err := fspath.Clean(r.GetDstPath())
	if err != nil {
		return nil, err
	}
	o := r.GetOptions()
	return &filepb.RenamePResponse{}, c.t.Rename(ctx, c.c, c.path, dst, RenameOptions{
		CommonOptions: commonOptions(o.GetCommonOptions()), Persist: o.GetPersist()})
}

func (s *fileService) SetAttribute(ctx context.Context, r *filepb.SetAttributePRequest) (*filepb.SetAttributePResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	return &filepb.SetAttributePResponse{}, c.t.SetAttribute(ctx, c.c, c.path, attributeOptions(r.GetOptions()))
}

func attributeOptions(o *filepb.SetAttributePOptions) AttributeOptions {
	o = orEmpty(o)
	ao := AttributeOptions{CommonOptions: commonOptions(o.GetCommonOptions())}
	ao.Recursive = o.GetRecursive()
	ao.Owner, ao.Group, ao.Mode = o.Owner, o.Group, modeOf(o.Mode)
	ao.Pinned, ao.PinnedMedia, ao.Persisted = o.Pinned, o.PinnedMedia, o.Persisted
	ao.ReplicationMin, ao.ReplicationMax = o.ReplicationMin, o.ReplicationMax
	if common := o.CommonOptions; common != nil {
		ao.TTLMillis = common.Ttl
		if common.TtlAction != nil {
			ao.TTLAction = ptr(inode.TTLAction(*common.TtlAction))
		}
	}
	if len(o.Xattr) > 0 || o.XattrUpdateStrategy != nil {
		ao.XAttr, ao.XAttrStrategy = o.Xattr, XAttrTruncate
		if o.XattrUpdateStrategy != nil {
			ao.XAttrStrategy = XAttrStrategy(*o.XattrUpdateStrategy)
		}
	}
	return ao
}

func (s *fileService) SetAcl(ctx context.Context, r *filepb.SetAclPRequest) (*filepb.SetAclPResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	changes := make([]ACLChange, len(r.GetEntries()))
	for i, e := range r.GetEntries() {
		changes[i] = aclChange(e)
	}
	o := r.GetOptions()
	return &filepb.SetAclPResponse{}, c.t.SetACL(ctx, c.c, c.path, ACLAction(r.GetAction()), changes,
		o.GetRecursive(), commonOptions(o.GetCommonOptions()))
}

func (s *fileService) Free(ctx context.Context, r *filepb.FreePRequest) (*filepb.FreePResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := r.GetOptions()
	return &filepb.FreePResponse{}, c.t.Free(ctx, c.c, c.path, FreeOptions{
		CommonOptions: commonOptions(o.GetCommonOptions()), Recursive: o.GetRecursive(), Forced: o.GetForced()})
}

func (s *fileService) ScheduleAsyncPersistence(ctx context.Context, r *filepb.ScheduleAsyncPersistencePRequest) (*filepb.ScheduleAsyncPersistencePResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := r.GetOptions()
	return &filepb.ScheduleAsyncPersistencePResponse{},
		c.t.ScheduleAsyncPersistence(ctx, c.c, c.path, o.GetPersistenceWaitTime(), commonOptions(o.GetCommonOptions()))
}

func (s *fileService) CheckAccess(ctx context.Context, r *filepb.CheckAccessPRequest) (*filepb.CheckAccessPResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	o := r.GetOptions()
	return &filepb.CheckAccessPResponse{}, c.t.CheckAccess(ctx, c.c, c.path, uint8(bitsOf(o.GetBits())), commonOptions(o.GetCommonOptions()))
}

func (s *fileService) CheckConsistency(ctx context.Context, r *filepb.CheckConsistencyPRequest) (*filepb.CheckConsistencyPResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	paths, err := c.t.CheckConsistency(ctx, c.c, c.path)
	return &filepb.CheckConsistencyPResponse{InconsistentPaths: paths}, err
}

func (s *fileService) GetFilePath(ctx context.Context, r *filepb.GetFilePathPRequest) (*filepb.GetFilePathPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	id, err := checkFileID(r.GetFileId())
	if err != nil {
		return nil, err
	}
	fi, err := t.GetFileInfo(callerOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return &filepb.GetFilePathPResponse{Path: &fi.Path}, nil
}

func (s *fileService) ReverseResolve(_ context.Context, r *filepb.ReverseResolvePRequest) (*filepb.ReverseResolvePResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	path, err := t.ReverseResolve(r.GetUfsUri())
	return &filepb.ReverseResolvePResponse{AlluxioPath: &path}, err
}

func (s *fileService) NeedsSync(ctx context.Context, r *filepb.NeedsSyncRequest) (*filepb.NeedsSyncResponse, error) {
	c, err := s.m.call(ctx, r.GetPath())
	if err != nil {
		return nil, err
	}
	return &filepb.NeedsSyncResponse{}, c.t.NeedsSync(ctx, c.c, c.path)
}

package master

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// fileWorkerService is the namespace for workers.
type fileWorkerService struct {
	filepb.UnimplementedFileSystemMasterWorkerServiceServer
	m *Master
}

func (s *fileWorkerService) FileSystemHeartbeat(ctx context.Context, r *filepb.FileSystemHeartbeatPRequest) (*filepb.FileSystemHeartbeatPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	prints, assignments := r.GetOptions().GetPersistedFileFingerprints(), r.GetOptions().GetAssignments()
	done := make([]PersistedFile, len(r.GetPersistedFiles()))
	for i, id := range r.GetPersistedFiles() {
		done[i].ID = blockid.FileID(id)
		if i < len(prints) {
			done[i].Fingerprint = prints[i]
		}
		if i < len(assignments) {
			done[i].Assignment = assignments[i]
		}
	}
	po := &filepb.PersistCommandOptions{}
	for _, f := range t.WorkerHeartbeat(ctx, blockmap.WorkerID(r.GetWorkerId()), done) {
		pf := &filepb.PersistFile{FileId: new(int64(f.ID)), Assignment: new(f.Assignment)}
		for _, b := range f.Blocks {
			pf.BlockIds = append(pf.BlockIds, int64(b))
		}
		po.PersistFiles = append(po.PersistFiles, pf)
	}
	return &filepb.FileSystemHeartbeatPResponse{Command: &filepb.FileSystemCommand{
		CommandType: grpcpb.CommandType_Persist.Enum(), CommandOptions: &filepb.FileSystemCommandOptions{PersistOptions: po}}}, nil
}

func (s *fileWorkerService) GetFileInfo(_ context.Context, r *filepb.GetFileInfoPRequest) (*filepb.GetFileInfoPResponse, error) {
	return s.m.getFileInfo(r)
}

func (s *fileWorkerService) GetUfsInfo(_ context.Context, r *filepb.GetUfsInfoPRequest) (*filepb.GetUfsInfoPResponse, error) {
	return s.m.getUFSInfo(r)
}

func (s *fileWorkerService) GetPinnedFileIds(context.Context, *filepb.GetPinnedFileIdsPRequest) (*filepb.GetPinnedFileIdsPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	return &filepb.GetPinnedFileIdsPResponse{PinnedFileIds: t.PinnedFiles()}, nil
}

// fileJobService is the namespace for job workers.
type fileJobService struct {
	filepb.UnimplementedFileSystemMasterJobServiceServer
	m *Master
}

func (s *fileJobService) GetFileInfo(_ context.Context, r *filepb.GetFileInfoPRequest) (*filepb.GetFileInfoPResponse, error) {
	return s.m.getFileInfo(r)
}

func (s *fileJobService) GetUfsInfo(_ context.Context, r *filepb.GetUfsInfoPRequest) (*filepb.GetUfsInfoPResponse, error) {
	return s.m.getUFSInfo(r)
}

func (m *Master) getFileInfo(r *filepb.GetFileInfoPRequest) (*filepb.GetFileInfoPResponse, error) {
	t, err := m.leading()
	if err != nil {
		return nil, err
	}
	id, err := checkFileID(r.GetFileId())
	if err != nil {
		return nil, err
	}
	fi, err := t.GetFileInfo(System, id)
	if err != nil {
		return nil, err
	}
	return &filepb.GetFileInfoPResponse{FileInfo: fileInfoMessage(&fi)}, nil
}

func (m *Master) getUFSInfo(r *filepb.GetUfsInfoPRequest) (*filepb.GetUfsInfoPResponse, error) {
	t, err := m.leading()
	if err != nil {
		return nil, err
	}
	p, err := t.UFSInfo(mount.ID(r.GetMountId()))
	if err != nil {
		return nil, err
	}
	return &filepb.GetUfsInfoPResponse{UfsInfo: ufsInfoMessage(p)}, nil
}

// blockWorkerService is where workers announce themselves and their blocks.
type blockWorkerService struct {
	blockpb.UnimplementedBlockMasterWorkerServiceServer
	m *Master
}

func (s *blockWorkerService) GetWorkerId(_ context.Context, r *blockpb.GetWorkerIdPRequest) (*blockpb.GetWorkerIdPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	if r.GetWorkerNetAddress().GetHost() == "" {
		return nil, errors.Errorf(errors.Invalid, "A worker must state its host.")
	}
	return &blockpb.GetWorkerIdPResponse{WorkerId: proto.Int64(int64(t.WorkerID(addressOf(r.GetWorkerNetAddress()))))}, nil
}

func (s *blockWorkerService) RequestRegisterLease(_ context.Context, r *blockpb.GetRegisterLeasePRequest) (*blockpb.GetRegisterLeasePResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	expires, ok := t.leases.request(blockmap.WorkerID(r.GetWorkerId()))
	resp := &blockpb.GetRegisterLeasePResponse{WorkerId: proto.Int64(r.GetWorkerId()), Allowed: &ok}
	if ok {
		resp.ExpiryMs = proto.Int64(expires.UnixMilli())
	}
	return resp, nil
}

func (s *blockWorkerService) RegisterWorker(_ context.Context, r *blockpb.RegisterWorkerPRequest) (*blockpb.RegisterWorkerPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	return &blockpb.RegisterWorkerPResponse{TicketKey: t.tickets[:]}, t.Register(blockmap.WorkerID(r.GetWorkerId()), registrationOf(r),
		heldOf(r.GetCurrentBlocks()), propertiesOf(r.GetOptions().GetConfigs()))
}

// RegisterWorkerStream takes the blocks of a worker in parts and answers each.
func (s *blockWorkerService) RegisterWorkerStream(stream grpc.BidiStreamingServer[blockpb.RegisterWorkerPRequest, blockpb.RegisterWorkerPResponse]) error {
	t, err := s.m.leading()
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return errors.Errorf(errors.Invalid, "The registration of a worker needs at least one message: %w", err)
	}
	id := blockmap.WorkerID(first.GetWorkerId())
	reg, err := t.blocks.BeginRegister(id, registrationOf(first))
	if err != nil {
		return err
	}
	defer reg.Abort()
	for r := first; ; {
		if err := reg.Add(heldOf(r.GetCurrentBlocks())); err != nil {
			return err
		}
		if err := stream.Send(&blockpb.RegisterWorkerPResponse{TicketKey: t.tickets[:]}); err != nil {
			return err
		}
		if r, err = stream.Recv(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	if err := reg.Finish(); err != nil {
		return err
	}
	t.registeredWorker(id, propertiesOf(first.GetOptions().GetConfigs()))
	return nil
}

func registrationOf(r *blockpb.RegisterWorkerPRequest) blockmap.Registration {
	return blockmap.Registration{
		Tiers: r.GetStorageTiers(), Capacity: r.GetTotalBytesOnTiers(), Used: r.GetUsedBytesOnTiers(),
		LostStorage: lostStorageOf(r.GetLostStorage()),
		Version:     r.GetOptions().GetBuildVersion().GetVersion(), Revision: r.GetOptions().GetBuildVersion().GetRevision(),
	}
}

func lostStorageOf(m map[string]*blockpb.StorageList) map[string][]string {
	lost := make(map[string][]string, len(m))
	for tier, l := range m {
		lost[tier] = l.GetStorage()
	}
	return lost
}

func heldOf(entries []*blockpb.LocationBlockIdListEntry) []blockmap.Held {
	held := make([]blockmap.Held, len(entries))
	for i, e := range entries {
		held[i] = blockmap.Held{
			Placement: blockmap.Placement{Tier: e.GetKey().GetTierAlias(), Medium: e.GetKey().GetMediumType()},
			Blocks:    blockIDs(e.GetValue().GetBlockId()),
		}
	}
	return held
}

func propertiesOf(ms []*grpcpb.ConfigProperty) []config.Property {
	props := make([]config.Property, len(ms))
	for i, m := range ms {
		props[i] = config.Property{Name: m.GetName(), Value: m.GetValue(), Source: m.GetSource()}
	}
	return props
}

func (s *blockWorkerService) BlockHeartbeat(_ context.Context, r *blockpb.BlockHeartbeatPRequest) (*blockpb.BlockHeartbeatPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	h := blockmap.Heartbeat{
		Used: r.GetUsedBytesOnTiers(), LostStorage: lostStorageOf(r.GetLostStorage()),
		Removed: blockIDs(r.GetRemovedBlockIds()), Added: heldOf(r.GetAddedBlocks()),
	}
	if c := r.GetOptions().GetCapacityBytesOnTiers(); len(c) > 0 {
		h.Capacity = c
	}
	s.m.reported.addWorker(blockmap.WorkerID(r.GetWorkerId()), reportOf(r.GetOptions().GetMetrics()))
	c := t.blocks.Heartbeat(blockmap.WorkerID(r.GetWorkerId()), h)
	return &blockpb.BlockHeartbeatPResponse{Command: commandMessage(c)}, nil
}

func commandMessage(c blockmap.Command) *grpcpb.Command {
	m := &grpcpb.Command{CommandType: grpcpb.CommandType_Nothing.Enum()}
	switch c.Type {
	case blockmap.Register:
		m.CommandType = grpcpb.CommandType_Register.Enum()
	case blockmap.Decommission:
		m.CommandType = grpcpb.CommandType_Decommissioned.Enum()
	case blockmap.FreeBlocks:
		m.CommandType = grpcpb.CommandType_Free.Enum()
		for _, b := range c.Blocks {
			m.Data = append(m.Data, int64(b))
		}
	}
	return m
}

func reportOf(ms []*grpcpb.Metric) []ReportedMetric {
	report := make([]ReportedMetric, len(ms))
	for i, m := range ms {
		report[i] = ReportedMetric{Name: m.GetName(), Tags: m.GetTags(), Value: m.GetValue(),
			Counter: m.GetMetricType() == grpcpb.MetricType_COUNTER}
	}
	return report
}

func (s *blockWorkerService) CommitBlock(ctx context.Context, r *blockpb.CommitBlockPRequest) (*blockpb.CommitBlockPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	used := int64(-1)
	set(&used, r.UsedBytesOnTier)
	return &blockpb.CommitBlockPResponse{}, t.CommitBlock(ctx, blockmap.WorkerID(r.GetWorkerId()), blockid.ID(r.GetBlockId()), r.GetLength(),
		blockmap.Placement{Tier: r.GetTierAlias(), Medium: r.GetMediumType()}, used)
}

// CommitBlockInUfs has nothing to do: the length of a block follows from its
// file, and a block in the UFS has no location.
func (s *blockWorkerService) CommitBlockInUfs(ctx context.Context, r *blockpb.CommitBlockInUfsPRequest) (*blockpb.CommitBlockInUfsPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	return &blockpb.CommitBlockInUfsPResponse{}, t.commitLength(ctx, blockid.ID(r.GetBlockId()), r.GetLength())
}

// NotifyWorkerId is for standby masters of 2.10; workers register with the
// leader alone here.
func (s *blockWorkerService) NotifyWorkerId(context.Context, *blockpb.NotifyWorkerIdPRequest) (*blockpb.NotifyWorkerIdPResponse, error) {
	return nil, unimplemented("Registering with standby masters")
}

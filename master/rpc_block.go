package master

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
)

// blockService tells clients about blocks and workers.
type blockService struct {
	blockpb.UnimplementedBlockMasterClientServiceServer
	m *Master
}

func (s *blockService) GetBlockInfo(_ context.Context, r *blockpb.GetBlockInfoPRequest) (*blockpb.GetBlockInfoPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	b, err := t.BlockInfo(blockid.ID(r.GetBlockId()))
	if err != nil {
		return nil, err
	}
	return &blockpb.GetBlockInfoPResponse{BlockInfo: blockInfoMessage(&b)}, nil
}

func (s *blockService) GetCapacityBytes(context.Context, *blockpb.GetCapacityBytesPOptions) (*blockpb.GetCapacityBytesPResponse, error) {
	if err := s.m.workersKnown(); err != nil {
		return nil, err
	}
	return &blockpb.GetCapacityBytesPResponse{Bytes: proto.Int64(s.m.usage().capacity)}, nil
}

func (s *blockService) GetUsedBytes(context.Context, *blockpb.GetUsedBytesPOptions) (*blockpb.GetUsedBytesPResponse, error) {
	if err := s.m.workersKnown(); err != nil {
		return nil, err
	}
	return &blockpb.GetUsedBytesPResponse{Bytes: proto.Int64(s.m.usage().used)}, nil
}

func (m *Master) workersKnown() error {
	t, err := m.leading()
	if err != nil {
		return err
	}
	return t.checkWorkersKnown()
}

func (s *blockService) GetBlockMasterInfo(_ context.Context, r *blockpb.GetBlockMasterInfoPOptions) (*blockpb.GetBlockMasterInfoPResponse, error) {
	if err := s.m.workersKnown(); err != nil {
		return nil, err
	}
	want := func(f blockpb.BlockMasterInfoField) bool {
		return len(r.GetFilters()) == 0 || slices.Contains(r.GetFilters(), f)
	}
	u := s.m.usage()
	i := &blockpb.BlockMasterInfo{}
	if want(blockpb.BlockMasterInfoField_CAPACITY_BYTES) {
		i.CapacityBytes = &u.capacity
	}
	if want(blockpb.BlockMasterInfoField_USED_BYTES) {
		i.UsedBytes = &u.used
	}
	if want(blockpb.BlockMasterInfoField_FREE_BYTES) {
		i.FreeBytes = proto.Int64(u.capacity - u.used)
	}
	if want(blockpb.BlockMasterInfoField_LIVE_WORKER_NUM) {
		i.LiveWorkerNum = proto.Int32(int32(u.live))
	}
	if want(blockpb.BlockMasterInfoField_LOST_WORKER_NUM) {
		i.LostWorkerNum = proto.Int32(int32(u.lost))
	}
	if want(blockpb.BlockMasterInfoField_CAPACITY_BYTES_ON_TIERS) {
		i.CapacityBytesOnTiers = s.m.tierSums(func(w *blockmap.Worker) map[string]int64 { return w.Capacity })
	}
	if want(blockpb.BlockMasterInfoField_USED_BYTES_ON_TIERS) {
		i.UsedBytesOnTiers = s.m.tierSums(func(w *blockmap.Worker) map[string]int64 { return w.Used })
	}
	return &blockpb.GetBlockMasterInfoPResponse{BlockMasterInfo: i}, nil
}

// tierSums sums a value of all live workers by tier.
func (m *Master) tierSums(of func(*blockmap.Worker) map[string]int64) map[string]int64 {
	sums := make(map[string]int64)
	for _, w := range m.Workers() {
		if w.State != blockmap.Live {
			continue
		}
		for tier, n := range of(&w) {
			sums[tier] += n
		}
	}
	return sums
}

func (s *blockService) GetWorkerInfoList(context.Context, *blockpb.GetWorkerInfoListPOptions) (*blockpb.GetWorkerInfoListPResponse, error) {
	if err := s.m.workersKnown(); err != nil {
		return nil, err
	}
	resp := &blockpb.GetWorkerInfoListPResponse{}
	for _, w := range s.m.Workers() {
		if w.State == blockmap.Live {
			resp.WorkerInfos = append(resp.WorkerInfos, s.workerMessage(&w))
		}
	}
	return resp, nil
}

func (s *blockService) workerMessage(w *blockmap.Worker) *blockpb.WorkerInfo {
	state := "In Service"
	switch w.State {
	case blockmap.Lost:
		state = "Out of Service"
	case blockmap.Decommissioned:
		state = "Decommissioned"
	}
	return &blockpb.WorkerInfo{
		Id: proto.Int64(int64(w.ID)), Address: addressMessage(w.Address), State: &state,
		LastContactSec: proto.Int32(int32(s.m.now().Sub(w.LastContact).Seconds())),
		CapacityBytes:  proto.Int64(w.CapacityBytes()), UsedBytes: proto.Int64(w.UsedBytes()),
		StartTimeMs:          proto.Int64(w.Started.UnixMilli()),
		CapacityBytesOnTiers: w.Capacity, UsedBytesOnTiers: w.Used,
		BuildVersion: &grpcpb.BuildVersion{Version: &w.Version, Revision: &w.Revision},
	}
}

func (s *blockService) GetWorkerReport(_ context.Context, r *blockpb.GetWorkerReportPOptions) (*blockpb.GetWorkerInfoListPResponse, error) {
	if err := s.m.workersKnown(); err != nil {
		return nil, err
	}
	workers := s.m.Workers()
	resp := &blockpb.GetWorkerInfoListPResponse{}
	if r.GetWorkerRange() == blockpb.WorkerRange_SPECIFIED {
		if unknown := unknownHosts(workers, r.GetAddresses()); len(unknown) > 0 {
			return nil, errors.Errorf(errors.Invalid, "Unrecognized worker names: %v", unknown)
		}
	}
	for _, w := range workers {
		if inRange(&w, r) {
			m := s.workerMessage(&w)
			limitFields(m, r.GetFieldRanges())
			resp.WorkerInfos = append(resp.WorkerInfos, m)
		}
	}
	return resp, nil
}

func unknownHosts(workers []blockmap.Worker, hosts []string) []string {
	return slices.DeleteFunc(slices.Clone(hosts), func(h string) bool {
		return slices.ContainsFunc(workers, func(w blockmap.Worker) bool { return w.Address.Host == h })
	})
}

func inRange(w *blockmap.Worker, r *blockpb.GetWorkerReportPOptions) bool {
	switch r.GetWorkerRange() {
	case blockpb.WorkerRange_LIVE:
		return w.State == blockmap.Live
	case blockpb.WorkerRange_LOST:
		return w.State == blockmap.Lost
	case blockpb.WorkerRange_DECOMMISSIONED:
		return w.State == blockmap.Decommissioned
	case blockpb.WorkerRange_SPECIFIED:
		return slices.Contains(r.GetAddresses(), w.Address.Host)
	}
	return true
}

// limitFields leaves only the fields asked for; none means all.
func limitFields(m *blockpb.WorkerInfo, fields []blockpb.WorkerInfoField) {
	if len(fields) == 0 {
		return
	}
	drop := map[blockpb.WorkerInfoField]func(){
		blockpb.WorkerInfoField_ADDRESS:                        func() { m.Address = nil },
		blockpb.WorkerInfoField_WORKER_CAPACITY_BYTES:          func() { m.CapacityBytes = nil },
		blockpb.WorkerInfoField_WORKER_CAPACITY_BYTES_ON_TIERS: func() { m.CapacityBytesOnTiers = nil },
		blockpb.WorkerInfoField_ID:                             func() { m.Id = nil },
		blockpb.WorkerInfoField_LAST_CONTACT_SEC:               func() { m.LastContactSec = nil },
		blockpb.WorkerInfoField_START_TIME_MS:                  func() { m.StartTimeMs = nil },
		blockpb.WorkerInfoField_STATE:                          func() { m.State = nil },
		blockpb.WorkerInfoField_WORKER_USED_BYTES:              func() { m.UsedBytes = nil },
		blockpb.WorkerInfoField_WORKER_USED_BYTES_ON_TIERS:     func() { m.UsedBytesOnTiers = nil },
		blockpb.WorkerInfoField_BUILD_VERSION:                  func() { m.BuildVersion = nil },
	}
	for f, do := range drop {
		if !slices.Contains(fields, f) {
			do()
		}
	}
}

func (s *blockService) GetWorkerLostStorage(context.Context, *blockpb.GetWorkerLostStoragePOptions) (*blockpb.GetWorkerLostStoragePResponse, error) {
	if err := s.m.workersKnown(); err != nil {
		return nil, err
	}
	resp := &blockpb.GetWorkerLostStoragePResponse{}
	for _, w := range s.m.Workers() {
		if len(w.LostStorage) == 0 {
			continue
		}
		i := &blockpb.WorkerLostStorageInfo{Address: addressMessage(w.Address), LostStorage: map[string]*blockpb.StorageList{}}
		for tier, dirs := range w.LostStorage {
			i.LostStorage[tier] = &blockpb.StorageList{Storage: dirs}
		}
		resp.WorkerLostStorageInfo = append(resp.WorkerLostStorageInfo, i)
	}
	return resp, nil
}

func (s *blockService) DecommissionWorker(_ context.Context, r *blockpb.DecommissionWorkerPOptions) (*blockpb.DecommissionWorkerPResponse, error) {
	t, err := s.m.leading()
	if err != nil {
		return nil, err
	}
	for _, w := range t.blocks.Workers() {
		if w.Address.Host == r.GetWorkerHostname() && (r.WorkerWebPort == nil || int64(w.Address.WebPort) == r.GetWorkerWebPort()) {
			return &blockpb.DecommissionWorkerPResponse{}, t.blocks.DecommissionWorker(w.ID)
		}
	}
	return nil, errors.Errorf(errors.NotFound, "Worker %s is not found in Alluxio.", r.GetWorkerHostname())
}

// RemoveDisabledWorker is refused: a decommissioned worker may come back by
// registering again.
func (s *blockService) RemoveDisabledWorker(context.Context, *blockpb.RemoveDisabledWorkerPOptions) (*blockpb.RemoveDisabledWorkerPResponse, error) {
	return nil, unimplemented("Removing disabled workers")
}

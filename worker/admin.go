package worker

import (
	"context"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// RemoveBlock implements the BlockWorker service.
func (s *service) RemoveBlock(_ context.Context, req *blockpb.RemoveBlockRequest) (*blockpb.RemoveBlockResponse, error) {
	if err := s.w.store.Remove(blockid.ID(req.GetBlockId())); err != nil {
		return nil, err
	}
	s.w.heartbeatSoon()
	return &blockpb.RemoveBlockResponse{}, nil
}

// MoveBlock implements the BlockWorker service.
func (s *service) MoveBlock(ctx context.Context, req *blockpb.MoveBlockRequest) (*blockpb.MoveBlockResponse, error) {
	if req.GetMediumType() == "" {
		return nil, errors.Errorf(errors.Invalid, "Block %d cannot be moved: no medium is named.", req.GetBlockId())
	}
	if err := s.w.store.Move(ctx, blockid.ID(req.GetBlockId()), store.Place{Medium: req.GetMediumType()}); err != nil {
		return nil, err
	}
	s.w.heartbeatSoon()
	return &blockpb.MoveBlockResponse{}, nil
}

// FreeWorker implements the BlockWorker service: it removes all blocks.
func (s *service) FreeWorker(context.Context, *blockpb.FreeWorkerRequest) (*blockpb.FreeWorkerResponse, error) {
	for _, b := range s.w.store.AllBlocks() {
		if err := s.w.store.Remove(b.ID); err != nil && !errors.Is(err, errors.NotFound) {
			return nil, err
		}
	}
	s.w.heartbeatSoon()
	return &blockpb.FreeWorkerResponse{}, nil
}

// ClearMetrics implements the BlockWorker service. Counters only ever grow; what
// is cleared is what the master has been told of them.
func (s *service) ClearMetrics(context.Context, *blockpb.ClearMetricsRequest) (*blockpb.ClearMetricsResponse, error) {
	s.w.m.clear()
	return &blockpb.ClearMetricsResponse{}, nil
}

// heartbeatSoon tells the master of changes without waiting for the interval.
func (w *Worker) heartbeatSoon() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

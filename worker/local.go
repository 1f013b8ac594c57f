package worker

import (
	"context"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// OpenLocalBlock implements the BlockWorker service: it names the file of a
// block to a client on the same host, and keeps the block in place while the
// stream is open. For a client that does not verify what it reads the block is
// verified first, unless its file has not changed since it was.
func (s *service) OpenLocalBlock(stream grpc.BidiStreamingServer[blockpb.OpenLocalBlockRequest, blockpb.OpenLocalBlockResponse]) error {
	req, err := stream.Recv()
	if err != nil {
		return endOf(err)
	}
	w, id, begun := s.w, blockid.ID(req.GetBlockId()), time.Now()
	if req.GetPromote() {
		w.promote(stream.Context(), id)
	}
	if _, err := w.vouched(stream.Context(), id); err != nil {
		return err
	}
	h, err := w.store.Open(id)
	if err != nil {
		return err
	}
	defer h.Close()
	resp, err := openInPlace(stream.Context(), h, req.GetVerifies())
	if errors.Is(err, errors.Corrupt) {
		// The client then reads through ReadBlock, which fetches what is damaged
		// if that is possible.
		return errors.Errorf(errors.NotFound, "Block %d cannot be read in place: %w", id, err)
	}
	if err != nil {
		return err
	}
	if err := stream.Send(resp); err != nil {
		return err
	}
	w.m.blocksLocal.Inc()
	took(w.m.openTime, begun)
	if _, err = stream.Recv(); err == nil {
		return errors.Errorf(errors.Invalid, "A stream of OpenLocalBlock opens one block.")
	}
	if resp.Verified == nil && req.GetVerifies() {
		w.verifier.add(id) // so that the next process to read it need not
	}
	return endOf(err)
}

// openInPlace makes the answer to a client that reads in place.
func openInPlace(ctx context.Context, h *store.Handle, verifies bool) (*blockpb.OpenLocalBlockResponse, error) {
	l, err := h.Local()
	if err != nil {
		return nil, err
	}
	stamp := l.Verified
	resp := &blockpb.OpenLocalBlockResponse{Path: &l.Path}
	if verifies {
		resp.SumsCrc = &l.SumsCRC
	}
	switch known := stamp != (store.Stamp{}); {
	case !known && !verifies:
		return resp, h.Verify(ctx)
	case known && verifies:
		resp.Verified = &blockpb.FileStamp{Inode: &stamp.Inode, Size: &stamp.Size, MtimeNs: &stamp.Mtime, CtimeNs: &stamp.Ctime}
	}
	return resp, nil
}

// CreateLocalBlock implements the BlockWorker service: it makes a file for a
// client on the same host to write, reserves space as the client asks for it, and
// commits when the client half-closes.
func (s *service) CreateLocalBlock(stream grpc.BidiStreamingServer[blockpb.CreateLocalBlockRequest, blockpb.CreateLocalBlockResponse]) error {
	req, err := stream.Recv()
	if err != nil {
		return endOf(err)
	}
	if err := s.w.writers.acquire(); err != nil {
		return err
	}
	defer s.w.writers.release()
	ctx := stream.Context()
	writer, err := s.w.create(ctx, blockid.ID(req.GetBlockId()), store.CreateOptions{
		Place:   store.Place{Tier: int(req.GetTier()), Medium: req.GetMediumType()},
		Reserve: max(0, req.GetSpaceToReserve()),
		Pin:     req.GetPinOnCreate(),
		InPlace: true,
	})
	if err != nil {
		return err
	}
	path := writer.Path()
	if err := stream.Send(&blockpb.CreateLocalBlockResponse{Path: &path}); err != nil {
		writer.Abort()
		return err
	}
	if err := reserveForLocal(stream, writer); err != nil {
		if errors.Is(err, errors.NoSpace) && req.CleanupOnFailure != nil && !req.GetCleanupOnFailure() {
			s.w.locals.keep(blockid.ID(req.GetBlockId()), writer)
			return err
		}
		writer.Abort()
		return err
	}
	return s.w.commitWritten(ctx, writer)
}

// reserveForLocal answers requests for space until the client half-closes.
func reserveForLocal(stream grpc.BidiStreamingServer[blockpb.CreateLocalBlockRequest, blockpb.CreateLocalBlockResponse], writer *store.Writer) error {
	for {
		req, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !req.GetOnlyReserveSpace() {
			return errors.Errorf(errors.Invalid, "A stream of CreateLocalBlock creates one block.")
		}
		if err := writer.ReserveMore(req.GetSpaceToReserve()); err != nil {
			return err
		}
		if err := stream.Send(&blockpb.CreateLocalBlockResponse{}); err != nil {
			return err
		}
	}
}

// locals keeps blocks that local clients began and found no room for, until
// they are taken up by a write to the under store. A few are kept.
type locals struct {
	mu struct {
		sync.Mutex
		byID map[blockid.ID]*store.Writer
	}
}

const maxLocals = 64

// keep takes ownership of the writer.
func (l *locals) keep(id blockid.ID, w *store.Writer) {
	l.mu.Lock()
	var drop *store.Writer
	if l.mu.byID == nil {
		l.mu.byID = map[blockid.ID]*store.Writer{}
	}
	if len(l.mu.byID) >= maxLocals {
		for other, ow := range l.mu.byID {
			drop = ow
			delete(l.mu.byID, other)
			break
		}
	}
	if old := l.mu.byID[id]; old != nil {
		old.Abort()
	}
	l.mu.byID[id] = w
	l.mu.Unlock()
	if drop != nil {
		drop.Abort()
	}
}

// take gives ownership of the writer back, nil if there is none.
func (l *locals) take(id blockid.ID) *store.Writer {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.mu.byID[id]
	delete(l.mu.byID, id)
	return w
}

// close discards what is left.
func (l *locals) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.mu.byID {
		w.Abort()
	}
	l.mu.byID = nil
}

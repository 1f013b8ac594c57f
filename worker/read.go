package worker

import (
	"context"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

type readStream = grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]

// ReadBlock implements the BlockWorker service: it sends one range of a block in
// chunks and ends without waiting for the client, or as soon as the client
// half-closes.
func (s *service) ReadBlock(stream readStream) error {
	req, err := stream.Recv()
	if err != nil {
		return endOf(err)
	}
	id, offset, length := blockid.ID(req.GetBlockId()), req.GetOffset(), req.GetLength()
	if !id.Valid() || offset < 0 || length <= 0 {
		return errors.Errorf(errors.Invalid, "A read of %d bytes at %d of block %d is not possible.", length, offset, id)
	}
	if err := s.w.readers.acquire(); err != nil {
		return err
	}
	defer s.w.readers.release()
	ctx, stop := context.WithCancel(stream.Context())
	defer stop()
	left := make(chan struct{}) // closed when the client half-closed
	go watchReceipts(stream, left, stop)

	started := time.Now()
	err = s.w.sendBlock(ctx, stream, req)
	if took := time.Since(started); took > s.w.conf.Duration(config.WorkerRemoteIOSlowThreshold) {
		s.w.log.Warn("a read was slow", "block", id, "offset", offset, "length", length, "took", took, "error", err)
	}
	select {
	case <-left: // it has what it wanted
		return nil
	default:
		return err
	}
}

// endOf is the outcome of a call whose client left before it said anything.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// watchReceipts consumes what the client sends on, which is only of interest
// when it ends: transport flow control does the rest.
func watchReceipts(stream readStream, left chan<- struct{}, stop func()) {
	for {
		if _, err := stream.Recv(); err != nil {
			if err == io.EOF {
				close(left)
			}
			stop()
			return
		}
	}
}

// sendBlock sends the range that req asks for.
func (w *Worker) sendBlock(ctx context.Context, stream grpc.ServerStream, req *blockpb.ReadRequest) error {
	id := blockid.ID(req.GetBlockId())
	if req.GetPromote() {
		w.promote(ctx, id)
	}
	r, err := w.openReader(ctx, req)
	if err != nil {
		return err
	}
	defer func() { r.close() }()
	off, end := req.GetOffset(), min(req.GetOffset()+req.GetLength(), r.len())
	if off > r.len() {
		return errors.Errorf(errors.OutOfRange, "Offset %d is beyond block %d of %d bytes.", off, id, r.len())
	}
	chunk := w.chunkSize(req.GetChunkSize())
	r.expect(off, end-off)
	retried := false
	for off < end {
		n := nextChunk(off, end, chunk)
		d, err := r.next(ctx, off, n)
		if err != nil {
			again := w.recoverRead(id, err, !retried && req.GetOpenUfsBlockOptions().GetUfsPath() != "")
			if !again {
				return err
			}
			retried = true
			r.close()
			if r, err = w.openReader(ctx, req); err != nil {
				r = closedReader{}
				return err
			}
			r.expect(off, end-off)
			continue
		}
		if err := rpc.SendReadChunk(stream, d); err != nil {
			return err
		}
		off += int64(n)
		w.m.served(r.cached(), n)
	}
	return w.readDone(ctx, id, r)
}

// promote moves a block to the top tier. It is a wish: a block that is in use
// stays where it is.
func (w *Worker) promote(ctx context.Context, id blockid.ID) {
	err := w.store.Move(ctx, id, store.Place{Tier: 0})
	if err != nil && !errors.Is(err, errors.NotFound) && !errors.Is(err, errors.FailedPrecondition) {
		w.log.Debug("a block was not promoted", "block", id, "error", err)
	}
}

// chunkSize is the size of messages to send: what the client asks for, within
// reason.
func (w *Worker) chunkSize(asked int64) int64 {
	limit := min(w.conf.Bytes(config.WorkerNetworkReaderMaxChunkSizeBytes), rpc.ChunkBytes)
	if asked <= 0 {
		return limit
	}
	return min(asked, limit)
}

// nextChunk is the size of the chunk at off. The first of several is cut so that
// the next begin where checksums do.
func nextChunk(off, end, chunk int64) int {
	n := min(chunk, end-off)
	if ragged := off % store.SpanSize; ragged != 0 && n < end-off && n > store.SpanSize {
		n -= ragged
	}
	return int(n)
}

// recoverRead makes a second attempt possible after a failed one: a damaged block
// that the under store has is dropped, and a version that turned out to be old
// is forgotten.
func (w *Worker) recoverRead(id blockid.ID, err error, persisted bool) bool {
	switch {
	case errors.Is(err, errors.Corrupt) && persisted:
		w.log.Warn("a damaged block is fetched again", "block", id, "error", err)
		if info, err := w.store.Info(id); err == nil && !info.Confirmed {
			_ = w.store.Remove(id) // its pages cannot be bound to a version: fetch them all
		}
		return true
	case errors.Is(err, errors.Aborted):
		w.versions.forget(id.Container())
	}
	return false
}

// readDone tells the master at once of a block that this read completed.
func (w *Worker) readDone(ctx context.Context, id blockid.ID, r blockReader) error {
	if !r.filled() {
		return nil
	}
	if info, err := w.store.Info(id); err == nil && info.Whole {
		if err := w.commit(ctx, info); err != nil {
			w.log.Warn("the master was not told of a cached block; the next heartbeat does", "block", id, "error", err)
		}
	}
	return nil
}

// blockReader is one way to read a block.
type blockReader interface {
	len() int64
	expect(off, n int64)
	// next returns the n bytes at off.
	next(ctx context.Context, off int64, n int) (rpc.Data, error)
	cached() bool // from the local store without fetching
	filled() bool // may have made the block whole
	close()
}

// openReader chooses how to read the block of a request: from the store, through
// the store from below, or past the store.
func (w *Worker) openReader(ctx context.Context, req *blockpb.ReadRequest) (blockReader, error) {
	id, o := blockid.ID(req.GetBlockId()), req.GetOpenUfsBlockOptions()
	info, err := w.store.Info(id)
	if err == nil && info.Whole {
		h, err := w.store.Open(id)
		if err == nil {
			return &storeReader{h: h}, nil
		}
		if !errors.Is(err, errors.NotFound) {
			return nil, err
		}
	}
	if o.GetUfsPath() == "" && !o.GetBlockInUfsTier() {
		return nil, errors.Errorf(errors.NotFound, "Block %d is not on this worker, and its file is not in an under store.", id)
	}
	src, err := w.locate(ctx, id, o, req.GetPositionShort())
	if err != nil {
		return nil, err
	}
	if o.GetNoCache() {
		return &directReader{src: src, length: src.length}, nil
	}
	h, err := w.store.OpenFill(id, store.FillOptions{Length: src.length, Fingerprint: src.fingerprint}, src)
	if err == nil {
		return &storeReader{h: h, fill: true}, nil
	}
	w.log.Debug("a block is read past the store", "block", id, "error", err)
	return &directReader{src: src, length: src.length}, nil
}

// storeReader reads through the store.
type storeReader struct {
	h    *store.Handle
	fill bool
}

func (r *storeReader) len() int64          { return r.h.Len() }
func (r *storeReader) expect(off, n int64) { r.h.Expect(off, n) }
func (r *storeReader) cached() bool        { return !r.fill }
func (r *storeReader) filled() bool        { return r.fill }
func (r *storeReader) close()              { r.h.Close() }

func (r *storeReader) next(ctx context.Context, off int64, n int) (rpc.Data, error) {
	page := rpc.NewPage(store.BufferSize(off, n))
	out, err := r.h.Read(ctx, *page, off, n)
	if err != nil {
		rpc.FreePage(page)
		return rpc.Data{}, err
	}
	if &out[0] != &(*page)[0] {
		copy(*page, out)
	}
	*page = (*page)[:n]
	return rpc.NewData(page), nil
}

// directReader reads past the store, in one request as long as reads follow each
// other.
type directReader struct {
	src    store.Source
	length int64
	end    int64 // of what the reader wants
	at     int64
	r      io.ReadCloser
}

func (r *directReader) len() int64          { return r.length }
func (r *directReader) expect(off, n int64) { r.end = off + n }
func (r *directReader) cached() bool        { return false }
func (r *directReader) filled() bool        { return false }

func (r *directReader) close() {
	if r.r != nil {
		_ = r.r.Close()
	}
}

func (r *directReader) next(ctx context.Context, off int64, n int) (rpc.Data, error) {
	if r.r == nil || off != r.at {
		r.close()
		body, err := r.src.Open(ctx, off, max(r.end-off, int64(n)))
		if err != nil {
			return rpc.Data{}, err
		}
		r.r, r.at = body, off
	}
	page := rpc.NewPage(n)
	if _, err := io.ReadFull(r.r, (*page)[:n]); err != nil {
		rpc.FreePage(page)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = errors.Errorf(errors.Aborted, "The object ends before byte %d of the block: it changed in the under store.", off+int64(n))
		}
		return rpc.Data{}, err
	}
	*page = (*page)[:n]
	r.at = off + int64(n)
	return rpc.NewData(page), nil
}

// closedReader stands for a reader that could not be opened again.
type closedReader struct{ blockReader }

func (closedReader) close() {}

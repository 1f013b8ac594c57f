package worker

import (
	"context"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/prometheus/client_golang/prometheus"

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
	receipts := newReceipts(stream, stop)

	started := time.Now()
	err = s.w.sendBlock(ctx, stream, req, receipts)
	if took := time.Since(started); took > s.w.conf.Duration(config.WorkerRemoteIOSlowThreshold) {
		s.w.log.Warn("a read was slow", "block", id, "offset", offset, "length", length, "took", took, "error", err)
	}
	if receipts.done() { // it has what it wanted
		return nil
	}
	return err
}

// endOf is the outcome of a call whose client left before it said anything.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// sendBlock sends the range that req asks for.
func (w *Worker) sendBlock(ctx context.Context, stream grpc.ServerStream, req *blockpb.ReadRequest, receipts *receipts) error {
	id := blockid.ID(req.GetBlockId())
	if req.GetPromote() {
		w.promote(ctx, id)
	}
	count := w.m.reading(ctx)
	defer count.end()
	s := &sending{w: w, id: id, req: req, off: req.GetOffset(), chunk: w.chunkSize(req.GetChunkSize())}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.close()
	if s.off > s.r.len() {
		return errors.Errorf(errors.OutOfRange, "Offset %d is beyond block %d of %d bytes.", s.off, id, s.r.len())
	}
	several := s.end-s.off > s.chunk
	if several || s.ahead.src != nil { // else it is over at once
		go receipts.watch()
	}
	out := newSender(stream, several, &count)
	err := s.sendAll(ctx, out, receipts)
	if serr := out.close(); err == nil {
		err = serr
	}
	if err == nil && s.tell {
		w.readDone(ctx, id)
	}
	if err == nil && s.told {
		receipts.awaitEnd(ctx) // the block stays until it is read
	}
	return err
}

// sendAll sends what was asked for, as fast as the client receives it. A block that is
// all here is let go before the last chunk is sent, so that the end of the call
// follows that at once.
func (s *sending) sendAll(ctx context.Context, out *sender, receipts *receipts) error {
	for s.off < s.end {
		if err := receipts.await(ctx, s.off, s.w.sendWindow()); err != nil {
			return err
		}
		c, err := s.next(ctx)
		if err != nil {
			return err
		}
		n := c.len()
		c.missed = s.r.missed(s.off, n)
		s.off += int64(n)
		if s.off == s.r.len() {
			// With this chunk the client may go on to the next block.
			s.w.sequences.end(s.id)
		}
		last := s.off == s.end
		s.tell = last && s.tells()
		s.told = s.told || c.kept != nil
		if last && s.ahead.src == nil && !s.told {
			s.close()
		}
		c.last = last && !s.tell && !s.told
		if err := out.send(c); err != nil {
			return err
		}
	}
	return nil
}

// sending is one ReadBlock call.
type sending struct {
	w        *Worker
	id       blockid.ID
	req      *blockpb.ReadRequest
	r        blockReader
	ahead    ahead
	off, end int64 // what is still to be sent
	chunk    int64
	retried  bool
	tell     bool // the end of the call waits until the master knows the file's blocks
	told     bool // some bytes are not sent; the client takes them from the block's file
}

// endsFile reports whether what was sent ends with the end of a file that the worker
// has fetched from, lately.
func (s *sending) endsFile() bool {
	if src := s.ahead.src; src != nil {
		return src.offset+s.off >= src.size
	}
	v, ok := s.w.versions.get(s.id.Container()) // it may have been read ahead
	return ok && s.req.GetOpenUfsBlockOptions().GetOffsetInFile()+s.off >= v.size
}

func (s *sending) open(ctx context.Context) error {
	r, src, err := s.w.openReader(ctx, s.req)
	if err != nil {
		return err
	}
	s.r = r
	s.ahead = ahead{w: s.w, id: s.id, open: s.req.GetOpenUfsBlockOptions(), src: src, inPlace: s.req.GetInPlace()}
	s.end = min(s.req.GetOffset()+s.req.GetLength(), r.len())
	follows := s.w.sequences.begin(s.id)
	r.expect(s.off, s.end-s.off, s.req.GetReadsAll() || s.off == 0 && follows)
	if s.req.GetInPlace() {
		r.inPlace()
	}
	return nil
}

func (s *sending) close() {
	if s.r == nil {
		return
	}
	s.ahead.close(s.off >= s.end)
	s.r.close()
	s.r = nil
}

// next returns the next chunk. After a failure that can be mended it opens the
// block anew, once.
func (s *sending) next(ctx context.Context) (outgoing, error) {
	c, err := s.chunkAt(ctx)
	if err != nil && s.w.mend(s.id, err, s.req.GetOpenUfsBlockOptions().GetUfsPath() != "") && !s.retried {
		s.retried = true
		s.close()
		if err := s.open(ctx); err != nil {
			return outgoing{}, err
		}
		c, err = s.chunkAt(ctx)
	}
	if err == nil && s.end == s.r.len() {
		s.ahead.reached(s.r.window() - (s.end - s.off))
	}
	return c, err
}

// chunkAt returns the chunk at s.off: to be taken in place if the client does that and
// the bytes are in the block's file.
func (s *sending) chunkAt(ctx context.Context) (outgoing, error) {
	if s.req.GetInPlace() {
		n := nextChunk(s.off, s.end, s.chunk)
		path, sums, err := s.r.kept(ctx, s.off, n)
		if path != "" || err != nil {
			return outgoing{kept: &blockpb.KeptBytes{Path: &path, Length: proto.Int64(int64(n)), Sums: sums}}, err
		}
	}
	d, err := s.r.next(ctx, s.off, nextChunk(s.off, s.end, min(s.chunk, s.w.fairChunk())))
	return outgoing{data: d}, err
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
// the next begin where pages or at least checksums do.
func nextChunk(off, end, chunk int64) int {
	n := min(chunk, end-off)
	if ragged := off % chunk; chunk%store.SpanSize == 0 && ragged != 0 && n < end-off {
		n -= ragged
	}
	return int(n)
}

// mend makes a second attempt possible after a failed one, if that can help: a
// damaged block that the under store has is dropped as far as it has to be. A
// version that turned out to be old is forgotten, for the next reader.
func (w *Worker) mend(id blockid.ID, err error, persisted bool) bool {
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

// commitTimeout bounds how long a reader waits for the master to be told.
const commitTimeout = 2 * time.Second

// fewReaders is up to how many reads at once wait for the master to be told. In a crowd
// nobody does: there the time would be missed, and nobody asks. The last of a crowd are few
// again and tell of all.
const fewReaders = 4

// tells reports whether the read, when it has come to its end, waits for readDone.
func (s *sending) tells() bool { return s.w.readers.taken() <= fewReaders && s.endsFile() }

// readDone tells the master at once of the blocks of a file that became whole by
// reading it to its end, also when the client is leaving: who has closed its stream may
// then ask the master. Blocks in the middle are not waited for, as the reader goes on to
// the next; a heartbeat has them soon.
func (w *Worker) readDone(ctx context.Context, id blockid.ID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if slices.ContainsFunc(w.store.Settle(ctx, id.Container()), w.report.untold) {
		w.tellWithin(ctx, commitTimeout)
	}
}

// blockReader is one way to read a block.
type blockReader interface {
	len() int64
	// expect says what is to be read; sequential, that the reader came from the
	// block before.
	expect(off, n int64, sequential bool)
	// inPlace says that the reader takes what kept tells of.
	inPlace()
	// kept returns in which file the n bytes at off are, and the checksums of their
	// spans; "" when next has to be asked.
	kept(ctx context.Context, off int64, n int) (path string, sums []uint32, err error)
	// next returns the n bytes at off.
	next(ctx context.Context, off int64, n int) (rpc.Data, error)
	window() int64 // bytes that are read ahead
	// missed returns how many of the n bytes at off, which were just read, had to
	// be fetched for it.
	missed(off int64, n int) int64
	close()
}

// openReader chooses how to read the block of a request: from the store, through
// the store from below, or past the store.
// The source is nil for a block that is all here.
func (w *Worker) openReader(ctx context.Context, req *blockpb.ReadRequest) (blockReader, *below, error) {
	id, o := blockid.ID(req.GetBlockId()), req.GetOpenUfsBlockOptions()
	info, err := w.vouched(ctx, id)
	if err == nil && info.Whole {
		h, err := w.store.Open(id)
		if err == nil {
			return &storeReader{h}, nil, nil
		}
		if !errors.Is(err, errors.NotFound) {
			return nil, nil, err
		}
	}
	if o.GetUfsPath() == "" && !o.GetBlockInUfsTier() {
		return nil, nil, errors.Errorf(errors.NotFound, "Block %d is not on this worker, and its file is not in an under store.", id)
	}
	src, err := w.locate(ctx, id, o, req.GetPositionShort())
	if err != nil {
		return nil, nil, err
	}
	if o.GetNoCache() {
		return &directReader{src: src, length: src.length, uncached: w.m.bytesUncached}, nil, nil
	}
	h, err := w.store.OpenFill(id, store.FillOptions{Length: src.length, Fingerprint: src.fingerprint}, src)
	if err == nil {
		return &storeReader{h}, src, nil
	}
	w.log.Debug("a block is read past the store", "block", id, "error", err)
	return &directReader{src: src, length: src.length, uncached: w.m.bytesUncached}, nil, nil
}

// storeReader reads through the store.
type storeReader struct{ h *store.Handle }

func (r *storeReader) len() int64                    { return r.h.Len() }
func (r *storeReader) window() int64                 { return r.h.Window() }
func (r *storeReader) missed(off int64, n int) int64 { return r.h.Missed(off, n) }
func (r *storeReader) inPlace()                      { r.h.InPlace() }
func (r *storeReader) close()                        { r.h.Close() }

func (r *storeReader) kept(ctx context.Context, off int64, n int) (string, []uint32, error) {
	return r.h.Kept(ctx, off, n)
}

func (r *storeReader) expect(off, n int64, sequential bool) {
	r.h.Expect(off, n)
	if sequential {
		r.h.Sequential()
	}
}

func (r *storeReader) next(ctx context.Context, off int64, n int) (rpc.Data, error) {
	if lent, release, err := r.h.Lend(ctx, off, n); lent != nil || err != nil {
		return rpc.LentData(lent, release), err
	}
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
	src      store.Source
	length   int64
	end      int64 // of what the reader wants
	at       int64
	r        io.ReadCloser
	uncached prometheus.Counter
}

func (r *directReader) len() int64                  { return r.length }
func (r *directReader) expect(off, n int64, _ bool) { r.end = off + n }
func (r *directReader) window() int64               { return 0 }
func (r *directReader) inPlace()                    {}

func (r *directReader) kept(context.Context, int64, int) (string, []uint32, error) {
	return "", nil, nil
}

func (r *directReader) missed(_ int64, n int) int64 {
	r.uncached.Add(float64(n))
	return int64(n)
}

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

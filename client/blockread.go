package client

import (
	"context"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// blockReader reads a stretch of one block in order. Read and WriteTo return
// io.EOF respectively nil at the end of the stretch or of the worker's data,
// whichever comes first.
type blockReader interface {
	io.ReadCloser
	io.WriterTo
}

// drainTimeout bounds how long closing waits for a worker to finish, which is
// when it keeps what it fetched.
const drainTimeout = 5 * time.Second

// remoteBlock reads from a worker over gRPC.
type remoteBlock struct {
	stream   grpc.BidiStreamingClient[blockpb.ReadRequest, blockpb.ReadResponse]
	cancel   context.CancelFunc
	patience *patience
	req      *blockpb.ReadRequest
	pos      int64        // offset in the block after the last chunk
	chunk    rpc.ReadBody // what was not read of it
	kept     keptChunk    // instead of it, in a file
	ended    bool
}

// patience cancels a call when the other side is silent for too long.
type patience struct {
	timer *time.Timer
	limit time.Duration
	fired chan struct{}
}

func newPatience(limit time.Duration, cancel context.CancelFunc) *patience {
	p := &patience{limit: limit, fired: make(chan struct{})}
	p.timer = time.AfterFunc(limit, func() {
		close(p.fired)
		cancel()
	})
	p.timer.Stop()
	return p
}

// during runs f, which fails with a timeout if it outlasts the limit.
func (p *patience) during(what string, f func() error) error {
	p.timer.Reset(p.limit)
	err := f()
	if p.timer.Stop() {
		return err
	}
	<-p.fired
	return errors.Errorf(errors.Timeout, "%s: no answer from the worker within %v", what, p.limit)
}

// openRemote starts reading a block. The worker's refusal shows at the first
// Read.
func openRemote(ctx context.Context, worker blockpb.BlockWorkerClient, req *blockpb.ReadRequest, kept keptChunk, timeout time.Duration) (*remoteBlock, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := worker.ReadBlock(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	r := &remoteBlock{stream: stream, cancel: cancel, patience: newPatience(timeout, cancel), req: req, pos: req.GetOffset(), kept: kept}
	// A failed Send only says that the call has ended; the first receive says why.
	_ = stream.Send(req)
	return r, nil
}

// receive gets the next chunk and tells the worker how far the reader is.
func (r *remoteBlock) receive() error {
	if r.ended || r.waitedFor() && r.received() {
		return io.EOF
	}
	if err := r.patience.during("read", func() error { return r.chunk.Receive(r.stream) }); err != nil {
		r.ended = true
		return err
	}
	if kept := r.chunk.Kept(); kept != nil {
		if err := r.kept.begin(kept, r.pos); err != nil {
			return err
		}
	}
	r.pos += int64(r.chunk.Remaining()) + r.kept.remaining()
	if r.pos > r.req.GetOffset()+r.req.GetLength() {
		return errors.Errorf(errors.Internal, "the worker sent more of block %d than the %d bytes that were asked for", r.req.GetBlockId(), r.req.GetLength())
	}
	if r.received() || !r.chunk.Unpaced() {
		return nil
	}
	receipt := &blockpb.ReadRequest{
		BlockId: r.req.BlockId, Offset: r.req.Offset, Length: r.req.Length, Promote: r.req.Promote,
		ChunkSize: r.req.ChunkSize, OpenUfsBlockOptions: r.req.OpenUfsBlockOptions, PositionShort: r.req.PositionShort,
		OffsetReceived: &r.pos,
	}
	_ = r.stream.Send(receipt) // a hint; the worker may have ended the call
	return nil
}

// received reports whether everything that was asked for is here.
func (r *remoteBlock) received() bool { return r.pos == r.req.GetOffset()+r.req.GetLength() }

// waitedFor reports whether the worker keeps the block in its place until the reader says
// that it has read what it was told of.
func (r *remoteBlock) waitedFor() bool { return r.kept.file != nil }

func (r *remoteBlock) Read(p []byte) (n int, err error) {
	for r.chunk.Remaining() == 0 && r.kept.remaining() == 0 {
		if err := r.receive(); err != nil {
			return 0, err
		}
	}
	if r.kept.remaining() > 0 {
		return r.kept.Read(p)
	}
	err = r.patience.during("read", func() error {
		n, err = r.chunk.Read(p)
		return err
	})
	return n, err
}

func (r *remoteBlock) WriteTo(w io.Writer) (int64, error) {
	page := rpc.NewPage(rpc.ChunkBytes)
	defer rpc.FreePage(page)
	return io.CopyBuffer(w, readerOnly{r}, *page)
}

// readerOnly hides WriteTo from io.Copy.
type readerOnly struct{ io.Reader }

func (r *remoteBlock) Close() error {
	defer r.cancel()
	defer r.kept.close()
	_ = r.chunk.Close()
	if r.ended {
		return nil
	}
	if !r.received() || r.waitedFor() {
		_ = r.stream.CloseSend() // receiving tells whether the call ended well
	}
	giveUp := time.AfterFunc(drainTimeout, r.cancel)
	defer giveUp.Stop()
	for r.chunk.Receive(r.stream) == nil {
	}
	r.ended = true
	return nil
}

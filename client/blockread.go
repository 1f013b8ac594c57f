package client

import (
	"bufio"
	"context"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

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
	pos      int64       // offset in the block after what was received
	chunk    *mem.Reader // rest of the last chunk, nil if there is none
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
func openRemote(ctx context.Context, worker blockpb.BlockWorkerClient, req *blockpb.ReadRequest, timeout time.Duration) (*remoteBlock, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := worker.ReadBlock(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	r := &remoteBlock{stream: stream, cancel: cancel, patience: newPatience(timeout, cancel), req: req, pos: req.GetOffset()}
	// A failed Send only says that the call has ended; the first receive says why.
	_ = stream.Send(req)
	return r, nil
}

// receive gets the next chunk and tells the worker how far the reader is.
func (r *remoteBlock) receive() error {
	if r.ended {
		return io.EOF
	}
	var data rpc.Data
	err := r.patience.during("read", func() (err error) {
		data, err = rpc.RecvReadChunk(r.stream)
		return err
	})
	if err != nil {
		r.ended = true
		return err
	}
	r.pos += int64(data.Len())
	if r.pos > r.req.GetOffset()+r.req.GetLength() {
		data.Free()
		return errors.Errorf(errors.Internal, "the worker sent more of block %d than the %d bytes that were asked for", r.req.GetBlockId(), r.req.GetLength())
	}
	r.chunk = data.Reader()
	receipt := &blockpb.ReadRequest{
		BlockId: r.req.BlockId, Offset: r.req.Offset, Length: r.req.Length, Promote: r.req.Promote,
		ChunkSize: r.req.ChunkSize, OpenUfsBlockOptions: r.req.OpenUfsBlockOptions, PositionShort: r.req.PositionShort,
		OffsetReceived: &r.pos,
	}
	_ = r.stream.Send(receipt) // a hint; the worker may have ended the call
	return nil
}

func (r *remoteBlock) Read(p []byte) (int, error) {
	for r.chunk == nil || r.chunk.Remaining() == 0 {
		if err := r.receive(); err != nil {
			return 0, err
		}
	}
	return r.chunk.Read(p)
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
	if r.chunk != nil {
		r.chunk.Close()
		r.chunk = nil
	}
	if r.ended {
		return nil
	}
	_ = r.stream.CloseSend() // receiving tells whether the call ended well
	giveUp := time.AfterFunc(drainTimeout, r.cancel)
	defer giveUp.Stop()
	for {
		data, err := rpc.RecvReadChunk(r.stream)
		if err != nil {
			r.ended = true
			return nil
		}
		data.Free()
	}
}

// localBlock reads the file of a block on this machine. The worker keeps the
// block while the call is open. ReadAt may be called concurrently.
type localBlock struct {
	file   *os.File
	stream grpc.BidiStreamingClient[blockpb.OpenLocalBlockRequest, blockpb.OpenLocalBlockResponse]
	cancel context.CancelFunc
	usage  *usage
}

// openLocal opens a block's file by way of the worker that has it.
func openLocal(ctx context.Context, worker blockpb.BlockWorkerClient, id int64, promote bool, timeout time.Duration) (*localBlock, error) {
	ctx, cancel := context.WithCancel(ctx)
	b, err := dialLocal(ctx, worker, id, promote, newPatience(timeout, cancel))
	if err != nil {
		cancel()
		return nil, err
	}
	b.cancel = cancel
	return b, nil
}

func dialLocal(ctx context.Context, worker blockpb.BlockWorkerClient, id int64, promote bool, p *patience) (*localBlock, error) {
	stream, err := worker.OpenLocalBlock(ctx)
	if err != nil {
		return nil, err
	}
	_ = stream.Send(&blockpb.OpenLocalBlockRequest{BlockId: &id, Promote: &promote}) // the answer says what went wrong
	var path string
	err = p.during("open local block", func() error {
		resp, err := stream.Recv()
		path = resp.GetPath()
		return err
	})
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.E("open block file", path, errors.Other, err)
	}
	return &localBlock{file: file, stream: stream}, nil
}

func (b *localBlock) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.file.ReadAt(p, off)
	b.usage.readLocal(n)
	return n, err
}

// Close gives the block back to the worker.
func (b *localBlock) Close() error {
	defer b.cancel()
	err := b.file.Close()
	_ = b.stream.CloseSend() // if the call has ended, the block is free already
	giveUp := time.AfterFunc(drainTimeout, b.cancel)
	defer giveUp.Stop()
	_, _ = b.stream.Recv()
	return err
}

// localStretch is a part of a local block as a blockReader. Small reads are
// buffered, large ones are not.
type localStretch struct {
	*bufio.Reader
	block *localBlock
}

// smallRead is the size below which reads of a local block are buffered.
const smallRead = 32 << 10

func newLocalStretch(b *localBlock, off, length int64) *localStretch {
	return &localStretch{bufio.NewReaderSize(io.NewSectionReader(b, off, length), smallRead), b}
}

func (l *localStretch) WriteTo(w io.Writer) (int64, error) {
	page := rpc.NewPage(rpc.ChunkBytes)
	defer rpc.FreePage(page)
	return io.CopyBuffer(w, readerOnly{l.Reader}, *page)
}

func (l *localStretch) Close() error { return l.block.Close() }

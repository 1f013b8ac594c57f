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

type writeStream = grpc.BidiStreamingServer[blockpb.WriteRequest, blockpb.WriteResponse]

// WriteBlock implements the BlockWorker service: a command, then chunks and flush
// commands; half-closing commits, anything else aborts.
func (s *service) WriteBlock(stream writeStream) error {
	if err := s.w.writers.acquire(); err != nil {
		return err
	}
	defer s.w.writers.release()
	first, err := rpc.RecvWrite(stream)
	if err != nil {
		return endOf(err)
	}
	c := first.Command
	if c == nil {
		first.Data.Free()
		return errors.Errorf(errors.Invalid, "The first message of a write must be a command.")
	}
	started := time.Now()
	ctx := stream.Context()
	sink, err := s.w.newSink(ctx, c)
	if err != nil {
		return err
	}
	if err := s.w.receive(stream, sink, c); err != nil {
		sink.abort()
		return err
	}
	if err := sink.commit(ctx); err != nil {
		sink.abort()
		return err
	}
	took := time.Since(started)
	s.w.m.writeTime.Observe(took.Seconds())
	if took > s.w.conf.Duration(config.WorkerRemoteIOSlowThreshold) {
		s.w.log.Debug("a write was slow", "block", c.GetId(), "bytes", sink.len(), "took", took)
	}
	return nil
}

// receive feeds the sink until the client half-closes.
func (w *Worker) receive(stream writeStream, sink sink, first *blockpb.WriteRequestCommand) error {
	if first.Offset != nil && first.GetOffset() != sink.len() && first.GetType() != blockpb.RequestType_UFS_FALLBACK_BLOCK {
		return wrongOffset(first.GetOffset(), sink.len())
	}
	received := w.m.over(stream.Context()).written
	for {
		m, err := rpc.RecvWrite(stream)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Command == nil {
			n, err := m.Data.WriteTo(sink)
			m.Data.Free()
			received.Add(float64(n))
			if err != nil {
				return err
			}
			continue
		}
		if err := w.command(stream, sink, m.Command); err != nil {
			return err
		}
	}
}

func wrongOffset(got, want int64) error {
	return errors.Errorf(errors.Invalid, "Offsets do not match: the client is at %d, the worker at %d.", got, want)
}

// command obeys a command after the first one: to flush, or to take up what a
// failed local write left behind.
func (w *Worker) command(stream writeStream, sink sink, c *blockpb.WriteRequestCommand) error {
	if n := c.GetCreateUfsBlockOptions().GetBytesInBlockStore(); n > 0 {
		spill, ok := sink.(*spillSink)
		if !ok {
			return errors.Errorf(errors.Invalid, "Only a block that is written to the under store can take up a local one.")
		}
		return spill.adopt(stream.Context(), n)
	}
	if c.Offset != nil && c.GetOffset() != sink.len() {
		return wrongOffset(c.GetOffset(), sink.len())
	}
	if !c.GetFlush() {
		return nil
	}
	if err := sink.flush(); err != nil {
		return err
	}
	at := sink.len()
	return stream.Send(&blockpb.WriteResponse{Offset: &at})
}

// sink is what a write goes to. Not safe for concurrent use.
type sink interface {
	io.Writer
	len() int64 // bytes received
	flush() error
	commit(ctx context.Context) error
	abort()
}

// newSink makes the sink that the first command of a write asks for.
func (w *Worker) newSink(ctx context.Context, c *blockpb.WriteRequestCommand) (sink, error) {
	switch c.GetType() {
	case blockpb.RequestType_UFS_FILE:
		return w.newFileSink(ctx, c)
	case blockpb.RequestType_UFS_FALLBACK_BLOCK:
		return w.newSpillSink(ctx, c)
	default:
		return w.newBlockSink(ctx, c)
	}
}

// blockSink writes a block to the store.
type blockSink struct {
	w      *Worker
	writer *store.Writer
}

func (w *Worker) newBlockSink(ctx context.Context, c *blockpb.WriteRequestCommand) (*blockSink, error) {
	writer, err := w.create(ctx, blockid.ID(c.GetId()), store.CreateOptions{
		Place:   store.Place{Tier: int(c.GetTier()), Medium: c.GetMediumType()},
		Reserve: max(0, c.GetSpaceToReserve()),
		Pin:     c.GetPinOnCreate(),
	})
	if err != nil {
		return nil, err
	}
	return &blockSink{w: w, writer: writer}, nil
}

// create begins a block. When there is no room, the master is asked first whether
// blocks that are kept as only copies have reached the under store by now.
func (w *Worker) create(ctx context.Context, id blockid.ID, opts store.CreateOptions) (*store.Writer, error) {
	writer, err := w.store.Create(id, opts)
	if errors.Is(err, errors.NoSpace) && w.confirmAll(ctx) {
		writer, err = w.store.Create(id, opts)
	}
	if errors.Is(err, errors.NoSpace) {
		return nil, errors.Errorf(errors.NoSpace, "Not enough space left on worker %s to store blockId %d. %w", w.Address(), id, err)
	}
	return writer, err
}

func (b *blockSink) Write(p []byte) (int, error) { return b.writer.Write(p) }
func (b *blockSink) len() int64                  { return b.writer.Len() }
func (b *blockSink) flush() error                { return b.writer.Flush() }
func (b *blockSink) abort()                      { b.writer.Abort() }

func (b *blockSink) commit(ctx context.Context) error {
	return b.w.commitWritten(ctx, b.writer)
}

// commitWritten commits a block and tells the master, so that the client may
// complete its file. A block the master was not told of is taken back: the client
// sees the write fail.
func (w *Worker) commitWritten(ctx context.Context, writer *store.Writer) error {
	info, err := writer.Commit()
	if err != nil {
		return err
	}
	if err := w.commit(ctx, info); err != nil {
		_ = w.store.Remove(info.ID)
		return err
	}
	return nil
}

const (
	reregisterTimeout = 30 * time.Second       // how long a commit waits for the worker to be known again
	reregisterPause   = 100 * time.Millisecond // between two tries
)

// commit tells the master of a whole block. A master that has restarted, or a new
// leader, does not know this worker until it has registered again: commit waits
// for that.
func (w *Worker) commit(ctx context.Context, info store.Info) error {
	deadline := time.Now().Add(reregisterTimeout)
	err := w.tryCommit(ctx, info)
	for errors.Is(err, errors.NotFound) && time.Now().Before(deadline) {
		w.heartbeatSoon()
		select {
		case <-time.After(reregisterPause):
		case <-ctx.Done():
			return ctx.Err()
		}
		err = w.tryCommit(ctx, info)
	}
	return err
}

// tryCommit fails with NotFound when the master does not know this worker.
func (w *Worker) tryCommit(ctx context.Context, info store.Info) error {
	used := storageOf(w.store.Tiers()).used[info.Tier]
	err := w.master.commitBlock(ctx, w.id.Load(), info, used)
	if err != nil {
		return errors.Errorf(errors.KindOf(err), "Block %d could not be committed to the master: %w", info.ID, err)
	}
	w.report.told(info.ID)
	return nil
}

// fileSink writes a whole file to an under store.
type fileSink struct {
	w      *Worker
	writer ufsWriter
	n      int64
}

func (w *Worker) newFileSink(ctx context.Context, c *blockpb.WriteRequestCommand) (*fileSink, error) {
	o := c.GetCreateUfsFileOptions()
	m, err := w.mounts.get(ctx, o.GetMountId())
	if err != nil {
		return nil, err
	}
	if m.readOnly {
		return nil, errors.Errorf(errors.Permission, "%s is mounted read-only.", m.uri)
	}
	rel, err := m.rel(o.GetUfsPath())
	if err != nil {
		return nil, err
	}
	writer, err := m.create(ctx, rel, ufsCreateOptions(o.GetOwner(), o.GetGroup(), uint32(o.GetMode())))
	if err != nil {
		return nil, err
	}
	return &fileSink{w: w, writer: writer}, nil
}

func (f *fileSink) Write(p []byte) (int, error) {
	n, err := f.writer.Write(p)
	f.n += int64(n)
	return n, err
}

func (f *fileSink) len() int64   { return f.n }
func (f *fileSink) flush() error { return nil } // nothing of a file is visible before it is whole

func (f *fileSink) commit(ctx context.Context) error {
	_, err := f.writer.Commit(ctx)
	return err
}

// abortTimeout bounds the cleaning up after a client that left.
const abortTimeout = 30 * time.Second

func (f *fileSink) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), abortTimeout)
	defer cancel()
	if err := f.writer.Abort(ctx); err != nil {
		f.w.log.Warn("an unfinished file was not cleaned up in the under store", "error", err)
	}
}

package client

import (
	"context"
	"io"
	"os"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// target is where written bytes go: one copy of a block, or the file in the
// under store. Its owner calls commit or abort once.
type target interface {
	write(p []byte) error
	// flush returns when the worker has everything.
	flush() error
	// commit returns when what was written is durable and known to the master.
	commit() error
	// abort makes the worker drop what was written.
	abort()
}

// remoteTarget writes through a worker over gRPC.
type remoteTarget struct {
	stream grpc.BidiStreamingClient[blockpb.WriteRequest, blockpb.WriteResponse]
	cancel context.CancelFunc
	cmd    *blockpb.WriteRequestCommand
	conf   *writeConfig
	worker WorkerAddress
	page   *[]byte // the chunk being filled, nil if there is none
	filled int
	sent   int64
}

// openTarget begins a write. The worker's refusal shows later: it answers
// nothing to the command.
func openTarget(ctx context.Context, s *session, worker WorkerAddress, cmd *blockpb.WriteRequestCommand, conf *writeConfig) (*remoteTarget, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.worker(worker).WriteBlock(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	t := &remoteTarget{stream: stream, cancel: cancel, cmd: cmd, conf: conf, worker: worker}
	if err := t.send(func() error { return rpc.SendWriteCommand(stream, cmd) }); err != nil {
		t.abort()
		return nil, err
	}
	return t, nil
}

// send sends one message. When the worker has ended the call, its reason is the
// error.
func (t *remoteTarget) send(f func() error) error {
	err := newPatience(t.conf.sendTimeout, t.cancel).during("write to "+t.worker.String(), f)
	if err == io.EOF {
		_, err = t.stream.Recv()
		if err == nil || err == io.EOF {
			err = errors.Errorf(errors.Internal, "the worker %s ended a write before it was finished", t.worker)
		}
	}
	return err
}

func (t *remoteTarget) write(p []byte) error {
	for len(p) > 0 {
		if t.page == nil {
			t.page = rpc.NewPage(int(t.conf.chunk))
		}
		n := copy((*t.page)[t.filled:], p)
		t.filled += n
		p = p[n:]
		if t.filled == len(*t.page) {
			if err := t.sendPage(); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendPage sends what has gathered.
func (t *remoteTarget) sendPage() error {
	if t.filled == 0 {
		return nil
	}
	page, n := t.page, t.filled
	*page = (*page)[:n]
	t.page, t.filled = nil, 0
	if err := t.send(func() error { return rpc.SendWriteChunk(t.stream, rpc.NewData(page)) }); err != nil {
		return err
	}
	t.sent += int64(n)
	return nil
}

func (t *remoteTarget) flush() error {
	if err := t.sendPage(); err != nil || t.sent == 0 {
		return err
	}
	// Every field of the command again, with the place that is to be confirmed.
	cmd := &blockpb.WriteRequestCommand{
		Type: t.cmd.Type, Id: t.cmd.Id, Tier: t.cmd.Tier, MediumType: t.cmd.MediumType,
		PinOnCreate: t.cmd.PinOnCreate, SpaceToReserve: t.cmd.SpaceToReserve,
		CreateUfsFileOptions: t.cmd.CreateUfsFileOptions, CreateUfsBlockOptions: t.cmd.CreateUfsBlockOptions,
		Flush: new(true), Offset: &t.sent,
	}
	if err := t.send(func() error { return rpc.SendWriteCommand(t.stream, cmd) }); err != nil {
		return err
	}
	return newPatience(t.conf.flushTimeout, t.cancel).during("flush to "+t.worker.String(), t.confirmed)
}

// confirmed waits for the answer that names the place reached.
func (t *remoteTarget) confirmed() error {
	for {
		resp, err := t.stream.Recv()
		if err == io.EOF {
			return errors.Errorf(errors.Internal, "the worker %s ended a write that was being flushed", t.worker)
		}
		if err != nil {
			return err
		}
		if resp.GetOffset() == t.sent {
			return nil
		}
	}
}

func (t *remoteTarget) commit() error {
	defer t.cancel()
	if err := t.sendPage(); err != nil {
		return err
	}
	if err := t.stream.CloseSend(); err != nil {
		return err
	}
	return newPatience(t.conf.closeTimeout, t.cancel).during("complete a write to "+t.worker.String(), t.ended)
}

// ended waits for the worker to end the call, which means that all is durable.
func (t *remoteTarget) ended() error {
	for {
		if _, err := t.stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (t *remoteTarget) abort() {
	if t.page != nil {
		rpc.FreePage(t.page)
		t.page = nil
	}
	t.cancel()
	_ = t.ended() // the stream's resources are free when it has ended
}

// localTarget writes the file of a block on this machine.
type localTarget struct {
	file     *os.File
	stream   grpc.BidiStreamingClient[blockpb.CreateLocalBlockRequest, blockpb.CreateLocalBlockResponse]
	cancel   context.CancelFunc
	req      *blockpb.CreateLocalBlockRequest
	conf     *writeConfig
	worker   WorkerAddress
	usage    *usage
	buf      []byte // gathers small writes
	pos      int64  // bytes in the file
	reserved int64  // bytes the worker set aside
}

// localWriteBuffer is the smallest piece that is written to a block file, except
// for the last: files written in small pieces are slow to read.
const localWriteBuffer = 256 << 10

// minReserve is how much more room is asked for at a time.
const minReserve = 8 << 20

// openLocalTarget has the worker create an empty block file.
func openLocalTarget(ctx context.Context, s *session, worker WorkerAddress, req *blockpb.CreateLocalBlockRequest, conf *writeConfig) (*localTarget, error) {
	ctx, cancel := context.WithCancel(ctx)
	t := &localTarget{cancel: cancel, req: req, conf: conf, worker: worker, usage: s.usage, reserved: req.GetSpaceToReserve()}
	stream, err := s.worker(worker).CreateLocalBlock(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	t.stream = stream
	path, err := t.ask(req)
	if err == nil {
		t.file, err = os.OpenFile(path, os.O_WRONLY, 0)
	}
	if err != nil {
		t.abort()
		return nil, err
	}
	return t, nil
}

// ask makes a request and returns the path in the answer.
func (t *localTarget) ask(req *blockpb.CreateLocalBlockRequest) (path string, err error) {
	_ = t.stream.Send(req) // the answer says what went wrong
	err = newPatience(t.conf.sendTimeout, t.cancel).during("create a block on "+t.worker.String(), func() error {
		resp, err := t.stream.Recv()
		if err == io.EOF {
			return errors.Errorf(errors.Internal, "the worker %s ended a write before it was finished", t.worker)
		}
		path = resp.GetPath()
		return err
	})
	return path, err
}

func (t *localTarget) write(p []byte) error {
	if t.buf == nil {
		t.buf = make([]byte, 0, localWriteBuffer)
	}
	for len(p) > 0 {
		if len(t.buf) == 0 && len(p) >= localWriteBuffer {
			return t.writeFile(p)
		}
		n := min(len(p), cap(t.buf)-len(t.buf))
		t.buf = append(t.buf, p[:n]...)
		p = p[n:]
		if len(t.buf) == cap(t.buf) {
			if err := t.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeFile appends to the file, after asking for room if there is not enough.
func (t *localTarget) writeFile(p []byte) error {
	if missing := t.pos + int64(len(p)) - t.reserved; missing > 0 {
		more := max(missing, minReserve)
		req := &blockpb.CreateLocalBlockRequest{
			BlockId: t.req.BlockId, Tier: t.req.Tier, MediumType: t.req.MediumType,
			PinOnCreate: t.req.PinOnCreate, CleanupOnFailure: t.req.CleanupOnFailure,
			OnlyReserveSpace: new(true), SpaceToReserve: &more,
		}
		if _, err := t.ask(req); err != nil {
			return err
		}
		t.reserved += more
	}
	n, err := t.file.Write(p)
	t.pos += int64(n)
	t.usage.wroteLocal(n)
	return err
}

func (t *localTarget) flush() error {
	if len(t.buf) == 0 {
		return nil
	}
	err := t.writeFile(t.buf)
	t.buf = t.buf[:0]
	return err
}

func (t *localTarget) commit() error {
	defer t.cancel()
	if err := t.flush(); err != nil {
		t.file.Close()
		return err
	}
	if err := t.file.Close(); err != nil {
		return err
	}
	if err := t.stream.CloseSend(); err != nil {
		return err
	}
	return newPatience(t.conf.closeTimeout, t.cancel).during("complete a block on "+t.worker.String(), t.ended)
}

func (t *localTarget) ended() error {
	for {
		if _, err := t.stream.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (t *localTarget) abort() {
	if t.file != nil {
		t.file.Close()
	}
	t.cancel()
	_ = t.ended() // the stream's resources are free when it has ended
}

package client

import (
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// fakeWorker is a worker whose streams do what a test says, for what a real one
// would not do.
type fakeWorker struct {
	blockpb.UnimplementedBlockWorkerServer
	read  func(grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error
	write func(grpc.BidiStreamingServer[blockpb.WriteRequest, blockpb.WriteResponse]) error
}

func (f *fakeWorker) ReadBlock(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
	return f.read(s)
}

func (f *fakeWorker) WriteBlock(s grpc.BidiStreamingServer[blockpb.WriteRequest, blockpb.WriteResponse]) error {
	return f.write(s)
}

// serveFake runs a fake worker and returns a session that can reach it, and its
// address.
func serveFake(t *testing.T, f *fakeWorker) (*session, WorkerAddress) {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := rpc.NewServer(rpc.ServerOptions{Grace: 10 * time.Millisecond})
	blockpb.RegisterBlockWorkerServer(s, f)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	pool := rpc.NewPool(rpc.ClientOptions{NoBulk: true})
	t.Cleanup(func() {
		pool.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	ses := &session{pool: pool, usage: new(usage)}
	ses.workers = &workerList{s: ses, host: "elsewhere"}
	return ses, WorkerAddress{Host: "localhost", DataPort: l.Addr().(*net.TCPAddr).Port}
}

func sendRead(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse], data string) error {
	return s.Send(&blockpb.ReadResponse{Chunk: &blockpb.Chunk{Data: []byte(data)}})
}

func readRequest(length int64) *blockpb.ReadRequest {
	return &blockpb.ReadRequest{BlockId: new(int64(7)), Offset: new(int64(100)), Length: &length, ChunkSize: new(int64(4))}
}

// The reader acknowledges every chunk with its first request and the place it has
// reached, and ends with a half-close, which lets a worker keep what it fetched.
func TestReadConversation(t *testing.T) {
	var got []*blockpb.ReadRequest
	closed := make(chan error, 1)
	ses, addr := serveFake(t, &fakeWorker{read: func(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		for _, chunk := range []string{"", "abcd", "ef"} {
			if chunk != "" {
				if err := sendRead(s, chunk); err != nil {
					return err
				}
			}
			m, err := s.Recv()
			if err != nil {
				return err
			}
			got = append(got, m)
		}
		_, err := s.Recv()
		closed <- err
		return nil
	}})
	r, err := openRemote(t.Context(), ses.worker(addr), readRequest(100), keptChunk{}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 6)
	if _, err := io.ReadFull(r, p); err != nil || string(p) != "abcdef" {
		t.Fatalf("%q, %v", p, err)
	}
	r.Close()
	if err := <-closed; err != io.EOF {
		t.Errorf("the worker saw the end of the read as %v", err)
	}
	if len(got) != 3 || got[0].OffsetReceived != nil || got[1].GetOffsetReceived() != 104 || got[2].GetOffsetReceived() != 106 || got[2].GetLength() != 100 || got[2].GetBlockId() != 7 {
		t.Errorf("requests: %v", got)
	}
}

func TestMisbehavingReads(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	for name, c := range map[string]struct {
		read func(grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error
		data string
		kind errors.Kind // Other: io.ErrUnexpectedEOF
	}{
		"ends early": {func(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
			return sendRead(s, "ab")
		}, "ab", errors.Other},
		"fails": {func(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
			sendRead(s, "abc")
			return errors.Errorf(errors.Unavailable, "the store does not answer")
		}, "abc", errors.Unavailable},
		"sends too much": {func(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
			return sendRead(s, "123456789")
		}, "", errors.Internal},
		"sends nothing in between": {func(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
			s.Send(&blockpb.ReadResponse{})
			s.Send(&blockpb.ReadResponse{Chunk: &blockpb.Chunk{}})
			sendRead(s, "abcd")
			return nil
		}, "abcd", errors.Other},
		"is silent": {func(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
			sendRead(s, "a")
			select {
			case <-hold:
			case <-s.Context().Done():
			}
			return nil
		}, "a", errors.Timeout},
	} {
		ses, addr := serveFake(t, &fakeWorker{read: c.read})
		r, err := openRemote(t.Context(), ses.worker(addr), readRequest(8), keptChunk{}, 300*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 8)
		n, err := io.ReadFull(r, p)
		if string(p[:n]) != c.data || c.kind == errors.Other && err != io.ErrUnexpectedEOF || c.kind != errors.Other && !errors.Is(err, c.kind) {
			t.Errorf("a worker that %s: %q, %v", name, p[:n], err)
		}
		r.Close()
	}
}

func testWriteConfig() *writeConfig {
	return &writeConfig{chunk: 4, sendTimeout: time.Minute, flushTimeout: 2 * time.Second, closeTimeout: 2 * time.Second}
}

// recorder answers a write as a worker does, and keeps what it was told.
type recorder struct {
	commands []*blockpb.WriteRequestCommand
	chunks   []string
	end      error
}

func (r *recorder) record(s grpc.BidiStreamingServer[blockpb.WriteRequest, blockpb.WriteResponse]) error {
	for {
		m, err := s.Recv()
		if err != nil {
			r.end = err
			if err == io.EOF {
				return nil
			}
			return err
		}
		if c := m.GetCommand(); c != nil {
			r.commands = append(r.commands, c)
			if c.GetFlush() {
				s.Send(&blockpb.WriteResponse{Offset: new(int64(1))}) // not the one asked for
				s.Send(&blockpb.WriteResponse{Offset: c.Offset})
			}
			continue
		}
		r.chunks = append(r.chunks, string(m.GetChunk().GetData()))
	}
}

func TestWriteConversation(t *testing.T) {
	var rec recorder
	ended := make(chan struct{})
	ses, addr := serveFake(t, &fakeWorker{write: func(s grpc.BidiStreamingServer[blockpb.WriteRequest, blockpb.WriteResponse]) error {
		defer close(ended)
		return rec.record(s)
	}})
	cmd := &blockpb.WriteRequestCommand{Type: blockpb.RequestType_ALLUXIO_BLOCK.Enum(), Id: new(int64(9)), SpaceToReserve: new(int64(64))}
	w, err := openTarget(t.Context(), ses, addr, cmd, testWriteConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		w.flush, // nothing to flush: not a word
		func() error { return w.write([]byte("ab")) },
		func() error { return w.write([]byte("cdefg")) },
		w.flush,
		func() error { return w.write([]byte("h")) },
		w.commit,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	<-ended
	if got := strings.Join(rec.chunks, ","); got != "abcd,efg,h" || rec.end != io.EOF {
		t.Errorf("chunks %s, end %v", got, rec.end)
	}
	if len(rec.commands) != 2 || rec.commands[0].Offset != nil || !rec.commands[1].GetFlush() || rec.commands[1].GetOffset() != 7 ||
		rec.commands[1].GetId() != 9 || rec.commands[1].GetSpaceToReserve() != 64 {
		t.Errorf("commands: %v", rec.commands)
	}
}

func TestAbortedWriteIsNoCommit(t *testing.T) {
	var rec recorder
	ended := make(chan struct{})
	ses, addr := serveFake(t, &fakeWorker{write: func(s grpc.BidiStreamingServer[blockpb.WriteRequest, blockpb.WriteResponse]) error {
		defer close(ended)
		return rec.record(s)
	}})
	w, err := openTarget(t.Context(), ses, addr, &blockpb.WriteRequestCommand{}, testWriteConfig())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.write([]byte("abcdef")); err != nil {
		t.Fatal(err)
	}
	w.abort()
	<-ended
	if rec.end == io.EOF || rec.end == nil {
		t.Errorf("the worker takes the aborted write for finished: %v", rec.end)
	}
}

func TestMisbehavingWrites(t *testing.T) {
	type stream = grpc.BidiStreamingServer[blockpb.WriteRequest, blockpb.WriteResponse]
	noSpace := errors.Errorf(errors.NoSpace, "Not enough space left on worker")
	for name, c := range map[string]struct {
		write func(stream) error
		do    func(*remoteTarget) error
		kind  errors.Kind
	}{
		"refuses": {func(stream) error { return noSpace }, func(w *remoteTarget) (err error) {
			for err == nil { // the refusal comes some time after the data has begun to flow
				err = w.write(bytes.Repeat([]byte("x"), 1000))
			}
			return err
		}, errors.NoSpace},
		"refuses at the end":     {func(s stream) error { drain(s); return noSpace }, (*remoteTarget).commit, errors.NoSpace},
		"ends a flush":           {func(s stream) error { s.Recv(); s.Recv(); s.Recv(); return nil }, flushed, errors.Internal},
		"does not confirm":       {func(s stream) error { drain(s); return nil }, flushed, errors.Timeout},
		"does not end":           {func(s stream) error { <-s.Context().Done(); return nil }, (*remoteTarget).commit, errors.Timeout},
		"ends in the middle, ok": {func(s stream) error { return nil }, flushed, errors.Internal},
	} {
		ses, addr := serveFake(t, &fakeWorker{write: c.write})
		conf := testWriteConfig()
		conf.flushTimeout, conf.closeTimeout = 200*time.Millisecond, 200*time.Millisecond
		w, err := openTarget(t.Context(), ses, addr, &blockpb.WriteRequestCommand{}, conf)
		if err == nil {
			err = c.do(w)
			w.abort()
		}
		if !errors.Is(err, c.kind) {
			t.Errorf("a worker that %s: %v", name, err)
		}
	}
}

func flushed(w *remoteTarget) error {
	if err := w.write([]byte("abc")); err != nil {
		return err
	}
	return w.flush()
}

// drain receives until the client has finished.
func drain(s grpc.BidiStreamingServer[blockpb.WriteRequest, blockpb.WriteResponse]) {
	for {
		if _, err := s.Recv(); err != nil {
			return
		}
	}
}

// TestMistakenKeptBytes: what a worker tells of its files is not believed, and what cannot
// be read there is asked for again.
func TestMistakenKeptBytes(t *testing.T) {
	good := make([]byte, store.SpanSize)
	path := filepath.Join(t.TempDir(), "16777216")
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := crc32.Checksum(good, crc32.MakeTable(crc32.Castagnoli))
	length := int64(len(good))
	for name, c := range map[string]struct {
		kept   *blockpb.KeptBytes
		failed bool // the file is to blame
		ok     bool
	}{
		"right":          {&blockpb.KeptBytes{Path: &path, Length: &length, Sums: []uint32{sum}}, false, true},
		"other bytes":    {&blockpb.KeptBytes{Path: &path, Length: &length, Sums: []uint32{sum + 1}}, true, false},
		"no file":        {&blockpb.KeptBytes{Path: new(path + "0"), Length: &length, Sums: []uint32{sum}}, true, false},
		"no block file":  {&blockpb.KeptBytes{Path: new("/etc/hostname"), Length: &length, Sums: []uint32{sum}}, true, false},
		"no checksum":    {&blockpb.KeptBytes{Path: &path, Length: &length}, false, false},
		"more than all":  {&blockpb.KeptBytes{Path: &path, Length: new(length + 1), Sums: []uint32{sum, sum}}, false, false},
		"less than none": {&blockpb.KeptBytes{Path: &path, Length: new(int64(-1)), Sums: []uint32{sum}}, false, false},
	} {
		ended := make(chan error, 1)
		ses, addr := serveFake(t, &fakeWorker{read: func(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
			_, _ = s.Recv()
			_ = s.Send(&blockpb.ReadResponse{Kept: c.kept})
			for {
				if _, err := s.Recv(); err != nil {
					ended <- err
					return nil
				}
			}
		}})
		req := readRequest(length)
		req.Offset = new(int64(0))
		r, err := openRemote(t.Context(), ses.worker(addr), req, keptChunk{length: length, usage: ses.usage}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if c.ok != (err == nil) || c.ok && !bytes.Equal(got, good) || r.kept.failed != c.failed {
			t.Errorf("%s: %d bytes, %v; failed %v", name, len(got), err, r.kept.failed)
		}
		r.Close()
		if r.kept.file != nil {
			t.Errorf("%s: the file is still open", name)
		}
		if err := <-ended; err != io.EOF {
			t.Errorf("%s: the worker saw the end of the read as %v", name, err)
		}
	}
}

// TestKeptFileIsClosedAfterFailure: a call that breaks leaves no file open.
func TestKeptFileIsClosedAfterFailure(t *testing.T) {
	good := make([]byte, store.SpanSize)
	path := filepath.Join(t.TempDir(), "16777216")
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := crc32.Checksum(good, crc32.MakeTable(crc32.Castagnoli))
	ses, addr := serveFake(t, &fakeWorker{read: func(s grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		_, _ = s.Recv()
		_ = s.Send(&blockpb.ReadResponse{Kept: &blockpb.KeptBytes{Path: &path, Length: new(int64(len(good))), Sums: []uint32{sum}}})
		return errors.Errorf(errors.Unavailable, "the store does not answer")
	}})
	req := readRequest(2 * int64(len(good)))
	req.Offset = new(int64(0))
	r, err := openRemote(t.Context(), ses.worker(addr), req, keptChunk{length: 2 * int64(len(good)), usage: ses.usage}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if !bytes.Equal(got, good) || !errors.Is(err, errors.Unavailable) || r.kept.file == nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if r.Close(); r.kept.file != nil {
		t.Error("the file is still open")
	}
}

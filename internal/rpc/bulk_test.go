package rpc

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpcpeer "google.golang.org/grpc/peer"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// blocks is a worker whose ReadBlock does what the test wants.
type blocks struct {
	blockpb.UnimplementedBlockWorkerServer
	read func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error
}

func (b *blocks) ReadBlock(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
	return b.read(stream)
}

// content is what block id has at off.
func content(id, off int64, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte((off + int64(i)) * (id*2 + 1) >> 3)
	}
	return p
}

// sendContent sends what is asked for in chunks.
func sendContent(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	for off, end := req.GetOffset(), req.GetOffset()+req.GetLength(); off < end; {
		page := NewPage(int(min(end-off, req.GetChunkSize())))
		copy(*page, content(req.GetBlockId(), off, len(*page)))
		off += int64(len(*page))
		if err := SendReadChunk(stream, NewData(page), off == end); err != nil {
			return err
		}
	}
	return nil
}

// startBlocks serves b at addr, or anywhere.
func startBlocks(t *testing.T, addr string, o ServerOptions, b *blocks) *serving {
	t.Helper()
	l := listen(t, addr)
	s := NewServer(o)
	blockpb.RegisterBlockWorkerServer(s, b)
	return serve(t, s, l)
}

// recvChunk receives one ReadResponse whole.
func recvChunk(stream grpc.ClientStream) (Data, error) {
	var m ReadChunk
	err := stream.RecvMsg(&m)
	return m.Data, err
}

// counted returns options whose connections are counted.
func counted(o ClientOptions) (ClientOptions, *atomic.Int32) {
	var n atomic.Int32
	o.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
		n.Add(1)
		return dial(ctx, addr)
	}
	return o, &n
}

type blockRead struct {
	id, off, n, chunk int64
}

func (b blockRead) begin(ctx context.Context, p *Pool, addr string) (blockpb.BlockWorker_ReadBlockClient, error) {
	stream, err := blockpb.NewBlockWorkerClient(p.StreamConn(addr)).ReadBlock(ctx)
	if err != nil {
		return nil, err
	}
	return stream, stream.Send(&blockpb.ReadRequest{BlockId: &b.id, Offset: &b.off, Length: &b.n, ChunkSize: &b.chunk})
}

// all reads everything by bodies, in steps of a size.
func (b blockRead) all(ctx context.Context, p *Pool, addr string, step int) ([]byte, error) {
	stream, err := b.begin(ctx, p, addr)
	if err != nil {
		return nil, err
	}
	var got []byte
	var body ReadBody
	defer body.Close()
	for {
		if err := body.Receive(stream); err != nil {
			if err == io.EOF {
				err = nil
			}
			return got, err
		}
		for body.Remaining() > 0 {
			buf := make([]byte, step)
			n, err := body.Read(buf)
			if err != nil {
				return got, err
			}
			got = append(got, buf[:n]...)
		}
	}
}

func TestBulkReads(t *testing.T) {
	s := startBlocks(t, "", ServerOptions{}, &blocks{read: sendContent})
	for _, noBulk := range []bool{false, true} {
		want := int32(2) // one for metadata, which says whether there can be another
		if noBulk {
			want = 1
		}
		o, conns := counted(ClientOptions{NoBulk: noBulk, StreamConns: 1})
		p := newPool(t, o)
		reads := 0
		for _, n := range []int64{1, 100, 4096, 70_000, ChunkBytes, 3*ChunkBytes + 17} {
			for _, chunk := range []int64{333, 64 << 10, ChunkBytes} {
				if n/chunk > 1000 {
					continue
				}
				b := blockRead{id: n, off: 11, n: n, chunk: chunk}
				got, err := b.all(t.Context(), p, s.addr, 10_000)
				if err != nil || !bytes.Equal(got, content(b.id, b.off, int(n))) {
					t.Errorf("bulk %v, %+v: %d bytes, %v; not what was sent", !noBulk, b, len(got), err)
				}
				stream, err := b.begin(t.Context(), p, s.addr)
				if err != nil {
					t.Fatal(err)
				}
				got = got[:0]
				for {
					d, err := recvChunk(stream)
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, d.bufs.Materialize()...)
					d.Free()
				}
				if !bytes.Equal(got, content(b.id, b.off, int(n))) {
					t.Errorf("bulk %v, %+v: chunks differ from what was sent", !noBulk, b)
				}
				reads += 2
			}
		}
		if got := conns.Load(); got != want {
			t.Errorf("bulk %v: %d connections for %d reads one after another, want %d", !noBulk, got, reads, want)
		}
	}
}

func TestBulkErrorsKeepTheirKind(t *testing.T) {
	kinds := []errors.Kind{errors.NotFound, errors.Aborted, errors.FailedPrecondition, errors.NoSpace, errors.OutOfRange, errors.Corrupt}
	s := startBlocks(t, "", ServerOptions{}, &blocks{read: func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		req, err := stream.Recv()
		if err != nil {
			return err
		}
		kind := kinds[req.GetBlockId()]
		return errors.Errorf(kind, "because of %v", kind)
	}})
	o, conns := counted(ClientOptions{})
	p := newPool(t, o)
	for i, kind := range kinds {
		_, err := blockRead{id: int64(i), n: 10, chunk: 10}.all(t.Context(), p, s.addr, 10)
		if !errors.Is(err, kind) || err.Error() != fmt.Sprintf("because of %v", kind) {
			t.Errorf("%v came as %v: %v", kind, errors.KindOf(err), err)
		}
	}
	if got := conns.Load(); got != 2 {
		t.Errorf("%d connections, want that the one is used again after an error", got)
	}
}

// A client that has enough half-closes and drains; the connection goes on.
func TestBulkReadIsLeftEarly(t *testing.T) {
	left := make(chan error, 1)
	b := &blocks{read: func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		if _, err := stream.Recv(); err != nil {
			return err
		}
		go func() {
			_, err := stream.Recv()
			left <- err
		}()
		for {
			page := NewPage(64 << 10)
			if err := SendReadChunk(stream, NewData(page), false); err != nil {
				return err
			}
			select {
			case err := <-left:
				left <- err
				return nil
			default:
			}
		}
	}}
	s := startBlocks(t, "", ServerOptions{}, b)
	o, conns := counted(ClientOptions{})
	p := newPool(t, o)
	for range 3 {
		stream, err := blockRead{id: 1, n: 1 << 40, chunk: 1}.begin(t.Context(), p, s.addr)
		if err != nil {
			t.Fatal(err)
		}
		var body ReadBody
		if err := body.Receive(stream); err != nil {
			t.Fatal(err)
		}
		_ = stream.CloseSend()
		for err = nil; err == nil; err = body.Receive(stream) {
		}
		if err != io.EOF {
			t.Errorf("the call ended with %v", err)
		}
		if err := <-left; err != io.EOF {
			t.Errorf("the handler was told %v", err)
		}
	}
	if got := conns.Load(); got != 2 {
		t.Errorf("%d connections, want 2", got)
	}
}

func TestBulkCallEndsWithItsContext(t *testing.T) {
	gone := make(chan struct{})
	b := &blocks{read: func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		<-stream.Context().Done()
		close(gone)
		return stream.Context().Err()
	}}
	s := startBlocks(t, "", ServerOptions{}, b)
	p := newPool(t, ClientOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := blockRead{id: 1, n: 10, chunk: 10}.begin(ctx, p, s.addr)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := recvChunk(stream); !errors.Is(err, errors.Cancelled) {
		t.Errorf("the caller got %v", err)
	}
	<-gone
	if err := stream.Send(&blockpb.ReadRequest{}); err != io.EOF {
		t.Errorf("a message after the end gave %v", err)
	}
}

// A server that comes back at the same address is read from as if nothing had been.
func TestBulkAfterARestart(t *testing.T) {
	b := &blocks{read: sendContent}
	first := startBlocks(t, "", ServerOptions{}, b)
	p := newPool(t, ClientOptions{})
	read := blockRead{id: 3, n: 5000, chunk: 1000}
	if _, err := read.all(t.Context(), p, first.addr, 100); err != nil {
		t.Fatal(err)
	}
	first.stop()
	if _, err := read.all(t.Context(), p, first.addr, 100); !errors.Is(err, errors.Unavailable) {
		t.Errorf("with no server: %v", err)
	}
	startBlocks(t, first.addr, ServerOptions{}, b)
	if got, err := read.all(t.Context(), p, first.addr, 100); err != nil || !bytes.Equal(got, content(3, 0, 5000)) {
		t.Errorf("after the restart: %d bytes, %v", len(got), err)
	}
}

// A connection that breaks in the middle of a chunk is no end of the data.
func TestBulkBreaksInAChunk(t *testing.T) {
	release := make(chan struct{})
	b := &blocks{read: func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		if err := SendReadChunk(stream, NewData(NewPage(ChunkBytes)), false); err != nil {
			return err
		}
		<-release
		return nil
	}}
	s := startBlocks(t, "", ServerOptions{}, b)
	defer close(release)
	var conns []net.Conn
	p := newPool(t, ClientOptions{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		c, err := dial(ctx, addr)
		conns = append(conns, c)
		return c, err
	}})
	stream, err := blockRead{id: 1, n: ChunkBytes, chunk: ChunkBytes}.begin(t.Context(), p, s.addr)
	if err != nil {
		t.Fatal(err)
	}
	var body ReadBody
	if err := body.Receive(stream); err != nil {
		t.Fatal(err)
	}
	if _, err := body.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	_ = conns[len(conns)-1].Close()
	if n, err := io.Copy(io.Discard, &body); !errors.Is(err, errors.Unavailable) {
		t.Errorf("after %d more bytes: %v", n, err)
	}
}

// A server that knows nothing of bulk connections is talked to over gRPC.
func TestNoBulkOnTheOtherSide(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.ForceServerCodecV2(codec{}))
	blockpb.RegisterBlockWorkerServer(s, &blocks{read: sendContent})
	go s.Serve(l)
	defer s.Stop()
	p := newPool(t, ClientOptions{})
	for range 2 {
		got, err := blockRead{id: 5, n: 100_000, chunk: 64 << 10}.all(t.Context(), p, l.Addr().String(), 1<<20)
		if err != nil || !bytes.Equal(got, content(5, 0, 100_000)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

// Bulk calls are as guarded as others: they need a login, and the handler knows the
// user.
func TestBulkNeedsALogin(t *testing.T) {
	var user atomic.Value
	b := &blocks{read: func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		u, _ := UserFrom(stream.Context())
		user.Store(u.Name)
		return sendContent(stream)
	}}
	s := startBlocks(t, "", ServerOptions{Auth: Simple}, b)
	read := blockRead{id: 5, n: 10, chunk: 10}
	if _, err := read.all(t.Context(), newPool(t, ClientOptions{}), s.addr, 10); !errors.Is(err, errors.Unauthenticated) {
		t.Errorf("without a login: %v", err)
	}
	p := newPool(t, simple("ann"))
	if _, err := read.all(t.Context(), p, s.addr, 10); err != nil || user.Load() != "ann" {
		t.Errorf("%v, user %v", err, user.Load())
	}
	s.channels.Lock()
	clear(s.channels.users) // as after a restart
	s.channels.Unlock()
	if _, err := read.all(t.Context(), p, s.addr, 10); !errors.Is(err, errors.Unauthenticated) {
		t.Errorf("with a login that is forgotten: %v", err)
	}
	if _, err := read.all(t.Context(), p, s.addr, 10); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestBulkCallsEndWithTheServer(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace time.Duration
		ends  bool // before the grace period does
	}{{"in time", time.Minute, true}, {"late", 50 * time.Millisecond, false}} {
		t.Run(c.name, func(t *testing.T) {
			began, release := make(chan struct{}), make(chan struct{})
			b := &blocks{read: func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
				close(began)
				select {
				case <-release:
				case <-stream.Context().Done():
				}
				return sendContent(stream)
			}}
			s := startBlocks(t, "", ServerOptions{Grace: c.grace}, b)
			idle, err := net.Dial("tcp", s.addr) // says nothing
			if err != nil {
				t.Fatal(err)
			}
			defer idle.Close()
			p := newPool(t, ClientOptions{})
			result := make(chan error, 1)
			go func() {
				_, err := blockRead{id: 5, n: 10, chunk: 10}.all(t.Context(), p, s.addr, 10)
				result <- err
			}()
			<-began
			if c.ends {
				time.AfterFunc(20*time.Millisecond, func() { close(release) })
			}
			s.stop()
			if err := <-result; (err == nil) != c.ends || err != nil && !errors.Is(err, errors.Unavailable) {
				t.Errorf("the call ended with %v", err)
			}
		})
	}
}

// A pool that is closed ends its bulk calls.
func TestBulkCallsEndWithThePool(t *testing.T) {
	b := &blocks{read: func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		<-stream.Context().Done()
		return nil
	}}
	s := startBlocks(t, "", ServerOptions{}, b)
	p := NewPool(ClientOptions{})
	stream, err := blockRead{id: 5, n: 10, chunk: 10}.begin(t.Context(), p, s.addr)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { p.Close() })
	if _, err := recvChunk(stream); !errors.Is(err, errors.Unavailable) && !errors.Is(err, errors.Cancelled) {
		t.Errorf("the call ended with %v", err)
	}
}

// Whatever comes over a connection, the server closes it and serves others.
func TestBulkRubbish(t *testing.T) {
	s := startBlocks(t, "", ServerOptions{Grace: 100 * time.Millisecond}, &blocks{read: sendContent})
	header := func(kind byte, n uint32) []byte {
		h := make([]byte, frameHeaderSize)
		h[0] = kind
		binary.BigEndian.PutUint32(h[4:], n)
		return h
	}
	rubbish := [][]byte{
		{}, []byte(bulkMagic)[:3], []byte("GET / HTTP/1.1\r\n\r\n"),
		header(0, 0), header(byte(statusFrame), 0), header(byte(messageFrame), 5), header(byte(callFrame), maxBulkCall+1),
		header(byte(callFrame), 4<<30-1), header(99, 1), append(header(byte(callFrame), 3), 0xff, 0xff, 0xff),
		append(header(byte(callFrame), 0), header(byte(messageFrame), maxBulkRequest+1)...),
		{byte(callFrame), 1, 0, 0, 0, 0, 0, 0},
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		p := make([]byte, 1+rnd.IntN(200))
		for i := range p {
			p[i] = byte(rnd.UintN(256)) >> rnd.UintN(8)
		}
		rubbish = append(rubbish, p)
	}
	for i, p := range rubbish {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		if i > 2 {
			p = append([]byte(bulkMagic), p...)
		}
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
		_ = c.(*net.TCPConn).CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, c); errors.Is(err, errors.Timeout) {
			t.Errorf("% x: the connection stays open", p)
		}
		c.Close()
	}
	if _, err := (blockRead{id: 5, n: 10, chunk: 10}).all(t.Context(), newPool(t, ClientOptions{}), s.addr, 10); err != nil {
		t.Error(err)
	}
}

// Many at once, with readers of all tempers.
func TestBulkCrowd(t *testing.T) {
	s := startBlocks(t, "", ServerOptions{}, &blocks{read: sendContent})
	p := newPool(t, ClientOptions{})
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			for k := range 5 {
				b := blockRead{id: int64(i), off: int64(k), n: int64(1 + i*9_999), chunk: 64 << 10}
				ctx, cancel := context.WithCancel(t.Context())
				if i%7 == 0 {
					time.AfterFunc(time.Millisecond, cancel)
				}
				got, err := b.all(ctx, p, s.addr, 50_000)
				if err != nil && i%7 != 0 || !bytes.HasPrefix(content(b.id, b.off, int(b.n)), got) || err == nil && len(got) != int(b.n) {
					t.Errorf("%+v: %d bytes, %v", b, len(got), err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

// Small calls go over bulk connections after the first few, with the same guards and
// errors.
func TestBulkUnaryCalls(t *testing.T) {
	var answer atomic.Pointer[func(context.Context) error]
	answers := func(f func(context.Context) error) { answer.Store(&f) }
	answers(func(context.Context) error { return nil })
	s := start(t, "", ServerOptions{Auth: Simple}, &files{getStatus: func(ctx context.Context) error { return (*answer.Load())(ctx) }})
	o, conns := counted(simple("ann"))
	p := newPool(t, o)
	for i := range 3 * fewCalls {
		if name, err := getStatus(t.Context(), p.Conn(s.addr)); err != nil || name != "ann/ann" {
			t.Fatalf("call %d: %q, %v", i, name, err)
		}
	}
	if got := conns.Load(); got != 2 {
		t.Errorf("%d connections, want one more than gRPC's", got)
	}
	answers(func(context.Context) error { return errors.E("stat", "/x", errors.NotEmpty, fmt.Errorf("because")) })
	if _, err := getStatus(t.Context(), p.Conn(s.addr)); !errors.Is(err, errors.NotEmpty) {
		t.Errorf("the error came as %v", err)
	}
	answers(func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := getStatus(ctx, p.Conn(s.addr)); !errors.Is(err, errors.Timeout) {
		t.Errorf("a call that takes too long ended with %v", err)
	}
	answers(func(context.Context) error { return nil })
	s.channels.Lock()
	clear(s.channels.users)
	s.channels.Unlock()
	if name, err := getStatus(t.Context(), p.Conn(s.addr)); err != nil || name != "ann/ann" {
		t.Errorf("with a login that is forgotten: %q, %v", name, err)
	}
}

// A server on this host is reached by its socket, also after it came back with another,
// and by its address where the socket cannot be reached.
func TestBulkOnThisHost(t *testing.T) {
	var mu sync.Mutex
	var networks []string
	b := &blocks{read: func(stream grpc.BidiStreamingServer[blockpb.ReadRequest, blockpb.ReadResponse]) error {
		p, _ := grpcpeer.FromContext(stream.Context())
		mu.Lock()
		networks = append(networks, p.Addr.Network())
		if OverUnixSocket(stream.Context()) {
			t.Error("the server's own socket is taken for a configured one")
		}
		mu.Unlock()
		return sendContent(stream)
	}}
	first := startBlocks(t, "", ServerOptions{}, b)
	p := newPool(t, ClientOptions{})
	read := blockRead{id: 3, n: 5000, chunk: 1000}
	once := func(p *Pool) {
		t.Helper()
		if got, err := read.all(t.Context(), p, first.addr, 100); err != nil || !bytes.Equal(got, content(3, 0, 5000)) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	once(p)
	first.stop()
	startBlocks(t, first.addr, ServerOptions{}, b)
	once(p) // finds the old socket gone
	once(newPool(t, ClientOptions{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, unixPrefix) {
			return nil, syscall.ECONNREFUSED
		}
		return dial(ctx, addr)
	}}))
	here, err := p.peer(first.addr)
	if err != nil {
		t.Fatal(err)
	}
	here.bulk.mu.Lock()
	for _, idle := range here.bulk.mu.idle {
		_ = idle.conn.Close()
	}
	here.bulk.mu.Unlock()
	once(p)
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"unix", "tcp", "tcp", "unix"}; !slices.Equal(networks, want) {
		t.Errorf("calls came over %v, want %v", networks, want)
	}
}

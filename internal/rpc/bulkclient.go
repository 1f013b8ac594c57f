package rpc

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/bulkpb"
)

const (
	// maxBulkConns bounds the bulk connections to one address; calls beyond go over
	// gRPC. Alluxio's clients keep as many (alluxio.user.block.worker.client.pool.max).
	maxBulkConns = 1024
	// bulkIdle is how long a connection without a call is kept at least.
	bulkIdle = 30 * time.Second
	// ackTimeout is how long a server may leave data unacknowledged.
	ackTimeout = 60 * time.Second
)

// bulkConns are the bulk connections to one address.
type bulkConns struct {
	addr  string
	opts  *ClientOptions
	meta  *grpc.ClientConn
	taken atomic.Pointer[[]string] // methods that the server takes, nil when it was not asked
	local atomic.Pointer[string]   // its socket on this host, nil when it is not known to be here
	near  atomic.Bool              // the socket was connected to
	calls atomic.Int64             // small ones made
	mu    struct {
		sync.Mutex
		all    map[*bulkConn]struct{}
		making int         // more that are being made
		idle   []idleBulk  // the longest idle first
		sweep  *time.Timer // closes what is idle for long, nil when nothing is
		closed bool
	}
}

type idleBulk struct {
	conn  *bulkConn
	since time.Time
}

func newBulkConns(addr string, meta *grpc.ClientConn, o *ClientOptions) *bulkConns {
	b := &bulkConns{addr: addr, opts: o, meta: meta}
	b.mu.all = map[*bulkConn]struct{}{}
	return b
}

// takes reports whether the server takes a method over bulk connections. It is asked
// once; while it cannot answer, gRPC says why.
func (b *bulkConns) takes(ctx context.Context, method string) bool {
	if !bulkMethods[method] {
		return false
	}
	list := b.taken.Load()
	if list == nil {
		resp, err := bulkpb.NewBulkDataClient(b.meta).Describe(ctx, &bulkpb.DescribePRequest{})
		if err != nil && status.Code(err) != codes.Unimplemented {
			return false
		}
		if socket := resp.GetLocalSocket(); socket != "" && !strings.HasPrefix(b.addr, unixPrefix) {
			b.local.Store(&socket)
		}
		methods := resp.GetMethods()
		list = &methods
		b.taken.Store(list)
	}
	return slices.Contains(*list, method)
}

// fewCalls is how many small calls are made before the server is asked whether it takes
// them: for fewer that does not pay.
const fewCalls = 8

// invoke makes a call with one message in each direction. It reports false when the call
// has to go another way.
func (b *bulkConns) invoke(ctx context.Context, method, channel string, req, resp any) (bool, error) {
	if !bulkMethods[method] || b.calls.Add(1) <= fewCalls || !b.takes(ctx, method) {
		return false, nil
	}
	call, err := b.open(ctx, method, channel)
	if call == nil || err != nil {
		return err != nil, err
	}
	if err := call.SendMsg(req); err != nil && err != io.EOF { // then the answer says what went wrong
		return true, call.broke(err)
	}
	if err := call.RecvMsg(resp); err != nil {
		if err == io.EOF {
			err = errors.Errorf(errors.Internal, "%s ended without an answer", short(method))
		}
		return true, err
	}
	if err := call.RecvMsg(nil); err != io.EOF { // the status; a second message would be an error
		return true, err
	}
	return true, nil
}

// open begins a call. The stream is nil when there are too many already.
func (b *bulkConns) open(ctx context.Context, method, channel string) (*bulkCall, error) {
	conn, err := b.conn(ctx)
	if conn == nil || err != nil {
		return nil, err
	}
	header := &bulkpb.CallHeader{Method: &method}
	if channel != "" {
		header.ChannelId = &channel
	}
	begin, err := protoPayload(header)
	if err != nil {
		b.drop(conn)
		return nil, err
	}
	s := &bulkCall{ctx: ctx, conns: b, conn: conn, begin: begin}
	s.stop = context.AfterFunc(ctx, func() { b.drop(conn) })
	return s, nil
}

// conn returns an idle connection that is alive, else a new one, else nil.
func (b *bulkConns) conn(ctx context.Context) (*bulkConn, error) {
	for {
		b.mu.Lock()
		if b.mu.closed {
			b.mu.Unlock()
			return nil, errors.E("", "", errors.Cancelled, errClosed)
		}
		n := len(b.mu.idle)
		if n == 0 {
			break
		}
		c := b.mu.idle[n-1].conn
		b.mu.idle = b.mu.idle[:n-1]
		b.mu.Unlock()
		if quiet(c) {
			return c, nil
		}
		b.drop(c)
	}
	defer b.mu.Unlock()
	if len(b.mu.all)+b.mu.making >= maxBulkConns {
		return nil, nil
	}
	b.mu.making++
	b.mu.Unlock()
	conn, err := b.connect(ctx)
	b.mu.Lock()
	b.mu.making--
	if err != nil {
		return nil, err
	}
	if b.mu.closed {
		_ = conn.Close()
		return nil, errors.E("", "", errors.Cancelled, errClosed)
	}
	c := newBulkConn(conn)
	b.mu.all[c] = struct{}{}
	return c, nil
}

// connect makes a connection.
func (b *bulkConns) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, b.opts.ConnectTimeout)
	defer cancel()
	conn, err := b.dial(ctx)
	if err != nil {
		return nil, errors.Errorf(errors.Unavailable, "cannot connect to %s: %w", b.addr, err)
	}
	tune(conn, int(b.opts.StreamWindow))
	if _, err = io.WriteString(conn, bulkMagic); err != nil {
		_ = conn.Close()
		return nil, errors.Errorf(errors.Unavailable, "the connection to %s broke: %w", b.addr, err)
	}
	return conn, nil
}

// dial connects to the server's socket if it is on this host, at a third of what TCP
// costs, else to its address. A server that is not found any more is asked anew where
// it is, by the next call.
func (b *bulkConns) dial(ctx context.Context) (net.Conn, error) {
	if socket := b.local.Load(); socket != nil {
		conn, err := b.opts.Dial(ctx, UnixAddr(*socket))
		if err == nil {
			b.near.Store(true)
			return conn, nil
		}
		b.local.Store(nil)
		if b.near.Load() {
			b.taken.Store(nil)
		}
	}
	return b.opts.Dial(ctx, b.addr)
}

// put keeps a connection whose call has ended for the next one.
func (b *bulkConns) put(c *bulkConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.closed {
		_ = c.Close()
		return
	}
	b.mu.idle = append(b.mu.idle, idleBulk{c, time.Now()})
	if b.mu.sweep == nil {
		b.mu.sweep = time.AfterFunc(bulkIdle, b.sweepIdle)
	}
}

// drop closes a connection that is not idle.
func (b *bulkConns) drop(c *bulkConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.mu.all, c)
	_ = c.Close()
}

// sweepIdle closes what has been idle for long.
func (b *bulkConns) sweepIdle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.sweep = nil
	for len(b.mu.idle) > 0 && time.Since(b.mu.idle[0].since) >= bulkIdle {
		c := b.mu.idle[0].conn
		b.mu.idle = b.mu.idle[1:]
		delete(b.mu.all, c)
		_ = c.Close()
	}
	if len(b.mu.idle) > 0 && !b.mu.closed {
		b.mu.sweep = time.AfterFunc(bulkIdle, b.sweepIdle)
	}
}

// close closes all connections, which ends the calls on them.
func (b *bulkConns) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.closed = true
	if b.mu.sweep != nil {
		b.mu.sweep.Stop()
	}
	for c := range b.mu.all {
		_ = c.Close()
	}
}

// quiet reports whether an idle connection is as it should be: open, and nothing comes
// from the server.
func quiet(c *bulkConn) bool {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, rerr := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		alive = rerr == unix.EAGAIN
		return true
	})
	return alive && err == nil && c.r.Buffered() == 0
}

// tune sets the options of a TCP connection. Its window bounds what may be received ahead
// of the reader, as the windows of gRPC do: all readers of a server get equal shares. A
// server that does not acknowledge what it was sent is given up like one that answers no
// ping. Both are wishes.
func tune(conn net.Conn, window int) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP, window)
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(ackTimeout.Milliseconds()))
		})
	}
}

// bulkCall is a call on a bulk connection; it implements grpc.ClientStream.
type bulkCall struct {
	ctx   context.Context
	conns *bulkConns
	conn  *bulkConn
	stop  func() bool // ends the watch over ctx

	sending struct {
		sync.Mutex
		ended bool
	}
	begin mem.BufferSlice // header of the call, until it was sent with the first message
	err   error           // how the call ended, nil before
}

func (s *bulkCall) Context() context.Context     { return s.ctx }
func (s *bulkCall) Header() (metadata.MD, error) { return nil, nil }
func (s *bulkCall) Trailer() metadata.MD         { return nil }

// CloseSend implements grpc.ClientStream.
func (s *bulkCall) CloseSend() error { return s.send(outFrame{halfCloseFrame, nil}) }

// SendMsg implements grpc.ClientStream: io.EOF means that the call has ended, and
// RecvMsg tells how.
func (s *bulkCall) SendMsg(m any) error {
	data, err := codec{}.Marshal(m)
	if err != nil {
		return err
	}
	return s.send(outFrame{messageFrame, data})
}

func (s *bulkCall) send(f outFrame) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.sending.ended {
		f.payload.Free()
		return io.EOF
	}
	frames := []outFrame{f}
	if s.begin != nil {
		frames = []outFrame{{callFrame, s.begin}, f}
		s.begin = nil
	}
	if err := s.conn.write(frames...); err != nil {
		return io.EOF
	}
	return nil
}

// RecvMsg implements grpc.ClientStream.
func (s *bulkCall) RecvMsg(m any) error {
	if s.err != nil {
		return s.err
	}
	kind, _, err := s.conn.next()
	switch {
	case err != nil:
		return s.broke(err)
	case kind == messageFrame:
		if err := s.message(m); err != nil {
			return s.broke(err)
		}
		return nil
	case kind == statusFrame:
		return s.finish()
	}
	return s.broke(errors.Errorf(errors.Corrupt, "frame %d is for servers", kind))
}

// message takes what comes next. A body is left where it is, for its receiver.
func (s *bulkCall) message(m any) error {
	if body, ok := m.(*ReadBody); ok {
		plain, err := s.conn.enterChunk()
		if err != nil {
			return err
		}
		if plain {
			*body = ReadBody{call: s}
			return nil
		}
	}
	data, err := s.conn.payload()
	if err != nil {
		return err
	}
	defer data.Free()
	return codec{}.Unmarshal(data, m)
}

// readBody reads on in the message that was received last.
func (s *bulkCall) readBody(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if err != nil && err != io.EOF {
		err = fromPeer(s.conns.addr, s.broke(err))
	}
	return n, err
}

// finish ends the call as the server says.
func (s *bulkCall) finish() error {
	data, err := s.conn.payload()
	if err != nil {
		return s.broke(err)
	}
	defer data.Free()
	var end spb.Status
	if err := protoCodec.Unmarshal(data, &end); err != nil {
		return s.broke(err)
	}
	s.end()
	if s.stop() {
		s.conns.put(s.conn)
	}
	s.err = io.EOF
	if end.GetCode() != 0 {
		s.err = status.FromProto(&end).Err()
	}
	return s.err
}

// broke ends the call with the connection.
func (s *bulkCall) broke(err error) error {
	s.end()
	s.stop()
	s.conns.drop(s.conn)
	switch {
	case s.ctx.Err() != nil:
		s.err = status.FromContextError(s.ctx.Err()).Err()
	case errors.Is(err, errors.Corrupt):
		s.err = err
	default:
		s.err = errors.Errorf(errors.Unavailable, "the connection to %s broke: %w", s.conns.addr, noEOF(err))
	}
	return s.err
}

func (s *bulkCall) end() {
	s.sending.Lock()
	s.sending.ended = true
	s.sending.Unlock()
}

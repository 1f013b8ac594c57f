package rpc

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/bulkpb"
)

// bulkServer serves the bulk connections of a Server: the same handlers behind the
// same guards as over gRPC.
type bulkServer struct {
	bulkpb.UnimplementedBulkDataServer
	s       *Server
	methods map[string]bulkMethod // by full name; complete before Run
	local   net.Listener          // abstract unix socket, nil if there can be none

	running sync.WaitGroup
	mu      struct {
		sync.Mutex
		conns    map[*servedConn]struct{}
		stopping bool
	}
}

// bulkMethod is a registered call that is taken over bulk connections.
type bulkMethod struct {
	impl   any
	stream grpc.StreamDesc
	unary  grpc.MethodHandler // nil for a stream
}

// register notes the calls of a service that go over bulk connections.
func (b *bulkServer) register(desc *grpc.ServiceDesc, impl any) {
	for _, m := range desc.Streams {
		if name := "/" + desc.ServiceName + "/" + m.StreamName; bulkMethods[name] {
			b.methods[name] = bulkMethod{impl: impl, stream: m}
		}
	}
	for _, m := range desc.Methods {
		if name := "/" + desc.ServiceName + "/" + m.MethodName; bulkMethods[name] {
			b.methods[name] = bulkMethod{impl: impl, unary: m.Handler}
		}
	}
}

// Describe implements the BulkData service.
func (b *bulkServer) Describe(context.Context, *bulkpb.DescribePRequest) (*bulkpb.DescribePResponse, error) {
	resp := &bulkpb.DescribePResponse{}
	for name := range b.methods {
		resp.Methods = append(resp.Methods, name)
	}
	if b.local != nil {
		resp.LocalSocket = proto.String(b.local.Addr().String())
	}
	return resp, nil
}

// listenLocally makes the socket for clients on this host. Its name cannot be that of
// another server elsewhere, so that who can connect to it has found the right one.
func (b *bulkServer) listenLocally() {
	l, err := net.Listen("unix", bulkSocketPrefix+newUUID())
	if err != nil {
		b.s.opts.Logger.Warn("clients on this host read over TCP", "err", err)
		return
	}
	b.local = l
	b.running.Go((&bulkListener{Listener: l, b: b, ended: make(chan struct{})}).run)
}

const bulkSocketPrefix = "@alluxio-bulk-"

// OverUnixSocket reports whether a call came by a unix socket that the server was told to
// listen on, as against one that it made for bulk connections, which stands in for TCP.
func OverUnixSocket(ctx context.Context) bool {
	p, ok := grpcpeer.FromContext(ctx)
	return ok && p.Addr.Network() == "unix" && !strings.HasPrefix(p.LocalAddr.String(), bulkSocketPrefix)
}

// bulkListener is a listener without the bulk connections to it, which it serves.
type bulkListener struct {
	net.Listener
	b      *bulkServer
	others chan net.Conn // nil: closed
	ended  chan struct{} // closed when accepting has ended
	err    error         // why, to be read then
}

func (b *bulkServer) listen(l net.Listener) *bulkListener {
	return &bulkListener{Listener: l, b: b, others: make(chan net.Conn), ended: make(chan struct{})}
}

// acceptPause is how long a listener that cannot accept for the moment is left alone.
const acceptPause = 50 * time.Millisecond

// run accepts connections until the listener is closed.
func (l *bulkListener) run() {
	defer close(l.ended)
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			l.b.running.Go(func() { l.sort(conn) })
			continue
		}
		if passing, ok := err.(interface{ Temporary() bool }); !ok || !passing.Temporary() {
			l.err = err
			return
		}
		time.Sleep(acceptPause)
	}
}

// sort finds out what a connection is. Clients of HTTP/2, too, speak first.
func (l *bulkListener) sort(conn net.Conn) {
	c := &servedConn{bulkConn: newBulkConn(conn), b: l.b, calls: make(chan *servedCall)}
	if !l.b.add(c) {
		_ = conn.Close()
		return
	}
	defer l.b.remove(c)
	_ = conn.SetReadDeadline(time.Now().Add(handshakeTimeout))
	magic, err := c.r.Peek(len(bulkMagic))
	if err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if string(magic) == bulkMagic {
		_, _ = c.r.Discard(len(bulkMagic)) // they are in the buffer
		c.serve()
		return
	}
	if l.others == nil {
		_ = conn.Close()
		return
	}
	begun, _ := c.r.Peek(c.r.Buffered())
	select {
	case l.others <- &begunConn{Conn: conn, begun: begun}:
	case <-l.ended:
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (l *bulkListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.others:
		return conn, nil
	case <-l.ended:
		return nil, l.err
	}
}

// begunConn is a connection of which the first bytes were read.
type begunConn struct {
	net.Conn
	begun []byte
}

func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.begun) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.begun)
	if c.begun = c.begun[n:]; len(c.begun) == 0 {
		c.begun = nil // and its buffer
	}
	return n, nil
}

// servedConn is a connection with a client, found out to be a bulk one or not yet.
type servedConn struct {
	*bulkConn
	b     *bulkServer
	calls chan *servedCall // to the goroutine that handles them
	busy  atomic.Bool      // a call is being served
}

// serve serves the connection until it ends, which also ends its call.
func (c *servedConn) serve() {
	ctx, cancel := context.WithCancel(grpcpeer.NewContext(context.Background(),
		&grpcpeer.Peer{Addr: c.RemoteAddr(), LocalAddr: c.LocalAddr()}))
	var handling sync.WaitGroup
	handling.Go(c.handle)
	err := c.read(ctx)
	cancel()
	close(c.calls)
	_ = c.Close()
	handling.Wait()
	if errors.Is(err, errors.Corrupt) || errors.Is(err, errors.Invalid) {
		c.b.s.opts.Logger.Warn("a bulk connection was closed", "peer", c.RemoteAddr().String(), "err", err)
	}
}

func (b *bulkServer) add(c *servedConn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.stopping {
		return false
	}
	b.mu.conns[c] = struct{}{}
	return true
}

func (b *bulkServer) remove(c *servedConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.mu.conns, c)
}

// stop closes connections as their calls end, and all when hard is closed. It returns
// when all have ended, and with them the listeners, which somebody else closes.
func (b *bulkServer) stop(hard <-chan struct{}) {
	if b.local != nil {
		_ = b.local.Close()
	}
	b.closeAll(func(c *servedConn) bool { return !c.busy.Load() })
	ended := make(chan struct{})
	go func() {
		b.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-hard:
		b.closeAll(func(*servedConn) bool { return true })
		<-ended
	}
}

func (b *bulkServer) closeAll(which func(*servedConn) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.stopping = true
	for c := range b.mu.conns {
		if which(c) {
			_ = c.Close()
		}
	}
}

func (b *bulkServer) stopping() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.stopping
}

// read takes frames until the connection ends. A call is handled from its first message
// on.
func (c *servedConn) read(ctx context.Context) error {
	var call *servedCall
	for {
		kind, n, err := c.next()
		if err != nil {
			return err
		}
		switch {
		case kind == callFrame:
			if err := call.wait(); err != nil {
				return err
			}
			if call, err = c.begin(ctx, n); err != nil {
				return err
			}
		case call == nil || kind == statusFrame || n > maxBulkRequest:
			return errors.Errorf(errors.Invalid, "frame %d of %d bytes is out of place or too long", kind, n)
		case kind == messageFrame:
			m, err := c.payload()
			if err != nil {
				return err
			}
			call.deliver(m)
			call.handle()
		case kind == halfCloseFrame:
			call.halfClose()
			call.handle()
		}
	}
}

// begin reads the header of a call, of n bytes.
func (c *servedConn) begin(ctx context.Context, n int) (*servedCall, error) {
	if n > maxBulkCall {
		return nil, errors.Errorf(errors.Invalid, "the header of a call has %d bytes", n)
	}
	data, err := c.payload()
	if err != nil {
		return nil, err
	}
	defer data.Free()
	var header bulkpb.CallHeader
	if err := protoCodec.Unmarshal(data, &header); err != nil {
		return nil, errors.E("", "", errors.Invalid, err)
	}
	if header.ChannelId != nil {
		ctx = metadata.NewIncomingContext(ctx, metadata.Pairs(channelHeader, header.GetChannelId()))
	}
	call := &servedCall{c: c, method: header.GetMethod(), in: make(chan mem.BufferSlice, 1), ended: make(chan struct{})}
	call.ctx, call.cancel = context.WithCancel(ctx)
	c.busy.Store(true)
	return call, nil
}

// handle runs the calls.
func (c *servedConn) handle() {
	for call := range c.calls {
		err := c.b.call(call)
		call.cancel()
		call.finish(err)
		c.busy.Store(false)
		close(call.ended)
		if c.b.stopping() {
			_ = c.Close()
		}
	}
}

// call runs the handler of a call, guarded like those over gRPC.
func (b *bulkServer) call(call *servedCall) error {
	m, ok := b.methods[call.method]
	if !ok {
		return status.Errorf(codes.Unimplemented, "%q is not taken over bulk connections", call.method)
	}
	if m.unary != nil {
		return b.unary(call, m)
	}
	info := &grpc.StreamServerInfo{FullMethod: call.method, IsClientStream: m.stream.ClientStreams, IsServerStream: m.stream.ServerStreams}
	handle := m.stream.Handler
	for _, guard := range slices.Backward(append([]grpc.StreamServerInterceptor{b.s.stream}, b.s.opts.InterceptStreams...)) {
		inner := handle
		handle = func(srv any, stream grpc.ServerStream) error { return guard(srv, stream, info, inner) }
	}
	return handle(m.impl, call)
}

// unary runs the handler of a call with one message in each direction.
func (b *bulkServer) unary(call *servedCall, m bulkMethod) error {
	guards := append([]grpc.UnaryServerInterceptor{b.s.unary}, b.s.opts.Intercept...)
	guarded := func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		info.FullMethod = call.method
		for _, guard := range slices.Backward(guards) {
			inner := handle
			handle = func(ctx context.Context, req any) (any, error) { return guard(ctx, req, info, inner) }
		}
		return handle(ctx, req)
	}
	resp, err := m.unary(m.impl, call.ctx, call.RecvMsg, guarded)
	if err != nil {
		return err
	}
	data, err := codec{}.Marshal(resp)
	if err == nil {
		call.hold(data)
	}
	return err
}

// servedCall is one call; it implements grpc.ServerStream for its handler.
type servedCall struct {
	c      *servedConn
	ctx    context.Context
	cancel context.CancelFunc
	method string
	in     chan mem.BufferSlice // closed when the client has finished
	half   bool                 // it is closed
	begun  bool                 // the handler was called
	ended  chan struct{}        // closed when the status is sent

	mu   sync.Mutex
	held mem.BufferSlice // a message that goes out with the status
}

// wait waits for the end of a call, if there is one. Its status was sent before the client
// may begin another.
func (s *servedCall) wait() error {
	if s == nil {
		return nil
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(handshakeTimeout):
		return errors.Errorf(errors.Invalid, "a call was begun before the end of another")
	}
}

// handle calls the handler, once.
func (s *servedCall) handle() {
	if !s.begun {
		s.begun = true
		s.c.calls <- s
	}
}

// deliver passes a message on to the handler.
func (s *servedCall) deliver(m mem.BufferSlice) {
	if s.half {
		m.Free()
		return
	}
	select {
	case s.in <- m:
	case <-s.ctx.Done():
		m.Free()
	}
}

func (s *servedCall) halfClose() {
	if !s.half {
		s.half = true
		close(s.in)
	}
}

func (s *servedCall) Context() context.Context { return s.ctx }

// Headers and trailers are none of this protocol.
func (s *servedCall) SetHeader(metadata.MD) error  { return nil }
func (s *servedCall) SendHeader(metadata.MD) error { return nil }
func (s *servedCall) SetTrailer(metadata.MD)       {}

// RecvMsg implements grpc.ServerStream.
func (s *servedCall) RecvMsg(m any) error {
	select {
	case data, ok := <-s.in:
		if !ok {
			return io.EOF
		}
		defer data.Free()
		return codec{}.Unmarshal(data, m)
	case <-s.ctx.Done():
		return status.FromContextError(s.ctx.Err()).Err()
	}
}

// SendMsg implements grpc.ServerStream. A message that says that it is the last waits
// for the status.
func (s *servedCall) SendMsg(m any) error {
	data, err := codec{}.Marshal(m)
	if err != nil {
		return err
	}
	if chunk, ok := m.(*ReadChunk); ok && chunk.last {
		s.hold(data)
		return nil
	}
	if err := s.c.write(outFrame{messageFrame, data}); err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	return nil
}

func (s *servedCall) hold(data mem.BufferSlice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, data...)
}

// finish sends how the call ended. Who cannot be told has left.
func (s *servedCall) finish(err error) {
	end, merr := proto.Marshal(status.Convert(err).Proto())
	if merr != nil {
		end, _ = proto.Marshal(status.New(codes.Internal, merr.Error()).Proto())
	}
	frames := []outFrame{{statusFrame, mem.BufferSlice{mem.SliceBuffer(end)}}}
	s.mu.Lock()
	if s.held != nil {
		frames = []outFrame{{messageFrame, s.held}, frames[0]}
	}
	s.mu.Unlock()
	if werr := s.c.write(frames...); werr != nil {
		_ = s.c.Close()
	}
}

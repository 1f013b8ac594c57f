package rpc

import (
	"context"
	stderrors "errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// ClientOptions configure a Pool.
type ClientOptions struct {
	// Auth is how to log in; empty means NoSASL.
	Auth AuthType
	// User is the name to log in with.
	User string
	// Impersonate is the user to act as; empty means User.
	Impersonate string
	// Password is sent under Custom.
	Password string
	// StreamConns is the number of connections to each address for bulk data.
	// Default 4.
	StreamConns int
	// StreamWindow is how many bytes of one bulk call the server may send ahead of
	// its reader. It is the same for all: windows that grow with the throughput let
	// the connections that have much get more, and starve the others. Default 2 MiB.
	StreamWindow int32
	// NoBulk keeps the payload of calls on gRPC where the server takes it over bulk
	// connections, too.
	NoBulk bool
	// PingEvery is how long the metadata connection may be silent before it is
	// pinged. Default 30 s, and not less than 10 s.
	PingEvery time.Duration
	// ConnectTimeout bounds one attempt to connect. Default 5 s.
	ConnectTimeout time.Duration
	// LoginTimeout bounds the wait for the answer to a login. Default 30 s.
	LoginTimeout time.Duration
	// Dial replaces the network in tests.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Logger receives lost logins; nil discards.
	Logger *slog.Logger
}

func (o *ClientOptions) setDefaults() {
	if o.Auth == "" {
		o.Auth = NoSASL
	}
	if o.StreamConns <= 0 {
		o.StreamConns = 4
	}
	if o.StreamWindow <= 0 {
		o.StreamWindow = 2 << 20
	}
	if o.PingEvery == 0 {
		o.PingEvery = 30 * time.Second
	}
	o.PingEvery = max(o.PingEvery, minClientPing)
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	if o.LoginTimeout == 0 {
		o.LoginTimeout = handshakeTimeout
	}
	if o.Dial == nil {
		o.Dial = dial
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// unixPrefix marks the address of a unix domain socket.
const unixPrefix = "unix:"

// UnixAddr returns the address under which a Pool dials a unix socket.
func UnixAddr(path string) string { return unixPrefix + path }

func dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		return d.DialContext(ctx, "unix", path)
	}
	return d.DialContext(ctx, "tcp", addr)
}

// Pool holds the connections of one caller to every server it talks to. It is
// safe for concurrent use. Connections are made when first used and live until
// Close.
type Pool struct {
	opts ClientOptions
	mu   struct {
		sync.Mutex
		peers  map[string]*peer
		closed bool
	}
}

// NewPool returns a pool without connections.
func NewPool(opts ClientOptions) *Pool {
	opts.setDefaults()
	p := &Pool{opts: opts}
	p.mu.peers = map[string]*peer{}
	return p
}

// Conn returns the metadata connection to an address: "host:port" or
// [UnixAddr]. Every caller shares it. Bulk data belongs on StreamConn.
func (p *Pool) Conn(addr string) grpc.ClientConnInterface { return &conn{pool: p, addr: addr} }

// StreamConn returns a connection to an address for bulk data. Calls are spread
// over ClientOptions.StreamConns connections.
func (p *Pool) StreamConn(addr string) grpc.ClientConnInterface {
	return &conn{pool: p, addr: addr, bulk: true}
}

// Close logs out everywhere, closes all connections and ends the calls on them.
// It returns when no goroutine of the pool is left.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.mu.closed = true
	peers := p.mu.peers
	p.mu.peers = nil
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, peer := range peers {
		wg.Go(peer.close)
	}
	wg.Wait()
	return nil
}

// errClosed is the cause of every failure after Close.
var errClosed = stderrors.New("the connections are closed")

// peer returns the connections to an address.
func (p *Pool) peer(addr string) (*peer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return nil, errors.E("", "", errors.Cancelled, errClosed)
	}
	if have, ok := p.mu.peers[addr]; ok {
		return have, nil
	}
	made, err := newPeer(addr, &p.opts)
	if err != nil {
		return nil, errors.Errorf(errors.Invalid, "cannot connect to %q: %v", addr, err)
	}
	p.mu.peers[addr] = made
	return made, nil
}

// peer is one server as its caller sees it.
type peer struct {
	meta  *grpc.ClientConn
	data  []*grpc.ClientConn // for calls with much payload; they connect when first used
	next  atomic.Uint32      // counts calls over data
	login *login             // nil when nobody logs in
	bulk  *bulkConns         // nil when they are not wanted
}

func newPeer(addr string, o *ClientOptions) (*peer, error) {
	p := &peer{}
	for i := range 1 + o.StreamConns {
		cc, err := grpc.NewClient("passthrough:///"+addr, dialOptions(addr, o, i > 0)...)
		if err != nil {
			p.close()
			return nil, err
		}
		if i == 0 {
			p.meta = cc
			continue
		}
		p.data = append(p.data, cc)
	}
	if o.Auth != NoSASL {
		p.login = newLogin(p.meta, addr, o)
	}
	if !o.NoBulk {
		p.bulk = newBulkConns(addr, p.meta, o)
	}
	return p, nil
}

// connWindows is the window of a bulk connection in those of its calls.
const connWindows = 8

// dialOptions differ for bulk connections in that these are not pinged while
// nobody reads: their peer is watched over the metadata connection.
func dialOptions(addr string, o *ClientOptions, bulk bool) []grpc.DialOption {
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(o.Dial),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithReadBufferSize(transportBuffer),
		grpc.WithWriteBufferSize(transportBuffer),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(codec{}),
			grpc.MaxCallRecvMsgSize(maxMessageBytes),
			grpc.MaxCallSendMsgSize(maxMessageBytes),
		),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: retryBase, Multiplier: 2, Jitter: 0.2, MaxDelay: retryMax},
			MinConnectTimeout: o.ConnectTimeout,
		}),
	}
	if strings.HasPrefix(addr, unixPrefix) {
		opts = append(opts, grpc.WithAuthority("localhost")) // a path is no host name
	}
	if bulk {
		return append(opts, grpc.WithStaticStreamWindowSize(o.StreamWindow), grpc.WithStaticConnWindowSize(connWindows*o.StreamWindow))
	}
	return append(opts, grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: o.PingEvery, Timeout: 30 * time.Second}))
}

func (p *peer) close() {
	if p.bulk != nil {
		p.bulk.close()
	}
	if p.login != nil {
		p.login.close()
	}
	for _, cc := range p.data {
		cc.Close()
	}
	if p.meta != nil {
		p.meta.Close()
	}
}

// transport returns the connection for the next call.
func (p *peer) transport(bulk bool) *grpc.ClientConn {
	if !bulk {
		return p.meta
	}
	return p.data[p.next.Add(1)%uint32(len(p.data))]
}

package rpc

import (
	"context"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/proto/bulkpb"
	"github.com/alluxio-go/alluxio/proto/saslpb"
	"github.com/alluxio-go/alluxio/proto/versionpb"
)

// Limits and intervals of every server and client of the protocol.
const (
	maxMessageBytes  = 100 << 20 // largest message either side accepts
	transportBuffer  = 256 << 10 // read and write buffer of a connection
	minClientPing    = 10 * time.Second
	handshakeTimeout = 30 * time.Second
	maxChannels      = 1 << 18 // live logins of one server
	maxStreams       = 1 << 14 // calls on one connection; more wait in the client
)

// ServerOptions configure a Server.
type ServerOptions struct {
	// Auth is how callers authenticate; empty means NoSASL.
	Auth AuthType
	// Verify checks a password under Custom. The password must not be kept.
	Verify func(user, password string) error
	// Impersonation says who may act as whom; the zero value lets nobody.
	Impersonation Impersonation
	// Superuser and Worker tell who may call methods of these levels. Nil
	// Superuser holds for nobody, nil Worker for superusers.
	Superuser, Worker func(User) bool
	// Serving returns why calls cannot be answered now (a standby master), or
	// nil. Its error goes to the caller as UNAVAILABLE whatever its kind.
	Serving func() error
	// Standby lists full method names that are answered even when not Serving.
	Standby []string
	// Access declares methods that are not of Alluxio's protocol.
	Access map[string]Access
	// PingEvery is how long a connection may be silent before the server pings
	// it; a client that does not answer within 30 s is dropped. Default 30 s.
	PingEvery time.Duration
	// Grace is how long calls under way may take to end after Run is told to.
	// Default 5 s.
	Grace time.Duration
	// Logger receives panics, refusals and shut-down; nil discards.
	Logger *slog.Logger
	// Intercept run inside authentication, outermost first: they see the user.
	Intercept []grpc.UnaryServerInterceptor
	// InterceptStreams are the same for streams.
	InterceptStreams []grpc.StreamServerInterceptor
}

func (o *ServerOptions) setDefaults() {
	if o.Auth == "" {
		o.Auth = NoSASL
	}
	if o.Superuser == nil {
		o.Superuser = func(User) bool { return false }
	}
	if o.Worker == nil {
		o.Worker = o.Superuser
	}
	if o.PingEvery == 0 {
		o.PingEvery = 30 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// serving returns nil or an error of kind Unavailable.
func (o *ServerOptions) serving() error {
	if o.Serving == nil {
		return nil
	}
	if err := o.Serving(); err != nil {
		return errors.E("", "", errors.Unavailable, err)
	}
	return nil
}

// Server serves gRPC with Alluxio's authentication and versions. Services are
// registered before Run.
type Server struct {
	opts    ServerOptions
	standby map[string]bool
	grpc    *grpc.Server
	bulk    *bulkServer
	stop    chan struct{} // closed when login streams must end
	running atomic.Int64  // calls being served, see Running

	channels struct {
		sync.RWMutex
		users map[string]User // by channel id
	}
}

// NewServer returns a server that hosts the version service and, unless
// authentication is off, the login service. It starts nothing.
func NewServer(opts ServerOptions) *Server {
	opts.setDefaults()
	s := &Server{opts: opts, standby: map[string]bool{}, stop: make(chan struct{})}
	s.channels.users = map[string]User{}
	for _, m := range opts.Standby {
		s.standby[m] = true
	}
	s.standby[versionpb.ServiceVersionClientService_GetServiceVersion_FullMethodName] = true
	s.grpc = grpc.NewServer(
		grpc.ForceServerCodecV2(codec{}),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ReadBufferSize(transportBuffer),
		grpc.WriteBufferSize(transportBuffer),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: opts.PingEvery, Timeout: 30 * time.Second}),
		grpc.ChainUnaryInterceptor(append([]grpc.UnaryServerInterceptor{s.unary}, opts.Intercept...)...),
		grpc.ChainStreamInterceptor(append([]grpc.StreamServerInterceptor{s.stream}, opts.InterceptStreams...)...),
	)
	s.bulk = &bulkServer{s: s, methods: map[string]bulkMethod{}}
	s.bulk.mu.conns = map[*servedConn]struct{}{}
	versionpb.RegisterServiceVersionClientServiceServer(s.grpc, versionService{server: s})
	if opts.Auth != NoSASL {
		saslpb.RegisterSaslAuthenticationServiceServer(s.grpc, loginService{server: s})
	}
	return s
}

// RegisterService makes Server a [grpc.ServiceRegistrar] for generated code.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.grpc.RegisterService(desc, impl)
	first := len(s.bulk.methods) == 0
	s.bulk.register(desc, impl)
	if first && len(s.bulk.methods) > 0 {
		bulkpb.RegisterBulkDataServer(s.grpc, s.bulk)
	}
}

// Running counts the calls that are being served, without logins, which last as
// long as their connections.
func (s *Server) Running() int { return int(s.running.Load()) }

// MissingPolicies returns the registered methods that declare no access.
func (s *Server) MissingPolicies() []string {
	return MissingPolicies(s.grpc.GetServiceInfo(), s.opts.Access)
}

// Run serves on the listeners until ctx ends, then lets calls finish within the
// grace period, ends the rest and closes the listeners. It returns nil after an
// orderly end. A Server runs once.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	if len(s.bulk.methods) > 0 {
		s.bulk.listenLocally()
		for i, l := range listeners {
			sorted := s.bulk.listen(l)
			s.bulk.running.Go(sorted.run)
			listeners[i] = sorted
		}
	}
	for _, l := range listeners {
		g.Go(func() error {
			if err := s.grpc.Serve(l); err != grpc.ErrServerStopped { // told to stop before it began
				return err
			}
			return nil
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		s.shutDown()
		return nil
	})
	return g.Wait()
}

// shutDown ends login streams at once, since they would never end themselves,
// and other calls after the grace period.
func (s *Server) shutDown() {
	close(s.stop)
	end := make(chan struct{})
	hard := time.AfterFunc(s.opts.Grace, func() {
		s.opts.Logger.Info("ending calls that outlast the grace period", "grace", s.opts.Grace)
		close(end)
		s.grpc.Stop()
	})
	defer hard.Stop()
	var bulk sync.WaitGroup
	bulk.Go(func() { s.bulk.stop(end) })
	s.grpc.GracefulStop()
	bulk.Wait()
}

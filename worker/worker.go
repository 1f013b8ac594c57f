package worker

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/internal/ticket"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/grpcpb"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/worker/store"
)

// Options are what a worker needs besides its configuration.
type Options struct {
	// UFS opens under stores; needed.
	UFS ufs.Registry
	// Listener replaces the configured bind address and port.
	Listener net.Listener
	// WebPort is announced as the port of the web page; 0 takes the configured
	// one.
	WebPort int
	// FS replaces the file system of the block store in tests.
	FS store.FS
	// Logger and Registerer may be nil: then nothing is logged or registered.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Worker is a data server.
type Worker struct {
	conf *config.Config
	opts Options
	log  *slog.Logger
	m    *metrics

	listener net.Listener
	socket   net.Listener // unix domain socket, nil when not configured
	addr     *grpcpb.WorkerNetAddress
	started  time.Time

	store    *store.Store
	report   *report
	pool     *rpc.Pool // to masters and workers
	master   *masterClient
	mounts   mounts
	locals   locals
	cacher   *cacher
	persist  *persister
	verifier *verifier

	server           atomic.Pointer[rpc.Server] // nil until Run serves
	versions         versions
	tickets          atomic.Pointer[ticket.Key] // of the master this worker is registered with; nil before
	sequences        sequences
	readers, writers slots
	id               atomic.Int64  // given by the master
	poke             chan struct{} // asks for a heartbeat now
	ready            chan struct{} // closed when registered and serving
	readyOnce        sync.Once
	vouchAfter       atomic.Int64 // before, the master is not asked about blocks found on disk, unix nanoseconds
	confirmed        atomic.Int64 // when all files were last confirmed, unix nanoseconds
}

// New prepares a worker: it opens the block store and binds the port, so that
// mistakes show at once. It starts nothing; Run must be called to give up what was
// bound.
func New(conf *config.Config, opts Options) (*Worker, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Worker{conf: conf, opts: opts, log: opts.Logger, report: newReport(), started: time.Now(),
		poke: make(chan struct{}, 1), ready: make(chan struct{})}
	w.m = newMetrics(opts.Registerer)
	so, err := storeOptions(conf, opts.Logger, w.m.own, w.report)
	if err != nil {
		return nil, err
	}
	so.FS = opts.FS
	if err := w.connect(); err != nil {
		return nil, err
	}
	if w.listener, err = listen(conf, opts.Listener); err != nil {
		return nil, err
	}
	port := w.listener.Addr().(*net.TCPAddr).Port
	if w.socket, err = listenUnix(socketPath(conf, port)); err != nil {
		_ = w.listener.Close()
		return nil, err
	}
	if w.store, err = store.New(so); err != nil {
		w.closeListeners()
		return nil, errors.Errorf(errors.KindOf(err), "The storage of the worker (alluxio.worker.tieredstore.level*.dirs.path) cannot be used: %w", err)
	}
	w.logStorage()
	webPort := opts.WebPort
	if webPort == 0 {
		webPort = conf.Int(config.WorkerWebPort)
	}
	w.addr = netAddress(conf, port, webPort)
	w.mounts.open = w.openMount
	w.readers = newSlots("reads", conf.Int(config.WorkerNetworkBlockReaderThreadsMax))
	w.writers = newSlots("writes", conf.Int(config.WorkerNetworkBlockWriterThreadsMax))
	w.m.registerRatios(w.readers.taken, w.writers.taken)
	w.cacher = newCacher(w)
	w.persist = newPersister(w)
	w.verifier = newVerifier(w)
	return w, nil
}

// logStorage tells where blocks are kept.
func (w *Worker) logStorage() {
	for _, t := range w.store.Tiers() {
		for _, d := range t.Dirs {
			w.log.Info("storage directory", "tier", t.Alias, "dir", d.Path, "medium", d.Medium, "quota", d.Quota, "capacity", d.Capacity)
		}
	}
}

// connect prepares the connections to masters and workers.
func (w *Worker) connect() error {
	auth, err := rpc.ParseAuthType(w.conf.Enum(config.SecurityAuthenticationType))
	if err != nil {
		return err
	}
	w.pool = rpc.NewPool(rpc.ClientOptions{Auth: auth, User: loginUser(w.conf), Logger: w.log})
	w.master = &masterClient{master: w.pool.Master(rpc.MasterOptions{Addrs: w.conf.MasterAddresses()})}
	return nil
}

// listen binds the configured port.
func listen(conf *config.Config, given net.Listener) (net.Listener, error) {
	if given != nil {
		return given, nil
	}
	addr := net.JoinHostPort(conf.String(config.WorkerBindHost), strconv.Itoa(conf.Int(config.WorkerRPCPort)))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, errors.Errorf(errors.Unavailable, "The worker cannot listen on %s (%s): %w", addr, config.WorkerRPCPort.Name(), err)
	}
	return l, nil
}

// listenUnix binds the unix domain socket, if one is configured. A socket that
// nobody listens on is left from a worker that was killed.
func listenUnix(path string) (net.Listener, error) {
	if path == "" {
		return nil, nil
	}
	if c, err := net.Dial("unix", path); err == nil {
		_ = c.Close()
		return nil, errors.Errorf(errors.Unavailable, "Another process listens on %s (%s).", path, config.WorkerDataServerDomainSocketAddress.Name())
	}
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&os.ModeSocket != 0 {
		_ = os.Remove(path)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, errors.Errorf(errors.Unavailable, "The worker cannot listen on %s (%s): %w", path, config.WorkerDataServerDomainSocketAddress.Name(), err)
	}
	if err := os.Chmod(path, 0o777); err != nil { // any local user may be a client; they log in
		_ = l.Close()
		return nil, errors.E("worker.listen", path, errors.Other, err)
	}
	return l, nil
}

func (w *Worker) closeListeners() {
	for _, l := range w.listeners() {
		_ = l.Close()
	}
}

func (w *Worker) listeners() []net.Listener {
	if w.socket == nil {
		return []net.Listener{w.listener}
	}
	return []net.Listener{w.listener, w.socket}
}

// Run serves until ctx ends, or until the master could not be reached for too
// long. When it returns all goroutines of the worker have ended, its port is
// free and its index is on disk.
func (w *Worker) Run(ctx context.Context) error {
	defer w.closeListeners()
	defer func() { _ = w.pool.Close() }()
	defer w.mounts.close()
	defer w.locals.close()
	defer w.sequences.close()
	if err := w.takeClusterDefaults(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before a master answered
		}
		return err
	}
	server, err := w.newServer()
	if err != nil {
		return err
	}
	w.server.Store(server)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx, w.listeners()...) })
	for _, loop := range []func(context.Context) error{
		w.store.Run, w.stayRegistered, w.watchPins, w.confirmPersisted, w.cacher.run, w.persist.run, w.verifier.run,
	} {
		g.Go(func() error { return loop(ctx) })
	}
	err = g.Wait()
	w.log.Info("the worker has stopped", "error", err)
	return err
}

// takeClusterDefaults adopts what the master has configured for workers. It
// waits for a master to answer.
func (w *Worker) takeClusterDefaults(ctx context.Context) error {
	before := w.conf.Enum(config.SecurityAuthenticationType)
	err := w.persevere(ctx, "asking the master for its configuration", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		props, err := w.master.clusterDefaults(ctx)
		if errors.Is(err, errors.Unsupported) {
			return nil // a master without that service
		}
		if err != nil {
			return err
		}
		conf, err := w.conf.WithClusterDefaults(props)
		if err != nil {
			return err
		}
		w.conf = conf
		return nil
	})
	if err != nil || w.conf.Enum(config.SecurityAuthenticationType) == before {
		return err
	}
	_ = w.pool.Close() // the cluster logs in otherwise
	return w.connect()
}

// newServer makes the gRPC server.
func (w *Worker) newServer() (*rpc.Server, error) {
	auth, err := rpc.ParseAuthType(w.conf.Enum(config.SecurityAuthenticationType))
	if err != nil {
		return nil, err
	}
	self := loginUser(w.conf)
	server := rpc.NewServer(rpc.ServerOptions{
		Auth:      auth,
		Superuser: func(u rpc.User) bool { return u.Name == self },
		Grace:     2 * time.Second,
		PingEvery: w.conf.Duration(config.WorkerNetworkKeepaliveTime),
		Logger:    w.log,
	})
	blockpb.RegisterBlockWorkerServer(server, &service{w: w})
	return server, nil
}

// Ready is closed when the worker is registered with the master.
func (w *Worker) Ready() <-chan struct{} { return w.ready }

func (w *Worker) markReady() { w.readyOnce.Do(func() { close(w.ready) }) }

// Addr is the address that the worker listens on.
func (w *Worker) Addr() net.Addr { return w.listener.Addr() }

// Address is the worker's host and port, as clients know it.
func (w *Worker) Address() string {
	return net.JoinHostPort(w.addr.GetHost(), strconv.Itoa(int(w.addr.GetRpcPort())))
}

// isMe reports whether host and data port are this worker's.
func (w *Worker) isMe(host string, port int32) bool {
	if port != w.addr.GetDataPort() {
		return false
	}
	return host == w.addr.GetHost() || host == w.addr.GetContainerHost() && host != ""
}

// confirmAll asks the master about all files that have their only copies here,
// at most once a second, and reports whether it did.
func (w *Worker) confirmAll(ctx context.Context) bool {
	last, now := w.confirmed.Load(), time.Now().UnixNano()
	if now-last < int64(time.Second) || !w.confirmed.CompareAndSwap(last, now) {
		return false
	}
	for _, file := range w.store.Unconfirmed() {
		w.confirm(ctx, file)
	}
	return true
}

// service is the gRPC face of a Worker.
type service struct {
	blockpb.UnimplementedBlockWorkerServer
	w *Worker
}

// slots bounds how many requests of a kind are worked on.
type slots struct {
	what string
	free chan struct{}
}

func newSlots(what string, n int) slots { return slots{what, make(chan struct{}, max(1, n))} }

func (s slots) acquire() error {
	select {
	case s.free <- struct{}{}:
		return nil
	default:
		return errors.Errorf(errors.NoSpace, "The worker is busy with %d %s; try again later or elsewhere.", cap(s.free), s.what)
	}
}

func (s slots) release() { <-s.free }

// taken is the number of requests being worked on.
func (s slots) taken() int { return len(s.free) }

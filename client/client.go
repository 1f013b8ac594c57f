package client

import (
	"context"
	"log/slog"
	"net"
	"os/user"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/proto/blockpb"
	"github.com/alluxio-go/alluxio/proto/filepb"
	"github.com/alluxio-go/alluxio/proto/metapb"
	"github.com/alluxio-go/alluxio/proto/metricpb"
	"github.com/alluxio-go/alluxio/worker/store"
)

// Options of a Client that are not configuration.
type Options struct {
	// User is the name to log in with; empty means the property
	// alluxio.security.login.username, else the operating system's user.
	User string
	// Impersonate is the user to act as; empty means User. The master has to
	// allow it.
	Impersonate string
	// Password is sent when the cluster asks for CUSTOM authentication.
	Password string
	// Logger receives failures that were worked around; nil discards.
	Logger *slog.Logger
	// CacheLogger receives what is wrong with the folders of the page cache, which
	// its user can mend; nil means Logger.
	CacheLogger *slog.Logger
	// Metrics receives the metrics of the page cache, if there is one; nil
	// discards them.
	Metrics prometheus.Registerer
	// Dial replaces the network in tests.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
}

// Client is a connection to one cluster.
type Client struct {
	base *config.Config // as given to New
	opts Options
	user string

	inPlace store.LocalFiles // block files of workers on this machine

	turn  chan struct{} // holds a token; its holder may connect or close
	state atomic.Pointer[session]
	done  bool // guarded by turn
}

// session is what a Client has once it knows the cluster's configuration.
type session struct {
	pool     *rpc.Pool
	master   *rpc.Master
	settings *settings
	workers  *workerList
	pages    pageCache
	usage    *usage
}

// New returns a client of the cluster that conf names. It makes no connection.
func New(conf *config.Config, opts Options) (*Client, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{base: conf, opts: opts, user: opts.User, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	if c.user == "" {
		c.user = conf.String(config.SecurityLoginUsername)
	}
	if c.user == "" {
		me, err := user.Current()
		if err != nil {
			return nil, errors.Errorf(errors.Invalid, "the operating system does not know the current user: %v; set alluxio.security.login.username", err)
		}
		c.user = me.Username
	}
	return c, nil
}

// User returns the name the client logs in with.
func (c *Client) User() string { return c.user }

// Close ends all connections. Streams that are still open fail.
func (c *Client) Close() error {
	<-c.turn
	defer func() { c.turn <- struct{}{} }()
	c.done = true
	if s := c.state.Load(); s != nil {
		s.pages.close()
		s.usage.close()
		return s.pool.Close()
	}
	return nil
}

// Config returns the configuration in effect: conf as given to New over the
// cluster's defaults. It connects if there was no call yet.
func (c *Client) Config(ctx context.Context) (*config.Config, error) {
	s, err := c.session(ctx)
	if err != nil {
		return nil, err
	}
	return s.settings.cluster(), nil
}

// session returns the connections, making them at the first call.
func (c *Client) session(ctx context.Context) (*session, error) {
	if s := c.state.Load(); s != nil {
		s.settings.refresh(ctx, s.master)
		return s, nil
	}
	select {
	case <-c.turn:
	case <-ctx.Done():
		return nil, errors.E("connect", "", errors.Other, ctx.Err())
	}
	defer func() { c.turn <- struct{}{} }()
	if s := c.state.Load(); s != nil {
		return s, nil
	}
	if c.done {
		return nil, errors.Errorf(errors.Cancelled, "the client is closed")
	}
	s, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.state.Store(s)
	return s, nil
}

// connect learns the cluster's configuration without login, because it tells how
// to log in.
func (c *Client) connect(ctx context.Context) (*session, error) {
	anonymous := rpc.NewPool(rpc.ClientOptions{Auth: rpc.NoSASL, Dial: c.opts.Dial, Logger: c.opts.Logger})
	defer anonymous.Close()
	settings, err := loadSettings(ctx, c.base, anonymous.Master(masterOptions(c.base)), c.opts.Logger)
	if err != nil {
		return nil, err
	}
	conf := settings.cluster()
	auth, err := rpc.ParseAuthType(conf.Enum(config.SecurityAuthenticationType))
	if err != nil {
		return nil, err
	}
	pool := rpc.NewPool(rpc.ClientOptions{
		Auth:         auth,
		User:         c.user,
		Impersonate:  c.impersonate(conf),
		Password:     c.opts.Password,
		StreamConns:  min(conf.Int(config.UserNetworkStreamingMaxConnections), maxStreamConns),
		StreamWindow: int32(min(conf.Bytes(config.UserNetworkStreamingFlowcontrolWindow), maxStreamWindow)),
		PingEvery:    conf.Duration(config.UserNetworkRPCKeepaliveTime),
		Dial:         c.opts.Dial,
		Logger:       c.opts.Logger,
	})
	s := &session{pool: pool, master: pool.Master(masterOptions(conf)), settings: settings}
	s.workers = newWorkerList(s, conf)
	s.usage = newUsage(s.master, conf, c.opts.Logger)
	return s, nil
}

// maxStreamConns bounds the data connections to one worker; measured throughput
// does not grow beyond a few.
const maxStreamConns = 8

// maxStreamWindow bounds the window of one read.
const maxStreamWindow = 64 << 20

// impersonate returns the user to act as. _NONE_ and _HDFS_USER_, which concerns
// Hadoop programs only, mean nobody else.
func (c *Client) impersonate(conf *config.Config) string {
	if c.opts.Impersonate != "" {
		return c.opts.Impersonate
	}
	switch name := conf.String(config.SecurityLoginImpersonationUsername); name {
	case "_NONE_", "_HDFS_USER_":
		return ""
	default:
		return name
	}
}

func masterOptions(conf *config.Config) rpc.MasterOptions {
	return rpc.MasterOptions{
		Addrs: conf.MasterAddresses(),
		Retry: rpc.Retry{
			Base:   conf.Duration(config.UserRPCRetryBaseSleep),
			Max:    conf.Duration(config.UserRPCRetryMaxSleep),
			Budget: conf.Duration(config.UserRPCRetryMaxDuration),
		},
	}
}

// Call makes a call of any service to the primary master, repeated while nobody
// answers. It is for calls that this package has no method for; what it does
// must be harmless to repeat.
func (c *Client) Call(ctx context.Context, call func(ctx context.Context, master grpc.ClientConnInterface) error) error {
	s, err := c.session(ctx)
	if err != nil {
		return err
	}
	return s.master.Do(ctx, call)
}

// Leader returns the RPC address (host:port) of the primary master.
func (c *Client) Leader(ctx context.Context) (string, error) {
	s, err := c.session(ctx)
	if err != nil {
		return "", err
	}
	var leader string
	err = s.master.Do(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) (err error) {
		if leader, err = s.master.Primary(ctx); err != nil {
			return err
		}
		return s.master.Probe(ctx, leader)
	})
	return leader, err
}

// The services of the master, one helper each.

func (c *Client) files(ctx context.Context, call func(context.Context, filepb.FileSystemMasterClientServiceClient) error) error {
	return c.Call(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) error {
		return call(ctx, filepb.NewFileSystemMasterClientServiceClient(cc))
	})
}

func (c *Client) blocks(ctx context.Context, call func(context.Context, blockpb.BlockMasterClientServiceClient) error) error {
	return c.Call(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) error {
		return call(ctx, blockpb.NewBlockMasterClientServiceClient(cc))
	})
}

func (c *Client) meta(ctx context.Context, call func(context.Context, metapb.MetaMasterClientServiceClient) error) error {
	return c.Call(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) error {
		return call(ctx, metapb.NewMetaMasterClientServiceClient(cc))
	})
}

func (c *Client) configuration(ctx context.Context, call func(context.Context, metapb.MetaMasterConfigurationServiceClient) error) error {
	return c.Call(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) error {
		return call(ctx, metapb.NewMetaMasterConfigurationServiceClient(cc))
	})
}

func (c *Client) metrics(ctx context.Context, call func(context.Context, metricpb.MetricsMasterClientServiceClient) error) error {
	return c.Call(ctx, func(ctx context.Context, cc grpc.ClientConnInterface) error {
		return call(ctx, metricpb.NewMetricsMasterClientServiceClient(cc))
	})
}

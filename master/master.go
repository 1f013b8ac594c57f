package master

import (
	"context"
	stderrors "errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/rpc"
	"github.com/alluxio-go/alluxio/internal/ticket"
	"github.com/alluxio-go/alluxio/journal"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/master/mount"
	"github.com/alluxio-go/alluxio/ufs"
)

// Options are what a Master is given besides its configuration.
type Options struct {
	// Logger receives the master's messages. nil: none.
	Logger *slog.Logger
	// Registerer receives the metrics. nil: none.
	Registerer prometheus.Registerer
	// UFS are the stores that can be mounted. Required.
	UFS ufs.Registry
	// Listener overrides the RPC listener (tests). Run closes it.
	Listener net.Listener
	// JournalListener overrides the listener of a replicated journal (tests).
	JournalListener net.Listener
	// ElectionTimeout overrides the journal's election timeout. 0 keeps it.
	ElectionTimeout time.Duration
	// Journal overrides the journal (tests). nil opens the configured one.
	Journal func(journal.Options) (Journal, error)
}

// Journal is what a master needs of its journal; *journal.Journal is one.
type Journal interface {
	Run(ctx context.Context) error
	Started() <-chan struct{}
	Checkpoint(ctx context.Context) error
	TransferLeadership(ctx context.Context, address string) error
	Stats() journal.Stats
}

// Master is one Alluxio master. It leads or stands by, as the journal decides.
type Master struct {
	conf     *config.Config
	opts     Options
	log      *slog.Logger
	set      *settings
	state    *state
	journal  Journal
	server   *rpc.Server
	groups   *groups
	metrics  *metrics
	now      func() time.Time
	started  time.Time
	config   *clusterConfig
	reported *clusterMetrics
	pool     *rpc.Pool // to workers

	term  atomic.Pointer[term] // nil while standing by
	addr  atomic.Pointer[net.Addr]
	ready chan struct{}
	once  sync.Once
	fail  context.CancelCauseFunc // ends Run; set by Run before the journal runs
}

// New returns a master over the journal that the configuration names, which
// must be formatted. It starts nothing.
func New(conf *config.Config, opts Options) (*Master, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	set, err := newSettings(conf)
	if err != nil {
		return nil, err
	}
	root, err := rootMount(conf)
	if err != nil {
		return nil, err
	}
	st, err := newState(root, set.maxOps)
	if err != nil {
		return nil, err
	}
	m := &Master{
		conf: conf, opts: opts, log: opts.Logger, set: set, state: st,
		groups: newGroups(set.groupTimeout, time.Now), metrics: newMetrics(opts.Registerer),
		now: time.Now, started: time.Now(), ready: make(chan struct{}),
		config: newClusterConfig(conf), reported: newClusterMetrics(time.Now),
	}
	m.pool = rpc.NewPool(rpc.ClientOptions{Auth: rpc.AuthType(conf.Enum(config.SecurityAuthenticationType)), User: set.superUser, Logger: m.log})
	m.server = m.newServer()
	if m.journal, err = m.openJournal(); err != nil {
		return nil, err
	}
	m.registerGauges()
	return m, nil
}

// rootMount is the configured root mount point.
func rootMount(conf *config.Config) (mount.Point, error) {
	uri, err := mount.NormalizeURI(conf.String(config.MasterMountTableRootUFS))
	if err != nil {
		return mount.Point{}, errors.Errorf(errors.Invalid, "%s: %w", config.MasterMountTableRootUFS.Name(), err)
	}
	return mount.Point{
		ID: mount.RootID, Path: "/", UFS: uri,
		ReadOnly: conf.Bool(config.MasterMountTableRootReadonly),
		Shared:   conf.Bool(config.MasterMountTableRootShared),
		Options:  conf.RootMountOptions(),
	}, nil
}

func (m *Master) openJournal() (Journal, error) {
	o := journal.Options{
		Dir:             m.conf.String(config.MasterJournalFolder),
		StateMachine:    m.state,
		OnLead:          m.lead,
		ElectionTimeout: m.opts.ElectionTimeout,
		Listener:        m.opts.JournalListener,
		Logger:          m.log,
		Registerer:      m.opts.Registerer,
	}
	if m.conf.IsSetByUser(config.MasterJournalCheckpointPeriodEntries) {
		// Alluxio's default (2 million) would make a restart slow; the journal's own is lower.
		o.CheckpointEntries = uint64(m.conf.Int(config.MasterJournalCheckpointPeriodEntries))
	}
	for _, a := range m.conf.List(config.MasterEmbeddedJournalAddresses) {
		o.Peers = append(o.Peers, journal.Peer{Address: a})
	}
	if len(o.Peers) > 0 {
		o.Address = m.journalAddress()
		if o.ElectionTimeout == 0 {
			o.ElectionTimeout = m.conf.Duration(config.MasterEmbeddedJournalElectionTimeoutMin)
		}
	}
	if m.opts.Journal != nil {
		return m.opts.Journal(o)
	}
	return journal.Open(o)
}

// Run serves until ctx ends (nil) or the master cannot go on (the reason).
func (m *Master) Run(ctx context.Context) error {
	listener := m.opts.Listener
	if listener == nil {
		addr := net.JoinHostPort(m.conf.String(config.MasterBindHost), strconv.Itoa(m.conf.Int(config.MasterRPCPort)))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return errors.Errorf(errors.Unavailable, "The master cannot listen on %s (%s): %w", addr, config.MasterRPCPort.Name(), err)
		}
		listener = l
	}
	m.addr.Store(ptr(listener.Addr()))
	ctx, m.fail = context.WithCancelCause(ctx)
	defer m.fail(nil)
	defer func() { _ = m.pool.Close() }() // returns no error

	// The journal outlives the server, so that calls under way can end.
	journalCtx, endJournal := context.WithCancel(context.WithoutCancel(ctx))
	defer endJournal()
	var g errgroup.Group
	g.Go(func() error {
		defer endJournal()
		err := m.server.Run(ctx, listener)
		if stderrors.Is(err, grpc.ErrServerStopped) { // told to stop before it began
			err = nil
		}
		if err != nil {
			m.fail(err)
		}
		return err
	})
	g.Go(func() error {
		err := m.journal.Run(journalCtx)
		m.fail(err)
		return err
	})
	if len(m.conf.List(config.MasterEmbeddedJournalAddresses)) > 1 {
		g.Go(func() error {
			select {
			case <-m.journal.Started():
				m.once.Do(func() { close(m.ready) })
			case <-ctx.Done():
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if cause := context.Cause(ctx); cause != context.Canceled && !errors.Is(cause, errors.Cancelled) {
		return cause
	}
	return nil
}

// Ready is closed when the master first leads and serves. One of several is
// ready when it takes part in the elections: which one leads is not for it to
// say, and the others may be yet to be started.
func (m *Master) Ready() <-chan struct{} { return m.ready }

// Addr is where the master listens, nil before Run.
func (m *Master) Addr() net.Addr {
	if a := m.addr.Load(); a != nil {
		return *a
	}
	return nil
}

// lead runs one term.
func (m *Master) lead(ctx context.Context, jt *journal.Term) {
	var t *term
	err := m.initFromBackup(ctx, jt)
	if err == nil {
		t = m.newTerm(ctx, jt)
		err = t.beginPatiently(ctx, m.conf)
	}
	if err != nil {
		if ctx.Err() == nil {
			m.log.Error("The master cannot lead.", "err", err)
			m.fail(err)
		}
		return
	}
	forget := func(in inode.Inode) { t.removeBlocks(in) }
	m.state.removed.Store(&forget)
	m.term.Store(t)
	m.once.Do(func() { close(m.ready) })
	t.tasks.Go(debug.FreeOSMemory) // give back what replaying the journal took

	var g errgroup.Group
	for _, loop := range t.loops() {
		g.Go(func() error { loop(ctx); return nil })
	}
	<-ctx.Done()
	m.term.Store(nil)
	m.state.removed.Store(nil)
	_ = g.Wait() // loops return no errors
	t.tasks.Wait()
	t.stores.closeAll()
}

func (m *Master) newTerm(ctx context.Context, p proposer) *term {
	t := &term{
		ctx: ctx, set: m.set, state: m.state, journal: p, log: m.log, now: m.now, began: m.now(),
		metrics: m.metrics, groups: m.groups,
		latches: newLatches(),
		loading: newLatches(),
		stores:  newStores(m.openUFS, m.log),
		syncs:   newSyncTimes(),
		absent:  newAbsentPaths(m.set.absentLimit, m.now),
		access:  newAccessTimes(m.set.accessPrecision),
		leases:  newLeases(m.set.maxLeases, m.set.leaseTTL, m.now),
		workers: newWorkerConfigs(),
		persist: newPersister(),
		backups: newBackups(),
		tickets: ticket.NewKey(),
		copy:    rpcCopier(m.pool),
	}
	t.blocks = blockmap.New(blockmap.Options{
		Now:           m.now,
		NewID:         func() blockmap.WorkerID { return blockmap.WorkerID(rand.Int64()) },
		Unknown:       t.unknownContainers,
		WorkerTimeout: m.set.workerTimeout,
	})
	s := &m.state.mu
	s.RLock()
	defer s.RUnlock()
	t.nextContainer.Store(int64(s.nextContainer))
	t.nextIntent.Store(s.nextIntent)
	t.nextMount.Store(int64(s.lastMount) + 1)
	return t
}

func (m *Master) openUFS(ctx context.Context, p mount.Point) (ufs.UFS, error) {
	return m.opts.UFS.Open(ctx, p.UFS, ufs.Options{
		Properties: m.conf.UFSProperties(p.Options), Logger: m.log, Registerer: m.opts.Registerer,
	})
}

// leading returns the current term, or why there is none.
func (m *Master) leading() (*term, error) {
	if t := m.term.Load(); t != nil {
		return t, nil
	}
	return nil, errors.Errorf(errors.Unavailable, "This master does not lead. Ask the leading master.")
}

// Format prepares what a new cluster needs: an empty journal and, for a local
// root, its directory. An existing journal is wiped with force and refused
// without.
func Format(conf *config.Config, force bool) error {
	root, err := rootMount(conf)
	if err != nil {
		return err
	}
	if err := makeLocalRoot(root.UFS); err != nil {
		return err
	}
	return journal.Format(conf.String(config.MasterJournalFolder), journal.FormatOptions{Force: force})
}

// makeLocalRoot creates the directory of a root on the local file system: that
// is what a fresh installation has.
func makeLocalRoot(uri string) error {
	if ufs.Scheme(uri) != "file" {
		return nil
	}
	dir := strings.TrimPrefix(uri, "file://")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return errors.Errorf(errors.Other, "The root under file system %s cannot be created: %w", uri, err)
	}
	return nil
}

func (m *Master) stats() inode.Stats {
	m.state.mu.RLock()
	defer m.state.mu.RUnlock()
	return m.state.mu.tree.Stats()
}

package journal

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Journal is an open journal directory. Its methods may be called from any
// goroutine.
type Journal struct {
	opts        Options
	id          string
	unlock      func()
	store       *logStore
	checkpoints *checkpointStore
	fsm         *fsm
	metrics     *metrics
	bootstrap   bool // the log is empty: Run writes its first entry

	proposing sync.WaitGroup // proposals on their way
	started   chan struct{}  // closed when it takes part in the cluster
	failed    chan struct{}  // closed with mu.cause
	ended     chan struct{}  // closed when raft has ended

	mu struct {
		sync.Mutex
		raft         *raft.Raft // nil before Run and after it
		term         *Term
		cause        error // why the journal cannot go on
		run, closed  bool
		gained, lost time.Time
	}
}

// Open locks and verifies the journal in opts.Dir: each byte of the log and of
// the newest checkpoint (docs/journal-format.md lists what is checked). It
// changes nothing and starts nothing; Run goes on from there.
//
// NotFound: the directory is not formatted. FailedPrecondition: it holds
// something else, is in use, or belongs to other members. Corrupt: damage.
func Open(opts Options) (*Journal, error) {
	opts = opts.withDefaults()
	m, err := readMarker(opts.Dir)
	if err != nil {
		return nil, err
	}
	if err := checkPeers(&opts); err != nil {
		return nil, err
	}
	unlock, err := lockDir(opts.Dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{opts: opts, id: m.ID, unlock: unlock, started: make(chan struct{}), failed: make(chan struct{}), ended: make(chan struct{})}
	if err := j.open(); err != nil {
		j.release()
		return nil, err
	}
	return j, nil
}

func checkPeers(opts *Options) error {
	if len(opts.Peers) == 0 {
		opts.Address = standalone
		return nil
	}
	if !slices.ContainsFunc(opts.Peers, func(p Peer) bool { return p.Address == opts.Address }) {
		return errors.Errorf(errors.Invalid, "This master's journal address %s is not among the configured ones (%s).",
			opts.Address, peerList(opts.Peers))
	}
	return nil
}

func peerList(peers []Peer) string {
	names := make([]string, len(peers))
	for i, p := range peers {
		names[i] = p.Address
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (j *Journal) open() (err error) {
	j.metrics = newMetrics(j.opts.Registerer, j.Stats)
	j.checkpoints = &checkpointStore{dir: filepath.Join(j.opts.Dir, checkpointsDir), logger: j.opts.Logger, metrics: j.metrics}
	start := time.Now()
	path := filepath.Join(j.opts.Dir, logName)
	found, err := verifyLog(path, nil)
	if err != nil {
		return err
	}
	newest, err := j.checkpoints.verifyNewest()
	if err != nil {
		return errors.E("reading the newest checkpoint", "", errors.Other, err)
	}
	if err := j.checkContinuity(found, newest); err != nil {
		return err
	}
	if err := j.checkMembers(found, newest); err != nil {
		return err
	}
	if j.store, err = openLog(path, found, j.opts.Logger, j.metrics); err != nil {
		return err
	}
	j.store.fail = j.fail
	j.fsm = &fsm{sm: j.opts.StateMachine, fail: j.fail, newest: j.checkpoints.newestIndex, every: j.opts.CheckpointEntries, due: make(chan struct{}, 1)}
	j.opts.Logger.Info("journal verified", "dir", j.opts.Dir, "first", found.first, "last", found.last,
		"checkpoint", j.checkpoints.newestIndex(), "took", time.Since(start).Round(time.Millisecond))
	return j.metrics.register()
}

// checkContinuity refuses a log that does not go on from the checkpoint.
func (j *Journal) checkContinuity(log logSummary, checkpoint *raft.SnapshotMeta) error {
	var covered uint64
	if checkpoint != nil {
		covered = checkpoint.Index
	}
	if log.first > covered+1 {
		return errors.E("journal", j.opts.Dir, errors.Corrupt,
			corrupt("the log begins with entry %d, but the newest checkpoint covers only entries up to %d", log.first, covered))
	}
	return nil
}

// checkMembers refuses a journal of other members than the configured ones.
func (j *Journal) checkMembers(log logSummary, checkpoint *raft.SnapshotMeta) error {
	var have raft.Configuration
	switch {
	case log.members != nil && (checkpoint == nil || log.membersAt > checkpoint.ConfigurationIndex):
		have = raft.DecodeConfiguration(log.members)
	case checkpoint != nil:
		have = checkpoint.Configuration
	case log.last == 0:
		j.bootstrap = true
		return nil
	default:
		return errors.E("journal", j.opts.Dir, errors.Corrupt, corrupt("the log does not say who its members are"))
	}
	was, is := peersOf(have, ""), peersOf(j.members(), "")
	if peerList(was) == peerList(is) {
		return nil
	}
	return errors.Errorf(errors.FailedPrecondition,
		"The journal at %s belongs to the masters %s, but the masters configured are %s. Restore alluxio.master.embedded.journal.addresses, or format the journal.",
		j.opts.Dir, peerList(was), peerList(is))
}

// members are the configured voters.
func (j *Journal) members() raft.Configuration {
	if len(j.opts.Peers) == 0 {
		return raft.Configuration{Servers: []raft.Server{{ID: standalone, Address: standalone}}}
	}
	var c raft.Configuration
	for _, p := range j.opts.Peers {
		c.Servers = append(c.Servers, raft.Server{ID: raft.ServerID(p.Address), Address: raft.ServerAddress(p.Address)})
	}
	return c
}

func peersOf(c raft.Configuration, leader raft.ServerID) []Peer {
	var peers []Peer
	for _, s := range c.Servers {
		if s.Suffrage == raft.Voter {
			peers = append(peers, Peer{Address: string(s.Address), Leader: s.ID == leader && leader != ""})
		}
	}
	return peers
}

// fail records why the journal cannot go on and ends Run.
func (j *Journal) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.mu.cause != nil {
		return
	}
	j.mu.cause = err
	close(j.failed)
	j.opts.Logger.Error("the journal cannot go on", "error", err)
}

func (j *Journal) cause() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.mu.cause
}

// Run restores the newest checkpoint into the state machine and takes part in
// the cluster until ctx ends (nil) or the journal cannot go on (the reason:
// damage, a failing disk). It closes the journal in either case, and may be
// called once.
func (j *Journal) Run(ctx context.Context) error {
	j.mu.Lock()
	again := j.mu.run || j.mu.closed
	j.mu.run = true
	j.mu.Unlock()
	if again {
		return errors.Errorf(errors.Internal, "the journal has been run or closed already")
	}
	defer j.release()
	if err := j.prepare(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	notify := make(chan bool, 16)
	r, err := j.startRaft(notify)
	if err != nil {
		return err
	}
	var loops sync.WaitGroup
	loops.Go(func() { j.leadLoop(ctx, r, notify) })
	loops.Go(func() { j.checkpointLoop(ctx, r) })
	select {
	case <-ctx.Done():
	case <-j.failed:
		cancel()
	}
	loops.Wait() // ends the term first: nothing proposes any more
	j.endRaft(r)
	return j.cause()
}

// Started is closed when Run has restored the state and takes part in the
// cluster, as a leader or not.
func (j *Journal) Started() <-chan struct{} { return j.started }

// prepare brings the directory into the state that raft expects.
func (j *Journal) prepare() error {
	if err := j.checkpoints.sweep(); err != nil {
		return errors.E("removing unfinished checkpoints", j.checkpoints.dir, errors.Other, err)
	}
	first, last := j.store.bounds()
	if covered := j.checkpoints.newestIndex(); last != 0 && last < covered {
		// A checkpoint of the leader was installed, and a crash kept the log
		// before it from being removed.
		if err := j.store.DeleteRange(first, last); err != nil {
			return err
		}
	}
	if j.bootstrap {
		return j.store.bootstrap(j.members())
	}
	return nil
}

// startRaft restores the state machine and starts raft. raft panics when
// the log cannot be read while it starts.
func (j *Journal) startRaft(notify chan bool) (r *raft.Raft, err error) {
	logger := raftLogger{to: j.opts.Logger, quiet: len(j.opts.Peers) == 0}
	trans, err := newTransport(&j.opts, logger)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = errors.Errorf(errors.Corrupt, "the journal at %s cannot be read: %v", j.opts.Dir, p)
		}
		if err != nil {
			trans.Close()
			if cause := j.cause(); cause != nil {
				err = cause
			}
		}
	}()
	start := time.Now()
	r, err = raft.NewRaft(j.raftConfig(logger, notify), j.fsm, j.store, j.store, j.checkpoints, trans)
	if err != nil {
		return nil, errors.E("starting the journal", j.opts.Dir, errors.Other, err)
	}
	j.store.running.Store(true)
	j.fsm.running.Store(true)
	j.mu.Lock()
	j.mu.raft = r
	j.mu.Unlock()
	if self, ok := trans.(*raft.InmemTransport); ok {
		standForElection(self, j.opts.Logger)
	}
	close(j.started)
	j.opts.Logger.Info("journal started", "dir", j.opts.Dir, "took", time.Since(start).Round(time.Millisecond))
	return r, nil
}

func (j *Journal) raftConfig(logger raftLogger, notify chan bool) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(j.opts.Address)
	c.HeartbeatTimeout, c.ElectionTimeout = j.opts.ElectionTimeout, j.opts.ElectionTimeout
	c.LeaderLeaseTimeout = max(j.opts.ElectionTimeout/2, 5*time.Millisecond)
	c.CommitTimeout = max(min(c.CommitTimeout, j.opts.ElectionTimeout/10), time.Millisecond)
	c.MaxAppendEntries = 1024
	c.BatchApplyCh = true
	c.TrailingLogs = j.opts.TrailingEntries
	c.SnapshotThreshold = 1 << 62 // checkpointLoop decides
	c.SnapshotInterval = 1000 * time.Hour
	c.NotifyCh = notify
	c.NoLegacyTelemetry = true
	c.Logger = logger
	return c
}

// standForElection lets an only voter elect itself without waiting for a
// leader that cannot be: it tells itself what a leader that resigns tells its successor.
func standForElection(self *raft.InmemTransport, logger interface{ Debug(string, ...any) }) {
	self.Connect(standalone, self)
	defer self.Disconnect(standalone)
	req := &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(standalone), Addr: []byte(standalone)}}
	if err := self.TimeoutNow(standalone, standalone, req, &raft.TimeoutNowResponse{}); err != nil {
		logger.Debug("the only voter waits for its election timer", "error", err)
	}
}

// endRaft stops raft. Proposals that are still on their way get a moment to
// end in the ordinary way; what has not by then is uncertain.
func (j *Journal) endRaft(r *raft.Raft) {
	settled := make(chan struct{})
	go func() { j.proposing.Wait(); close(settled) }()
	select {
	case <-settled:
	case <-j.failed:
	case <-time.After(j.opts.ElectionTimeout):
	}
	close(j.store.closing)
	if err := r.Shutdown().Error(); err != nil {
		j.opts.Logger.Warn("stopping raft", "error", err)
	}
	close(j.ended)
	<-settled
}

// Close releases a journal that is never Run. After Run it does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	run := j.mu.run
	j.mu.Unlock()
	if !run {
		j.release()
	}
	return nil
}

func (j *Journal) release() {
	j.mu.Lock()
	done := j.mu.closed
	j.mu.closed, j.mu.raft = true, nil
	j.mu.Unlock()
	if done {
		return
	}
	if j.metrics != nil {
		j.metrics.unregister()
	}
	if j.store != nil {
		if err := j.store.close(); err != nil {
			j.opts.Logger.Warn("closing the journal's log", "error", err)
		}
	}
	j.unlock()
}

// Stats describes the journal.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	r := j.mu.raft
	s := Stats{ID: j.id, Dir: j.opts.Dir, Leading: j.mu.term != nil, GainedLead: j.mu.gained, LostLead: j.mu.lost}
	j.mu.Unlock()
	if j.store == nil || j.fsm == nil {
		return s
	}
	_, s.LastIndex = j.store.bounds()
	s.AppliedIndex = j.fsm.applied.Load()
	s.CheckpointIndex, s.CheckpointTime = j.checkpoints.newest()
	s.LastIndex = max(s.LastIndex, s.CheckpointIndex)
	s.AppliedIndex = max(s.AppliedIndex, s.CheckpointIndex)
	s.EntriesSinceCheckpoint = s.LastIndex - s.CheckpointIndex
	if err := j.store.writeError(); err != nil {
		s.WriteError = err.Error()
	}
	s.LogBytes = fileBytes(filepath.Join(j.opts.Dir, logName))
	var disk unix.Statfs_t
	if unix.Statfs(j.opts.Dir, &disk) == nil {
		s.DiskFreeBytes, s.DiskTotalBytes = int64(disk.Bavail)*disk.Bsize, int64(disk.Blocks)*disk.Bsize
	}
	s.Peers = peersOf(j.members(), "")
	if r != nil {
		address, id := r.LeaderWithID()
		s.Leader, s.Term = string(address), r.CurrentTerm()
		s.Peers = peersOf(r.GetConfiguration().Configuration(), id)
	}
	return s
}

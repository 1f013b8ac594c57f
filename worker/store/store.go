package store

import (
	"container/list"
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
)

// Store is a tiered block store. All methods may be called from any goroutine.
type Store struct {
	opts  Options
	fs    FS
	log   *slog.Logger
	m     *metrics
	tiers []*tier
	dirs  []*dir // of all tiers, in order

	slots   chan struct{} // one per request to a Source
	behind  chan struct{} // one per page in memory beyond that of its request
	writers chan struct{} // one per page being written
	// transfers has one for each block that is moved without being asked for;
	// pressed wakes who makes room.
	transfers, pressed chan struct{}
	starved            atomic.Int32 // who wait for a slot or for memory
	gaveUp             atomic.Int64 // unix nanoseconds of when a page was last not kept because writing is slow
	spares             struct {     // pages in memory that are on disk as well; locked after block.mu
		sync.Mutex
		list list.List
	}
	pages    sync.Pool // *[]byte of PageSize: what fetches read into
	tmpSeq   atomic.Uint64
	requests atomic.Uint64 // made to Sources so far
	turns    turns
	lastUser atomic.Int64 // unix nanoseconds of the last time a user read or wrote
	fetching sync.WaitGroup
	scanning atomic.Int32 // directories of which the index does not have all blocks

	mu struct {
		sync.Mutex
		blocks map[blockid.ID]*block
		byFile map[blockid.Container][]*block
		open   map[*block]struct{}          // blocks that readers have, or had a moment ago
		only   map[blockid.Container]int    // files with so many unconfirmed blocks
		claims map[blockid.ID]chan struct{} // ids whose files are being put in place or deleted
		seen   map[blockid.ID]struct{}      // ids that were claimed since a scan began, nil outside scans
		pinned map[blockid.Container]struct{}
		// fresh are blocks pinned by their writer until the master's list has
		// their file, or until the time given.
		fresh     map[blockid.ID]time.Time
		next      int     // RoundRobin's turn
		rounds    float64 // see warmLocked
		unscanned []*dir  // left to Run by New
		closed    bool    // Run has ended: nothing is fetched any more
	}
}

// tier is one storage level.
type tier struct {
	TierOptions
	index int
	dirs  []*dir

	// Guarded by Store.mu.
	draining bool      // above the high watermark and not yet below the low one
	hot      list.List // blocks of a lower tier that were used, the latest first
}

// New checks the options, prepares the directories and rebuilds the index from
// what they hold; of a directory with very many blocks Run does, and each that is
// asked for meanwhile is found by itself. New starts nothing. A directory that
// cannot be used is logged, counted as lost storage and probed by Run; if none can
// be used, New fails.
func New(opts Options) (*Store, error) {
	opts.setDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &Store{opts: opts, fs: opts.FS, log: opts.Logger, slots: make(chan struct{}, opts.MaxFetches),
		behind: make(chan struct{}, max(1, opts.WriteBehind/int64(opts.PageSize))), writers: make(chan struct{}, opts.Writers),
		transfers: make(chan struct{}, opts.Mover.Transfers), pressed: make(chan struct{}, 1), turns: turns{free: runtime.GOMAXPROCS(0)}}
	s.pages.New = func() any { b := make([]byte, opts.PageSize); return &b }
	s.mu.blocks = map[blockid.ID]*block{}
	s.mu.byFile = map[blockid.Container][]*block{}
	s.mu.open = map[*block]struct{}{}
	s.mu.only = map[blockid.Container]int{}
	s.mu.claims = map[blockid.ID]chan struct{}{}
	s.mu.pinned = map[blockid.Container]struct{}{}
	s.mu.fresh = map[blockid.ID]time.Time{}
	for i, t := range opts.Tiers {
		tr := &tier{TierOptions: t, index: i}
		for _, do := range t.Dirs {
			d, err := newDir(tr, do, &opts)
			if err != nil {
				return nil, err
			}
			tr.dirs = append(tr.dirs, d)
			s.dirs = append(s.dirs, d)
		}
		s.tiers = append(s.tiers, tr)
	}
	s.m = newMetrics(opts.Registerer, s)
	if err := s.openAll(); err != nil {
		return nil, err
	}
	return s, nil
}

// Run keeps the store in order until ctx ends: it makes room and moves blocks between tiers,
// probes failed directories, flushes sidecars and verifies idle blocks. It
// returns when everything it and the readers started has ended; sidecars are
// flushed then.
func (s *Store) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, loop := range []func(context.Context){s.scanLoop, s.flushLoop, s.probeLoop, s.spaceLoop, s.roomLoop, s.manageLoop, s.scrubLoop} {
		g.Go(func() error { loop(ctx); return nil })
	}
	err := g.Wait()
	s.cancelFetches()
	s.fetching.Wait()
	s.flushAll()
	return err
}

// every calls f each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, f func()) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f()
		}
	}
}

// Idle is how long no user has opened or created a block.
func (s *Store) Idle() time.Duration { return time.Since(time.Unix(0, s.lastUser.Load())) }

// Info describes the block id; NotFound when the store has nothing of it.
func (s *Store) Info(id blockid.ID) (Info, error) {
	s.find(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.mu.blocks[id]
	if !ok {
		return Info{}, notFound(id)
	}
	return s.infoLocked(b), nil
}

// Blocks describes all whole blocks. With reset it is called under the lock
// that orders Observer calls: what the Observer hears afterwards is not in the
// result, and everything before is.
func (s *Store) Blocks(reset func()) []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make([]Info, 0, len(s.mu.blocks))
	for _, b := range s.mu.blocks {
		if b.whole {
			infos = append(infos, s.infoLocked(b))
		}
	}
	if reset != nil {
		reset()
	}
	return infos
}

// AllBlocks describes all blocks, also partial ones.
func (s *Store) AllBlocks() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	infos := make([]Info, 0, len(s.mu.blocks))
	for _, b := range s.mu.blocks {
		infos = append(infos, s.infoLocked(b))
	}
	return infos
}

// FileBlocks describes the blocks of one file, also partial ones.
func (s *Store) FileBlocks(file blockid.FileID) []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []Info
	for _, b := range s.mu.byFile[file.Container()] {
		infos = append(infos, s.infoLocked(b))
	}
	return infos
}

func (s *Store) infoLocked(b *block) Info {
	return Info{
		ID: b.id, Length: b.length, Tier: b.dir.tier.Alias, TierIndex: b.dir.tier.index,
		Medium: b.dir.Medium, Dir: b.dir.Path, Path: b.path(),
		Bytes: b.bytes, Whole: b.whole, Confirmed: b.confirmed, Fingerprint: b.fingerprint,
		Pinned: s.pinnedLocked(b.id), Restored: b.restored,
	}
}

// Remove deletes the block id, also when it is pinned or unconfirmed. Readers
// that have it open may go on. NotFound when there is none.
func (s *Store) Remove(id blockid.ID) error {
	s.find(id)
	s.mu.Lock()
	b, ok := s.mu.blocks[id]
	if !ok {
		s.mu.Unlock()
		return notFound(id)
	}
	s.removeLocked(b)
	s.mu.Unlock()
	s.unlink(b)
	s.m.deleted.Inc()
	return nil
}

// removeLocked takes b out of the index for good: the caller then calls unlink,
// and nobody puts files of the same id in place before that is done.
func (s *Store) removeLocked(b *block) {
	s.dropLocked(b)
	s.claimLocked(b.id)
}

// dropLocked takes b out of the index.
func (s *Store) dropLocked(b *block) {
	id := b.id
	delete(s.mu.blocks, id)
	delete(s.mu.fresh, id)
	c := id.Container()
	if rest := without(s.mu.byFile[c], b); len(rest) > 0 {
		s.mu.byFile[c] = rest
	} else {
		delete(s.mu.byFile, c)
	}
	if !b.confirmed {
		s.confirmedLocked(c)
	}
	b.untrack()
	b.dropHot()
	b.gone = true
	if b.refs == 0 {
		b.dir.used -= b.bytes
		b.bytes = 0
	}
	if b.whole {
		s.opts.Observer.BlockRemoved(s.infoLocked(b))
	}
}

func without(list []*block, b *block) []*block {
	for i, x := range list {
		if x == b {
			list[i] = list[len(list)-1]
			return list[:len(list)-1]
		}
	}
	return list
}

// unlink deletes the files of a block that removeLocked took out.
func (s *Store) unlink(b *block) {
	b.io.Lock()
	s.removeFiles(b.dir, b.path(), b.finalPath()+metaSuffix)
	b.io.Unlock()
	s.release(b.id)
}

// removeFiles deletes the block file first, so that a crash in between leaves
// only a sidecar, which the next start sweeps.
func (s *Store) removeFiles(d *dir, blockFile, sidecar string) {
	for _, name := range [...]string{blockFile, sidecar} {
		if err := s.fs.Remove(name); err != nil && !errors.Is(err, errors.NotFound) {
			s.log.Warn("a block file could not be deleted", "path", name, "error", err)
			s.fault(d, err)
		}
	}
}

// indexLocked puts b, accounted for in its dir, into the index.
func (s *Store) indexLocked(b *block) {
	s.mu.blocks[b.id] = b
	c := b.id.Container()
	s.mu.byFile[c] = append(s.mu.byFile[c], b)
	if !b.confirmed {
		s.mu.only[c]++
	}
	if b.restored {
		s.restoreHeatLocked(b)
	} else {
		s.warmLocked(b)
	}
	s.trackLocked(b)
}

// confirmedLocked counts one unconfirmed block of a file less.
func (s *Store) confirmedLocked(c blockid.Container) {
	if s.mu.only[c]--; s.mu.only[c] == 0 {
		delete(s.mu.only, c)
	}
}

// trackLocked lets the eviction policy know b exactly if it may be evicted:
// blocks that must stay are not in its way. Those of them that may be moved to another
// tier have an order of their own.
func (s *Store) trackLocked(b *block) {
	pinned := s.pinnedLocked(b.id)
	if b.confirmed && !pinned {
		b.dir.unsaved.Remove(b.id)
		b.tracked = true
		b.resized()
		return
	}
	b.untrack()
	if !pinned {
		b.dir.unsaved.Add(b.id, b.bytes)
	}
}

// SetPinned replaces the set of files whose blocks must stay.
func (s *Store) SetPinned(files []blockid.FileID) {
	set := make(map[blockid.Container]struct{}, len(files))
	for _, f := range files {
		set[f.Container()] = struct{}{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.mu.pinned
	s.mu.pinned = set
	now := time.Now()
	for id, until := range s.mu.fresh {
		if _, listed := set[id.Container()]; listed || now.After(until) {
			delete(s.mu.fresh, id)
			s.retrackLocked(id.Container())
		}
	}
	for c := range set {
		if _, was := old[c]; !was {
			s.retrackLocked(c)
		}
	}
	for c := range old {
		if _, is := set[c]; !is {
			s.retrackLocked(c)
		}
	}
}

func (s *Store) retrackLocked(c blockid.Container) {
	for _, b := range s.mu.byFile[c] {
		s.trackLocked(b)
	}
}

func (s *Store) pinnedLocked(id blockid.ID) bool {
	if _, ok := s.mu.pinned[id.Container()]; ok {
		return true
	}
	_, ok := s.mu.fresh[id]
	return ok
}

// Unconfirmed lists the files that have blocks here which clients wrote and
// which are not known to be in the under store.
func (s *Store) Unconfirmed() []blockid.FileID {
	s.mu.Lock()
	defer s.mu.Unlock()
	files := make([]blockid.FileID, 0, len(s.mu.only))
	for c := range s.mu.only {
		files = append(files, c.File())
	}
	return files
}

// Confirm binds the blocks of a file that is in the under store to its
// fingerprint: from then on they may be evicted, and bad pages are fetched
// again from exactly that version.
func (s *Store) Confirm(file blockid.FileID, fingerprint string) {
	if fingerprint == "" {
		return
	}
	s.mu.Lock()
	var changed []*block
	for _, b := range s.mu.byFile[file.Container()] {
		if !b.confirmed {
			b.confirmed, b.fingerprint = true, fingerprint
			s.confirmedLocked(b.id.Container())
			s.trackLocked(b)
			changed = append(changed, b)
		}
	}
	s.mu.Unlock()
	for _, b := range changed {
		b.mu.Lock()
		b.mu.dirty = true
		b.mu.Unlock()
		s.flush(b)
	}
}

// Vouch says what the fingerprint of a file is now. Blocks of it that were on disk
// when the store was opened are dropped if they are bound to another.
func (s *Store) Vouch(file blockid.FileID, fingerprint string) {
	s.mu.Lock()
	var stale []*block
	for _, b := range s.mu.byFile[file.Container()] {
		if b.restored && b.confirmed && b.fingerprint != fingerprint {
			stale = append(stale, b)
		}
		b.restored = false
	}
	for _, b := range stale {
		s.removeLocked(b)
	}
	s.mu.Unlock()
	for _, b := range stale {
		s.unlink(b)
		s.m.stale.Inc()
		s.log.Warn("a block was dropped: it is of another version of its file", "block", b.id, "fingerprint", b.fingerprint, "want", fingerprint)
	}
}

func notFound(id blockid.ID) error {
	return errors.Errorf(errors.NotFound, "Block %d is not on this worker.", id)
}

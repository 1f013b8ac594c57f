package master

import (
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/config"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
)

// leases bound the number of workers that register at a time.
type leases struct {
	max int // 0: no bound
	ttl time.Duration
	now func() time.Time
	mu  struct {
		sync.Mutex
		expires map[blockmap.WorkerID]time.Time
	}
}

func newLeases(limit int, ttl time.Duration, now func() time.Time) *leases {
	l := &leases{max: limit, ttl: ttl, now: now}
	l.mu.expires = make(map[blockmap.WorkerID]time.Time)
	return l
}

// request grants a lease, or returns the one that the worker has.
func (l *leases) request(id blockmap.WorkerID) (expires time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	for w, at := range l.mu.expires {
		if at.Before(now) {
			delete(l.mu.expires, w)
		}
	}
	if at, ok := l.mu.expires[id]; ok {
		return at, true
	}
	if l.max > 0 && len(l.mu.expires) >= l.max {
		return time.Time{}, false
	}
	l.mu.expires[id] = now.Add(l.ttl)
	return l.mu.expires[id], true
}

// check refuses a registration without lease.
func (l *leases) check(id blockmap.WorkerID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.mu.expires[id]; l.max > 0 && (!ok || at.Before(l.now())) {
		return errors.Errorf(errors.Unavailable, "Worker %d has no lease to register. Request one first.", id)
	}
	return nil
}

// end gives the lease back.
func (l *leases) end(id blockmap.WorkerID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mu.expires, id)
}

// workerConfigs are the properties that workers registered with, for the
// comparison with the master's.
type workerConfigs struct {
	mu struct {
		sync.Mutex
		byID map[blockmap.WorkerID][]config.Property
	}
}

func newWorkerConfigs() *workerConfigs {
	w := &workerConfigs{}
	w.mu.byID = make(map[blockmap.WorkerID][]config.Property)
	return w
}

func (w *workerConfigs) set(id blockmap.WorkerID, props []config.Property) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.byID[id] = props
}

func (w *workerConfigs) get(id blockmap.WorkerID) []config.Property {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mu.byID[id]
}

// WorkerID is the id of the worker at the address in this term.
func (t *term) WorkerID(a blockmap.Address) blockmap.WorkerID { return t.blocks.WorkerID(a) }

// Register makes a worker live with the blocks that it holds.
func (t *term) Register(id blockmap.WorkerID, r blockmap.Registration, held []blockmap.Held, props []config.Property) error {
	if err := t.leases.check(id); err != nil {
		return err
	}
	if err := t.blocks.Register(id, r, held); err != nil {
		return err
	}
	t.registeredWorker(id, props)
	return nil
}

func (t *term) registeredWorker(id blockmap.WorkerID, props []config.Property) {
	t.workers.set(id, props)
	t.leases.end(id)
	t.registered.Store(true)
	t.persist.poke() // for the files that only this worker can write
	if w, ok := t.blocks.Worker(id); ok {
		t.log.Info("Worker registered.", "worker", id, "host", w.Address.Host, "port", w.Address.RPCPort, "blocks", w.Blocks)
	}
}

// BlockInfo says where the copies of a block are, and how long it is.
func (t *term) BlockInfo(id blockid.ID) (BlockInfo, error) {
	if err := t.checkWorkersKnown(); err != nil {
		return BlockInfo{}, err
	}
	in, ok := t.inode(id.File())
	if !id.Valid() || !ok || in.IsDir() || id.Sequence() >= in.Blocks() {
		return BlockInfo{}, errors.Errorf(errors.NotFound, "Block %d does not exist.", id)
	}
	b := BlockInfo{ID: id, Length: in.BlockLength(id.Sequence()), Offset: int64(id.Sequence()) * in.BlockSize}
	b.Locations = t.blocks.Locations(id)
	if len(b.Locations) == 0 && in.Persistence != inode.Persisted && t.now().Sub(t.began) < t.set.safeModeWait {
		return BlockInfo{}, errSafeMode
	}
	return b, nil
}

// unknownContainers are those that no inode has.
func (t *term) unknownContainers(cs []blockid.Container) []blockid.Container {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	var unknown []blockid.Container
	for _, c := range cs {
		if !t.state.mu.tree.Has(c.File()) {
			unknown = append(unknown, c)
		}
	}
	return unknown
}

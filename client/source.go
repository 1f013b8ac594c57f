package client

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// sourceKind is how far away a block is.
type sourceKind uint8

const (
	fromLocal  sourceKind = iota // cached on a worker of this machine
	fromRemote                   // cached on another machine
	fromUFS                      // cached nowhere; the worker fetches it
)

// source is the worker to read a block from.
type source struct {
	worker WorkerAddress
	kind   sourceKind
}

// picker chooses the sources of one file's blocks. It remembers which workers
// failed, for this file only. It is safe for concurrent use.
type picker struct {
	s      *session
	info   *FileInfo
	policy locationPolicy
	mu     struct {
		sync.Mutex
		failed map[string]time.Time // by WorkerAddress.DataAddr
		fresh  map[int64]BlockInfo  // locations newer than those in info
	}
}

// noCopyError is for a block that no worker in service has and that is not in the
// under store either.
type noCopyError int64

func (e noCopyError) Error() string {
	return fmt.Sprintf("Block %d is unavailable in both Alluxio and UFS.", int64(e))
}

func newPicker(s *session, info *FileInfo, policy locationPolicy) *picker {
	p := &picker{s: s, info: info, policy: policy}
	p.mu.failed = map[string]time.Time{}
	p.mu.fresh = map[int64]BlockInfo{}
	return p
}

// reachesUFS reports whether workers can read the file without having it cached.
func (p *picker) reachesUFS() bool {
	return p.info.Persisted || p.info.PersistenceState == ToBePersisted
}

// source returns where to read a block of a length from. Workers that failed are
// taken only when there are no others, the one that failed longest ago first.
func (p *picker) source(ctx context.Context, b FileBlock, length int64) (source, error) {
	block, err := p.block(ctx, b)
	if err != nil {
		return source{}, err
	}
	holders := locationsOf(block)
	if usable := p.usable(holders); len(usable) > 0 {
		return p.cached(usable), nil
	}
	if !p.reachesUFS() {
		if len(holders) == 0 {
			return source{}, errors.E("", "", errors.Unavailable, noCopyError(b.ID))
		}
		return p.cached(p.oldestFailure(holders)), nil
	}
	workers, err := p.s.workers.all(ctx)
	if err != nil {
		return source{}, err
	}
	candidates := fitting(workers, func(w WorkerInfo) bool { return !p.hasFailed(w.Address) })
	for _, size := range []int64{length, 0} { // a worker that cannot hold the block can still fetch it
		if w, ok := p.policy.choose(candidates, b.ID, size); ok {
			return source{w.Address, fromUFS}, nil
		}
	}
	if w, ok := p.s.workers.nearestWorker(candidates); ok { // all storage of all workers has failed
		return source{w.Address, fromUFS}, nil
	}
	addrs := make([]WorkerAddress, len(workers))
	for i, w := range workers {
		addrs[i] = w.Address
	}
	if len(workers) == 0 {
		return source{}, errors.Errorf(errors.Unavailable, "No available Alluxio worker found for a block of %d bytes", length)
	}
	return source{p.oldestFailure(addrs)[0], fromUFS}, nil
}

// block returns what is known of a block's copies, asking the master when every
// known one has failed.
func (p *picker) block(ctx context.Context, b FileBlock) (BlockInfo, error) {
	p.mu.Lock()
	known, ok := p.mu.fresh[b.ID]
	p.mu.Unlock()
	if !ok {
		known = b.BlockInfo
	}
	holders := locationsOf(known)
	if len(p.usable(holders)) > 0 || len(holders) == 0 && p.reachesUFS() {
		return known, nil
	}
	fresh, err := p.s.blockInfo(ctx, b.ID)
	switch {
	case errors.Is(err, errors.NotFound):
		return known, nil
	case err != nil:
		return BlockInfo{}, err
	}
	p.mu.Lock()
	p.mu.fresh[b.ID] = fresh
	p.mu.Unlock()
	return fresh, nil
}

// cached returns the nearest of the workers that hold a block.
func (p *picker) cached(holders []WorkerAddress) source {
	w := holders[p.s.workers.nearest(holders)]
	if p.s.workers.local(w) {
		return source{w, fromLocal}
	}
	return source{w, fromRemote}
}

func locationsOf(b BlockInfo) []WorkerAddress {
	addrs := make([]WorkerAddress, len(b.Locations))
	for i, l := range b.Locations {
		addrs[i] = l.Worker
	}
	return addrs
}

// usable returns the workers that have not failed.
func (p *picker) usable(addrs []WorkerAddress) []WorkerAddress {
	return slices.DeleteFunc(slices.Clone(addrs), p.hasFailed)
}

func (p *picker) hasFailed(a WorkerAddress) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, failed := p.mu.failed[a.DataAddr()]
	return failed
}

// oldestFailure returns the worker that failed longest ago, as a list of one.
func (p *picker) oldestFailure(addrs []WorkerAddress) []WorkerAddress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []WorkerAddress{slices.MinFunc(addrs, func(a, b WorkerAddress) int {
		return p.mu.failed[a.DataAddr()].Compare(p.mu.failed[b.DataAddr()])
	})}
}

// markFailed remembers that a read from a worker failed.
func (p *picker) markFailed(a WorkerAddress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.failed[a.DataAddr()] = time.Now()
}

// candidates returns how many workers a block may be asked of.
func (p *picker) candidates() int {
	p.s.workers.mu.Lock()
	defer p.s.workers.mu.Unlock()
	return max(1, len(p.s.workers.mu.workers))
}

package client

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// cacheHintTimeout bounds how long a reader may be held up by telling a worker
// to cache what it read.
const cacheHintTimeout = time.Second

// cacheHints asks workers to cache blocks that were read from afar, once for a
// run of reads of the same block.
type cacheHints struct {
	mu struct {
		sync.Mutex
		asked bool
		last  int // block index
	}
}

// after is called when a read from a source has ended. The worker nearest to the
// reader gets a copy of a block that another one has. A worker that fetched what was
// read keeps that; the rest of the block would be fetched for nobody. Failures are of
// no consequence.
func (h *cacheHints) after(r *Reader, index int, src source) {
	if r.conf.readType == NoCache || src.kind == fromLocal || r.ctx.Err() != nil || !h.first(index) {
		return
	}
	b, length, err := r.block(index)
	if err != nil || r.info.ReplicationMax > 0 && len(b.Locations) >= r.info.ReplicationMax {
		return
	}
	target := r.cacheTarget(src)
	if target.Equal(src.worker) {
		return
	}
	for _, holder := range locationsOf(b.BlockInfo) {
		if holder.Equal(target) {
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.ctx, cacheHintTimeout)
	defer cancel()
	req := cacheRequest(b.ID, length, src.worker)
	req.OpenUfsBlockOptions = r.ufsOptions(index, length)
	req.Async = new(true)
	if _, err := r.s.workerControl(target).Cache(ctx, req); err != nil {
		r.c.opts.Logger.Debug("block not cached", "block", b.ID, "worker", target.String(), "err", err)
	}
}

// first reports whether the last call was for another block.
func (h *cacheHints) first(index int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.asked && h.mu.last == index {
		return false
	}
	h.mu.asked, h.mu.last = true, index
	return true
}

// cacheTarget returns the worker that should get a copy of what was read.
func (r *Reader) cacheTarget(src source) WorkerAddress {
	if !r.conf.passive {
		return src.worker
	}
	workers, err := r.s.workers.all(r.ctx)
	if err != nil {
		return src.worker
	}
	for _, w := range workers {
		if r.s.workers.local(w.Address) {
			return w.Address
		}
	}
	return src.worker
}

// cacheRequest asks a worker to cache a block that another one may have.
func cacheRequest(id, length int64, from WorkerAddress) *blockpb.CacheRequest {
	host := cmp.Or(from.ContainerHost, from.Host)
	return &blockpb.CacheRequest{BlockId: &id, Length: &length, SourceHost: &host, SourcePort: new(int32(from.DataPort))}
}

package client

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
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
// reader gets a copy, else the one that was read from. Failures are of no
// consequence.
func (h *cacheHints) after(r *Reader, index int, src source) {
	if r.conf.readType == NoCache || src.kind == fromLocal || r.ctx.Err() != nil || !h.first(index) {
		return
	}
	b, length, err := r.block(index)
	if err != nil || r.info.ReplicationMax > 0 && len(b.Locations) >= r.info.ReplicationMax {
		return
	}
	target := r.cacheTarget(src)
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

// loadTimeout bounds the caching of one block.
const loadTimeout = 2 * time.Minute

// Load caches the blocks of a file that are cached nowhere, one after the other,
// and returns when they are.
func (c *Client) Load(ctx context.Context, path string, o LoadOptions) error {
	r, err := c.Open(ctx, path, OpenOptions{ReadType: Cache, KeepAccessTime: true})
	if err != nil {
		return err
	}
	defer r.Close()
	for index := range r.info.Blocks {
		if err := r.load(index, o); err != nil {
			return err
		}
	}
	return nil
}

// load caches one block.
func (r *Reader) load(index int, o LoadOptions) error {
	b, length, err := r.block(index)
	if err != nil {
		return err
	}
	if len(b.Locations) > 0 && (!o.Local || r.cachedHere(b)) {
		return nil
	}
	for attempt := 1; ; attempt++ {
		src, err := r.pick.source(r.ctx, b, length)
		if err != nil {
			return err
		}
		target := src.worker
		if o.Local {
			if target = r.cacheTarget(src); !r.s.workers.local(target) {
				return errors.Errorf(errors.Unavailable, "there is no worker on this machine to cache %s", r.info.Path)
			}
		}
		err = r.cacheOn(target, src.worker, b, index, length)
		if err == nil || attempt >= r.pick.candidates() || !errors.Is(err, errors.Unavailable) {
			return err
		}
		r.noteFailure(target, err)
	}
}

// cacheOn makes a worker cache a block and waits until it has.
func (r *Reader) cacheOn(target, from WorkerAddress, b FileBlock, index int, length int64) error {
	ctx, cancel := context.WithTimeout(r.ctx, loadTimeout)
	defer cancel()
	req := cacheRequest(b.ID, length, from)
	req.OpenUfsBlockOptions = r.ufsOptions(index, length)
	if _, err := r.s.workerControl(target).Cache(ctx, req); err != nil {
		return errors.E("cache block "+strconv.FormatInt(b.ID, 10)+" on "+target.String(), "", errors.Other, err)
	}
	return nil
}

// cachedHere reports whether a worker of this machine has a block.
func (r *Reader) cachedHere(b FileBlock) bool {
	for _, l := range b.Locations {
		if r.s.workers.local(l.Worker) {
			return true
		}
	}
	return false
}

package client

import (
	"context"
	"time"
)

// loadsAhead brings the blocks ahead of a reader who goes through a file into the
// worker of this machine: in place they are read for a fraction of what it costs to
// send them. The first block is sent, so that its bytes come at once, and so is
// every other as soon as waiting for a whole one shows: then it is the store that
// is slow. Not safe for concurrent use.
type loadsAhead struct {
	cancel context.CancelFunc // nil when nothing was loaded
	ctx    context.Context
	blocks map[int]*loadAhead // by index
	off    bool
}

// loadAhead is one block being loaded.
type loadAhead struct {
	worker WorkerAddress
	done   chan struct{}
	err    error // before done is closed
}

const (
	// blocksAhead is how many blocks are loaded ahead at a time.
	blocksAhead = 2
	// aheadPatience is how long a reader waits for a block to be whole.
	aheadPatience = 100 * time.Millisecond
	// aheadRoom is how many times the blocks ahead a worker has to hold: in a
	// smaller cache they could be evicted before they are read.
	aheadRoom = 8
)

// loadAhead begins to load the blocks behind the one with the index.
func (r *Reader) loadAhead(index int) {
	if r.ahead.off || !r.pace.scans(r.info.BlockSize) || r.conf.readType == NoCache {
		return
	}
	for i := index + 1; i <= index+blocksAhead && i < len(r.info.Blocks); i++ {
		if r.ahead.blocks[i] == nil {
			r.beginLoad(i)
		}
	}
}

// beginLoad begins to load a block that is cached nowhere.
func (r *Reader) beginLoad(index int) {
	b, length, err := r.block(index)
	if err != nil {
		return
	}
	src, err := r.pick.source(r.ctx, b, length)
	if err != nil || src.kind != fromUFS || !r.s.workers.local(src.worker) ||
		!r.direct(source{src.worker, fromLocal}) || !r.roomAhead(src.worker) {
		return
	}
	if r.ahead.cancel == nil {
		r.ahead.ctx, r.ahead.cancel = context.WithCancel(r.ctx)
		r.ahead.blocks = map[int]*loadAhead{}
	}
	l := &loadAhead{worker: src.worker, done: make(chan struct{})}
	r.ahead.blocks[index] = l
	r.closing.Go(func() {
		l.err = r.cacheOn(r.ahead.ctx, src.worker, src.worker, b, index, length, true)
		close(l.done)
	})
}

// roomAhead reports whether a worker's cache is large enough.
func (r *Reader) roomAhead(w WorkerAddress) bool {
	workers, err := r.s.workers.all(r.ctx)
	if err != nil {
		return false
	}
	for _, info := range workers {
		if info.Address.Equal(w) {
			return info.CapacityBytes >= aheadRoom*blocksAhead*r.info.BlockSize
		}
	}
	return false
}

// loaded returns the source of a block: this machine if it was loaded ahead.
func (r *Reader) loaded(index int, src source) source {
	l := r.ahead.blocks[index]
	if l == nil {
		return src
	}
	delete(r.ahead.blocks, index)
	patience := time.NewTimer(aheadPatience)
	defer patience.Stop()
	select {
	case <-l.done:
		if l.err == nil {
			return source{l.worker, fromLocal}
		}
		r.c.opts.Logger.Debug("block not loaded ahead", "path", r.info.Path, "index", index, "err", l.err)
	case <-patience.C:
	case <-r.ctx.Done():
	}
	r.ahead.off = true
	return src
}

// close gives up what is being loaded.
func (l *loadsAhead) close() {
	if l.cancel != nil {
		l.cancel()
	}
}

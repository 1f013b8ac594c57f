package client

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/alluxio-go/alluxio/internal/errors"
)

const (
	// defaultLoadParallel is how many blocks are loaded at a time: small files
	// wait for the store more than for the link.
	defaultLoadParallel = 64
	// loadBytes bounds the blocks being loaded in bytes; a link is full with
	// fewer of the large ones.
	loadBytes = 512 << 20
	// loadTimeout bounds the caching of one block, and slowLoad says how much
	// longer it may take for its length, in bytes a second.
	loadTimeout = 2 * time.Minute
	slowLoad    = 64 << 10
)

// Load caches the blocks of a file that are cached nowhere and returns when they
// are.
func (c *Client) Load(ctx context.Context, path string, o LoadOptions) error {
	path, conf, err := c.prepare(ctx, path)
	if err != nil {
		return err
	}
	info, err := c.Stat(ctx, path, StatOptions{KeepAccessTime: true})
	if err != nil {
		return err
	}
	r, err := c.open(ctx, conf, info, OpenOptions{ReadType: Cache, KeepAccessTime: true})
	if err != nil {
		return err
	}
	r.Close() // it can be read
	c.LoadFiles(ctx, []*FileInfo{info}, o, func(_ *FileInfo, failed error) { err = failed })
	if ctx.Err() != nil && err == nil {
		err = errors.E("load", path, errors.Other, ctx.Err())
	}
	return err
}

// LoadFiles caches the blocks of files, as a listing returned them, that are
// cached nowhere: several at a time, in the order of the files. It calls done for
// each file when all its blocks are cached, or with why one is not, one call at a
// time, and returns when it has done so for all, or soon after ctx ends; files that
// it had not finished then are not reported.
func (c *Client) LoadFiles(ctx context.Context, files []*FileInfo, o LoadOptions, done func(f *FileInfo, err error)) {
	if o.Parallel <= 0 {
		o.Parallel = defaultLoadParallel
	}
	l := &loading{ctx: ctx, o: o, slots: make(chan struct{}, o.Parallel), bytes: semaphore.NewWeighted(loadBytes), done: done}
	defer l.running.Wait()
	for _, f := range files {
		r, err := c.openToLoad(ctx, f)
		if err != nil {
			l.finish(f, err)
			continue
		}
		if !l.file(r) {
			return
		}
	}
}

// openToLoad opens a file whose information is fresh enough to load it.
func (c *Client) openToLoad(ctx context.Context, f *FileInfo) (*Reader, error) {
	path, conf, err := c.prepare(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	if f.Length > 0 && len(f.Blocks) == 0 {
		if f, err = c.Stat(ctx, path, StatOptions{KeepAccessTime: true}); err != nil {
			return nil, err
		}
	}
	return c.open(ctx, conf, f, OpenOptions{ReadType: Cache, KeepAccessTime: true})
}

// loading is one call of LoadFiles.
type loading struct {
	ctx     context.Context
	o       LoadOptions
	slots   chan struct{}
	bytes   *semaphore.Weighted
	running sync.WaitGroup
	mu      sync.Mutex // one call of done at a time
	done    func(*FileInfo, error)
}

// file starts to load the blocks of one file. It returns false when ctx has ended.
func (l *loading) file(r *Reader) bool {
	left := &fileLoad{r: r, l: l}
	left.blocks.Store(int64(len(r.info.Blocks)) + 1)
	defer left.blockDone(nil)
	for index := range r.info.Blocks {
		b, length, err := r.block(index)
		if err == nil && !r.wanted(b, l.o) {
			l.progress(length)
			left.blockDone(nil)
			continue
		}
		if err == nil {
			err = l.acquire(length)
		}
		if err != nil {
			left.blockDone(err)
			if l.ctx.Err() != nil {
				return false
			}
			continue
		}
		l.running.Go(func() {
			defer l.release(length)
			err := r.load(l.ctx, index, b, length, l.o)
			if err == nil {
				l.progress(length)
			}
			left.blockDone(err)
		})
	}
	return true
}

func (l *loading) acquire(length int64) error {
	select {
	case l.slots <- struct{}{}:
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
	err := l.bytes.Acquire(l.ctx, min(length, loadBytes))
	if err != nil {
		<-l.slots
	}
	return err
}

func (l *loading) release(length int64) {
	l.bytes.Release(min(length, loadBytes))
	<-l.slots
}

func (l *loading) progress(length int64) {
	if l.o.Progress != nil {
		l.o.Progress(length)
	}
}

// finish reports a file, unless it is unfinished because ctx ended.
func (l *loading) finish(f *FileInfo, err error) {
	if err != nil && l.ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done(f, err)
}

// fileLoad counts the blocks of a file that are still to come.
type fileLoad struct {
	r      *Reader
	l      *loading
	blocks atomic.Int64 // and one while they are being started
	failed atomic.Pointer[error]
}

// blockDone counts one block; the last reports the file.
func (f *fileLoad) blockDone(err error) {
	if err != nil {
		f.failed.CompareAndSwap(nil, &err)
	}
	if f.blocks.Add(-1) != 0 {
		return
	}
	f.r.Close()
	if failed := f.failed.Load(); failed != nil {
		f.l.finish(f.r.info, *failed)
		return
	}
	f.l.finish(f.r.info, nil)
}

// wanted reports whether a block is to be loaded.
func (r *Reader) wanted(b FileBlock, o LoadOptions) bool {
	return len(b.Locations) == 0 || o.Local && !r.cachedHere(b)
}

// load caches one block, trying other workers while some do not answer.
func (r *Reader) load(ctx context.Context, index int, b FileBlock, length int64, o LoadOptions) error {
	for attempt := 1; ; attempt++ {
		src, err := r.pick.source(ctx, b, length)
		if err != nil {
			return err
		}
		target := src.worker
		if o.Local {
			if target = r.cacheTarget(src); !r.s.workers.local(target) {
				return errors.Errorf(errors.Unavailable, "there is no worker on this machine to cache %s", r.info.Path)
			}
		}
		err = r.cacheOn(ctx, target, src.worker, b, index, length)
		if err == nil || attempt >= r.pick.candidates() || !errors.Is(err, errors.Unavailable) {
			return err
		}
		r.noteFailure(target, err)
	}
}

// cacheOn makes a worker cache a block and waits until it has.
func (r *Reader) cacheOn(ctx context.Context, target, from WorkerAddress, b FileBlock, index int, length int64) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout+time.Duration(length/slowLoad)*time.Second)
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

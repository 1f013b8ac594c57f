package pagecache

import (
	"context"
	"io"
	"sync"
)

// filler fetches the pages of a file in sequence with one stream, as far ahead of
// those who wait for them as has proved useful.
type filler struct {
	r      *Reader
	first  int64         // page
	turn   chan struct{} // holds a token while a page is being kept
	ctx    context.Context
	cancel context.CancelFunc
	mu     struct {
		sync.Mutex
		changed sync.Cond
		next    int64 // first page that is not begun
		limit   int64 // page to stop before
		ahead   int64 // pages to fetch beyond one that is wanted
		ended   bool
	}
}

// How far a filler goes ahead: in bytes, as a share of the cache, at least in pages.
// A policy that lets new pages prove themselves gives them a hundredth of the cache;
// what is fetched ahead must not be given up before it is read.
const (
	maxAhead      = 8 << 20
	maxAheadShare = 128
	minPagesAhead = 2
)

// maxPagesAhead is the same in pages.
func (c *Cache) maxPagesAhead() int64 {
	return max(minPagesAhead, min(maxAhead, int64(c.quota/maxAheadShare))/c.opts.PageBytes)
}

// newFiller returns a filler whose first page has begun.
func newFiller(r *Reader, first int64) *filler {
	f := &filler{r: r, first: first, turn: make(chan struct{}, 1)}
	f.ctx, f.cancel = context.WithCancel(r.ctx)
	f.mu.changed.L = &f.mu.Mutex
	f.mu.next, f.mu.limit, f.mu.ahead = first+1, first+1, 1
	return f
}

// brought reports whether a page is one of those that the filler has brought.
func (f *filler) brought(page int64) bool {
	if f == nil || page < f.first {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return page < f.mu.next
}

// stop makes a filler end after what it is doing. A nil filler is none.
func (f *filler) stop() {
	if f != nil {
		f.cancel()
	}
}

func (f *filler) quit() {
	f.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.ended = true
	f.mu.changed.Broadcast()
}

// wanted lets a filler go on beyond a page that somebody reads.
func (f *filler) wanted(page int64) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	most := f.r.c.maxPagesAhead()
	if page+1+f.mu.ahead <= f.mu.limit || page > f.mu.next+most {
		return // it is ahead enough, or somebody is elsewhere
	}
	f.mu.limit = page + 1 + f.mu.ahead
	f.mu.ahead = min(2*f.mu.ahead, most)
	f.mu.changed.Broadcast()
}

// brings reports whether the filler brings a page next, after waiting until it has
// begun to.
func (f *filler) brings(page int64) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.next != page || f.mu.ended {
		return false
	}
	for f.mu.next == page && !f.mu.ended {
		f.mu.changed.Wait()
	}
	return true
}

// run brings first and the pages after it, until one is there or brought by
// somebody else, or there is no room. The next flight begins before the last one
// has ended, so that nobody else begins it.
func (f *filler) run(first *flight) {
	defer f.quit()
	defer context.AfterFunc(f.ctx, f.quit)()
	defer context.AfterFunc(f.r.h.life.ctx, f.cancel)()
	c, off := f.r.c, first.key.Page*f.r.c.opts.PageBytes
	src := f.r.src.Stream(f.ctx, f.upTo())
	defer src.Close()
	if _, err := src.Seek(off, io.SeekStart); err != nil {
		c.fail(first, failure(f.ctx, err))
		return
	}
	for cur := first; cur != nil; {
		n, err := io.ReadFull(src, cur.data)
		c.metrics.bytesExternal.Add(float64(n))
		if err != nil {
			c.fail(cur, failure(f.ctx, err))
			return
		}
		next := f.begin(false)
		c.finish(cur, nil)
		f.keep(cur)
		if next == nil {
			next = f.begin(true)
		}
		cur = next
	}
}

// keep keeps a page while the next one is on its way: when the folder is slower than
// the worker, the worker waits.
func (f *filler) keep(cur *flight) {
	c, goOn := f.r.c, f.r.h.life.goOn
	if c.opts.AsyncWrite {
		c.keep(cur, goOn)
		return
	}
	f.turn <- struct{}{}
	goOn(func(context.Context) {
		c.keep(cur, goOn)
		<-f.turn
	})
}

// upTo returns the place where the pages begin again that are there. It does not
// look farther than a stream reaches that is worth opening anew.
func (f *filler) upTo() int64 {
	const far = 64 << 20
	k, size := Key{f.r.file, f.first + 1}, f.r.c.opts.PageBytes
	for k.Page*size < f.r.length && (k.Page-f.first)*size < far {
		if f.r.c.dir(k).has(k) {
			return k.Page * size
		}
		k.Page++
	}
	return f.r.length
}

// begin begins the next flight; nil when there is none, or none as yet, if it is
// not to wait.
func (f *filler) begin(wait bool) *flight {
	f.mu.Lock()
	for wait && f.mu.next >= f.mu.limit && !f.mu.ended {
		f.mu.changed.Wait()
	}
	page, wanted := f.mu.next, f.mu.next < f.mu.limit && !f.mu.ended
	f.mu.Unlock()
	c, k := f.r.c, Key{f.r.file, page}
	if !wanted || page*c.opts.PageBytes >= f.r.length || !c.dir(k).accepts() {
		return nil
	}
	fl := f.r.lead(k, miss, f)
	if fl == nil {
		return nil
	}
	if !c.load(fl, f.r.pageLen(page)) {
		c.fail(fl, errAgain)
		return nil
	}
	f.mu.Lock()
	f.mu.next++
	f.mu.changed.Broadcast()
	f.mu.Unlock()
	return fl
}

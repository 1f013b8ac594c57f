package pagecache

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Cache is a cache of pages. It is safe for concurrent use.
type Cache struct {
	opts    Options
	dirs    []*dir
	quota   uint64 // of all of them
	metrics *metrics
	life    *life
	writers chan struct{} // one token for each page that is being written

	buffers  sync.Pool // of *[]byte, of a page each
	inFlight atomic.Int64
	maxPages int64 // in flight

	resting    atomic.Int64 // pages that readers keep between calls
	maxResting int64

	flights struct {
		sync.Mutex
		byKey map[Key]*flight
	}
}

// Bytes of pages that are on their way, and the fewest pages that this allows.
// and bytes of pages that readers keep until they have read them to their end.
const (
	maxInFlight      = 128 << 20
	minPagesInFlight = 4
	maxKept          = 64 << 20
)

// open returns a cache. Folders that cannot be used are passed by.
func open(o Options) (*Cache, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	c := &Cache{opts: o, life: newLife(context.Background()), writers: make(chan struct{}, o.WriteThreads)}
	c.maxPages, c.maxResting = max(minPagesInFlight, maxInFlight/o.PageBytes), max(minPagesInFlight, maxKept/o.PageBytes)
	c.buffers.New = func() any { b := make([]byte, o.PageBytes); return &b }
	c.flights.byKey = map[Key]*flight{}
	c.metrics = newMetrics(c)
	for i, d := range o.Dirs {
		c.quota += uint64(max(0, d.QuotaBytes))
		c.dirs = append(c.dirs, newDir(d, &c.opts, c.newPages(i), c.metrics, c.life))
	}
	for _, d := range c.dirs {
		d.accepts()
		if o.SyncRestore {
			d.waitRestored(c.life.ctx)
		}
	}
	if o.TTL > 0 {
		c.life.spawn(c.expire)
	}
	return c, nil
}

func (c *Cache) newPages(i int) pages {
	if c.opts.Memory {
		return newMemory(c.opts.now)
	}
	var p pages = newLocal(c.opts, c.opts.Dirs[i].Path, func(k Key) bool { return c.dirIndex(k) == i })
	if c.opts.IOTimeout > 0 {
		p = &bounded{pages: p, limit: c.opts.IOTimeout, slots: make(chan struct{}, c.opts.IOThreads), metrics: c.metrics}
	}
	return p
}

// dir returns the folder for a page.
func (c *Cache) dir(k Key) *dir { return c.dirs[c.dirIndex(k)] }

// dirIndex spreads pages over folders by their quotas.
func (c *Cache) dirIndex(k Key) int {
	at := uint64(float64(k.hash()>>11) / (1 << 53) * float64(c.quota))
	for i, d := range c.opts.Dirs {
		if q := uint64(max(0, d.QuotaBytes)); at < q {
			return i
		} else {
			at -= q
		}
	}
	return len(c.opts.Dirs) - 1
}

// expire removes what is too old, now and then.
func (c *Cache) expire(ctx context.Context) {
	t := time.NewTicker(c.opts.TTLInterval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		for _, d := range c.dirs {
			d.expire(ctx)
		}
	}
}

// close ends restoring and gives the folders back. All handles are closed.
func (c *Cache) close() {
	c.life.end(closeTimeout)
	for _, d := range c.dirs {
		d.shut()
	}
}

// closeTimeout bounds how long pages on their way to a folder hold up its user.
const closeTimeout = 30 * time.Second

// buffer returns memory for a page, nil when enough is in use.
func (c *Cache) buffer() *[]byte {
	if c.inFlight.Add(1) > c.maxPages {
		c.inFlight.Add(-1)
		return nil
	}
	return c.buffers.Get().(*[]byte)
}

// landed says that a page is no longer on its way; readers may still have it.
func (c *Cache) landed() { c.inFlight.Add(-1) }

// keep writes what a flight has brought, now or later, and ends the flight. What is
// done later is spawned.
func (c *Cache) keep(f *flight, spawn func(func(context.Context)) bool) {
	d := c.dir(f.key)
	if !c.opts.AsyncWrite && d.isReady() {
		d.put(f.key, f.data)
		c.remove(f)
		return
	}
	if !spawn(func(context.Context) { c.keepLater(d, f) }) {
		c.metrics.rejectedPuts.Inc()
		c.remove(f)
	}
}

// keepLater writes a page when it may. Closing a handle waits for it.
func (c *Cache) keepLater(d *dir, f *flight) {
	defer c.remove(f)
	d.waitRestored(c.life.ctx)
	c.writers <- struct{}{}
	defer func() { <-c.writers }()
	d.put(f.key, f.data)
}

// stats sums up the folders.
func (c *Cache) stats() (pages int, used, quota int64) {
	for _, d := range c.dirs {
		_, n, bytes := d.stats()
		pages, used, quota = pages+n, used+bytes, quota+d.quota
	}
	return pages, used, quota
}

// state is what Alluxio reports: 0 not in use, 1 only read, 2 read and written.
func (c *Cache) state() int {
	for _, d := range c.dirs {
		if mode, _, _ := d.stats(); mode == ready {
			return 2
		}
	}
	return 1
}

// pageLen returns the length of a page of a file.
func (c *Cache) pageLen(page, fileBytes int64) int {
	return int(min(c.opts.PageBytes, fileBytes-page*c.opts.PageBytes))
}

// Source is what a file is read from when it is not in the cache.
type Source interface {
	// ReadAt reads as io.ReaderAt does, from the workers. It ends when the context
	// given to NewReader does.
	io.ReaderAt
	// Stream reads in sequence, from any place on. Its calls end when ctx does. What
	// is at end and after it is not expected to be read, and not to be sent ahead.
	Stream(ctx context.Context, end int64) io.ReadSeekCloser
}

package pagecache

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// dir is one folder with its quota, or memory: which pages are there and which go
// when there is no more room.
type dir struct {
	path    string
	quota   int64
	opts    *Options
	pages   pages
	log     *slog.Logger
	metrics *metrics
	life    *life // of the cache: it restores

	claiming sync.Mutex // held while the folder is claimed or given up
	mu       struct {
		sync.Mutex
		mode     mode
		restored chan struct{} // closed when restoring has ended
		index    map[Key]*entry
		policy   evict.Policy[Key]
		used     int64          // bytes of entries, of what is being written or removed, and of what is stuck
		stuck    map[Key]int64  // costs of files that may be there although they have no entry: they could not be removed
		busy     map[Key]bool   // pages whose files are being written or removed
		retryAt  time.Time      // of the claim
		writeAt  time.Time      // writing failed: not before
		readAt   time.Time      // reading failed: not before
		failures int            // reads in a row
		warned   [warnings]bool // that something is wrong, until it is right again
	}
}

// mode is what this cache may do with a folder.
type mode uint8

const (
	readOnly  mode = iota // another process writes, or nobody can
	restoring             // the folder is ours; what is in it is not known yet
	ready                 // all is known: pages may be written
)

// entry is a page that is there.
type entry struct {
	cost    int64
	written time.Time
	touched time.Time // when its last use was noted in the folder
}

const (
	busyRetry    = time.Second      // how often to ask for another's lock
	brokenRetry  = 30 * time.Second // how long a folder that failed is left alone
	readFailures = 3                // in a row that make a folder broken
	touchEvery   = time.Minute      // how exactly uses are noted in the folder
)

func newDir(d Dir, o *Options, p pages, m *metrics, l *life) *dir {
	return &dir{path: d.Path, quota: d.QuotaBytes, opts: o, pages: p, log: o.Logger.With("dir", d.Path), metrics: m, life: l}
}

// get reads a verified part of a page of n bytes.
func (d *dir) get(k Key, n int, p []byte, off int) verdict {
	if !d.readable(k) {
		return miss
	}
	written, err := d.pages.read(k, n, p, off)
	switch {
	case err == nil && d.opts.TTL > 0 && d.opts.now().Sub(written) > d.opts.TTL:
		d.readSucceeded(k, written, false)
		return unfit
	case err == nil:
		d.readSucceeded(k, written, true)
		return hit
	case errors.Is(err, errors.NotFound):
		return unfit // or else the index would go on saying that it is there
	case errors.Is(err, errors.Corrupt):
		d.metrics.getErrors.Inc()
		d.log.Warn("damaged page of the client cache; it is read from a worker", "page", k.String(), "err", err)
		return unfit
	}
	d.metrics.getErrors.Inc()
	d.metrics.readErrors.Inc()
	d.readFailed(err)
	if errors.Is(err, errors.Timeout) {
		return silent
	}
	return unfit
}

// verdict is the outcome of looking for a page.
type verdict uint8

const (
	hit    verdict = iota
	miss           // it is not there
	unfit          // what is there, if anything, has to go
	silent         // the folder does not answer: the page is to be read past it
)

// readable reports whether it is worth looking for a page.
func (d *dir) readable(k Key) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.readPaused(d.opts.now()) && (d.mu.mode != ready || d.mu.index[k] != nil)
}

// readPaused reports whether reading has failed so often that it is not tried. d.mu
// is held.
func (d *dir) readPaused(now time.Time) bool {
	return d.mu.failures >= readFailures && now.Before(d.mu.readAt)
}

// has reports whether a page is thought to be there.
func (d *dir) has(k Key) bool {
	return d.readable(k) && (d.isReady() || d.pages.has(k))
}

// readSucceeded notes a use.
func (d *dir) readSucceeded(k Key, written time.Time, use bool) {
	now := d.opts.now()
	d.mu.Lock()
	d.mu.failures = 0
	if now.After(d.mu.readAt) {
		d.mu.warned[unreadable] = false
	}
	e := d.mu.index[k]
	if e != nil && use {
		d.mu.policy.Use(k)
	}
	touch := e != nil && use && now.Sub(e.touched) > touchEvery
	if touch {
		e.touched = now
	}
	d.mu.Unlock()
	if touch {
		d.pages.used(k, written)
	}
}

func (d *dir) readFailed(err error) {
	d.mu.Lock()
	d.mu.failures++
	d.mu.readAt = d.opts.now().Add(brokenRetry)
	known := d.mu.warned[unusable]
	d.mu.Unlock()
	if !known {
		d.warn(unreadable, err)
	}
}

// warning is something that may be wrong with a folder.
type warning uint8

const (
	unusable warning = iota
	unreadable
	unwritable
	unremovable
	warnings
)

func (w warning) String() string {
	return [...]string{
		"the client cache cannot be used; reading on from the workers",
		"the client cache cannot be read; reading on from the workers",
		"the client cache cannot be written; reading on from the workers",
		"a page of the client cache cannot be removed and goes on taking room",
	}[w]
}

// warn logs what is wrong unless that is known.
func (d *dir) warn(w warning, err error) {
	d.mu.Lock()
	first := !d.mu.warned[w]
	d.mu.warned[w] = true
	d.mu.Unlock()
	if first {
		d.log.Warn(w.String(), "err", err)
	}
}

// accepts reports whether a page can be written, now or when restoring has ended.
func (d *dir) accepts() bool {
	if d.pages.cost(int(d.opts.PageBytes)) > d.quota {
		return false
	}
	now := d.opts.now()
	d.mu.Lock()
	mode, wait := d.mu.mode, now.Before(d.mu.retryAt)
	paused := now.Before(d.mu.writeAt) || d.readPaused(now)
	d.mu.Unlock()
	if mode == readOnly && !wait {
		d.claim()
		d.mu.Lock()
		mode = d.mu.mode
		d.mu.Unlock()
	}
	return mode != readOnly && !paused
}

// claim tries to become the one that writes, and restores the index then.
func (d *dir) claim() {
	if !d.claiming.TryLock() {
		return
	}
	defer d.claiming.Unlock()
	d.mu.Lock()
	done := d.mu.mode != readOnly
	d.mu.Unlock()
	if done {
		return
	}
	err := d.pages.claim()
	now := d.opts.now()
	switch {
	case errors.Is(err, errors.Exists):
		d.log.Debug("the client cache is written by another process; it is only read here")
		d.setRetry(now.Add(busyRetry))
		return
	case err != nil:
		d.setRetry(now.Add(brokenRetry))
		d.warn(unusable, err)
		return
	}
	d.mu.Lock()
	d.mu.mode, d.mu.restored = restoring, make(chan struct{})
	d.mu.Unlock()
	if !d.life.spawn(d.restore) {
		d.giveUp(readOnly)
	}
}

func (d *dir) setRetry(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.retryAt = at
}

// restore rebuilds the index, oldest use first.
func (d *dir) restore(ctx context.Context) {
	var found []foundPage
	err := d.pages.restore(ctx, func(p foundPage) { found = append(found, p) })
	if err != nil {
		if ctx.Err() == nil {
			d.warn(unusable, err)
		}
		d.setRetry(d.opts.now().Add(brokenRetry))
		d.giveUp(readOnly)
		return
	}
	slices.SortFunc(found, func(a, b foundPage) int { return a.used.Compare(b.used) })
	policy, err := d.opts.policy(d.quota)
	if err != nil {
		panic("pagecache: " + err.Error()) // Options.complete has tried it
	}
	d.mu.Lock()
	d.mu.index, d.mu.busy, d.mu.policy, d.mu.used = make(map[Key]*entry, len(found)), map[Key]bool{}, policy, 0
	d.mu.stuck, d.mu.warned = map[Key]int64{}, [warnings]bool{}
	for _, p := range found {
		d.mu.index[p.key] = &entry{p.cost, p.written, p.used}
		d.mu.policy.Add(p.key, p.cost)
		d.mu.used += p.cost
	}
	d.mu.Unlock()
	d.shrink() // the quota may have become smaller
	d.giveUp(ready)
}

// giveUp ends restoring, well or not.
func (d *dir) giveUp(mode mode) {
	if mode == readOnly {
		d.pages.release()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.mode = mode
	close(d.mu.restored)
}

// shut gives the folder back for good. Nothing is written any more.
func (d *dir) shut() {
	if !d.claiming.TryLock() {
		return // it does not answer; the lock ends with the process
	}
	d.mu.Lock()
	d.mu.mode = readOnly
	d.mu.Unlock()
	d.pages.release()
}

// waitRestored waits until it is known what the folder holds.
func (d *dir) waitRestored(ctx context.Context) {
	d.mu.Lock()
	restored := d.mu.restored
	d.mu.Unlock()
	if restored == nil {
		return
	}
	select {
	case <-restored:
	case <-ctx.Done():
	}
}

// isReady reports whether a page can be written without waiting.
func (d *dir) isReady() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.mode == ready
}

// stats returns what the folder holds.
func (d *dir) stats() (mode mode, pages int, used int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.mode, len(d.mu.index), d.mu.used
}

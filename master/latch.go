package master

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/internal/fspath"
)

// latches are the path locks of one term. An operation takes all of its latches
// at once, at its beginning, and holds them across its UFS calls and its
// proposal; what it has seen under them stays true until it is done. A shared
// latch on a path keeps the path and its ancestors from being changed; an
// exclusive one keeps everybody else out of the whole subtree, because whoever
// works below needs shared latches on all ancestors.
//
// Latches are taken in byte order of their paths, so nobody waits in a circle,
// and each is first come, first served.
type latches struct {
	mu struct {
		sync.Mutex
		paths   map[string]*latch
		watches map[*watch]struct{}
	}
}

type latch struct {
	refs    int // holders and waiters
	readers int
	writer  bool
	queue   []*latchWaiter
}

type latchWaiter struct {
	exclusive bool
	granted   chan struct{}
}

// held is a set of latches that somebody holds.
type held struct {
	l     *latches
	paths []latchRequest // in the order taken
}

type latchRequest struct {
	path      string
	exclusive bool
}

func newLatches() *latches {
	l := &latches{}
	l.mu.paths = make(map[string]*latch)
	l.mu.watches = make(map[*watch]struct{})
	return l
}

// shared latches clean paths for looking.
func (l *latches) shared(ctx context.Context, paths ...string) (*held, error) {
	return l.take(ctx, nil, paths)
}

// exclusive latches clean paths for changing, and tells the watches.
func (l *latches) exclusive(ctx context.Context, paths ...string) (*held, error) {
	h, err := l.take(ctx, paths, nil)
	if err == nil {
		l.tell(paths)
	}
	return h, err
}

// quiet is exclusive without telling the watches: for a listing that applies
// what it found itself.
func (l *latches) quiet(ctx context.Context, path string) (*held, error) {
	return l.take(ctx, []string{path}, nil)
}

// take waits for all the latches; on an error (the caller gave up) none is held.
func (l *latches) take(ctx context.Context, exclusive, shared []string) (*held, error) {
	h := &held{l: l, paths: latchRequests(exclusive, shared)}
	for i, r := range h.paths {
		if err := l.acquire(ctx, r); err != nil {
			h.paths = h.paths[:i]
			h.release()
			return nil, errors.E("", r.path, errors.Other, err)
		}
	}
	return h, nil
}

// latchRequests lists what has to be taken for the paths: themselves and,
// shared, their ancestors; sorted, each once.
func latchRequests(exclusive, shared []string) []latchRequest {
	var rs []latchRequest
	for _, p := range exclusive {
		rs = append(rs, latchRequest{p, true})
		rs = appendAncestors(rs, p)
	}
	for _, p := range shared {
		rs = append(rs, latchRequest{p, false})
		rs = appendAncestors(rs, p)
	}
	slices.SortFunc(rs, func(a, b latchRequest) int {
		if c := strings.Compare(a.path, b.path); c != 0 {
			return c
		}
		if a.exclusive == b.exclusive {
			return 0
		}
		if a.exclusive {
			return -1 // the exclusive one stays when duplicates go
		}
		return 1
	})
	return slices.CompactFunc(rs, func(a, b latchRequest) bool { return a.path == b.path })
}

func appendAncestors(rs []latchRequest, p string) []latchRequest {
	for p != fspath.Root {
		p = fspath.Parent(p)
		rs = append(rs, latchRequest{p, false})
	}
	return rs
}

func (l *latches) acquire(ctx context.Context, r latchRequest) error {
	l.mu.Lock()
	la := l.mu.paths[r.path]
	if la == nil {
		la = &latch{}
		l.mu.paths[r.path] = la
	}
	la.refs++
	if len(la.queue) == 0 && la.free(r.exclusive) {
		la.grant(r.exclusive)
		l.mu.Unlock()
		return nil
	}
	w := &latchWaiter{exclusive: r.exclusive, granted: make(chan struct{})}
	la.queue = append(la.queue, w)
	l.mu.Unlock()

	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		return l.giveUp(r.path, la, w, ctx.Err())
	}
}

// giveUp leaves the queue; if the latch was granted meanwhile, it is kept.
func (l *latches) giveUp(path string, la *latch, w *latchWaiter, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(la.queue, w)
	if i < 0 {
		return nil
	}
	la.queue = slices.Delete(la.queue, i, i+1)
	l.drop(path, la)
	return err
}

func (h *held) release() {
	if h == nil {
		return
	}
	h.l.mu.Lock()
	defer h.l.mu.Unlock()
	for _, r := range slices.Backward(h.paths) {
		la := h.l.mu.paths[r.path]
		if r.exclusive {
			la.writer = false
		} else {
			la.readers--
		}
		h.l.drop(r.path, la)
	}
	h.paths = nil
}

// drop ends one reference to a latch and grants it to whoever may have it now.
func (l *latches) drop(path string, la *latch) {
	if la.refs--; la.refs == 0 {
		delete(l.mu.paths, path)
		return
	}
	for len(la.queue) > 0 && la.free(la.queue[0].exclusive) {
		w := la.queue[0]
		la.queue = la.queue[1:]
		la.grant(w.exclusive)
		close(w.granted)
	}
}

func (la *latch) free(exclusive bool) bool {
	return !la.writer && (!exclusive || la.readers == 0)
}

func (la *latch) grant(exclusive bool) {
	if exclusive {
		la.writer = true
	} else {
		la.readers++
	}
}

// holders describes the exclusive latches that are held, for GetStateLockHolders.
func (l *latches) holders() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for p, la := range l.mu.paths {
		if la.writer {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// A watch notes which entries of a directory others latch exclusively while its
// UFS listing is under way. What the listing says about those may be out of
// date, so the listing passes them over: the operations that held the latches
// have told the tree the truth.
type watch struct {
	dir string
	// Guarded by the mutex of the latches.
	touched map[string]struct{} // names of entries of dir
	all     bool                // the directory itself or an ancestor was
}

// watch begins watching the directory dir. It has the directory to itself for a
// moment, so that everything begun before is done and will be seen in the UFS.
func (l *latches) watch(ctx context.Context, dir string) (*watch, error) {
	h, err := l.quiet(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer h.release()
	w := &watch{dir: dir, touched: make(map[string]struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.watches[w] = struct{}{}
	return w, nil
}

func (l *latches) unwatch(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.mu.watches, w)
}

// stale reports whether the entry of the watched directory was touched since
// the watch began.
func (l *latches) stale(w *watch, name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, touched := w.touched[name]
	return touched || w.all
}

func (l *latches) tell(paths []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.mu.watches {
		for _, p := range paths {
			if rel, ok := fspath.Rel(w.dir, p); ok && rel != "" {
				name, _, _ := strings.Cut(rel, "/")
				w.touched[name] = struct{}{}
			} else if fspath.Within(p, w.dir) {
				w.all = true
			}
		}
	}
}

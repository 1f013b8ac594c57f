package pagecache

import (
	"context"
	"sync"
	"time"
)

// life owns goroutines.
type life struct {
	ctx    context.Context
	cancel context.CancelFunc
	mu     struct {
		sync.Mutex
		ended bool
		n     int
		none  chan struct{} // closed when it has ended and n is 0
	}
}

func newLife(ctx context.Context) *life {
	l := new(life)
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.mu.none = make(chan struct{})
	return l
}

// spawn runs f, unless the life has ended.
func (l *life) spawn(f func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.mu.ended && l.start(f)
}

// goOn is spawn for what was spawned itself: that may go on when the life has ended.
func (l *life) goOn(f func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start(f)
}

// start starts f. l.mu is held.
func (l *life) start(f func(context.Context)) bool {
	l.mu.n++
	go func() {
		defer l.done()
		f(l.ctx)
	}()
	return true
}

func (l *life) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.n--
	if l.mu.ended && l.mu.n == 0 {
		close(l.mu.none)
	}
}

// end cancels what was spawned and waits for it; false when that took too long.
func (l *life) end(limit time.Duration) bool {
	l.mu.Lock()
	if l.mu.n == 0 && !l.mu.ended {
		close(l.mu.none)
	}
	l.mu.ended = true
	l.mu.Unlock()
	l.cancel()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-l.mu.none:
		return true
	case <-timer.C:
		return false
	}
}

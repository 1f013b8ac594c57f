package kodo

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/retry"
)

// runner sends requests: within the limit of requests in flight, measured, and
// again after failures that another attempt may mend.
type runner struct {
	retry   func(ctx context.Context, request func(context.Context) error) error
	pause   func(attempt int) time.Duration
	timeout time.Duration
	limit   *limiter
	metrics *metrics
	clock   *skewClock
}

// newRunner returns a runner that repeats as the opener of the mount wants it,
// or by a policy of its own. Its budget is no bound: at a fifth of all requests
// failing, which this store is to bear, repetitions outnumber what successes
// earn; the limiter keeps a service in trouble from being flooded.
func newRunner(set settings, opts ufs.Options, m *metrics, clock *skewClock) *runner {
	again := opts.Retry
	if again == nil {
		again = retry.NewPolicy(retry.Options{
			Attempts: 1 + set.retryMax, Base: set.backoff, Budget: math.MaxInt32, Logger: opts.Logger,
		}).Do
	}
	return &runner{
		retry: again, timeout: set.timeout, metrics: m, clock: clock,
		limit: newLimiter(set.requestsMax),
		pause: func(attempt int) time.Duration {
			bound := min(set.backoff<<min(attempt, 20), maxBackoff)
			return bound/2 + rand.N(bound/2+1)
		},
	}
}

// maxBackoff bounds the pause before a broken read goes on.
const maxBackoff = 10 * time.Second

// request is one logical request.
type request struct {
	op   string // for errors and metrics: "kodo.stat"
	key  string // what it is about, for errors
	size int    // bytes of its body, which lengthen its time limit
	try  func(ctx context.Context) error
}

// do carries the request out. unclear tells that some attempt may have had an
// effect although it failed.
func (r *runner) do(ctx context.Context, q request) (unclear bool, err error) {
	attempts := 0
	err = r.retry(ctx, func(ctx context.Context) error {
		if attempts++; attempts > 1 {
			r.metrics.retried(q.op)
		}
		v := r.attempt(ctx, q)
		unclear = unclear || v.unclear
		return v.err
	})
	return unclear, err
}

// slowest is the rate, in bytes per second, below which a body is taken to hang.
const slowest = 64 << 10

// attempt sends the request once.
func (r *runner) attempt(ctx context.Context, q request) verdict {
	if err := r.limit.acquire(ctx); err != nil {
		return judge(ctx, q.op, q.key, err, 0)
	}
	limit := r.timeout + time.Duration(q.size)*time.Second/slowest
	limited, cancel := context.WithTimeout(ctx, limit)
	started := time.Now()
	err := q.try(limited)
	cancel()
	v := judge(ctx, q.op, q.key, err, r.clock.skew())
	r.limit.release(v.throttled)
	r.metrics.observe(q.op, time.Since(started), v)
	return v
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// limiter bounds the requests in flight. The bound falls by half when the
// service throttles, and rises slowly up to its maximum while it does not.
type limiter struct {
	most int
	mu   struct {
		sync.Mutex
		bound   float64
		flying  int
		waiting []chan struct{}
		fell    time.Time // when the bound was last halved
	}
}

func newLimiter(most int) *limiter {
	l := &limiter{most: most}
	l.mu.bound = float64(most)
	return l
}

// fallPause is the least time between two halvings: requests in flight at the
// same time are throttled for the same reason.
const fallPause = 200 * time.Millisecond

// acquire waits for a place.
func (l *limiter) acquire(ctx context.Context) error {
	l.mu.Lock()
	if l.mu.flying < int(l.mu.bound) && len(l.mu.waiting) == 0 {
		l.mu.flying++
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.mu.waiting = append(l.mu.waiting, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.forget(turn)
		return context.Cause(ctx)
	}
}

// forget takes back a place that was waited for, or given meanwhile.
func (l *limiter) forget(turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.mu.waiting {
		if w == turn {
			l.mu.waiting = append(l.mu.waiting[:i], l.mu.waiting[i+1:]...)
			return
		}
	}
	l.mu.flying--
	l.admit()
}

// release gives the place back.
func (l *limiter) release(throttled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.flying--
	switch now := time.Now(); {
	case !throttled:
		l.mu.bound = min(float64(l.most), l.mu.bound+1/l.mu.bound)
	case now.Sub(l.mu.fell) >= fallPause:
		l.mu.bound = max(1, l.mu.bound/2)
		l.mu.fell = now
	}
	l.admit()
}

// admit lets those who wait go as far as there are places. The caller holds the
// lock.
func (l *limiter) admit() {
	for len(l.mu.waiting) > 0 && l.mu.flying < int(l.mu.bound) {
		close(l.mu.waiting[0])
		l.mu.waiting = l.mu.waiting[1:]
		l.mu.flying++
	}
}

// current returns the present bound.
func (l *limiter) current() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.mu.bound)
}

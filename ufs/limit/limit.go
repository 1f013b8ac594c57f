// Package limit bounds the operations that an under file system carries out at
// the same time, and gives way when the store is overloaded: each sign of it (an
// error of kind Unavailable or Timeout) halves the bound and makes new
// operations wait a while, each success raises the bound again by a fraction.
//
// An operation counts until its first answer: not while an open file is read or
// written, nor while the consumer of a listing holds an entry.
package limit

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/layer"
)

// The pause after a sign of overload: it doubles from minPause to maxPause with
// each further sign, and a success ends it.
const (
	minPause = 20 * time.Millisecond
	maxPause = 2 * time.Second
)

// New returns u with at most maximum (at least 1) operations at a time.
func New(u ufs.UFS, maximum int) ufs.UFS {
	return layer.New(u, &limiter{gate: newGate(maximum)})
}

type limiter struct {
	layer.Pass
	gate *gate
}

// Do waits for its turn.
func (l *limiter) Do(ctx context.Context, c layer.Call, call func(context.Context) error) error {
	if c.Op == layer.Abort { // it frees, and must not wait behind what fills
		return call(ctx)
	}
	if err := l.gate.enter(ctx); err != nil {
		return errors.E(string(c.Op), c.Path, errors.Other, err)
	}
	err := call(ctx)
	l.gate.leave(ctx, err)
	return err
}

// Entries holds a turn only while the store looks for the next entry.
func (l *limiter) Entries(ctx context.Context, c layer.Call, list func(ufs.ListOptions) iter.Seq2[ufs.Info, error]) iter.Seq2[ufs.Info, error] {
	return func(yield func(ufs.Info, error) bool) {
		if err := l.gate.enter(ctx); err != nil {
			yield(ufs.Info{}, errors.E("list", c.Path, errors.Other, err))
			return
		}
		inside := true
		defer func() {
			if inside {
				l.gate.leave(ctx, nil)
			}
		}()
		for info, err := range list(c.List) {
			l.gate.leave(ctx, err)
			inside = false
			if !yield(info, err) || err != nil {
				return
			}
			if err := l.gate.enter(ctx); err != nil {
				yield(ufs.Info{}, errors.E("list", c.Path, errors.Other, err))
				return
			}
			inside = true
		}
	}
}

// gate lets a varying number of operations in.
type gate struct {
	maximum float64
	mu      struct {
		sync.Mutex
		bound  float64 // 1 to maximum
		inside int
		queue  []chan struct{} // who waits, first come first
		pause  time.Duration
		until  time.Time // nobody enters before
	}
}

func newGate(maximum int) *gate {
	g := &gate{maximum: float64(max(maximum, 1))}
	g.mu.bound = g.maximum
	return g
}

// enter waits until there is room and any pause is over. Who has entered must
// leave.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	wait := time.Until(g.mu.until)
	if g.mu.inside < int(g.mu.bound) && len(g.mu.queue) == 0 {
		g.mu.inside++
		g.mu.Unlock()
		return g.rest(ctx, wait)
	}
	turn := make(chan struct{})
	g.mu.queue = append(g.mu.queue, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return g.rest(ctx, g.pauseLeft())
	case <-ctx.Done():
		g.giveUp(turn)
		return ctx.Err()
	}
}

func (g *gate) pauseLeft() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Until(g.mu.until)
}

// rest waits out a pause. It keeps the room, so that nobody overtakes.
func (g *gate) rest(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		g.mu.Lock()
		g.out()
		g.mu.Unlock()
		return ctx.Err()
	}
}

// giveUp takes turn out of the queue, or hands it on if it has just come.
func (g *gate) giveUp(turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, waiting := range g.mu.queue {
		if waiting == turn {
			g.mu.queue = append(g.mu.queue[:i], g.mu.queue[i+1:]...)
			return
		}
	}
	g.out()
}

// leave ends an operation and learns from its outcome, unless it was the
// caller who ended it.
func (g *gate) leave(ctx context.Context, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errors.Unavailable), errors.Is(err, errors.Timeout):
		g.slower(time.Now())
	case err == nil:
		g.mu.bound = min(g.mu.bound+1/g.mu.bound, g.maximum)
		g.mu.pause = 0
	}
	g.out()
}

// slower lowers the bound. Failures of operations that were under way together
// are one sign.
func (g *gate) slower(now time.Time) {
	if now.Before(g.mu.until) {
		return
	}
	g.mu.bound = max(g.mu.bound/2, 1)
	g.mu.pause = min(max(2*g.mu.pause, minPause), maxPause)
	g.mu.until = now.Add(g.mu.pause)
}

// out makes room and lets in who has waited longest; the lock is held.
func (g *gate) out() {
	g.mu.inside--
	for g.mu.inside < int(g.mu.bound) && len(g.mu.queue) > 0 {
		close(g.mu.queue[0])
		g.mu.queue = g.mu.queue[1:]
		g.mu.inside++
	}
}

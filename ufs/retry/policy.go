// Package retry makes the operations of an under file system again when that
// can help, and finds out what an attempt without an answer has done.
//
// Only what the store did not decide is repeated: errors of the kinds
// Unavailable and Timeout, while the caller's context lasts. Pauses double and
// are random, so that callers do not return together. Repetitions draw on a
// budget that successes fill: a store that is down is asked little more often
// than there are callers.
package retry

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	stderrors "errors"

	"github.com/alluxio-go/alluxio/internal/errors"
)

// Options of a Policy; zero values choose the defaults.
type Options struct {
	Attempts int           // of one request, the first included; 0 is 6
	Base     time.Duration // upper bound of the first pause; 0 is 100 ms
	Max      time.Duration // upper bound of any pause; 0 is 10 s
	// Budget is the number of repetitions that may be made without successes
	// in between; each success earns a fifth of one. 0 is 100.
	Budget int
	Logger *slog.Logger // may be nil
}

// Policy decides about repetitions. One policy, with one budget, serves all
// requests to a store.
type Policy struct {
	opts Options
	mu   struct {
		sync.Mutex
		fifths int // of a repetition
	}
}

// NewPolicy returns a policy with a full budget.
func NewPolicy(opts Options) *Policy {
	if opts.Attempts <= 0 {
		opts.Attempts = 6
	}
	if opts.Base <= 0 {
		opts.Base = 100 * time.Millisecond
	}
	if opts.Max <= 0 {
		opts.Max = 10 * time.Second
	}
	if opts.Budget <= 0 {
		opts.Budget = 100
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Policy{opts: opts}
	p.mu.fifths = 5 * opts.Budget
	return p
}

// Do makes request until it succeeds, fails for good, or may not be repeated.
// It is what ufs.Options.Retry wants; a failure after which Do has given up is
// not repeated by a Do around it.
func (p *Policy) Do(ctx context.Context, request func(ctx context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := request(ctx)
		if err == nil {
			p.earn()
			return nil
		}
		if err := p.again(ctx, attempt, err); err != nil {
			return err
		}
	}
}

// again returns nil, after a pause, when the attempt that failed with err is to
// be followed by another, and else the error to report.
func (p *Policy) again(ctx context.Context, attempt int, err error) error {
	if !unclear(err) || ctx.Err() != nil || gaveUp(err) {
		return err
	}
	if attempt >= p.opts.Attempts || !p.spend() {
		return &exhausted{err}
	}
	bound := min(p.opts.Base<<min(attempt-1, 30), p.opts.Max)
	pause := bound/2 + rand.N(bound/2+1)
	p.opts.Logger.Debug("A request to an under file system is repeated", "attempt", attempt, "pause", pause, "err", err)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return err
	}
}

// unclear reports whether a request that failed with err may have been carried
// out, and may be carried out if it is made again.
func unclear(err error) bool {
	return errors.Is(err, errors.Unavailable) || errors.Is(err, errors.Timeout)
}

func (p *Policy) earn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.fifths = min(p.mu.fifths+1, 5*p.opts.Budget)
}

func (p *Policy) spend() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.fifths < 5 {
		return false
	}
	p.mu.fifths -= 5
	return true
}

// exhausted marks an error that has been retried enough.
type exhausted struct{ error }

func (e *exhausted) Unwrap() error { return e.error }

func gaveUp(err error) bool {
	var e *exhausted
	return stderrors.As(err, &e)
}

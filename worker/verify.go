package worker

import (
	"context"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
)

// verifier verifies blocks in the background, one at a time.
type verifier struct {
	w     *Worker
	queue chan unverified
}

// unverified is a block and when it is to be verified.
type unverified struct {
	id  blockid.ID
	due time.Time
}

const (
	maxUnverified = 256         // blocks that wait; more are left unverified
	verifyDelay   = time.Second // a file that has just changed proves nothing
	// verifyIdle is how long nobody must have used the store, verifyPatience how long
	// that is waited for.
	verifyIdle     = 300 * time.Millisecond
	verifyPatience = 5 * time.Second
)

func newVerifier(w *Worker) *verifier {
	return &verifier{w: w, queue: make(chan unverified, maxUnverified)}
}

// add asks for a block to be verified when there is time.
func (v *verifier) add(id blockid.ID) {
	select {
	case v.queue <- unverified{id, time.Now().Add(verifyDelay)}:
	default:
	}
}

// run verifies until ctx ends.
func (v *verifier) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-v.queue:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Until(b.due)):
			}
			v.waitIdle(ctx)
			if err := v.w.store.Verify(ctx, b.id); err != nil && ctx.Err() == nil {
				v.w.log.Warn("a block that local clients read is damaged", "block", b.id, "error", err)
			}
		}
	}
}

// waitIdle waits until nobody has used the store for a moment: readers come first.
func (v *verifier) waitIdle(ctx context.Context) {
	for end := time.Now().Add(verifyPatience); v.w.store.Idle() < verifyIdle && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return
		case <-time.After(verifyIdle / 4):
		}
	}
}

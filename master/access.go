package master

import (
	"context"
	"sync"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/journalpb"
)

// maxAccessTimes bounds the access times that wait for their record; more are
// dropped, which leaves those files with an older time.
const maxAccessTimes = 10_000

// accessTimes collects when files were opened, so that opening one costs no
// record. They are journaled together now and then.
type accessTimes struct {
	precision time.Duration
	mu        struct {
		sync.Mutex
		at map[blockid.FileID]int64
	}
}

func newAccessTimes(precision time.Duration) *accessTimes {
	a := &accessTimes{precision: precision}
	a.mu.at = make(map[blockid.FileID]int64)
	return a
}

// note notes an access, if the time that the inode has is old enough.
func (a *accessTimes) note(in inode.Inode, nowMS int64) {
	if nowMS-in.AccessedMS < a.precision.Milliseconds() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.mu.at) < maxAccessTimes {
		a.mu.at[in.ID] = nowMS
	}
}

func (a *accessTimes) take() map[blockid.FileID]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.mu.at
	a.mu.at = make(map[blockid.FileID]int64)
	return at
}

// flushAccess journals the access times collected.
func (t *term) flushAccess() error {
	var changes []*journalpb.Change
	for id, ms := range t.access.take() {
		changes = append(changes, &journalpb.Change{Change: &journalpb.Change_Touch{
			Touch: &journalpb.Touch{Id: int64(id), AccessedMs: ms}}})
	}
	return t.propose(opID{}, changes...)
}

// runAccess flushes access times until the term ends.
func (t *term) runAccess(ctx context.Context) {
	every(ctx, t.set.accessFlush, func() {
		if err := t.flushAccess(); err != nil && ctx.Err() == nil {
			t.log.Warn("Access times could not be journaled.", "err", err)
		}
	})
}

// every calls do each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(max(interval, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

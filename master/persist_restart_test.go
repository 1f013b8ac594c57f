package master

import (
	"context"
	"testing"

	"github.com/alluxio-go/alluxio/master/inode"
)

// TestPersistTakesNoOldResult lets a worker repeat a result that was of no use,
// as it does until it is told to write anew: that must not count as another
// failure, or the pauses grow to minutes.
func TestPersistTakesNoOldResult(t *testing.T) {
	w := newWorld(t, quick("alluxio.master.persistence.initial.interval", "50ms", "alluxio.master.persistence.max.interval", "1h"))
	p := w.persistWorker()
	w.write("/f", 10, AsyncThrough)
	id := w.mustStat("/f").ID
	p.until(func() bool { return p.done[id].ID == id })
	u, _, _ := w.below("/")
	if err := u.Delete(context.Background(), tempOf(id)); err != nil { // an earlier leader has placed it
		t.Fatal(err)
	}
	old, tm := p.done[id], w.term()
	attempts := func() (n int, s jobState) {
		tm.persist.mu.Lock()
		defer tm.persist.mu.Unlock()
		if j := tm.persist.mu.jobs[id]; j != nil {
			return j.attempts, j.state
		}
		return 0, jobWaiting
	}
	p.until(func() bool { n, _ := attempts(); return n == 1 })
	waitFor(t, func() bool { // again and again while it waits, and when it is assigned anew
		tm.WorkerHeartbeat(impatient, p.id, []PersistedFile{old})
		_, s := attempts()
		return s == jobWriting
	})
	for range 100 {
		tm.WorkerHeartbeat(impatient, p.id, []PersistedFile{old})
	}
	if n, s := attempts(); n != 1 || s != jobWriting {
		t.Fatalf("%d attempts, state %d; want 1, writing", n, s)
	}
	p.until(w.persisted("/f"))
	if p.writes != 2 {
		t.Errorf("%d writes, want 2", p.writes)
	}
}

// TestPersistWaitsForItsWorker has the only worker come late after a restart:
// that is no failure of the files, whose time is over long ago.
func TestPersistWaitsForItsWorker(t *testing.T) {
	w := newWorld(t, quick("alluxio.master.persistence.initial.interval", "1h", "alluxio.master.persistence.max.interval", "1h",
		"alluxio.master.persistence.max.total.wait.time", "1ms"))
	w.write("/f", 10, AsyncThrough)
	w.failover() // with a worker that has nothing
	tm := w.term()
	for range 20 {
		tm.persist.mu.Lock()
		tm.persist.mu.last = tm.began // a round at once
		tm.schedulePersists()
		tm.persist.mu.Unlock()
		tm.giveUpPersists(context.Background())
	}
	if s := w.mustStat("/f").Persistence; s != inode.ToBePersisted {
		t.Fatalf("%v before its worker came", s)
	}
	p := w.persistWorker()
	w.report("/f")
	p.until(w.persisted("/f"))
}

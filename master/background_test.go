package master

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/master/blockmap"
	"github.com/alluxio-go/alluxio/master/inode"
	"github.com/alluxio-go/alluxio/proto/blockpb"
)

// change sets attributes of a path, as a client does.
func (w *world) change(path string, o AttributeOptions) {
	w.tb.Helper()
	o.CommonOptions = trust
	if err := w.term().SetAttribute(context.Background(), System, path, o); err != nil {
		w.tb.Fatal(err)
	}
}

// freed are the blocks that the worker is told to free.
func (w *world) freed() []blockid.ID {
	return w.term().blocks.Heartbeat(w.worker, blockmap.Heartbeat{}).Blocks
}

func TestTTLActions(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		action       inode.TTLAction
		inTree, kept bool
		freed        int
	}{
		{inode.TTLDelete, false, false, 3},
		{inode.TTLDeleteAlluxio, false, true, 3},
		{inode.TTLFree, true, true, 3},
	} {
		t.Run(c.action.String(), func(t *testing.T) {
			w := newWorld(t, nil)
			w.write("/d/f", 3000, CacheThrough)
			w.write("/other", 1000, CacheThrough)
			w.change("/d/f", AttributeOptions{Pinned: ptr(true)})
			w.change("/d", AttributeOptions{TTLMillis: ptr(int64(time.Hour / time.Millisecond)), TTLAction: &c.action})
			w.term().expire(ctx)
			if _, ok := w.term().inode(w.mustStat("/d").ID); !ok {
				t.Fatal("it expired too early")
			}
			id := w.mustStat("/d").ID
			w.change("/d", AttributeOptions{TTLMillis: ptr(int64(0)), TTLAction: &c.action})
			w.term().expire(ctx)
			if in, ok := w.term().inode(id); ok != c.inTree || ok && in.TTL.Set {
				t.Errorf("in the tree: %v, TTL %+v", ok, in.TTL)
			}
			if w.inUFS("/d/f") != c.kept {
				t.Errorf("in the UFS: %v", !c.kept)
			}
			if freed := w.freed(); len(freed) != c.freed {
				t.Errorf("freed %v", freed)
			}
			if !w.inUFS("/other") || w.mustStat("/other").InAlluxioPercent != 100 {
				t.Error("another file was touched")
			}
		})
	}
}

// TestTTLKeepsWhatWouldBeLost does not free what is in the cache only, and
// tries again when it has been persisted.
func TestTTLKeepsWhatWouldBeLost(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 1000, MustCache)
	w.change("/f", AttributeOptions{TTLMillis: ptr(int64(0)), TTLAction: ptr(inode.TTLFree)})
	w.term().expire(context.Background())
	if fi := w.mustStat("/f"); !fi.TTL.Set || len(w.freed()) != 0 {
		t.Errorf("TTL %+v, freed %v", fi.TTL, w.freed())
	}
}

// TestTTLRetriesAfterOutage keeps an inode that the UFS does not delete.
func TestTTLRetriesAfterOutage(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 10, CacheThrough)
	w.change("/f", AttributeOptions{TTLMillis: ptr(int64(0)), TTLAction: ptr(inode.TTLDelete)})
	w.faults.on(errors.Unavailable, "delete")
	w.term().expire(context.Background())
	if _, err := w.stat("/f"); err != nil || w.faults.injected.Load() == 0 {
		t.Fatalf("after the outage: %v, %d faults", err, w.faults.injected.Load())
	}
	w.faults.set(nil)
	w.term().expire(context.Background())
	if _, err := w.stat("/f"); !errors.Is(err, errors.NotFound) {
		t.Errorf("after the second check: %v", err)
	}
}

func TestTTLLoopRuns(t *testing.T) {
	w := newWorld(t, map[string]string{"alluxio.master.ttl.checker.interval": "5ms"})
	w.write("/f", 10, MustCache)
	w.change("/f", AttributeOptions{TTLMillis: ptr(int64(50)), TTLAction: ptr(inode.TTLDelete)})
	waitFor(t, func() bool { _, err := w.stat("/f"); return errors.Is(err, errors.NotFound) })
}

// TestLostFiles loses the only copies of files and finds them again.
func TestLostFiles(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, map[string]string{"alluxio.master.worker.timeout": "1ms", "alluxio.master.lost.worker.detection.interval": "1h",
		"alluxio.master.persistence.scheduler.interval": "1h"})
	w.write("/cached", 3000, MustCache)
	w.write("/waiting", 3000, AsyncThrough)
	w.write("/safe", 3000, CacheThrough)
	w.write("/empty", 0, MustCache)
	tm := w.term()
	tm.detectLostFiles(ctx)
	states := func(want map[string]inode.Persistence) {
		t.Helper()
		for path, state := range want {
			if got := w.mustStat(path).Persistence; got != state {
				t.Errorf("%s is %v, want %v", path, got, state)
			}
		}
	}
	before := map[string]inode.Persistence{"/cached": inode.NotPersisted, "/waiting": inode.ToBePersisted, "/safe": inode.Persisted, "/empty": inode.NotPersisted}
	states(before)
	waitFor(t, func() bool {
		tm.detectLostWorkers()
		worker, _ := tm.blocks.Worker(w.worker)
		return worker.State == blockmap.Lost
	})
	tm.detectLostFiles(ctx)
	states(map[string]inode.Persistence{"/cached": inode.Lost, "/waiting": inode.Lost, "/safe": inode.Persisted, "/empty": inode.NotPersisted})
	w.addWorker()
	w.report("/cached", "/waiting")
	tm.detectLostFiles(ctx)
	states(before)
}

// TestYoungTermLosesNothing waits for workers to come back after a failover.
func TestYoungTermLosesNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.write("/f", 3000, MustCache)
	w.failover()
	w.term().detectLostFiles(context.Background())
	if got := w.mustStat("/f").Persistence; got != inode.NotPersisted {
		t.Errorf("/f is %v", got)
	}
}

// copies records what workers are asked to cache, and pretends that they did.
type copies struct {
	mu   sync.Mutex
	made []string
	fail bool
}

func (w *world) recordCopies() *copies {
	c := &copies{}
	tm := w.term()
	tm.copy = func(_ context.Context, to blockmap.Address, req *blockpb.CacheRequest) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		b := blockid.ID(req.GetBlockId())
		source := req.GetSourceHost()
		if req.OpenUfsBlockOptions != nil {
			source += fmt.Sprintf("+%s@%d", req.GetOpenUfsBlockOptions().GetUfsPath(), req.GetOpenUfsBlockOptions().GetOffsetInFile())
		}
		c.made = append(c.made, fmt.Sprintf("%d from %s to %s", b.Sequence(), source, to.Host))
		if c.fail {
			return errors.Errorf(errors.Unavailable, "no")
		}
		return tm.blocks.Commit(tm.WorkerID(to), b, blockmap.Placement{Tier: "MEM", Medium: "MEM"}, -1)
	}
	return c
}

func (c *copies) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.made
	c.made = nil
	slices.Sort(made)
	return made
}

// joinWorkers adds live workers with capacities that differ.
func (w *world) joinWorkers(hosts ...string) {
	w.tb.Helper()
	for i, host := range hosts {
		id := w.term().WorkerID(blockmap.Address{Host: host, RPCPort: 29999, DataPort: 29999})
		r := blockmap.Registration{Tiers: []string{"MEM"}, Capacity: map[string]int64{"MEM": int64(10000 * (i + 1))}}
		if err := w.term().blocks.Register(id, r, nil); err != nil {
			w.tb.Fatal(err)
		}
	}
}

func (w *world) holders(path string) (n []int) {
	for _, b := range w.mustStat(path).Blocks {
		n = append(n, len(w.term().blocks.Locations(b.ID)))
	}
	return n
}

func TestReplicationMakesAndFreesCopies(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, nil)
	w.joinWorkers("w2", "w3", "tiny")
	if err := w.term().blocks.Register(w.term().WorkerID(blockmap.Address{Host: "tiny", RPCPort: 29999, DataPort: 29999}), blockmap.Registration{}, nil); err != nil {
		t.Fatal(err)
	}
	w.write("/f", 2000, MustCache)
	w.write("/plain", 2000, MustCache)
	w.change("/f", AttributeOptions{ReplicationMin: ptr(int32(2)), ReplicationMax: ptr(int32(3))})
	c := w.recordCopies()
	w.term().replicate(ctx)
	wantPaths(t, c.take(), "0 from w1 to w3", "1 from w1 to w3")
	w.term().replicate(ctx)
	wantPaths(t, c.take())

	w.change("/f", AttributeOptions{ReplicationMin: ptr(int32(9)), ReplicationMax: ptr(int32(-1))})
	w.term().replicate(ctx)
	if made := c.take(); len(made) != 2 || !strings.HasSuffix(made[0], "to w2") || !strings.HasSuffix(made[1], "to w2") {
		t.Errorf("copies %v", made) // as many as there are workers with room
	}
	if got := w.holders("/f"); !slices.Equal(got, []int{3, 3}) {
		t.Errorf("copies %v", got)
	}

	w.change("/f", AttributeOptions{ReplicationMin: ptr(int32(0)), ReplicationMax: ptr(int32(0))})
	w.term().replicate(ctx)
	if got := w.holders("/f"); !slices.Equal(got, []int{1, 1}) {
		t.Errorf("copies of a file that the UFS does not have: %v", got)
	}
	if got := w.holders("/plain"); !slices.Equal(got, []int{1, 1}) {
		t.Errorf("copies of a file without wishes: %v", got)
	}
}

func TestReplicationFromUFS(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, nil)
	w.write("/f", 2000, Through)
	w.change("/f", AttributeOptions{ReplicationMin: ptr(int32(1))})
	c := w.recordCopies()
	c.fail = true
	w.term().replicate(ctx)
	want := []string{"0 from +mem://base/f@0 to w1", "1 from +mem://base/f@1024 to w1"}
	wantPaths(t, c.take(), want...)
	c.fail = false
	w.term().replicate(ctx)
	wantPaths(t, c.take(), want...)
	w.term().replicate(ctx)
	wantPaths(t, c.take())
}

func TestCopiesWanted(t *testing.T) {
	for _, c := range []struct {
		state     inode.Persistence
		r         inode.Replication
		low, high int
	}{
		{inode.Persisted, inode.Replication{Min: 0, Max: -1, Durable: 1}, 0, -1},
		{inode.Persisted, inode.Replication{Min: 2, Max: 3, Durable: 5}, 2, 3},
		{inode.Persisted, inode.Replication{Min: 0, Max: 0}, 0, 0},
		{inode.NotPersisted, inode.Replication{Min: 0, Max: 0}, 1, 1},
		{inode.ToBePersisted, inode.Replication{Min: 1, Max: 2, Durable: 3}, 3, 3},
		{inode.ToBePersisted, inode.Replication{Min: 0, Max: -1, Durable: 3}, 3, -1},
	} {
		low, high := copiesWanted(inode.Inode{Persistence: c.state, File: inode.File{Replication: c.r}})
		if low != c.low || high != c.high {
			t.Errorf("%v %+v: %d to %d, want %d to %d", c.state, c.r, low, high, c.low, c.high)
		}
	}
}

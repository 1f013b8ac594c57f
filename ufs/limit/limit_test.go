package limit_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/ufs"
	"github.com/alluxio-go/alluxio/ufs/fault"
	"github.com/alluxio-go/alluxio/ufs/layer"
	"github.com/alluxio-go/alluxio/ufs/limit"
	"github.com/alluxio-go/alluxio/ufs/mem"
	"github.com/alluxio-go/alluxio/ufs/object"
	"github.com/alluxio-go/alluxio/ufs/ufstest"
)

func store() ufs.UFS {
	return object.New(mem.NewStore(mem.StoreOptions{}), object.Options{URI: "mem://x"})
}

func TestConformance(t *testing.T) {
	ufstest.Run(t, func(*testing.T) ufs.UFS { return limit.New(store(), 2) }, ufstest.Many(1000))
}

// gauge counts who is inside, each operation taking a second.
type gauge struct {
	layer.Pass
	inside, most, calls atomic.Int64
	fail                atomic.Bool
}

func (g *gauge) Do(ctx context.Context, _ layer.Call, call func(context.Context) error) error {
	n := g.inside.Add(1)
	defer g.inside.Add(-1)
	g.calls.Add(1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
	time.Sleep(time.Second) // of a synctest bubble
	if g.fail.Load() {
		return errors.E("", "", errors.Unavailable, nil)
	}
	return call(ctx)
}

func stats(t *testing.T, u ufs.UFS, n int) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { _, _ = u.Stat(t.Context(), "") })
	}
	wg.Wait()
}

func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{}
		u := limit.New(layer.New(store(), g), 8)
		start := time.Now()
		stats(t, u, 80)
		if g.most.Load() != 8 || g.calls.Load() != 80 || time.Since(start) != 10*time.Second {
			t.Errorf("%d calls, at most %d at a time, in %v", g.calls.Load(), g.most.Load(), time.Since(start))
		}
	})
}

func TestGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{}
		u := limit.New(layer.New(store(), g), 16)
		g.fail.Store(true)
		stats(t, u, 100)
		g.fail.Store(false)
		g.most.Store(0)
		stats(t, u, 3)
		if most := g.most.Load(); most > 2 {
			t.Errorf("after a hundred failures %d operations run at a time", most)
		}
		stats(t, u, 1000)
		if most := g.most.Load(); most < 12 {
			t.Errorf("after a thousand successes only %d operations run at a time", most)
		}
	})
}

// TestWaiterGivesUp checks that who stops waiting neither enters nor blocks
// others.
func TestWaiterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gauge{}
		u := limit.New(layer.New(store(), g), 1)
		go stats(t, u, 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := u.Stat(ctx, ""); !errors.Is(err, errors.Timeout) {
			t.Errorf("waiting in vain: %v", err)
		}
		stats(t, u, 2)
		if g.calls.Load() != 3 {
			t.Errorf("%d operations were carried out, want 3", g.calls.Load())
		}
	})
}

// TestListAndUse checks that the consumer of a listing can use the store.
func TestListAndUse(t *testing.T) {
	u := limit.New(store(), 1)
	for _, p := range []string{"a", "b", "c"} {
		if err := u.Mkdir(t.Context(), p, ufs.MkdirOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for info, err := range u.List(t.Context(), "", ufs.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := u.Delete(t.Context(), info.Path); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("listed %d of 3 entries", n)
	}
}

func TestOtherErrorsDoNotSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fault.New(store(), 1, fault.Rule{Op: layer.Stat, Kind: errors.Permission})
		u := limit.New(f, 4)
		start := time.Now()
		stats(t, u, 100)
		if time.Since(start) != 0 || f.Total() != 100 {
			t.Errorf("refusals slowed the callers down by %v", time.Since(start))
		}
	})
}

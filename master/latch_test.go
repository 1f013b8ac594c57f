package master

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/alluxio-go/alluxio/internal/fspath"
)

func TestLatchRequests(t *testing.T) {
	got := fmt.Sprint(latchRequests([]string{"/a/b", "/a"}, []string{"/a/b/c", "/"}))
	want := "[{/ false} {/a true} {/a/b true} {/a/b/c false}]"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestLatchExclusion runs random holders and checks that nobody is ever inside
// a subtree that somebody else has to himself.
func TestLatchExclusion(t *testing.T) {
	paths := []string{"/", "/a", "/a/b", "/a/b/c", "/a-b", "/d", "/d/e"}
	l := newLatches()
	var mu sync.Mutex
	inside := map[string][2]int{} // path -> shared, exclusive holders
	check := func(p string, exclusive bool, delta int) {
		mu.Lock()
		defer mu.Unlock()
		n := inside[p]
		if exclusive {
			n[1] += delta
		} else {
			n[0] += delta
		}
		inside[p] = n
		if delta < 0 {
			return
		}
		for q, m := range inside {
			conflict := m[1] > 0 && (fspath.Within(q, p) || exclusive && fspath.Within(p, q)) ||
				exclusive && m[0] > 0 && fspath.Within(p, q)
			self := q == p && m[0]+m[1] == 1
			if conflict && !self {
				t.Errorf("%s (exclusive %v) held together with %s %v", p, exclusive, q, m)
			}
		}
	}
	var wg sync.WaitGroup
	var held atomic.Int64
	for g := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(g)))
			for range 300 {
				p, exclusive := paths[rnd.IntN(len(paths))], rnd.IntN(2) == 0
				take := l.shared
				if exclusive {
					take = l.exclusive
				}
				h, err := take(t.Context(), p)
				if err != nil {
					t.Error(err)
					return
				}
				held.Add(1)
				check(p, exclusive, 1)
				check(p, exclusive, -1)
				h.release()
			}
		})
	}
	wg.Wait()
	if len(l.mu.paths) != 0 {
		t.Errorf("%d latches left", len(l.mu.paths))
	}
	if held.Load() != 8*300 {
		t.Errorf("%d of %d were held", held.Load(), 8*300)
	}
}

func TestLatchGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLatches()
		first, err := l.shared(t.Context(), "/a/b")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := l.exclusive(ctx, "/a")
			failed <- err
		}()
		synctest.Wait()
		second := make(chan *held)
		go func() { // waits behind the exclusive one: first come, first served
			h, _ := l.shared(t.Context(), "/a/c")
			second <- h
		}()
		synctest.Wait()
		select {
		case <-second:
			t.Fatal("overtook the waiting exclusive latch")
		default:
		}
		cancel()
		if err := <-failed; err == nil {
			t.Error("no error for the one who gave up")
		}
		(<-second).release()
		first.release()
		if len(l.mu.paths) != 0 {
			t.Errorf("%d latches left", len(l.mu.paths))
		}
	})
}

func TestWatch(t *testing.T) {
	l := newLatches()
	w, err := l.watch(t.Context(), "/a")
	if err != nil {
		t.Fatal(err)
	}
	touch := func(paths ...string) {
		h, err := l.exclusive(t.Context(), paths...)
		if err != nil {
			t.Fatal(err)
		}
		h.release()
	}
	touch("/a/x/y", "/ab")
	for name, want := range map[string]bool{"x": true, "y": false, "b": false} {
		if got := l.stale(w, name); got != want {
			t.Errorf("stale(%s) = %v", name, got)
		}
	}
	touch("/")
	if !l.stale(w, "b") {
		t.Error("an exclusive latch on an ancestor went unnoticed")
	}
	l.unwatch(w)
	if len(l.mu.watches) != 0 {
		t.Error("watch left behind")
	}
}

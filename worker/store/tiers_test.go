package store

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// hookFS calls write before each write to an open file.
type hookFS struct {
	osFS
	write func(name string)
}

func (f *hookFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	file, err := f.osFS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &hookFile{file, f, name}, nil
}

type hookFile struct {
	File
	fs   *hookFS
	name string
}

func (f *hookFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.write(f.name)
	return f.File.WriteAt(p, off)
}

// gate holds up what is written below the folders that it guards until it is opened.
type gate struct {
	let chan struct{}
	mu  struct {
		sync.Mutex
		folders []string
		waiting int
	}
}

func newGate() *gate { return &gate{let: make(chan struct{})} }

func (g *gate) guard(folders ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.folders = folders
}

func (g *gate) pass(name string) {
	g.mu.Lock()
	held := false
	for _, folder := range g.mu.folders {
		held = held || strings.HasPrefix(name, folder)
	}
	if held {
		g.mu.waiting++
	}
	g.mu.Unlock()
	if held {
		<-g.let
		g.mu.Lock()
		g.mu.waiting--
		g.mu.Unlock()
	}
}

func (g *gate) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.waiting
}

// tiersOf are options with a directory of so many pages in each tier.
func tiersOf(t *testing.T, pages ...int64) Options {
	opts := Options{PageSize: page, Evict: evict.Options{Policy: "LRU"}}
	for i, n := range pages {
		alias := [...]string{"MEM", "SSD", "HDD"}[i]
		opts.Tiers = append(opts.Tiers, TierOptions{Alias: alias, Dirs: []DirOptions{{Path: t.TempDir(), Quota: n * page}}})
	}
	return opts
}

// tierAt is the tier of block i, -1 if it is not there.
func tierAt(t *testing.T, s *Store, i int) int {
	t.Helper()
	info, err := s.Info(block1(i))
	if errors.Is(err, errors.NotFound) {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.TierIndex
}

func wantTier(t *testing.T, s *Store, i, want int) {
	t.Helper()
	if got := tierAt(t, s, i); got != want {
		t.Errorf("block %d is in tier %d, want %d", i, got, want)
	}
}

func value(t testing.TB, c prometheus.Counter) int {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return int(m.GetCounter().GetValue())
}

// persisted writes a block of n pages to a tier, which could be fetched again.
func persisted(t testing.TB, s *Store, i int, n int64, tier int) {
	t.Helper()
	put(t, s, block1(i), n*page, CreateOptions{Fingerprint: "v1", Reserve: n * page, Place: Place{Tier: tier, Strict: true}})
}

func read(t testing.TB, s *Store, ids ...int) {
	t.Helper()
	for _, i := range ids {
		h, err := s.Open(block1(i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(h, page); err != nil {
			t.Error(err)
		}
		h.Close()
	}
}

// settled is whether nothing is being moved and no tier lacks room.
func settled(s *Store) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.dirs {
		if d.leaving > 0 || s.shortLocked(d) {
			return false
		}
	}
	return true
}

// TestColdestLeaves: three full tiers of which the top is written all the time. What is
// read stays, nothing that is pinned or the only copy is lost, and what leaves the cache is
// what was used least, not what was in the top.
func TestColdestLeaves(t *testing.T) {
	const hot, only, pinned, cold = 8, 5, 3, 400
	for _, policy := range evict.Names() {
		t.Run(policy, func(t *testing.T) {
			opts := tiersOf(t, 20, 40, 80)
			opts.Evict.Policy = policy
			opts.Mover = MoverOptions{Reserve: 4 * page, Transfers: 1, CoolDown: time.Hour}
			s := open(t, opts)
			next := 0
			several := func(n int, opts CreateOptions) (from int) {
				from = next
				for range n {
					put(t, s, block1(next), page, opts)
					next++
				}
				return from
			}
			several(only, CreateOptions{Reserve: page})
			firstPinned := several(pinned, CreateOptions{Reserve: page, Fingerprint: "v1", Pin: true})
			firstHot := several(hot, CreateOptions{Reserve: page, Fingerprint: "v1"})
			firstCold := next
			for range cold {
				several(1, CreateOptions{Reserve: page, Fingerprint: "v1"})
				read(t, s, firstHot+2*next%hot, firstHot+(2*next+1)%hot)
				eventually(t, "there is room again", func() bool { return settled(s) })
			}

			for i := range firstCold {
				want := content(block1(i), page)
				if got, err := fetchAll(s, block1(i), page, nil); err != nil || !bytes.Equal(got, want) {
					t.Errorf("block %d: %v", i, err)
				}
			}
			for i := range pinned {
				wantTier(t, s, firstPinned+i, 0)
			}
			for i := range hot {
				wantTier(t, s, firstHot+i, 0)
			}
			wantTier(t, s, 0, 2) // the only copy of what nobody reads, moved away
			if n := value(t, s.m.notDemoted); n > 0 {
				t.Errorf("%d blocks left from an upper tier", n)
			}
			if total := len(s.AllBlocks()); total < 20+40+80-6-3 {
				t.Errorf("%d blocks are left, though there is room for more", total)
			}
			if policy != "LRU" {
				return
			}
			for i := firstCold + 1; i < next; i++ {
				if tierAt(t, s, i) < 0 && tierAt(t, s, i-1) >= 0 {
					t.Errorf("block %d has left before %d, which was used longer ago", i, i-1)
				}
				if a, b := tierAt(t, s, i-1), tierAt(t, s, i); a >= 0 && a < b {
					t.Errorf("block %d is above %d, which was used later", i-1, i)
				}
			}
		})
	}
}

// TestWritersDoNotWaitForMoves: with the tier below stuck, blocks are written to the top
// as before, not into the room below that is for moves, at the cost of the coldest
// persisted ones of the top, which is counted.
func TestWritersDoNotWaitForMoves(t *testing.T) {
	g := newGate()
	opts := tiersOf(t, 20, 40, 20)
	opts.FS = &hookFS{write: g.pass}
	opts.Mover = MoverOptions{Reserve: 2 * page, Transfers: 2}
	s := open(t, opts)
	opened := sync.OnceFunc(func() { close(g.let) })
	t.Cleanup(opened)
	for i := range 3 {
		put(t, s, block1(i), page, CreateOptions{Reserve: page}) // only copies
	}
	for i := 3; i < 78; i++ {
		persisted(t, s, i, 1, 0)
		eventually(t, "there is room again", func() bool { return settled(s) })
	}
	if n := value(t, s.m.notDemoted); n > 0 {
		t.Fatalf("%d blocks left the top while moves kept pace", n)
	}
	g.guard(opts.Tiers[1].Dirs[0].Path)
	defer time.AfterFunc(10*time.Second, opened).Stop() // or a writer that waits would wait forever
	for i := 78; i < 120; i++ {
		put(t, s, block1(i), page, CreateOptions{Fingerprint: "v1", Reserve: page})
		wantTier(t, s, i, 0)
		read(t, s, i)
	}
	if n, moving := value(t, s.m.notDemoted), g.waiting(); n < 42-4 || moving == 0 {
		t.Errorf("%d blocks were given up, %d are being moved", n, moving)
	}
	opened()
	eventually(t, "there is room again", func() bool { return settled(s) })
	for i := range 3 {
		check(t, s, block1(i), page, nil)
	}
}

// TestConstantWrites: many writers, nothing to slow them down, and readers of a few
// blocks, which stay; so do only copies and pinned blocks.
func TestConstantWrites(t *testing.T) {
	opts := tiersOf(t, 40, 40, 40)
	opts.Mover = MoverOptions{Reserve: 4 * page, Interval: time.Millisecond, Backoff: BackoffDirectory, CoolDown: time.Nanosecond}
	s := open(t, opts)
	const keep = 12
	for i := range keep {
		put(t, s, block1(i), page, [...]CreateOptions{{}, {Fingerprint: "v1", Pin: true}, {Fingerprint: "v1"}}[i%3])
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for k := range 100 {
				if _, err := write(s, block1(1000+1000*g+k), page, CreateOptions{Fingerprint: "v1", Reserve: page}, page); err != nil && !errors.Is(err, errors.NoSpace) {
					t.Error(err)
				}
				if got, err := fetchAll(s, block1(2+3*(k%4)), page, nil); err != nil || !bytes.Equal(got, content(block1(2+3*(k%4)), page)) {
					t.Errorf("a block that is read all the time: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for i := range keep {
		check(t, s, block1(i), page, nil)
	}
	eventually(t, "nothing is being moved", func() bool { return settled(s) })
	if value(t, s.m.demoted) == 0 {
		t.Error("nothing was moved down")
	}
}

func TestReserve(t *testing.T) {
	for reserve, want := range map[int64]int64{page: 1, 100 * page: 3, 0: 0} { // a tenth at most
		opts := tiersOf(t, 30, 40)
		opts.Mover = MoverOptions{Reserve: reserve, CoolDown: time.Hour}
		s := open(t, opts)
		for i := range 35 {
			persisted(t, s, i, 1, 0)
			eventually(t, "there is room again", func() bool { return settled(s) })
		}
		if free := 30 - s.Tiers()[0].Used/page; free != want {
			t.Errorf("reserve %d: %d pages are free in the top, want %d", reserve, free, want)
		}
		if given := value(t, s.m.notDemoted); (given > 0) != (reserve == 0) {
			t.Errorf("reserve %d: %d blocks left the top", reserve, given)
		}
	}
	opts := tiersOf(t, 30, 40)
	opts.Mover = MoverOptions{Reserve: page, NoAlign: true}
	s := open(t, opts)
	for i := range 35 {
		persisted(t, s, i, 1, 0)
	}
	if down := value(t, s.m.demoted); down > 0 || tierAt(t, s, 0) >= 0 {
		t.Errorf("%d blocks were moved down though that is turned off", down)
	}
}

// TestFillsMakeRoom: what readers bring in finds room as what is written does.
func TestFillsMakeRoom(t *testing.T) {
	opts := tiersOf(t, 30, 40)
	opts.Mover = MoverOptions{Reserve: 2 * page, CoolDown: time.Hour}
	s := open(t, opts)
	for i := range 35 {
		check(t, s, block1(i), page, source(block1(i), page))
		eventually(t, "there is room again", func() bool { return settled(s) })
	}
	if free := 30 - s.Tiers()[0].Used/page; free != 2 {
		t.Errorf("%d pages are free in the top", free)
	}
	wantTier(t, s, 0, 1)
}

// TestBlockGrowsWhileMoved: what comes into a block while it is copied is not lost.
func TestBlockGrowsWhileMoved(t *testing.T) {
	g := newGate()
	opts := tiersOf(t, 20, 40)
	opts.FS = &hookFS{write: g.pass}
	opts.Mover.Reserve = 2 * page
	s := open(t, opts)
	src := source(block1(0), 4*page)
	readPage := func(p int64) {
		h := fill(t, s, block1(0), 4*page, src)
		defer h.Close()
		if _, err := h.ReadAt(t.Context(), make([]byte, page), p*page); err != nil {
			t.Error(err)
		}
		h.Settle(t.Context())
	}
	readPage(0)
	g.guard(opts.Tiers[1].Dirs[0].Path)
	for i := 1; i < 19; i++ {
		persisted(t, s, i, 1, 0)
	}
	eventually(t, "the first block is being moved", func() bool { return g.waiting() > 0 })
	readPage(2)
	close(g.let)
	eventually(t, "there is room again", func() bool { return settled(s) })
	if info, err := s.Info(block1(0)); err != nil || info.Bytes != 2*page {
		t.Errorf("%+v, %v", info, err)
	}
	check(t, s, block1(0), 4*page, src)
	if n := src.most(); n != 1 {
		t.Errorf("a page was fetched %d times", n)
	}
}

// bubble runs f with a store whose clock is the test's, in which moves happen only
// while the test sleeps.
func bubble(t *testing.T, opts Options, f func(t *testing.T, s *Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, open(t, opts)) })
}

const (
	coolDown = 10 * time.Second // the default
	afterIt  = 2 * time.Second  // time to see a move
)

// TestBackoffAny: any use of the worker holds all background moves up, also one that goes
// on in a block that was opened long ago.
func TestBackoffAny(t *testing.T) {
	opts := tiersOf(t, 20, 20, 20)
	bubble(t, opts, func(t *testing.T, s *Store) {
		persisted(t, s, 0, 1, 1)
		persisted(t, s, 1, 4, 2) // where block 0 neither is nor goes to
		read(t, s, 0)
		h, err := s.Open(block1(1))
		if err != nil {
			t.Fatal(err)
		}
		w, err := s.Create(block1(2), CreateOptions{Fingerprint: "v1", Place: Place{Tier: 2, Strict: true}})
		if err != nil {
			t.Fatal(err)
		}
		for name, use := range map[string]func() error{
			"reading": func() error { _, err := h.ReadAt(t.Context(), make([]byte, page), page); return err },
			"writing": func() error { _, err := w.Write([]byte("a few bytes")); return err },
		} {
			for range 4 {
				time.Sleep(coolDown - time.Second)
				if err := use(); err != nil {
					t.Fatal(err)
				}
			}
			if tierAt(t, s, 0) != 1 {
				t.Fatalf("a block was moved while somebody was %s", name)
			}
		}
		time.Sleep(coolDown - time.Second)
		h.Close() // a use too
		time.Sleep(coolDown - time.Second)
		w.Abort()
		wantTier(t, s, 0, 1)
		time.Sleep(time.Second + afterIt)
		wantTier(t, s, 0, 0)
	})
}

// TestBackoffDirectory: only those moves are held up that use the directories that
// users use.
func TestBackoffDirectory(t *testing.T) {
	opts := tiersOf(t, 20, 20)
	opts.Tiers[1].Dirs = append(opts.Tiers[1].Dirs, DirOptions{Path: t.TempDir(), Quota: 20 * page})
	opts.Allocator = RoundRobin
	opts.Mover.Backoff = BackoffDirectory
	bubble(t, opts, func(t *testing.T, s *Store) {
		persisted(t, s, 0, 1, 1)
		persisted(t, s, 1, 1, 1)
		persisted(t, s, 2, 1, 0)
		read(t, s, 0, 1)
		hold := func(i int) func() {
			h, err := s.Open(block1(i))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.Close)
			return func() {
				for range 4 {
					time.Sleep(coolDown - time.Second)
					if _, err := h.ReadAt(t.Context(), make([]byte, page), 0); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		useTop, useOther := hold(2), hold(1)
		useTop()
		wantTier(t, s, 0, 1) // its way leads to a directory in use
		if s.Tiers()[1].Dirs[1].Used == 0 {
			t.Fatal("both blocks are in one directory")
		}
		useOther()
		wantTier(t, s, 0, 0)
		wantTier(t, s, 1, 1)
	})
}

// TestMovesGiveWay: a move that has begun is given up when a user comes.
func TestMovesGiveWay(t *testing.T) {
	opts := tiersOf(t, 20, 20)
	var used atomic.Pointer[Store] // by a user who comes with the third page
	var writes atomic.Int32
	opts.FS = &hookFS{write: func(name string) {
		s := used.Load()
		if s != nil && strings.HasPrefix(name, opts.Tiers[0].Dirs[0].Path) && writes.Add(1) == 3 {
			s.touch(nil)
		}
	}}
	bubble(t, opts, func(t *testing.T, s *Store) {
		persisted(t, s, 0, 8, 1)
		persisted(t, s, 1, 1, 0)
		read(t, s, 0)
		used.Store(s)
		time.Sleep(coolDown + afterIt)
		wantTier(t, s, 0, 1)
		if n := writes.Load(); n != 3 || s.Tiers()[0].Used != page {
			t.Errorf("%d pages were copied, %d bytes are used in the top", n, s.Tiers()[0].Used)
		}
		time.Sleep(coolDown)
		wantTier(t, s, 0, 0)
		check(t, s, block1(0), 8*page, nil)
	})
}

func TestPromoteQuota(t *testing.T) {
	for quota, want := range map[float64]int64{0.5: 10, 1: 12} {
		opts := tiersOf(t, 20, 40)
		opts.Mover.PromoteQuota = quota
		opts.Tiers[0].HighWatermark = 1
		bubble(t, opts, func(t *testing.T, s *Store) {
			for i := range 12 {
				persisted(t, s, i, 1, 1)
				read(t, s, i)
			}
			time.Sleep(coolDown + afterIt)
			if used := s.Tiers()[0].Used / page; used != want {
				t.Errorf("up to %g: %d pages moved up, want %d", quota, used, want)
			}
		})
	}
}

// TestPromoteRange: of the blocks used last, so many are considered, the hottest
// first.
func TestPromoteRange(t *testing.T) {
	for considered, want := range map[int]int{1: 1, 2: 0} {
		opts := tiersOf(t, 4, 40)
		opts.Mover = MoverOptions{PromoteRange: considered, PromoteQuota: 0.25, NoAlign: true} // of four pages
		bubble(t, opts, func(t *testing.T, s *Store) {
			persisted(t, s, 0, 1, 1)
			persisted(t, s, 1, 1, 1)
			read(t, s, 0, 0, 0, 1)
			time.Sleep(coolDown + afterIt)
			wantTier(t, s, want, 0)
			wantTier(t, s, 1-want, 1)
		})
	}
}

func TestNoPromote(t *testing.T) {
	opts := tiersOf(t, 20, 20)
	opts.Mover.NoPromote = true
	bubble(t, opts, func(t *testing.T, s *Store) {
		persisted(t, s, 0, 1, 1)
		read(t, s, 0, 0, 0)
		time.Sleep(coolDown + afterIt)
		wantTier(t, s, 0, 1)
	})
}

// alignment is a store of which the top has nine cold blocks and room for one, and
// below are block 100, hot, and, used after it, 101.
func alignment(t *testing.T, mover MoverOptions, f func(t *testing.T, s *Store)) {
	opts := tiersOf(t, 10, 10)
	opts.Mover = mover
	opts.Mover.NoPromote, opts.Mover.Reserve = true, page
	opts.Tiers[0].HighWatermark = 1
	bubble(t, opts, func(t *testing.T, s *Store) {
		for i := range 9 {
			persisted(t, s, i, 1, 0)
		}
		for i := 100; i < 110; i++ {
			persisted(t, s, i, 1, 1)
		}
		for range 5 {
			read(t, s, 1, 2, 3, 4, 5, 6, 7, 8, 100)
		}
		read(t, s, 101)
		f(t, s)
	})
}

// TestAlign: a hot block changes places with the coldest one of the tier above, and the
// room is as before.
func TestAlign(t *testing.T) {
	alignment(t, MoverOptions{}, func(t *testing.T, s *Store) {
		time.Sleep(coolDown - time.Second)
		wantTier(t, s, 100, 1)
		time.Sleep(time.Second + afterIt)
		wantTier(t, s, 100, 0)
		wantTier(t, s, 0, 1)
		wantTier(t, s, 101, 1) // all above are hotter
		if tiers := s.Tiers(); tiers[0].Used != 9*page || tiers[1].Used != 10*page {
			t.Errorf("%+v", tiers)
		}
	})
	alignment(t, MoverOptions{AlignRange: 1}, func(t *testing.T, s *Store) { // only 101 is looked at
		time.Sleep(coolDown + afterIt)
		wantTier(t, s, 100, 1)
	})
	alignment(t, MoverOptions{NoAlign: true}, func(t *testing.T, s *Store) {
		time.Sleep(coolDown + afterIt)
		wantTier(t, s, 100, 1)
	})
}

// TestSwapRestore: a hot block that is larger than the cold one it changes places with
// takes of the room above, which is then made anew, or not.
func TestSwapRestore(t *testing.T) {
	for _, c := range []struct {
		off  bool
		free int64
	}{{false, 2}, {true, 1}} {
		opts := tiersOf(t, 20, 10)
		opts.Mover = MoverOptions{NoPromote: true, NoRestore: c.off, Reserve: 2 * page}
		opts.Tiers[0].HighWatermark = 1
		bubble(t, opts, func(t *testing.T, s *Store) {
			for i := range 18 {
				persisted(t, s, i, 1, 0)
			}
			persisted(t, s, 100, 2, 1)
			for i := 101; i < 109; i++ {
				persisted(t, s, i, 1, 1)
			}
			for range 5 {
				read(t, s, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 100)
			}
			time.Sleep(coolDown + afterIt)
			wantTier(t, s, 100, 0)
			wantTier(t, s, 0, 1)
			if free := 20 - s.Tiers()[0].Used/page; free != c.free {
				t.Errorf("restoring off %v: %d pages are free above, want %d", c.off, free, c.free)
			}
		})
	}
}

// TestSwapWithoutRoom: when there is no room in either tier, restoring makes some by
// evicting what is colder than all, so that blocks can change places after all.
func TestSwapWithoutRoom(t *testing.T) {
	for _, off := range []bool{false, true} {
		opts := tiersOf(t, 10, 10)
		opts.Mover = MoverOptions{NoPromote: true, NoRestore: off}
		opts.Tiers[0].HighWatermark = 1
		bubble(t, opts, func(t *testing.T, s *Store) {
			for i := 100; i < 110; i++ {
				persisted(t, s, i, 1, 1)
			}
			for i := range 10 {
				persisted(t, s, i, 1, 0)
			}
			for range 5 {
				read(t, s, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100)
			}
			time.Sleep(coolDown + 2*afterIt)
			if up := tierAt(t, s, 100) == 0; up == off {
				t.Errorf("restoring off %v: moved up is %v", off, up)
			}
			if left := tierAt(t, s, 101) < 0; left == off {
				t.Errorf("restoring off %v: the coldest has left is %v", off, left)
			}
		})
	}
}

// TestTransfersAtOneTime: no more blocks are moved, and no more pairs of tiers are put in
// order at one time than is said.
func TestTransfersAtOneTime(t *testing.T) {
	for _, c := range []struct{ tasks, transfers, want int }{{4, 8, 6}, {4, 2, 2}, {1, 8, 3}, {2, 5, 5}} {
		t.Run(fmt.Sprintf("%d tasks, %d transfers", c.tasks, c.transfers), func(t *testing.T) {
			opts := tiersOf(t, 20, 20, 20)
			opts.Mover = MoverOptions{Tasks: c.tasks, Transfers: c.transfers, NoAlign: true}
			hook := &hookFS{}
			opts.FS = hook
			bubble(t, opts, func(t *testing.T, s *Store) {
				g := newGate()
				hook.write = g.pass
				for i := range 3 {
					persisted(t, s, i, 1, 1)
					persisted(t, s, 10+i, 1, 2)
					read(t, s, i, 10+i)
				}
				g.guard(opts.Tiers[0].Dirs[0].Path, opts.Tiers[1].Dirs[0].Path)
				time.Sleep(coolDown + afterIt)
				synctest.Wait()
				if n := g.waiting(); n != c.want {
					t.Errorf("%d blocks are being moved, want %d", n, c.want)
				}
				close(g.let)
				time.Sleep(afterIt)
				wantTier(t, s, 0, 0)
			})
		})
	}
}

// TestReview: the less is free in a directory, the fewer new blocks it gets, as long as
// another has room.
func TestReview(t *testing.T) {
	const capacity, soft, hard = 1000, 100, 20
	s, err := New(Options{PageSize: page, SoftLimit: soft * page, HardLimit: hard * page, Allocator: Greedy, Tiers: []TierOptions{
		{Alias: "MEM", Dirs: []DirOptions{{Path: t.TempDir(), Quota: capacity * page}, {Path: t.TempDir(), Quota: capacity * page}}}}})
	if err != nil {
		t.Fatal(err)
	}
	first, other := s.dirs[0], s.dirs[1]
	share := func(free, free2 int64) float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		first.reserved, other.reserved = (capacity-free)*page, (capacity-free2)*page
		n := 0
		for range 1000 {
			if s.pickFirstLocked([][]*dir{s.dirs}, page, nil) == first {
				n++
			}
		}
		return float64(n) / 1000
	}
	for _, c := range []struct {
		free, free2   int64
		least, atMost float64
	}{
		{100, 1000, 1, 1}, {20, 1000, 0, 0}, {60, 1000, 0.4, 0.6}, {80, 1000, 0.65, 0.85},
		{20, 0, 1, 1}, {20, 10, 1, 1}, // nobody else has more
	} {
		if got := share(c.free, c.free2); got < c.least || got > c.atMost {
			t.Errorf("with %d and %d pages free the first gets %.2f of the blocks, want %g to %g", c.free, c.free2, got, c.least, c.atMost)
		}
	}
	// The limits shrink with the directory: all of one with a tenth free is accepted.
	first.Quota = 100 * page
	s.mu.Lock()
	first.reserved = 90 * page
	accepted := s.acceptsLocked(first)
	first.reserved = 98 * page
	refused := !s.acceptsLocked(first)
	s.mu.Unlock()
	if !accepted || !refused {
		t.Errorf("a small directory: accepted %v with a tenth free, refused %v with a fiftieth", accepted, refused)
	}
	_, err = New(Options{SoftLimit: 1, HardLimit: 2, Tiers: tiersOf(t, 1).Tiers})
	wantKind(t, err, errors.Invalid)
}

// TestMovesKeepWhatIsKnown: parts of blocks and wishes move with them.
func TestMovesKeepWhatIsKnown(t *testing.T) {
	opts := tiersOf(t, 10, 20)
	opts.Mover.Reserve = page
	s := open(t, opts)
	src := source(block1(0), 8*page)
	h := fill(t, s, block1(0), 8*page, src)
	if _, err := h.ReadAt(t.Context(), make([]byte, page), 3*page); err != nil {
		t.Fatal(err)
	}
	h.Settle(t.Context())
	h.Close()
	h = fill(t, s, block1(1), page, source(block1(1), page))
	h.Wish()
	if err := h.Fetch(t.Context(), 0, page); err != nil {
		t.Fatal(err)
	}
	h.Close()
	for i := 2; i < 12; i++ {
		persisted(t, s, i, 1, 0)
		eventually(t, "there is room again", func() bool { return settled(s) })
	}
	wantTier(t, s, 0, 1)
	wantTier(t, s, 1, 1)
	if info, err := s.Info(block1(0)); err != nil || info.Bytes != page || info.Whole {
		t.Errorf("%+v, %v", info, err)
	}
	if n := s.dirs[1].wishes.Len(); n != 1 {
		t.Errorf("%d wishes below", n)
	}
	requests := src.requests
	h, err := s.Open(block1(0))
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, page)
	if _, err := h.ReadAt(t.Context(), p, 3*page); err != nil || !bytes.Equal(p, content(block1(0), 8*page)[3*page:4*page]) {
		t.Errorf("the page that was there: %v", err)
	}
	h.Close()
	check(t, s, block1(0), 8*page, src)
	if src.requests == requests {
		t.Error("the rest was not fetched")
	}
}

// TestDamagedBlockIsNotInTheWay: one that cannot be copied does not keep others from
// being moved.
func TestDamagedBlockIsNotInTheWay(t *testing.T) {
	opts := tiersOf(t, 10, 20)
	opts.Mover.Reserve = page
	s := open(t, opts)
	put(t, s, block1(0), page, CreateOptions{Reserve: page}) // an only copy
	if err := os.WriteFile(s.dirs[0].blockPath(block1(0)), make([]byte, page), 0o644); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < 15; i++ {
		persisted(t, s, i, 1, 0)
		eventually(t, "there is room again", func() bool { return settled(s) })
	}
	wantTier(t, s, 0, 0)
	wantTier(t, s, 1, 1)
}

package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/alluxio-go/alluxio/internal/blockid"
	"github.com/alluxio-go/alluxio/internal/errors"
	"github.com/alluxio-go/alluxio/worker/store/evict"
)

// TestModel runs random operations and restarts against a naive model: which
// blocks must be there, which may be, and what each holds.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &modelRun{t: rt, tb: t, must: map[blockid.ID]int64{}, may: map[blockid.ID]int64{}}
		m.opts = Options{PageSize: page, Allocator: rapid.SampledFrom([]string{MaxFree, RoundRobin, Greedy}).Draw(rt, "allocator"),
			Evict: evict.Options{Policy: rapid.SampledFrom(evict.Names()).Draw(rt, "policy")}}
		dir, err := os.MkdirTemp(t.TempDir(), "model")
		if err != nil {
			rt.Fatal(err)
		}
		for i, quotas := range [][]int64{{6, 4}, {12}} {
			tier := TierOptions{Alias: fmt.Sprintf("T%d", i)}
			for j, q := range quotas {
				tier.Dirs = append(tier.Dirs, DirOptions{Path: filepath.Join(dir, fmt.Sprint(i, j)), Quota: q * page, Medium: "MEM"})
			}
			m.opts.Tiers = append(m.opts.Tiers, tier)
		}
		m.restart()
		rt.Repeat(map[string]func(*rapid.T){
			"write": m.write, "read": m.read, "fill": m.fill, "remove": m.remove, "confirm": m.confirm,
			"move": m.move, "restart": func(*rapid.T) { m.restart() },
			"": func(*rapid.T) { checkAccounts(t, m.s); m.check() },
		})
	})
}

type modelRun struct {
	t    *rapid.T
	tb   *testing.T
	opts Options
	s    *Store
	must map[blockid.ID]int64 // unconfirmed blocks and their lengths
	may  map[blockid.ID]int64 // others that were there once
}

var modelIDs = rapid.Custom(func(t *rapid.T) blockid.ID {
	return blockid.Container(rapid.IntRange(1, 6).Draw(t, "file")).Block(rapid.IntRange(0, 2).Draw(t, "block"))
})

func (m *modelRun) restart() {
	if m.s != nil {
		m.s.flushAll()
	}
	s, err := New(m.opts)
	if err != nil {
		m.t.Fatal(err)
	}
	m.s = s
}

func (m *modelRun) write(t *rapid.T) {
	id, n := modelIDs.Draw(t, "id"), rapid.Int64Range(0, 3*page+7).Draw(t, "size")
	_, err := write(m.s, id, n, CreateOptions{Place: Place{Tier: rapid.IntRange(-1, 1).Draw(t, "tier")}}, 100_000)
	switch {
	case err == nil:
		if _, there := m.must[id]; there {
			t.Fatalf("block %d was written twice", id)
		}
		m.must[id] = n
		delete(m.may, id)
	case errors.Is(err, errors.Exists):
	case errors.Is(err, errors.NoSpace):
	default:
		t.Fatal(err)
	}
}

func (m *modelRun) read(t *rapid.T) {
	id := modelIDs.Draw(t, "id")
	got, err := fetchAll(m.s, id, 0, nil)
	if n, ok := m.must[id]; ok && (err != nil || !bytes.Equal(got, content(id, n))) {
		t.Fatalf("block %d: %d bytes of %d, %v", id, len(got), n, err)
	}
	if err == nil && !bytes.Equal(got, content(id, int64(len(got)))) {
		t.Fatalf("block %d: wrong bytes", id)
	}
	if err != nil && !errors.Is(err, errors.NotFound) {
		t.Fatal(err)
	}
}

func (m *modelRun) fill(t *rapid.T) {
	id := modelIDs.Draw(t, "id")
	n, known := m.may[id]
	if _, must := m.must[id]; must || !known {
		return
	}
	h, err := m.s.OpenFill(id, FillOptions{Length: n, Fingerprint: "v1"}, source(id, n))
	if err != nil {
		if !errors.Is(err, errors.NoSpace) {
			t.Fatal(err)
		}
		return
	}
	defer h.Close()
	off := rapid.Int64Range(0, n).Draw(t, "offset")
	p := make([]byte, rapid.Int64Range(0, n-off).Draw(t, "length"))
	if k, err := h.ReadAt(context.Background(), p, off); err != nil || !bytes.Equal(p[:k], content(id, n)[off:off+int64(k)]) {
		t.Fatalf("filling block %d: %d bytes, %v", id, k, err)
	}
}

func (m *modelRun) remove(t *rapid.T) {
	id := modelIDs.Draw(t, "id")
	err := m.s.Remove(id)
	if _, there := m.must[id]; there && err != nil {
		t.Fatal(err)
	}
	if n, there := m.must[id]; there {
		m.may[id] = n
		delete(m.must, id)
	}
}

func (m *modelRun) confirm(t *rapid.T) {
	c := modelIDs.Draw(t, "file").Container()
	m.s.Confirm(c.File(), "v1")
	for id, n := range m.must {
		if id.Container() == c {
			m.may[id] = n
			delete(m.must, id)
		}
	}
}

func (m *modelRun) move(t *rapid.T) {
	id := modelIDs.Draw(t, "id")
	err := m.s.Move(context.Background(), id, Place{Tier: rapid.IntRange(0, 1).Draw(t, "tier")})
	if err != nil && !errors.Is(err, errors.NotFound) && !errors.Is(err, errors.NoSpace) && !errors.Is(err, errors.FailedPrecondition) {
		t.Fatal(err)
	}
}

// check compares the list of blocks with the model.
func (m *modelRun) check() {
	listed := map[blockid.ID]bool{}
	for _, info := range m.s.Blocks(nil) {
		listed[info.ID] = true
		if _, may := m.may[info.ID]; !may && m.must[info.ID] != info.Length {
			m.t.Fatalf("unexpected block %+v", info)
		}
	}
	for id := range m.must {
		if !listed[id] {
			m.t.Fatalf("block %d is missing", id)
		}
	}
}

// TestConcurrent hammers a small store from many sides; every byte read is
// compared, and the books must balance in the end.
func TestConcurrent(t *testing.T) {
	opts := twoTiers(t)
	opts.Mover = MoverOptions{Interval: time.Millisecond, CoolDown: time.Nanosecond, Reserve: page}
	opts.FlushInterval = time.Millisecond
	opts.ScrubBytesPerSecond = 64 << 20
	s := open(t, opts)
	const size = 2*page + 77
	begun := time.Now()
	var wg sync.WaitGroup
	var done [5]atomic.Int32
	enough := func() bool { // each operation often, on slow machines too
		for i := range done {
			if done[i].Load() < 20 {
				return false
			}
		}
		return time.Since(begun) > 1500*time.Millisecond
	}
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 9))
			for !enough() && time.Since(begun) < time.Minute {
				i, what := r.IntN(12), r.IntN(5)
				var err error
				switch what {
				case 0:
					if _, err = write(s, block1(i), size, CreateOptions{Fingerprint: "v1"}, 60_000); errors.Is(err, errors.NoSpace) || errors.Is(err, errors.Exists) {
						err = nil
					}
				case 1, 2:
					var got []byte
					got, err = fetchAll(s, block1(i), size, source(block1(i), size))
					if err == nil && !bytes.Equal(got, content(block1(i), size)) {
						t.Errorf("block %d: wrong bytes", block1(i))
					}
					if errors.Is(err, errors.NoSpace) {
						err = nil
					}
				case 3:
					if err = s.Remove(block1(i)); errors.Is(err, errors.NotFound) {
						err = nil
					}
				case 4:
					err = s.Move(context.Background(), block1(i), Place{Tier: r.IntN(2)})
					if errors.Is(err, errors.NotFound) || errors.Is(err, errors.NoSpace) || errors.Is(err, errors.FailedPrecondition) || errors.Is(err, errors.Aborted) {
						err = nil
					}
				}
				if err != nil {
					t.Errorf("operation %d on block %d: %v", what, block1(i), err)
				}
				done[what].Add(1)
			}
		})
	}
	wg.Wait()
	for what := range done {
		if n := done[what].Load(); n < 20 {
			t.Errorf("operation %d was done only %d times", what, n)
		}
	}
}

// BenchmarkOpen opens a store of a million pages.
func BenchmarkOpen(b *testing.B) {
	const blocks = 16 << 10
	dir := b.TempDir()
	opts := oneDir(dir, 1<<50)
	opts.PageSize = 1 << 20
	s, err := New(opts)
	if err != nil {
		b.Fatal(err)
	}
	for i := range blocks {
		m := newMeta(block1(i), 64<<20, 1<<20, "v1")
		m.present.setAll(m.pages())
		if err := os.WriteFile(s.dirs[0].blockPath(m.id)+metaSuffix, m.encode(), 0o644); err != nil {
			b.Fatal(err)
		}
		f, err := os.Create(s.dirs[0].blockPath(m.id))
		if err == nil {
			err = f.Truncate(m.length)
			_ = f.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s, err := New(opts)
		if err != nil || len(s.Blocks(nil)) != blocks {
			b.Fatalf("%d blocks, %v", len(s.Blocks(nil)), err)
		}
	}
}
